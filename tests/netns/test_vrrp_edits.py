"""Edits of a running pair's configuration: what is not edited does not notice, on neither node nor on the wire."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit.engine import Engine, Objects, instance
from tests.kit.netns import Host, Net
from tests.kit.process import Process
from tests.kit.wait import until
from tests.kit.wire import Wire

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.timeout(240),
]

FAST = {"version": 3, "advert_int": 100_000_000, "garp_master_delay": 0, "garp_master_repeat": 1}
NAMES = tuple(f"VI_{n}" for n in range(1, 7))
GROUPED = NAMES[:2]
EDITED = "VI_5"  # goes in the end


def router(number: int, priority: int, **more: Any) -> dict[str, Any]:
    return instance(vrid=50 + number, priority=priority, addresses=[f"192.168.200.{10 + number}"], **(FAST | more))


def key(number: int) -> tuple[str, str]:
    return "vrrp_instance", f"VI_{number}"


def six(priority: int) -> Objects:
    found: Objects = {key(number): router(number, priority) for number in range(1, 7)}
    return found | {("vrrp_sync_group", "G"): {"group": list(GROUPED)}}


def watched(host: Host, log: Path) -> Process:
    """An `ip monitor` of addresses, once it sees them come and go."""
    monitor = host.start(["ip", "monitor", "address"], log=log)

    def sees() -> bool:
        for what in ("add", "del"):
            host.ip(f"address {what} 198.51.100.1/32 dev lo")
        return "198.51.100.1" in monitor.output()

    until(sees, what=monitor.output)
    return monitor


@pytest.fixture
def net() -> Iterator[Net]:
    with Net() as net:
        bridge = net.bridge("front")
        for name, number in (("a", 2), ("b", 3)):
            net.host(name).join(bridge, "eth0", f"192.168.200.{number}/24")
            net.host(name).join(net.bridge(f"{name}-back"), "eth1", f"192.168.201.{number}/24")
        net.host("watcher").join(bridge, "eth0")
        yield net


def test_seven_edits_of_all_kinds_are_noticed_by_nothing_else(net: Net, tmp_path: Path) -> None:
    with Wire(net.host("watcher"), "eth0") as wire, Engine(net.host("a"), six(150)) as a, Engine(net.host("b"), six(100)) as b:
        for name in NAMES:
            a.reaches("MASTER", name)
            b.reaches("BACKUP", name)
            until(lambda name=name: b.state(name) and b.views["instance", name]["master_priority"] == 150)  # type: ignore[misc]
        wire.until(lambda: {f.data[31] for f in wire.gratuitous_arps()} >= set(range(11, 17)), "all are announced")
        monitor = watched(net.host("a"), tmp_path / "addresses")
        before, told = len(wire.poll()), (len(a.transitions), len(b.transitions))

        objects = six(150)
        edits: list[Objects] = [
            {key(3): router(3, 160)},
            {key(4): router(4, 150) | {"virtual_ipaddress": [{"address": f"192.168.200.{n}"} for n in (14, 24)]}},
            {key(1): router(1, 150, track_interface=[{"name": "eth1"}])},
            {key(7): router(7, 150)},
            {("vrrp_script", "chk"): {"script": "/bin/true", "interval": 10**9, "weight": 5}},
            {key(6): router(6, 150, track_script=[{"name": "chk"}])},
        ]
        for revision, edit in enumerate(edits, 2):
            objects |= edit
            assert a.apply(revision, objects)["problems"] == []
        a.apply(9, {}, complete=False, deleted=(("vrrp_instance", EDITED),))
        assert a.apply(10, {key(3): router(3, 170)}, complete=False)["problems"] == []
        a.reaches("MASTER", "VI_7")
        wire.until(lambda: any((f.vrid, f.priority) == (53, 170) for f in wire.adverts()), "the last edit is on the wire")
        b.reaches("MASTER", EDITED)

        a.poll()
        assert {m["name"] for m in a.transitions[told[0] :]} == {EDITED, "VI_7"}
        b.poll()
        assert {m["name"] for m in b.transitions[told[1] :]} == {EDITED}
        announced = {f.data[31] for f in wire.frames[before:] if f.is_gratuitous_arp}
        assert announced - {15} == {24, 17}
        gone = [line for line in monitor.output().splitlines() if line.startswith("Deleted") and "198.51.100.1" not in line]
        assert [line for line in gone if "192.168.200.15/" not in line] == []
        assert {f.vrid for f in wire.frames[before:] if f.is_advert and not f.priority} == {55}
