"""Adverts of many routers: at common moments, and their intervals never longer than configured."""

from __future__ import annotations

import pytest

from services.vrrp.election import phase

SECOND = 1_000_000_000
INTERVALS = [SECOND // 100, SECOND // 10, SECOND, 255 * SECOND]


FIRST = 7 * SECOND + 123_456_789


def drifted(vrid: int, interval: int) -> list[int]:
    """What each interval is shortened by, until there is nothing left."""
    left = phase.drift(interval, FIRST + vrid * 1_000_000)
    steps = []
    while left:
        steps.append(phase.shortened(left, interval))
        left -= steps[-1]
    return steps


@pytest.mark.parametrize("interval", INTERVALS)
def test_no_interval_is_shortened_by_more_than_a_two_hundredth_or_half_a_millisecond(interval: int) -> None:
    assert all(0 < step <= min(interval // 200, 500_000) for vrid in range(1, 256) for step in drifted(vrid, interval))


@pytest.mark.parametrize("interval", INTERVALS)
def test_the_whole_drift_is_below_a_quarter_of_the_interval_and_ends(interval: int) -> None:
    assert all(sum(drifted(vrid, interval)) < min(interval // 4, 25_000_001) for vrid in range(1, 256))
    assert max(len(drifted(vrid, interval)) for vrid in range(1, 256)) <= 50


@pytest.mark.parametrize("interval", INTERVALS[:3])
def test_routers_that_took_office_one_after_the_other_end_at_common_moments(interval: int) -> None:
    took_office = [FIRST + n * 20_000 for n in range(50)]
    moments = {first - phase.drift(interval, first) for first in took_office}
    assert {moment % min(interval // 4, 25_000_000) for moment in moments} == {0}
    assert len(moments) <= 2
