"""What does a sync group want of its members? Pure functions over their states (keepalived's vrrp_sync_group).

All members share one state: one member's fault is everybody's, one that becomes MASTER or BACKUP takes the others along,
and nobody becomes MASTER by time before all of them could.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from services.vrrp.election.actions import State


class Member(NamedTuple):
    """One member as the group sees it."""

    name: str
    state: State
    wants_master: bool


class GroupState(NamedTuple):
    """A sync group as it was last told."""

    state: State
    since: int
    cause: str


def state_of(members: Sequence[State]) -> State:
    """The one word for the group."""
    for state in (State.FAULT, State.INIT, State.BACKUP):
        if state in members:
            return state
    return State.MASTER


def ready(members: Iterable[Member]) -> bool:
    """Every member is master or could become it now."""
    return all(m.state is State.MASTER or (m.state is State.BACKUP and m.wants_master) for m in members)


def followers(members: Sequence[Member], mover: Member, before: State) -> tuple[State, tuple[str, ...]]:
    """Where others must go after `mover` went from `before` to its state, and who must."""
    if mover.state is State.MASTER and before is not State.MASTER:
        return State.MASTER, tuple(m.name for m in members if m.state is State.BACKUP)
    if mover.state is State.BACKUP and before is State.MASTER:
        return State.BACKUP, tuple(m.name for m in members if m.state is State.MASTER)
    if mover.state is State.BACKUP and mover.wants_master and ready(members):
        return State.MASTER, tuple(m.name for m in members if m.state is State.BACKUP)
    return mover.state, ()


def shared_faults(own: Mapping[str, Sequence[str]], member: str, group: str) -> tuple[str, ...]:
    """Faults that `member` has because of others: `own` gives each member's own ones, in words.

    What it has itself as well, because the group tracks it, is not said again.
    """
    theirs = {other: [fault for fault in faults if fault not in own[member]] for other, faults in own.items()}
    return tuple(f"{other} of sync group {group}: {'; '.join(faults)}" for other, faults in theirs.items() if faults)
