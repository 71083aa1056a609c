"""Routes, rules and static entries in the kernel: the same after one keepalived.conf under keepalived and under our engine."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.keepalived_conf.reading import read_text
from services.common import values
from tests.kit.engine import Engine, Objects
from tests.kit.keepalived import start_keepalived
from tests.kit.netns import Host, Net
from tests.kit.wait import until

pytestmark = [pytest.mark.netns, pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")]

VIP = "192.168.200.10"
HEAD = """
global_defs {
    vrrp_version 3
    vrrp_garp_master_delay 1
}
"""
INSTANCE = """
vrrp_instance VI_1 {{
    interface eth0
    virtual_router_id 51
    priority {priority}
    advert_int 0.1
    virtual_ipaddress {{
        192.168.200.10/24
    }}
    {more}
}}
"""
ROUTES = """
    virtual_routes {
        10.1.0.0/16 via 192.168.200.254
        10.2.0.0/16 via 192.168.200.254 dev eth0 table 5
        src 192.168.200.10 to 10.3.0.0/16 via 192.168.200.254 dev eth0 metric 7
        10.3.0.0/16 via 192.168.200.253 dev eth0 metric 9
        blackhole 10.4.0.0/16
        unreachable 10.5.0.0/16 table 300
        prohibit 10.5.1.0/24 table 300
        throw 10.17.0.0/16 table 9
        10.6.0.0/16 dev eth1 scope link no_track
        10.7.0.0/16 via 192.168.200.254 tos 0x10 scope global priority 12 mtu 1000 hoplimit 100 advmss 101 \
            reordering 104 window 105 cwnd 106 ssthresh lock 107 realms 0x7/0x14 initcwnd 109 initrwnd 110 features ecn
        10.8.0.0/16 table 6909 nexthop via 192.168.200.253 dev eth0 onlink weight 1 nexthop via 192.168.200.252 weight 9
        10.11.0.0/16 via 192.168.200.254 dev eth0 rtt 300ms rttvar 1s rto_min 200ms
        10.12.0.0/16 via 192.168.200.254 dev eth0 rtt 5000 rttvar 5000 rto_min 5000
        10.13.0.0/16 via 192.168.200.254 tos 8 table 7
        10.14.0.0/16 via 192.168.200.254 quickack 1 fastopen_no_cookie 1 congctl reno mtu lock 1400
        10.15.0.0/16 via 192.168.99.254 dev eth0 onlink
        10.16.0.0/16 via 192.168.200.254 dev eth0 protocol bird no_track
        0.0.0.0/0 via 192.168.200.254 table 100
        default via 192.168.200.254 dev eth0 table 101
        10.19.0.0/16 via 192.168.200.254 add
        10.20.0.0/16 via 192.168.200.254 dev eth0
        10.20.0.0/16 via 192.168.200.253 dev eth0
        10.21.0.0/16 via 192.168.200.254 dev eth0
        10.21.0.0/16 via 192.168.200.253 dev eth0 append
        10.22.0.0/16 encap ip id 100 src 192.168.200.2 dst 10.0.0.9 tos 0x10 ttl 33 flags 258 dev eth0 scope link
        10.23.0.0/16 encap ip6 id 7 dst fd00:200::9 src fd00:200::2 tc 32 hoplimit 9 flags 1 dev eth0 scope link
        10.24.0.0/16 encap ip ttl 5 via 192.168.200.254 dev eth0 ttl-propagate enabled
        2001:db8:1::/48 dev eth0
        2001:db8:5::/48 encap ip6 dst fd00:200::9 dev eth0 metric 5
        2001:db8:6::/48 encap ip id 4294967295 dst 10.0.0.9 dev eth0
        2001:db8:2::/48 via fd00:200::254 dev eth0 metric 50 mtu 1300
        2001:db8:3::/48 via fd00:200::254 table 5 pref high
        2001:db8:4::/48 nexthop via fd00:200::254 dev eth0 nexthop via fd00:200::253 dev eth0
    }
    virtual_rules {
        from 192.168.2.0/24 table 1
        to 192.168.2.0/24 table 1
        from 192.168.28.0/24 to 192.168.29.0/26 table 77 iif eth0 oif eth1 tos 0x10 fwmark 24/12 preference 39 realms 30/20
        from 1.2.3.4 goto 40 priority 38
        not from 10.0.0.0/8 table 12 priority 60 suppress_prefixlength 0
        from 10.0.0.0/8 blackhole priority 61
        from 10.1.0.0/16 type unreachable priority 62
        from 10.2.0.0/16 prohibit priority 63
        from 10.2.0.0/16 nop priority 64
        from 10.3.0.0/16 table 12 priority 65 suppress_ifgroup 5
        from all fwmark 0x7 lookup 12 priority 66 tunnel-id 5
        from 10.5.0.0/16 table 12 priority 67 ipproto tcp dport 80-81
        to 1:2:3:4:5:6:7:0/112 from 7:6:5:4:3:2::/96 table 6908 uidrange 10000-19999
        to 1:2:3:4:6:6:7:0/112 from 8:6:5:4:3:2::/96 l3mdev ipproto UDP sport 10-20 dport 20-30
    }
"""
STATIC = """
static_ipaddress {
    10.9.9.1/24 dev eth1
}
static_routes {
    10.200.0.0/16 via 192.168.200.254 dev eth0
    2001:db8:200::/48 via fd00:200::254 dev eth0
}
static_rules {
    from 10.201.0.0/16 iif eth0 table 201 priority 999
}
"""


class Twins:
    """Two machines that differ in nothing: the same addresses, each on switches of its own."""

    def __init__(self, net: Net) -> None:
        self.ours, self.theirs = (self._machine(net, name) for name in ("ours", "theirs"))

    def _machine(self, net: Net, name: str) -> Host:
        host = net.host(name)
        host.join(net.bridge(f"{name}-front"), "eth0", "192.168.200.2/24", "fd00:200::2/64")
        host.join(net.bridge(f"{name}-back"), "eth1", "192.168.201.2/24")
        return host


@pytest.fixture
def net() -> Iterator[Net]:
    with Net() as net:
        yield net


@pytest.fixture
def twins(net: Net) -> Twins:
    return Twins(net)


def objects(text: str) -> Objects:
    """A keepalived.conf as the engine gets it."""
    conf = read_text(text)
    assert conf.importable, conf.complaints
    found: Objects = {}
    for key, value in conf.objects.items():
        kind, _, name = key.removeprefix("config/").partition("/")
        found[kind, name] = values.check(kind, value)
    return found


def shown(host: Host) -> dict[str, Any]:
    """Everything but what comes with the interfaces."""
    found: dict[str, Any] = {}
    for family in ("-4", "-6"):
        routes = json.loads(host.ip(f"-j -d -N {family} route show table all") or "[]")
        found["routes" + family] = [row for row in routes if row.get("protocol") not in ("2", "9")]
        found["rules" + family] = json.loads(host.ip(f"-j -d -N {family} rule") or "[]")
    return found


def has(host: Host, what: str, family: str = "-4", kind: str = "route show table all") -> bool:
    return what in host.ip(f"{family} {kind}")


def text_of(more: str = "", static: str = "", priority: int = 200) -> str:
    return HEAD + static + INSTANCE.format(more=more, priority=priority)


def test_one_file_gives_the_same_routes_and_rules_under_both(twins: Twins, tmp_path: Path) -> None:
    text = text_of(ROUTES, STATIC)
    before = shown(twins.ours)
    assert before == shown(twins.theirs)
    keepalived = start_keepalived(twins.theirs, tmp_path / "ka", text)
    with Engine(twins.ours, objects(text)) as engine:
        engine.reaches("MASTER")
        until(lambda: has(twins.theirs, "dport 20-30", "-6", "rule"), what="keepalived has added its last rule")
        until(lambda: has(twins.ours, "dport 20-30", "-6", "rule"), what="ours has added its last rule")
        theirs, ours = shown(twins.theirs), shown(twins.ours)
        assert len(theirs["routes-4"]) > 20
        assert len(theirs["rules-4"]) > 12
        for part in theirs:
            assert ours[part] == theirs[part], part
        assert engine.says("problems", problems=[])
        keepalived.terminate()
        engine.signal(signal.SIGTERM)
        assert engine.wait() == 0
        until(lambda: shown(twins.theirs) == before, what="keepalived leaves nothing")
        assert shown(twins.ours) == before


def test_a_tunnel_that_this_kernel_cannot_make_is_a_problem_of_its_field(twins: Twins) -> None:
    twins.ours.ip("route add 10.99.0.0/16 encap mpls 5 dev eth0", check=False)
    if has(twins.ours, "10.99.0.0/16"):
        pytest.skip("this kernel has MPLS")
    more = "virtual_routes {\n 10.1.0.0/16 encap mpls 5 dev eth0\n 10.2.0.0/16 dev eth0\n }"
    with Engine(twins.ours, objects(text_of(more))) as engine:
        engine.reaches("MASTER")
        until(lambda: has(twins.ours, "10.2.0.0/16"), what="the other route is there")
        problem = until(lambda: (engine.poll(), [m for m in engine.messages if m["is"] == "problems" and m["problems"]])[1])
        (row,) = problem[0]["problems"]
        assert (row["key"], row["field"]) == ("config/vrrp_instance/VI_1", "virtual_routes")
        assert "this kernel cannot do it (encap needs a module" in row["reason"]


def test_backup_and_master_in_turn_have_the_same_under_both(net: Net, twins: Twins, tmp_path: Path) -> None:
    text = text_of(ROUTES, STATIC, priority=100)
    rivals = []
    for side in ("ours", "theirs"):
        rival = net.host(f"{side}-rival")
        rival.join(net.bridge(f"{side}-front"), "eth0", "192.168.200.3/24")
        rivals.append(start_keepalived(rival, tmp_path / side, text_of(priority=250)))
        until(lambda rival=rival: VIP in rival.ip("-4 address"), what="the rival is master")  # type: ignore[misc]
    start_keepalived(twins.theirs, tmp_path / "ka", text)
    with Engine(twins.ours, objects(text)) as engine:
        engine.reaches("BACKUP")
        until(lambda: engine.state() == "BACKUP" and engine.views["instance", "VI_1"]["master_priority"] == 250)
        until(lambda: has(twins.ours, "999:", kind="rule"), what="ours has added its static rule")
        until(lambda: has(twins.theirs, "999:", kind="rule"), what="keepalived has added its static rule")
        assert shown(twins.ours) == shown(twins.theirs)
        assert has(twins.ours, "10.200.0.0/16")
        assert "10.9.9.1/24" in twins.ours.ip("-4 address")
        assert not has(twins.ours, "10.1.0.0/16")
        backup = shown(twins.ours)
        for rival in rivals:
            rival.terminate()
        engine.reaches("MASTER")
        for host in (twins.ours, twins.theirs):
            until(lambda host=host: has(host, "dport 20-30", "-6", "rule"), what="a master has all")  # type: ignore[misc]
        assert shown(twins.ours) == shown(twins.theirs)
        for side in ("ours", "theirs"):
            start_keepalived(net.host(f"{side}-rival"), tmp_path / f"{side}-again", text_of(priority=250))
        for host in (twins.ours, twins.theirs):
            until(lambda host=host: shown(host) == backup, what="a backup has nothing else again")  # type: ignore[misc]


def masterships(engine: Engine) -> int:
    """How often the engine has said that it became master."""
    engine.poll()
    return [transition["to"] for transition in engine.transitions].count("MASTER")


def test_what_somebody_removes_is_taken_again_with_everything_else(twins: Twins) -> None:
    with Engine(twins.ours, objects(text_of(ROUTES))) as engine:
        engine.reaches("MASTER")
        until(lambda: has(twins.ours, "66:", kind="rule"), what="routes and rules are there")
        for turn, (command, line) in enumerate(
            (
                ("route del 10.1.0.0/16", "10.1.0.0/16 via 192.168.200.254"),
                ("-6 route del 2001:db8:2::/48", "2001:db8:2::/48 via fd00:200::254 dev eth0 metric 50 mtu 1300"),
                ("rule del priority 66", "from all fwmark 0x7 lookup 12 priority 66 tunnel-id 5"),
            ),
            2,
        ):
            twins.ours.ip(command)
            engine.says("transition", to="BACKUP", cause=f"somebody removed {line}: takes everything again")
            until(lambda turn=turn: masterships(engine) == turn, what="it is master again")  # type: ignore[misc]
            until(lambda: has(twins.ours, "66:", kind="rule"), what="routes and rules are there again")
        assert has(twins.ours, "10.1.0.0/16")
        assert has(twins.ours, "2001:db8:2::/48", "-6")


def test_a_removed_route_with_no_track_is_nobodys_concern(twins: Twins) -> None:
    more = "virtual_routes {\n 10.1.0.0/16 dev eth0 no_track\n 10.2.0.0/16 dev eth0\n }"
    with Engine(twins.ours, objects(text_of(more))) as engine:
        engine.reaches("MASTER")
        until(lambda: has(twins.ours, "10.2.0.0/16"), what="the routes are there")
        twins.ours.ip("route del 10.1.0.0/16")
        twins.ours.ip("route del 10.2.0.0/16")
        stepped_down = engine.says("transition", to="BACKUP", **{"from": "MASTER"})
        assert stepped_down["cause"].startswith("somebody removed 10.2.0.0/16")


def test_static_entries_that_somebody_removes_are_put_back(twins: Twins) -> None:
    with Engine(twins.ours, objects(text_of(static=STATIC))) as engine:
        engine.reaches("MASTER")
        until(lambda: has(twins.ours, "999:", kind="rule"), what="they are there")
        before = shown(twins.ours)
        told = len(engine.transitions)
        twins.ours.ip("route del 10.200.0.0/16")
        twins.ours.ip("-6 route del 2001:db8:200::/48")
        twins.ours.ip("rule del priority 999")
        twins.ours.ip("address del 10.9.9.1/24 dev eth1")
        until(lambda: shown(twins.ours) == before, what="routes and rules are there again")
        until(lambda: "10.9.9.1/24" in twins.ours.ip("-4 address"), what="the address is there again")
        engine.poll()
        assert len(engine.transitions) == told


def test_a_static_ipv6_address_comes_back_whoever_takes_it(twins: Twins) -> None:
    static = "static_ipaddress {\n 2001:db8:99::1/64 dev eth1\n }\n"
    static += "static_routes {\n 2001:db8:98::/48 via 2001:db8:99::2 dev eth1\n }\n"

    def whole() -> bool:
        return "2001:db8:99::1/64" in twins.ours.ip("-6 address") and has(twins.ours, "2001:db8:98::/48", "-6")

    with Engine(twins.ours, objects(text_of(static=static))) as engine:
        engine.reaches("MASTER")
        until(whole, what="both are there")
        twins.ours.ip("address del 2001:db8:99::1/64 dev eth1")
        until(whole, what="both are there again after a removal")
        twins.ours.ip("link set eth1 down")
        until(lambda: not has(twins.ours, "2001:db8:98::/48", "-6"), what="the kernel takes the route along")
        twins.ours.ip("link set eth1 up")
        until(whole, what="both are there again after the interface was down")
        assert engine.state() == "MASTER"
        engine.signal(signal.SIGTERM)
        assert engine.wait() == 0
        assert "2001:db8:99::1" not in twins.ours.ip("-6 address")


def test_routes_go_and_come_with_an_interface_under_both(twins: Twins, tmp_path: Path) -> None:
    more = "virtual_routes {\n 10.6.0.0/16 dev eth1 scope link\n }"
    static = "static_routes {\n 10.7.0.0/16 dev eth1 scope link\n }\n"
    text = text_of(more, static)
    start_keepalived(twins.theirs, tmp_path / "ka", text)
    with Engine(twins.ours, objects(text)) as engine:
        engine.reaches("MASTER")
        for host in (twins.ours, twins.theirs):
            until(lambda host=host: has(host, "10.6.0.0/16"), what="the route is there")  # type: ignore[misc]
            host.ip("link set eth1 down")
            until(lambda host=host: VIP not in host.ip("-4 address"), what="the master has gone to FAULT")  # type: ignore[misc]
        assert engine.reaches("FAULT")["faults"] == ["interface eth1 is down"]
        for host in (twins.ours, twins.theirs):
            host.ip("link set eth1 up")
            until(lambda host=host: has(host, "10.6.0.0/16"), what="the route is there again")  # type: ignore[misc]
            until(lambda host=host: has(host, "10.7.0.0/16"), what="the static route is there again")  # type: ignore[misc]
        assert shown(twins.ours) == shown(twins.theirs)


def test_a_static_route_that_cannot_be_put_in_place_faults_its_track_group_until_it_can(twins: Twins) -> None:
    static = "track_group TG {\n group {\n VI_1\n }\n }\nstatic_routes {\n 10.7.0.0/16 via 192.168.77.1 track_group TG\n }\n"
    with Engine(twins.ours, objects(text_of(static=static))) as engine:
        view = engine.reaches("FAULT")
        assert view["faults"] == ["10.7.0.0/16 via 192.168.77.1 track_group TG of static/main is missing"]
        problem = until(lambda: (engine.poll(), [m for m in engine.messages if m["is"] == "problems" and m["problems"]])[1])
        assert (problem[0]["problems"][0]["key"], problem[0]["problems"][0]["field"]) == ("config/static/main", "static_routes")
        twins.ours.ip("address add 192.168.77.2/24 dev eth1")
        engine.reaches("MASTER")
        assert has(twins.ours, "10.7.0.0/16")


def test_a_problem_with_a_static_route_is_told_and_taken_back_without_any_instance(twins: Twins) -> None:
    objects: Objects = {("static", "main"): {"static_routes": ["10.7.0.0/16 via 192.168.77.1"]}}
    with Engine(twins.ours, objects) as engine:
        reason = "'10.7.0.0/16 via 192.168.77.1' is not there: its gateway cannot be reached"
        problem = {"key": "config/static/main", "field": "static_routes", "reason": reason, "hint": ""}
        engine.says("problems", problems=[problem])
        engine.messages.clear()
        twins.ours.ip("address add 192.168.77.2/24 dev eth1")
        engine.says("problems", problems=[])
        assert has(twins.ours, "10.7.0.0/16")


def test_a_killed_engine_finds_its_routes_and_leaves_them_where_they_are(twins: Twins) -> None:
    patient = text_of(ROUTES, STATIC).replace("advert_int 0.1", "advert_int 1")
    with Engine(twins.ours, objects(patient)) as engine:
        engine.reaches("MASTER")
        until(lambda: has(twins.ours, "dport 20-30", "-6", "rule"), what="all is there")
        before = shown(twins.ours)
        with twins.ours.entered():
            monitor = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
            monitor.bind((0, 0x40 | 0x80 | 0x400))
            monitor.setblocking(False)
        with monitor:
            engine.kill()
            engine.messages.clear()
            engine.start()
            assert engine.says("ready")["resumed"] == ["VI_1"]
            engine.says("counters", name="VI_1")
            assert [kind for kind in heard(monitor) if kind in (25, 33)] == []
        assert shown(twins.ours) == before


def heard(monitor: socket.socket) -> list[int]:
    """The types of the netlink messages that have come."""
    kinds = []
    with contextlib.suppress(BlockingIOError):
        while True:
            kinds.append(int.from_bytes(monitor.recv(65536)[4:6], sys.byteorder))
    return kinds


def test_a_changed_configuration_changes_the_kernels_routes_in_place(twins: Twins) -> None:
    old = "virtual_routes {\n 10.1.0.0/16 via 192.168.200.254 dev eth0\n 10.2.0.0/16 via 192.168.200.254\n }"
    new = "virtual_routes {\n 10.1.0.0/16 via 192.168.200.253 dev eth0\n 10.2.0.0/16 via 192.168.200.254 dev eth0\n }"
    with Engine(twins.ours, objects(text_of(old))) as engine:
        engine.reaches("MASTER")
        until(lambda: has(twins.ours, "10.2.0.0/16"), what="the routes are there")
        assert engine.apply(2, objects(text_of(new)))["problems"] == []
        until(lambda: not has(twins.ours, "10.1.0.0/16 via 192.168.200.254"), what="the old one is gone")
        until(lambda: has(twins.ours, "10.1.0.0/16 via 192.168.200.253"), what="the new one is there")
        until(lambda: has(twins.ours, "10.2.0.0/16 via 192.168.200.254"), what="the other one is there")
        assert engine.state() == "MASTER"
        engine.apply(3, objects(text_of()))
        until(lambda: not has(twins.ours, "proto keepalived"), what="none is left")


def test_a_thousand_routes_are_there_soon_and_gone_after_a_stop(twins: Twins) -> None:
    lines = "\n".join(f"10.{n // 250}.{n % 250}.0/24 via 192.168.200.254" for n in range(1000))
    with Engine(twins.ours, objects(text_of(f"virtual_routes {{\n{lines}\n}}"))) as engine:
        engine.reaches("MASTER")
        until(lambda: twins.ours.ip("route show proto 18").count("\n") == 1000, what="all are there")
        engine.signal(signal.SIGTERM)
        assert engine.wait() == 0
        assert twins.ours.ip("route show proto 18") == ""
