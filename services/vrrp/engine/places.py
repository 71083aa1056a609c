"""Where are the addresses of the instances without `interface` now? Each such place looks like an interface to the engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from services.vrrp.addresses import place_of
from services.vrrp.netlink import IFF_RUNNING, IFF_UP, Interface

VRF = "vrf"


class Places:
    """`found`: by their names, those that an interface has which is up, with its number."""

    def __init__(self) -> None:
        self.found: dict[str, Interface] = {}
        self._wanted: tuple[str, ...] = ()

    def configure(self, names: Iterable[str], interfaces: Mapping[str, Interface]) -> None:
        """These from now on, as far as `names` are places."""
        self._wanted = tuple(name for name in names if place_of(name) is not None)
        self.look(interfaces)

    def look(self, interfaces: Mapping[str, Interface]) -> set[str]:
        """Addresses may have moved; gives the names of the places that are others now."""
        if not self._wanted:
            self.found = {}
            return set()
        before, self.found = self.found, {}
        vrfs = {one.number: one.name for one in interfaces.values() if one.kind == VRF}
        homes: dict[tuple[str, str], Interface] = {}
        for one in interfaces.values():
            if one.up:
                vrf = one.name if one.kind == VRF else vrfs.get(one.master, "")
                homes.update({(vrf, address): one for address in one.addresses})
        for name in self._wanted:
            at = place_of(name)
            home = homes.get(at) if at is not None else None
            if at is not None and home is not None:
                self.found[name] = Interface(home.number, name, IFF_UP | IFF_RUNNING, b"", (at[1],))
        return {name for name in before.keys() | self.found.keys() if before.get(name) != self.found.get(name)}
