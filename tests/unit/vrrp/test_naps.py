"""For how long the engine naps while adverts come, at every rate at which they can."""

from __future__ import annotations

import pytest

from services.vrrp.engine.naps import BUNCH, LONGEST, MANY, SHORTEST, Pace

SECOND = 1_000_000_000


def nap_at(rate: int) -> int:
    """After half a second of so many packets a second, one by one, each heard at once."""
    pace = Pace()
    nap = 0
    for k in range(rate // 2 + 1):
        pace.heard(1)
        nap = pace.nap(10 * SECOND + k * SECOND // rate)
    return nap


@pytest.mark.parametrize("rate", [1, 5, 14])
def test_where_little_comes_each_packet_is_heard_at_once(rate: int) -> None:
    assert nap_at(rate) == 0


@pytest.mark.parametrize("rate", [16, 50, 500, 1_200])
def test_where_more_comes_a_nap_has_at_least_some_packets(rate: int) -> None:
    assert nap_at(rate) == LONGEST
    assert LONGEST * rate >= MANY * SECOND


@pytest.mark.parametrize("rate", [2_000, 5_000, 10_000, 30_000])
def test_where_much_comes_a_nap_has_a_bunch(rate: int) -> None:
    assert SHORTEST <= nap_at(rate) < LONGEST
    assert nap_at(rate) * rate / SECOND == pytest.approx(BUNCH, rel=0.1)


def test_where_very_much_comes_there_is_no_nap() -> None:
    assert nap_at(200_000) == 0


def test_after_a_nap_in_which_nothing_came_the_next_packet_is_heard_at_once() -> None:
    pace = Pace()
    for k in range(100):
        pace.heard(10)
        nap = pace.nap(10 * SECOND + k * LONGEST)
    assert nap == LONGEST
    assert pace.nap(20 * SECOND) == 0
    pace.heard(10)
    assert pace.nap(20 * SECOND + LONGEST) == LONGEST


def test_where_most_of_what_comes_rings_there_is_no_nap_for_a_while() -> None:
    pace = Pace()
    naps = []
    for k in range(1_000):
        pace.heard(1)
        naps.append(pace.nap(10 * SECOND + k * LONGEST // 50))
        if naps[-1]:
            pace.rang()
    assert 0 < len([nap for nap in naps if nap]) < 100


def test_a_ring_among_very_many_packets_does_not_matter() -> None:
    pace = Pace()
    for k in range(100):
        pace.heard(100)
        pace.rang()
        nap = pace.nap(10 * SECOND + k * LONGEST)
    assert nap == LONGEST


def test_it_forgets_what_came_before() -> None:
    pace = Pace()
    for k in range(100):
        pace.heard(10)
        pace.nap(10 * SECOND + k * LONGEST)
    pace.heard(1)
    assert pace.nap(40 * SECOND) == 0
