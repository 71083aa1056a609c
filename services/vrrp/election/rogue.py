"""When does an owner of the addresses give way to another owner that does not? keepalived's rogue owners. Core.

Two routers have priority 255, and the one with the lower address does not yield, as it should: it cannot hear, or ignores
adverts. The better one says its word twice more, waits a little longer than an interval, and gives way if the other one
still speaks. Times in nanoseconds.
"""

from __future__ import annotations

ADVERTS = 2  # of ours that the other one may have missed


class Rogue:
    """What one owner has seen of another one."""

    __slots__ = ("_heard_at", "_left", "_patience", "_until")

    def __init__(self) -> None:
        self._left = 0
        self._heard_at: int | None = None
        self._patience = self._until = 0

    def heard(self, now: int, interval: int) -> bool:
        """It spoke; `interval` is the longer one of the two. Whether to give way."""
        known = self._heard_at is not None and now - self._heard_at <= 3 * interval
        self._heard_at, self._patience = now, interval * 12 // 10
        if not known:
            self._left = ADVERTS
        return known and not self._left and now >= self._until

    def answered(self, now: int) -> None:
        """An advert of ours left."""
        if self._left:
            self._left -= 1
            self._until = now + self._patience
