"""Our engine and Debian's keepalived on one network: what is beyond the forms of adverts (tests/interop)."""

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

VIP = "192.168.200.10"
PASS = {"authentication": {"auth_type": "pass", "auth_pass": "secret12"}}
PASS_TEXT = "authentication {\n auth_type PASS\n auth_pass secret12\n }"
SETTINGS = {"version": 2, "advert_int": 1_000_000_000, **PASS}


class Lan:
    """`ours` (.2), `theirs` (.3), and a watcher that hears everything."""

    def __init__(self, net: Net) -> None:
        self.net = net
        bridge = net.bridge("front")
        self.ours, self.theirs, watcher = net.host("ours"), net.host("theirs"), net.host("watcher")
        self.ours.join(bridge, "eth0", "192.168.200.2/24")
        self.theirs.join(bridge, "eth0", "192.168.200.3/24")
        watcher.join(bridge, "eth0")
        self.wire = Wire(watcher, "eth0")

    def holders(self) -> list[Host]:
        return [host for host in (self.ours, self.theirs) if f" {VIP}/" in host.ip("-4 addr show")]

    def only(self, host: Host) -> None:
        until(lambda: self.holders() == [host], what=f"{host.name} alone holds the address")


@pytest.fixture
def lan() -> Iterator[Lan]:
    with Net() as net:
        lan = Lan(net)
        with lan.wire:
            yield lan


def ours(priority: int, settings: dict[str, Any]) -> Objects:
    return {("vrrp_instance", "VI_1"): instance(priority=priority, **settings)}


def test_a_killed_engine_is_master_again_before_keepalived_takes_over(lan: Lan, tmp_path: Path) -> None:
    start_keepalived(lan.theirs, tmp_path / "ka", vrrp_instance(100, 2, "1", more=PASS_TEXT))
    with Engine(lan.ours, ours(150, SETTINGS | {"state": "master"})) as engine:
        engine.reaches("MASTER")
        lan.only(lan.ours)
        before = len(lan.wire.adverts("192.168.200.3"))
        engine.kill()
        engine.start()
        sent = len(lan.wire.adverts("192.168.200.2"))
        lan.wire.until(lambda: len(lan.wire.adverts("192.168.200.2")) >= sent + 5, "adverts go on")
        assert len(lan.wire.adverts("192.168.200.3")) == before
        assert lan.holders() == [lan.ours]


def test_with_another_password_neither_listens_to_the_other(lan: Lan, tmp_path: Path) -> None:
    start_keepalived(lan.theirs, tmp_path / "ka", vrrp_instance(100, 2, "1", more=PASS_TEXT))
    wrong = SETTINGS | {"authentication": {"auth_type": "pass", "auth_pass": "other"}}
    lan.only(lan.theirs)
    with Engine(lan.ours, ours(50, wrong)) as engine:
        engine.reaches("MASTER")
        # Two, not more: keepalived 2.2.7 falls silent while adverts with a wrong password keep coming.
        until(lambda: engine.state() == "MASTER" and _rejected(engine).get("auth_failure", 0) >= 2, what="rejections counted")


GROUP_OF_TWO = """
vrrp_sync_group VG_1 {
    group {
        VI_1
        VI_2
    }
}
vrrp_instance VI_2 {
    state BACKUP
    interface eth1
    virtual_router_id 52
    priority 100
    advert_int 1
    virtual_ipaddress {
        192.168.100.10
    }
}
"""


def test_a_sync_group_moves_as_one_between_ours_and_theirs(lan: Lan, tmp_path: Path) -> None:
    back = lan.net.bridge("back")
    cable = lan.ours.join(back, "eth1", "192.168.100.2/24")
    lan.theirs.join(back, "eth1", "192.168.100.3/24")
    start_keepalived(lan.theirs, tmp_path / "ka", vrrp_instance(100) + GROUP_OF_TWO)
    objects: Objects = {
        ("vrrp_instance", "VI_1"): instance(priority=150, state="master"),
        ("vrrp_instance", "VI_2"): instance("eth1", 52, priority=150, state="master", addresses=["192.168.100.10"]),
        ("vrrp_sync_group", "VG_1"): {"group": ["VI_1", "VI_2"]},
    }

    def both_on(host: Host) -> bool:
        return [h for h in (lan.ours, lan.theirs) if " 192.168.100.10/" in h.ip("-4 addr show")] == [host]

    with Engine(lan.ours, objects) as engine:
        engine.reaches("MASTER")
        engine.reaches("MASTER", "VI_2")
        lan.only(lan.ours)
        until(lambda: both_on(lan.ours), what="the second address is on the same side")
        cable.unplug()
        assert engine.reaches("FAULT")["faults"] == ["VI_2 of sync group VG_1: interface eth1 is down"]
        lan.only(lan.theirs)
        until(lambda: both_on(lan.theirs), what="the second address moves along")
        cable.plug()
        engine.reaches("MASTER")
        engine.reaches("MASTER", "VI_2")
        lan.only(lan.ours)
        until(lambda: both_on(lan.ours), what="the second address comes back along")
        assert [t["to"] for t in engine.transitions if t["kind"] == "group"] == [
            "BACKUP",
            "MASTER",
            "FAULT",
            "BACKUP",
            "MASTER",
        ]


def _rejected(engine: Engine) -> dict[str, int]:
    counters = engine.views.get(("counters", "VI_1"))
    return dict(counters["rejected"]) if counters else {}
