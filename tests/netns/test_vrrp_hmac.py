"""Engines that authenticate by a trailer of HMAC-SHA256: one election, whoever has no key, another one, or an old packet."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kit.engine import Engine, Objects, instance
from tests.kit.netns import Host, Net
from tests.kit.wait import until
from tests.kit.wire import Wire

pytestmark = [pytest.mark.netns, pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")]

KEY = {"id": 7, "value": "0123456789abcdef0123456789abcdef"}
NEXT = {"id": 9, "value": "hex:" + "5a" * 64}
FAST = {"version": 3, "advert_int": 200_000_000}
CASES: dict[str, dict[str, Any]] = {
    "v2": {"version": 2, "addresses": ["192.168.200.10"]},
    "v3": FAST | {"addresses": ["192.168.200.10"]},
    "v3-unicast": FAST
    | {"addresses": ["192.168.200.10"], "unicast_peer": [{"address": a} for a in ("192.168.200.2", "192.168.200.3")]},
    "ipv6": FAST | {"addresses": ["fe80::10", "2001:db8::10"]},
}


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


def one(priority: int, case: str, keys: list[dict[str, Any]] | None = None, **more: Any) -> Objects:
    value = instance(priority=priority, **CASES[case]) | {"auth_hmac": {"key": keys or [KEY]} | more}
    return {("vrrp_instance", "VI_1"): value}


def holds(host: Host, case: str) -> bool:
    return f" {CASES[case]['addresses'][-1]}/" in host.ip("addr show dev eth0")


def rejected(engine: Engine) -> dict[str, int]:
    engine.poll()
    counters = engine.views.get(("counters", "VI_1"))
    return dict(counters["rejected"]) if counters else {}


@pytest.mark.parametrize("case", CASES)
def test_the_better_one_is_master_and_the_other_takes_over_when_it_is_killed(lan: Lan, case: str) -> None:
    with Engine(lan.a, one(150, case)) as a, Engine(lan.b, one(100, case)) as b:
        a.reaches("MASTER")
        b.reaches("BACKUP")
        until(lambda: holds(lan.a, case) and not holds(lan.b, case), what="a alone holds the address")
        until(lambda: b.state() == "BACKUP" and b.views["instance", "VI_1"]["master_priority"] == 150, what="b hears a")
        a.kill()
        b.reaches("MASTER")
        until(lambda: holds(lan.b, case), what="b holds the address")
        assert rejected(b) == {}
        a.views.clear()
        a.start()
        a.reaches("MASTER")
        assert rejected(a) == {}


def test_replayed_adverts_and_those_of_another_key_or_none_are_counted_apart_and_change_nothing(lan: Lan) -> None:
    with Engine(lan.a, one(150, "v3")) as a:
        a.reaches("MASTER")
        lan.wire.until(lambda: lan.wire.adverts("192.168.200.2"), "an advert")
        with Engine(lan.b, one(100, "v3")) as b:
            b.reaches("BACKUP")
            until(lambda: b.state() == "BACKUP" and b.views["instance", "VI_1"]["master_priority"] == 150, what="b hears a")
            old, sent = lan.wire.adverts("192.168.200.2")[-1].data, len(lan.wire.adverts("192.168.200.2"))
            lan.wire.until(lambda: len(lan.wire.adverts("192.168.200.2")) >= sent + 2, "newer adverts")
            for frame in (old, old, old[:-1] + bytes([old[-1] ^ 1])):
                lan.wire.send(frame)
            until(lambda: rejected(b) == {"replay": 2, "auth_failure": 1}, what="each under its reason")
            assert b.state() == "BACKUP"
        plain = {("vrrp_instance", "VI_1"): instance(priority=200, **CASES["v3"])}
        with Engine(lan.b, plain) as b:
            b.reaches("MASTER")
            until(lambda: rejected(a).get("auth_type", 0) >= 2, what="a refuses adverts without a trailer")
            until(lambda: rejected(b).get("auth_type", 0) >= 2, what="b knows no trailers")
            assert a.state() == "MASTER"


def test_a_pair_gets_the_trailer_and_another_key_without_a_change_of_master(lan: Lan) -> None:
    plain = {("vrrp_instance", "VI_1"): instance(priority=100, **CASES["v3"])}
    with Engine(lan.a, one(150, "v3", mode="receive_only")) as a:
        a.reaches("MASTER")
        with Engine(lan.b, plain) as b:
            b.reaches("BACKUP")
            steps = [
                (b, one(100, "v3", mode="receive_only")),
                (a, one(150, "v3", mode="permissive")),
                (b, one(100, "v3", mode="permissive")),
                (a, one(150, "v3")),
                (b, one(100, "v3")),
                (a, one(150, "v3", [KEY, NEXT])),
                (b, one(100, "v3", [KEY, NEXT])),
                (a, one(150, "v3", [KEY, NEXT], active_key=9)),
                (b, one(100, "v3", [NEXT])),
                (a, one(150, "v3", [NEXT])),
            ]
            for revision, (engine, objects) in enumerate(steps, 2):
                assert engine.apply(revision, objects)["problems"] == []
                sent = len(lan.wire.adverts("192.168.200.2"))
                lan.wire.until(lambda n=sent: len(lan.wire.adverts("192.168.200.2")) >= n + 6, "adverts go on")
            assert (a.state(), b.state()) == ("MASTER", "BACKUP")
            assert [t["to"] for t in b.transitions] == ["BACKUP"]
            assert not lan.wire.adverts("192.168.200.3")
            assert lan.wire.adverts("192.168.200.2")[-1].packet[-27] == 9
