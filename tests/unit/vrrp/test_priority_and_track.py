"""keepalived's weight arithmetic, and what raw results of trackers mean."""

from __future__ import annotations

import pytest

from services.vrrp.config.settings import SECOND, Tracked, TrackProcess, VrrpScript
from services.vrrp.election.priority import adjustment, effective
from services.vrrp.election.track import Health, Verdict, judge, judge_file, silence_limit


@pytest.mark.parametrize(
    ("weight", "reverse", "up", "adds"),
    [
        (20, False, True, 20),
        (20, False, False, 0),
        (-20, False, True, 0),
        (-20, False, False, -20),
        (20, True, True, -20),
        (20, True, False, 0),
        (-20, True, True, 0),
        (-20, True, False, 20),
        (20, False, None, 0),
        (-20, True, None, 0),
    ],
)
def test_a_positive_weight_counts_while_up_a_negative_one_while_down(
    weight: int, reverse: bool, up: bool | None, adds: int
) -> None:
    assert adjustment(weight, reverse, up) == adds


@pytest.mark.parametrize(
    ("base", "adjustments", "result"),
    [(100, [], 100), (100, [20, -50], 70), (100, [253, -200], 153), (100, [253], 254), (100, [-200], 1), (255, [-100], 255)],
)
def test_the_sum_is_clamped_only_at_its_end_and_owners_take_no_notice(base: int, adjustments: list[int], result: int) -> None:
    assert effective(base, adjustments) == result


def test_the_first_result_alone_decides() -> None:
    assert Health().after(False, rise=3, fall=3) == Health(False)
    assert Health().after(True, rise=3, fall=3) == Health(True)


def test_rise_and_fall_count_consecutive_results() -> None:
    health = Health(True)
    for ok in (False, False, True, False, False):
        health = health.after(ok, rise=2, fall=3)
    assert health == Health(True, 2)
    assert health.after(False, rise=2, fall=3) == Health(False)
    assert Health(False, 1).after(True, rise=2, fall=3) == Health(True)


@pytest.mark.parametrize(
    ("tracked", "up", "verdict"),
    [
        (Tracked("x", 0), True, Verdict(0, False, False)),
        (Tracked("x", 0), False, Verdict(0, True, False)),
        (Tracked("x", 0), None, Verdict(0, False, True)),
        (Tracked("x", 0, True), True, Verdict(0, True, False)),
        (Tracked("x", 0, True), False, Verdict(0, False, False)),
        (Tracked("x", -30), False, Verdict(-30, False, False)),
        (Tracked("x", -30), None, Verdict(0, False, False)),
    ],
)
def test_an_unweighted_tracker_faults_a_weighted_one_adjusts(tracked: Tracked, up: bool | None, verdict: Verdict) -> None:
    assert judge(tracked, up) == verdict


@pytest.mark.parametrize(
    ("weight", "reverse", "value", "adds"),
    [
        (1, False, 5, 5),
        (1, False, -7, -7),
        (1, False, 300, 253),
        (1, False, 254, 253),
        (1, False, -253, -253),
        (1, False, -254, None),
        (2, False, 5, 10),
        (2, False, 127, 253),
        (2, False, -127, None),
        (2, True, 5, -10),
        (2, True, -127, 253),
        (2, True, 127, None),
        (-2, False, 5, -10),
        (-2, False, -5, 10),
        (254, False, -5, None),
        (-254, True, 5, 253),
        (0, False, 0, 0),
        (0, False, 1, None),
        (0, False, -1, None),
        (0, True, 0, None),
        (0, True, 9, 0),
        (5, False, None, 0),
    ],
)
def test_a_files_number_times_its_weight_is_added_or_is_a_fault(
    weight: int, reverse: bool, value: int | None, adds: int | None
) -> None:
    """Each row is what keepalived 2.2.7 did; None: FAULT."""
    verdict = judge_file(Tracked("x", weight, reverse), value)
    assert verdict == (Verdict(0, True, False) if adds is None else Verdict(adds, False, False))


def test_an_unweighted_file_that_is_not_known_yet_holds_the_start() -> None:
    assert judge_file(Tracked("x", 0, False), None) == Verdict(0, False, True)


def test_silence_is_allowed_for_ten_seconds_or_for_slow_scripts_longer() -> None:
    assert silence_limit(VrrpScript("x")) == 10 * SECOND
    assert silence_limit(VrrpScript("x", interval=30 * SECOND, timeout=5 * SECOND)) == 40 * SECOND
    assert silence_limit(TrackProcess(("x",))) == 10 * SECOND
