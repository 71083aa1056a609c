"""Who advertises at the same moment, again and again? Masters of one interval whose moments fall together. Core.

A thousand routers at 10 ms are a hundred thousand adverts a second. One timer, one look and one system call for all that
are due together leave each nothing but its packet. Whoever has anything else to do leaves the chorus.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from services.vrrp.election import phase
from services.vrrp.election.actions import SendTogether
from services.vrrp.election.beat import Beat
from services.vrrp.election.router import VirtualRouter

LARGEST = 256  # routers, so that no step takes long


class Chorus:
    """Masters that have just advertised, at `now`, and will again at `at`, all of them, and every `interval` from then on.

    `name`: of its timer. Whoever is stepped leaves, and the chorus is not whole any more.
    """

    __slots__ = ("_beat", "_members", "_patience", "interval", "name", "together")

    def __init__(self, name: str, members: Iterable[VirtualRouter], now: int) -> None:
        self._members = tuple(members)
        first = self._members[0]
        self.name, self.interval = name, first.settings.advert_int
        self._beat = Beat(first.advert_at, now, shared=True)
        self._patience = min(router.takeover for router in self._members)
        self.together = SendTogether(tuple(advert for router in self._members for advert in router.repeated))
        for router in self._members:
            router.join(self._beat)

    @property
    def at(self) -> int:
        """The next time."""
        return self._beat.at

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[VirtualRouter]:
        return iter(self._members)

    def sing(self, now: int) -> bool:
        """All of them advertise once more: `together`. False: one has something else to do, and nothing has happened."""
        beat = self._beat
        if not beat.whole or beat.at > now or now - beat.said_at >= self._patience:
            return False
        beat.said_at, beat.at = now, phase.next_of(beat.at, self.interval, now)
        beat.count += 1
        return True

    def part(self) -> None:
        """Each advertises for itself again."""
        for router in self._members:
            if router.beat is self._beat:
                router.part()


class Choir:
    """All choruses of a machine."""

    def __init__(self) -> None:
        self._choruses: dict[str, Chorus] = {}
        self._named = 0

    def __getitem__(self, name: str) -> Chorus:
        return self._choruses[name]

    def dissolve(self, chorus: Chorus) -> None:
        """Each of them has a timer of its own again."""
        del self._choruses[chorus.name]
        chorus.part()

    def join(self, said: Iterable[VirtualRouter], sung: Iterable[Chorus], now: int) -> tuple[list[Chorus], list[VirtualRouter]]:
        """Those that have just advertised, alone or together, by when they do it next: choruses, and who remains alone."""
        moments: dict[tuple[int, int], tuple[list[Chorus], list[VirtualRouter]]] = {}
        for chorus in sung:
            moments.setdefault((chorus.at, chorus.interval), ([], []))[0].append(chorus)
        for router in said:
            moments.setdefault((router.advert_at, router.settings.advert_int), ([], []))[1].append(router)
        choruses: list[Chorus] = []
        alone: list[VirtualRouter] = []
        for here, singles in moments.values():
            members = [router for chorus in here for router in chorus] + singles
            if len(members) == 1 and singles:
                alone += singles
                continue
            if not singles and (len(here) == 1 or len(members) > LARGEST):
                choruses += here
                continue
            for chorus in here:
                self.dissolve(chorus)
            choruses += [self._new(members[at : at + LARGEST], now) for at in range(0, len(members), LARGEST)]
        return choruses, alone

    def _new(self, members: list[VirtualRouter], now: int) -> Chorus:
        self._named += 1
        chorus = self._choruses[str(self._named)] = Chorus(str(self._named), members, now)
        return chorus
