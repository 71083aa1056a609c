"""Operators may order maintenance and switchovers as they like: no address is ever without a holder because of it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from services.vrrp.config.settings import SECOND
from services.vrrp.election import orders
from services.vrrp.election.events import Release
from tests.simulation.test_vrrp_cluster import NAMES, SECOND_VIP, VIP, World, holds_what_it_masters, priorities

MILLISECOND = 1_000_000
ordered = st.tuples(st.sampled_from(["maintain", "resume", "release"]), st.integers(0, 2), st.integers(1, 8_000))
failing = st.tuples(
    st.sampled_from(["cut", "heal", "kill", "start", "freeze", "thaw"]), st.integers(0, 2), st.integers(1, 4_000)
)
ORDER = {"reason": "new kernel", "since": 1, "until": 0}


def order(world: World, what: str, number: int) -> None:
    cluster = world.cluster
    name = world.names[number % len(world.names)]
    machine = cluster.machines[name]
    if machine.frozen:
        return  # nobody can tell it anything
    if what == "maintain":
        machine.objects[orders.KIND, ""] = ORDER
    elif what == "resume":
        machine.objects.pop((orders.KIND, ""), None)
    if machine.node is None:
        return
    if what == "release":
        cluster.do(name, lambda m: m.step(Release("VI_1", "switchover"), cluster.now))
    else:
        cluster.do(name, lambda m: m.configure(cluster.now))


def in_maintenance(world: World) -> set[str]:
    return {name for name in world.names if (orders.KIND, "") in world.cluster.machines[name].objects}


@settings(max_examples=60)
@given(priorities, st.sampled_from([2, 3]), st.booleans(), st.booleans(), st.lists(ordered, min_size=1, max_size=12))
def test_no_order_leaves_an_address_alone(
    numbers: list[int], version: int, nopreempt: bool, grouped: bool, given_orders: list[tuple[str, int, int]]
) -> None:
    world = World(numbers, version, nopreempt, grouped)
    for number in range(len(NAMES)):
        world.happen("pass", number)
    world.cluster.run(15 * SECOND)
    for what, number, wait in given_orders:
        order(world, what, number)
        for _ in range(wait // 50 + 1):
            world.cluster.run(50 * MILLISECOND)
            assert world.cluster.holders(VIP)
            assert not grouped or world.cluster.holders(SECOND_VIP)


@settings(max_examples=100)
@given(priorities, st.sampled_from([2, 3]), st.booleans(), st.booleans(), st.lists(st.one_of(ordered, failing), max_size=25))
def test_after_any_history_one_is_master_and_none_in_maintenance_unless_all_are(
    numbers: list[int], version: int, nopreempt: bool, grouped: bool, history: list[tuple[str, int, int]]
) -> None:
    world = World(numbers, version, nopreempt, grouped)
    for what, number, wait in history:
        if what in ("maintain", "resume", "release"):
            order(world, what, number)
        else:
            world.happen(what, number)
        world.cluster.run(wait * MILLISECOND)
        assert all(holds_what_it_masters(m) for m in world.cluster.machines.values())
    world.all_well()
    world.cluster.run(30 * SECOND)
    masters = world.cluster.masters()
    assert len(masters) == 1
    assert world.cluster.holders(VIP) == masters
    away = in_maintenance(world)
    assert masters[0] not in away or len(away) == len(world.names)
    if grouped:
        assert world.cluster.masters("VI_2") == masters
