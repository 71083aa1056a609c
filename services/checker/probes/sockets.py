"""Where do probes get their connections from? Non-blocking TCP sockets, used again and again.

A probe's socket is not closed but disconnected (connect to AF_UNSPEC, which resets the connection at once and leaves no
TIME_WAIT) and kept, still registered with epoll: the next probe costs one connect and no socket, setsockopt, epoll_ctl or
close. What a probe leaves behind on the server is a reset, never a half-closed connection.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import select
import socket
import struct

from services.checker.kinds.target import Target
from services.checker.probes.probe import Postponed

IDLE_LIMIT = 1024  # idle sockets kept per kind; more are closed

# Failures of this machine, not of the server: the probe is put off.
OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EAGAIN})

CONNECTED = select.EPOLLOUT | select.EPOLLET  # what a probe that only connects wants to hear
ALL = select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET
_STREAM = socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_CLOSE_IN_PEACE = struct.pack("ii", 0, 0)
_NOWHERE = bytes(16)  # struct sockaddr with AF_UNSPEC (0)
_IP_BIND_ADDRESS_NO_PORT = 24  # linux/in.h: the source port is chosen at connect, so that bound sockets do not use ports up

_connect = ctypes.PyDLL(None).connect  # socket.connect() cannot say AF_UNSPEC
_connect.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int)


Kind = tuple[int, str, str, int, int]


class Endpoint:
    """A target made ready for connecting: parsed once, used by every probe. `events` of its sockets are watched."""

    __slots__ = ("_address", "_family", "_target", "events", "idle", "kind")

    def __init__(self, target: Target, events: int) -> None:
        self._target = target
        self.events = events
        self.idle: list[socket.socket] = []
        self._family = socket.AF_INET6 if ":" in target.address else socket.AF_INET
        self._address: tuple[str, int] | tuple[str, int, int, int] | None = None
        if self._family == socket.AF_INET:
            self._address = (target.address, target.port)
        # A socket with a fixed source port serves one connection at a time and is not kept.
        source = (self._family, target.bindto, target.bind_if, target.fwmark, events)
        self.kind: Kind | None = None if target.bind_port else source

    def open(self) -> socket.socket:
        """A fresh socket with the target's source settings.

        :raises OSError: it cannot be bound as wanted, or there is none left.
        """
        sock = socket.socket(self._family, _STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            set_source(sock, self._target)
        except OSError:
            sock.close()
            raise
        return sock

    def connect(self, sock: socket.socket) -> int:
        """Begin to connect; an errno, 0 when it is done already."""
        address = self._address
        if address is None:  # an interface may come and go: its index is looked up each time
            address = address_of(self._target)
        return sock.connect_ex(address)

    def bound(self) -> bool:
        """The configuration names a source address or port."""
        return bool(self._target.bindto or self._target.bind_port)


def set_source(sock: socket.socket, target: Target) -> None:
    """Make a fresh socket send from where the target's settings want.

    :raises OSError: that is not possible here.
    """
    if target.bind_if:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, target.bind_if.encode())
    if target.fwmark:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, target.fwmark)
    if target.bindto or target.bind_port:
        if target.bind_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
        host = target.bindto or ("::" if sock.family == socket.AF_INET6 else "0.0.0.0")
        sock.bind((host, target.bind_port, 0, _scope(target, host)) if ":" in host else (host, target.bind_port))


def address_of(target: Target) -> tuple[str, int] | tuple[str, int, int, int]:
    """The target as `connect` wants it.

    :raises OSError: there is no such interface now.
    """
    if ":" in target.address:
        return target.address, target.port, 0, _scope(target, target.address)
    return target.address, target.port


def _scope(target: Target, address: str) -> int:
    """Interface index for a link-local address; 0 for others."""
    if not target.bind_if or not address.lower().startswith(("fe8", "fe9", "fea", "feb")):
        return 0
    return socket.if_nametoindex(target.bind_if)


class Sockets:
    """All sockets of one worker, busy and idle."""

    def __init__(self, epoll: select.epoll) -> None:
        self._epoll = epoll
        self._idle: dict[Kind, list[socket.socket]] = {}

    def endpoint(self, target: Target, events: int) -> Endpoint:
        """A target ready for connecting; targets with the same source share their idle sockets."""
        endpoint = Endpoint(target, events)
        if endpoint.kind is not None:
            endpoint.idle = self._idle.setdefault(endpoint.kind, endpoint.idle)
        return endpoint

    def connect(self, endpoint: Endpoint) -> socket.socket | str:
        """A socket that connects, registered with epoll; or why that is impossible, in words.

        :raises Postponed: try again later; not the server's fault.
        """
        try:
            if endpoint.idle:
                sock = endpoint.idle.pop()
            else:
                sock = endpoint.open()
                self._epoll.register(sock.fileno(), endpoint.events)
        except OSError as e:
            if e.errno in OURS:
                raise Postponed(e.strerror) from None
            return f"cannot prepare a socket: {e.strerror}"
        try:
            code = endpoint.connect(sock)
        except OSError as e:
            sock.close()
            return f"cannot connect: {e.strerror}"
        if code == errno.EINPROGRESS or not code:
            return sock
        sock.close()
        if code in OURS or (code == errno.EADDRNOTAVAIL and not endpoint.bound()):
            raise Postponed(os.strerror(code))
        return refusal(code)


def release(endpoint: Endpoint, sock: socket.socket) -> None:
    """Let go of a socket, whatever became of its connection: that is reset now."""
    if endpoint.kind is not None and len(endpoint.idle) < IDLE_LIMIT and disconnect(sock):
        endpoint.idle.append(sock)
    else:
        sock.close()


def disconnect(sock: socket.socket) -> bool:
    """Take back its connection; false: that is not possible."""
    return bool(_connect(sock.fileno(), _NOWHERE, len(_NOWHERE)) == 0)


def part(sock: socket.socket, last_words: bytes) -> None:
    """Let go of a socket as protocols have it: with last words, if they fit, and FIN instead of a reset."""
    with contextlib.suppress(OSError):
        sock.send(last_words)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _CLOSE_IN_PEACE)
    sock.close()


def refusal(code: int) -> str:
    """Words for the errno of a connection attempt."""
    return os.strerror(code).lower()


def failure_of(sock: socket.socket) -> str:
    """Why epoll reported an error or hang-up, in words; empty: no error is pending."""
    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return refusal(code) if code else ""
