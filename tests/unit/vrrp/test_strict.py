"""Strict mode: what it switches off and on, what it says about that, and what it does not start at all."""

from __future__ import annotations

from typing import Any

import pytest

from services.vrrp.config.resolve import Resolved, resolve
from services.vrrp.config.settings import DECODERS, SECOND

BASE: dict[str, Any] = {"interface": "eth0", "virtual_router_id": 51, "virtual_ipaddress": [{"address": "192.0.2.10"}]}
HMAC = {"auth_hmac": {"key": [{"id": 1, "value": "x" * 32}]}}
PASS = {"authentication": {"auth_type": "pass", "auth_pass": "x"}}


def resolved(general: dict[str, Any] | None = None, **more: Any) -> Resolved:
    objects = {("vrrp_instance", "A"): DECODERS["vrrp_instance"]("A", BASE | more)}
    return resolve(objects | {("global", ""): DECODERS["global"]("", general or {})})


def test_a_strict_instance_does_what_the_rfcs_have_and_says_nothing_of_what_nobody_asked_for() -> None:
    for found in (resolved(strict_mode=True), resolved({"vrrp_strict": True})):
        router = found.routers["A"]
        assert found.problems == ()
        assert (router.garp_lower_prio_repeat, router.garp_lower_prio_delay) == (0, 0)
        assert (router.lower_prio_no_advert, router.higher_prio_send_advert) == (True, False)
        assert (router.accept, router.start_master, router.down_timer_adverts) == (False, False, 3)


def test_an_instance_may_be_excepted_from_the_global_setting() -> None:
    router = resolved({"vrrp_strict": True}, strict_mode=False).routers["A"]
    assert (router.accept, router.lower_prio_no_advert) == (True, False)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"state": "master", "priority": 100}, "state"),
        ({"state": "backup", "priority": 255}, "state"),
        (PASS, "authentication"),
        (HMAC, "auth_hmac"),
        ({"preempt_delay": SECOND}, "preempt_delay"),
        ({"down_timer_adverts": 5}, "down_timer_adverts"),
        ({"garp_lower_prio_repeat": 1}, "garp_lower_prio_repeat"),
        ({"lower_prio_no_advert": False}, "lower_prio_no_advert"),
        ({"higher_prio_send_advert": True}, "higher_prio_send_advert"),
        ({"accept": True}, "accept"),
    ],
)
def test_what_it_takes_back_is_a_problem_where_somebody_asked_for_it(more: dict[str, Any], field: str) -> None:
    found, plain = resolved(strict_mode=True, **more), resolved(strict_mode=True)
    assert [(p.key, p.field) for p in found.problems] == [("config/vrrp_instance/A", field)]
    if more.get("priority") != 255:
        assert found.routers["A"] == plain.routers["A"]
    assert resolved(strict_mode=False, **more).problems == ()


def test_the_global_number_of_missed_adverts_is_taken_back_too() -> None:
    found = resolved({"vrrp_down_timer_adverts": 5}, strict_mode=True)
    assert [p.field for p in found.problems] == ["down_timer_adverts"]
    assert found.routers["A"].down_timer_adverts == 3
    assert resolved({"vrrp_down_timer_adverts": 5}).routers["A"].down_timer_adverts == 5
    assert resolved({"vrrp_down_timer_adverts": 5}, down_timer_adverts=4).routers["A"].down_timer_adverts == 4


def test_an_owner_starts_as_master_accepts_and_hears_nobody() -> None:
    for more in ({"priority": 255}, {"state": "master"}, {"priority": 255, "state": "backup"}):
        router = resolved(strict_mode=True, **more).routers["A"]
        assert (router.start_master, router.accept, router.owner_ignore_adverts) == (True, True, True)


def test_version_3_may_accept_in_strict_mode_and_does_not_by_itself() -> None:
    assert not resolved(strict_mode=True, version=3).routers["A"].accept
    found = resolved(strict_mode=True, version=3, accept=True)
    assert found.routers["A"].accept
    assert found.problems == ()


def test_without_addresses_it_is_not_started_and_that_is_said() -> None:
    found = resolved(strict_mode=True, virtual_ipaddress=[])
    assert dict(found.routers) == {}
    assert [(p.field, "not started, as by keepalived" in p.reason) for p in found.problems] == [("virtual_ipaddress", True)]
    assert list(resolved(virtual_ipaddress=[]).routers) == ["A"]


def test_unicast_is_said_to_be_no_part_of_it_and_used() -> None:
    found = resolved(strict_mode=True, unicast_peer=[{"address": "192.0.2.2"}])
    assert [p.field for p in found.problems] == ["unicast_peer"]
    assert found.routers["A"].peers


def test_an_instance_that_is_not_started_takes_no_vrid_from_others() -> None:
    objects = {
        ("vrrp_instance", "A"): DECODERS["vrrp_instance"]("A", BASE | {"virtual_ipaddress": [], "strict_mode": True}),
        ("vrrp_instance", "B"): DECODERS["vrrp_instance"]("B", BASE),
        ("vrrp_instance", "C"): DECODERS["vrrp_instance"]("C", BASE),
    }
    found = resolve(objects)
    assert list(found.routers) == ["B"]
    assert [p.key.rpartition("/")[2] for p in found.problems] == ["A", "C"]
    assert "keepalived would refuse" in found.problems[1].reason


def test_no_accept_is_for_all_but_owners() -> None:
    assert resolved().routers["A"].accept
    assert not resolved(accept=False).routers["A"].accept
    assert resolved(accept=False, priority=255).routers["A"].accept
