"""What does a BFD session mean for an election? Through the node: up, down, a bfd process that is gone, a successor."""

from __future__ import annotations

from typing import Any

from services.vrrp.config.resolve import resolve
from services.vrrp.config.settings import DECODERS, SECOND
from services.vrrp.election.events import BfdChanged, BfdLost, Configured, InterfaceChanged, Started, TimeReached
from services.vrrp.election.neighbors import PATIENCE
from services.vrrp.election.node import Node
from services.vrrp.election.snapshot import Saved
from services.vrrp.views import bfd_view, instance_view

T0 = 100 * SECOND


def running(*saved: Saved, weight: int = 0, at: int = T0, **tracked: Any) -> Node:
    """An instance A that tracks the session b."""
    value = {"interface": "eth0", "virtual_router_id": 51, "track_bfd": [{"name": "b", "weight": weight, **tracked}]}
    objects = {("vrrp_instance", "A"): value, ("bfd_instance", "b"): {"neighbor_ip": "192.0.2.2"}}
    node = Node()
    node.step(Started(saved), at)
    node.step(InterfaceChanged("eth0", 2, True, ("192.0.2.5",)), at)
    configure(node, objects, at)
    return node


def configure(node: Node, objects: dict[tuple[str, str], dict[str, Any]], now: int) -> None:
    node.step(Configured(resolve({(kind, name): DECODERS[kind](name, v) for (kind, name), v in objects.items()})), now)


def state(node: Node) -> str:
    return node.routers["A"].state.value


def advance(node: Node, until: int) -> None:
    """Serve what is due up to a moment."""
    while (due := node.deadline()) is not None and due <= until:
        node.step(TimeReached(), due)


def test_an_unweighted_session_is_a_fault_until_it_is_up_and_again_when_it_goes_down() -> None:
    node = running()
    assert state(node) == "FAULT"
    assert node.routers["A"].inputs.faults == ("BFD session b is down",)
    node.step(BfdChanged("b", True), T0)
    assert state(node) == "BACKUP"
    node.step(BfdChanged("b", False), T0)
    assert state(node) == "FAULT"


def test_reverse_is_a_fault_while_it_is_up() -> None:
    node = running(reverse=True)
    assert state(node) == "BACKUP"
    node.step(BfdChanged("b", True), T0)
    assert node.routers["A"].inputs.faults == ("BFD session b is up",)


def test_a_weight_moves_the_priority() -> None:
    node = running(weight=-30)
    assert node.routers["A"].inputs.priority == 70
    node.step(BfdChanged("b", True), T0)
    assert node.routers["A"].inputs.priority == 100
    view = instance_view(node, "A", lambda at: at or 0)
    assert [(t["kind"], t["name"], t["state"], t["adjustment"]) for t in view["trackers"]] == [("bfd", "b", "up", 0)]


def test_a_process_that_is_replaced_in_time_changes_nothing() -> None:
    node = running()
    node.step(BfdChanged("b", True), T0)
    node.take_dirty()
    node.step(BfdLost(), T0)
    node.step(BfdChanged("b", None), T0 + SECOND)
    node.step(BfdChanged("b", True), T0 + 2 * SECOND)
    advance(node, T0 + PATIENCE + SECOND)
    assert state(node) == "MASTER"
    assert node.surroundings.neighbors.states["b"].since == T0


def test_a_process_that_stays_away_takes_its_sessions_down_after_a_bound() -> None:
    node = running()
    node.step(BfdChanged("b", True), T0)
    node.step(BfdLost(), T0)
    advance(node, T0 + PATIENCE - 1)
    assert state(node) == "MASTER"
    advance(node, T0 + PATIENCE)
    assert node.routers["A"].inputs.faults == ("BFD session b is down",)
    node.step(BfdChanged("b", None), T0 + PATIENCE + 1)
    assert state(node) == "FAULT"
    node.step(BfdChanged("b", True), T0 + PATIENCE + 2)
    assert state(node) == "BACKUP"


def test_processes_that_die_one_after_the_other_do_not_prolong_it() -> None:
    node = running()
    node.step(BfdChanged("b", True), T0)
    for after in range(0, PATIENCE, SECOND // 2):
        node.step(BfdLost(), T0 + after)
        node.step(BfdChanged("b", None), T0 + after)
    advance(node, T0 + PATIENCE)
    assert state(node) == "FAULT"


def test_a_new_process_that_says_down_is_believed_at_once() -> None:
    node = running()
    node.step(BfdChanged("b", True), T0)
    node.step(BfdLost(), T0)
    node.step(BfdChanged("b", False), T0 + 1)
    assert state(node) == "FAULT"


def test_a_successor_believes_what_its_predecessor_counted_for_so_long() -> None:
    node = running(Saved("bfd", "b", "up"))
    assert state(node) == "BACKUP"
    assert node.surroundings.neighbors.saved("b") == Saved("bfd", "b", "up")
    advance(node, T0 + PATIENCE)
    assert state(node) == "FAULT"
    assert state(running(Saved("bfd", "b", "down"))) == "FAULT"


def test_a_session_that_comes_back_into_the_configuration_is_down_until_heard() -> None:
    node = running(Saved("bfd", "b", "up"))
    value = {"interface": "eth0", "virtual_router_id": 51}
    configure(node, {("vrrp_instance", "A"): value}, T0)
    assert (state(node), node.surroundings.neighbors.states) == ("BACKUP", {})
    tracking = {("vrrp_instance", "A"): value | {"track_bfd": [{"name": "b"}]}}
    configure(node, tracking | {("bfd_instance", "b"): {"neighbor_ip": "192.0.2.2"}}, T0)
    assert state(node) == "FAULT"


def test_a_word_about_an_unknown_session_is_nothing() -> None:
    node = running()
    assert node.step(BfdChanged("x", True), T0) == ()


def test_the_view_says_how_it_counts_and_since_when() -> None:
    node = running()
    node.step(BfdChanged("b", True), T0 + 5)
    view = bfd_view(node, "b", {"state": "UP"}, True, lambda at: at or 0)
    assert view == {"state": "up", "since_at": T0 + 5, "current": True, "session": {"state": "UP"}}
