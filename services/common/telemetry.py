"""What leaves the process for observers: spans and metrics by OpenTelemetry, metrics by Prometheus; each only where asked.

Metrics are plain counters that their owners keep; they are read here, on the event loop's thread, when somebody collects.
Without `--otlp-endpoint` and `--metrics-listen` nothing is imported and nothing is done, but trace contexts pass through.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from services.common.options import Options

if TYPE_CHECKING:
    from services.common.telemetry_otlp import Otlp
    from services.common.telemetry_prometheus import Prometheus

log = logging.getLogger(__name__)

Number = int | float
Attribute = str | bool | int | float
Read = Callable[[], "Number | Iterable[tuple[Number, Mapping[str, str]]]"]
Kind = Literal["counter", "gauge"]

_COLLECT_S = 1.0


class Span(Protocol):
    """One step of a trace, while it goes on."""

    @property
    def traceparent(self) -> str:
        """W3C trace context for what this step causes; empty where there is no trace."""
        ...

    def set(self, **attributes: Attribute) -> None:
        """Say more about the step."""
        ...

    def fail(self, reason: str) -> None:
        """The step went wrong."""
        ...


@dataclass(frozen=True, slots=True)
class _Passage:
    """No span, where nobody collects: the trace context goes on as it came."""

    traceparent: str

    def set(self, **attributes: Attribute) -> None:
        pass

    def fail(self, reason: str) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Instrument:
    """One metric: its name (`vrrp.adverts_sent`), unit (UCUM: `s`, `By`, `{advert}`), and how it is read."""

    name: str
    read: Read
    unit: str
    description: str
    kind: Kind

    def points(self) -> tuple[tuple[Number, Mapping[str, str]], ...]:
        """Its values now, each with its labels."""
        answer = self.read()
        return ((answer, {}),) if isinstance(answer, int | float) else tuple(answer)


class Telemetry:
    """Tracer and instruments of one service."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._instruments: dict[str, Instrument] = {}
        self._broken: set[str] = set()
        self.otlp: Otlp | None = None
        self.prometheus: Prometheus | None = None

    @contextlib.contextmanager
    def span(self, name: str, traceparent: str = "", **attributes: Attribute) -> Iterator[Span]:
        """A step of the trace that `traceparent` continues; without one, of the enclosing span, or of a new trace.

        A `traceparent` that is not well-formed counts as none. An exception marks the span as failed and passes on.
        """
        if self.otlp is None:
            yield _Passage(traceparent)
        else:
            with self.otlp.span(name, traceparent, attributes) as span:
                yield span

    def observe(self, name: str, read: Read, unit: str = "1", description: str = "", kind: Kind = "counter") -> None:
        """A metric whose value `read` gives whenever somebody collects: a number, or numbers each with its labels.

        `read` runs on the event loop's thread. An instrument of the same name is replaced.
        """
        instrument = Instrument(name, read, unit, description, kind)
        known = name in self._instruments
        self._instruments[name] = instrument
        if self.otlp is not None and not known:
            self.otlp.register(instrument)

    def points(self, name: str) -> tuple[tuple[Number, Mapping[str, str]], ...]:
        """Values of one instrument now; on the loop's thread only."""
        try:
            return self._instruments[name].points()
        except Exception:  # one broken instrument must not take the others along
            if name not in self._broken:
                log.exception("metric %s cannot be read", name)
            self._broken.add(name)
            return ()

    def points_from_outside(self, name: str) -> tuple[tuple[Number, Mapping[str, str]], ...]:
        """The same for another thread; nothing if the loop does not get round to it within a second."""

        future: concurrent.futures.Future[tuple[tuple[Number, Mapping[str, str]], ...]] = concurrent.futures.Future()

        def answer() -> None:
            if future.set_running_or_notify_cancel():
                future.set_result(self.points(name))

        try:
            self._loop.call_soon_threadsafe(answer)
            return future.result(_COLLECT_S)
        except (TimeoutError, RuntimeError):  # the loop is busy, or closed
            future.cancel()
            return ()

    def instruments(self) -> tuple[Instrument, ...]:
        """All that `observe` was told of."""
        return tuple(self._instruments.values())

    async def close(self) -> None:
        """Send what is left, for about a second at most; then let go."""
        if self.prometheus is not None:
            await self.prometheus.close()
        if self.otlp is not None:
            await self.otlp.close()


def start(options: Options) -> Telemetry:
    """Telemetry of a service, on the running loop, with the exporters that the options name.

    :raises UsageError: `--metrics-listen` or `--otlp-endpoint` cannot be meant.
    """
    telemetry = Telemetry(asyncio.get_running_loop())
    if options.otlp_endpoint:
        from services.common.telemetry_otlp import Otlp

        telemetry.otlp = Otlp(options, telemetry.points_from_outside)
    if options.metrics_listen:
        from services.common.telemetry_prometheus import Prometheus

        telemetry.prometheus = Prometheus(options, telemetry)
    return telemetry
