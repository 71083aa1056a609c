"""May an address be announced now, or must it wait? Lanes of interfaces with a least time between two announcements.

What must wait is announced once when its turn comes, however often it was asked for meanwhile, as keepalived has it: a
burst of five is one paced announcement of each address. Knows neither packets nor clocks; times in nanoseconds, given.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from services.vrrp.addresses import VirtualAddress
from services.vrrp.config.announce_settings import Paces

Key = tuple[str, str, str]  # router, address, interface


class Waiting(NamedTuple):
    """One announcement whose time will come."""

    router: str
    row: VirtualAddress


class Lane:
    """One sequence of announcements of one family."""

    __slots__ = ("free_at", "gap", "waiting")

    def __init__(self, gap: int) -> None:
        self.gap = gap
        self.free_at = 0
        self.waiting: dict[Key, Waiting] = {}  # in order


class Pacing:
    """All lanes. `deadline`: when `due` has something to say."""

    def __init__(self) -> None:
        self._paces = Paces()
        self._lanes: dict[tuple[str, bool], Lane] = {}
        self._busy: set[tuple[str, bool]] = set()
        self.deadline: int | None = None

    def configure(self, paces: Paces) -> None:
        """From now on these; what waits goes on waiting, by the new ones."""
        if paces == self._paces:
            return
        self._paces = paces
        before, self._lanes, self._busy = self._lanes, {}, set()
        for lane in before.values():
            for waiting in lane.waiting.values():
                self._enqueue(waiting.router, waiting.row, lane.free_at)
        self._settle()

    def admits(self, router: str, row: VirtualAddress, now: int) -> bool:
        """Whether it may be announced now; if not it waits."""
        lane = self._lane(row)
        if not lane.gap and not lane.waiting:
            return True
        if not lane.waiting and lane.free_at <= now:
            lane.free_at = now + lane.gap
            return True
        self._enqueue(router, row, lane.free_at)
        self._settle()
        return False

    def free(self, row: VirtualAddress) -> bool:
        """Whether it may be announced at any time."""
        lane = self._lane(row)
        return not lane.gap and not lane.waiting

    def take_up(self, router: str, row: VirtualAddress, now: int) -> None:
        """It waited with a predecessor, and waits on; nothing of its lane is announced before `now`."""
        self._enqueue(router, row, now)
        self._settle()

    def due(self, now: int) -> list[Waiting]:
        """Whose time has come: at most one of each lane."""
        found = []
        for key in tuple(self._busy):
            lane = self._lanes[key]
            if lane.free_at <= now:
                found.append(lane.waiting.pop(next(iter(lane.waiting))))
                lane.free_at = now + lane.gap
                if not lane.waiting:
                    self._busy.discard(key)
        self._settle()
        return found

    def drop(self, router: str, rows: Iterable[VirtualAddress]) -> None:
        """These are not to be announced any more."""
        if not self._busy:
            return
        keys = {(router, row.address, row.dev) for row in rows}
        for name in tuple(self._busy):
            lane = self._lanes[name]
            for key in lane.waiting.keys() & keys:
                del lane.waiting[key]
            if not lane.waiting:
                self._busy.discard(name)
        self._settle()

    @property
    def waiting(self) -> list[Waiting]:
        """All that waits, in order of each lane."""
        return [waiting for key in sorted(self._busy) for waiting in self._lanes[key].waiting.values()]

    def _key(self, row: VirtualAddress) -> tuple[tuple[str, bool], int]:
        """The lane of an address, and its gap."""
        pace, six = self._paces.of(row.dev), ":" in row.address
        return (pace.lane, six), pace.gna if six else pace.garp

    def _lane(self, row: VirtualAddress) -> Lane:
        key, gap = self._key(row)
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane(gap)
        return lane

    def _enqueue(self, router: str, row: VirtualAddress, free_at: int) -> None:
        lane = self._lane(row)
        lane.free_at = max(lane.free_at, free_at)
        lane.waiting.setdefault((router, row.address, row.dev), Waiting(router, row))
        self._busy.add(self._key(row)[0])

    def _settle(self) -> None:
        self.deadline = min((self._lanes[key].free_at for key in self._busy), default=None)
