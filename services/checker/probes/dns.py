"""How does DNS_CHECK work? One question over UDP; the answer's code decides, as in keepalived.

What counts is the header alone (RFC 1035, section 4.1.1): an answer (QR) of the question's number with the code 0 is a
success, whatever it holds, also if it is empty or truncated (TC). Other numbers answer something else.
"""

from __future__ import annotations

import struct
from typing import Final

from services.checker.kinds.dns import Dns
from services.checker.probes.datagrams import DatagramProbe, random_bytes
from services.checker.probes.probe import Tools
from services.checker.schedule import Timing

_HEADER: Final = struct.Struct("!6H")  # id, flags, four counts
_RECURSION_DESIRED: Final = 0x0100
_ANSWER: Final = 0x8000
_CODES: Final = {1: "format error", 2: "server failure", 3: "no such name", 4: "not implemented", 5: "refused"}


def query(number: int, name: str, type_: int) -> bytes:
    """The question for records of the class IN. `name` has no dot at its end, the root is empty."""
    labels = [label.encode() for label in name.split(".")] if name else []
    written = b"".join(bytes((len(label),)) + label for label in labels)
    return _HEADER.pack(number, _RECURSION_DESIRED, 1, 0, 0, 0) + written + struct.pack("!xHH", type_, 1)


def verdict(data: bytes, number: int) -> str | None:
    """What a datagram says of the server: empty, or what is wrong; None: it does not answer the question `number`."""
    if len(data) < _HEADER.size:
        return None
    answered, flags, *_ = _HEADER.unpack_from(data)
    if answered != number or not flags & _ANSWER:
        return None
    code = flags & 15
    return f"answers code {code} ({_CODES.get(code, 'unknown')})" if code else ""


class DnsProbe(DatagramProbe):
    """The probe of one check; see `probe.Probe`."""

    __slots__ = ("_number", "_query")

    def __init__(self, what: Dns, timing: Timing, tools: Tools) -> None:
        super().__init__(what.target, timing, tools, _HEADER.size)
        self._query = query(0, what.name, what.type)[2:]
        self._number = 0

    def question(self) -> bytes:
        number = random_bytes(2)
        self._number = int.from_bytes(number)
        return number + self._query

    def judge(self, data: bytes) -> str | None:
        return verdict(data, self._number)
