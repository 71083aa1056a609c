"""A served API through real channels: reflection, health, sockets that are taken, who may connect, start and stop."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import signal
import socket
import stat
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from services.common.errors import UsageError
from services.common.options import Options
from services.common.serve import CHANNEL_OPTIONS, Server, serve
from tests.kit.process import Process
from tests.kit.tls import Authority, Certificate
from tests.kit.wait import until, until_async
from vipkeeper.notify.v1 import notify_pb2, notify_pb2_grpc

ROOT = Path(__file__).resolve().parents[2]
NAME = "vipkeeper.notify.v1.NotifyService"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
OptionsFor = Callable[..., Options]
Start = Callable[[Options], Awaitable[Server]]


class Notify(notify_pb2_grpc.NotifyServiceServicer):  # type: ignore[misc]
    async def Publish(self, request: notify_pb2.PublishRequest, context: object) -> notify_pb2.PublishResponse:
        return notify_pb2.PublishResponse()


def add(server: grpc.aio.Server) -> None:
    notify_pb2_grpc.add_NotifyServiceServicer_to_server(Notify(), server)


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    async with contextlib.AsyncExitStack() as closing:

        async def start(options: Options) -> Server:
            server = await serve(options, add, [NAME])
            closing.push_async_callback(server.stop, None)
            return server

        yield start


@pytest.fixture
def options(options_for: OptionsFor) -> Options:
    return options_for("--store", "file:/none")


def listening(options: Options, *addresses: str) -> Options:
    return dataclasses.replace(options, listen=addresses)


async def health(target: str, name: str = "", credentials: grpc.ChannelCredentials | None = None) -> int:
    if credentials is None:
        channel = grpc.aio.insecure_channel(target, options=CHANNEL_OPTIONS)
    else:
        channel = grpc.aio.secure_channel(target, credentials, options=CHANNEL_OPTIONS)
    async with channel:
        request = health_pb2.HealthCheckRequest(service=name)
        answer = await health_pb2_grpc.HealthStub(channel).Check(request, timeout=30)
        status: int = answer.status
        return status


async def test_services_are_listed_and_described_by_reflection(options: Options, start: Start) -> None:
    server = await start(options)
    async with grpc.aio.insecure_channel(server.bound[0]) as channel:
        requests = [
            reflection_pb2.ServerReflectionRequest(list_services=""),
            reflection_pb2.ServerReflectionRequest(file_containing_symbol=NAME),
        ]
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        listed, described = [answer async for answer in stub.ServerReflectionInfo(iter(requests), timeout=30)]
    names = {service.name for service in listed.list_services_response.service}
    assert names == {NAME, "grpc.health.v1.Health", "grpc.reflection.v1alpha.ServerReflection"}
    assert described.file_descriptor_response.file_descriptor_proto


async def test_health_follows_set_serving_on_every_address(options: Options, start: Start) -> None:
    server = await start(listening(options, *options.listen, "127.0.0.1:0"))
    assert len(server.bound) == 2
    for target in server.bound:
        assert [await health(target, name) for name in ("", NAME)] == [SERVING, SERVING]
    server.set_serving(False)
    for target in server.bound:
        assert [await health(target, name) for name in ("", NAME)] == [NOT_SERVING, NOT_SERVING]
    server.set_serving(True)
    assert await health(server.bound[0], NAME) == SERVING


async def test_a_unix_socket_is_for_owner_and_group_in_a_closed_folder(options: Options, start: Start) -> None:
    await start(options)
    path = options.run_dir / "ipvs.sock"
    assert stat.S_IMODE(path.lstat().st_mode) == 0o660
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o750
    assert os.listdir(path.parent) == ["ipvs.sock"]


async def test_a_leftover_socket_is_replaced(options: Options, start: Start) -> None:
    path = options.run_dir / "ipvs.sock"
    os.makedirs(path.parent)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert await health((await start(options)).bound[0]) == SERVING


async def test_a_socket_in_use_is_left_alone_until_it_is_free(
    options: Options, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = await start(options), await start(options)
    assert not second.bound
    assert "ipvs.sock is in use by another process; stop that one, or choose another --run-dir" in caplog.text
    first.set_serving(False)  # a mark: who answers?
    assert await health(first.bound[0]) == NOT_SERVING
    await first.stop(None)
    await until_async(lambda: second.bound, what="the second server takes over")
    assert await health(second.bound[0]) == SERVING


async def test_a_file_in_the_way_is_never_removed(options: Options, start: Start, caplog: pytest.LogCaptureFixture) -> None:
    path = options.run_dir / "ipvs.sock"
    os.makedirs(path.parent)
    os.close(os.open(path, os.O_CREAT))
    assert (await start(options)).bound == ()
    assert "is in the way and no socket; remove it" in caplog.text
    assert path.is_file()


async def test_a_folder_that_cannot_be_used_is_named_and_tried_again(
    options: Options, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    options.run_dir.touch()  # a file where the folder should be
    server = await start(options)
    assert "cannot listen on" in caplog.text
    assert "check the folder's owner and mode; tried again every 2 s" in caplog.text
    options.run_dir.unlink()
    await until_async(lambda: server.bound, what="the socket")
    assert await health(server.bound[0]) == SERVING


async def test_a_port_in_use_is_taken_when_it_is_free(options: Options, start: Start, caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        target = f"127.0.0.1:{other.getsockname()[1]}"
        server = await start(listening(options, target))
        assert server.bound == ()
    assert f"cannot listen on {target}: Address already in use; stop the process that has it" in caplog.text
    await until_async(lambda: server.bound == (target,), what="the port")
    assert await health(target) == SERVING


async def test_two_servers_never_share_a_port(options: Options, start: Start) -> None:
    first = await start(listening(options, "127.0.0.1:0"))
    second = await start(listening(options, first.bound[0]))
    assert second.bound == ()


async def test_a_stopped_server_leaves_the_socket_of_its_successor(options: Options, start: Start) -> None:
    first = await start(options)
    path = options.run_dir / "ipvs.sock"
    path.unlink()
    second = await start(options)
    await first.stop(None)
    assert await health(second.bound[0]) == SERVING


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("0.0.0.0:50051", "TCP beyond loopback needs --tls-ca, --tls-cert and --tls-key"),
        ("[::]:50051", "TCP beyond loopback"),
        ("lb1.example:50051", "TCP beyond loopback"),
        ("nonsense", "expected unix:PATH or HOST:PORT, got 'nonsense'"),
        ("127.0.0.1:99999", "expected unix:PATH or HOST:PORT"),
        ("unix:/" + "x" * 107, "longer than the 107 bytes of a socket's path"),
    ],
)
async def test_an_address_that_cannot_be_meant_is_refused(address: str, reason: str, options: Options, start: Start) -> None:
    with pytest.raises(UsageError, match=reason):
        await start(listening(options, address))


def with_tls(options: Options, authority: Authority, certificate: Certificate) -> Options:
    return dataclasses.replace(options, tls_ca=authority.ca, tls_cert=certificate.certificate, tls_key=certificate.key)


def client_credentials(authority: Authority, certificate: Certificate | None = None) -> grpc.ChannelCredentials:
    if certificate is None:
        return grpc.ssl_channel_credentials(authority.ca.read_bytes())
    return grpc.ssl_channel_credentials(
        authority.ca.read_bytes(), certificate.key.read_bytes(), certificate.certificate.read_bytes()
    )


async def test_beyond_loopback_only_clients_with_a_certificate_are_served(
    tmp_path: Path, options: Options, start: Start
) -> None:
    authority, stranger = Authority(tmp_path / "ours"), Authority(tmp_path / "theirs")
    client, other = authority.issue("client"), stranger.issue("client")
    server = await start(with_tls(listening(options, "0.0.0.0:0"), authority, authority.issue("server", "127.0.0.1")))
    target = server.bound[0].replace("0.0.0.0", "127.0.0.1")
    assert await health(target, NAME, client_credentials(authority, client)) == SERVING
    for credentials in (client_credentials(authority), client_credentials(authority, other), None):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await health(target, NAME, credentials)
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_renewed_certificate_is_taken_up_while_running(tmp_path: Path, options: Options, start: Start) -> None:
    old, new = Authority(tmp_path / "old"), Authority(tmp_path / "new")
    served = old.issue("server", "127.0.0.1")
    server = await start(with_tls(listening(options, "127.0.0.1:0"), old, served))
    client = old.issue("client")
    assert await health(server.bound[0], NAME, client_credentials(old, client)) == SERVING
    renewed, client = new.issue("server", "127.0.0.1"), new.issue("client")
    for fresh, path in ((renewed.certificate, served.certificate), (renewed.key, served.key), (new.ca, old.ca)):
        fresh.rename(path)
    new.ca = old.ca
    assert await health(server.bound[0], NAME, client_credentials(new, client)) == SERVING


async def test_certificates_that_cannot_be_used_are_named(tmp_path: Path, options: Options, start: Start) -> None:
    authority = Authority(tmp_path / "ca")
    one, two = authority.issue("one"), authority.issue("two")
    tcp = listening(options, "127.0.0.1:0")
    with pytest.raises(UsageError, match="go together; at least one of them is missing"):
        await start(dataclasses.replace(tcp, tls_ca=authority.ca))
    with pytest.raises(UsageError, match="--tls-key: cannot read /none: No such file or directory"):
        await start(with_tls(tcp, authority, Certificate(one.certificate, Path("/none"))))
    with pytest.raises(UsageError, match="do not belong together"):
        await start(with_tls(tcp, authority, Certificate(one.certificate, two.key)))
    with pytest.raises(UsageError, match="are not a PEM certificate and key"):
        await start(with_tls(tcp, authority, Certificate(one.key, one.certificate)))
    with pytest.raises(UsageError, match="holds no PEM certificate"):
        await start(dataclasses.replace(with_tls(tcp, authority, one), tls_ca=one.key))


PROGRAM = """
import asyncio, sys
from services.common.errors import StoreError, UsageError
from services.common.serve import run, serve

async def main(options, stop):
    server = await serve(options, lambda server: None, []) if options.node == "busy" else None
    print("started", flush=True)
    async def fail(error):
        raise error
    match options.node:
        case "usage":
            raise UsageError("--listen: no")
        case "errors":
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(fail(StoreError("the one")))
                tasks.create_task(fail(StoreError("the other")))
        case "bug":
            raise ValueError("a bug")
        case "deaf" | "busy":
            await stop.wait()
            print("asked", flush=True)
            await asyncio.Event().wait()
    await stop.wait()
    print("stopped", flush=True)

sys.exit(run("ipvs", main, ["--store", "file:/none", "--node", *sys.argv[1:]]))
"""


def service(node: str, *flags: str) -> Process:
    return Process([sys.executable, "-W", "error", "-c", PROGRAM, node, *flags], cwd=ROOT)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_a_declared_stop(number: signal.Signals) -> None:
    with service("well") as process:
        until(lambda: "started" in process.output(), what=process.output)
        process.signal(number)
        assert (process.wait(), process.output()) == (0, "started\nstopped\n")


@pytest.mark.parametrize("node", ["deaf", "busy"])
def test_a_second_signal_ends_a_service_that_does_not_stop(node: str, tmp_path: Path) -> None:
    with service(node, "--run-dir", str(tmp_path)) as process:
        until(lambda: "started" in process.output(), what=process.output)

        process.terminate()
        until(lambda: "asked" in process.output(), what=process.output)
        process.terminate()
        assert (process.wait(), process.output()) == (0, "started\nasked\n")


@pytest.mark.parametrize(
    ("node", "status", "output"),
    [
        ("usage", 2, "vipkeeper-ipvs: --listen: no\n"),
        ("errors", 1, "vipkeeper-ipvs: the one\nvipkeeper-ipvs: the other\n"),
    ],
)
def test_an_error_is_a_line_for_people_and_an_exit_status(node: str, status: int, output: str) -> None:
    with service(node) as process:
        assert (process.wait(), process.output()) == (status, f"started\n{output}")


def test_a_bug_is_a_traceback_and_an_exit_status() -> None:
    with service("bug") as process:
        assert process.wait() == 1
        assert "ValueError: a bug" in process.output()


def test_an_impossible_setting_is_refused_before_anything_starts() -> None:
    with service("well", "--store", "http://x") as process:
        assert process.wait() == 2
        assert process.output() == (
            "vipkeeper-ipvs: --store: expected etcd://HOST:PORT[,HOST:PORT...] or file:PATH, got 'http://x'\n"
        )


async def test_calls_that_run_may_end_in_peace(options: Options) -> None:
    class Slow(notify_pb2_grpc.NotifyServiceServicer):  # type: ignore[misc]
        entered, finish = asyncio.Event(), asyncio.Event()

        async def Publish(self, request: notify_pb2.PublishRequest, context: object) -> notify_pb2.PublishResponse:
            self.entered.set()
            await self.finish.wait()
            return notify_pb2.PublishResponse()

    slow = Slow()
    server = await serve(options, lambda s: notify_pb2_grpc.add_NotifyServiceServicer_to_server(slow, s), [NAME])
    async with grpc.aio.insecure_channel(server.bound[0]) as channel:
        call = notify_pb2_grpc.NotifyServiceStub(channel).Publish(notify_pb2.PublishRequest(), timeout=60)
        await slow.entered.wait()
        stopping = asyncio.ensure_future(server.stop(60))
        await until_async(lambda: not (options.run_dir / "ipvs.sock").exists(), what="the socket is withdrawn")
        slow.finish.set()
        assert await call == notify_pb2.PublishResponse()
        await stopping
