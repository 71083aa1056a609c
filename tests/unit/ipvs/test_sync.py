"""Sync daemons: which should run, what is done for that, and settings that name their field when they cannot be."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.errors import InvalidValue
from services.ipvs import whole_attributes
from services.ipvs.attributes import notes
from services.ipvs.globals import Global, decode_global
from services.ipvs.sync import (
    BACKUP,
    MASTER,
    Daemon,
    Router,
    Start,
    Stop,
    SyncDaemon,
    Timeouts,
    plan,
    wanted,
)

SECOND = 1_000_000_000
BOTH = {MASTER: Daemon(MASTER, "eth0", 0), BACKUP: Daemon(BACKUP, "eth0", 0)}
FOLLOWING = SyncDaemon("eth0", "VI_1")


def test_without_a_virtual_router_both_daemons_run() -> None:
    assert wanted(SyncDaemon("eth0"), None) == BOTH
    assert wanted(None, {}) == {}


@pytest.mark.parametrize(("master", "state"), [(True, MASTER), (False, BACKUP)])
def test_a_virtual_router_decides_and_gives_its_number(master: bool, state: int) -> None:
    routers = {"VI_1": Router(master, 51), "VI_2": Router(not master, 52)}
    assert wanted(FOLLOWING, routers) == {state: Daemon(state, "eth0", 51)}
    assert wanted(SyncDaemon("eth0", "VI_1", id=7), routers) == {state: Daemon(state, "eth0", 7)}


@pytest.mark.parametrize("routers", [None, {}, {"VI_2": Router(True, 52)}])
def test_what_is_not_known_yet_changes_nothing(routers: Any) -> None:
    assert wanted(FOLLOWING, routers) is None


def test_a_change_of_roles_stops_before_it_starts() -> None:
    backup, master = Daemon(BACKUP, "eth0", 51), Daemon(MASTER, "eth0", 51)
    assert plan({BACKUP: backup}, {MASTER: master}, {}) == [Stop(BACKUP), Start(master)]
    assert plan({}, {}, {}) == []
    assert plan({MASTER: master}, {}, {}) == [Stop(MASTER)]


def test_what_the_kernel_made_of_an_order_is_good() -> None:
    asked, runs = Daemon(MASTER, "eth0", 51), Daemon(MASTER, "eth0", 51, 1472)
    assert plan({MASTER: runs}, {MASTER: asked}, {}) == []
    clamped = Daemon(BACKUP, "eth0", 51, 1024)
    small = Daemon(BACKUP, "eth0", 51, 100)
    assert plan({BACKUP: clamped}, {BACKUP: small}, {}) == [Stop(BACKUP), Start(small)]
    assert plan({BACKUP: clamped}, {BACKUP: small}, {BACKUP: (small, clamped)}) == []


def test_a_daemon_that_others_changed_or_that_is_asked_for_otherwise_is_started_anew() -> None:
    asked, runs = Daemon(MASTER, "eth0", 51), Daemon(MASTER, "eth0", 51, 1472)
    other = Daemon(MASTER, "eth1", 51, 1472)
    assert plan({MASTER: other}, {MASTER: asked}, {MASTER: (asked, runs)}) == [Stop(MASTER), Start(asked)]
    longer = Daemon(MASTER, "eth0", 51, 9000)
    assert plan({MASTER: runs}, {MASTER: longer}, {MASTER: (asked, runs)}) == [Stop(MASTER), Start(longer)]
    assert plan({MASTER: runs}, {MASTER: longer}, {}) == [Stop(MASTER), Start(longer)]


def test_times_that_are_not_given_stay() -> None:
    assert Timeouts(tcp=5).over(Timeouts(900, 120, 300)) == Timeouts(5, 120, 300)


# --- settings ---


def test_nothing_given_changes_nothing() -> None:
    assert decode_global("", {}) == Global(False, "", Timeouts(), None, True)


def test_all_that_can_be_given() -> None:
    daemon = {
        "interface": "eth0",
        "vrrp_instance": "VI_1",
        "id": 0,
        "maxlen": 65507,
        "port": 1,
        "ttl": 255,
        "group": "ff02::81",
    }
    value = {
        "lvs_flush": True,
        "lvs_flush_on_stop": "vs",
        "lvs_timeouts": {"tcp": 60 * SECOND, "tcpfin": SECOND, "udp": 2_678_400 * SECOND},
        "lvs_sync_daemon": daemon,
        "lvs_repair": False,
        "router_id": "somebody else's",
    }
    group = bytes.fromhex("ff02") + bytes(13) + b"\x81"
    sync = SyncDaemon("eth0", "VI_1", 0, 65507, group, 1, 255)
    assert decode_global("", value) == Global(True, "vs", Timeouts(60, 1, 2_678_400), sync, False)


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"lvs_timeouts": {"tcp": 0}}, "lvs_timeouts.tcp"),
        ({"lvs_timeouts": {"udp": SECOND // 2}}, "lvs_timeouts.udp"),
        ({"lvs_timeouts": {"tcpfin": 2_678_401 * SECOND}}, "lvs_timeouts.tcpfin"),
        ({"lvs_sync_daemon": {}}, "lvs_sync_daemon.interface"),
        ({"lvs_sync_daemon": {"interface": "x" * 16}}, "lvs_sync_daemon.interface"),
        ({"lvs_sync_daemon": {"interface": "eth0", "id": 256}}, "lvs_sync_daemon.id"),
        ({"lvs_sync_daemon": {"interface": "eth0", "maxlen": 0}}, "lvs_sync_daemon.maxlen"),
        ({"lvs_sync_daemon": {"interface": "eth0", "port": 65536}}, "lvs_sync_daemon.port"),
        ({"lvs_sync_daemon": {"interface": "eth0", "ttl": 0}}, "lvs_sync_daemon.ttl"),
        ({"lvs_sync_daemon": {"interface": "eth0", "group": "10.0.0.1"}}, "lvs_sync_daemon.group"),
        ({"lvs_sync_daemon": {"interface": "eth0", "group": "nix"}}, "lvs_sync_daemon.group"),
        ({"lvs_sync_daemon": {"interface": "eth0", "group": "ff02::81%eth0"}}, "lvs_sync_daemon.group"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(value: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        decode_global("", value)
    assert caught.value.field == field


# --- messages ---

numbers = st.integers(1, 2**16 - 1)
daemons = st.builds(
    Daemon,
    st.sampled_from([MASTER, BACKUP]),
    st.text("abcdefgh0123456789.", min_size=1, max_size=15),
    st.integers(0, 255),
    numbers,
    st.sampled_from([bytes([224, 0, 0, 81]), bytes([255, 2]) + bytes(14)]),
    numbers,
    st.integers(1, 255),
)


@given(daemons)
def test_a_daemon_that_is_written_reads_back_the_same(daemon: Daemon) -> None:
    data = whole_attributes.start(28, daemon, 1)
    (note,) = notes(data)
    assert whole_attributes.daemon_seen(data, note) == daemon


@given(st.builds(Timeouts, numbers, numbers, numbers))
def test_times_that_are_written_read_back_the_same(timeouts: Timeouts) -> None:
    data = whole_attributes.set_timeouts(28, timeouts, 1)
    (note,) = notes(data)
    assert whole_attributes.timeouts_seen(data, note) == timeouts


def test_an_answer_without_a_daemon_is_no_daemon() -> None:
    data = whole_attributes.dump_daemons(28, 1)
    (note,) = notes(data)
    with pytest.raises(ValueError, match="without a daemon"):
        whole_attributes.daemon_seen(data, note)
