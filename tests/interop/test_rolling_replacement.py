"""A pair of keepaliveds becomes a pair of vipkeepers, one node at a time, while a client asks all along."""

from __future__ import annotations

import itertools
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import pytest

from tests.kit.engine import Engine, instance
from tests.kit.keepalived import start_keepalived, vrrp_instance
from tests.kit.netns import Host, Net
from tests.kit.wait import until

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.timeout(300),
]

VIP = "192.168.200.10"
PRIORITIES = {"a": 150, "b": 100}
INTERVAL = 1.0
IP_PKTINFO = 8  # <linux/in.h>
PASS = {"authentication": {"auth_type": "pass", "auth_pass": "secret12"}}
PASS_TEXT = "authentication {\n auth_type PASS\n auth_pass secret12\n }"


class Echo(threading.Thread):
    """Answers each datagram to any address of a host with the host's name."""

    def __init__(self, host: Host) -> None:
        super().__init__(daemon=True)
        self._name = host.name.encode()
        with host.entered():
            self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        self._sock.bind(("0.0.0.0", 7))
        self.start()

    def run(self) -> None:
        while True:
            data, ancillary, _flags, sender = self._sock.recvmsg(64, 64)
            if data == b"end":
                self._sock.close()
                return
            # Answered from the address that was asked, which is the virtual one.
            index, _ours, asked = ancillary[0][2][:4], ancillary[0][2][4:8], ancillary[0][2][8:12]
            info = index + asked + bytes(4)
            try:
                self._sock.sendmsg([data + self._name], [(socket.IPPROTO_IP, IP_PKTINFO, info)], 0, sender)
            except OSError:
                continue  # the address has just gone

    def close(self, host: Host) -> None:
        with host.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"end", ("127.0.0.1", 7))
        self.join()


class Client(threading.Thread):
    """Asks the virtual address every 20 ms; `answers` are (when, who)."""

    def __init__(self, host: Host) -> None:
        super().__init__(daemon=True)
        with host.entered():
            self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.settimeout(0.02)
        self._over = threading.Event()
        self.answers: list[tuple[float, str]] = []

    def run(self) -> None:
        while not self._over.wait(0.02):
            try:
                self._sock.sendto(b"?", (VIP, 7))
                self.answers.append((time.monotonic(), self._sock.recv(64)[1:].decode()))
            except OSError:
                continue  # nobody there just now
        self._sock.close()

    def served_by(self, name: str) -> None:
        """Twenty answers more, all from one host."""
        begun = len(self.answers)
        until(lambda: len(self.answers) >= begun + 20, what=f"answers: {self.answers[-3:]}")
        assert {who for _when, who in self.answers[begun:]} == {name}

    def longest_silence(self) -> float:
        """Seconds between two answers."""
        times = [when for when, _who in self.answers]
        return max(b - a for a, b in itertools.pairwise(times))

    def __enter__(self) -> Client:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        self.join()


class Site:
    """Hosts a and b with an echo each, and a client."""

    def __init__(self, net: Net) -> None:
        lan = net.bridge("lan")
        self.hosts = {name: net.host(name) for name in ("a", "b")}
        for number, host in enumerate((*self.hosts.values(), net.host("client")), 1):
            host.join(lan, "eth0", f"192.168.200.{number}/24")
        self.client = net.host("client")

    def only(self, name: str) -> None:
        until(lambda: self.holders() == [name], what=lambda: f"{name} alone holds the address, not {self.holders()}")

    def holders(self) -> list[str]:
        return [name for name, host in self.hosts.items() if f" {VIP}/" in host.ip("-4 addr show dev eth0")]


@pytest.fixture
def site() -> Iterator[Site]:
    with Net() as net:
        site = Site(net)
        echoes = {name: Echo(host) for name, host in site.hosts.items()}
        yield site
        for name, echo in echoes.items():
            echo.close(site.hosts[name])


def vipkeeper(site: Site, name: str) -> Engine:
    value = instance(priority=PRIORITIES[name], version=2, advert_int=1_000_000_000, **PASS)
    return Engine(site.hosts[name], {("vrrp_instance", "VI_1"): value})


def test_a_pair_is_replaced_node_by_node_and_the_address_is_never_lost(site: Site, tmp_path: Path) -> None:
    running = {}
    for name, priority in PRIORITIES.items():
        text = vrrp_instance(priority, 2, "1", more=PASS_TEXT)
        running[name] = start_keepalived(site.hosts[name], tmp_path / name, text)
    site.only("a")
    with Client(site.client) as client:
        client.served_by("a")
        running["b"].terminate()
        running["b"].wait()
        client.served_by("a")
        with vipkeeper(site, "b") as second:
            second.reaches("BACKUP")
            until(
                lambda: second.state() == "BACKUP" and second.views["instance", "VI_1"]["master_priority"] == 150,
                what="the new backup hears the old master",
            )
            client.served_by("a")
            running["a"].terminate()  # priority 0: the backup takes over after its skew time
            running["a"].wait()
            second.reaches("MASTER")
            site.only("b")
            client.served_by("b")
            with vipkeeper(site, "a") as first:
                first.reaches("MASTER")
                second.reaches("BACKUP")
                site.only("a")
                client.served_by("a")
        # The declared stop of the old master costs its successor's skew time; a lost address would cost the master-down
        # interval, three adverts more.
        assert client.longest_silence() < 3 * INTERVAL
