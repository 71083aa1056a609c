"""Announcements that must not come faster than asked: one after the other, each address once, none for a lost master."""

from __future__ import annotations

from typing import Any

import pytest

from services.common.errors import InvalidValue
from services.vrrp.addresses import VirtualAddress
from services.vrrp.config.announce_settings import GarpGroup, Pace, Paces, decode_garp_group, of_instance, paces
from services.vrrp.config.resolve import resolve
from services.vrrp.config.settings import DECODERS, Global, VrrpInstance
from services.vrrp.election.pacing import Pacing

MS = 1_000_000
T0 = 100_000 * MS
ONE, TWO, THREE = (VirtualAddress(f"192.0.2.{n}", dev="eth0") for n in (1, 2, 3))
OTHER = VirtualAddress("192.0.2.4", dev="eth1")
SIX = VirtualAddress("2001:db8::1", dev="eth0")


def paced(found: Paces) -> Pacing:
    pacing = Pacing()
    pacing.configure(found)
    return pacing


def all_due(pacing: Pacing) -> list[tuple[int, str]]:
    """Everything that waits, with its time after T0 in ms."""
    found = []
    while (deadline := pacing.deadline) is not None:
        found += [((deadline - T0) // MS, waiting.row.address) for waiting in pacing.due(deadline)]
    return found


def test_without_an_interval_nothing_waits() -> None:
    pacing = Pacing()
    assert all(pacing.admits("A", ONE, T0) for _ in range(1000))
    assert pacing.deadline is None
    assert pacing.due(T0) == []


def test_the_first_goes_at_once_and_the_others_one_interval_after_each_other() -> None:
    pacing = paced(Paces(garp=5 * MS))
    assert [pacing.admits("A", row, T0) for row in (ONE, TWO, THREE)] == [True, False, False]
    assert pacing.due(T0 + 4 * MS) == []
    assert all_due(pacing) == [(5, TWO.address), (10, THREE.address)]
    assert not pacing.admits("A", ONE, T0 + 12 * MS)
    assert all_due(pacing) == [(15, ONE.address)]
    assert pacing.admits("A", ONE, T0 + 20 * MS)


def test_whoever_comes_late_does_not_make_up_for_it() -> None:
    pacing = paced(Paces(garp=5 * MS))
    for row in (ONE, TWO, THREE):
        pacing.admits("A", row, T0)
    assert [w.row for w in pacing.due(T0 + 50 * MS)] == [TWO]
    assert all_due(pacing) == [(55, THREE.address)]


def test_what_waits_is_announced_once_however_often_it_is_asked_for() -> None:
    pacing = paced(Paces(garp=5 * MS))
    for _ in range(5):
        for row in (ONE, TWO):
            pacing.admits("A", row, T0)
    assert all_due(pacing) == [(5, TWO.address), (10, ONE.address)]


def test_families_and_interfaces_wait_for_their_own_kind_alone() -> None:
    pacing = paced(Paces(garp=5 * MS, gna=7 * MS))
    assert [pacing.admits("A", row, T0) for row in (ONE, OTHER, SIX)] == [True, True, True]
    assert [pacing.admits("A", row, T0) for row in (TWO, OTHER, SIX)] == [False, False, False]
    assert sorted(all_due(pacing)) == [(5, TWO.address), (5, OTHER.address), (7, SIX.address)]


def test_interfaces_of_one_group_share_its_interval_and_leave_the_default() -> None:
    found, again = paces([("g", GarpGroup(("eth0", "eth1"), garp_interval=3 * MS))], Global(vrrp_gna_interval=9 * MS))
    assert again == []
    assert found.of("eth1") == Pace("garp_group/g", 3 * MS, 0)
    assert found.of("eth2") == Pace("eth2", 0, 9 * MS)
    pacing = paced(found)
    assert [pacing.admits("A", row, T0) for row in (ONE, OTHER, SIX)] == [True, False, True]
    assert all_due(pacing) == [(3, OTHER.address)]


def test_a_vmac_shares_the_lane_of_its_base_unless_a_group_names_it() -> None:
    vmac = ONE._replace(dev="vrrp.51")
    found, _again = paces([("g", GarpGroup(("vrrp.52",), garp_interval=3 * MS))], Global(vrrp_garp_interval=9 * MS))
    found = found._replace(bases={"vrrp.51": "eth0", "vrrp.52": "eth0"})
    assert found.of("vrrp.51") == found.of("eth0") == Pace("eth0", 9 * MS, 0)
    assert found.of("vrrp.52") == Pace("garp_group/g", 3 * MS, 0)
    pacing = paced(found)
    assert [pacing.admits("A", row, T0) for row in (vmac, TWO)] == [True, False]


def test_the_configuration_says_which_base_a_vmac_has() -> None:
    value = {"interface": "eth0", "virtual_router_id": 51, "virtual_ipaddress": [{"address": "192.0.2.1"}], "use_vmac": {}}
    objects = {("vrrp_instance", "A"): DECODERS["vrrp_instance"]("A", value)}
    assert resolve(objects).paces.bases == {"vrrp.51": "eth0"}


def test_what_a_router_no_longer_holds_is_not_announced() -> None:
    pacing = paced(Paces(garp=5 * MS))
    pacing.drop("A", [ONE])
    for row in (ONE, TWO, THREE):
        pacing.admits("A", row, T0)
    pacing.drop("B", [TWO])
    pacing.drop("A", [TWO])
    assert [w.row for w in pacing.waiting] == [THREE]
    pacing.drop("A", [THREE])
    assert pacing.deadline is None


def test_other_intervals_count_at_once_for_what_waits() -> None:
    pacing = paced(Paces(garp=5 * MS))
    for row in (ONE, TWO, THREE):
        pacing.admits("A", row, T0)
    pacing.configure(Paces(garp=5 * MS))
    pacing.configure(Paces(garp=1 * MS))
    assert all_due(pacing) == [(5, TWO.address), (6, THREE.address)]
    for row in (ONE, TWO):
        pacing.admits("A", row, T0 + 6 * MS)
    pacing.configure(Paces())
    assert all_due(pacing) == [(7, ONE.address), (7, TWO.address)]


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"garp_interval": MS}, "interface"),
        ({"interface": "eth0"}, "garp_interval"),
        ({"interface": "eth0", "interfaces": ["eth1"], "garp_interval": MS}, "interfaces"),
        ({"interfaces": ["eth1", "eth1"], "garp_interval": MS}, "interfaces[1]"),
        ({"interface": "", "garp_interval": MS}, "interface"),
        ({"interface": "eth0", "gna_interval": 4296 * 1000 * MS}, "gna_interval"),
    ],
)
def test_a_group_that_says_nothing_sensible_is_refused(value: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        decode_garp_group("g", value)
    assert refused.value.field == field


def test_an_interface_in_two_groups_is_a_problem_and_the_first_counts() -> None:
    rows = {name: {"interface": "eth0", "garp_interval": gap} for name, gap in (("a", MS), ("b", 2 * MS))}
    resolved = resolve({("garp_group", name): DECODERS["garp_group"](name, row) for name, row in rows.items()})
    assert resolved.paces.of("eth0").garp == MS
    assert [(p.key, p.field) for p in resolved.problems] == [("config/garp_group/b", "interfaces")]


def test_vrrp_min_garp_changes_what_nobody_gives() -> None:
    given = VrrpInstance("eth0", 51)
    least, usual = Global(vrrp_min_garp=True), Global()
    assert of_instance(given, usual)["garp_master_repeat"] == 5
    found = of_instance(given, least)
    assert (found["garp_master_repeat"], found["garp_master_delay"], found["garp_lower_prio_repeat"]) == (1, 0, 1)
    assert of_instance(given._replace(garp_master_repeat=3), least)["garp_master_repeat"] == 3
