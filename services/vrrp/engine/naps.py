"""For how long need nobody look at the adverts that come? Hearing many costs little more than to wake up for one.

Where masters repeat themselves the engine naps: their adverts pile up, and the kernel notes when each came. What cannot wait
rings (`wire.bells`), and whatever else the engine waits for ends a nap, too.
"""

from __future__ import annotations

import select
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from services.vrrp.election.node import Node
from services.vrrp.engine.advert_sockets import AdvertSockets
from services.vrrp.wire.sockets import Link

if TYPE_CHECKING:
    from services.vrrp.wire.bells import Bell

LONGEST, SHORTEST = 200_000_000, 2_000_000  # nanoseconds of a nap
MANY = 3  # packets in the longest one that are worth it
BUNCH = 256  # packets heard at a stretch; what else is due waits meanwhile
FAMILIES = (4, 6)  # what comes in IPSEC-AH is never the same twice
Events = list[tuple[int, int]]  # as epoll has them


class Pace:
    """How long naps may be, from how many packets come. Times in nanoseconds. Core."""

    def __init__(self) -> None:
        self._since = self._count = self._rings = self._nap = 0
        self._idle = True

    def heard(self, count: int) -> None:
        """So many packets came."""
        self._count += count
        self._idle &= not count

    def rang(self) -> None:
        """A nap ended early; where most do, none is taken for a while."""
        self._rings += 1
        if self._rings * MANY > self._count:
            self._nap = 0

    def nap(self, now: int) -> int:
        """In which about BUNCH packets come. 0: none came since the last one, or too few or too many come."""
        took = now - self._since
        if took >= LONGEST:
            worth = self._count * LONGEST >= MANY * took
            nap = min(LONGEST, BUNCH * took // self._count) if worth else 0
            self._nap = nap if nap >= SHORTEST else 0
            self._since, self._count, self._rings = now, 0, 0
        idle, self._idle = self._idle, True
        return 0 if idle else self._nap


class Naps:
    """Closes the ears of `sockets` as long as one nap follows another."""

    def __init__(self, epoll: select.epoll, sockets: AdvertSockets, node: Node) -> None:
        self._epoll, self._sockets, self._node = epoll, sockets, node
        self._moves = -1  # of the node, up to which the bells are right
        self._deaf: list[tuple[Link, Bell]] = []
        self._until = 0  # when the nap ends that a master's advert interrupted
        self.pace = Pace()

    def cut_short(self, now: int, latest: int) -> bool:
        """The next of many naps would end at `latest`, which may be too early: what was heard has moved timers on."""
        return len(self._deaf) > 0 and latest - now < LONGEST

    def begin(self, now: int, latest: int) -> int:
        """When a nap from `now` on is to end, at `latest` or before. 0: it is not worth it, or there is something to hear."""
        until, self._until = self._until or now + self.pace.nap(now), 0
        until = min(until, latest)
        if until < now + SHORTEST or not self._ready():
            return 0
        if not self._deaf:
            self._deaf = [(link, link.bell) for link in self._links() if link.bell is not None]
            for link, bell in self._deaf:
                self._epoll.modify(bell.fileno(), select.EPOLLIN)
                self._epoll.modify(link.receiver.fileno(), 0)
        return until

    def interrupted(self, until: int) -> None:
        """The nap that is to end then goes on as soon as a master has said what it says; there is nothing that it must hear."""
        self._until = until

    def woken(self, events: Events) -> Events:
        """What has happened: not that a bell rang, but that everybody may have said something."""
        readers = [(link.receiver.fileno(), select.EPOLLIN) for link, _bell in self._deaf if link.is_open]
        bells = {bell.fileno(): bell for link, bell in self._deaf if link.is_open}
        for descriptor, _mask in events:
            if descriptor in bells:
                bells[descriptor].silence()  # before anything is heard: what comes from now on rings again
                self.pace.rang()
        return readers + [event for event in events if event[0] not in bells]

    def end(self) -> None:
        """Ears are open again."""
        for link, bell in self._deaf:
            if link.is_open:
                self._epoll.modify(link.receiver.fileno(), select.EPOLLIN)
                self._epoll.modify(bell.fileno(), 0)
        self._deaf.clear()
        self._until = 0

    def _ready(self) -> bool:
        """The bells ring for what they must. False: only from now on; what came before may wait to be heard."""
        if self._moves == self._node.moves and all(link.bell for link in self._links()):
            return True
        self._moves = self._node.moves
        loud: dict[tuple[int, str], int] = defaultdict(int)
        for router in self._node.routers.values():
            if not router.in_routine:
                loud[router.settings.link, router.settings.interface] |= 1 << router.settings.vrid
        changed = False
        try:
            for family in FAMILIES:
                for name, link in self._sockets.links[family].items():
                    changed |= self._bell(link).ring_for(loud[family, name])
        except OSError:  # the interface goes away, or there are too many files
            self._moves = -1
            return False
        return not changed

    def _bell(self, link: Link) -> Bell:
        if link.bell is None:
            from services.vrrp.wire.bells import Bell

            link.bell = Bell(link)
            self._epoll.register(link.bell.fileno(), 0)
        return link.bell

    def _links(self) -> Iterator[Link]:
        for family in FAMILIES:
            yield from self._sockets.links[family].values()
