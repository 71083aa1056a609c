"""What does the agent know of the engine, and the engine of the configuration? The agent's side of `channel`.

Keeps the newest word of the engine about everything, also while there is no engine; tells each engine the whole
configuration once, then only what changes, and keeps engine.json at what the engine has accepted.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from services.common.problems import Problem
from services.vrrp.channel import Channel, ChannelClosed, Message, from_fd, save_configuration
from services.vrrp.launcher.first_words import circumstances

log = logging.getLogger(__name__)

Objects = Mapping[tuple[str, str], Mapping[str, Any]]
View = Mapping[str, Any]


class Listener(Protocol):
    """Who is told what the engine says."""

    def instance(self, name: str, view: View | None) -> None:
        """A virtual router changed; None: no longer configured."""

    def group(self) -> None:
        """A sync group changed."""

    def bfd(self, name: str, before: View | None, now: View | None) -> None:
        """What is known of a BFD session changed; None: nothing is, or no longer."""

    def transition(self, message: Message) -> None:
        """A state changed."""

    def engine_up(self, up: bool) -> None:
        """The engine has told everything it knows, or is gone."""

    def trouble(self, before: frozenset[Problem], now: frozenset[Problem]) -> None:
        """What is wrong at run time has changed."""


@dataclass(slots=True)
class Told:
    """The engine's newest words; shapes as in `services.vrrp.views`."""

    ready: View = field(default_factory=dict)
    instances: dict[str, View] = field(default_factory=dict)
    groups: dict[str, View] = field(default_factory=dict)
    scripts: dict[str, View] = field(default_factory=dict)
    bfds: dict[str, View] = field(default_factory=dict)
    counters: dict[str, View] = field(default_factory=dict)
    engine: View = field(default_factory=dict)
    problems: frozenset[Problem] = frozenset()
    first_words: list[str] = field(default_factory=list)


class EngineLink:
    """The connection to whichever engine there is. Belongs to the running loop."""

    def __init__(self, engine_json: Path, listener: Listener) -> None:
        self._path = engine_json
        self._listener = listener
        self._channel: Channel | None = None
        self._writing = False
        self._objects: dict[tuple[str, str], Mapping[str, Any]] | None = None
        self._revision = 0
        self._known: dict[tuple[str, str], Mapping[str, Any]] | None = None  # what this engine was told
        self._fresh: set[tuple[str, str]] | None = None  # views since "ready", until "synced"
        self._accepted = asyncio.Event()
        self._unanswered = 0  # commits; until the last is answered, first words are those of an earlier configuration
        self.told = Told()
        self.up = False
        self.losses = 0
        self.applied = -1

    @property
    def boot(self) -> str:
        """Which engine process speaks."""
        return str(self.told.ready.get("boot", ""))

    def adopt(self, descriptor: int) -> None:
        """Talk to a new engine; an older one is forgotten."""
        self._drop()
        self._channel = Channel(from_fd(descriptor))
        self._known = None
        self._unanswered = 0
        asyncio.get_running_loop().add_reader(self._channel.fileno(), self._readable)

    def configure(self, revision: int, objects: Objects) -> None:
        """This is wanted now; the engine is told the difference."""
        self._objects, self._revision = dict(objects), revision
        self._tell_configuration()

    def script(self, name: str, ok: bool) -> None:
        """The result of one run."""
        self._send({"do": "script", "name": name, "ok": ok})

    def process(self, name: str, ok: bool) -> None:
        """Whether as many processes as wanted are there."""
        self._send({"do": "process", "name": name, "ok": ok})

    def file(self, name: str, value: int) -> None:
        """The number in a tracked file."""
        self._send({"do": "file", "name": name, "value": value})

    def release(self, name: str, cause: str) -> None:
        """Offer mastership of an instance and its sync group to the peers, once."""
        self._send({"do": "release", "name": name, "cause": cause})

    def acknowledge(self, boot: str, sequence: int) -> None:
        """Transitions up to this one are safe."""
        if boot == self.boot:
            self._send({"do": "ack", "sequence": sequence})

    def alive(self) -> None:
        """The agent lives."""
        self._send({"do": "alive"})

    def drain(self) -> None:
        """Read what an engine that has ended left behind."""
        while self._channel is not None:
            before = self._channel
            self._readable()
            if self._channel is before:
                return

    async def keep_copy(self) -> None:
        """Write engine.json whenever the engine has accepted a configuration. Never returns."""
        while True:
            await self._accepted.wait()
            self._accepted.clear()
            if self._known is None:
                continue
            revision, objects = self._revision, dict(self._known)
            first = [circumstances(sys.argv[1:], os.environb), *self.told.first_words]
            try:
                await asyncio.to_thread(save_configuration, str(self._path), revision, objects, first)
            except OSError as error:
                log.error("cannot write %s: %s; a new engine would start with an older one", self._path, error.strerror)

    # -- telling

    def _tell_configuration(self) -> None:
        if self._objects is None or self._channel is None or not self.told.ready:
            return
        if self._known is None:
            self._send({"do": "begin", "revision": self._revision, "complete": True})
            changed, gone = self._objects, set[tuple[str, str]]()
        else:
            changed = {key: value for key, value in self._objects.items() if self._known.get(key) != value}
            gone = self._known.keys() - self._objects.keys()
            self._send({"do": "begin", "revision": self._revision, "complete": False})
        for kind, name in sorted(gone):
            self._send({"do": "delete", "kind": kind, "name": name})
        for (kind, name), value in changed.items():
            self._send({"do": "put", "kind": kind, "name": name, "value": dict(value)})
        self._unanswered += 1
        self.told.first_words = []
        self._send({"do": "commit", "revision": self._revision})
        self._known = self._objects

    def _send(self, message: Message) -> None:
        if self._channel is None:
            return
        try:
            if not self._channel.send(message):
                log.error("the engine does not read: a message of kind %r is lost", message["do"])
        except ChannelClosed:
            self._drop()
            return
        self._watch_writable()

    def _watch_writable(self) -> None:
        if self._channel is None or self._channel.backlog == self._writing:
            return
        self._writing = self._channel.backlog
        loop = asyncio.get_running_loop()
        if self._writing:
            loop.add_writer(self._channel.fileno(), self._writable)
        else:
            loop.remove_writer(self._channel.fileno())

    def _writable(self) -> None:
        if self._channel is not None:
            try:
                self._channel.flush()
            except ChannelClosed:
                self._drop()
            self._watch_writable()

    # -- hearing

    def _readable(self) -> None:
        if self._channel is None:
            return
        try:
            messages = self._channel.receive()
        except ChannelClosed:
            self._drop()
            return
        for message in messages:
            try:
                self._take(message)
            except (KeyError, TypeError, ValueError) as error:
                log.error("the engine said something that cannot be understood: %r (%r)", message.get("is"), error)

    def _take(self, message: Message) -> None:
        match message.get("is"):
            case "ready":
                self.told.ready = message
                self._fresh = set()
                self._tell_configuration()
            case "synced":
                self._forget_stale()
                self.up = True
                self._listener.engine_up(True)
            case "instance" | "group" | "script" | "bfd" as kind:
                self._view(kind, message["name"], message["view"])
            case "transition":
                self._listener.transition(message)
            case "counters":
                name = message["name"]
                self.told.counters[name] = message["counters"]
                if name in self.told.instances:
                    self.told.instances[name] = {**self.told.instances[name], **message["timers"]}
            case "engine":
                self.told.engine = message["stats"]
            case "stranger":
                what = "%s sends IPv%s adverts of VRID %s on %s, which no vrrp_instance here has"
                log.info(what, *(message[field] for field in ("source", "family", "vrid", "interface")))
            case "problems":
                before, self.told.problems = self.told.problems, frozenset(Problem(**row) for row in message["problems"])
                self._listener.trouble(before, self.told.problems)
            case "first_words":
                if not self._unanswered:
                    self.told.first_words = message["words"]
                    self._accepted.set()
            case "applied":
                self.applied = message["revision"]
                self._unanswered -= 1
                self.told.first_words = message["first_words"] if not self._unanswered else []
                if self.applied == self._revision:
                    self._accepted.set()

    def _view(self, kind: str, name: str, view: View | None) -> None:
        if self._fresh is not None and view is not None:
            self._fresh.add((kind, name))
        kept = self._kept()[kind]
        before = kept.get(name)
        if view is None:
            kept.pop(name, None)
        else:
            kept[name] = view
        if kind == "instance":
            if view is None:
                self.told.counters.pop(name, None)
            self._listener.instance(name, view)
        elif kind == "group":
            self._listener.group()
        elif kind == "bfd":
            self._listener.bfd(name, before, view)

    def _kept(self) -> dict[str, dict[str, View]]:
        told = self.told
        return {"group": told.groups, "script": told.scripts, "bfd": told.bfds, "instance": told.instances}

    def _forget_stale(self) -> None:
        """What an earlier engine told and this one did not is gone."""
        if self._fresh is None:
            return
        fresh, self._fresh = self._fresh, None
        for kind, kept in self._kept().items():
            for name in [name for name in kept if (kind, name) not in fresh]:
                self._view(kind, name, None)

    def _drop(self) -> None:
        """The engine is gone; the launcher brings another."""
        channel, self._channel = self._channel, None
        if channel is None:
            return
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ValueError, OSError):
            loop.remove_reader(channel.fileno())
            loop.remove_writer(channel.fileno())
        channel.close()
        self._writing = False
        self._known = self._fresh = None
        self.told.ready = {}
        self.losses += 1
        if self.up:
            self.up = False
            self._listener.engine_up(False)
