"""How does the table look to those who ask? Messages of the live table out of the runtime's state, and their changes.

Shell, but only just: it reads what the runtime knows and keeps what watchers were told. Without watchers a change costs
nothing here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from services.common.watch_hub import Put, Removed, Synced, WatchHub
from services.ipvs import model
from services.ipvs.drain import Leaving, Order
from services.ipvs.model import INET6, Destination, DestinationKey, Load, Method, ServiceKey, address_text
from services.ipvs.runtime import Runtime
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

Label = tuple[str, str]  # of a service, and of one of its servers (empty: the service itself)
Message = ipvs_pb2.VirtualServer | ipvs_pb2.RealServer
Item = Put[Label, Message] | Removed[Label] | Synced


class LiveTable:
    """The table as messages, and everybody who watches it."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._hub: WatchHub[Label, Message] = WatchHub()
        self._labels: dict[ServiceKey, dict[DestinationKey | None, Label]] = {}
        self._stale: dict[ServiceKey, set[DestinationKey | None] | None] = {}
        self._wake = asyncio.Event()
        self._updating = asyncio.Lock()
        self._watchers = 0
        runtime.shown = self._shown

    def virtual_servers(self) -> list[ipvs_pb2.VirtualServer]:
        """All services with their servers: configured ones by name, then others."""
        director, actual = self._runtime.director, self._runtime.actual
        own = [self.virtual_server(name) for name in sorted(director.names)]
        others = [self._service(key, with_servers=True) for key in sorted(actual) if not director.holder(key)]
        return [message for message in (*own, *others) if message is not None]

    def virtual_server(self, name: str) -> ipvs_pb2.VirtualServer | None:
        """One configured virtual server with its servers; None if there is none of this name."""
        director = self._runtime.director
        pool = director.pool(name)
        if pool is None:
            return None
        key = director.key(name)
        if key is not None:
            return self._service(key, with_servers=True)
        message = self._describe(pool.service, name)
        message.problem = next((p.reason for p in director.problems if p.key == f"config/virtual_server/{name}"), "")
        return message

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
        known = self._stale.setdefault(key, {None})
        if places is None:
            self._stale[key] = None
        elif known is not None:
            known.update(places)
        self._wake.set()

    def _shown_all(self) -> None:
        for key in {*self._runtime.actual, *self._runtime.director.wanted()}:
            self._stale[key] = None

    async def _update(self) -> None:
        """Bring the hub up to date with what was shown."""
        async with self._updating:
            stale, self._stale = self._stale, {}
            # Services that are gone come first: another may have taken over their name.
            for key in sorted(stale, key=self._exists):
                await self._update_service(key, stale[key])

    def _exists(self, key: ServiceKey) -> bool:
        return key in self._runtime.actual or bool(self._runtime.director.holder(key))

    async def _update_service(self, key: ServiceKey, places: set[DestinationKey | None] | None) -> None:
        if places is None:
            places = {None, *self._labels.get(key, ()), *self._places(key)}
        for count, place in enumerate(sorted(places, key=lambda p: p is not None), start=1):
            message = self._service(key) if place is None else self._server(key, place)
            label = (self._name(key), "" if place is None else self._label(key, place))
            labels = self._labels.setdefault(key, {})
            before = labels.pop(place, None)
            if before is not None and (message is None or before != label):
                self._hub.remove(before)
            if message is not None:
                labels[place] = label
                self._hub.put(label, message)
            elif not labels:
                del self._labels[key]
            if count % SLICE == 0:
                await asyncio.sleep(0)

    # --- inside: names ---

    def _name(self, key: ServiceKey) -> str:
        return self._runtime.director.holder(key) or str(key)

    def _pool(self, key: ServiceKey) -> Pool | None:
        return self._runtime.director.pool(self._runtime.director.holder(key))

    def _label(self, key: ServiceKey, place: DestinationKey) -> str:
        pool = self._pool(key)
        if pool is None:
            return str(place)
        leaving = self._runtime.drains.leaving.get((self._name(key), place))
        if leaving is not None and leaving.real and pool.member(leaving.real) is None:
            return leaving.real
        return pool.name_at(place) or (SORRY if pool.sorry is not None and pool.sorry.key == place else str(place))

    def _places(self, key: ServiceKey) -> list[DestinationKey]:
        """Configured servers by name, the sorry server, then the kernel's others."""
        pool, actual = self._pool(key), self._runtime.actual.get(key)
        found: dict[DestinationKey, None] = {}
        if pool is not None:
            for name in sorted(pool.names):
                if (member := pool.member(name)) is not None:
                    found[member.destination.key] = None
            if pool.sorry is not None:
                found[pool.sorry.key] = None
        if actual is not None:
            found |= dict.fromkeys(sorted(actual.destinations.keys() - found.keys()))
        return list(found)

    # --- inside: messages ---

    def _service(self, key: ServiceKey, with_servers: bool = False) -> ipvs_pb2.VirtualServer | None:
        actual, wanted = self._runtime.actual.get(key), self._runtime.director.wanted_at(key)
        entry = actual or wanted
        if entry is None:
            return None
        message = self._describe(entry.service, self._runtime.director.holder(key))
        message.in_kernel = actual is not None
        message.foreign = not self._runtime.owns(key)
        if key in self._runtime.counters:
            message.counters.CopyFrom(_counters(self._runtime.counters[key]))
        refusal = self._runtime.refusals.get((key, None))
        message.problem = refusal.reason if refusal is not None else "" if actual is not None else self._runtime.trouble
        if with_servers:
            message.real_servers.extend(m for p in self._places(key) if (m := self._server(key, p)) is not None)
            pool = self._pool(key)
            if pool is not None:
                left = {name: error for name, error in pool.problems.items() if name}
                message.real_servers.extend(ipvs_pb2.RealServer(name=n, problem=str(left[n])) for n in sorted(left))
        return message

    def _describe(self, service: model.Service, name: str) -> ipvs_pb2.VirtualServer:
        """What a service itself says, and its pool's quorum."""
        key = service.key
        flags = [word for bit, word in ((service.persistence, "persistent"), (service.ops, "ops")) if bit]
        flags += [f"flag-{i + 1}" for i in range(3) if service.scheduler_flags >> i & 1]
        message = ipvs_pb2.VirtualServer(
            name=name,
            address="" if key.fwmark else address_text(key.address),
            port=key.port,
            protocol=PROTOCOLS.get(key.protocol, server_pb2.PROTOCOL_UNSPECIFIED),
            fwmark=key.fwmark,
            ipv6=key.family == INET6,
            scheduler=service.scheduler,
            flags=flags,
            persistence_timeout=Duration(seconds=service.persistence) if service.persistence else None,
            persistence_prefix=max(0, service.netmask) if service.persistence else 0,
        )
        pool = self._runtime.director.pool(name)
        if pool is not None:
            quorum = pool.quorum
            message.quorum, message.hysteresis = quorum.quorum, quorum.hysteresis
            message.live_weight, message.quorum_up = quorum.live_weight, quorum.up
            message.sorry_active = pool.sorry_active
            message.panic = pool.standing.panic
            if pool.standing.group is not None:
                message.priority_group = pool.standing.group
        return message

    def _server(self, key: ServiceKey, place: DestinationKey) -> ipvs_pb2.RealServer | None:
        pool, entry = self._pool(key), self._runtime.actual.get(key)
        actual = entry.destinations.get(place) if entry is not None else None
        name = pool.name_at(place) if pool is not None else ""
        member = pool.member(name) if pool is not None and name else None
        sorry = pool.sorry if pool is not None and not name and pool.sorry is not None and pool.sorry.key == place else None
        configured = member.destination if member is not None else sorry
        shown = actual or configured
        if shown is None:
            return None
        load = self._runtime.loads.get(key, {}).get(place) if actual is not None else None
        message = _server_message(name or (SORRY if sorry is not None else ""), shown, load)
        message.in_kernel = actual is not None
        message.weight = actual.weight if actual is not None else 0
        message.configured_weight = configured.weight if configured is not None else 0
        virtual = self._runtime.director.holder(key)
        if member is not None and pool is not None:
            self._tell_health(message, virtual, name, pool)
        self._tell_drain(message, virtual, name, place)
        refusal = self._runtime.refusals.get((key, place))
        message.problem = refusal.reason if refusal is not None else ""
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
