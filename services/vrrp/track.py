"""What do the tracked scripts and interfaces mean? Raw results to up or down, up or down to faults and adjustments.

The engine owns rise and fall; the runner only reports what each run gave. A silent runner leaves the last result
standing for `silence_limit`, so that replacing the agent costs nothing; then the script counts as failed.
"""

from __future__ import annotations

from typing import NamedTuple

from services.vrrp.priority import adjustment
from services.vrrp.settings import SECOND, Tracked, VrrpScript

LEAST_SILENCE = 10 * SECOND


class Health(NamedTuple):
    """A script's state: `up` None until the first result, which alone decides; then consecutive results count."""

    up: bool | None = None
    streak: int = 0  # consecutive results that contradict `up`

    def after(self, ok: bool, *, rise: int, fall: int) -> Health:
        """The state after one more result."""
        if self.up is None:
            return Health(ok)
        if ok == self.up:
            return Health(self.up)
        streak = self.streak + 1
        return Health(ok) if streak >= (rise if ok else fall) else Health(self.up, streak)


def silence_limit(script: VrrpScript) -> int:
    """How long after a result the next one may come, nanoseconds: its period, its time limit, and one more of these."""
    return max(LEAST_SILENCE, script.interval + 2 * script.timeout)


class Verdict(NamedTuple):
    """What one tracker does to its instance."""

    adjustment: int
    fault: bool
    waiting: bool  # unweighted and unknown: the instance does not start yet


def judge(tracked: Tracked, up: bool | None) -> Verdict:
    """Weighted trackers adjust the priority; an unweighted one is a fault while down (reverse: while up)."""
    if tracked.weight:
        return Verdict(adjustment(tracked.weight, tracked.reverse, up), False, False)
    return Verdict(0, up is not None and up == tracked.reverse, up is None)
