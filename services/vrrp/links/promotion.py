"""Which interfaces keep an address whose primary one is removed? keepalived's `promote_secondaries`, and its undoing.

Of several addresses in one prefix the first is the primary, and the kernel removes the others along with it unless
net.ipv4.conf.INTERFACE.promote_secondaries is on. What was off before is written into the hand-over, so that a successor
knows what to restore.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from services.vrrp.election.snapshot import PROMOTED, Saved
from services.vrrp.engine.handover import Handover
from services.vrrp.links.link_netlink import LinkRequests
from services.vrrp.links.plan import PROMOTE_SECONDARIES, SetConf
from services.vrrp.netlink import Interface

Interfaces = Mapping[str, Interface]


class Promotion:
    """Sets it, and takes back what it has set. `troubles`: by instance, in words."""

    def __init__(self, requests: LinkRequests, handover: Handover) -> None:
        self.troubles: dict[str, str] = {}
        self._requests, self._handover = requests, handover
        self._wanted: Mapping[str, str] = {}  # interfaces, each with an instance that asks for it
        self._set: dict[str, int] = {}  # by name, the number of the interface that has it
        self._ours = {saved.name for saved in handover.inherited if saved.kind == PROMOTED}

    @property
    def keys(self) -> set[tuple[str, str]]:
        """Its records in the hand-over."""
        return {(PROMOTED, name) for name in self._ours}

    def configure(self, wanted: Mapping[str, str], interfaces: Interfaces, aside: bool = False) -> None:
        """These interfaces from now on, and no others; with each an instance that asks for it.

        `aside`: the predecessor still runs, and nothing is changed before the next `look`.
        """
        self._wanted = wanted
        self.troubles.clear()
        if aside:
            return
        for name in sorted(self._ours - wanted.keys()):
            self._ours.remove(name)
            self._handover.forget(PROMOTED, name)
            if name in interfaces:
                self._requests.set_conf(SetConf(name, interfaces[name].number, {PROMOTE_SECONDARIES: 0}))
        self._set = {name: number for name, number in self._set.items() if name in wanted}
        self.look(interfaces)

    def carried(self) -> list[str]:
        """What a successor has to take back; its hand-over is another one."""
        return sorted(self._ours)

    def take_over(self, told: Iterable[str], interfaces: Interfaces) -> None:
        """The predecessor is gone, and this is what it had set."""
        for name in told:
            self._ours.add(name)
            self._handover.write(Saved(PROMOTED, name, "0"))
        self.look(interfaces)

    def look(self, interfaces: Interfaces) -> None:
        """Interfaces may have come."""
        for name, instance in self._wanted.items():
            here = interfaces.get(name)
            if here is None or self._set.get(name) == here.number:
                continue
            if not here.conf.get(PROMOTE_SECONDARIES):
                self._ours.add(name)
                self._handover.write(Saved(PROMOTED, name, "0"))
            reason = self._requests.set_conf(SetConf(name, here.number, {PROMOTE_SECONDARIES: 1}))
            self._set[name] = here.number
            if reason:
                self.troubles[instance] = reason
            else:
                self.troubles.pop(instance, None)

    def stop(self, interfaces: Interfaces) -> None:
        """A declared stop: everything as it was."""
        self.configure({}, interfaces)
