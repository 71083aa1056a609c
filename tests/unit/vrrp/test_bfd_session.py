"""One BFD session: every cell of the state machine, timers with jitter, Poll sequences, passive and Demand neighbors."""

from __future__ import annotations

from typing import Any

import pytest

from services.vrrp.bfd.packet import DEMAND, FINAL, POLL, Diagnostic, Packet, State, decode
from services.vrrp.bfd.session import Failure, Heard, Reconfigured, Session, Stopped, TimeReached
from services.vrrp.bfd.settings import MILLISECOND, SECOND, BfdInstance

T0 = 100 * SECOND
MINE, THEIRS = 7, 9
NEIGHBOR = BfdInstance("192.0.2.2")
ADMIN_DOWN, DOWN, INIT, UP = State.ADMIN_DOWN, State.DOWN, State.INIT, State.UP


def session(**settings: Any) -> Session:
    return Session(NEIGHBOR._replace(**settings), MINE, T0, 1.0)


def says(state: State, flags: int = 0, **more: Any) -> Heard:
    """A packet of a neighbor that asks for 20 ms, multiplier 3, unless told otherwise."""
    packet = Packet(state, 0, flags, 3, THEIRS, MINE, 20_000, 10_000)
    return Heard(packet._replace(**more))


def sent(packets: tuple[bytes, ...]) -> list[Packet]:
    found = [decode(data) for data in packets]
    assert all(isinstance(packet, Packet) for packet in found)
    return found  # type: ignore[return-value]


def brought(state: State, **settings: Any) -> Session:
    """A session in this state at T0."""
    found = session(**settings)
    if state in (INIT, UP):
        found.step(says(DOWN), T0, 1.0)
    if state is UP:
        found.step(says(INIT), T0, 1.0)
    if state is ADMIN_DOWN:
        found.step(Stopped(), T0, 1.0)
    assert found.state is state
    return found


@pytest.mark.parametrize(
    ("ours", "theirs", "after", "diagnostic"),
    [
        (DOWN, ADMIN_DOWN, DOWN, Diagnostic.NONE),
        (DOWN, DOWN, INIT, Diagnostic.NONE),
        (DOWN, INIT, UP, Diagnostic.NONE),
        (DOWN, UP, DOWN, Diagnostic.NONE),
        (INIT, ADMIN_DOWN, DOWN, Diagnostic.NEIGHBOR_SIGNALED_DOWN),
        (INIT, DOWN, INIT, Diagnostic.NONE),
        (INIT, INIT, UP, Diagnostic.NONE),
        (INIT, UP, UP, Diagnostic.NONE),
        (UP, ADMIN_DOWN, DOWN, Diagnostic.NEIGHBOR_SIGNALED_DOWN),
        (UP, DOWN, DOWN, Diagnostic.NEIGHBOR_SIGNALED_DOWN),
        (UP, INIT, UP, Diagnostic.NONE),
        (UP, UP, UP, Diagnostic.NONE),
        (ADMIN_DOWN, ADMIN_DOWN, ADMIN_DOWN, Diagnostic.ADMINISTRATIVELY_DOWN),
        (ADMIN_DOWN, DOWN, ADMIN_DOWN, Diagnostic.ADMINISTRATIVELY_DOWN),
        (ADMIN_DOWN, INIT, ADMIN_DOWN, Diagnostic.ADMINISTRATIVELY_DOWN),
        (ADMIN_DOWN, UP, ADMIN_DOWN, Diagnostic.ADMINISTRATIVELY_DOWN),
    ],
)
def test_the_state_machine_of_the_rfc(ours: State, theirs: State, after: State, diagnostic: Diagnostic) -> None:
    found = brought(ours)
    found.step(says(theirs), T0 + 1, 1.0)
    assert (found.state, found.diagnostic) == (after, diagnostic)


@pytest.mark.parametrize(
    ("ours", "after", "diagnostic"),
    [(INIT, DOWN, Diagnostic.DETECTION_TIME_EXPIRED), (UP, DOWN, Diagnostic.DETECTION_TIME_EXPIRED)],
)
def test_silence_for_the_detection_time_is_down(ours: State, after: State, diagnostic: Diagnostic) -> None:
    found = brought(ours)
    assert found.detection_time == 60 * MILLISECOND
    found.step(TimeReached(), T0 + 60 * MILLISECOND - 1, 1.0)
    assert found.state is ours
    found.step(TimeReached(), T0 + 60 * MILLISECOND, 1.0)
    assert (found.state, found.diagnostic, found.remote_discriminator) == (after, diagnostic, 0)
    assert found.detection_time is None


def test_silence_while_down_forgets_the_neighbor_and_is_no_failure() -> None:
    found = brought(INIT)
    found.step(says(ADMIN_DOWN), T0, 1.0)
    assert found.remote_discriminator == THEIRS
    found.step(TimeReached(), T0 + 60 * MILLISECOND, 1.0)
    assert (found.state, found.remote_discriminator, found.failure) == (DOWN, 0, None)


def test_trackers_hear_nothing_before_the_first_up_and_of_no_purposeful_down() -> None:
    found = session()
    assert found.up is None
    found.step(says(DOWN), T0, 1.0)
    assert found.up is None
    found.step(says(INIT), T0, 1.0)
    assert found.up is True
    found.step(says(ADMIN_DOWN), T0, 1.0)
    assert (found.state, found.up) == (DOWN, True)
    for state in (DOWN, INIT):
        found.step(says(state), T0, 1.0)
    found.step(says(DOWN), T0 + 5, 1.0)
    assert (found.state, found.up) == (DOWN, False)
    assert found.failure == Failure(Diagnostic.NEIGHBOR_SIGNALED_DOWN, T0 + 5)


def test_a_session_that_is_down_speaks_once_a_second_and_up_as_often_as_both_wish() -> None:
    found = session()
    assert (found.desired_min_tx, found.transmit_interval) == (1_000_000, SECOND)
    found.step(says(DOWN), T0, 1.0)
    found.step(says(INIT), T0, 1.0)
    assert (found.desired_min_tx, found.transmit_interval) == (10_000, 10 * MILLISECOND)
    found.step(says(UP, required_min_rx=30_000), T0, 1.0)
    assert found.transmit_interval == 30 * MILLISECOND
    found.step(says(DOWN), T0, 1.0)
    assert (found.desired_min_tx, found.transmit_interval) == (1_000_000, SECOND)


@pytest.mark.parametrize(
    ("multiplier", "chance", "share"), [(5, 0.0, 0.75), (5, 1.0, 1.0), (1, 0.0, 0.75), (1, 1.0, 0.9), (3, 0.5, 0.875)]
)
def test_jitter_takes_up_to_a_quarter_off(multiplier: int, chance: float, share: float) -> None:
    found = Session(NEIGHBOR._replace(multiplier=multiplier), MINE, T0, chance)
    (packet,) = sent(found.step(TimeReached(), T0 + SECOND, chance))
    assert (packet.state, packet.multiplier, packet.my_discriminator, packet.your_discriminator) == (DOWN, multiplier, MINE, 0)
    assert found.deadline == T0 + SECOND + share * SECOND


@pytest.mark.parametrize(("chance", "wait"), [(0.0, 0), (1.0, SECOND // 2)])
def test_the_first_packet_comes_within_a_quarter_of_idle_tx(chance: float, wait: int) -> None:
    found = Session(NEIGHBOR._replace(idle_tx=2 * SECOND), MINE, T0, chance)
    assert found.deadline == T0 + wait
    assert [p.state for p in sent(found.step(TimeReached(), T0 + wait, 1.0))] == [DOWN]
    assert found.deadline == T0 + wait + 2 * SECOND


def test_a_change_of_state_is_told_at_once_and_nothing_else_is() -> None:
    found = session()
    assert [p.state for p in sent(found.step(says(DOWN), T0, 1.0))] == [INIT]
    assert [p.state for p in sent(found.step(says(INIT), T0, 1.0))] == [UP]
    assert found.step(says(UP), T0, 1.0) == ()
    assert [p.state for p in sent(found.step(TimeReached(), T0 + 60 * MILLISECOND, 1.0))] == [DOWN]


def test_coming_up_begins_a_poll_that_a_final_ends() -> None:
    found = brought(UP)
    assert found.polling
    assert [p.poll for p in sent(found.step(TimeReached(), T0 + 10 * MILLISECOND, 1.0))] == [True]
    found.step(says(UP, FINAL), T0 + 11 * MILLISECOND, 1.0)
    assert not found.polling
    assert [p.poll for p in sent(found.step(TimeReached(), T0 + 30 * MILLISECOND, 1.0))] == [False]


@pytest.mark.parametrize("ours", [DOWN, INIT, UP])
def test_a_poll_is_answered_at_once_with_a_final(ours: State) -> None:
    found = brought(ours)
    (packet,) = sent(found.step(says(UP, POLL), T0 + 1, 1.0))
    assert (packet.final, packet.poll, packet.state) == (True, False, found.state)


def test_a_slower_min_tx_waits_until_the_neighbor_knows() -> None:
    found = brought(UP)
    found.step(says(UP, FINAL), T0, 1.0)
    found.step(Reconfigured(NEIGHBOR._replace(min_tx=50 * MILLISECOND)), T0, 1.0)
    assert (found.desired_min_tx, found.transmit_interval, found.polling) == (50_000, 10 * MILLISECOND, True)
    found.step(says(UP, FINAL), T0, 1.0)
    assert (found.transmit_interval, found.polling) == (50 * MILLISECOND, False)


def test_a_faster_min_tx_counts_at_once() -> None:
    found = brought(UP, min_tx=50 * MILLISECOND)
    assert found.transmit_interval == 50 * MILLISECOND
    found.step(Reconfigured(NEIGHBOR._replace(min_tx=20 * MILLISECOND)), T0, 1.0)
    assert (found.transmit_interval, found.deadline) == (20 * MILLISECOND, T0 + 20 * MILLISECOND)


def test_a_min_tx_above_idle_tx_waits_for_the_first_poll() -> None:
    found = brought(UP, min_tx=3 * SECOND)
    assert (found.desired_min_tx, found.transmit_interval) == (3_000_000, SECOND)
    found.step(says(UP, FINAL), T0, 1.0)
    assert found.transmit_interval == 3 * SECOND


def test_a_shorter_min_rx_counts_once_the_neighbor_knows_a_longer_one_at_once() -> None:
    found = brought(UP, min_rx=100 * MILLISECOND)
    found.step(says(UP, FINAL), T0, 1.0)
    assert found.detection_time == 300 * MILLISECOND
    found.step(Reconfigured(NEIGHBOR._replace(min_rx=50 * MILLISECOND)), T0, 1.0)
    assert (found.required_min_rx, found.detection_time, found.polling) == (50_000, 300 * MILLISECOND, True)
    found.step(says(UP, FINAL), T0, 1.0)
    assert found.detection_time == 150 * MILLISECOND
    found.step(Reconfigured(NEIGHBOR._replace(min_rx=80 * MILLISECOND)), T0, 1.0)
    assert found.detection_time == 240 * MILLISECOND


def test_other_intervals_while_down_need_no_poll() -> None:
    found = session()
    found.step(Reconfigured(NEIGHBOR._replace(idle_tx=2 * SECOND, min_rx=50 * MILLISECOND)), T0, 1.0)
    assert (found.desired_min_tx, found.required_min_rx, found.polling) == (2_000_000, 50_000, False)


def test_settings_that_change_no_interval_begin_no_poll() -> None:
    found = brought(UP)
    found.step(says(UP, FINAL), T0, 1.0)
    found.step(Reconfigured(NEIGHBOR._replace(multiplier=9)), T0, 1.0)
    assert not found.polling
    assert [p.multiplier for p in sent(found.step(TimeReached(), T0 + 10 * MILLISECOND, 1.0))] == [9]


def test_the_passive_side_speaks_only_to_a_neighbor_that_is_heard() -> None:
    found = session(passive=True)
    assert (found.deadline, found.transmit_interval) == (None, None)
    assert [p.state for p in sent(found.step(says(DOWN), T0, 1.0))] == [INIT]
    found.step(says(INIT), T0, 1.0)
    assert found.step(TimeReached(), T0 + SECOND, 1.0) == ()
    assert (found.state, found.deadline) == (DOWN, None)


def test_a_neighbor_that_takes_no_packets_gets_none_but_answers() -> None:
    found = brought(UP)
    assert found.step(says(UP, required_min_rx=0), T0, 1.0) == ()
    assert found.transmit_interval is None
    assert found.deadline == T0 + 60 * MILLISECOND
    assert [p.final for p in sent(found.step(says(UP, POLL, required_min_rx=0), T0, 1.0))] == [True]
    found.step(says(UP), T0, 1.0)
    assert found.transmit_interval == 10 * MILLISECOND


def test_after_a_silence_a_neighbor_that_took_no_packets_is_asked_again() -> None:
    found = brought(UP)
    found.step(says(UP, required_min_rx=0), T0, 1.0)
    found.step(TimeReached(), T0 + 60 * MILLISECOND, 1.0)
    assert found.transmit_interval == SECOND


def test_a_neighbor_in_demand_mode_gets_packets_only_while_there_is_something_to_say() -> None:
    found = brought(UP)
    found.step(says(UP, DEMAND), T0, 1.0)
    assert found.transmit_interval is not None  # our Poll is not answered yet
    found.step(says(UP, FINAL | DEMAND), T0, 1.0)
    assert found.transmit_interval is None
    found.step(says(INIT, DEMAND), T0, 1.0)
    assert found.transmit_interval is not None


def test_a_stop_is_told_as_down_on_purpose_and_ends_all_timers() -> None:
    found = brought(UP)
    (packet,) = sent(found.step(Stopped(), T0, 1.0))
    assert (packet.state, packet.diagnostic) == (ADMIN_DOWN, Diagnostic.ADMINISTRATIVELY_DOWN)
    assert (found.deadline, found.up) == (None, True)
    assert found.step(says(UP, POLL), T0, 1.0) == ()


def test_a_passive_session_that_never_heard_anybody_stops_in_silence() -> None:
    assert session(passive=True).step(Stopped(), T0, 1.0) == ()


def test_a_late_wake_up_sends_one_packet_not_all_that_were_missed() -> None:
    found = brought(UP)
    found.step(says(UP), T0 + SECOND, 1.0)
    assert len(found.step(TimeReached(), T0 + SECOND, 1.0)) == 1
    assert found.deadline == T0 + SECOND + 10 * MILLISECOND


def test_what_happened_is_counted() -> None:
    found = brought(UP)
    found.step(says(DOWN), T0, 1.0)
    assert (found.received, found.ups, found.downs, found.sent) == (3, 1, 1, 3)
