"""What the engine's sockets say: when the kernel took a packet, not when it was read."""

from __future__ import annotations

import contextlib
import os
import select
import time

import pytest

from services.vrrp.config.settings import SECOND, packed
from services.vrrp.wire.ah import Seal
from services.vrrp.wire.bells import Bell
from services.vrrp.wire.packet import PROTOCOL_AH, Advert, Format, decode, encode
from services.vrrp.wire.sockets import LINKS, Link
from tests.kit.netns import Bridge, Net
from tests.kit.wait import until

pytestmark = [pytest.mark.netns, pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")]

GROUPS = {4: "224.0.0.18", 6: "ff02::12", PROTOCOL_AH: "224.0.0.18"}


def test_a_packet_that_waited_is_as_old_as_it_is() -> None:
    advert = encode(Format(2, 51, SECOND, None, packed(GROUPS[4])), 100, [packed("192.0.2.9")], packed("192.0.2.1"))
    with Net() as net, contextlib.ExitStack() as opened:
        lan = net.bridge("lan")
        first, second = (opened.enter_context(contextlib.closing(_link(net, lan, number, 4))) for number in (1, 2))
        until(lambda: first.send(advert) or second.receive(), timeout=30, what="the link is up")
        until(lambda: not second.receive(), timeout=10, what="nothing waits")
        before = time.time_ns()
        first.send(advert)
        sent = time.time_ns()
        until(lambda: time.time_ns() > sent + SECOND // 2, timeout=10, what="it has waited for half a second")
        [(data, stamp)] = second.receive()
    assert data[12:] == advert[12:]
    assert before <= stamp <= sent + SECOND // 4


def test_sealed_adverts_arrive_with_their_seal_and_other_ipsec_does_not() -> None:
    seal = Seal(b"secret12", unicast=False)
    form = Format(2, 51, SECOND, None, packed(GROUPS[4]), ah=seal)
    plain = encode(form, 100, [packed("192.0.2.9")], packed("192.0.2.1"))
    other = plain[:20] + b"\x06" + plain[21:]  # TCP in AH
    heard: list[bytes] = []
    with Net() as net, contextlib.ExitStack() as opened:
        lan = net.bridge("lan")
        first, second = (opened.enter_context(contextlib.closing(_link(net, lan, n, PROTOCOL_AH))) for n in (1, 2))

        def arrived() -> bool:
            first.send(other)
            first.send(seal.close(plain, 70_000))
            heard.extend(data for data, _stamp in second.receive())
            return len(heard) >= 3

        until(arrived, timeout=30, what="three sealed adverts arrive")
    assert all(isinstance(decode(data, form), Advert) for data in heard)


@pytest.mark.parametrize("to", ["", "2001:db8::2"])
def test_an_ipv6_packet_comes_with_the_header_that_it_left_with(to: str) -> None:
    form = Format(3, 51, SECOND, None, packed(GROUPS[6]), ttl=77)
    advert = encode(form, 100, [packed("2001:db8::9")], packed("2001:db8::1"), 0, packed(to) if to else None)
    with Net() as net, contextlib.ExitStack() as opened:
        lan = net.bridge("lan")
        first, second = (opened.enter_context(contextlib.closing(_link(net, lan, number, 6))) for number in (1, 2))
        heard: list[tuple[bytes, int]] = []

        def arrived() -> bool:
            with contextlib.suppress(OSError):  # no route yet
                first.send(advert, to)
            heard.extend(second.receive())
            return bool(heard)

        until(arrived, timeout=30, what="the packet arrives")
        assert not first.receive()
    assert heard[0][0][4:] == advert[4:]
    assert heard[0][0][0] == 0x60
    assert heard[0][1]


@pytest.mark.parametrize("family", [4, 6])
def test_a_bell_rings_for_priority_0_and_for_the_loud_alone(family: int) -> None:
    own, virtual, start = {4: ("192.0.2.1", "192.0.2.9", 20), 6: ("fe80::1", "fe80::9", 0)}[family]

    def send(vrid: int, priority: int = 100) -> None:
        first.send(encode(Format(3, vrid, SECOND, None, packed(GROUPS[family])), priority, [packed(virtual)], packed(own)))

    def rings() -> list[int]:
        """The VRIDs that it rang for; priority 0 of VRID 77 says that these are all."""
        send(77, 0)
        messages: list[bytes] = []
        while not messages or messages[-1][1:3] != b"\x4d\0":
            until(lambda: select.select([bell], [], [], 0)[0], timeout=10, what="priority 0 rings")
            messages.append(os.read(bell.fileno(), 64)[start:])
        return [message[1] for message in messages[:-1]]

    with Net() as net, contextlib.ExitStack() as opened:
        lan = net.bridge("lan")
        first, second = (opened.enter_context(contextlib.closing(_link(net, lan, number, family))) for number in (1, 2))
        with net.host("host2").entered():
            second.bell = bell = Bell(second)

        def arrived() -> bool:
            send(1)
            return bool(second.receive())

        until(arrived, timeout=30, what="the link is up")
        assert 1 in rings()  # for everything, as yet
        for loud in (set(), {51}, {1, 31, 32, 33, 64, 191, 192, 255}):
            assert bell.ring_for(sum(1 << vrid for vrid in loud))
            rang = []
            for vrid in range(1, 256):  # one by one: it has room for a few
                send(vrid)
                rang += rings()
            assert set(rang) == loud
        assert not bell.ring_for(sum(1 << vrid for vrid in loud))
        send(51, 0)
        until(lambda: select.select([bell], [], [], 0)[0], timeout=10, what="it rings")
        bell.silence()
        assert not select.select([bell], [], [], 0)[0]


def _link(net: Net, lan: Bridge, number: int, family: int) -> Link:
    host = net.host(f"host{number}")
    host.join(lan, "eth0", f"192.0.2.{number}/24", f"2001:db8::{number}/64")
    index = int(host.ip("-o link show dev eth0").split(":")[0])
    with host.entered():
        return LINKS[family]("eth0", index, GROUPS[family])
