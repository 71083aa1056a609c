"""How does PING_CHECK work? One ICMP echo request (RFC 792, RFC 4443), and the reply that brings its bytes back.

A ping socket (icmp(7)) needs no rights where net.ipv4.ping_group_range has the group; else a raw socket is tried, which
needs CAP_NET_RAW. A raw socket hears every reply of its target, also to others' requests: those are passed over.
"""

from __future__ import annotations

import array
import socket
import struct
import sys
from typing import Final

from services.checker.kinds.ping import Ping
from services.checker.probes.datagrams import DatagramProbe, random_bytes
from services.checker.probes.probe import Tools
from services.checker.schedule import Timing

TOKEN: Final = 16  # bytes by which a reply is known
LENGTH: Final = 56  # bytes of an echo request after its header, as ping(8) has them
NOT_ALLOWED: Final = (
    "this service may not send pings: its group is not in the sysctl net.ipv4.ping_group_range, and it lacks CAP_NET_RAW"
)

_REST: Final = bytes(range(LENGTH - TOKEN))
_ECHO: Final = struct.Struct("!BBHHH")  # type, code, checksum, identifier, sequence number
_REQUEST_4, _REPLY_4, _REQUEST_6, _REPLY_6 = 8, 0, 128, 129
_SOL_RAW, _ICMP_FILTER, _ICMP6_FILTER = 255, 1, 1  # linux/icmp.h, linux/icmpv6.h: a bit that is set keeps a type out
_ONLY_REPLIES_4: Final = struct.pack("=I", ~(1 << _REPLY_4) & 0xFFFFFFFF)
_ONLY_REPLIES_6: Final = struct.pack(
    "=8I", *(0xFFFFFFFF ^ (1 << _REPLY_6 % 32 if i == _REPLY_6 // 32 else 0) for i in range(8))
)
_NON_BLOCKING: Final = socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC


def checksum(data: bytes) -> int:
    """RFC 1071, of an even number of bytes."""
    words = array.array("H", data)
    if sys.byteorder == "little":
        words.byteswap()
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def request(token: bytes, *, six: bool) -> bytes:
    """An echo request without its checksum. Its identifier is random too; for a ping socket the kernel puts its own in."""
    return _ECHO.pack(_REQUEST_6 if six else _REQUEST_4, 0, 0, int.from_bytes(token[:2]), 1) + token + _REST


def sealed(message: bytes) -> bytes:
    """With its checksum, which the kernel only leaves to us on raw sockets of IPv4."""
    return message[:2] + checksum(message).to_bytes(2) + message[4:]


def answers(data: bytes, token: bytes, *, six: bool) -> bool:
    """A message is the reply to the request with that token. `data` begins with the ICMP header."""
    if len(data) < _ECHO.size + len(token):
        return False
    kind, code, *_ = _ECHO.unpack_from(data)
    return (kind, code) == (_REPLY_6 if six else _REPLY_4, 0) and data[_ECHO.size :].startswith(token)


def without_ip_header(data: bytes) -> bytes:
    """What follows an IPv4 header; nothing where that is cut short."""
    return data[(data[0] & 15) * 4 :] if data else b""


class PingProbe(DatagramProbe):
    """The probe of one check; see `probe.Probe`."""

    STRAYS = 100_000  # replies to other checks of the same address, on a raw socket
    __slots__ = ("_six", "_token")

    def __init__(self, what: Ping, timing: Timing, tools: Tools) -> None:
        super().__init__(what.target, timing, tools, 60 + _ECHO.size + TOKEN)
        self._six = ":" in what.target.address
        self._token = b""

    def open(self, family: socket.AddressFamily) -> socket.socket:
        protocol = socket.IPPROTO_ICMPV6 if self._six else socket.IPPROTO_ICMP
        self.raw = False
        try:
            return socket.socket(family, socket.SOCK_DGRAM | _NON_BLOCKING, protocol)
        except PermissionError:
            pass
        try:
            sock = socket.socket(family, socket.SOCK_RAW | _NON_BLOCKING, protocol)
        except PermissionError as e:
            raise PermissionError(e.errno, NOT_ALLOWED) from None
        self.raw = True
        if self._six:
            sock.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, _ONLY_REPLIES_6)
        else:
            sock.setsockopt(_SOL_RAW, _ICMP_FILTER, _ONLY_REPLIES_4)
        return sock

    def question(self) -> bytes:
        self._token = random_bytes(TOKEN)
        message = request(self._token, six=self._six)
        return sealed(message) if self.raw and not self._six else message

    def judge(self, data: bytes) -> str | None:
        if self.raw and not self._six:
            data = without_ip_header(data)
        return "" if answers(data, self._token, six=self._six) else None
