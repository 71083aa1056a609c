"""What do the services of this node say? Calls over their sockets, each with a deadline; a service that is down is data."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import grpc

from services.common.errors import UnavailableError
from vipkeeper.checker.v1 import checker_pb2, checker_pb2_grpc
from vipkeeper.common.v1 import problem_pb2, problem_pb2_grpc
from vipkeeper.ipvs.v1 import ipvs_pb2, ipvs_pb2_grpc
from vipkeeper.notify.v1 import notify_pb2, notify_pb2_grpc
from vipkeeper.vrrp.v1 import vrrp_pb2, vrrp_pb2_grpc

DEADLINE_S: Final = 5.0
_NO_LIMIT: Final = (("grpc.max_receive_message_length", -1), ("grpc.enable_http_proxy", 0))


@dataclass(slots=True)
class Snapshot:
    """Answers by name; `trouble` says by service why one did not answer. `problems`: each with the service that has it."""

    trouble: dict[str, str] = field(default_factory=dict)
    instances: list[Any] = field(default_factory=list)
    sync_groups: list[Any] = field(default_factory=list)
    scripts: list[Any] = field(default_factory=list)
    maintenance: list[Any] = field(default_factory=list)
    switchovers: list[Any] = field(default_factory=list)
    bfd_sessions: list[Any] = field(default_factory=list)
    routing: list[Any] = field(default_factory=list)  # what is not in place
    engine: Any = None
    virtual_servers: list[Any] = field(default_factory=list)
    sync_daemons: list[Any] = field(default_factory=list)
    ipvs_timeouts: Any = None
    ipvs_unavailable: str = ""
    checks: list[Any] = field(default_factory=list)
    problems: list[tuple[str, Any]] = field(default_factory=list)
    subscribers: list[Any] = field(default_factory=list)


def _socket(run_dir: Path, service: str) -> Path:
    path = run_dir / f"{service}.sock"
    if not path.exists():
        raise UnavailableError(f"{service} is not running: there is no {path}")
    return path


@asynccontextmanager
async def channel(run_dir: Path, service: str) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to a service of this node.

    :raises UnavailableError: there is no socket.
    """
    path = _socket(run_dir, service)
    async with grpc.aio.insecure_channel(f"unix:{path}", options=_NO_LIMIT) as found:
        yield found


def reason(error: grpc.aio.AioRpcError, service: str) -> str:
    """Why a call failed, in one line."""
    match error.code():
        case grpc.StatusCode.UNAVAILABLE:
            return f"{service} is not running: nobody listens on its socket"
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return f"{service} does not answer within {DEADLINE_S:g} s"
        case code:
            return f"{service}: {' '.join((error.details() or code.name).split())}"


async def snapshot(run_dir: Path) -> Snapshot:
    """Everything that `vipctl status` shows."""
    result = Snapshot()

    async def ask(service: str, work: Callable[[grpc.aio.Channel], Awaitable[None]]) -> None:
        try:
            async with channel(run_dir, service) as opened:
                stub = problem_pb2_grpc.ProblemServiceStub(opened)
                request = problem_pb2.ListProblemsRequest()
                told, _ = await asyncio.gather(stub.ListProblems(request, timeout=DEADLINE_S), work(opened))
                result.problems += [(service, problem) for problem in told.problems]
        except UnavailableError as e:
            result.trouble[service] = str(e)
        except grpc.aio.AioRpcError as e:
            result.trouble[service] = reason(e, service)

    async def vrrp(opened: grpc.aio.Channel) -> None:
        stub = vrrp_pb2_grpc.VrrpServiceStub(opened)
        found = await asyncio.gather(
            stub.ListInstances(vrrp_pb2.ListInstancesRequest(), timeout=DEADLINE_S),
            stub.ListSyncGroups(vrrp_pb2.ListSyncGroupsRequest(), timeout=DEADLINE_S),
            stub.ListScripts(vrrp_pb2.ListScriptsRequest(), timeout=DEADLINE_S),
            stub.GetEngine(vrrp_pb2.GetEngineRequest(), timeout=DEADLINE_S),
            stub.ListMaintenance(vrrp_pb2.ListMaintenanceRequest(), timeout=DEADLINE_S),
            stub.ListSwitchovers(vrrp_pb2.ListSwitchoversRequest(), timeout=DEADLINE_S),
            stub.ListBfdSessions(vrrp_pb2.ListBfdSessionsRequest(), timeout=DEADLINE_S),
            stub.ListRouting(vrrp_pb2.ListRoutingRequest(missing_only=True), timeout=DEADLINE_S),
        )
        result.instances = list(found[0].instances)
        result.sync_groups = list(found[1].sync_groups)
        result.scripts = list(found[2].scripts)
        result.engine = found[3].engine
        result.maintenance = list(found[4].maintenance)
        pending = vrrp_pb2.SWITCHOVER_OUTCOME_PENDING
        result.switchovers = [m for m in found[5].switchovers if m.outcome == pending]
        result.bfd_sessions = list(found[6].sessions)
        result.routing = list(found[7].entries)

    async def ipvs(opened: grpc.aio.Channel) -> None:
        stub = ipvs_pb2_grpc.IpvsServiceStub(opened)
        answer = await stub.ListVirtualServers(ipvs_pb2.ListVirtualServersRequest(), timeout=DEADLINE_S)
        result.virtual_servers = list(answer.virtual_servers)
        result.ipvs_unavailable = answer.unavailable
        result.sync_daemons = list(answer.sync_daemons)
        result.ipvs_timeouts = answer.timeouts if answer.HasField("timeouts") else None

    async def checker(opened: grpc.aio.Channel) -> None:
        stub = checker_pb2_grpc.CheckerServiceStub(opened)
        result.checks = list((await stub.ListChecks(checker_pb2.ListChecksRequest(), timeout=DEADLINE_S)).checks)

    async def notify(opened: grpc.aio.Channel) -> None:
        stub = notify_pb2_grpc.NotifyServiceStub(opened)
        answer = await stub.ListSubscribers(notify_pb2.ListSubscribersRequest(), timeout=DEADLINE_S)
        result.subscribers = list(answer.subscribers)

    await asyncio.gather(ask("vrrp", vrrp), ask("ipvs", ipvs), ask("checker", checker), ask("notify", notify))
    return result


async def vrrp(run_dir: Path, method: str, request: Any, deadline_s: float = DEADLINE_S) -> Any:
    """One call of VrrpService.

    :raises UnavailableError: no answer, or a refusal.
    """
    return await _call(run_dir, "vrrp", vrrp_pb2_grpc.VrrpServiceStub, method, request, deadline_s)


async def ipvs(run_dir: Path, method: str, request: Any, deadline_s: float = DEADLINE_S) -> Any:
    """One call of IpvsService.

    :raises UnavailableError: no answer, or a refusal.
    """
    return await _call(run_dir, "ipvs", ipvs_pb2_grpc.IpvsServiceStub, method, request, deadline_s)


async def _call(run_dir: Path, service: str, stub: Any, method: str, request: Any, deadline_s: float) -> Any:
    async with channel(run_dir, service) as opened:
        try:
            return await getattr(stub(opened), method)(request, timeout=deadline_s)
        except grpc.aio.AioRpcError as e:
            raise UnavailableError(reason(e, service)) from None
