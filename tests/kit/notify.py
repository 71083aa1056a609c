"""The notify service as a process with a file store and a disk of its own: started, stopped and killed at will."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc.aio

from services.common.options import Options, parse
from tests.kit.process import Process
from vipkeeper.common.v1 import event_pb2
from vipkeeper.notify.v1 import notify_pb2, notify_pb2_grpc

Stub = Any


class Notify:
    """One notify service with its files; `put` changes its configuration, `start` and `kill` may alternate."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store: dict[str, Any] = {}
        self.process: Process | None = None
        self.options: Options = parse("notify", self.flags)

    @property
    def flags(self) -> list[str]:
        where = ["--run-dir", str(self.folder / "run"), "--state-dir", str(self.folder / "state")]
        return ["--store", f"file:{self.folder}/store.json", "--node", "d1", *where]

    def put(self, **objects: Any) -> None:
        """`vrrp_instance__VI_1={...}` becomes config/vrrp_instance/VI_1; the file is replaced in one step."""
        for key, value in objects.items():
            self.store["config/" + key.replace("__", "/")] = value
        fresh = self.folder / "store.new"
        fresh.write_text(json.dumps(self.store))
        fresh.rename(self.folder / "store.json")

    def start(self) -> None:
        self.process = Process([sys.executable, "-m", "services.notify", *self.flags])

    def stop(self) -> None:
        """A declared stop: what was told is written down."""
        assert self.process is not None
        self.process.terminate()
        assert self.process.wait() == 0

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()

    def close(self) -> None:
        if self.process is not None:
            self.process.__exit__(None, None, None)

    @contextlib.asynccontextmanager
    async def stub(self) -> AsyncIterator[Stub]:
        async with grpc.aio.insecure_channel(self.options.socket_of("notify")) as channel:
            yield notify_pb2_grpc.NotifyServiceStub(channel)

    async def publish(self, *events: event_pb2.Event) -> None:
        async with self.stub() as stub:
            await stub.Publish(notify_pb2.PublishRequest(events=events), timeout=30, wait_for_ready=True)

    async def events(self) -> list[notify_pb2.JournaledEvent]:
        async with self.stub() as stub:
            return list((await stub.ListEvents(notify_pb2.ListEventsRequest(), timeout=30, wait_for_ready=True)).events)

    async def deliveries(self) -> list[notify_pb2.Delivery]:
        return [delivery for event in await self.events() for delivery in event.deliveries]

    async def subscriber(self, name: str) -> notify_pb2.Subscriber:
        async with self.stub() as stub:
            answer = await stub.ListSubscribers(notify_pb2.ListSubscribersRequest(), timeout=30, wait_for_ready=True)
        return next((s for s in answer.subscribers if s.name == name), notify_pb2.Subscriber())
