"""Groups and drains together: a server is drained from all services of its group, and leaves when those of all have ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from services.ipvs.director import Director
from services.ipvs.drain import Held, Leaving, Left, LetGo, Stayed, connections_seen
from services.ipvs.model import INET6, DestinationKey, Load, ServiceKey, Table, table
from services.ipvs.policy import Hold
from tests.unit.ipvs.test_groups import group, put, started, virtual, wanted
from tests.unit.ipvs.words import key, mark, marked, place, real, server, service

MINUTE = 60 * 10**9
ONE, TWO = key(), key("10.0.0.2")
DRAINS = virtual(drain_on_removal=MINUTE)
LEAVING = Leaving("web", "s2", place("10.0.1.2"), 5, 5 + MINUTE)


def delete(director: Director, kind: str, name: str, now: int = 5) -> list[Left | Stayed]:
    return director.configure({}, [(kind, name)], {}, now).drains


def everywhere(weights: dict[str, int], *addresses: str) -> dict[str, dict[str, int]]:
    """These servers, by the end of their address, behind each of these services of port 80."""
    return {f"tcp {a}:80": {f"10.0.1.{n}:80": w for n, w in weights.items()} for a in addresses or ("10.0.0.1", "10.0.0.2")}


def kernel(first: Mapping[int, int], second: Mapping[int, int]) -> dict[ServiceKey, Any]:
    rows = [(ONE, first), (TWO, second)]
    return table([(service(of), [server(f"10.0.1.{n}", weight) for n, weight in has.items()]) for of, has in rows])


def test_a_removed_key_leaves_its_server_in_every_service_until_it_is_let_go() -> None:
    director = started(DRAINS, group("10.0.0.1-2"), real("s2", port=80, weight=2), real("s3", port=80, weight=3))
    assert delete(director, "real_server", "web/s2") == [Left(LEAVING)]
    assert wanted(director) == everywhere({"2": 0, "3": 3})
    work = director.carry([LetGo(LEAVING.spot)], 9)
    assert work.places == {ONE: {LEAVING.place: None}, TWO: {LEAVING.place: None}}
    assert wanted(director) == everywhere({"3": 3})


def test_an_order_holds_in_every_service_and_the_way_back_is_slow_in_every_one() -> None:
    slow = virtual(slow_start=20 * 10**9)
    director = started(slow, group("10.0.0.1-2"), real("s2", port=80, weight=100), real("s3", port=80, weight=100))
    for hold, there in ((Hold.DRAINING, {"2": 0, "3": 100}), (Hold.OUT, {"3": 100}), (None, {"2": 10, "3": 100})):
        work = director.carry([Held(("web", "s2"), hold)], 0)
        assert work.places == {ONE: {place("10.0.1.2"): None}, TWO: {place("10.0.1.2"): None}}
        assert wanted(director) == everywhere(there)
    director.tick(10 * 10**9)
    assert wanted(director) == everywhere({"2": 55, "3": 100})


def test_priority_and_panic_hold_for_every_service() -> None:
    servers = (real("s2", port=80, weight=2, priority_group=1), real("s3", port=80, weight=3, priority_group=2))
    director = started(virtual(panic_threshold=50), group("10.0.0.1-2"), *servers)
    assert wanted(director) == everywhere({"2": 2, "3": 0})
    director.carry([Held(("web", "s2"), Hold.DRAINING)], 0)
    assert wanted(director) == everywhere({"2": 0, "3": 3})


def test_a_group_that_changes_keeps_its_drains_as_long_as_one_service_stays() -> None:
    director = started(DRAINS, group("10.0.0.1-2"), real("s2", port=80, weight=2), real("s3", port=80, weight=3))
    delete(director, "real_server", "web/s2")
    assert put(director, group("10.0.0.2-3")).drains == []
    assert wanted(director) == everywhere({"2": 0, "3": 3}, "10.0.0.2", "10.0.0.3")
    assert put(director, group("10.0.0.7")).drains == [Stayed(LEAVING, back=False)]
    assert wanted(director) == everywhere({"3": 3}, "10.0.0.7")


def test_a_group_that_goes_takes_those_that_leave_along_and_an_order_outlives_it() -> None:
    director = started(DRAINS, group("10.0.0.1-2"), real("s2", port=80, weight=2), real("s3", port=80, weight=3))
    delete(director, "real_server", "web/s2")
    director.carry([Held(("web", "s3"), Hold.DRAINING)], 6)
    assert delete(director, "virtual_server_group", "g") == [Stayed(LEAVING, back=False)]
    put(director, group("10.0.0.1-2"))
    assert wanted(director) == everywhere({"3": 0})


@pytest.mark.parametrize(("first", "second"), [({2: 0, 3: 3}, {3: 3}), ({3: 3}, {2: 2, 3: 3}), ({2: 0, 3: 3}, {2: 2, 3: 3})])
def test_what_our_last_run_left_in_any_service_leaves_all(first: dict[int, int], second: dict[int, int]) -> None:
    director = Director(leaving=[LEAVING])
    assert put(director, DRAINS, group("10.0.0.1-2"), real("s3", port=80, weight=3), actual=kernel(first, second)).drains == []
    assert wanted(director) == everywhere({"2": 0, "3": 3})


def test_what_no_service_has_any_more_is_not_put_back() -> None:
    director = Director(leaving=[LEAVING])
    work = put(director, DRAINS, group("10.0.0.1-2"), real("s3", port=80, weight=3), actual=kernel({3: 3}, {3: 3}))
    assert (work.drains, wanted(director)) == ([Stayed(LEAVING, back=False)], everywhere({"3": 3}))


def test_a_virtual_server_that_went_while_nobody_looked_leaves_no_drain() -> None:
    director = Director(leaving=[LEAVING])
    assert director.configure({}, (), {}).drains == [Stayed(LEAVING, back=False)]


def test_the_last_server_behind_a_mark_drains_in_its_family() -> None:
    director = started(marked("web", drain_on_removal=MINUTE), real("s2", "2001:db8::2", weight=2))
    assert delete(director, "real_server", "web/s2")
    assert wanted(director) == {"fwmark 5 (IPv6)": {"[2001:db8::2]:0": 0}}
    left = Leaving("web", "s2", place("2001:db8::2", 0), 5, 5 + MINUTE)
    again = Director(leaving=[left])
    actual = table([(service(mark(5, INET6)), [server("2001:db8::2", 0, port=0)])])
    assert put(again, marked("web", drain_on_removal=MINUTE), actual=actual).drains == []
    assert wanted(again) == wanted(director)


SHOULD = kernel({2: 0, 3: 3}, {2: 0, 3: 3})


def seen(actual: Table, loads: tuple[int, int], given_up: tuple[ServiceKey, ...] = ()) -> list[int | None]:
    found: dict[ServiceKey, dict[DestinationKey, Load]] = {
        of: {LEAVING.place: Load(active=load, inactive=1)} for of, load in zip((ONE, TWO), loads, strict=True)
    }
    return list(connections_seen(LEAVING.place, SHOULD, actual, found, given_up))


def test_connections_to_all_services_count() -> None:
    assert seen(SHOULD, (0, 4)) == [6]


def test_a_service_that_has_lost_the_server_counts_nothing() -> None:
    assert seen(kernel({3: 3}, {2: 0, 3: 3}), (9, 4)) == [5]
    assert seen(kernel({3: 3}, {3: 3}), (9, 4)) == [None]


def test_while_a_service_is_missing_nothing_is_known_unless_it_is_given_up() -> None:
    emptied = {TWO: SHOULD[TWO]}
    assert (seen(emptied, (9, 4)), seen({}, (0, 0))) == ([], [])
    assert (seen(emptied, (9, 4), (ONE,)), seen({}, (0, 0), (ONE, TWO))) == ([5], [None])


def test_with_a_weight_of_its_own_new_connections_come_and_nothing_is_known() -> None:
    assert seen(kernel({2: 0, 3: 3}, {2: 2, 3: 3}), (0, 0)) == []
