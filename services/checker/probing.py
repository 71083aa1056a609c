"""What is probed, for one check or for several that ask the same in the same rhythm? Values that agent and workers share.

Core.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from services.checker.kinds.what import What
from services.checker.schedule import Timing
from services.checker.streak import Streak


@dataclass(frozen=True, slots=True)
class Probing:
    """One probe at work. `id` is a number within one run of the checker, `kind` the field of the configuration."""

    id: int
    kind: str
    what: What
    timing: Timing


@dataclass(frozen=True, slots=True)
class Result:
    """What is known of one probing: its state, and the last result that was worth reporting.

    `ended`: monotonic nanoseconds, 0 before the first; `duration` in nanoseconds; `cause`: empty when that probe
    succeeded; `weight`: what a program of misc_dynamic asked for, or what a file adds; None: the configured weight.
    """

    streak: Streak
    cause: str = ""
    weight: int | None = None
    ended: int = 0
    duration: int = 0

    def alike(self, other: Result) -> bool:
        """Nothing but times and counts differs."""
        return (self.cause, self.weight) == (other.cause, other.weight) and self.streak.alike(other.streak)


@dataclass(frozen=True, slots=True)
class Update:
    """A probing that is new or whose settings changed; `result` is the state to go on from."""

    probing: Probing
    result: Result


def fingerprint(what: What) -> str:
    """Equal for checks that ask the same of the same target, whatever their timing."""
    return hashlib.blake2b(repr(what).encode(), digest_size=12).hexdigest()
