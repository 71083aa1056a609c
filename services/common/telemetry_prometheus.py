"""How does Prometheus read the metrics? One small HTTP endpoint on the service's own loop; rendering in a thread.

Imported only where `--metrics-listen` is given.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from services.common.errors import UsageError
from services.common.options import Options

if TYPE_CHECKING:
    from services.common.telemetry import Instrument, Number, Telemetry

log = logging.getLogger(__name__)

_RETRY_S = 2.0
_REQUEST_S = 10.0
_LONGEST_HEAD = 16 << 10
_UNITS = {"s": "seconds", "ms": "milliseconds", "By": "bytes"}

Points = tuple[tuple["Number", Mapping[str, str]], ...]


def _family(instrument: Instrument, points: Points) -> Metric:
    """`vrrp.adverts_sent` becomes `vipkeeper_vrrp_adverts_sent_total`."""
    name = "vipkeeper_" + re.sub(r"[^a-zA-Z0-9_]", "_", instrument.name)
    if (unit := _UNITS.get(instrument.unit, "")) and not name.endswith(unit):
        name = f"{name}_{unit}"
    labels = sorted({label for _, given in points for label in given})
    make = CounterMetricFamily if instrument.kind == "counter" else GaugeMetricFamily
    family: Metric = make(name, instrument.description or instrument.name, labels=labels)
    for value, given in points:
        family.add_metric([given.get(label, "") for label in labels], value)  # type: ignore[attr-defined]
    return family


class _Snapshot(Collector):
    """Values read before, for the library to render."""

    def __init__(self, read: Iterable[tuple[Instrument, Points]]) -> None:
        self._read = tuple(read)

    def collect(self) -> Iterable[Metric]:
        return [_family(instrument, points) for instrument, points in self._read]


def _render(read: Iterable[tuple[Instrument, Points]]) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Snapshot(read))
    return generate_latest(registry)


class Prometheus:
    """`GET /metrics` on `--metrics-listen`; a port that is taken is tried again until it is free."""

    def __init__(self, options: Options, telemetry: Telemetry) -> None:
        host, colon, port = options.metrics_listen.rpartition(":")
        if not colon or not host or not port.isdigit() or int(port) > 65535:
            raise UsageError(f"--metrics-listen: expected HOST:PORT, got {options.metrics_listen!r}")
        self._where = (host.removeprefix("[").removesuffix("]"), int(port))
        self._telemetry = telemetry
        self._clients: set[asyncio.Task[None]] = set()
        self._task = asyncio.get_running_loop().create_task(self._serve())

    async def _serve(self) -> None:
        told = False
        while True:
            try:
                server = await asyncio.start_server(self._accept, *self._where, limit=_LONGEST_HEAD)
            except OSError as e:
                if not told:
                    log.warning(
                        "--metrics-listen: cannot listen on %s:%d: %s; tried again every %g s",
                        *self._where,
                        e.strerror or e,
                        _RETRY_S,
                    )
                told = True
                await asyncio.sleep(_RETRY_S)
                continue
            async with server:
                await server.serve_forever()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._client(reader, writer))
        self._clients.add(task)
        task.add_done_callback(self._clients.discard)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request and its answer; whatever is wrong with the client ends only its own connection."""
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(_REQUEST_S):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(await self._answer(head.split(b"\r\n", 1)[0]))
                await writer.drain()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def _answer(self, request: bytes) -> bytes:
        words = request.split()
        if len(words) != 3 or words[0] not in (b"GET", b"HEAD"):
            return _response("405 Method Not Allowed", "text/plain", b"GET /metrics\n", b"")
        if words[1].split(b"?")[0] not in (b"/metrics", b"/"):
            return _response("404 Not Found", "text/plain", b"metrics are at /metrics\n", words[0])
        telemetry = self._telemetry
        read = [(instrument, telemetry.points(instrument.name)) for instrument in telemetry.instruments()]
        body = await asyncio.to_thread(_render, read)
        return _response("200 OK", CONTENT_TYPE_LATEST, body, words[0])

    async def close(self) -> None:
        """Take no more requests."""
        tasks = (self._task, *self._clients)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _response(status: str, kind: str, body: bytes, method: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + (b"" if method == b"HEAD" else body)
