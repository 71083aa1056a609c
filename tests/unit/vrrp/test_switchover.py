"""A switchover is refused with the reason where it could not work, and says afterwards who has it."""

from __future__ import annotations

from typing import Any

import pytest

from services.vrrp.agent import switchover
from services.vrrp.agent.switchover import Peer, Switchover
from services.vrrp.views import InstanceView
from tests.unit.vrrp.test_explain import view

A, B, C = "192.168.200.1", "192.168.200.2", "192.168.200.3"


def master(**more: Any) -> InstanceView:
    return view(state="MASTER", source_address=A, master_address=A, effective_priority=100, **more)


def order(target: str = "b", hold: bool = False) -> Switchover:
    return Switchover("1-0", "VI_1", target, "test", 1, hold)


def peer(node: str = "b", source: str = B, priority: int = 100, state: str = "BACKUP", maintenance: bool = False) -> Peer:
    return Peer(node, state, priority, source, maintenance)


def refused(given: Switchover, mine: InstanceView, *peers: Peer) -> str:
    return switchover.refusal(given, mine, "a", {p.node: p for p in peers}, "")


def alone(given: Switchover, mine: InstanceView) -> str:
    return switchover.refusal(given, mine, "a", None, "the store is a file")


@pytest.mark.parametrize(
    ("given", "peers"),
    [
        (order("b"), [peer(priority=100)]),
        (order("b"), [peer(priority=150)]),
        (order(B), [peer()]),
        (order(""), [peer()]),
        (order("b", hold=True), [peer(priority=50)]),
        (order("c"), [peer("b"), peer("c", C)]),  # of equals, the higher address
        (order("b"), [peer(), peer("c", C, 200, "FAULT")]),
        (order("b"), [peer(), peer("c", C, 200, maintenance=True)]),
    ],
)
def test_what_can_work_is_not_refused(given: Switchover, peers: list[Peer]) -> None:
    assert refused(given, master(), *peers) == ""


@pytest.mark.parametrize(
    ("given", "mine", "peers", "reason"),
    [
        (order("b"), view(state="FAULT"), [peer()], "VI_1 is FAULT here, so there is nothing to hand over"),
        (
            order("c"),
            view(master_address=B, source_address=A),
            [peer()],
            "nothing to hand over: ask the master, b (192.168.200.2)",
        ),
        (order("c"), view(master_address=C, source_address=A), [peer()], "nothing to hand over: ask the master, 192.168.200.3"),
        (order("c"), view(source_address=A), [peer()], "VI_1 is BACKUP here, so there is nothing to hand over"),
        (order("a"), master(), [peer()], "VI_1 is already master on a"),
        (order(A), master(), [peer()], "VI_1 is already master on 192.168.200.1"),
        (order("b"), master(offering="maintenance: x"), [peer()], "VI_1 is being offered to its peers already: maintenance: x"),
        (order("b"), master(), [], "no other node runs VI_1, as far as the store knows"),
        (order("d"), master(), [peer()], "the store knows no running node d with VI_1; there are: b"),
        (order("b"), master(), [peer(state="FAULT"), peer("c", C)], "it cannot take VI_1 over: b is FAULT"),
        (order("b"), master(), [peer(maintenance=True), peer("c", C)], "it cannot take VI_1 over: b is in maintenance"),
        (order("b"), master(), [peer(state="INIT")], "no peer is ready to take VI_1 over: b is INIT"),
        (
            order("b"),
            master(),
            [peer(state="without its engine")],
            "no peer is ready to take VI_1 over: b is without its engine",
        ),
        (order("b"), master(), [peer(), peer("c", C, 150)], "c would take VI_1 over before b does: its priority is 150"),
        (
            order("b"),
            master(),
            [peer(priority=90)],
            "this node would take VI_1 back at once: its priority is 100, that of b 90",
        ),
        (order(""), master(), [peer(priority=90)], "this node would take VI_1 back at once"),
    ],
)
def test_what_cannot_work_is_refused_with_the_reason(
    given: Switchover, mine: InstanceView, peers: list[Peer], reason: str
) -> None:
    assert reason in refused(given, mine, *peers)


def test_nopreempt_leaves_the_peer_what_it_was_given() -> None:
    assert refused(order(), master(nopreempt=True), peer(priority=1)) == ""


@pytest.mark.parametrize(
    ("given", "mine", "reason"),
    [
        (order(""), master(nopreempt=True), ""),
        (order(B), master(nopreempt=True), ""),
        (order("", hold=True), master(), ""),
        (order(B), master(heard_address=B, heard_priority=100), ""),
        (order(B), master(heard_address=B, heard_priority=99), "would take VI_1 back at once"),
        (
            order(B),
            master(heard_address=B, heard_priority=0),
            "nothing is known of the peers' priorities (the store is a file)",
        ),
        (order(C), master(heard_address=B, heard_priority=200), "nothing is known of the peers' priorities"),
        (order(""), master(), "nothing is known of the peers' priorities"),
        (order("b", hold=True), master(), "nothing is known of a node b (the store is a file): name the peer by its address"),
    ],
)
def test_without_a_store_it_goes_by_what_this_node_knows(given: Switchover, mine: InstanceView, reason: str) -> None:
    found = alone(given, mine)
    assert reason in found if reason else found == ""


@pytest.mark.parametrize(
    ("after", "outcome", "detail"),
    [
        (view(master_address=B, source_address=A), switchover.DONE, "b (192.168.200.2) took over"),
        (view(master_address=C, source_address=A), switchover.ELSEWHERE, "192.168.200.3 took over instead of b"),
        (master(), switchover.FAILED, "no peer took over"),
        (view(state="FAULT", cause="eth0 is down"), switchover.FAILED, "this node went to FAULT meanwhile: eth0 is down"),
        (None, switchover.FAILED, "the instance is no longer configured"),
    ],
)
def test_the_outcome_says_who_has_it(after: InstanceView | None, outcome: str, detail: str) -> None:
    found = switchover.verdict(order(), after, {"b": peer()})
    assert found[0] == outcome
    assert detail in found[1]


def test_without_a_store_the_outcome_goes_by_the_address() -> None:
    after = view(master_address=B, source_address=A)
    assert switchover.verdict(order(B), after, None) == (switchover.DONE, "192.168.200.2 took over")
    assert switchover.verdict(order(""), after, None) == (switchover.DONE, "192.168.200.2 took over")
    assert switchover.verdict(order(C), after, None)[0] == switchover.ELSEWHERE


def test_peers_are_known_by_their_status_keys() -> None:
    told = switchover.elections({"VI_1": view(source_address=B, maintenance="maintenance: x")})
    statuses = {
        "a": {"state": {"engine": "up", "elections": told}},
        "b": {"state": {"engine": "up", "elections": told}},
        "c": {"state": {"engine": "down", "elections": told}},
        "d": {"state": {"engine": "up", "elections": {"VI_2": told["VI_1"]}}},
        "e": {"state": {"engine": "up", "instances": {"VI_1": "BACKUP"}}},
        "f": {"state": {}},
        "g": "rubbish",
        "h": {"state": {"engine": "up", "elections": {"VI_1": "rubbish"}}},
    }
    assert switchover.peers_of(statuses, "VI_1", "a") == {
        "b": Peer("b", "BACKUP", 100, B, True),
        "c": Peer("c", "without its engine", 100, B, True),
    }
