"""BFD with Debian's keepalived both ways, among ourselves over a router, and what becomes of elections when things die."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit.bfd import PATIENCE_S, Ours, bfd_instance, start_keepalived_bfd
from tests.kit.keepalived import start_keepalived, vrrp_instance
from tests.kit.netns import Host, Net
from tests.kit.wait import until
from tests.kit.wire import Wire
from vipkeeper.vrrp.v1 import vrrp_pb2

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.timeout(300),
]

VIP, VIP2 = "192.168.200.10", "192.168.200.11"
OURS, THEIRS, GATEWAY, FAR = "192.168.200.2", "192.168.200.3", "192.168.200.1", "192.168.100.9"
OURS6, THEIRS6, GATEWAY6 = "2001:db8::2", "2001:db8::3", "2001:db8::1"
VI_1: dict[str, Any] = {
    "interface": "eth0",
    "virtual_router_id": 51,
    "priority": 150,
    "virtual_ipaddress": [{"address": VIP}],
}
B1: dict[str, Any] = {"neighbor_ip": GATEWAY, "source_ip": OURS, "min_rx": "0.02s", "min_tx": "0.02s"}
TRACKING = VI_1 | {"track_bfd": [{"name": "b1"}]}


class Lan:
    """`ours`, `theirs` and a `gateway` on one switch, and a watcher that hears everything."""

    def __init__(self, net: Net) -> None:
        bridge = net.bridge("front")
        self.net = net
        self.ours, self.theirs, self.gateway, watcher = (net.host(n) for n in ("ours", "theirs", "gateway", "watcher"))
        self.cable = self.ours.join(bridge, "eth0", f"{OURS}/24", f"{OURS6}/64")
        self.theirs.join(bridge, "eth0", f"{THEIRS}/24", f"{THEIRS6}/64")
        self.gateway.join(bridge, "eth0", f"{GATEWAY}/24", f"{GATEWAY6}/64")
        watcher.join(bridge, "eth0")
        self.wire = Wire(watcher, "eth0")

    def holders(self, address: str = VIP) -> list[str]:
        return [host.name for host in (self.ours, self.theirs) if f" {address}/" in host.ip("-4 addr show")]

    def only(self, host: Host, address: str = VIP) -> None:
        until(lambda: self.holders(address) == [host.name], PATIENCE_S, what=f"{host.name} alone holds {address}")


@pytest.fixture
def lan(tmp_path: Path) -> Iterator[Lan]:
    for parent in (tmp_path, *tmp_path.parents[:-1]):
        parent.chmod(parent.stat().st_mode | 0o011)
    with Net() as net:
        lan = Lan(net)
        with lan.wire:
            yield lan


@pytest.mark.parametrize(("ours", "gateway"), [(OURS, GATEWAY), (OURS6, GATEWAY6)], ids=["ipv4", "ipv6"])
def test_a_gateway_that_dies_moves_the_address_and_its_return_brings_it_back(
    lan: Lan, tmp_path: Path, ours: str, gateway: str
) -> None:
    start_keepalived(lan.theirs, tmp_path / "theirs", vrrp_instance(100))
    keepalived = start_keepalived_bfd(lan.gateway, tmp_path / "gateway", bfd_instance(ours, gateway))
    node = Ours(
        lan.ours, tmp_path, vrrp_instance__VI_1=TRACKING, bfd_instance__b1=B1 | {"neighbor_ip": gateway, "source_ip": ours}
    )
    node.is_up()
    lan.only(lan.ours)
    session = node.session(lambda s: not s.polling and s.detection_time.ToMilliseconds() == 100)
    assert (session.neighbor_ip, session.remote_multiplier, session.transmit_interval.ToMilliseconds()) == (gateway, 5, 20)
    keepalived.kill()
    lan.only(lan.theirs)
    session = node.session(lambda s: s.counts_as == vrrp_pb2.TRACKER_STATE_DOWN)
    assert session.last_failure == "control detection time expired"
    assert list(node.instance().faults) == ["BFD session b1 is down"]
    start_keepalived_bfd(lan.gateway, tmp_path / "gateway", bfd_instance(ours, gateway))
    lan.only(lan.ours)


def test_a_weight_changes_the_priority_on_the_wire(lan: Lan, tmp_path: Path) -> None:
    start_keepalived(lan.theirs, tmp_path / "theirs", vrrp_instance(100))
    keepalived = start_keepalived_bfd(lan.gateway, tmp_path / "gateway", bfd_instance(OURS, GATEWAY))
    tracking = VI_1 | {"track_bfd": [{"name": "b1", "weight": -60}]}
    node = Ours(lan.ours, tmp_path, vrrp_instance__VI_1=tracking, bfd_instance__b1=B1)
    node.is_up()
    lan.only(lan.ours)
    began = len(lan.wire.adverts(OURS))
    keepalived.kill()
    lan.only(lan.theirs)
    priorities = [advert.priority for advert in lan.wire.adverts(OURS)[began:]]
    assert (set(priorities) <= {150, 90}, priorities[-1]) == (True, 90)
    said = node.explain().sentences
    assert "Its priority is 90: 150 as configured, -60 by BFD session b1." in said
    down = re.compile(f"BFD session b1 with {GATEWAY} has been (DOWN|INIT) for ")  # its child may live on for a moment
    assert any(map(down.match, said)), said


def test_a_sync_group_moves_as_one_with_the_session_that_it_tracks(lan: Lan, tmp_path: Path) -> None:
    second = vrrp_instance(100, vrid=52, addresses=VIP2).replace("VI_1", "VI_2").partition("}")[2]  # without global_defs
    group = "vrrp_sync_group VG {\n group {\n VI_1\n VI_2\n }\n }\n"
    start_keepalived(lan.theirs, tmp_path / "theirs", vrrp_instance(100) + second + group)
    keepalived = start_keepalived_bfd(lan.gateway, tmp_path / "gateway", bfd_instance(OURS, GATEWAY))
    node = Ours(
        lan.ours,
        tmp_path,
        vrrp_instance__VI_1=VI_1,
        vrrp_instance__VI_2=VI_1 | {"virtual_router_id": 52, "virtual_ipaddress": [{"address": VIP2}]},
        vrrp_sync_group__VG={"group": ["VI_1", "VI_2"], "track_bfd": [{"name": "b1"}]},
        bfd_instance__b1=B1,
    )
    lan.only(lan.ours)
    lan.only(lan.ours, VIP2)
    keepalived.kill()
    lan.only(lan.theirs)
    lan.only(lan.theirs, VIP2)
    assert list(node.instance().faults) == ["BFD session b1 is down"]
    start_keepalived_bfd(lan.gateway, tmp_path / "gateway", bfd_instance(OURS, GATEWAY))
    lan.only(lan.ours)
    lan.only(lan.ours, VIP2)


@pytest.mark.parametrize(
    ("ours", "theirs", "passive"),
    [(OURS, THEIRS, False), (OURS, THEIRS, True), (OURS6, THEIRS6, False)],
    ids=["active", "passive", "ipv6"],
)
def test_keepalived_follows_our_session_and_takes_our_death_for_a_failure(
    lan: Lan, tmp_path: Path, ours: str, theirs: str, passive: bool
) -> None:
    tracking = vrrp_instance(150, more="track_bfd {\n b1\n }")
    text = bfd_instance(ours, theirs) + tracking
    node = Ours(lan.ours, tmp_path, bfd_instance__b1=B1 | {"neighbor_ip": theirs, "source_ip": ours, "passive": passive})
    keepalived = start_keepalived_bfd(lan.theirs, tmp_path / "theirs", text)
    node.is_up()
    lan.only(lan.theirs)
    node.node.kill("vrrp")
    until(lambda: lan.holders() == [], PATIENCE_S, what=keepalived.output)
    node.node.start("vrrp")
    lan.only(lan.theirs)


def test_a_declared_stop_is_no_failure_to_keepalived(lan: Lan, tmp_path: Path) -> None:
    text = bfd_instance(OURS, THEIRS) + vrrp_instance(150, more="track_bfd {\n b1\n }")
    node = Ours(lan.ours, tmp_path, bfd_instance__b1=B1 | {"neighbor_ip": THEIRS})
    keepalived = start_keepalived_bfd(lan.theirs, tmp_path / "theirs", text)
    node.is_up()
    lan.only(lan.theirs)
    assert node.node.stop("vrrp") == 0
    until(lambda: "Remote diagnostic - Administratively Down" in keepalived.output(), PATIENCE_S, what=keepalived.output)
    before = len(lan.wire.adverts(THEIRS))
    lan.wire.until(lambda: len(lan.wire.adverts(THEIRS)) >= before + 3, "keepalived stays master")
    assert lan.holders() == ["theirs"]


def test_a_bfd_process_that_is_killed_or_hangs_is_replaced_and_no_advert_is_missing(lan: Lan, tmp_path: Path) -> None:
    start_keepalived(lan.theirs, tmp_path / "theirs", vrrp_instance(100))  # the judge: it takes over when adverts are missing
    # Neighbors that only a busy machine keeps from speaking for a while are not what this is about: hence the multipliers.
    start_keepalived_bfd(lan.gateway, tmp_path / "gateway", bfd_instance(OURS, GATEWAY, multiplier=200))
    node = Ours(lan.ours, tmp_path, vrrp_instance__VI_1=TRACKING, bfd_instance__b1=B1 | {"multiplier": 200})
    node.is_up()
    lan.only(lan.ours)
    master_since = node.instance().since
    began, judged = len(lan.wire.adverts(OURS)), len(lan.wire.adverts(THEIRS))
    for number in (signal.SIGKILL, signal.SIGSTOP):
        (old,) = node.pids()
        os.kill(old, number)
        until(lambda old=old: [p for p in node.pids() if p != old], PATIENCE_S, what=node.node.logs)  # type: ignore[misc]
        session = node.session(lambda s: s.state == vrrp_pb2.BFD_STATE_UP and s.current and s.packets_received > 100)
        assert session.counts_as == vrrp_pb2.TRACKER_STATE_UP
    assert {advert.priority for advert in lan.wire.adverts(OURS)[began:]} == {150}
    assert len(lan.wire.adverts(THEIRS)) == judged
    assert node.instance().since == master_since


def test_a_machine_that_slept_hears_the_new_master_before_it_speaks_though_its_session_comes_up_first(
    lan: Lan, tmp_path: Path
) -> None:
    start_keepalived(lan.theirs, tmp_path / "theirs", vrrp_instance(100))
    start_keepalived_bfd(lan.gateway, tmp_path / "gateway", bfd_instance(OURS, GATEWAY))
    node = Ours(lan.ours, tmp_path, vrrp_instance__VI_1=TRACKING, bfd_instance__b1=B1)
    node.is_up()
    lan.only(lan.ours)
    before = len(lan.wire.adverts(THEIRS))  # it may have been master until ours was there
    node.node.freeze()
    lan.wire.until(lambda: len(lan.wire.adverts(THEIRS)) >= before + 3, "theirs takes over")
    began = len(lan.wire.adverts())
    node.node.thaw()
    lan.only(lan.theirs)
    lan.only(lan.ours)  # the better one, by election
    speakers = [advert.source for advert in lan.wire.adverts()[began:] if advert.priority]
    assert speakers.index(OURS) >= 2
    node.is_up()


def test_a_neighbor_that_dies_with_the_bfd_process_is_down_after_a_bound(lan: Lan, tmp_path: Path) -> None:
    keepalived = start_keepalived_bfd(lan.gateway, tmp_path / "gateway", bfd_instance(OURS, GATEWAY))
    node = Ours(lan.ours, tmp_path, vrrp_instance__VI_1=TRACKING, bfd_instance__b1=B1)
    node.is_up()
    lan.only(lan.ours)
    (pid,) = node.pids()
    os.kill(pid, signal.SIGKILL)
    keepalived.kill()
    node.session(lambda s: s.counts_as == vrrp_pb2.TRACKER_STATE_DOWN)
    until(lambda: lan.holders() == [], PATIENCE_S, what=node.node.logs)


def test_the_session_outlives_the_engine_and_the_agent(lan: Lan, tmp_path: Path) -> None:
    start_keepalived_bfd(lan.gateway, tmp_path / "gateway", bfd_instance(OURS, GATEWAY, multiplier=200))
    node = Ours(lan.ours, tmp_path, vrrp_instance__VI_1=TRACKING, bfd_instance__b1=B1 | {"multiplier": 200})
    before = node.is_up()
    lan.only(lan.ours)
    for word in ("engine/process.py", "services.vrrp.agent"):
        (old,) = node.node.pids("vrrp", word)
        os.kill(old, signal.SIGKILL)
        until(lambda old=old, word=word: [p for p in node.node.pids("vrrp", word) if p != old], PATIENCE_S)  # type: ignore[misc]
        session = node.session(lambda s: s.current and s.packets_received > before.packets_received)
        assert (session.local_discriminator, session.downs, session.counts_as) == (
            before.local_discriminator,
            0,
            vrrp_pb2.TRACKER_STATE_UP,
        )
    assert lan.holders() == ["ours"]


def test_the_process_runs_on_the_processors_that_it_is_given(lan: Lan, tmp_path: Path) -> None:
    node = Ours(lan.ours, tmp_path, bfd_instance__b1=B1, **{"global": {"bfd_cpu_affinity": [0]}})
    until(lambda: [os.sched_getaffinity(pid) for pid in node.pids()] == [{0}], PATIENCE_S, what=node.node.logs)
    node.configure(bfd_instance__b1=B1)
    until(
        lambda: [os.sched_getaffinity(pid) for pid in node.pids()] == [os.sched_getaffinity(0)], PATIENCE_S, what=node.node.logs
    )


def test_the_process_is_there_exactly_while_a_session_is_configured(lan: Lan, tmp_path: Path) -> None:
    node = Ours(lan.ours, tmp_path, vrrp_instance__VI_1=VI_1)
    lan.only(lan.ours)
    assert node.pids() == []
    node.configure(vrrp_instance__VI_1=VI_1, bfd_instance__b1=B1)
    until(node.pids, PATIENCE_S, what=node.node.logs)
    session = node.session(lambda s: s.state == vrrp_pb2.BFD_STATE_DOWN)
    assert session.counts_as == vrrp_pb2.TRACKER_STATE_DOWN
    node.configure(vrrp_instance__VI_1=VI_1)
    until(lambda: node.pids() == [] and node.sessions() == [], PATIENCE_S, what=node.node.logs)


def behind_the_gateway(lan: Lan) -> Host:
    """A host on another network, with routes both ways."""
    far = lan.net.host("far")
    back = lan.net.bridge("back")
    lan.gateway.join(back, "eth1", "192.168.100.1/24")
    far.join(back, "eth0", f"{FAR}/24")
    lan.gateway.sysctl("net.ipv4.ip_forward", 1)
    lan.ours.ip(f"route add 192.168.100.0/24 via {GATEWAY}")
    far.ip("route add 192.168.200.0/24 via 192.168.100.1")
    return far


def test_max_hops_lets_a_session_with_keepalived_pass_a_router(lan: Lan, tmp_path: Path) -> None:
    far = behind_the_gateway(lan)
    start_keepalived_bfd(far, tmp_path / "far", bfd_instance(OURS, FAR, more="max_hops 1"))
    there = {"neighbor_ip": FAR, "source_ip": OURS}
    node = Ours(lan.ours, tmp_path, bfd_instance__b1=there)
    assert node.session(lambda s: s.rejected.get("ttl", 0) > 1).state == vrrp_pb2.BFD_STATE_DOWN
    node.configure(bfd_instance__b1=there | {"max_hops": 1})
    node.is_up()


def test_sessions_over_a_router_need_multihop_on_both_sides(lan: Lan, tmp_path: Path) -> None:
    far = behind_the_gateway(lan)
    there = {"neighbor_ip": FAR, "source_ip": OURS}
    here = {"neighbor_ip": OURS, "source_ip": FAR}
    near = Ours(lan.ours, tmp_path, bfd_instance__b1=there | {"multihop": True, "max_hops": 1})
    away = Ours(far, tmp_path, bfd_instance__b1=here | {"multihop": True})
    assert near.is_up().multihop
    assert away.is_up().multihop
    near.configure(bfd_instance__b1=there)
    away.configure(bfd_instance__b1=here)
    assert near.session(lambda s: s.rejected.get("ttl", 0) > 1).state == vrrp_pb2.BFD_STATE_DOWN


def test_a_source_address_may_come_later(lan: Lan, tmp_path: Path) -> None:
    start_keepalived_bfd(lan.gateway, tmp_path / "gateway", bfd_instance("192.168.200.20", GATEWAY))
    node = Ours(lan.ours, tmp_path, bfd_instance__b1=B1 | {"source_ip": "192.168.200.20"})
    assert node.session(lambda s: s.send_errors > 0).trouble == "Cannot assign requested address"
    lan.ours.ip("address add 192.168.200.20/24 dev eth0")
    assert node.is_up().trouble == ""


def test_a_cut_cable_is_noticed_on_both_sides_while_interfaces_stay_up(lan: Lan, tmp_path: Path) -> None:
    text = bfd_instance(OURS, THEIRS) + vrrp_instance(150, more="track_bfd {\n b1\n }")
    start_keepalived_bfd(lan.theirs, tmp_path / "theirs", text)
    node = Ours(lan.ours, tmp_path, bfd_instance__b1=B1 | {"neighbor_ip": THEIRS})
    node.is_up()
    lan.only(lan.theirs)
    lan.cable.cut()
    until(lambda: lan.holders() == [], PATIENCE_S)
    assert node.session(lambda s: s.downs).diagnostic == "control detection time expired"
    lan.cable.heal()
    node.is_up()
    lan.only(lan.theirs)
