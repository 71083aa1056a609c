"""vrrp agent killed: no advert is late. vrrp engine killed at 1 s adverts: it is back, still master, before a peer gives up.

The peer is the judge: it takes over as soon as it misses three adverts and the skew time.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.kit.node import Node
from tests.kit.wait import until
from tests.must_hold.pair import FIRST, PATIENCE_S, SECOND, VIP, Pair, now

pytestmark = [pytest.mark.netns, pytest.mark.timeout(300)]

AGENT, ENGINE = "services.vrrp.agent", "engine/process.py"


@pytest.fixture
def running(pair: Pair) -> Pair:
    """The first is master, the second its backup."""
    pair.first.start("vrrp")
    pair.second.start("vrrp")
    pair.wait_for_master(pair.first, pair.second)
    until(lambda: serves(pair.first), PATIENCE_S, what=pair.first.logs)
    pair.wait_for_adverts(FIRST, 2)
    return pair


def serves(node: Node) -> bool:
    """Its gRPC socket answers."""
    with grpc.insecure_channel(node.target("vrrp")) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
        except grpc.RpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def replacement(node: Node, word: str, *old: int) -> int:
    """The process that came for those that are gone."""
    return until(lambda: [p for p in node.pids("vrrp", word) if p not in old], PATIENCE_S, what=node.logs)[0]


def test_no_advert_is_missing_while_the_agent_is_killed_again_and_again(running: Pair) -> None:
    began = now()
    engine = replacement(running.first, ENGINE)
    agent = replacement(running.first, AGENT)
    for _ in range(3):
        os.kill(agent, signal.SIGKILL)
        agent = replacement(running.first, AGENT, agent)
    until(lambda: serves(running.first), PATIENCE_S, what=running.first.logs)
    running.wait_for_adverts(FIRST, 3)
    assert running.missing(FIRST, began) == 0
    assert running.adverts(SECOND, began) == ()
    assert running.first.pids("vrrp", ENGINE) == [engine]


def test_no_advert_is_missing_while_the_agent_hangs(running: Pair) -> None:
    began = now()
    os.kill(replacement(running.first, AGENT), signal.SIGSTOP)
    running.wait_for_adverts(FIRST, 5)
    assert running.missing(FIRST, began) == 0
    assert running.adverts(SECOND, began) == ()


def test_a_killed_engine_is_back_as_master_before_the_peer_gives_up(running: Pair) -> None:
    monitors = [node.host.start(["ip", "-oneline", "monitor", "address"]) for node in (running.first, running.second)]
    until(lambda: all(Path(f"/proc/{m.pid}/comm").read_text() == "ip\n" for m in monitors), PATIENCE_S, "monitors run")
    began = now()
    engine = replacement(running.first, ENGINE)
    for _ in range(2):
        os.kill(engine, signal.SIGKILL)
        engine = replacement(running.first, ENGINE, engine)
        running.wait_for_adverts(FIRST, 4)  # longer than the peer's patience
    assert running.adverts(SECOND, began) == ()
    assert [monitor.output() for monitor in monitors] == ["", ""]  # no address was touched
    assert VIP in running.first.addresses("eth0")
    assert VIP not in running.second.addresses("eth0")
