"""Drains: what follows from orders, removed keys, readings and time; what survives a death at any moment."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.errors import InvalidValue
from services.ipvs.drain import (
    Action,
    Drains,
    Held,
    Leaving,
    Left,
    LetGo,
    Order,
    Ordered,
    Seen,
    Sights,
    Stayed,
    Step,
    TakenBack,
    Told,
    reason_of,
)
from services.ipvs.policy import Hold
from tests.unit.ipvs.words import place

NAME = ("web", "s2")
ORDER = Order(NAME, "new kernel", since=100, deadline=200, until=300)
GONE = Leaving("web", "s3", place("10.0.1.3"), since=100, deadline=200)


def ordered(order: Order = ORDER, at_once: bool = False) -> Drains:
    drains = Drains()
    drains.step(Ordered(order, at_once), order.since)
    return drains


def seen(drains: Drains, connections: int | None, now: int = 150) -> tuple[Action, ...]:
    return drains.step(Seen(Sights(orders={NAME: connections}, leaving={GONE.spot: connections})), now)


def test_an_order_gives_weight_zero_and_waits_for_the_connections_to_end() -> None:
    drains = Drains()
    assert drains.step(Ordered(ORDER), 100) == (Held(NAME, Hold.DRAINING), Told(NAME, Step.DRAINING, "new kernel"))
    assert (seen(drains, 3), drains.waiting) == ((), True)
    assert seen(drains, 0) == (Held(NAME, Hold.OUT), Told(NAME, Step.DRAINED, "new kernel"))
    assert (drains.waiting, drains.orders[NAME].out) == (False, True)


def test_a_server_that_is_not_in_the_table_is_out() -> None:
    assert seen(ordered(), None) == (Held(NAME, Hold.OUT), Told(NAME, Step.DRAINED, "new kernel"))


def test_a_server_of_which_nothing_is_known_drains_on() -> None:
    assert ordered().step(Seen(), 150) == ()


def test_at_the_deadline_it_is_out_and_it_is_told_how_many_connections_were_left() -> None:
    drains = ordered()
    seen(drains, 3)
    assert (drains.deadline(), seen(drains, 2, 199)) == (200, ())
    assert drains.step(Seen(), 200) == (Held(NAME, Hold.OUT), Told(NAME, Step.DRAINED, "new kernel", 2))
    assert drains.deadline() == 300


def test_without_a_deadline_it_waits_for_ever() -> None:
    drains = ordered(replace(ORDER, deadline=0, until=0))
    assert (drains.deadline(), seen(drains, 1, 10**18)) == (None, ())


def test_what_has_no_connections_that_end_is_out_at_once() -> None:
    drains = Drains()
    told = drains.step(Ordered(ORDER, at_once=True), 100)
    assert told == (Held(NAME, Hold.OUT), Told(NAME, Step.DRAINED, "new kernel"))


@pytest.mark.parametrize("at_once", [False, True])
def test_at_its_end_the_server_is_back_whether_it_is_out_or_not(at_once: bool) -> None:
    drains = ordered(replace(ORDER, deadline=0), at_once)
    assert drains.deadline() == 300
    assert drains.step(Seen(), 300) == (Held(NAME, None), Told(NAME, Step.BACK, "its time has come: new kernel"))
    assert (drains.orders, drains.deadline()) == ({}, None)


def test_an_operator_takes_it_back() -> None:
    drains = ordered()
    assert drains.step(TakenBack(NAME), 150) == (Held(NAME, None), Told(NAME, Step.BACK, "an operator: new kernel"))
    assert drains.step(TakenBack(NAME), 150) == ()


def test_an_order_given_again_replaces_the_former_but_not_what_has_come_of_it() -> None:
    drains = ordered(at_once=True)
    again = Order(NAME, "new disk", since=150, until=900)
    assert drains.step(Ordered(again), 150)[0] == Held(NAME, Hold.OUT)
    assert drains.orders[NAME] == replace(again, since=100, out=True)


def test_a_server_whose_key_is_gone_is_forgotten_when_it_is_out() -> None:
    drains = Drains()
    assert drains.step(Left(GONE), 100) == (Told(("web", "s3"), Step.DRAINING, "its key is gone"),)
    assert (seen(drains, 1), drains.waiting, drains.deadline()) == ((), True, 200)
    assert seen(drains, 0) == (LetGo(GONE.spot), Told(("web", "s3"), Step.DRAINED, "its key is gone"))
    assert (drains.leaving, drains.waiting) == ({}, False)


def test_at_the_deadline_it_goes_with_its_connections() -> None:
    drains = Drains()
    drains.step(Left(GONE), 100)
    seen(drains, 7)
    assert drains.step(Seen(), 200) == (LetGo(GONE.spot), Told(("web", "s3"), Step.DRAINED, "its key is gone", 7))


@pytest.mark.parametrize(("back", "told"), [(True, (Told(("web", "s3"), Step.BACK, "its key is there again"),)), (False, ())])
def test_what_does_not_leave_after_all_is_forgotten(back: bool, told: tuple[Action, ...]) -> None:
    drains = Drains(leaving={GONE.spot: GONE})
    assert (drains.step(Stayed(GONE, back), 150), drains.leaving) == (told, {})


@pytest.mark.parametrize("text", ["", "  ", "x" * 501])
def test_a_reason_is_needed_and_is_no_novel(text: str) -> None:
    with pytest.raises(InvalidValue, match="reason"):
        reason_of(text)
    assert reason_of(" new\n kernel ") == "new kernel"


MOMENTS = st.lists(st.tuples(st.integers(0, 60), st.one_of(st.none(), st.integers(0, 3))), min_size=1, max_size=12)


@given(MOMENTS, st.integers(0, 12))
def test_who_dies_and_reads_its_orders_again_ends_as_who_lived_on(moments: list[tuple[int, int | None]], death: int) -> None:
    """Nothing but orders and leavers is kept; a reading is as it is."""
    lived, died = Drains(), Drains()
    for drains in (lived, died):
        drains.step(Ordered(ORDER), 100)
        drains.step(Left(GONE), 100)
    now = 100
    for number, (pause, connections) in enumerate(moments):
        now += pause
        if number == death:
            died = Drains(died.orders, died.leaving)
        seen(lived, connections, now)
        seen(died, connections, now)
        assert (lived.orders, lived.leaving, lived.deadline()) == (died.orders, died.leaving, died.deadline())


@given(MOMENTS)
def test_nobody_drains_beyond_the_deadline_and_nobody_leaves_with_connections_before_it(
    moments: list[tuple[int, int | None]],
) -> None:
    drains = ordered(replace(ORDER, until=0))
    now = 100
    for pause, connections in moments:
        now += pause
        was_out = drains.orders[NAME].out
        seen(drains, connections, now)
        is_out = drains.orders[NAME].out
        assert is_out or now < 200
        assert not is_out or was_out or not connections or now >= 200
