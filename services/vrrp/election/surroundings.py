"""What do interfaces, scripts, files and processes mean for each virtual router? The inputs of every election, from facts.

Holds what the shell reported of interfaces, and beside it `sources`; gives faults in words, adjustments and source addresses.
Knows no elections.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from services.vrrp.addresses import family, link_local, packed, place_of
from services.vrrp.config.resolve import Resolved, RouterSettings
from services.vrrp.config.settings import Tracked
from services.vrrp.election.events import InterfaceChanged
from services.vrrp.election.group import shared_faults
from services.vrrp.election.neighbors import Neighbors
from services.vrrp.election.orders import Maintenance, in_words
from services.vrrp.election.priority import LEAST, OWNER, effective
from services.vrrp.election.router_events import Inputs
from services.vrrp.election.sources import Checks, Files
from services.vrrp.election.track import Verdict, judge, judge_file

if TYPE_CHECKING:
    from services.vrrp.election.debounce import Debounce


class Tracker(NamedTuple):
    """One tracker of one instance, with what it does now. `kind` is "interface", "script", "file", "process" or "bfd".

    A file with a number that means no fault is up; `value` is the number.
    """

    kind: str
    name: str
    weight: int
    reverse: bool
    up: bool | None
    verdict: Verdict
    value: int = 0


class Seen(NamedTuple):
    """The addresses of an interface as `event` told of it; `real`: those that are not `virtual`, in the kernel's order."""

    event: InterfaceChanged
    virtual: frozenset[str]
    addresses: frozenset[str]
    real: list[str]


class Surroundings:
    """Interfaces, scripts, files, processes and BFD sessions of this machine. Attributes are for reading."""

    def __init__(self) -> None:
        self.interfaces: dict[str, InterfaceChanged] = {}
        self.scripts = Checks("script")
        self.processes = Checks("process")
        self.files = Files()
        self.sources: Mapping[str, Checks | Files] = {
            source.kind: source for source in (self.scripts, self.processes, self.files)
        }
        self.virtual: frozenset[str] = frozenset()
        self._seen: dict[str, Seen] = {}
        self.maintenance: Mapping[str, Maintenance] = {}
        self.static_faults: Mapping[str, list[str]] = {}  # by instance, of static entries that it depends on
        self.neighbors = Neighbors()
        self.debounce: Debounce | None = None  # while no interface is waited for

    def configure(self, wanted: Resolved, saved: Mapping[tuple[str, str], str], now: int) -> set[tuple[str, str]]:
        """New things to track and new virtual addresses; `saved` as `Saved` has it. Returns (kind, name) of what changed."""

        def left(kind: str) -> dict[str, str]:
            return {name: state for (of, name), state in saved.items() if of == kind}

        changed = {("script", name) for name in self.scripts.configure(wanted.scripts, left("script"), now)}
        changed |= {("process", name) for name in self.processes.configure(wanted.processes, left("process"), now)}
        changed |= {("file", name) for name in self.files.configure(wanted.files, left("file"), now)}
        routers = wanted.routers.values()
        if self.debounce is None and wanted.delays:
            from services.vrrp.election.debounce import Debounce  # hardly ever, and the engine's start is in a hurry

            self.debounce = Debounce(name for name, seen in self.interfaces.items() if seen.up)
        if self.debounce is not None:
            self.debounce.configure(wanted.delays)
        self.virtual = frozenset(row.address for router in routers for row in router.addresses + router.excluded)
        return changed

    def seen(self, interface: str) -> Seen | None:
        """The addresses of an interface; None: it does not exist."""
        event = self.interfaces.get(interface)
        if event is None:
            return None
        seen = self._seen.get(interface)
        if seen is None or seen.event is not event or seen.virtual is not self.virtual:
            real = [a for a in event.addresses if a not in self.virtual]
            seen = self._seen[interface] = Seen(event, self.virtual, frozenset(event.addresses), real)
        return seen

    def choosing_among(self, moved: frozenset[str], routers: Iterable[RouterSettings]) -> set[str]:
        """Whose interface has one of these addresses, which became virtual or are virtual no longer."""
        interfaces = {name for name, event in self.interfaces.items() if not moved.isdisjoint(event.addresses)}
        return {settings.name for settings in routers if settings.interface in interfaces} if interfaces else set()

    def only_virtual(self, before: InterfaceChanged, now: InterfaceChanged) -> frozenset[str] | None:
        """The virtual addresses that came or went, where nothing else is different; None: something is."""
        if before._replace(addresses=now.addresses) != now:
            return None
        if [a for a in before.addresses if a not in self.virtual] != [a for a in now.addresses if a not in self.virtual]:
            return None
        return frozenset(before.addresses).symmetric_difference(now.addresses)

    def waits(self, interface: str) -> bool:
        """Whether an interface is not yet believed to be as it is."""
        return self.debounce is not None and self.debounce.waits(interface)

    def trackers(self, settings: RouterSettings) -> list[Tracker]:
        """Each tracker of an instance, in the order of the configuration."""
        rows = []
        for tracked in settings.track_interface:
            interface = self.interfaces.get(tracked.name)
            rows.append(_checked("interface", tracked, interface is not None and interface.up))
        rows += [_checked("script", row, self.scripts.states[row.name].health.up) for row in settings.track_script]
        for tracked in settings.track_file:
            value = self.files.states[tracked.name].value
            verdict = judge_file(tracked, value)
            up = None if value is None else not verdict.fault
            weight, reverse = tracked.weight or 0, bool(tracked.reverse)
            rows.append(Tracker("file", tracked.name, weight, reverse, up, verdict, value or 0))
        rows += [_checked("process", row, self.processes.states[row.name].health.up) for row in settings.track_process]
        rows += [_checked("bfd", row, self.neighbors.states[row.name].up) for row in settings.track_bfd]
        return rows

    def inputs(
        self,
        settings: RouterSettings,
        mates: Iterable[RouterSettings],
        group: str | None,
        current: bytes | None,
        known: dict[str, list[str]],
    ) -> Inputs:
        """All inputs of one router; `mates` are the members of its group, itself included; `current` its source now.

        `known`: each instance's own faults, as far as others have asked in this moment.
        """
        mates = tuple(mates)
        for mate in mates:
            if mate.name not in known:
                known[mate.name] = self._faults(mate)
        own = {mate.name: known[mate.name] for mate in mates}
        faults = tuple(own[settings.name])
        if group is not None:
            faults += shared_faults(own, settings.name, group)
        priority = effective(settings.priority, (t.verdict.adjustment for t in self.trackers(settings)))
        waiting = any(t.verdict.waiting for mate in mates for t in self.trackers(mate))
        maintenance = in_words(self.maintenance, settings.name, (mate.name for mate in mates))
        start_master = all(mate.start_master for mate in mates) and not maintenance
        source = self._source(settings, current)
        if maintenance:
            priority = LEAST  # what an operator's weight script would leave of it
        return Inputs(faults, priority, waiting, source, group is not None, start_master, maintenance=maintenance)

    def _faults(self, settings: RouterSettings) -> list[str]:
        name = settings.interface
        interface = self.interfaces.get(name)
        faults = []
        if interface is None or not interface.number:
            from services.vrrp.config.places import missing  # hardly ever, and the engine's start is in a hurry

            faults.append(missing(name))
        elif trouble := interface.trouble if settings.family == 4 else interface.trouble6:
            what = f"interface {name}" if place_of(name) is None else settings.source
            faults.append(f"{what} cannot be used: {trouble}")
        elif settings.track_primary and not interface.up:
            faults.append(f"interface {name} is down")
        elif self._source(settings, None) is None:
            what = "IPv4 address" if settings.family == 4 else "IPv6 link-local address"
            faults.append(f"interface {name} has no {what} to send adverts from")
        elif settings.track_source and not self._source_is_here(settings):
            faults.append(f"interface {name} has no address {settings.source}, from which adverts are to come")
        if settings.fault_no_peer and not settings.peers:
            faults.append("unicast_fault_no_peer is set and there is no unicast_peer")
        for tracker in self.trackers(settings):
            words = self._in_words(tracker)
            if tracker.verdict.fault and words not in faults:
                faults.append(words)
        for link in settings.links:
            here, below = self.interfaces.get(link.name), self.interfaces.get(link.base)
            if (here is None or not here.number) and (below is not None and below.number):
                why = f": {here.trouble}" if here is not None and here.trouble else ""
                faults.append(f"interface {link.name} does not exist{why}")
        for other in settings.depends:
            state = self.interfaces.get(other)
            words = f"interface {other} does not exist" if state is None or not state.number else f"interface {other} is down"
            if (state is None or not state.up) and words not in faults:
                faults.append(words)
        return [*faults, *self.static_faults.get(settings.name, ())]

    def _in_words(self, tracker: Tracker) -> str:
        what = f"{tracker.kind} {tracker.name}"
        match tracker.kind:
            case "interface":
                return f"{what} is {'up' if tracker.up else 'down'}"
            case "bfd":
                return f"BFD session {tracker.name} is {'up' if tracker.up else 'down'}"
            case "file":
                return f"{what} holds {tracker.value}"
            case "script":
                said = "succeeded" if tracker.up else "failed"
                return (
                    f"{what} has given no result for too long" if self.scripts.states[tracker.name].silent else f"{what} {said}"
                )
        if self.processes.states[tracker.name].silent:
            return f"{what} has not been looked for for too long"
        return f"{what} is {'there' if tracker.up else 'not there as wanted'}"

    def _source_is_here(self, settings: RouterSettings) -> bool:
        here = (self.seen(name) for name in (settings.interface, settings.own_link))
        return any(seen is not None and settings.source in seen.addresses for seen in here)

    def _source(self, settings: RouterSettings, current: bytes | None) -> bytes | None:
        """keepalived's choice: the configured one, else the interface's first that is not virtual; kept while there.

        Of IPv6 that is a link-local one, but for unicast to peers that are not on the link, which could not answer it.
        """
        if settings.source:
            return packed(settings.source)
        seen = self.seen(settings.interface)
        if seen is None:
            return None
        real = [packed(a) for a in self._fit(settings, [a for a in seen.real if family(a) == settings.family])]
        if not real and settings.priority == OWNER and settings.family == 4:
            real = [packed(a) for a in seen.event.addresses if family(a) == 4]  # an owner's virtual address may be its only one
        if current in real:
            return current
        return real[0] if real else None

    def _fit(self, settings: RouterSettings, addresses: list[str]) -> list[str]:
        if settings.family == 4:
            return addresses
        near = [a for a in addresses if link_local(a)]
        if settings.peers and not any(link_local(peer.address) for peer in settings.peers):
            return [a for a in addresses if a not in near] or near
        return near


def _checked(kind: str, row: Tracked, up: bool | None) -> Tracker:
    return Tracker(kind, row.name, row.weight or 0, bool(row.reverse), up, judge(row, up))


def heeds_virtual(settings: RouterSettings) -> bool:
    """Whether an instance may send from an address that is virtual."""
    return settings.priority == OWNER or settings.track_source
