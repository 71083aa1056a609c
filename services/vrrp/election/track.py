"""What does that which is tracked mean? Raw results to up or down, up or down to faults and adjustments.

The engine owns rise and fall; the runner only reports what each run gave, which number a file holds and whether processes
are there. A silent runner leaves the last word standing for `silence_limit`, so that replacing the agent costs nothing; then
scripts and processes count as failed. What a file held stands, and one that was never told counts as missing.
"""

from __future__ import annotations

from typing import NamedTuple

from services.vrrp.config.settings import SECOND, Tracked, TrackProcess, VrrpScript
from services.vrrp.election.priority import adjustment

LEAST_SILENCE = 10 * SECOND
FILE_FAULT, FILE_MOST = -254, 253  # of a file's number times its weight


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


def silence_limit(check: VrrpScript | TrackProcess) -> int:
    """How long after a result the next one may come, nanoseconds; a script's: its period, its time limit, and one more."""
    return max(LEAST_SILENCE, check.interval + 2 * check.timeout) if isinstance(check, VrrpScript) else LEAST_SILENCE


class Verdict(NamedTuple):
    """What one tracker does to its instance."""

    adjustment: int
    fault: bool
    waiting: bool  # unweighted and unknown: the instance does not start yet


def judge(tracked: Tracked, up: bool | None) -> Verdict:
    """Weighted trackers adjust the priority; an unweighted one is a fault while down (reverse: while up)."""
    if tracked.weight:
        return Verdict(adjustment(tracked.weight, bool(tracked.reverse), up), False, False)
    return Verdict(0, up is not None and up == bool(tracked.reverse), up is None)


def judge_file(tracked: Tracked, value: int | None) -> Verdict:
    """A file's number times its weight, up to 253, is added to the priority; -254 or less is a fault.

    Unweighted, every number but 0 is a fault (reverse: 0 alone is).
    """
    if not tracked.weight:
        return Verdict(0, value is not None and bool(value) != bool(tracked.reverse), value is None)
    amount = (value or 0) * (-tracked.weight if tracked.reverse else tracked.weight)
    fault = amount <= FILE_FAULT
    return Verdict(0 if fault else min(FILE_MOST, amount), fault, False)
