"""When a check is probed next."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.checker.schedule import BOOTSTRAP, Timing, Wheel, first_delay, next_delay
from services.checker.streak import Phase, Streak

S = 1_000_000_000
TIMING = Timing(delay_loop=30 * S, connect_timeout=3 * S, retry=3, delay_before_retry=2 * S, warmup=10 * S)


def test_a_new_check_waits_a_second_and_a_random_part_of_its_warmup() -> None:
    assert first_delay(TIMING, Streak.first(True), 0.0) == BOOTSTRAP == S
    assert first_delay(TIMING, Streak.first(False), 0.5) == 6 * S


def test_a_check_that_goes_on_elsewhere_is_spread_over_its_warmup_but_not_beyond_its_delay_loop() -> None:
    long = Timing(30 * S, 3 * S, 3, 2 * S, 600 * S)
    assert first_delay(TIMING, Streak(Phase.UP), 0.5) == 5 * S
    assert first_delay(long, Streak(Phase.DOWN, 4), 0.5) == 15 * S


def test_a_pending_retry_that_goes_on_elsewhere_stays_soon() -> None:
    assert first_delay(TIMING, Streak(Phase.UP, 1), 0.5) == S


def test_the_next_probe_is_due_after_delay_loop_or_for_a_retry_after_delay_before_retry() -> None:
    assert next_delay(TIMING, Streak(Phase.UP)) == 30 * S
    assert next_delay(TIMING, Streak(Phase.UP, 1)) == 2 * S
    assert next_delay(TIMING, Streak(Phase.DOWN, 4)) == 30 * S
    assert next_delay(TIMING, Streak(Phase.RECOVERING)) == 30 * S
    assert next_delay(TIMING, Streak(Phase.RECOVERING, 1)) == 2 * S


def test_fast_recovery_waits_only_while_recovery_goes_wrong() -> None:
    assert next_delay(TIMING, Streak(Phase.RECOVERING), fast_recovery=True) == 0
    assert next_delay(TIMING, Streak(Phase.RECOVERING, 1), fast_recovery=True) == 2 * S
    assert next_delay(TIMING, Streak(Phase.UP), fast_recovery=True) == 30 * S


def test_a_probe_may_last_as_long_as_its_delay_loop_or_three_timeouts() -> None:
    assert TIMING.longest_probe == 30 * S
    assert Timing(S, 3 * S, 1, S, 0).longest_probe == 9 * S


def test_an_empty_wheel_has_nothing_due_ever() -> None:
    wheel: Wheel[str] = Wheel(10)
    assert wheel.deadline() is None
    assert wheel.due(10**18) == []


def test_items_come_by_time_and_none_before_its_time() -> None:
    wheel: Wheel[str] = Wheel(10)
    wheel.add(25, "c")
    wheel.add(11, "a")
    wheel.add(20, "b")
    assert wheel.deadline() == 20
    assert wheel.due(19) == []
    assert wheel.due(24) == ["a", "b"]
    assert wheel.due(30) == ["c"]
    assert wheel.deadline() is None


@given(st.lists(st.integers(0, 10_000), max_size=50), st.integers(1, 100))
def test_every_item_comes_once_within_a_tick_of_its_time(times: list[int], tick: int) -> None:
    wheel: Wheel[int] = Wheel(tick)
    for at in times:
        wheel.add(at, at)
    seen: list[int] = []
    now = 0
    while (deadline := wheel.deadline()) is not None:
        now = deadline
        found = wheel.due(now)
        assert found
        assert all(now - tick < at <= now for at in found)
        seen += found
    assert sorted(seen) == sorted(times)
