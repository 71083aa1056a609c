"""Sync groups in a machine's core: one state, one transition, also after a restart."""

from __future__ import annotations

from services.vrrp.config.settings import SECOND, packed
from services.vrrp.election.actions import Action, AddAddresses, Announce, RemoveAddresses, SendAdvert, State
from services.vrrp.election.events import PacketReceived, ScriptResult, Started
from services.vrrp.election.node import Node
from services.vrrp.election.snapshot import Saved
from services.vrrp.views import group_view
from services.vrrp.wire.packet import encode
from tests.kit.core import (
    ETH0,
    ETH1,
    FORM,
    T0,
    Objects,
    advance,
    configure,
    grouped,
    one,
    running,
    states,
    told,
    vrrp,
)


def test_members_become_master_together_and_the_group_is_told_last() -> None:
    node = running(grouped())
    actions = advance(node, T0 + 4 * SECOND)
    assert told(actions) == [("A", "MASTER"), ("B", "MASTER"), ("G", "MASTER")]


def test_a_fault_of_one_member_is_everybodys() -> None:
    node = running(grouped())
    advance(node, T0 + 4 * SECOND)
    actions = node.step(ETH1._replace(up=False), T0 + 5 * SECOND)
    assert told(actions) == [("A", "FAULT"), ("B", "FAULT"), ("G", "FAULT")]
    assert node.routers["A"].inputs.faults == ("B of sync group G: interface eth1 is down",)
    assert told(node.step(ETH1, T0 + 6 * SECOND)) == [("A", "BACKUP"), ("B", "BACKUP"), ("G", "BACKUP")]


def test_members_start_as_master_only_all_together() -> None:
    both = grouped(state="master", priority=150)
    node = running(both)
    assert not node.routers["B"].inputs.start_master
    both["vrrp_instance", "A"] |= {"state": "master", "priority": 150}
    assert running(both).routers["B"].inputs.start_master


def test_a_member_that_hears_a_better_master_takes_the_others_along() -> None:
    node = running(grouped())
    advance(node, T0 + 4 * SECOND)
    data = encode(FORM._replace(vrid=52), 200, [packed("192.0.2.52")], packed("198.51.100.9"))
    actions = node.step(PacketReceived("eth1", data), T0 + 4 * SECOND)
    assert told(actions) == [("B", "BACKUP"), ("A", "BACKUP"), ("G", "BACKUP")]
    assert node.routers["A"].cause == "follows B of sync group G"


def test_a_member_that_hears_a_rival_makes_the_others_announce_too() -> None:
    node = running(grouped())
    advance(node, T0 + 4 * SECOND)
    data = encode(FORM, 50, [packed("192.0.2.51")], packed("192.0.2.9"))
    actions = node.step(PacketReceived("eth0", data), T0 + 4 * SECOND)
    assert [a.router for a in actions if isinstance(a, Announce)] == ["A", "B"]


def test_a_group_whose_members_start_anew_is_told_when_they_are_through() -> None:
    node = running(grouped())
    advance(node, T0 + 4 * SECOND)
    waiting = grouped(track_script=[{"name": "chk"}]) | {("vrrp_script", "chk"): {"script": "x"}}
    waiting["vrrp_instance", "B"]["virtual_router_id"] = 60
    assert ("G", "INIT") not in told(configure(node, waiting, T0 + 4 * SECOND))
    assert node.group_states["G"].state is State.INIT
    assert told(node.step(ScriptResult("chk", True), T0 + 4 * SECOND))[-1] == ("G", "BACKUP")


def test_a_group_that_stays_while_another_comes_is_not_told_again() -> None:
    node = running(grouped())
    node.take_dirty()
    more = grouped() | {("vrrp_instance", "C"): vrrp(53), ("vrrp_sync_group", "H"): {"group": ["C"]}}
    configure(node, more)
    assert ("group", "G") not in node.take_dirty()
    assert node.group_states["H"].state is State.BACKUP


def test_a_node_that_knows_no_interface_is_in_fault() -> None:
    node = Node()
    node.step(Started(()), T0)
    configure(node, one())
    assert node.routers["A"].inputs.faults == ("interface eth0 does not exist",)


def test_a_group_that_goes_away_lets_its_members_go_on() -> None:
    node = running(grouped())
    advance(node, T0 + 4 * SECOND)
    objects = grouped()
    del objects["vrrp_sync_group", "G"]
    configure(node, objects, T0 + 4 * SECOND)
    assert states(node) == {"A": "MASTER", "B": "MASTER"}
    assert node.groups == {}


def test_a_successors_group_is_as_it_was() -> None:
    saved = tuple(Saved("instance", name, "MASTER", last_advert=T0) for name in "AB")
    node = Node()
    node.step(Started(saved), T0)
    node.step(ETH0, T0)
    node.step(ETH1, T0)
    assert told(configure(node, grouped())) == []
    assert group_view(node, "G", lambda t: t or 0)["state"] == "MASTER"


def after_a_kill(objects: Objects, **last_adverts: int) -> tuple[Node, tuple[Action, ...]]:
    node = Node()
    node.step(Started(tuple(Saved("instance", name, "MASTER", last_advert=at) for name, at in last_adverts.items())), T0)
    node.step(ETH0, T0)
    node.step(ETH1, T0)
    return node, configure(node, objects)


def test_members_listen_all_together_where_peers_may_have_taken_one_over() -> None:
    node, actions = after_a_kill(grouped(), A=T0 - SECOND, B=T0 - 4 * SECOND)
    assert told(actions) == [("A", "BACKUP"), ("B", "BACKUP"), ("G", "BACKUP")]
    assert [a.router for a in actions if isinstance(a, RemoveAddresses)] == ["A", "B"]
    assert not [a for a in actions if isinstance(a, SendAdvert)]
    assert states(node) == {"A": "BACKUP", "B": "BACKUP"}


def test_a_member_that_is_new_follows_those_that_resume_and_has_its_addresses() -> None:
    node, actions = after_a_kill(grouped(), A=T0 - SECOND)
    assert states(node) == {"A": "MASTER", "B": "MASTER"}
    assert [a.router for a in actions if isinstance(a, AddAddresses)] == ["A", "B"]
    assert not [a for a in actions if isinstance(a, RemoveAddresses)]
