"""How do operators give their orders over gRPC? The part of VrrpService that changes something (see vrrp.proto)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
from google.protobuf.timestamp_pb2 import Timestamp

from services.common.errors import InvalidValue, UnavailableError
from services.vrrp.agent.operators import Operator, Refused, Unknown
from services.vrrp.agent.switchover import Switchover
from services.vrrp.election.orders import Maintenance
from vipkeeper.vrrp.v1 import vrrp_pb2

Context = grpc.aio.ServicerContext[Any, Any]


class Operations:
    """The calls that an `Operator` answers."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator

    async def BeginMaintenance(
        self, request: vrrp_pb2.BeginMaintenanceRequest, context: Context
    ) -> vrrp_pb2.BeginMaintenanceResponse:
        async with _refusals(context):
            order = self._operator.begin(request.instance, request.reason, request.until.ToNanoseconds())
        return vrrp_pb2.BeginMaintenanceResponse(maintenance=_maintenance(order))

    async def EndMaintenance(
        self, request: vrrp_pb2.EndMaintenanceRequest, context: Context
    ) -> vrrp_pb2.EndMaintenanceResponse:
        async with _refusals(context):
            order = self._operator.end(request.instance)
        return vrrp_pb2.EndMaintenanceResponse(maintenance=_maintenance(order))

    async def ListMaintenance(
        self, request: vrrp_pb2.ListMaintenanceRequest, context: Context
    ) -> vrrp_pb2.ListMaintenanceResponse:
        orders = sorted(self._operator.maintenance.values())
        return vrrp_pb2.ListMaintenanceResponse(maintenance=[_maintenance(order) for order in orders])

    async def Switchover(self, request: vrrp_pb2.SwitchoverRequest, context: Context) -> vrrp_pb2.SwitchoverResponse:
        async with _refusals(context):
            order = await self._operator.switch(
                request.instance, request.target, request.reason, request.time.ToNanoseconds(), request.hold
            )
        return vrrp_pb2.SwitchoverResponse(switchover=_switchover(order))

    async def CancelSwitchover(
        self, request: vrrp_pb2.CancelSwitchoverRequest, context: Context
    ) -> vrrp_pb2.CancelSwitchoverResponse:
        async with _refusals(context):
            order = self._operator.cancel(request.id)
        return vrrp_pb2.CancelSwitchoverResponse(switchover=_switchover(order))

    async def ListSwitchovers(
        self, request: vrrp_pb2.ListSwitchoversRequest, context: Context
    ) -> vrrp_pb2.ListSwitchoversResponse:
        return vrrp_pb2.ListSwitchoversResponse(switchovers=[_switchover(order) for order in self._operator.switchovers])


@asynccontextmanager
async def _refusals(context: Context) -> AsyncIterator[None]:
    """What an order was refused for, as a status."""
    try:
        yield
    except InvalidValue as error:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
    except Unknown as error:
        await context.abort(grpc.StatusCode.NOT_FOUND, str(error))
    except Refused as error:
        await context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
    except UnavailableError as error:
        await context.abort(grpc.StatusCode.INTERNAL, str(error))


def _maintenance(order: Maintenance) -> vrrp_pb2.Maintenance:
    return vrrp_pb2.Maintenance(
        instance=order.instance, reason=order.reason, since=_time(order.since), until=_time(order.until)
    )


def _switchover(order: Switchover) -> vrrp_pb2.SwitchoverRecord:
    return vrrp_pb2.SwitchoverRecord(
        id=order.id,
        instance=order.instance,
        target=order.target,
        reason=order.reason,
        time=_time(order.at),
        hold=order.hold,
        outcome=f"SWITCHOVER_OUTCOME_{order.outcome}",
        detail=order.detail,
        end_time=_time(order.ended_at),
    )


def _time(ns: int) -> Timestamp | None:
    return Timestamp(seconds=ns // 1_000_000_000, nanos=ns % 1_000_000_000) if ns else None
