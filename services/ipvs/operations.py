"""How do operators give their orders over gRPC? The part of IpvsService that changes something (see ipvs.proto)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio

from services.common.errors import InvalidValue, UnavailableError
from services.ipvs.drain import Name
from services.ipvs.live import drain_message
from services.ipvs.operators import Operator, Refused, Unknown
from services.ipvs.runtime import Runtime
from vipkeeper.ipvs.v1 import ipvs_pb2

Context = grpc.aio.ServicerContext[Any, Any]


class Operations:
    """The calls that an `Operator` answers."""

    def __init__(self, runtime: Runtime, operator: Operator) -> None:
        self._runtime = runtime
        self._operator = operator

    def _connections(self, name: Name) -> int:
        spot = self._runtime.director.spot(name)
        return 0 if spot is None else self._runtime.connections(spot)

    async def Drain(self, request: ipvs_pb2.DrainRequest, context: Context) -> ipvs_pb2.DrainResponse:
        name = (request.virtual_server, request.real_server)
        deadline, until = request.deadline.ToNanoseconds(), request.until.ToNanoseconds()
        async with _refusals(context):
            outlook = await self._operator.drain(name, request.reason, deadline, until, request.validate_only)
        order = self._runtime.drains.orders.get(name, outlook.order) if not request.validate_only else outlook.order
        return ipvs_pb2.DrainResponse(
            drain=drain_message(order, self._connections(name)),
            live_weight=outlook.quorum.live_weight,
            quorum=outlook.quorum.quorum,
            quorum_up=outlook.quorum.up,
            warnings=outlook.warnings,
        )

    async def EndDrain(self, request: ipvs_pb2.EndDrainRequest, context: Context) -> ipvs_pb2.EndDrainResponse:
        async with _refusals(context):
            order = await self._operator.end((request.virtual_server, request.real_server), request.validate_only)
        return ipvs_pb2.EndDrainResponse(drain=drain_message(order))

    async def ListDrains(self, request: ipvs_pb2.ListDrainsRequest, context: Context) -> ipvs_pb2.ListDrainsResponse:
        await self._runtime.refresh()
        drains = self._runtime.drains
        rows = [((*name, ""), drain_message(order, self._connections(name))) for name, order in drains.orders.items()]
        for one in drains.leaving.values():
            message = drain_message(one, self._runtime.connections(one.spot))
            rows.append(((one.virtual, one.real, str(one.place)), message))
        return ipvs_pb2.ListDrainsResponse(drains=[message for _, message in sorted(rows, key=lambda row: row[0])])


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
