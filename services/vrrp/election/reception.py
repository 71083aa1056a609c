"""Is a received packet an advert, and whose? What is none is counted under its reason, and nothing else comes of it. Core."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from services.vrrp.election.actions import State
from services.vrrp.election.lookup import Lookup
from services.vrrp.election.router import VirtualRouter
from services.vrrp.wire.packet import IPV6_VRIDS, Advert, Format, Reject, decode, number_of, refused

if TYPE_CHECKING:
    from services.vrrp.election.strangers import Strangers


class Known(NamedTuple):
    """The last valid advert of a router: its bytes but for what changes from packet to packet, for IPv6 all in `body`."""

    four: bool
    head: bytes
    ttl: int
    body: bytes
    form: Format
    advert: Advert
    router: VirtualRouter
    interface: str

    @property
    def end(self) -> bytes:
        """All but the first twelve bytes."""
        return self.body if self.four else self.body[12:]


class Reception:
    """What was heard lately, and what belonged to nobody. `rejected` counts the latter, by reason."""

    def __init__(self) -> None:
        self.rejected: dict[str, int] = {}
        self.strangers: Strangers | None = None  # while they are asked for
        self._known: dict[str, Known] = {}
        self._repeated: dict[tuple[str, bytes], Known] = {}  # by interface and `Known.end`, as long as the routers are the same

    def hear_again(self, interface: str, data: bytes, at: int) -> bool:
        """A packet that came `at`, if it is a backup's master that repeats itself: then that has been heard."""
        known = self._repeated.get((interface, data[12:]))
        return (
            known is not None
            and known.form is known.router.format
            and (data[8] == known.ttl and data[:4] == known.head if known.four else data == known.body)
            and known.router.hear_again(known.advert, at)
        )

    def regroup(self) -> None:
        """The routers are others now, or may be."""
        self._repeated.clear()

    def hear(self, lookup: Lookup, interface: str, data: bytes, at: int) -> tuple[VirtualRouter, Advert] | None:
        """The advert in an IP packet that came `at`, and its router, which is BACKUP or MASTER; None: there is none."""
        number = number_of(data)
        if isinstance(number, Reject):
            _count(self.rejected, number)
            return None
        router = lookup.router_of(interface, number, data)
        if router is None and lookup.elsewhere(interface, number):
            return None
        if router is None:
            _count(self.rejected, Reject.UNKNOWN_VRID)
            if self.strangers is not None:
                self.strangers.hear(interface, number, data, at)
            for claimed in lookup.claimed(interface, data):
                claimed.refused = refused(Reject.UNKNOWN_VRID, number, data, at)
            return None
        if router.state is not State.BACKUP and router.state is not State.MASTER:
            return None
        name = router.settings.name
        # An advert equal to the last valid one but for identification and header checksum needs no second look.
        known = self._known.get(name)
        if (
            known is not None
            and known.form is router.format
            and (
                data[12:] == known.body and data[8] == known.ttl and data[:4] == known.head
                if known.four
                else data == known.body
            )
        ):
            self._repeated[interface, known.end] = known
            return router, known.advert
        advert = decode(data, router.format)
        if router.counter is not None and isinstance(advert, Advert):
            advert = router.counter.admit(advert, at + router.ahead) or advert
        if isinstance(advert, Reject):
            _count(router.counters.rejected, advert)
            router.refused = refused(advert, number, data, at)
            return None
        router.hear_checksum(advert.checksum)
        if router.counter is None:  # what has a number is never the same twice
            four = number < IPV6_VRIDS
            before, body = known, data[12:] if four else data
            known = Known(four, data[:4], data[8], body, router.format, advert, router, interface)
            self._known[name] = known
            if before is not None:
                self._repeated.pop((before.interface, before.end), None)
            self._repeated[interface, known.end] = known
        return router, advert

    def ask_for_strangers(self, on: bool) -> None:
        """Whether to remember whose adverts belonged to nobody."""
        if not on:
            self.strangers = None
        elif self.strangers is None:
            from services.vrrp.election.strangers import Strangers  # only where it is used: the start is in a hurry

            self.strangers = Strangers()

    def forget(self, name: str) -> None:
        """The router is no longer configured."""
        self._known.pop(name, None)


def _count(rejected: dict[str, int], reason: Reject) -> None:
    rejected[reason.value] = rejected.get(reason.value, 0) + 1
