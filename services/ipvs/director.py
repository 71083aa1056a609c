"""What does all of the configuration and all of the health mean for the table? Every virtual server with its pool.

Core: knows neither kernel, store nor gRPC. It is told what changed and answers with `Work`: where wanted and actual table
may differ now, which services were let go, which quorums flipped. Costs are those of what changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.common.problems import Problem
from services.ipvs.model import INET, INET6, DestinationKey, Entry, ServiceKey, Table
from services.ipvs.settings import RealServer, VirtualServer, family_of
from services.ipvs.weights import Health, Pool, Quorum

Name = tuple[str, str]  # of a virtual server, of one of its real servers


@dataclass(frozen=True, slots=True)
class Report:
    """The checker's last word on one real server. `probed_at`: wall clock of the deciding probe, ns, 0 if unknown."""

    up: bool
    weight_adjustment: int = 0
    cause: str = ""
    probed_at: int = 0
    traceparent: str = ""

    @property
    def health(self) -> Health:
        return Health(self.up, self.weight_adjustment, known=True)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A report that changed what is thought of a server."""

    name: Name
    report: Report


@dataclass(frozen=True, slots=True)
class Flip:
    """A virtual server gained or lost its quorum; `cause` is the server whose health did it, if one did."""

    name: str
    quorum: Quorum
    cause: Verdict | None = None


@dataclass(slots=True)
class Work:
    """What to do after a change.

    `places`: destinations to compare, by service (None: the whole service); `released`: keys that are no longer wanted.
    """

    places: dict[ServiceKey, dict[DestinationKey, None] | None] = field(default_factory=dict)
    released: set[ServiceKey] = field(default_factory=set)
    flips: list[Flip] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)

    def look_at(self, key: ServiceKey, places: Iterable[DestinationKey] | None) -> None:
        """Compare these destinations of a service (None: all of it)."""
        known = self.places.setdefault(key, {})
        if places is None:
            self.places[key] = None
        elif known is not None:
            known.update(dict.fromkeys(places))


class Director:
    """All virtual servers of this node. `was_down`: the real servers that were down at the end of our last run."""

    def __init__(self, was_down: Iterable[Name] = ()) -> None:
        self._was_down = frozenset(was_down)
        self._virtuals: dict[str, VirtualServer] = {}
        self._reals: dict[str, dict[str, RealServer]] = {}
        self._pools: dict[str, Pool] = {}
        self._keys: dict[str, ServiceKey] = {}
        self._holders: dict[ServiceKey, str] = {}
        self._waiting: dict[str, ServiceKey] = {}  # virtual servers whose place another one holds
        self._reports: dict[Name, Report] = {}
        self._problems: dict[str, list[Problem]] = {}
        self.down: dict[Name, str] = {}  # real servers that are thought to be down, with the reason

    # --- what may change ---

    def configure(self, upserts: Mapping[tuple[str, str], Any], removals: Iterable[tuple[str, str]], actual: Table) -> Work:
        """Settings that are new or changed, and ids that are gone; `actual` is the kernel's table, for what is adopted."""
        work = Work()
        changed: dict[str, set[str]] = {}  # real servers by virtual server
        virtuals: set[str] = set()
        for kind, name in removals:
            virtual, real = self._forget(kind, name)
            changed.setdefault(virtual, set()).update(real)
            virtuals.update(() if real else (virtual,))
        for settings in upserts.values():
            if isinstance(settings, VirtualServer):
                self._virtuals[settings.name] = settings
                changed.setdefault(settings.name, set())
                virtuals.add(settings.name)
            else:
                self._reals.setdefault(settings.virtual_server, {})[settings.name] = settings
                changed.setdefault(settings.virtual_server, set()).add(settings.name)
        for virtual, reals in changed.items():
            self._apply(virtual, virtual in virtuals, reals, actual, work)
        self._hand_over(work)
        for virtual in changed:
            self._complain(virtual)
        return work

    def report(self, reports: Mapping[Name, Report], removed: Iterable[Name] = (), snapshot: bool = False) -> Work:
        """What the checker says. A server that a snapshot lacks, or that is removed, keeps the last word on it."""
        work = Work()
        silent = set(removed)
        if snapshot:
            silent |= self._reports.keys() - reports.keys()
        touched: dict[str, Verdict | None] = {}
        for name in silent:
            self._reports.pop(name, None)
            if (pool := self._pools.get(name[0])) is not None:
                pool.report(name[1], None)
                touched.setdefault(name[0])
        for name, report in reports.items():
            self._reports[name] = report
            if (pool := self._pools.get(name[0])) is not None and pool.report(name[1], report.health):
                verdict = Verdict(name, report)
                work.verdicts.append(verdict)
                touched[name[0]] = touched.get(name[0]) or verdict
                self._note_down(name[0], (name[1],))
        for virtual, cause in touched.items():
            self._settle(virtual, work, cause)
        return work

    # --- what is so ---

    def wanted(self) -> dict[ServiceKey, Entry]:
        """The table as it should be."""
        return {key: self._pools[name].entry for key, name in self._holders.items()}

    def wanted_at(self, key: ServiceKey) -> Entry | None:
        """One service as it should be; None if it is not ours to want."""
        name = self._holders.get(key)
        return None if name is None else self._pools[name].entry

    def holder(self, key: ServiceKey) -> str:
        """Name of the virtual server behind a service; empty for somebody else's."""
        return self._holders.get(key, "")

    def key(self, name: str) -> ServiceKey | None:
        """The service of a virtual server; None if another one holds it, or there is no such virtual server."""
        return self._keys.get(name)

    def pool(self, name: str) -> Pool | None:
        """A virtual server's pool."""
        return self._pools.get(name)

    def last_report(self, name: Name) -> Report | None:
        """The checker's last word on a real server."""
        return self._reports.get(name)

    @property
    def names(self) -> Iterator[str]:
        """Names of all virtual servers."""
        return iter(self._pools)

    @property
    def real_servers(self) -> int:
        """How many real servers take part."""
        return sum(len(pool.names) for pool in self._pools.values())

    @property
    def problems(self) -> list[Problem]:
        """What does not fit together, now."""
        return [problem for found in self._problems.values() for problem in found]

    # --- inside ---

    def _forget(self, kind: str, name: str) -> tuple[str, tuple[str, ...]]:
        if kind == "virtual_server":
            self._virtuals.pop(name, None)
            return name, ()
        virtual, _, real = name.partition("/")
        reals = self._reals.get(virtual, {})
        reals.pop(real, None)
        if not reals:
            self._reals.pop(virtual, None)
        return virtual, (real,)

    def _apply(self, virtual: str, itself: bool, reals: set[str], actual: Table, work: Work) -> None:
        """Bring one virtual server's pool up to date."""
        settings = self._virtuals.get(virtual)
        pool = self._pools.get(virtual)
        configured = self._reals.get(virtual, {})
        if settings is None:
            if pool is not None:
                del self._pools[virtual]
                self._release(virtual, work)
                self._note_down(virtual, pool.names)
            return
        found = next((e for f in (INET, INET6) if (e := actual.get(settings.service(f).key)) is not None), None)
        if pool is None:
            pool = self._pools[virtual] = Pool(settings, found)
            reals = set(configured)
        elif itself:
            pool.configure(settings)
        for name in sorted(reals - configured.keys()):
            pool.drop(name)
        for name in sorted(reals & configured.keys()):
            real = configured[name]
            report = self._reports.get((virtual, name))
            place = DestinationKey(family_of(real.address), real.address, settings.port if real.port is None else real.port)
            pool.put(
                real,
                None if found is None else found.destinations.get(place),
                (virtual, name) in self._was_down,
                None if report is None else report.health,
            )
        self._note_down(virtual, (*reals, *pool.names) if itself else reals)
        self._settle(virtual, work, None)

    def _settle(self, virtual: str, work: Work, cause: Verdict | None) -> None:
        pool = self._pools[virtual]
        settled = pool.settle()
        if settled.flipped is not None:
            work.flips.append(Flip(virtual, settled.flipped, cause))
        key = pool.service.key
        if self._keys.get(virtual) == key:
            work.look_at(key, settled.places)
        elif self._waiting.get(virtual) != key:
            self._release(virtual, work)
            self._claim(virtual, key, work)

    def _claim(self, virtual: str, key: ServiceKey, work: Work) -> None:
        if key in self._holders:
            self._waiting[virtual] = key
            return
        self._holders[key] = virtual
        self._keys[virtual] = key
        work.look_at(key, None)

    def _release(self, virtual: str, work: Work) -> None:
        self._waiting.pop(virtual, None)
        key = self._keys.pop(virtual, None)
        if key is not None:
            del self._holders[key]
            work.released.add(key)

    def _hand_over(self, work: Work) -> None:
        """Let those who wait for a place that has become free have it, in the order of their names."""
        for virtual, key in sorted(self._waiting.items()):
            if key not in self._holders:
                del self._waiting[virtual]
                self._claim(virtual, key, work)
                self._complain(virtual)
        work.released.difference_update(self._holders)

    def _note_down(self, virtual: str, names: Iterable[str]) -> None:
        pool = self._pools.get(virtual)
        for name in names:
            if pool is None or pool.member(name) is None or pool.health(name).up:
                self.down.pop((virtual, name), None)
            else:
                report = self._reports.get((virtual, name))
                self.down[virtual, name] = "" if report is None else report.cause

    def _complain(self, virtual: str) -> None:
        """Bring the problems of one virtual server and its servers up to date."""
        found: list[Problem] = []
        pool = self._pools.get(virtual)
        if pool is None:
            hint = f"put config/virtual_server/{virtual}, or delete this"
            reason = f"its virtual server {virtual!r} does not exist"
            found += [
                Problem(f"config/real_server/{virtual}/{name}", "", reason, hint) for name in self._reals.get(virtual, ())
            ]
        else:
            if virtual in self._waiting:
                other = self._holders[self._waiting[virtual]]
                hint = "give one of them another address, port or protocol"
                reason = f"{self._waiting[virtual]} is already virtual server {other!r}"
                field_name = "fwmark" if pool.settings.fwmark else "address"
                found.append(Problem(f"config/virtual_server/{virtual}", field_name, reason, hint))
            for name, error in pool.problems.items():
                key = f"config/real_server/{virtual}/{name}" if name else f"config/virtual_server/{virtual}"
                found.append(Problem(key, error.field, error.reason, error.hint))
        if found:
            self._problems[virtual] = found
        else:
            self._problems.pop(virtual, None)
