"""What is on the wire? Frames captured on one interface, adverts and announcements of addresses picked out."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple

from tests.kit.netns import Namespace
from tests.kit.wait import until

ETH_P_ALL = 3
SO_TIMESTAMPNS = 35
SO_RCVBUFFORCE = 33
BUFFER = 16 << 20
PROTOCOL_VRRP, PROTOCOL_AH, ICMPV6 = 112, 51, 58
AH_HEADER = 24
ALL_NODES = socket.inet_pton(socket.AF_INET6, "ff02::1")


class Frame(NamedTuple):
    """One frame; `at` is Unix seconds by the kernel's clock."""

    at: float
    data: bytes

    @property
    def is_ipv6(self) -> bool:
        return self.data[12:14] == b"\x86\xdd"

    @property
    def is_advert(self) -> bool:
        if self.is_ipv6:
            return self.data[20] == PROTOCOL_VRRP
        return self.data[12:14] == b"\x08\x00" and (self.data[23] == PROTOCOL_VRRP or self.is_sealed)

    @property
    def is_sealed(self) -> bool:
        """An advert in IPSEC-AH."""
        return self.data[12:14] == b"\x08\x00" and self.data[23] == PROTOCOL_AH and self.data[34] == PROTOCOL_VRRP

    @property
    def is_unsolicited_advertisement(self) -> bool:
        return self.is_ipv6 and self.data[20] == ICMPV6 and self.data[54] == 136 and self.data[38:54] == ALL_NODES

    @property
    def is_gratuitous_arp(self) -> bool:
        return self.data[12:14] == b"\x08\x06" and self.data[28:32] == self.data[38:42]

    @property
    def packet(self) -> bytes:
        """The IP packet, without Ethernet padding."""
        if self.is_ipv6:
            return self.data[14 : 54 + int.from_bytes(self.data[18:20], "big")]
        return self.data[14 : 14 + int.from_bytes(self.data[16:18], "big")]

    @property
    def source(self) -> str:
        if self.is_ipv6:
            return socket.inet_ntop(socket.AF_INET6, self.data[22:38])
        return ".".join(map(str, self.data[26:30]))

    @property
    def destination(self) -> str:
        if self.is_ipv6:
            return socket.inet_ntop(socket.AF_INET6, self.data[38:54])
        return ".".join(map(str, self.data[30:34]))

    @property
    def message(self) -> bytes:
        """The VRRP message."""
        return self.packet[40 if self.is_ipv6 else 20 + AH_HEADER if self.is_sealed else 20 :]

    @property
    def sequence(self) -> int:
        """The number of a sealed advert."""
        return int.from_bytes(self.packet[28:32], "big")

    @property
    def priority(self) -> int:
        return self.message[2]

    @property
    def vrid(self) -> int:
        return self.message[1]


class Wire:
    """Captures from its making on; `frames` grows with each `poll`."""

    def __init__(self, host: Namespace, interface: str) -> None:
        with host.entered():
            self._sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            self._sock.bind((interface, ETH_P_ALL))
        self._sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)  # nobody may look for minutes
        self._sock.setblocking(False)
        self.frames: list[Frame] = []

    def poll(self) -> list[Frame]:
        while True:
            try:
                data, ancillary, _flags, _address = self._sock.recvmsg(65536, 64)
            except BlockingIOError:
                return self.frames
            stamp = ancillary[0][2] if ancillary else b""
            seconds, nanoseconds = int.from_bytes(stamp[:8], "little"), int.from_bytes(stamp[8:16], "little")
            self.frames.append(Frame(seconds + nanoseconds / 1e9 if stamp else time.time(), data))

    def adverts(self, source: str = "") -> list[Frame]:
        return [f for f in self.poll() if f.is_advert and source in ("", f.source)]

    def gratuitous_arps(self, address: str = "") -> list[Frame]:
        wanted = bytes(map(int, address.split("."))) if address else b""
        return [f for f in self.poll() if f.is_gratuitous_arp and wanted in (b"", f.data[28:32])]

    def advertisements(self, address: str = "") -> list[Frame]:
        """Unsolicited neighbour advertisements, of this address."""
        wanted = socket.inet_pton(socket.AF_INET6, address) if address else b""
        return [f for f in self.poll() if f.is_unsolicited_advertisement and wanted in (b"", f.data[62:78])]

    def until(self, predicate: Callable[[], object], what: str, timeout: float = 30) -> None:
        until(predicate, timeout, lambda: f"{what}; {[f.data.hex() for f in self.frames[-5:]]}")

    def send(self, frame: bytes) -> None:
        self._sock.send(frame)

    def close(self) -> None:
        self._sock.close()

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
