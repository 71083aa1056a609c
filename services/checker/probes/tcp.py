"""How does TCP_CHECK work? The connection comes about within connect_timeout: success; nothing is sent or read."""

from __future__ import annotations

import select
import socket

from services.checker.kinds.tcp import Tcp
from services.checker.probes.probe import Tools
from services.checker.probes.sockets import CONNECTED, failure_of, release
from services.checker.schedule import Timing

_TROUBLE = select.EPOLLERR | select.EPOLLHUP


class TcpProbe:
    """The probe of one check; see `probe.Probe`."""

    __slots__ = ("_endpoint", "_sock", "_sockets", "_timeout", "deadline", "fileno", "hungry", "weight")

    def __init__(self, what: Tcp, timing: Timing, tools: Tools) -> None:
        self._endpoint = tools.sockets.endpoint(what.target, CONNECTED)
        self._sockets = tools.sockets
        self._timeout = timing.connect_timeout
        self._sock: socket.socket | None = None
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
        self.fileno = sock.fileno()
        self.deadline = now + self._timeout
        return None

    def ready(self, events: int, now: int) -> str | None:
        sock = self._sock
        if sock is None:
            return None
        if events & _TROUBLE:
            cause = failure_of(sock) or "connection closed"
            self._sock = None
            release(self._endpoint, sock)
            return cause
        self._sock = None
        release(self._endpoint, sock)
        return ""

    def expired(self, now: int) -> str | None:
        self.abort()
        return f"no connection within {self._timeout / 1e9:g} s"

    def abort(self) -> None:
        if self._sock is not None:
            self._sock.close()
            self._sock = None
