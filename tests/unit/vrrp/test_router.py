"""The transition table of one virtual router, row by row (RFC 9568 section 6.4, keepalived's state machine)."""

from __future__ import annotations

from typing import Any

import pytest

from services.vrrp.config.resolve import RouterSettings, resolve
from services.vrrp.config.settings import DECODERS, SECOND, packed
from services.vrrp.election.actions import Action, AddAddresses, Announce, RemoveAddresses, SendAdvert, State, Transition
from services.vrrp.election.router import VirtualRouter
from services.vrrp.election.router_events import Changed, Expired, Follow, Heard, Inputs, Lost, Reannounce, Start, Stop
from services.vrrp.election.snapshot import Saved
from services.vrrp.wire.packet import Advert

T0 = 100 * SECOND
SOURCE, LOWER, HIGHER = packed("192.0.2.5"), packed("192.0.2.1"), packed("192.0.2.9")
VIP = packed("192.0.2.10")
INIT, BACKUP, MASTER, FAULT = State.INIT, State.BACKUP, State.MASTER, State.FAULT
DOWN = 3 * SECOND + 156 * SECOND // 256
SKEW = 156 * SECOND // 256


def configured(**given: Any) -> RouterSettings:
    base: dict[str, Any] = {"interface": "eth0", "virtual_router_id": 51, "virtual_ipaddress": [{"address": "192.0.2.10"}]}
    return resolve({("vrrp_instance", "VI_1"): DECODERS["vrrp_instance"]("VI_1", base | given)}).routers["VI_1"]


def inputs(settings: RouterSettings, **more: Any) -> Inputs:
    base = Inputs((), settings.priority, False, SOURCE, False, settings.start_master)
    return base._replace(**more)


def fresh(**given: Any) -> VirtualRouter:
    settings = configured(**given)
    return VirtualRouter(settings, inputs(settings))


def backup(**given: Any) -> VirtualRouter:
    router = fresh(**given)
    router.step(Start(None), T0)
    assert router.state is BACKUP
    return router


def master(**given: Any) -> VirtualRouter:
    """Master since T0."""
    router = fresh(**given)
    router.step(Start(None), T0 - (router.master_down_interval))
    router.step(Expired(), T0)
    assert router.state is MASTER
    return router


def established(**given: Any) -> VirtualRouter:
    """Master since T0, which is a whole interval ago."""
    router = master(**given)
    router.step(Expired(), T0 + SECOND)
    return router


def heard(priority: int, source: bytes = LOWER, interval: int = SECOND, addresses: bytes = VIP) -> Heard:
    return Heard(Advert(priority, interval, source, addresses))


def in_short(actions: list[Action]) -> list[str]:
    """Actions as words; an advert with its priority."""
    words = []
    for action in actions:
        match action:
            case SendAdvert(_, interface, data):
                assert interface == "eth0"
                words.append(f"advert {data[22]}")
            case AddAddresses():
                words.append("add")
            case RemoveAddresses():
                words.append("remove")
            case Announce(_, _, repeat):
                words.append(f"announce {repeat}")
            case Transition(_, _, before, after, _, _):
                words.append(f"{before}->{after}")
    return words


# -- INIT


def test_init_with_a_fault_is_fault_and_removes_leftovers() -> None:
    settings = configured()
    router = VirtualRouter(settings, inputs(settings, faults=("interface eth0 is down",)))
    assert in_short(router.step(Start(None), T0)) == ["remove", "INIT->FAULT"]
    assert (router.state, router.cause, router.deadline) == (FAULT, "interface eth0 is down", None)


def test_init_waits_for_the_first_results_of_scripts() -> None:
    settings = configured()
    router = VirtualRouter(settings, inputs(settings, waiting=True))
    assert in_short(router.step(Start(None), T0)) == ["remove"]
    assert router.state is INIT
    assert in_short(router.step(Changed(inputs(settings)), T0 + SECOND)) == ["INIT->BACKUP"]
    assert router.deadline == T0 + SECOND + DOWN


def test_init_that_waited_and_gets_a_fault_is_fault() -> None:
    settings = configured()
    router = VirtualRouter(settings, inputs(settings, waiting=True))
    router.step(Start(None), T0)
    assert in_short(router.step(Changed(inputs(settings, faults=("script chk failed",))), T0)) == ["INIT->FAULT"]


def test_a_router_that_was_never_started_takes_no_notice_of_faults() -> None:
    router = fresh()
    assert router.step(Changed(router.inputs._replace(faults=("x",))), T0) == []
    assert router.step(heard(100), T0) == []
    assert router.state is INIT


def test_init_goes_to_backup_for_a_master_down_interval() -> None:
    router = fresh()
    assert in_short(router.step(Start(None), T0)) == ["remove", "INIT->BACKUP"]
    assert router.deadline == T0 + DOWN


def test_init_with_state_master_waits_one_interval_and_the_shortest_skew() -> None:
    router = backup(state="master", priority=150)
    assert router.deadline == T0 + SECOND + SECOND // 256


def test_an_owner_is_master_in_the_next_instant_without_having_been_backup() -> None:
    router = fresh(priority=255)
    assert in_short(router.step(Start(None), T0)) == ["remove"]
    assert router.deadline == T0
    assert in_short(router.step(Expired(), T0)) == ["advert 255", "add", "announce 5", "INIT->MASTER"]


# -- BACKUP


def test_backup_becomes_master_advert_first_then_addresses_then_announcements() -> None:
    router = backup()
    actions = router.step(Expired(), T0 + DOWN)
    assert in_short(actions) == ["advert 100", "add", "announce 5", "BACKUP->MASTER"]
    assert router.deadline == T0 + DOWN + SECOND


def test_backup_expiring_early_does_nothing() -> None:
    router = backup()
    assert router.step(Expired(), T0 + DOWN - 1) == []


def test_backup_hearing_priority_0_waits_for_the_skew_time_only() -> None:
    router = backup()
    assert router.step(heard(0), T0 + SECOND) == []
    assert router.deadline == T0 + SECOND + SKEW
    assert "released it" in router.why_master(T0 + 2 * SECOND)


@pytest.mark.parametrize("priority", [100, 101, 255])
def test_backup_hearing_its_own_priority_or_more_waits_again(priority: int) -> None:
    router = backup()
    assert router.step(heard(priority), T0 + SECOND) == []
    assert router.deadline == T0 + SECOND + DOWN
    assert (router.master_address, router.master_priority) == (LOWER, priority)


def test_backup_hearing_less_lets_its_timer_run() -> None:
    router = backup()
    assert router.step(heard(99), T0 + 3 * SECOND) == []
    assert router.deadline == T0 + DOWN
    assert router.why_master(T0 + DOWN) == "192.0.2.1 has priority 99, ours is 100"


def test_backup_with_nopreempt_accepts_less() -> None:
    router = backup(nopreempt=True)
    router.step(heard(1), T0 + SECOND)
    assert router.deadline == T0 + SECOND + DOWN


def test_preempt_delay_starts_at_the_first_lesser_advert_and_is_cancelled_by_a_better_one() -> None:
    router = backup(preempt_delay=2 * SECOND)
    router.step(heard(50), T0 + SECOND)
    assert (router.preempt_at, router.deadline) == (T0 + 3 * SECOND, T0 + SECOND + DOWN)
    router.step(heard(50), T0 + 2 * SECOND)
    assert router.deadline == T0 + 2 * SECOND + DOWN
    router.step(heard(50), T0 + 3 * SECOND)
    assert router.deadline == T0 + 2 * SECOND + DOWN
    router.step(heard(150), T0 + 4 * SECOND)
    assert (router.preempt_at, router.deadline) == (None, T0 + 4 * SECOND + DOWN)


def test_version_3_learns_the_masters_interval_for_timer_and_skew() -> None:
    router = backup(version=3)
    assert router.deadline == T0 + 3 * SECOND + 609_375_000
    router.step(heard(200, interval=200_000_000), T0 + SECOND)
    assert router.deadline == T0 + SECOND + 600_000_000 + 121_875_000


def test_backup_in_a_group_says_that_it_wants_and_waits_again() -> None:
    router = backup()
    router.step(Changed(router.inputs._replace(in_group=True)), T0)
    assert router.step(Expired(), T0 + DOWN) == []
    assert (router.wants_master, router.deadline) == (True, T0 + 2 * DOWN)
    assert in_short(router.step(Follow(MASTER, "all want"), T0 + DOWN))[-1] == "BACKUP->MASTER"
    assert router.cause == "all want"


def test_backup_that_hears_a_master_wants_no_more() -> None:
    router = backup()
    router.step(Changed(router.inputs._replace(in_group=True)), T0)
    router.step(Expired(), T0 + DOWN)
    router.step(heard(150), T0 + DOWN)
    assert not router.wants_master


def test_backup_that_gets_a_fault_is_fault() -> None:
    router = backup()
    assert in_short(router.step(Changed(router.inputs._replace(faults=("x",))), T0)) == ["BACKUP->FAULT"]
    assert router.deadline is None


def test_backup_whose_priority_changes_moves_its_timer_by_the_skew() -> None:
    router = backup()
    router.step(Changed(router.inputs._replace(priority=200)), T0 + SECOND)
    assert router.deadline == T0 + DOWN - 100 * SECOND // 256


@pytest.mark.parametrize("by", [SECOND // 10 + 1, SECOND + 1])
def test_backup_that_wakes_up_late_listens_for_an_interval(by: int) -> None:
    router = backup()
    late = T0 + DOWN + by
    assert router.step(Expired(), late) == []
    assert (router.state, router.deadline) == (BACKUP, late + SECOND + SKEW)


def test_backup_that_slept_until_right_before_its_takeover_waits_for_the_next_advert() -> None:
    router = backup()
    woke = T0 + DOWN - 1
    router.slept(SECOND + 1, woke)
    assert (router.step(Expired(), T0 + DOWN), router.deadline) == ([], woke + SECOND + SKEW)
    router.step(Expired(), woke + SECOND + SKEW)
    assert router.state is MASTER


def test_backup_in_a_group_that_slept_while_it_waited_for_the_others_listens_first() -> None:
    router = backup()
    router.step(Changed(router.inputs._replace(in_group=True)), T0)
    router.step(Expired(), T0 + DOWN)
    assert router.wants_master
    woke = T0 + DOWN + SECOND + 1
    assert router.slept(SECOND + 1, woke)
    assert (router.wants_master, router.deadline) == (False, woke + SECOND + SKEW)


def test_backup_that_slept_for_less_than_an_interval_missed_nothing_that_matters() -> None:
    router = backup()
    router.slept(SECOND, T0 + DOWN - 1)
    assert router.deadline == T0 + DOWN


def test_backup_that_slept_and_has_time_left_does_not_wait_longer() -> None:
    router = backup()
    router.slept(2 * SECOND, T0 + SECOND)
    assert router.deadline == T0 + DOWN


def test_master_that_slept_is_judged_by_its_silence_alone() -> None:
    router = master()
    due = router.deadline
    router.slept(2 * SECOND, T0 + 1)
    assert (router.deadline, router.master_down_at) == (due, None)


def test_backup_in_a_group_that_slept_wants_nothing_while_it_listens() -> None:
    router = backup()
    router.step(Changed(router.inputs._replace(in_group=True)), T0)
    router.step(Expired(), T0 + DOWN)
    assert router.wants_master
    router.step(Expired(), T0 + 2 * DOWN + SECOND + 1)
    assert not router.wants_master


def test_backup_that_comes_a_little_late_takes_over() -> None:
    router = backup()
    router.step(Expired(), T0 + DOWN + SECOND // 10)
    assert router.state is MASTER


def test_backup_that_is_late_each_time_takes_over_at_the_second() -> None:
    router = backup()
    for _ in range(2):
        assert router.state is BACKUP
        router.step(Expired(), (router.deadline or 0) + SECOND // 2)
    assert router.state is MASTER


def test_backup_that_sleeps_again_while_it_listens_listens_again() -> None:
    router = backup()
    router.step(Expired(), T0 + DOWN + SECOND // 2)
    late = T0 + DOWN + SECOND // 2 + 2 * SECOND + SKEW + 1
    assert router.deadline is not None
    assert late - router.deadline > SECOND
    assert router.step(Expired(), late) == []
    assert (router.state, router.deadline) == (BACKUP, late + SECOND + SKEW)


def test_backup_that_was_late_once_listens_again_after_another_advert() -> None:
    router = backup()
    late = T0 + DOWN + SECOND // 2
    router.step(Expired(), late)
    router.step(heard(200), late + 1)
    router.step(Expired(), late + 1 + DOWN + SECOND // 2)
    assert router.state is BACKUP


def test_backup_is_told_to_follow_backup_and_stays() -> None:
    assert backup().step(Follow(BACKUP, "x"), T0) == []


def test_backup_losing_an_address_or_hearing_of_rivals_does_nothing() -> None:
    router = backup()
    assert router.step(Lost("192.0.2.10"), T0) == []
    assert router.step(Reannounce(), T0) == []


def test_an_advert_with_another_address_list_is_counted_and_accepted() -> None:
    router = backup(virtual_ipaddress=[{"address": "192.0.2.10"}, {"address": "192.0.2.11"}])
    router.step(heard(150, addresses=packed("192.0.2.11") + VIP), T0 + SECOND)
    assert router.counters.address_list_errors == 0
    router.step(heard(150, addresses=VIP), T0 + SECOND)
    assert router.counters.address_list_errors == 1
    assert router.deadline == T0 + SECOND + DOWN


# -- MASTER


def test_master_advertises_on_an_absolute_grid() -> None:
    router = master(garp_master_delay=0)
    assert in_short(router.step(Expired(), T0 + SECOND + 7_000)) == ["advert 100"]
    assert router.deadline == T0 + 2 * SECOND
    assert in_short(router.step(Expired(), T0 + 3 * SECOND + 5)) == ["advert 100"]
    assert router.deadline == T0 + 4 * SECOND


def test_master_announces_again_after_the_delay_and_refreshes_as_often_as_asked() -> None:
    router = master(garp_master_delay=500_000_000, garp_master_refresh=400_000_000, garp_master_refresh_repeat=2)
    assert router.deadline == T0 + 400_000_000
    assert in_short(router.step(Expired(), T0 + 400_000_000)) == ["announce 2"]
    assert in_short(router.step(Expired(), T0 + 500_000_000)) == ["announce 5"]
    assert in_short(router.step(Expired(), T0 + 800_000_000)) == ["announce 2"]
    assert router.deadline == T0 + SECOND
    router = master(garp_master_delay=500_000_000, garp_master_refresh=500_000_000, garp_master_refresh_repeat=2)
    assert in_short(router.step(Expired(), T0 + 500_000_000)) == ["announce 7"], "both at once are both"


def test_master_that_is_to_announce_nothing_announces_nothing() -> None:
    router = fresh(garp_master_repeat=0, priority=255)
    router.step(Start(None), T0)
    assert in_short(router.step(Expired(), T0)) == ["advert 255", "add", "INIT->MASTER"]


def test_master_hearing_priority_0_advertises_and_announces_at_once() -> None:
    router = established()
    assert in_short(router.step(heard(0), T0 + 1_300_000_000)) == ["advert 100", "announce 5"]
    assert router.deadline == T0 + 2_300_000_000


@pytest.mark.parametrize(("priority", "source"), [(99, HIGHER), (100, LOWER)])
def test_master_hearing_less_answers_and_announces(priority: int, source: bytes) -> None:
    router = established()
    now = T0 + 3 * SECOND // 2
    assert in_short(router.step(heard(priority, source), now)) == ["advert 100", "announce 5", "MASTER->MASTER_RX_LOWER_PRI"]
    assert router.rival_heard
    again = router.step(heard(priority, source), now + 1)
    assert in_short(again) == ["advert 100"], "one announcement per interval, one event per rival"


def test_master_hearing_less_right_after_it_took_office_answers_the_last_word_of_one_that_yields() -> None:
    router = master()
    assert in_short(router.step(heard(50), T0 + SECOND - 1)) == ["advert 100", "announce 1"]
    later = router.step(heard(50), T0 + SECOND)
    assert in_short(later) == ["advert 100", "MASTER->MASTER_RX_LOWER_PRI"], "but one that goes on is a rival"


def test_master_hearing_less_with_lower_prio_no_advert_is_silent_but_announces() -> None:
    router = established(lower_prio_no_advert=True, garp_lower_prio_repeat=2)
    assert in_short(router.step(heard(50), T0 + SECOND + 1)) == ["announce 2", "MASTER->MASTER_RX_LOWER_PRI"]


def test_master_hearing_less_announces_nothing_where_that_is_switched_off() -> None:
    router = established(garp_lower_prio_repeat=0)
    assert in_short(router.step(heard(50), T0 + SECOND + 1)) == ["advert 100", "MASTER->MASTER_RX_LOWER_PRI"]


def test_master_announces_on_other_interfaces_again_and_again_where_asked() -> None:
    rows = [{"address": "192.0.2.10"}, {"address": "198.51.100.10", "dev": "eth1"}]
    router = master(virtual_ipaddress=rows, garp_master_delay=0, garp_extra_if=3 * SECOND, garp_extra_if_all=True)
    for second in (1, 2):
        assert in_short(router.step(Expired(), T0 + second * SECOND)) == ["advert 100"]
    _advert, announce = router.step(Expired(), T0 + 3 * SECOND)
    assert announce == Announce("VI_1", (router.addresses[1],), 1)
    settings = router.settings._replace(garp_extra_if=SECOND // 2)
    router.step(Changed(router.inputs, settings), T0 + 3 * SECOND)
    assert router.deadline == T0 + 7 * SECOND // 2
    assert in_short(router.step(Expired(), T0 + 7 * SECOND // 2)) == ["announce 1"]


def test_master_announces_on_vmacs_other_than_its_own_unless_all_interfaces_are_asked_for() -> None:
    rows: list[dict[str, Any]] = [
        {"address": "192.0.2.10"},
        {"address": "198.51.100.10", "dev": "eth1"},
        {"address": "203.0.113.10", "dev": "eth2", "use_vmac": True},
        {"address": "203.0.113.11", "dev": "eth2", "use_vmac": True},
        {"address": "198.51.100.11", "dev": "eth1"},
    ]
    router = master(virtual_ipaddress=rows, garp_master_delay=0, garp_extra_if=SECOND, use_vmac={})
    _own, plain, vmac, *_others = router.addresses  # one of each interface suffices
    assert (plain.dev, vmac.dev) == ("eth1", router.settings.links[1].name)
    assert router.step(Expired(), T0 + SECOND)[1:] == [Announce("VI_1", (vmac,), 1)]
    router.step(Changed(router.inputs, router.settings._replace(garp_extra_if_all=True)), T0 + SECOND)
    assert router.step(Expired(), T0 + 2 * SECOND)[1:] == [Announce("VI_1", (plain, vmac), 1)]


def test_master_without_addresses_elsewhere_has_nothing_more_to_announce() -> None:
    router = master(garp_master_delay=0, garp_extra_if=SECOND)
    assert in_short(router.step(Expired(), T0 + SECOND)) == ["advert 100"]


@pytest.mark.parametrize(("priority", "source"), [(101, LOWER), (100, HIGHER)])
def test_master_hearing_more_yields_without_priority_0(priority: int, source: bytes) -> None:
    router = master()
    assert in_short(router.step(heard(priority, source), T0 + 1)) == ["advert 100", "remove", "MASTER->BACKUP"]
    assert router.deadline == T0 + 1 + DOWN
    assert router.master_address == source


def test_equal_priority_higher_address_wins() -> None:
    router = master()
    router.step(heard(100, HIGHER), T0 + 1)
    assert router.cause == "192.0.2.9 has the same priority 100 and the higher address"


def test_master_hearing_more_says_no_last_word_where_that_is_switched_off() -> None:
    router = master(higher_prio_send_advert=False)
    assert in_short(router.step(heard(200), T0 + 1)) == ["remove", "MASTER->BACKUP"]


def test_master_hearing_its_own_priority_and_address_takes_no_notice() -> None:
    assert master().step(heard(100, SOURCE), T0 + 1) == []


def test_master_that_gets_a_fault_sends_priority_0() -> None:
    router = master()
    actions = router.step(Changed(router.inputs._replace(faults=("interface eth0 is down",))), T0 + 1)
    assert in_short(actions) == ["advert 0", "remove", "MASTER->FAULT"]


def test_master_that_loses_an_address_is_back_after_the_skew_time() -> None:
    router = master()
    assert in_short(router.step(Lost("192.0.2.10"), T0 + 1)) == ["advert 0", "remove", "MASTER->BACKUP"]
    assert (router.released, router.deadline) == (True, T0 + 1 + SKEW)
    assert in_short(router.step(Expired(), T0 + 1 + SKEW))[-1] == "BACKUP->MASTER"
    assert not router.released


def test_master_whose_priority_changes_goes_on_with_the_new_one() -> None:
    router = master()
    assert router.step(Changed(router.inputs._replace(priority=90)), T0 + 1) == []
    assert in_short(router.step(Expired(), T0 + SECOND)) == ["advert 90"]


def test_master_whose_source_changes_advertises_from_the_new_one() -> None:
    router = master()
    router.step(Changed(router.inputs._replace(source=HIGHER)), T0 + 1)
    (advert,) = router.step(Expired(), T0 + SECOND)
    assert isinstance(advert, SendAdvert)
    assert advert.data[12:16] == HIGHER


@pytest.mark.parametrize("event", [Expired(), heard(50), heard(0), Stop("STOP")])
def test_master_that_wakes_up_late_listens_before_it_speaks(event: Any) -> None:
    router = master()
    words = in_short(router.step(event, T0 + 3 * SECOND))
    assert words[:2] == ["remove", "MASTER->BACKUP"]
    assert not [word for word in words if word.startswith("advert")]


def test_master_that_wakes_up_a_little_late_goes_on() -> None:
    router = master()
    assert in_short(router.step(Expired(), T0 + 3 * SECOND - 1)) == ["advert 100"]


def test_master_follows_its_group_with_and_without_release() -> None:
    assert in_short(master().step(Follow(BACKUP, "x"), T0 + 1)) == ["remove", "MASTER->BACKUP"]
    router = master()
    assert in_short(router.step(Follow(BACKUP, "x", True), T0 + 1)) == ["advert 0", "remove", "MASTER->BACKUP"]
    assert router.deadline == T0 + 1 + SKEW


def test_master_announces_when_another_member_heard_a_rival() -> None:
    assert in_short(established().step(Reannounce(), T0 + SECOND + 1)) == ["announce 5"]


def test_master_without_addresses_only_advertises() -> None:
    router = fresh(virtual_ipaddress=[])
    assert in_short(router.step(Start(None), T0)) == ["INIT->BACKUP"]
    assert in_short(router.step(Expired(), T0 + DOWN)) == ["advert 100", "BACKUP->MASTER"]


# -- FAULT


def test_fault_that_heals_is_backup_with_a_full_timer() -> None:
    settings = configured()
    router = VirtualRouter(settings, inputs(settings, faults=("a", "b")))
    router.step(Start(None), T0)
    assert router.step(Changed(inputs(settings, faults=("b",))), T0 + 1) == []
    assert router.cause == "b"
    assert router.step(heard(100), T0 + 1) == []
    assert in_short(router.step(Changed(inputs(settings)), T0 + 2)) == ["FAULT->BACKUP"]
    assert (router.cause, router.deadline) == ("healed: b", T0 + 2 + DOWN)


def test_fault_of_an_owner_that_heals_waits_one_interval_and_skew() -> None:
    settings = configured(priority=255)
    router = VirtualRouter(settings, inputs(settings, faults=("a",)))
    router.step(Start(None), T0)
    router.step(Changed(inputs(settings)), T0)
    assert router.deadline == T0 + SECOND + SECOND // 256


def test_fault_that_heals_still_waits_for_scripts() -> None:
    settings = configured()
    router = VirtualRouter(settings, inputs(settings, faults=("a",), waiting=True))
    router.step(Start(None), T0)
    assert router.step(Changed(inputs(settings, waiting=True)), T0) == []
    assert in_short(router.step(Changed(inputs(settings)), T0)) == ["FAULT->BACKUP"]


# -- stop, new settings


@pytest.mark.parametrize("after", ["STOP", "DELETED"])
def test_master_that_stops_sends_priority_0_and_removes_its_addresses(after: str) -> None:
    router = master()
    assert in_short(router.step(Stop(after), T0 + 1)) == ["advert 0", "remove", f"MASTER->{after}"]
    assert router.deadline is None


def test_backup_that_stops_sends_nothing() -> None:
    assert in_short(backup().step(Stop("STOP"), T0 + 1)) == ["BACKUP->STOP"]


def test_new_addresses_come_before_old_ones_go() -> None:
    router = master()
    settings = configured(virtual_ipaddress=[{"address": "192.0.2.11"}])
    actions = router.step(Changed(router.inputs, settings), T0 + 1)
    assert in_short(actions) == ["add", "remove", "announce 5"]
    assert router.step(Changed(router.inputs, settings), T0 + 1) == []


def test_a_shorter_interval_brings_the_next_advert_forward() -> None:
    router = master(version=3, garp_master_delay=0)
    settings = configured(version=3, advert_int=100_000_000, garp_master_delay=0, garp_master_refresh=50_000_000)
    assert router.step(Changed(router.inputs, settings), T0 + 1) == []
    assert router.advert_at == T0 + 1 + 100_000_000
    assert router.deadline == T0 + 1 + 50_000_000


def test_silence_counts_from_when_the_advert_came_not_from_when_it_was_read() -> None:
    router = backup()
    router.step(heard(200)._replace(age=SECOND // 2), T0)
    assert (router.last_heard, router.deadline) == (T0 - SECOND // 2, T0 - SECOND // 2 + DOWN)
    router.step(heard(0)._replace(age=3), T0)
    assert router.deadline == T0 - 3 + router.skew(100)


def test_a_twin_does_as_its_original_and_changes_nothing_of_it() -> None:
    router = backup()
    twin = router.twin()
    due = router.deadline
    assert due is not None
    foreseen = twin.step(Expired(), due)
    assert (router.state, router.deadline, router.counters.became_master) == (BACKUP, due, 0)
    assert foreseen == router.step(Expired(), due)


def test_a_backup_with_a_new_interval_starts_its_timer_again() -> None:
    router = backup()
    router.step(Changed(router.inputs, configured(advert_int=2 * SECOND)), T0 + SECOND)
    assert router.deadline == T0 + SECOND + 6 * SECOND + SKEW


def test_a_backup_with_other_addresses_does_nothing_now() -> None:
    router = backup()
    assert router.step(Changed(router.inputs, configured(virtual_ipaddress=[])), T0) == []


# -- successors


def test_a_successor_of_a_fresh_master_speaks_at_once_and_is_master() -> None:
    router = fresh()
    saved = Saved("instance", "VI_1", "MASTER", last_advert=T0 - SECOND)
    assert in_short(router.step(Start(saved), T0)) == ["advert 100", "add", "announce 5"]
    assert (router.state, router.deadline) == (MASTER, T0 + SECOND)


@pytest.mark.parametrize("age", [3 * SECOND, -SECOND])
def test_a_successor_that_comes_too_late_or_from_another_time_listens(age: int) -> None:
    router = fresh(state="master", priority=150)
    saved = Saved("instance", "VI_1", "MASTER", last_advert=T0 - age)
    assert in_short(router.step(Start(saved), T0)) == ["remove", "MASTER->BACKUP"]
    assert router.deadline == T0 + 3 * SECOND + 106 * SECOND // 256


def test_a_successor_of_a_backup_keeps_the_timer_but_listens_for_an_interval() -> None:
    for left, deadline in ((SECOND // 2, T0 + SECOND), (2 * SECOND, T0 + 2 * SECOND), (-1, T0 + DOWN)):
        router = fresh()
        saved = Saved("instance", "VI_1", "BACKUP", master_down_at=T0 + left, preempt_at=T0 + 9, master_address="192.0.2.1")
        assert in_short(router.step(Start(saved), T0)) == ["remove"]
        assert router.deadline == deadline


def test_a_successor_knows_the_learned_interval() -> None:
    router = fresh(version=3)
    router.step(Start(Saved("instance", "VI_1", "BACKUP", master_interval=200_000_000)), T0)
    assert router.deadline == T0 + 600_000_000 + 121_875_000


@pytest.mark.parametrize("state", ["FAULT", "INIT"])
def test_what_was_learned_before_a_fault_is_not_a_successors_interval(state: str) -> None:
    router = fresh(version=3)
    router.step(Start(Saved("instance", "VI_1", state, master_interval=10 * SECOND)), T0)
    assert router.deadline == T0 + 3 * SECOND + 609_375_000


def test_a_successor_with_a_fault_is_fault() -> None:
    settings = configured()
    router = VirtualRouter(settings, inputs(settings, faults=("x",)))
    saved = Saved("instance", "VI_1", "MASTER", last_advert=T0)
    assert in_short(router.step(Start(saved), T0)) == ["remove", "MASTER->FAULT"]


def test_what_is_saved_brings_a_successor_to_the_same_place() -> None:
    router = master()
    assert router.saved() == Saved(
        "instance", "VI_1", "MASTER", T0, 0, 0, SECOND, "192.0.2.5", 100, 100, router.settings.addresses
    )


@pytest.mark.parametrize(
    ("before", "cause"),
    [
        ([], "no advert from anybody for 3.609 s"),
        ([heard(150)], "no advert from 192.0.2.1 for 3.609 s"),
    ],
)
def test_why_a_backup_becomes_master_is_said_in_words(before: list[Heard], cause: str) -> None:
    router = backup()
    for event in before:
        router.step(event, T0)
    router.step(Expired(), T0 + DOWN)
    assert router.cause == cause


def test_counters_count() -> None:
    router = master()
    router.step(heard(0), T0 + 1)
    router.step(Stop("STOP"), T0 + 2)
    c = router.counters
    assert (c.adverts_sent, c.adverts_received, c.became_master, c.released_master) == (3, 1, 1, 1)
    assert (c.priority_zero_sent, c.priority_zero_received) == (1, 1)
