"""How does IPVS learn of the servers' health? A stream of reports: a snapshot first, then what changed.

Shell: one gRPC stream to the ipvs service of this node. Nobody waits for it: what is not sent yet is kept per server,
newest state only, and after every reconnect everything is sent anew.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc
import grpc.aio
from google.protobuf.timestamp_pb2 import Timestamp

from services.checker.pool import Health, Name
from services.common.serve import CHANNEL_OPTIONS
from vipkeeper.ipvs.v1 import health_pb2, ipvs_pb2_grpc

Call: TypeAlias = "grpc.aio.StreamStreamCall[Any, Any]"

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.05
LAST_PAUSE_S = 2.0


@dataclass(frozen=True, slots=True)
class Entry:
    """Health of a server, when it was found (wall clock, nanoseconds, 0: not in this run), and the trace of that."""

    health: Health
    at_ns: int = 0
    traceparent: str = ""


class Reporter:
    """The stream of one run of the checker.

    Nothing is sent before `begin`. `sent` and `acknowledged` are sequences of the current stream, `streams` counts them.
    """

    def __init__(self, target: str) -> None:
        self._target = target
        self._epoch = secrets.token_hex(8)
        self._entries: dict[Name, Entry] = {}
        self._dirty: dict[Name, None] = {}
        self._wake = asyncio.Event()
        self._begun = asyncio.Event()
        self.sent = 0
        self.acknowledged = 0
        self.streams = 0
        self.trouble = "not connected yet"

    def begin(self, entries: Mapping[Name, Entry]) -> None:
        """All servers whose health is known: the first snapshot may go."""
        self._entries.update(entries)
        self._begun.set()

    def put(self, name: Name, entry: Entry) -> None:
        """Health of a server is new or has changed."""
        self._entries[name] = entry
        self._touch(name)

    def remove(self, name: Name) -> None:
        """A server is not checked any more."""
        if self._entries.pop(name, None) is not None:
            self._touch(name)

    def _touch(self, name: Name) -> None:
        self._dirty[name] = None
        self._wake.set()

    async def run(self) -> None:
        """Report until cancelled."""
        await self._begun.wait()
        pause = FIRST_PAUSE_S
        async with grpc.aio.insecure_channel(self._target, options=CHANNEL_OPTIONS) as channel:
            stub = ipvs_pb2_grpc.IpvsServiceStub(channel)
            while True:
                before = self.streams
                try:
                    await self._stream(stub)
                except grpc.aio.AioRpcError as e:
                    if not self.trouble:
                        log.warning("ipvs does not take health reports at %s: %s", self._target, e.details())
                    self.trouble = e.details() or e.code().name
                pause = FIRST_PAUSE_S if self.streams > before else min(2 * pause, LAST_PAUSE_S)
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))

    async def _stream(self, stub: ipvs_pb2_grpc.IpvsServiceStub) -> None:
        """One connection, until it breaks.

        :raises grpc.aio.AioRpcError: it broke, with the reason.
        """
        call = stub.ReportHealth(wait_for_ready=True)
        self.sent = self.acknowledged = 0
        listener = asyncio.ensure_future(self._listen(call))
        try:
            await self._send(call, self._snapshot())
            while not listener.done():
                if not self._dirty:
                    self._wake.clear()
                    waker = asyncio.ensure_future(self._wake.wait())
                    await asyncio.wait((waker, listener), return_when=asyncio.FIRST_COMPLETED)
                    waker.cancel()
                if self._dirty:
                    await self._send(call, self._delta())
            await listener
        except asyncio.InvalidStateError:  # the call ended while something was being written: its status says why
            await listener
        finally:
            listener.cancel()
            call.cancel()

    async def _listen(self, call: Call) -> None:
        """Take acknowledgements until the stream ends.

        :raises grpc.aio.AioRpcError: always, unless it was closed in order.
        """
        async for response in call:
            if not self.acknowledged:
                self.streams += 1
                if self.trouble:
                    log.info("ipvs takes health reports")
                self.trouble = ""
            self.acknowledged = response.sequence

    async def _send(self, call: Call, message: health_pb2.ReportHealthRequest) -> None:
        self.sent += 1
        message.epoch = self._epoch
        message.sequence = self.sent
        await call.write(message)

    def _snapshot(self) -> health_pb2.ReportHealthRequest:
        self._dirty.clear()
        # causes and traces of servers that are up would only make it large: nothing follows from them
        return health_pb2.ReportHealthRequest(
            snapshot=True, servers=[_message(n, e, brief=e.health.up) for n, e in self._entries.items()]
        )

    def _delta(self) -> health_pb2.ReportHealthRequest:
        names, self._dirty = self._dirty, {}
        return health_pb2.ReportHealthRequest(
            servers=[_message(n, self._entries[n]) for n in names if n in self._entries],
            removed=[
                health_pb2.ServerName(virtual_server=virtual, real_server=real)
                for virtual, real in names
                if (virtual, real) not in self._entries
            ],
        )


def _message(name: Name, entry: Entry, brief: bool = False) -> health_pb2.ServerHealth:
    message = health_pb2.ServerHealth(
        virtual_server=name[0],
        real_server=name[1],
        up=entry.health.up,
        weight_adjustment=entry.health.weight_adjustment,
    )
    if entry.at_ns:
        message.probed_at.CopyFrom(Timestamp(seconds=entry.at_ns // 10**9, nanos=entry.at_ns % 10**9))
    if not brief:
        message.cause = entry.health.cause
        message.traceparent = entry.traceparent
    return message
