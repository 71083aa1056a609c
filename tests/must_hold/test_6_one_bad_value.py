"""One bad value in etcd: that object keeps its last good value; the problem is in the status key, in `vipctl status`, in a
metric and in an event, with key, field and reason; every other object goes on changing.
"""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.kit.adverts import Wire
from tests.kit.etcd import Etcd
from tests.kit.netns import Host, Net
from tests.kit.node import ROOT, Node
from tests.kit.wait import until
from tests.must_hold.pair import CONFIGURATION, PATIENCE_S, VIP, now
from vipkeeper.notify.v1 import notify_pb2, notify_pb2_grpc

pytestmark = [pytest.mark.netns, pytest.mark.timeout(400)]

ETCD = "192.168.200.30"
METRICS = "127.0.0.1:9464"
SECOND: dict[str, Any] = {
    "interface": "eth0",
    "virtual_router_id": 52,
    "priority": 100,
    "virtual_ipaddress": [{"address": "192.168.200.11/24"}],
}
BAD = {"interface": "eth0", "virtual_router_id": 999, "priority": 150}
KEY, FIELD = "config/vrrp_instance/VI_1", "virtual_router_id"


@pytest.fixture
def etcd(net: Net, tmp_path: Path) -> Iterator[Etcd]:
    host = net.host("etcd")
    host.join(net.bridge("front"), "eth0", f"{ETCD}/24")
    with Etcd(tmp_path, host=host, address=ETCD) as running:
        for key, value in {**CONFIGURATION, "config/vrrp_instance/VI_2": SECOND}.items():
            running.put(f"/vipkeeper/{key}", json.dumps(value))
        yield running


def metrics(host: Host) -> str:
    """What Prometheus would read."""
    with host.entered():
        try:
            with urllib.request.urlopen(f"http://{METRICS}/metrics", timeout=10) as answer:
                return str(answer.read().decode())
        except OSError:
            return ""


def events(node: Node) -> list[notify_pb2.JournaledEvent]:
    with grpc.insecure_channel(node.target("notify")) as channel:
        stub = notify_pb2_grpc.NotifyServiceStub(channel)
        return list(stub.ListEvents(notify_pb2.ListEventsRequest(), timeout=30, wait_for_ready=True).events)


def test_the_object_keeps_its_value_the_problem_is_told_everywhere_the_others_change(
    net: Net, tmp_path: Path, etcd: Etcd
) -> None:
    lan = net.bridge("front")
    host, witness = net.host("first"), net.host("witness")
    host.join(lan, "eth0", "192.168.200.1/24")
    witness.join(lan, "eth0", "192.168.200.9/24")
    wire = Wire(witness)
    node = Node(host, "first", tmp_path / "first", etcd.url, {"vrrp": ("--metrics-listen", METRICS)})
    node.start("vrrp", "notify")
    until(lambda: {VIP, "192.168.200.11"} <= node.addresses("eth0"), PATIENCE_S, what=node.logs)
    until(lambda: metrics(host), PATIENCE_S, what=node.logs)

    etcd.put(f"/vipkeeper/{KEY}", json.dumps(BAD))
    status = f"/vipkeeper/status/{node.name}/vrrp"
    problems = until(
        lambda: json.loads(etcd.get(status) or "{}").get("problems"),
        PATIENCE_S,
        what=node.logs,
    )
    began = now()
    etcd.put("/vipkeeper/config/vrrp_instance/VI_2", json.dumps(SECOND | {"priority": 120}))

    # The others change, it does not.
    until(
        lambda: {a.priority for a in wire.adverts(began)[-4:] if a.router_id == 52} == {120},
        PATIENCE_S,
        what=node.logs,
    )
    assert {a.priority for a in wire.adverts(began) if a.router_id != 52} == {150}
    assert {a.router_id for a in wire.adverts(began)} == {51, 52}
    assert VIP in node.addresses("eth0")
    # Told in the status key ...
    assert [(problem["key"], problem["field"]) for problem in problems] == [(KEY, FIELD)]
    reason = problems[0]["reason"]
    assert "999" in reason
    # ... by vipctl status ...
    shown = host.run([sys.executable, "-m", "cli", "status", "--run-dir", node.run_dir], cwd=ROOT, check=False).stdout
    flat = " ".join(shown.split())
    assert KEY in flat
    assert FIELD in flat
    assert "999" in flat
    # ... in a metric ...
    until(lambda: [line for line in metrics(host).splitlines() if "problem" in line and line.endswith(" 1.0")], what="a metric")
    # ... and in an event.
    told = until(
        lambda: [e.event.configuration for e in events(node) if e.event.WhichOneof("what") == "configuration"],
        PATIENCE_S,
        what=node.logs,
    )
    assert [(t.problem.key, t.problem.field, t.resolved) for t in told] == [(KEY, FIELD, False)]
    assert told[0].problem.reason == reason

    etcd.put(f"/vipkeeper/{KEY}", json.dumps(CONFIGURATION[KEY]))
    until(lambda: json.loads(etcd.get(status) or "{}").get("problems") == [], PATIENCE_S, what=node.logs)
    until(lambda: [e for e in events(node) if e.event.configuration.resolved], PATIENCE_S, what=node.logs)
