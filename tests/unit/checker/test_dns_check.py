"""DNS_CHECK: what may be asked, how it is asked, what counts as an answer."""

from __future__ import annotations

from typing import Any

import pytest

from services.checker.kinds.dns import TYPES, Dns
from services.checker.kinds.target import Target
from services.checker.probes.dns import query, verdict
from services.checker.schedule import Timing
from services.common.errors import InvalidValue
from tests.unit.checker.values import S, one

TARGET = Target("192.168.100.2", 53)


def dns(**fields: Any) -> Dns:
    what = one({"port": 53, "dns_check": [fields]}).what
    assert isinstance(what, Dns)
    return what


def test_without_fields_the_root_is_asked_for_soa() -> None:
    assert dns() == Dns(TARGET, "", 6)
    assert str(dns()) == "192.168.100.2:53, . SOA"


@pytest.mark.parametrize(
    ("word", "number"),
    [("A", 1), ("NS", 2), ("CNAME", 5), ("SOA", 6), ("MX", 15), ("TXT", 16), ("AAAA", 28), ("RRSIG", 46), ("DNSKEY", 48)],
)
def test_every_type_of_keepalived_is_known_in_any_case(word: str, number: int) -> None:
    assert dns(type=word).type == dns(type=word.lower()).type == number


def test_types_without_a_name_have_a_number() -> None:
    assert dns(type="TYPE65280").type == 65280
    assert str(dns(type="TYPE65280", name="a.example.")) == "192.168.100.2:53, a.example TYPE65280"
    assert dns(type="type28").type == TYPES["AAAA"]


@pytest.mark.parametrize("word", ["", "B", "28", "TYPE", "TYPE0", "TYPE65536", "TYPE-1"])
def test_what_is_no_type_is_refused(word: str) -> None:
    with pytest.raises(InvalidValue, match=r"dns_check\[0\]\.type"):
        dns(type=word)


@pytest.mark.parametrize(
    ("name", "kept"), [(".", ""), ("example.com", "example.com"), ("a.b.", "a.b"), ("_x._tcp.a", "_x._tcp.a")]
)
def test_names_may_end_in_a_dot(name: str, kept: str) -> None:
    assert dns(name=name).name == kept


@pytest.mark.parametrize(
    "name", ["", "..", ".a", "a..b", "a b", "a\\.b", "x" * 64 + ".com", "ä.example", ".".join(["x" * 63] * 4)]
)
def test_names_that_cannot_be_asked_for_are_refused(name: str) -> None:
    with pytest.raises(InvalidValue, match=r"dns_check\[0\]\.name"):
        dns(name=name)


def test_the_longest_name_can_be_asked_for() -> None:
    name = ".".join(["x" * 63, "y" * 63, "z" * 63, "w" * 61])
    assert len(query(1, dns(name=name).name, 1)) == 12 + 255 + 4


def test_its_timing_is_keepaliveds() -> None:
    check = one({"port": 53, "dns_check": [{}]}, {"delay_loop": "7s"})
    assert check.timing == Timing(7 * S, 5 * S, 3, 7 * S, 7 * S)
    assert one({"port": 53, "retry": 1, "delay_before_retry": "2s", "dns_check": [{}]}).timing == Timing(
        60 * S, 5 * S, 1, 2 * S, 60 * S
    )


def test_the_question_is_keepaliveds() -> None:
    """Recorded from keepalived 2.2.7, but for the number."""
    recorded = "ced40100000100000000000003777777076578616d706c6503636f6d0000010001"
    assert query(0xCED4, "www.example.com", 1).hex() == recorded
    assert query(0x271D, "", 6).hex() == "271d010000010000000000000000060001"


def header(number: int = 7, flags: int = 0x8180) -> bytes:
    return number.to_bytes(2) + flags.to_bytes(2) + bytes(8)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (header(), ""),
        (header() + b"anything", ""),
        (header(flags=0x8000), ""),
        (header(flags=0x8380), ""),  # truncated
        (header(flags=0x8182), "answers code 2 (server failure)"),
        (header(flags=0x8183), "answers code 3 (no such name)"),
        (header(flags=0x818F), "answers code 15 (unknown)"),
        (header(number=8), None),
        (header(flags=0x0100), None),  # a question
        (header()[:11], None),
        (b"", None),
    ],
)
def test_the_header_decides(data: bytes, said: str | None) -> None:
    assert verdict(data, 7) == said
