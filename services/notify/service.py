"""How do other processes speak to notify? NotifyService over gRPC; what it means is in notify.proto."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio

from services.common.errors import UnavailableError
from services.common.watch_hub import Put, Synced
from services.notify.order import SubscriberView
from services.notify.runtime import Runtime
from services.notify.store import stamp
from vipkeeper.notify.v1 import notify_pb2, notify_pb2_grpc

NAME = "vipkeeper.notify.v1.NotifyService"
MOST = 1000
LONGEST_ID = 200  # bytes

Context = grpc.aio.ServicerContext[Any, Any]


class NotifyService(notify_pb2_grpc.NotifyServiceServicer):  # type: ignore[misc]  # generated code has no types
    """The API of notify."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def Publish(self, request: notify_pb2.PublishRequest, context: Context) -> notify_pb2.PublishResponse:
        if len(request.events) > MOST:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"expected at most {MOST} events, got {len(request.events)}")
        for at, event in enumerate(request.events):
            if not event.id or len(event.id.encode()) > LONGEST_ID:
                reason = f"events[{at}].id: expected 1 to {LONGEST_ID} bytes, got {len(event.id.encode())}"
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, reason)
        try:
            await self._runtime.publish(request.events)
        except UnavailableError as e:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, str(e))
        return notify_pb2.PublishResponse()

    async def ListEvents(self, request: notify_pb2.ListEventsRequest, context: Context) -> notify_pb2.ListEventsResponse:
        events = [e for e in self._runtime.store.hub.values().values() if e.sequence > request.after_sequence]
        return notify_pb2.ListEventsResponse(events=events[-request.limit :] if request.limit else events)

    async def WatchEvents(
        self, request: notify_pb2.WatchEventsRequest, context: Context
    ) -> AsyncIterator[notify_pb2.WatchEventsResponse]:
        sequence = 0
        async for item in self._runtime.store.hub.subscribe():
            match item:
                case Put(value=event) if event.sequence > request.after_sequence:
                    answer = notify_pb2.WatchEventsResponse(event=event)
                case Synced():
                    answer = notify_pb2.WatchEventsResponse(synced=notify_pb2.Synced())
                case _:  # what is too old to be kept is no news
                    continue
            sequence += 1
            answer.sequence = sequence
            yield answer

    async def ListSubscribers(
        self, request: notify_pb2.ListSubscribersRequest, context: Context
    ) -> notify_pb2.ListSubscribersResponse:
        offset = time.time_ns() - time.monotonic_ns()
        return notify_pb2.ListSubscribersResponse(
            subscribers=[_subscriber(*row, offset) for row in self._runtime.subscribers()],
            newest_sequence=self._runtime.store.newest,
            settled_sequence=self._runtime.settled,
        )


def _subscriber(name: str, configured: bool, view: SubscriberView, offset: int) -> notify_pb2.Subscriber:
    """`offset`: what turns the core's clock into Unix time, ns."""
    return notify_pb2.Subscriber(
        name=name,
        configured=configured,
        cursor=view.cursor,
        backlog=view.backlog,
        delivered=view.delivered,
        given_up=view.given_up,
        failures=view.failures,
        last_error=view.last_error,
        retry_time=None if view.retry_at is None else stamp(view.retry_at + offset),
    )
