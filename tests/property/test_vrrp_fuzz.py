"""A million forged packets: no exception, no change of state, and every refusal counted once, under its reason.

Each packet is a valid advert that was bent: bits turned, bytes replaced, cut, extended, spliced with another one, or all
random. A quarter of them get right lengths and a right checksum again, and where there is a key half of those its seal or
trailer too, so that they come past these. What is left valid must be so by an independent reading. The seed is printed;
`FUZZ_SEED` repeats a run, `FUZZ_PACKETS` makes it longer.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import itertools
import os
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from services.vrrp.config.resolve import resolve
from services.vrrp.config.settings import DECODERS, SECOND, packed
from services.vrrp.election.events import ClockSet, Configured, InterfaceChanged, PacketReceived, Started, TimeReached
from services.vrrp.election.node import Node
from services.vrrp.wire.ah import Seal
from services.vrrp.wire.packet import AH_HEADER, TRAILER_SIZE, Format, Reject, checksum, encode
from services.vrrp.wire.trailer import Trailer

PACKETS = int(os.environ.get("FUZZ_PACKETS", "72000"))  # in each of the fourteen runs
SEED = int(os.environ.get("FUZZ_SEED", "0")) or random.SystemRandom().randrange(1 << 32)
T0 = 100 * SECOND
GROUP, GROUP6 = packed("224.0.0.18"), packed("ff02::12")
OWN, OTHER = packed("192.0.2.5"), packed("192.0.2.9")
OWN6, OTHER6 = packed("fe80::5"), packed("fe80::9")
SECRET, KEY = b"secret12", b"0123456789abcdef0123456789abcdef"
ADDRESSES = {4: [packed("192.0.2.51"), packed("192.0.2.52")], 6: [packed("fe80::51"), packed("fe80::52")]}


class Case(NamedTuple):
    """One router: how it is configured, and what its adverts are."""

    family: int
    vrid: int
    form: Format
    more: dict[str, Any]


_PASS, _AH = ({"authentication": {"auth_type": kind, "auth_pass": "secret12"}} for kind in ("pass", "ah"))
_HMAC = {"auth_hmac": {"key": [{"id": 3, "value": KEY.decode()}], "anti_replay": "monotonic"}}
_KEYS = Trailer({3: KEY}, 3, required=True)
CASES = {
    "v2": Case(4, 51, Format(2, 51, SECOND, SECRET, GROUP), _PASS),
    "v3": Case(4, 52, Format(3, 52, SECOND, None, GROUP), {"version": 3}),
    "ah": Case(4, 53, Format(2, 53, SECOND, None, GROUP, ah=Seal(SECRET, unicast=False)), _AH),
    "hmac": Case(4, 54, Format(3, 54, SECOND, None, GROUP, trailer=_KEYS, signed=True), {"version": 3} | _HMAC),
    "unicast": Case(
        4,
        55,
        Format(3, 55, SECOND, None, GROUP, unicast=True),
        {"version": 3, "unicast_peer": [{"address": "192.0.2.9"}], "check_unicast_src": True},
    ),
    "ipv6": Case(6, 51, Format(3, 51, SECOND, None, GROUP6), {}),
    "ipv6-unicast": Case(6, 56, Format(3, 56, SECOND, None, GROUP6, unicast=True), {"unicast_peer": [{"address": "fe80::9"}]}),
}
BY_VRID = {(case.family, case.vrid): name for name, case in CASES.items()}


def node(master: bool) -> Node:
    """One router of each kind, backups or masters at T0."""
    made = Node()
    made.step(Started(()), T0)
    made.step(ClockSet(0), T0)
    made.step(InterfaceChanged("eth0", 2, True, ("192.0.2.5", "fe80::5")), T0)
    objects = {}
    for name, case in CASES.items():
        rows = ["192.0.2.51", "192.0.2.52"] if case.family == 4 else ["fe80::51", "fe80::52"]
        value = {"interface": "eth0", "virtual_router_id": case.vrid, "virtual_ipaddress": [{"address": row} for row in rows]}
        objects["vrrp_instance", name] = DECODERS["vrrp_instance"](name, value | case.more)
    resolved = resolve(objects)
    assert resolved.problems == ()
    made.step(Configured(resolved), T0 - 4 * SECOND if master else T0)
    while master and (due := made.deadline()) is not None and due <= T0:
        made.step(TimeReached(), due)
    assert {r.state.value for r in made.routers.values()} == {"MASTER" if master else "BACKUP"}
    return made


@functools.cache
def plain(name: str, priority: int) -> bytes:
    """A valid advert of a router's peer, but for what a key gives."""
    case = CASES[name]
    to = None if not case.form.unicast else OWN if case.family == 4 else OWN6
    return encode(case.form, priority, ADDRESSES[case.family], OTHER if case.family == 4 else OTHER6, 0, to)


def good(name: str, rng: random.Random, sequence: int) -> bytes:
    """A valid advert, which has the sequence where it has any."""
    return sealed(CASES[name], plain(name, rng.choice((0, 1, 100, 254, 255))), sequence)


def sealed(case: Case, data: bytes, sequence: int) -> bytes:
    if case.form.ah is not None:
        return case.form.ah.close(data, sequence)
    return data if case.form.trailer is None else data + case.form.trailer.make(data, sequence)


def bent(rng: random.Random, name: str, sequence: int) -> bytes:
    """A packet that began as a valid advert."""
    data = bytearray(good(name, rng, sequence))
    kind = rng.randrange(6)
    if kind == 0:
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif kind == 1:
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(len(data))] = rng.choice((0, 1, 51, 52, 112, 127, 255, rng.randrange(256)))
    elif kind == 2:
        del data[rng.randrange(len(data)) :]
    elif kind == 3:
        data += rng.randbytes(rng.randint(1, 40))
    elif kind == 4:
        other, at = good(rng.choice(tuple(CASES)), rng, sequence), rng.randrange(len(data))
        data[at:] = other[at:]
    else:
        data[20:] = rng.randbytes(rng.randint(0, 60))
    if rng.random() < 0.25:
        return _mended(rng, CASES[name], bytes(data), sequence)
    return bytes(data)


def _mended(rng: random.Random, case: Case, data: bytes, sequence: int) -> bytes:
    """Right lengths and a right checksum, as far as there is room for them, and perhaps what only the key can give."""
    start = 40 if case.family == 6 else (data[0] & 15) << 2 if data else 0
    start += AH_HEADER.size if case.form.ah is not None else 0
    more = TRAILER_SIZE if case.form.trailer is not None else 0
    if start < 20 or len(data) < start + 8 + more:
        return data
    whole = bytearray(data)
    at = slice(4, 6) if case.family == 6 else slice(2, 4)
    whole[at] = (len(data) - (40 if case.family == 6 else 0)).to_bytes(2, "big")
    end = len(whole) - more
    whole[start + 6 : start + 8] = b"\0\0"
    right = checksum(_pseudo(bytes(whole), bytes(whole[start:end])) + bytes(whole[start:end]))
    whole[start + 6 : start + 8] = right.to_bytes(2, "big")
    if rng.random() < 0.5 and whole[0] in (0x45, 0x6C):
        return sealed(case, bytes(whole[:end]), sequence)
    return bytes(whole)


def _pseudo(data: bytes, message: bytes) -> bytes:
    if data[0] >> 4 == 6:
        return data[8:40] + len(message).to_bytes(4, "big") + b"\0\0\0\x70"
    return data[12:20] + b"\0\x70" + len(message).to_bytes(2, "big") if message[0] >> 4 == 3 else b""


def plausible(data: bytes) -> bool:
    """An advert of one of the routers, by another reading of RFC 3768, 5798, 9568 and 2402 than the parser's."""
    six = data[0] >> 4 == 6
    start, end = (40, 40 + int.from_bytes(data[4:6], "big")) if six else ((data[0] & 15) << 2, int.from_bytes(data[2:4], "big"))
    ttl, source, destination = (data[7], data[8:24], data[24:40]) if six else (data[8], data[12:16], data[16:20])
    ah = not six and data[9] == 51
    message = data[start + 24 if ah else start : end]
    name = BY_VRID.get((6 if six else 4, message[1]), "")
    if not name:
        return False
    form = CASES[name].form
    length = 8 + (16 if six else 4) * message[3] + (8 if form.version == 2 else 0)
    message, trailer = message[:length], message[length:]
    return all(
        (
            len(message) == length and message[0] == form.version << 4 | 1,
            ttl == 255 or form.unicast,
            not _multicast(destination) if form.unicast else destination == form.group,
            name != "unicast" or source == OTHER,
            _right_checksum(data, message, form),
            ah == (name == "ah") and (not ah or _right_icv(data[:end], start)),
            bool(trailer) == (name == "hmac") and (not trailer or _right_tag(source, message, trailer)),
            name != "v2" or (message[4] == 1 and message[-8:] == SECRET),
            form.version == 3 or message[5] == 1,
            form.version == 2 or message[4] & 15 or message[5],
        )
    )


def _multicast(address: bytes) -> bool:
    return address[0] == 0xFF if len(address) == 16 else 224 <= address[0] <= 239


def _right_checksum(data: bytes, message: bytes, form: Format) -> bool:
    pseudo = _pseudo(data, message)
    readings = [pseudo]
    if data[0] >> 4 == 4 and form.version == 3:
        readings += [b"", pseudo[:4] + GROUP + pseudo[8:]] if form.unicast else [b""]
    return any(checksum(before + message) == 0 for before in readings)


def _right_icv(data: bytes, start: int) -> bool:
    fixed = bytearray(data)
    fixed[1] = 0
    fixed[6:8] = fixed[10:12] = bytes(2)
    fixed[start + 12 : start + 24] = bytes(12)
    right = hmac.new(SECRET, bytes(fixed), hashlib.md5).digest()[:12]
    return data[start + 12 : start + 24] == right and data[start + 4 : start + 8] == data[12:16]


def _right_tag(source: bytes, message: bytes, trailer: bytes) -> bool:
    covered = bytes((4, message[0] >> 4, message[1], 0)) + source + bytes(12)
    covered += message[:6] + bytes(2) + message[8:] + trailer[:12] + bytes(16)
    right = hmac.new(KEY, covered, hashlib.sha256).digest()[:16]
    return trailer[:4] == b"\x01\x03\0\0" and trailer[12:] == right


def picture(made: Node) -> list[tuple[object, ...]]:
    return [(r.state, r.deadline, r.master_address, r.counters.adverts_received) for r in made.routers.values()]


def counted(made: Node) -> Counter[str]:
    return sum((Counter(r.counters.rejected) for r in made.routers.values()), Counter(made.reception.rejected))


def numbers() -> Iterator[int]:
    """Sequences, some of them again."""
    for number in itertools.count(1):
        yield from [number] * (2 if number % 3 == 0 else 1)


EVERYWHERE = {"truncated", "length", "version", "type", "checksum", "destination", "unknown_vrid"}
ONLY = {
    "v2": {"ttl", "interval", "auth_type", "auth_failure"},
    "v3": {"ttl", "interval"},
    "ah": {"ttl", "interval", "auth_type", "auth_failure", "replay"},
    "hmac": {"ttl", "auth_type", "auth_failure", "replay"},
    "unicast": {"interval", "source"},
    "ipv6": {"ttl", "interval"},
    "ipv6-unicast": {"interval"},
}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("master", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_a_million_bent_packets_change_nothing_and_are_counted(name: str, master: bool) -> None:
    print(f"FUZZ_SEED={SEED}")
    rng, sequences = random.Random(f"{SEED} {name} {master}"), numbers()
    made = node(master)
    states = {r.state for r in made.routers.values()}
    before, total, accepted = picture(made), counted(made), 0
    for _ in range(PACKETS):
        data = bent(rng, name, next(sequences))
        actions = made.step(PacketReceived("eth0", data), T0 + 1)
        if picture(made) == before:
            assert actions == ()
            continue
        assert plausible(data), data.hex()
        accepted += 1
        if {r.state for r in made.routers.values()} != states:
            total += counted(made)
            made = node(master)
        before = picture(made)
    total += counted(made)
    assert total.total() + accepted == PACKETS
    assert set(total) <= {reason.value for reason in Reject}
    assert EVERYWHERE | ONLY[name] <= set(total), (EVERYWHERE | ONLY[name]) - set(total)
