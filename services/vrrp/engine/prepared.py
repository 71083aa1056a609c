"""How does a takeover begin at its very moment? What is known of it beforehand is ready as bytes, sent first and noted after.

The core foresees what it will do if nothing comes in between. Adverts, addresses and the first announcements of a takeover of
few addresses are made ready right before its moment, and leave at it, one system call after the other; then the core is
asked, and what it wants and has been done already is not done again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from services.vrrp.election.actions import Action, AddAddresses, Announce, RemoveAddresses, SendAdvert, Transition
from services.vrrp.engine.jobs import Jobs
from services.vrrp.engine.speaker import Speaker
from services.vrrp.netlink import Request
from services.vrrp.wire.sockets import Announcer

FEW = 16  # addresses
Failures = list[tuple[str, str]]  # router and what


class Adding(NamedTuple):
    """Addresses, and what says so to the kernel."""

    action: AddAddresses
    request: Request


class Announcing(NamedTuple):
    """Announcements of addresses, and the frames of the first one of each."""

    action: Announce
    frames: list[tuple[Announcer, bytes]]


class Prepared:
    """A takeover as foreseen. `carry_out` it once, at its moment, or forget it."""

    def __init__(self, adverts: list[SendAdvert], adds: list[Adding], announcements: list[Announcing]) -> None:
        self._adverts, self._adds, self._announcements = adverts, adds, announcements
        self._done: list[Action] = []

    def carry_out(self, speaker: Speaker, jobs: Jobs) -> Failures:
        """Adverts, addresses, announcements; gives what failed. What the kernel did not even hear is left to be done."""
        self._done += [advert for advert in self._adverts if not speaker.send(advert)]
        said: list[Adding] = []
        failures: Failures = []
        try:
            for adding in self._adds:
                jobs.send(adding.request)
                said.append(adding)
            for action, frames in self._announcements:
                failures += jobs.announce(action.router, frames)
                self._done.append(action)
        except OSError:
            pass
        for action_added, request in said:
            failures += jobs.outcome(action_added.router, request)
            self._done.append(action_added)
        return failures

    def left_of(self, action: Action) -> Action | None:
        """What is still to be done of an action that the core wants; None: nothing."""
        if action not in self._done:
            return action
        self._done.remove(action)
        if isinstance(action, Announce) and action.repeat > 1:
            return action._replace(repeat=action.repeat - 1)
        return None

    def unwanted(self) -> list[Action]:
        """What takes away again what was put in place and is not wanted after all: nothing, unless it foresaw wrongly."""
        return [RemoveAddresses(a.router, a.addresses) for a in self._done if isinstance(a, AddAddresses)]


def prepare(actions: Iterable[Action], jobs: Jobs) -> Prepared | None:
    """None where a takeover is not as simple as that: many addresses, links and routes, adverts that are numbered."""
    adverts: list[SendAdvert] = []
    adds: list[Adding] = []
    announcements: list[Announcing] = []
    for action in actions:
        match action:
            case SendAdvert(mac=b"", sequence=0):
                adverts.append(action)
            case AddAddresses(instead=()) if len(action.addresses) <= FEW and (request := jobs.request(action)) is not None:
                adds.append(Adding(action, request))
            case Announce() if (frames := jobs.frames(action)) is not None:
                announcements.append(Announcing(action, frames))
            case Transition():
                pass
            case _:
                return None
    return Prepared(adverts, adds, announcements) if adverts else None
