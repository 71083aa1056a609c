"""What does all of the configuration and all of the health mean for the table? Every virtual server with its pool, which
stands behind one kernel service or, where it names a group, behind many.

Core: knows neither kernel, store nor gRPC. It is told what changed and answers with `Work`: where wanted and actual table
may differ now, which services were let go, which quorums flipped. Costs are those of what changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, KeysView, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from services.common.errors import InvalidValue
from services.common.problems import WARNING, Problem
from services.ipvs.claims import Claims
from services.ipvs.drain import Action, Held, Leaving, Left, LetGo, Name, Spot, Stayed
from services.ipvs.groups import Group
from services.ipvs.model import INET, INET6, Destination, DestinationKey, Entry, ServiceKey, Table
from services.ipvs.policy import Health, Hold, Quorum
from services.ipvs.settings import RealServer, VirtualServer, way_to, with_front
from services.ipvs.weights import Pool


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

    def __str__(self) -> str:
        report = self.report
        weight = f", weight {report.weight_adjustment:+d}" if report.up and report.weight_adjustment else ""
        cause = f": {report.cause}" if report.cause else ""
        return f"real server {self.name[1]} of {self.name[0]} is {'up' if report.up else 'down'}{weight}{cause}"


@dataclass(frozen=True, slots=True)
class Flip:
    """A virtual server gained or lost its quorum; `cause` is the server whose health did it, if one did. `servers`: those that
    went or came with it, because the service stops or starts (omega)."""

    name: str
    quorum: Quorum
    cause: Verdict | None = None
    servers: tuple[str, ...] = ()

    def __str__(self) -> str:
        q = self.quorum
        word = "gained" if q.up else "lost"
        return f"virtual server {self.name}: quorum {word} (live weight {q.live_weight}, quorum {q.quorum})"


@dataclass(slots=True)
class Work:
    """What to do after a change.

    `places`: destinations to compare, by service (None: the whole service); `released`: keys that are no longer wanted;
    `drains`: what the drains should hear; `complaints`: other problems than before.
    """

    places: dict[ServiceKey, dict[DestinationKey, None] | None] = field(default_factory=dict)
    released: set[ServiceKey] = field(default_factory=set)
    flips: list[Flip] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    drains: list[Left | Stayed] = field(default_factory=list)
    complaints: bool = False

    def look_at(self, key: ServiceKey, places: Iterable[DestinationKey] | None) -> None:
        """Compare these destinations of a service (None: all of it)."""
        known = self.places.setdefault(key, {})
        if places is None:
            self.places[key] = None
        elif known is not None:
            known.update(dict.fromkeys(places))


class Director:
    """All virtual servers of this node.

    Of our last run: `was_down`: the real servers that were down at its end; `holds` and `leaving`: whom it drained; `starts`:
    who started slowly, and since when; `parted`: the virtual servers that `farewell` spoke of. Times are the wall clock's, ns.
    """

    def __init__(
        self,
        was_down: Iterable[Name] = (),
        holds: Mapping[Name, Hold] = MappingProxyType({}),
        leaving: Iterable[Leaving] = (),
        starts: Mapping[Name, int] = MappingProxyType({}),
        parted: Iterable[str] = (),
    ) -> None:
        self._parted = set(parted)
        self._was_down = frozenset(was_down)
        self._holds = dict(holds)
        self._starts = dict(starts)
        self._leaving: dict[str, dict[DestinationKey, Leaving]] = {}
        for one in leaving:
            self._leaving.setdefault(one.virtual, {})[one.place] = one
        self._slow: set[str] = set()  # virtual servers with servers that start slowly
        self._final = False  # the store has spoken
        self._virtuals: dict[str, VirtualServer] = {}
        self._reals: dict[str, dict[str, RealServer]] = {}
        self._pools: dict[str, Pool] = {}
        self._groups: dict[str, Group] = {}
        self._claims = Claims()
        self._unfit: dict[str, InvalidValue] = {}  # virtual servers that cannot be as they are configured
        self._reports: dict[Name, Report] = {}
        self._problems: dict[str, list[Problem]] = {}
        self.down: dict[Name, str] = {}  # real servers that are thought to be down, with the reason

    # --- what may change ---

    def configure(
        self,
        upserts: Mapping[tuple[str, str], Any],
        removals: Iterable[tuple[str, str]],
        actual: Table,
        now: int = 0,
        final: bool = True,
    ) -> Work:
        """Settings that are new or changed, and ids that are gone; `actual` is the kernel's table, for what is adopted.

        `final`: the store itself says so, not the local copy of what it once said.
        """
        work = Work()
        changed: dict[str, set[str]] = {}  # real servers by virtual server
        virtuals: set[str] = set()
        groups: set[str] = set()
        for kind, name in removals:
            if kind == "virtual_server_group":
                self._groups.pop(name, None)
                groups.add(name)
                continue
            virtual, real = self._forget(kind, name)
            changed.setdefault(virtual, set()).update(real)
            virtuals.update(() if real else (virtual,))
        for settings in upserts.values():
            if isinstance(settings, Group):
                self._groups[settings.name] = settings
                groups.add(settings.name)
            elif isinstance(settings, VirtualServer):
                self._virtuals[settings.name] = settings
                changed.setdefault(settings.name, set())
                virtuals.add(settings.name)
            else:
                self._reals.setdefault(settings.virtual_server, {})[settings.name] = settings
                changed.setdefault(settings.virtual_server, set()).add(settings.name)
        if groups:
            followers = [name for name, virtual in self._virtuals.items() if virtual.group in groups]
            virtuals.update(followers)
            changed |= {name: changed.get(name, set()) for name in followers}
        if final and not self._final:
            for virtual in self._leaving:
                changed.setdefault(virtual, set())
        self._final = self._final or final
        for virtual, reals in changed.items():
            self._apply(virtual, virtual in virtuals, reals, actual, work, now)
        self._hand_over(work)
        for virtual in changed:
            self._complain(virtual)
        return work

    def report(
        self, reports: Mapping[Name, Report], removed: Iterable[Name] = (), snapshot: bool = False, now: int = 0
    ) -> Work:
        """What the checker says. A server that a snapshot lacks, or that is removed, keeps the last word on it."""
        work = Work()
        silent = set(removed)
        if snapshot:
            silent |= self._reports.keys() - reports.keys()
        touched: dict[str, Verdict | None] = {}
        for name in silent:
            self._reports.pop(name, None)
            if (pool := self._pools.get(name[0])) is not None:
                pool.report(name[1], None, now)
                touched.setdefault(name[0])
        for name, report in reports.items():
            self._reports[name] = report
            if (pool := self._pools.get(name[0])) is not None and pool.report(name[1], report.health, now):
                verdict = Verdict(name, report)
                work.verdicts.append(verdict)
                touched[name[0]] = touched.get(name[0]) or verdict
                self._note_down(name[0], (name[1],))
        for virtual, cause in touched.items():
            self._settle(virtual, work, cause, now)
        return work

    def carry(self, actions: Iterable[Action], now: int) -> Work:
        """What the drains say is to be done."""
        work = Work()
        touched: dict[str, None] = {}
        for action in actions:
            match action:
                case Held((virtual, real) as name, hold):
                    if hold is None:
                        self._holds.pop(name, None)
                    else:
                        self._holds[name] = hold
                    if (pool := self._pools.get(virtual)) is not None:
                        pool.hold(real, hold, now)
                        touched.setdefault(virtual)
                case LetGo((virtual, place)):
                    if (pool := self._pools.get(virtual)) is not None:
                        self._let_go(virtual, pool, place, now)
                        touched.setdefault(virtual)
        for virtual in touched:
            self._settle(virtual, work, None, now)
        return work

    def leave_strangers(self, virtual: str, destinations: Iterable[Destination], work: Work, now: int) -> None:
        """Of services that we looked after: servers that nobody knows. Their keys went while we were away."""
        pool = self._pools[virtual]
        for destination in destinations:
            place = destination.key
            ours = pool.name_at(place) or place in pool.leaving or (pool.sorry is not None and pool.sorry.key == place)
            if not ours:
                self._leave(virtual, "", destination, work, now)
        self._settle(virtual, work, None, now)

    def farewell(self) -> list[Flip]:
        """What is told when the service stops: every virtual server with omega that has its quorum loses it."""
        found = []
        for virtual, pool in self._pools.items():
            if pool.settings.omega and pool.standing.up:
                q = pool.quorum
                found.append(Flip(virtual, Quorum(False, 0, q.quorum, q.hysteresis), servers=self._up(pool)))
        return found

    def tick(self, now: int) -> Work:
        """Slow starts go on."""
        work = Work()
        for virtual in tuple(self._slow):
            self._settle(virtual, work, None, now)
        return work

    def deadline(self, now: int) -> int | None:
        """When `tick` should be called; None: no server starts slowly."""
        found = [d for virtual in self._slow if (d := self._pools[virtual].deadline(now)) is not None]
        return min(found, default=None)

    # --- what is so ---

    def spot(self, name: Name) -> Spot | None:
        """Where a real server is that takes part."""
        pool = self._pools.get(name[0])
        member = None if pool is None else pool.member(name[1])
        return None if member is None else (name[0], member.destination.key)

    @property
    def slow(self) -> bool:
        """Some server starts slowly."""
        return bool(self._slow)

    @property
    def starts(self) -> dict[Name, int]:
        """Servers that start slowly, and since when."""
        return {(virtual, real): since for virtual in self._slow for real, since in self._pools[virtual].starts.items()}

    def wanted(self) -> dict[ServiceKey, Entry]:
        """The table as it should be."""
        return {key: self._entry(self._claims.holder(key), key) for key in self._claims.services}

    def wanted_at(self, key: ServiceKey) -> Entry | None:
        """One service as it should be; None if it is not ours to want."""
        name = self._claims.holder(key)
        return self._entry(name, key) if name else None

    @property
    def services(self) -> KeysView[ServiceKey]:
        """All services that should be there."""
        return self._claims.services

    def holder(self, key: ServiceKey) -> str:
        """Name of the virtual server behind a service; empty for somebody else's."""
        return self._claims.holder(key)

    def keys(self, name: str) -> list[ServiceKey]:
        """The services of a virtual server, in order, without those that another one holds."""
        return sorted(self._claims.held(name))

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

    def _entry(self, name: str, key: ServiceKey) -> Entry:
        return Entry(self._claims.service(name, key), self._pools[name].destinations)

    def _apply(self, virtual: str, itself: bool, reals: set[str], actual: Table, work: Work, now: int) -> None:
        """Bring one virtual server's pool up to date."""
        settings = self._resolved(virtual, itself)
        pool = self._pools.get(virtual)
        configured = self._reals.get(virtual, {})
        if settings is None:
            if pool is not None or self._final:
                self._forget_leaving(virtual, work)
            if pool is not None:
                del self._pools[virtual]
                work.released |= self._claims.drop(virtual)
                self._slow.discard(virtual)
                self._note_down(virtual, pool.names)
            return
        found = _found(actual, settings, None if itself or pool is None else pool)
        if pool is None:
            pool = self._pools[virtual] = Pool(settings, found)
            for (of, name), hold in self._holds.items():
                if of == virtual:
                    pool.hold(name, hold)
            reals = set(configured)
        elif itself:
            pool.configure(settings)
        places = {name: pool.wanted_of(name) for name in reals} if settings.drain_on_removal else {}
        for name in sorted(reals - configured.keys()):
            pool.drop(name)
        for name in sorted(reals & configured.keys()):
            real = configured[name]
            report = self._reports.get((virtual, name))
            _, place = way_to(settings, real)
            pool.put(
                real,
                None if found is None else found.destinations.get(place),
                (virtual, name) in self._was_down,
                None if report is None else report.health,
                now,
                self._starts.pop((virtual, name), None),
                place in self._leaving.get(virtual, {}),
            )
        for name, destination in sorted(places.items()):
            if destination is not None and not pool.name_at(destination.key):
                self._leave(virtual, name, destination, work, now)
        self._look_after_leaving(virtual, pool, actual, work)
        self._note_down(virtual, (*reals, *pool.names) if itself else reals)
        self._settle(virtual, work, None, now)

    def _resolved(self, virtual: str, itself: bool) -> VirtualServer | None:
        """The settings with the addresses of the group that they name; None: there is nothing to serve.

        Where the two do not fit, all stays as it is.
        """
        pool, settings = self._pools.get(virtual), self._virtuals.get(virtual)
        if pool is not None and not itself:
            return pool.settings
        self._unfit.pop(virtual, None)
        if settings is None or not settings.group:
            return settings
        group = self._groups.get(settings.group)
        try:
            if group is None:
                pool = None
                hint = f"put config/virtual_server_group/{settings.group}"
                raise InvalidValue("group", f"there is no virtual_server_group {settings.group!r}", hint)
            return with_front(settings, group.front)
        except InvalidValue as problem:
            self._unfit[virtual] = problem
            return None if pool is None else pool.settings

    def _leave(self, virtual: str, real: str, destination: Destination, work: Work, now: int) -> None:
        """Let the connections of a server end that is no longer configured; UDP knows no end, and gets another server."""
        settings = self._pools[virtual].settings
        known = self._leaving.get(virtual, {})
        if settings.drain_on_removal and settings.drains and destination.key not in known:
            leaving = Leaving(virtual, real, destination.key, now, now + settings.drain_on_removal)
            self._leaving.setdefault(virtual, {})[destination.key] = leaving
            work.drains.append(Left(leaving))
        if destination.key in self._leaving.get(virtual, {}):
            self._pools[virtual].leave(destination)
        self._pools[virtual].hold(real, self._holds.get((virtual, real)))  # the local copy may have had it still

    @staticmethod
    def _up(pool: Pool) -> tuple[str, ...]:
        return tuple(name for name in sorted(pool.names) if pool.health(name).up)

    def _forget_leaving(self, virtual: str, work: Work) -> None:
        """The service goes, and with it the connections of all its servers."""
        pool = self._pools.get(virtual)
        for leaving in self._leaving.pop(virtual, {}).values():
            if pool is not None:
                pool.let_go(leaving.place)
            work.drains.append(Stayed(leaving, back=False))

    def _let_go(self, virtual: str, pool: Pool, place: DestinationKey, now: int) -> None:
        """A drain is over. A server that has its key again, if only in the local copy, stays out until the store has spoken."""
        name = pool.name_at(place)
        if name and not self._final:
            pool.hold(name, Hold.OUT, now)
        else:
            self._leaving.get(virtual, {}).pop(place, None)
            pool.let_go(place)

    def _look_after_leaving(self, virtual: str, pool: Pool, actual: Table, work: Work) -> None:
        """What is there again stays; until the store has said so it goes on draining. What our last run left is left again."""
        for place, leaving in tuple(self._leaving.get(virtual, {}).items()):
            name = pool.name_at(place)
            if name and self._final:
                del self._leaving[virtual][place]
                pool.hold(name, self._holds.get((virtual, name)))
                work.drains.append(Stayed(leaving, back=True))
            elif name:
                pool.hold(name, Hold.DRAINING)
            elif place in pool.leaving:
                continue
            elif (there := _standing_at(actual, pool, place)) is not None:
                pool.leave(there)
            else:  # the table has lost it
                del self._leaving[virtual][place]
                pool.hold(leaving.real, self._holds.get((virtual, leaving.real)))
                work.drains.append(Stayed(leaving, back=False))

    def _settle(self, virtual: str, work: Work, cause: Verdict | None, now: int) -> None:
        pool = self._pools[virtual]
        if self._claims.moves(virtual, pool.services):  # the connections to where it was end
            self._forget_leaving(virtual, work)
        settled = pool.settle(now)
        if pool.slow:
            self._slow.add(virtual)
        else:
            self._slow.discard(virtual)
        if settled.panic_changed:
            self._complain(virtual)
            work.complaints = True
        if settled.flipped is not None:
            work.flips.append(Flip(virtual, settled.flipped, cause))
        elif virtual in self._parted and pool.standing.up:
            work.flips.append(Flip(virtual, pool.quorum, servers=self._up(pool)))
        self._parted.discard(virtual)
        fresh, released = self._claims.want(virtual, pool.services)
        work.released |= released
        for key in self._claims.held(virtual):
            work.look_at(key, None if key in fresh else settled.places)

    def _hand_over(self, work: Work) -> None:
        """Places that have become free are those of who waits for them."""
        for virtual, keys in self._claims.hand_over().items():
            for key in keys:
                work.look_at(key, None)
            self._complain(virtual)
        work.released.difference_update(self._claims.services)

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
        pool, own = self._pools.get(virtual), f"config/virtual_server/{virtual}"
        if virtual not in self._virtuals:
            hint = f"put {own}, or delete this"
            reason = f"its virtual server {virtual!r} does not exist"
            found += [
                Problem(f"config/real_server/{virtual}/{name}", "", reason, hint) for name in self._reals.get(virtual, ())
            ]
        if (unfit := self._unfit.get(virtual)) is not None:
            found.append(Problem(own, unfit.field, unfit.reason, unfit.hint))
        if pool is not None:
            if taken := self._claims.taken(virtual):
                hint = "give one of them another address, port or protocol"
                found.append(Problem(own, pool.settings.addressed_by, taken, hint))
            if pool.standing.panic:
                percent = pool.settings.panic_threshold
                reason = (
                    f"fewer than {percent} per cent of its servers are healthy: the checks are distrusted, all servers are used"
                )
                hint = "look at the servers, and at the checker's way to them"
                found.append(Problem(own, "panic_threshold", reason, hint, WARNING))
            for name, error in pool.problems.items():
                key = f"config/real_server/{virtual}/{name}" if name else own
                found.append(Problem(key, error.field, error.reason, error.hint))
        if found:
            self._problems[virtual] = found
        else:
            self._problems.pop(virtual, None)


def _found(actual: Table, settings: VirtualServer, pool: Pool | None) -> Entry | None:
    """One of the services as the kernel has it; they have the same servers."""
    known = (pool.services,) if pool is not None else (settings.services(INET), settings.services(INET6))
    return next((entry for services in known for key in services if (entry := actual.get(key)) is not None), None)


def _standing_at(actual: Table, pool: Pool, place: DestinationKey) -> Destination | None:
    """What stands at a place, in any of the services: a write that was cut short has not reached all of them."""
    both = (pool.settings.services(INET), pool.settings.services(INET6))
    entries = (entry for services in both for key in services if (entry := actual.get(key)) is not None)
    return next((there for entry in entries if (there := entry.destinations.get(place)) is not None), None)
