"""The script runner as its agent has it: a process at the other end of a pair of sockets."""

from __future__ import annotations

import os
import sys
from typing import Any

from services.vrrp.channel import Channel, Message, pair
from services.vrrp.runner.process import CONTROL
from tests.kit.wait import until


class Runner:
    """A runner; `messages` grows with each `said`."""

    def __init__(self) -> None:
        ours, theirs = pair()
        self.channel = Channel(ours)
        self.messages: list[Message] = []
        environment = {**os.environ, CONTROL: str(theirs.fileno())}
        os.set_inheritable(theirs.fileno(), True)
        words = [sys.executable, "-m", "services.vrrp.runner"]
        self.pid = os.posix_spawn(sys.executable, words, environment)
        theirs.close()

    def tell(self, security: bool = True, **scripts: dict[str, Any]) -> None:
        self.channel.send({"do": "scripts", "scripts": scripts, "security": security})

    def track(
        self,
        files: dict[str, dict[str, Any]] | None = None,
        processes: dict[str, dict[str, Any]] | None = None,
        overwrite: tuple[str, ...] = (),
    ) -> None:
        rows = {name: {"init": None, **row} for name, row in (files or {}).items()}
        self.channel.send({"do": "track", "files": rows, "overwrite": overwrite, "processes": processes or {}})

    def said(self, kind: str, name: str = "") -> list[Message]:
        """All messages of a kind so far, about `name` if it is given."""
        self.messages += self.channel.receive()
        return [m for m in self.messages if m["is"] == kind and name in ("", m.get("name"))]

    def results(self, name: str = "chk") -> list[Message]:
        return self.said("result", name)

    def first(self, name: str = "chk") -> tuple[bool, str]:
        """How its first run ended."""
        found = until(lambda: self.results(name), what=f"a result of {name}")[0]
        return found["ok"], found["error"]

    def close(self) -> None:
        self.channel.close()
        os.waitpid(self.pid, 0)
