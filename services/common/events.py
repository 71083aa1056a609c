"""How does something that happened reach notify? Events get an id, a time and a source, and wait in a queue."""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable

import grpc
import grpc.aio
from google.protobuf.timestamp_pb2 import Timestamp

from services.common.options import Options
from services.common.problems import Problem
from vipkeeper.common.v1 import event_pb2, problem_pb2
from vipkeeper.notify.v1 import notify_pb2, notify_pb2_grpc

log = logging.getLogger(__name__)

QUEUE = 10_000
BATCH = 500
DEADLINE_S = 5.0
FIRST_PAUSE_S = 0.1
LAST_PAUSE_S = 2.0
STATES = {
    "init": event_pb2.VRRP_STATE_INIT,
    "backup": event_pb2.VRRP_STATE_BACKUP,
    "master": event_pb2.VRRP_STATE_MASTER,
    "fault": event_pb2.VRRP_STATE_FAULT,
    "stop": event_pb2.VRRP_STATE_STOP,
}
DRAIN_STEPS = {
    "draining": event_pb2.DRAIN_STEP_DRAINING,
    "drained": event_pb2.DRAIN_STEP_DRAINED,
    "back": event_pb2.DRAIN_STEP_BACK,
}
_MALFORMED = grpc.StatusCode.INVALID_ARGUMENT
_CHANNEL = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.min_reconnect_backoff_ms", 2_000),
)


class Composer:
    """Makes the events of one service of one node.

    Ids are 16 hexadecimal digits of strictly growing wall-clock nanoseconds, "-" and 12 random digits of this process:
    they sort by time within a process and are unique across nodes. States are keepalived's words in any case.
    """

    def __init__(self, node: str, service: str, clock: Callable[[], int] = time.time_ns) -> None:
        self._node = node
        self._service = service
        self._clock = clock
        self._last = 0
        self._process = secrets.token_hex(6)

    def _event(self, traceparent: str, at_ns: int | None) -> event_pb2.Event:
        now = self._clock()
        self._last = max(self._last + 1, now)
        when = now if at_ns is None else at_ns
        return event_pb2.Event(
            id=f"{self._last:016x}-{self._process}",
            time=Timestamp(seconds=when // 1_000_000_000, nanos=when % 1_000_000_000),
            node=self._node,
            service=self._service,
            traceparent=traceparent,
        )

    def vrrp_instance(
        self,
        name: str,
        before: str,
        now: str,
        priority: int,
        cause: str,
        *,
        traceparent: str = "",
        at_ns: int | None = None,
    ) -> event_pb2.Event:
        """A virtual router changed state; `at_ns`: wall clock of the change, default now."""
        event = self._event(traceparent, at_ns)
        event.vrrp_instance.CopyFrom(_transition(name, before, now, priority, cause))
        return event

    def vrrp_sync_group(
        self, name: str, before: str, now: str, cause: str, *, traceparent: str = "", at_ns: int | None = None
    ) -> event_pb2.Event:
        """A sync group changed state."""
        event = self._event(traceparent, at_ns)
        event.vrrp_sync_group.CopyFrom(_transition(name, before, now, 0, cause))
        return event

    def real_server(
        self,
        virtual_server: str,
        real_server: str,
        up: bool,
        cause: str,
        *,
        traceparent: str = "",
        at_ns: int | None = None,
    ) -> event_pb2.Event:
        """A real server came up or went down; names are those of the configuration."""
        event = self._event(traceparent, at_ns)
        event.real_server.virtual_server = virtual_server
        event.real_server.real_server = real_server
        event.real_server.up = up
        event.real_server.cause = cause
        return event

    def virtual_server(
        self, name: str, up: bool, live_weight: int, quorum: int, *, traceparent: str = "", at_ns: int | None = None
    ) -> event_pb2.Event:
        """A virtual server gained or lost its quorum."""
        event = self._event(traceparent, at_ns)
        event.virtual_server.virtual_server = name
        event.virtual_server.up = up
        event.virtual_server.live_weight = live_weight
        event.virtual_server.quorum = quorum
        return event

    def drain(self, virtual_server: str, real_server: str, step: str, cause: str, connections: int = 0) -> event_pb2.Event:
        """A step of a drain: "draining", "drained" or "back"; `connections`: how many were cut off."""
        event = self._event("", None)
        event.drain.virtual_server = virtual_server
        event.drain.real_server = real_server
        event.drain.step = DRAIN_STEPS[step]
        event.drain.cause = cause
        event.drain.connections = connections
        return event

    def configuration(self, before: Iterable[Problem], now: Iterable[Problem]) -> tuple[event_pb2.Event, ...]:
        """One event for each problem that appeared, then one for each that went away, both in key order."""
        was, is_now = set(before), set(now)
        changes = [(p, False) for p in sorted(is_now - was)] + [(p, True) for p in sorted(was - is_now)]
        return tuple(self._problem(problem, resolved) for problem, resolved in changes)

    def _problem(self, problem: Problem, resolved: bool) -> event_pb2.Event:
        event = self._event("", None)
        event.configuration.problem.CopyFrom(problem_pb2.Problem(**problem.as_fields()))
        event.configuration.resolved = resolved
        return event


def _transition(name: str, before: str, now: str, priority: int, cause: str) -> event_pb2.VrrpTransition:
    transition = event_pb2.VrrpTransition(name=name, to=STATES[now.lower()], priority=priority, cause=cause)
    setattr(transition, "from", STATES[before.lower()])
    return transition


class Publisher:
    """Hands events to notify, in order; the caller never waits.

    While notify is away up to 10,000 events wait here; beyond that the oldest are dropped and counted in `dropped`.
    Events that notify refuses as malformed are dropped and counted in `refused`. `published` counts those that are on
    notify's disk. `trouble` says why the last attempt failed; it is empty when it worked. `on_settled` is called with each
    event that leaves the queue, in order, whichever way.
    """

    def __init__(
        self, options: Options, *, limit: int = QUEUE, on_settled: Callable[[event_pb2.Event], None] | None = None
    ) -> None:
        self._target = options.socket_of("notify")
        self._limit = limit
        self._on_settled = on_settled
        self._queue: deque[event_pb2.Event] = deque()
        self._removed = 0
        self._wake = asyncio.Event()
        self._sending = asyncio.Lock()
        self._channel: grpc.aio.Channel | None = None
        self.dropped = 0
        self.refused = 0
        self.published = 0
        self.trouble = ""

    @property
    def pending(self) -> int:
        """Events that notify has not confirmed."""
        return len(self._queue)

    def undelivered(self) -> tuple[event_pb2.Event, ...]:
        """What waits, in order."""
        return tuple(self._queue)

    def publish(self, event: event_pb2.Event) -> None:
        """Queue one event; call it on the loop that runs `run`."""
        if len(self._queue) >= self._limit:
            self._take(1)
            self.dropped += 1
        self._queue.append(event)
        self._wake.set()

    async def run(self) -> None:
        """Deliver until cancelled; what is undelivered then stays for `flush`."""
        pause = FIRST_PAUSE_S
        while True:
            if not self._queue:
                self._wake.clear()
                await self._wake.wait()
            if await self._send():
                pause = FIRST_PAUSE_S
            else:
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))
                pause = min(pause * 2, LAST_PAUSE_S)

    async def flush(self, seconds: float) -> bool:
        """Deliver what is queued within `seconds`; false if that did not work out."""
        try:
            async with asyncio.timeout(seconds):
                while self._queue:
                    if not await self._send():
                        await asyncio.sleep(FIRST_PAUSE_S)
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """Close the channel; a later `run` or `flush` opens another."""
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close(None)

    def _take(self, count: int) -> None:
        for _ in range(count):
            event = self._queue.popleft()
            self._removed += 1
            if self._on_settled is not None:
                self._on_settled(event)

    async def _send(self) -> bool:
        """One attempt at the oldest events; false: try again later."""
        async with self._sending:
            batch = list(itertools.islice(self._queue, BATCH))
            first = self._removed
            refusal = await self._call(batch)
            if refusal == _MALFORMED and len(batch) > 1:  # one rotten event must not hold up its neighbours
                batch = batch[:1]
                refusal = await self._call(batch)
            if refusal not in (None, _MALFORMED):
                return False
            # publish() may have dropped some of the batch meanwhile
            self._take(max(0, first + len(batch) - self._removed))
            if refusal is None:
                self.published += len(batch)
            else:
                self.refused += len(batch)
                log.warning("notify refused an event: %s", self.trouble)
            return True

    async def _call(self, batch: list[event_pb2.Event]) -> grpc.StatusCode | None:
        if self._channel is None:
            self._channel = grpc.aio.insecure_channel(self._target, options=_CHANNEL)
        stub = notify_pb2_grpc.NotifyServiceStub(self._channel)
        try:
            await stub.Publish(notify_pb2.PublishRequest(events=batch), timeout=DEADLINE_S, wait_for_ready=True)
        except grpc.aio.AioRpcError as error:
            if not self.trouble:
                log.info("events wait: notify does not answer at %s: %s", self._target, error.details())
            self.trouble = error.details() or error.code().name
            return error.code()
        self.trouble = ""
        return None
