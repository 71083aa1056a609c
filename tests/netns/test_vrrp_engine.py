"""The engine on a real network: who holds the address, what is on the wire, what survives a kill."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kit.engine import Engine, Objects, instance
from tests.kit.netns import Cable, Host, Net
from tests.kit.wait import until
from tests.kit.wire import Wire

pytestmark = [pytest.mark.netns, pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")]

VIP = "192.168.200.10"
FAST = {"version": 3, "advert_int": 100_000_000, "garp_master_delay": 500_000_000}


class Lan:
    """Hosts a (.2) and b (.3), and a watcher that hears everything."""

    def __init__(self, net: Net) -> None:
        self.net = net
        self.bridge = net.bridge("front")
        self.a, self.b = net.host("a"), net.host("b")
        self.cables: dict[str, Cable] = {
            "a": self.a.join(self.bridge, "eth0", "192.168.200.2/24"),
            "b": self.b.join(self.bridge, "eth0", "192.168.200.3/24"),
        }
        watcher = net.host("watcher")
        watcher.join(self.bridge, "eth0")
        self.wire = Wire(watcher, "eth0")


@pytest.fixture
def lan() -> Iterator[Lan]:
    with Net() as net:
        lan = Lan(net)
        with lan.wire:
            yield lan


def one(priority: int, **more: Any) -> Objects:
    return {("vrrp_instance", "VI_1"): instance(priority=priority, **(FAST | more))}


def holds(host: Host, address: str = VIP) -> bool:
    return f" {address}/" in host.ip("-4 addr show")


def only_holder(lan: Lan, host: Host) -> bool:
    return [h for h in (lan.a, lan.b) if holds(h)] == [host]


def test_the_higher_priority_holds_the_address_and_announces_it(lan: Lan) -> None:
    with Engine(lan.a, one(150)) as a, Engine(lan.b, one(100)) as b:
        a.reaches("MASTER")
        b.reaches("BACKUP")
        until(lambda: only_holder(lan, lan.a), what="a alone holds the address")
        lan.wire.until(lambda: len(lan.wire.gratuitous_arps(VIP)) >= 10, "two bursts of five announcements")
        first = lan.wire.gratuitous_arps(VIP)[0]
        assert lan.wire.adverts()[0].at <= first.at
        assert first.data[:6] == b"\xff" * 6


def test_an_advert_of_version_2_with_password_is_keepaliveds_byte_for_byte(lan: Lan) -> None:
    objects: Objects = {
        ("vrrp_instance", "VI_1"): instance(
            vrid=51,
            priority=100,
            state="master",
            addresses=["192.0.2.10"],
            authentication={"auth_type": "pass", "auth_pass": "secret123"},
        )
    }
    host = lan.net.host("golden")
    host.join(lan.bridge, "eth0", "192.0.2.1/24")
    with Engine(host, objects):
        lan.wire.until(lambda: lan.wire.adverts("192.0.2.1"), "an advert")
        golden = "45c0002800010000ff701891c0000201e0000012213364010101" + "4a41c000020a7365637265743132"
        assert lan.wire.adverts("192.0.2.1")[0].packet.hex() == golden


def test_the_backup_takes_over_from_a_stopped_master_at_once(lan: Lan) -> None:
    with Engine(lan.a, one(150)) as a, Engine(lan.b, one(100)) as b:
        a.reaches("MASTER")
        b.reaches("BACKUP")
        a.signal(signal.SIGTERM)
        assert a.wait() == 0
        assert not holds(lan.a)
        view = b.reaches("MASTER")
        assert "released it (priority 0)" in view["cause"]
        assert [f.priority for f in lan.wire.adverts("192.168.200.2")][-1] == 0
        assert a.says("transition", to="STOP")["from"] == "MASTER"
        a.says("stopped")
        until(lambda: only_holder(lan, lan.b), what="b alone holds the address")


def test_an_engine_without_its_launcher_stops_as_declared(lan: Lan) -> None:
    with Engine(lan.a, one(150)) as a:
        a.reaches("MASTER")
        until(lambda: holds(lan.a), what="a holds the address")
        a.control.close()
        assert a.wait() == 0
        assert not holds(lan.a)
        assert lan.wire.adverts()[-1].priority == 0


def test_an_engine_that_is_to_leave_all_to_its_successor_leaves_all(lan: Lan) -> None:
    with Engine(lan.a, one(150, advert_int=1_000_000_000), orphan="leave") as a:  # time enough to start on a busy machine
        a.reaches("MASTER")
        until(lambda: holds(lan.a), what="a holds the address")
        a.control.close()
        assert a.wait() == 3
        assert holds(lan.a)
        assert lan.wire.adverts()[-1].priority == 150
        a.start()
        assert a.says("ready", pid=a.pid)["resumed"] == ["VI_1"]


def test_the_better_master_comes_back(lan: Lan) -> None:
    with Engine(lan.a, one(150)) as a, Engine(lan.b, one(100)) as b:
        a.reaches("MASTER")
        a.kill()
        b.reaches("MASTER")
        with Engine(lan.a, one(150)) as again:
            again.reaches("MASTER")
            b.reaches("BACKUP")
            until(lambda: only_holder(lan, lan.a), what="a alone holds the address again")


def test_a_killed_engine_is_back_as_master_before_anybody_takes_over(lan: Lan) -> None:
    slow = {"advert_int": 1_000_000_000}
    with Engine(lan.a, one(150, **slow, state="master")) as a, Engine(lan.b, one(100, **slow)) as b:
        a.reaches("MASTER")
        b.reaches("BACKUP")
        until(lambda: holds(lan.a), what="a holds the address")
        for _ in range(3):
            before = len(lan.wire.adverts("192.168.200.2"))
            a.kill()
            assert holds(lan.a)
            a.views.clear()
            a.start()
            assert a.says("ready", pid=a.pid)["resumed"] == ["VI_1"]
            lan.wire.until(lambda n=before: len(lan.wire.adverts("192.168.200.2")) >= n + 5, "five more adverts")
            assert a.state() == "MASTER"
        assert b.state() == "BACKUP"
        assert not lan.wire.adverts("192.168.200.3")
        assert only_holder(lan, lan.a)
        assert [t["to"] for t in a.transitions] == ["BACKUP", "MASTER"]


def test_a_killed_engine_resumes_ipv6_and_unicast_too(lan: Lan) -> None:
    slow = FAST | {"advert_int": 1_000_000_000, "state": "master", "priority": 150}
    both: Objects = {
        ("vrrp_instance", "SIX"): instance(addresses=["fe80::10", "2001:db8::10/64"], **slow),
        ("vrrp_instance", "UNICAST"): instance(unicast_peer=[{"address": "192.168.200.3"}], **slow),
    }
    with Engine(lan.a, both) as a:
        for name in ("SIX", "UNICAST"):
            a.reaches("MASTER", name)
        until(lambda: holds(lan.a) and " 2001:db8::10/" in lan.a.ip("-6 addr show"), what="a holds the addresses")
        a.kill()
        a.start()
        assert sorted(a.says("ready", pid=a.pid)["resumed"]) == ["SIX", "UNICAST"]
        assert a.reaches("MASTER", "SIX")["master_address"].startswith("fe80::")
        assert holds(lan.a)
        a.signal(signal.SIGTERM)
        assert a.wait() == 0
        assert "2001:db8::10" not in lan.a.ip("-6 addr show")


def test_an_engine_that_was_away_for_long_listens_first_and_gives_leftovers_back(lan: Lan) -> None:
    with Engine(lan.a, one(150, nopreempt=True)) as a:
        a.reaches("MASTER")
        until(lambda: holds(lan.a), what="a holds the address")
        with Engine(lan.b, one(100)) as b:
            b.reaches("BACKUP")
            a.kill()
            b.reaches("MASTER")
            before = len(lan.wire.adverts("192.168.200.2"))
            a.views.clear()
            a.start()
            a.reaches("BACKUP")
            until(lambda: only_holder(lan, lan.b), what="the leftover address is removed")
            assert len(lan.wire.adverts("192.168.200.2")) == before


def test_a_frozen_master_that_wakes_up_late_listens_before_it_speaks(lan: Lan) -> None:
    with Engine(lan.a, one(150, nopreempt=True)) as a:
        a.reaches("MASTER")
        with Engine(lan.b, one(100)) as b:
            b.reaches("BACKUP")
            a.signal(signal.SIGSTOP)
            b.reaches("MASTER")
            before = len(lan.wire.adverts("192.168.200.2"))
            a.signal(signal.SIGCONT)
            view = a.reaches("BACKUP")
            assert "a peer may have taken over" in view["cause"]
            assert len(lan.wire.adverts("192.168.200.2")) == before
            until(lambda: only_holder(lan, lan.b), what="b alone holds the address")


def test_a_backup_that_heard_nothing_while_it_slept_waits_for_the_next_advert(lan: Lan) -> None:
    slow = {"advert_int": 2_000_000_000}
    with Engine(lan.a, one(150, **slow)) as a, Engine(lan.b, one(100, **slow)) as b:
        a.reaches("MASTER")
        b.reaches("BACKUP")
        lan.wire.until(lambda: len(lan.wire.adverts("192.168.200.2")) >= 2, "adverts")
        b.signal(signal.SIGSTOP)
        lan.cables["b"].cut()  # as on a machine that is suspended with its network card
        deaf_until = time.monotonic() + 6.5  # it would take over after 7.2 s of silence
        until(lambda: time.monotonic() > deaf_until, what="it slept")
        lan.cables["b"].heal()
        b.signal(signal.SIGCONT)
        said = len(lan.wire.adverts("192.168.200.2"))
        lan.wire.until(lambda: len(lan.wire.adverts("192.168.200.2")) >= said + 3, "adverts")
        b.poll()
        assert [t["to"] for t in b.transitions] == ["BACKUP"]
        assert not holds(lan.b)


def test_an_address_that_somebody_removes_comes_back(lan: Lan) -> None:
    with Engine(lan.a, one(150)) as a:
        a.reaches("MASTER")
        until(lambda: holds(lan.a), what="a holds the address")
        lan.a.ip(f"addr del {VIP}/32 dev eth0")
        a.says("transition", to="BACKUP", cause=f"somebody removed {VIP}: takes everything again")
        until(lambda: holds(lan.a), what="the address is back")
        a.reaches("MASTER")
        assert [t["to"] for t in a.transitions] == ["BACKUP", "MASTER", "BACKUP", "MASTER"]


def test_a_link_that_goes_down_is_a_fault_and_heals_by_itself(lan: Lan) -> None:
    with Engine(lan.a, one(150)) as a, Engine(lan.b, one(100)) as b:
        a.reaches("MASTER")
        lan.cables["a"].unplug()
        assert a.reaches("FAULT")["faults"] == ["interface eth0 is down"]
        b.reaches("MASTER")
        lan.cables["a"].plug()
        a.reaches("MASTER")
        b.reaches("BACKUP")
        until(lambda: only_holder(lan, lan.a), what="a alone holds the address again")


def test_an_ipv6_interface_that_is_set_down_takes_its_addresses_along_and_heals(lan: Lan) -> None:
    with Engine(lan.a, one(150, addresses=["fe80::10", "2001:db8::10/64"])) as a:
        a.reaches("MASTER")
        until(lambda: " 2001:db8::10/" in lan.a.ip("-6 addr show"), what="a holds the address")
        a.transitions.clear()
        lan.a.ip("link set eth0 down")
        a.reaches("FAULT")
        lan.a.ip("link set eth0 up")
        a.reaches("MASTER")
        until(lambda: " 2001:db8::10/" in lan.a.ip("-6 addr show"), what="a holds the address again")
        assert [t["to"] for t in a.transitions] == ["FAULT", "BACKUP", "MASTER"]


def test_an_interface_may_come_later_and_go_and_come_again(lan: Lan) -> None:
    late = lan.net.host("late")
    with Engine(late, one(150)) as engine:
        assert engine.reaches("FAULT")["faults"] == ["interface eth0 does not exist"]
        problem = engine.says("problems")["problems"][0]
        assert (problem["key"], problem["field"]) == ("config/vrrp_instance/VI_1", "interface")
        for _ in range(2):
            late.join(lan.bridge, "eth0", "192.168.200.9/24")
            engine.reaches("MASTER")
            until(lambda: holds(late), what="the address is there")
            late.ip("link del eth0")
            engine.reaches("FAULT")


def test_the_engine_outlives_its_agent_and_keeps_transitions_for_the_next(lan: Lan) -> None:
    with Engine(lan.a, one(150)) as a:
        a.reaches("MASTER")
        a.disconnect()
        lan.cables["a"].unplug()
        lan.wire.until(lambda: lan.wire.gratuitous_arps(VIP), "announcements")
        until(lambda: not holds(lan.a), what="the address is gone")
        a.transitions.clear()
        a.messages.clear()
        a.connect()
        a.says("synced")
        assert [t["to"] for t in a.transitions] == ["BACKUP", "MASTER", "FAULT"]
        a.agent.send({"do": "ack", "sequence": 2})
        a.agent.send({"do": "query", "id": 7})
        a.says("synced", id=7)
        a.disconnect()
        a.transitions.clear()
        a.messages.clear()
        a.connect()
        a.says("synced")
        assert [t["to"] for t in a.transitions] == ["FAULT"]


def test_a_new_configuration_leaves_what_is_the_same_alone(lan: Lan) -> None:
    two = one(150) | {("vrrp_instance", "VI_2"): instance(vrid=52, addresses=["192.168.200.20"], **FAST)}
    with Engine(lan.a, two) as a:
        a.reaches("MASTER")
        a.reaches("MASTER", "VI_2")
        since = a.views["instance", "VI_2"]["since_at"]
        changed = two | one(150, addresses=["192.168.200.11", "192.168.200.12"])
        assert a.apply(2, changed)["problems"] == []
        until(lambda: holds(lan.a, "192.168.200.12") and not holds(lan.a), what="the new addresses, and not the old")
        assert a.views["instance", "VI_2"]["since_at"] == since
        assert a.state() == "MASTER"
        a.apply(3, {}, complete=False, deleted=(("vrrp_instance", "VI_1"),))
        until(lambda: not holds(lan.a, "192.168.200.11"), what="a removed instance leaves nothing")
        assert holds(lan.a, "192.168.200.20")
        until(lambda: any(f.vrid == 51 and f.priority == 0 for f in lan.wire.adverts()), what="priority 0")


def test_a_failing_script_hands_over_and_its_success_takes_back(lan: Lan) -> None:
    tracked = one(150, track_script=[{"name": "chk"}])
    tracked["vrrp_script", "chk"] = {"script": "/bin/true", "interval": 1_000_000_000, "weight": -60, "fall": 2}
    with Engine(lan.a, tracked) as a, Engine(lan.b, one(100)) as b:
        a.agent.send({"do": "script", "name": "chk", "ok": True})
        a.reaches("MASTER")
        a.agent.send({"do": "script", "name": "chk", "ok": False})
        a.agent.send({"do": "script", "name": "chk", "ok": False})
        b.reaches("MASTER")
        assert a.reaches("BACKUP")["effective_priority"] == 90
        a.agent.send({"do": "script", "name": "chk", "ok": True})
        a.reaches("MASTER")
        b.reaches("BACKUP")


def test_many_addresses_move_together(lan: Lan) -> None:
    addresses = [f"10.{n // 250}.{n % 250}.1" for n in range(1000)]
    excluded = [{"address": a} for a in addresses]
    with Engine(lan.a, one(150, virtual_ipaddress_excluded=excluded, garp_master_repeat=1)) as a:
        a.reaches("MASTER")
        until(lambda: lan.a.ip("-4 -o addr show dev eth0").count("inet 10.") == 1000, what="1000 addresses")
        a.signal(signal.SIGTERM)
        assert a.wait() == 0
        assert "inet 10." not in lan.a.ip("-4 addr show")


def test_forged_packets_are_counted_and_change_nothing(lan: Lan) -> None:
    with Engine(lan.a, one(150)) as a:
        a.reaches("MASTER")
        lan.wire.until(lambda: lan.wire.adverts(), "an advert")
        good = lan.wire.adverts()[0].data
        sender = Wire(lan.net.host("watcher"), "eth0")
        with sender:
            forged = bytearray(good)
            forged[26:30] = bytes([192, 168, 200, 77])
            forged[36] = 255  # priority, with a checksum that no longer fits
            forged[24:26] = bytes(2)
            for _ in range(3):
                sender.send(_with_header_checksum(bytes(forged)))
        until(lambda: _rejected(a).get("checksum") == 3, what="three packets counted")
        causes = [str(t["cause"]) for t in a.transitions]  # a machine that stands still may add one of its own
        assert [cause for cause in causes if "192.168.200.77" in cause] == []


def _rejected(engine: Engine) -> dict[str, int]:
    engine.poll()
    counters = engine.views.get(("counters", "VI_1"))
    return dict(counters["rejected"]) if counters else {}


def _with_header_checksum(frame: bytes) -> bytes:
    from services.vrrp.wire.packet import checksum

    return frame[:24] + checksum(frame[14:34]).to_bytes(2, "big") + frame[26:]
