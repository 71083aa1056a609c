"""What an operator has at hand, grpcurl or buf, lists, describes and calls a service over its unix socket."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import grpc.aio
import pytest

from services.common.options import Options
from services.common.serve import serve
from vipkeeper.notify.v1 import notify_pb2, notify_pb2_grpc

ROOT = Path(__file__).resolve().parents[2]
NAME = "vipkeeper.notify.v1.NotifyService"
EVENT = {"id": "1", "node": "lb1", "service": "checker", "realServer": {"realServer": "rs1", "up": True}}


class Notify(notify_pb2_grpc.NotifyServiceServicer):  # type: ignore[misc]
    """Keeps what is published."""

    def __init__(self) -> None:
        self.requests: list[notify_pb2.PublishRequest] = []

    async def Publish(self, request: notify_pb2.PublishRequest, context: object) -> notify_pb2.PublishResponse:
        self.requests.append(request)
        return notify_pb2.PublishResponse()


@pytest.fixture
async def served(options_for: Callable[..., Options]) -> AsyncIterator[tuple[Path, Notify]]:
    """Path of the socket, and the servicer behind it."""
    options = options_for("--store", "file:/none")
    notify = Notify()

    def add(server: grpc.aio.Server) -> None:
        notify_pb2_grpc.add_NotifyServiceServicer_to_server(notify, server)

    server = await serve(options, add, [NAME])
    yield options.run_dir / "ipvs.sock", notify
    await server.stop(None)


def tool(name: str, folder: Path) -> str:
    """Path of a program that `make tools` provides, or that the machine has."""
    found = shutil.which(name, path=f"{folder}:{os.environ['PATH']}")
    if found is None:
        pytest.skip(f"{name} is not here (`make tools` provides it)")
    return found


async def output(*argv: str) -> str:
    done = await asyncio.to_thread(subprocess.run, argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def assert_published(notify: Notify) -> None:
    (request,) = notify.requests
    (event,) = request.events
    assert (event.id, event.node, event.real_server.real_server, event.real_server.up) == ("1", "lb1", "rs1", True)


async def test_grpcurl_lists_describes_and_calls(served: tuple[Path, Notify]) -> None:
    path, notify = served
    grpcurl = (tool("grpcurl", ROOT / ".build/bin"), "-plaintext", "-unix")
    assert NAME in (await output(*grpcurl, str(path), "list")).split()
    assert "rpc Publish" in await output(*grpcurl, str(path), "describe", NAME)
    health = await output(*grpcurl, str(path), "grpc.health.v1.Health/Check")
    assert json.loads(health) == {"status": "SERVING"}
    assert json.loads(await output(*grpcurl, "-d", json.dumps({"events": [EVENT]}), str(path), f"{NAME}/Publish")) == {}
    assert_published(notify)


async def test_buf_lists_and_calls(served: tuple[Path, Notify]) -> None:
    path, notify = served
    curl = (tool("buf", ROOT / ".build/node_modules/.bin"), "curl", "--protocol", "grpc", "--http2-prior-knowledge")
    to_socket = (*curl, "--unix-socket", str(path))
    assert NAME in (await output(*to_socket, "--list-services", "http://localhost")).split()
    data = json.dumps({"events": [EVENT]})
    assert json.loads(await output(*to_socket, "-d", data, f"http://localhost/{NAME}/Publish")) == {}
    assert_published(notify)
