"""The vrrp engine in a namespace, started as the launcher starts it, with this test as its launcher and agent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from services.vrrp.channel import Channel, ChannelClosed, Message, from_fd, pair, save_configuration
from services.vrrp.engine.command import engine_command
from tests.kit.netns import Host
from tests.kit.wait import until

Objects = dict[tuple[str, str], dict[str, Any]]


def instance(interface: str = "eth0", vrid: int = 51, **more: Any) -> dict[str, Any]:
    """The plain dict of an instance with one virtual address, 192.168.200.10 unless given."""
    value: dict[str, Any] = {"interface": interface, "virtual_router_id": vrid}
    value["virtual_ipaddress"] = [{"address": a} for a in more.pop("addresses", ["192.168.200.10"])]
    return value | more


class Engine:
    """One engine and its hand-over. `views`, `transitions` and `messages` grow with each `poll`."""

    def __init__(self, host: Host, objects: Mapping[tuple[str, str], Mapping[str, Any]], orphan: str = "release") -> None:
        self.host = host
        self._orphan = orphan
        self._folder = tempfile.TemporaryDirectory(prefix="engine-")
        self._log = Path(self._folder.name, "log")
        self._memory = os.memfd_create("handover")
        self._channels: dict[str, Channel] = {}
        self._popen: subprocess.Popen[bytes] | None = None
        self.config = Path(self._folder.name, "engine.json")
        self.views: dict[tuple[str, str], Any] = {}
        self.transitions: list[Message] = []
        self.messages: list[Message] = []
        save_configuration(str(self.config), 1, dict(objects))
        self.start()

    @property
    def pid(self) -> int:
        assert self._popen is not None
        return self._popen.pid

    def start(self, agent: bool = True) -> None:
        """A new engine on the same hand-over and the same last good configuration."""
        for channel in self._channels.values():
            channel.close()
        mine, its = pair()
        self.control = self._channels["control"] = Channel(mine)
        command = engine_command(
            sys.executable, its.fileno(), self._memory, str(self.config), self._orphan, ["--normal-priority"]
        )
        with self._log.open("ab") as log:
            self._popen = subprocess.Popen(
                ["nsenter", f"--net={self.host.netns}", "--", *command],
                pass_fds=(its.fileno(), self._memory),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        its.close()
        if agent:
            self.connect()

    def connect(self) -> None:
        """A new agent, this one, takes over."""
        if "agent" in self._channels:
            self._channels["agent"].close()
        mine, its = pair()
        self.agent = self._channels["agent"] = Channel(mine)
        self.control.send({"do": "agent"}, its.fileno())
        its.close()

    def disconnect(self) -> None:
        """The agent dies."""
        self.agent.close()

    def poll(self) -> None:
        """Take what the engine said."""
        for channel in (self.control, self.agent):
            try:
                messages = channel.receive(256)
            except ChannelClosed:
                continue
            for message in messages:
                self.messages.append(message)
                if message["is"] == "transition":
                    self.transitions.append(message)
                elif "name" in message:
                    body = message.get("view", message.get("counters"))
                    self.views[message["is"], message["name"]] = body

    def state(self, name: str = "VI_1") -> str:
        """State of an instance as the engine last told it; empty before that."""
        self.poll()
        view = self.views.get(("instance", name))
        return str(view["state"]) if view else ""

    def reaches(self, state: str, name: str = "VI_1", timeout: float = 30) -> dict[str, Any]:
        """Wait for a state; gives the view."""
        until(lambda: self.state(name) == state, timeout, lambda: f"{name} {state}; {self.output()}")
        view: dict[str, Any] = self.views["instance", name]
        return view

    def says(self, kind: str, timeout: float = 30, **wanted: Any) -> Message:
        """Wait for a message with these fields."""

        def find() -> Message | None:
            self.poll()
            found = (m for m in self.messages if m["is"] == kind and all(m.get(k) == v for k, v in wanted.items()))
            return next(found, None)

        message = until(find, timeout, lambda: f"{kind} {wanted}; {self.output()}")
        assert message is not None
        return message

    def apply(
        self, revision: int, objects: Objects, complete: bool = True, deleted: tuple[tuple[str, str], ...] = ()
    ) -> Message:
        """One transaction; gives the engine's answer."""
        self.agent.send({"do": "begin", "revision": revision, "complete": complete})
        for (kind, name), value in objects.items():
            self.agent.send({"do": "put", "kind": kind, "name": name, "value": value})
        for kind, name in deleted:
            self.agent.send({"do": "delete", "kind": kind, "name": name})
        self.agent.send({"do": "commit", "revision": revision})
        return self.says("applied", revision=revision)

    def signal(self, number: int) -> None:
        assert self._popen is not None
        self._popen.send_signal(number)

    def kill(self) -> None:
        """kill -9."""
        self.signal(signal.SIGKILL)
        self.wait()

    def wait(self, timeout: float = 30) -> int:
        assert self._popen is not None
        return self._popen.wait(timeout)

    def output(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def close(self) -> None:
        if self._popen is not None and self._popen.poll() is None:
            self.signal(signal.SIGCONT)
            self.kill()
        for channel in self._channels.values():
            channel.close()
        os.close(self._memory)
        self._folder.cleanup()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is not None:
            print(f"--- engine on {self.host.name} ---\n{self.output()}\n{self.views}")
        self.close()


__all__ = ["Engine", "Objects", "from_fd", "instance"]
