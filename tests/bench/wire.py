"""Adverts at a peer, hundreds of thousands of them: tcpdump writes the file, this reads it."""

from __future__ import annotations

import struct
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.kit.netns import Host
from tests.kit.process import Process
from tests.kit.wait import until

_FILE_HEADER = 24
_RECORD = struct.Struct("=IIII")  # seconds, nanoseconds, bytes kept, bytes on the wire
_COOKED = 20  # bytes of LINKTYPE_LINUX_SLL2, with the interface's number at 4
_VRRP = 112


class Wire:
    """What arrives at any of a host's interfaces while the `with` block runs, with the kernel's timestamps.

    :param source: only what this address has sent.
    """

    def __init__(self, host: Host, path: Path, source: str = "") -> None:
        self._host = host
        self._from = ["and", "src", source] if source else []
        self._path = path
        self._process: Process | None = None

    def __enter__(self) -> Wire:
        command = ["tcpdump", "-i", "any", "-n", "-Z", "root", "-s", "64", "-B", "65536", "--nano", "-w", str(self._path)]
        process = self._process = self._host.start([*command, "-U", "ip", "proto", str(_VRRP), *self._from])
        until(lambda: "listening on" in process.output(), what="tcpdump listens")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.end()

    def times(self) -> dict[tuple[int, int], list[int]]:
        """When each router's adverts came, ns, by the number of the interface and the VRID."""
        found: dict[tuple[int, int], list[int]] = defaultdict(list)
        for at, interface, vrid in _adverts(self._path.read_bytes()):
            found[interface, vrid].append(at)
        return found


def _adverts(data: bytes) -> Iterator[tuple[int, int, int]]:
    order = "<" if sys.byteorder == "little" else ">"
    if struct.unpack_from(order + "I", data)[0] != 0xA1B23C4D:
        raise ValueError("not a capture with nanoseconds")
    at = _FILE_HEADER
    while at + _RECORD.size <= len(data):
        seconds, nanoseconds, kept, _ = _RECORD.unpack_from(data, at)
        at += _RECORD.size
        message = at + _COOKED + (data[at + _COOKED] & 15) * 4
        if message + 2 <= at + kept <= len(data):
            yield seconds * 1_000_000_000 + nanoseconds, int.from_bytes(data[at + 4 : at + 8]), data[message + 1]
        at += kept
