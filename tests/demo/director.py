"""One director: a machine that can lose its power, and the four services on it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from services.common.options import SERVICES
from tests.demo.configs import Machine
from tests.kit.netns import Host
from tests.kit.process import Process

ROOT = Path(__file__).resolve().parents[2]
# As deploy/sysctl.d sets them.
SYSCTLS = {
    "net.ipv4.ip_forward": 1,
    "net.ipv4.vs.expire_nodest_conn": 1,
    "net.ipv4.vs.expire_quiescent_template": 1,
}


class Director:
    """`name` is also its node's name. Its disk (`state`) outlives power failures, everything else does not."""

    def __init__(self, machine: Machine, plug_in: Callable[[Host, Machine], None], folder: Path) -> None:
        self.name = machine.name
        self._machine = machine
        self._plug_in = plug_in
        self.run_dir = folder / self.name / "run"
        self.state_dir = folder / self.name / "state"
        self.logs = folder / self.name
        for path in (self.run_dir, self.state_dir):
            path.mkdir(parents=True)
        self.host: Host | None = None
        self.services: dict[str, Process] = {}

    def power_on(self) -> None:
        """The machine, without the services."""
        self.host = Host(self.name)
        self._plug_in(self.host, self._machine)
        for name, value in SYSCTLS.items():
            self.host.sysctl(name, value)

    def start(self, store: str) -> None:
        """All four services, vrrp first."""
        for service in SERVICES:
            self.start_service(service, store)

    def start_service(self, service: str, store: str) -> None:
        assert self.host is not None, f"{self.name} has no power"
        self.services[service] = self.host.start(
            [
                *(sys.executable, "-m", f"services.{service}", "--store", store, "--node", self.name),
                *("--run-dir", self.run_dir, "--state-dir", self.state_dir / service),
            ],
            cwd=ROOT,
            log=self.logs / f"{service}.log",
        )

    def socket(self, service: str) -> str:
        """gRPC target of one of its services."""
        return f"unix:{self.run_dir / service}.sock"

    def kill(self, service: str) -> None:
        """kill -9 of one service and all its processes."""
        self.services[service].kill()

    def power_off(self) -> None:
        """Every process ends with no last word, and every interface, address and table of the kernel is gone."""
        if self.host is None:
            return
        while pids := self._processes():
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            for process in self.services.values():
                process.kill()
        self.services.clear()
        self.host.close()
        self.host = None

    def _processes(self) -> list[int]:
        """Pids of all that runs on it, whoever started them."""
        assert self.host is not None
        machine = os.stat(self.host.netns).st_ino
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):  # it has ended, or is a zombie
                    if (entry / "ns/net").stat().st_ino == machine:
                        found.append(int(entry.name))
        return found

    def held(self) -> dict[str, frozenset[str]]:
        """Addresses by interface (eth0, eth1), its own among them."""
        if self.host is None:
            return {}
        links = json.loads(self.host.ip("-json -4 address show"))
        return {
            link["ifname"]: frozenset(address["local"] for address in link["addr_info"])
            for link in links
            if link["ifname"] in ("eth0", "eth1")
        }

    def table(self) -> dict[str, dict[str, int]]:
        """The kernel's IPVS table: virtual server -> real server -> weight. Read from /proc, so that asking is cheap."""
        assert self.host is not None, f"{self.name} has no power"
        with self.host.entered():
            lines = Path("/proc/thread-self/net/ip_vs").read_text().splitlines()
        found: dict[str, dict[str, int]] = {}
        for line in lines:
            match line.split():
                case ["TCP", service, *_]:
                    servers = found[_address(service)] = {}
                case ["->", server, _, weight, *_] if server != "RemoteAddress:Port":
                    servers[_address(server)] = int(weight)
        return found


def _address(text: str) -> str:
    """`C0A8C80A:0050` as `192.168.200.10:80`."""
    address, _, port = text.partition(":")
    return f"{socket.inet_ntoa(bytes.fromhex(address))}:{int(port, 16)}"
