"""At which moment of its interval does a router advertise? Core.

If each of many routers had a moment of its own, each would cost a wake-up of its own, which is more than the advert. So where
there are many, each drifts to the nearest common moment before its own after it took office: its intervals are shorter, never
longer, by at most a two-hundredth (and half a millisecond) until that is reached; from then on they are exact again, and who
shares a moment is due at the same nanosecond, and leaves together with the others (`chorus`).
"""

from __future__ import annotations

CROWD = 8  # routers in one engine beyond which they look for common moments
LONGEST = 25_000_000  # nanoseconds of the whole drift, at most
STEP = 500_000  # nanoseconds of one interval, at most


def drift(interval: int, first: int) -> int:
    """How much earlier in its grid a router is to advertise in the end; nanoseconds, below a quarter of the interval.

    `first`: when the grid begins.
    """
    return first % min(LONGEST, interval // 4)


def shortened(left: int, interval: int) -> int:
    """How much of what is left of the drift the next interval takes; nanoseconds."""
    return min(left, STEP, interval // 200)


def next_of(at: int, interval: int, now: int) -> int:
    """The first moment after `now` on the grid of `at`, which has come."""
    return at + interval if now - at < interval else at + ((now - at) // interval + 1) * interval
