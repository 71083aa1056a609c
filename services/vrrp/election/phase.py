"""At which moment of its interval does a router advertise? Core.

Routers that took office together would send all their adverts in one burst for ever, and the last of fifty would wait for
the others each time. If each had a moment of its own, each would cost a wake-up of its own, which is more than the advert.
So where there are many, each drifts to one of four moments after it took office: its intervals are shorter, never longer,
by at most a two-hundredth (and half a millisecond) until that moment is reached; from then on they are exact again, and who
shares a moment is due at the same nanosecond.
"""

from __future__ import annotations

CROWD = 8  # routers in one engine beyond which they drift apart
LONGEST = 25_000_000  # nanoseconds of the whole drift, at most
SLOTS = 4
STEP = 500_000  # nanoseconds of one interval, at most


def drift(vrid: int, interval: int, first: int) -> int:
    """How much earlier in its grid a router is to advertise in the end; nanoseconds, below a quarter of the interval.

    `first`: when the grid begins. Neighbouring VRIDs land far apart: 159 / 256 is close to the golden section.
    """
    slot = min(LONGEST, interval // 4) // SLOTS
    earlier = slot * (vrid * 159 % 256 * SLOTS // 256)
    return earlier + (first - earlier) % slot


def shortened(left: int, interval: int) -> int:
    """How much of what is left of the drift the next interval takes; nanoseconds."""
    return min(left, STEP, interval // 200)


def next_of(at: int, interval: int, now: int) -> int:
    """The first moment after `now` on the grid of `at`, which has come."""
    return at + interval if now - at < interval else at + ((now - at) // interval + 1) * interval
