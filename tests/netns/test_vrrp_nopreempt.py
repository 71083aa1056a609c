"""nopreempt beside keepalived: whoever is master stays, whoever reboots, and whatever its priority becomes meanwhile."""

from __future__ import annotations

import os
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

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.timeout(240),
]

VIP = "192.168.200.10"
FAST: dict[str, Any] = {"version": 3, "advert_int": 200_000_000, "garp_master_delay": 500_000_000, "nopreempt": True}


class Lan:
    """`ours` (.2), `theirs` (.3), and a watcher that hears everything."""

    def __init__(self, net: Net) -> None:
        bridge = net.bridge("front")
        self.ours, self.theirs, watcher = net.host("ours"), net.host("theirs"), net.host("watcher")
        self.ours.join(bridge, "eth0", "192.168.200.2/24")
        self.theirs.join(bridge, "eth0", "192.168.200.3/24")
        watcher.join(bridge, "eth0")
        self.wire = Wire(watcher, "eth0")

    def only(self, host: Host) -> None:
        both = (self.ours, self.theirs)
        until(lambda: [h for h in both if f" {VIP}/" in h.ip("-4 address")] == [host], what=f"{host.name} alone holds it")

    def speaks(self, source: str, more: int = 5) -> None:
        """So many more adverts of this router, and none of any other, come."""
        seen = len(self.wire.adverts())
        self.wire.until(lambda: len(self.wire.adverts()) >= seen + more, "adverts")
        assert {frame.source for frame in self.wire.adverts()[seen:]} == {source}


@pytest.fixture
def lan() -> Iterator[Lan]:
    with Net() as net:
        lan = Lan(net)
        with lan.wire:
            yield lan


def one(priority: int, **more: Any) -> Objects:
    found: Objects = {("vrrp_instance", "VI_1"): instance(priority=priority, **(FAST | more))}
    if "track_script" in more:
        found["vrrp_script", "chk"] = {"script": "/bin/true", "interval": 1_000_000_000, "weight": 60, "rise": 1, "fall": 1}
    return found


@pytest.mark.parametrize("priority", [150, 100])
def test_a_better_or_equal_router_of_ours_that_comes_back_leaves_keepalived_alone(
    lan: Lan, tmp_path: Path, priority: int
) -> None:
    theirs = vrrp_instance(100, 3, "0.2", more="nopreempt")
    keepalived = start_keepalived(lan.theirs, tmp_path / "one", theirs)
    lan.only(lan.theirs)
    for ended in (signal.SIGTERM, signal.SIGKILL):
        with Engine(lan.ours, one(priority)) as engine:
            engine.reaches("BACKUP")
            until(lambda: engine.state() == "BACKUP" and engine.views["instance", "VI_1"]["master_priority"] == 100)
            lan.speaks("192.168.200.3")
            assert engine.state() == "BACKUP"
            engine.signal(ended)
            engine.wait()
    with Engine(lan.ours, one(priority)) as engine:
        engine.reaches("BACKUP")
        keepalived.terminate()
        engine.reaches("MASTER")
        lan.only(lan.ours)
        start_keepalived(lan.theirs, tmp_path / "two", theirs.replace("priority 100", "priority 200"))
        lan.speaks("192.168.200.2", 10)
        assert engine.state() == "MASTER"


def test_a_backup_whose_priority_rises_waits_until_the_master_is_gone(lan: Lan, tmp_path: Path) -> None:
    keepalived = start_keepalived(lan.theirs, tmp_path, vrrp_instance(100, 3, "0.2", more="nopreempt"))
    lan.only(lan.theirs)
    with Engine(lan.ours, one(90, track_script=[{"name": "chk"}])) as engine:
        engine.agent.send({"do": "script", "name": "chk", "ok": False})
        engine.reaches("BACKUP")
        engine.agent.send({"do": "script", "name": "chk", "ok": True})
        until(lambda: engine.state() == "BACKUP" and engine.views["instance", "VI_1"]["effective_priority"] == 150)
        lan.speaks("192.168.200.3")
        assert engine.state() == "BACKUP"
        keepalived.terminate()
        engine.reaches("MASTER")
        lan.only(lan.ours)
