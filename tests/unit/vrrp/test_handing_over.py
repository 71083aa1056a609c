"""The few words between two engines: one goes on, whatever happens, and never both."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from services.vrrp.addresses import VirtualAddress
from services.vrrp.channel import Channel, ChannelClosed, pair
from services.vrrp.config.announce_settings import Paces
from services.vrrp.config.staging import Staging
from services.vrrp.election.actions import Announce
from services.vrrp.engine.handing_over import Turn, give
from services.vrrp.engine.jobs import Jobs
from services.vrrp.engine.rehearsal import Mute
from services.vrrp.netlink import IFF_RUNNING, IFF_UP, Interface, Requests
from services.vrrp.wire.sockets import Announcer
from tests.kit.wait import until

SECOND = 1_000_000_000
STATE = {"is": "state", "told": {"routers": {f"V{n}": "x" * 100 for n in range(5000)}}}


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Turn]]:
    one, other = pair()
    predecessor, successor = Channel(one), Turn(Channel(other))
    yield predecessor, successor
    predecessor.close()
    successor.close()


def given_to(successor: Any, channel: Channel, seconds: float = 60) -> str:
    """What `give` says while `successor` runs beside it."""
    thread = threading.Thread(target=successor)
    thread.start()
    try:
        return give(channel, STATE, time.monotonic_ns() + int(seconds * SECOND), time.monotonic_ns)
    finally:
        channel.close()
        thread.join()


def test_a_successor_that_is_ready_goes_on_with_all_that_was_told(ends: tuple[Channel, Turn]) -> None:
    predecessor, turn = ends
    heard: list[Any] = []

    def succeed() -> None:
        heard.append(turn.wait())
        turn.ready()
        heard.append(turn.wait())

    assert given_to(succeed, predecessor) == ""
    assert heard == [STATE, {"do": "go"}]


def test_a_successor_that_ends_leaves_the_predecessor_in_office(ends: tuple[Channel, Turn]) -> None:
    predecessor, turn = ends

    def fail() -> None:
        turn.wait()
        turn.close()

    assert given_to(fail, predecessor) == "the new engine ended before it could go on"


def test_a_successor_that_is_late_is_told_nothing_and_does_not_go_on(ends: tuple[Channel, Turn]) -> None:
    predecessor, turn = ends
    assert give(predecessor, STATE, time.monotonic_ns() + SECOND // 100, time.monotonic_ns) == (
        "the new engine was not ready in time"
    )
    predecessor.close()
    turn.ready()
    assert turn.wait() is None


def objects(staging: Staging, *rows: tuple[str, str, dict[str, Any]], complete: bool = True) -> str:
    staging.begin(complete)
    for kind, name, value in rows:
        staging.put(kind, name, value)
    staging.commit(1)
    return staging.digest


def test_the_digest_of_a_configuration_is_that_of_its_objects_however_they_came() -> None:
    one = ("vrrp_instance", "A", {"interface": "eth0", "virtual_router_id": 1})
    two = ("vrrp_instance", "B", {"interface": "eth0", "virtual_router_id": 2})
    staging = Staging()
    both = objects(staging, one, two)
    assert objects(Staging(), two, one) == both
    other = Staging()
    objects(other, one)
    assert other.digest != both
    assert objects(other, two, complete=False) == both
    other.begin(complete=False)
    other.delete("vrrp_instance", "B")
    assert other.digest == both, "nothing is in effect before it is committed"
    other.commit(2)
    assert other.digest != both
    bad = ("vrrp_instance", "A", {"interface": "eth0", "virtual_router_id": 999})
    assert objects(staging, bad, two) == both, "what keeps its last good value is what it was"


class Count(Mute):
    """Counts frames."""

    sent = 0

    def send(self, data: bytes, flags: int = 0, /) -> int:
        type(self).sent += 1
        return len(data)


def test_announcements_that_wait_for_their_time_are_sent_by_the_successor() -> None:
    interfaces = {"eth0": Interface(2, "eth0", IFF_UP | IFF_RUNNING, bytes(6))}
    rows = tuple(VirtualAddress(f"192.0.2.{n}", dev="eth0") for n in range(1, 5))

    class First(Count):
        pass

    class Second(Count):
        pass

    def jobs(kind: type[Count]) -> Jobs:
        made = Jobs(Requests(Mute()), lambda number, addresses: None, interfaces, lambda name: Announcer(kind()))
        made.pacing.configure(Paces(garp=SECOND))
        return made

    one, other = jobs(First), jobs(Second)
    one.add(Announce("A", rows, 5))
    until(lambda: one.run(lambda: 10 * SECOND) == [] and not one.pending)
    assert First.sent == 1
    other.take_up(one.carried(), 10 * SECOND)
    for second in range(11, 20):
        other.pace(second * SECOND)
    assert Second.sent == 4  # the first one once more: its burst was not over
    assert other.announced == {"A": 5}


def test_a_channel_whose_other_end_is_gone_says_so(ends: tuple[Channel, Turn]) -> None:
    predecessor, turn = ends
    turn.close()
    with pytest.raises(ChannelClosed):
        predecessor.receive()
