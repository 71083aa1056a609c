"""How do spans and metrics reach an OpenTelemetry collector? OTLP over gRPC, from threads that nobody waits for.

Imported only where `--otlp-endpoint` is given: the SDK and the exporter cost 6 MiB and 65 ms.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from services.common.errors import UsageError
from services.common.options import Options
from services.common.telemetry import Attribute, Instrument, Number

_SPAN_DELAY_MS = 1_000
_METRIC_PERIOD_MS = 10_000
_EXPORT_S = 1.0
_CLOSE_S = 1.0
_QUIET_S = 600.0  # between two complaints about a collector that does not answer
_SERIES = 100_000  # the default of 2,000 folds the rest into one series without a word

Points = Callable[[str], "tuple[tuple[Number, Mapping[str, str]], ...]"]


class _Seldom(logging.Filter):
    """Lets one record pass in ten minutes: a dead collector complains at every export."""

    def __init__(self) -> None:
        super().__init__()
        self._next = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING or time.monotonic() < self._next:
            return False
        self._next = time.monotonic() + _QUIET_S
        return True


_seldom = _Seldom()


class _OtlpSpan:
    """A span of the SDK under our own names."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    @property
    def traceparent(self) -> str:
        carrier: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(carrier, trace.set_span_in_context(self._span))
        return carrier.get("traceparent", "")

    def set(self, **attributes: Attribute) -> None:
        self._span.set_attributes(attributes)

    def fail(self, reason: str) -> None:
        self._span.set_status(trace.StatusCode.ERROR, reason)


def _endpoint(text: str) -> tuple[str, bool]:
    """Target, and whether it is plaintext. HOST:PORT and http:// are, https:// is not."""
    parts = urlsplit(text if "://" in text else f"http://{text}")
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme not in ("http", "https") or not parts.hostname or port is None:
        raise UsageError(f"--otlp-endpoint: expected HOST:PORT, http://HOST:PORT or https://HOST:PORT, got {text!r}")
    return parts.netloc, parts.scheme == "http"


class Otlp:
    """Exporters of one service; `points(name)` reads an instrument, from any thread."""

    def __init__(self, options: Options, points: Points) -> None:
        endpoint, insecure = _endpoint(options.otlp_endpoint)
        for exporter in ("opentelemetry.exporter.otlp.proto.grpc.exporter", "opentelemetry.sdk._shared_internal"):
            logging.getLogger(exporter).addFilter(_seldom)
        resource = Resource.create({"service.name": f"vipkeeper-{options.service}", "service.instance.id": options.node})
        self._points = points
        spans = OTLPSpanExporter(endpoint=endpoint, insecure=insecure, timeout=_EXPORT_S)
        self._traces = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._traces.add_span_processor(
            BatchSpanProcessor(spans, schedule_delay_millis=_SPAN_DELAY_MS, export_timeout_millis=_EXPORT_S * 1000)
        )
        self._tracer = self._traces.get_tracer("vipkeeper")
        metrics = OTLPMetricExporter(endpoint=endpoint, insecure=insecure, timeout=_EXPORT_S)
        self._reader = PeriodicExportingMetricReader(metrics, _METRIC_PERIOD_MS, _EXPORT_S * 1000)
        self._metrics = MeterProvider(
            [self._reader],
            resource=resource,
            shutdown_on_exit=False,
            views=[View(instrument_name="*", aggregation_cardinality_limit=_SERIES)],
        )
        self._meter = self._metrics.get_meter("vipkeeper")

    @contextlib.contextmanager
    def span(self, name: str, traceparent: str, attributes: Mapping[str, Attribute]) -> Iterator[_OtlpSpan]:
        """See `Telemetry.span`."""
        context = TraceContextTextMapPropagator().extract({"traceparent": traceparent}) if traceparent else None
        with self._tracer.start_as_current_span(name, context, attributes=attributes) as span:
            yield _OtlpSpan(span)

    def register(self, instrument: Instrument) -> None:
        """Collect this instrument from now on."""

        def read(_: CallbackOptions) -> Iterable[Observation]:
            return [Observation(value, labels) for value, labels in self._points(instrument.name)]

        make = self._meter.create_observable_counter if instrument.kind == "counter" else self._meter.create_observable_gauge
        make(f"vipkeeper.{instrument.name}", [read], instrument.unit, instrument.description)

    async def close(self) -> None:
        """A last export of both, side by side; whoever is not done after a second is left behind.

        In daemon threads, not the loop's pool: that would be waited for at exit.
        """
        loop = asyncio.get_running_loop()
        done = [loop.create_future() for _ in range(2)]

        def settle(future: asyncio.Future[None]) -> None:
            if not future.done():
                future.set_result(None)

        def finish(shutdown: Callable[[], object], future: asyncio.Future[None]) -> None:
            try:
                shutdown()
            finally:
                with contextlib.suppress(RuntimeError):  # the loop is gone: nobody waits any more
                    loop.call_soon_threadsafe(settle, future)

        def end_metrics() -> None:
            self._metrics.shutdown(timeout_millis=_CLOSE_S * 1000)

        for shutdown, future in zip((self._traces.shutdown, end_metrics), done, strict=True):
            threading.Thread(target=finish, args=(shutdown, future), daemon=True, name="otlp-close").start()
        await asyncio.wait(done, timeout=_CLOSE_S)
