"""Whatever arrives: what is no valid BFD packet is counted under a reason, changes no session and brings no answer."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from services.vrrp.bfd.packet import AUTHENTICATION, MULTIPOINT, Packet, Reject, State, decode, encode
from services.vrrp.bfd.sessions import Received, Sessions
from services.vrrp.bfd.settings import SECOND, BfdInstance

T0 = 100 * SECOND
NEIGHBOR = "192.0.2.2"
OURS = 1
words = st.integers(0, 2**32 - 1)
packets = st.builds(
    Packet,
    st.sampled_from(State),
    st.integers(0, 31),
    st.integers(0, 63).map(lambda flags: flags & ~(AUTHENTICATION | MULTIPOINT)),
    st.integers(1, 255),
    st.integers(1, 2**32 - 1),
    st.integers(1, 2**32 - 1),
    words,
    words,
    words,
)
mutations = st.lists(st.tuples(st.integers(0, 25), st.integers(1, 255)), min_size=1, max_size=4)


def up() -> Sessions:
    """One session, up."""
    numbers = itertools.count(OURS)
    sessions = Sessions(lambda: 0.5, lambda: next(numbers))
    sessions.configure({"b": BfdInstance(NEIGHBOR)}, T0)
    said = Packet(State.INIT, 0, 0, 3, 7, OURS, 10_000, 10_000)
    sessions.received(Received(encode(said), NEIGHBOR, 3784, 255), T0)
    assert sessions.by_name["b"].state is State.UP
    return sessions


def counted(sessions: Sessions) -> int:
    return sum(sessions.rejected.values()) + sum(sessions.refused["b"].values())


@given(packets)
def test_what_is_encoded_is_decoded(packet: Packet) -> None:
    assert decode(encode(packet)) == packet


@settings(max_examples=1000)
@given(st.binary(max_size=60))
def test_decoding_never_raises_and_gives_what_encodes_to_the_same(data: bytes) -> None:
    found = decode(data)
    if isinstance(found, Packet):
        again = encode(found)
        assert again[:3] + again[4:] == data[:3] + data[4:24]
    else:
        assert isinstance(found, Reject)


@settings(max_examples=1000)
@given(packets, mutations)
def test_a_mutated_packet_is_counted_as_received_or_under_one_reason(packet: Packet, mutated: list[tuple[int, int]]) -> None:
    data = bytearray(encode(packet._replace(your_discriminator=OURS)) + bytes(2))
    for at, change in mutated:
        data[at] ^= change
    sessions = up()
    session = sessions.by_name["b"]
    received = session.received
    out = sessions.received(Received(bytes(data), NEIGHBOR, 3784, 255), T0 + 1)
    assert session.received - received + counted(sessions) == 1
    if session.received == received:
        assert out == []
        assert (session.state, session.remote_discriminator, session.up) == (State.UP, 7, True)


@given(st.lists(packets, max_size=30), st.lists(st.integers(0, 2 * SECOND), min_size=30, max_size=30))
def test_any_sequence_of_valid_packets_leaves_a_session_that_knows_when_to_wake(heard: list[Packet], gaps: list[int]) -> None:
    sessions = up()
    session = sessions.by_name["b"]
    now = T0
    for packet, gap in zip(heard, gaps, strict=False):
        now += gap
        sessions.received(Received(encode(packet._replace(your_discriminator=OURS)), NEIGHBOR, 3784, 255), now)
        sessions.time_reached(now)
        due = sessions.deadline()
        assert due is not None
        assert session.deadline is not None
        assert due <= session.deadline
        assert session.deadline > now
        assert (session.state is State.UP) <= (session.up is True)
