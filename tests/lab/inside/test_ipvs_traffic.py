"""Traffic really flows: client, director and servers in namespaces; NAT, DR, TUN, IPv6, marks, persistence, thresholds."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.common.desired import Change
from services.common.telemetry import Telemetry
from services.ipvs import groups, settings
from services.ipvs.director import Report
from services.ipvs.globals import decode_global
from services.ipvs.runtime import Runtime
from services.ipvs.sync import Router
from tests.kit.netns import Host, Net
from tests.kit.wait import until

pytestmark = [pytest.mark.lab(modules="veth,bridge,ipip,fou,ip_gre,xt_mark"), pytest.mark.timeout(300)]

SERVERS = ("s1", "s2", "s3")
VIP, VIP6 = "192.168.200.15", "2001:db8:200::15"
VIP2 = "192.168.200.16"
GUE_PORT = 6080
NAT_BACK, NAT_BACK6 = "192.168.100", "2001:db8:100::"


class Web(threading.Thread):
    """Answers every connection on port 80 of its host with its name."""

    def __init__(self, host: Host) -> None:
        super().__init__(daemon=True)
        self._name = host.name.encode()
        with host.entered():
            self._socket = socket.create_server(("::", 80), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64)
        self.start()

    def run(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.sendall(self._name)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self.join()


class Network:
    """A client, a director and three servers; the servers hold the VIP on lo for DR, on tunl0 for TUN."""

    def __init__(self, net: Net) -> None:
        front, back = net.bridge("front"), net.bridge("back")
        self.client, self.director = net.host("client"), net.host("director")
        self.client.join(front, "eth0", "192.168.200.9/24", "2001:db8:200::9/64")
        self.director.join(front, "eth0", "192.168.200.1/24", f"{VIP}/32", f"{VIP2}/32", f"{VIP6}/128", "2001:db8:200::1/64")
        self.director.join(back, "eth1", f"{NAT_BACK}.1/24", f"{NAT_BACK6}1/64")
        self.backup = net.host("backup")
        self.backup.join(front, "eth0", "192.168.200.2/24")
        self.director.sysctl("net.ipv4.ip_forward", 1)
        self.director.sysctl("net.ipv6.conf.all.forwarding", 1)
        self.servers = [net.host(name) for name in SERVERS]
        for i, host in enumerate(self.servers, start=2):
            host.sysctl("net.ipv4.conf.all.arp_ignore", 1)
            host.sysctl("net.ipv4.conf.all.arp_announce", 2)
            for scope in ("all", "default"):
                host.sysctl(f"net.ipv4.conf.{scope}.rp_filter", 0)
            host.join(back, "eth1", f"{NAT_BACK}.{i}/24", f"{NAT_BACK6}{i}/64")
            host.join(front, "eth0", f"192.168.200.{100 + i}/24")
            host.ip(f"rule add from {NAT_BACK}.0/24 table 2")
            host.ip(f"route add default via {NAT_BACK}.1 table 2")
            host.ip(f"-6 route add default via {NAT_BACK6}1")
            host.ip(f"address add {VIP}/32 dev lo")
            host.ip(f"fou add port {GUE_PORT} gue")
            for tunnel in ("tunl0", "gre0"):
                host.ip(f"link set {tunnel} up")
                host.sysctl(f"net.ipv4.conf.{tunnel}.rp_filter", 0)

    def ask(self, count: int = 1, address: str = VIP, port: int = 80) -> Counter[str]:
        """Who answers the client, that many times."""
        found: Counter[str] = Counter()
        with self.client.entered():
            for _ in range(count):
                try:
                    with socket.create_connection((address, port), timeout=3) as connection:
                        found[connection.recv(16).decode() or "nothing"] += 1
                except OSError as e:
                    found[type(e).__name__] += 1
        return found


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with Net() as net:
        made = Network(net)
        webs = [Web(host) for host in made.servers]
        yield made
        for web in webs:
            web.close()


@pytest.fixture
def runtime(network: Network, tmp_path: Path) -> Iterator[Runtime]:
    async def make() -> Runtime:
        return Runtime(tmp_path, Telemetry(asyncio.get_running_loop()), lambda flip, trace: None)

    with network.director.entered():
        made = asyncio.run(make())
        yield made
        made.close()
        network.director.run(["ipvsadm", "-C"])


def balance(runtime: Runtime, network: Network, virtual: dict[str, Any], back: str, **real: Any) -> None:
    """Put a virtual server `v` with the three servers, at `back` followed by their numbers."""
    objects: dict[tuple[str, str], Any] = {("virtual_server", "v"): settings.virtual_server("v", virtual)}
    for i, name in enumerate(SERVERS, start=2):
        value = {"address": f"{back}{i}", "port": 80, "tcp_check": [{}]} | real
        objects["real_server", f"v/{name}"] = settings.real_server(f"v/{name}", value)
    with network.director.entered():
        problems = asyncio.run(runtime.configure(Change(1, objects, frozenset(), ())))
    assert problems == []


def report(runtime: Runtime, network: Network, **up: bool) -> None:
    with network.director.entered():
        asyncio.run(runtime.report({("v", name): Report(word, cause="test") for name, word in up.items()}))


FOUR = {"address": VIP, "port": 80, "protocol": "tcp", "lb_algo": "rr"}
THIRDS = {"s1": 3, "s2": 3, "s3": 3}


@pytest.mark.parametrize(("kind", "back"), [("nat", f"{NAT_BACK}."), ("dr", "192.168.200.10"), ("tun", "192.168.200.10")])
def test_all_servers_answer_in_turn(runtime: Runtime, network: Network, kind: str, back: str) -> None:
    balance(runtime, network, FOUR | {"lb_kind": kind}, back)
    assert network.ask(9) == THIRDS


@pytest.mark.parametrize("checksum", ["nocsum", "csum", "remcsum"])
def test_servers_behind_gue_answer(runtime: Runtime, network: Network, checksum: str) -> None:
    tunnel = {"type": "gue", "port": GUE_PORT, "checksum": checksum}
    balance(runtime, network, FOUR | {"lb_kind": "tun", "tunnel": tunnel}, "192.168.200.10")
    assert network.ask(9) == THIRDS


def test_servers_behind_gre_answer(runtime: Runtime, network: Network) -> None:
    balance(runtime, network, FOUR | {"lb_kind": "tun", "tunnel": {"type": "gre"}}, "192.168.200.10")
    assert network.ask(9) == THIRDS


def test_servers_behind_gre_with_checksums_answer(runtime: Runtime, network: Network) -> None:
    for i, host in enumerate(network.servers, start=2):  # the device that takes all GRE takes none with checksums
        host.ip(f"link add gre1 type gre local 192.168.200.{100 + i} icsum")
        host.ip("link set gre1 up")
        host.sysctl("net.ipv4.conf.gre1.rp_filter", 0)
    balance(runtime, network, FOUR | {"lb_kind": "tun", "tunnel": {"type": "gre", "checksum": "csum"}}, "192.168.200.10")
    assert network.ask(9) == THIRDS
    for host in network.servers:
        host.ip("link del gre1")


def test_all_addresses_of_a_group_are_served_by_one_pool(runtime: Runtime, network: Network) -> None:
    places = [(VIP, 80), (VIP, 8080), (VIP2, 80)]
    rows = [{"address": address, "port": port} for address, port in places]
    group = groups.virtual_server_group("g", {"address": rows})
    with network.director.entered():
        asyncio.run(runtime.configure(Change(1, {("virtual_server_group", "g"): group}, frozenset(), ())))
    balance(runtime, network, {"group": "g", "protocol": "tcp", "lb_algo": "rr"}, f"{NAT_BACK}.")
    for address, port in places:
        assert network.ask(9, address, port) == THIRDS
    report(runtime, network, s1=True, s2=False, s3=True)
    for address, port in places:
        assert network.ask(4, address, port) == {"s1": 2, "s3": 2}


def test_ipv6_is_balanced_too(runtime: Runtime, network: Network) -> None:
    balance(runtime, network, FOUR | {"address": VIP6}, NAT_BACK6)
    assert network.ask(9, VIP6) == THIRDS


def test_marked_packets_are_balanced(runtime: Runtime, network: Network) -> None:
    rule = f"-t mangle -A PREROUTING -d {VIP} -p tcp --dport 80 -j MARK --set-mark 5".split()
    network.director.run(["iptables-legacy", *rule])
    try:
        balance(runtime, network, {"fwmark": 5, "lb_algo": "rr"}, f"{NAT_BACK}.")
        assert network.ask(9) == THIRDS
    finally:
        network.director.run(["iptables-legacy", "-t", "mangle", "-F"])


def test_with_persistence_a_client_stays_with_its_server(runtime: Runtime, network: Network) -> None:
    balance(
        runtime,
        network,
        FOUR | {"persistence_timeout": 300 * 10**9, "persistence_granularity": "255.255.255.0"},
        f"{NAT_BACK}.",
    )
    (count,) = network.ask(9).values()
    assert count == 9


def test_weights_share_out_the_load(runtime: Runtime, network: Network) -> None:
    balance(runtime, network, FOUR | {"lb_algo": "wrr"}, f"{NAT_BACK}.", weight=1)
    heavy = settings.real_server("v/s2", {"address": f"{NAT_BACK}.3", "port": 80, "weight": 4, "tcp_check": [{}]})
    with network.director.entered():
        asyncio.run(runtime.configure(Change(2, {("real_server", "v/s2"): heavy}, frozenset(), ())))
    assert network.ask(12) == {"s1": 2, "s2": 8, "s3": 2}


def test_a_server_that_goes_down_under_traffic_costs_no_request(runtime: Runtime, network: Network) -> None:
    balance(runtime, network, FOUR, f"{NAT_BACK}.")
    answers: Counter[str] = Counter()
    stop = threading.Event()

    def keep_asking() -> None:
        while not stop.is_set():
            answers.update(network.ask(1))

    asker = threading.Thread(target=keep_asking)
    asker.start()
    until(lambda: answers["s2"] >= 5, what="s2 answers")
    report(runtime, network, s1=True, s2=False, s3=True)
    gone = answers["s2"]
    until(lambda: answers["s1"] >= gone + 10 and answers["s3"] >= gone + 10, what="the others answer")
    after = answers["s2"]
    report(runtime, network, s2=True)
    until(lambda: answers["s2"] >= after + 5, what="s2 answers again")
    stop.set()
    asker.join()
    assert after <= gone + 1  # one connection may have been under way
    assert set(answers) == set(SERVERS)


def test_with_all_servers_down_the_sorry_server_answers(runtime: Runtime, network: Network) -> None:
    objects: dict[tuple[str, str], Any] = {
        ("virtual_server", "v"): settings.virtual_server("v", FOUR | {"sorry_server": {"address": f"{NAT_BACK}.4"}}),
        ("real_server", "v/s1"): settings.real_server("v/s1", {"address": f"{NAT_BACK}.2", "port": 80, "tcp_check": [{}]}),
    }
    with network.director.entered():
        assert asyncio.run(runtime.configure(Change(1, objects, frozenset(), ()))) == []
    assert network.ask(3) == {"s1": 3}
    report(runtime, network, s1=False)
    assert network.ask(3) == {"s3": 3}
    report(runtime, network, s1=True)
    assert network.ask(3) == {"s1": 3}


def test_connections_and_packets_are_counted(runtime: Runtime, network: Network) -> None:
    # A port of its own: servers that come back to a service that the kernel remembers find their old sums again.
    balance(runtime, network, FOUR | {"port": 8081}, f"{NAT_BACK}.")
    network.ask(9, port=8081)

    def connections() -> list[int]:
        with network.director.entered():
            asyncio.run(runtime.refresh(0))
        (key,) = runtime.counters
        return [runtime.counters[key].connections, *(load.counters.connections for load in runtime.loads[key].values())]

    until(lambda: connections() == [9, 3, 3, 3], what=lambda: f"9 connections, of which {connections()}")
    (counters,) = runtime.counters.values()
    assert counters.bytes_in > 0


def test_the_backup_knows_the_masters_connections_by_their_sync_daemons(
    runtime: Runtime, network: Network, tmp_path: Path
) -> None:
    sync = decode_global("", {"lvs_sync_daemon": {"interface": "eth0", "vrrp_instance": "VI_1"}})

    async def follow(one: Runtime, master: bool) -> None:
        await one.configure(Change(1, {("global", ""): sync}, frozenset(), ()))
        await one.vrrp_told({"VI_1": Router(master, 51)})

    async def second() -> Runtime:
        made = Runtime(tmp_path / "backup", Telemetry(asyncio.get_running_loop()), lambda flip, trace: None)
        await follow(made, False)
        return made

    with network.backup.entered():
        other = asyncio.run(second())
    with network.director.entered():
        asyncio.run(follow(runtime, True))
    balance(runtime, network, FOUR, f"{NAT_BACK}.")

    def known() -> list[str]:
        """Connections of the client, C0A8C809, at the backup."""
        with network.backup.entered():
            return [line for line in Path("/proc/thread-self/net/ip_vs_conn").read_text().splitlines() if "C0A8C809" in line]

    until(lambda: network.ask(3) == {"s1": 1, "s2": 1, "s3": 1} and known(), what="a connection at the backup")
    for one, host in ((runtime, network.director), (other, network.backup)):
        with host.entered():
            asyncio.run(one.configure(Change(2, {}, frozenset([("global", "")]), ())))
    other.close()
