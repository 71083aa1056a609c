"""What does a successor need to know of a virtual router? The record that outlives a killed engine, as bytes.

Times are CLOCK_BOOTTIME nanoseconds, which the successor's clock shares. The time of the last advert is kept beside the
record (`handover`), because it changes with each advert.
"""

from __future__ import annotations

import json
from struct import Struct
from typing import NamedTuple
from zlib import crc32

from services.vrrp.addresses import VirtualAddress

RECORD = Struct("<QII")  # sequence, length, checksum of sequence, length and text
COPY = 512  # bytes of one record
PROMOTED = "promoted"  # the kind of a record that says: this interface did not have promote_secondaries before


class Saved(NamedTuple):
    """One virtual router (`kind` "instance"), or what is known of something tracked: `kind` "script" or "process" with `state`
    "up" or "down", `kind` "file" with its number as text, or an interface (`kind` PROMOTED)."""

    kind: str
    name: str
    state: str
    last_advert: int = 0
    master_down_at: int = 0
    preempt_at: int = 0
    master_interval: int = 0
    master_address: str = ""
    master_priority: int = 0
    priority: int = 0
    addresses: tuple[VirtualAddress, ...] = ()
    more_addresses: bool = False  # too many to list: all that are configured
    sequence: int = 0  # of the last sealed advert that was sent or accepted


def pack(saved: Saved, sequence: int) -> bytes:
    """At most COPY bytes that `unpack` recognises; torn or mixed bytes it does not."""
    listed = [[a.address, a.prefix, a.dev, *([a.peer] if a.peer else [])] for a in saved.addresses]
    body = [*saved[:10], listed, saved.more_addresses, saved.sequence]
    text = json.dumps(body, separators=(",", ":")).encode()
    while len(text) > COPY - RECORD.size and listed:
        del listed[len(listed) // 2 :]
        body[11] = True
        text = json.dumps(body, separators=(",", ":")).encode()
    if len(text) > COPY - RECORD.size:
        return RECORD.pack(sequence, 0, 0)  # a name of a thousand bytes: not handed over
    return RECORD.pack(sequence, len(text), _sum(sequence, text)) + text


def unpack(data: bytes) -> tuple[int, Saved] | None:
    """Sequence and record, or None where there is none or it is damaged."""
    if len(data) < RECORD.size:
        return None
    sequence, length, total = RECORD.unpack_from(data)
    text = data[RECORD.size : RECORD.size + length]
    if not length or len(text) != length or _sum(sequence, text) != total:
        return None
    try:
        body = json.loads(text)
        addresses = tuple(VirtualAddress(a, prefix, dev, peer="".join(peer)) for a, prefix, dev, *peer in body[10])
        more, *sealed = body[11:]
        saved = Saved(*body[:10])._replace(addresses=addresses, more_addresses=bool(more))
        return sequence, saved._replace(sequence=int(sealed[0])) if sealed else saved
    except (ValueError, TypeError, LookupError):
        return None


def _sum(sequence: int, text: bytes) -> int:
    return crc32(text, crc32(sequence.to_bytes(8, "little")))
