"""grpc_check against real gRPC servers, and against what is none."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import grpc.aio
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from services.checker.kinds.grpc_health import Grpc
from services.checker.kinds.target import Target
from services.checker.kinds.tls import Trust
from services.checker.streak import Phase
from tests.kit import targets
from tests.kit.prober import QUICK, Prober, running_prober
from tests.kit.tls import Authority, Certificate
from tests.kit.wait import until_async

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
KIND = "grpc_check"


@pytest.fixture
async def prober() -> AsyncIterator[Prober]:
    async with running_prober() as it:
        yield it


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@contextlib.asynccontextmanager
async def serving(servicer: health_pb2_grpc.HealthServicer | None, issued: Certificate | None = None) -> AsyncIterator[int]:
    """A gRPC server, with a health service if there is one; gives its port."""
    server = grpc.aio.server()
    if servicer is not None:
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    if issued is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        pair = (issued.key.read_bytes(), issued.certificate.read_bytes())
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
    await server.start()
    try:
        yield port
    finally:
        await server.stop(0)


@pytest.fixture
async def servicer() -> health.aio.HealthServicer:
    it = health.aio.HealthServicer()
    await it.set("", SERVING)
    await it.set("up.Service", SERVING)
    await it.set("down.Service", NOT_SERVING)
    return it


def ask(port: int, service: str = "", **more: object) -> Grpc:
    return Grpc(Target("127.0.0.1", port), service, "a.example", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("service", "cause"),
    [
        ("", ""),
        ("up.Service", ""),
        ("down.Service", "NOT_SERVING"),
        ("no.Service", "the server does not know the service 'no.Service'"),
    ],
)
async def test_a_service_is_as_its_server_says(
    prober: Prober, servicer: health.aio.HealthServicer, service: str, cause: str
) -> None:
    async with serving(servicer) as port:
        assert await prober.cause(KIND, ask(port, service)) == cause


async def test_a_service_comes_and_goes(prober: Prober, servicer: health.aio.HealthServicer) -> None:
    async with serving(servicer) as port:
        check = prober.start(KIND, ask(port, "down.Service"), QUICK)
        await until_async(lambda: prober.reports[check], what="a first result")
        await servicer.set("down.Service", SERVING)
        await until_async(lambda: prober.reports[check][-1].streak.phase is Phase.UP, what="the service up")
        await servicer.set("down.Service", NOT_SERVING)
        await until_async(lambda: prober.reports[check][-1].cause == "NOT_SERVING", what="the service down")


async def test_a_server_without_a_health_service_says_so(prober: Prober) -> None:
    async with serving(None) as port:
        assert await prober.cause(KIND, ask(port)) == "the server has no grpc.health.v1.Health"


async def test_a_status_comes_with_its_words(prober: Prober) -> None:
    class Refusing(health_pb2_grpc.HealthServicer):
        async def Check(self, request: health_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext) -> None:
            assert ("user-agent", "vipkeeper") in (context.invocation_metadata() or ())
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "not you, „vipkeeper“")

    async with serving(Refusing()) as port:
        assert await prober.cause(KIND, ask(port)) == "status PERMISSION_DENIED: not you, „vipkeeper“"


async def test_a_server_that_never_answers_fails_in_time(prober: Prober) -> None:
    class Slow(health_pb2_grpc.HealthServicer):
        async def Check(self, request: health_pb2.HealthCheckRequest, context: grpc.aio.ServicerContext) -> None:
            await asyncio.Event().wait()

    async with serving(Slow()) as port:
        cause = await prober.cause(KIND, ask(port), QUICK)
    assert cause in ("no further data within 0.5 s", "the answer is not complete after 1.5 s")


# --- over TLS ---


async def test_over_tls_http_2_is_chosen_and_nothing_verified_unless_asked_for(
    prober: Prober, servicer: health.aio.HealthServicer, authority: Authority
) -> None:
    async with serving(servicer, authority.issue("old", names=("b.example",))) as port:
        assert await prober.cause(KIND, ask(port, tls=True, sni="a.example")) == ""
        assert await prober.cause(KIND, ask(port, "down.Service", tls=True)) == "NOT_SERVING"
        trust = Trust(str(authority.ca))
        assert await prober.cause(KIND, ask(port, tls=True, sni="b.example", trust=trust)) == ""
        assert "ismatch" in await prober.cause(KIND, ask(port, tls=True, sni="a.example", trust=trust))
        short = await prober.cause(KIND, ask(port, tls=True, sni="b.example", trust=Trust(str(authority.ca), 9)))
        assert short == "TLS: certificate: valid for 1 days more, expected at least 9; renew it"


async def test_a_missing_file_of_certificates_is_named(prober: Prober, tmp_path: Path) -> None:
    cause = await prober.cause(KIND, ask(9, tls=True, sni="a", trust=Trust(str(tmp_path / "none"))))
    assert cause.startswith(f"TLS: tls_ca_file {tmp_path}/none: no such file or directory; ")


async def test_a_name_that_cannot_be_asked_for_is_named(prober: Prober) -> None:
    assert (await prober.cause(KIND, ask(9, tls=True, sni=".bad"))).startswith("TLS: cannot ask for the server name '.bad'")


async def test_a_server_that_does_not_choose_http_2_fails(prober: Prober, authority: Authority) -> None:
    issued = authority.issue("plain", "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.certificate, issued.key)
    async with targets.target(targets.silent, tls=context) as server:
        cause = await prober.cause(KIND, ask(server.port, tls=True))
    assert cause == "TLS: the server does not choose HTTP/2 (ALPN h2)"


@pytest.mark.parametrize("tls", [True, False])
async def test_a_server_of_the_other_kind_fails(
    prober: Prober, servicer: health.aio.HealthServicer, authority: Authority, tls: bool
) -> None:
    async with serving(servicer, None if tls else authority.issue("server", "127.0.0.1")) as port:
        assert await prober.cause(KIND, ask(port, tls=tls))


# --- what is no gRPC ---


async def test_a_server_of_http_1_says_so(prober: Prober) -> None:
    async def bad_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(16)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        await targets.silent(reader, writer)

    async with targets.target(bad_request) as server:
        assert await prober.cause(KIND, ask(server.port)) == "the server speaks HTTP/1, and no HTTP/2"


async def test_hostile_servers_cost_their_own_checks_alone(prober: Prober, servicer: health.aio.HealthServicer) -> None:
    pings = struct.pack(">IBI", 8 << 8 | 6, 0, 0) + bytes(8)
    settings = struct.pack(">IBI", 4, 0, 0)
    assert len(settings) == 9

    def endless(piece: bytes, pause: float) -> targets.Behaviour:
        async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(settings)
            while True:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause)

        return behave

    async with (
        targets.target(endless(pings * 1000, 0)) as flood,
        targets.target(endless(pings, 0.1)) as drip,
        targets.target(targets.silent) as silent,
        targets.target(targets.reset) as reset,
        serving(servicer) as port,
    ):
        with targets.refusing() as refusing, targets.dropping() as dropping:
            bad = (flood.port, drip.port, silent.port, reset.port, refusing, dropping)
            checks = [prober.start(KIND, ask(each), QUICK) for each in bad]
            assert await prober.cause(KIND, ask(port)) == ""
            await until_async(lambda: all(prober.reports[check] for check in checks), what="verdicts")
    causes = [prober.reports[check][0].cause for check in checks]
    assert causes == [
        "the answer is longer than 49152 bytes",
        "the answer is not complete after 1.5 s",
        "no further data within 0.5 s",
        "connection reset by peer",
        "connection refused",
        "no connection within 0.5 s",
    ]
