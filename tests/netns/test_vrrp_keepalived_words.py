"""What single words of a keepalived.conf do, in the kernel and on the wire: the same file for our engine and for keepalived."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.keepalived_conf.reading import read_text
from services.common import values
from tests.kit.engine import Engine, Objects
from tests.kit.keepalived import start_keepalived
from tests.kit.netns import Host, Net
from tests.kit.node import Node
from tests.kit.wait import until
from tests.kit.wire import Wire

pytestmark = [pytest.mark.netns, pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")]

OURS, THEIRS = "192.168.200.2", "192.168.200.3"


class Lan:
    """`ours` (.2) and `theirs` (.3), at whose end everything between them is seen."""

    def __init__(self, net: Net) -> None:
        self.bridge = net.bridge("front")
        self.ours, self.theirs = net.host("ours"), net.host("theirs")
        self.ours.join(self.bridge, "eth0", f"{OURS}/24", "2001:db8::2/64", mac="02:00:00:00:00:02")
        self.theirs.join(self.bridge, "eth0", f"{THEIRS}/24", "2001:db8::3/64", mac="02:00:00:00:00:03")
        self.wire = Wire(self.theirs, "eth0")

    def only(self, host: Host, address: str) -> None:
        """Wait until this one alone has the address."""
        until(
            lambda: [h for h in (self.ours, self.theirs) if f" {address}/" in h.ip("addr show")] == [host],
            what=f"{host.name} alone holds {address}",
        )


@pytest.fixture
def lan() -> Iterator[Lan]:
    with Net() as net:
        lan = Lan(net)
        with lan.wire:
            yield lan


def objects(text: str) -> Objects:
    """A keepalived.conf as the engine gets it; nothing of it may be left out."""
    conf = read_text(text)
    assert conf.importable, conf.complaints
    assert not [c for c in conf.complaints if "left out" in c.message], conf.complaints
    found: Objects = {}
    for key, value in conf.objects.items():
        kind, _, name = key.removeprefix("config/").partition("/")
        found[kind, name] = values.check(kind, value)
    return found


def one(name: str = "VI_1", priority: int = 100, address: str = "192.168.200.10", more: str = "", top: str = "") -> str:
    """One instance with VRID 51 that adverts every 200 ms."""
    return f"""
global_defs {{
    vrrp_version 3
    vrrp_garp_master_delay 1
    {top}
}}
vrrp_instance {name} {{
    interface eth0
    virtual_router_id 51
    priority {priority}
    advert_int 0.2
    {more}
    virtual_ipaddress {{
        {address}
    }}
}}
"""


def groups_of(host: Host) -> str:
    return host.ip("maddress show dev eth0")


@pytest.mark.parametrize(
    ("group", "address", "own_source", "more"),
    [
        ("224.0.0.99", "192.168.200.20", OURS, ""),
        ("239.1.2.3", "192.168.200.20", OURS, ""),
        ("239.1.2.3", "192.168.200.20", OURS, "use_vmac vip0 02:00:5e:10:00\n"),
        ("ff02::99", "fe80::20", "fe80::ff:fe00:2", ""),
    ],
    ids=["local", "beyond", "vmac", "ipv6"],
)
def test_two_groups_are_two_virtual_routers_with_one_vrid(
    lan: Lan, tmp_path: Path, group: str, address: str, own_source: str, more: str
) -> None:
    first = address if ":" not in address else "fe80::10"
    first = first.replace(".20", ".10")

    def both(priorities: tuple[int, int]) -> str:
        apart = f"mcast_dst_ip {group}\n{more}"
        return one("VI_1", priorities[0], first) + one("VI_2", priorities[1], address, apart)

    with Engine(lan.ours, objects(both((150, 100)))) as engine:
        keepalived = start_keepalived(lan.theirs, tmp_path, both((100, 150)))
        lan.only(lan.theirs, address)
        lan.only(lan.ours, first)
        assert engine.reaches("BACKUP", "VI_2")["master_address"] != ""
        assert group in groups_of(lan.ours)
        keepalived.terminate()
        engine.reaches("MASTER", "VI_2")
        sent = len(lan.wire.adverts(own_source))
        lan.wire.until(lambda: len(lan.wire.adverts(own_source)) >= sent + 6, "adverts of ours")
        everybodys = "ff02::12" if ":" in group else "224.0.0.18"
        assert {f.destination for f in lan.wire.adverts(own_source)[sent:]} == {group, everybodys}
        start_keepalived(lan.theirs, tmp_path / "again", both((100, 50)))
        before = len(lan.wire.adverts(own_source))
        lan.wire.until(lambda: len(lan.wire.adverts(own_source)) >= before + 20, "ten intervals")
        assert (engine.state("VI_1"), engine.state("VI_2")) == ("MASTER", "MASTER")
        assert [engine.views["counters", name]["rejected"] for name in ("VI_1", "VI_2")] == [{}, {}]
        engine.apply(2, objects(one("VI_1", 150, first)))
        until(lambda: group not in groups_of(lan.ours), what="the group is left")
        lan.only(lan.ours, first)


@pytest.mark.parametrize(
    "word", ["mcast_src_ip 192.168.200.77\ntrack_src_ip\n", f"unicast_src_ip 192.168.200.77\nunicast_peer {{\n{THEIRS}\n}}\n"]
)
def test_without_its_source_on_the_interface_an_instance_is_in_fault_until_it_is_there(
    lan: Lan, tmp_path: Path, word: str
) -> None:
    theirs = "unicast_peer {\n192.168.200.77\n}\n" if "unicast" in word else ""
    cause = "interface eth0 has no address 192.168.200.77, from which adverts are to come"
    start_keepalived(lan.theirs, tmp_path, one(priority=50, more=theirs))
    with Engine(lan.ours, objects(one(priority=150, more=word))) as engine:
        assert engine.reaches("FAULT")["cause"] == cause
        lan.only(lan.theirs, "192.168.200.10")
        lan.ours.ip("addr add 192.168.200.77/24 dev eth0")
        assert engine.reaches("MASTER")["source_address"] == "192.168.200.77"
        lan.only(lan.ours, "192.168.200.10")
        lan.ours.ip("addr del 192.168.200.77/24 dev eth0")
        assert engine.reaches("FAULT")["cause"] == cause
        lan.only(lan.theirs, "192.168.200.10")


def test_static_addresses_that_name_no_interface_are_on_the_default_interface(lan: Lan, tmp_path: Path) -> None:
    statics = "static_ipaddress {\n 10.7.0.1/24\n 10.8.0.1/24 dev eth0\n}\n"
    text = one(priority=50, top="default_interface eth1") + statics
    for host, number in (lan.ours, 2), (lan.theirs, 3):
        host.join(lan.bridge, "eth1", f"10.1.0.{number}/24")
    start_keepalived(lan.theirs, tmp_path, text)
    with Engine(lan.ours, objects(text)):
        for host in (lan.ours, lan.theirs):
            until(lambda host=host: " 10.7.0.1/24 " in host.ip("addr show eth1"), what=f"{host.name} has it on eth1")
            until(lambda host=host: " 10.8.0.1/24 " in host.ip("addr show eth0"), what=f"{host.name} has the other on eth0")


def allowed(pid: int) -> set[str]:
    """Where a process and its children may run."""
    found = {pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())}
    lines = [line for one in found for line in Path(f"/proc/{one}/status").read_text().splitlines()]
    return {line.partition(":")[2].strip() for line in lines if line.startswith("Cpus_allowed_list")}


def test_the_engine_runs_on_the_processors_that_it_is_given(lan: Lan, tmp_path: Path) -> None:
    bound, anywhere = one(top="vrrp_cpu_affinity 0"), allowed(os.getpid())
    keepalived = start_keepalived(lan.theirs, tmp_path, bound)
    until(lambda: "0" in allowed(keepalived.pid), what="keepalived is bound")
    with Engine(lan.ours, objects(bound)) as engine:
        engine.reaches("BACKUP")
        assert allowed(engine.pid) == {"0"}
        engine.apply(2, objects(one()))
        assert allowed(engine.pid) == anywhere
        engine.apply(3, objects(one(top="vrrp_cpu_affinity 1023")))
        row = {"key": "config/global", "field": "vrrp_cpu_affinity", "hint": ""}
        reason = "cannot be bound to processors 1023: Invalid argument"
        engine.says("problems", problems=[row | {"reason": reason}])
        assert allowed(engine.pid) == anywhere


def promotes(host: Host, interface: str = "eth0") -> str:
    return host.run(["cat", f"/proc/sys/net/ipv4/conf/{interface}/promote_secondaries"]).stdout.strip()


def test_with_promote_secondaries_an_address_outlives_its_primary_one(lan: Lan, tmp_path: Path) -> None:
    held = "10.7.0.1/24 no_track\n10.7.0.2/24"
    text = one(address="192.168.200.10", more=f"promote_secondaries\nvirtual_ipaddress_excluded {{\n{held}\n}}\n")
    keepalived = start_keepalived(lan.theirs, tmp_path, text)
    until(lambda: promotes(lan.theirs) == "1", what="keepalived sets it")
    until(lambda: " 10.7.0.2/24 " in lan.theirs.ip("addr show eth0"), what="keepalived has started, and can be stopped")
    keepalived.terminate()
    until(lambda: promotes(lan.theirs) == "0", what="keepalived takes it back")
    with Engine(lan.ours, objects(text)) as engine:
        engine.reaches("MASTER")
        assert promotes(lan.ours) == "1"
        until(lambda: " 10.7.0.2/24 " in lan.ours.ip("addr show eth0"), what="the addresses")
        lan.ours.ip("addr del 10.7.0.1/24 dev eth0")
        assert " 10.7.0.2/24 " in lan.ours.ip("addr show eth0")
        engine.kill()
        engine.start()
        engine.reaches("MASTER")
        engine.apply(2, objects(one()))
        assert promotes(lan.ours) == "0"
        engine.apply(3, objects(text))
        assert promotes(lan.ours) == "1"
        lan.ours.ip("link del eth0")
        engine.reaches("FAULT")
        lan.ours.join(lan.bridge, "eth0", f"{OURS}/24")
        until(lambda: promotes(lan.ours) == "1", what="the new interface has it too")
        engine.signal(15)
        assert engine.wait() == 0
        assert promotes(lan.ours) == "0"


def test_what_had_promote_secondaries_before_keeps_it(lan: Lan) -> None:
    lan.ours.sysctl("net.ipv4.conf.eth0.promote_secondaries", 1)
    with Engine(lan.ours, objects(one(more="promote_secondaries"))) as engine:
        engine.reaches("MASTER")
        engine.signal(15)
        assert engine.wait() == 0
        assert promotes(lan.ours) == "1"


@pytest.mark.parametrize(("interface", "address"), [("eth0", "fe80::10"), ("eth1", "2001:db8:1::10/64 dev eth1")])
def test_an_interface_that_is_down_for_a_moment_moves_nothing(lan: Lan, interface: str, address: str) -> None:
    lan.ours.join(lan.bridge, "eth1", "2001:db8:1::2/64")
    tracked = "track_interface {\n eth1\n}\n"
    delays = f"interface_up_down_delays {{\n {interface} 1.5\n}}\n"
    text = (one(address=f"fe80::11\n{address}", more=tracked) + delays).replace("advert_int 0.2", "advert_int 1")
    with Engine(lan.ours, objects(text)) as engine:
        engine.reaches("MASTER")
        host = address.partition("/")[0].partition(" ")[0]
        until(lambda: f" {host}/" in lan.ours.ip(f"addr show {interface}"), what="the address")
        moved = len(engine.transitions)
        lan.ours.ip(f"link set {interface} down")
        until(lambda: f" {host}/" not in lan.ours.ip(f"addr show {interface}"), what="the kernel takes it off")
        lan.ours.ip(f"link set {interface} up")
        until(lambda: f" {host}/" in lan.ours.ip(f"addr show {interface}"), what="it is put back")
        seen = len(lan.wire.advertisements())
        lan.wire.until(lambda: len(lan.wire.adverts()) >= 3, "adverts")
        assert seen
        assert engine.state() == "MASTER"
        assert len(engine.transitions) == moved
        lan.ours.ip(f"link set {interface} down")
        assert f"interface {interface} is down" in engine.reaches("FAULT")["cause"]
        lan.ours.ip(f"link set {interface} up")
        engine.reaches("MASTER")


def test_both_wait_for_as_long_as_they_are_told(lan: Lan, tmp_path: Path) -> None:
    text = one(more="track_interface {\n eth1\n}\n", top="") + "interface_up_down_delays {\n eth1 1 0.5\n}\n"
    for host, number in (lan.ours, 2), (lan.theirs, 3):
        host.join(lan.bridge, "eth1", f"10.1.0.{number}/24")
    keepalived = start_keepalived(lan.theirs, tmp_path, text.replace("priority 100", "priority 50"))
    with Engine(lan.ours, objects(text)) as engine:
        engine.reaches("MASTER")
        for host in (lan.ours, lan.theirs):
            host.ip("link set eth1 down")
            host.ip("link set eth1 up")
        for host in (lan.ours, lan.theirs):
            host.ip("link set eth1 down")
        engine.reaches("FAULT")
        until(lambda: keepalived.output().count("Entering FAULT STATE") == 1, what="keepalived is in FAULT once")
        assert [t["to"] for t in engine.transitions].count("FAULT") == 1
        for host in (lan.ours, lan.theirs):
            host.ip("link set eth1 up")
        engine.reaches("MASTER")
        lan.only(lan.ours, "192.168.200.10")


def test_the_log_says_who_speaks_for_virtual_routers_that_are_not_here(lan: Lan, tmp_path: Path) -> None:
    text = one(top="log_unknown_vrids")
    (tmp_path / "store.json").write_text(json.dumps(read_text(text).objects))
    node = Node(lan.ours, "ours", tmp_path / "ours", f"file:{tmp_path / 'store.json'}")
    node.start("vrrp")
    start_keepalived(lan.theirs, tmp_path / "theirs", one(priority=200).replace("router_id 51", "router_id 77"))
    said = f"{THEIRS} sends IPv4 adverts of VRID 77 on eth0, which no vrrp_instance here has"
    until(lambda: said in node.logs(), 60, what=node.logs)
    before = len(lan.wire.adverts(THEIRS))
    lan.wire.until(lambda: len(lan.wire.adverts(THEIRS)) >= before + 10, "two seconds of adverts")
    assert node.logs().count(said) == 1
    assert node.stop("vrrp") == 0


@pytest.mark.parametrize(
    ("source", "peer", "address", "route"),
    [
        (OURS, THEIRS, "192.168.200.10", ""),
        ("10.99.0.2", THEIRS, "192.168.200.10", f"route add 10.99.0.2 via {OURS}"),
        ("2001:db8::2", "2001:db8::3", "2001:db8::10", ""),
    ],
    ids=["ipv4", "loopback", "ipv6"],
)
def test_a_unicast_instance_without_an_interface_is_wherever_its_address_is(
    lan: Lan, tmp_path: Path, source: str, peer: str, address: str, route: str
) -> None:
    if route:
        lan.ours.ip(f"addr add {source}/32 dev lo")
        lan.theirs.ip(route)
    lan.ours.join(lan.bridge, "eth1")
    apart = f"unicast_src_ip {source}\nunicast_peer {{\n{peer}\n}}\n"
    there = f"unicast_src_ip {peer}\ncheck_unicast_src\nunicast_peer {{\n{source}\n}}\n"
    ours = one(priority=150, address=f"{address} dev eth0", more=apart).replace("interface eth0\n", "")
    theirs = one(priority=100, address=address, more=there)
    more = one("VI_2", 150, "192.168.200.20").replace("router_id 51", "router_id 52")
    start_keepalived(lan.theirs, tmp_path, theirs + more.replace("priority 150", "priority 100"))
    lan.only(lan.theirs, address)
    with Engine(lan.ours, objects(ours + more)) as engine:
        view = engine.reaches("MASTER")
        assert (view["source_address"], view["interface"]) == (source, "any interface")
        lan.only(lan.ours, address)
        engine.reaches("MASTER", "VI_2")
        home = "lo" if route else "eth0"
        length = 32 if route else 64 if ":" in source else 24
        lan.ours.ip(f"addr del {source}/{length} dev {home}")
        assert engine.reaches("FAULT")["cause"] == f"no interface that is up has the address {source}"
        lan.only(lan.theirs, address)
        lan.ours.ip(f"addr add {source}/{length} dev {'eth1' if route else home}")
        engine.reaches("MASTER")
        lan.only(lan.ours, address)
        engine.signal(15)
        assert engine.wait() == 0
        lan.only(lan.theirs, address)
