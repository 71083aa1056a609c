"""Which priority does a virtual router have now? A pure function of configuration and trackers (keepalived's arithmetic).

Recomputed from the inputs each time, never adjusted in place.
"""

from __future__ import annotations

from collections.abc import Iterable

OWNER = 255
LEAST, MOST = 1, 254


def adjustment(weight: int, reverse: bool, up: bool | None) -> int:
    """What one tracker adds: +w while up, -w while down; reverse negates it; unknown (None) adds nothing."""
    if up is None:
        return 0
    amount = max(weight, 0) if up else min(weight, 0)
    return -amount if reverse else amount


def effective(base: int, adjustments: Iterable[int]) -> int:
    """The sum, clamped only at its end to 1..254; an owner (255) takes no notice of trackers."""
    if base == OWNER:
        return OWNER
    return max(LEAST, min(MOST, base + sum(adjustments)))
