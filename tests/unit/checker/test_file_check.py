"""FILE_CHECK: what the number in a file means, as keepalived 2.2.7 was seen to take it."""

from __future__ import annotations

from typing import Any

import pytest

from services.checker.kinds.file import LIMIT, File, verdict
from services.checker.pool import Pool
from services.checker.probing import Result
from services.checker.servers import TrackFile
from services.checker.settings import decode_track_file
from services.checker.streak import Phase, Streak
from services.common.errors import InvalidValue
from tests.unit.checker.values import S, checks, one

FILES = {"load": TrackFile("/run/load", 2, True), "plain": TrackFile("/run/plain")}


def file(name: str, **fields: Any) -> File:
    what = one({"file_check": [{"track_file": name, **fields}]}, files=FILES).what
    assert isinstance(what, File)
    return what


def test_weight_and_reverse_are_the_files_unless_the_check_says() -> None:
    assert file("load") == File("/run/load", 2, True)
    assert file("load", weight=-3, reverse=False) == File("/run/load", -3, False)
    assert file("plain", weight=0) == File("/run/plain", 0)
    assert str(file("plain")) == "/run/plain"
    assert one({"file_check": [{"track_file": "plain"}]}, files=FILES).timing.retry == 0


def test_a_file_that_is_not_configured_is_named() -> None:
    with pytest.raises(InvalidValue, match=r"file_check\[0\]\.track_file: there is no track_file 'nix'"):
        file("nix")


@pytest.mark.parametrize("fields", [{}, {"track_file": ""}, {"track_file": "plain", "weight": -(2**31)}])
def test_a_check_without_a_file_or_with_too_large_a_weight_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue, match=r"file_check\[0\]"):
        checks({"file_check": [fields]}, files=FILES)


def test_what_is_wrong_with_a_file_is_for_vrrp_to_tell() -> None:
    assert decode_track_file("x", {"file": "relative", "weight": 9999}) == TrackFile("relative", 9999)


@pytest.mark.parametrize(
    ("weight", "reverse", "number", "said"),
    [
        (1, False, 5, ("", 5)),
        (3, False, 5, ("", 15)),
        (3, True, 5, ("", -15)),
        (2, False, -3, ("", -6)),
        (0, False, 0, ("", None)),
        (0, False, 1, ("holds 1", None)),
        (0, False, -1, ("holds -1", None)),
        (0, True, 0, ("holds 0", None)),
        (0, True, 1, ("", None)),
        (-1, False, LIMIT, ("", -LIMIT)),
        (1, False, -LIMIT - 1, (f"holds {-LIMIT - 1}, times 1 less than -{LIMIT}", None)),
        (2, False, -2_000_000_000, (f"holds -2000000000, times 2 less than -{LIMIT}", None)),
        (254, False, 99_999_999, ("", LIMIT)),
        (-1, False, -LIMIT - 1, ("", LIMIT)),
    ],
)
def test_the_number_decides_or_is_added(weight: int, reverse: bool, number: int, said: tuple[str, int | None]) -> None:
    assert verdict(File("/f", weight, reverse), number) == said


def test_what_files_and_programs_say_is_added_up() -> None:
    pool = Pool()
    found = checks(
        {
            "weight": 10,
            "file_check": [{"track_file": "plain"}, {"track_file": "plain", "weight": 3}],
            "misc_check": [{"misc_path": "/bin/true"}],
        },
        files=FILES,
    )
    pool.set(("v", "r"), found, 10)
    for check, weight in zip(found, (30, 5, -20), strict=True):
        learned = pool.learn(pool.probing(check), Result(Streak(Phase.UP), weight=weight, ended=S))
        assert learned is not None
        assert learned.checks == (check,)
    _, health = pool.judge(("v", "r"))
    assert health is not None
    assert (health.up, health.weight_adjustment) == (True, 20 + 5 - 20)


def test_a_sum_that_fits_into_no_message_is_cut() -> None:
    pool = Pool()
    found = checks({"file_check": [{"track_file": "plain"}] * 2}, files=FILES)
    pool.set(("v", "r"), found, 1)
    for check in found:
        pool.learn(pool.probing(check), Result(Streak(Phase.UP), weight=LIMIT))
    _, health = pool.judge(("v", "r"))
    assert health is not None
    assert health.weight_adjustment == LIMIT
