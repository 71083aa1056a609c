"""Adverts as Ethernet frames."""

from __future__ import annotations

from services.vrrp.config.settings import SECOND, packed
from services.vrrp.wire.frames import FrameSender, numbered
from services.vrrp.wire.packet import Format, checksum, encode

MAC = bytes.fromhex("00005e000133")


class Wire:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []

    def send(self, data: bytes, /) -> int:
        self.frames.append(data)
        return len(data)

    def sendto(self, data: bytes, flags: int, address: tuple[str, int], /) -> int:
        raise AssertionError("frames go where their header says")

    def close(self) -> None:
        pass


def test_an_ipv4_advert_goes_to_the_groups_mac_numbered_and_with_the_right_checksum() -> None:
    form = Format(2, 51, SECOND, None, packed("239.129.0.18"))
    data = encode(form, 100, [packed("192.0.2.10")], packed("192.0.2.1"))
    wire = Wire()
    sender = FrameSender(wire)
    for _ in range(2):
        sender.send(data, MAC)
    first, second = wire.frames
    assert first[:14].hex(":") == "01:00:5e:01:00:12:00:00:5e:00:01:33:08:00"
    assert (first[18:20], second[18:20]) == (b"\0\1", b"\0\2")
    assert checksum(first[14:34]) == checksum(second[14:34]) == 0
    assert first[34:] == second[34:] == data[20:]


def test_every_number_gives_a_right_checksum() -> None:
    data = encode(Format(3, 1, SECOND, None, packed("224.0.0.18")), 255, [packed("10.0.0.1")], packed("10.255.255.255"))
    assert all(checksum(numbered(data, number)[:20]) == 0 for number in range(1, 0x10000))


def test_an_ipv6_advert_goes_to_the_groups_mac() -> None:
    data = encode(Format(3, 51, SECOND, None, packed("ff02::12")), 100, [packed("fe80::10")], packed("fe80::1"))
    wire = Wire()
    FrameSender(wire).send(data, MAC)
    assert wire.frames == [bytes.fromhex("333300000012") + MAC + b"\x86\xdd" + data]
