"""Lines of the log: for people, for machines, for the journal."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from services.common import logs

ROOT = Path(__file__).resolve().parents[3]
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
PROGRAM = """
import logging, os, sys, warnings
from services.common import logs
if "journal" in sys.argv:
    there = os.fstat(2)
    os.environ["JOURNAL_STREAM"] = f"{there.st_dev}:{there.st_ino}"
logs.configure(sys.argv[1], sys.argv[2])
log = logging.getLogger("services.vrrp.agent")
log.debug("details")
log.info("VI_1 is %s", "MASTER", extra={"vrrp_instance": "VI_1", "path": None})
log.warning("two\\nlines")
try:
    1 // 0
except ZeroDivisionError:
    log.exception("a bug")
log.critical("the end")
"""


def output(level: str, form: str, *more: str) -> list[str]:
    """Lines on stderr of a process that logs."""
    environment = {name: value for name, value in os.environ.items() if name != "JOURNAL_STREAM"}
    argv = [sys.executable, "-W", "error", "-c", PROGRAM, level, form, *more]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, timeout=30, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stderr.splitlines()


def test_text_has_time_level_source_and_message() -> None:
    lines = output("info", "text")
    assert re.fullmatch(f"{TIME} INFO    vrrp.agent: VI_1 is MASTER", lines[0])
    assert re.fullmatch(f"{TIME} WARNING vrrp.agent: two", lines[1])
    assert lines[-2] == "ZeroDivisionError: integer division or modulo by zero"
    assert re.fullmatch(f"{TIME} CRITICAL vrrp.agent: the end", lines[-1])


def test_the_level_says_what_is_left_out() -> None:
    assert "details" in output("debug", "text")[0]
    assert "a bug" in output("error", "text")[0]


def test_json_is_one_object_a_line_with_what_the_caller_added() -> None:
    entries = [json.loads(line) for line in output("info", "json")]
    assert re.fullmatch(TIME, entries[0].pop("time"))
    assert entries[0] == {
        "level": "info",
        "logger": "vrrp.agent",
        "message": "VI_1 is MASTER",
        "vrrp_instance": "VI_1",
        "path": None,
    }
    assert [entry["message"] for entry in entries[1:]] == ["two\nlines", "a bug", "the end"]
    assert entries[2]["exception"].endswith("ZeroDivisionError: integer division or modulo by zero")


def test_the_journal_gets_a_priority_on_every_line_and_no_time() -> None:
    lines = output("debug", "text", "journal")
    assert lines[:4] == [
        "<7>vrrp.agent: details",
        "<6>vrrp.agent: VI_1 is MASTER",
        "<4>vrrp.agent: two",
        "<4>lines",
    ]
    assert {line[:3] for line in lines[4:-1]} == {"<3>"}
    assert lines[-1] == "<2>vrrp.agent: the end"


def test_json_in_the_journal_keeps_its_priority() -> None:
    assert json.loads(output("info", "json", "journal")[0].removeprefix("<6>"))["message"] == "VI_1 is MASTER"


def test_a_journal_that_reads_another_stream_is_not_meant(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "1:1")
    with (tmp_path / "log").open("w") as stream:
        assert not logs.to_journal(stream)
    assert not logs.to_journal(io.StringIO())


def test_a_stack_is_part_of_the_entry() -> None:
    record = logging.makeLogRecord({"name": "services.x", "levelno": 10, "msg": "here", "stack_info": "Stack:\n  File"})
    assert logs.TextFormatter(journal=True).format(record).endswith("x: here\n<7>Stack:\n<7>  File")
