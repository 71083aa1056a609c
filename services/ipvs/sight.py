"""What does the kernel's table look like, as far as the last readings and our own writes since then can tell?

Shell around the reading alone. Others write while it goes on; what they touch is left to the next reading, and what a reading
cannot know is not said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable

from services.ipvs.kernel import Kernel
from services.ipvs.model import Counters, DestinationKey, Entry, Load, ServiceKey


class Sight:
    """The table as it was seen; the loop's time of the last reading of all of it is `read_at`."""

    def __init__(self) -> None:
        self.actual: dict[ServiceKey, Entry] = {}
        self.counters: dict[ServiceKey, Counters] = {}
        self.loads: dict[ServiceKey, dict[DestinationKey, Load]] = {}
        self.read_at = 0.0
        self.stamp = 0  # of the last write
        self._written: dict[ServiceKey, int] = {}
        self._listed = 0  # the stamp of the last list of services, and of the last reading of each one's servers
        self._looked: dict[ServiceKey, int] = {}

    def touch(self, keys: Iterable[ServiceKey]) -> None:
        """These are written: a reading that is going on must not take what it saw of them for the truth."""
        self.stamp += 1
        self._written.update(dict.fromkeys(keys, self.stamp))

    def forget(self, key: ServiceKey) -> None:
        """A service is gone."""
        self.actual.pop(key, None)
        self.counters.pop(key, None)
        self.loads.pop(key, None)
        self._looked.pop(key, None)

    async def read(self, kernel: Kernel, only: Collection[ServiceKey] | None = None) -> None:
        """Look at everything, or at which services there are and at the servers of these.

        :raises UnavailableError: IPVS is gone, or the right to it.
        """
        began = self.stamp
        found = await kernel.services()
        self._listed = began
        for key in [k for k in self.actual if k not in found and self._written.get(k, 0) <= began]:
            self.forget(key)
        for key, seen in found.items():
            if only is not None and key not in only:
                continue
            began = self.stamp
            destinations = await kernel.destinations(key)
            if self._written.get(key, 0) > began:
                continue
            before = self.actual.get(key)
            # What is the same stays the same object: comparing with what is wanted then costs next to nothing.
            old = before.destinations if before is not None else {}
            fresh = {}
            for place, one in destinations.items():
                known = old.get(place)
                fresh[place] = known if known == one.destination else one.destination
            self.actual[key] = Entry(seen.service, fresh)
            self._looked[key] = began
            self.counters[key] = seen.counters
            self.loads[key] = {place: one.load for place, one in destinations.items()}
        if only is None:
            self.read_at = asyncio.get_running_loop().time()

    def connections(self, keys: Iterable[ServiceKey], place: DestinationKey) -> int:
        """Connections of a server to all of these services, as of the last reading."""
        loads = (self.loads.get(key, {}).get(place) for key in keys)
        return sum(load.active + load.inactive for load in loads if load is not None)

    def settled(self, keys: Iterable[ServiceKey]) -> bool:
        """What was read of these services is newer than what was written to them."""
        return all(self._written.get(k, 0) <= (self._looked.get(k, -1) if k in self.actual else self._listed) for k in keys)
