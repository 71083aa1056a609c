"""Which servers should a virtual server have now? Configuration, health and holds in, wanted destinations out.

Core: knows neither kernel nor checker. The rules are in `policy`; this keeps the sums that they need, so that a change costs
what it touches. Once the quorum is lost and there is a sorry server, that is the only one at work.

A server that the checker has not spoken about is presumed to be as the kernel's table shows it; one that is not there
starts up, or down with alpha, unless it is known to have been down when we last ran.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from services.common.errors import InvalidValue
from services.ipvs.model import INET, INET6, Destination, DestinationKey, Entry, Method, Service, ServiceKey
from services.ipvs.policy import UP, Health, Hold, Quorum, Standing, State, Tally, decide, next_rise, presume, weight_of
from services.ipvs.settings import Member, RealServer, VirtualServer, resolve, sorry_destination

PLACES_MAX = 262_144  # entries that one virtual server may have: its services times its servers


@dataclass(frozen=True, slots=True)
class Settled:
    """What has changed since last time: destinations to look at (None: all, and the service), the quorum if it flipped, and
    whether a panic began or ended."""

    places: tuple[DestinationKey, ...] | None
    flipped: Quorum | None = None
    panic_changed: bool = False


@dataclass(slots=True)
class _Server:
    """A server that takes part. Whoever changes anything says so with `changed`; `state` is what the policy asks about it."""

    real: RealServer
    member: Member
    presumed: Health
    reported: Health | None = None
    hold: Hold | None = None
    since: int | None = None  # it came up then, and starts slowly
    state: State = field(init=False)

    def __post_init__(self) -> None:
        self.changed()

    def changed(self) -> None:
        member = self.member
        weight = member.destination.weight
        self.state = State(weight, self.health, member.inhibit, member.priority_group, self.hold, self.since)

    @property
    def health(self) -> Health:
        """A server without checks is up, whatever was said of it when it had some."""
        if not self.member.checked:
            return UP
        return self.presumed if self.reported is None else self.reported


@dataclass(slots=True)
class _LeftOut:
    real: RealServer
    presumed: Health
    reported: Health | None
    problem: InvalidValue
    since: int | None = None


class Pool:
    """One virtual server with its real servers; all its kernel services have the same. Change it, then ask `settle` what
    that means.

    `found` is one of the services as the kernel has it, if it does. All costs are those of the servers that change, except
    where the virtual server itself changes or the quorum flips.
    """

    def __init__(self, settings: VirtualServer, found: Entry | None = None) -> None:
        self._servers: dict[str, _Server] = {}
        self._names: dict[DestinationKey, str] = {}
        self._left_out: dict[str, _LeftOut] = {}
        self._touched: dict[DestinationKey, None] = {}
        self._all = True
        self._tallies: dict[int, Tally] = {}  # by priority group
        self._holds: dict[str, Hold] = {}  # by name, also of servers that do not take part
        self._leaving: dict[DestinationKey, Destination] = {}  # no longer configured; their connections may end
        self._starting: set[str] = set()  # slowly
        self._settled = False
        self._native: dict[int, int] = {INET: 0, INET6: 0}  # servers of each family, tunnelled ones aside
        self._wanted: dict[DestinationKey, Destination] = {}
        self._services: tuple[int, Mapping[ServiceKey, Service]] | None = None  # for this family of servers
        self._sorry: Destination | None = None
        self._sorry_problem: InvalidValue | None = None
        self._adopted = found is not None
        self.settings = settings  # read only; `configure` changes them
        self._take_sorry()
        self._sorry_found = self._sorry_works_in(found)
        self._standing = Standing(found is not None and not self._sorry_found)

    # --- what may change ---

    def configure(self, settings: VirtualServer) -> None:
        """The virtual server's settings changed."""
        before, self.settings = self.settings, settings
        self._services = None
        self._take_sorry()
        self._all = True
        if _what_members_inherit(before) != _what_members_inherit(settings):
            servers = [(s.real, s.presumed, s.reported, s.since) for s in self._servers.values()]
            servers += [(s.real, s.presumed, s.reported, s.since) for s in self._left_out.values()]
            for name in list(self._servers):
                self._remove(name)
            self._left_out.clear()
            for row in servers:
                self._insert(*row)

    def put(
        self,
        real: RealServer,
        found: Destination | None = None,
        was_down: bool = False,
        reported: Health | None = None,
        now: int = 0,
        since: int | None = None,
        drained: bool = False,
    ) -> None:
        """Add or change a real server.

        For one that is new: `found` is what the kernel has at its place, `was_down` what was thought of it at the end of
        our last run, `since` when the slow start began in which it was then, `drained` that it was drained, `reported` what
        the checker said before we knew it. One that joins a service which runs already starts slowly `now`.
        """
        before = self._servers.get(real.name) or self._left_out.get(real.name)
        if before is None:
            joins = found is None and self._settled
            presumed = self._presumed(real, found, was_down, drained or since is not None)
            self._insert(real, presumed, reported, now if joins else since)
        else:
            presumed = before.presumed
            if presumed.up and real.weight != before.real.weight:
                presumed = UP  # somebody gave it another weight: that counts now, not what the kernel once had
            self._take_out(real.name)
            self._insert(real, presumed, before.reported, before.since)
        self._retry_left_out()

    def drop(self, name: str) -> None:
        """A real server is no longer configured."""
        self._take_out(name)
        self._retry_left_out()

    def hold(self, name: str, hold: Hold | None, now: int = 0) -> None:
        """Somebody wants a server out, or (None) back; it need not be here yet."""
        if hold is None:
            self._holds.pop(name, None)
        else:
            self._holds[name] = hold
        server = self._servers.get(name)
        if server is None or server.hold is hold:
            return
        self._count(server, -1)
        if hold is None:
            self._start_slowly(name, server, now)
        server.hold = hold
        server.changed()
        self._count(server, 1)
        self._touched[server.member.destination.key] = None

    def leave(self, destination: Destination) -> None:
        """A server is no longer configured, and what it has may end: it keeps its place, with weight 0."""
        if destination.key not in self._names:
            self._leaving[destination.key] = replace(destination, weight=0)
            self._touched[destination.key] = None

    def let_go(self, place: DestinationKey) -> None:
        """What was left at a place may go."""
        if self._leaving.pop(place, None) is not None:
            self._touched[place] = None

    def report(self, name: str, health: Health | None, now: int = 0) -> bool:
        """What the checker says of a server (None: it no longer checks it). True if that changes what is thought of it."""
        server = self._servers.get(name)
        if server is None:
            if name in self._left_out:
                self._left_out[name].reported = health
            return False
        before = server.health
        self._count(server, -1)
        if health is None and server.reported is not None:
            server.presumed = server.reported  # its last word stays, until somebody says otherwise
        server.reported = health
        after = server.health
        if after.up and not before.up:
            self._start_slowly(name, server, now)
        elif not after.up:
            server.since = None
        server.changed()
        self._count(server, 1)
        self._touched[server.member.destination.key] = None
        return (after.up, after.weight_adjustment) != (before.up, before.weight_adjustment)

    # --- what follows ---

    def settle(self, now: int = 0) -> Settled:
        """Bring `entry` up to date. What was adopted has no news the first time; a new service may gain its quorum."""
        before = self._standing
        self._standing, quorum = decide(self.settings, self._tallies, before)
        self._rise(now)
        silent, self._adopted = self._adopted, False
        touched, everything = tuple(self._touched), self._all or self._standing != before
        self._touched.clear()
        self._all, self._settled = False, True
        if everything:
            self._wanted.clear()
            touched = (*self._names, *self._leaving, *([self._sorry.key] if self._sorry else ()))
        for place in touched:
            wanted = self._wanted_at(place, now)
            if wanted is None:
                self._wanted.pop(place, None)
            else:
                self._wanted[place] = wanted
        flipped = quorum.up != before.up and not silent
        panic_changed = self._standing.panic != before.panic
        return Settled(None if everything else touched, quorum if flipped else None, panic_changed)

    @property
    def quorum(self) -> Quorum:
        """The quorum as the live weight makes it, given where it stood."""
        return decide(self.settings, self._tallies, self._standing)[1]

    def quorum_without(self, name: str) -> Quorum:
        """The quorum as it would be if a server that takes part were held."""
        state = self._servers[name].state
        tallies = {number: replace(tally) for number, tally in self._tallies.items()}
        if state.hold is None:
            tallies[state.group].count(state, -1)
        return decide(self.settings, tallies, self._standing)[1]

    @property
    def leaving(self) -> Mapping[DestinationKey, Destination]:
        """Servers that are no longer configured, and may end what they have."""
        return self._leaving

    def wanted_of(self, name: str) -> Destination | None:
        """What the table should have of a real server, as of the last `settle`."""
        server = self._servers.get(name)
        return None if server is None else self._wanted.get(server.member.destination.key)

    @property
    def standing(self) -> Standing:
        """Where the service stands, as of the last `settle`."""
        return self._standing

    @property
    def slow(self) -> bool:
        """Some server starts slowly."""
        return bool(self._starting)

    def deadline(self, now: int) -> int | None:
        """When `settle` should be called for the slow starts' sake, ns; None: no server starts slowly."""
        span = self.settings.slow_start
        starts = [s.since for n in self._starting if (s := self._servers.get(n)) is not None and s.since is not None]
        return min((next_rise(since, span, now) for since in starts), default=None) if span else None

    @property
    def starts(self) -> Mapping[str, int]:
        """Servers that start slowly, and since when."""
        return {n: s.since for n in self._starting if (s := self._servers.get(n)) is not None and s.since is not None}

    @property
    def services(self) -> Mapping[ServiceKey, Service]:
        """The kernel's services; behind a mark they have the family of the servers, of the last ones while they leave."""
        native = {family for family, servers in self._native.items() if servers}
        native = native or {d.key.family for d in self._leaving.values() if d.method is not Method.TUN}
        family = INET6 if native == {INET6} else INET
        if self._services is None or self._services[0] != family:
            self._services = family, self.settings.services(family)
        return self._services[1]

    @property
    def destinations(self) -> Mapping[DestinationKey, Destination]:
        """What each of the services should hold, as of the last `settle`."""
        return self._wanted

    @property
    def sorry(self) -> Destination | None:
        """The sorry server, with the weight that it has at work."""
        return self._sorry

    @property
    def sorry_active(self) -> bool:
        """The sorry server is the one that answers."""
        return self._sorry is not None and not self._standing.up

    @property
    def problems(self) -> Mapping[str, InvalidValue]:
        """Why servers are left out, by name; under the empty name what is wrong with the sorry server."""
        found = {name: left.problem for name, left in self._left_out.items()}
        if self._sorry_problem is not None:
            found[""] = self._sorry_problem
        return found

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all real servers that take part."""
        return tuple(self._servers)

    def name_at(self, place: DestinationKey) -> str:
        """Name of the real server at a place; empty where there is none (the sorry server, or somebody else's)."""
        return self._names.get(place, "")

    def member(self, name: str) -> Member | None:
        """A real server's settings; None if it does not take part."""
        server = self._servers.get(name)
        return None if server is None else server.member

    def health(self, name: str) -> Health:
        """What is thought of a real server that takes part."""
        return self._servers[name].health

    # --- inside ---

    def _insert(self, real: RealServer, presumed: Health, reported: Health | None, since: int | None = None) -> None:
        try:
            member = resolve(self.settings, real)
            self._check_family(member)
            self._check_size()
            twin = self._names.get(member.destination.key)
            if twin is not None:
                raise InvalidValue("address", f"the same address and port as real server {twin!r}", "remove one of them")
        except InvalidValue as problem:
            self._left_out[real.name] = _LeftOut(real, presumed, reported, problem, since)
            return
        server = _Server(real, member, presumed, reported, self._holds.get(real.name))
        if since is not None:
            self._start_slowly(real.name, server, since)
        self._leaving.pop(member.destination.key, None)
        self._servers[real.name] = server
        self._names[member.destination.key] = real.name
        self._count(server, 1)
        if member.destination.method is not Method.TUN:
            self._native[member.destination.key.family] += 1
        self._touched[member.destination.key] = None

    def _remove(self, name: str) -> None:
        server = self._servers.pop(name)
        place = server.member.destination.key
        del self._names[place]
        self._count(server, -1)
        if server.member.destination.method is not Method.TUN:
            self._native[place.family] -= 1
        self._touched[place] = None

    def _take_out(self, name: str) -> None:
        self._left_out.pop(name, None)
        if name in self._servers:
            self._remove(name)

    def _retry_left_out(self) -> None:
        """Somebody else's change may have made room."""
        for name, left in list(self._left_out.items()):
            del self._left_out[name]
            self._insert(left.real, left.presumed, left.reported, left.since)

    def _presumed(self, real: RealServer, found: Destination | None, was_down: bool, excused: bool) -> Health:
        """As the kernel's table shows it; a sorry server at work there says that those who are not there are down."""
        waits = found is not None and not found.weight and real.grouped
        excused = excused or waits or real.name in self._holds
        held_out = self._holds.get(real.name) is Hold.OUT
        was_down = was_down or (self._sorry_found and found is None and not held_out)
        try:
            return presume(resolve(self.settings, real), found, was_down, excused)
        except InvalidValue:
            return UP  # it will be left out

    def _check_family(self, member: Member) -> None:
        """Behind a firewall mark all servers are of one family, unless tunnelled."""
        other = INET6 if member.destination.key.family == INET else INET
        marks = self.settings.front.marks if self.settings.front else ()
        if marks and member.destination.method is not Method.TUN and self._native[other]:
            raise InvalidValue("address", "its family differs from the other servers'", "only tun can do that")

    def _check_size(self) -> None:
        """Every service has every server: that is counted before it is built."""
        services, servers = len(self.settings.front or ()), len(self._servers) + 1
        if services * servers > PLACES_MAX:
            reason = f"{services} services of {servers} servers each would be {services * servers} entries in the kernel"
            raise InvalidValue("", f"{reason}; at most {PLACES_MAX}", "mark such traffic with nftables and give one fwmark")

    def _count(self, server: _Server, sign: int) -> None:
        group = server.state.group
        tally = self._tallies.get(group)
        if tally is None:
            tally = self._tallies[group] = Tally()
        tally.count(server.state, sign)
        if not tally.servers:
            del self._tallies[group]

    def _start_slowly(self, name: str, server: _Server, since: int) -> None:
        if self.settings.slow_start and server.health.up:
            server.since = since
            server.changed()
            self._starting.add(name)

    def _rise(self, now: int) -> None:
        """Look at those that start slowly; who has done so for long enough is like the others."""
        for name in tuple(self._starting):
            server = self._servers.get(name)
            if server is not None:
                self._touched[server.member.destination.key] = None
                span = self.settings.slow_start
                if server.since is not None and (not span or now - server.since >= span):
                    server.since = None
                    server.changed()
            if server is None or server.since is None:
                self._starting.discard(name)

    def _take_sorry(self) -> None:
        self._sorry_problem = None
        try:
            self._sorry = sorry_destination(self.settings)
        except InvalidValue as problem:
            self._sorry, self._sorry_problem = None, problem

    def _sorry_works_in(self, found: Entry | None) -> bool:
        if found is None or self._sorry is None:
            return False
        there = found.destinations.get(self._sorry.key)
        return there is not None and there.weight > 0

    def _wanted_at(self, place: DestinationKey, now: int) -> Destination | None:
        sorry = self._sorry if self._sorry is not None and self._sorry.key == place else None
        if sorry is not None and not self._standing.up:
            return sorry
        name = self._names.get(place)
        if name is not None:
            server = self._servers[name]
            configured = server.member.destination
            weight = weight_of(server.state, self.settings, self._standing, self.sorry_active, now)
            if weight is None or weight == configured.weight:
                return None if weight is None else configured
            return replace(configured, weight=weight)
        if place in self._leaving:
            return self._leaving[place]
        return replace(sorry, weight=0) if sorry is not None and self.settings.sorry_inhibit else None


def _what_members_inherit(settings: VirtualServer) -> tuple[object, ...]:
    s = settings
    return (s.front, s.family, s.method, s.tunnel, s.weight, s.inhibit_on_failure, s.alpha)
