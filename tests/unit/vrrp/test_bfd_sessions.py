"""All BFD sessions together: which one a packet is for, which one is due, what a new configuration changes."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from services.vrrp.bfd.packet import Packet, Reject, State, decode, encode
from services.vrrp.bfd.sessions import MAX_DUE, Outgoing, Received, Sessions
from services.vrrp.bfd.settings import MILLISECOND, SECOND, BfdInstance
from services.vrrp.bfd.views import session_view

T0 = 100 * SECOND
A, B = BfdInstance("192.0.2.2"), BfdInstance("2001:db8::2")
FIRST = 1000  # the discriminators are 1000, 1001 ...


def running(**wanted: BfdInstance) -> Sessions:
    numbers = itertools.count(FIRST)
    sessions = Sessions(lambda: 1.0, lambda: next(numbers))
    assert sessions.configure(wanted or {"a": A, "b": B}, T0) == []
    return sessions


def packet(state: State = State.DOWN, yours: int = 0, **more: Any) -> bytes:
    return encode(Packet(state, 0, 0, 3, 77, yours, 20_000, 10_000)._replace(**more))


def heard(data: bytes, source: str = "192.0.2.2", port: int = 3784, hops: int = 255) -> Received:
    return Received(data, source, port, hops)


def states(sessions: Sessions) -> dict[str, str]:
    return {name: session.state.name for name, session in sessions.by_name.items()}


def said(out: list[Outgoing]) -> list[tuple[str, str]]:
    found = [(name, decode(data)) for name, data in out]
    return [(name, what.state.name) for name, what in found if isinstance(what, Packet)]


def test_a_first_packet_is_for_the_session_with_its_sender() -> None:
    sessions = running()
    assert said(sessions.received(heard(packet(), "2001:db8::2"), T0)) == [("b", "INIT")]
    assert states(sessions) == {"a": "DOWN", "b": "INIT"}


def test_later_packets_are_for_the_session_with_our_discriminator() -> None:
    sessions = running()
    assert said(sessions.received(heard(packet(State.INIT, FIRST)), T0)) == [("a", "UP")]
    assert sessions.by_name["a"].remote_discriminator == 77


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        (heard(packet(), "192.0.2.3"), Reject.NO_SESSION),
        (heard(packet(), port=4784), Reject.NO_SESSION),
        (heard(packet(State.UP, 5)), Reject.NO_SESSION),
        (heard(b"x", "192.0.2.3"), Reject.TRUNCATED),
    ],
)
def test_what_is_for_nobody_is_counted_for_all(what: Received, reason: Reject) -> None:
    sessions = running()
    assert sessions.received(what, T0) == []
    assert sessions.rejected == {reason.value: 1}


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        (heard(packet(State.INIT, FIRST), "192.0.2.3"), Reject.SOURCE),
        (heard(packet(State.INIT, FIRST), port=4784), Reject.SOURCE),
        (heard(packet(), hops=254), Reject.TTL),
        (heard(packet(multiplier=0)), Reject.MULTIPLIER),
    ],
)
def test_what_a_session_refuses_is_counted_there(what: Received, reason: Reject) -> None:
    sessions = running()
    for _ in range(2):
        assert sessions.received(what, T0) == []
    assert sessions.refused["a"] == {reason.value: 2}
    assert states(sessions)["a"] == "DOWN"


@pytest.mark.parametrize(
    ("settings", "least"),
    [
        (A, 255),
        (A._replace(max_hops=3), 252),
        (A._replace(max_hops=-1), 255),
        (A._replace(max_hops=255), 0),
        (A._replace(ttl=64), 64),
        (A._replace(ttl=2, max_hops=3), 0),
        (B, 64),
    ],
)
def test_packets_may_have_lost_so_many_hops(settings: BfdInstance, least: int) -> None:
    sessions = running(x=settings)
    if least:
        assert sessions.received(heard(packet(), settings.neighbor_ip, hops=least - 1), T0) == []
    assert said(sessions.received(heard(packet(), settings.neighbor_ip, hops=least), T0)) == [("x", "INIT")]


def test_single_hop_and_multihop_sessions_with_one_neighbor_are_told_apart() -> None:
    sessions = running(near=A, far=A._replace(multihop=True))
    assert said(sessions.received(heard(packet(), port=4784), T0)) == [("far", "INIT")]


def test_what_is_due_is_served_and_no_more_than_so_much_at_once() -> None:
    wanted = {str(n): BfdInstance(f"198.51.100.{n}") for n in range(MAX_DUE + 10)}
    sessions = running(**wanted)
    due = T0 + SECOND // 4
    assert sessions.deadline() == due
    assert sessions.time_reached(due - 1) == []
    assert len(sessions.time_reached(due)) == MAX_DUE
    assert len(sessions.time_reached(due)) == 10
    assert sessions.time_reached(due) == []


def test_a_session_that_hears_packets_in_time_stays_up_and_one_that_does_not_goes_down() -> None:
    sessions = running()
    for name, number in (("a", FIRST), ("b", FIRST + 1)):
        source = sessions.by_name[name].settings.neighbor_ip
        sessions.received(heard(packet(State.INIT, number), source), T0)
    now = T0
    while now < T0 + 200 * MILLISECOND:
        now += 5 * MILLISECOND
        sessions.received(heard(packet(State.UP, FIRST)), now)
        sessions.time_reached(now)
    assert states(sessions) == {"a": "UP", "b": "DOWN"}


def test_each_packet_puts_the_end_of_patience_off() -> None:
    sessions = running(a=A)
    slow = {"required_min_rx": 1_000_000}
    sessions.received(heard(packet(State.INIT, FIRST, **slow)), T0)
    assert sessions.deadline() == T0 + 60 * MILLISECOND
    sessions.received(heard(packet(State.UP, FIRST, **slow)), T0 + 50 * MILLISECOND)
    assert sessions.time_reached(T0 + 60 * MILLISECOND) == []
    assert (sessions.deadline(), states(sessions)) == (T0 + 110 * MILLISECOND, {"a": "UP"})


def test_changes_of_state_are_told_once() -> None:
    sessions = running()
    assert sessions.take_changed() == {"a", "b"}
    sessions.received(heard(packet()), T0)
    assert sessions.take_changed() == {"a"}
    sessions.received(heard(packet()), T0)
    assert sessions.take_changed() == set()


def test_the_same_configuration_again_disturbs_nothing() -> None:
    sessions = running()
    sessions.received(heard(packet(State.INIT, FIRST)), T0)
    assert sessions.configure({"a": A, "b": B}, T0) == []
    assert states(sessions) == {"a": "UP", "b": "DOWN"}


def test_other_intervals_leave_a_session_up() -> None:
    sessions = running()
    sessions.received(heard(packet(State.INIT, FIRST)), T0)
    sessions.configure({"a": A._replace(min_tx=50 * MILLISECOND), "b": B}, T0)
    session = sessions.by_name["a"]
    assert (session.state, session.local_discriminator, session.desired_min_tx) == (State.UP, FIRST, 50_000)


def test_another_neighbor_is_another_session_and_the_old_one_hears_of_it() -> None:
    sessions = running()
    out = sessions.configure({"a": A._replace(neighbor_ip="192.0.2.9"), "b": B}, T0)
    assert said(out) == [("a", "ADMIN_DOWN")]
    assert sessions.by_name["a"].local_discriminator not in (FIRST, FIRST + 1)
    sessions.received(heard(packet()), T0)
    assert sessions.rejected == {"no_session": 1}
    assert said(sessions.received(heard(packet(), "192.0.2.9"), T0)) == [("a", "INIT")]


def test_two_sessions_may_swap_their_neighbors() -> None:
    c = BfdInstance("192.0.2.3")
    sessions = running(a=A, c=c)
    sessions.configure({"a": c, "c": A}, T0)
    assert said(sessions.received(heard(packet()), T0)) == [("c", "INIT")]
    assert said(sessions.received(heard(packet(), "192.0.2.3"), T0)) == [("a", "INIT")]


def test_a_stop_tells_every_neighbor() -> None:
    sessions = running()
    assert sorted(said(sessions.stop(T0))) == [("a", "ADMIN_DOWN"), ("b", "ADMIN_DOWN")]
    assert sessions.time_reached(T0 + 10 * SECOND) == []
    assert sessions.deadline() is None


def test_discriminators_are_never_zero_and_never_the_same() -> None:
    drawn = iter([0, 4, 4, 0, 5])
    sessions = Sessions(lambda: 1.0, lambda: next(drawn))
    sessions.configure({"a": A, "b": B}, T0)
    assert {s.local_discriminator for s in sessions.by_name.values()} == {4, 5}


def test_a_view_says_it_in_words() -> None:
    sessions = running()
    sessions.received(heard(packet(State.INIT, FIRST)), T0)
    before = session_view(sessions.by_name["a"], {}, 0, "", lambda at: at)
    assert (before["state"], before["remote_state"], before["detection_time_ns"]) == ("UP", "INIT", 60 * MILLISECOND)
    sessions.time_reached(T0 + 60 * MILLISECOND)
    view = session_view(sessions.by_name["a"], {"ttl": 2}, 3, "Network is unreachable", lambda at: at)
    assert (view["state"], view["diagnostic"]) == ("DOWN", "control detection time expired")
    assert (view["last_failure"], view["last_failure_at"]) == ("control detection time expired", T0 + 60 * MILLISECOND)
    assert (view["remote_state"], view["rejected"], view["send_errors"]) == ("", {"ttl": 2}, 3)
