"""One director: a machine that can lose its power, and the four services on it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

from tests.demo.configs import Machine
from tests.kit import ipvs
from tests.kit.netns import Host
from tests.kit.node import Node

# As deploy/sysctl.d sets them.
SYSCTLS = {
    "net.ipv4.ip_forward": 1,
    "net.ipv4.vs.expire_nodest_conn": 1,
    "net.ipv4.vs.expire_quiescent_template": 1,
}


class Director:
    """`name` is also its node's name. Its disk outlives power failures, everything else does not."""

    def __init__(self, machine: Machine, plug_in: Callable[[Host, Machine], None], folder: Path) -> None:
        self.name = machine.name
        self._machine = machine
        self._plug_in = plug_in
        self._folder = folder / self.name
        self._node: Node | None = None

    @property
    def node(self) -> Node:
        """Its services, while it has power."""
        assert self._node is not None, f"{self.name} has no power"
        return self._node

    def power_on(self, store: str) -> None:
        """The machine, without the services."""
        host = Host(self.name)
        self._plug_in(host, self._machine)
        for name, value in SYSCTLS.items():
            host.sysctl(name, value)
        self._node = Node(host, self.name, self._folder, store)

    def power_off(self) -> None:
        """Every process ends with no last word, and every interface, address and table of the kernel is gone."""
        if self._node is None:
            return
        while pids := self._processes():
            # All stand still before the first is gone: none sees another die and says a last word.
            for number in (signal.SIGSTOP, signal.SIGKILL):
                for pid in pids:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, number)
            for process in self._node.running.values():
                process.kill()
        self._node.host.close()
        self._node = None

    def _processes(self) -> list[int]:
        """Pids of all that runs on it, whoever started them."""
        machine = os.stat(self.node.host.netns).st_ino
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):  # it has ended, or is a zombie
                    if (entry / "ns/net").stat().st_ino == machine:
                        found.append(int(entry.name))
        return found

    def held(self) -> dict[str, frozenset[str]]:
        """Addresses by interface (eth0, eth1), its own among them."""
        links = json.loads(self.node.host.ip("-json -4 address show"))
        return {
            link["ifname"]: frozenset(address["local"] for address in link["addr_info"])
            for link in links
            if link["ifname"] in ("eth0", "eth1")
        }

    def table(self) -> dict[str, dict[str, int]]:
        """The kernel's IPVS table: virtual server -> real server -> weight."""
        return ipvs.table(self.node.host)
