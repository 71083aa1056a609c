"""A node whose key of HMAC-SHA256 stands in a file: another key, a missing file, dead processes; and nobody is shown it."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.kit.engine import Engine, Objects, instance
from tests.kit.netns import Net
from tests.kit.node import Node
from tests.kit.wait import until
from tests.netns.test_vrrp_agent import BACKUP, MASTER, Director
from tests.netns.test_vrrp_operators import vipctl
from vipkeeper.common.v1 import problem_pb2, problem_pb2_grpc
from vipkeeper.vrrp.v1 import vrrp_pb2

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.timeout(300),
]

OLD, NEW = "anoldkey9abcdef0123456789abcdef0", "anewkey89abcdef0123456789abcdef0"
VALUE: dict[str, Any] = {
    "interface": "eth0",
    "virtual_router_id": 51,
    "priority": 100,
    "version": 3,
    "advert_int": "0.3s",
    "virtual_ipaddress": [{"address": "192.168.200.10/24"}],
}


def rival(text: str) -> Objects:
    value = instance(priority=200, version=3, advert_int=300_000_000, addresses=["192.168.200.10"])
    return {("vrrp_instance", "VI_1"): value | {"auth_hmac": {"key": [{"id": 7, "value": text}]}}}


def problems(node: Node) -> list[Any]:
    with grpc.insecure_channel(node.target("vrrp")) as channel:
        stub = problem_pb2_grpc.ProblemServiceStub(channel)
        return list(stub.ListProblems(problem_pb2.ListProblemsRequest(), timeout=20, wait_for_ready=True).problems)


def complains(director: Director, check: Callable[[Any], object]) -> None:
    until(lambda: any(check(p) for p in problems(director.node)), 60, what=director.node.logs)


def everything_said(director: Director) -> str:
    """All that the node has shown to anybody, and what its store has been told."""
    node = director.node
    said = [node.logs(), *(vipctl(node, *words)[1] for words in (["status"], ["status", "--json"], ["history"]))]
    said += [vipctl(node, "explain", "VI_1")[1], str(problems(node)), str(director.engine())]
    said.append(str(director.call("ListInstances", vrrp_pb2.ListInstancesRequest())))
    said += [path.read_text() for path in node.folder.rglob("*.log")]
    return "\n".join(said)


def test_a_key_in_a_file_is_used_changed_and_kept_and_shown_to_nobody(open_folder: Path) -> None:
    path = open_folder / "vrrp.key"
    with Net() as net:
        host, other = net.host("d1"), net.host("rival")
        bridge = net.bridge("front")
        host.join(bridge, "eth0", "192.168.200.2/24")
        other.join(bridge, "eth0", "192.168.200.3/24")
        store = open_folder / "store.json"
        director = Director(Node(host, "d1", open_folder / "d1", f"file:{store}"), store, bridge)
        director.put(vrrp_instance__VI_1=VALUE | {"auth_hmac": {"key": [{"id": 7, "key_file": str(path)}]}})
        director.node.start("vrrp")

        complains(director, lambda p: p.field == "auth_hmac.key[0].key_file" and "No such file" in p.reason)
        assert director.instance() is None
        path.write_text(OLD + "\n")
        director.becomes(lambda i: i.state == MASTER)

        with Engine(other, rival(OLD)) as engine:
            engine.reaches("MASTER")
            director.becomes(lambda i: i.state == BACKUP and i.master_priority == 200)
            path.write_text(NEW)
            found = director.becomes(lambda i: i.state == MASTER)
            assert "auth_failure" in director.becomes(lambda i: i.counters.rejected).counters.rejected
            assert engine.apply(2, rival(NEW))["problems"] == []
            director.becomes(lambda i: i.state == BACKUP and i.master_priority == 200)

            path.unlink()
            complains(director, lambda p: "last good key stays" in p.hint)
            os.kill(director.agent(), signal.SIGKILL)
            complains(director, lambda p: "last good key stays" in p.hint)
            old = director.engine().pid
            os.kill(old, signal.SIGKILL)
            until(lambda: director.engine().up and director.engine().pid != old, 60, what=director.node.logs)
            director.becomes(lambda i: i.current and i.state == BACKUP and i.master_priority == 200)
            assert engine.state() == "MASTER"
            assert "auth_failure" not in director.becomes(lambda i: i.heard_priority == 200).counters.rejected

        said = everything_said(director)
        assert found.name in said
        for secret in (OLD, NEW):
            assert secret not in said
            assert secret not in (open_folder / "d1/state/vrrp/config.json").read_text()
        assert NEW in (engine_json := open_folder / "d1/state/vrrp/engine.json").read_text()
        assert engine_json.stat().st_mode & 0o077 == 0


def test_passwords_and_keys_of_the_store_are_shown_to_nobody(open_folder: Path) -> None:
    with Net() as net:
        host = net.host("d1")
        bridge = net.bridge("front")
        host.join(bridge, "eth0", "192.168.200.2/24")
        store = open_folder / "store.json"
        director = Director(Node(host, "d1", open_folder / "d1", f"file:{store}"), store, bridge)
        secret = {"auth_type": "PASS", "auth_pass": "hunter22"}
        second = VALUE | {"virtual_router_id": 52, "virtual_ipaddress": [{"address": "192.168.200.11/24"}]}
        director.put(
            vrrp_instance__VI_1=VALUE | {"version": 2, "advert_int": 1, "authentication": secret},
            vrrp_instance__VI_2=second | {"auth_hmac": {"key": [{"id": 7, "value": OLD}]}},
        )
        director.node.start("vrrp")
        director.becomes(lambda i: i.state == MASTER)
        director.becomes(lambda i: i.state == MASTER, "VI_2")
        director.put(
            vrrp_instance__VI_1=VALUE | {"version": 2, "authentication": secret | {"auth_pass": 22446688}},
            vrrp_instance__VI_2=second | {"auth_hmac": {"key": [{"id": 7, "value": NEW + NEW + "x"}]}},
        )
        complains(director, lambda p: p.field == "authentication.auth_pass")
        complains(director, lambda p: p.field == "auth_hmac.key[0].value")
        said = everything_said(director)
        assert json.dumps("VI_2")[1:-1] in said
        for shown in ("hunter22", "22446688", OLD, NEW):
            assert shown not in said
