"""PING_CHECK: echo requests, and what is a reply to one."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from services.checker.kinds.ping import Ping
from services.checker.kinds.target import Target
from services.checker.probes.ping import answers, checksum, request, sealed, without_ip_header
from services.checker.schedule import Timing
from services.common.errors import InvalidValue
from tests.unit.checker.values import S, one

TOKEN = bytes(range(100, 116))


def ping(**fields: Any) -> Ping:
    what = one({"port": 0, "ping_check": [fields]}).what
    assert isinstance(what, Ping)
    return what


def test_a_ping_needs_no_port() -> None:
    assert ping() == Ping(Target("192.168.100.2", 0))
    assert str(ping(connect_ip="2001:db8::1")) == "ping 2001:db8::1"
    assert one({"ping_check": [{}]}).timing == Timing(60 * S, 5 * S, 1, S, 60 * S)


def test_a_source_of_another_family_is_refused() -> None:
    with pytest.raises(InvalidValue, match=r"ping_check\[0\]\.bindto"):
        ping(bindto="::1")


def test_the_checksum_is_rfc_1071s() -> None:
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0x220D
    assert checksum(b"\xff\xff" * 40_000) == 0


def test_a_sealed_request_carries_its_checksum() -> None:
    message = sealed(request(TOKEN, six=False))
    kind, code, _, identifier, sequence = struct.unpack_from("!BBHHH", message)
    assert (kind, code, identifier, sequence, len(message)) == (8, 0, 0x6465, 1, 64)
    assert checksum(message) == 0


def test_a_request_that_is_not_sealed_leaves_the_checksum_to_the_kernel() -> None:
    assert request(TOKEN, six=True)[:8] == struct.pack("!BBHHH", 128, 0, 0, 0x6465, 1)
    assert request(TOKEN, six=False)[:8] == struct.pack("!BBHHH", 8, 0, 0, 0x6465, 1)


@pytest.mark.parametrize("six", [False, True])
def test_only_a_reply_with_the_token_answers(six: bool) -> None:
    kind = 129 if six else 0
    right = struct.pack("!BBHHH", kind, 0, 0, 9, 1) + TOKEN + bytes(40)
    assert answers(right, TOKEN, six=six)
    assert not answers(right, TOKEN, six=not six)
    assert not answers(right, bytes(16), six=six)
    assert not answers(request(TOKEN, six=six), TOKEN, six=six)  # the request itself, heard on loopback
    assert not answers(bytes((kind, 1)) + right[2:], TOKEN, six=six)
    assert not answers(right[:23], TOKEN, six=six)
    assert not answers(b"", TOKEN, six=six)


def test_ip_headers_may_have_options() -> None:
    assert without_ip_header(bytes((0x45,)) + bytes(19) + b"icmp") == b"icmp"
    assert without_ip_header(bytes((0x46,)) + bytes(23) + b"icmp") == b"icmp"
    assert without_ip_header(b"\x4f") == without_ip_header(b"") == b""
