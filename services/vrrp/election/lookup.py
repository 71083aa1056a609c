"""Which routers does a packet concern, and which a change of something that is watched? Indexes over all routers. Core."""

from __future__ import annotations

from collections.abc import Iterable

from services.vrrp.addresses import packed, place_of
from services.vrrp.election.router import VirtualRouter
from services.vrrp.wire.packet import IPV6_VRIDS, ends_of, listed

Watched = tuple[str, str]  # ("interface" | "script" | "process" | "file" | "bfd", name)


class Lookup:
    """Built anew from the routers whenever these are others, or have other settings."""

    def __init__(self, routers: Iterable[VirtualRouter] = ()) -> None:
        self._watchers: dict[Watched, set[str]] = {}
        self._alone: dict[str, dict[int, VirtualRouter]] = {}  # by interface and `packet.number_of`
        self._sharing: dict[tuple[str, int], list[VirtualRouter]] = {}  # several with one number
        self._listing: dict[tuple[str, bytes], VirtualRouter] = {}  # by interface and address
        numbered: dict[tuple[str, int], list[VirtualRouter]] = {}
        for router in routers:
            s = router.settings
            number = s.vrid if s.family == 4 else IPV6_VRIDS + s.vrid
            numbered.setdefault((s.interface, number), []).append(router)
            self._listing.update({(s.interface, packed(row.address)): router for row in s.addresses})
            for key in _watched(router):
                self._watchers.setdefault(key, set()).add(s.name)
        self._numbers = {number for _interface, number in numbered}
        self._anywhere = {number for interface, number in numbered if place_of(interface) is not None}
        for (interface, number), found in numbered.items():
            if len(found) == 1:
                self._alone.setdefault(interface, {})[number] = found[0]
            else:
                self._sharing[interface, number] = found

    def router_of(self, interface: str, number: int, data: bytes) -> VirtualRouter | None:
        """Who is meant by a packet whose `packet.number_of` is `number`."""
        router = self._alone.get(interface, {}).get(number)
        if router is None and (interface, number) in self._sharing:
            router = _told_apart(self._sharing[interface, number], data)
        return router

    def elsewhere(self, interface: str, number: int) -> bool:
        """Whether a packet for nobody here may be somebody's on another socket: those of `places` hear what others hear too."""
        return bool(self._anywhere) and number in (self._anywhere if place_of(interface) is None else self._numbers)

    def claimed(self, interface: str, data: bytes) -> set[VirtualRouter]:
        """Whose addresses are listed in a packet for a virtual router that is not here."""
        found = {self._listing.get((interface, address)) for address in listed(data)}
        return {router for router in found if router is not None}

    def watchers(self, key: Watched) -> set[str]:
        """Names of the instances that something concerns."""
        return self._watchers.get(key, set())


def _watched(router: VirtualRouter) -> set[Watched]:
    s = router.settings
    keys = {("interface", s.interface), *(("interface", a.dev) for a in router.addresses)}
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
