"""What results mean for a check: the counting that was measured on keepalived 2.2.7."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.checker.streak import Phase, Streak


def run(streak: Streak, results: str, *, retry: int = 1, urls: int = 0) -> list[Streak]:
    """States after each result; "+" is success, "-" failure."""
    states = []
    for result in results:
        streak = streak.after(result == "+", retry=retry, urls=urls)
        states.append(streak)
    return states


def story(streak: Streak, results: str, *, retry: int = 1, urls: int = 0) -> str:
    """The phases as one letter each: U, r (up, retrying), D, R."""
    letters = []
    for s in run(streak, results, retry=retry, urls=urls):
        letters.append("r" if s.up and s.retrying else s.phase.value[0].upper())
    return "".join(letters)


HEALTHY = Streak(Phase.UP)


@pytest.mark.parametrize(
    ("results", "retry", "expected"),
    [
        ("----", 0, "DDDD"),
        ("----", 1, "rDDD"),
        ("----", 3, "rrrD"),
        ("-+-+-+", 1, "rUrUrU"),
        ("--+--+", 1, "rDUrDU"),
    ],
)
def test_a_healthy_check_goes_down_after_its_retries_and_up_after_one_success(results: str, retry: int, expected: str) -> None:
    assert story(HEALTHY, results, retry=retry) == expected


def test_the_very_first_failure_takes_a_check_down_whatever_its_retries() -> None:
    assert story(Streak.first(True), "-", retry=5) == "D"


def test_the_first_success_gives_a_check_its_retries() -> None:
    assert story(Streak.first(True), "+-----", retry=3) == "UrrrDD"


def test_with_alpha_the_first_success_brings_a_check_up() -> None:
    assert not Streak.first(False).up
    assert story(Streak.first(False), "+") == "U"


def test_with_alpha_every_url_must_pass_once() -> None:
    assert story(Streak.first(False), "++", urls=2) == "RU"


def test_with_alpha_a_first_failure_starts_the_recovery_over() -> None:
    assert story(Streak.first(False), "--+++", urls=2) == "DDRRU"


def test_a_failed_check_with_urls_needs_one_success_more_than_it_has_urls() -> None:
    assert story(HEALTHY, "--+++", retry=1, urls=2) == "rDRRU"
    assert story(HEALTHY, "-++", retry=0, urls=1) == "DRU"


def test_a_failure_on_the_way_up_is_retried_without_starting_over() -> None:
    states = run(Streak(Phase.DOWN, 2, 1), "++-+", retry=1, urls=2)
    assert [(s.phase, s.url) for s in states] == [
        (Phase.RECOVERING, 0),
        (Phase.RECOVERING, 1),
        (Phase.RECOVERING, 1),
        (Phase.UP, 0),
    ]


def test_failures_on_the_way_up_beyond_the_retries_take_it_down_again() -> None:
    assert story(Streak(Phase.DOWN, 1), "+--", retry=1, urls=2) == "RRD"


def test_urls_are_taken_in_turn_and_a_failed_one_again() -> None:
    assert [s.url for s in run(HEALTHY, "+++-+", urls=3)] == [1, 2, 0, 0, 1]


def test_a_shorter_list_of_urls_starts_over() -> None:
    assert Streak(Phase.DOWN, 1, 4).within(2) == Streak(Phase.DOWN, 1, 0)
    assert Streak(Phase.DOWN, 1, 1).within(2) == Streak(Phase.DOWN, 1, 1)
    assert Streak(Phase.UP).within(0) == Streak(Phase.UP)


def test_a_settled_success_changes_nothing() -> None:
    assert HEALTHY.after(True, retry=1) is HEALTHY
    assert HEALTHY.after(True, retry=1, urls=1) is HEALTHY


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (Streak(Phase.UP), Streak(Phase.UP, url=2), True),
        (Streak(Phase.UP), Streak(Phase.UP, 1), False),
        (Streak(Phase.UP), Streak(Phase.UP, fresh=True), False),
        (Streak(Phase.UP), Streak(Phase.DOWN), False),
        (Streak(Phase.DOWN, 2), Streak(Phase.DOWN, 9), True),
        (Streak(Phase.RECOVERING), Streak(Phase.RECOVERING, url=1), False),
        (Streak(Phase.RECOVERING, url=1), Streak(Phase.RECOVERING, url=1), True),
    ],
)
def test_states_are_alike_when_nobody_would_want_to_be_told(one: Streak, other: Streak, alike: bool) -> None:
    assert one.alike(other) is alike


class Model:
    """keepalived's counting in other words: a retry counter, and for URLs how many have passed since the last failure."""

    def __init__(self, retry: int, urls: int) -> None:
        self.retry, self.urls = retry, urls
        self.up, self.left, self.needed = True, 0, 0

    def result(self, ok: bool) -> None:
        if ok:
            if not self.up and self.urls and self.left < 0:
                self.needed = self.urls
            elif not self.up:
                self.needed = max(0, self.needed - 1)
            self.left = self.retry
            self.up = self.up or not self.needed
        else:
            self.left -= 1
            if self.left < 0:
                self.up, self.needed = False, 0


@given(st.lists(st.booleans(), max_size=60), st.integers(0, 4), st.integers(0, 4))
def test_health_agrees_with_a_plain_model(results: list[bool], retry: int, urls: int) -> None:
    model, streak = Model(retry, urls), Streak.first(True)
    for ok in results:
        model.result(ok)
        streak = streak.after(ok, retry=retry, urls=urls)
        assert streak.up == model.up


@given(st.lists(st.booleans(), max_size=60), st.integers(0, 4), st.integers(0, 4), st.booleans())
def test_no_state_is_absurd(results: list[bool], retry: int, urls: int, up: bool) -> None:
    streak = Streak.first(up)
    for ok in results:
        streak = streak.after(ok, retry=retry, urls=urls)
        assert 0 <= streak.url < max(1, urls)
        assert not streak.fresh
        assert ok == (streak.failures == 0)
        assert streak.failures <= retry or streak.phase is Phase.DOWN
        assert streak.up == (streak.phase is Phase.UP)


@given(st.lists(st.booleans(), max_size=40), st.integers(0, 4), st.integers(0, 4))
def test_up_changes_only_by_a_result_of_that_kind(results: list[bool], retry: int, urls: int) -> None:
    streak = Streak(Phase.UP)
    for ok in results:
        after = streak.after(ok, retry=retry, urls=urls)
        if after.up != streak.up:
            assert after.up == ok
        streak = after
