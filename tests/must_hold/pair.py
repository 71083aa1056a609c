"""Two routers for one virtual address at adverts of 1 s: what the must-hold tests disturb, and how they look at it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.kit.adverts import Advert, Wire, missing
from tests.kit.netns import Host, Net
from tests.kit.node import Node
from tests.kit.wait import until

VIP = "192.168.200.10"
FIRST, SECOND = "192.168.200.1", "192.168.200.2"
INTERVAL_S = 1.0
PATIENCE_S = 90

VI_1 = {
    "interface": "eth0",
    "virtual_router_id": 51,
    "priority": 100,
    "advert_int": "1s",
    "virtual_ipaddress": [{"address": f"{VIP}/24"}],
}
CONFIGURATION: dict[str, Any] = {
    "config/vrrp_instance/VI_1": VI_1,
    "node/first/vrrp_instance/VI_1": {"priority": 150, "state": "master"},
}


class Pair:
    """Nodes `first` (priority 150) and `second` (100) on one switch, each with a file store of its own."""

    def __init__(self, net: Net, folder: Path) -> None:
        self._lan = net.bridge("front")
        self.folder = folder
        self.cables = {}
        nodes = []
        for name, address in (("first", FIRST), ("second", SECOND)):
            host = net.host(name)
            self.cables[name] = host.join(self._lan, "eth0", f"{address}/24")
            nodes.append(Node(host, name, folder / name, f"file:{folder / name}.json"))
        self.first, self.second = nodes
        witness = net.host("witness")
        witness.join(self._lan, "eth0", "192.168.200.9/24")
        self.wire = Wire(witness)
        for node in nodes:
            self.configure(node, CONFIGURATION)

    def join(self, host: Host, address: str) -> None:
        """One more machine on the switch."""
        host.join(self._lan, "eth0", f"{address}/24")

    def configure(self, node: Node, values: Mapping[str, Any]) -> None:
        """The whole of a node's file store, at once."""
        fresh = self.folder / f"{node.name}.new"
        fresh.write_text(json.dumps(values))
        fresh.rename(self.folder / f"{node.name}.json")

    def wait_for_master(self, node: Node, other: Node | None = None) -> None:
        """Until `node` holds the address (and `other`, if given, does not)."""

        def settled() -> bool:
            holds = VIP in node.addresses("eth0")
            return holds and (other is None or VIP not in other.addresses("eth0"))

        until(settled, PATIENCE_S, what=lambda: f"{node.name} holds {VIP}\n{node.logs()}")

    def adverts(self, source: str, since: int = 0) -> tuple[Advert, ...]:
        """What one of them has sent, since `now()`."""
        return tuple(advert for advert in self.wire.adverts(since) if advert.source == source)

    def missing(self, source: str, since: int) -> int:
        """How many adverts it has not sent that it should have."""
        return missing(self.adverts(source, since), INTERVAL_S)

    def wait_for_adverts(self, source: str, number: int) -> None:
        """Until it has sent this many more."""
        began = now()
        until(lambda: len(self.adverts(source, began)) >= number, PATIENCE_S, what=f"{number} adverts of {source}")


def now() -> int:
    """The clock of `Wire`: nanoseconds since the epoch."""
    return time.time_ns()
