"""Interfaces that are renamed, late, or have no link-local address yet; one link-local address on several of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kit.engine import Engine, Objects, instance
from tests.kit.netns import Host, Net
from tests.kit.wait import until

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.timeout(240),
]

FAST = {"version": 3, "advert_int": 100_000_000, "garp_master_delay": 0, "garp_master_repeat": 1}


class Lan:
    """Two hosts with eth0 on one switch and eth1 on another."""

    def __init__(self, net: Net) -> None:
        front, back = net.bridge("front"), net.bridge("back")
        self.a, self.b = net.host("a"), net.host("b")
        for host, number in ((self.a, 2), (self.b, 3)):
            host.join(front, "eth0", f"192.168.200.{number}/24")
            host.join(back, "eth1", f"192.168.201.{number}/24")


@pytest.fixture
def lan() -> Iterator[Lan]:
    with Net() as net:
        yield Lan(net)


def one(priority: int, interface: str = "eth0", vrid: int = 51, **more: Any) -> dict[str, Any]:
    return instance(interface, vrid, priority=priority, **(FAST | more))


def rename(host: Host, old: str, new: str, address: str) -> None:
    """As udev does: down, another name, up."""
    host.ip(f"link set {old} down")
    host.ip(f"link set {old} name {new}")
    host.ip(f"link set {new} up")
    if address not in host.ip(f"-4 address show dev {new}"):
        host.ip(f"address add {address} dev {new}")


def holds(host: Host, interface: str, address: str) -> bool:
    return f" {address}/" in host.ip(f"address show dev {interface}", check=False)


def test_an_instance_waits_for_the_name_of_its_interface_and_loses_it_with_the_name(lan: Lan) -> None:
    objects: Objects = {("vrrp_instance", "VI_1"): one(150, "wan0")}
    rival: Objects = {("vrrp_instance", "VI_1"): one(100)}
    with Engine(lan.a, objects) as a, Engine(lan.b, rival) as b:
        assert a.reaches("FAULT")["faults"][0].startswith("interface wan0")
        b.reaches("MASTER")
        rename(lan.a, "eth0", "wan0", "192.168.200.2/24")
        a.reaches("MASTER")
        b.reaches("BACKUP")
        until(lambda: holds(lan.a, "wan0", "192.168.200.10"), what="the address is on it")
        rename(lan.a, "wan0", "eth0", "192.168.200.2/24")
        a.reaches("FAULT")
        b.reaches("MASTER")
        until(lambda: not holds(lan.a, "eth0", "192.168.200.10"), what="a renamed interface keeps no address")
        rename(lan.a, "eth0", "wan0", "192.168.200.2/24")
        a.reaches("MASTER")
        until(lambda: not holds(lan.b, "eth0", "192.168.200.10"), what="only one holds it")


def test_a_sync_group_with_a_missing_interface_leaves_all_to_the_peer_and_is_back_with_it(lan: Lan) -> None:
    def pair(priority: int, second: str) -> Objects:
        return {
            ("vrrp_instance", "VI_1"): one(priority),
            ("vrrp_instance", "VI_2"): one(priority, second, 52, addresses=["192.168.201.10"]),
            ("vrrp_sync_group", "G"): {"group": ["VI_1", "VI_2"]},
        }

    with Engine(lan.a, pair(150, "wan1")) as a, Engine(lan.b, pair(100, "eth1")) as b:
        for name in ("VI_1", "VI_2"):
            a.reaches("FAULT", name)
            b.reaches("MASTER", name)
        rename(lan.a, "eth1", "wan1", "192.168.201.2/24")
        for name in ("VI_1", "VI_2"):
            a.reaches("MASTER", name)
            b.reaches("BACKUP", name)
        until(lambda: holds(lan.a, "wan1", "192.168.201.10"), what="the address is there")


def test_one_link_local_address_may_be_on_several_interfaces(lan: Lan) -> None:
    def pair(priority: int) -> Objects:
        first, second = [["fe80::10", f"2001:db8:{n}::10"] for n in (1, 2)]
        return {
            ("vrrp_instance", "VI_1"): one(priority, addresses=first),
            ("vrrp_instance", "VI_2"): one(priority, "eth1", addresses=second),
        }

    with Engine(lan.a, pair(150)) as a, Engine(lan.b, pair(100)) as b:
        for name, interface in (("VI_1", "eth0"), ("VI_2", "eth1")):
            a.reaches("MASTER", name)
            b.reaches("BACKUP", name)
            until(lambda interface=interface: holds(lan.a, interface, "fe80::10"), what=interface)  # type: ignore[misc]
        changed = pair(150) | {("vrrp_instance", "VI_1"): one(90, addresses=["fe80::10", "2001:db8:1::10"])}
        assert a.apply(2, changed)["problems"] == []
        b.reaches("MASTER")
        until(lambda: not holds(lan.a, "eth0", "fe80::10"), what="it goes from one interface")
        assert holds(lan.a, "eth1", "fe80::10")
        assert a.state("VI_2") == "MASTER"


def test_an_ipv6_instance_starts_when_its_interface_gets_a_link_local_address(lan: Lan) -> None:
    lan.a.ip("link set eth0 addrgenmode none")
    lan.a.ip("-6 address flush dev eth0")
    objects: Objects = {("vrrp_instance", "VI_1"): one(150, addresses=["fe80::10", "2001:db8::10"])}
    with Engine(lan.a, objects) as a:
        assert a.reaches("FAULT")["faults"] == ["interface eth0 has no IPv6 link-local address to send adverts from"]
        lan.a.ip("address add fe80::77/64 dev eth0 nodad")
        assert a.reaches("MASTER")["source_address"] == "fe80::77"
        until(lambda: holds(lan.a, "eth0", "2001:db8::10"), what="the address is there")
