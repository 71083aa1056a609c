"""A master that repeats itself: the short way comes to the same as the long one."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.vrrp.addresses import packed
from services.vrrp.config.settings import SECOND
from services.vrrp.election.actions import Announce, SendAdvert, State
from services.vrrp.election.events import PacketReceived, Release, TimeReached
from services.vrrp.election.node import Node
from services.vrrp.election.router import VirtualRouter
from services.vrrp.election.router_events import Expired
from services.vrrp.wire.packet import encode
from tests.kit.core import FORM, T0, advance, configure, one, running


def master(**more: Any) -> Node:
    node = running(one(**more))
    advance(node, T0 + 10 * SECOND)
    assert node.routers["A"].state is State.MASTER
    return node


def state(router: VirtualRouter) -> object:
    return router.carried(), router.saved(), router.deadline


def advert(priority: int) -> bytes:
    return encode(FORM, priority, [packed("192.0.2.51")], packed("192.0.2.9"))


def test_a_master_with_nothing_else_to_do_takes_the_short_way() -> None:
    router = master().routers["A"]
    due = router.deadline
    assert due is not None
    assert router.say_again(due - 1) == ()
    sent = router.say_again(due)
    assert [type(action) for action in sent] == [SendAdvert]
    assert (router.deadline, router.last_advert) == (due + SECOND, due)
    assert router.say_again(due) == ()


@pytest.mark.parametrize("late", [1, SECOND - 1, SECOND, 2 * SECOND - 1])
def test_a_late_advert_leaves_the_grid_as_it_is(late: int) -> None:
    node = master()
    router = node.routers["A"]
    due = router.deadline
    assert due is not None
    assert router.say_again(due + late)
    assert router.deadline == due + (late // SECOND + 1) * SECOND


def test_who_was_silent_for_as_long_as_peers_wait_listens() -> None:
    router = master().routers["A"]
    due = router.deadline
    assert due is not None
    assert router.say_again(due + 2 * SECOND) == ()


def test_who_seals_each_advert_never_takes_it() -> None:
    node = master(authentication={"auth_type": "ah", "auth_pass": "x"})
    for _ in range(20):
        due = node.deadline()
        assert due is not None
        assert not node.routers["A"].say_again(due)
        node.step(TimeReached(), due)


def test_announcements_come_in_between_at_their_time() -> None:
    node = master(garp_master_refresh=3 * SECOND // 2)
    begun = node.routers["A"].since
    announced, now = [], begun
    while now < begun + 14 * SECOND:
        now = node.deadline() or 0
        announced += [now - begun for action in node.step(TimeReached(), now) if isinstance(action, Announce)]
    assert announced[-3:] == [n * 3 * SECOND // 2 for n in (7, 8, 9)]


def test_new_settings_are_in_the_next_advert() -> None:
    node = master()
    due = node.deadline() or 0
    assert [a.data[22] for a in node.step(TimeReached(), due) if isinstance(a, SendAdvert)] == [100]
    configure(node, one(priority=150), due + 1)
    assert [a.data[22] for a in node.step(TimeReached(), due + SECOND) if isinstance(a, SendAdvert)] == [150]


STEPS = st.lists(
    st.tuples(st.integers(1, 4 * SECOND), st.sampled_from([0, 50, 100, 200, "release", "edit", "wait", "wait", "wait"])),
    max_size=25,
)


@given(STEPS, st.sampled_from([{}, {"garp_master_delay": 2 * SECOND}, {"garp_master_refresh": 3 * SECOND}]))
def test_the_short_way_comes_to_the_same_as_the_long_one(steps: list[tuple[int, str | int]], more: dict[str, Any]) -> None:
    node = master(**more)
    now = T0 + 10 * SECOND
    for pause, what in steps:
        now += pause
        router = node.routers["A"]
        short, long = deepcopy(router), deepcopy(router)
        sent = short.say_again(now)
        if sent:
            assert tuple(long.step(Expired(), now)) == sent
            assert state(short) == state(long)
        node.step(TimeReached(), now)
        if isinstance(what, int):
            node.step(PacketReceived("eth0", advert(what)), now)
        elif what == "release":
            node.step(Release("A", "switchover"), now)
        elif what == "edit":
            configure(node, one(priority=now % 200 + 1, **more), now)
