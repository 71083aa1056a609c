"""UDP_CHECK: what is sent, and what a reply must be like."""

from __future__ import annotations

from typing import Any

import pytest

from services.checker.kinds.target import Target
from services.checker.kinds.udp import Udp
from services.checker.probes.udp import Reply
from services.checker.schedule import Timing
from services.common.errors import InvalidValue
from tests.unit.checker.values import S, one

TARGET = Target("192.168.100.2", 53)


def udp(**fields: Any) -> Udp:
    what = one({"port": 53, "udp_check": [fields]}).what
    assert isinstance(what, Udp)
    return what


def test_without_fields_no_reply_is_required() -> None:
    assert udp() == Udp(TARGET)
    assert str(udp()) == "udp 192.168.100.2:53"
    assert one({"udp_check": [{}]}).timing == Timing(60 * S, 5 * S, 1, S, 60 * S)


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("", ""),
        ("Ab12f 3 456 546443123", "ab120f0345065464431203"),  # the manual's example; seen on the wire
        ("61 62 6", "616206"),
        ("  6162\t63 ", "616263"),
    ],
)
def test_bytes_are_written_as_keepalived_has_them(text: str, digits: str) -> None:
    assert udp(payload=text).payload == digits


@pytest.mark.parametrize("text", ["hello", "0x61", "6x", "61,62", "٣"])
def test_a_payload_of_other_than_hexadecimal_digits_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match=r"udp_check\[0\]\.payload: expected hexadecimal digits, got"):
        udp(payload=text)


def test_a_payload_that_fits_into_no_datagram_is_refused() -> None:
    with pytest.raises(InvalidValue, match=r"udp_check\[0\]\.payload: stands for 65508 bytes"):
        udp(payload="00" * 65508)


def test_a_pattern_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidValue, match=r"udp_check\[0\]\.require_reply: expected hexadecimal digits and x for any digit"):
        udp(require_reply="yes")


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"min_reply_length": 65536}, "min_reply_length"),
        ({"max_reply_length": 65536}, "max_reply_length"),
        ({"min_reply_length": 9, "max_reply_length": 8}, "min_reply_length: is more than max_reply_length"),
        ({"min_reply_length": 256, "require_reply": "61"}, "min_reply_length: is more than max_reply_length"),
    ],
)
def test_lengths_that_no_reply_has_are_refused(fields: dict[str, Any], place: str) -> None:
    with pytest.raises(InvalidValue, match=rf"udp_check\[0\]\.{place}"):
        udp(**fields)


def test_the_default_of_255_bytes_counts_with_a_pattern_alone() -> None:
    assert udp(require_reply="61").max_reply_length == 255
    assert udp(require_reply="").max_reply_length == udp().max_reply_length == 65535
    assert udp(require_reply="61", max_reply_length=300).max_reply_length == 300


@pytest.mark.parametrize(
    ("fields", "reply", "cause"),
    [
        ({}, b"x" * 9000, ""),
        ({"require_reply": ""}, b"x" * 300, ""),
        ({"require_reply": "68xx6C"}, b"hello", ""),
        ({"require_reply": "68xx6D"}, b"hello", "byte 2 of the reply is 6c, which is not what require_reply wants"),
        ({"require_reply": "68656c6c6f2121"}, b"hello", ""),  # as far as both go
        ({"require_reply": "68f"}, b"\x68\x0f", ""),
        ({"require_reply": "68x"}, b"\x68\xf0", "byte 1 of the reply is f0, which is not what require_reply wants"),
        ({"require_reply": "68x"}, b"\x68\x07", ""),
        ({"require_reply": "68", "min_reply_length": 6}, b"hello", "the reply has 5 bytes, expected at least 6"),
        ({"require_reply": "68", "max_reply_length": 4}, b"hello", "the reply is longer than 4 bytes"),
        ({"require_reply": "68"}, b"h" * 255, ""),
        ({"require_reply": "68"}, b"h" * 256, "the reply is longer than 255 bytes"),
        ({"require_reply": "", "min_reply_length": 5, "max_reply_length": 5}, b"hello", ""),
    ],
)
def test_a_reply_is_judged_as_keepalived_does(fields: dict[str, Any], reply: bytes, cause: str) -> None:
    assert Reply(udp(**fields)).judge(reply) == cause
