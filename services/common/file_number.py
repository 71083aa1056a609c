"""Which number does a tracked file hold? As keepalived reads it, which is C's strtol(3) with base 0."""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 64  # bytes that are looked at
_NUMBER: Final = re.compile(rb"[ \t\n\v\f\r]*([+-]?)(?:0[xX]([0-9a-fA-F]+)|(0[0-7]*)|([1-9][0-9]*))")


def number(text: bytes) -> int | None:
    """The number at the beginning of a text, whatever follows; None where there is none or it needs more than 32 bits."""
    match = _NUMBER.match(text[:LONGEST])
    if match is None:
        return None
    sign, hexadecimal, octal, decimal = match.groups()
    found = int(hexadecimal, 16) if hexadecimal else int(octal, 8) if octal else int(decimal)
    found = -found if sign == b"-" else found
    return found if -(2**31) <= found < 2**31 else None
