"""When did which frame pass? Frames of an interface with the kernel's receive timestamps."""

from __future__ import annotations

import select
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from tests.kit.netns import Host

_SO_TIMESTAMPNS = 35  # asm-generic/socket.h
_SO_RCVBUFFORCE = 33
_ETH_P_ALL = 3


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame. `at` is the kernel's clock (CLOCK_REALTIME) in ns."""

    at: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Advert:
    """One VRRP advert over IPv4. `at` in ns; `source` as four bytes."""

    at: int
    source: bytes
    vrid: int
    priority: int


class Capture:
    """Everything that arrives at one interface while the `with` block runs."""

    def __init__(self, host: Host, interface: str) -> None:
        with host.entered():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 64 << 20)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        with host.entered():
            self._socket.bind((interface, 0))
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self.frames: list[Frame] = []

    def adverts(self) -> Iterator[Advert]:
        """The VRRP adverts among the frames, in order."""
        for frame in list(self.frames):
            data = frame.data
            if data[12:14] == b"\x08\x00" and data[23] == 112:
                message = 14 + (data[14] & 15) * 4
                yield Advert(frame.at, data[26:30], data[message + 1], data[message + 2])

    def gratuitous_arps(self, address: bytes) -> Iterator[int]:
        """When somebody said that `address` (four bytes) is his, in order."""
        for frame in list(self.frames):
            if frame.data[12:14] == b"\x08\x06" and frame.data[28:32] == frame.data[38:42] == address:
                yield frame.at

    def _read(self) -> None:
        while not self._ended.is_set():
            if not select.select([self._socket], [], [], 0.1)[0]:
                continue
            data, ancillary, _, _ = self._socket.recvmsg(256, 64)
            for level, kind, value in ancillary:
                if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
                    seconds, nanoseconds = struct.unpack("qq", value[:16])
                    self.frames.append(Frame(seconds * 1_000_000_000 + nanoseconds, data))

    def __enter__(self) -> Capture:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._socket.close()
