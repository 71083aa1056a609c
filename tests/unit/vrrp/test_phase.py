"""Adverts of many routers: apart from each other, and their intervals never longer than configured."""

from __future__ import annotations

import itertools

import pytest

from services.vrrp.election import phase

SECOND = 1_000_000_000
INTERVALS = [SECOND // 100, SECOND // 10, SECOND, 255 * SECOND]


def drifted(vrid: int, interval: int) -> list[int]:
    """What each interval is shortened by, until there is nothing left."""
    left = phase.drift(vrid, interval)
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


def test_fifty_routers_end_at_fifty_moments_apart_from_each_other() -> None:
    moments = sorted(phase.drift(vrid, SECOND // 10) for vrid in range(1, 51))
    assert min(b - a for a, b in itertools.pairwise(moments)) >= 25_000_000 // 256
