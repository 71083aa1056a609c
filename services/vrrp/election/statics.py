"""What must this machine have whoever is master? Static addresses, routes and rules, and who depends on them.

Put in place at the start, put back when somebody removes them, taken off on a declared stop. What cannot be put in place is
tried again every second; until it is there, the instances of its track group are in FAULT.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from services.vrrp.addresses import VirtualAddress
from services.vrrp.config.settings import SECOND, StaticEntries
from services.vrrp.election.actions import Action, AddAddresses, AddRouting, RemoveAddresses
from services.vrrp.routing import routing

if TYPE_CHECKING:
    from services.vrrp.routing.routes import Route
    from services.vrrp.routing.rules import Rule

OWNER = "static/"  # begins the name under which a `static` object holds its rows; no instance's name has a slash
RETRY = SECOND


class Statics:
    """The static entries of this node. Attributes are for reading."""

    def __init__(self) -> None:
        self.entries: Mapping[str, StaticEntries] = {}
        self.track_groups: Mapping[str, tuple[str, ...]] = {}
        self.missing: dict[tuple[str, Any], str] = {}  # (owner, row's identity) -> its track group
        self.retry_at: int | None = None

    def configure(self, entries: Mapping[str, StaticEntries], track_groups: Mapping[str, tuple[str, ...]]) -> list[Action]:
        """The difference, by name."""
        actions: list[Action] = []
        before, self.entries, self.track_groups = self.entries, entries, track_groups
        for name in before.keys() | entries.keys():
            old, new = before.get(name, StaticEntries()), entries.get(name, StaticEntries())
            if old != new:
                actions += _difference(OWNER + name, old, new)
        present = {(owner, _identity(row)): row.track_group for owner, row in self._rows()}
        self.missing = {key: present[key] for key in self.missing if key in present}
        return actions

    def result(self, owner: str, row: VirtualAddress | Route | Rule, reason: str, now: int) -> bool:
        """A row is in place (no reason) or could not be put there; True where that is new."""
        key = owner, _identity(row)
        was = key in self.missing
        if reason:
            self.missing[key] = row.track_group
            self.retry_at = now + RETRY
        else:
            self.missing.pop(key, None)
        return was != bool(reason)

    def retry(self) -> list[Action]:
        """`retry_at` has come: what is missing once more."""
        self.retry_at = None
        return [
            action
            for owner, row in self._rows()
            if (owner, _identity(row)) in self.missing
            for action in _additions(owner, row)
        ]

    def again(self, interface: str | None = None) -> list[Action]:
        """Everything once more, or what the kernel may have dropped while an interface was gone or down."""
        actions: list[Action] = []
        for name, entries in self.entries.items():
            addresses = tuple(row for row in entries.static_ipaddress if interface in (None, row.dev))
            rows = entries.routing if interface is None else routing.back_with(interface, entries.routing)
            actions += [AddAddresses(OWNER + name, addresses)] if addresses else []
            actions += [AddRouting(OWNER + name, rows)] if rows else []
        return actions

    def address_back(self, owner: str, address: str, interface: str) -> list[Action]:
        """Somebody removed a static address: it is put back."""
        rows = self.entries[owner.removeprefix(OWNER)].static_ipaddress
        back = tuple(row for row in rows if (row.address, row.dev) == (address, interface))
        return [AddAddresses(owner, back)] if back else []

    def stop(self) -> list[Action]:
        """A declared stop: all off, the last first."""
        return [
            action for name, entries in self.entries.items() for action in _difference(OWNER + name, entries, StaticEntries())
        ]

    def faults(self) -> dict[str, list[str]]:
        """In words, by instance."""
        found: dict[str, list[str]] = {}
        for owner, row in self._rows():
            if row.track_group and (owner, _identity(row)) in self.missing:
                for instance in self.track_groups.get(row.track_group, ()):
                    found.setdefault(instance, []).append(f"{_shown(row)} of {owner} is missing")
        return found

    def members(self, names: Iterable[str]) -> set[str]:
        """The instances of these track groups."""
        return {instance for name in names for instance in self.track_groups.get(name, ())}

    def _rows(self) -> Iterator[tuple[str, VirtualAddress | Route | Rule]]:
        for name, entries in self.entries.items():
            for row in entries.rows:
                yield OWNER + name, row


def _difference(owner: str, old: StaticEntries, new: StaticEntries) -> list[Action]:
    had, wanted = set(map(_told, old.static_ipaddress)), set(map(_told, new.static_ipaddress))
    added = tuple(row for row in new.static_ipaddress if _told(row) not in had)
    places = {_identity(row) for row in added}
    replaced = tuple(row for row in old.static_ipaddress if _told(row) not in wanted)
    gone = tuple(row for row in replaced if _identity(row) not in places)
    instead = tuple(row for row in replaced if _identity(row) in places)
    actions: list[Action] = [AddAddresses(owner, added, instead)] if added else []
    actions += routing.difference(owner, old.routing, new.routing)
    if instead and new.routing:
        actions.append(AddRouting(owner, new.routing))  # the kernel drops routes along with an address that they need
    actions += [RemoveAddresses(owner, gone)] if gone else []
    return actions


def _additions(owner: str, row: VirtualAddress | Route | Rule) -> list[Action]:
    return [AddAddresses(owner, (row,))] if isinstance(row, VirtualAddress) else [AddRouting(owner, (row,))]


def _told(row: VirtualAddress) -> VirtualAddress:
    """What the kernel and its monitor are told of a row."""
    return row._replace(track_group="")


def _identity(row: VirtualAddress | Route | Rule) -> Any:
    return (row.address, row.dev) if isinstance(row, VirtualAddress) else row.identity


def _shown(row: VirtualAddress | Route | Rule) -> str:
    return f"{row.address} dev {row.dev}" if isinstance(row, VirtualAddress) else row.text
