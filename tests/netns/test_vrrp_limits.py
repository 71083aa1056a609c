"""Short intervals, thousands of addresses, an engine that was held up: what each looks like to a peer and to operators."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kit.engine import Engine, Objects, instance
from tests.kit.netns import Host, Net
from tests.kit.wait import until
from tests.kit.wire import Wire

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.timeout(300),
]

MANY = 3000
FAST = {"version": 3, "advert_int": 100_000_000, "garp_master_delay": 0, "garp_master_repeat": 1}


class Lan:
    """Hosts a (.2) and b (.3), and a watcher that hears everything."""

    def __init__(self, net: Net) -> None:
        bridge = net.bridge("front")
        self.a, self.b, watcher = net.host("a"), net.host("b"), net.host("watcher")
        self.a.join(bridge, "eth0", "192.168.200.2/24")
        self.b.join(bridge, "eth0", "192.168.200.3/24")
        watcher.join(bridge, "eth0")
        self.wire = Wire(watcher, "eth0")


@pytest.fixture
def lan() -> Iterator[Lan]:
    with Net() as net:
        lan = Lan(net)
        with lan.wire:
            yield lan


def one(priority: int, **more: Any) -> Objects:
    return {("vrrp_instance", "VI_1"): instance(priority=priority, **(FAST | more))}


def held(host: Host) -> int:
    return host.ip("-4 -o address show dev eth0").count("inet 10.")


def lasts(seconds: float) -> None:
    """What goes on goes on for so long."""
    since = time.monotonic()
    until(lambda: time.monotonic() - since > seconds, what="time passed")


def test_thousands_of_addresses_go_to_the_peer_and_back_and_no_advert_waits_for_them(lan: Lan) -> None:
    excluded = [{"address": f"10.{n // 250}.{n % 250}.1"} for n in range(MANY)]
    with Engine(lan.b, one(100, virtual_ipaddress_excluded=excluded)) as b:
        b.reaches("MASTER")
        until(lambda: held(lan.b) == MANY, 120, "b holds them all")
        with Engine(lan.a, one(150, virtual_ipaddress_excluded=excluded)) as a:
            a.reaches("MASTER")
            until(lambda: held(lan.a) == MANY and not held(lan.b), 120, "a alone holds them all")
            b.reaches("BACKUP")
            assert [m["to"] for m in b.transitions][-1] == "BACKUP"
            a.poll()
            assert [m["to"] for m in a.transitions].count("MASTER") == 1
            a.signal(signal.SIGTERM)
            assert a.wait(120) == 0
            assert held(lan.a) == 0
        until(lambda: held(lan.b) == MANY, 120, "b holds them all again")


@pytest.mark.parametrize(
    ("version", "given", "field"),
    [(3, 400_000_000, 40), (3, 10_000_000, 1), (3, 995_000_000, 100), (2, 400_000_000, 1), (2, 1_400_000_000, 1)],
)
def test_an_interval_is_rounded_to_what_adverts_can_say_and_both_ends_keep_to_it(
    lan: Lan, version: int, given: int, field: int
) -> None:
    both = {"version": version, "advert_int": given}
    with Engine(lan.a, one(150, **both)) as a, Engine(lan.b, one(100, **both)) as b:
        a.reaches("MASTER")
        lan.wire.until(lambda: len(lan.wire.adverts("192.168.200.2")) > 5, "adverts")
        (message, *_) = [frame.message for frame in lan.wire.adverts("192.168.200.2")]
        assert (int.from_bytes(message[4:6], "big") & 0xFFF if version == 3 else message[5]) == field
        unit = 10_000_000 if version == 3 else 1_000_000_000
        assert b.reaches("BACKUP")["master_advert_int_ns"] in (field * unit, 0)
        assert a.views["instance", "VI_1"]["advert_int_ns"] == field * unit


def test_an_engine_that_was_held_up_says_how_late_it_was(lan: Lan) -> None:
    with Engine(lan.a, one(150)) as a:
        a.reaches("MASTER")
        a.says("engine")
        a.signal(signal.SIGSTOP)
        lasts(0.25)
        a.signal(signal.SIGCONT)

        def late() -> dict[str, int] | None:
            a.poll()
            said = [message["stats"] for message in a.messages if message["is"] == "engine"]
            return said[-1] if said and said[-1]["late_over_100ms"] else None

        stats = until(late, what="the statistics say so")
        assert stats is not None
        assert stats["late_max_ns"] >= 100_000_000
        assert stats["late_over_10ms"] >= stats["late_over_100ms"] >= 1


def test_an_engine_that_hardly_ever_runs_leaves_the_addresses_to_its_peer_until_it_does(lan: Lan) -> None:
    slow = {"advert_int": 1_000_000_000}  # so that no standstill of this test's is taken for the engine's chance
    with Engine(lan.a, one(150, **slow)) as a, Engine(lan.b, one(100, **slow)) as b:
        a.reaches("MASTER")
        b.reaches("BACKUP")
        a.signal(signal.SIGSTOP)
        b.reaches("MASTER")
        said = len(lan.wire.adverts("192.168.200.2"))
        for _ in range(3):  # what is left to it is far less than an interval, and comes far too late
            a.signal(signal.SIGCONT)
            lasts(0.05)
            a.signal(signal.SIGSTOP)
            lasts(4)
        assert len(lan.wire.adverts("192.168.200.2")) == said
        assert [host.ip("-4 -o address show dev eth0").count("192.168.200.10/") for host in (lan.a, lan.b)] == [0, 1]
        a.signal(signal.SIGCONT)
        a.reaches("MASTER")
        b.reaches("BACKUP")
        a.poll()
        assert [m["to"] for m in a.transitions] == ["BACKUP", "MASTER", "BACKUP", "MASTER"]
