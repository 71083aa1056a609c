"""How does a probe of one datagram go? It is sent, and what comes back is judged, piece by piece.

Each run has a socket to itself, and a port that the kernel chooses anew: nothing that is late for one run can be taken for
an answer to the next, and nobody can guess the port. The socket is connected, so that only the asked server is heard, and
hears what ICMP says of the way there (IP_RECVERR), also that a host or a network cannot be reached, which the kernel otherwise
keeps to itself. After a success it is disconnected, which gives its port back, emptied and kept, still registered with epoll;
after a failure it is closed.
"""

from __future__ import annotations

import errno
import os
import select
import socket
from abc import ABC, abstractmethod
from typing import ClassVar, Final

from services.checker.kinds.target import Target
from services.checker.probes.probe import Postponed, Tools
from services.checker.probes.sockets import IDLE_LIMIT, OURS, address_of, disconnect, failure_of, refusal, set_source
from services.checker.schedule import Timing

LATE_LIMIT: Final = 8  # datagrams that are taken out of a socket that is kept; one that has more is closed
LONGEST: Final = 65_536

_EVENTS: Final = select.EPOLLIN | select.EPOLLET
_NON_BLOCKING: Final = socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
_IP_RECVERR, _IPV6_RECVERR = 11, 25  # linux/in.h, linux/in6.h

_room = bytearray(LONGEST)  # what was received; a worker has one thread


class DatagramProbe(ABC):
    """The probe of one check; see `probe.Probe`. A type of check says `question`, `judge` and `silence`.

    `room`: bytes of a datagram that are read, whatever it brings. `raw`: this run's socket hears what is for others too, and
    is not kept.
    """

    STRAYS: ClassVar[int] = 100  # datagrams that are no answer to the question, before a run is given up

    __slots__ = (
        "_epoll",
        "_family",
        "_idle",
        "_sock",
        "_strays",
        "_target",
        "_timeout",
        "deadline",
        "fileno",
        "hungry",
        "raw",
        "room",
        "weight",
    )

    def __init__(self, target: Target, timing: Timing, tools: Tools, room: int) -> None:
        self._target = target
        self._timeout = timing.connect_timeout
        self._epoll = tools.epoll
        self._family = socket.AF_INET6 if ":" in target.address else socket.AF_INET
        source = (type(self).__name__, self._family, target.bindto, target.bind_if, target.fwmark)
        self._idle: list[socket.socket] | None = None if target.bind_port else tools.idle.setdefault(source, [])
        self._sock: socket.socket | None = None
        self._strays = 0
        self.room = min(room, LONGEST)
        self.raw = False
        self.fileno = -1
        self.deadline = 0
        self.hungry = False
        self.weight: int | None = None

    @abstractmethod
    def question(self) -> bytes:
        """What is sent in this run."""

    @abstractmethod
    def judge(self, data: bytes) -> str | None:
        """The verdict that a datagram gives: empty, or what is wrong; None: it is no answer to the question."""

    def silence(self) -> str:
        """The verdict on a server that has not answered in time."""
        if self._strays:
            return f"no answer within {self._timeout / 1e9:g} s, but {self._strays} datagrams that answer something else"
        return f"no answer within {self._timeout / 1e9:g} s"

    def open(self, family: socket.AddressFamily) -> socket.socket:
        """A fresh socket.

        :raises OSError: there is none left, or none is allowed.
        """
        return socket.socket(family, socket.SOCK_DGRAM | _NON_BLOCKING)

    def start(self, now: int, url: int) -> str | None:
        """:raises Postponed: this machine cannot probe now."""
        if self._idle:
            self._sock = self._idle.pop()
            self.raw = False
        else:
            try:
                self._sock = self._prepared()
            except OSError as e:
                if e.errno in OURS:
                    raise Postponed(e.strerror) from None
                return f"cannot prepare a socket: {e.strerror}"
        try:
            self._sock.connect(address_of(self._target))
            self._sock.send(self.question())
        except OSError as e:
            self.abort()
            if e.errno in OURS or (e.errno == errno.EADDRNOTAVAIL and not self._target.bindto):
                raise Postponed(e.strerror) from None
            return f"cannot send: {refusal(e.errno or 0)}"
        self._strays = 0
        self.hungry = False
        self.fileno = self._sock.fileno()
        self.deadline = now + self._timeout
        return None

    def ready(self, events: int, now: int) -> str | None:
        sock = self._sock
        if sock is None:
            return None
        self.hungry = False
        try:
            size = sock.recv_into(_room, self.room)
        except BlockingIOError:  # a checksum was wrong, or only the queue of errors has something to tell
            return self._finish(failure_of(sock) or "unreachable") if events & select.EPOLLERR else None
        except OSError as e:
            return self._finish(refusal(e.errno or 0))
        verdict = self.judge(bytes(_room[:size]))
        if verdict is not None:
            return self._finish(verdict)
        self._strays += 1
        if self._strays > self.STRAYS:
            return self._finish(f"more than {self.STRAYS} datagrams that answer something else")
        self.hungry = True  # more may be there already, of which epoll does not tell again
        return None

    def expired(self, now: int) -> str | None:
        return self._finish(self.silence())

    def abort(self) -> None:
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def _prepared(self) -> socket.socket:
        sock = self.open(self._family)
        try:
            if self._family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
            else:
                sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
            set_source(sock, self._target)
            self._epoll.register(sock.fileno(), _EVENTS)
        except OSError:
            sock.close()
            raise
        return sock

    def _finish(self, cause: str) -> str:
        if cause or self.raw or self._idle is None or len(self._idle) >= IDLE_LIMIT:
            self.abort()
            return cause
        sock, self._sock = self._sock, None
        assert sock is not None
        if disconnect(sock) and _emptied(sock):
            self._idle.append(sock)
        else:
            sock.close()
        return cause


def _emptied(sock: socket.socket) -> bool:
    """Take out what has come to a socket that nothing can come to any more; false: it is not empty yet."""
    for _ in range(LATE_LIMIT):
        try:
            sock.recv_into(_room, 1)
        except BlockingIOError:
            return True
        except OSError:
            return False
    return False


def random_bytes(count: int) -> bytes:
    """Bytes that nobody can guess."""
    return os.urandom(count)
