"""How do other processes see the virtual routers? VrrpService over gRPC; what it means is in vrrp.proto."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, cast

import grpc
import grpc.aio
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from services.common.events import STATES
from services.common.watch_hub import Put, Removed, Synced, WatchHub
from services.vrrp.agent.engine_link import EngineLink, View
from services.vrrp.agent.explain import explain, ordered, sessions
from services.vrrp.agent.history import LONGEST_PAGE, PAGE, Query, Record
from services.vrrp.agent.history_file import HistoryFile
from services.vrrp.agent.kernel_table import KernelTable
from services.vrrp.agent.operations import Operations
from services.vrrp.agent.operators import Operator
from services.vrrp.agent.placement import Entry, entries, owned
from services.vrrp.agent.placement import sentences as placement_sentences
from services.vrrp.agent.runner_link import LastRun, RunnerLink
from services.vrrp.agent.split_brain import MISMATCH, ONE_WAY, SPLIT, Alarm
from services.vrrp.agent.split_watch import SplitWatch
from services.vrrp.config.settings import Settings
from services.vrrp.views import BfdView, InstanceView, next_advert
from vipkeeper.common.v1 import problem_pb2
from vipkeeper.vrrp.v1 import vrrp_pb2, vrrp_pb2_grpc

NAME = "vipkeeper.vrrp.v1.VrrpService"
TRACKERS = {
    "interface": vrrp_pb2.Tracker.KIND_INTERFACE,
    "script": vrrp_pb2.Tracker.KIND_SCRIPT,
    "file": vrrp_pb2.Tracker.KIND_FILE,
    "process": vrrp_pb2.Tracker.KIND_PROCESS,
    "bfd": vrrp_pb2.Tracker.KIND_BFD,
}
TRACKER_STATES = {"up": vrrp_pb2.TRACKER_STATE_UP, "down": vrrp_pb2.TRACKER_STATE_DOWN}
SPLIT_KINDS = {
    SPLIT: vrrp_pb2.SplitBrain.KIND_SPLIT,
    ONE_WAY: vrrp_pb2.SplitBrain.KIND_ONE_WAY,
    MISMATCH: vrrp_pb2.SplitBrain.KIND_MISMATCH,
}
SUBJECTS = {vrrp_pb2.SUBJECT_INSTANCE: "instance", vrrp_pb2.SUBJECT_SYNC_GROUP: "group"}
BFD_STATES = {
    "DOWN": vrrp_pb2.BFD_STATE_DOWN,
    "INIT": vrrp_pb2.BFD_STATE_INIT,
    "UP": vrrp_pb2.BFD_STATE_UP,
    "ADMIN_DOWN": vrrp_pb2.BFD_STATE_ADMIN_DOWN,
}
BFD_PLAIN = (
    *("neighbor_ip", "source_ip", "multihop", "diagnostic", "remote_diagnostic", "last_failure", "local_discriminator"),
    *("remote_discriminator", "multiplier", "remote_multiplier", "polling", "packets_sent", "packets_received", "ups"),
    *("downs", "send_errors", "rejected", "trouble"),
)
ROUTING_KINDS = {
    "virtual_routes": vrrp_pb2.RoutingEntry.KIND_VIRTUAL_ROUTE,
    "virtual_rules": vrrp_pb2.RoutingEntry.KIND_VIRTUAL_RULE,
    "static_ipaddress": vrrp_pb2.RoutingEntry.KIND_STATIC_ADDRESS,
    "static_routes": vrrp_pb2.RoutingEntry.KIND_STATIC_ROUTE,
    "static_rules": vrrp_pb2.RoutingEntry.KIND_STATIC_RULE,
}
COUNTERS = tuple(name for name in vrrp_pb2.Counters.DESCRIPTOR.fields_by_name if name != "rejected")

Context = grpc.aio.ServicerContext[Any, Any]


def instance(name: str, view: View, counters: View, current: bool, alarm: Alarm | None = None) -> vrrp_pb2.Instance:
    """The message of one view (`services.vrrp.views.InstanceView`)."""
    return vrrp_pb2.Instance(
        name=name,
        state=STATES[view["state"].lower()],
        since=_time(view["since_at"]),
        cause=view["cause"],
        faults=view["faults"],
        interface=view["interface"],
        virtual_router_id=view["virtual_router_id"],
        version=view["version"],
        base_priority=view["base_priority"],
        effective_priority=view["effective_priority"],
        sync_group=view["group"],
        trackers=[_tracker(tracker) for tracker in view["trackers"]],
        source_address=view["source_address"],
        master_address=view["master_address"],
        master_priority=view["master_priority"],
        advert_int=_span(view["advert_int_ns"]),
        master_advert_int=_span(view["master_advert_int_ns"]),
        master_down_int=_span(view["master_down_int_ns"]),
        preempt_time=_time(view["preempt_at"]),
        next_advert_time=_time(view["next_advert_at"]),
        master_down_time=_time(view["master_down_at"]),
        addresses=view["addresses"],
        addresses_held=view["addresses_held"],
        maintenance=view["maintenance"],
        offering=view["offering"],
        nopreempt=view["nopreempt"],
        heard_address=view["heard_address"],
        heard_priority=view["heard_priority"],
        heard_time=_time(view["heard_at"]),
        links=view["links"],
        counters=vrrp_pb2.Counters(
            **{name: counters[name] for name in COUNTERS if name in counters}, rejected=counters.get("rejected", {})
        ),
        current=current,
        split_brain=_split_brain(alarm) if alarm is not None else None,
    )


class VrrpService(Operations, vrrp_pb2_grpc.VrrpServiceServicer):  # type: ignore[misc]  # generated code has no types
    """The API of vrrp. `hub`: the instances, for watches; `settings`: what is configured now."""

    def __init__(
        self,
        link: EngineLink,
        runner: RunnerLink,
        hub: WatchHub[str, vrrp_pb2.Instance],
        history: HistoryFile,
        operator: Operator,
        split: SplitWatch,
        settings: Callable[[], Mapping[tuple[str, str], Settings]],
    ) -> None:
        Operations.__init__(self, operator)
        self._settings = settings
        self._kernel = KernelTable()
        self._link = link
        self._runner = runner
        self._hub = hub
        self._history = history
        self._split = split

    async def ListInstances(self, request: vrrp_pb2.ListInstancesRequest, context: Context) -> vrrp_pb2.ListInstancesResponse:
        return vrrp_pb2.ListInstancesResponse(instances=[self._instance(name) for name in sorted(self._link.told.instances)])

    async def WatchInstances(
        self, request: vrrp_pb2.WatchInstancesRequest, context: Context
    ) -> AsyncIterator[vrrp_pb2.WatchInstancesResponse]:
        async for item in self._hub.subscribe():
            match item:
                case Put():
                    yield vrrp_pb2.WatchInstancesResponse(sequence=item.sequence, instance=item.value)
                case Removed():
                    yield vrrp_pb2.WatchInstancesResponse(sequence=item.sequence, removed=item.key)
                case Synced():
                    yield vrrp_pb2.WatchInstancesResponse(sequence=item.sequence, synced=vrrp_pb2.Synced())

    async def GetInstance(self, request: vrrp_pb2.GetInstanceRequest, context: Context) -> vrrp_pb2.GetInstanceResponse:
        await self._must_exist(request.name, context)
        return vrrp_pb2.GetInstanceResponse(instance=self._instance(request.name))

    async def ListSyncGroups(
        self, request: vrrp_pb2.ListSyncGroupsRequest, context: Context
    ) -> vrrp_pb2.ListSyncGroupsResponse:
        groups = sorted(self._link.told.groups.items())
        return vrrp_pb2.ListSyncGroupsResponse(
            sync_groups=[
                vrrp_pb2.SyncGroup(
                    name=name,
                    state=STATES[view["state"].lower()],
                    since=_time(view["since_at"]),
                    cause=view["cause"],
                    members=view["members"],
                )
                for name, view in groups
            ]
        )

    async def ListScripts(self, request: vrrp_pb2.ListScriptsRequest, context: Context) -> vrrp_pb2.ListScriptsResponse:
        scripts = sorted(self._link.told.scripts.items())
        return vrrp_pb2.ListScriptsResponse(
            scripts=[_script(name, view, self._runner.last.get(name)) for name, view in scripts]
        )

    async def ListBfdSessions(
        self, request: vrrp_pb2.ListBfdSessionsRequest, context: Context
    ) -> vrrp_pb2.ListBfdSessionsResponse:
        told = self._link.told
        return vrrp_pb2.ListBfdSessionsResponse(
            sessions=[_bfd(name, view, self._link.up) for name, view in sorted(told.bfds.items())],
            rejected=told.engine.get("bfd_rejected", {}),
        )

    async def GetEngine(self, request: vrrp_pb2.GetEngineRequest, context: Context) -> vrrp_pb2.GetEngineResponse:
        return vrrp_pb2.GetEngineResponse(engine=_engine(self._link))

    async def Explain(self, request: vrrp_pb2.ExplainRequest, context: Context) -> vrrp_pb2.ExplainResponse:
        await self._must_exist(request.name, context)
        view = cast("InstanceView", self._link.told.instances[request.name])
        now = time.time_ns()
        told = explain(request.name, view, now)
        operator = self._operator
        tracked = sessions(view, cast("dict[str, BfdView]", self._link.told.bfds), now)
        orders = ordered(operator.maintenance.values(), operator.switchovers, operator.members(request.name), now)
        routing: tuple[str, ...] = ()
        with contextlib.suppress(OSError):
            routing = tuple(placement_sentences(await self._routing(request.name)))
        stale = () if self._link.up else ("The engine does not answer; this is what it last said.",)
        return vrrp_pb2.ExplainResponse(
            instance=self._instance(request.name),
            sentences=(*stale, *self._split.sentences(request.name), *told.sentences, *routing, *tracked, *orders),
            next=told.next,
            next_time=_time(told.next_at),
            would_change=told.would_change,
        )

    async def ListTransitions(
        self, request: vrrp_pb2.ListTransitionsRequest, context: Context
    ) -> vrrp_pb2.ListTransitionsResponse:
        if request.page_token and not (request.page_token.isascii() and request.page_token.isdigit()):
            message = f"page_token: expected next_page_token of an earlier answer, got {request.page_token!r}"
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, message)
        found, more = self._history.find(_query(request))
        return vrrp_pb2.ListTransitionsResponse(
            transitions=[_transition(record) for record in found], next_page_token=str(found[-1].number) if more else ""
        )

    async def ListRouting(self, request: vrrp_pb2.ListRoutingRequest, context: Context) -> vrrp_pb2.ListRoutingResponse:
        if request.instance:
            await self._must_exist(request.instance, context)
        try:
            found = await self._routing(request.instance)
        except OSError as error:
            await context.abort(grpc.StatusCode.UNAVAILABLE, f"the kernel does not tell its routes: {error.strerror or error}")
        return vrrp_pb2.ListRoutingResponse(
            entries=[_routing_entry(entry) for entry in found if entry.missing or not request.missing_only],
            wanted=sum(entry.wanted for entry in found),
            in_place=sum(entry.wanted and entry.in_place for entry in found),
        )

    async def _routing(self, instance: str) -> list[Entry]:
        """Everything, or what one instance has."""
        told = self._link.told
        everything = list(owned(self._settings(), {name: view["state"] for name, view in told.instances.items()}))
        if instance:
            everything = [part for part in everything if part[0] == instance and part[1].startswith("virtual")]
        return list(entries(everything, await self._kernel.look(everything), told.problems))

    async def _must_exist(self, name: str, context: Context) -> None:
        if name not in self._link.told.instances:
            known = ", ".join(sorted(self._link.told.instances)) or "none"
            await context.abort(grpc.StatusCode.NOT_FOUND, f"no vrrp_instance {name!r} runs here; there are: {known}")

    def _instance(self, name: str) -> vrrp_pb2.Instance:
        told = self._link.told
        alarm, view = self._split.core.alarms.get(name), told.instances[name]
        view = {**view, "next_advert_at": next_advert(cast("InstanceView", view), time.time_ns())}
        return instance(name, view, told.counters.get(name, {}), self._link.up, alarm)


def _routing_entry(entry: Entry) -> vrrp_pb2.RoutingEntry:
    return vrrp_pb2.RoutingEntry(
        kind=ROUTING_KINDS[entry.field],
        owner=entry.owner,
        line=entry.line,
        wanted=entry.wanted,
        in_place=entry.in_place,
        reason=entry.reason,
    )


def _query(request: vrrp_pb2.ListTransitionsRequest) -> Query:
    words = {number: word.upper() for word, number in STATES.items()}
    return Query(
        names=frozenset(request.names),
        kind=SUBJECTS.get(request.subject, ""),
        after=frozenset(words.get(number, "") for number in request.to),
        since=request.since.ToNanoseconds(),
        until=request.until.ToNanoseconds(),
        below=int(request.page_token or 0),
        limit=min(request.page_size or PAGE, LONGEST_PAGE),
    )


def _transition(record: Record) -> vrrp_pb2.Transition:
    message = vrrp_pb2.Transition(
        id=record.id,
        time=_time(record.at),
        subject=next(number for number, kind in SUBJECTS.items() if kind == record.kind),
        name=record.name,
        to=STATES[record.after.lower()],
        priority=record.priority,
        cause=record.cause,
    )
    setattr(message, "from", STATES[record.before.lower()])
    return message


def _split_brain(alarm: Alarm) -> vrrp_pb2.SplitBrain:
    kind, who, words, _by_wire = alarm.finding
    return vrrp_pb2.SplitBrain(kind=SPLIT_KINDS[kind], peer=who, detail=words, since=_time(alarm.since))


def _tracker(view: Mapping[str, Any]) -> vrrp_pb2.Tracker:
    return vrrp_pb2.Tracker(
        kind=TRACKERS[view["kind"]],
        name=view["name"],
        state=TRACKER_STATES.get(view["state"], vrrp_pb2.TRACKER_STATE_UNSPECIFIED),
        weight=view["weight"],
        reverse=view["reverse"],
        adjustment=view["adjustment"],
        fault=view["fault"],
        value=view["value"],
    )


def _script(name: str, view: View, last: LastRun | None) -> vrrp_pb2.Script:
    script = vrrp_pb2.Script(
        name=name,
        state=TRACKER_STATES.get(view["state"], vrrp_pb2.TRACKER_STATE_UNSPECIFIED),
        since=_time(view["since_at"]),
        streak=view["streak"],
        rise=view["rise"],
        fall=view["fall"],
        # the engine tells of it with changes only
        last_result_time=_time(max(view["last_result_at"], last.at if last is not None else 0)),
        silent=view["silent"],
    )
    if last is not None:
        script.last_ok = last.ok
        script.last_error = last.error
        script.last_duration.CopyFrom(_span(last.took_ns))
    return script


def _bfd(name: str, view: View, engine_up: bool) -> vrrp_pb2.BfdSession:
    """The message of one view (`services.vrrp.views.BfdView`)."""
    said = view["session"]
    session = vrrp_pb2.BfdSession(
        name=name,
        counts_as=TRACKER_STATES[view["state"]],
        since=_time(view["since_at"]),
        current=view["current"] and engine_up,
    )
    if said:
        session.MergeFrom(
            vrrp_pb2.BfdSession(
                **{field: said[field] for field in BFD_PLAIN},
                state=BFD_STATES[said["state"]],
                state_since=_time(said["since_at"]),
                remote_state=BFD_STATES.get(said["remote_state"], vrrp_pb2.BFD_STATE_UNSPECIFIED),
                last_failure_time=_time(said["last_failure_at"]),
                transmit_interval=_span(said["transmit_interval_ns"]) if said["transmit_interval_ns"] else None,
                detection_time=_span(said["detection_time_ns"]) if said["detection_time_ns"] else None,
                last_packet_time=_time(said["last_packet_at"]),
            )
        )
    return session


def _engine(link: EngineLink) -> vrrp_pb2.Engine:
    ready, stats = link.told.ready, link.told.engine
    return vrrp_pb2.Engine(
        up=link.up,
        pid=ready.get("pid", 0),
        start_time=_time(ready.get("started", 0)),
        scheduling=ready.get("scheduling", ""),
        memory_locked=ready.get("memory_locked", False),
        revision=max(link.applied, 0),
        resumed=ready.get("resumed", ()),
        timers=stats.get("timers", 0),
        late_max=_span(stats.get("late_max_ns", 0)),
        late_sum=_span(stats.get("late_sum_ns", 0)),
        late_over_1ms=stats.get("late_over_1ms", 0),
        late_over_10ms=stats.get("late_over_10ms", 0),
        late_over_100ms=stats.get("late_over_100ms", 0),
        transitions_dropped=stats.get("transitions_dropped", 0),
        unknown_vrid=stats.get("unknown_vrid", 0),
        rejected=stats.get("rejected", {}),
        problems=[problem_pb2.Problem(**problem.as_fields()) for problem in sorted(link.told.problems)],
        losses=link.losses,
        resident_bytes=stats.get("resident_bytes", 0),
    )


def _time(ns: int) -> Timestamp | None:
    return Timestamp(seconds=ns // 1_000_000_000, nanos=ns % 1_000_000_000) if ns else None


def _span(ns: int) -> Duration:
    return Duration(seconds=ns // 1_000_000_000, nanos=ns % 1_000_000_000)
