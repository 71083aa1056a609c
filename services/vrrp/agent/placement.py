"""Which virtual routes and rules, static addresses, routes and rules are in place, and why not the others?

Compares what is configured with what the kernel has. The engine is not asked: thousands of routes in its messages would make
adverts wait; what it says of rows that it could not put in place comes as problems.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from services.common.problems import Problem
from services.vrrp.addresses import VirtualAddress
from services.vrrp.config.settings import Settings, StaticEntries, VrrpInstance
from services.vrrp.routing.routing import absence

if TYPE_CHECKING:
    from services.vrrp.routing.routes import Route
    from services.vrrp.routing.rules import Rule

MENTIONED = 3  # entries that one sentence names
GONE = "the kernel does not have it: somebody removed it, or it is just being put there"
LEFT_ALONE = "somebody removed it, and no_track leaves it so"


class Link(Protocol):
    """What counts of an interface."""

    @property
    def up(self) -> bool: ...

    @property
    def addresses(self) -> tuple[str, ...]: ...


class Kernel(NamedTuple):
    """What the kernel has: interfaces by name, and the identities of the routes and rules that were asked for."""

    interfaces: Mapping[str, Link]
    rows: Collection[tuple[Any, ...]]


class Entry(NamedTuple):
    """One line of a configuration. `wanted`: this node should have it now; `reason`: why it has not."""

    owner: str  # name of a `vrrp_instance` or of a `static`
    field: str  # virtual_routes, virtual_rules, static_ipaddress, static_routes or static_rules
    line: str
    wanted: bool
    in_place: bool
    reason: str

    @property
    def missing(self) -> bool:
        return self.wanted and not self.in_place


Owned = tuple[str, str, bool, Sequence["VirtualAddress | Route | Rule"]]  # owner, field, wanted, rows


def owned(objects: Mapping[tuple[str, str], Settings], states: Mapping[str, str]) -> Iterator[Owned]:
    """Everything that may be in place; `states`: of the instances that run, by name."""
    for (_kind, name), given in sorted(objects.items()):
        if isinstance(given, VrrpInstance) and name in states:
            master = states[name] == "MASTER"
            yield name, "virtual_routes", master, given.virtual_routes
            yield name, "virtual_rules", master, given.virtual_rules
        elif isinstance(given, StaticEntries):
            yield name, "static_ipaddress", True, given.static_ipaddress
            yield name, "static_routes", True, given.static_routes
            yield name, "static_rules", True, given.static_rules


def entries(everything: Iterable[Owned], kernel: Kernel, problems: Iterable[Problem]) -> Iterator[Entry]:
    """Each row with what is known of it. `problems`: what the engine says is wrong."""
    reasons = {(p.key, p.field, line): reason for p in problems for line, reason in _named(p.reason)}
    for owner, field, wanted, rows in everything:
        key = f"config/{'static' if field.startswith('static') else 'vrrp_instance'}/{owner}"
        for row in rows:
            if isinstance(row, VirtualAddress):
                named, line = row.address, f"{row.address}/{row.prefix} dev {row.dev}"
            else:
                named = line = row.text
            there = _there(row, kernel)
            reason = "" if there or not wanted else reasons.get((key, field, named)) or _reason(row, kernel)
            yield Entry(owner, field, line, wanted, there, reason)


def sentences(found: Sequence[Entry]) -> Iterator[str]:
    """What `explain` says of an instance's virtual routes and rules."""
    wanted = [entry for entry in found if entry.wanted]
    missing = [entry for entry in wanted if entry.missing]
    if not wanted:
        return
    if not missing:
        yield f"Its virtual routes and rules are in place ({len(wanted)})."
        return
    named = "; ".join(f"{entry.line}: {entry.reason}" for entry in missing[:MENTIONED])
    more = f"; and {len(missing) - MENTIONED} more" if len(missing) > MENTIONED else ""
    yield f"{len(missing)} of its {len(wanted)} virtual routes and rules are not in place: {named}{more}."


def _named(text: str) -> Iterator[tuple[str, str]]:
    """Line, or address, and reason out of what `absence` makes."""
    line, found, reason = text.partition(absence("", "").removeprefix("''"))
    if found:
        yield line[1:-1], reason


def _there(row: VirtualAddress | Route | Rule, kernel: Kernel) -> bool:
    if isinstance(row, VirtualAddress):
        return row.dev in kernel.interfaces and row.address in kernel.interfaces[row.dev].addresses
    return row.identity in kernel.rows


def _reason(row: VirtualAddress | Route | Rule, kernel: Kernel) -> str:
    for name in (row.dev,) if isinstance(row, VirtualAddress) else row.devices:
        if name not in kernel.interfaces:
            return f"interface {name} does not exist"
        if not kernel.interfaces[name].up:
            return f"interface {name} is down"
    return LEFT_ALONE if not isinstance(row, VirtualAddress) and row.no_track else GONE
