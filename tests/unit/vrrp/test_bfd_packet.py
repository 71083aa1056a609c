"""BFD control packets: the bytes of RFC 5880 section 4.1, and each reason of section 6.8.6 to throw one away."""

from __future__ import annotations

import pytest

from services.vrrp.bfd.packet import (
    AUTHENTICATION,
    DEMAND,
    FINAL,
    MULTIPOINT,
    POLL,
    Packet,
    Reject,
    State,
    decode,
    diagnostic_words,
    encode,
)

UP = Packet(State.UP, 0, POLL, 5, 0x01020304, 0x0A0B0C0D, 10_000, 20_000)
BYTES = bytes.fromhex("20e00518010203040a0b0c0d0000271000004e2000000000")


def test_the_bytes_are_those_of_the_rfc() -> None:
    assert encode(UP) == BYTES
    assert decode(BYTES) == UP


def changed(at: int, value: int) -> bytes:
    return BYTES[:at] + bytes([value]) + BYTES[at + 1 :]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", Reject.TRUNCATED),
        (BYTES[:23], Reject.TRUNCATED),
        (changed(0, 0x00), Reject.VERSION),
        (changed(0, 0x40), Reject.VERSION),
        (changed(3, 23), Reject.LENGTH),
        (changed(3, 25), Reject.LENGTH),
        (changed(1, 0xC0 | AUTHENTICATION), Reject.LENGTH),
        (changed(1, 0xC0 | AUTHENTICATION)[:3] + bytes([25]) + BYTES[4:] + b"\0\0", Reject.LENGTH),
        (changed(2, 0), Reject.MULTIPLIER),
        (changed(1, 0xC0 | MULTIPOINT), Reject.MULTIPOINT),
        (BYTES[:4] + bytes(4) + BYTES[8:], Reject.MY_DISCRIMINATOR),
        (BYTES[:8] + bytes(4) + BYTES[12:], Reject.STATE),
        (changed(1, 0x80)[:8] + bytes(4) + BYTES[12:], Reject.STATE),
        (changed(1, 0xC0 | AUTHENTICATION)[:3] + bytes([26]) + BYTES[4:] + b"\x01\x02", Reject.AUTHENTICATION),
    ],
)
def test_each_malformed_packet_has_its_reason(data: bytes, reason: Reject) -> None:
    assert decode(data) is reason


@pytest.mark.parametrize("state", [State.DOWN, State.ADMIN_DOWN])
def test_who_does_not_know_us_yet_may_be_down(state: State) -> None:
    found = decode(bytes([0x20, state << 6]) + BYTES[2:8] + bytes(4) + BYTES[12:])
    assert isinstance(found, Packet)
    assert (found.state, found.your_discriminator) == (state, 0)


def test_bytes_after_the_packet_are_padding() -> None:
    assert decode(BYTES + bytes(20)) == UP


def test_flags_are_told_apart() -> None:
    flags = {flag: UP._replace(flags=flag) for flag in (POLL, FINAL, DEMAND)}
    assert [(p.poll, p.final, p.demand) for p in flags.values()] == [
        (True, False, False),
        (False, True, False),
        (False, False, True),
    ]


def test_diagnostics_are_words() -> None:
    assert diagnostic_words(1) == "control detection time expired"
    assert diagnostic_words(3) == "neighbor signaled session down"
    assert diagnostic_words(31) == "reserved diagnostic 31"
