"""Our engine and FRRouting's vrrpd elect one master, over IPv4 and IPv6, whichever is better, killed or stopped."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.kit.engine import Engine, Objects, instance
from tests.kit.frr import Frr
from tests.kit.netns import Host, Net
from tests.kit.wait import until
from tests.kit.wire import Frame, Wire

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.timeout(300),
]


class Case(NamedTuple):
    """A family's virtual address and the two ends of adverts."""

    family: int
    address: str
    prefix: int
    ours: str
    theirs: str


CASES = {
    "IPv4": Case(4, "192.168.200.10", 24, "192.168.200.2", "192.168.200.3"),
    "IPv6": Case(6, "2001:db8::10", 64, "fe80::ff:fe00:2", "fe80::200:5eff:fe00:233"),
}


class Lan:
    """`ours` (.2) and `theirs` (.3), and a wire that hears everything."""

    def __init__(self, net: Net) -> None:
        bridge = net.bridge("front")
        self.ours, self.theirs, watcher = net.host("ours"), net.host("theirs"), net.host("watcher")
        self.ours.join(bridge, "eth0", "192.168.200.2/24", "2001:db8::2/64", mac="02:00:00:00:00:02")
        self.theirs.join(bridge, "eth0", "192.168.200.3/24", "2001:db8::3/64", mac="02:00:00:00:00:03")
        watcher.join(bridge, "eth0")
        self.wire = Wire(watcher, "eth0")

    def adverts(self, source: str) -> list[Frame]:
        return self.wire.adverts(source)


@pytest.fixture
def lan() -> Iterator[Lan]:
    with Net() as net:
        lan = Lan(net)
        with lan.wire:
            yield lan


def objects(case: Case, priority: int) -> Objects:
    value = instance(priority=priority, version=3, advert_int=200_000_000, addresses=[f"{case.address}/{case.prefix}"])
    return {("vrrp_instance", "VI_1"): value}


def holds(host: Host, case: Case) -> bool:
    return f" {case.address}/" in host.ip("addr show dev eth0")


@pytest.mark.parametrize("name", CASES)
def test_one_master_whoever_is_better_and_whoever_goes(lan: Lan, open_folder: Path, name: str) -> None:
    case = CASES[name]
    frr = Frr(lan.theirs, open_folder / "frr", {case.family: f"{case.address}/{case.prefix}"})
    theirs = frr.start(150)
    with Engine(lan.ours, objects(case, 100)) as engine:
        lan.wire.until(lambda: lan.adverts(case.theirs), "FRR is master")
        until(
            lambda: engine.state() == "BACKUP" and engine.views["instance", "VI_1"]["master_priority"] == 150,
            what=lambda: f"ours hears FRR: {engine.views}",
        )
        theirs.kill()
        assert f"no advert from {case.theirs}" in engine.reaches("MASTER")["cause"]
        until(lambda: holds(lan.ours, case), what="ours holds the address")
        theirs = frr.start(150)
        assert f"{case.theirs} has priority 150" in engine.reaches("BACKUP")["cause"]
        until(lambda: frr.holds(case.family) and not holds(lan.ours, case), what="FRR alone holds the address")
        theirs.terminate()  # FRR says priority 0 when it stops as master
        engine.reaches("MASTER")
        theirs = frr.start(50)
        sent = len(lan.adverts(case.ours))
        lan.wire.until(lambda: len(lan.adverts(case.ours)) >= sent + 10, "FRR hears ours")
        until(lambda: not frr.holds(case.family), what="FRR is backup")
        engine.poll()
        assert engine.state() == "MASTER"
        assert engine.views["counters", "VI_1"]["rejected"] == {}
        before = len(lan.adverts(case.theirs))
        engine.signal(signal.SIGTERM)
        assert engine.wait() == 0
        lan.wire.until(lambda: len(lan.adverts(case.theirs)) > before, "FRR takes over")
        assert lan.adverts(case.ours)[-1].priority == 0
        until(lambda: frr.holds(case.family) and not holds(lan.ours, case), what="FRR alone holds the address")
