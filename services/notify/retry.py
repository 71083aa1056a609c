"""When is a failed delivery tried again, and when given up? Core."""

from __future__ import annotations

from dataclasses import dataclass

SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Policy:
    """Pauses grow by `factor` from `first` to `longest` (ns). It ends after `attempts` (0: any number), or where the next
    one would come more than `patience` ns after the first."""

    first: int
    longest: int
    patience: int
    attempts: int = 0
    factor: int = 2

    def pause(self, failures: int, age: int) -> int | None:
        """Nanoseconds until the next attempt after `failures` (1 or more), the first of them `age` ns ago; None: give up."""
        if self.attempts and failures >= self.attempts:
            return None
        wait = self.longest
        if failures <= 32:  # beyond, every doubling is over the limit
            wait = min(self.longest, self.first * self.factor ** (failures - 1))
        return wait if age + wait <= self.patience else None


# A program that failed three times is broken; what it missed must not hold up what comes after it.
SCRIPT = Policy(first=SECOND, longest=5 * SECOND, patience=300 * SECOND, attempts=3)
# A mail server may be away for a day.
SMTP = Policy(first=SECOND, longest=60 * SECOND, patience=86_400 * SECOND)
POLICIES = {"script": SCRIPT, "smtp": SMTP}
