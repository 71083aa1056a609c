"""One director with two real servers behind it (NAT) and a client before it: what tests of checker and ipvs disturb."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.kit import ipvs
from tests.kit.adverts import Wire, missing
from tests.kit.netns import Net
from tests.kit.node import Node
from tests.kit.process import Process
from tests.kit.wait import until

VIP, DIRECTOR = "192.168.200.10", "192.168.200.1"
SERVICE = f"{VIP}:80"
WEB1, WEB2 = "192.168.100.2:80", "192.168.100.3:80"
NAME = f"tcp-{VIP}-80"
PATIENCE_S = 120
TESTS = Path(__file__).resolve().parents[1]
WEBSERVER, TICKER = TESTS / "kit/webserver.py", TESTS / "demo/ticker.py"
INTERVAL_S = 1.0
STANDSTILL_S = 0.25  # of the machine itself, after which an advert may be half an interval late

CONFIGURATION: dict[str, Any] = {
    "config/vrrp_instance/VI_1": {
        "state": "master",
        "interface": "eth0",
        "virtual_router_id": 51,
        "virtual_ipaddress": [{"address": f"{VIP}/24"}],
    },
    f"config/virtual_server/{NAME}": {
        "address": VIP,
        "port": 80,
        "protocol": "tcp",
        "lb_algo": "rr",
        "lb_kind": "nat",
        "delay_loop": "1s",
        "connect_timeout": "5s",
        "retry": 0,
    },
    f"config/real_server/{NAME}/192.168.100.2-80": {"address": "192.168.100.2", "port": 80, "weight": 2, "tcp_check": [{}]},
    f"config/real_server/{NAME}/192.168.100.3-80": {"address": "192.168.100.3", "port": 80, "weight": 3, "tcp_check": [{}]},
}
WEIGHTS = {SERVICE: {WEB1: 2, WEB2: 3}}


class Balancer:
    """The machines; the services of `node` are started by the tests."""

    def __init__(self, net: Net, folder: Path) -> None:
        front, back = net.bridge("front"), net.bridge("back")
        self.director = net.host("director")
        self.director.join(front, "eth0", f"{DIRECTOR}/24")
        self.director.join(back, "eth1", "192.168.100.1/24")
        self.director.sysctl("net.ipv4.ip_forward", 1)
        self._client = net.host("client")
        self._client.join(front, "eth0", "192.168.200.5/24")
        self.wire = Wire(self._client)
        self._webs = {name: net.host(name) for name in ("web1", "web2")}
        self.web: dict[str, Process] = {}
        for number, (name, host) in enumerate(self._webs.items(), 2):
            host.join(back, "eth0", f"192.168.100.{number}/24")
            host.ip("route add default via 192.168.100.1")
            self.start_web(name)
        self._stalls = folder / "ticker.log"
        self._client.start((sys.executable, "-S", "-I", str(TICKER)), log=self._stalls)
        self._store = folder / "store.json"
        self.node = Node(self.director, "director", folder / "director", f"file:{self._store}")
        self.configure(CONFIGURATION)

    def start_web(self, name: str) -> None:
        argv = (sys.executable, "-S", "-I", str(WEBSERVER), name, "{}")
        self.web[name] = self._webs[name].start(argv)

    def configure(self, values: Mapping[str, Any]) -> None:
        """The whole configuration, at once."""
        fresh = self._store.with_suffix(".new")
        fresh.write_text(json.dumps(values))
        fresh.rename(self._store)

    def table(self) -> dict[str, dict[str, int]]:
        return ipvs.table(self.director)

    def wait_for_table(self, wanted: dict[str, dict[str, int]]) -> None:
        until(
            lambda: self.table() == wanted, PATIENCE_S, what=lambda: f"table {wanted}, not {self.table()}\n{self.node.logs()}"
        )

    def missing_adverts(self, since: int) -> int:
        """But for as many as the machine itself stood still for, as a bare real-time timer beside it says."""
        lines = (line.split() for line in self._stalls.read_text().splitlines(keepends=True) if line.endswith("\n"))
        stalls = [late for at, late in lines if int(at) > since and int(late) > STANDSTILL_S * 1e9]
        return max(0, missing(self.wire.adverts(since), INTERVAL_S) - len(stalls))

    def wait_for_adverts(self, number: int) -> None:
        seen = len(self.wire.adverts())
        until(lambda: len(self.wire.adverts()) >= seen + number, PATIENCE_S, what=self.node.logs)

    def ask(self) -> str:
        """One request of the client through the virtual address: who answered; empty: nobody."""
        with self._client.entered():
            line = socket.socket()
        with line:
            line.settimeout(10)
            try:
                line.connect((VIP, 80))
                line.sendall(b"GET / HTTP/1.0\r\n\r\n")
                answer = b""
                while piece := line.recv(4096):
                    answer += piece
            except OSError:
                return ""
        return answer.rpartition(b"\r\n\r\n")[2].decode().strip()
