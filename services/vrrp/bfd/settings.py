"""What is configured of a BFD session? Settings of `bfd_instance`, their defaults, and the checks across fields.

Names and defaults are keepalived's. Durations are integer nanoseconds, addresses text as `services.vrrp.addresses` has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from services.common.errors import InvalidValue
from services.vrrp.addresses import link_local, packed, parse
from services.vrrp.config.ranges import SECOND, duration, in_range

MILLISECOND = 1_000_000
MICROSECOND = 1_000
LONGEST = (2**32 - 1) * MICROSECOND  # what 32 bits of microseconds on the wire can say
BROADCAST = b"\xff" * 4
ANY_HOPS = 255  # max_hops that switches the check off
MAX_WEIGHT = 253
SINGLE_HOP_PORT, MULTIHOP_PORT = 3784, 4784  # RFC 5881 section 4, RFC 5883 section 5


class BfdInstance(NamedTuple):
    """One `bfd_instance`. `max_hops`: how far the TTL of a received packet may lie below our own; -1 is 0."""

    neighbor_ip: str
    source_ip: str = ""
    min_rx: int = 10 * MILLISECOND
    min_tx: int = 10 * MILLISECOND
    idle_tx: int = SECOND
    multiplier: int = 5
    passive: bool = False
    ttl: int = 255
    hoplimit: int = 64
    max_hops: int = 0
    multihop: bool = False
    weight: int = 0
    reverse: bool = False

    @property
    def ipv6(self) -> bool:
        return ":" in self.neighbor_ip

    @property
    def port(self) -> int:
        """UDP port on both sides."""
        return MULTIHOP_PORT if self.multihop else SINGLE_HOP_PORT

    @property
    def hops(self) -> int:
        """TTL or hop limit of our packets."""
        return self.hoplimit if self.ipv6 else self.ttl

    @property
    def least_hops(self) -> int:
        """TTL or hop limit below which a received packet does not count (RFC 5881 section 5; keepalived's rule)."""
        return 0 if self.max_hops == ANY_HOPS else max(0, self.hops - max(0, self.max_hops))


def decode_bfd_instance(name: str, value: Mapping[str, Any]) -> BfdInstance:
    """Settings of one session.

    :raises InvalidValue: the field that cannot be used, and why.
    """
    if not value.get("neighbor_ip"):
        raise InvalidValue("neighbor_ip", "is required: the IP address of the neighbor")
    for field, least in (("min_rx", MILLISECOND), ("min_tx", MILLISECOND), ("idle_tx", SECOND)):
        duration(value, field, least, LONGEST)
        if field in value and value[field] % MICROSECOND:
            raise InvalidValue(field, f"expected whole microseconds, got {value[field]} ns")
    for field, low, high in (
        ("multiplier", 1, 255),
        ("ttl", 1, 255),
        ("hoplimit", 1, 255),
        ("max_hops", -1, 255),
        ("weight", -MAX_WEIGHT, MAX_WEIGHT),
    ):
        in_range(value, field, low, high)
    taken = {field: value[field] for field in BfdInstance._fields if field in value}
    taken["neighbor_ip"] = _address(value["neighbor_ip"], "neighbor_ip")
    if taken.get("multihop"):
        taken.setdefault("max_hops", ANY_HOPS)
    if value.get("source_ip"):
        taken["source_ip"] = _address(value["source_ip"], "source_ip")
        if (":" in taken["source_ip"]) != (":" in taken["neighbor_ip"]):
            raise InvalidValue("source_ip", f"expected an address of the same family as neighbor_ip {taken['neighbor_ip']}")
        if taken["source_ip"] == taken["neighbor_ip"]:
            raise InvalidValue("source_ip", "expected an address of this machine, got the neighbor's own")
    return BfdInstance(**taken)


def _address(written: str, field: str) -> str:
    """The address of one machine; a link-local one with the interface, "fe80::1%eth0"."""
    plain, percent, zone = written.partition("%")
    found = parse(plain, field)
    whole = packed(found)
    multicast = whole[0] == 0xFF if len(whole) == 16 else 224 <= whole[0] < 240
    if multicast or not any(whole) or whole == BROADCAST:
        raise InvalidValue(field, f"expected the address of one machine, got {written}")
    needed = link_local(found)
    if needed and not zone:
        raise InvalidValue(field, f"{written} is link-local: expected its interface too", f"{written}%eth0")
    if percent and not (needed and zone and len(zone.encode()) < 16 and "/" not in zone):
        raise InvalidValue(field, f"expected an interface after the % of a link-local address only, got {written!r}")
    return f"{found}%{zone}" if zone else found
