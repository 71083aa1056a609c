"""A pool keeps sums; whatever happens to it, its table is what the policy says of its servers as they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.ipvs.policy import Health, Hold, Quorum, Standing, State, Tally, decide, weight_of
from services.ipvs.settings import RealServer, VirtualServer
from services.ipvs.weights import Pool
from tests.unit.ipvs.words import place, real, server, virtual

SECOND = 10**9
SORRY = {"address": "10.0.9.9", "port": 80}
DOWN, UP = Health(False, known=True), Health(True, known=True)
NAMES = ("s2", "s3", "s4", "s5")


def table(pool: Pool) -> dict[str, int]:
    """Weights by name; the sorry server's under its own."""
    return {pool.name_at(p) or "sorry": d.weight for p, d in pool.destinations.items()}


def settled(settings: VirtualServer, *reals: RealServer, now: int = 0) -> Pool:
    made = Pool(settings)
    for one in reals:
        made.put(one, now=now)
    made.settle(now)
    return made


# --- slow start ---


def slow() -> Pool:
    return settled(virtual(slow_start=20 * SECOND), real("s2", weight=100), real("s3", weight=100))


def test_the_servers_of_a_new_service_have_their_weights_at_once() -> None:
    assert (table(slow()), slow().deadline(0)) == ({"s2": 100, "s3": 100}, None)


def test_a_server_that_comes_up_rises_and_says_when_it_rises_next() -> None:
    pool = slow()
    pool.report("s2", DOWN)
    pool.settle(SECOND)
    pool.report("s2", UP, 5 * SECOND)
    assert pool.settle(5 * SECOND).places == (place("10.0.1.2"),)
    assert (table(pool), pool.starts) == ({"s2": 10, "s3": 100}, {"s2": 5 * SECOND})
    assert pool.deadline(5 * SECOND) == 6 * SECOND
    pool.settle(15 * SECOND)
    assert table(pool) == {"s2": 55, "s3": 100}
    assert pool.settle(25 * SECOND).places == (place("10.0.1.2"),)
    assert (table(pool), pool.deadline(25 * SECOND), pool.settle(26 * SECOND).places) == ({"s2": 100, "s3": 100}, None, ())


def test_a_server_that_joins_a_service_that_runs_rises() -> None:
    pool = slow()
    pool.put(real("s4", weight=50), now=SECOND)
    pool.settle(SECOND)
    assert table(pool) == {"s2": 100, "s3": 100, "s4": 5}


def test_a_server_that_is_back_from_a_drain_rises() -> None:
    pool = slow()
    pool.hold("s2", Hold.OUT)
    pool.settle(SECOND)
    assert table(pool) == {"s3": 100}
    pool.hold("s2", None, 2 * SECOND)
    pool.settle(2 * SECOND)
    assert table(pool) == {"s2": 10, "s3": 100}


def test_a_server_that_fails_while_it_rises_begins_again() -> None:
    pool = slow()
    for up, now in ((False, 1), (True, 2), (False, 12), (True, 13)):
        pool.report("s2", UP if up else DOWN, now * SECOND)
        pool.settle(now * SECOND)
    assert table(pool)["s2"] == 10


def test_a_server_that_is_edited_or_deleted_while_it_rises() -> None:
    pool = slow()
    pool.report("s2", DOWN)
    pool.report("s2", UP, 0)
    pool.put(real("s2", weight=200), now=SECOND)
    pool.settle(10 * SECOND)
    assert table(pool) == {"s2": 110, "s3": 100}
    pool.drop("s2")
    pool.settle(11 * SECOND)
    assert (table(pool), pool.deadline(11 * SECOND), pool.starts) == ({"s3": 100}, None, {})


def test_without_slow_start_any_more_it_is_over() -> None:
    pool = slow()
    pool.report("s2", DOWN)
    pool.report("s2", UP, 0)
    pool.configure(virtual())
    pool.settle(-SECOND)  # and the clock was set back
    assert (table(pool), pool.deadline(-SECOND)) == ({"s2": 100, "s3": 100}, None)


def test_after_a_restart_it_goes_on_where_it_was_and_its_weight_is_not_taken_for_the_checkers() -> None:
    pool = Pool(virtual(slow_start=20 * SECOND))
    pool.put(real("s2", weight=100), server("10.0.1.2", 37), since=0)
    pool.settle(10 * SECOND)
    assert table(pool) == {"s2": 55}


# --- holds and presumptions ---


def test_a_hold_that_was_there_before_its_server_counts() -> None:
    pool = Pool(virtual())
    pool.hold("s2", Hold.OUT)
    pool.put(real("s2"))
    pool.settle()
    assert table(pool) == {}
    pool.hold("s2", None)
    pool.settle()
    assert table(pool) == {"s2": 1}


def test_a_server_that_is_found_drained_is_not_taken_for_one_that_is_down() -> None:
    pool = Pool(virtual(inhibit_on_failure=True))
    pool.hold("s2", Hold.DRAINING)
    pool.put(real("s2", weight=5), server("10.0.1.2", 0))
    pool.put(real("s3", weight=5), server("10.0.1.3", 0))
    pool.hold("s2", None)
    pool.settle()
    assert table(pool) == {"s2": 5, "s3": 0}


def test_a_group_that_is_found_waiting_is_not_taken_for_one_that_is_down() -> None:
    pool = Pool(virtual())
    pool.put(real("s2", weight=5, priority_group=1), server("10.0.1.2", 5))
    pool.put(real("s3", weight=5, priority_group=2), server("10.0.1.3", 0))
    pool.put(real("s4", weight=5, priority_group=2), server("10.0.1.4", 0), was_down=True)
    pool.settle()
    assert table(pool) == {"s2": 5, "s3": 0}
    pool.report("s2", DOWN)
    pool.settle()
    assert table(pool) == {"s3": 5}


def test_what_is_left_keeps_weight_zero_until_it_is_let_go_or_its_place_is_taken() -> None:
    pool = settled(virtual(), real("s2"), real("s3"))
    pool.drop("s2")
    pool.leave(server("10.0.1.2", 5))
    pool.leave(server("10.0.1.3", 5))  # somebody's place is no leaver's
    pool.settle()
    assert {str(p): d.weight for p, d in pool.destinations.items()} == {"10.0.1.2:80": 0, "10.0.1.3:80": 1}
    pool.put(real("s9", "10.0.1.2"))
    pool.settle()
    assert (table(pool), pool.leaving) == ({"s9": 1, "s3": 1}, {})
    pool.let_go(place("10.0.1.2"))
    assert pool.settle().places == ()


def test_what_is_left_stays_when_the_whole_service_changes() -> None:
    pool = settled(virtual(sorry_server=SORRY), real("s2"), real("s3"))
    pool.drop("s2")
    pool.leave(server("10.0.1.2", 5))
    pool.report("s3", DOWN)
    pool.settle()
    assert sorted((str(p), d.weight) for p, d in pool.destinations.items()) == [("10.0.1.2:80", 0), ("10.0.9.9:80", 1)]


def test_what_a_drain_would_do_to_the_quorum_is_told_without_doing_it() -> None:
    pool = settled(virtual(quorum=2), real("s2"), real("s3"))
    assert pool.quorum_without("s2") == Quorum(True, 1, 1, 0)
    pool.hold("s2", Hold.DRAINING)
    assert pool.quorum_without("s2") == Quorum(True, 1, 1, 0)
    assert pool.quorum_without("s3") == Quorum(False, 0, 1, 0)
    assert pool.quorum == Quorum(True, 1, 1, 0)


def test_a_panic_is_news_when_it_begins_and_when_it_ends() -> None:
    pool = settled(virtual(panic_threshold=60), real("s2"), real("s3"))
    pool.report("s2", DOWN)
    begun = pool.settle()
    assert (begun.panic_changed, begun.flipped, table(pool)) == (True, None, {"s2": 1, "s3": 1})
    assert not pool.settle().panic_changed
    pool.report("s2", UP)
    ended = pool.settle()
    assert (ended.panic_changed, pool.standing) == (True, Standing(True))


# --- whatever happens ---


@dataclass
class Model:
    """What a pool was told, kept as plainly as possible."""

    rules: VirtualServer
    reals: dict[str, RealServer] = field(default_factory=dict)
    health: dict[str, Health] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    since: dict[str, int] = field(default_factory=dict)
    standing: Standing = field(default_factory=lambda: Standing(False))

    def states(self) -> dict[str, State]:
        return {
            name: State(
                one.weight if one.weight is not None else self.rules.weight,
                self.health.get(name, Health(True)),
                self.rules.inhibit_on_failure,
                one.priority_group,
                self.holds.get(name),
                self.since.get(name),
            )
            for name, one in self.reals.items()
        }

    def settle(self, now: int) -> dict[str, int]:
        """The table that the policy wants."""
        self.since = {n: s for n, s in self.since.items() if n in self.reals and now - s < self.rules.slow_start}
        tallies: dict[int, Tally] = {}
        for state in self.states().values():
            if state.hold is None:
                tallies.setdefault(state.group, Tally()).count(state, 1)
        self.standing, _ = decide(self.rules, tallies, self.standing)
        sorry = self.rules.sorry is not None and not self.standing.up
        found = {n: weight_of(s, self.rules, self.standing, sorry, now) for n, s in self.states().items()}
        return {n: w for n, w in found.items() if w is not None} | ({"sorry": 1} if sorry else {})


RULES = st.fixed_dictionaries(
    {"quorum": st.integers(1, 9), "hysteresis": st.integers(0, 3), "panic_threshold": st.sampled_from([0, 50, 80])},
    optional={"slow_start": st.just(20 * SECOND), "sorry_server": st.just(SORRY), "inhibit_on_failure": st.just(True)},
)
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from(NAMES), st.tuples(st.integers(0, 30), st.integers(0, 2))),
        st.tuples(st.just("drop"), st.sampled_from(NAMES), st.none()),
        st.tuples(st.just("report"), st.sampled_from(NAMES), st.booleans()),
        st.tuples(st.just("hold"), st.sampled_from(NAMES), st.sampled_from([None, *Hold])),
        st.tuples(st.just("wait"), st.just(""), st.integers(1, 25)),
        st.tuples(st.just("configure"), st.just(""), RULES),
    ),
    max_size=25,
)


def happen(pool: Pool, model: Model, event: str, name: str, what: Any, now: int) -> None:
    """Tell both."""
    slow_start = model.rules.slow_start
    was_up = model.health.get(name, Health(True)).up
    match event:
        case "put":
            one = real(name, weight=what[0], priority_group=what[1])
            pool.put(one, now=now)
            if name not in model.reals and slow_start:
                model.since[name] = now
            model.reals[name] = one
        case "drop":
            pool.drop(name)
            model.reals.pop(name, None)
            model.health.pop(name, None)
            model.since.pop(name, None)
        case "report" if name in model.reals:
            pool.report(name, Health(what, known=True), now)
            model.health[name] = Health(what, known=True)
            if not what:
                model.since.pop(name, None)
            elif not was_up and slow_start:
                model.since[name] = now
        case "hold":
            pool.hold(name, what, now)
            if what is None and model.holds.pop(name, None) and name in model.reals and was_up and slow_start:
                model.since[name] = now
            elif what is not None:
                model.holds[name] = what
        case "configure":
            model.rules = virtual(**what)
            pool.configure(model.rules)


@given(RULES, EVENTS)
def test_the_table_is_what_the_policy_says(rules: dict[str, Any], events: list[tuple[str, str, Any]]) -> None:
    model = Model(virtual(**rules))
    pool = Pool(model.rules)
    now = 0
    assert pool.settle(now).flipped is None
    assert table(pool) == model.settle(now)
    for event, name, what in events:
        now += what * SECOND if event == "wait" else 0
        happen(pool, model, event, name, what, now)
        before = pool.standing
        flipped = pool.settle(now).flipped
        assert table(pool) == model.settle(now)
        assert pool.standing == model.standing
        assert (flipped is not None) == (before.up != pool.standing.up)
