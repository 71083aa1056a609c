"""Adverts byte for byte, and every reason to refuse one."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.vrrp.config.settings import packed
from services.vrrp.wire.packet import IPV6_VRIDS, Advert, Checksum, Format, Reject, checksum, decode, encode, number_of

SECOND = 1_000_000_000
GROUP, SOURCE, VIP = packed("224.0.0.18"), packed("192.0.2.1"), packed("192.0.2.10")
V2 = Format(2, 51, SECOND, None, GROUP)
PASS = Format(2, 51, SECOND, b"secret12", GROUP)
V3 = Format(3, 51, SECOND, None, GROUP)
GOLDEN_V2 = bytes.fromhex("45c0002800010000ff701891c0000201e0000012" + "2133640101014a41c000020a7365637265743132")
GOLDEN_V3 = bytes.fromhex("45c0002000010000ff701899c0000201e0000012" + "31336401006405ccc000020a")
UNICAST = V3._replace(unicast=True)
V6 = Format(3, 51, SECOND, None, packed("ff02::12"))
SOURCE6, VIP6 = packed("fe80::1"), packed("fe80::10")
GOLDEN_UNICAST = bytes.fromhex("45c0002000010000ff7036a9c0000201c0000202" + "31336401006423dcc000020a")
GOLDEN_V6 = bytes.fromhex(
    "6c0bd82a001870ff" + "fe80" + "00" * 13 + "01" + "ff02" + "00" * 13 + "12" + "3133640100646db7" + "fe80" + "00" * 13 + "10"
)
CAPTURES = Path(__file__).resolve().parents[4] / "shared" / "reference" / "captures"


def test_version_2_with_password_is_keepaliveds_packet() -> None:
    assert encode(PASS, 100, [VIP], SOURCE, identification=1) == GOLDEN_V2


def test_version_3_is_keepaliveds_packet() -> None:
    assert encode(V3, 100, [VIP], SOURCE, identification=1) == GOLDEN_V3


def test_version_2_without_authentication_still_carries_eight_bytes_of_it() -> None:
    data = encode(V2, 100, [VIP], SOURCE)
    assert len(data) == 20 + 8 + 4 + 8
    assert data[24] == 0
    assert data[-8:] == bytes(8)
    assert decode(data, V2) == Advert(100, SECOND, SOURCE, VIP)


@pytest.mark.parametrize(("form", "golden"), [(PASS, GOLDEN_V2), (V3, GOLDEN_V3)], ids=["v2", "v3"])
def test_keepaliveds_packet_is_understood(form: Format, golden: bytes) -> None:
    assert number_of(golden) == 51
    assert decode(golden, form) == Advert(100, SECOND, SOURCE, VIP)


def test_unicast_to_each_peer_is_keepaliveds_packet_with_a_checksum_for_that_peer() -> None:
    second, third = packed("192.0.2.2"), packed("192.0.2.3")
    assert encode(UNICAST, 100, [VIP], SOURCE, 1, second) == GOLDEN_UNICAST
    other = encode(UNICAST, 100, [VIP], SOURCE, 1, third)
    assert other[26:28] == b"\x23\xdb"
    for data in (GOLDEN_UNICAST, other):
        assert decode(data, UNICAST) == Advert(100, SECOND, SOURCE, VIP)


def test_ipv6_is_keepaliveds_packet_but_for_the_flow_label() -> None:
    ours = encode(V6, 100, [VIP6], SOURCE6)
    assert ours[:4] == b"\x6c\0\0\0"
    assert ours[4:] == GOLDEN_V6[4:]
    assert number_of(GOLDEN_V6) == IPV6_VRIDS + 51
    assert decode(GOLDEN_V6, V6) == Advert(100, SECOND, SOURCE6, VIP6)


@pytest.mark.parametrize(
    ("data", "form", "reason"),
    [
        (GOLDEN_V6[:60], V6, Reject.TRUNCATED),
        (GOLDEN_V6 + b"\0", V6, Reject.LENGTH),
        (GOLDEN_V6[:7] + b"\xfe" + GOLDEN_V6[8:], V6, Reject.TTL),
        (GOLDEN_V6[:40] + b"\x21" + GOLDEN_V6[41:], V6, Reject.VERSION),
        (GOLDEN_V6[:43] + b"\x02" + GOLDEN_V6[44:], V6, Reject.LENGTH),
        (GOLDEN_V6[:40] + b"\x32" + GOLDEN_V6[41:], V6, Reject.TYPE),
        (GOLDEN_V6[:39] + b"\x13" + GOLDEN_V6[40:], V6, Reject.DESTINATION),
        (GOLDEN_V6[:42] + b"\x65" + GOLDEN_V6[43:], V6, Reject.CHECKSUM),
        (GOLDEN_V6, V6._replace(unicast=True), Reject.DESTINATION),
        (GOLDEN_V3, UNICAST, Reject.DESTINATION),
        (GOLDEN_UNICAST, V3, Reject.DESTINATION),
        (GOLDEN_UNICAST, UNICAST._replace(sources={VIP: (0, 255)}), Reject.SOURCE),
        (GOLDEN_UNICAST, UNICAST._replace(sources={SOURCE: (0, 254)}), Reject.TTL),
        (GOLDEN_UNICAST[:8] + b"\x09" + GOLDEN_UNICAST[9:], UNICAST._replace(sources={SOURCE: (10, 255)}), Reject.TTL),
    ],
)
def test_unicast_and_ipv6_are_refused_for_the_first_reason(data: bytes, form: Format, reason: Reject) -> None:
    assert decode(data, form) is reason


@pytest.mark.parametrize("data", [GOLDEN_V6[:47], b"\x50" + GOLDEN_V6[1:], b""])
def test_what_is_no_ipv6_packet_with_a_vrrp_message_has_no_vrid(data: bytes) -> None:
    assert number_of(data) is Reject.TRUNCATED


def test_unicast_may_come_over_routers_unless_its_ttl_is_limited() -> None:
    routed = GOLDEN_UNICAST[:8] + b"\x3c" + GOLDEN_UNICAST[9:]
    assert isinstance(decode(routed, UNICAST), Advert)
    assert isinstance(decode(routed, UNICAST._replace(sources={SOURCE: (60, 60)})), Advert)
    assert encode(UNICAST._replace(ttl=60), 100, [VIP], SOURCE, 1, packed("192.0.2.2"))[8] == 60


@pytest.mark.parametrize("kind", list(Checksum))
def test_each_kind_of_checksum_is_understood_where_it_is_accepted_and_only_there(kind: Checksum) -> None:
    data = encode(UNICAST._replace(checksums=(kind,)), 100, [VIP], SOURCE, 1, packed("192.0.2.2"))
    assert decode(data, UNICAST._replace(checksums=tuple(Checksum))) == Advert(100, SECOND, SOURCE, VIP, kind)
    others = tuple(other for other in Checksum if other is not kind)
    assert decode(data, UNICAST._replace(checksums=others)) is Reject.CHECKSUM


def test_a_bare_checksum_covers_the_message_alone() -> None:
    data = encode(V3._replace(checksums=(Checksum.BARE,)), 100, [VIP], SOURCE)
    assert checksum(data[20:]) == 0


@pytest.mark.parametrize("name", ["v2", "v3", "v3u", "v3six"])
def test_captures_of_keepalived_are_understood(name: str) -> None:
    path = CAPTURES / f"{name}.pcap"
    if not path.exists():
        pytest.skip("no captures of keepalived beside this checkout")
    data, at, heard = path.read_bytes(), 24, 0
    form = {"v2": PASS, "v3": V3, "v3u": UNICAST, "v3six": V6}[name]
    while at < len(data):
        length = int.from_bytes(data[at + 8 : at + 12], "little")
        frame = data[at + 16 : at + 16 + length]
        at += 16 + length
        if (frame[12:14] == b"\x08\x00" and frame[23] == 112) or (frame[12:14] == b"\x86\xdd" and frame[20] == 112):
            assert isinstance(decode(frame[14:], form), Advert)
            heard += 1
    assert heard > 5


def test_ethernet_padding_after_a_short_packet_is_passed_over() -> None:
    assert isinstance(decode(GOLDEN_V3 + bytes(14), V3), Advert)


def test_an_ip_header_with_options_is_passed_over() -> None:
    data = bytes([0x46]) + GOLDEN_V3[1:2] + (36).to_bytes(2, "big") + GOLDEN_V3[4:20] + bytes(4) + GOLDEN_V3[20:]
    assert number_of(data) == 51
    assert isinstance(decode(data, V3), Advert)


@pytest.mark.parametrize("data", [b"", GOLDEN_V3[:19], GOLDEN_V3[:27], b"\x65" + GOLDEN_V3[1:], b"\x44" + GOLDEN_V3[1:]])
def test_what_is_no_ipv4_packet_with_a_vrrp_message_has_no_vrid(data: bytes) -> None:
    assert number_of(data) is Reject.TRUNCATED


def changed(data: bytes, at: int, value: int, form: Format = V3) -> bytes:
    """`data` with one byte changed and the VRRP checksum made right again."""
    new = bytearray(data)
    new[at] = value
    new[26:28] = bytes(2)
    message = bytes(new[20:])
    pseudo = b"" if form.version == 2 else bytes(new[12:20]) + bytes([0, 112]) + len(message).to_bytes(2, "big")
    new[26:28] = checksum(pseudo + message).to_bytes(2, "big")
    return bytes(new)


@pytest.mark.parametrize(
    ("data", "form", "reason"),
    [
        (GOLDEN_V3[:2] + b"\x00\x40" + GOLDEN_V3[4:], V3, Reject.TRUNCATED),
        (GOLDEN_V3[:2] + b"\x00\x18" + GOLDEN_V3[4:], V3, Reject.TRUNCATED),
        (GOLDEN_V3 + bytes(40), V3, Reject.LENGTH),
        (GOLDEN_V3[:8] + b"\xfe" + GOLDEN_V3[9:], V3, Reject.TTL),
        (GOLDEN_V2, V3, Reject.VERSION),
        (GOLDEN_V3, V2, Reject.VERSION),
        (changed(GOLDEN_V3, 23, 2), V3, Reject.LENGTH),
        (changed(GOLDEN_V3, 20, 0x32), V3, Reject.TYPE),
        (GOLDEN_V3[:16] + packed("224.0.0.19") + GOLDEN_V3[20:], V3, Reject.DESTINATION),
        (GOLDEN_V3[:22] + b"\xff" + GOLDEN_V3[23:], V3, Reject.CHECKSUM),
        (changed(changed(GOLDEN_V3, 25, 0), 24, 0), V3, Reject.INTERVAL),
        (GOLDEN_V2[:22] + b"\xff" + GOLDEN_V2[23:], PASS, Reject.CHECKSUM),
        (GOLDEN_V2, V2, Reject.AUTH_TYPE),
        (encode(V2, 100, [VIP], SOURCE), PASS, Reject.AUTH_TYPE),
        (GOLDEN_V2, PASS._replace(auth=b"secret34"), Reject.AUTH_FAILURE),
        (GOLDEN_V2, PASS._replace(interval=2 * SECOND), Reject.INTERVAL),
    ],
)
def test_a_packet_that_is_no_advert_of_ours_is_refused_for_the_first_reason(data: bytes, form: Format, reason: Reject) -> None:
    assert decode(data, form) is reason


def test_the_reserved_nibble_of_version_3_is_ignored() -> None:
    assert decode(changed(GOLDEN_V3, 24, 0xF0), V3) == Advert(100, SECOND, SOURCE, VIP)


def test_a_checksum_over_an_odd_number_of_bytes_pads_with_zero() -> None:
    assert checksum(b"\x01\x02\x03") == checksum(b"\x01\x02\x03\x00")
