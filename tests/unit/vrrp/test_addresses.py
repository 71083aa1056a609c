"""Addresses as text and bytes, and what may be said of a virtual one."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.common.errors import InvalidValue
from services.vrrp.addresses import (
    FOREVER,
    IFA_F_HOMEADDRESS,
    IFA_F_MANAGETEMPADDR,
    IFA_F_MCAUTOJOIN,
    IFA_F_NODAD,
    IFA_F_NOPREFIXROUTE,
    VirtualAddress,
    family,
    link_local,
    packed,
    parse,
    text,
    virtual_address,
)

# Addresses with many zeros, in which `::` may stand for several runs.
sparse = st.lists(st.sampled_from([b"\0\0", b"\0\x01", b"\xfe\x80", b"\xff\xff", b"\x12\x34"]), min_size=8, max_size=8)


@given(st.binary(min_size=16, max_size=16) | sparse.map(b"".join))
@example(bytes(16))
@example(bytes(15) + b"\x01")
@example(bytes(12) + b"\xc0\x00\x02\x01")
@example(bytes(10) + b"\xff\xff\xc0\x00\x02\x01")
@example(b"\x20\x01" + bytes(14))
def test_ipv6_text_is_what_inet_ntop_writes_and_becomes_the_same_bytes(address: bytes) -> None:
    assert text(address) == socket.inet_ntop(socket.AF_INET6, address)
    assert packed(text(address)) == address
    assert parse(text(address), "x") == text(address)


@given(st.binary(min_size=16, max_size=16) | sparse.map(b"".join))
def test_an_address_written_out_in_capitals_is_the_same_address(address: bytes) -> None:
    assert parse(ipaddress.IPv6Address(address).exploded.upper(), "x") == text(address)


@given(st.binary(min_size=4, max_size=4))
def test_ipv4_text_is_dotted(address: bytes) -> None:
    assert text(address) == socket.inet_ntoa(address)
    assert packed(text(address)) == address


def test_no_address_is_the_empty_text() -> None:
    assert text(b"") == ""


@given(st.text("0123456789abcdf:.", max_size=24))
@example("1::2::3")
@example(":::")
@example("1:2:3:4:5:6:7::")
@example("::1:2:3:4:5:6:7:8")
@example("1:2:3:4:5:6:7:8:9")
@example("::1.2.3")
@example("1.2.3.4::")
@example("::12345")
def test_what_inet_pton_refuses_is_refused(written: str) -> None:
    try:
        if ":" in written:
            socket.inet_pton(socket.AF_INET6, written)
        else:
            ipaddress.IPv4Address(written)
    except (OSError, ValueError):
        fits = False
    else:
        fits = True
    try:
        parse(written, "x")
    except InvalidValue:
        assert not fits
    else:
        assert fits or (":" not in written and written.count(".") == 3)  # 010.0.0.1 is read as decimal


@pytest.mark.parametrize(
    ("families", "what"), [((4,), "an IPv4 address"), ((6,), "an IPv6 address"), ((4, 6), "an IP address")]
)
def test_a_refusal_says_which_family_was_expected(families: tuple[int, ...], what: str) -> None:
    with pytest.raises(InvalidValue) as refusal:
        parse("nonsense", "mcast_src_ip", families)
    assert (refusal.value.field, refusal.value.reason) == ("mcast_src_ip", f"expected {what}, got 'nonsense'")


@pytest.mark.parametrize("written", ["fe80::1", "fe80::", "fe9a::1", "febf:1::"])
def test_addresses_of_the_link_are_told(written: str) -> None:
    assert link_local(written)
    assert family(written) == 6


@pytest.mark.parametrize("written", ["2001:db8::1", "fec0::1", "fe8::1", "169.254.0.1", "::1"])
def test_other_addresses_are_not_of_the_link(written: str) -> None:
    assert not link_local(written)


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        ({"address": "192.0.2.1"}, VirtualAddress("192.0.2.1")),
        ({"address": "192.0.2.1/24", "brd": "-"}, VirtualAddress("192.0.2.1", 24, brd="-")),
        ({"address": "192.0.2.1", "peer": "192.0.2.2"}, VirtualAddress("192.0.2.1", 32, peer="192.0.2.2")),
        ({"address": "192.0.2.1", "peer": "192.0.2.2/30"}, VirtualAddress("192.0.2.1", 30, peer="192.0.2.2")),
        ({"address": "192.0.2.1", "preferred_lft": "0"}, VirtualAddress("192.0.2.1", preferred_lft=0)),
        ({"address": "192.0.2.1", "no_track": True}, VirtualAddress("192.0.2.1", track=False)),
        ({"address": "2001:DB8::1"}, VirtualAddress("2001:db8::1", 128, flags=IFA_F_NODAD, preferred_lft=0)),
        ({"address": "2001:db8::1/64"}, VirtualAddress("2001:db8::1", 64, flags=IFA_F_NODAD)),
        (
            {"address": "2001:db8::1", "preferred_lft": "forever"},
            VirtualAddress("2001:db8::1", 128, flags=IFA_F_NODAD, preferred_lft=FOREVER),
        ),
        ({"address": "fe80::1/64", "dad": True, "preferred_lft": "60"}, VirtualAddress("fe80::1", 64, preferred_lft=60)),
        (
            {"address": "2001:db8::1/64", "home": True, "mngtmpaddr": True, "noprefixroute": True, "autojoin": True},
            VirtualAddress(
                "2001:db8::1",
                64,
                flags=IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN,
            ),
        ),
    ],
)
def test_what_a_virtual_address_becomes(row: dict[str, Any], wanted: VirtualAddress) -> None:
    assert virtual_address(row, "x") == wanted


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({}, "address"),
        ({"address": "2001:db8::1/129"}, "address"),
        ({"address": "2001:db8::1/0"}, "address"),
        ({"address": "2001:db8::1", "label": "eth0:1"}, "label"),
        ({"address": "2001:db8::1", "brd": "+"}, "brd"),
        ({"address": "192.0.2.1", "home": True}, "home"),
        ({"address": "192.0.2.1", "dad": True}, "dad"),
        ({"address": "192.0.2.1", "mngtmpaddr": True}, "mngtmpaddr"),
        ({"address": "192.0.2.1", "peer": "2001:db8::1"}, "peer"),
        ({"address": "192.0.2.1", "peer": "192.0.2.2/33"}, "peer"),
        ({"address": "192.0.2.1", "peer": "192.0.2.2", "brd": "+"}, "brd"),
        ({"address": "192.0.2.1", "preferred_lft": "-1"}, "preferred_lft"),
        ({"address": "192.0.2.1", "preferred_lft": "4294967296"}, "preferred_lft"),
        ({"address": "192.0.2.1", "dev": "eth0/1"}, "dev"),
        ({"address": "192.0.2.1", "scope": "256"}, "scope"),
    ],
)
def test_what_cannot_be_said_of_an_address_is_refused_with_its_field(row: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidValue) as refusal:
        virtual_address(row, "virtual_ipaddress[3]")
    assert refusal.value.field == f"virtual_ipaddress[3].{field}"
