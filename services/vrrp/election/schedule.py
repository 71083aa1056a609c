"""What is due next, of everything that waits for a time? One heap of keys, at most one valid entry each. Core."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heappop, heappush, heapreplace

Key = tuple[str, str]  # kind (instance, chorus, group, script, process, file, bfd, hold, static, debounce) and name


class Schedule:
    """Keys and times in nanoseconds. An entry may come too early: whoever is woken looks, and says the next time."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Key]] = []
        self._pushed: dict[Key, int] = {}
        self._count = 0

    @property
    def next(self) -> tuple[int, Key] | None:
        """The earliest entry."""
        return (self._heap[0][0], self._heap[0][2]) if self._heap else None

    @property
    def after_next(self) -> int | None:
        """The time of the entry behind the earliest."""
        return min(self._heap[1:3])[0] if len(self._heap) > 1 else None  # of a heap the least is before these two

    def wake(self, key: Key, when: int | None) -> None:
        """Wake for `key` at `when` (None: not for this); an earlier entry stays."""
        pushed = self._pushed.get(key)
        if when is None or (pushed is not None and pushed <= when):
            return
        self._pushed[key] = when
        self._count += 1
        heappush(self._heap, (when, self._count, key))

    def due(self, now: int, most: int) -> Iterator[Key]:
        """Keys whose time has come, in order of their times, out of at most so many entries."""
        heap = self._heap
        for _ in range(most):
            if not heap or heap[0][0] > now:
                return
            when, _count, key = heappop(heap)
            if self._pushed.get(key) == when:  # else a later entry took its place
                del self._pushed[key]
                yield key

    def put_off(self, until: int, most: int, later: Callable[[Key], int | None]) -> bool:
        """Move entries that come too early, out of at most so many up to `until`, so that they need no wake-up each. True: it
        has moved some.

        `later` gives the real time of a key (None: it waits for nothing); the first that is right ends it.
        """
        heap, moved = self._heap, False
        for _ in range(most):
            if not heap or heap[0][0] > until:
                break
            when, _count, key = heap[0]
            valid = self._pushed.get(key) == when
            real = later(key) if valid else None
            if real is None:
                heappop(heap)
                if valid:
                    del self._pushed[key]
            elif real > when:
                self._count += 1
                self._pushed[key] = real
                heapreplace(heap, (real, self._count, key))
            else:
                break
            moved = True
        return moved

    def clear(self) -> None:
        """Nothing waits any more."""
        self._heap.clear()
        self._pushed.clear()
