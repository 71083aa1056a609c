"""How do other processes speak to ipvs? IpvsService over gRPC; what it means is in ipvs.proto."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio

from services.common.watch_hub import Put, Removed, Synced
from services.ipvs.director import Report
from services.ipvs.kernel import describe
from services.ipvs.live import LiveTable
from services.ipvs.operations import Operations
from services.ipvs.operators import Operator
from services.ipvs.reconcile import (
    AddDestination,
    AddService,
    EditDestination,
    EditService,
    Operation,
    RemoveDestination,
    RemoveService,
)
from services.ipvs.runtime import Runtime, place_of
from vipkeeper.ipvs.v1 import health_pb2, ipvs_pb2, ipvs_pb2_grpc

NAME = "vipkeeper.ipvs.v1.IpvsService"
VERBS = {
    AddService: ipvs_pb2.VERB_ADD_SERVICE,
    EditService: ipvs_pb2.VERB_EDIT_SERVICE,
    RemoveService: ipvs_pb2.VERB_REMOVE_SERVICE,
    AddDestination: ipvs_pb2.VERB_ADD_SERVER,
    EditDestination: ipvs_pb2.VERB_EDIT_SERVER,
    RemoveDestination: ipvs_pb2.VERB_REMOVE_SERVER,
}

Context = grpc.aio.ServicerContext[Any, Any]


class IpvsService(Operations, ipvs_pb2_grpc.IpvsServiceServicer):  # type: ignore[misc]  # generated code has no types
    """The API of ipvs."""

    def __init__(self, runtime: Runtime, live: LiveTable) -> None:
        super().__init__(runtime, Operator(runtime))
        self._live = live
        self._streams = 0
        self.reporting = 0  # health streams that are open

    async def ReportHealth(
        self, request_iterator: AsyncIterator[health_pb2.ReportHealthRequest], context: Context
    ) -> AsyncIterator[health_pb2.ReportHealthResponse]:
        mine, expected = 0, 1
        self.reporting += 1
        try:
            async for request in request_iterator:
                if mine and mine != self._streams:
                    await context.abort(grpc.StatusCode.ABORTED, "another checker has begun to report")
                if request.sequence != expected or (expected == 1 and not request.snapshot):
                    reason = f"expected sequence {expected}{' with snapshot' if expected == 1 else ''}, got {request.sequence}"
                    await context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"{reason}; begin again with a snapshot")
                if not mine:  # its snapshot is good: from now on this stream is the one that counts
                    self._streams += 1
                    mine = self._streams
                await self._take(request)
                yield health_pb2.ReportHealthResponse(sequence=expected)
                expected += 1
        finally:
            self.reporting -= 1

    async def _take(self, request: health_pb2.ReportHealthRequest) -> None:
        reports = {(s.virtual_server, s.real_server): _report(s) for s in request.servers}
        removed = [(name.virtual_server, name.real_server) for name in request.removed]
        await self._runtime.report(reports, removed, request.snapshot)

    async def ListVirtualServers(
        self, request: ipvs_pb2.ListVirtualServersRequest, context: Context
    ) -> ipvs_pb2.ListVirtualServersResponse:
        await self._runtime.refresh()
        return self._live.whole()

    async def GetVirtualServer(
        self, request: ipvs_pb2.GetVirtualServerRequest, context: Context
    ) -> ipvs_pb2.GetVirtualServerResponse:
        await self._runtime.refresh()
        found = self._live.virtual_server(request.name)
        if found is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"name: there is no virtual server {request.name!r}")
        return ipvs_pb2.GetVirtualServerResponse(virtual_server=found)

    async def WatchVirtualServers(
        self, request: ipvs_pb2.WatchVirtualServersRequest, context: Context
    ) -> AsyncIterator[ipvs_pb2.WatchVirtualServersResponse]:
        sequence = 0
        async for item in self._live.watch(request.name):
            sequence += 1
            answer = ipvs_pb2.WatchVirtualServersResponse(sequence=sequence)
            match item:
                case Put(_, _, ipvs_pb2.VirtualServer() as value):
                    answer.virtual_server.CopyFrom(value)
                case Put(_, (service, _), ipvs_pb2.RealServer() as value):
                    answer.real_server.virtual_server = service
                    answer.real_server.real_server.CopyFrom(value)
                case Removed(_, (service, server)):
                    answer.gone.virtual_server, answer.gone.real_server = service, server
                case Synced():
                    answer.synced.SetInParent()
            yield answer

    async def Plan(self, request: ipvs_pb2.PlanRequest, context: Context) -> ipvs_pb2.PlanResponse:
        operations = await self._runtime.plan()
        if self._runtime.trouble:
            await context.abort(grpc.StatusCode.UNAVAILABLE, self._runtime.trouble)
        return ipvs_pb2.PlanResponse(operations=[self._operation(o) for o in operations])

    def _operation(self, operation: Operation) -> ipvs_pb2.Operation:
        director = self._runtime.director
        key, place = place_of(operation)
        virtual = director.holder(key)
        pool = director.pool(virtual)
        refusal = self._runtime.refusals.get((key, place))
        return ipvs_pb2.Operation(
            verb=VERBS[type(operation)],
            virtual_server=virtual,
            real_server=pool.name_at(place) if pool is not None and place is not None else "",
            text=describe(operation),
            refused=refusal.reason if refusal is not None and refusal.operation == operation else "",
        )


def _report(s: health_pb2.ServerHealth) -> Report:
    at = s.probed_at.ToNanoseconds() if s.HasField("probed_at") else 0
    return Report(s.up, s.weight_adjustment, s.cause, at, s.traceparent)
