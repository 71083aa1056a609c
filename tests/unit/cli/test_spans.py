"""A moment is a span from now, or a local time."""

from __future__ import annotations

from datetime import datetime

import pytest

from cli.spans import moment
from services.common.errors import UsageError

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("15min", 900), ("1.5h", 5_400), ("7d", 604_800)])
def test_a_span_counts_from_now(text: str, seconds: int) -> None:
    assert moment(text, NOW) == NOW + seconds * SECOND
    assert moment(text, NOW, past=True) == NOW - seconds * SECOND


def test_a_time_is_local_unless_it_says_otherwise() -> None:
    assert moment("2026-01-31T12:00", NOW) == int(datetime(2026, 1, 31, 12).timestamp()) * SECOND
    assert moment("1970-01-01T00:01:00+00:00", NOW) == 60 * SECOND


@pytest.mark.parametrize("text", ["", "soon", "5", "5 weeks", "-3s", "2026-13-01"])
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no moment: expected 90s"):
        moment(text, NOW)
