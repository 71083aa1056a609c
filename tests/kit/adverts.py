"""Which adverts were on the wire, and when? Captured at a machine of its own, stamped by its kernel."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from tests.kit.netns import Host

ETH_P_IP = 0x0800
SO_TIMESTAMPNS = 35
VRRP = 112


@dataclass(frozen=True, slots=True)
class Advert:
    """One advert. `at` is the kernel's wall clock at its reception, in nanoseconds."""

    at: int
    source: str
    router_id: int
    priority: int


class Wire(threading.Thread):
    """Collects every advert that passes `interface` of `host`, for as long as that exists."""

    def __init__(self, host: Host, interface: str = "eth0") -> None:
        super().__init__(name="wire", daemon=True)
        with host.entered():
            self._line = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP))
        self._line.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._line.bind((interface, ETH_P_IP))
        self._adverts: list[Advert] = []
        self.start()

    def run(self) -> None:
        with self._line, contextlib.suppress(OSError):  # the interface is gone
            while True:
                packet, ancillary, _, _ = self._line.recvmsg(2048, 64)
                self._take(packet, ancillary[0][2])

    def _take(self, packet: bytes, stamp: bytes) -> None:
        header = (packet[0] & 15) * 4
        if packet[9] == VRRP and len(packet) >= header + 8:
            seconds, nanoseconds = struct.unpack("=qq", stamp)
            at = seconds * 1_000_000_000 + nanoseconds
            source = socket.inet_ntoa(packet[12:16])
            self._adverts.append(Advert(at, source, packet[header + 1], packet[header + 2]))

    def adverts(self, since: int = 0, until: int = 1 << 63) -> tuple[Advert, ...]:
        """What has been seen, in order."""
        return tuple(advert for advert in list(self._adverts) if since <= advert.at <= until)


def lateness(adverts: Sequence[Advert], interval_s: float) -> list[float]:
    """By how many seconds each advert missed its interval after the one before, of the same sender and router.

    A missing advert counts as one that is late by a whole interval or more.
    """
    before: dict[tuple[str, int], int] = {}
    late = []
    for advert in adverts:
        key = (advert.source, advert.router_id)
        if key in before:
            late.append((advert.at - before[key]) / 1e9 - interval_s)
        before[key] = advert.at
    return late


def missing(adverts: Sequence[Advert], interval_s: float) -> int:
    """How many adverts were never sent: whole intervals without one, by sender and router."""
    return sum(round(late / interval_s) for late in lateness(adverts, interval_s) if late > interval_s / 2)
