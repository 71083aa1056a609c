"""vipctl watch: what happens on this node, as it happens?

Follows the services' Watch streams. Each object has a line; it is printed when it is not what it was, so that counters and
reconnections say nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
import grpc

from cli import options, words
from cli.gather import channel, reason
from services.common.errors import UnavailableError
from services.common.options import SERVICES
from vipkeeper.checker.v1 import checker_pb2, checker_pb2_grpc
from vipkeeper.ipvs.v1 import ipvs_pb2, ipvs_pb2_grpc
from vipkeeper.notify.v1 import notify_pb2, notify_pb2_grpc
from vipkeeper.vrrp.v1 import vrrp_pb2, vrrp_pb2_grpc

RETRY_S: Final = 1.0
Told = tuple[str, str | None, datetime | None]  # an object, its line (None: gone), when


@click.command("watch")
@options.run_dir
@click.option("--service", "only", multiple=True, type=click.Choice(SERVICES), help="Only this service; repeatable.")
@options.as_json
def command(run_dir: str, only: tuple[str, ...], as_json: bool) -> int:
    """Print what is now, then every change, until Ctrl-C: time, service, what."""
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(_watch(Path(run_dir).absolute(), only or SERVICES, as_json))
    return 0


async def _watch(run_dir: Path, services: tuple[str, ...], as_json: bool) -> None:
    this = asyncio.current_task()
    assert this is not None
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, this.cancel)
    async with asyncio.TaskGroup() as tasks:
        for service in services:
            tasks.create_task(_Follower(run_dir, service, as_json).run())


@dataclass(slots=True)
class _Follower:
    """One service's stream, again and again."""

    run_dir: Path
    service: str
    as_json: bool
    lines: dict[str, str] = field(default_factory=dict)
    history: bool = True  # events before the first `synced` are no news
    trouble: str = ""

    async def run(self) -> None:
        """Never ends; says once when the service is gone, and when it answers again."""
        while True:
            try:
                async with channel(self.run_dir, self.service) as opened:
                    await self._follow(opened)
            except UnavailableError as e:
                self._say_trouble(str(e))
            except grpc.aio.AioRpcError as e:
                self._say_trouble(reason(e, self.service))
            await asyncio.sleep(RETRY_S)

    async def _follow(self, opened: grpc.aio.Channel) -> None:
        stream, tell = _STREAMS[self.service](opened)
        seen: set[str] | None = set()
        async for message in stream:
            if self.trouble:
                self.trouble = ""
                self._print(None, f"{self.service} answers")
            if self.as_json:
                click.echo(json.dumps({"service": self.service} | words.plain(message), ensure_ascii=False))
                continue
            if seen is not None and _is_synced(message):
                for name in self.lines.keys() - seen:
                    self._take(name, None, None)
                seen, self.history = None, False
            for name, line, when in tell(message):
                if seen is not None:
                    seen.add(name)
                self._take(name, line, when)

    def _take(self, name: str, line: str | None, when: datetime | None) -> None:
        if line is None:
            if self.lines.pop(name, None) is not None:
                self._print(when, f"{name}: gone")
            for inner in [other for other in self.lines if other.startswith(f"{name} ")]:  # a virtual server's servers
                del self.lines[inner]
        elif self.lines.get(name) != line:
            self.lines[name] = line
            if not (self.history and self.service == "notify"):
                self._print(when, f"{name}: {line}")

    def _say_trouble(self, text: str) -> None:
        what = text.partition(":")[0]  # first the peer is gone, then its socket: one trouble
        if what != self.trouble:
            self.trouble = what
            self._print(None, text)

    def _print(self, when: datetime | None, text: str) -> None:
        if not self.as_json:
            click.echo(f"{words.clock(when or datetime.now(UTC))} {self.service:7} {text}")


def _is_synced(message: Any) -> bool:
    oneof = message.DESCRIPTOR.oneofs[0].name
    return bool(message.WhichOneof(oneof) == "synced")


def _vrrp(opened: grpc.aio.Channel) -> tuple[AsyncIterator[Any], Callable[[Any], Iterator[Told]]]:
    def tell(message: Any) -> Iterator[Told]:
        match message.WhichOneof("what"):
            case "instance":
                m = message.instance
                why = "; ".join(m.faults) or m.cause
                line = f"{words.enum_word(m, 'state')} priority {m.effective_priority}" + (f" ({why})" if why else "")
                yield m.name, line if m.current else f"{line}; the engine does not answer", None
            case "removed":
                yield message.removed, None, None

    return vrrp_pb2_grpc.VrrpServiceStub(opened).WatchInstances(vrrp_pb2.WatchInstancesRequest()), tell


def _checker(opened: grpc.aio.Channel) -> tuple[AsyncIterator[Any], Callable[[Any], Iterator[Told]]]:
    def name(m: Any) -> str:
        return f"{m.virtual_server} {m.real_server} {m.name}"

    def tell(message: Any) -> Iterator[Told]:
        match message.WhichOneof("update"):
            case "check":
                m = message.check
                line = words.enum_word(m, "state").lower() + (f" ({m.cause})" if m.cause else "")
                yield name(m), line, words.moment(m, "last_probe")
            case "removed":
                yield name(message.removed), None, None

    return checker_pb2_grpc.CheckerServiceStub(opened).WatchChecks(checker_pb2.WatchChecksRequest()), tell


def _ipvs(opened: grpc.aio.Channel) -> tuple[AsyncIterator[Any], Callable[[Any], Iterator[Told]]]:
    def tell(message: Any) -> Iterator[Told]:
        match message.WhichOneof("change"):
            case "virtual_server":
                m = message.virtual_server
                state = (
                    "panic"
                    if m.panic
                    else "quorum"
                    if m.quorum_up
                    else "no quorum, sorry server"
                    if m.sorry_active
                    else "no quorum"
                )
                line = f"{m.scheduler} {state}, live weight {m.live_weight} of {m.quorum}"
                table = "" if m.in_kernel else ", not in the kernel's table"
                yield m.name or f"{m.address}:{m.port}", line + table + (f" ({m.problem})" if m.problem else ""), None
            case "real_server":
                m = message.real_server.real_server
                health = words.enum_word(m, "health").lower().replace("_", " ")
                place = f"weight {m.weight}" if m.in_kernel else "not in the kernel's table"
                drain = f"{words.enum_word(m.drain, 'step').lower()}: {m.drain.reason}" if m.HasField("drain") else ""
                why = m.problem or drain or m.cause
                line = ", ".join(part for part in (place, health) if part) + (f" ({why})" if why else "")
                yield f"{message.real_server.virtual_server} {m.name or f'{m.address}:{m.port}'}", line, None
            case "gone":
                yield f"{message.gone.virtual_server} {message.gone.real_server}".rstrip(), None, None

    return ipvs_pb2_grpc.IpvsServiceStub(opened).WatchVirtualServers(ipvs_pb2.WatchVirtualServersRequest()), tell


def _notify(opened: grpc.aio.Channel) -> tuple[AsyncIterator[Any], Callable[[Any], Iterator[Told]]]:
    def tell(message: Any) -> Iterator[Told]:
        if message.WhichOneof("what") != "event":
            return
        m = message.event
        done = [
            f"{d.keyword} {'done' if words.enum_word(d, 'result') == 'DELIVERED' else f'given up: {d.error}'}"
            for d in m.deliveries
        ]
        line = words.event_words(m.event) + (f" [{', '.join(done)}]" if done else "")
        yield f"event {m.sequence}", line, words.moment(m.event, "time")

    return notify_pb2_grpc.NotifyServiceStub(opened).WatchEvents(notify_pb2.WatchEventsRequest()), tell


_STREAMS: Final = {"vrrp": _vrrp, "checker": _checker, "ipvs": _ipvs, "notify": _notify}
