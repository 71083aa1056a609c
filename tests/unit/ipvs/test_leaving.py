"""The director and its drains: removed keys, keys that return, what an earlier run left, services that go."""

from __future__ import annotations

from typing import Any

import pytest

from services.ipvs.director import Director, Flip, Report, Work
from services.ipvs.drain import Held, Leaving, Left, LetGo, Stayed
from services.ipvs.model import Entry, ServiceKey, table
from services.ipvs.policy import Hold, Quorum
from services.ipvs.settings import RealServer, VirtualServer
from tests.unit.ipvs.test_director import put, started, wanted
from tests.unit.ipvs.words import key, place, real, server, service, virtual

MINUTE = 60 * 10**9
DRAINS = virtual(drain_on_removal=MINUTE)
LEAVING = Leaving("web", "s2", place("10.0.1.2"), 5, 5 + MINUTE)


def delete(director: Director, *ids: tuple[str, str], now: int = 5) -> Work:
    return director.configure({}, ids, {}, now)


def two(director: Director | None = None) -> Director:
    director = director or Director()
    put(director, DRAINS, real("s2", weight=2), real("s3", weight=3))
    return director


def weights(director: Director) -> dict[str, int]:
    return wanted(director).get("tcp 10.0.0.1:80", {})


def kernel(*weights: tuple[int, int]) -> dict[ServiceKey, Entry]:
    return table([(service(), [server(f"10.0.1.{n}", weight) for n, weight in weights])])


def started_with(actual: dict[ServiceKey, Entry], *objects: VirtualServer | RealServer, final: bool, **left: Any) -> Director:
    director = Director(**left)
    upserts: dict[tuple[str, str], Any] = {
        ("real_server", f"web/{o.name}") if isinstance(o, RealServer) else ("virtual_server", o.name): o for o in objects
    }
    director.configure(upserts, (), actual, 6, final)
    return director


def test_a_removed_key_leaves_its_server_with_weight_zero_until_it_is_let_go() -> None:
    director = two()
    work = delete(director, ("real_server", "web/s2"))
    assert (work.drains, work.places) == ([Left(LEAVING)], {key(): {place("10.0.1.2"): None}})
    assert weights(director) == {"10.0.1.2:80": 0, "10.0.1.3:80": 3}
    work = director.carry([LetGo(LEAVING.spot)], 9)
    assert work.places == {key(): {place("10.0.1.2"): None}}
    assert weights(director) == {"10.0.1.3:80": 3}


@pytest.mark.parametrize("settings", [{}, {"protocol": "udp"}, {"protocol": "udp", "ops": True}])
def test_it_goes_at_once_unless_asked_and_with_udp_always(settings: dict[str, Any]) -> None:
    asked = {"drain_on_removal": MINUTE} if settings else {}
    director = started(virtual(**settings, **asked), real("s2"), real("s3"))
    assert delete(director, ("real_server", "web/s2")).drains == []
    assert [list(servers) for servers in wanted(director).values()] == [["10.0.1.3:80"]]


def test_a_server_that_was_not_in_the_table_has_nothing_to_end() -> None:
    director = two()
    director.report({("web", "s2"): Report(False)}, snapshot=True)
    assert delete(director, ("real_server", "web/s2")).drains == []


def test_a_server_that_moves_leaves_its_old_place() -> None:
    director = two()
    work = put(director, real("s2", "10.0.1.9", weight=2))
    assert [d.leaving.place for d in work.drains] == [place("10.0.1.2")]
    assert weights(director) == {"10.0.1.2:80": 0, "10.0.1.3:80": 3, "10.0.1.9:80": 2}


def test_a_key_that_returns_has_its_weight_again() -> None:
    director = two()
    delete(director, ("real_server", "web/s2"))
    work = put(director, real("s2", weight=2))
    assert work.drains == [Stayed(LEAVING, back=True)]
    assert weights(director) == {"10.0.1.2:80": 2, "10.0.1.3:80": 3}
    assert director.carry([LetGo(LEAVING.spot)], 9).places == {key(): {}}
    assert weights(director) == {"10.0.1.2:80": 2, "10.0.1.3:80": 3}


def test_a_service_that_goes_or_moves_waits_for_nobody() -> None:
    director = two()
    delete(director, ("real_server", "web/s2"))
    assert put(director, virtual(port=81, drain_on_removal=MINUTE)).drains == [Stayed(LEAVING, back=False)]
    assert wanted(director) == {"tcp 10.0.0.1:81": {"10.0.1.3:81": 3}}
    director = two()
    delete(director, ("real_server", "web/s2"))
    assert delete(director, ("virtual_server", "web")).drains == [Stayed(LEAVING, back=False)]
    assert director.carry([LetGo(LEAVING.spot), Held(("web", "s3"), Hold.OUT)], 9).places == {}


def test_what_our_last_run_left_is_left_again_as_the_table_has_it() -> None:
    director = started_with(kernel((2, 0), (3, 3)), DRAINS, real("s3", weight=3), final=True, leaving=[LEAVING])
    assert weights(director) == {"10.0.1.2:80": 0, "10.0.1.3:80": 3}


def test_what_the_table_has_lost_is_not_put_back() -> None:
    director = Director(leaving=[LEAVING])
    work = director.configure({("virtual_server", "web"): DRAINS}, (), kernel((3, 3)))
    assert (work.drains, weights(director)) == ([Stayed(LEAVING, back=False)], {})


def test_a_local_copy_that_still_has_the_key_does_not_bring_the_server_back() -> None:
    objects = (DRAINS, real("s2", weight=2), real("s3", weight=3))
    director = started_with(kernel((2, 0), (3, 3)), *objects, final=False, leaving=[LEAVING])
    assert weights(director) == {"10.0.1.2:80": 0, "10.0.1.3:80": 3}
    work = delete(director, ("real_server", "web/s2"))
    assert (work.drains, weights(director)) == ([], {"10.0.1.2:80": 0, "10.0.1.3:80": 3})
    put(director, real("s2", weight=2))
    assert weights(director) == {"10.0.1.2:80": 2, "10.0.1.3:80": 3}


def test_a_key_that_the_store_has_all_the_same_brings_it_back() -> None:
    objects = (DRAINS, real("s2", weight=2), real("s3", weight=3))
    director = started_with(kernel((2, 0), (3, 3)), *objects, final=False, leaving=[LEAVING])
    work = director.configure({}, (), {})
    assert (work.drains, weights(director)) == ([Stayed(LEAVING, back=True)], {"10.0.1.2:80": 2, "10.0.1.3:80": 3})


def test_a_drain_that_is_over_before_the_store_has_spoken_keeps_the_server_out() -> None:
    objects = (DRAINS, real("s2", weight=2), real("s3", weight=3))
    director = started_with(kernel((2, 0), (3, 3)), *objects, final=False, leaving=[LEAVING])
    director.carry([LetGo(LEAVING.spot)], 9)
    assert weights(director) == {"10.0.1.3:80": 3}
    delete(director, ("real_server", "web/s2"))
    put(director, real("s2", weight=2))
    assert weights(director) == {"10.0.1.2:80": 2, "10.0.1.3:80": 3}


def test_servers_that_nobody_knows_leave_too_if_the_service_was_ours() -> None:
    actual = kernel((2, 2), (3, 3), (4, 4))
    director = started_with(actual, virtual(drain_on_removal=MINUTE, sorry_server={"address": "10.0.1.4", "port": 80}),
                            real("s3", weight=3), final=True)  # fmt: skip
    work = Work()
    director.leave_strangers("web", actual[key()].destinations.values(), work, 5)
    assert work.drains == [Left(Leaving("web", "", place("10.0.1.2"), 5, 5 + MINUTE))]
    assert weights(director) == {"10.0.1.2:80": 0, "10.0.1.3:80": 3}


def test_holds_apply_to_servers_that_are_there_and_to_those_that_come() -> None:
    director = two(Director(holds={("web", "s3"): Hold.OUT, ("nix", "s2"): Hold.OUT}))
    assert weights(director) == {"10.0.1.2:80": 2}
    director.carry([Held(("web", "s2"), Hold.DRAINING), Held(("web", "s4"), Hold.OUT), Held(("web", "s3"), None)], 5)
    put(director, real("s4"))
    assert weights(director) == {"10.0.1.2:80": 0, "10.0.1.3:80": 3}
    assert director.spot(("web", "s2")) == ("web", place("10.0.1.2"))
    assert (director.spot(("web", "s9")), director.spot(("nix", "s2"))) == (None, None)


def test_a_drain_that_costs_the_quorum_says_so() -> None:
    director = two()
    work = director.carry([Held(("web", "s2"), Hold.DRAINING), Held(("web", "s3"), Hold.DRAINING)], 5)
    assert [(flip.name, flip.quorum.up) for flip in work.flips] == [("web", False)]
    assert weights(director) == {"10.0.1.2:80": 0, "10.0.1.3:80": 0}


def test_slow_starts_go_on_when_they_are_due_and_after_a_restart() -> None:
    slow = virtual(slow_start=20 * 10**9)
    director = started(slow, real("s2", weight=100))
    assert (director.slow, director.deadline(0)) == (False, None)
    director.report({("web", "s2"): Report(False)}, now=0)
    director.report({("web", "s2"): Report(True)}, now=0)
    assert (director.deadline(0), director.starts, weights(director)) == (10**9, {("web", "s2"): 0}, {"10.0.1.2:80": 10})
    assert director.tick(10 * 10**9).places == {key(): {place("10.0.1.2"): None}}
    assert weights(director) == {"10.0.1.2:80": 55}
    again = Director(starts={("web", "s2"): 0})
    again.configure({("virtual_server", "web"): slow, ("real_server", "web/s2"): real("s2", weight=100)},
                    (), kernel((2, 55)), 10 * 10**9)  # fmt: skip
    assert (weights(again), again.slow) == ({"10.0.1.2:80": 55}, True)
    again.tick(20 * 10**9)
    assert (weights(again), again.slow, again.deadline(20 * 10**9)) == ({"10.0.1.2:80": 100}, False, None)


def test_a_panic_is_a_problem_while_it_lasts() -> None:
    director = started(virtual(panic_threshold=60), real("s2"), real("s3"))
    assert director.report({("web", "s2"): Report(False)}).complaints
    assert [(p.key, p.field, p.severity) for p in director.problems] == [
        ("config/virtual_server/web", "panic_threshold", "warning")
    ]
    assert not director.report({("web", "s2"): Report(False)}).complaints
    assert director.report({("web", "s2"): Report(True)}).complaints
    assert director.problems == []


def test_with_omega_a_stop_is_told_as_a_loss_and_the_next_start_as_a_gain() -> None:
    omega = virtual(omega=True, sorry_server={"address": "10.0.9.9", "port": 80})
    director = started(omega, real("s2"), real("s3"), virtual("quiet", port=81), real("s4", of="quiet"))
    director.report({("web", "s3"): Report(False)})
    assert director.farewell() == [Flip("web", Quorum(False, 0, 1, 0), servers=("s2",))]
    again = Director(parted=["web", "gone"])
    objects = {("virtual_server", "web"): omega, ("real_server", "web/s2"): real("s2")}
    work = again.configure(objects, (), kernel((2, 1)))
    assert work.flips == [Flip("web", Quorum(True, 1, 1, 0), servers=("s2",))]
    assert again.configure({("virtual_server", "web"): omega}, (), kernel((2, 1))).flips == []


def test_whoever_is_not_up_is_not_told_again() -> None:
    director = started(virtual(omega=True), real("s2"))
    director.report({("web", "s2"): Report(False)})
    assert director.farewell() == []
    again = Director(parted=["web"])
    objects = {("virtual_server", "web"): virtual(omega=True), ("real_server", "web/s2"): real("s2", weight=0)}
    assert again.configure(objects, (), kernel((2, 0))).flips == []
