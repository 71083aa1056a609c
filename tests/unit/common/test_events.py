"""Events carry what notify and people need: an order, a source and the words of keepalived."""

from __future__ import annotations

import pytest

from services.common.events import Composer
from services.common.problems import Problem
from vipkeeper.common.v1 import event_pb2


def test_ids_grow_even_when_the_clock_steps_back() -> None:
    times = iter([1_000, 900, 900, 5_000])
    compose = Composer("d1", "vrrp", clock=lambda: next(times))
    ids = [compose.vrrp_instance("VI_1", "backup", "master", 100, "timer").id for _ in range(4)]
    assert ids == sorted(set(ids))


def test_two_processes_never_share_an_id() -> None:
    one, other = (Composer("d1", "vrrp", clock=lambda: 7) for _ in range(2))
    assert one.virtual_server("a", True, 1, 1).id != other.virtual_server("a", True, 1, 1).id


def test_a_transition_says_who_what_when_and_why() -> None:
    event = Composer("d1", "vrrp", clock=lambda: 9).vrrp_instance(
        "VI_1", "BACKUP", "master", 150, "no advert for 3.4 s", traceparent="00-aa-bb-01", at_ns=1_500_000_002
    )
    change = event.vrrp_instance
    assert (event.node, event.service, event.traceparent) == ("d1", "vrrp", "00-aa-bb-01")
    assert (event.time.seconds, event.time.nanos) == (1, 500_000_002)
    assert (change.name, getattr(change, "from"), change.to) == (
        "VI_1",
        event_pb2.VRRP_STATE_BACKUP,
        event_pb2.VRRP_STATE_MASTER,
    )
    assert (change.priority, change.cause) == (150, "no advert for 3.4 s")


def test_a_sync_group_has_priority_0() -> None:
    event = Composer("d1", "vrrp").vrrp_sync_group("VG_1", "init", "backup", "start")
    assert event.WhichOneof("what") == "vrrp_sync_group"
    assert event.vrrp_sync_group.priority == 0


def test_servers_and_quorum() -> None:
    compose = Composer("d1", "checker")
    down = compose.real_server("web", "a-80", False, "connection refused").real_server
    lost = compose.virtual_server("web", False, 0, 2).virtual_server
    assert (down.virtual_server, down.real_server, down.up, down.cause) == ("web", "a-80", False, "connection refused")
    assert (lost.virtual_server, lost.up, lost.live_weight, lost.quorum) == ("web", False, 0, 2)


def test_only_problems_that_come_or_go_are_events() -> None:
    stays, goes, comes = (Problem(f"config/vrrp_instance/{n}", "priority", "bad") for n in "abc")
    events = Composer("d1", "vrrp").configuration([stays, goes], [comes, stays])
    assert [(e.configuration.problem.key[-1], e.configuration.resolved) for e in events] == [("c", False), ("b", True)]


def test_an_unknown_state_is_a_programming_error() -> None:
    with pytest.raises(KeyError):
        Composer("d1", "vrrp").vrrp_sync_group("VG_1", "init", "active", "")
