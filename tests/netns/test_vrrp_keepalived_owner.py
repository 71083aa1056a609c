"""Owners and strict routers, ours and Debian's keepalived: who yields to whom, and who gives way to a rogue."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit.engine import Engine, Objects, instance
from tests.kit.keepalived import start_keepalived, vrrp_instance
from tests.kit.netns import Host, Net
from tests.kit.wait import until
from tests.kit.wire import Wire

pytestmark = [pytest.mark.netns, pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")]

VIP, THEIRS = "192.168.200.10", "192.168.200.3"
V3 = {"version": 3, "advert_int": 200_000_000}
LOWER, HIGHER = "192.168.200.2", "192.168.200.4"


class Lan:
    """`ours`, which gets its address later, `theirs` (.3), and a watcher that hears everything."""

    def __init__(self, net: Net) -> None:
        bridge = net.bridge("front")
        self.ours, self.theirs, watcher = net.host("ours"), net.host("theirs"), net.host("watcher")
        self.ours.join(bridge, "eth0")
        self.theirs.join(bridge, "eth0", f"{THEIRS}/24")
        watcher.join(bridge, "eth0")
        self.wire = Wire(watcher, "eth0")

    def only(self, host: Host) -> None:
        hosts = self.ours, self.theirs
        until(lambda: [h for h in hosts if f" {VIP}/" in h.ip("addr show")] == [host], what=f"{host.name} alone holds it")


@pytest.fixture
def lan() -> Iterator[Lan]:
    with Net() as net:
        lan = Lan(net)
        with lan.wire:
            yield lan


def ours(priority: int, **more: Any) -> Objects:
    return {("vrrp_instance", "VI_1"): instance(priority=priority, **(V3 | more))}


@pytest.mark.parametrize("address", [LOWER, HIGHER])
def test_of_two_owners_one_stays_master(lan: Lan, tmp_path: Path, address: str) -> None:
    """keepalived 2.2.7 gives way at once, whichever address is higher."""
    lan.ours.ip(f"addr add {address}/24 dev eth0")
    start_keepalived(lan.theirs, tmp_path / "ka", vrrp_instance(255, 3, "0.2"))
    lan.only(lan.theirs)
    with Engine(lan.ours, ours(255)) as engine:
        engine.reaches("MASTER")
        lan.only(lan.ours)
        before = len(lan.wire.adverts(THEIRS))
        sent = len(lan.wire.adverts(address))
        lan.wire.until(lambda: len(lan.wire.adverts(address)) >= sent + 10, "ours goes on")
        assert len(lan.wire.adverts(THEIRS)) == before
        assert engine.state() == "MASTER"


def test_ours_gives_way_to_a_deaf_owner_and_is_back_when_it_is_gone(lan: Lan, tmp_path: Path) -> None:
    lan.ours.ip(f"addr add {HIGHER}/24 dev eth0")
    rules = "table inet deaf {\nchain in {\ntype filter hook input priority 0;\nip protocol 112 drop;\n}\n}\n"
    lan.theirs.run(["nft", "-f", "-"], input=rules)
    keepalived = start_keepalived(lan.theirs, tmp_path / "ka", vrrp_instance(255, 3, "0.2"))
    lan.only(lan.theirs)
    with Engine(lan.ours, ours(255)) as engine:
        engine.reaches("MASTER")
        view = engine.reaches("BACKUP")
        assert view["cause"] == f"{THEIRS} has priority 255 too, and does not yield to the higher address"
        lan.only(lan.theirs)
        keepalived.kill()
        engine.reaches("MASTER")


@pytest.mark.parametrize("version", [2, 3])
def test_strict_ones_elect_one_master_and_answer_nobody_of_lower_priority(lan: Lan, tmp_path: Path, version: int) -> None:
    lan.ours.ip(f"addr add {LOWER}/24 dev eth0")
    interval = 1_000_000_000 if version == 2 else 200_000_000
    settings = {"version": version, "advert_int": interval, "strict_mode": True}
    text = vrrp_instance(100, version, "1" if version == 2 else "0.2", more="strict_mode")
    with Engine(lan.ours, ours(150, **settings)) as engine:
        engine.reaches("MASTER")
        keepalived = start_keepalived(lan.theirs, tmp_path / "worse", text)
        before = len(lan.wire.adverts(LOWER))
        lan.wire.until(lambda: len(lan.wire.adverts(LOWER)) >= before + 8, "ours goes on")
        assert lan.wire.adverts(THEIRS) == []
        lan.only(lan.ours)
        engine.kill()
        lan.wire.until(lambda: lan.wire.adverts(THEIRS), "theirs takes over")
        engine.views.clear()
        engine.start()
        engine.reaches("MASTER")
        lan.only(lan.ours)
        keepalived.terminate()
        assert engine.state() == "MASTER"
