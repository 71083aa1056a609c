"""One node around a checker under test: its configuration file, and services that write down what they are told."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import grpc.aio

from tests.kit.process import Process
from vipkeeper.checker.v1 import checker_pb2_grpc
from vipkeeper.ipvs.v1 import health_pb2, ipvs_pb2_grpc
from vipkeeper.notify.v1 import notify_pb2, notify_pb2_grpc

ROOT = Path(__file__).resolve().parent.parent.parent

Name = tuple[str, str]


class Recorder(ipvs_pb2_grpc.IpvsServiceServicer):
    """Keeps every report, and the health that follows from them; complains about a wrong order."""

    def __init__(self) -> None:
        self.reports: list[health_pb2.ReportHealthRequest] = []
        self.health: dict[Name, health_pb2.ServerHealth] = {}
        self.complaints: list[str] = []
        self.streams = 0

    async def ReportHealth(
        self, requests: AsyncIterator[health_pb2.ReportHealthRequest], context: Any
    ) -> AsyncIterator[health_pb2.ReportHealthResponse]:
        self.streams += 1
        expected = 1
        async for report in requests:
            if report.sequence != expected or report.snapshot != (expected == 1):
                self.complaints.append(f"sequence {report.sequence}, snapshot {report.snapshot}; expected {expected}")
            expected += 1
            self.reports.append(report)
            if report.snapshot:
                self.health.clear()
            for server in report.servers:
                self.health[server.virtual_server, server.real_server] = server
            for gone in report.removed:
                self.health.pop((gone.virtual_server, gone.real_server), None)
            yield health_pb2.ReportHealthResponse(sequence=report.sequence)

    def up(self) -> dict[str, bool]:
        """Health by real server's name."""
        return {real: h.up for (_, real), h in self.health.items()}


class Notify(notify_pb2_grpc.NotifyServiceServicer):
    """Keeps every event."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    async def Publish(self, request: Any, context: Any) -> notify_pb2.PublishResponse:
        self.events += request.events
        return notify_pb2.PublishResponse()

    def transitions(self) -> list[tuple[str, bool]]:
        return [(e.real_server.real_server, e.real_server.up) for e in self.events if e.WhichOneof("what") == "real_server"]


class Node:
    """One node's folders, its configuration file, and the services around the checker."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run_dir = folder / "run"
        self.run_dir.mkdir()
        self._file = folder / "config.json"
        self._values: dict[str, Any] = {}
        self.ipvs = Recorder()
        self.notify = Notify()
        self._ipvs_server: grpc.aio.Server | None = None
        self._notify_server: grpc.aio.Server | None = None
        self.put({})

    def put(self, values: Mapping[str, Any]) -> None:
        """Add or change keys (below `config/`); None removes."""
        for key, value in values.items():
            if value is None:
                self._values.pop(f"config/{key}", None)
            else:
                self._values[f"config/{key}"] = value
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps(self._values))
        fresh.replace(self._file)

    async def start_services(self) -> None:
        self._ipvs_server = grpc.aio.server()
        ipvs_pb2_grpc.add_IpvsServiceServicer_to_server(self.ipvs, self._ipvs_server)
        self._ipvs_server.add_insecure_port(f"unix:{self.run_dir}/ipvs.sock")
        await self._ipvs_server.start()
        self._notify_server = grpc.aio.server()
        notify_pb2_grpc.add_NotifyServiceServicer_to_server(self.notify, self._notify_server)
        self._notify_server.add_insecure_port(f"unix:{self.run_dir}/notify.sock")
        await self._notify_server.start()

    async def stop_ipvs(self) -> None:
        if self._ipvs_server is not None:
            await self._ipvs_server.stop(0)
        self._ipvs_server = None

    async def stop_services(self) -> None:
        await self.stop_ipvs()
        if self._notify_server is not None:
            await self._notify_server.stop(0)

    @contextlib.contextmanager
    def checker(self, netns: str | None = None, more: Sequence[str] = ()) -> Iterator[Process]:
        """The checker itself, in a network namespace if one is named, with `more` flags."""
        argv = [sys.executable, "-m", "services.checker", "--store", f"file:{self._file}", "--node", "d1"]
        argv += ["--run-dir", str(self.run_dir), "--state-dir", str(self.folder / "state"), *more]
        with Process(argv, netns=netns, cwd=ROOT) as process:
            yield process

    @contextlib.asynccontextmanager
    async def api(self) -> AsyncIterator[checker_pb2_grpc.CheckerServiceStub]:
        async with grpc.aio.insecure_channel(f"unix:{self.run_dir}/checker.sock") as channel:
            await channel.channel_ready()
            yield checker_pb2_grpc.CheckerServiceStub(channel)


def virtual(**more: Any) -> dict[str, Any]:
    return {"address": "192.0.2.1", "port": 80, "protocol": "tcp", "delay_loop": "0.1s", "warmup": "0s", **more}


def real(port: int, kind: str = "tcp_check", **more: Any) -> dict[str, Any]:
    check = {"retry": 1, "delay_before_retry": "0.05s", **more}
    return {"address": "127.0.0.1", "port": port, kind: [check]}
