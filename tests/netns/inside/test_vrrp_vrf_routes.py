"""Routes of VRFs and MPLS and ILA tunnels, beside keepalived's. In a guest, whose kernel has them."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.engine import Engine
from tests.kit.keepalived import start_keepalived
from tests.kit.netns import Host, Net
from tests.kit.wait import until
from tests.netns.test_vrrp_routing import Twins, has, objects, shown, text_of

pytestmark = [
    pytest.mark.lab(modules="veth,bridge,vrf,mpls_router,mpls_iptunnel,ila", limit=300),
    pytest.mark.timeout(300),
]

ROUTES = """
    virtual_routes {
        10.1.0.0/16 encap mpls 100/200 via 192.168.200.254 dev eth0
        10.2.0.0/16 encap mpls 300 via 192.168.200.254 dev eth0 ttl-propagate disabled
        2001:db8:1::/48 encap mpls 16 via fd00:200::254 dev eth0
        10.3.0.0/16 dev eth1 scope link vrf blue
        10.4.0.0/16 dev eth1 scope link vrf blue table 70
        10.5.0.0/16 dev eth1 scope link table 70 vrf blue
        10.6.0.0/16 via 192.168.201.9 dev eth1 vrf blue
        2001:db8:2::/48 dev eth1 vrf blue
        2001:db8:4:5:2000:7::/96 encap ila 2001:db8:1:1 via fd00:200::254 dev eth0
    }
    virtual_rules {
        l3mdev priority 500
        iif blue l3mdev priority 501
        from 2001:db8::/32 l3mdev priority 502
    }
"""


@pytest.fixture
def twins() -> Iterator[Twins]:
    with Net() as net:
        twins = Twins(net)
        for host in (twins.ours, twins.theirs):
            make_blue(host, 77)
        yield twins


def make_blue(host: Host, table: int) -> None:
    host.ip(f"link add blue type vrf table {table}")
    host.ip("link set blue up")
    host.ip("link set eth1 master blue")


def test_one_file_gives_the_same_routes_and_rules_under_both(twins: Twins, tmp_path: Path) -> None:
    text = text_of(ROUTES)
    before = shown(twins.ours)
    keepalived = start_keepalived(twins.theirs, tmp_path / "ka", text)
    with Engine(twins.ours, objects(text)) as engine:
        engine.reaches("MASTER")
        for host in (twins.theirs, twins.ours):
            until(lambda host=host: has(host, "502:", "-6", "rule"), what="the last rule is there")  # type: ignore[misc]
        theirs, ours = shown(twins.theirs), shown(twins.ours)
        assert len(theirs["routes-4"]) - len(before["routes-4"]) == 6
        assert len(theirs["routes-6"]) - len(before["routes-6"]) == 3
        assert theirs == ours
        assert engine.says("problems", problems=[])
        keepalived.terminate()
        engine.signal(signal.SIGTERM)
        assert engine.wait() == 0
        until(lambda: shown(twins.theirs) == before, what="keepalived leaves nothing")
        assert shown(twins.ours) == before


def test_each_of_several_ways_has_its_own_tunnel(twins: Twins) -> None:
    # keepalived 2.2.7 sends such a route without its tunnels
    line = (
        "10.9.0.0/16 nexthop via 192.168.200.254 encap mpls 5 weight 2 nexthop via 192.168.200.253 encap ip id 5 dst 10.0.0.9"
    )
    with Engine(twins.ours, objects(text_of(f"virtual_routes {{\n {line}\n }}"))) as engine:
        engine.reaches("MASTER")
        until(lambda: has(twins.ours, "10.9.0.0/16"), what="the route is there")
        (row,) = json.loads(twins.ours.ip("-j route show 10.9.0.0/16"))
        assert [(hop["gateway"], hop["encap"]) for hop in row["nexthops"]] == [
            ("192.168.200.254", "mpls"),
            ("192.168.200.253", "ip"),
        ]


def test_a_route_comes_with_its_vrf_into_the_table_that_the_vrf_has_then(twins: Twins) -> None:
    more = "virtual_routes {\n 10.3.0.0/16 via 192.168.200.254 dev eth0 vrf blue\n }"
    twins.ours.ip("link del blue")
    with Engine(twins.ours, objects(text_of(more))) as engine:
        engine.reaches("MASTER")
        problem = until(lambda: (engine.poll(), [m for m in engine.messages if m["is"] == "problems" and m["problems"]])[1])
        assert "there is no VRF blue" in problem[0]["problems"][0]["reason"]
        make_blue(twins.ours, 300)
        until(lambda: has(twins.ours, "10.3.0.0/16", kind="route show table 300"), what="the route is there")
        engine.says("problems", problems=[])
        twins.ours.ip("route del 10.3.0.0/16 table 300")
        engine.says("transition", to="BACKUP")
        engine.reaches("MASTER")
        until(lambda: has(twins.ours, "10.3.0.0/16", kind="route show table 300"), what="the route is there again")
