"""Which processes belong to which tracker, and when their number counts; each rule was seen in keepalived 2.2.7."""

from __future__ import annotations

import pytest

from services.vrrp.runner.census import Census, Seen, Sought, Tally

SECOND = 1_000_000_000
P = "/opt/bin/one"
ALL = [
    Seen(1, "one", (P, "1000", "1001")),
    Seen(2, "one", (P, "1000")),
    Seen(3, "averylongname12", ("/opt/bin/averylongname12345", "1000")),
    Seen(4, "script", ("/bin/sh", "/opt/bin/script", "argA")),
    Seen(5, "one", ("argzero", "1000")),
    Seen(6, "kthread", ()),
]


@pytest.mark.parametrize(
    ("sought", "count"),
    [
        (Sought(("one",)), 3),
        (Sought(("averylongname12345",)), 0),
        (Sought((P,)), 0),
        (Sought((P,), full_command=True), 2),
        (Sought(("one",), full_command=True), 0),
        (Sought(("argzero",), full_command=True), 1),
        (Sought((P, "1000")), 1),
        (Sought((P, "1000", "1001")), 1),
        (Sought(("one", "1000")), 0),
        (Sought((P, "1000"), "partial"), 2),
        (Sought((P, "10"), "partial"), 0),
        (Sought((P, "100"), "initial"), 2),
        (Sought((P, "1000", "10"), "initial"), 1),
        (Sought((P, "100", "1001"), "initial"), 0),
        (Sought((P, "1000", "1001", ""), "initial"), 0),
        (Sought((P[:-1],), "initial"), 0),
        (Sought((P,), "partial"), 2),
        (Sought((P,), "initial"), 2),
        (Sought(("script",)), 1),
        (Sought(("sh",)), 0),
        (Sought(("/bin/sh", "/opt/bin/script", "argA")), 1),
    ],
)
def test_a_process_is_found_by_its_name_or_by_its_command_line(sought: Sought, count: int) -> None:
    assert census(x=sought).tallies["x"].number == count


@pytest.mark.parametrize(
    ("quorum", "most", "up"),
    [(1, None, True), (3, None, True), (4, None, False), (1, 2, False), (1, 3, True), (2, 3, True), (1, 0, False)],
)
def test_quorum_and_quorum_max_bound_the_number(quorum: int, most: int | None, up: bool) -> None:
    assert census(x=Sought(("one",), quorum=quorum, quorum_max=most)).tallies["x"] == Tally(up, 3)


def test_a_maximum_of_none_is_kept_by_none() -> None:
    assert census(x=Sought(("nobody",), quorum_max=0)).tallies["x"] == Tally(True, 0)


def census(*found: Seen, **sought: Sought) -> Census:
    made = Census()
    made.configure(sought, found or ALL)
    return made


def test_command_lines_are_read_only_where_they_are_asked_for() -> None:
    assert not census(x=Sought(("one",))).reads_commands
    assert census(x=Sought(("one",)), y=Sought(("one", "-f"))).reads_commands


def test_a_child_counts_as_its_parent_until_it_executes_something_else() -> None:
    made = census(Seen(1, "one"), x=Sought(("one",), quorum=2))
    made.born(1, 2, 0)
    assert made.tallies["x"] == Tally(True, 2)
    made.born(7, 8, 0)
    made.became(Seen(2, "other"), 0)
    assert made.tallies["x"] == Tally(False, 1)


def test_a_birth_counts_after_fork_delay_and_an_end_after_terminate_delay() -> None:
    made = census(Seen(1, "one"), x=Sought(("one",), quorum=2, fork_delay=2, terminate_delay=3))
    made.born(1, 2, 10)
    assert (made.tallies["x"], made.deadline()) == (Tally(False, 2, 12), 12)
    made.born(1, 3, 11)
    assert made.deadline() == 12
    made.passed(11)
    assert not made.tallies["x"].up
    made.passed(12)
    assert (made.tallies["x"], made.deadline()) == (Tally(True, 3), None)
    made.ended(2, 20)
    made.ended(3, 21)
    made.passed(23)
    assert made.tallies["x"].up
    made.passed(24)
    assert made.tallies["x"] == Tally(False, 1)


def test_what_comes_back_within_the_delay_never_was_away() -> None:
    made = census(Seen(1, "one"), x=Sought(("one",), terminate_delay=5))
    made.ended(1, 0)
    made.became(Seen(2, "one"), 1)
    assert made.tallies["x"] == Tally(True, 1)
    made.passed(5)
    assert made.tallies["x"].up


def test_who_executes_or_renames_itself_counts_at_once() -> None:
    made = census(Seen(9, "nobody"), x=Sought(("one",), fork_delay=9, terminate_delay=9))
    made.became(Seen(1, "one"), 0)
    assert made.tallies["x"] == Tally(True, 1)
    made.renamed(1, "two", 0)
    assert made.tallies["x"] == Tally(False, 0)
    made.renamed(1, "one", 0)
    assert made.tallies["x"] == Tally(True, 1)
    made.renamed(1, "one", 0)
    assert made.tallies["x"] == Tally(True, 1)


def test_another_name_does_not_change_a_command_line() -> None:
    made = census(Seen(1, "one", (P, "x")), x=Sought((P, "x")), y=Sought(("two",)))
    made.renamed(1, "two", 0)
    assert made.tallies == {"x": Tally(True, 1), "y": Tally(True, 1)}


def test_who_reaches_a_maximum_by_a_birth_is_given_fork_delay_too() -> None:
    made = census(Seen(1, "one"), x=Sought(("one",), quorum_max=1, fork_delay=2, terminate_delay=1))
    made.born(1, 2, 0)
    made.passed(1)
    assert made.tallies["x"].up
    made.passed(2)
    assert not made.tallies["x"].up
    made.ended(2, 3)
    made.passed(4)
    assert made.tallies["x"].up


def test_a_look_around_finds_what_was_missed_with_the_same_delays() -> None:
    made = census(Seen(1, "one"), x=Sought(("one",), terminate_delay=2), y=Sought(("two",), fork_delay=1))
    made.looked([Seen(2, "two")], 0)
    assert made.tallies == {"x": Tally(True, 0, 2), "y": Tally(False, 1, 1)}
    made.passed(2)
    assert made.tallies == {"x": Tally(False, 0), "y": Tally(True, 1)}


def test_while_one_delay_goes_on_another_that_is_over_counts() -> None:
    made = census(Seen(1, "one"), x=Sought(("one",), terminate_delay=2), y=Sought(("one",), terminate_delay=5))
    made.ended(1, 0)
    made.passed(2)
    assert made.tallies == {"x": Tally(False, 0), "y": Tally(True, 0, 5)}


def test_an_end_of_somebody_else_is_nobody_s_business() -> None:
    made = census(Seen(1, "one"), x=Sought(("one",)))
    made.ended(5, 0)
    assert made.tallies["x"] == Tally(True, 1)
