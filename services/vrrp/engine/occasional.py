"""What does the engine have only where the configuration asks for it? Loaded then, because the engine's start is in a hurry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from services.vrrp.addresses import place_of
from services.vrrp.config.resolve import Resolved
from services.vrrp.election.snapshot import PROMOTED
from services.vrrp.engine.handover import Handover
from services.vrrp.netlink import Interface

if TYPE_CHECKING:
    from services.vrrp.engine.places import Places
    from services.vrrp.links.promotion import Promotion
    from services.vrrp.processors import Processors

Interfaces = Mapping[str, Interface]


class Occasional:
    """Places of instances without `interface`, `promote_secondaries`, `vrrp_cpu_affinity`. `placed`: as `Places.found`."""

    def __init__(self, handover: Handover) -> None:
        self.placed: Interfaces = {}
        self._handover = handover
        self._places: Places | None = None
        self._promotion: Promotion | None = None
        self._processors: Processors | None = None

    def place(self, names: Iterable[str], interfaces: Interfaces) -> Interfaces:
        """These places from now on, as far as `names` are some; gives the interfaces and those that there are."""
        wanted = [name for name in names if place_of(name) is not None]
        if self._places is None:
            if not wanted:
                return interfaces
            from services.vrrp.engine.places import Places

            self._places = Places()
        self._places.configure(wanted, interfaces)
        self.placed = self._places.found
        return {**interfaces, **self.placed}

    def configure(self, resolved: Resolved, interfaces: Interfaces, aside: bool) -> set[tuple[str, str]]:
        """A configuration; gives what the hand-over has of it. `aside`: the predecessor still runs."""
        self._bind(resolved.globals.vrrp_cpu_affinity)
        wanted = {router.interface: name for name, router in resolved.routers.items() if router.promote_secondaries}
        if self._promotion is None:
            if not wanted and not any(saved.kind == PROMOTED for saved in self._handover.inherited):
                return set()
            from services.vrrp.links.link_netlink import open_links
            from services.vrrp.links.promotion import Promotion

            self._promotion = Promotion(open_links(), self._handover)
        self._promotion.configure(wanted, interfaces, aside)
        return self._promotion.keys

    def _bind(self, wanted: tuple[int, ...]) -> None:
        if self._processors is None:
            if not wanted:
                return
            from services.vrrp.processors import Processors

            self._processors = Processors()
        self._processors.bind(wanted)

    def look(self, interfaces: Interfaces, aside: bool) -> set[str]:
        """Interfaces or addresses may be others; gives the names of the places that are."""
        if self._promotion is not None and not aside:
            self._promotion.look(interfaces)
        if self._places is None:
            return set()
        changed = self._places.look(interfaces)
        self.placed = self._places.found
        return changed

    def stop(self, interfaces: Interfaces) -> None:
        """A declared stop: nothing is left behind."""
        if self._promotion is not None:
            self._promotion.stop(interfaces)

    def carried(self) -> list[str]:
        """What a successor has to take back."""
        return self._promotion.carried() if self._promotion is not None else []

    def take_over(self, told: Iterable[str], interfaces: Interfaces) -> None:
        """The predecessor is gone, and this is what it had `carried`."""
        if self._promotion is not None:
            self._promotion.take_over(told, interfaces)

    def troubles(self) -> Iterator[tuple[str, str, str]]:
        """Key, field and reason of all that is wrong."""
        for name, reason in sorted(self._promotion.troubles.items() if self._promotion is not None else ()):
            yield f"config/vrrp_instance/{name}", "promote_secondaries", reason
        if self._processors is not None and self._processors.trouble:
            yield "config/global", "vrrp_cpu_affinity", self._processors.trouble
