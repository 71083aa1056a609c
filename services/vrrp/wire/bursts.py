"""How do many packets come in by one system call? recvmmsg(2), which Python lacks, into buffers that are used again."""

from __future__ import annotations

import ctypes
from struct import Struct

MOST = 64  # packets of one call
WIDTH = 2048  # bytes of a packet; what is longer is cut, and no advert
CONTROL = 32  # bytes: struct cmsghdr and the struct timespec behind it
MSG_DONTWAIT = 0x40
VECTOR = Struct("@PN")  # struct iovec
HEADER = Struct("@PI4xPNPNi4xI4x")  # struct mmsghdr: name and its length, vectors, control, flags, length of what came
SIZES, STAMP = "40xN8xI4x", "16xqq"  # of HEADER the lengths of control and packet, of a control message the time
_libc = ctypes.CDLL(None, use_errno=True)
_libc.recvmmsg.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p]


class Bursts:
    """Receives by any datagram socket beside whose packets the kernel puts their time (SO_TIMESTAMPNS), and nothing else."""

    def __init__(self) -> None:
        self._data, self._controls = bytearray(MOST * WIDTH), bytearray(MOST * CONTROL)
        data, controls = _address(self._data), _address(self._controls)
        self._vectors = bytearray(b"".join(VECTOR.pack(data + n * WIDTH, WIDTH) for n in range(MOST)))
        vectors = _address(self._vectors)
        headers = [(vectors + n * VECTOR.size, controls + n * CONTROL) for n in range(MOST)]
        self._fresh = b"".join(HEADER.pack(0, 0, vector, 1, control, CONTROL, 0, 0) for vector, control in headers)
        self._headers = bytearray(self._fresh)
        self._pointer = ctypes.c_void_p(_address(self._headers))
        self._view = memoryview(self._data)
        self._sizes = [Struct("@" + SIZES * n) for n in range(MOST + 1)]
        self._stamps = [Struct("@" + STAMP * n) for n in range(MOST + 1)]

    def receive(self, descriptor: int, most: int) -> list[tuple[bytes, int]]:
        """The packets that wait, about `most` at most, each with when the kernel took it: CLOCK_REALTIME in ns, 0: unknown."""
        packets: list[tuple[bytes, int]] = []
        while len(packets) < most:
            self._headers[:] = self._fresh
            count: int = _libc.recvmmsg(descriptor, self._pointer, MOST, MSG_DONTWAIT, None)
            if count <= 0:
                break  # none, or the interface went down or away: netlink tells
            self._take(count, packets)
            if count < MOST:
                break
        return packets

    def _take(self, count: int, packets: list[tuple[bytes, int]]) -> None:
        sizes, stamps = self._sizes[count].unpack_from(self._headers), self._stamps[count].unpack_from(self._controls)
        view, at = self._view, 0
        for n in range(0, 2 * count, 2):
            stamp = stamps[n] * 1_000_000_000 + stamps[n + 1] if sizes[n] else 0
            packets.append((bytes(view[at : at + sizes[n + 1]]), stamp))
            at += WIDTH


def _address(buffer: bytearray) -> int:
    return ctypes.addressof((ctypes.c_char * len(buffer)).from_buffer(buffer))
