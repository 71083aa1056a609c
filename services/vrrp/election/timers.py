"""What is due next on this machine? Masters' adverts before all else: a mass of takeovers must not make those late that are
through. Core.

Holds the heap of masters, alone or in choruses, and that of everything else; what is due is done by the node.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from services.vrrp.election.actions import SendAdvert, SendTogether, State
from services.vrrp.election.chorus import Choir, Chorus
from services.vrrp.election.router import VirtualRouter
from services.vrrp.election.schedule import Key, Schedule

MAX_DUE = 256  # adverts sent in one step, so that no step takes long
TURN = 16  # of other timers, takeovers among them: then adverts are looked at again
AHEAD = 250_000_000  # nanoseconds; timers of backups that adverts have moved on are moved together
Routers = Mapping[str, VirtualRouter]


class Said(NamedTuple):
    """Adverts that leave, and the names of masters that have more to do than to say them again."""

    adverts: list[SendAdvert | SendTogether]
    others: list[str]


class Timers:
    """All that waits. Times in nanoseconds; an entry may come too early: whoever is woken looks, and says the next time."""

    def __init__(self) -> None:
        self._adverts = Schedule()
        self._rest = Schedule()
        self._choir = Choir()

    @property
    def deadline(self) -> int | None:
        """When anything is due; None: never."""
        advert, other = self._adverts.next, self._rest.next
        if advert is None or (other is not None and other[0] < advert[0]):
            return other[0] if other is not None else None
        return advert[0]

    @property
    def next_other(self) -> tuple[int, Key] | None:
        """What is due next, if that is no advert."""
        advert, other = self._adverts.next, self._rest.next
        return None if other is None or (advert is not None and advert[0] <= other[0]) else other

    @property
    def other_at(self) -> int | None:
        """When anything but an advert may be due, at the earliest; None: nothing waits."""
        return self._rest.next[0] if self._rest.next is not None else None

    def idle_until(self, end: int) -> bool:
        """Nothing but what is due next may be due before `end`, given that it is no advert."""
        advert, behind = self._adverts.next, self._rest.after_next
        return (advert is None or advert[0] >= end) and (behind is None or behind >= end)

    def wake(self, key: Key, when: int | None) -> None:
        """Wake for `key` at `when` (None: not for this)."""
        self._rest.wake(key, when)

    def wake_router(self, router: VirtualRouter) -> None:
        """Wake for a router at its deadline."""
        schedule = self._adverts if router.state is State.MASTER else self._rest
        schedule.wake(("instance", router.settings.name), router.deadline)

    def clear(self) -> None:
        """Nothing waits any more."""
        self._adverts.clear()
        self._rest.clear()

    # -- masters

    def advertise(self, routers: Routers, now: int) -> Said:
        """Those whose time has come, at most about MAX_DUE, repeat what they say; who does so together stays together."""
        result = Said([], [])
        said: list[VirtualRouter] = []
        sung: list[Chorus] = []
        singers = 0
        for kind, name in self._adverts.due(now, MAX_DUE):
            if kind == "chorus":
                chorus = self._choir[name]
                if not chorus.sing(now):
                    self._dissolve(chorus, routers)
                    continue
                result.adverts.append(chorus.together)
                sung.append(chorus)
                singers += len(chorus)
                if singers >= MAX_DUE:
                    break
            elif (router := routers.get(name)) is not None and (adverts := router.say_again(now)):
                result.adverts.extend(adverts)
                said.append(router)
            else:
                result.others.append(name)
        self._wait_again(said, sung, now)
        return result

    def _wait_again(self, said: list[VirtualRouter], sung: list[Chorus], now: int) -> None:
        choruses, alone = self._choir.join(said, sung, now) if said or len(sung) > 1 else (sung, said)
        for chorus in choruses:
            self._adverts.wake(("chorus", chorus.name), chorus.at)
            for router in chorus if chorus not in sung else ():
                self._adverts.wake(("instance", router.settings.name), router.announcements.deadline)
        for router in alone:
            self.wake_router(router)

    def _dissolve(self, chorus: Chorus, routers: Routers) -> None:
        self._choir.dissolve(chorus)
        for router in chorus:
            if routers.get(router.settings.name) is router:
                self.wake_router(router)

    # -- everything else

    def due(self, now: int) -> Iterator[Key]:
        """At most TURN of what else is due."""
        return self._rest.due(now, TURN)

    def put_off(self, routers: Routers, now: int) -> bool:
        """Move the timers of backups that adverts have moved on, so that they need no wake-up each. True: it has moved some."""

        def real(key: Key) -> int | None:
            kind, name = key
            router = routers.get(name) if kind == "instance" else None
            return router.deadline if router is not None else 0  # 0: as it stands

        return self._rest.put_off(now + AHEAD, MAX_DUE, real)
