"""Pools: keepalived's weights, quorum, hysteresis, sorry server and inhibition; presumptions before the checker speaks."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ipvs.fields import family_of
from services.ipvs.model import INET6, Destination, DestinationKey, Entry, Method, table
from services.ipvs.policy import Health, Quorum
from services.ipvs.settings import RealServer, VirtualServer
from services.ipvs.weights import Pool
from tests.unit.ipvs.words import marked, place, real, server, service, virtual

SORRY = {"address": "10.0.9.9", "port": 80}
DOWN = Health(False, known=True)


def up(adjustment: int = 0) -> Health:
    return Health(True, adjustment, known=True)


def pool(settings: VirtualServer, *reals: RealServer, found: Entry | None = None, was_down: tuple[str, ...] = ()) -> Pool:
    """A settled pool; servers find themselves in `found`."""
    made = Pool(settings, found)
    for one in reals:
        at = DestinationKey(family_of(one.address), one.address, 80)
        made.put(one, found.destinations.get(at) if found else None, one.name in was_down)
    made.settle()
    return made


def kernel(*destinations: Destination) -> Entry:
    return next(iter(table([(service(), destinations)]).values()))


def weights(of: Pool) -> dict[str, int]:
    """Weight by the last number of the address: "2" is s2, "9" the sorry server."""
    return {str(p).split(":")[0].rpartition(".")[2]: d.weight for p, d in of.destinations.items()}


def three(**fields: Any) -> Pool:
    """s2, s3 and s4 with weights 2, 3 and 4."""
    return pool(virtual(**fields), *(real(f"s{n}", weight=n) for n in (2, 3, 4)))


def say(of: Pool, **health: Health) -> Quorum | None:
    for name, one in health.items():
        of.report(name, one)
    return of.settle().flipped


# --- weights ---


def test_servers_start_up_with_their_weights() -> None:
    assert weights(three()) == {"2": 2, "3": 3, "4": 4}


def test_a_failed_server_leaves_the_table_and_returns() -> None:
    p = three()
    say(p, s3=DOWN)
    assert weights(p) == {"2": 2, "4": 4}
    say(p, s3=up())
    assert weights(p) == {"2": 2, "3": 3, "4": 4}


def test_with_inhibit_on_failure_it_stays_with_weight_zero() -> None:
    p = three(inhibit_on_failure=True)
    say(p, s3=DOWN)
    assert weights(p) == {"2": 2, "3": 0, "4": 4}


@pytest.mark.parametrize(("configured", "adjustment", "weight"), [(5, 3, 8), (5, -3, 2), (5, -9, 0), (65535, 1, 65535)])
def test_the_adjusted_weight_is_cut_to_what_ipvs_takes(configured: int, adjustment: int, weight: int) -> None:
    p = pool(virtual(), real("s2", weight=configured))
    say(p, s2=up(adjustment))
    assert weights(p) == {"2": weight}


def test_a_server_of_weight_zero_is_in_the_table() -> None:
    assert weights(pool(virtual(), real("s2", weight=0), real("s3"))) == {"2": 0, "3": 1}


# --- quorum ---


def test_the_quorum_is_lost_with_the_last_server_and_gained_with_the_first() -> None:
    p = three()
    assert say(p, s2=DOWN, s3=DOWN) is None
    assert say(p, s4=DOWN) == Quorum(False, 0, 1, 0)
    assert say(p, s2=up()) == Quorum(True, 2, 1, 0)


def test_without_a_sorry_server_live_servers_stay_below_the_quorum() -> None:
    p = three(quorum=8)
    assert say(p, s2=DOWN) == Quorum(False, 7, 8, 0)
    assert weights(p) == {"3": 3, "4": 4}


def test_with_a_sorry_server_the_live_ones_go() -> None:
    p = three(quorum=8, sorry_server=SORRY)
    say(p, s2=DOWN)
    assert weights(p) == {"9": 1}
    assert p.sorry_active


def test_with_inhibit_the_live_ones_stay_with_weight_zero() -> None:
    p = three(quorum=8, sorry_server=SORRY, inhibit_on_failure=True)
    say(p, s2=DOWN)
    assert weights(p) == {"2": 0, "3": 0, "4": 0, "9": 1}


def test_while_the_sorry_server_works_health_does_not_touch_the_table() -> None:
    p = three(quorum=8, sorry_server=SORRY)
    say(p, s2=DOWN)
    say(p, s3=up(-1))
    assert weights(p) == {"9": 1}


def test_the_servers_return_with_the_quorum_and_the_sorry_server_goes() -> None:
    p = three(quorum=8, sorry_server=SORRY)
    say(p, s2=DOWN)
    assert say(p, s2=up()) == Quorum(True, 9, 8, 0)
    assert weights(p) == {"2": 2, "3": 3, "4": 4}


def test_an_inhibited_sorry_server_waits_with_weight_zero() -> None:
    p = three(sorry_server=SORRY, sorry_server_inhibit=True)
    assert weights(p) == {"2": 2, "3": 3, "4": 4, "9": 0}
    say(p, s2=DOWN, s3=DOWN, s4=DOWN)
    assert weights(p) == {"9": 1}


HYSTERESIS = [
    # lost below quorum - hysteresis, gained at quorum + hysteresis
    ("a drop to quorum - hysteresis keeps it", {"s4": DOWN}, None, {}),
    ("below that it is lost", {"s4": DOWN, "s3": DOWN}, False, {}),
    ("quorum alone does not give it back", {"s4": DOWN, "s3": DOWN}, False, {"s4": up()}),
    ("quorum + hysteresis does", {"s4": DOWN, "s3": DOWN}, False, {"s4": up(), "s3": up()}),
]


@pytest.mark.parametrize(("claim", "first", "lost", "then"), HYSTERESIS, ids=[row[0] for row in HYSTERESIS])
def test_hysteresis(claim: str, first: dict[str, Health], lost: bool | None, then: dict[str, Health]) -> None:
    p = three(quorum=7, hysteresis=2)
    flipped = say(p, **first)
    assert (flipped.up if flipped else None) == lost
    if then:
        flipped = say(p, **then)
        assert (flipped is not None) == ("s3" in then)


def test_a_quorum_above_all_weights_is_reduced_to_them() -> None:
    assert three(quorum=100).quorum == Quorum(True, 9, 9, 0)


def test_a_hysteresis_not_below_the_quorum_is_reduced_to_one_less() -> None:
    assert three(quorum=4, hysteresis=9).quorum == Quorum(True, 9, 4, 3)


def test_all_servers_up_always_give_the_quorum_back() -> None:
    p = three(quorum=9, hysteresis=3)
    assert say(p, s2=DOWN, s3=DOWN) == Quorum(False, 4, 9, 3)
    assert say(p, s2=up(), s3=up()) == Quorum(True, 9, 9, 3)


def test_adjusted_weights_count_for_the_quorum() -> None:
    p = three(quorum=9)
    assert say(p, s4=up(-1)) == Quorum(False, 8, 9, 0)


def test_without_servers_there_is_no_quorum_and_the_sorry_server_answers() -> None:
    p = pool(virtual(sorry_server=SORRY))
    assert p.quorum == Quorum(False, 0, 1, 0)
    assert weights(p) == {"9": 1}


def test_a_new_service_gains_its_quorum() -> None:
    p = Pool(virtual())
    assert p.settle().flipped is None
    p.put(real("s2"))
    assert p.settle().flipped == Quorum(True, 1, 1, 0)


def test_a_new_service_needs_quorum_and_hysteresis() -> None:
    p = Pool(virtual(quorum=4, hysteresis=2, alpha=True))
    for n in (2, 3, 4):
        p.put(real(f"s{n}", weight=n))
    assert say(p, s3=up(), s2=up()) is None
    assert say(p, s4=up()) == Quorum(True, 9, 4, 2)


def test_what_was_adopted_is_no_news() -> None:
    p = Pool(virtual(), kernel(server("10.0.1.2")))
    p.put(real("s2"), server("10.0.1.2"))
    assert p.settle().flipped is None
    assert p.quorum.up
    p = Pool(virtual(), kernel())
    p.put(real("s2"), was_down=True)
    assert p.settle().flipped is None
    assert not p.quorum.up


# --- presumptions ---


def test_alpha_servers_start_down() -> None:
    p = pool(virtual(alpha=True, sorry_server=SORRY), real("s2"), real("s3"))
    assert weights(p) == {"9": 1}
    say(p, s2=up())
    assert weights(p) == {"2": 1}


def test_alpha_means_nothing_to_a_server_that_nobody_checks() -> None:
    assert weights(pool(virtual(alpha=True), real("s2", checked=False))) == {"2": 1}


def test_what_the_kernel_has_stays_until_the_checker_speaks() -> None:
    found = kernel(server("10.0.1.2", 7))
    p = pool(virtual(), real("s2", weight=2), real("s3", weight=3), found=found)
    assert weights(p) == {"2": 7, "3": 3}
    say(p, s2=up())
    assert weights(p) == {"2": 2, "3": 3}


def test_a_new_weight_in_the_configuration_ends_the_presumption() -> None:
    p = pool(virtual(), real("s2", weight=2), found=kernel(server("10.0.1.2", 7)))
    p.put(real("s2", weight=4))
    p.settle()
    assert weights(p) == {"2": 4}


def test_another_change_of_the_configuration_does_not() -> None:
    p = pool(virtual(), real("s2", weight=2), found=kernel(server("10.0.1.2", 7)))
    p.put(real("s2", weight=2, uthreshold=100))
    p.settle()
    assert weights(p) == {"2": 7}


def test_weight_zero_in_the_kernel_means_down_where_failures_are_inhibited() -> None:
    found = kernel(server("10.0.1.2", 0))
    p = pool(virtual(inhibit_on_failure=True), real("s2", weight=2), found=found)
    assert (weights(p), p.health("s2").up) == ({"2": 0}, False)
    p = pool(virtual(), real("s2", weight=2), found=found)
    assert (weights(p), p.health("s2").up) == ({"2": 0}, True)


def test_a_server_that_was_down_when_we_last_ran_is_not_put_back() -> None:
    p = pool(virtual(), real("s2"), real("s3"), found=kernel(server("10.0.1.3")), was_down=("s2",))
    assert weights(p) == {"3": 1}


def test_a_sorry_server_at_work_in_the_kernel_says_that_the_others_are_down() -> None:
    found = kernel(server("10.0.9.9"))
    p = pool(virtual(sorry_server=SORRY), real("s2"), real("s3"), found=found)
    assert (weights(p), p.quorum.up) == ({"9": 1}, False)


def test_a_sorry_server_waiting_in_the_kernel_says_nothing() -> None:
    found = kernel(server("10.0.9.9", 0), server("10.0.1.2"))
    p = pool(virtual(sorry_server=SORRY, sorry_server_inhibit=True), real("s2"), found=found)
    assert weights(p) == {"2": 1, "9": 0}


def test_the_last_word_stays_when_the_checker_falls_silent() -> None:
    p = three()
    say(p, s2=DOWN)
    p.report("s2", None)
    p.report("s3", None)
    p.settle()
    assert weights(p) == {"3": 3, "4": 4}


def test_what_was_said_before_the_server_was_known_counts() -> None:
    p = Pool(virtual())
    p.put(real("s2"), reported=DOWN)
    p.put(real("s3"))
    p.settle()
    assert weights(p) == {"3": 1}


def test_a_server_that_loses_its_checks_is_up() -> None:
    p = three()
    say(p, s2=DOWN)
    p.put(real("s2", weight=2, checked=False))
    p.settle()
    assert weights(p) == {"2": 2, "3": 3, "4": 4}


def test_reports_about_unknown_servers_change_nothing() -> None:
    p = three()
    assert not p.report("s9", DOWN)
    assert p.settle().places == ()


def test_only_a_changed_verdict_counts_as_one() -> None:
    p = three()
    assert not p.report("s2", up())
    assert p.report("s2", up(1))
    assert p.report("s2", DOWN)


# --- configuration ---


def test_a_small_change_touches_one_place() -> None:
    p = three()
    p.put(real("s2", weight=9))
    assert p.settle().places == (place("10.0.1.2"),)
    assert p.settle().places == ()


def test_a_server_that_is_dropped_is_gone() -> None:
    p = three()
    p.drop("s3")
    p.drop("s9")
    p.settle()
    assert weights(p) == {"2": 2, "4": 4}
    assert (p.names, p.name_at(place("10.0.1.3")), p.member("s3")) == (("s2", "s4"), "", None)


def test_a_server_that_moves_leaves_its_old_place() -> None:
    p = three()
    p.put(real("s3", "10.0.1.7", weight=3))
    assert set(p.settle().places or ()) == {place("10.0.1.3"), place("10.0.1.7")}
    assert weights(p) == {"2": 2, "4": 4, "7": 3}


def test_new_settings_reach_the_servers_that_inherit_and_keep_their_health() -> None:
    p = pool(virtual(), real("s2"), real("s3", weight=5), real("s4"))
    say(p, s4=DOWN)
    p.configure(virtual(weight=8, lb_kind="dr", inhibit_on_failure=True))
    assert p.settle().places is None
    assert weights(p) == {"2": 8, "3": 5, "4": 0}
    assert {d.method for d in p.destinations.values()} == {Method.DR}


def test_a_new_scheduler_leaves_the_servers_as_they_are() -> None:
    p = three()
    say(p, s4=DOWN)
    p.configure(virtual(lb_algo="sh"))
    p.settle()
    assert next(iter(p.services.values())).scheduler == "sh"
    assert weights(p) == {"2": 2, "3": 3}


def test_a_twin_is_left_out_until_its_place_is_free() -> None:
    p = pool(virtual(), real("s2", weight=2), real("twin", "10.0.1.2", weight=9))
    p.report("twin", up(1))
    assert (weights(p), list(p.problems)) == ({"2": 2}, ["twin"])
    assert "'s2'" in str(p.problems["twin"])
    p.drop("s2")
    p.settle()
    assert (weights(p), p.problems) == ({"2": 10}, {})


def test_a_twin_that_changes_or_goes_is_forgotten() -> None:
    p = pool(virtual(), real("s2"), real("twin", "10.0.1.2"))
    p.put(real("twin", "10.0.1.3"))
    assert p.problems == {}
    p.put(real("twin", "10.0.1.2"))
    p.drop("twin")
    assert p.problems == {}


def test_a_server_that_does_not_fit_is_left_out_until_it_does() -> None:
    p = pool(virtual(lb_kind="dr"), real("s2", port=8080), real("s3"))
    assert (weights(p), p.problems["s2"].field) == ({"3": 1}, "port")
    p.configure(virtual())
    p.settle()
    assert (weights(p), p.problems) == ({"2": 1, "3": 1}, {})


def test_a_sorry_server_that_does_not_fit_is_a_problem_of_the_virtual_server() -> None:
    p = three(sorry_server={"address": "2001:db8::9"})
    assert p.problems[""].field == "sorry_server.address"
    p.configure(virtual(sorry_server=SORRY))
    assert (p.problems, p.sorry) == ({}, server("10.0.9.9"))


def test_a_server_that_is_also_the_sorry_server_has_its_own_weight_until_it_is_needed() -> None:
    p = pool(virtual(sorry_server={"address": "10.0.1.2"}, quorum=9), real("s2", weight=5), real("s3", weight=5))
    assert weights(p) == {"2": 5, "3": 5}
    say(p, s3=DOWN)
    assert weights(p) == {"2": 1}


# --- firewall marks ---


def behind_mark(name: str, address: str, **fields: Any) -> RealServer:
    return real(name, address, of="marked", **fields)


def test_a_marks_family_is_that_of_its_servers() -> None:
    p = pool(marked(), behind_mark("a", "2001:db8::2"))
    assert next(iter(p.services)).family == INET6
    p.drop("a")
    p.put(behind_mark("b", "10.0.1.2"))
    assert next(iter(p.services)).family != INET6


def test_behind_a_mark_the_second_family_is_left_out_unless_tunnelled() -> None:
    p = pool(
        marked(), behind_mark("a", "10.0.1.2"), behind_mark("b", "2001:db8::2"), behind_mark("c", "2001:db8::3", lb_kind="tun")
    )
    assert list(p.problems) == ["b"]
    assert len(p.destinations) == 2


# --- what holds always ---

steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(2, 6), st.integers(0, 5)),
        st.tuples(st.just("drop"), st.integers(2, 6), st.just(0)),
        st.tuples(st.just("up"), st.integers(2, 6), st.integers(-3, 3)),
        st.tuples(st.just("down"), st.integers(2, 6), st.just(0)),
        st.tuples(st.just("configure"), st.integers(1, 9), st.integers(0, 4)),
    ),
    max_size=25,
)


@given(steps, st.booleans(), st.booleans())
def test_small_steps_lead_where_a_fresh_start_leads(script: list[tuple[str, int, int]], inhibit: bool, sorry: bool) -> None:
    base: dict[str, Any] = {"inhibit_on_failure": inhibit} | ({"sorry_server": SORRY} if sorry else {})
    stepped, settings = Pool(virtual(**base)), virtual(**base)
    stepped.settle()
    reals: dict[str, RealServer] = {}
    health: dict[str, Health] = {}
    for word, n, number in script:
        name = f"s{n}"
        match word:
            case "put":
                reals[name] = real(name, weight=number)
                stepped.put(reals[name], reported=health.get(name))
            case "drop":
                reals.pop(name, None)
                stepped.drop(name)
            case "up" | "down":
                health[name] = up(number) if word == "up" else DOWN
                stepped.report(name, health[name])
            case _:
                settings = virtual(quorum=n, hysteresis=number, weight=n, **base)
                stepped.configure(settings)
        stepped.settle()
    fresh = Pool(settings, kernel() if stepped.quorum.up else None)  # the way matters only by where the quorum stood
    for name, one in reals.items():
        fresh.put(one, reported=health.get(name))
    quorum = fresh.quorum
    assert (stepped.quorum.live_weight, stepped.quorum.quorum, stepped.quorum.hysteresis) == (
        quorum.live_weight,
        quorum.quorum,
        quorum.hysteresis,
    )
    fresh.settle()
    if fresh.quorum.up == stepped.quorum.up:
        assert dict(fresh.destinations) == dict(stepped.destinations)


def test_a_place_that_nobody_wants_any_more_is_cleared() -> None:
    p = three(sorry_server=SORRY, sorry_server_inhibit=True)
    p.configure(virtual())
    p.settle()
    assert weights(p) == {"2": 2, "3": 3, "4": 4}


def test_a_tunnelled_server_counts_for_no_family() -> None:
    p = pool(marked(), behind_mark("a", "2001:db8::2", lb_kind="tun"))
    assert next(iter(p.services)).family != INET6
    p.drop("a")
    p.settle()
    assert p.names == ()
