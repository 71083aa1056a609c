"""Two owners of the same addresses: one election all the same, and one of them gives way at last."""

from __future__ import annotations

from typing import Any

from services.vrrp.config.settings import SECOND
from services.vrrp.election import orders
from services.vrrp.election.rogue import Rogue
from tests.kit.cluster import Cluster


def owner(**more: Any) -> dict[tuple[str, str], dict[str, Any]]:
    value: dict[str, Any] = {"interface": "eth0", "virtual_router_id": 51, "priority": 255, "version": 3}
    return {("vrrp_instance", "VI_1"): value | {"virtual_ipaddress": [{"address": "192.168.200.10"}]} | more}


def test_it_has_two_adverts_and_a_little_more_than_an_interval_to_yield() -> None:
    rogue = Rogue()
    gives_way = []
    for n in range(5):
        gives_way.append(rogue.heard(n * SECOND, SECOND))
        rogue.answered(n * SECOND)
    assert gives_way == [False, False, False, True, True]


def test_one_that_was_silent_for_long_begins_anew() -> None:
    rogue = Rogue()
    for n in range(3):
        rogue.heard(n * SECOND, SECOND)
        rogue.answered(n * SECOND)
    assert not rogue.heard(20 * SECOND, SECOND)
    assert not rogue.heard(21 * SECOND, SECOND)


def test_without_answers_of_ours_nobody_gives_way() -> None:
    rogue = Rogue()
    assert not any(rogue.heard(n * SECOND, SECOND) for n in range(9))


def test_of_two_owners_that_hear_each_other_the_higher_address_stays_master() -> None:
    cluster = Cluster()
    cluster.add("a", owner())
    cluster.add("b", owner())
    cluster.run(10 * SECOND)
    assert cluster.masters() == ["b"]


def test_the_better_owner_gives_way_to_one_that_does_not_yield_and_is_back_when_it_is_gone() -> None:
    cluster = Cluster()
    cluster.add("a", owner(owner_ignore_adverts=True))
    cluster.add("b", owner())
    cluster.run(2 * SECOND)
    assert cluster.masters() == ["a", "b"]
    cluster.run(10 * SECOND)
    assert cluster.masters() == ["a"]
    node = cluster.machines["b"].node
    assert node is not None
    assert "does not yield" in node.routers["VI_1"].cause
    assert node.routers["VI_1"].inputs.priority == 255
    cluster.do("a", lambda m: m.stop(cluster.now))
    cluster.run(SECOND)
    assert cluster.masters() == ["b"]


def test_an_owner_may_ignore_all_adverts() -> None:
    cluster = Cluster()
    cluster.add("a", owner(owner_ignore_adverts=True))
    cluster.add("b", owner(priority=100))
    cluster.run(10 * SECOND)
    assert cluster.masters() == ["a"]
    node = cluster.machines["a"].node
    assert node is not None
    assert node.routers["VI_1"].counters.adverts_received == 0


def test_an_owner_that_ignores_adverts_stands_back_for_maintenance_all_the_same() -> None:
    cluster = Cluster()
    cluster.add("a", owner(owner_ignore_adverts=True))
    cluster.add("b", owner(priority=100))
    cluster.run(5 * SECOND)
    machine = cluster.machines["a"]
    machine.objects[orders.KIND, ""] = {"reason": "new kernel", "since": 0, "until": 0}
    cluster.do("a", lambda m: m.configure(cluster.now))
    cluster.run(5 * SECOND)
    assert cluster.masters() == ["b"]
    del machine.objects[orders.KIND, ""]
    cluster.do("a", lambda m: m.configure(cluster.now))
    cluster.run(10 * SECOND)
    assert cluster.masters() == ["a"]
