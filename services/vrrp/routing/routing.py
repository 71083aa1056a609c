"""Which routes and rules are to be changed, and in which order? Lists of rows become actions.

Rows are compared by what the kernel is told of them, not by how their lines are written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.vrrp.election.actions import Action, AddRouting, RemoveRouting

if TYPE_CHECKING:
    from services.vrrp.routing.routes import Route
    from services.vrrp.routing.rules import Rule


def difference(owner: str, old: tuple[Route | Rule, ...], new: tuple[Route | Rule, ...]) -> list[Action]:
    """From `old` to `new`: what is added comes before what goes, so that traffic always has its way."""
    had, wanted = {row.identity for row in old}, {row.identity for row in new}
    added = tuple(row for row in new if row.identity not in had)
    removed = tuple(row for row in reversed(old) if row.identity not in wanted)
    actions: list[Action] = [AddRouting(owner, added)] if added else []
    if removed:
        actions.append(RemoveRouting(owner, removed))
        # The kernel may have taken another one of the same place for the one that was to go.
        places = {row.place for row in removed}
        beside = tuple(row for row in new if row.place in places)
        actions += [AddRouting(owner, beside)] if beside else []
    return actions


def removal(owner: str, rows: tuple[Route | Rule, ...]) -> list[Action]:
    """All of them, the last first: rules before the routes that they lead to."""
    return [RemoveRouting(owner, rows[::-1])] if rows else []


def back_with(interface: str, rows: tuple[Route | Rule, ...]) -> tuple[Route | Rule, ...]:
    """What the kernel may have dropped while an interface was gone or down, and takes again now."""
    return tuple(row for row in rows if row.depends_on(interface))


def absence(line: str, reason: str) -> str:
    """What a problem says of a row, or an address, that could not be put in place."""
    return f"{line!r} is not there: {reason}"
