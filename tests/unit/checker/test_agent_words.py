"""What an agent of HAProxy's agent-check says."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.checker.probes.agent import Said, Unknown, after


@pytest.mark.parametrize(
    ("lines", "down", "weight"),
    [
        (["up"], "", None),
        (["ready"], "", None),
        (["75%"], "", 75),
        (["+75%"], "", 75),
        (["150%"], "", 150),
        (["0%"], "", 0),
        (["9999999%"], "", 65535),
        (["drain"], "", 0),
        (["MAINT"], "", 0),
        (["drain 50%"], "", 0),
        (["drain", "50%"], "", 0),
        (["drain, 50%", "ready"], "", 50),
        (["drain", "up"], "", 0),
        (["50%", "up"], "", 50),
        (["down"], "down", None),
        (["fail"], "fail", None),
        (["failed"], "failed", None),
        (["stopped"], "stopped", None),
        (["Down#disk full"], "down: disk full", None),
        (["down # disk full, or so"], "down: disk full, or so", None),
        (["down#"], "down", None),
        (["down", "75%"], "down", 75),
        (["down", "ready"], "down", None),
        (["down", "up"], "", None),
        (["ready up 75% maxconn:30"], "", 75),
        (["up\t,\t50%,maxconn:7"], "", 50),
        (["maxconn:30"], "", None),
        (["strange up"], "", None),
    ],
)
def test_words_change_what_they_mention_and_nothing_else(lines: list[str], down: str, weight: int | None) -> None:
    said = Said()
    for line in lines:
        said = after(said, line.encode())
    assert (said.down, said.weight(100)) == (down, weight)


@pytest.mark.parametrize(
    ("configured", "percent", "weight"), [(1, 1, 1), (3, 50, 2), (0, 50, 0), (100, 0, 0), (65535, 100, 65535)]
)
def test_a_share_of_the_weight_is_never_nothing_by_rounding(configured: int, percent: int, weight: int) -> None:
    assert after(Said(), b"%d%%" % percent).weight(configured) == weight


@pytest.mark.parametrize("line", [b"hello", b"HTTP/1.0 200 OK", b"-5%", b"7.5%", b"%", b"maxconn:", b"\xff\x00", b"# up"])
def test_a_line_without_any_word_of_an_agent_is_told(line: bytes) -> None:
    with pytest.raises(Unknown, match="the agent says"):
        after(Said(), line)


@given(st.binary(max_size=200))
def test_garbage_is_a_line_or_told(line: bytes) -> None:
    with contextlib.suppress(Unknown):
        weight = after(Said(), line).weight(7)
        assert weight is None or 0 <= weight <= 65535
