"""What does an edit of one router cost where there are many? It concerns whom it concerns, and the rest is not looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from services.vrrp.config.staging import Staging
from services.vrrp.election import phase
from services.vrrp.election.events import Configured, InterfaceChanged, Started
from services.vrrp.election.lookup import Lookup
from services.vrrp.election.node import Node
from services.vrrp.election.router import VirtualRouter
from services.vrrp.election.router_events import Inputs
from services.vrrp.election.surroundings import Surroundings
from tests.kit.core import ETH0, ETH1, T0, Objects, vrrp

MANY = 40
EDGE = InterfaceChanged("eth0", 2, True, ("192.0.2.5", "192.0.2.200"))


class Edited:
    """A node whose configuration arrives as the engine gets it, and how often it has asked for a router's inputs."""

    def __init__(self, objects: Objects, monkeypatch: pytest.MonkeyPatch, *interfaces: InterfaceChanged) -> None:
        self.node, self._staging, self.asked = Node(), Staging(), list[str]()
        inputs: Callable[..., Inputs] = Surroundings.inputs

        def counted(surroundings: Surroundings, settings: Any, *rest: Any) -> Inputs:
            self.asked.append(settings.name)
            return inputs(surroundings, settings, *rest)

        monkeypatch.setattr(Surroundings, "inputs", counted)
        self.node.step(Started(()), T0)
        for interface in interfaces or (ETH0, ETH1):
            self.node.step(interface, T0)
        self.edit(objects)

    def edit(self, objects: Objects, delete: tuple[str, str] | None = None) -> list[str]:
        """Who was asked for inputs because of it."""
        self.asked.clear()
        self._staging.begin(complete=False)
        for (kind, name), value in objects.items():
            self._staging.put(kind, name, value)
        if delete is not None:
            self._staging.delete(*delete)
        committed = self._staging.commit(1)
        assert committed is not None
        assert not committed[1]
        self.node.step(Configured(committed[0]), T0)
        return sorted(self.asked)


def many(count: int = MANY, **more: Any) -> Objects:
    return {("vrrp_instance", f"V{k}"): vrrp(k, **more) for k in range(1, count + 1)}


@pytest.mark.parametrize("more", [{"priority": 120}, {"addresses": ["192.0.2.3", "192.0.2.99"]}, {"addresses": ["192.0.2.98"]}])
def test_an_edit_of_one_concerns_that_one(more: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    edited = Edited(many(), monkeypatch)
    assert edited.edit({("vrrp_instance", "V3"): vrrp(3, **more)}) == ["V3"]


def test_one_more_and_one_less_concern_that_one(monkeypatch: pytest.MonkeyPatch) -> None:
    edited = Edited(many(), monkeypatch)
    assert edited.edit({("vrrp_instance", "W"): vrrp(200)}) == ["W"]
    assert edited.edit({}, delete=("vrrp_instance", "W")) == []
    assert sorted(edited.node.routers) == sorted(name for _, name in many())


def test_an_address_that_becomes_virtual_concerns_whoever_may_have_sent_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    far = {("vrrp_instance", "FAR"): vrrp(250, interface="eth1", addresses=["198.51.100.9"])}
    edited = Edited(many(12) | far, monkeypatch, EDGE, ETH1)
    assert edited.edit({("vrrp_instance", "FAR"): vrrp(250, interface="eth1", addresses=["192.0.2.200"])}) == sorted(
        ["FAR", *(name for _, name in many(12))]
    )
    mine = {("vrrp_instance", "V1"): vrrp(1, addresses=["192.0.2.5"])}
    edited.edit(mine)
    assert {edited.node.routers[f"V{k}"].inputs.source for k in range(1, 13)} == {None}


def test_members_of_a_group_are_concerned_by_it_and_by_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    edited = Edited(many(), monkeypatch)
    assert edited.edit({("vrrp_sync_group", "G"): {"group": ["V1", "V2"]}}) == ["V1", "V2"]
    assert [edited.node.routers[name].inputs.in_group for name in ("V1", "V2", "V3")] == [True, True, False]
    assert edited.edit({("vrrp_instance", "V2"): vrrp(2, priority=90)}) == ["V1", "V2"]
    assert edited.edit({("vrrp_sync_group", "G"): {"group": ["V2", "V3"]}}) == ["V1", "V2", "V3"]
    assert edited.edit({}, delete=("vrrp_sync_group", "G")) == ["V2", "V3"]
    assert not any(router.inputs.in_group for router in edited.node.routers.values())


def test_when_there_are_many_all_learn_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    edited = Edited(many(phase.CROWD), monkeypatch)
    assert not any(router.inputs.crowded for router in edited.node.routers.values())
    edited.edit({("vrrp_instance", "W"): vrrp(200)})
    assert all(router.inputs.crowded for router in edited.node.routers.values())
    edited.edit({}, delete=("vrrp_instance", "W"))
    assert not any(router.inputs.crowded for router in edited.node.routers.values())


def test_what_does_not_change_is_the_same_object_again() -> None:
    staging = Staging()
    resolved = []
    for priority in (100, 120):
        staging.begin(complete=False)
        for (kind, name), value in (many(3) | {("vrrp_instance", "V2"): vrrp(2, priority=priority)}).items():
            staging.put(kind, name, value)
        committed = staging.commit(1)
        assert committed is not None
        resolved.append(committed[0].routers)
    assert [resolved[0][name] is resolved[1][name] for name in ("V1", "V2", "V3")] == [True, False, True]


def router(name: str, vrid: int, *addresses: str, interface: str = "eth0") -> VirtualRouter:
    staging = Staging()
    staging.begin(complete=True)
    staging.put("vrrp_instance", name, vrrp(vrid, interface=interface, addresses=list(addresses)))
    committed = staging.commit(1)
    assert committed is not None
    return VirtualRouter(committed[0].routers[name], Inputs())


def listing(*addresses: str) -> bytes:
    """A packet of VRRPv2 with these addresses, as far as a lookup reads it."""
    packed = b"".join(bytes(map(int, address.split("."))) for address in addresses)
    message = bytes([0x21, 77, 100, len(addresses), 0, 1, 0, 0]) + packed + bytes(8)
    return bytes([0x45, 0, 0, 20 + len(message), *bytes(16)]) + message


def test_a_lookup_follows_what_comes_changes_and_goes() -> None:
    lookup = Lookup()
    one, two = router("A", 51, "192.0.2.51"), router("B", 52, "192.0.2.51", "192.0.2.52", interface="eth1")
    lookup.follow({"A": one})
    assert [lookup.router_of("eth0", 51, b""), lookup.router_of("eth1", 51, b"")] == [one, None]
    assert lookup.watchers(("interface", "eth0")) == {"A"}
    lookup.follow({"A": one, "B": two})
    assert lookup.router_of("eth1", 52, b"") is two
    assert lookup.claimed("eth1", listing("192.0.2.51", "192.0.2.52")) == {two}
    one.settings = router("A", 53, "192.0.2.53").settings
    lookup.follow({"A": one, "B": two})
    assert [lookup.router_of("eth0", 51, b""), lookup.router_of("eth0", 53, b"")] == [None, one]
    assert [lookup.claimed("eth0", listing(a)) for a in ("192.0.2.51", "192.0.2.53")] == [set(), {one}]
    lookup.follow({"B": two})
    assert lookup.router_of("eth0", 53, b"") is None
    assert lookup.watchers(("interface", "eth0")) == set()
    assert lookup.watchers(("interface", "eth1")) == {"B"}


def test_two_that_list_one_address_are_both_blamed_until_one_goes() -> None:
    one, two = router("A", 51, "192.0.2.51"), router("B", 52, "192.0.2.51")
    lookup = Lookup()
    lookup.follow({"A": one, "B": two})
    assert lookup.claimed("eth0", listing("192.0.2.51")) == {one, two}
    lookup.follow({"A": one})
    assert lookup.claimed("eth0", listing("192.0.2.51")) == {one}
