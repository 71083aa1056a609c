"""Which servers should a virtual server have now, and with which weights? Configuration and health in, destinations out.

Core: knows neither kernel nor checker. The rules are keepalived's:

* An alive server has its configured weight plus the checker's adjustment, cut to 0 to 65535. A failed one is not in the
  table, or has weight 0 with inhibit_on_failure.
* The quorum is gained at a live weight of quorum + hysteresis, and lost at 0 or below quorum - hysteresis; a new service
  has to gain it first. A quorum above the weight of all servers is reduced to that, a hysteresis not below the quorum to
  quorum - 1. (One step beyond keepalived: what gains the quorum is also cut to the weight of all servers, else it could
  never be gained.)
* With the quorum lost and a sorry server, that server is the only one: the others go, or have weight 0 with
  inhibit_on_failure. Without a sorry server the live ones stay.

A server that the checker has not spoken about is presumed to be as the kernel's table shows it; one that is not there
starts up, or down with alpha, unless it is known to have been down when we last ran.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from services.common.errors import InvalidValue
from services.ipvs.model import INET, INET6, WEIGHT_MAX, Destination, DestinationKey, Entry, Method, Service, ServiceKey
from services.ipvs.settings import Member, RealServer, VirtualServer, resolve, sorry_destination

PLACES_MAX = 262_144  # entries that one virtual server may have: its services times its servers


@dataclass(frozen=True, slots=True)
class Health:
    """What is thought of a server; `known`: the checker said so."""

    up: bool
    weight_adjustment: int = 0
    known: bool = False


UP = Health(True)
DOWN = Health(False)


@dataclass(frozen=True, slots=True)
class Quorum:
    """A service's quorum: where it stands, and the weights that count."""

    up: bool
    live_weight: int
    quorum: int
    hysteresis: int


@dataclass(frozen=True, slots=True)
class Settled:
    """What has changed since last time: destinations to look at (None: all, and the service), and the quorum if it flipped."""

    places: tuple[DestinationKey, ...] | None
    flipped: Quorum | None = None


@dataclass(slots=True)
class _Server:
    real: RealServer
    member: Member
    presumed: Health
    reported: Health | None = None

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


def alive_weight(configured: int, health: Health) -> int:
    """Weight of a server that is up."""
    return max(0, min(WEIGHT_MAX, configured + health.weight_adjustment))


def presume(member: Member, found: Destination | None, was_down: bool) -> Health:
    """Health of a checked server before the checker has spoken; `found` is what the kernel has."""
    configured = member.destination.weight
    if found is not None:
        if found.weight == 0 and member.inhibit and configured:
            return DOWN
        return Health(True, found.weight - configured)
    return Health(not (was_down or member.alpha))


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
        self._total = 0
        self._live = 0
        self._native: dict[int, int] = {INET: 0, INET6: 0}  # servers of each family, tunnelled ones aside
        self._wanted: dict[DestinationKey, Destination] = {}
        self._services: tuple[int, Mapping[ServiceKey, Service]] | None = None  # for this family of servers
        self._sorry: Destination | None = None
        self._sorry_problem: InvalidValue | None = None
        self._adopted = found is not None
        self.settings = settings  # read only; `configure` changes them
        self._take_sorry()
        self._sorry_found = self._sorry_works_in(found)
        self._up = found is not None and not self._sorry_found

    # --- what may change ---

    def configure(self, settings: VirtualServer) -> None:
        """The virtual server's settings changed."""
        before, self.settings = self.settings, settings
        self._services = None
        self._take_sorry()
        self._all = True
        if _what_members_inherit(before) != _what_members_inherit(settings):
            servers = [(s.real, s.presumed, s.reported) for s in self._servers.values()]
            servers += [(s.real, s.presumed, s.reported) for s in self._left_out.values()]
            for name in list(self._servers):
                self._remove(name)
            self._left_out.clear()
            for real, presumed, reported in servers:
                self._insert(real, presumed, reported)

    def put(
        self, real: RealServer, found: Destination | None = None, was_down: bool = False, reported: Health | None = None
    ) -> None:
        """Add or change a real server.

        For one that is new: `found` is what the kernel has at its place, `was_down` what was thought of it at the end of
        our last run, `reported` what the checker said before we knew it.
        """
        before = self._servers.get(real.name) or self._left_out.get(real.name)
        if before is None:
            self._insert(real, self._presumed(real, found, was_down), reported)
        else:
            presumed = before.presumed
            if presumed.up and real.weight != before.real.weight:
                presumed = UP  # somebody gave it another weight: that counts now, not what the kernel once had
            self._take_out(real.name)
            self._insert(real, presumed, before.reported)
        self._retry_left_out()

    def drop(self, name: str) -> None:
        """A real server is no longer configured."""
        self._take_out(name)
        self._retry_left_out()

    def report(self, name: str, health: Health | None) -> bool:
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
        self._count(server, 1)
        self._touched[server.member.destination.key] = None
        after = server.health
        return (after.up, after.weight_adjustment) != (before.up, before.weight_adjustment)

    # --- what follows ---

    def settle(self) -> Settled:
        """Bring `entry` up to date. What was adopted has no news the first time; a new service may gain its quorum."""
        quorum = self.quorum
        flipped = quorum.up != self._up
        self._up = quorum.up
        silent, self._adopted = self._adopted, False
        touched, everything = tuple(self._touched), self._all or flipped
        self._touched.clear()
        self._all = False
        if everything:
            self._wanted.clear()
            touched = (*self._names, *([self._sorry.key] if self._sorry else ()))
        for place in touched:
            wanted = self._wanted_at(place)
            if wanted is None:
                self._wanted.pop(place, None)
            else:
                self._wanted[place] = wanted
        return Settled(None if everything else touched, quorum if flipped and not silent else None)

    @property
    def quorum(self) -> Quorum:
        """The quorum as the live weight makes it, given where it stood."""
        total = max(self._total, 1)
        quorum = min(self.settings.quorum, total)
        hysteresis = min(self.settings.hysteresis, quorum - 1)
        needed = quorum - hysteresis if self._up else min(quorum + hysteresis, total)  # 1 at least
        return Quorum(self._live >= needed, self._live, quorum, hysteresis)

    @property
    def services(self) -> Mapping[ServiceKey, Service]:
        """The kernel's services; behind a firewall mark they have the family of the servers."""
        family = INET6 if self._native[INET6] and not self._native[INET] else INET
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
        return self._sorry is not None and not self._up

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

    def _insert(self, real: RealServer, presumed: Health, reported: Health | None) -> None:
        try:
            member = resolve(self.settings, real)
            self._check_family(member)
            self._check_size()
            twin = self._names.get(member.destination.key)
            if twin is not None:
                raise InvalidValue("address", f"the same address and port as real server {twin!r}", "remove one of them")
        except InvalidValue as problem:
            self._left_out[real.name] = _LeftOut(real, presumed, reported, problem)
            return
        server = _Server(real, member, presumed, reported)
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
            self._insert(left.real, left.presumed, left.reported)

    def _presumed(self, real: RealServer, found: Destination | None, was_down: bool) -> Health:
        """As the kernel's table shows it; a sorry server at work there says that those who are not there are down."""
        try:
            return presume(resolve(self.settings, real), found, was_down or (self._sorry_found and found is None))
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
        self._total += sign * server.member.destination.weight
        if server.health.up:
            self._live += sign * alive_weight(server.member.destination.weight, server.health)

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

    def _wanted_at(self, place: DestinationKey) -> Destination | None:
        sorry = self._sorry if self._sorry is not None and self._sorry.key == place else None
        if sorry is not None and not self._up:
            return sorry
        name = self._names.get(place)
        if name is not None:
            return _effective(self._servers[name], self.sorry_active)
        return replace(sorry, weight=0) if sorry is not None and self.settings.sorry_inhibit else None


def _effective(server: _Server, sorry_active: bool) -> Destination | None:
    """A real server as the table should have it; None: not at all."""
    configured, health = server.member.destination, server.health
    if health.up and not sorry_active:
        weight = alive_weight(configured.weight, health)
        return configured if weight == configured.weight else replace(configured, weight=weight)
    return replace(configured, weight=0) if server.member.inhibit else None


def _what_members_inherit(settings: VirtualServer) -> tuple[object, ...]:
    s = settings
    return (s.front, s.family, s.method, s.tunnel, s.weight, s.inhibit_on_failure, s.alpha)
