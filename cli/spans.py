"""What moment do people mean? "90s", "15min", "2h", "7d" from now, or a local date and time."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from services.common.errors import UsageError

_UNITS: Final = {"s": 1, "min": 60, "h": 3_600, "d": 86_400}
_SPAN: Final = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(s|min|h|d)")


def moment(text: str, now: int, *, past: bool = False) -> int:
    """Unix time in nanoseconds; a span counts from `now`, forwards, or backwards if `past`.

    :raises UsageError: it is neither a span nor a time.
    """
    span = _SPAN.fullmatch(text)
    if span is not None:
        length = int(float(span[1]) * _UNITS[span[2]] * 1e9)
        return now - length if past else now + length
    try:
        return int(datetime.fromisoformat(text).timestamp() * 1e9)
    except (ValueError, OverflowError, OSError):
        hint = "90s, 15min, 2h, 7d or a time such as 2026-01-31T12:00"
        raise UsageError(f"{text!r} is no moment: expected {hint}") from None
