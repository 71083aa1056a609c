"""Instances that contradict themselves or one another: what is not started is an error, what is done otherwise a warning."""

from __future__ import annotations

from typing import Any

import pytest

from cli.judge import judge
from services.common.errors import InvalidValue
from services.common.problems import ERROR, WARNING, Problem
from services.vrrp.config.resolve import Resolved, resolve
from services.vrrp.config.settings import DECODERS, SECOND

BASE: dict[str, Any] = {"interface": "eth0", "virtual_router_id": 51, "virtual_ipaddress": [{"address": "192.0.2.10"}]}
PASS = {"authentication": {"auth_type": "pass", "auth_pass": "secret12"}}
LONG = {"authentication": {"auth_type": "pass", "auth_pass": "secret123"}}


def resolved(**instances: dict[str, Any]) -> Resolved:
    return resolve({("vrrp_instance", n): DECODERS["vrrp_instance"](n, BASE | more) for n, more in instances.items()})


@pytest.mark.parametrize(
    ("more", "field", "word"),
    [
        ({"state": "master", "nopreempt": True}, "nopreempt", "state MASTER"),
        ({"priority": 255, "nopreempt": True}, "nopreempt", "priority 255"),
        ({"state": "master", "preempt_delay": SECOND}, "preempt_delay", "state MASTER"),
        ({"nopreempt": True, "preempt_delay": SECOND}, "preempt_delay", "nopreempt"),
        (LONG, "authentication.auth_pass", "8 bytes"),
        (PASS | {"version": 3}, "authentication", "no authentication"),
        ({"version": 3, "advert_int": 15_000_000}, "advert_int", "0.02 s is used"),
        ({"advert_int": SECOND * 3 // 2}, "advert_int", "2 s is used"),
        ({"unicast_ttl": 3}, "unicast_ttl", "multicast"),
        ({"vrf": "red"}, "vrf", "no effect with interface"),
        ({"track_src_ip": True}, "track_src_ip", "no mcast_src_ip"),
        ({"promote_secondaries": True, "use_vmac": {}}, "promote_secondaries", "a VMAC has it"),
        ({"unicast_peer": [{"address": "192.0.2.2"}], "mcast_dst_ip": "224.0.0.99"}, "mcast_dst_ip", "unicast"),
    ],
)
def test_what_keepalived_only_logs_is_a_warning_and_the_instance_runs(more: dict[str, Any], field: str, word: str) -> None:
    found = resolved(a=more)
    assert list(found.routers) == ["a"]
    assert [(p.key, p.field, p.severity) for p in found.problems] == [("config/vrrp_instance/a", field, WARNING)]
    assert word in found.problems[0].reason


def test_a_longest_interval_of_the_global_version_is_cut_with_a_warning() -> None:
    objects = {("vrrp_instance", "a"): DECODERS["vrrp_instance"]("a", BASE | {"advert_int": 50 * SECOND})}
    found = resolve(objects | {("global", ""): DECODERS["global"]("", {"vrrp_version": 3})})
    assert [(p.reason, p.severity) for p in found.problems] == [("VRRPv3 allows at most 40.95 s: 40.95 s is used", WARNING)]
    assert found.routers["a"].advert_int == 40_950_000_000


def test_one_vrid_twice_on_an_interface_is_an_error_that_says_what_keepalived_does() -> None:
    found = resolved(a={}, b={}, c={"virtual_router_id": 52})
    assert list(found.routers) == ["a", "c"]
    (problem,) = found.problems
    assert (problem.key, problem.field, problem.severity) == ("config/vrrp_instance/b", "virtual_router_id", ERROR)
    assert problem.reason.endswith("not started; keepalived would refuse the whole configuration")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"interface": "eth1"}),
        ({}, {"virtual_ipaddress": [{"address": "fe80::1"}]}),
        ({}, {"unicast_peer": [{"address": "192.0.2.2"}]}),
        ({"unicast_peer": [{"address": "192.0.2.3"}]}, {"unicast_peer": [{"address": "192.0.2.2"}]}),
        ({}, {"mcast_dst_ip": "224.0.0.99"}),
    ],
)
def test_one_vrid_may_be_used_again_where_adverts_tell_the_two_apart(one: dict[str, Any], other: dict[str, Any]) -> None:
    found = resolved(a=one, b=other)
    assert list(found.routers) == ["a", "b"]
    assert found.problems == ()


def test_unicast_with_a_peer_in_common_is_not_told_apart() -> None:
    peers = [{"address": "192.0.2.2"}, {"address": "192.0.2.3"}]
    assert list(resolved(a={"unicast_peer": peers}, b={"unicast_peer": peers[1:]}).routers) == ["a"]


def test_one_vrid_in_one_group_is_not_told_apart_whoever_names_the_group() -> None:
    assert list(resolved(a={}, b={"mcast_dst_ip": "224.0.0.18"}).routers) == ["a"]


def test_more_multicast_groups_than_an_interface_takes_leave_the_others_alone() -> None:
    given = {f"i{n:02}": {"mcast_dst_ip": f"224.0.1.{n}"} for n in range(20)}
    found = resolved(**given, a={}, elsewhere={"interface": "eth1", "mcast_dst_ip": "224.0.2.1"})
    assert list(found.routers) == ["a", "elsewhere", *[f"i{n:02}" for n in range(19)]]
    (problem,) = found.problems
    assert (problem.key, problem.field, problem.severity) == ("config/vrrp_instance/i19", "mcast_dst_ip", ERROR)


def test_a_group_of_owners_and_others_is_a_warning() -> None:
    objects: dict[tuple[str, str], Any] = {
        ("vrrp_instance", "a"): DECODERS["vrrp_instance"]("a", BASE | {"priority": 255}),
        ("vrrp_instance", "b"): DECODERS["vrrp_instance"]("b", BASE | {"virtual_router_id": 52}),
    }
    group = {("vrrp_sync_group", "g"): DECODERS["vrrp_sync_group"]("g", {"group": ["a", "b"]})}
    assert [(p.key, p.field, p.severity) for p in resolve(objects | group).problems] == [
        ("config/vrrp_sync_group/g", "group", WARNING)
    ]
    objects["vrrp_instance", "b"] = DECODERS["vrrp_instance"]("b", BASE | {"virtual_router_id": 52, "priority": 255})
    assert resolve(objects | group).problems == ()


def test_addresses_of_both_families_are_refused_with_the_way_out() -> None:
    with pytest.raises(InvalidValue) as refusal:
        resolved(a={"virtual_ipaddress": [{"address": "192.0.2.10"}, {"address": "fe80::1"}]})
    assert refusal.value.field == "virtual_ipaddress[1].address"
    assert "keepalived leaves it out" in refusal.value.reason
    assert "virtual_ipaddress_excluded" in refusal.value.hint


def test_a_checker_of_files_tells_the_two_apart_as_the_services_do() -> None:
    value = {"interface": "eth0", "virtual_router_id": 51, "virtual_ipaddress": [{"address": "192.0.2.10"}]}
    verdict = judge({f"config/vrrp_instance/{name}": value for name in "ab"})
    assert [p.field for p in verdict.lost] == ["virtual_router_id"]
    verdict = judge({"config/vrrp_instance/a": value | {"state": "master", "nopreempt": True}})
    assert [str(p)[:9] for p in verdict.doubts] == ["warning: "]
    assert verdict.lost == []


def test_a_problem_is_an_error_unless_it_says_otherwise() -> None:
    problem = Problem("config/global", "x", "is bad")
    assert problem.as_dict()["severity"] == ERROR
    assert problem.as_fields()["severity"] == "SEVERITY_ERROR"
    assert str(problem) == "config/global: x: is bad"
