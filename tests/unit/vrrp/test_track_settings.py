"""Which trackers are refused, and what an instance tracks in the end: keepalived's rules for groups and owners."""

from __future__ import annotations

from typing import Any

import pytest

from services.common.errors import InvalidValue
from services.vrrp.config.resolve import Resolved, resolve
from services.vrrp.config.settings import DECODERS, SECOND, Tracked, TrackFile, TrackProcess

BASE: dict[str, Any] = {"interface": "eth0", "virtual_router_id": 51}
OTHER = BASE | {"virtual_router_id": 52}
FILE = {"file": "/run/load"}
WEB = {"process": ["nginx"]}
Triple = tuple[str, int | None, bool | None]


@pytest.mark.parametrize(
    ("kind", "value", "field"),
    [
        ("track_file", {}, "file"),
        ("track_file", {"file": "load"}, "file"),
        ("track_file", {"file": "/run/"}, "file"),
        ("track_file", FILE | {"weight": 255}, "weight"),
        ("vrrp_track_process", {}, "process"),
        ("vrrp_track_process", {"process": [""]}, "process"),
        ("vrrp_track_process", {"process": ["sixteen-bytes-at"]}, "process"),
        ("vrrp_track_process", WEB | {"weight": -255}, "weight"),
        ("vrrp_track_process", WEB | {"quorum": 0}, "quorum"),
        ("vrrp_track_process", WEB | {"quorum_max": 65536}, "quorum_max"),
        ("vrrp_track_process", WEB | {"quorum": 5, "quorum_max": 2}, "quorum_max"),
        ("vrrp_track_process", WEB | {"quorum": 2, "quorum_max": 0}, "quorum_max"),
        ("vrrp_track_process", WEB | {"delay": 3601 * SECOND}, "delay"),
        ("vrrp_track_process", WEB | {"fork_delay": 3601 * SECOND}, "fork_delay"),
        ("vrrp_instance", BASE | {"track_file": [{}]}, "track_file[0].name"),
        ("vrrp_instance", BASE | {"track_process": [{"name": "p", "weight": 255}]}, "track_process[0].weight"),
        ("vrrp_sync_group", {"group": ["a"], "track_interface": [{"name": "a b"}]}, "track_interface[0].name"),
    ],
)
def test_refused_with_the_field(kind: str, value: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        DECODERS[kind]("x", value)
    assert refused.value.field == field


def test_defaults_are_keepalived_s() -> None:
    assert DECODERS["track_file"]("x", FILE) == TrackFile("/run/load", 1, False, None, False)
    assert DECODERS["vrrp_track_process"]("x", WEB) == TrackProcess(("nginx",), "", False, 0, False, 1, None, 0, 0)
    assert DECODERS["track_file"]("x", FILE | {"init_file": {}}) == TrackFile("/run/load", 1, False, 0, False)


def test_delay_is_both_delays_where_they_are_not_given() -> None:
    decoded = DECODERS["vrrp_track_process"]("x", WEB | {"delay": 2 * SECOND, "fork_delay": SECOND})
    assert isinstance(decoded, TrackProcess)
    assert (decoded.fork_delay, decoded.terminate_delay) == (SECOND, 2 * SECOND)


def test_none_at_all_may_be_wanted_and_a_long_name_in_a_command_line() -> None:
    assert DECODERS["vrrp_track_process"]("x", WEB | {"quorum_max": 0})
    assert DECODERS["vrrp_track_process"]("x", {"process": ["/usr/sbin/a-long-name"], "full_command": True})


def resolved(**objects: dict[str, Any]) -> Resolved:
    ids = {(kind, name): value for key, value in objects.items() for kind, _, name in [key.partition("__")]}
    return resolve({(kind, name): DECODERS[kind](name, value) for (kind, name), value in ids.items()})


def rows(result: Resolved, field: str, name: str = "a") -> list[Triple]:
    return [tuple(row) for row in getattr(result.routers[name], field)]


def test_what_does_not_exist_or_is_tracked_twice_is_a_problem_of_whoever_tracks_it() -> None:
    result = resolved(
        vrrp_instance__a=BASE | {f"track_{kind}": [{"name": "no"}] for kind in ("script", "file", "process")},
        vrrp_instance__b=OTHER | {"track_file": [{"name": "f"}, {"name": "f", "weight": 2}]},
        vrrp_sync_group__g={"group": ["a"], "track_file": [{"name": "no"}]},
        track_file__f=FILE,
    )
    assert [(problem.key, problem.field) for problem in result.problems] == [
        ("config/vrrp_instance/a", "track_script[0].name"),
        ("config/vrrp_instance/a", "track_file[0].name"),
        ("config/vrrp_instance/a", "track_process[0].name"),
        ("config/vrrp_instance/b", "track_file[1].name"),
        ("config/vrrp_sync_group/g", "track_file[0].name"),
    ]
    assert rows(result, "track_file") == []
    assert rows(result, "track_file", "b") == [("f", 1, False)]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({}, (2, True)),
        ({"weight": 3}, (3, True)),
        ({"weight": 3, "reverse": False}, (3, False)),
        ({"weight": 0, "reverse": True}, (0, True)),
    ],
)
@pytest.mark.parametrize(
    ("field", "kind", "own"),
    [
        ("track_script", "vrrp_script", {"script": "x"}),
        ("track_file", "track_file", FILE),
        ("track_process", "vrrp_track_process", WEB),
    ],
)
def test_what_is_tracked_gives_its_weight_and_reverse_unless_the_row_has_others(
    field: str, kind: str, own: dict[str, Any], row: dict[str, Any], expected: tuple[int, bool]
) -> None:
    tracked = {f"{kind}__x": own | {"weight": 2, "reverse": True}}
    result = resolved(vrrp_instance__a=BASE | {field: [{"name": "x"} | row]}, **tracked)
    assert rows(result, field) == [("x", *expected)]


TRACKING = BASE | {
    "track_interface": [{"name": "eth1", "weight": -10}, {"name": "eth2"}],
    "track_script": [{"name": "w"}, {"name": "u"}],
    "track_file": [{"name": "f"}, {"name": "e", "weight": 7}, {"name": "z", "weight": 0}],
    "track_process": [{"name": "p"}],
}
TRACKED = {
    "vrrp_script__w": {"script": "x", "weight": -10},
    "vrrp_script__u": {"script": "x"},
    "track_file__f": FILE | {"reverse": True},
    "track_file__e": FILE,
    "track_file__z": FILE,
    "vrrp_track_process__p": WEB | {"weight": -10},
}


def test_in_a_group_weighted_scripts_and_files_do_not_count() -> None:
    result = resolved(vrrp_instance__a=TRACKING, vrrp_sync_group__g={"group": ["a"]}, **TRACKED)
    assert rows(result, "track_interface") == [("eth1", -10, False), ("eth2", 0, False)]
    assert rows(result, "track_script") == [("u", 0, False)]
    assert rows(result, "track_file") == [("f", 0, True), ("z", 0, False)]
    assert rows(result, "track_process") == [("p", -10, False)]


def test_in_a_group_they_count_where_that_is_asked_for() -> None:
    group = {"group": ["a"], "sync_group_tracking_weight": True}
    result = resolved(vrrp_instance__a=TRACKING, vrrp_sync_group__g=group, **TRACKED)
    assert rows(result, "track_script") == [("w", -10, False), ("u", 0, False)]
    assert rows(result, "track_file") == [("f", 1, True), ("e", 7, False), ("z", 0, False)]


def test_files_of_an_address_owner_have_no_weight() -> None:
    for owner in ({"priority": 255}, {"state": "master"}):
        result = resolved(vrrp_instance__a=TRACKING | owner, **TRACKED)
        assert rows(result, "track_file") == [("f", 0, True), ("z", 0, False)]


def test_what_a_group_tracks_counts_for_every_member_and_once() -> None:
    group = {"group": ["a", "b"], "track_script": [{"name": "w", "weight": -20}], "track_file": [{"name": "f"}]}
    result = resolved(
        vrrp_instance__a=BASE | {"track_script": [{"name": "w"}, {"name": "u"}]},
        vrrp_instance__b=OTHER,
        vrrp_sync_group__g=group,
        **TRACKED,
    )
    assert rows(result, "track_script") == [("u", 0, False), ("w", -20, False)]
    assert rows(result, "track_script", "b") == [("w", -20, False)]
    assert rows(result, "track_file", "b") == [("f", 1, True)]


def test_what_a_group_with_an_address_owner_tracks_has_no_weight() -> None:
    group = {"group": ["a", "b"], "track_interface": [{"name": "eth1", "weight": 5}], "track_file": [{"name": "e"}]}
    result = resolved(vrrp_instance__a=BASE | {"priority": 255}, vrrp_instance__b=OTHER, vrrp_sync_group__g=group, **TRACKED)
    for member in ("a", "b"):
        assert rows(result, "track_interface", member) == [("eth1", 0, False)]
        assert rows(result, "track_file", member) == [("e", 0, False)]


def test_rows_are_as_they_were_given() -> None:
    decoded: Any = DECODERS["vrrp_sync_group"]("g", {"group": ["a"], "track_process": [{"name": "p", "weight": -254}]})
    assert decoded.track_process == (Tracked("p", -254, None),)
