"""Spans and metrics as a collector and as Prometheus get them; and that nothing happens where nobody asked for them."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from services.common import telemetry
from services.common.errors import UsageError
from services.common.options import Options
from services.common.telemetry import Telemetry
from tests.kit.wait import until_async

ROOT = Path(__file__).resolve().parents[2]
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OptionsFor = Callable[..., Options]
Start = Callable[..., Telemetry]


class Collector:
    """An OTLP collector that keeps what it gets."""

    def __init__(self) -> None:
        self.spans: dict[str, Any] = {}
        self.metrics: dict[str, Any] = {}
        self.resource: dict[str, str] = {}
        self._server = grpc.server(ThreadPoolExecutor(4))
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(self._Traces(self), self._server)  # type: ignore[no-untyped-call]
        metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(self._Metrics(self), self._server)  # type: ignore[no-untyped-call]
        self.endpoint = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    class _Traces(trace_service_pb2_grpc.TraceServiceServicer):
        def __init__(self, collector: Collector) -> None:
            self._to = collector

        def Export(self, request: Any, context: Any) -> Any:
            for resource in request.resource_spans:
                self._to.resource = {a.key: a.value.string_value for a in resource.resource.attributes}
                for scope in resource.scope_spans:
                    self._to.spans |= {span.name: span for span in scope.spans}
            return trace_service_pb2.ExportTraceServiceResponse()

    class _Metrics(metrics_service_pb2_grpc.MetricsServiceServicer):
        def __init__(self, collector: Collector) -> None:
            self._to = collector

        def Export(self, request: Any, context: Any) -> Any:
            for resource in request.resource_metrics:
                for scope in resource.scope_metrics:
                    self._to.metrics |= {metric.name: metric for metric in scope.metrics}
            return metrics_service_pb2.ExportMetricsServiceResponse()

    def stop(self) -> None:
        self._server.stop(None).wait()


@pytest.fixture
def collector() -> Iterator[Collector]:
    running = Collector()
    yield running
    running.stop()


@pytest.fixture
async def start(options_for: OptionsFor) -> AsyncIterator[Start]:
    async with AsyncExitStack() as closing:

        def begin(*flags: str) -> Telemetry:
            started = telemetry.start(options_for("--store", "file:/none", *flags))
            closing.push_async_callback(started.close)
            return started

        yield begin


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


def parts(traceparent: str) -> list[str]:
    return traceparent.split("-")


async def test_a_span_continues_the_trace_that_is_passed_to_it(collector: Collector, start: Start) -> None:
    running = start("--otlp-endpoint", collector.endpoint)
    with running.span("probe", PARENT, real_server="rs1", attempt=2) as probe, running.span("decide") as decide:
        inner = decide.traceparent
    with running.span("apply", inner) as apply:
        apply.set(weight=5)
        apply.fail("EINVAL")
    await running.close()
    spans = collector.spans
    assert {name: span.trace_id.hex() for name, span in spans.items()} == dict.fromkeys(
        ("probe", "decide", "apply"), parts(PARENT)[1]
    )
    assert spans["probe"].parent_span_id.hex() == parts(PARENT)[2]
    assert parts(probe.traceparent)[2] == spans["probe"].span_id.hex()
    assert spans["decide"].parent_span_id == spans["probe"].span_id
    assert spans["apply"].parent_span_id == spans["decide"].span_id
    assert {a.key: a.value.string_value or a.value.int_value for a in spans["probe"].attributes} == {
        "real_server": "rs1",
        "attempt": 2,
    }
    assert spans["apply"].status.message == "EINVAL"
    assert collector.resource["service.name"] == "vipkeeper-ipvs"
    assert collector.resource["service.instance.id"] == "lb1"


@pytest.mark.parametrize("traceparent", ["", "rubbish", "00-0-0-00"])
async def test_a_span_without_a_usable_parent_begins_a_trace(traceparent: str, collector: Collector, start: Start) -> None:
    running = start("--otlp-endpoint", collector.endpoint)
    with running.span("first", traceparent) as first:
        assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-9]", first.traceparent)
    await running.close()
    assert not collector.spans["first"].parent_span_id


async def test_an_exception_marks_the_span_and_passes_on(collector: Collector, start: Start) -> None:
    running = start("--otlp-endpoint", collector.endpoint)
    with pytest.raises(ValueError, match="no"), running.span("failing"):
        raise ValueError("no")
    await running.close()
    assert collector.spans["failing"].status.message == "ValueError: no"


async def test_instruments_reach_the_collector(collector: Collector, start: Start) -> None:
    running = start("--otlp-endpoint", collector.endpoint)
    counts = {"sent": 0}
    running.observe("vrrp.adverts", lambda: counts["sent"], "{advert}", "Adverts sent")
    running.observe("ipvs.weight", lambda: [(n, {"rs": f"rs{n}"}) for n in range(3_000)], kind="gauge")
    running.observe("broken", lambda: 1 // 0)
    counts["sent"] = 7
    await running.close()
    adverts, weights = collector.metrics["vipkeeper.vrrp.adverts"], collector.metrics["vipkeeper.ipvs.weight"]
    assert [(p.as_int, adverts.unit, adverts.description) for p in adverts.sum.data_points] == [(7, "{advert}", "Adverts sent")]
    assert sorted(p.as_int for p in weights.gauge.data_points) == list(range(3_000))


async def test_without_an_exporter_trace_contexts_pass_through(start: Start) -> None:
    running = start()
    with running.span("probe", PARENT) as span:
        span.set(weight=1)
        span.fail("it did")
        assert span.traceparent == PARENT
    with running.span("probe") as span:
        assert span.traceparent == ""


async def test_a_dead_collector_is_named_once_and_nobody_waits_for_it(
    port: int, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    running = start("--otlp-endpoint", f"127.0.0.1:{port}")
    running.observe("some.counter", lambda: 1)
    for number in range(20_000):  # more than the queue takes
        with running.span("probe", PARENT, number=number) as span:
            assert parts(span.traceparent)[1] == parts(PARENT)[1]
    await asyncio.wait_for(running.close(), 20)  # the exporter's own default: half a minute
    complaints = [r for r in caplog.records if r.levelno >= logging.WARNING and "opentelemetry" in r.name]
    assert len(complaints) <= 2


PROGRAM = """
import asyncio, sys
from services.common import options, serve, telemetry

async def main():
    running = telemetry.start(options.parse("ipvs", ["--store", "file:/none", *sys.argv[1:]], {}))
    running.observe("some.counter", lambda: 1)
    with running.span("probe"):
        pass
    await running.close()
    print([name for name in ("opentelemetry", "opentelemetry.sdk", "prometheus_client", "grpc") if name in sys.modules])

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("flags", "loaded"),
    [
        ([], []),
        (["--metrics-listen", "127.0.0.1:{port}"], ["prometheus_client"]),
        (["--otlp-endpoint", "127.0.0.1:{port}"], ["opentelemetry", "opentelemetry.sdk", "grpc"]),
    ],
    ids=["nothing", "Prometheus", "OTLP to nobody"],
)
def test_libraries_are_loaded_only_where_configured(flags: list[str], loaded: list[str], port: int) -> None:
    argv = [sys.executable, "-W", "error", "-c", PROGRAM, *(flag.format(port=port) for flag in flags)]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert (done.returncode, done.stdout) == (0, f"{loaded}\n"), done.stderr


async def fetch(port: int, path: str = "/metrics", method: str = "GET") -> tuple[int, str]:
    """Status and body; 0 while nobody listens."""

    def ask() -> tuple[int, str]:
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as e:
            with e:
                return e.code, e.read().decode()
        except urllib.error.URLError:
            return 0, ""

    return await asyncio.to_thread(ask)


async def test_prometheus_reads_plain_counters(port: int, start: Start) -> None:
    running = start("--metrics-listen", f"127.0.0.1:{port}")
    running.observe("vrrp.adverts_sent", lambda: 7, "{advert}", "Adverts sent")
    running.observe("checker.delay", lambda: [(0.5, {"rs": 'a"b'}), (1, {"port": "80"})], "s", "Delay", kind="gauge")
    running.observe("broken", lambda: 1 // 0)
    await until_async(lambda: answered(port), what="metrics")
    status, text = await fetch(port)
    assert status == 200
    assert [line for line in text.splitlines() if not line.startswith("#")] == [
        "vipkeeper_vrrp_adverts_sent_total 7.0",
        'vipkeeper_checker_delay_seconds{port="",rs="a\\"b"} 0.5',
        'vipkeeper_checker_delay_seconds{port="80",rs=""} 1.0',
    ]
    assert "# HELP vipkeeper_vrrp_adverts_sent_total Adverts sent" in text
    assert "# TYPE vipkeeper_checker_delay_seconds gauge" in text


async def answered(port: int) -> bool:
    return (await fetch(port))[0] != 0


async def test_other_requests_are_answered_shortly(port: int, start: Start) -> None:
    start("--metrics-listen", f"127.0.0.1:{port}")
    await until_async(lambda: answered(port), what="metrics")
    assert await fetch(port, "/other") == (404, "metrics are at /metrics\n")
    assert (await fetch(port, "/metrics", "POST"))[0] == 405
    assert await fetch(port, "/metrics", "HEAD") == (200, "")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"x" * 100_000)  # no request at all
    assert await reader.read() == b""
    writer.close()


async def test_a_metrics_port_in_use_is_taken_when_it_is_free(
    port: int, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        start("--metrics-listen", f"127.0.0.1:{port}")
        await until_async(lambda: f"cannot listen on 127.0.0.1:{port}" in caplog.text, what="a warning")
    await until_async(lambda: answered(port), what="metrics")


@pytest.mark.parametrize(
    ("flag", "value", "reason"),
    [
        ("--metrics-listen", "9101", "expected HOST:PORT, got '9101'"),
        ("--metrics-listen", "localhost:http", "expected HOST:PORT"),
        ("--metrics-listen", "localhost:99999", "expected HOST:PORT"),
        ("--otlp-endpoint", "collector", "expected HOST:PORT, http://HOST:PORT or https://HOST:PORT"),
        ("--otlp-endpoint", "collector:x", "expected HOST:PORT"),
        ("--otlp-endpoint", "unix:/x", "expected HOST:PORT"),
    ],
)
async def test_an_address_that_cannot_be_meant_is_refused(flag: str, value: str, reason: str, start: Start) -> None:
    with pytest.raises(UsageError, match=f"{flag}: {reason}"):
        start(flag, value)
