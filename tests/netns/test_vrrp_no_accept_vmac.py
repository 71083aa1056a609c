"""no_accept and a VMAC on one instance: the same as keepalived's for whoever is on the network, and for the other router."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.keepalived_conf.reading import read_text
from tests.kit.keepalived import start_keepalived
from tests.kit.netns import Host, Net
from tests.kit.node import Node
from tests.kit.wait import until
from tests.kit.wire import Wire

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.timeout(300),
]

VIP, VIP6, NEAR = "192.168.200.10", "fd00:200::10", "fe80::10"
MAC, MAC6 = "00:00:5e:00:01:33", "00:00:5e:00:02:33"
PATIENCE_S = 60
GLOBAL = "global_defs {\n vrrp_version 3\n nftables\n vrrp_garp_master_delay 1\n}\n"
INSTANCE = """
vrrp_instance {name} {{
    interface eth0
    virtual_router_id 51
    priority {priority}
    advert_int 0.3
    use_vmac
    no_accept
    virtual_ipaddress {{
        {addresses}
    }}
}}
"""


def text(priority: int) -> str:
    four = INSTANCE.format(name="VI_4", priority=priority, addresses=f"{VIP}/24")
    return GLOBAL + four + INSTANCE.format(name="VI_6", priority=priority, addresses=f"{NEAR}/64\n {VIP6}/64")


class Lan:
    """`ours` (.2), `theirs` (.3), each with a listener on every address, and a client (.9)."""

    def __init__(self, net: Net, folder: Path, stack: contextlib.ExitStack) -> None:
        bridge = net.bridge("front")
        self.folder = folder
        for name, number in (("ours", 2), ("theirs", 3), ("client", 9)):
            net.host(name).join(bridge, "eth0", f"192.168.200.{number}/24", f"fd00:200::{number}/64")
        self.ours, self.theirs, self.client = net.host("ours"), net.host("theirs"), net.host("client")
        watcher = net.host("watcher")
        watcher.join(bridge, "eth0")
        self.wire = stack.enter_context(Wire(watcher, "eth0"))
        for host in (self.ours, self.theirs):
            for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
                with host.entered():
                    listener = stack.enter_context(contextlib.closing(socket.socket(family)))
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                listener.bind((address, 8080))
                listener.listen()
        self.node = Node(self.ours, "d1", folder / "d1", f"file:{folder / 'store.json'}")

    def start_ours(self, priority: int) -> None:
        conf = read_text(text(priority))
        assert conf.importable, conf.complaints
        (self.folder / "store.json").write_text(json.dumps(conf.objects))
        self.node.start("vrrp")

    def only(self, host: Host) -> None:
        def alone() -> bool:
            both = (self.ours, self.theirs)
            return all([h for h in both if holds(h, address)] == [host] for address in (VIP, VIP6, NEAR))

        until(alone, PATIENCE_S, what=lambda: f"{host.name} alone holds the addresses\n{self.node.logs()}")

    def answers(self, address: str) -> dict[str, bool]:
        """Whether a ping and a connection of the client come about."""
        target = f"{address}%eth0" if address.startswith("fe80") else address
        ping = self.client.run(["ping", "-c1", "-W1", target], check=False).returncode == 0
        connected = False
        with self.client.entered(), contextlib.suppress(OSError):
            socket.create_connection((target, 8080), timeout=1).close()
            connected = True
        return {"ping": ping, "connection": connected}

    def seen(self) -> dict[str, object]:
        """How the client finds the addresses."""
        self.client.ip("neigh flush all", check=False)
        found: dict[str, object] = {address: self.answers(address) for address in (VIP, VIP6, NEAR)}
        neighbours = self.client.ip("neigh show dev eth0")
        return found | {"macs": [f"{a} lladdr {m}" in neighbours for a, m in ((VIP, MAC), (VIP6, MAC6), (NEAR, MAC6))]}


def holds(host: Host, address: str) -> bool:
    return f" {address}/" in host.ip("addr show")


@pytest.fixture
def lan(tmp_path: Path) -> Iterator[Lan]:
    with Net() as net, contextlib.ExitStack() as stack:
        yield Lan(net, tmp_path, stack)


def test_a_client_finds_the_same_behind_keepalived_and_behind_us_and_the_two_hear_each_other(lan: Lan, tmp_path: Path) -> None:
    keepalived = start_keepalived(lan.theirs, tmp_path / "ka", text(150))
    lan.only(lan.theirs)
    until(lambda: not lan.answers(VIP)["connection"], PATIENCE_S, what="keepalived's rules are there")
    theirs = lan.seen()
    lan.start_ours(200)
    lan.only(lan.ours)
    until(lambda: not lan.answers(VIP)["connection"], PATIENCE_S, what="our rules are there")
    ours = lan.seen()
    assert ours.pop("macs") == [True, True, True]
    assert theirs.pop("macs")  # its IPv6 VMAC answers ARP too, and may be the one whose MAC the client takes
    assert ours == theirs
    assert ours[VIP] == {"ping": False, "connection": False}
    assert lan.answers("192.168.200.2") == {"ping": True, "connection": True}
    keepalived.terminate()
    assert lan.node.stop("vrrp") == 0
