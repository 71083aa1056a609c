"""What does a node want done? The shell carries these out in order; failures come back as `events.Failed`."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from services.vrrp.addresses import VirtualAddress

if TYPE_CHECKING:
    from services.vrrp.routing.routes import Route
    from services.vrrp.routing.rules import Rule


class State(StrEnum):
    """RFC 9568 section 6.4, and keepalived's FAULT. The values are keepalived's words."""

    INIT = "INIT"
    BACKUP = "BACKUP"
    MASTER = "MASTER"
    FAULT = "FAULT"


class SendAdvert(NamedTuple):
    """Send one advert now: a complete IP packet but for IPv4's identification. `to`: a peer, or a group of
    the instance's own; empty: the group that is everybody's.

    `family`: 4, 6, or `packet.PROTOCOL_AH` for IPv4 in IPSEC-AH, complete with its identification and its `sequence`.
    `mac`: the source of the Ethernet frame; empty: the interface's.
    """

    router: str
    interface: str
    data: bytes
    to: str = ""
    family: int = 4
    sequence: int = 0
    mac: bytes = b""


class SendTogether(NamedTuple):
    """Send adverts now, of several routers. They are repeated so: the same object each time, while nothing changes."""

    adverts: tuple[SendAdvert, ...]


class AddAddresses(NamedTuple):
    """Put addresses on their interfaces; one that is there already is adopted.

    `instead` is taken off right before: the same addresses with other attributes, which the kernel does not change in place.
    """

    router: str
    addresses: tuple[VirtualAddress, ...]
    instead: tuple[VirtualAddress, ...] = ()


class RemoveAddresses(NamedTuple):
    """Take addresses off; drops what is still to be added or announced for the router."""

    router: str
    addresses: tuple[VirtualAddress, ...]


class AddRouting(NamedTuple):
    """Put routes and rules in place, after the addresses; what is there already is adopted."""

    router: str
    rows: tuple[Route | Rule, ...]


class RemoveRouting(NamedTuple):
    """Take routes and rules away, before the addresses; drops what is still to be added for the router."""

    router: str
    rows: tuple[Route | Rule, ...]


class Announce(NamedTuple):
    """Gratuitous ARP or an unsolicited neighbour advertisement for each address, `repeat` times, once they are in place."""

    router: str
    addresses: tuple[VirtualAddress, ...]
    repeat: int


class Hush(NamedTuple):
    """From now on links of a router send nothing of themselves (`on`), or may again: see `silence`."""

    router: str
    links: tuple[str, ...]
    on: bool


class Transition(NamedTuple):
    """Tell people. `after` is a State's value, STOP, DELETED or MASTER_RX_LOWER_PRI; a group's priority is 0."""

    kind: str
    name: str
    before: str
    after: str
    priority: int
    cause: str


Action = SendAdvert | SendTogether | AddAddresses | AddRouting | RemoveRouting | RemoveAddresses | Announce | Hush | Transition

ORDER = {
    SendAdvert: 0,
    SendTogether: 0,
    Hush: 1,
    AddAddresses: 2,
    AddRouting: 3,
    RemoveRouting: 3,
    RemoveAddresses: 4,
    Announce: 5,
}
LAST = 6


def in_order(actions: Iterable[Action]) -> list[Action]:
    """Those of one step: what is added comes before what is taken away, and stays if that was decided last."""
    kept: list[Action] = []
    added: set[tuple[str, str, str]] = set()  # router, address, interface
    for action in reversed(list(actions)):
        if isinstance(action, AddAddresses):
            added.update((action.router, row.address, row.dev) for row in action.addresses)
        elif isinstance(action, RemoveAddresses):
            rows = tuple(row for row in action.addresses if (action.router, row.address, row.dev) not in added)
            if not rows:
                continue
            action = RemoveAddresses(action.router, rows)
        kept.append(action)
    kept.reverse()
    return sorted(kept, key=lambda action: ORDER.get(type(action), LAST))
