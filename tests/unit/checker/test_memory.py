"""What a new agent knows of the servers' health."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.checker import memory
from services.checker.pool import Health, Memory
from services.checker.probing import Result
from services.checker.streak import Phase, Streak

SERVERS = {
    ("v", "a"): Memory(Health(True, -3), {"tcp_check[0]": ("f00", Result(Streak(Phase.UP)))}),
    ("v", "b"): Memory(
        Health(False, 0, "no"),
        {
            "http_get[0]": ("f01", Result(Streak(Phase.RECOVERING, 1, 2), "status 500")),
            "misc_check[0]": ("f02", Result(Streak(Phase.UP), "", 7)),
        },
    ),
    ("w", "c"): Memory(None, {"tcp_check[0]": ("f03", Result(Streak.first(True)))}),
}


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "state" / "health.json"
    memory.write(path, SERVERS)
    assert memory.read(path) == SERVERS
    memory.write(path, {})
    assert memory.read(path) == {}
    assert [p.name for p in path.parent.iterdir()] == ["health.json"]


def test_no_file_is_no_memory(tmp_path: Path) -> None:
    assert memory.read(tmp_path / "health.json") == {}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 2, "servers": []}', '{"version": 1, "servers": [[1]]}', "\xff"])
def test_a_broken_file_is_left_aside_and_said(tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "health.json"
    path.write_bytes(text.encode("latin-1"))
    assert memory.read(path) == {}
    assert "cannot be read and is left aside" in caplog.text
