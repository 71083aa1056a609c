"""What does an advert look like on the wire, and why is a received one refused? VRRPv2 and v3 over IPv4.

Pure bytes: RFC 3768 section 5 (v2, with RFC 2338's clear-text password), RFC 5798 section 5 (v3, checksum with pseudo
header). Knows nothing of sockets or elections. Durations in nanoseconds, addresses as four bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

SECOND = 1_000_000_000
CENTISECOND = 10_000_000
IP_HEADER = struct.Struct("!BBHHHBBH4s4s")
IP_ID_OFFSET = 4
PROTOCOL_VRRP = 112
TTL = 255
PRECEDENCE_INTERNETWORK_CONTROL = 0xC0
MIN_ETHERNET_PAYLOAD = 46
AUTH_NONE, AUTH_PASS = 0, 1


class Reject(StrEnum):
    """Why a received packet is not an advert for us; the value names the counter (RFC 6527's where it has one)."""

    TRUNCATED = "truncated"  # shorter than its own header says
    LENGTH = "length"  # not the length that its address count gives
    TTL = "ttl"
    VERSION = "version"
    TYPE = "type"
    CHECKSUM = "checksum"
    DESTINATION = "destination"  # not sent to our multicast group
    INTERVAL = "interval"  # v2 only: must equal ours
    AUTH_TYPE = "auth_type"
    AUTH_FAILURE = "auth_failure"
    UNKNOWN_VRID = "unknown_vrid"


class Advert(NamedTuple):
    """A valid advert. `addresses` is the concatenated list as sent."""

    priority: int
    interval: int
    source: bytes
    addresses: bytes


class Format(NamedTuple):
    """What all routers of one virtual router must agree on. `auth`: eight bytes, or None for no authentication."""

    version: int
    vrid: int
    interval: int
    auth: bytes | None
    group: bytes


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071) over `data`; 0 for data that contains its own right checksum."""
    if len(data) & 1:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) >> 1}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def encode(form: Format, priority: int, addresses: Sequence[bytes], source: bytes, identification: int = 0) -> bytes:
    """The complete IP packet of one advert, as keepalived sends it.

    The sender counts `identification` up, never 0, at IP_ID_OFFSET; the kernel corrects the IP checksum.
    """
    listed = b"".join(addresses)
    if form.version == 2:
        kind = AUTH_NONE if form.auth is None else AUTH_PASS
        middle = struct.pack("!BB", kind, form.interval // SECOND)
        tail = listed + (form.auth or bytes(8))
    else:
        middle = struct.pack("!H", form.interval // CENTISECOND)
        tail = listed
    head = struct.pack("!BBBB", form.version << 4 | 1, form.vrid, priority, len(addresses)) + middle
    length = len(head) + 2 + len(tail)
    pseudo = b"" if form.version == 2 else _pseudo_header(source, form.group, length)
    message = head + struct.pack("!H", checksum(pseudo + head + b"\0\0" + tail)) + tail
    fields = (0x45, PRECEDENCE_INTERNETWORK_CONTROL, 20 + length, identification, 0, TTL, PROTOCOL_VRRP)
    header = IP_HEADER.pack(*fields, 0, source, form.group)
    return IP_HEADER.pack(*fields, checksum(header), source, form.group) + message


def vrid_of(data: bytes) -> int | Reject:
    """The VRID of a received IP packet, or why it has none."""
    if len(data) < 20 or data[0] >> 4 != 4:
        return Reject.TRUNCATED
    start = (data[0] & 15) << 2
    if start < 20 or len(data) < start + 8:
        return Reject.TRUNCATED
    return data[start + 1]


def decode(data: bytes, form: Format) -> Advert | Reject:
    """The advert in a received IP packet for which `vrid_of` gave `form.vrid`, or the first reason to refuse it."""
    start = (data[0] & 15) << 2
    total = data[2] << 8 | data[3]
    if total > len(data) or total < start + 8:
        return Reject.TRUNCATED
    if total < len(data) and len(data) > MIN_ETHERNET_PAYLOAD:
        return Reject.LENGTH
    message = data[start:total]
    if data[8] != TTL:
        return Reject.TTL
    if message[0] >> 4 != form.version:
        return Reject.VERSION
    addresses = message[8 : 8 + 4 * message[3]]
    if len(message) != 8 + 4 * message[3] + (8 if form.version == 2 else 0):
        return Reject.LENGTH
    if message[0] & 15 != 1:
        return Reject.TYPE
    if data[16:20] != form.group:
        return Reject.DESTINATION
    source = data[12:16]
    if form.version == 3:
        if checksum(_pseudo_header(source, form.group, len(message)) + message):
            return Reject.CHECKSUM
        interval = ((message[4] & 15) << 8 | message[5]) * CENTISECOND
        return Advert(message[2], interval, source, addresses) if interval else Reject.INTERVAL
    refused = _refuse_v2(message, form)
    return refused or Advert(message[2], form.interval, source, addresses)


def _refuse_v2(message: bytes, form: Format) -> Reject | None:
    if checksum(message):
        return Reject.CHECKSUM
    if message[4] != (AUTH_NONE if form.auth is None else AUTH_PASS):
        return Reject.AUTH_TYPE
    if form.auth is not None and message[-8:] != form.auth:
        return Reject.AUTH_FAILURE
    if message[5] * SECOND != form.interval:
        return Reject.INTERVAL
    return None


def _pseudo_header(source: bytes, destination: bytes, length: int) -> bytes:
    return source + destination + struct.pack("!BBH", 0, PROTOCOL_VRRP, length)
