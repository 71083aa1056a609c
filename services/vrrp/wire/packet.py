"""What does an advert look like on the wire, and why is a received one refused? VRRPv2 and v3 over IPv4, v3 over IPv6.

Pure bytes: RFC 3768 section 5 (v2, with RFC 2338's clear-text password and room for its IPSEC-AH header, which `ah` fills
and checks), RFC 5798 section 5 and RFC 9568 section 5 (v3, which differ in the checksum over IPv4). A packet has its IP
header, IPv6 ones too. Knows nothing of sockets or elections. Durations in nanoseconds, addresses as four or sixteen bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from enum import IntEnum, StrEnum
from typing import NamedTuple, Protocol

SECOND = 1_000_000_000
CENTISECOND = 10_000_000
IP_HEADER = struct.Struct("!BBHHHBBH4s4s")
IPV6_HEADER = struct.Struct("!IHBB16s16s")
IP_ID_OFFSET = 4
PROTOCOL_VRRP, PROTOCOL_AH = 112, 51
TRAILER_SIZE = 28  # bytes of HMAC-SHA256's, see `trailer`
AH_HEADER = struct.Struct("!BBHII12s")  # RFC 4302 section 2: next header, length, reserved, SPI, sequence, ICV of 96 bits
AH_LENGTH = AH_HEADER.size // 4 - 2  # as its field has it
TTL = 255
PRECEDENCE_INTERNETWORK_CONTROL = 0xC0
IPV6_FIRST_WORD = 6 << 28 | PRECEDENCE_INTERNETWORK_CONTROL << 20  # with flow label 0
MIN_ETHERNET_PAYLOAD = 46
AUTH_NONE, AUTH_PASS, AUTH_AH = 0, 1, 2
IPV6_VRIDS = 256  # `number_of` gives VRIDs of IPv6 from here on: they are others than IPv4's (RFC 9568 section 5.2.3)


class Reject(StrEnum):
    """Why a received packet is not an advert for us; the value names the counter (RFC 6527's where it has one)."""

    TRUNCATED = "truncated"  # shorter than its own header says
    LENGTH = "length"  # not the length that its address count gives
    TTL = "ttl"
    VERSION = "version"
    TYPE = "type"
    CHECKSUM = "checksum"
    DESTINATION = "destination"  # not sent to our multicast group, or to it where we have unicast
    SOURCE = "source"  # unicast, and from none of our peers
    INTERVAL = "interval"  # v2 only: must equal ours
    AUTH_TYPE = "auth_type"
    AUTH_FAILURE = "auth_failure"  # another password, or a seal or trailer that only another key makes, or none
    STALE = "stale"  # its trailer is right, but its sender's clock is too far from ours
    REPLAY = "replay"  # its seal or trailer is right, but no newer than what has been heard
    FOREIGN = "foreign"  # IPsec's, with something else than VRRP in it
    UNKNOWN_VRID = "unknown_vrid"


class Checksum(IntEnum):
    """What the checksum of VRRPv3 over IPv4 covers beside the message."""

    PSEUDO = 0  # source, destination, protocol and length: RFC 5798 as keepalived reads it
    BARE = 1  # nothing, as in v2: RFC 9568 section 5.2.8, Cisco, Juniper
    GROUP = 2  # as PSEUDO, but the group for the destination, also of unicast: keepalived before 1.3.7


class Advert(NamedTuple):
    """A valid advert. `addresses` is the concatenated list as sent; `sequence` is that of its seal, if it has one."""

    priority: int
    interval: int
    source: bytes
    addresses: bytes
    checksum: Checksum = Checksum.PSEUDO
    sequence: int = 0


class Trailer(Protocol):
    """What a key adds behind messages; see `trailer.Trailer`. `required`: what has none is refused."""

    required: bool

    def make(self, packet: bytes, sequence: int) -> bytes:
        """The trailer of a whole packet that has room for one in its lengths."""

    def sequence(self, source: bytes, message: bytes, trailer: bytes) -> int | Reject:
        """The sequence of a trailer, or why it is wrong."""


class Seal(Protocol):
    """What a key does to whole packets; see `ah.Seal`."""

    def close(self, packet: bytes, sequence: int) -> bytes:
        """The same packet, sealed under this number."""

    def refuse(self, data: bytes, start: int, total: int) -> Reject | None:
        """Why the seal of a packet is wrong. `start`, `total`: lengths of its IP header and of all of it."""


class Refused(NamedTuple):
    """A packet that came `at` for a router, or for its addresses, and is no advert for it."""

    reason: Reject
    source: bytes
    vrid: int
    at: int


class Format(NamedTuple):
    """What all routers of one virtual router must agree on, and what this one accepts.

    `auth`: eight bytes, or None for no authentication. `group`: the multicast group, whose length gives the family; with
    `unicast` adverts come to an own address instead, with any TTL. `sources`: the peers that may send them and the TTLs
    that theirs may have, None: anybody, any TTL. `checksums`: what is accepted; the first one is sent. `ah`: an IPSEC-AH
    header is between the IP header and the message; v2 over IPv4 only, and without `auth`. `trailer`: one is behind the
    message, or may be; `signed`: ours have one.
    """

    version: int
    vrid: int
    interval: int
    auth: bytes | None
    group: bytes
    unicast: bool = False
    sources: Mapping[bytes, tuple[int, int]] | None = None
    checksums: tuple[Checksum, ...] = (Checksum.PSEUDO,)
    ttl: int = TTL
    ah: Seal | None = None
    trailer: Trailer | None = None
    signed: bool = False


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071) over `data`; 0 for data that contains its own right checksum."""
    if len(data) & 1:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) >> 1}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def encode(
    form: Format,
    priority: int,
    addresses: Sequence[bytes],
    source: bytes,
    identification: int = 0,
    destination: bytes | None = None,
) -> bytes:
    """The complete IP packet of one advert to `destination` (the group unless given), as keepalived sends it.

    The sender counts `identification` of IPv4 up, never 0, at IP_ID_OFFSET; the kernel corrects the IP checksum. Where there
    is to be a seal, `form.ah.close` completes the packet; where there is to be a trailer, `form.trailer.make` gives it.
    """
    to = destination or form.group
    listed = b"".join(addresses)
    if form.version == 2:
        middle = struct.pack("!BB", _auth_type(form), form.interval // SECOND)
        tail = listed + (form.auth or bytes(8))
    else:
        middle = struct.pack("!H", form.interval // CENTISECOND)
        tail = listed
    head = struct.pack("!BBBB", form.version << 4 | 1, form.vrid, priority, len(addresses)) + middle
    length = len(head) + 2 + len(tail)
    beside = _beside(form.checksums[0], form, source, to, length)
    message = head + struct.pack("!H", checksum(beside + head + b"\0\0" + tail)) + tail
    more = TRAILER_SIZE if form.signed else 0
    if len(form.group) == 16:
        return IPV6_HEADER.pack(IPV6_FIRST_WORD, length + more, PROTOCOL_VRRP, form.ttl, source, to) + message
    protocol = PROTOCOL_VRRP
    if form.ah is not None:
        protocol = PROTOCOL_AH
        message = AH_HEADER.pack(PROTOCOL_VRRP, AH_LENGTH, 0, int.from_bytes(source, "big"), 0, b"") + message
    fields = (0x45, PRECEDENCE_INTERNETWORK_CONTROL, 20 + len(message) + more, identification, 0, form.ttl, protocol)
    header = IP_HEADER.pack(*fields, 0, source, to)
    return IP_HEADER.pack(*fields, checksum(header), source, to) + message


def _auth_type(form: Format) -> int:
    if form.ah is not None:
        return AUTH_AH
    return AUTH_NONE if form.auth is None else AUTH_PASS


def number_of(data: bytes) -> int | Reject:
    """The VRID of a received IP packet, with IPV6_VRIDS added for IPv6, or why it has none."""
    if len(data) < 20 or data[0] >> 4 != 4:
        return _number_of_ipv6(data)
    start = (data[0] & 15) << 2
    if start < 20 or len(data) < start + 8:
        return Reject.TRUNCATED
    if data[9] == PROTOCOL_AH:
        if data[start] != PROTOCOL_VRRP:
            return Reject.FOREIGN
        start += AH_HEADER.size
        if len(data) < start + 8:
            return Reject.TRUNCATED
    return data[start + 1]


def _number_of_ipv6(data: bytes) -> int | Reject:
    if len(data) < 48 or data[0] >> 4 != 6:
        return Reject.TRUNCATED
    return IPV6_VRIDS + data[41]


def ends_of(data: bytes) -> tuple[bytes, bytes]:
    """Source and destination of an IP packet for which `number_of` gave a number."""
    return (data[12:16], data[16:20]) if data[0] >> 4 == 4 else (data[8:24], data[24:40])


def listed(data: bytes) -> list[bytes]:
    """The addresses that a packet seems to list, for which `number_of` gave a number; nothing of it is checked."""
    start, width = ((data[0] & 15) << 2, 4) if data[0] >> 4 == 4 else (40, 16)
    if width == 4 and data[9] == PROTOCOL_AH:
        start += AH_HEADER.size
    found = data[start + 8 : start + 8 + width * data[start + 3]]
    return [found[at : at + width] for at in range(0, len(found) - width + 1, width)]


def refused(reason: Reject, number: int, data: bytes, at: int) -> Refused:
    """What is remembered of a packet for which `number_of` gave `number`."""
    return Refused(reason, ends_of(data)[0], number % IPV6_VRIDS, at)


def decode(data: bytes, form: Format) -> Advert | Reject:
    """The advert in a received IP packet that `number_of` gave to `form`, or the first reason to refuse it."""
    if data[0] >> 4 == 6:
        head = start = 40
        width, ttl, sealed = 16, data[7], False
        total = 40 + (data[4] << 8 | data[5])
    else:
        head = start = (data[0] & 15) << 2
        width, ttl, sealed = 4, data[8], data[9] == PROTOCOL_AH
        total = data[2] << 8 | data[3]
    if sealed:
        start += AH_HEADER.size
    if total > len(data) or total < start + 8:
        return Reject.TRUNCATED
    if total < len(data) and (width == 16 or len(data) > MIN_ETHERNET_PAYLOAD):
        return Reject.LENGTH
    if sealed is (form.ah is None):
        return Reject.AUTH_TYPE
    message = data[start:total]
    if ttl != TTL and not form.unicast:
        return Reject.TTL
    if message[0] >> 4 != form.version:
        return Reject.VERSION
    addresses = message[8 : 8 + width * message[3]]
    length = 8 + width * message[3] + (8 if form.version == 2 else 0)
    message, trailer = message[:length], message[length:]
    if len(message) != length or len(trailer) not in (0, TRAILER_SIZE):
        return Reject.LENGTH
    if trailer and form.trailer is None:
        return Reject.AUTH_TYPE
    if message[0] & 15 != 1:
        return Reject.TYPE
    source, destination = ends_of(data)
    refused = _refuse_ends(form, source, destination, ttl)
    if refused is not None:
        return refused
    sequence = 0
    if form.trailer is not None:
        found = _sequence(form.trailer, source, message, trailer)
        if isinstance(found, Reject):
            return found
        sequence = found
    if form.version == 2:
        refused = _refuse_v2(message, form)
        if refused is None and form.ah is not None:
            refused = form.ah.refuse(data, head, total)
            sequence = int.from_bytes(data[head + 8 : head + 12], "big")
        return refused or Advert(message[2], form.interval, source, addresses, sequence=sequence)
    covers = _covered(message, form, source, destination)
    if covers is None:
        return Reject.CHECKSUM
    interval = ((message[4] & 15) << 8 | message[5]) * CENTISECOND
    return Advert(message[2], interval, source, addresses, covers, sequence) if interval else Reject.INTERVAL


def _sequence(keys: Trailer, source: bytes, message: bytes, trailer: bytes) -> int | Reject:
    """The sequence of a message; 0 where it has no trailer and need not have one."""
    if trailer:
        return keys.sequence(source, message, trailer)
    return Reject.AUTH_TYPE if keys.required else 0


def _refuse_ends(form: Format, source: bytes, destination: bytes, ttl: int) -> Reject | None:
    """Unicast and multicast are told apart; a peer's TTL counts only where peers are checked (RFC 5082)."""
    if not form.unicast:
        return None if destination == form.group else Reject.DESTINATION
    if destination[0] == 0xFF if len(destination) == 16 else destination[0] >> 4 == 14:
        return Reject.DESTINATION
    if form.sources is None:
        return None
    limits = form.sources.get(source)
    if limits is None:
        return Reject.SOURCE
    return None if limits[0] <= ttl <= limits[1] else Reject.TTL


def _refuse_v2(message: bytes, form: Format) -> Reject | None:
    if checksum(message):
        return Reject.CHECKSUM
    if message[4] != _auth_type(form):
        return Reject.AUTH_TYPE
    if form.auth is not None and message[-8:] != form.auth:
        return Reject.AUTH_FAILURE
    if message[5] * SECOND != form.interval:
        return Reject.INTERVAL
    return None


def _covered(message: bytes, form: Format, source: bytes, destination: bytes) -> Checksum | None:
    """Which of the accepted checksums a v3 message has."""
    for covers in form.checksums:
        if not checksum(_beside(covers, form, source, destination, len(message)) + message):
            return covers
    return None


def _beside(covers: Checksum, form: Format, source: bytes, destination: bytes, length: int) -> bytes:
    """The pseudo header: of v3 only, and for IPv6 always that of RFC 8200 section 8.1."""
    if form.version == 2:
        return b""
    if len(source) == 16:
        return source + destination + struct.pack("!II", length, PROTOCOL_VRRP)
    if covers is Checksum.BARE:
        return b""
    to = form.group if covers is Checksum.GROUP else destination
    return source + to + struct.pack("!BBH", 0, PROTOCOL_VRRP, length)
