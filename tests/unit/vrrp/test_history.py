"""The history keeps each transition once, newest first when asked, bounded, and through restarts."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from services.vrrp.agent.history import History, Query
from services.vrrp.agent.history_file import HistoryFile


def told(sequence: int, to: str = "MASTER", name: str = "VI_1", kind: str = "instance", boot: str = "b1") -> dict[str, Any]:
    return {
        "is": "transition",
        "boot": boot,
        "sequence": sequence,
        "kind": kind,
        "name": name,
        "from": "BACKUP",
        "to": to,
        "priority": 100,
        "cause": f"cause {sequence}",
        "at": 1_000 + sequence,
    }


def numbers(found: tuple[list[Any], bool]) -> list[int]:
    return [record.number for record in found[0]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "vrrp" / "transitions.jsonl"


def test_the_newest_come_first_with_all_that_was_told() -> None:
    history = History()
    history.take(told(1, "FAULT"))
    history.take(told(2))
    (newest, oldest), more = history.find(Query())
    assert not more
    assert newest[1:] == ("00000000000003ea-b1-2", 1_002, "instance", "VI_1", "BACKUP", "MASTER", 100, "cause 2")
    assert oldest.after == "FAULT"


def test_what_is_told_again_is_kept_once() -> None:
    history = History()
    assert history.take(told(1)) is not None
    assert history.take(told(1)) is None
    assert history.take(told(1, boot="b2")) is not None
    assert numbers(history.find(Query())) == [2, 1]


def test_a_rival_that_is_heard_is_no_transition() -> None:
    assert History().take(told(1, "MASTER_RX_LOWER_PRI")) is None


def test_an_instance_that_is_no_longer_configured_has_stopped() -> None:
    record = History().take(told(1, "DELETED"))
    assert record is not None
    assert record.after == "STOP"


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        (Query(names=frozenset({"VI_2"})), [4, 2]),
        (Query(kind="group"), [5]),
        (Query(after=frozenset({"FAULT"})), [3, 2]),
        (Query(since=1_004), [5, 4]),
        (Query(until=1_003), [2, 1]),
        (Query(below=3), [2, 1]),
        (Query(names=frozenset({"VI_2"}), after=frozenset({"MASTER"})), [4]),
        (Query(names=frozenset({"none"})), []),
    ],
)
def test_a_query_finds_what_it_asks_for(query: Query, wanted: list[int]) -> None:
    history = History()
    for message in (
        told(1),
        told(2, "FAULT", "VI_2"),
        told(3, "FAULT"),
        told(4, "MASTER", "VI_2"),
        told(5, "MASTER", "VG", "group"),
    ):
        history.take(message)
    assert numbers(history.find(query)) == wanted


def test_a_long_answer_is_cut_and_goes_on_where_it_was_cut() -> None:
    history = History()
    for sequence in range(5):
        history.take(told(sequence))
    first, more = history.find(Query(limit=3))
    assert ([r.number for r in first], more) == ([5, 4, 3], True)
    assert numbers(history.find(Query(limit=3, below=3))) == [2, 1]
    assert history.find(Query(limit=2, below=3))[1] is False


def test_only_the_newest_are_kept_and_numbers_go_on() -> None:
    history = History(limit=3)
    for sequence in range(5):
        history.take(told(sequence))
    assert numbers(history.find(Query())) == [5, 4, 3]
    assert history.take(told(0)) is not None  # forgotten with its record: nothing grows for ever


def test_it_outlives_its_process_and_knows_then_what_it_had(path: Path) -> None:
    HistoryFile(path).take(told(1))
    later = HistoryFile(path)
    later.take(told(1))
    later.take(told(2))
    assert numbers(HistoryFile(path).find(Query())) == [2, 1]
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_file_is_bounded(path: Path) -> None:
    history = HistoryFile(path, limit=3)
    for sequence in range(20):
        history.take(told(sequence))
    assert len(path.read_bytes().splitlines()) <= 6
    assert numbers(HistoryFile(path, limit=3).find(Query())) == numbers(history.find(Query())) == [20, 19, 18]


def test_a_line_that_was_cut_short_costs_only_itself(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    history = HistoryFile(path)
    history.take(told(1))
    with path.open("ab") as file:
        file.write(b'[2,"0')
    history = HistoryFile(path)
    history.take(told(2))
    assert [r.cause for r in HistoryFile(path).find(Query())[0]] == ["cause 2", "cause 1"]
    assert "1 lines of the history" in caplog.text


def test_a_disk_that_refuses_costs_one_line_of_log(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.parent.parent.mkdir(exist_ok=True)
    path.parent.write_text("no folder")
    with caplog.at_level(logging.ERROR):
        history = HistoryFile(path)
        history.take(told(1))
        history.take(told(2))
    assert numbers(history.find(Query())) == [2, 1]
    assert caplog.text.count("cannot write") == 1
