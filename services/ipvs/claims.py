"""Which virtual server holds which service of the kernel? The first who wants a place has it; the others wait for it.

Core. A virtual server wants many places where it names a group, and may hold some of them while it waits for others.
"""

from __future__ import annotations

from collections.abc import Iterable, KeysView, Mapping

from services.ipvs.model import Service, ServiceKey


class Claims:
    """Who holds and who waits. Costs are those of what changes."""

    def __init__(self) -> None:
        self._services: dict[str, Mapping[ServiceKey, Service]] = {}  # that each virtual server wants
        self._held: dict[str, set[ServiceKey]] = {}
        self._waiting: dict[str, set[ServiceKey]] = {}
        self._holders: dict[ServiceKey, str] = {}

    @property
    def services(self) -> KeysView[ServiceKey]:
        """All that somebody holds."""
        return self._holders.keys()

    def holder(self, key: ServiceKey) -> str:
        """Name of the virtual server that holds a service; empty: nobody does."""
        return self._holders.get(key, "")

    def held(self, name: str) -> Iterable[ServiceKey]:
        """What a virtual server holds."""
        return self._held.get(name, ())

    def service(self, name: str, key: ServiceKey) -> Service:
        """A service as the virtual server wants it that holds it."""
        return self._services[name][key]

    def moves(self, name: str, services: Mapping[ServiceKey, Service]) -> bool:
        """With these it would hold nothing any more of what it holds."""
        held = self._held.get(name, set())
        return bool(held) and held.isdisjoint(services)

    def want(self, name: str, services: Mapping[ServiceKey, Service]) -> tuple[set[ServiceKey], set[ServiceKey]]:
        """From now on a virtual server wants these; gives what it holds anew, and what it has let go."""
        before = self._services.get(name, {})
        if before is services:
            return set(), set()
        self._services[name] = services
        released = self._release(name, [key for key in self._held.get(name, ()) if key not in services])
        waiting = {key for key in self._waiting.pop(name, ()) if key in services}
        fresh = set()
        for key in services:
            if key in before and key not in waiting:
                continue
            if key in self._holders:
                waiting.add(key)
            else:
                waiting.discard(key)
                self._claim(name, key)
                fresh.add(key)
        if waiting:
            self._waiting[name] = waiting
        return fresh, released

    def drop(self, name: str) -> set[ServiceKey]:
        """A virtual server wants nothing any more; gives what it has let go."""
        self._services.pop(name, None)
        self._waiting.pop(name, None)
        return self._release(name, list(self._held.get(name, ())))

    def hand_over(self) -> dict[str, list[ServiceKey]]:
        """Let those who wait for a place that has become free have it, in the order of their names; gives what they got."""
        given: dict[str, list[ServiceKey]] = {}
        for name, keys in sorted(self._waiting.items()):
            free = sorted(key for key in keys if key not in self._holders)
            for key in free:
                self._claim(name, key)
            keys.difference_update(free)
            if not keys:
                del self._waiting[name]
            if free:
                given[name] = free
        return given

    def taken(self, name: str) -> str:
        """Which places that it wants another virtual server holds, in words; empty: none."""
        keys = sorted(self._waiting.get(name, ()))
        if not keys:
            return ""
        more = f", and {len(keys) - 1} more of its services are taken" if keys[1:] else ""
        return f"{keys[0]} is already virtual server {self._holders[keys[0]]!r}{more}"

    def _claim(self, name: str, key: ServiceKey) -> None:
        self._holders[key] = name
        self._held.setdefault(name, set()).add(key)

    def _release(self, name: str, keys: Iterable[ServiceKey]) -> set[ServiceKey]:
        held = self._held.get(name, set())
        released = set(keys)
        for key in released:
            held.discard(key)
            del self._holders[key]
        if not held:
            self._held.pop(name, None)
        return released
