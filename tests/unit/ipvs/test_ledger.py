"""The ledger outlives the process, not the machine or the namespace; what is wrong with it stops nothing."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from services.ipvs.drain import Leaving
from services.ipvs.ledger import Entries, Ledger
from services.ipvs.model import INET6
from services.ipvs.sync import Timeouts
from tests.unit.ipvs.words import key, mark, place

OWNED = {key(), key("2001:db8::1", 443), mark(5, INET6)}
DOWN = {("web", "s2"), ("web", "s3")}
LEAVING = (Leaving("web", "s4", place("10.0.1.4"), 5, 6), Leaving("web", "", place("2001:db8::2", 443), 7, 8))
LISTS = ("owned", "down", "leaving", "starts", "timeouts")
LEFT = Entries(frozenset(OWNED), frozenset(DOWN), LEAVING, (("web", "s5", 9),), ("web",), Timeouts(900, 120, 300), True)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    Ledger(tmp_path / "state/ledger.json").write(LEFT)
    assert Ledger(tmp_path / "state/ledger.json").read() == LEFT


def test_what_an_earlier_version_wrote_is_read(tmp_path: Path) -> None:
    path = tmp_path / "ledger.json"
    Ledger(path).write(LEFT)
    raw = json.loads(path.read_text())
    path.write_text(json.dumps({name: raw[name] for name in ("world", "owned", "down")}))
    assert Ledger(path).read() == Entries(LEFT.owned, LEFT.down)


def test_there_may_be_none(tmp_path: Path) -> None:
    assert Ledger(tmp_path / "ledger.json").read() == Entries()


@pytest.mark.parametrize("which", [0, 1])
def test_another_boot_or_namespace_counts_for_nothing(tmp_path: Path, which: int) -> None:
    path = tmp_path / "ledger.json"
    Ledger(path).write(LEFT)
    raw = json.loads(path.read_text())
    raw["world"][which] = "another"
    path.write_text(json.dumps(raw))
    assert Ledger(path).read() == Entries()


@pytest.mark.parametrize("change", ["{", "[]", '{"world": 1}', *LISTS])
def test_rubbish_is_left_aside_with_a_word(tmp_path: Path, caplog: pytest.LogCaptureFixture, change: str) -> None:
    path = tmp_path / "ledger.json"
    Ledger(path).write(LEFT)
    if change in LISTS:
        raw = json.loads(path.read_text())
        raw[change] = [["x"]]
        change = json.dumps(raw)
    path.write_text(change)
    assert Ledger(path).read() == Entries()
    assert ("left aside" in caplog.text) == (change != '{"world": 1}')


def test_a_folder_that_cannot_be_written_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    ledger = Ledger(tmp_path / "file/ledger.json")
    with caplog.at_level(logging.WARNING):
        ledger.write(LEFT)
        ledger.write(LEFT)
    assert caplog.text.count("cannot write") == 1
