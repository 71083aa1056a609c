"""An explanation reads like an answer: what it is and why, whom it hears, what its priority is made of, what comes next."""

from __future__ import annotations

from typing import Any

import pytest

from services.vrrp.explain import explain
from services.vrrp.views import InstanceView, TrackerView

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND


def tracker(**more: Any) -> TrackerView:
    view: dict[str, Any] = {"kind": "script", "name": "chk", "state": "up", "weight": 0, "reverse": False}
    return view | {"adjustment": 0, "fault": False, "value": 0} | more  # type: ignore[return-value]


def view(**more: Any) -> InstanceView:
    whole: InstanceView = {
        "interface": "eth0",
        "virtual_router_id": 51,
        "version": 2,
        "state": "BACKUP",
        "since_at": NOW - 90 * SECOND,
        "cause": "started",
        "faults": [],
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
        "preempt_at": 0,
        "next_advert_at": 0,
        "master_down_at": 0,
        "next_garp_at": 0,
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
        ),
        NOW,
    )
    assert told == (
        "VI_1 has been MASTER for 90 s: no advert from 192.168.200.3 for 3.609 s.",
        "It shares its state with the other members of sync group VG.",
        "It sends adverts from 192.168.200.2 on eth0 every 1 s.",
        "Its priority is 100, as configured.",
        "It holds 192.168.200.10/32 dev eth0.",
    )


def test_a_backup_says_whom_it_hears_and_when_it_would_take_over() -> None:
    told = explain(
        "VI_1",
        view(
            master_address="192.168.200.3",
            master_priority=150,
            master_advert_int_ns=SECOND // 4,
            master_down_at=NOW + 2_500_000_000,
            preempt_at=NOW + 7_800 * SECOND,
            since_at=0,
            cause="",
        ),
        NOW,
    )
    assert told == (
        "VI_1 has been BACKUP.",
        "The last advert heard was of 192.168.200.3, priority 150, every 250 ms.",
        "Its priority is 100, as configured.",
        "It takes over after 3.609 s without an advert, in 2.5 s at the earliest.",
        "It may take over from a master of lower priority in 2 h 10 min.",
    )


def test_a_timer_that_adverts_have_moved_on_since_it_was_told_is_not_called_due() -> None:
    told = explain("VI_1", view(master_down_at=NOW - SECOND // 10), NOW)
    assert told[-1] == "It takes over after 3.609 s without an advert."


def test_a_backup_that_has_heard_nobody_says_so() -> None:
    assert "It has heard no advert of VRID 51 on eth0 yet." in explain("VI_1", view(), NOW)


@pytest.mark.parametrize("state", ["FAULT", "BACKUP"])
def test_who_was_master_itself_has_not_heard_its_own_adverts(state: str) -> None:
    told = explain("VI_1", view(state=state, master_address="192.168.200.2", source_address="192.168.200.2"), NOW)
    assert not [sentence for sentence in told if "advert heard" in sentence or "heard no advert" in sentence]


def test_a_fault_says_what_must_heal() -> None:
    told = explain(
        "VI_1",
        view(state="FAULT", since_at=NOW - 600 * SECOND, cause="interface eth0 is down", faults=["eth0 is down", "chk failed"]),
        NOW,
    )
    assert told[:2] == (
        "VI_1 has been FAULT for 10 min: interface eth0 is down.",
        "Before it leaves FAULT, this must heal: eth0 is down; chk failed.",
    )


def test_what_is_tracked_says_what_it_does() -> None:
    rows = [
        tracker(state="down", weight=-20, adjustment=-20),
        tracker(kind="interface", name="eth1", state="down", fault=True),
        tracker(name="other", state="unknown"),
        tracker(kind="file", name="load", state="up", weight=2, adjustment=10, value=5),
        tracker(kind="file", name="late", state="unknown"),
    ]
    assert explain("VI_1", view(effective_priority=80, trackers=rows), NOW)[2:6] == (
        "Its priority is 80: 100 as configured, changed by what it tracks.",
        "Tracked script chk is down, which adds -20 to the priority.",
        "Tracked interface eth1 is down, which means FAULT.",
        "Tracked script other is unknown, which changes nothing.",
    )


def test_a_master_without_its_address_says_so() -> None:
    told = explain("VI_1", view(state="MASTER", source_address=""), NOW)
    assert told[1] == "It sends adverts from an unknown address on eth0 every 1 s."
    assert told[-1] == "As master it should hold 192.168.200.10/32 dev eth0, and does not."
