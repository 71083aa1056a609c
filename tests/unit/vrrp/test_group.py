"""What a sync group makes of its members' states."""

from __future__ import annotations

import pytest

from services.vrrp.election.actions import State
from services.vrrp.election.group import Member, followers, ready, shared_faults, state_of

INIT, BACKUP, MASTER, FAULT = State.INIT, State.BACKUP, State.MASTER, State.FAULT


@pytest.mark.parametrize(
    ("states", "word"),
    [
        ([MASTER, MASTER], MASTER),
        ([MASTER, BACKUP], BACKUP),
        ([MASTER, INIT], INIT),
        ([BACKUP, INIT, FAULT], FAULT),
    ],
)
def test_the_worst_member_names_the_group(states: list[State], word: State) -> None:
    assert state_of(states) is word


def test_nobody_may_lead_before_all_could() -> None:
    wants, waits = Member("a", BACKUP, True), Member("b", BACKUP, False)
    assert ready([wants, Member("b", MASTER, False)])
    assert not ready([wants, waits])
    assert not ready([wants, Member("b", FAULT, True)])


@pytest.mark.parametrize(
    ("members", "before", "target"),
    [
        ([Member("a", MASTER, False), Member("b", BACKUP, False)], BACKUP, (MASTER, ("b",))),
        ([Member("a", BACKUP, False), Member("b", MASTER, False)], MASTER, (BACKUP, ("b",))),
        ([Member("a", BACKUP, True), Member("b", BACKUP, False)], BACKUP, (BACKUP, ())),
        ([Member("a", BACKUP, True), Member("b", BACKUP, True)], BACKUP, (MASTER, ("a", "b"))),
        ([Member("a", FAULT, False), Member("b", MASTER, False)], MASTER, (FAULT, ())),
    ],
)
def test_others_follow_the_member_that_moved(
    members: list[Member], before: State, target: tuple[State, tuple[str, ...]]
) -> None:
    assert followers(members, members[0], before) == target


def test_a_fault_of_one_is_a_fault_of_all_with_its_name() -> None:
    own = {"a": ("interface eth0 is down",), "b": ()}
    assert shared_faults(own, "a", "G") == ()
    assert shared_faults(own, "b", "G") == ("a of sync group G: interface eth0 is down",)
