"""How do others see the checks? CheckerService over the agent's state; turns states into messages and decides nothing."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, TypeAlias

import grpc.aio
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from services.checker.pool import Health, Name, Pool
from services.checker.settings import Check
from services.checker.streak import Phase
from services.common.watch_hub import Put, Synced, WatchHub
from vipkeeper.checker.v1 import checker_pb2, checker_pb2_grpc

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

NAME = checker_pb2.DESCRIPTOR.services_by_name["CheckerService"].full_name
TYPES = {
    "tcp_check": checker_pb2.CHECK_TYPE_TCP,
    "http_get": checker_pb2.CHECK_TYPE_HTTP,
    "ssl_get": checker_pb2.CHECK_TYPE_SSL,
    "misc_check": checker_pb2.CHECK_TYPE_MISC,
    "dns_check": checker_pb2.CHECK_TYPE_DNS,
    "udp_check": checker_pb2.CHECK_TYPE_UDP,
    "ping_check": checker_pb2.CHECK_TYPE_PING,
    "smtp_check": checker_pb2.CHECK_TYPE_SMTP,
    "file_check": checker_pb2.CHECK_TYPE_FILE,
    "grpc_check": checker_pb2.CHECK_TYPE_GRPC,
    "agent_check": checker_pb2.CHECK_TYPE_AGENT,
}
STATES = {
    Phase.UP: checker_pb2.CHECK_STATE_UP,
    Phase.DOWN: checker_pb2.CHECK_STATE_DOWN,
    Phase.RECOVERING: checker_pb2.CHECK_STATE_RECOVERING,
}


def wall_clock(monotonic_ns: int) -> int:
    """A monotonic time as nanoseconds of the wall clock, as that is set now."""
    return monotonic_ns + time.time_ns() - time.monotonic_ns()


def _timestamp(monotonic_ns: int) -> Timestamp:
    ns = wall_clock(monotonic_ns)
    return Timestamp(seconds=ns // 10**9, nanos=ns % 10**9)


def message_of(pool: Pool, check: Check, next_probe: int = 0) -> checker_pb2.Check:
    """One check as the API tells it; `next_probe` monotonic, 0: not known."""
    result, suspended = pool.result(check), pool.asleep(check)
    streak = result.streak
    waiting = streak.fresh and streak.up
    message = checker_pb2.Check(
        virtual_server=check.virtual_server,
        real_server=check.real_server,
        name=check.name,
        type=TYPES[check.kind],
        target=check.target,
        state=checker_pb2.CHECK_STATE_WAITING if waiting else STATES[streak.phase],
        failures=streak.failures,
        url=streak.url,
        weight=None if check.what.adjusts else result.weight,
        weight_adjustment=result.weight if check.what.adjusts else None,
        cause=result.cause,
        suspended=suspended,
        probe_users=pool.users(check),
    )
    if result.ended:
        message.last_probe.CopyFrom(_timestamp(result.ended))
        message.last_duration.CopyFrom(Duration(seconds=result.duration // 10**9, nanos=result.duration % 10**9))
    if next_probe and not suspended:
        message.next_probe.CopyFrom(_timestamp(next_probe))
    return message


def _server(name: Name, health: Health | None, checks: int) -> checker_pb2.Server:
    message = checker_pb2.Server(virtual_server=name[0], real_server=name[1], checks=checks)
    if health is not None:
        message.up = health.up
        message.weight_adjustment = health.weight_adjustment
        message.cause = health.cause
    return message


class CheckerServicer(checker_pb2_grpc.CheckerServiceServicer):  # type: ignore[misc]  # generated without types
    """The API. `refresh` has the workers report everything; `next_probes` says when each probing is due then."""

    def __init__(
        self,
        pool: Pool,
        hub: WatchHub[str, checker_pb2.Check],
        refresh: Callable[[], Awaitable[None]],
        next_probes: Mapping[int, int],
    ) -> None:
        self._pool = pool
        self._hub = hub
        self._refresh = refresh
        self._next_probes = next_probes

    async def ListChecks(self, request: checker_pb2.ListChecksRequest, context: Context) -> checker_pb2.ListChecksResponse:
        await self._refresh()
        found = [
            check
            for check, _ in self._pool.checks()
            if request.virtual_server in ("", check.virtual_server) and request.real_server in ("", check.real_server)
        ]
        found.sort(key=lambda check: (check.virtual_server, check.real_server, check.name))
        return checker_pb2.ListChecksResponse(
            checks=[message_of(self._pool, c, self._next_probes.get(self._pool.probing(c), 0)) for c in found]
        )

    async def WatchChecks(
        self, request: checker_pb2.WatchChecksRequest, context: Context
    ) -> AsyncIterator[checker_pb2.WatchChecksResponse]:
        sequence = 0
        async for item in self._hub.subscribe():
            if isinstance(item, Synced):
                answer = checker_pb2.WatchChecksResponse(synced=checker_pb2.Synced())
            else:
                virtual, real, name = _parts(item.key)
                if request.virtual_server not in ("", virtual) or request.real_server not in ("", real):
                    continue
                if isinstance(item, Put):
                    answer = checker_pb2.WatchChecksResponse(check=item.value)
                else:
                    gone = checker_pb2.Check(virtual_server=virtual, real_server=real, name=name)
                    answer = checker_pb2.WatchChecksResponse(removed=gone)
            sequence += 1
            answer.sequence = sequence
            yield answer

    async def ListServers(self, request: checker_pb2.ListServersRequest, context: Context) -> checker_pb2.ListServersResponse:
        names = sorted(n for n in self._pool.names() if request.virtual_server in ("", n[0]))
        servers = [_server(n, self._pool.health_of(n), len(self._pool.checks_of(n))) for n in names]
        return checker_pb2.ListServersResponse(servers=servers)


def _parts(check_id: str) -> tuple[str, str, str]:
    virtual, real, name = check_id.split("/")
    return virtual, real, name
