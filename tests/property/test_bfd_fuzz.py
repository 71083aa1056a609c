"""Very many bent BFD packets: no exception, every refusal counted once under its reason, and none of them touches a session.

What counts must do so by an independent reading of RFC 5880 section 6.8.6, and what counts by that reading must count. The
seed is printed; `FUZZ_SEED` repeats a run, `FUZZ_PACKETS` makes it longer.
"""

from __future__ import annotations

import itertools
import os
import random

import pytest

from services.vrrp.bfd.packet import Packet, Reject, State, encode
from services.vrrp.bfd.sessions import Received, Sessions
from services.vrrp.bfd.settings import SECOND, BfdInstance

PACKETS = int(os.environ.get("FUZZ_PACKETS", "250000"))
SEED = int(os.environ.get("FUZZ_SEED", "0")) or random.SystemRandom().randrange(1 << 32)
T0 = 100 * SECOND
NEIGHBOR, STRANGER, OURS = "192.0.2.2", "192.0.2.3", 1


def up() -> Sessions:
    """One session, up."""
    numbers = itertools.count(OURS)
    sessions = Sessions(lambda: 0.5, lambda: next(numbers))
    sessions.configure({"b": BfdInstance(NEIGHBOR)}, T0)
    sessions.received(Received(encode(Packet(State.INIT, 0, 0, 3, 7, OURS, 10_000, 10_000)), NEIGHBOR, 3784, 255), T0)
    assert sessions.by_name["b"].state is State.UP
    return sessions


def bent(rng: random.Random) -> Received:
    """A packet that began as a valid one."""
    yours = rng.choice((OURS, OURS, OURS, 0, 5))
    data = bytearray(encode(Packet(rng.choice(list(State)), rng.randrange(9), 0, 3, 7, yours, 10_000, 10_000)))
    kind = rng.randrange(6)
    if kind == 0:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif kind == 1:
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(len(data))] = rng.choice((0, 1, 24, 26, 127, 255, rng.randrange(256)))
    elif kind == 2:
        del data[rng.randrange(len(data)) :]
    elif kind == 3:
        data += rng.randbytes(rng.randint(1, 40))
        data[3] = rng.choice((24, 26, len(data), len(data) + 1))
    elif kind == 4:
        data = bytearray(rng.randbytes(rng.randint(0, 60)))
    elif rng.random() < 0.5:
        data[4:8] = bytes(4)
    source = NEIGHBOR if rng.random() < 0.9 else STRANGER
    return Received(bytes(data), source, 3784 if rng.random() < 0.95 else 4784, 255 if rng.random() < 0.9 else 254)


def counts(what: Received) -> bool:
    """Whether a packet is for the session, by another reading than the parser's."""
    data = what.data
    if (what.source, what.port, what.hops) != (NEIGHBOR, 3784, 255) or not len(data) >= 24:
        return False
    number = int.from_bytes(data[8:12], "big")
    known = number == OURS or (number == 0 and data[1] >> 6 in (0, 1))
    sound = 24 <= data[3] <= len(data) and data[2] != 0 and any(data[4:8])
    return data[0] & 0xE0 == 0x20 and sound and known and not data[1] & 0b101


@pytest.mark.timeout(900)
def test_of_very_many_bent_packets_exactly_the_valid_ones_count() -> None:
    print(f"FUZZ_SEED={SEED}")
    rng = random.Random(SEED)
    sessions, reasons, accepted = up(), set[str](), 0
    for _ in range(PACKETS):
        what = bent(rng)
        session = sessions.by_name["b"]
        before = vars(session).copy()
        refused = sum(sessions.rejected.values()) + sum(sessions.refused["b"].values())
        out = sessions.received(what, T0 + 1)
        if counts(what):
            assert session.received == before["received"] + 1, what
            accepted += 1
        else:
            assert sum(sessions.rejected.values()) + sum(sessions.refused["b"].values()) == refused + 1, what
            assert (out, vars(session)) == ([], before), what
        reasons |= sessions.rejected.keys() | sessions.refused["b"].keys()
        if session.state is not State.UP:
            sessions = up()
    assert accepted > PACKETS // 20
    assert reasons == {reason.value for reason in Reject}
