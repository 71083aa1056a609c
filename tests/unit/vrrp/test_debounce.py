"""Interfaces that are down, or up again, for a moment: what is believed of them, and what a master makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from services.common.errors import InvalidValue
from services.vrrp.config.resolve import resolve
from services.vrrp.config.settings import DECODERS, SECOND
from services.vrrp.election.actions import AddAddresses, Announce, RemoveAddresses
from services.vrrp.election.events import AddressVanished, Configured, InterfaceChanged, Started, TimeReached
from services.vrrp.election.node import Node

T0 = 100 * SECOND
ETH0 = InterfaceChanged("eth0", 2, True, ("192.0.2.5",))
ETH1 = InterfaceChanged("eth1", 3, True, ("198.51.100.5",))
DOWN0, DOWN1 = ETH0._replace(up=False), ETH1._replace(up=False, addresses=())
VIP = {"address": "192.0.2.10/24"}, {"address": "198.51.100.10/24", "dev": "eth1"}


def delays(*rows: tuple[str, int, int]) -> dict[str, Any]:
    keys = ("name", "down_delay", "up_delay")
    return {"interface_up_down_delays": [dict(zip(keys, row, strict=True)) for row in rows]}


def master(*rows: tuple[str, int, int], **more: Any) -> Node:
    """An owner, which is master from T0 on."""
    own = {"interface": "eth0", "virtual_router_id": 51, "priority": 255, "virtual_ipaddress": list(VIP)} | more
    objects = {("global", ""): delays(*rows), ("vrrp_instance", "A"): own}
    node = Node()
    for event in (Started(()), ETH0, ETH1):
        node.step(event, T0)
    node.step(Configured(resolve({key: DECODERS[key[0]](key[1], value) for key, value in objects.items()})), T0)
    node.step(TimeReached(), T0)
    assert state(node) == "MASTER"
    return node


def state(node: Node) -> str:
    return node.routers["A"].state.value


def at(node: Node, now: int) -> None:
    """Time goes by, with nothing else happening."""
    while (due := node.deadline()) is not None and due <= now:
        node.step(TimeReached(), due)


def test_without_a_delay_an_interface_is_down_at_once() -> None:
    node = master(("eth1", SECOND, SECOND))
    node.step(DOWN0, T0)
    assert state(node) == "FAULT"


def test_a_moment_changes_nothing_but_what_was_lost_is_put_back() -> None:
    node = master(("eth1", 2 * SECOND, 0))
    assert node.step(DOWN1, T0) == ()
    assert node.step(AddressVanished("eth1", "198.51.100.10"), T0) == ()
    at(node, T0 + SECOND)
    assert state(node) == "MASTER"
    actions = node.step(ETH1, T0 + SECOND)
    assert [type(action) for action in actions] == [AddAddresses, Announce]
    assert [row.address for row in actions[0].addresses] == ["198.51.100.10"]  # type: ignore[union-attr]
    at(node, T0 + 9 * SECOND)
    assert state(node) == "MASTER"


def test_down_for_the_whole_delay_is_down() -> None:
    node = master(("eth1", 2 * SECOND, 0))
    node.step(DOWN1, T0)
    at(node, T0 + 2 * SECOND - 1)
    assert state(node) == "MASTER"
    node.step(TimeReached(), T0 + 2 * SECOND)
    assert state(node) == "FAULT"
    node.step(ETH1, T0 + 3 * SECOND)
    assert state(node) == "BACKUP"


def test_the_delay_is_counted_from_the_first_word_of_a_change() -> None:
    node = master(("eth1", 2 * SECOND, 0))
    node.step(DOWN1, T0)
    node.step(DOWN1._replace(addresses=("198.51.100.6",)), T0 + SECOND)
    at(node, T0 + 2 * SECOND)
    assert state(node) == "FAULT"


def test_up_again_counts_after_its_own_delay_and_not_if_it_is_down_before() -> None:
    node = master(("eth1", 0, 2 * SECOND))
    node.step(DOWN1, T0)
    assert state(node) == "FAULT"
    node.step(ETH1, T0 + SECOND)
    node.step(DOWN1, T0 + 2 * SECOND)
    node.step(ETH1, T0 + 3 * SECOND)
    at(node, T0 + 5 * SECOND - 1)
    assert state(node) == "FAULT"
    node.step(TimeReached(), T0 + 5 * SECOND)
    assert state(node) == "BACKUP"


def test_an_interface_that_goes_or_is_another_one_is_not_waited_for() -> None:
    for other in (InterfaceChanged("eth1", 0, False, ()), DOWN1._replace(number=7)):
        node = master(("eth1", 2 * SECOND, 2 * SECOND))
        node.step(DOWN1, T0)
        node.step(other, T0 + SECOND)
        assert state(node) == "FAULT"


def test_an_interface_that_has_never_been_up_is_up_at_once() -> None:
    node = master(("eth2", 0, SECOND), track_interface=[{"name": "eth2", "weight": 1}])
    node.step(InterfaceChanged("eth2", 4, False, ()), T0)
    node.step(InterfaceChanged("eth2", 4, True, ()), T0)
    assert node.surroundings.interfaces["eth2"].up


def test_an_address_that_somebody_removes_from_an_interface_that_is_up_is_missed() -> None:
    node = master(("eth1", 2 * SECOND, 0))
    actions = node.step(AddressVanished("eth1", "198.51.100.10"), T0)
    assert RemoveAddresses in [type(action) for action in actions]


def test_a_delay_that_peers_would_not_wait_for_is_cut_with_a_warning() -> None:
    objects = {
        ("global", ""): delays(("eth0", 60 * SECOND, 0), ("eth1", 60 * SECOND, 0)),
        ("vrrp_instance", "A"): {"interface": "eth0", "virtual_router_id": 51, "advert_int": 2 * SECOND},
        ("vrrp_instance", "B"): {"interface": "eth0", "virtual_router_id": 52, "advert_int": 9 * SECOND},
    }
    found = resolve({key: DECODERS[key[0]](key[1], value) for key, value in objects.items()})
    assert {name: one.down for name, one in found.delays.items()} == {"eth0": 3_992_187_500, "eth1": 60 * SECOND}
    assert [(p.key, p.field, p.severity) for p in found.problems] == [
        ("config/global", "interface_up_down_delays[0].down_delay", "warning")
    ]


@pytest.mark.parametrize(
    ("rows", "field"),
    [
        ([("eth0", 256 * SECOND, 0)], "interface_up_down_delays[0].down_delay"),
        ([("eth0", 0, -1)], "interface_up_down_delays[0].up_delay"),
        ([("", 0, 0)], "interface_up_down_delays[0].name"),
        ([("eth0", 1, 0), ("eth0", 0, 0)], "interface_up_down_delays[1].name"),
    ],
)
def test_delays_that_cannot_be_used_are_refused(rows: list[tuple[str, int, int]], field: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        DECODERS["global"]("", delays(*rows))
    assert refused.value.field == field
