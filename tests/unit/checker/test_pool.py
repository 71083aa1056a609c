"""What checks say of their servers, and what a configuration change touches."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.checker.kinds.http import Http, Url
from services.checker.kinds.misc import Misc
from services.checker.kinds.target import Target
from services.checker.kinds.tcp import Tcp
from services.checker.pool import Edit, Health, Learned, Memory, Pool, decide
from services.checker.probing import Probing, Result, Update, fingerprint
from services.checker.schedule import Timing
from services.checker.settings import Check
from services.checker.sharing import Work
from services.checker.streak import Phase, Streak

S = 1_000_000_000
TIMING = Timing(30 * S, 3 * S, 1, S, 0)
NAME = ("v", "r")


def tcp(port: int = 80, name: str = "tcp_check[0]", **more: object) -> Check:
    return Check("v", "r", name, Tcp(Target("192.0.2.1", port)), TIMING, **more)  # type: ignore[arg-type]


def started(check: Check, result: Result, number: int = 0) -> Work:
    """The workers begin a probing for this check."""
    return Work(start=(Update(Probing(number, check.kind, check.what, check.timing), result),))


UP, DOWN = Result(Streak(Phase.UP)), Result(Streak(Phase.DOWN, 2), "connection refused")
NEW = Result(Streak.first(True))


def test_a_server_without_checks_is_up() -> None:
    assert decide([], 1, None) == Health(True)


def test_a_server_is_down_while_one_of_its_checks_is() -> None:
    health = decide([(tcp(), UP), (tcp(81, "tcp_check[1]"), DOWN)], 1, Health(True))
    assert health == Health(False, 0, "tcp_check 192.0.2.1:81: connection refused")


@pytest.mark.parametrize("before", [None, Health(True), Health(False, 0, "x")])
def test_a_check_without_results_leaves_its_server_what_it_was(before: Health | None) -> None:
    assert decide([(tcp(), UP), (tcp(81, "tcp_check[1]"), NEW)], 1, before) == before


def test_a_check_without_results_does_not_hide_one_that_is_down() -> None:
    health = decide([(tcp(), NEW), (tcp(81, "tcp_check[1]"), DOWN)], 1, Health(True))
    assert health is not None
    assert not health.up


def test_waiting_and_recovering_checks_say_so() -> None:
    waiting = decide([(tcp(), Result(Streak.first(False)))], 1, None)
    recovering = decide([(tcp(), Result(Streak(Phase.RECOVERING)))], 1, None)
    assert waiting == Health(False, 0, "tcp_check 192.0.2.1:80: waits for its first success")
    assert recovering == Health(False, 0, "tcp_check 192.0.2.1:80: recovers")


def test_dynamic_weights_of_several_programs_add_up() -> None:
    first, second = (Check("v", "r", f"misc_check[{i}]", Misc(("/bin/x",), S, True), TIMING) for i in range(2))
    results = [(first, replace(UP, weight=10)), (second, replace(UP, weight=1)), (tcp(), UP)]
    assert decide(results, 3, None) == Health(True, 7 - 2)


def test_health_is_the_same_where_only_the_cause_differs() -> None:
    assert Health(False, 0, "a").same(Health(False, 0, "b"))
    assert not Health(True, 1).same(Health(True, 2))
    assert not Health(True).same(None)


def test_a_new_server_starts_all_its_checks_as_new() -> None:
    pool = Pool()
    assert pool.set(NAME, (tcp(),), 1) == Edit(started(tcp(), NEW), shown=(tcp(),), servers=(NAME,))
    assert pool.judge(NAME) == (None, None)
    assert pool.health() == {}
    assert pool.health_of(NAME) is None
    assert pool.names() == (NAME,)


def test_with_alpha_a_new_server_is_down() -> None:
    pool = Pool()
    pool.set(NAME, (tcp(alpha=True),), 1)
    before, now = pool.judge(NAME)
    assert before is None
    assert now is not None
    assert not now.up
    assert pool.health() == {NAME: now}


def test_results_change_health() -> None:
    pool = Pool()
    pool.set(NAME, (tcp(),), 1)
    assert pool.learn(0, UP) == Learned(UP, (tcp(),))
    assert pool.judge(NAME) == (None, Health(True))
    pool.learn(0, DOWN)
    assert pool.judge(NAME) == (Health(True), Health(False, 0, "tcp_check 192.0.2.1:80: connection refused"))
    assert pool.checks() == ((tcp(), DOWN),)
    assert pool.health_of(NAME) == pool.health()[NAME]


def test_results_of_a_probing_that_is_gone_are_ignored() -> None:
    pool = Pool()
    pool.set(NAME, (tcp(),), 1)
    pool.remove(NAME)
    assert pool.learn(0, DOWN) is None


def test_a_result_that_changes_nothing_concerns_no_check() -> None:
    pool = Pool()
    pool.set(NAME, (tcp(),), 1)
    pool.learn(0, UP)
    assert pool.learn(0, replace(UP, ended=5)) == Learned(replace(UP, ended=5))
    assert pool.checks() == ((tcp(), replace(UP, ended=5)),)


def test_the_same_configuration_again_changes_nothing() -> None:
    pool = Pool()
    pool.set(NAME, (tcp(),), 1)
    assert pool.set(NAME, (tcp(),), 1) == Edit(servers=(NAME,))


def test_new_timing_keeps_the_state_of_a_check() -> None:
    pool = Pool()
    pool.set(NAME, (tcp(),), 1)
    pool.learn(0, DOWN)
    slower = replace(tcp(), timing=replace(TIMING, delay_loop=60 * S))
    assert pool.set(NAME, (slower,), 1) == Edit(started(slower, DOWN), shown=(slower,), servers=(NAME,))


@pytest.mark.parametrize(("state", "phase"), [(UP, Phase.UP), (DOWN, Phase.RECOVERING)])
def test_a_check_that_asks_something_else_starts_anew_from_its_servers_health(state: Result, phase: Phase) -> None:
    pool = Pool()
    pool.set(NAME, (tcp(alpha=True),), 1)
    pool.learn(0, state)
    pool.judge(NAME)
    (update,) = pool.set(NAME, (tcp(8080, alpha=True),), 1).work.start
    assert update.result == Result(Streak(phase, fresh=True))


def test_a_check_that_is_gone_is_stopped_and_forgotten() -> None:
    pool = Pool()
    pool.set(NAME, (tcp(), tcp(81, "tcp_check[1]")), 1)
    pool.learn(0, UP)
    pool.learn(1, DOWN)
    pool.judge(NAME)
    assert pool.set(NAME, (tcp(),), 1) == Edit(Work(stop=(1,)), hidden=("v/r/tcp_check[1]",), servers=(NAME,))
    assert pool.judge(NAME)[1] == Health(True)


def test_a_removed_server_stops_its_checks() -> None:
    pool = Pool()
    pool.set(NAME, (tcp(),), 1)
    assert pool.remove(NAME) == Edit(Work(stop=(0,)), hidden=("v/r/tcp_check[0]",), gone=(NAME,))
    assert pool.remove(NAME) == Edit()
    assert pool.checks() == ()


def test_a_server_goes_on_from_what_is_remembered() -> None:
    first = Pool()
    first.set(NAME, (tcp(),), 1)
    first.learn(0, DOWN)
    first.judge(NAME)
    memory = first.memory()
    assert memory == {NAME: Memory(first.health()[NAME], {"tcp_check[0]": (fingerprint(tcp().what), DOWN)})}
    second = Pool(memory)
    assert second.set(NAME, (tcp(),), 1).work == started(tcp(), DOWN)
    assert second.judge(NAME) == (first.health()[NAME], first.health()[NAME])


def test_what_is_remembered_of_another_target_gives_only_the_health() -> None:
    memory = {NAME: Memory(Health(True), {"tcp_check[0]": (fingerprint(tcp(9).what), DOWN)})}
    pool = Pool(memory)
    (update,) = pool.set(NAME, (tcp(alpha=True),), 1).work.start
    assert update.result == NEW
    assert pool.judge(NAME) == (Health(True), Health(True))


def test_states_of_urls_that_are_gone_start_over() -> None:
    urls = tuple(Url(f"/{i}", "h") for i in range(3))
    check = Check("v", "r", "http_get[0]", Http(Target("192.0.2.1", 80), urls), TIMING)
    pool = Pool()
    pool.set(NAME, (check,), 1)
    pool.learn(0, Result(Streak(Phase.DOWN, 1, 7)))
    assert pool.checks()[0][1].streak.url == 0


def test_results_are_alike_where_only_times_differ() -> None:
    assert UP.alike(replace(UP, ended=5, duration=7))
    assert not UP.alike(replace(UP, weight=1))
    assert not DOWN.alike(replace(DOWN, cause="timed out"))
    assert not UP.alike(DOWN)
