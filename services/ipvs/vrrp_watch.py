"""Which virtual routers is this node master of? The vrrp service's watch, followed for the sync daemon.

Shell: one gRPC stream to the vrrp service of this node, while something depends on it. Nobody waits for it: while vrrp does
not answer, what it said last stays.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

import grpc
import grpc.aio

from services.common.serve import CHANNEL_OPTIONS
from services.ipvs.sync import Router, Routers
from vipkeeper.common.v1 import event_pb2
from vipkeeper.vrrp.v1 import vrrp_pb2, vrrp_pb2_grpc

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.05
LAST_PAUSE_S = 2.0


class VrrpWatch:
    """Tells `on_change` all virtual routers, once they are known and after each change of one."""

    def __init__(self, target: str, on_change: Callable[[Routers], Awaitable[None]]) -> None:
        self._target = target
        self._on_change = on_change
        self._needed = asyncio.Event()
        self._told: dict[str, Router] | None = None

    def need(self, needed: bool) -> None:
        """Whether anything depends on a virtual router now."""
        if needed:
            self._needed.set()
        else:
            self._needed.clear()

    async def run(self) -> None:
        """Follow until cancelled."""
        pause = FIRST_PAUSE_S
        while True:
            await self._needed.wait()
            try:
                async with grpc.aio.insecure_channel(self._target, options=CHANNEL_OPTIONS) as channel:
                    await self._follow(vrrp_pb2_grpc.VrrpServiceStub(channel))
                pause = FIRST_PAUSE_S
            except grpc.aio.AioRpcError as e:
                log.debug("vrrp does not tell its virtual routers at %s: %s", self._target, e.details())
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(2 * pause, LAST_PAUSE_S)

    async def _follow(self, stub: vrrp_pb2_grpc.VrrpServiceStub) -> None:
        """One connection, until it breaks or nobody needs it any more.

        :raises grpc.aio.AioRpcError: it broke, with the reason.
        """
        call = stub.WatchInstances(vrrp_pb2.WatchInstancesRequest(), wait_for_ready=True)
        found: dict[str, Router] = {}
        synced = False
        try:
            async for message in call:
                match message.WhichOneof("what"):
                    case "instance":
                        m = message.instance
                        found[m.name] = Router(m.state == event_pb2.VRRP_STATE_MASTER, m.virtual_router_id)
                    case "removed":
                        found.pop(message.removed, None)
                    case "synced":
                        synced = True
                if not self._needed.is_set():
                    return
                if synced and found != self._told:
                    self._told = dict(found)
                    await self._on_change(self._told)
        finally:
            call.cancel()
