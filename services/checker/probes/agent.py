"""How does agent_check work? A line of words comes from an agent: up or down, a share of the weight, drain or maintenance.

The words are those of HAProxy's configuration manual, section 5.2, `agent-check`: separated by blanks, tabs or commas, up to
the first CR or LF or the end of the connection; `down`, `fail` and `stopped` may be followed by `#` and a reason. What an
agent does not mention stays as it said before. As in HAProxy an agent that cannot be reached, or says nothing, says nothing
about the server: that stays as it is, and only the agent undoes what it said.
"""

from __future__ import annotations

import re
import select
import socket
from dataclasses import dataclass, replace
from typing import Final

from services.checker.kinds.agent import Agent
from services.checker.probes.probe import UNHEARD, Tools
from services.checker.probes.sockets import ALL, failure_of, refusal, release
from services.checker.schedule import Timing

LONGEST: Final = 1024  # bytes of a line
HEAVIEST: Final = 65535  # IPVS
_LONGEST_REASON: Final = 200
_TROUBLE: Final = select.EPOLLERR | select.EPOLLHUP
_LINE_END: Final = re.compile(rb"[\r\n]")
_PERCENT: Final = re.compile(r"\+?(\d{1,9})%")
_MAXCONN: Final = re.compile(r"maxconn:\d+")


@dataclass(frozen=True, slots=True)
class Said:
    """All that an agent has said so far. `down`: why, empty: it is up; `away`: drain or maint; `percent` of the weight."""

    down: str = ""
    away: bool = False
    percent: int | None = None

    def weight(self, configured: int) -> int | None:
        """The weight that it asks for; None: the configured one."""
        if self.away:
            return 0
        return None if self.percent is None else min(HEAVIEST, -(-configured * self.percent // 100))


class Unknown(Exception):
    """A line in which no word is one of an agent's."""


def after(said: Said, line: bytes) -> Said:
    """What an agent has said, with one more line.

    :raises Unknown: that is no line of an agent.
    """
    text, _, reason = line.decode("utf-8", "backslashreplace").partition("#")
    known = False
    for word in re.split(r"[ \t,]+", text.lower()):
        match word:
            case "":
                continue
            case "up":
                said = replace(said, down="")
            case "down" | "fail" | "failed" | "stopped":
                said = replace(said, down=f"{word}: {reason.strip()[:_LONGEST_REASON]}" if reason.strip() else word)
            case "ready":
                said = replace(said, away=False)
            case "drain" | "maint":
                said = replace(said, away=True)
            case _ if percent := _PERCENT.fullmatch(word):
                said = replace(said, percent=int(percent[1]))
            case _ if not _MAXCONN.fullmatch(word):  # of which IPVS has no use
                continue
        known = True
    if not known:
        raise Unknown(f"the agent says {line[:40]!r}, expected words such as up, down, drain, ready or 75%")
    return said


class AgentProbe:
    """The probe of one check, used for every run of it; see `probe.Probe`."""

    __slots__ = (
        "_connected",
        "_end",
        "_endpoint",
        "_line",
        "_longest",
        "_said",
        "_sock",
        "_sockets",
        "_timeout",
        "_what",
        "deadline",
        "fileno",
        "hungry",
        "weight",
    )

    def __init__(self, what: Agent, timing: Timing, tools: Tools) -> None:
        self._what = what
        self._timeout = timing.connect_timeout
        self._longest = timing.longest_probe
        self._endpoint = tools.sockets.endpoint(what.target, ALL)
        self._sockets = tools.sockets
        self._sock: socket.socket | None = None
        self._said = Said()
        self._line = b""
        self._connected = False
        self._end = 0
        self.fileno = -1
        self.deadline = 0
        self.hungry = False
        self.weight: int | None = None

    def start(self, now: int, url: int) -> str | None:
        """:raises Postponed: this machine cannot probe now."""
        sock = self._sockets.connect(self._endpoint)
        if isinstance(sock, str):
            return self._silent(sock)
        self._sock = sock
        self._line = b""
        self._connected = False
        self._end = now + self._longest
        self.fileno = sock.fileno()
        self.deadline = now + self._timeout
        return None

    def ready(self, events: int, now: int) -> str | None:
        sock = self._sock
        if sock is None:
            return None
        if not self._connected:
            if events & _TROUBLE:
                return self._finish(self._silent(failure_of(sock) or "connection closed"))
            self._connected = True
            self.deadline = min(now + self._timeout, self._end)
            if self._what.send:
                try:
                    sock.send(self._what.send.encode())  # it is short: it fits, or the connection is of no use
                except OSError as e:
                    return self._finish(self._silent(refusal(e.errno or 0)))
        while True:  # LONGEST makes it short
            try:
                data = sock.recv(LONGEST)
            except BlockingIOError:
                return None
            except OSError as e:
                return self._finish(self._silent(refusal(e.errno or 0)))
            self.deadline = min(now + self._timeout, self._end)
            self._line += data
            end = _LINE_END.search(self._line.lstrip(b"\r\n")) if data else None
            if not data or end:
                return self._finish(self._judge(self._line.strip(b"\r\n")))
            if len(self._line) > LONGEST:
                return self._finish(f"the agent says more than {LONGEST} bytes in a line")

    def expired(self, now: int) -> str | None:
        missing = "no answer of the agent" if self._connected else "no connection"
        return self._finish(self._silent(f"{missing} within {self._timeout / 1e9:g} s"))

    def abort(self) -> None:
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def _judge(self, line: bytes) -> str:
        match = _LINE_END.search(line)
        line = line[: match.start()] if match else line
        if not line.strip():
            return self._silent("the agent says nothing")
        try:
            self._said = after(self._said, line)
        except Unknown as e:
            return str(e)
        self.weight = self._said.weight(self._what.weight)
        return f"the agent says {self._said.down}" if self._said.down else ""

    def _silent(self, cause: str) -> str:
        return f"agent: {cause}" if self._what.required else UNHEARD

    def _finish(self, cause: str) -> str:
        sock, self._sock = self._sock, None
        assert sock is not None
        release(self._endpoint, sock)
        return cause
