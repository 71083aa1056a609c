"""How does a service offer its API, and how is it started and stopped? gRPC servers on `--listen`, and the main loop.

Who may connect is decided by the folder of the unix socket (0750) and by client certificates on TCP.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from services.common import listen, logs
from services.common.errors import UnavailableError, UsageError, VipkeeperError
from services.common.options import Options, parse
from services.common.problems import Problem

if TYPE_CHECKING:
    import grpc.aio

log = logging.getLogger(__name__)

RETRY_S = 2.0
SERVER_OPTIONS = (
    ("grpc.so_reuseport", 0),  # else two servers share one TCP port without a word
    ("grpc.max_receive_message_length", 64 << 20),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.ping_timeout_ms", 10_000),  # the keepalive's own time-out does not end a connection before this one
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
)
CHANNEL_OPTIONS = (
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_receive_message_length", 64 << 20),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.min_reconnect_backoff_ms", 2_000),  # also the time a connection attempt may take
)

AddServices = Callable[["grpc.aio.Server"], None]
Main = Callable[[Options, asyncio.Event], Awaitable[None]]


_open: set[Server] = set()  # that nobody has stopped


class Server:
    """The API of one service on all its addresses; an address that is taken is tried again until it is free."""

    def __init__(self, addresses: Sequence[listen.Address], add: AddServices, names: Sequence[str]) -> None:
        from grpc_health.v1 import health

        self._add = add
        self._names = tuple(names)
        self._health = health.aio.HealthServicer()  # type: ignore[attr-defined]  # the stubs know the threads only
        self._servers: list[tuple[listen.Address, grpc.aio.Server]] = []
        self._waiting = list(addresses)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def bound(self) -> tuple[str, ...]:
        """Targets that clients can use now; for port 0 with the port that was chosen."""
        return tuple(address.target for address, _ in self._servers)

    async def start(self) -> None:
        """Bind what can be bound now; go on trying for the rest."""
        _open.add(self)
        self.set_serving(True)
        for address in tuple(self._waiting):
            try:
                await self._bind(address)
            except UnavailableError as e:
                log.warning("%s; tried again every %g s", e, RETRY_S)
                self._background(self._retry(address))

    async def _bind(self, address: listen.Address) -> None:
        import grpc.aio
        from grpc_health.v1 import health, health_pb2_grpc
        from grpc_reflection.v1alpha import reflection

        server = grpc.aio.server(options=SERVER_OPTIONS)
        self._add(server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        reflection.enable_server_reflection((*self._names, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
        bound = await listen.bind(server, address)
        self._servers.append((bound, server))
        self._waiting.remove(address)

    async def _retry(self, address: listen.Address) -> None:
        while True:
            await asyncio.sleep(RETRY_S)
            with contextlib.suppress(UnavailableError):
                await self._bind(address)
                log.info("listening on %s", address)
                return

    def _background(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def set_serving(self, serving: bool) -> None:
        """What grpc.health.v1 says from now on, of the service and of the server as a whole; true at the start."""
        self._background(self._set_health(serving))

    async def _set_health(self, serving: bool) -> None:
        from grpc_health.v1 import health_pb2

        status = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
        for name in ("", *self._names):
            await self._health.set(name, status)

    async def stop(self, grace: float | None = 1.0) -> None:
        """Take no more calls, let running ones end within `grace` seconds, remove the sockets."""
        for task in tuple(self._tasks):
            task.cancel()
        _open.discard(self)
        await self._health.enter_graceful_shutdown()
        for address, _ in self._servers:
            listen.withdraw(address)
        await asyncio.gather(*(server.stop(grace) for _, server in self._servers))


async def serve(
    options: Options, add: AddServices, names: Sequence[str], problems: Callable[[], Iterable[Problem]] | None = None
) -> Server:
    """The service's API on every `--listen`, with reflection and health for `names` (full service names).

    `add` registers the servicers at a server; it is called once for each address. `problems` are told by ProblemService.

    :raises UsageError: an address that cannot be meant, TCP beyond loopback without mTLS, unusable certificates.
    """
    if problems is not None:
        add, names = _with_problems(add, problems), [*names, "vipkeeper.common.v1.ProblemService"]
    server = Server([listen.parse(text, options) for text in options.listen], add, names)
    await server.start()
    return server


def _with_problems(add: AddServices, problems: Callable[[], Iterable[Problem]]) -> AddServices:
    from services.common.problem_service import ProblemService
    from vipkeeper.common.v1 import problem_pb2_grpc

    def both(server: grpc.aio.Server) -> None:
        add(server)
        problem_pb2_grpc.add_ProblemServiceServicer_to_server(ProblemService(problems), server)

    return both


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


async def _until_stopped(main: Main, options: Options) -> None:
    """Run `main`; the first SIGTERM or SIGINT asks it to stop, the second cancels it."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    task = asyncio.ensure_future(main(options, stop))

    def asked() -> None:
        if stop.is_set():
            task.cancel()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked)
    try:
        await task
    except asyncio.CancelledError:
        if not stop.is_set():
            raise
    finally:
        for server in tuple(_open):  # grpc does not take it well when the loop is closed before
            await server.stop(0)


def run(service: str, main: Main, argv: Sequence[str] | None = None) -> int:
    """A service from its command line to its exit status: 0, 1 (one line on stderr says why), 2 (usage)."""
    import uvloop

    try:
        options = parse(service, argv)
        logs.configure(options.log_level, options.log_format)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_stopped(main, options))
    except (VipkeeperError, BaseExceptionGroup) as e:
        errors = tuple(_leaves(e))
        if unexpected := [error for error in errors if not isinstance(error, VipkeeperError)]:
            raise unexpected[0] from None
        print("\n".join(dict.fromkeys(f"vipkeeper-{service}: {error}" for error in errors)), file=sys.stderr)
        return 2 if any(isinstance(error, UsageError) for error in errors) else 1
    return 0
