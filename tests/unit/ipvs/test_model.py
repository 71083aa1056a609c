"""Sums over the services of a group, and names of scheduler flags."""

from __future__ import annotations

import pytest

from services.ipvs.model import Counters, Load, total, total_load
from tests.unit.ipvs.words import service

ONE = Counters(1, 2, 3, 4, 5, 6, 7, 8, 9, 2**63)
TWO = Counters(2, 4, 6, 8, 10, 12, 14, 16, 18, 2**64)


def test_counters_add_up_beyond_64_bits() -> None:
    assert total([ONE, ONE]) == TWO
    assert total([ONE]) is ONE


def test_loads_add_up_with_their_counters() -> None:
    load = Load(1, 2, 3, ONE)
    assert total_load([load, load]) == Load(2, 4, 6, TWO)
    assert total_load([load]) is load


@pytest.mark.parametrize(
    ("scheduler", "bits", "words"),
    [("sh", 1, ("sh-fallback",)), ("mh", 6, ("mh-port", "flag-3")), ("rr", 7, ("flag-1", "flag-2", "flag-3")), ("rr", 0, ())],
)
def test_flags_have_the_schedulers_words(scheduler: str, bits: int, words: tuple[str, ...]) -> None:
    assert service(scheduler=scheduler, scheduler_flags=bits).flag_words == words
