"""Which values are refused, where and why; what the rest amounts to."""

from __future__ import annotations

from typing import Any

import pytest

from services.common.errors import InvalidValue
from services.vrrp.config.resolve import Resolved, resolve
from services.vrrp.config.settings import DECODERS, SECOND, Global, VirtualAddress, VrrpScript, VrrpSyncGroup

BASE: dict[str, Any] = {"interface": "eth0", "virtual_router_id": 51}

ANYWHERE = {"virtual_router_id": 51, "unicast_src_ip": "192.0.2.1", "unicast_peer": [{"address": "192.0.2.2"}]}


def vip(**more: Any) -> dict[str, Any]:
    return {"virtual_ipaddress": [{"address": "192.0.2.10", **more}]}


def vips(*addresses: str) -> dict[str, Any]:
    return {"virtual_ipaddress": [{"address": address} for address in addresses]}


@pytest.mark.parametrize(
    ("kind", "value", "field"),
    [
        ("vrrp_instance", {"virtual_router_id": 51}, "interface"),
        ("vrrp_instance", {"interface": "eth0"}, "virtual_router_id"),
        ("vrrp_instance", ANYWHERE | {"unicast_src_ip": ""}, "interface"),
        ("vrrp_instance", ANYWHERE | {"unicast_peer": []}, "interface"),
        ("vrrp_instance", ANYWHERE | {"use_vmac": {}}, "interface"),
        ("vrrp_instance", ANYWHERE | {"vrf": "a b"}, "vrf"),
        ("vrrp_instance", ANYWHERE | {"unicast_src_ip": "fe80::1", "unicast_peer": [{"address": "::1"}]}, "unicast_src_ip"),
        (
            "vrrp_instance",
            ANYWHERE | {"unicast_src_ip": "2001:db8::1", "unicast_peer": [{"address": "fe80::1"}]},
            "unicast_peer[0].address",
        ),
        ("vrrp_instance", BASE | {"interface": "a" * 16}, "interface"),
        ("vrrp_instance", BASE | {"interface": "a b"}, "interface"),
        ("vrrp_instance", BASE | {"virtual_router_id": 0}, "virtual_router_id"),
        ("vrrp_instance", BASE | {"virtual_router_id": 256}, "virtual_router_id"),
        ("vrrp_instance", BASE | {"priority": 0}, "priority"),
        ("vrrp_instance", BASE | {"priority": 256}, "priority"),
        ("vrrp_instance", BASE | {"version": 4}, "version"),
        ("vrrp_instance", BASE | {"advert_int": 0}, "advert_int"),
        ("vrrp_instance", BASE | {"version": 3, "advert_int": 41 * SECOND}, "advert_int"),
        ("vrrp_instance", BASE | {"preempt_delay": 1001 * SECOND}, "preempt_delay"),
        ("vrrp_instance", BASE | {"garp_master_repeat": -1}, "garp_master_repeat"),
        ("vrrp_instance", BASE | {"garp_master_delay": -1}, "garp_master_delay"),
        ("vrrp_instance", BASE | vip() | {"mcast_src_ip": "::1"}, "mcast_src_ip"),
        ("vrrp_instance", BASE | {"mcast_src_ip": "fe80::x"}, "mcast_src_ip"),
        ("vrrp_instance", BASE | {"mcast_dst_ip": "192.0.2.1"}, "mcast_dst_ip"),
        ("vrrp_instance", BASE | {"mcast_dst_ip": "ff05::12"}, "mcast_dst_ip"),
        ("vrrp_instance", BASE | vip() | {"mcast_dst_ip": "ff02::99"}, "mcast_dst_ip"),
        ("vrrp_instance", BASE | vips("192.0.2.1", "::1"), "virtual_ipaddress[1].address"),
        ("vrrp_instance", BASE | vips("::1", "0::1"), "virtual_ipaddress[1].address"),
        ("vrrp_instance", BASE | vips(*(f"fe80::{n}" for n in range(91))), "virtual_ipaddress"),
        ("vrrp_instance", BASE | vip() | {"native_ipv6": True}, "native_ipv6"),
        ("vrrp_instance", BASE | vip() | {"unicast_peer": [{"address": "fe80::1"}]}, "unicast_peer[0].address"),
        ("vrrp_instance", BASE | {"unicast_peer": [{}]}, "unicast_peer[0].address"),
        ("vrrp_instance", BASE | {"unicast_peer": [{"address": "fe80::1"}, {"address": "FE80::1"}]}, "unicast_peer[1].address"),
        ("vrrp_instance", BASE | {"unicast_peer": [{"address": "::1", "min_ttl": 256}]}, "unicast_peer[0].min_ttl"),
        ("vrrp_instance", BASE | {"unicast_peer": [{"address": "::1", "max_ttl": -1}]}, "unicast_peer[0].max_ttl"),
        ("vrrp_instance", BASE | {"unicast_peer": [{"address": "::1", "min_ttl": 9, "max_ttl": 8}]}, "unicast_peer[0].min_ttl"),
        ("vrrp_instance", BASE | {"unicast_peer": [{"address": "::1"}], "unicast_src_ip": "192.0.2.1"}, "unicast_src_ip"),
        ("vrrp_instance", BASE | {"unicast_ttl": 0}, "unicast_ttl"),
        ("vrrp_instance", BASE | vip(address="192.0.2.300"), "virtual_ipaddress[0].address"),
        ("vrrp_instance", BASE | vip(address="192.0.2.1/33"), "virtual_ipaddress[0].address"),
        ("vrrp_instance", BASE | vip(address="192.0.2.1/"), "virtual_ipaddress[0].address"),
        ("vrrp_instance", BASE | vip(dev="a/b"), "virtual_ipaddress[0].dev"),
        ("vrrp_instance", BASE | vip(label="x" * 16), "virtual_ipaddress[0].label"),
        ("vrrp_instance", BASE | vip(brd="all"), "virtual_ipaddress[0].brd"),
        ("vrrp_instance", BASE | vip(scope="universe"), "virtual_ipaddress[0].scope"),
        ("vrrp_instance", BASE | {"virtual_ipaddress": [{"address": "192.0.2.1"}] * 2}, "virtual_ipaddress[1].address"),
        (
            "vrrp_instance",
            BASE | {"virtual_ipaddress": [{"address": f"10.0.{n // 200}.{n % 200}"} for n in range(256)]},
            "virtual_ipaddress",
        ),
        ("vrrp_instance", BASE | {"authentication": {"auth_type": "pass"}}, "authentication.auth_pass"),
        ("vrrp_instance", BASE | {"authentication": {"auth_pass": "x"}}, "authentication.auth_type"),
        ("vrrp_instance", BASE | {"track_interface": [{"name": ""}]}, "track_interface[0].name"),
        ("vrrp_instance", BASE | {"track_interface": [{"name": "e", "weight": 255}]}, "track_interface[0].weight"),
        ("vrrp_instance", BASE | {"track_script": [{}]}, "track_script[0].name"),
        ("vrrp_sync_group", {}, "group"),
        ("vrrp_sync_group", {"group": ["a", "a"]}, "group[1]"),
        ("vrrp_sync_group", {"group": [""]}, "group[0]"),
        ("vrrp_script", {}, "script"),
        ("vrrp_script", {"script": "x", "interval": 0}, "interval"),
        ("vrrp_script", {"script": "x", "timeout": 0}, "timeout"),
        ("vrrp_script", {"script": "x", "rise": 0}, "rise"),
        ("vrrp_script", {"script": "x", "weight": -255}, "weight"),
        ("global", {"vrrp_version": 1}, "vrrp_version"),
        ("global", {"vrrp_mcast_group4": "192.0.2.1"}, "vrrp_mcast_group4"),
        ("global", {"vrrp_mcast_group6": "224.0.0.18"}, "vrrp_mcast_group6"),
        ("global", {"vrrp_mcast_group6": "ff05::12"}, "vrrp_mcast_group6"),
        ("global", {"vrrp_rt_priority": 100}, "vrrp_rt_priority"),
        ("global", {"default_interface": "a/b"}, "default_interface"),
        ("global", {"vrrp_startup_delay": -1}, "vrrp_startup_delay"),
    ],
)
def test_a_bad_value_is_refused_with_the_field_that_is_wrong(kind: str, value: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidValue) as refusal:
        DECODERS[kind]("x", value)
    assert refusal.value.field == field
    assert refusal.value.reason


def test_addresses_keep_what_was_given() -> None:
    row = {"address": "192.0.2.10/24", "dev": "eth1", "scope": "link", "label": "eth1:v", "brd": "+"}
    settings = DECODERS["vrrp_instance"]("x", BASE | {"virtual_ipaddress": [row, {"address": "192.0.2.11", "scope": "7"}]})
    assert settings.virtual_ipaddress == (  # type: ignore[union-attr]
        VirtualAddress("192.0.2.10", 24, "eth1", 253, "eth1:v", "+"),
        VirtualAddress("192.0.2.11", scope=7),
    )


def test_a_script_runs_once_a_second_with_that_time_limit_unless_told_otherwise() -> None:
    assert DECODERS["vrrp_script"]("x", {"script": "/bin/true"}) == VrrpScript("/bin/true")
    slow = DECODERS["vrrp_script"]("x", {"script": "/bin/true", "interval": 5 * SECOND, "weight": 254})
    assert slow == VrrpScript("/bin/true", interval=5 * SECOND, timeout=5 * SECOND, weight=253)


def test_global_settings_of_other_services_are_passed_over() -> None:
    assert DECODERS["global"]("", {"smtp_server": "x", "vrrp_version": 3}) == Global(vrrp_version=3)
    groups = {"vrrp_mcast_group4": "224.0.0.99", "vrrp_mcast_group6": "FF02::0:99"}
    assert DECODERS["global"]("", groups) == Global(vrrp_mcast_group4="224.0.0.99", vrrp_mcast_group6="ff02::99")


def resolved(**objects: dict[str, Any]) -> Resolved:
    """Objects named KIND__NAME (two underscores)."""
    ids = {
        (kind, name): value
        for kind, _, name in [key.partition("__") for key in objects]
        for value in [objects[f"{kind}__{name}"]]
    }
    return resolve({(kind, name): DECODERS[kind](name, value) for (kind, name), value in ids.items()})


def test_what_is_not_given_comes_from_the_global_settings() -> None:
    router = resolved(
        vrrp_instance__a=BASE | {"garp_master_repeat": 2},
        global__={"vrrp_version": 3, "vrrp_garp_master_repeat": 7, "vrrp_garp_master_delay": 2 * SECOND},
    ).routers["a"]
    assert (router.version, router.priority, router.advert_int) == (3, 100, SECOND)
    assert (router.garp_master_repeat, router.garp_lower_prio_repeat) == (2, 2)
    assert (router.garp_master_delay, router.garp_lower_prio_delay) == (2 * SECOND, 2 * SECOND)


@pytest.mark.parametrize(
    ("given", "family", "version"),
    [
        ({}, 4, 2),
        (vip(address="2001:db8::1"), 6, 3),
        (vip(address="2001:db8::1") | {"virtual_ipaddress_excluded": [{"address": "192.0.2.1"}]}, 6, 3),
        (vip() | {"virtual_ipaddress_excluded": [{"address": "2001:db8::1"}]}, 4, 2),
        ({"unicast_peer": [{"address": "fe80::1"}]}, 6, 3),
        ({"mcast_src_ip": "fe80::1"}, 6, 3),
        ({"native_ipv6": True}, 6, 3),
    ],
)
def test_the_first_address_decides_the_family_and_ipv6_is_version_3(given: dict[str, Any], family: int, version: int) -> None:
    router = resolved(vrrp_instance__a=BASE | given).routers["a"]
    assert (router.family, router.version) == (family, version)
    assert router.mcast_group == {4: "224.0.0.18", 6: "ff02::12"}[family]


def test_what_unicast_and_ipv6_leave_unused_is_said() -> None:
    objects = resolved(
        vrrp_instance__a=BASE | vip(address="::5") | {"version": 2},
        vrrp_instance__b=BASE | {"virtual_router_id": 52, "unicast_src_ip": "192.0.2.1"},
        vrrp_instance__c=BASE | {"virtual_router_id": 53, "unicast_ttl": 5},
        vrrp_instance__d=BASE | {"virtual_router_id": 54, "unicast_ttl": 5, "unicast_fault_no_peer": True},
    )
    said = [(problem.key.rpartition("/")[2], problem.field) for problem in objects.problems]
    assert said == [("a", "version"), ("b", "unicast_src_ip"), ("c", "unicast_ttl")]
    assert objects.routers["c"].ttl == 255


@pytest.mark.parametrize(
    ("one", "other", "started"),
    [
        ({}, {}, 1),
        ({}, {"interface": "eth1"}, 2),
        ({}, vip(address="fe80::9"), 2),
        ({}, {"unicast_peer": [{"address": "192.0.2.2"}]}, 2),
        ({"unicast_peer": [{"address": "192.0.2.3"}]}, {"unicast_peer": [{"address": "192.0.2.2"}]}, 2),
        ({"unicast_peer": [{"address": "192.0.2.2"}]}, {"unicast_peer": [{"address": "192.0.2.2"}]}, 1),
    ],
)
def test_one_vrid_may_be_used_again_where_adverts_can_be_told_apart(
    one: dict[str, Any], other: dict[str, Any], started: int
) -> None:
    objects = resolved(vrrp_instance__a=BASE | one, vrrp_instance__b=BASE | other)
    assert len(objects.routers) == started
    assert [problem.field for problem in objects.problems] == ["virtual_router_id"] * (2 - started)


@pytest.mark.parametrize(
    ("given", "kinds", "detect"),
    [
        ({"version": 2}, [0], False),
        ({}, [0, 1], True),
        ({"v3_checksum_as_v2": True}, [1, 0], False),
        ({"v3_checksum_as_v2": False}, [0], False),
        ({"unicast_peer": [{"address": "192.0.2.2"}]}, [0, 1, 2], True),
        ({"unicast_peer": [{"address": "192.0.2.2"}], "old_unicast_checksum": "never"}, [0, 1], True),
        ({"unicast_peer": [{"address": "192.0.2.2"}], "old_unicast_checksum": "always"}, [2, 0, 1], False),
        ({"old_unicast_checksum": "always"}, [0, 1], True),
        ({"native_ipv6": True}, [0], False),
    ],
)
def test_which_checksums_are_accepted_and_sent(given: dict[str, Any], kinds: list[int], detect: bool) -> None:
    router = resolved(vrrp_instance__a=BASE | {"version": 3} | given).routers["a"]
    assert (list(router.checksums), router.detect_checksum) == (kinds, detect)


def test_the_global_setting_of_the_checksum_may_be_taken_back() -> None:
    objects = resolved(
        vrrp_instance__a=BASE | {"v3_checksum_as_v2": False},
        vrrp_instance__b=BASE | {"virtual_router_id": 52},
        global__={"vrrp_version": 3, "v3_checksum_as_v2": True},
    )
    assert [list(objects.routers[name].checksums) for name in "ab"] == [[0], [1, 0]]


@pytest.mark.parametrize(
    ("given", "checked"),
    [({}, False), ({"vrrp_check_unicast_src": True}, True)],
)
def test_sources_are_checked_as_the_global_setting_says(given: dict[str, Any], checked: bool) -> None:
    peers = {"unicast_peer": [{"address": "192.0.2.2"}]}
    routers = resolved(
        vrrp_instance__a=BASE | peers,
        vrrp_instance__b=BASE | peers | {"interface": "eth1", "check_unicast_src": not checked},
        vrrp_instance__c=BASE | {"interface": "eth2", "unicast_peer": [{"address": "192.0.2.2", "max_ttl": 64}]},
        global__=given,
    ).routers
    assert [routers[name].check_source for name in "abc"] == [checked, not checked, True]


@pytest.mark.parametrize(
    ("given", "priority", "start_master", "nopreempt", "preempt_delay"),
    [
        ({}, 100, False, False, 0),
        ({"state": "master"}, 255, True, False, 0),
        ({"priority": 255}, 255, True, False, 0),
        ({"priority": 255, "state": "backup"}, 255, False, False, 0),
        ({"state": "master", "priority": 150, "nopreempt": True, "preempt_delay": SECOND}, 150, True, False, 0),
        ({"nopreempt": True}, 100, False, True, 0),
        ({"preempt_delay": SECOND}, 100, False, False, SECOND),
        ({"preempt_delay": SECOND, "nopreempt": True}, 100, False, True, 0),
    ],
)
def test_state_priority_and_preemption_are_keepaliveds(
    given: dict[str, Any], priority: int, start_master: bool, nopreempt: bool, preempt_delay: int
) -> None:
    router = resolved(vrrp_instance__a=BASE | given).routers["a"]
    assert (router.priority, router.start_master) == (priority, start_master)
    assert (router.nopreempt, router.preempt_delay) == (nopreempt, preempt_delay)


@pytest.mark.parametrize(
    ("version", "given", "used"),
    [
        (2, 400_000_000, SECOND),
        (2, 2_600_000_000, 3 * SECOND),
        (3, 14_000_000, 10_000_000),
        (3, 1_499_000_000, 1_500_000_000),
    ],
)
def test_intervals_are_what_the_packet_can_carry(version: int, given: int, used: int) -> None:
    assert resolved(vrrp_instance__a=BASE | {"version": version, "advert_int": given}).routers["a"].advert_int == used


def test_passwords_are_eight_bytes_and_only_for_version_2() -> None:
    secret = {"authentication": {"auth_type": "pass", "auth_pass": "secret123"}}
    assert resolved(vrrp_instance__a=BASE | secret).routers["a"].auth == b"secret12"
    third = resolved(vrrp_instance__a=BASE | secret | {"version": 3})
    assert third.routers["a"].auth is None
    assert [(p.key, p.field) for p in third.problems] == [("config/vrrp_instance/a", "authentication")]


def places(result: Resolved) -> list[tuple[str, str]]:
    return [(problem.key.removeprefix("config/"), problem.field) for problem in result.problems]


def test_a_vrid_is_taken_once_on_an_interface() -> None:
    result = resolved(vrrp_instance__a=BASE, vrrp_instance__b=BASE, vrrp_instance__c=BASE | {"interface": "eth1"})
    assert places(result) == [("vrrp_instance/b", "virtual_router_id")]
    assert sorted(result.routers) == ["a", "c"]


def test_members_exist_and_belong_to_one_group() -> None:
    result = resolved(
        vrrp_instance__a=BASE,
        vrrp_instance__b=BASE,
        vrrp_sync_group__g={"group": ["a", "b", "nope"]},
        vrrp_sync_group__h={"group": ["a"]},
    )
    assert places(result)[1:] == [
        ("vrrp_sync_group/g", "group[1]"),
        ("vrrp_sync_group/g", "group[2]"),
        ("vrrp_sync_group/h", "group[0]"),
    ]
    assert {name: group.members for name, group in result.groups.items()} == {"g": ("a",)}


def test_an_interval_too_long_for_version_3_is_cut_and_told() -> None:
    result = resolved(vrrp_instance__a=BASE | {"advert_int": 100 * SECOND}, global__={"vrrp_version": 3})
    assert places(result) == [("vrrp_instance/a", "advert_int")]
    assert result.routers["a"].advert_int == 40_950_000_000


def test_groups_are_what_was_given() -> None:
    assert DECODERS["vrrp_sync_group"]("g", {"group": ["a", "b"]}) == VrrpSyncGroup(("a", "b"))
