"""Deliveries are in order for each subscriber, at once for different ones, tried again, and given up in the end."""

from __future__ import annotations

import random

import pytest

from services.notify.order import Action, Arrived, Finished, Order, Outcome, Settle, Start, Tick
from services.notify.render import Command, Delivery
from services.notify.retry import POLICIES, SCRIPT, SECOND, SMTP, Policy

OK = Outcome(True)
BAD = Outcome(False, "exits with status 1", status=1)
LIMITS = {"script": 2, "smtp": 1}


def to(*subscribers: str) -> tuple[Delivery, ...]:
    return tuple(Delivery(s, "notify", Command(("/n",))) for s in subscribers)


def started(actions: tuple[Action, ...]) -> list[tuple[str, int, int]]:
    return [(a.delivery.subscriber, a.sequence, a.attempt) for a in actions if isinstance(a, Start)]


def settled(actions: tuple[Action, ...]) -> list[tuple[str, int, bool, int]]:
    return [(a.delivery.subscriber, a.sequence, a.delivered, a.attempts) for a in actions if isinstance(a, Settle)]


@pytest.fixture
def order() -> Order:
    return Order(POLICIES, LIMITS)


def test_one_subscriber_is_told_one_thing_after_the_other(order: Order) -> None:
    assert started(order.step(Arrived(1, to("script:a")), 0)) == [("script:a", 1, 1)]
    assert order.busy
    assert order.step(Arrived(2, to("script:a")), 0) == ()
    actions = order.step(Finished("script:a", OK), 1)
    assert settled(actions) == [("script:a", 1, True, 1)]
    assert started(actions) == [("script:a", 2, 1)]


def test_different_subscribers_do_not_wait_for_each_other(order: Order) -> None:
    assert started(order.step(Arrived(1, to("script:a", "smtp")), 0)) == [("script:a", 1, 1), ("smtp", 1, 1)]
    assert started(order.step(Arrived(2, to("script:b")), 0)) == [("script:b", 2, 1)]


def test_two_things_for_one_subscriber_keep_their_order(order: Order) -> None:
    first, second = to("script:a", "script:a")
    assert started(order.step(Arrived(1, (first, second)), 0)) == [("script:a", 1, 1)]
    order.step(Finished("script:a", OK), 0)
    assert order.floor == 0
    order.step(Finished("script:a", OK), 0)
    assert order.floor == 1


def test_only_so_many_run_at_once_and_whoever_waited_longest_is_next(order: Order) -> None:
    order.step(Arrived(1, to("script:a", "script:b", "script:c", "script:d")), 0)
    assert started(order.step(Finished("script:b", OK), 1)) == [("script:c", 1, 1)]
    assert started(order.step(Finished("script:a", OK), 1)) == [("script:d", 1, 1)]


def test_a_failure_is_tried_again_after_a_growing_pause_and_others_wait_behind_it(order: Order) -> None:
    order.step(Arrived(1, to("script:a")), 0)
    order.step(Arrived(2, to("script:a")), 0)
    assert order.step(Finished("script:a", BAD), 10) == ()
    assert order.deadline() == 10 + SECOND
    assert order.step(Tick(), 9 + SECOND) == ()
    assert started(order.step(Tick(), 10 + SECOND)) == [("script:a", 1, 2)]
    order.step(Finished("script:a", BAD), 20 + SECOND)
    assert order.deadline() == 20 + 3 * SECOND
    view = order.view()["script:a"]
    assert (view.backlog, view.failures, view.last_error, view.retry_at) == (2, 2, BAD.error, 20 + 3 * SECOND)


def test_after_its_last_attempt_it_is_given_up_and_the_next_thing_goes_on(order: Order) -> None:
    order.step(Arrived(1, to("script:a")), 0)
    order.step(Arrived(2, to("script:a")), 0)
    for _ in range(SCRIPT.attempts - 1):
        order.step(Finished("script:a", BAD), 0)
        order.step(Tick(), 100 * SECOND)
    actions = order.step(Finished("script:a", BAD), 100 * SECOND)
    assert settled(actions) == [("script:a", 1, False, SCRIPT.attempts)]
    assert started(actions) == [("script:a", 2, 1)]
    view = order.view()["script:a"]
    assert (view.cursor, view.given_up, view.last_error, order.floor) == (1, 1, BAD.error, 1)


def test_what_cannot_succeed_is_given_up_at_once(order: Order) -> None:
    order.step(Arrived(1, to("smtp")), 0)
    actions = order.step(Finished("smtp", Outcome(False, "550 no such user", permanent=True)), 0)
    assert settled(actions) == [("smtp", 1, False, 1)]
    assert order.deadline() is None


def test_success_clears_the_last_error(order: Order) -> None:
    order.step(Arrived(1, to("smtp")), 0)
    order.step(Finished("smtp", BAD), 0)
    order.step(Tick(), SECOND)
    assert settled(order.step(Finished("smtp", OK), SECOND)) == [("smtp", 1, True, 2)]
    view = order.view()["smtp"]
    assert (view.delivered, view.last_error, view.backlog, view.failures) == (1, "", 0, 0)


def test_an_event_that_nobody_wants_is_settled_at_once(order: Order) -> None:
    order.step(Arrived(4, ()), 0)
    assert order.floor == 4


def test_the_floor_waits_for_the_slowest(order: Order) -> None:
    order.step(Arrived(1, to("smtp")), 0)
    order.step(Arrived(2, to("script:a")), 0)
    order.step(Finished("script:a", OK), 0)
    assert order.floor == 0
    order.step(Finished("smtp", OK), 0)
    assert order.floor == 2


def test_a_restart_begins_at_the_floor_of_its_predecessor() -> None:
    assert Order(POLICIES, LIMITS, floor=7).floor == 7


def test_beyond_the_bound_the_oldest_that_does_not_run_is_given_up() -> None:
    order = Order(POLICIES, LIMITS, backlog=2)
    order.step(Arrived(1, to("script:a")), 0)
    order.step(Arrived(2, to("script:a")), 0)
    actions = order.step(Arrived(3, to("script:a")), 0)
    assert settled(actions) == [("script:a", 2, False, 0)]
    assert order.view()["script:a"].backlog == 2


def test_beyond_the_bound_a_pause_ends_with_the_delivery_it_was_for() -> None:
    order = Order(POLICIES, LIMITS, backlog=1)
    order.step(Arrived(1, to("script:a")), 0)
    order.step(Finished("script:a", BAD), 0)
    actions = order.step(Arrived(2, to("script:a")), 5)
    assert settled(actions) == [("script:a", 1, False, 1)]
    assert started(actions) == [("script:a", 2, 1)]
    assert order.deadline() is None


def test_beyond_the_bound_one_that_waits_for_its_turn_keeps_it() -> None:
    order = Order(POLICIES, {"script": 0, "smtp": 1}, backlog=1)
    order.step(Arrived(1, to("script:a")), 0)
    assert settled(order.step(Arrived(2, to("script:a")), 0)) == [("script:a", 1, False, 0)]
    assert order.view()["script:a"].backlog == 1


@pytest.mark.parametrize("seed", range(20))
def test_whatever_fails_each_subscriber_hears_everything_in_order(seed: int) -> None:
    chance, order, now = random.Random(seed), Order(POLICIES, LIMITS), 0
    names = ["script:a", "script:b", "script:c", "smtp"]
    heard: dict[str, list[int]] = {name: [] for name in names}
    wanted: dict[str, list[int]] = {name: [] for name in names}
    running: list[str] = []

    def take(actions: tuple[Action, ...]) -> None:
        for action in actions:
            match action:
                case Start():
                    running.append(action.delivery.subscriber)
                    assert running.count(action.delivery.subscriber) == 1
                case Settle():
                    heard[action.delivery.subscriber].append(action.sequence)

    for sequence in range(1, 60):
        whom = [name for name in names if chance.random() < 0.5]
        for name in whom:
            wanted[name].append(sequence)
        take(order.step(Arrived(sequence, to(*whom)), now))
        if running and chance.random() < 0.7:
            name = running.pop(chance.randrange(len(running)))
            take(order.step(Finished(name, OK if chance.random() < 0.6 else BAD), now))
        now += chance.randrange(SECOND)
    while running or order.deadline() is not None:
        if running:
            take(order.step(Finished(running.pop(), OK), now))
        else:
            now = order.deadline() or now
            take(order.step(Tick(), now))
    assert heard == wanted
    assert order.floor == 59
    assert not order.busy


def test_pauses_double_up_to_the_longest() -> None:
    policy = Policy(first=1, longest=10, patience=1000)
    assert [policy.pause(n, 0) for n in (1, 2, 3, 4, 5, 99)] == [1, 2, 4, 8, 10, 10]


def test_patience_and_attempts_end_it() -> None:
    assert Policy(first=1, longest=10, patience=100, attempts=3).pause(3, 0) is None
    assert Policy(first=5, longest=10, patience=100).pause(1, 95) == 5
    assert Policy(first=5, longest=10, patience=100).pause(1, 96) is None


def test_a_mail_server_may_be_away_for_a_day() -> None:
    assert SMTP.pause(1000, 86_000 * SECOND) == 60 * SECOND
    assert SMTP.pause(1000, 86_400 * SECOND) is None
