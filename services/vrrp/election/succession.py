"""How does a successor's node become what a living predecessor's is? All of it as one JSON object, told and taken up.

Of each virtual router that is `carry`'s; here is what lies around them: trackers, groups, holders, who is held back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from services.vrrp.addresses import VirtualAddress
from services.vrrp.election.actions import Action, AddAddresses, AddRouting, State
from services.vrrp.election.holders import held_addresses
from services.vrrp.election.snapshot import Saved

if TYPE_CHECKING:
    from services.vrrp.election.node import Node

Told = Mapping[str, Any]


def carried(node: Node) -> dict[str, Any]:
    """Where everything is, for the `Inherited` of a successor."""
    routers = node.routers
    return {
        "routers": {name: router.carried() for name, router in routers.items()},
        "sources": {name: r.inputs.source.hex() for name, r in routers.items() if r.inputs.source is not None},
        "addresses": {n: [row[:7] for row in r.addresses] for n, r in routers.items() if r.state is State.MASTER},
        "groups": node.group_states,
        "tracked": {kind: source.carried() for kind, source in node.surroundings.sources.items()},
        "neighbors": node.surroundings.neighbors.carried(),
        "rejected": node.reception.rejected,
    }


def left(told: Told) -> dict[tuple[str, str], Saved]:
    """The addresses that the predecessor's masters hold, as a killed one would leave them."""
    found = {}
    for name, rows in told["addresses"].items():
        addresses = tuple(VirtualAddress(*row) for row in rows)
        found["instance", name] = Saved("instance", name, State.MASTER.value, addresses=addresses)
    return found


def source_of(told: Told, name: str) -> bytes | None:
    """The address that a router sends its adverts from."""
    source = told["sources"].get(name)
    return bytes.fromhex(source) if source is not None else None


def take_up(node: Node, told: Told, now: int) -> None:
    """What is known of all that is tracked, and what was counted."""
    node.reception.rejected.update(told["rejected"])
    node.surroundings.neighbors.take_up(told.get("neighbors", {}), now)
    for kind, source in node.surroundings.sources.items():
        source.take_up(told["tracked"].get(kind, {}))


def hold(node: Node, names: Iterable[str]) -> list[Action]:
    """Note who holds what, and add what a master should hold and does not: somebody removed it just now."""
    actions: list[Action] = []
    for name in names:
        router = node.routers[name]
        if router.state is State.MASTER:
            node.holders.settle([AddAddresses(name, router.addresses), AddRouting(name, router.settings.routing)])
            held = set(held_addresses(router, node.surroundings))
            lost = tuple(row for row in router.addresses if row not in held)
            actions += [AddAddresses(name, lost)] if lost else []
    return actions
