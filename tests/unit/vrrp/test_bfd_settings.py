"""Which `bfd_instance` and `track_bfd` are refused, and what the rest amounts to."""

from __future__ import annotations

from typing import Any

import pytest

from services.common.errors import InvalidValue
from services.vrrp.bfd.settings import MILLISECOND, SECOND, BfdInstance
from services.vrrp.config.resolve import Resolved, resolve
from services.vrrp.config.settings import DECODERS, Tracked

BASE: dict[str, Any] = {"neighbor_ip": "192.0.2.2"}
VI: dict[str, Any] = {"interface": "eth0", "virtual_router_id": 51}


def bfd(**value: Any) -> Any:
    return DECODERS["bfd_instance"]("b", value)


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({}, "neighbor_ip"),
        ({"neighbor_ip": ""}, "neighbor_ip"),
        ({"neighbor_ip": "example.org"}, "neighbor_ip"),
        ({"neighbor_ip": "224.0.0.1"}, "neighbor_ip"),
        ({"neighbor_ip": "255.255.255.255"}, "neighbor_ip"),
        ({"neighbor_ip": "::"}, "neighbor_ip"),
        ({"neighbor_ip": "ff02::1"}, "neighbor_ip"),
        ({"neighbor_ip": "fe80::1"}, "neighbor_ip"),
        ({"neighbor_ip": "fe80::1%"}, "neighbor_ip"),
        ({"neighbor_ip": "fe80::1%a/b"}, "neighbor_ip"),
        ({"neighbor_ip": "2001:db8::1%eth0"}, "neighbor_ip"),
        ({"neighbor_ip": "192.0.2.1%eth0"}, "neighbor_ip"),
        (BASE | {"source_ip": "2001:db8::1"}, "source_ip"),
        (BASE | {"source_ip": "192.0.2.2"}, "source_ip"),
        (BASE | {"source_ip": "x"}, "source_ip"),
        (BASE | {"min_rx": MILLISECOND - 1000}, "min_rx"),
        (BASE | {"min_tx": 5000 * SECOND}, "min_tx"),
        (BASE | {"min_tx": MILLISECOND + 1}, "min_tx"),
        (BASE | {"idle_tx": 999 * MILLISECOND}, "idle_tx"),
        (BASE | {"multiplier": 0}, "multiplier"),
        (BASE | {"multiplier": 256}, "multiplier"),
        (BASE | {"ttl": 0}, "ttl"),
        (BASE | {"hoplimit": 256}, "hoplimit"),
        (BASE | {"max_hops": -2}, "max_hops"),
        (BASE | {"weight": 254}, "weight"),
    ],
)
def test_a_bad_session_is_refused_at_its_field(value: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        bfd(**value)
    assert refused.value.field == field


def test_defaults_are_keepalived_s() -> None:
    assert bfd(**BASE) == BfdInstance(
        "192.0.2.2", "", 10 * MILLISECOND, 10 * MILLISECOND, SECOND, 5, False, 255, 64, 0, False, 0, False
    )


def test_addresses_are_written_in_one_way() -> None:
    found = bfd(neighbor_ip="2001:DB8:0::2", source_ip="2001:db8::0001")
    assert (found.neighbor_ip, found.source_ip, found.ipv6, found.hops) == ("2001:db8::2", "2001:db8::1", True, 64)
    assert bfd(neighbor_ip="FE80::1%eth0").neighbor_ip == "fe80::1%eth0"


def test_multihop_has_its_own_port_and_looks_at_hops_only_where_told_to() -> None:
    assert (bfd(**BASE).port, bfd(**BASE).least_hops) == (3784, 255)
    assert (bfd(**BASE, multihop=True).port, bfd(**BASE, multihop=True).least_hops) == (4784, 0)
    assert bfd(**BASE, multihop=True, max_hops=2).least_hops == 253


@pytest.mark.parametrize(
    ("kind", "value", "field"),
    [
        ("vrrp_instance", VI | {"track_bfd": [{}]}, "track_bfd[0].name"),
        ("vrrp_instance", VI | {"track_bfd": [{"name": "b", "weight": 300}]}, "track_bfd[0].weight"),
        ("vrrp_sync_group", {"group": ["a"], "track_bfd": [{"weight": 1}]}, "track_bfd[0].name"),
    ],
)
def test_a_bad_tracker_is_refused_at_its_field(kind: str, value: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        DECODERS[kind]("x", value)
    assert refused.value.field == field


def resolved(**objects: dict[str, Any]) -> Resolved:
    """Objects by KIND__NAME."""
    keys = {tuple(key.split("__")): value for key, value in objects.items()}
    return resolve({(kind, name): DECODERS[kind](name, value) for (kind, name), value in keys.items()})


def places(result: Resolved) -> list[tuple[str, str]]:
    return [(problem.key.removeprefix("config/"), problem.field) for problem in result.problems]


def test_a_session_that_does_not_exist_is_a_problem_and_not_tracked() -> None:
    result = resolved(
        vrrp_instance__a=VI | {"track_bfd": [{"name": "x"}]}, vrrp_sync_group__g={"group": ["a"], "track_bfd": [{"name": "y"}]}
    )
    assert places(result) == [("vrrp_instance/a", "track_bfd[0].name"), ("vrrp_sync_group/g", "track_bfd[0].name")]
    assert result.routers["a"].track_bfd == ()


def test_a_tracker_without_weight_has_the_session_s() -> None:
    session = BASE | {"weight": -20, "reverse": True}
    for row, found in (({}, (-20, True)), ({"weight": 5, "reverse": False}, (5, False)), ({"weight": 0}, (0, True))):
        result = resolved(bfd_instance__b=session, vrrp_instance__a=VI | {"track_bfd": [{"name": "b"} | row]})
        assert result.routers["a"].track_bfd == (Tracked("b", *found),)


def test_two_sessions_with_one_neighbor_are_a_problem_of_the_second() -> None:
    result = resolved(bfd_instance__a=BASE, bfd_instance__b=BASE, bfd_instance__c=BASE | {"multihop": True})
    assert places(result) == [("bfd_instance/b", "neighbor_ip")]
    assert list(result.bfds) == ["a", "c"]


def test_what_a_group_tracks_every_member_tracks() -> None:
    result = resolved(
        bfd_instance__b=BASE,
        vrrp_instance__one=VI,
        vrrp_instance__two=VI | {"virtual_router_id": 52, "track_bfd": [{"name": "b", "reverse": True}]},
        vrrp_sync_group__g={"group": ["one", "two"], "track_bfd": [{"name": "b"}]},
    )
    assert result.routers["one"].track_bfd == (Tracked("b", 0, False),)
    assert result.routers["two"].track_bfd == (Tracked("b", 0, False),)


@pytest.mark.parametrize(("asked_for", "kept"), [(False, ()), (True, (Tracked("b", 10, False),))])
def test_weights_of_members_of_a_group_count_only_where_asked_for(asked_for: bool, kept: tuple[Tracked, ...]) -> None:
    result = resolved(
        bfd_instance__b=BASE,
        vrrp_instance__one=VI | {"track_bfd": [{"name": "b", "weight": 10}]},
        vrrp_sync_group__g={"group": ["one"], "sync_group_tracking_weight": asked_for},
    )
    assert result.routers["one"].track_bfd == kept
