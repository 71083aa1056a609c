"""The engine's timer: it wakes at its time, however often it is told the same."""

from __future__ import annotations

import select
import time

import pytest

from services.vrrp.timer import Timer

CLOCK = time.CLOCK_BOOTTIME
PATIENCE_S = 30


def wakes(timer: Timer) -> bool:
    return bool(select.select([timer], [], [], PATIENCE_S)[0])


@pytest.mark.parametrize("when", [-5, 0, 1])
def test_a_time_that_has_passed_wakes_at_once(when: int) -> None:
    timer = Timer(CLOCK)
    timer.arm(when)
    assert wakes(timer)
    timer.arm(when)
    assert wakes(timer)
    timer.close()


def test_another_time_is_waited_for_anew() -> None:
    timer = Timer(CLOCK)
    timer.arm(1)
    assert wakes(timer)
    far = time.clock_gettime_ns(CLOCK) + 3600 * 1_000_000_000
    timer.arm(far)
    assert not select.select([timer], [], [], 0)[0]
    soon = time.clock_gettime_ns(CLOCK) + 1_000_000
    timer.arm(soon)
    timer.arm(soon)
    assert wakes(timer)
    assert time.clock_gettime_ns(CLOCK) >= soon
    timer.close()
