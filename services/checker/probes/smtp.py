"""How does SMTP_CHECK work? Greeting 220, HELO, its reply 250, QUIT and any reply to that (RFC 5321), as in keepalived.

Replies may have several lines, for which keepalived takes a server down. A server that speaks out of turn fails. A server
cannot hold a probe for ever: each step has connect_timeout, a run as a whole `Timing.longest_probe`, a reply 8 KiB.
"""

from __future__ import annotations

import re
import select
import socket
from typing import Final

from services.checker.kinds.smtp import Smtp
from services.checker.probes.probe import Tools
from services.checker.probes.sockets import ALL, failure_of, refusal, release
from services.checker.schedule import Timing

REPLY_LIMIT: Final = 8 * 1024
CHUNK: Final = 4096

_TROUBLE: Final = select.EPOLLERR | select.EPOLLHUP
_LINE: Final = re.compile(rb"(\d{3})(?:([ -])[^\n]*)?\r?")
_STEPS: Final = (("greeting", b"220", b"HELO %b\r\n"), ("reply to HELO", b"250", b"QUIT\r\n"), ("reply to QUIT", b"", b""))


class Dialogue:
    """The client's side of the talk, piece by piece. Knows no sockets.

    `out`: what is to be sent now; whoever sends it takes it away.
    """

    __slots__ = ("_buffer", "_helo_name", "_length", "_step", "out")

    def __init__(self, helo_name: str) -> None:
        self._helo_name = helo_name.encode()
        self._step = 0
        self._buffer = b""
        self._length = 0
        self.out = b""

    def feed(self, data: bytes) -> str | None:
        """More bytes came: None while the talk goes on, else the verdict: empty, or what is wrong."""
        step, code, command = _STEPS[self._step]
        self._length += len(data)
        lines = (self._buffer + data).split(b"\n")
        self._buffer = lines.pop()
        for i, line in enumerate(lines):
            match = _LINE.fullmatch(line)
            if match is None or not match[1].startswith(code):
                return f"the {step} is {line[:60]!r}, expected {code.decode() or 'a code of three digits'}"
            if match[2] == b"-":  # more lines follow
                continue
            if command and (self._buffer or lines[i + 1 :]):
                return f"goes on after its {step}, out of turn"
            return self._next(command)
        return f"the {step} is longer than {REPLY_LIMIT} bytes" if self._length > REPLY_LIMIT else None

    def waits_for(self) -> str:
        """What comes next, in words."""
        return _STEPS[self._step][0]

    def _next(self, command: bytes) -> str | None:
        """A reply was right: what is said now; after the last one, the verdict."""
        if not command:
            return ""
        self._step += 1
        self._length = 0
        self.out = command % self._helo_name if b"%b" in command else command
        return None


class SmtpProbe:
    """The probe of one check, used for every run of it; see `probe.Probe`."""

    __slots__ = (
        "_connected",
        "_dialogue",
        "_end",
        "_endpoint",
        "_helo_name",
        "_longest",
        "_sock",
        "_sockets",
        "_timeout",
        "deadline",
        "fileno",
        "hungry",
        "weight",
    )

    def __init__(self, what: Smtp, timing: Timing, tools: Tools) -> None:
        self._helo_name = what.helo_name or socket.gethostname()
        self._timeout = timing.connect_timeout
        self._longest = timing.longest_probe
        self._endpoint = tools.sockets.endpoint(what.target, ALL)
        self._sockets = tools.sockets
        self._sock: socket.socket | None = None
        self._dialogue = Dialogue(self._helo_name)
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
            return sock
        self._sock = sock
        self._dialogue = Dialogue(self._helo_name)
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
                return self._finish(failure_of(sock) or "connection closed")
            self._connected = True
            self._step(now)
        verdict = self._receive(sock, now)
        return None if verdict is None else self._finish(verdict)

    def expired(self, now: int) -> str | None:
        if now >= self._end:
            return self._finish(f"the talk is not over after {self._longest / 1e9:g} s")
        missing = self._dialogue.waits_for() if self._connected else "connection"
        return self._finish(f"no {missing} within {self._timeout / 1e9:g} s")

    def abort(self) -> None:
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def _step(self, now: int) -> None:
        """Progress: the next step has its own connect_timeout, within the limit of the whole."""
        self.deadline = min(now + self._timeout, self._end)

    def _receive(self, sock: socket.socket, now: int) -> str | None:
        """Read what is there, which the limit of a reply bounds; gives the verdict once there is one."""
        while True:
            try:
                data = sock.recv(CHUNK)
            except BlockingIOError:
                return None
            except OSError as e:
                return refusal(e.errno or 0)
            if not data:
                return f"closed before its {self._dialogue.waits_for()}"
            verdict = self._dialogue.feed(data)
            if verdict is not None:
                return verdict
            if self._dialogue.out:
                try:  # a few bytes on a connection on which nearly nothing was sent: they fit
                    sock.send(self._dialogue.out)
                except OSError as e:
                    return refusal(e.errno or 0)
                self._dialogue.out = b""
                self._step(now)

    def _finish(self, cause: str) -> str:
        sock, self._sock = self._sock, None
        assert sock is not None
        release(self._endpoint, sock)
        return cause
