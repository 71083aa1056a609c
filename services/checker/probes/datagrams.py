"""How does a probe of one datagram go? It is sent from a socket of its own, and what comes back is judged, piece by piece.

A fresh socket for each run: nothing that is late for one run can be taken for an answer to the next, and nobody can guess
its port. It is connected, so that only the asked server is heard, and hears what ICMP says of the way there (IP_RECVERR),
also that a host or a network cannot be reached, which the kernel otherwise keeps to itself.
"""

from __future__ import annotations

import errno
import os
import select
import socket
from typing import ClassVar

from services.checker.kinds.target import Target
from services.checker.probes.probe import Postponed, Tools
from services.checker.probes.sockets import OURS, address_of, failure_of, refusal, set_source
from services.checker.schedule import Timing

_KIND = socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
_IP_RECVERR, _IPV6_RECVERR = 11, 25  # linux/in.h, linux/in6.h


class DatagramProbe:
    """The probe of one check; see `probe.Probe`. A type of check says `question`, `judge` and `silence`.

    `room`: bytes of a datagram that are read, whatever it brings.
    """

    STRAYS: ClassVar[int] = 100  # datagrams that are no answer to the question, before a run is given up

    __slots__ = ("_epoll", "_sock", "_strays", "_target", "_timeout", "deadline", "fileno", "hungry", "room", "weight")

    def __init__(self, target: Target, timing: Timing, tools: Tools, room: int) -> None:
        self._target = target
        self._timeout = timing.connect_timeout
        self._epoll = tools.epoll
        self._sock: socket.socket | None = None
        self._strays = 0
        self.room = room
        self.fileno = -1
        self.deadline = 0
        self.hungry = False
        self.weight: int | None = None

    def question(self) -> bytes:
        """What is sent in this run."""
        raise NotImplementedError

    def judge(self, data: bytes) -> str | None:
        """The verdict that a datagram gives: empty, or what is wrong; None: it is no answer to the question."""
        raise NotImplementedError

    def silence(self) -> str:
        """The verdict on a server that has not answered in time."""
        if self._strays:
            return f"no answer within {self._timeout / 1e9:g} s, but {self._strays} datagrams that answer something else"
        return f"no answer within {self._timeout / 1e9:g} s"

    def open(self, family: socket.AddressFamily) -> socket.socket:
        """A fresh socket.

        :raises OSError: there is none left, or none is allowed.
        """
        return socket.socket(family, socket.SOCK_DGRAM | _KIND)

    def start(self, now: int, url: int) -> str | None:
        """:raises Postponed: this machine cannot probe now."""
        try:
            self._sock = self._prepared()
        except OSError as e:
            if e.errno in OURS:
                raise Postponed(e.strerror) from None
            return f"cannot prepare a socket: {e.strerror}"
        try:
            self._sock.connect(address_of(self._target))
            self._sock.send(self.question())
            self._epoll.register(self._sock.fileno(), select.EPOLLIN)
        except OSError as e:
            self.abort()
            if e.errno in OURS or (e.errno == errno.EADDRNOTAVAIL and not self._target.bindto):
                raise Postponed(e.strerror) from None
            return f"cannot send: {refusal(e.errno or 0)}"
        self._strays = 0
        self.fileno = self._sock.fileno()
        self.deadline = now + self._timeout
        return None

    def ready(self, events: int, now: int) -> str | None:
        sock = self._sock
        if sock is None:
            return None
        try:
            data = sock.recv(self.room)
        except BlockingIOError:  # a checksum was wrong, or only the queue of errors has something to tell
            return self._finish(failure_of(sock) or "unreachable") if events & select.EPOLLERR else None
        except OSError as e:
            return self._finish(refusal(e.errno or 0))
        verdict = self.judge(data)
        if verdict is not None:
            return self._finish(verdict)
        self._strays += 1
        if self._strays > self.STRAYS:
            return self._finish(f"more than {self.STRAYS} datagrams that answer something else")
        return None

    def expired(self, now: int) -> str | None:
        return self._finish(self.silence())

    def abort(self) -> None:
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def _prepared(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._target.address else socket.AF_INET
        sock = self.open(family)
        try:
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
            else:
                sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
            set_source(sock, self._target)
        except OSError:
            sock.close()
            raise
        return sock

    def _finish(self, cause: str) -> str:
        self.abort()
        return cause


def random_bytes(count: int) -> bytes:
    """Bytes that nobody can guess."""
    return os.urandom(count)
