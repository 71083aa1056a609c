"""Which virtual router of this node holds which address? One holder each, whatever the configuration says.

Two instances may list the same address, and an address may move from one instance to another in one change. Nobody
removes what another one holds. The same holds for routes and rules.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from services.vrrp.addresses import VirtualAddress
from services.vrrp.election.actions import (
    Action,
    AddAddresses,
    AddRouting,
    RemoveAddresses,
    RemoveRouting,
    SendAdvert,
    SendTogether,
    State,
)

if TYPE_CHECKING:
    from services.vrrp.election.router import VirtualRouter
    from services.vrrp.election.surroundings import Surroundings
    from services.vrrp.routing.routes import Route
    from services.vrrp.routing.rules import Rule

Place = tuple[str, str]  # address, interface


def held_addresses(router: VirtualRouter, surroundings: Surroundings) -> tuple[VirtualAddress, ...]:
    """The addresses of a master that are on their interfaces now."""
    if router.state is not State.MASTER:
        return ()
    rows = [(row, surroundings.seen(row.dev)) for row in router.addresses]
    return tuple(row for row, seen in rows if seen is not None and row.address in seen.addresses)


class Holders:
    """The book of holders; `settle` passes every step's actions through it."""

    def __init__(self) -> None:
        self._of: dict[Place, str] = {}
        self._of_routing: dict[tuple[Any, ...], str] = {}  # by identity

    def of(self, address: str, interface: str) -> str | None:
        """The router that holds an address on an interface."""
        return self._of.get((address, interface))

    def of_routing(self, row: Route | Rule) -> str | None:
        """The router that holds a route or a rule."""
        return self._of_routing.get(row.identity)

    def settle(self, actions: Iterable[Action]) -> tuple[Action, ...]:
        """The same actions, without removals of what another router holds."""
        settled: list[Action] = []
        for action in actions:
            if isinstance(action, (SendAdvert, SendTogether)):  # most of them are
                pass
            elif isinstance(action, AddAddresses):
                for row in action.addresses:
                    self._of[row.address, row.dev] = action.router
            elif isinstance(action, RemoveAddresses):
                mine = tuple(row for row in action.addresses if self._release(action.router, row))
                if not mine:
                    continue
                action = RemoveAddresses(action.router, mine)
            elif isinstance(action, AddRouting):
                self._of_routing.update((row.identity, action.router) for row in action.rows)
            elif isinstance(action, RemoveRouting):
                rows = tuple(row for row in action.rows if self._release_routing(action.router, row))
                if not rows:
                    continue
                action = RemoveRouting(action.router, rows)
            settled.append(action)
        return tuple(settled)

    def _release(self, router: str, row: VirtualAddress) -> bool:
        holder = self._of.get((row.address, row.dev), router)
        if holder == router:
            self._of.pop((row.address, row.dev), None)
        return holder == router

    def _release_routing(self, router: str, row: Route | Rule) -> bool:
        holder = self._of_routing.get(row.identity, router)
        if holder == router:
            self._of_routing.pop(row.identity, None)
        return holder == router
