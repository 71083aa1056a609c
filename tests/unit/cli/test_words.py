"""How the services' messages read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cli import words
from vipkeeper.common.v1 import event_pb2, problem_pb2
from vipkeeper.vrrp.v1 import vrrp_pb2

PROBLEM = problem_pb2.Problem(key="config/vrrp_instance/V", field="priority", reason="expected 1 to 255", hint="less")
MASTER, BACKUP = event_pb2.VRRP_STATE_MASTER, event_pb2.VRRP_STATE_BACKUP


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (
            event_pb2.Event(
                vrrp_instance=event_pb2.VrrpTransition(name="V", **{"from": BACKUP}, to=MASTER, priority=150, cause="alone")
            ),
            "vrrp_instance V: BACKUP -> MASTER priority 150 (alone)",
        ),
        (
            event_pb2.Event(vrrp_sync_group=event_pb2.VrrpTransition(name="G", **{"from": MASTER}, to=BACKUP)),
            "vrrp_sync_group G: MASTER -> BACKUP",
        ),
        (
            event_pb2.Event(real_server=event_pb2.RealServerTransition(virtual_server="s", real_server="r", cause="refused")),
            "real server r of s: down (refused)",
        ),
        (
            event_pb2.Event(virtual_server=event_pb2.QuorumTransition(virtual_server="s", up=True, live_weight=3, quorum=2)),
            "virtual server s: quorum gained, 3 of 2",
        ),
        (
            event_pb2.Event(configuration=event_pb2.ConfigurationEvent(problem=PROBLEM)),
            "configuration problem: config/vrrp_instance/V: priority: expected 1 to 255 (less)",
        ),
        (
            event_pb2.Event(configuration=event_pb2.ConfigurationEvent(problem=PROBLEM, resolved=True)),
            "configuration solved: config/vrrp_instance/V: priority: expected 1 to 255 (less)",
        ),
        (
            event_pb2.Event(
                drain=event_pb2.DrainTransition(
                    virtual_server="s",
                    real_server="r",
                    step=event_pb2.DRAIN_STEP_DRAINED,
                    cause="its key is gone",
                    connections=2,
                )
            ),
            "real server r of s: drained, 2 connections cut off (its key is gone)",
        ),
        (
            event_pb2.Event(drain=event_pb2.DrainTransition(virtual_server="s", step=event_pb2.DRAIN_STEP_BACK)),
            "a server of s: back",
        ),
        (event_pb2.Event(), "something that this vipctl does not know"),
    ],
)
def test_events_are_lines(event: event_pb2.Event, text: str) -> None:
    assert words.event_words(event) == text


def test_enums_lose_their_prefix() -> None:
    assert words.enum_word(vrrp_pb2.Instance(state=MASTER), "state") == "MASTER"
    assert words.enum_word(vrrp_pb2.Instance(), "state") == ""
    assert words.enum_word(vrrp_pb2.Instance(state=99), "state") == "99"


@pytest.mark.parametrize(
    ("past", "text"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h"), (3 * 86400, "3 d"), (-5, "0 s")],
)
def test_times_are_rough(past: int, text: str) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert words.ago(now - timedelta(seconds=past), now) == text


def test_what_is_absent_is_no_time() -> None:
    assert words.moment(vrrp_pb2.Instance(), "since") is None
    assert words.ago(None, datetime.now(UTC)) == ""
    assert words.clock(None) == ""
