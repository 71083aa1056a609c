"""A million forged packets: no exception, no change of state, and every refusal counted once, under its reason.

Each packet is a valid advert that was bent: bits turned, bytes replaced, cut, extended, spliced with another one, or all
random; a quarter of them get a right checksum again, so that they come past it. What is left valid must be so by an
independent reading. The seed is printed; `FUZZ_SEED` repeats a run, `FUZZ_PACKETS` makes it longer.
"""

from __future__ import annotations

import os
import random
from collections import Counter

import pytest

from services.vrrp.events import Configured, InterfaceChanged, PacketReceived, Started, TimeReached
from services.vrrp.node import Node
from services.vrrp.packet import Format, Reject, checksum, encode
from services.vrrp.resolve import resolve
from services.vrrp.settings import DECODERS, SECOND, packed

PACKETS = int(os.environ.get("FUZZ_PACKETS", "250000"))  # in each of the four runs
SEED = int(os.environ.get("FUZZ_SEED", "0")) or random.SystemRandom().randrange(1 << 32)
T0 = 100 * SECOND
GROUP, OTHER, OWN = packed("224.0.0.18"), packed("192.0.2.9"), "192.0.2.5"
V2, V3 = Format(2, 51, SECOND, b"secret12", GROUP), Format(3, 52, SECOND, None, GROUP)
ADDRESSES = [packed("192.0.2.51"), packed("192.0.2.52")]


def node(master: bool) -> Node:
    """One router of each version, backups or masters at T0."""
    common = {"interface": "eth0", "virtual_ipaddress": [{"address": "192.0.2.51"}, {"address": "192.0.2.52"}]}
    auth = {"authentication": {"auth_type": "pass", "auth_pass": "secret12"}}
    values = {"A": common | auth | {"virtual_router_id": 51}, "B": common | {"virtual_router_id": 52, "version": 3}}
    made = Node()
    made.step(Started(()), T0)
    made.step(InterfaceChanged("eth0", 2, True, (OWN,)), T0)
    objects = {("vrrp_instance", name): DECODERS["vrrp_instance"](name, value) for name, value in values.items()}
    made.step(Configured(resolve(objects)), T0 - 4 * SECOND if master else T0)
    while master and (due := made.deadline()) is not None and due <= T0:
        made.step(TimeReached(), due)
    assert {r.state.value for r in made.routers.values()} == {"MASTER" if master else "BACKUP"}
    return made


def bent(rng: random.Random, good: list[bytes]) -> bytes:
    """A packet that began as a valid advert."""
    data = bytearray(rng.choice(good))
    kind = rng.randrange(6)
    if kind == 0:
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif kind == 1:
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(len(data))] = rng.choice((0, 1, 51, 52, 127, 255, rng.randrange(256)))
    elif kind == 2:
        del data[rng.randrange(len(data)) :]
    elif kind == 3:
        data += rng.randbytes(rng.randint(1, 40))
    elif kind == 4:
        other, at = rng.choice(good), rng.randrange(len(data))
        data[at:] = other[at:]
    else:
        data[20:] = rng.randbytes(rng.randint(0, 60))
    if rng.random() < 0.25:
        _mend(data)
    return bytes(data)


def _mend(data: bytearray) -> None:
    """The right total length and VRRP checksum, as far as there is room for them."""
    start = (data[0] & 15) << 2 if data else 0
    if start < 20 or len(data) < start + 8:
        return
    data[2:4] = len(data).to_bytes(2, "big")
    data[start + 6 : start + 8] = b"\0\0"
    data[start + 6 : start + 8] = checksum(_covered(data, start)).to_bytes(2, "big")


def _covered(data: bytes | bytearray, start: int) -> bytes:
    message = bytes(data[start:])
    pseudo = bytes(data[12:20]) + b"\0\x70" + len(message).to_bytes(2, "big")
    return pseudo + message if message[0] >> 4 == 3 else message


def plausible(data: bytes) -> bool:
    """An advert of one of the two routers, by another reading of RFC 3768, 5798 and 9568 than the parser's."""
    start = (data[0] & 15) << 2
    data = data[: int.from_bytes(data[2:4], "big")]
    message = data[start:]
    version, count = message[0] >> 4, message[3]
    right = {51: (2, 8 + 4 * count + 8), 52: (3, 8 + 4 * count)}.get(message[1])
    secret = version == 3 or (message[4] == 1 and message[-8:] == b"secret12")
    return (
        right == (version, len(message)) and data[8] == 255 and data[16:20] == GROUP and secret
        and 0 in (checksum(_covered(data, start)), checksum(message)) and message[0] & 15 == 1
    )  # fmt: skip


def picture(made: Node) -> list[tuple[object, ...]]:
    return [(r.state, r.deadline, r.master_address, r.counters.adverts_received) for r in made.routers.values()]


def counted(made: Node) -> Counter[str]:
    return sum((Counter(r.counters.rejected) for r in made.routers.values()), Counter(made.rejected))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("master", [False, True])
@pytest.mark.parametrize("form", [V2, V3], ids=["v2", "v3"])
def test_a_million_bent_packets_change_nothing_and_are_counted(form: Format, master: bool) -> None:
    print(f"FUZZ_SEED={SEED}")
    rng = random.Random(f"{SEED} {form.version} {master}")
    good = [encode(form, priority, ADDRESSES, OTHER) for priority in (0, 1, 100, 254, 255)]
    made = node(master)
    states = {r.state for r in made.routers.values()}
    before, total, accepted = picture(made), counted(made), 0
    for _ in range(PACKETS):
        data = bent(rng, good)
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
    refused_here = {"truncated", "length", "ttl", "version", "type", "checksum", "destination", "interval", "unknown_vrid"}
    assert refused_here <= set(total), total
