"""checker killed, hung or out of memory: no advert is late, no server changes weight; health resumes by snapshot."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest

from tests.kit.netns import Net
from tests.kit.wait import until
from tests.must_hold.balancer import NAME, PATIENCE_S, SERVICE, WEB1, WEB2, WEIGHTS, Balancer
from vipkeeper.ipvs.v1 import ipvs_pb2, ipvs_pb2_grpc

pytestmark = [pytest.mark.lab(modules="veth,bridge,ip_vs_rr", mem="1G", limit=600), pytest.mark.timeout(500)]


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Balancer]:
    with Net() as net:
        made = Balancer(net, tmp_path_factory.mktemp("balancer"))
        made.node.start()
        yield made


@pytest.fixture
def balancer(machines: Balancer) -> Balancer:
    """All four services run and both servers are up, as the checker says."""
    for name in ("web1", "web2"):
        if machines.web[name].returncode is not None:
            machines.start_web(name)
    until(lambda: checked(machines) == {"192.168.100.2-80", "192.168.100.3-80"}, PATIENCE_S, what=machines.node.logs)
    machines.wait_for_table(WEIGHTS)
    machines.wait_for_adverts(1)
    return machines


def checked(balancer: Balancer) -> set[str]:
    """Servers that a checker has found up."""
    with grpc.insecure_channel(balancer.node.target("ipvs")) as channel:
        stub = ipvs_pb2_grpc.IpvsServiceStub(channel)
        request = ipvs_pb2.GetVirtualServerRequest(name=NAME)
        try:
            answer = stub.GetVirtualServer(request, timeout=30, wait_for_ready=True).virtual_server
        except grpc.RpcError:  # not configured yet
            return set()
    return {server.name for server in answer.real_servers if server.health == ipvs_pb2.HEALTH_UP}


def kill(balancer: Balancer) -> None:
    balancer.node.running["checker"].kill()


def hang(balancer: Balancer) -> None:
    balancer.node.freeze("checker")


def exhaust_memory(balancer: Balancer) -> None:
    """No process of the checker gets another page of address space."""
    leader = balancer.node.running["checker"].pid
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and os.getpgid(int(entry.name)) == leader:
            resource.prlimit(int(entry.name), resource.RLIMIT_AS, (4096, 4096))


@pytest.mark.parametrize("harm", [kill, hang, exhaust_memory])
def test_adverts_and_weights_stay_and_health_resumes(balancer: Balancer, harm: Callable[[Balancer], None]) -> None:
    began = time.time_ns()
    tables = [balancer.table()]

    harm(balancer)
    for _ in range(4):
        balancer.wait_for_adverts(1)
        tables.append(balancer.table())

    assert tables == [WEIGHTS] * 5
    # What happens while nobody looks is in the next checker's snapshot.
    balancer.web["web1"].kill()
    balancer.node.kill("checker")
    balancer.node.start("checker")
    balancer.wait_for_table({SERVICE: {WEB2: 3}})
    balancer.start_web("web1")
    balancer.wait_for_table({SERVICE: {WEB1: 2, WEB2: 3}})
    assert balancer.missing_adverts(began) == 0


def test_a_probe_worker_that_dies_alone_is_replaced(balancer: Balancer) -> None:
    began = time.time_ns()
    (worker, *_) = until(lambda: balancer.node.pids("checker", "services.checker.worker"), PATIENCE_S, what="a worker")
    os.kill(worker, signal.SIGKILL)
    balancer.web["web2"].kill()
    balancer.wait_for_table({SERVICE: {WEB1: 2}})
    assert balancer.missing_adverts(began) == 0
