"""What a running node says of its virtual and static routes, rules and addresses: gRPC, `vipctl status` and `explain`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.kit.engine import Engine, Objects, instance
from tests.kit.netns import Net
from tests.kit.node import Node
from tests.kit.wait import until
from tests.netns.test_vrrp_agent import MASTER, Director
from tests.netns.test_vrrp_operators import vipctl
from vipkeeper.vrrp.v1 import vrrp_pb2

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.timeout(240),
]

VIP = "192.168.200.10"
INSTANCE: dict[str, Any] = {
    "state": "MASTER",
    "interface": "eth0",
    "virtual_router_id": 51,
    "priority": 150,
    "version": 3,
    "advert_int": "0.2s",
    "virtual_ipaddress": [{"address": f"{VIP}/24"}],
    "virtual_routes": ["10.1.0.0/16 via 192.168.200.254", "10.2.0.0/16 dev eth0 no_track", "2001:db8::/32 dev eth0"],
    "virtual_rules": ["from 10.1.0.0/16 table 5 priority 100"],
}
STATIC = {
    "static_ipaddress": [{"address": "10.9.9.1/24", "dev": "eth0"}],
    "static_routes": ["10.7.0.0/16 via 192.168.77.1"],
    "static_rules": ["from 10.7.0.0/16 table 6 priority 101"],
}


def listed(director: Director, check: Callable[[vrrp_pb2.ListRoutingResponse], object], **request: Any) -> Any:
    def seen() -> Any:
        answer = director.call("ListRouting", vrrp_pb2.ListRoutingRequest(**request))
        return answer if answer is not None and check(answer) else None

    return until(seen, 60, what=director.node.logs)


def test_a_node_lists_what_is_in_place_and_says_why_not_the_rest(open_folder: Path) -> None:
    with Net() as net:
        host = net.host("d1")
        bridge = net.bridge("front")
        host.join(bridge, "eth0", "192.168.200.2/24")
        store = open_folder / "store.json"
        director = Director(Node(host, "d1", open_folder / "d1", f"file:{store}"), store, bridge)
        director.put(vrrp_instance__VI_1=INSTANCE, static__main=STATIC)
        director.node.start("vrrp")
        director.becomes(lambda i: i.state == MASTER)

        answer = listed(director, lambda a: a.wanted == 7 and a.in_place == 6)
        kinds = vrrp_pb2.RoutingEntry
        assert [(e.kind, e.owner, e.line, e.in_place) for e in answer.entries] == [
            (kinds.KIND_STATIC_ADDRESS, "main", "10.9.9.1/24 dev eth0", True),
            (kinds.KIND_STATIC_ROUTE, "main", "10.7.0.0/16 via 192.168.77.1", False),
            (kinds.KIND_STATIC_RULE, "main", "from 10.7.0.0/16 table 6 priority 101", True),
            (kinds.KIND_VIRTUAL_ROUTE, "VI_1", INSTANCE["virtual_routes"][0], True),
            (kinds.KIND_VIRTUAL_ROUTE, "VI_1", INSTANCE["virtual_routes"][1], True),
            (kinds.KIND_VIRTUAL_ROUTE, "VI_1", INSTANCE["virtual_routes"][2], True),
            (kinds.KIND_VIRTUAL_RULE, "VI_1", INSTANCE["virtual_rules"][0], True),
        ]
        assert answer.entries[1].reason == "its gateway cannot be reached"
        assert "Its virtual routes and rules are in place (4)." in vipctl(director.node, "explain", "VI_1")[1]

        host.ip("route del 10.2.0.0/16")
        answer = listed(director, lambda a: len(a.entries) == 1, instance="VI_1", missing_only=True)
        assert (answer.entries[0].line, answer.wanted, answer.in_place) == (INSTANCE["virtual_routes"][1], 4, 3)
        said = vipctl(director.node, "explain", "VI_1")[1]
        removed = "10.2.0.0/16 dev eth0 no_track: somebody removed it, and no_track leaves it so"
        assert f"1 of its 4 virtual routes and rules are not in place: {removed}." in said
        said = vipctl(director.node, "status")[1]
        assert "static route" in said
        assert "10.7.0.0/16 via 192.168.77.1" in said
        assert "no_track leaves it so" in said
        told = json.loads(vipctl(director.node, "status", "--json")[1])["routing_missing"]
        assert [row["owner"] for row in told] == ["main", "VI_1"]

        host.ip("address add 192.168.77.2/24 dev eth0")
        listed(director, lambda a: not a.entries or a.entries[0].owner != "main", missing_only=True)


def test_thousands_of_routes_that_cannot_be_put_in_place_make_no_long_message(open_folder: Path) -> None:
    routes = [f"10.{n // 250}.{n % 250}.0/24 via 192.168.77.1" for n in range(2000)]
    objects: Objects = {("vrrp_instance", "VI_1"): instance(priority=200, virtual_routes=routes)}
    with Net() as net:
        host = net.host("ours")
        host.join(net.bridge("front"), "eth0", "192.168.200.2/24")
        with Engine(host, objects) as engine:
            engine.reaches("MASTER")

            def last() -> list[dict[str, str]]:
                engine.poll()
                said = [message["problems"] for message in engine.messages if message["is"] == "problems"]
                return [row for row in said[-1] if row["field"] == "virtual_routes"] if said else []

            rows = until(lambda: any("1980 more lines" in row["reason"] for row in last()) and last())
            assert rows
            assert len(rows) == 21
            assert max(len(json.dumps(message)) for message in engine.messages) < 20_000
            assert f"{routes[0]!r} is not there: its gateway cannot be reached" in {row["reason"] for row in rows}
