"""Who looks after the runner? Starts it, tells it what to track, hears the results, replaces it when it dies or hangs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from services.common.problems import Problem
from services.vrrp.channel import Channel, ChannelClosed, Message, pair
from services.vrrp.runner.process import CONTROL

log = logging.getLogger(__name__)

PAUSE_S = 0.5  # before a runner is replaced
HANGS_S = 15.0  # without a word


@dataclass(frozen=True, slots=True)
class LastRun:
    """How a script's last run ended. `at`: Unix time in nanoseconds."""

    ok: bool
    error: str
    took_ns: int
    at: int


Rows = Mapping[str, Mapping[str, Any]]


class Hearer(Protocol):
    """Who is told what the runner reports: the engine."""

    def script(self, name: str, ok: bool) -> None:
        """A script has run."""

    def process(self, name: str, ok: bool) -> None:
        """Whether as many processes as wanted are there; said again and again."""

    def file(self, name: str, value: int) -> None:
        """The number in a tracked file, when it changes."""


class RunnerLink:
    """The runner of this agent. `on_trouble(before, now)` is called when tracked files are in trouble, or no longer."""

    def __init__(
        self, hearer: Hearer, on_trouble: Callable[[frozenset[Problem], frozenset[Problem]], None] = lambda _b, _n: None
    ) -> None:
        self._hearer = hearer
        self._on_trouble = on_trouble
        self._scripts: Rows = {}
        self._security = True
        self._files: Rows = {}
        self._overwrite: frozenset[str] = frozenset()
        self._processes: Rows = {}
        self._numbers: dict[str, int] = {}
        self._blind: str | None = None
        self.problems: frozenset[Problem] = frozenset()
        self._channel: Channel | None = None
        self._heard = 0.0
        self._gone = asyncio.Event()
        self.last: dict[str, LastRun] = {}
        self.restarts = 0

    def configure(self, scripts: Mapping[str, Mapping[str, Any]], security: bool) -> None:
        """Exactly these from now on; rows as in `services.vrrp.runner`."""
        if (scripts, security) == (self._scripts, self._security):
            return
        self._scripts, self._security = scripts, security
        for name in self.last.keys() - scripts.keys():
            del self.last[name]
        self._tell()

    def track(self, files: Rows, processes: Rows, overwrite: frozenset[str] = frozenset()) -> None:
        """Exactly these files and processes from now on; rows as in `services.vrrp.runner`.

        :param overwrite: files whose initial number is written now even if they are there; done once.
        """
        if (files, processes) == (self._files, self._processes) and not overwrite:
            return
        self._files, self._processes, self._overwrite = files, processes, overwrite
        self._numbers = {name: number for name, number in self._numbers.items() if name in files}
        keys = {f"config/track_file/{name}" for name in files}
        self._troubled(frozenset(problem for problem in self.problems if problem.key in keys))
        self._tell_track()

    def tell_again(self) -> None:
        """A new engine has not heard of the files' numbers. Processes are told every few seconds."""
        for name, number in self._numbers.items():
            self._hearer.file(name, number)

    async def run(self) -> None:
        """Keep a runner alive, while there are scripts; never returns."""
        process: subprocess.Popen[bytes] | None = None
        try:
            while True:
                process = self._start()
                await self._until_gone()
                process.kill()
                await asyncio.to_thread(process.wait)
                log.warning("the script runner ended with status %d; it is started again", process.returncode)
                self.restarts += 1
                await asyncio.sleep(PAUSE_S)
        finally:
            self._close()
            if process is not None:
                process.kill()
                process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        ours, theirs = pair()
        environment = {**os.environ, CONTROL: str(theirs.fileno())}
        command = [sys.executable, "-P", "-m", "services.vrrp.runner"]
        process = subprocess.Popen(command, pass_fds=(theirs.fileno(),), env=environment, stdin=subprocess.DEVNULL)
        theirs.close()
        self._channel = Channel(ours)
        self._heard = time.monotonic()
        self._gone.clear()
        asyncio.get_running_loop().add_reader(ours.fileno(), self._readable)
        self._tell()
        self._tell_track()
        return process

    async def _until_gone(self) -> None:
        while not self._gone.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._gone.wait()
            if time.monotonic() - self._heard > HANGS_S:
                log.error("the script runner hangs: no word for %g s; it is killed", HANGS_S)
                self._close()

    def _tell(self) -> None:
        if self._channel is not None:
            with contextlib.suppress(ChannelClosed):
                self._channel.send({"do": "scripts", "scripts": dict(self._scripts), "security": self._security})

    def _tell_track(self) -> None:
        if self._channel is not None:
            overwrite, self._overwrite = sorted(self._overwrite), frozenset()
            message = {"do": "track", "files": dict(self._files), "overwrite": overwrite, "processes": dict(self._processes)}
            with contextlib.suppress(ChannelClosed):
                self._channel.send(message)

    def _readable(self) -> None:
        if self._channel is None:
            return
        try:
            self._channel.flush()
            messages = self._channel.receive()
        except ChannelClosed:
            self._close()
            return
        self._heard = time.monotonic()
        for message in messages:
            match message.get("is"):
                case "result":
                    self._result(message)
                case "file" if message["name"] in self._files:
                    self._file(message["name"], message["value"], message["trouble"])
                case "process" if message["name"] in self._processes:
                    self._hearer.process(message["name"], bool(message["ok"]))
                case "processes" if self._processes:
                    self._processes_seen(message["blind"])

    def _file(self, name: str, number: int, trouble: str) -> None:
        if self._numbers.get(name) != number:
            self._numbers[name] = number
            self._hearer.file(name, number)
        key = f"config/track_file/{name}"
        others = frozenset(problem for problem in self.problems if problem.key != key)
        field = "init_file" if trouble.startswith("init_file: ") else "file"
        reason = trouble.removeprefix("init_file: ")
        self._troubled(others | {Problem(key, field, reason, "")} if trouble else others)

    def _troubled(self, now: frozenset[Problem]) -> None:
        before, self.problems = self.problems, now
        if before != now:
            self._on_trouble(before, now)

    def _processes_seen(self, blind: str) -> None:
        if blind and blind != self._blind:
            log.warning("tracked processes are looked for every second, because there are no process events: %s", blind)
        self._blind = blind

    def _result(self, message: Message) -> None:
        name, ok = message["name"], bool(message["ok"])
        if name not in self._scripts:
            return
        before = self.last.get(name)
        self.last[name] = LastRun(ok, message["error"], message["took_ns"], time.time_ns())
        if not ok and (before is None or before.ok or before.error != message["error"]):
            log.info("script %s: %s", name, message["error"])
        self._hearer.script(name, ok)

    def _close(self) -> None:
        channel, self._channel = self._channel, None
        if channel is not None:
            asyncio.get_running_loop().remove_reader(channel.fileno())
            channel.close()
        self._gone.set()
