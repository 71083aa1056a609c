"""Does it count that an interface is down, or up again? Only after the delay that it was given (`interface_up_down_delays`).

While it waits, an interface that went down is believed to be as it was, its addresses included, because the kernel takes some
along; one that came up is down still. One that comes, goes, or becomes another is never waited for, nor is one that has
not been up before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from services.vrrp.config.interface_delays import InterfaceDelays
from services.vrrp.election.events import InterfaceChanged


class Debounce:
    """What interfaces are believed to be; `seen_up`: those that have been up before."""

    def __init__(self, seen_up: Iterable[str] = ()) -> None:
        self._delays: Mapping[str, InterfaceDelays] = {}
        self._waiting: dict[str, tuple[int, InterfaceChanged]] = {}
        self._seen_up = set(seen_up)

    @property
    def deadline(self) -> int | None:
        """When `due` is to be asked."""
        return min((when for when, _event in self._waiting.values()), default=None)

    def configure(self, delays: Mapping[str, InterfaceDelays]) -> None:
        """These from now on; what waits already goes on waiting."""
        self._delays = delays

    def waits(self, name: str) -> bool:
        """Whether an interface is not believed to be as it is."""
        return name in self._waiting

    def believed(self, event: InterfaceChanged, before: InterfaceChanged | None, now: int) -> InterfaceChanged | None:
        """What is to be believed from now on; None: what was believed `before`."""
        name = event.name
        first = name not in self._seen_up
        if event.up:
            self._seen_up.add(name)
        if before is None or before.number != event.number or before.up == event.up:
            self._waiting.pop(name, None)
            return event
        delay = self._delays.get(name, InterfaceDelays(name))
        if name not in self._waiting and (first or not (delay.up if event.up else delay.down)):
            return event
        until = self._waiting[name][0] if name in self._waiting else now + (delay.up if event.up else delay.down)
        self._waiting[name] = until, event
        return None if before.up else event._replace(up=False)

    def due(self, now: int) -> list[InterfaceChanged]:
        """Those that have been as they are for long enough."""
        ripe = [event for when, event in self._waiting.values() if when <= now]
        for event in ripe:
            del self._waiting[event.name]
        return ripe
