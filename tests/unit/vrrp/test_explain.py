"""An explanation reads like an answer: what it is and why, whom it hears, what comes next, what would change it."""

from __future__ import annotations

from typing import Any

import pytest

from services.vrrp.agent.explain import explain, ordered, sessions
from services.vrrp.agent.switchover import DONE, Switchover
from services.vrrp.config.settings import Tracked
from services.vrrp.election.orders import Maintenance
from services.vrrp.election.track import judge_file
from services.vrrp.views import BfdView, InstanceView, TrackerView, next_advert

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND


def tracker(**more: Any) -> TrackerView:
    view: dict[str, Any] = {"kind": "script", "name": "chk", "state": "up", "weight": 0, "reverse": False}
    return view | {"adjustment": 0, "fault": False, "value": 0} | more  # type: ignore[return-value]


HEARD = {"master_address": "192.168.200.3", "master_priority": 150, "heard_address": "192.168.200.3", "heard_priority": 150}


def view(**more: Any) -> InstanceView:
    whole: InstanceView = {
        "interface": "eth0",
        "virtual_router_id": 51,
        "version": 2,
        "state": "BACKUP",
        "since_at": NOW - 90 * SECOND,
        "cause": "started",
        "faults": [],
        "maintenance": "",
        "offering": "",
        "waits_until": 0,
        "group": "",
        "base_priority": 100,
        "effective_priority": 100,
        "trackers": [],
        "source_address": "192.168.200.2",
        "master_address": "",
        "master_priority": 0,
        "advert_int_ns": SECOND,
        "master_advert_int_ns": SECOND,
        "master_down_int_ns": 3_609_000_000,
        "skew_ns": 609_000_000,
        "nopreempt": False,
        "preempt_at": 0,
        "next_advert_at": 0,
        "master_down_at": 0,
        "next_garp_at": 0,
        "heard_at": 0,
        "heard_address": "",
        "heard_priority": 0,
        "addresses": ["192.168.200.10/32 dev eth0"],
        "addresses_held": [],
    }
    return whole | more  # type: ignore[return-value]


def test_a_master_says_why_what_it_sends_and_what_it_holds() -> None:
    told = explain(
        "VI_1",
        view(
            state="MASTER",
            cause="no advert from 192.168.200.3 for 3.609 s",
            group="VG",
            addresses_held=["192.168.200.10/32 dev eth0"],
            heard_address="192.168.200.3",
            heard_priority=150,
            heard_at=NOW - 93_609_000_000,
            master_address="192.168.200.2",
        ),
        NOW,
    )
    assert told.sentences == (
        "VI_1 has been MASTER for 90 s: no advert from 192.168.200.3 for 3.609 s.",
        "It shares its state with the other members of sync group VG.",
        "It sends adverts from 192.168.200.2 on eth0 every 1 s.",
        "The last advert heard was of 192.168.200.3, priority 150, 93.609 s ago.",
        "Its priority is 100, as configured.",
        "It holds 192.168.200.10/32 dev eth0.",
    )


def test_a_backup_says_whom_it_hears_and_when_it_would_take_over() -> None:
    told = explain(
        "VI_1",
        view(
            **HEARD,
            heard_at=NOW - SECOND // 10,
            master_advert_int_ns=SECOND // 4,
            master_down_at=NOW + 2_500_000_000,
            preempt_at=NOW + 7_800 * SECOND,
            since_at=0,
            cause="",
        ),
        NOW,
    )
    assert told.sentences == (
        "VI_1 has been BACKUP.",
        "The last advert heard was of 192.168.200.3, priority 150, 100 ms ago, one every 250 ms.",
        "Its priority is 100, as configured.",
    )
    assert told.next == (
        "It takes over after 3.609 s without an advert, in 2.5 s at the earliest."
        " It lets a master of lower priority be for another 2 h 10 min (preempt_delay)."
    )
    assert told.next_at == NOW + 2_500_000_000


def test_a_timer_that_adverts_have_moved_on_since_it_was_told_is_not_called_due() -> None:
    told = explain("VI_1", view(master_down_at=NOW - SECOND // 10), NOW)
    assert told.next == "It takes over after 3.609 s without an advert."


def test_who_has_heard_nobody_says_so() -> None:
    told = explain("VI_1", view(), NOW)
    assert "It has heard no advert of VRID 51 on eth0 from another router yet." in told.sentences
    assert told.would_change == ("if no advert comes for 3.609 s",)


@pytest.mark.parametrize("state", ["FAULT", "BACKUP"])
def test_who_was_master_itself_does_not_wait_for_its_own_adverts(state: str) -> None:
    told = explain("VI_1", view(state=state, master_address="192.168.200.2", faults=["eth0 is down"]), NOW)
    assert not [way for way in told.would_change if "192.168.200.2" in way]


def test_a_fault_says_what_must_heal() -> None:
    told = explain(
        "VI_1",
        view(state="FAULT", since_at=NOW - 600 * SECOND, cause="interface eth0 is down", faults=["eth0 is down", "chk failed"]),
        NOW,
    )
    assert told.sentences[:2] == (
        "VI_1 has been FAULT for 10 min: interface eth0 is down.",
        "Before it leaves FAULT, this must heal: eth0 is down; chk failed.",
    )
    assert (told.next, told.next_at) == ("", 0)
    assert told.would_change[0] == "after all that is wrong has healed, then as any backup: eth0 is down; chk failed"


def test_what_is_tracked_says_what_it_does() -> None:
    rows = [
        tracker(state="down", weight=-20, adjustment=-20),
        tracker(kind="interface", name="eth1", state="down", fault=True),
        tracker(name="other", state="unknown"),
        tracker(kind="file", name="load", state="up", weight=2, adjustment=10, value=5),
        tracker(kind="file", name="late", state="unknown"),
    ]
    assert explain("VI_1", view(effective_priority=90, trackers=rows), NOW).sentences[2:] == (
        "Its priority is 90: 100 as configured, -20 by script chk, +10 by file load.",
        "Tracked script chk is down, which adds -20 to the priority.",
        "Tracked interface eth1 is down, which means FAULT.",
        "Tracked script other is unknown, which changes nothing.",
        "Tracked file load holds 5, which adds +10 to the priority.",
        "Tracked file late is unknown, which changes nothing.",
    )


def test_a_priority_that_would_leave_its_range_says_so() -> None:
    rows = [tracker(state="down", weight=-200, adjustment=-200)]
    told = explain("VI_1", view(effective_priority=1, trackers=rows), NOW)
    assert "Its priority is 1 (limited from -100): 100 as configured, -200 by script chk." in told.sentences


def test_an_owner_takes_no_notice_of_what_it_tracks() -> None:
    rows = [tracker(state="down", weight=-20, adjustment=-20)]
    told = explain("VI_1", view(state="MASTER", base_priority=255, effective_priority=255, trackers=rows), NOW)
    assert "Its priority is 255: it owns the addresses, and nothing tracked changes that." in told.sentences
    assert not [way for way in told.would_change if "priority" in way]


def test_a_master_without_its_address_says_so() -> None:
    told = explain("VI_1", view(state="MASTER", source_address=""), NOW)
    assert told.sentences[1] == "It sends adverts from an unknown address on eth0 every 1 s."
    assert told.sentences[-1] == "As master it should hold 192.168.200.10/32 dev eth0, and does not."


@pytest.mark.parametrize(
    ("told", "more", "expected"),
    [
        (NOW + 1, {}, NOW + 1),
        (NOW, {}, NOW),
        (NOW - 1, {}, NOW - 1 + SECOND),
        (NOW - 4 * SECOND, {}, NOW),
        (NOW - 4 * SECOND - 1, {"advert_int_ns": 3 * SECOND}, NOW + 2 * SECOND - 1),
        (NOW - 4 * SECOND, {"offering": "switchover"}, NOW - 4 * SECOND),
        (0, {}, 0),
    ],
)
def test_the_next_advert_is_on_the_grid_of_what_was_told(told: int, more: dict[str, Any], expected: int) -> None:
    assert next_advert(view(next_advert_at=told, **more), NOW) == expected


def test_a_master_says_what_would_end_that() -> None:
    rows = [tracker(), tracker(name="drain", reverse=True), tracker(name="load", weight=-5)]
    told = explain("VI_1", view(state="MASTER", next_advert_at=NOW + SECOND, trackers=rows), NOW)
    assert told.would_change == (
        "if a peer advertises a priority above 100, or 100 from an address above 192.168.200.2",
        "if interface eth0 goes",
        "if script chk goes down: that means FAULT",
        "if script drain goes up: that means FAULT",
        "by maintenance, a switchover, or a stop of vrrp, if a peer is there to take over",
    )
    assert (told.next, told.next_at) == ("It goes on sending adverts.", NOW + SECOND)


@pytest.mark.parametrize(
    ("more", "way"),
    [
        ({}, "if its priority, 100, exceeds the master's 150: nothing tracked would raise it"),
        (
            {"trackers": [tracker(state="down", weight=60)]},
            "if its priority, 100, exceeds the master's 150: with everything tracked well it would be 160",
        ),
        ({"nopreempt": True}, "not by priority: nopreempt leaves a master alone, ours is 100, the master's 150"),
        ({"master_priority": 255}, "not by priority: the master's is 255, it owns the addresses"),
        (
            {"maintenance": "maintenance: new disk", "effective_priority": 1},
            "after the maintenance, if its priority then exceeds the master's 150",
        ),
        (
            {"maintenance": "maintenance: new disk", "effective_priority": 1, "nopreempt": True},
            "after the maintenance, if its priority then exceeds the master's 150"
            " (which nopreempt rules out while a master is there)",
        ),
    ],
)
def test_a_backup_says_what_would_make_it_master(more: dict[str, Any], way: str) -> None:
    told = explain("VI_1", view(**(HEARD | more)), NOW)
    assert told.would_change == (
        "if 192.168.200.3 is silent for 3.609 s, or gives up (priority 0) and nobody speaks for 609 ms",
        way,
    )


def test_maintenance_says_so_and_what_the_priority_would_be() -> None:
    rows = [tracker(weight=5, adjustment=5)]
    told = explain("VI_1", view(maintenance="maintenance: new disk", effective_priority=1, trackers=rows), NOW)
    assert told.sentences[1] == "It is master only while no peer is there: maintenance: new disk."
    assert (
        "Its priority is 1 because of the maintenance; without it, 105: 100 as configured, +5 by script chk." in told.sentences
    )


@pytest.mark.parametrize(
    ("row", "way"),
    [
        ({"kind": "file"}, "if file load holds any number but 0: that means FAULT"),
        ({"kind": "file", "reverse": True}, "if file load holds 0, or no number: that means FAULT"),
        ({"kind": "file", "weight": 1}, "if file load holds -254 or less: that means FAULT"),
        ({"kind": "file", "weight": 5}, "if file load holds -51 or less: that means FAULT"),
        ({"kind": "file", "weight": 5, "reverse": True}, "if file load holds 51 or more: that means FAULT"),
        ({"kind": "file", "weight": -2}, "if file load holds 127 or more: that means FAULT"),
        ({"kind": "process"}, "if process load goes down: that means FAULT"),
        ({"kind": "process", "reverse": True}, "if process load goes up: that means FAULT"),
    ],
)
def test_a_master_says_which_numbers_and_processes_would_mean_a_fault(row: dict[str, Any], way: str) -> None:
    told = explain("VI_1", view(state="MASTER", trackers=[tracker(name="load", **row)]), NOW)
    assert way in told.would_change


@pytest.mark.parametrize("factor", [-254, -253, -100, -3, -1, 1, 3, 100, 253, 254])
def test_the_number_told_is_the_first_that_is_judged_a_fault(factor: int) -> None:
    told = explain("VI_1", view(state="MASTER", trackers=[tracker(kind="file", weight=factor)]), NOW)
    number = next(int(way.split()[4]) for way in told.would_change if way.startswith("if file chk holds"))
    before = number + 1 if factor > 0 else number - 1
    assert judge_file(Tracked("chk", factor), number).fault
    assert not judge_file(Tracked("chk", factor), before).fault


@pytest.mark.parametrize(
    ("rows", "reach"),
    [
        ([tracker(kind="file", name="load", weight=1)], "a number in file load can raise it"),
        (
            [tracker(kind="file", name="a", weight=1), tracker(kind="file", name="b", weight=-1), tracker(weight=5)],
            "with everything else tracked well it would be 105, and a number in file a or file b can raise it further",
        ),
        ([tracker(kind="file", name="load")], "nothing tracked would raise it"),
    ],
)
def test_a_backup_does_not_guess_the_numbers_in_files(rows: list[TrackerView], reach: str) -> None:
    told = explain("VI_1", view(**HEARD, trackers=rows), NOW)
    assert told.would_change[-1] == f"if its priority, 100, exceeds the master's 150: {reach}"


def test_an_offer_says_how_it_ends() -> None:
    offered = view(state="MASTER", offering="switchover to b: test", next_advert_at=NOW + SECOND, maintenance="m")
    told = explain("VI_1", offered, NOW)
    assert told.sentences[1] == (
        "It offers mastership to its peers just now, silent but with its addresses: switchover to b: test."
    )
    assert told.next == "If no peer has taken over in 1 s, it goes on as master."
    assert told.would_change[0] == "as soon as any peer sends an advert"
    assert not [way for way in told.would_change if "maintenance" in way]


def test_who_waits_for_the_startup_delay_says_until_when() -> None:
    told = explain("VI_1", view(state="INIT", waits_until=NOW + 5 * SECOND), NOW)
    assert told.next == "It begins to listen when vrrp_startup_delay ends in 5 s."
    assert told.next_at == NOW + 5 * SECOND
    assert explain("VI_1", view(state="INIT", waits_until=NOW - 1), NOW).next.endswith("vrrp_startup_delay ends.")


def test_orders_that_change_by_themselves_say_when() -> None:
    maintenance = [
        Maintenance("", "new kernel", 1, NOW + 600 * SECOND),
        Maintenance("VI_1", "new disk", 1),
        Maintenance("VI_2", "new disk", 1, NOW - 1),
        Maintenance("VI_3", "new disk", 1, NOW + SECOND),
    ]
    switchovers = [
        Switchover("1-0", "VI_2", "b", "test", NOW + 5 * SECOND),
        Switchover("1-1", "VI_1", "", "test", NOW, outcome=DONE),
        Switchover("1-2", "VI_3", "b", "test", NOW + 5 * SECOND),
    ]
    assert list(ordered(maintenance, switchovers, ("VI_1", "VI_2"), NOW)) == [
        "The maintenance of this node ends by itself in 10 min.",
        "The maintenance of VI_2 ends by itself.",
        "A switchover of VI_2 to b is to happen in 5 s: test.",
    ]


def bfd(counts: str = "up", current: bool = True, **session: Any) -> BfdView:
    """A session that is up, but for what is given."""
    said = {"neighbor_ip": "192.168.200.1", "state": "UP", "since_at": NOW - 5 * SECOND, "detection_time_ns": SECOND // 10}
    said |= {"diagnostic": "", "trouble": "", "remote_state": "UP", "remote_diagnostic": ""} | session
    return {"state": counts, "since_at": NOW, "current": current, "session": said}


DOWN: dict[str, Any] = {"state": "DOWN", "since_at": 0, "detection_time_ns": 0, "remote_state": ""}
EXPIRED = "control detection time expired"


@pytest.mark.parametrize(
    ("session", "said"),
    [
        (bfd(), "with 192.168.200.1 has been UP for 5 s; 100 ms of silence would end that."),
        (bfd("down", **DOWN), "with 192.168.200.1 has been DOWN; the neighbor is not heard."),
        (
            bfd("down", **DOWN | {"diagnostic": EXPIRED, "trouble": "Network is unreachable"}),
            f"with 192.168.200.1 has been DOWN; {EXPIRED}; Network is unreachable; the neighbor is not heard.",
        ),
        (
            bfd("down", state="INIT", remote_state="DOWN", remote_diagnostic=EXPIRED),
            f"with 192.168.200.1 has been INIT for 5 s; the neighbor says DOWN ({EXPIRED}).",
        ),
        (
            bfd("up", state="DOWN", remote_state="ADMIN_DOWN", remote_diagnostic="administratively down"),
            "with 192.168.200.1 has been DOWN for 5 s; the neighbor is down on purpose; it counts as up.",
        ),
        (
            bfd("up", current=False),
            "with 192.168.200.1 has been UP for 5 s; 100 ms of silence would end that;"
            " the process that runs it does not answer, and it counts as up.",
        ),
        (
            {"state": "down", "since_at": NOW, "current": False, "session": {}},
            "is not run by any process yet; it counts as down.",
        ),
    ],
)
def test_a_tracked_bfd_session_is_explained_down_to_its_neighbor(session: BfdView, said: str) -> None:
    rows = [tracker(kind="bfd", name="b1"), tracker(kind="bfd", name="not told yet"), tracker()]
    told = {"b1": session, "tracked by others": session}
    assert list(sessions(view(trackers=rows), told, NOW)) == [f"BFD session b1 {said}"]


def test_a_bfd_session_is_called_so_wherever_it_counts() -> None:
    row = tracker(kind="bfd", name="b1", weight=10, adjustment=10)
    told = explain("VI_1", view(effective_priority=110, trackers=[row]), NOW)
    assert told.sentences[2:] == (
        "Its priority is 110: 100 as configured, +10 by BFD session b1.",
        "Tracked BFD session b1 is up, which adds +10 to the priority.",
    )
    told = explain("VI_1", view(state="MASTER", trackers=[tracker(kind="bfd", name="b1")]), NOW)
    assert "if BFD session b1 goes down: that means FAULT" in told.would_change
