"""What does a living engine hand to its successor? Everything of a virtual router that changes while it runs, as JSON's types.

A killed engine leaves little (`snapshot`), and its successor starts over from it. A living one tells all, and its successor
goes on in the middle of everything: on the same grid of adverts, with the same timers, counters and bursts to come. Times
are CLOCK_BOOTTIME nanoseconds, which the successor's clock shares. What a predecessor does not tell stays as at a start.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.vrrp.addresses import text
from services.vrrp.election.actions import State
from services.vrrp.election.announce import Announcements
from services.vrrp.election.counters import Counters
from services.vrrp.election.snapshot import Saved
from services.vrrp.wire.packet import Advert, Checksum, Refused, Reject

PLAIN = frozenset(
    {
        *("cause", "since", "wants_master", "rival_heard", "released", "master_interval", "master_priority", "last_heard"),
        *("preempt_at", "master_down_at", "heard_at", "offering", "offer_at"),
        *("_drift", "_offered_until", "_listened_at", "_reported", "_rival_until"),
    }
)
FORMED = frozenset(
    {
        "state",
        "master_address",
        "heard",
        "_outranked",
        "_heard_checksum",
        "announcements",
        "beat",
        "_counters",
        "counter",
        "_rogue",
        "refused",
    }
)
DERIVED = frozenset(  # from configuration and surroundings; the last three from the next advert
    {"settings", "inputs", "format", "ahead", "takeover", "_adverts", "_routine", "_patience", "repeated", "_counted"}
)


class Carried:
    """The part of a virtual router that knows which of its attributes a successor needs: it has no others."""

    __slots__ = tuple(sorted(PLAIN | FORMED | DERIVED))  # a thousand routers' dicts would take a megabyte

    @property
    def counters(self) -> Counters:
        """What has happened so far."""
        raise NotImplementedError

    def saved(self) -> Saved:
        """What the successor of a killed one needs."""
        own: Any = self
        settings, state, counter = own.settings, own.state, own.counter
        return Saved(
            "instance",
            settings.name,
            state.value,
            own.beat.said_at,
            own.master_down_at or 0,
            own.preempt_at or 0,
            own.master_interval,
            text(own.master_address),
            own.master_priority,
            own.inputs.priority,
            settings.addresses + settings.excluded if state is State.MASTER else (),
            sequence=counter.last if counter is not None else 0,
        )

    def carried(self) -> dict[str, Any]:
        """All that changes while it runs, for `take_up`."""
        own: Any = self
        announcements, counters, counter, rogue = own.announcements, self.counters, own.counter, own._rogue
        return {
            **{name: getattr(own, name) for name in PLAIN},
            "advert_at": own.beat.at,
            "last_advert": own.beat.said_at,
            "state": own.state.value,
            "master_address": own.master_address.hex(),
            "heard": _told(own.heard),
            "_outranked": _told(own._outranked),
            "refused": [r.reason.value, r.source.hex(), r.vrid, r.at] if (r := own.refused) is not None else None,
            "_heard_checksum": own._heard_checksum,
            "counter": counter.carried() if counter is not None else None,
            "_rogue": {name: getattr(rogue, name) for name in rogue.__slots__} if rogue is not None else None,
            "announcements": {name: getattr(announcements, name) for name in Announcements.__slots__},
            "counters": {name: getattr(counters, name) for name in Counters.__slots__},
        }

    def take_up(self, told: Mapping[str, Any]) -> bool:
        """Be where the predecessor's was; True where adverts are to be prepared anew, because peers' checksums are others.

        :raises ValueError, TypeError, KeyError: it cannot be understood.
        """
        own: Any = self
        for name in PLAIN & told.keys():
            setattr(own, name, told[name])
        own.beat.at, own.beat.said_at = told["advert_at"], told["last_advert"]
        own.state = State(told["state"])
        own.master_address = bytes.fromhex(told["master_address"])
        own.heard, own._outranked = _advert(told["heard"]), _advert(told["_outranked"])
        if (refused := told.get("refused")) is not None:
            reason, source, vrid, at = refused
            own.refused = Refused(Reject(reason), bytes.fromhex(source), vrid, at)
        heard = told["_heard_checksum"]
        before, own._heard_checksum = own._heard_checksum, Checksum(heard) if heard is not None else None
        if own.counter is not None and told["counter"] is not None:
            own.counter.take_up(told["counter"])
        if told["_rogue"] is not None:
            from services.vrrp.election.rogue import Rogue  # hardly ever

            own._rogue = Rogue()
            for name in Rogue.__slots__:
                setattr(own._rogue, name, told["_rogue"][name])
        for name in Announcements.__slots__:
            if name in told["announcements"]:
                setattr(own.announcements, name, told["announcements"][name])
        for name in Counters.__slots__:
            setattr(self.counters, name, told["counters"].get(name, getattr(self.counters, name)))
        return bool(own._heard_checksum is not before)


def _told(advert: Advert | None) -> list[Any] | None:
    if advert is None:
        return None
    return [advert.priority, advert.interval, advert.source.hex(), advert.addresses.hex(), int(advert.checksum)]


def _advert(told: list[Any] | None) -> Advert | None:
    if told is None:
        return None
    priority, interval, source, addresses, checksum = told
    return Advert(priority, interval, bytes.fromhex(source), bytes.fromhex(addresses), Checksum(checksum))
