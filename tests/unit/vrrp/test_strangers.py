"""Adverts of virtual routers that are not configured: each sender is told of, but not with each advert, and not endlessly."""

from __future__ import annotations

from services.vrrp.config.resolve import resolve
from services.vrrp.config.settings import DECODERS, SECOND, packed
from services.vrrp.election.events import Configured, InterfaceChanged, PacketReceived, Started
from services.vrrp.election.node import Node
from services.vrrp.election.strangers import AGAIN, MOST, Stranger, Strangers
from services.vrrp.wire.packet import Format, encode

T0 = 100 * SECOND
FOUR = encode(Format(2, 7, SECOND, None, packed("224.0.0.18")), 100, [packed("192.0.2.9")], packed("192.0.2.8"))
SIX = encode(Format(3, 7, SECOND, None, packed("ff02::12")), 100, [packed("fe80::9")], packed("fe80::8"))


def configured(node: Node, on: bool) -> None:
    objects = {
        ("global", ""): {"log_unknown_vrids": on},
        ("vrrp_instance", "A"): {"interface": "eth0", "virtual_router_id": 51, "virtual_ipaddress": [{"address": "192.0.2.1"}]},
    }
    node.step(Configured(resolve({key: DECODERS[key[0]](key[1], value) for key, value in objects.items()})), T0)


def test_whose_adverts_they_are_is_remembered_while_it_is_asked_for() -> None:
    node = Node()
    node.step(Started(()), T0)
    node.step(InterfaceChanged("eth0", 2, True, ("192.0.2.5",)), T0)
    configured(node, False)
    node.step(PacketReceived("eth0", FOUR), T0)
    assert node.reception.strangers is None
    for _ in range(2):
        configured(node, True)
        node.step(PacketReceived("eth0", FOUR), T0)
        node.step(PacketReceived("eth0", SIX), T0)
    assert node.reception.strangers is not None
    assert node.reception.strangers.take() == [Stranger("eth0", 7, 4, "192.0.2.8"), Stranger("eth0", 7, 6, "fe80::8")]
    assert node.reception.strangers.take() == []
    assert node.reception.rejected == {"unknown_vrid": 5}


def test_one_is_worth_a_word_again_after_an_hour() -> None:
    strangers = Strangers()
    for at in (T0, T0 + AGAIN - 1, T0 + AGAIN):
        strangers.hear("eth0", 7, FOUR, at)
    assert len(strangers.take()) == 2


def test_a_flood_of_made_up_senders_is_not_remembered_for_ever() -> None:
    strangers = Strangers()
    for number in range(2 * MOST):
        strangers.hear("eth0", 7, FOUR[:12] + number.to_bytes(4, "big") + FOUR[16:], T0)
    assert len(strangers.take()) == MOST
    strangers.hear("eth0", 7, FOUR, T0 + AGAIN)
    assert strangers.take() == [Stranger("eth0", 7, 4, "192.0.2.8")]
