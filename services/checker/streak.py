"""What does one more result mean for a check? Health after results, as keepalived 2.2.7 counts them.

Pure. Knows neither time nor what was probed. A check with URLs (`urls` > 0) probes one URL per result, in order; a check
without (`urls` = 0) is decided by each result alone.

Measured against keepalived 2.2.7, with `retry` = r and u URLs:

* up: r + 1 failures in a row take it down; one success in between forgets them; the failed URL is the one tried again;
* the very first result has no retries: one failure takes it down;
* down: every failure leaves it down; without URLs one success brings it up, with URLs the first success only starts the
  list over, and all u URLs must then pass (so u + 1 successes in all);
* on that way up failures are retried r times like those of a healthy check, without starting over.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace


class Phase(enum.Enum):
    """Where a check stands. Up or down is part of the phase, so that no streak can say both."""

    UP = "up"
    DOWN = "down"
    RECOVERING = "recovering"


@dataclass(frozen=True, slots=True)
class Streak:
    """The state of one check.

    `failures`: results in a row that failed. `url`: index of the URL that the next probe fetches. `fresh`: no probe has
    ended yet.
    """

    phase: Phase
    failures: int = 0
    url: int = 0
    fresh: bool = False

    @classmethod
    def first(cls, up: bool) -> Streak:
        """Before the first result: up, or down as `alpha` wants it."""
        return cls(Phase.UP if up else Phase.RECOVERING, fresh=True)

    @property
    def up(self) -> bool:
        """The check does not take its server down."""
        return self.phase is Phase.UP

    @property
    def settled(self) -> bool:
        """A success changes nothing but the URL."""
        return self.phase is Phase.UP and not self.failures and not self.fresh

    @property
    def retrying(self) -> bool:
        """The last result failed and did not decide; the same probe is repeated soon."""
        return self.phase is not Phase.DOWN and self.failures > 0

    def alike(self, other: Streak) -> bool:
        """Nothing differs that anybody would want to be told: a count of failures only while retries are being used up."""
        if (self.phase, self.fresh) != (other.phase, other.fresh):
            return False
        if self.phase is Phase.DOWN:
            return True
        return self.failures == other.failures and (self.up or self.url == other.url)

    def after(self, ok: bool, *, retry: int, urls: int = 0) -> Streak:
        """The state after one more result of the probe that `url` names."""
        return self._success(urls) if ok else self._failure(retry)

    def _success(self, urls: int) -> Streak:
        if self.settled and urls <= 1:
            return self
        if urls and self.phase is Phase.DOWN:
            return Streak(Phase.RECOVERING)
        url = self.url + 1
        if url >= urls:
            return Streak(Phase.UP)
        return Streak(self.phase, url=url)

    def _failure(self, retry: int) -> Streak:
        failures = self.failures + 1
        if self.phase is not Phase.DOWN and failures <= retry and not self.fresh:
            return replace(self, failures=failures)
        return Streak(Phase.DOWN, failures, self.url)

    def within(self, urls: int) -> Streak:
        """The same state for a list of so many URLs (the configuration may have shortened it)."""
        return self if self.url < max(1, urls) else replace(self, url=0)
