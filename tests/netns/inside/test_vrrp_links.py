"""ipvlans beside keepalived's, and VMACs where there is no nftables. In a guest, whose kernel is like that."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit.engine import Engine, Objects, instance
from tests.kit.keepalived import start_keepalived, vrrp_instance
from tests.kit.netns import Host, Net
from tests.kit.wait import until
from tests.kit.wire import Wire

pytestmark = [pytest.mark.lab(modules="veth,bridge,ipvlan,macvlan,vrf", limit=300), pytest.mark.timeout(300)]

VIP = "192.168.200.10"
OWN = {"address": "192.168.200.102/24"}
THEIRS = "use_ipvlan 192.168.200.103"


class Lan:
    """`ours` (.2), `theirs` (.3), a client (.9) and a watcher that hears everything."""

    def __init__(self, net: Net) -> None:
        bridge = net.bridge("front")
        for name, number in (("ours", 2), ("theirs", 3), ("client", 9)):
            net.host(name).join(bridge, "eth0", f"192.168.200.{number}/24")
        self.ours, self.theirs, self.client = net.host("ours"), net.host("theirs"), net.host("client")
        watcher = net.host("watcher")
        watcher.join(bridge, "eth0")
        self.wire = Wire(watcher, "eth0")

    def only(self, host: Host) -> None:
        both = (self.ours, self.theirs)
        until(lambda: [h for h in both if VIP in held(h, "eth0")] == [host], what=f"{host.name} holds it")
        until(lambda: self.client.run(["ping", "-c1", "-W1", VIP], check=False).returncode == 0, what="an answer")


@pytest.fixture
def lan() -> Iterator[Lan]:
    with Net() as net:
        lan = Lan(net)
        with lan.wire:
            yield lan


def ipvlans(host: Host) -> dict[str, Any]:
    rows = json.loads(host.ip("-d -j link show type ipvlan") or "[]")
    return {row["ifname"]: row["linkinfo"]["info_data"] for row in rows if row}


def held(host: Host, interface: str) -> set[str]:
    rows = json.loads(host.ip(f"-j -4 addr show dev {interface}", check=False) or "[]")
    return {address["local"] for row in rows for address in row.get("addr_info", ())}


def one(priority: int) -> Objects:
    more = {"version": 3, "advert_int": 500_000_000, "use_ipvlan": OWN}
    return {("vrrp_instance", "VI_1"): instance(priority=priority, **more)}


def test_the_address_goes_from_keepaliveds_ipvlan_to_ours_and_back(lan: Lan, tmp_path: Path) -> None:
    start_keepalived(lan.theirs, tmp_path, vrrp_instance(100, 3, "0.5", more=THEIRS))
    lan.only(lan.theirs)
    with Engine(lan.ours, one(150)) as engine:
        assert engine.reaches("MASTER")["source_address"] == "192.168.200.102"
        lan.only(lan.ours)
        assert ipvlans(lan.ours) == ipvlans(lan.theirs)
        assert held(lan.ours, "vrrp.51") == {"192.168.200.102"}
        assert held(lan.theirs, "vrrp.51") == {"192.168.200.103"}
        assert lan.wire.adverts("192.168.200.102")
        engine.signal(signal.SIGTERM)
        assert engine.wait() == 0
        assert not ipvlans(lan.ours)
        lan.only(lan.theirs)


def test_an_ipvlan_that_somebody_deletes_is_made_again_with_its_own_address(lan: Lan) -> None:
    with Engine(lan.ours, one(150)) as engine:
        engine.reaches("MASTER")
        lan.only(lan.ours)
        lan.ours.ip("link del vrrp.51")
        until(lambda: held(lan.ours, "vrrp.51") == {"192.168.200.102"}, what="the address is back")
        assert engine.state() == "MASTER"


def vrf_of(host: Host, interface: str) -> str:
    rows = json.loads(host.ip(f"-j link show dev {interface}", check=False) or "[]")
    return "".join(row.get("master", "") for row in rows)


def test_a_vmac_is_in_the_vrf_of_its_base_as_keepaliveds_is_and_follows_it(lan: Lan, tmp_path: Path) -> None:
    for host in (lan.ours, lan.theirs):
        host.ip("link add red type vrf table 10")
        host.ip("link set red up")
        host.ip("link set eth0 master red")
    start_keepalived(lan.theirs, tmp_path, vrrp_instance(100, 3, "0.5", more="use_vmac"))
    until(lambda: VIP in held(lan.theirs, "vrrp.51"), what="theirs is the master")
    objects: Objects = {
        ("vrrp_instance", "VI_1"): instance(priority=150, version=3, advert_int=500_000_000, use_vmac={}),
    }

    def answers() -> bool:
        return lan.client.run(["ping", "-c1", "-W1", VIP], check=False).returncode == 0

    with Engine(lan.ours, objects) as engine:
        engine.reaches("MASTER")
        until(lambda: VIP not in held(lan.theirs, "vrrp.51"), what="theirs yields")
        assert vrf_of(lan.ours, "vrrp.51") == vrf_of(lan.theirs, "vrrp.51") == "red"
        until(answers, what="an answer from ours")
        lan.ours.ip("link set eth0 nomaster")
        until(lambda: vrf_of(lan.ours, "vrrp.51") == "", what="the link follows")
        until(lambda: engine.state() == "MASTER" and answers(), what="an answer outside of the VRF")
        lan.ours.ip("link set eth0 master red")
        until(lambda: vrf_of(lan.ours, "vrrp.51") == "red", what="the link follows back")
        until(lambda: engine.state() == "MASTER" and answers(), what="an answer from the VRF")
        engine.signal(signal.SIGTERM)
        assert engine.wait() == 0
        until(lambda: VIP in held(lan.theirs, "vrrp.51"), what="theirs takes over")
        until(answers, what="an answer from theirs")


def test_a_unicast_instance_without_an_interface_is_in_its_vrf(lan: Lan, tmp_path: Path) -> None:
    for name, table in (("red", 10), ("blue", 11)):
        lan.ours.ip(f"link add {name} type vrf table {table}")
        lan.ours.ip(f"link set {name} up")
    lan.ours.ip("link set eth0 master red")
    unicast = "unicast_src_ip 192.168.200.3\ncheck_unicast_src\nunicast_peer {\n192.168.200.2\n}\n"
    start_keepalived(lan.theirs, tmp_path, vrrp_instance(100, 3, "0.5", more=unicast))
    until(lambda: VIP in held(lan.theirs, "eth0"), what="theirs is the master")
    own = {"unicast_src_ip": "192.168.200.2", "unicast_peer": [{"address": "192.168.200.3"}], "vrf": "blue"}
    settings = instance(priority=150, version=3, advert_int=500_000_000) | own
    del settings["interface"]
    objects: Objects = {("vrrp_instance", "VI_1"): settings}
    with Engine(lan.ours, objects) as engine:
        assert engine.reaches("FAULT")["cause"] == "no interface of VRF blue that is up has the address 192.168.200.2"
        engine.apply(2, {("vrrp_instance", "VI_1"): settings | {"vrf": "red"}})
        assert engine.reaches("MASTER")["interface"] == "any interface of VRF red"
        lan.only(lan.ours)
        engine.signal(signal.SIGTERM)
        assert engine.wait() == 0
        lan.only(lan.theirs)


def test_without_nftables_a_problem_says_that_a_backups_vmac_is_not_quiet_and_all_else_works(lan: Lan) -> None:
    settings = {"version": 3, "advert_int": 500_000_000, "use_vmac": {}, "addresses": ["fe80::10"]}

    def one_of(priority: int) -> Objects:
        return {("vrrp_instance", "VI_1"): instance(priority=priority, **settings)}

    with Engine(lan.ours, one_of(150)) as ours, Engine(lan.theirs, one_of(100)) as theirs:
        ours.reaches("MASTER")
        theirs.reaches("BACKUP")
        text = "vrrp.51 cannot be kept quiet as backup: nftables: "
        until(lambda: any(row["reason"].startswith(text) for row in problems(theirs)), what=lambda: str(problems(theirs)))
        ours.signal(signal.SIGTERM)
        assert ours.wait() == 0
        theirs.reaches("MASTER")
        until(lambda: "fe80::10/" in lan.theirs.ip("addr show vrrp.51"), what="the address is there")
        until(lambda: not problems(theirs), what="nothing is wrong with a master")


def problems(engine: Engine) -> list[dict[str, str]]:
    engine.poll()
    said = [message["problems"] for message in engine.messages if message["is"] == "problems"]
    return list(said[-1]) if said else []
