"""A master that repeats itself: the short way through the node comes to the same as the long one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.vrrp.addresses import packed
from services.vrrp.config.resolve import resolve
from services.vrrp.config.settings import DECODERS, SECOND
from services.vrrp.election.actions import Action, State
from services.vrrp.election.events import Configured, InterfaceChanged, PacketReceived, Started, TimeReached
from services.vrrp.election.node import Node
from services.vrrp.election.schedule import Schedule
from services.vrrp.wire.packet import Format, encode

T0 = 100 * SECOND
FORM = Format(3, 51, SECOND, None, packed("224.0.0.18"))
MASTER, OTHER = packed("192.0.2.1"), packed("192.0.2.2")


def node(**more: Any) -> Node:
    node = Node()
    node.step(Started(()), T0)
    node.step(InterfaceChanged("eth0", 2, True, ("192.0.2.5",)), T0)
    value = {"interface": "eth0", "virtual_router_id": 51, "version": 3, "virtual_ipaddress": [{"address": "192.0.2.51"}]}
    node.step(Configured(resolve({("vrrp_instance", "A"): DECODERS["vrrp_instance"]("A", value | more)})), T0)
    return node


def advert(priority: int = 200, source: bytes = MASTER, identification: int = 1, address: str = "192.0.2.51") -> bytes:
    return encode(FORM, priority, [packed(address)], source, identification)


def hear(node: Node, data: bytes, at: int) -> tuple[Action, ...]:
    """As the engine does."""
    return () if node.reception.hear_again("eth0", data, at) else node.step(PacketReceived("eth0", data), at)


def state(node: Node) -> object:
    router = node.routers["A"]
    return router.carried(), router.saved(), node.reception.rejected


def test_a_repetition_is_heard_the_short_way_and_moves_the_timers() -> None:
    backup = node()
    assert not backup.reception.hear_again("eth0", advert(), T0 + 1)
    hear(backup, advert(), T0 + 1)
    before = backup.routers["A"].master_down_at
    assert backup.reception.hear_again("eth0", advert(identification=2), T0 + SECOND)
    router = backup.routers["A"]
    assert (router.heard_at, router.counters.adverts_received) == (T0 + SECOND, 2)
    assert before is not None
    assert router.master_down_at == before + SECOND - 1


def test_a_lower_master_whom_nobody_preempts_is_heard_the_short_way_too() -> None:
    backup = node(nopreempt=True, state="backup")
    hear(backup, advert(50), T0 + 1)
    assert backup.reception.hear_again("eth0", advert(50), T0 + SECOND)
    preempting = node()
    hear(preempting, advert(50), T0 + 1)
    assert not preempting.reception.hear_again("eth0", advert(50), T0 + SECOND)


@pytest.mark.parametrize(
    "data",
    [
        advert(priority=201),
        advert(priority=0),
        advert(source=OTHER),
        advert(address="192.0.2.52"),
        advert()[:8] + b"\x40" + advert()[9:],
        b"\x45",
        b"",
    ],
)
def test_whatever_is_no_repetition_is_not_heard_the_short_way(data: bytes) -> None:
    backup = node()
    hear(backup, advert(), T0 + 1)
    before = state(backup)
    assert not backup.reception.hear_again("eth0", data, T0 + 2)
    assert not backup.reception.hear_again("eth1", advert(), T0 + 2)
    assert state(backup) == before


def test_other_settings_end_the_routine() -> None:
    backup = node()
    hear(backup, advert(), T0 + 1)
    value = {"interface": "eth0", "virtual_router_id": 51, "version": 3, "virtual_ipaddress": [{"address": "192.0.2.52"}]}
    backup.step(Configured(resolve({("vrrp_instance", "A"): DECODERS["vrrp_instance"]("A", value)})), T0 + 2)
    assert not backup.reception.hear_again("eth0", advert(), T0 + 3)


PACKETS = st.sampled_from(
    [
        *(advert(priority) for priority in (0, 50, 100, 200, 255)),
        *(advert(200, OTHER), advert(100, OTHER), advert(address="192.0.2.52"), advert()[:8] + b"\x40" + advert()[9:]),
    ]
)
STEPS = st.lists(st.tuples(st.integers(1, 2 * SECOND), PACKETS, st.integers(1, 5)), max_size=12)


@given(STEPS, st.sampled_from([{}, {"nopreempt": True, "state": "backup"}, {"preempt_delay": 3 * SECOND, "state": "backup"}]))
def test_the_short_way_comes_to_the_same_as_the_long_one(steps: list[tuple[int, bytes, int]], more: dict[str, Any]) -> None:
    short, long = node(**more), node(**more)
    now = T0
    for pause, data, times in steps:
        for _ in range(times):
            now += pause
            for each in (short, long):
                due = each.deadline()
                while due is not None and due <= now:
                    each.step(TimeReached(), due)
                    later = each.deadline()
                    due = later if later != due else None
            assert hear(short, data, now) == long.step(PacketReceived("eth0", data), now)
            assert state(short) == state(long)
    assert short.routers["A"].state in (State.BACKUP, State.MASTER)


def test_timers_that_adverts_have_moved_on_are_moved_together() -> None:
    schedule = Schedule()
    real = {("instance", name): at for name, at in (("A", 900), ("B", 800), ("C", 120), ("D", 700))}
    for name, at in (("A", 100), ("B", 110), ("C", 120), ("D", 130)):
        schedule.wake(("instance", name), at)
    schedule.wake(("instance", "A"), 90)
    schedule.put_off(125, 10, real.get)
    assert schedule.next == (120, ("instance", "C"))
    assert list(schedule.due(120, 10)) == [("instance", "C")]
    schedule.put_off(125, 10, real.get)
    assert schedule.next == (130, ("instance", "D"))
    schedule.put_off(1000, 10, lambda key: None if key == ("instance", "D") else real[key])
    assert list(schedule.due(1000, 10)) == [("instance", "B"), ("instance", "A")]
    schedule.put_off(1000, 10, real.get)
    assert schedule.next is None


def test_a_backups_timers_wake_it_once_for_many_and_in_time() -> None:
    backup = node()
    now = T0
    for _ in range(100):
        now += SECOND // 10
        hear(backup, advert(), now)
    wakes = 0
    while (due := backup.deadline()) is not None and backup.routers["A"].state is State.BACKUP:
        wakes += 1
        backup.step(TimeReached(), due)
    assert backup.routers["A"].state is State.MASTER
    assert backup.routers["A"].since == now + 3 * SECOND + (256 - 100) * SECOND // 256 // 1_000 * 1_000
    assert wakes == 2


def test_a_master_that_speaks_otherwise_from_now_on_is_written_down() -> None:
    backup = node()
    hear(backup, advert(), T0 + 1)
    backup.take_dirty()
    slow = FORM._replace(interval=3 * SECOND)
    hear(backup, encode(slow, 200, [packed("192.0.2.51")], MASTER, 2), T0 + 2)
    assert backup.take_dirty() == {("instance", "A")}
    assert backup.routers["A"].saved().master_interval == 3 * SECOND
    hear(backup, encode(slow, 201, [packed("192.0.2.51")], MASTER, 3), T0 + 3)
    assert backup.take_dirty() == {("instance", "A")}
    hear(backup, encode(slow, 201, [packed("192.0.2.51")], MASTER, 4), T0 + 4)
    assert backup.take_dirty() == set()
