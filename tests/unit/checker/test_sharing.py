"""Checks that ask the same share one probe, and each of their servers has the health that follows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.checker.kinds.target import Target
from services.checker.kinds.tcp import Tcp
from services.checker.pool import Health, Learned, Pool
from services.checker.probing import Probing, Result
from services.checker.schedule import Timing
from services.checker.settings import Check
from services.checker.streak import Phase, Streak

S = 1_000_000_000
TIMING = Timing(30 * S, 3 * S, 1, S, 0)
UP, DOWN = Result(Streak(Phase.UP)), Result(Streak(Phase.DOWN, 2), "connection refused")


def tcp(virtual: str, port: int = 80, **more: Any) -> Check:
    timing = more.pop("timing", TIMING)
    return Check(virtual, "r", "tcp_check[0]", Tcp(Target("192.0.2.1", port)), timing, **more)


def two_services() -> Pool:
    pool = Pool()
    pool.set(("a", "r"), (tcp("a"),), 1)
    pool.set(("b", "r"), (tcp("b"),), 1)
    return pool


def test_the_second_of_two_that_ask_the_same_starts_nothing() -> None:
    pool = Pool()
    assert len(pool.set(("a", "r"), (tcp("a"),), 1).work.start) == 1
    assert pool.set(("b", "r"), (tcp("b"),), 1).work.start == ()
    assert (pool.users(tcp("a")), pool.users(tcp("b"))) == (2, 2)
    assert pool.probing(tcp("a")) == pool.probing(tcp("b"))


def test_one_result_is_everybodys() -> None:
    pool = two_services()
    assert pool.learn(0, DOWN) == Learned(DOWN, (tcp("a"), tcp("b")))
    for virtual in "ab":
        assert pool.judge((virtual, "r"))[1] == Health(False, 0, "tcp_check 192.0.2.1:80: connection refused")


def test_who_joins_later_knows_what_is_known() -> None:
    pool = Pool()
    pool.set(("a", "r"), (tcp("a"),), 1)
    pool.learn(0, UP)
    pool.set(("b", "r"), (tcp("b"),), 1)
    assert pool.judge(("b", "r")) == (None, Health(True))


def test_another_rhythm_target_or_first_state_is_another_probe() -> None:
    pool = two_services()
    others = [
        tcp("c", timing=replace(TIMING, delay_loop=S)),
        tcp("d", port=81),
        tcp("e", alpha=True),
    ]
    for number, other in enumerate(others, 1):
        (update,) = pool.set((other.virtual_server, "r"), (other,), 1).work.start
        assert update.probing == Probing(number, "tcp_check", other.what, other.timing)


def test_the_probe_goes_on_until_its_last_check_is_gone() -> None:
    pool = two_services()
    assert pool.remove(("a", "r")).work.stop == ()
    assert pool.remove(("b", "r")).work.stop == (0,)
    assert pool.at_work == ()
    assert pool.demand == 0


def test_who_leaves_for_another_rhythm_takes_the_state_along() -> None:
    pool = two_services()
    pool.learn(0, DOWN)
    slower = tcp("a", timing=replace(TIMING, delay_loop=60 * S))
    work = pool.set(("a", "r"), (slower,), 1).work
    assert work.stop == ()
    assert [(u.probing.timing.delay_loop, u.result) for u in work.start] == [(60 * S, DOWN)]
    assert pool.users(tcp("b")) == 1


def test_all_who_change_their_rhythm_meet_again() -> None:
    pool = two_services()
    pool.learn(0, UP)
    for virtual in "ab":
        work = pool.set((virtual, "r"), (tcp(virtual, timing=replace(TIMING, delay_loop=60 * S)),), 1).work
    assert work.stop == (0,)
    assert len(pool.at_work) == 1
    assert pool.users(tcp("a")) == 2


def test_the_probe_rests_while_all_its_checks_sleep() -> None:
    pool = two_services()
    assert pool.sleep(frozenset("a")).work.stop == ()
    assert pool.learn(0, UP) == Learned(UP, (tcp("b"),))
    assert pool.sleep(frozenset("ab")).work.stop == (0,)
    (update,) = pool.sleep(frozenset("a")).work.start
    assert update.result == UP


def test_a_sleeping_server_keeps_its_health_until_it_wakes() -> None:
    pool = two_services()
    pool.learn(0, UP)
    pool.judge(("a", "r"))
    pool.sleep(frozenset("a"))
    pool.learn(0, DOWN)
    assert pool.judge(("a", "r"))[1] == Health(True)
    edit = pool.sleep(frozenset())
    assert edit.servers == (("a", "r"),)
    assert pool.judge(("a", "r"))[1] == Health(False, 0, "tcp_check 192.0.2.1:80: connection refused")


def test_a_sleeping_server_that_is_new_learns_nothing_from_the_probe_it_shares() -> None:
    pool = Pool()
    pool.set(("b", "r"), (tcp("b"),), 1)
    pool.learn(0, UP)
    pool.sleep(frozenset("a"))
    pool.set(("a", "r"), (tcp("a"),), 1)
    assert pool.judge(("a", "r")) == (None, None)


def test_what_is_asked_for_is_counted_once() -> None:
    pool = two_services()
    assert pool.demand == 1 / 30 - 1 / 30 % 1e-6
    pool.set(("c", "r"), (tcp("c", timing=replace(TIMING, delay_loop=S // 4)),), 1)
    assert round(pool.demand, 3) == 4.033


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.sampled_from("abcd"), st.integers(80, 81), st.sampled_from([S, 2 * S])),
        st.tuples(st.just("remove"), st.sampled_from("abcd")),
        st.tuples(st.just("sleep"), st.frozensets(st.sampled_from("abcd"))),
    ),
    max_size=30,
)


@given(STEPS)
def test_workers_do_at_any_time_what_the_checks_that_are_awake_ask_once_each(steps: list[Any]) -> None:
    pool = Pool()
    running: dict[int, Probing] = {}
    checks: dict[str, Check] = {}
    asleep: frozenset[str] = frozenset()
    for step in steps:
        match step:
            case "set", virtual, port, delay:
                checks[virtual] = tcp(virtual, port, timing=replace(TIMING, delay_loop=delay))
                edit = pool.set((virtual, "r"), (checks[virtual],), 1)
            case "remove", virtual:
                checks.pop(virtual, None)
                edit = pool.remove((virtual, "r"))
            case _, asleep:
                edit = pool.sleep(asleep)
        for number in edit.work.stop:
            del running[number]
        running |= {update.probing.id: update.probing for update in edit.work.start}
        asked = sorted({(c.target, c.timing.delay_loop) for v, c in checks.items() if v not in asleep})
        assert sorted((str(p.what), p.timing.delay_loop) for p in running.values()) == asked
        assert {u.probing.id: u.probing for u in pool.at_work} == running
        assert pool.demand == sum(10**15 // p.timing.delay_loop for p in running.values()) / 10**6
