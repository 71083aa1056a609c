"""What keepalived 2.2.7 read out of files with these contents."""

from __future__ import annotations

import pytest

from services.common.file_number import number


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"0", 0),
        (b"5\n", 5),
        (b"  12\n", 12),
        (b"\t9\t", 9),
        (b"\n3\n", 3),
        (b"-7", -7),
        (b"+7", 7),
        (b"0x10", 16),
        (b"0x", 0),
        (b"010", 8),
        (b"08", 0),
        (b"5abc", 5),
        (b"12 13", 12),
        (b"1.5", 1),
        (b"2147483647", 2**31 - 1),
        (b"-2147483648", -(2**31)),
        (b"2147483648", None),
        (b"99999999999", None),
        (b"-99999999999", None),
        (b"1" * 100, None),
        (b"", None),
        (b"abc", None),
        (b"-", None),
        (b"- 5", None),
        (b"\0\1", None),
        ("٣".encode(), None),
    ],
)
def test_the_number_at_the_beginning_counts(text: bytes, found: int | None) -> None:
    assert number(text) == found
