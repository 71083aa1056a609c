"""When is a check probed next? Delays as keepalived measures them, and a wheel of what is due.

Pure: time is integer nanoseconds of the monotonic clock, given; randomness is a fraction, given.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Generic, TypeVar

from services.checker.streak import Phase, Streak

BOOTSTRAP = 1_000_000_000  # keepalived waits 1 s before the first probe, warmup or not

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Timing:
    """How often a check is probed; nanoseconds.

    `connect_timeout` limits each step of a probe: connecting, the TLS handshake, each further piece of an answer.
    `delay_loop_down` is the delay while the check is down, `jitter` what is added to each delay at most, by chance.
    """

    delay_loop: int
    connect_timeout: int
    retry: int
    delay_before_retry: int
    warmup: int
    delay_loop_down: int = 0  # 0: delay_loop
    jitter: int = 0

    @property
    def longest_probe(self) -> int:
        """A probe that makes progress all the time is given up after this long."""
        return max(self.delay_loop, 3 * self.connect_timeout)


def first_delay(timing: Timing, streak: Streak, fraction: float) -> int:
    """From now to the first probe here; `fraction` in [0, 1) spreads the checks.

    A check without any result starts as in keepalived, 1 s + random(0 to warmup). One that goes on elsewhere (after a
    restart of the checker or of a worker) is spread over its delay_loop at most, or its pending retry.
    """
    if streak.fresh:
        return BOOTSTRAP + int(timing.warmup * fraction)
    if streak.retrying:
        return int(timing.delay_before_retry * fraction)
    return int(min(timing.delay_loop, timing.warmup) * fraction)


def next_delay(
    timing: Timing, streak: Streak, *, fast_recovery: bool = False, stretch: float = 1.0, fraction: float = 0.0
) -> int:
    """From a probe to the one after it, given the state after it; `fraction` in [0, 1) of the jitter is added.

    Counted from the end of a network probe and from the start of a program, as keepalived does. Retries decide about a
    server, and are not stretched.
    """
    if streak.retrying:
        return timing.delay_before_retry
    if fast_recovery and streak.phase is Phase.RECOVERING:
        return 0
    delay = timing.delay_loop if streak.up else timing.delay_loop_down or timing.delay_loop
    return int(delay * stretch) + int(timing.jitter * fraction)


class Wheel(Generic[T]):
    """Items by due time, in slots of `tick` nanoseconds; items of one slot come together, none before its time.

    Adding costs no heap operation unless the slot is new, so that thousands of checks in step are cheap.
    """

    def __init__(self, tick: int) -> None:
        self._tick = tick
        self._slots: dict[int, list[T]] = {}
        self._order: list[int] = []

    def add(self, at: int, item: T) -> None:
        """Let `item` be due at `at`, at most one tick later."""
        slot = -(-at // self._tick)
        items = self._slots.get(slot)
        if items is None:
            self._slots[slot] = [item]
            heapq.heappush(self._order, slot)
        else:
            items.append(item)

    def due(self, now: int) -> list[T]:
        """Remove and return all items whose time has come, earliest slot first."""
        last = now // self._tick
        if not self._order or self._order[0] > last:
            return []
        items: list[T] = []
        while self._order and self._order[0] <= last:
            items += self._slots.pop(heapq.heappop(self._order))
        return items

    def deadline(self) -> int | None:
        """When the next item is due; None: never."""
        return self._order[0] * self._tick if self._order else None
