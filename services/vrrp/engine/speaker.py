"""How does an advert leave, alone or with others? By the sockets that are open, and noted for a successor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from services.vrrp.election.actions import SendAdvert, SendTogether
from services.vrrp.engine.handover import Handover, Places
from services.vrrp.wire.sockets import Link

if TYPE_CHECKING:
    from services.vrrp.engine.batches import Batches, Left
    from services.vrrp.wire.frames import FrameSender


KEPT = 64  # of what is repeated, where it is noted


class Speaker:
    """Sends by `links` (by family and interface), and by `frames` (by interface) what has an Ethernet address of its own."""

    def __init__(self, links: Mapping[int, Mapping[str, Link]], handover: Handover, clock: Callable[[], int]) -> None:
        self._links, self._handover, self._clock = links, handover, clock
        self.frames: Mapping[str, FrameSender] = {}
        self._batches: Batches | None = None
        self._places: dict[int, tuple[Left, Places]] = {}

    def send(self, action: SendAdvert | SendTogether) -> list[str]:
        """Gives the routers whose adverts could not be sent."""
        if isinstance(action, SendTogether):
            return self._together(action)
        return [] if self._alone(action) else [action.router]

    def _alone(self, action: SendAdvert) -> bool:
        try:
            if action.mac:
                self.frames[action.interface].send(action.data, action.mac)
            else:
                self._links[action.family][action.interface].send(action.data, action.to)
        except (OSError, KeyError):  # KeyError: the interface is not open
            return False
        self._handover.beat(action.router, self._clock(), action.sequence)
        return True

    def _together(self, action: SendTogether) -> list[str]:
        if self._batches is None:
            from services.vrrp.engine.batches import Batches  # ctypes comes only after the first advert

            self._batches = Batches(self._links)
        left = self._batches.send(action)
        known = self._places.get(id(left))
        if known is None or known[0] is not left or not self._handover.current(known[1]):
            if len(self._places) >= KEPT:
                self._places.clear()
            known = self._places[id(left)] = left, self._handover.places(left.routers)
        self._handover.beats(known[1], self._clock())
        return [advert.router for advert in left.unsent if not self._alone(advert)]
