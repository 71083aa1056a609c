"""Our engine and Debian's keepalived on one network: one election, whichever of them is better, stopped or killed."""

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

pytestmark = [pytest.mark.netns, pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")]

VIP = "192.168.200.10"
PASS = {"authentication": {"auth_type": "pass", "auth_pass": "secret12"}}
PASS_TEXT = "authentication {\n auth_type PASS\n auth_pass secret12\n }"
VERSIONS = {
    "v2-pass": (2, "1", PASS_TEXT, {"version": 2, "advert_int": 1_000_000_000, **PASS}),
    "v3": (3, "0.2", "", {"version": 3, "advert_int": 200_000_000}),
}


class Lan:
    """`ours` (.2), `theirs` (.3), and a watcher that hears everything."""

    def __init__(self, net: Net) -> None:
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


@pytest.mark.parametrize("case", VERSIONS)
def test_ours_is_better_and_yields_only_when_killed_or_stopped(lan: Lan, tmp_path: Path, case: str) -> None:
    version, advert_int, text, settings = VERSIONS[case]
    start_keepalived(lan.theirs, tmp_path / "ka", vrrp_instance(100, version, advert_int, more=text))
    with Engine(lan.ours, ours(150, settings)) as engine:
        engine.reaches("MASTER")
        lan.only(lan.ours)
        engine.kill()
        lan.wire.until(lambda: lan.wire.adverts("192.168.200.3"), "keepalived takes over from a killed master")
    with Engine(lan.ours, ours(150, settings)) as engine:
        engine.reaches("MASTER")
        lan.only(lan.ours)
        before = len(lan.wire.adverts("192.168.200.3"))
        engine.signal(signal.SIGTERM)
        assert engine.wait() == 0
        lan.wire.until(lambda: len(lan.wire.adverts("192.168.200.3")) > before, "keepalived takes over from a stopped one")
        assert lan.wire.adverts("192.168.200.2")[-1].priority == 0
        lan.only(lan.theirs)


@pytest.mark.parametrize("case", VERSIONS)
def test_theirs_is_better_and_ours_takes_over_when_it_is_killed_or_stopped(lan: Lan, tmp_path: Path, case: str) -> None:
    version, advert_int, text, settings = VERSIONS[case]
    config = vrrp_instance(150, version, advert_int, more=text)
    keepalived = start_keepalived(lan.theirs, tmp_path / "ka", config)
    with Engine(lan.ours, ours(100, settings)) as engine:
        lan.only(lan.theirs)
        view = engine.reaches("BACKUP")
        until(lambda: engine.state() == "BACKUP" and engine.views["instance", "VI_1"]["master_priority"] == 150)
        keepalived.kill()
        view = engine.reaches("MASTER")
        assert "no advert from 192.168.200.3" in view["cause"]
        keepalived = start_keepalived(lan.theirs, tmp_path / "ka", config)
        engine.reaches("BACKUP")
        lan.only(lan.theirs)
        keepalived.terminate()
        assert "released it" in engine.reaches("MASTER")["cause"]
        lan.only(lan.ours)
        assert len(lan.wire.gratuitous_arps(VIP)) >= 5
        assert not engine.views["counters", "VI_1"]["rejected"]


def test_a_killed_engine_is_master_again_before_keepalived_takes_over(lan: Lan, tmp_path: Path) -> None:
    version, advert_int, text, settings = VERSIONS["v2-pass"]
    start_keepalived(lan.theirs, tmp_path / "ka", vrrp_instance(100, version, advert_int, more=text))
    with Engine(lan.ours, ours(150, settings | {"state": "master"})) as engine:
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
    version, advert_int, text, settings = VERSIONS["v2-pass"]
    start_keepalived(lan.theirs, tmp_path / "ka", vrrp_instance(100, version, advert_int, more=text))
    wrong = settings | {"authentication": {"auth_type": "pass", "auth_pass": "other"}}
    lan.only(lan.theirs)
    with Engine(lan.ours, ours(50, wrong)) as engine:
        engine.reaches("MASTER")
        until(lambda: engine.state() == "MASTER" and _rejected(engine).get("auth_failure", 0) > 3, what="rejections counted")


def _rejected(engine: Engine) -> dict[str, int]:
    counters = engine.views.get(("counters", "VI_1"))
    return dict(counters["rejected"]) if counters else {}
