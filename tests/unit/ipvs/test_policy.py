"""The pool policy: panic, priority groups, slow start and holds, each as a claim about weights and the quorum."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ipvs.policy import (
    DOWN,
    STEPS,
    UP,
    Health,
    Hold,
    Quorum,
    Standing,
    State,
    Tally,
    decide,
    next_rise,
    risen,
    weight_of,
)
from services.ipvs.settings import VirtualServer
from tests.unit.ipvs.words import virtual

SECOND = 10**9
NOTHING = Standing(False)
RUNS = Standing(True)


def tallied(*states: State) -> dict[int, Tally]:
    found: dict[int, Tally] = {}
    for state in states:
        if state.hold is None:
            found.setdefault(state.group, Tally()).count(state, 1)
    return found


def judged(rules: VirtualServer, before: Standing, *states: State, sorry: bool = False, now: int = 0) -> Any:
    """Standing, quorum, and the weights in the order of the states."""
    standing, quorum = decide(rules, tallied(*states), before)
    return standing, quorum, [weight_of(s, rules, standing, sorry and not standing.up, now) for s in states]


def four(up: int, **more: Any) -> list[State]:
    """Four servers of weight 5, of which so many are up."""
    return [State(5, UP if n < up else DOWN, **more) for n in range(4)]


# --- panic ---


def test_at_the_threshold_the_checks_are_trusted() -> None:
    standing, quorum, weights = judged(virtual(panic_threshold=50), RUNS, *four(2))
    assert (standing, quorum, weights) == (RUNS, Quorum(True, 10, 1, 0), [5, 5, None, None])


def test_below_the_threshold_all_servers_are_used_and_count() -> None:
    standing, quorum, weights = judged(virtual(panic_threshold=50), RUNS, *four(1))
    assert (standing, quorum, weights) == (Standing(True, panic=True), Quorum(True, 20, 1, 0), [5, 5, 5, 5])


def test_with_no_server_left_the_checks_are_distrusted_too_and_nobody_says_sorry() -> None:
    standing, _, weights = judged(virtual(panic_threshold=1), RUNS, *four(0), sorry=True)
    assert (standing.up, weights) == (True, [5, 5, 5, 5])


def test_a_panic_keeps_the_adjustments_of_those_that_are_up() -> None:
    states = [State(5, Health(True, -2)), *four(0)]
    assert judged(virtual(panic_threshold=50), RUNS, *states)[2] == [3, 5, 5, 5, 5]


def test_a_panic_never_brings_a_service_up() -> None:
    standing, quorum, weights = judged(virtual(panic_threshold=50), NOTHING, *four(0))
    assert (standing, quorum.up, weights) == (NOTHING, False, [None] * 4)


def test_a_service_that_comes_up_with_few_servers_trusts_its_checks_until_it_has_had_enough() -> None:
    rules = virtual(panic_threshold=50)
    came_up, _, weights = judged(rules, NOTHING, *four(1))
    assert (came_up, weights) == (Standing(True, few=True), [5, None, None, None])
    assert judged(rules, came_up, *four(1))[0] == came_up
    enough = judged(rules, came_up, *four(2))[0]
    assert enough == RUNS
    assert judged(rules, enough, *four(1))[0].panic


def test_a_panic_that_does_not_save_the_quorum_is_none() -> None:
    rules = virtual(panic_threshold=50, quorum=20)
    states = [State(5, Health(True, -5)), *four(0)[1:]]
    assert judged(rules, RUNS, *states)[:2] == (NOTHING, Quorum(False, 0, 20, 0))


def test_servers_in_maintenance_do_not_count_as_unhealthy() -> None:
    held = [State(5, DOWN, hold=Hold.OUT)] * 3
    assert judged(virtual(panic_threshold=50), RUNS, State(5, UP), *held)[0] == RUNS


def test_in_a_panic_all_groups_serve() -> None:
    states = [State(5, DOWN, group=1), State(5, DOWN, group=1), State(5, UP, group=2)]
    standing, _, weights = judged(virtual(panic_threshold=50), RUNS, *states)
    assert (standing, weights) == (Standing(True, panic=True), [5, 5, 5])


# --- priority groups ---


def test_the_lowest_numbered_group_serves_and_the_others_wait_with_weight_zero() -> None:
    states = [State(5, UP, group=1), State(5, UP, group=2)]
    standing, quorum, weights = judged(virtual(), NOTHING, *states)
    assert (standing, quorum.live_weight, weights) == (Standing(True, group=1), 10, [5, 0])


def test_when_it_fails_the_next_one_serves() -> None:
    states = [State(5, DOWN, group=1), State(5, UP, group=2), State(5, UP, group=3)]
    standing, _, weights = judged(virtual(), Standing(True, group=1), *states)
    assert (standing.group, weights) == (2, [None, 5, 0])


def test_a_group_whose_own_weight_does_not_make_the_quorum_gives_way() -> None:
    states = [State(2, UP, group=1), State(2, DOWN, group=1), State(4, UP, group=2)]
    standing, quorum, weights = judged(virtual(quorum=3), Standing(True, group=1), *states)
    assert (standing, quorum, weights) == (Standing(True, group=2), Quorum(True, 6, 3, 0), [0, None, 4])


def test_where_no_group_makes_the_quorum_all_serve_together() -> None:
    states = [State(2, UP, group=1), State(2, DOWN, group=1), State(2, UP, group=2), State(2, DOWN, group=2)]
    standing, quorum, weights = judged(virtual(quorum=4), Standing(True, group=1), *states)
    assert (standing, quorum.up, weights) == (Standing(True), True, [2, None, 2, None])


@pytest.mark.parametrize(("before", "serves"), [(1, 1), (2, 2), (None, 2)])
def test_hysteresis_holds_for_the_change_between_groups(before: int | None, serves: int) -> None:
    states = [State(4, UP, group=1), State(4, DOWN, group=1), State(9, UP, group=2)]
    assert judged(virtual(quorum=5, hysteresis=1), Standing(True, group=before), *states)[0].group == serves


def test_one_group_alone_needs_no_choice() -> None:
    assert judged(virtual(), NOTHING, State(5, UP, group=7), State(5, UP, group=7))[0] == RUNS


# --- holds ---


def test_a_held_server_counts_as_if_it_were_not_configured() -> None:
    states = [State(5, UP, hold=Hold.DRAINING), State(5, UP, hold=Hold.OUT), State(5, UP)]
    standing, quorum, weights = judged(virtual(quorum=15), RUNS, *states)
    assert (standing.up, quorum, weights) == (True, Quorum(True, 5, 5, 0), [0, None, 5])


def test_a_server_drains_on_while_the_sorry_server_answers() -> None:
    states = [State(5, UP, hold=Hold.DRAINING), State(5, UP, hold=Hold.OUT)]
    assert judged(virtual(), RUNS, *states, sorry=True)[2] == [0, None]


def test_a_failed_server_has_nothing_to_drain() -> None:
    assert judged(virtual(), RUNS, State(5, DOWN, hold=Hold.DRAINING), State(5, UP))[2] == [None, 5]


# --- slow start ---


def test_the_weight_rises_from_a_tenth_to_the_whole() -> None:
    span = 20 * SECOND
    assert [risen(100, SECOND, span, SECOND + t * SECOND) for t in (0, 1, 10, 19, 20, 99)] == [10, 14, 55, 95, 100, 100]


def test_a_weight_never_starts_at_zero_unless_it_is_zero() -> None:
    assert [risen(w, 0, SECOND, 0) for w in (0, 1, 9, 10, 65535)] == [0, 1, 1, 1, 6553]


def test_a_clock_that_was_set_back_means_the_beginning() -> None:
    assert risen(100, 50 * SECOND, SECOND, 0) == 10
    assert risen(100, 50 * SECOND, 0, 0) == 100


def test_without_slow_start_a_server_has_its_weight_at_once() -> None:
    assert risen(100, 50, 0, 50) == 100


def test_only_those_that_came_up_start_slowly_and_for_the_quorum_they_count_in_full() -> None:
    states = [State(100, UP, since=0), State(100, UP)]
    rules = virtual(slow_start=10 * SECOND)
    assert judged(rules, NOTHING, *states, now=5 * SECOND)[1:] == (Quorum(True, 200, 1, 0), [55, 100])


@given(st.integers(1, 65535), st.integers(STEPS, 3600 * SECOND), st.integers(0, 10**18), st.integers(0, 3600 * SECOND))
def test_every_rise_is_due_at_the_moment_that_is_said(weight: int, span: int, since: int, past: int) -> None:
    now = since + past % span
    then = next_rise(since, span, now)
    step = (now - since) * STEPS // span
    assert now < then <= since + span
    assert (then - since) * STEPS // span == step + 1
    assert ((then - 1) - since) * STEPS // span == step
    assert risen(weight, since, span, now) == risen(weight, since, span, then - 1) <= risen(weight, since, span, then)


# --- the judgement as a whole ---

STATES = st.lists(
    st.builds(
        State,
        st.integers(0, 9),
        st.builds(Health, st.booleans(), st.integers(-9, 9)),
        st.booleans(),
        st.integers(0, 2),
        st.sampled_from([None, None, None, Hold.DRAINING, Hold.OUT]),
    ),
    max_size=6,
)
RULES = st.builds(
    lambda quorum, hysteresis, panic: virtual(quorum=quorum, hysteresis=hysteresis, panic_threshold=panic),
    st.integers(1, 20), st.integers(0, 9), st.integers(0, 100),
)  # fmt: skip
BEFORE = st.builds(Standing, st.booleans(), st.booleans(), st.sampled_from([None, 0, 1, 2]), st.booleans())


@given(RULES, STATES, BEFORE)
def test_a_judgement_on_the_same_servers_stands(rules: VirtualServer, states: list[State], before: Standing) -> None:
    once = decide(rules, tallied(*states), before)
    assert decide(rules, tallied(*states), once[0])[0] == once[0]


@given(RULES, STATES, BEFORE)
def test_whoever_is_up_serves_unless_another_group_does_and_nobody_who_is_held(
    rules: VirtualServer, states: list[State], before: Standing
) -> None:
    standing, _, weights = judged(rules, before, *states)
    for state, weight in zip(states, weights, strict=True):
        if state.hold is not None:
            assert not weight
        elif standing.panic or (state.health.up and standing.group in (None, state.group)):
            assert weight is not None
        else:
            assert not weight
    if standing.up and not standing.panic and standing.group is not None:
        assert any(weights)


@given(RULES, STATES, BEFORE)
def test_all_servers_up_have_the_quorum(rules: VirtualServer, states: list[State], before: Standing) -> None:
    healthy = [State(s.weight, UP, group=s.group) for s in states]
    assert decide(rules, tallied(*healthy), before)[0].up == any(s.weight for s in healthy)
