"""Random histories of two or three nodes: once all is well again, there is one master, the right one, and one holder."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.vrrp.config.settings import SECOND
from services.vrrp.election.actions import State
from tests.kit.cluster import Cluster, Machine

VIP, SECOND_VIP = "192.168.200.16", "192.168.200.20"
NAMES = ["a", "b", "c"]

events = st.one_of(
    st.tuples(st.just("run"), st.integers(1, 6_000)),
    st.tuples(
        st.sampled_from(["cut", "heal", "unplug", "plug", "kill", "start", "freeze", "thaw", "stop", "lose", "fail", "pass"]),
        st.integers(0, 2),
    ),
)
histories = st.lists(events, min_size=5, max_size=40)


def value(vrid: int, address: str, priority: int, version: int, nopreempt: bool) -> dict[str, Any]:
    return {
        "interface": "eth0",
        "virtual_router_id": vrid,
        "virtual_ipaddress": [{"address": address}],
        "priority": priority,
        "version": version,
        "nopreempt": nopreempt,
        "higher_prio_send_advert": True,
        "track_script": [{"name": "chk", "weight": -120}],
    }


class World:
    """A cluster and what may happen to it."""

    def __init__(self, priorities: list[int], version: int, nopreempt: bool, grouped: bool) -> None:
        self.cluster = Cluster()
        self.names = NAMES[: len(priorities)]
        for name, priority in zip(self.names, priorities, strict=True):
            objects: dict[tuple[str, str], dict[str, Any]] = {
                ("vrrp_instance", "VI_1"): value(51, VIP, priority, version, nopreempt),
                ("vrrp_script", "chk"): {"script": "/bin/true", "interval": 3600 * SECOND},
            }
            if grouped:
                objects["vrrp_instance", "VI_2"] = value(52, SECOND_VIP, priority, version, nopreempt)
                objects["vrrp_sync_group", "G"] = {"group": ["VI_1", "VI_2"]}
            self.cluster.add(name, objects)

    def happen(self, what: str, number: int) -> None:
        if what == "run":
            self.cluster.run(number * 1_000_000)
            return
        name = self.names[number % len(self.names)]
        machine = self.cluster.machines[name]
        alive = machine.node is not None and not machine.frozen
        if what in ("cut", "heal"):
            machine.connected = what == "heal"
        elif what == "start" and machine.node is None:
            self.cluster.do(name, lambda m: m.start(self.cluster.now))
        elif what == "kill" and machine.node is not None:
            machine.kill()
        elif what == "thaw" and machine.frozen:
            self.cluster.thaw(name)
        elif alive:
            self._to_the_living(what, name)

    def _to_the_living(self, what: str, name: str) -> None:
        cluster = self.cluster
        if what in ("unplug", "plug"):
            cluster.do(name, lambda m: m.link(what == "plug", cluster.now))
        elif what == "freeze":
            cluster.machines[name].frozen = True
        elif what == "stop":
            cluster.do(name, lambda m: m.stop(cluster.now))
        elif what == "lose":
            cluster.do(name, lambda m: m.lose(VIP, cluster.now) if VIP in m.present else None)
        elif what in ("fail", "pass"):
            cluster.result(name, "chk", what == "pass")

    def all_well(self) -> None:
        """Everything heals, and there is time for an election with one rival after the other."""
        for number, name in enumerate(self.names):
            self.happen("heal", number)
            self.happen("thaw", number)
            self.happen("start", number)
            if not self.cluster.machines[name].carrier:
                self.happen("plug", number)
            self.happen("pass", number)
        self.cluster.run(30 * SECOND)


def holds_what_it_masters(machine: Machine) -> bool:
    """A living node has the address exactly while it is master."""
    if machine.node is None or machine.frozen:
        return True
    return (VIP in machine.present) == (machine.state() is State.MASTER)


priorities = st.lists(st.integers(1, 254), min_size=2, max_size=3)


@settings(max_examples=150)
@given(priorities, st.sampled_from([2, 3]), st.booleans(), st.booleans(), histories)
def test_after_any_history_there_is_one_master_and_one_holder(
    priorities: list[int], version: int, nopreempt: bool, grouped: bool, history: list[tuple[str, int]]
) -> None:
    world = World(priorities, version, nopreempt, grouped)
    for what, number in history:
        world.happen(what, number)
        assert all(holds_what_it_masters(m) for m in world.cluster.machines.values())
    world.all_well()
    masters = world.cluster.masters()
    assert len(masters) == 1
    assert world.cluster.holders(VIP) == masters
    if grouped:
        assert world.cluster.masters("VI_2") == masters
        assert world.cluster.holders(SECOND_VIP) == masters
    if not nopreempt:
        best = max(priorities)
        assert priorities[world.names.index(masters[0])] == best


@settings(max_examples=60)
@given(st.integers(1, 254), st.integers(1, 254), st.integers(1, 20_000))
def test_a_killed_master_with_a_successor_in_time_is_never_overtaken(one: int, other: int, at: int) -> None:
    world = World([one, other], 2, False, False)
    world.cluster.run(20 * SECOND + at * 1_000_000)
    (master,) = world.cluster.masters()
    world.cluster.transcript.clear()
    world.cluster.machines[master].kill()
    world.cluster.run(100_000_000)
    world.cluster.do(master, lambda m: m.start(world.cluster.now))
    world.cluster.run(10 * SECOND)
    assert world.cluster.masters() == [master]
    assert not [line for line in world.cluster.transcript if "announces" not in line]
