"""How does the table look to those who ask? Messages of the live table out of the runtime's state, and their changes.

Shell, but only just: it reads what the runtime knows and keeps what watchers were told. Without watchers a change costs
nothing here. A virtual server is one subject, whether one service of the kernel stands for it or a group's many; each of
the services that others added is one too.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from services.common.watch_hub import Put, Removed, Synced, WatchHub
from services.ipvs import model
from services.ipvs.drain import Leaving, Order
from services.ipvs.model import INET6, Destination, DestinationKey, Entry, Load, Method, ServiceKey, Tunnel, address_text
from services.ipvs.runtime import Runtime
from services.ipvs.sync import MASTER
from services.ipvs.weights import Pool
from vipkeeper.common.v1 import event_pb2
from vipkeeper.config.v1 import server_pb2
from vipkeeper.ipvs.v1 import ipvs_pb2

SORRY = "sorry_server"
SLICE = 200  # messages built before others run

PROTOCOLS = {
    0: server_pb2.PROTOCOL_UNSPECIFIED,
    model.TCP: server_pb2.PROTOCOL_TCP,
    model.UDP: server_pb2.PROTOCOL_UDP,
    model.SCTP: server_pb2.PROTOCOL_SCTP,
}
METHODS = {
    Method.NAT: server_pb2.LB_KIND_NAT,
    Method.DR: server_pb2.LB_KIND_DR,
    Method.TUN: server_pb2.LB_KIND_TUN,
}
TUNNELS = {
    Tunnel.IPIP: server_pb2.TUNNEL_TYPE_IPIP,
    Tunnel.GUE: server_pb2.TUNNEL_TYPE_GUE,
    Tunnel.GRE: server_pb2.TUNNEL_TYPE_GRE,
}
CHECKSUMS = {
    0: server_pb2.TUNNEL_CHECKSUM_NOCSUM,
    1: server_pb2.TUNNEL_CHECKSUM_CSUM,
    2: server_pb2.TUNNEL_CHECKSUM_REMCSUM,
}

Subject = str | ServiceKey  # a virtual server by name, or somebody else's service
Label = tuple[str, str]  # of a subject, and of one of its servers (empty: the subject itself)
Message = ipvs_pb2.VirtualServer | ipvs_pb2.RealServer
Item = Put[Label, Message] | Removed[Label] | Synced


class LiveTable:
    """The table as messages, and everybody who watches it."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._hub: WatchHub[Label, Message] = WatchHub()
        self._labels: dict[Subject, dict[DestinationKey | None, Label]] = {}
        self._owners: dict[Label, tuple[Subject, DestinationKey | None]] = {}
        self._subjects: dict[ServiceKey, Subject] = {}  # as watchers were told last
        self._stale: dict[Subject, set[DestinationKey | None] | None] = {}
        self._wake = asyncio.Event()
        self._updating = asyncio.Lock()
        self._watchers = 0
        runtime.shown = self._shown

    def virtual_servers(self) -> list[ipvs_pb2.VirtualServer]:
        """All services with their servers: configured ones by name, then others."""
        director, actual = self._runtime.director, self._runtime.actual
        own = [self.virtual_server(name) for name in sorted(director.names)]
        others = [self._service(key, whole=True) for key in sorted(actual) if not director.holder(key)]
        return [message for message in (*own, *others) if message is not None]

    def virtual_server(self, name: str) -> ipvs_pb2.VirtualServer | None:
        """One configured virtual server with its servers; None if there is none of this name."""
        director = self._runtime.director
        pool = director.pool(name)
        if pool is None:
            return None
        if director.keys(name):
            return self._service(name, whole=True)
        message = self._describe(next(iter(pool.services.values())), name)
        message.problem = next((p.reason for p in director.problems if p.key == f"config/virtual_server/{name}"), "")
        return message

    def whole(self) -> ipvs_pb2.ListVirtualServersResponse:
        """The whole table, with the kernel's sync daemons and time-outs."""
        whole = self._runtime.whole
        answer = ipvs_pb2.ListVirtualServersResponse(virtual_servers=self.virtual_servers(), unavailable=self._runtime.trouble)
        for state, daemon in sorted(whole.daemons.items()):
            answer.sync_daemons.add(
                master=state == MASTER,
                interface=daemon.interface,
                id=daemon.id,
                maxlen=daemon.maxlen,
                group=address_text(daemon.group),
                port=daemon.port,
                ttl=daemon.ttl,
            )
        if not self._runtime.trouble:
            for name in ("tcp", "tcpfin", "udp"):
                getattr(answer.timeouts, name).seconds = getattr(whole.timeouts, name)
        return answer

    async def watch(self, name: str = "") -> AsyncIterator[Item]:
        """Everything there is (of one virtual server), Synced, then what changes; sequences as the hub's."""
        self._watchers += 1
        try:
            if self._watchers == 1:
                self._shown_all()
            await self._update()
            async for item in self._hub.subscribe():
                if isinstance(item, Synced) or not name or item.key[0] == name:
                    yield item
        finally:
            self._watchers -= 1
            if not self._watchers:
                self._hub = WatchHub()
                self._labels.clear()
                self._owners.clear()
                self._subjects.clear()
                self._stale.clear()

    async def run(self) -> None:
        """Tell watchers what changes, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._update()

    # --- inside: what watchers know ---

    def _shown(self, key: ServiceKey, places: Iterable[DestinationKey] | None) -> None:
        if not self._watchers:
            return
        now = self._runtime.director.holder(key) or key
        for subject in {now, self._subjects.get(key, now)}:
            self._mark(subject, places if subject == now else None)
        if self._entry(key) is None:
            self._subjects.pop(key, None)
        else:
            self._subjects[key] = now
        self._wake.set()

    def _mark(self, subject: Subject, places: Iterable[DestinationKey] | None) -> None:
        known = self._stale.setdefault(subject, {None})
        if places is None:
            self._stale[subject] = None
        elif known is not None:
            known.update(places)

    def _shown_all(self) -> None:
        for key in {*self._runtime.actual, *self._runtime.director.wanted()}:
            self._shown(key, None)

    async def _update(self) -> None:
        """Bring the hub up to date with what was shown."""
        async with self._updating:
            stale, self._stale = self._stale, {}
            for subject, places in stale.items():
                await self._update_subject(subject, places)

    async def _update_subject(self, subject: Subject, places: set[DestinationKey | None] | None) -> None:
        """The subject itself, then its servers in their order."""
        if places is None:
            in_order = list(dict.fromkeys([None, *self._places(subject), *self._labels.get(subject, ())]))
        else:
            in_order = sorted(places, key=lambda place: place is not None)
        for count, place in enumerate(in_order, start=1):
            message = self._service(subject) if place is None else self._server(subject, place)
            label = (str(subject), "" if place is None else self._label(subject, place))
            labels = self._labels.setdefault(subject, {})
            before = labels.pop(place, None)
            # Another place may have taken over the label already: then it is not this one's to remove.
            if before is not None and (message is None or before != label) and self._owners.get(before) == (subject, place):
                del self._owners[before]
                self._hub.remove(before)
            if message is not None:
                labels[place] = label
                self._owners[label] = (subject, place)
                self._hub.put(label, message)
            elif not labels:
                del self._labels[subject]
            if count % SLICE == 0:
                await asyncio.sleep(0)

    # --- inside: names ---

    def _keys(self, subject: Subject) -> list[ServiceKey]:
        """The services that a subject stands for."""
        if isinstance(subject, str):
            return self._runtime.director.keys(subject)
        return [] if self._runtime.director.holder(subject) else [subject]

    def _entry(self, key: ServiceKey) -> Entry | None:
        return self._runtime.actual.get(key) or self._runtime.director.wanted_at(key)

    def _pool(self, subject: Subject) -> Pool | None:
        return self._runtime.director.pool(subject) if isinstance(subject, str) else None

    def _label(self, subject: Subject, place: DestinationKey) -> str:
        pool = self._pool(subject)
        if pool is None:
            return str(place)
        leaving = self._runtime.drains.leaving.get((str(subject), place))
        if leaving is not None and leaving.real and pool.member(leaving.real) is None:
            return leaving.real
        return pool.name_at(place) or (SORRY if pool.sorry is not None and pool.sorry.key == place else str(place))

    def _places(self, subject: Subject) -> list[DestinationKey]:
        """Configured servers by name, the sorry server, then the kernel's others."""
        pool = self._pool(subject)
        found: dict[DestinationKey, None] = {}
        if pool is not None:
            for name in sorted(pool.names):
                if (member := pool.member(name)) is not None:
                    found[member.destination.key] = None
            if pool.sorry is not None:
                found[pool.sorry.key] = None
        others: set[DestinationKey] = set()
        for key in self._keys(subject):
            if (actual := self._runtime.actual.get(key)) is not None:
                others |= actual.destinations.keys() - found.keys()
        return [*found, *sorted(others)]

    # --- inside: messages ---

    def _service(self, subject: Subject, whole: bool = False) -> ipvs_pb2.VirtualServer | None:
        """A subject; `whole`: with its servers and a group's services."""
        entries = [entry for key in self._keys(subject) if (entry := self._entry(key)) is not None]
        if not entries:
            return None
        message = self._describe(entries[0].service, subject if isinstance(subject, str) else "")
        parts = [self._part(entry.service.key) for entry in entries]
        message.in_kernel = all(part.in_kernel for part in parts)
        message.foreign = not any(self._runtime.owns(entry.service.key) for entry in entries)
        message.problem = next((part.problem for part in parts if part.problem), "")
        counters = [self._runtime.counters[k] for entry in entries if (k := entry.service.key) in self._runtime.counters]
        if counters:
            message.counters.CopyFrom(_counters(model.total(counters)))
        if whole:
            message.services.extend(parts if message.group else ())
            message.real_servers.extend(m for p in self._places(subject) if (m := self._server(subject, p)) is not None)
            pool = self._pool(subject)
            if pool is not None:
                left = {name: error for name, error in pool.problems.items() if name}
                message.real_servers.extend(ipvs_pb2.RealServer(name=n, problem=str(left[n])) for n in sorted(left))
        return message

    def _part(self, key: ServiceKey) -> ipvs_pb2.GroupService:
        """One service of the kernel."""
        refusal = self._runtime.refusals.get((key, None))
        in_kernel = key in self._runtime.actual
        part = ipvs_pb2.GroupService(
            address="" if key.fwmark else address_text(key.address),
            port=key.port,
            protocol=PROTOCOLS.get(key.protocol, server_pb2.PROTOCOL_UNSPECIFIED),
            fwmark=key.fwmark,
            ipv6=key.family == INET6,
            in_kernel=in_kernel,
            problem=refusal.reason if refusal is not None else "" if in_kernel else self._runtime.trouble,
        )
        if key in self._runtime.counters:
            part.counters.CopyFrom(_counters(self._runtime.counters[key]))
        return part

    def _describe(self, service: model.Service, name: str) -> ipvs_pb2.VirtualServer:
        """What a service itself says, and its pool's quorum."""
        flags = [word for bit, word in ((service.persistence, "persistent"), (service.ops, "ops")) if bit]
        flags += service.flag_words
        message = ipvs_pb2.VirtualServer(
            name=name,
            scheduler=service.scheduler,
            flags=flags,
            persistence_timeout=Duration(seconds=service.persistence) if service.persistence else None,
            persistence_prefix=max(0, service.netmask) if service.persistence else 0,
            persistence_engine=service.engine,
        )
        pool = self._runtime.director.pool(name)
        if pool is None or not pool.settings.group:
            part = self._part(service.key)
            message.address, message.port, message.protocol = part.address, part.port, part.protocol
            message.fwmark, message.ipv6 = part.fwmark, part.ipv6
        if pool is not None:
            quorum = pool.quorum
            message.group = pool.settings.group
            message.quorum, message.hysteresis = quorum.quorum, quorum.hysteresis
            message.live_weight, message.quorum_up = quorum.live_weight, quorum.up
            message.sorry_active = pool.sorry_active
            message.panic = pool.standing.panic
            if pool.standing.group is not None:
                message.priority_group = pool.standing.group
        return message

    def _server(self, subject: Subject, place: DestinationKey) -> ipvs_pb2.RealServer | None:
        pool, keys = self._pool(subject), self._keys(subject)
        there = [e.destinations.get(place) for k in keys if (e := self._runtime.actual.get(k)) is not None]
        actual = next(filter(None, there), None)
        name = pool.name_at(place) if pool is not None else ""
        member = pool.member(name) if pool is not None and name else None
        sorry = pool.sorry if pool is not None and not name and pool.sorry is not None and pool.sorry.key == place else None
        configured = member.destination if member is not None else sorry
        shown = actual or configured
        if shown is None:
            return None
        loads = [load for k in keys if (load := self._runtime.loads.get(k, {}).get(place)) is not None]
        label = name or (SORRY if sorry is not None else "")
        message = _server_message(label, shown, model.total_load(loads) if actual is not None and loads else None)
        message.in_kernel = len(there) == len(keys) and all(there)
        message.weight = actual.weight if actual is not None else 0
        message.configured_weight = configured.weight if configured is not None else 0
        virtual = subject if isinstance(subject, str) else ""
        if member is not None and pool is not None:
            self._tell_health(message, virtual, name, pool)
        self._tell_drain(message, virtual, name, place)
        refusals = [refusal for k in keys if (refusal := self._runtime.refusals.get((k, place))) is not None]
        message.problem = refusals[0].reason if refusals else ""
        return message

    def _tell_drain(self, message: ipvs_pb2.RealServer, virtual: str, name: str, place: DestinationKey) -> None:
        drains = self._runtime.drains
        drain = drains.leaving.get((virtual, place)) or drains.orders.get((virtual, name))
        if drain is not None:
            message.drain.CopyFrom(drain_message(drain, message.active_connections + message.inactive_connections))
            message.name = message.name or drain.name[1]

    def _tell_health(self, message: ipvs_pb2.RealServer, virtual: str, name: str, pool: Pool) -> None:
        health, member = pool.health(name), pool.member(name)
        if health.known or (member is not None and not member.checked):
            message.health = ipvs_pb2.HEALTH_UP if health.up else ipvs_pb2.HEALTH_DOWN
        else:
            message.health = ipvs_pb2.HEALTH_PRESUMED_UP if health.up else ipvs_pb2.HEALTH_PRESUMED_DOWN
        if member is not None:
            message.priority_group = member.priority_group
        if (since := pool.starts.get(name)) is not None:
            message.slow_start_since.CopyFrom(_time(since))
        report = self._runtime.director.last_report((virtual, name))
        if report is not None:
            message.cause = report.cause
            if report.probed_at:
                message.probed_at.CopyFrom(_time(report.probed_at))


def _server_message(name: str, shown: Destination, load: Load | None) -> ipvs_pb2.RealServer:
    message = ipvs_pb2.RealServer(
        name=name,
        address=address_text(shown.key.address),
        port=shown.key.port,
        lb_kind=METHODS.get(shown.method, server_pb2.LB_KIND_UNSPECIFIED),
        uthreshold=shown.upper_threshold,
        lthreshold=shown.lower_threshold,
    )
    if shown.method is Method.TUN:
        checksum = CHECKSUMS.get(shown.tunnel_flags, server_pb2.TUNNEL_CHECKSUM_UNSPECIFIED)
        message.tunnel.type, message.tunnel.port, message.tunnel.checksum = TUNNELS[shown.tunnel], shown.tunnel_port, checksum
    if load is not None:
        message.active_connections = load.active
        message.inactive_connections = load.inactive
        message.persistent_connections = load.persistent
        message.counters.CopyFrom(_counters(load.counters))
    return message


def drain_message(drain: Order | Leaving, connections: int = 0) -> ipvs_pb2.Drain:
    """An order, or a server whose key is gone."""
    draining, drained = event_pb2.DRAIN_STEP_DRAINING, event_pb2.DRAIN_STEP_DRAINED
    until = drain.until if isinstance(drain, Order) else 0
    return ipvs_pb2.Drain(
        virtual_server=drain.name[0],
        real_server=drain.name[1],
        step=drained if isinstance(drain, Order) and drain.out else draining,
        reason=drain.reason,
        since=_time(drain.since),
        deadline=_time(drain.deadline) if drain.deadline else None,
        until=_time(until) if until else None,
        removed=isinstance(drain, Leaving),
        connections=connections,
    )


def _time(ns: int) -> Timestamp:
    return Timestamp(seconds=ns // 10**9, nanos=ns % 10**9)


def _counters(counters: model.Counters) -> ipvs_pb2.Counters:
    c = counters
    return ipvs_pb2.Counters(
        connections=c.connections,
        packets_in=c.packets_in,
        packets_out=c.packets_out,
        bytes_in=c.bytes_in,
        bytes_out=c.bytes_out,
        connections_per_second=c.connections_per_s,
        packets_in_per_second=c.packets_in_per_s,
        packets_out_per_second=c.packets_out_per_s,
        bytes_in_per_second=c.bytes_in_per_s,
        bytes_out_per_second=c.bytes_out_per_s,
    )
