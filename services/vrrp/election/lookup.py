"""Which routers does a packet concern, and which a change of something that is watched? Indexes over all routers. Core."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from services.vrrp.addresses import packed, place_of
from services.vrrp.config.resolve import RouterSettings
from services.vrrp.election import office
from services.vrrp.election.router import VirtualRouter
from services.vrrp.wire.packet import IPV6_VRIDS, ends_of, listed

Key = TypeVar("Key")
NOBODY: Mapping[int, tuple[VirtualRouter, ...]] = {}
Watched = tuple[str, str]  # ("interface" | "script" | "process" | "file" | "bfd", name)


class Lookup:
    """Kept up with the routers there are; what that costs is what has changed of them."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[VirtualRouter, RouterSettings]] = {}
        self._watchers: dict[Watched, set[str]] = {}
        self._numbered: dict[str, dict[int, tuple[VirtualRouter, ...]]] = {}  # by interface and `packet.number_of`
        self._listing: dict[tuple[str, bytes], tuple[VirtualRouter, ...]] = {}  # by interface and address
        self._numbers: set[int] = set()
        self._anywhere: set[int] = set()

    def follow(self, routers: Mapping[str, VirtualRouter]) -> None:
        """These are the routers now, with the settings that they have."""
        stale = [name for name, (router, settings) in self._known.items() if not _same(routers.get(name), router, settings)]
        for name in stale:
            self._remove(*self._known.pop(name))
        fresh = [router for name, router in routers.items() if name not in self._known]
        for router in fresh:
            self._known[router.settings.name] = router, router.settings
            self._add(router)
        if stale or fresh:
            self._numbers = set().union(*self._numbered.values())
            self._anywhere = set().union(*(found for name, found in self._numbered.items() if place_of(name) is not None))

    def _add(self, router: VirtualRouter) -> None:
        s = router.settings
        numbered = self._numbered.setdefault(s.interface, {})
        numbered[_number(s)] = _with(numbered.get(_number(s), ()), router)
        for row in s.addresses:
            key = s.interface, packed(row.address)
            self._listing[key] = _with(self._listing.get(key, ()), router)
        for watched in _watched(s):
            self._watchers.setdefault(watched, set()).add(s.name)

    def _remove(self, router: VirtualRouter, s: RouterSettings) -> None:
        _take(self._numbered[s.interface], _number(s), router)
        for row in s.addresses:
            _take(self._listing, (s.interface, packed(row.address)), router)
        for watched in _watched(s):
            self._watchers[watched].discard(s.name)
            if not self._watchers[watched]:
                del self._watchers[watched]

    def router_of(self, interface: str, number: int, data: bytes) -> VirtualRouter | None:
        """Who is meant by a packet whose `packet.number_of` is `number`."""
        found = self._numbered.get(interface, NOBODY).get(number)
        if found is None:
            return None
        return found[0] if len(found) == 1 else _told_apart(found, data)

    def elsewhere(self, interface: str, number: int) -> bool:
        """Whether a packet for nobody here may be somebody's on another socket: those of `places` hear what others hear too."""
        return bool(self._anywhere) and number in (self._anywhere if place_of(interface) is None else self._numbers)

    def claimed(self, interface: str, data: bytes) -> set[VirtualRouter]:
        """Whose addresses are listed in a packet for a virtual router that is not here."""
        return {router for address in listed(data) for router in self._listing.get((interface, address), ())}

    def watchers(self, key: Watched) -> set[str]:
        """Names of the instances that something concerns."""
        return self._watchers.get(key, set())


def _same(now: VirtualRouter | None, router: VirtualRouter, settings: RouterSettings) -> bool:
    return now is router and router.settings is settings


def _number(s: RouterSettings) -> int:
    return s.vrid if s.family == 4 else IPV6_VRIDS + s.vrid


def _with(routers: tuple[VirtualRouter, ...], router: VirtualRouter) -> tuple[VirtualRouter, ...]:
    return (router,) if not routers else tuple(sorted({*routers, router}, key=lambda each: each.settings.name))


def _take(index: dict[Key, tuple[VirtualRouter, ...]], key: Key, router: VirtualRouter) -> None:
    left = tuple(other for other in index.get(key, ()) if other is not router)
    if left:
        index[key] = left
    else:
        index.pop(key, None)


def _watched(s: RouterSettings) -> set[Watched]:
    keys = {("interface", s.interface), *(("interface", a.dev) for a in office.addresses(s))}
    keys |= {("interface", name) for name in s.depends} | {("interface", link.name) for link in s.links}
    keys |= {("interface", t.name) for t in s.track_interface} | {("script", t.name) for t in s.track_script}
    keys |= {("file", t.name) for t in s.track_file} | {("process", t.name) for t in s.track_process}
    return keys | {("bfd", t.name) for t in s.track_bfd}


def _told_apart(routers: Iterable[VirtualRouter], data: bytes) -> VirtualRouter | None:
    """Which of several routers with one VRID on an interface is meant: unicast ones by their peers."""
    source, destination = ends_of(data)
    for router in routers:
        if router.settings.peers:
            if any(packed(peer.address) == source for peer in router.settings.peers):
                return router
        elif destination == router.format.group:
            return router
    return None
