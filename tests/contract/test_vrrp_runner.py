"""The script runner as the agent meets it: a process on a pair of sockets that runs what it is told and reports each run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit.runner import Runner
from tests.kit.wait import until

MS = 1_000_000


@pytest.fixture
def runner() -> Iterator[Runner]:
    runner = Runner()
    yield runner
    runner.close()


def script(command: str, interval_ms: int = 50, timeout_ms: int = 20_000, user: str = "") -> dict[str, Any]:
    return {"script": command, "interval_ns": interval_ms * MS, "timeout_ns": timeout_ms * MS, "user": user}


def test_a_script_runs_again_and_again_and_each_run_is_reported(runner: Runner) -> None:
    runner.tell(chk=script("/bin/true"))
    until(lambda: len(runner.results()) >= 3)
    assert {(m["ok"], m["error"]) for m in runner.results()} == {(True, "")}
    assert all(m["took_ns"] > 0 for m in runner.results())


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("/bin/false", "exits with status 1"),
        ("/bin/sh -c 'exit 7'", "exits with status 7"),
        ("/bin/sh -c 'kill -9 $$'", "was ended by signal 9"),
        ("/no/such/program", "cannot be run: No such file or directory"),
        ("/etc/passwd", "cannot be run: Permission denied"),
        ("/bin/true 'open", 'script: cannot be split into words: "/bin/true \'open"; close the quotes'),
        ("  ", "script: expected a command line, got none"),
    ],
)
def test_everything_but_success_is_failure(runner: Runner, command: str, error: str) -> None:
    runner.tell(chk=script(command))
    assert runner.first() == (False, error)


def test_an_unknown_user_is_failure(runner: Runner) -> None:
    runner.tell(chk=script("/bin/true", user="no-such-user"))
    ok, error = runner.first()
    assert not ok
    assert "there is no user 'no-such-user'" in error


def test_a_script_that_takes_too_long_has_failed_once_and_is_ended_with_its_children(runner: Runner, open_folder: Path) -> None:
    program = open_folder / "slow.sh"
    program.write_text(f"#!/bin/sh\nsleep 1000 &\necho $! $$ > {open_folder}/pids\nwait\n")
    program.chmod(0o755)
    runner.tell(chk=script(str(program), interval_ms=60_000, timeout_ms=300))
    assert runner.first() == (False, "takes longer than 0.3 s")
    pids = [int(word) for word in (open_folder / "pids").read_text().split()]
    until(lambda: not any(alive(pid) for pid in pids))
    assert len(runner.results()) == 1


def test_a_script_that_ignores_being_told_to_end_is_killed(runner: Runner, open_folder: Path) -> None:
    program = open_folder / "stubborn.sh"
    program.write_text(f"#!/bin/sh\ntrap '' TERM\necho $$ > {open_folder}/pid\nwhile :; do sleep 0.1; done\n")
    program.chmod(0o755)
    runner.tell(chk=script(str(program), interval_ms=60_000, timeout_ms=300))
    assert runner.first() == (False, "takes longer than 0.3 s")
    until(lambda: not alive(int((open_folder / "pid").read_text())))


def test_runs_of_one_script_never_overlap(runner: Runner, open_folder: Path) -> None:
    program = open_folder / "once.sh"
    program.write_text(f"#!/bin/sh\nmkdir {open_folder}/lock || exit 1\nsleep 0.3\nrmdir {open_folder}/lock\n")
    program.chmod(0o755)
    runner.tell(chk=script(str(program), interval_ms=50))
    until(lambda: len(runner.results()) >= 3)
    assert {m["ok"] for m in runner.results()} == {True}


def test_scripts_do_not_wait_for_each_other(runner: Runner) -> None:
    runner.tell(slow=script("/bin/sleep 1000"), chk=script("/bin/true"))
    until(lambda: len(runner.results()) >= 3)
    assert runner.results("slow") == []


def test_a_script_that_is_no_longer_configured_is_ended_and_forgotten(runner: Runner, open_folder: Path) -> None:
    program = open_folder / "slow.sh"
    program.write_text(f"#!/bin/sh\necho $$ > {open_folder}/pid\nexec sleep 1000\n")
    program.chmod(0o755)
    runner.tell(slow=script(str(program)))
    pid = until(lambda: (open_folder / "pid").exists() and (open_folder / "pid").read_text().strip())
    runner.tell(chk=script("/bin/true"))
    until(lambda: not alive(int(str(pid))))
    until(lambda: len(runner.results()) >= 2)
    assert runner.results("slow") == []


def test_one_that_did_not_change_runs_on_undisturbed(runner: Runner, open_folder: Path) -> None:
    program = open_folder / "count.sh"
    program.write_text(f"#!/bin/sh\necho x >> {open_folder}/starts\nsleep 1000\n")
    program.chmod(0o755)
    runner.tell(slow=script(str(program)))
    until(lambda: (open_folder / "starts").exists())
    runner.tell(slow=script(str(program)), chk=script("/bin/true"))
    until(lambda: len(runner.results()) >= 3)
    assert (open_folder / "starts").read_text() == "x\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
def test_scripts_run_as_the_user_that_is_named_with_a_clean_environment(runner: Runner, open_folder: Path) -> None:
    command = f"/bin/sh -c 'id -un > {open_folder}/who; env > {open_folder}/env; pwd > {open_folder}/where'"
    runner.tell(chk=script(command, user="daemon", interval_ms=3_600_000))
    assert runner.first() == (True, "")
    assert (open_folder / "who").read_text() == "daemon\n"
    assert (open_folder / "where").read_text() == "/\n"
    names = {line.partition("=")[0] for line in (open_folder / "env").read_text().splitlines()}
    assert names == {"PATH", "LANG", "HOME", "USER", "LOGNAME", "SHELL", "PWD"}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to run programs as root")
@pytest.mark.parametrize("security", [True, False])
def test_a_program_that_others_may_write_runs_as_root_only_without_script_security(
    runner: Runner, open_folder: Path, security: bool
) -> None:
    program = open_folder / "check.sh"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o777)
    open_folder.chmod(0o755)
    runner.tell(security, chk=script(str(program), user="root"))
    ok, error = runner.first()
    assert ok is not security
    assert (f"{program} is writable by everybody; chmod o-w {program}" in error) is security


def test_when_the_agent_is_gone_the_runner_and_its_scripts_are_too(open_folder: Path) -> None:
    runner = Runner()
    program = open_folder / "slow.sh"
    program.write_text(f"#!/bin/sh\necho $$ > {open_folder}/pid\nexec sleep 1000\n")
    program.chmod(0o755)
    runner.tell(slow=script(str(program), user=""))
    pid = int(str(until(lambda: (open_folder / "pid").exists() and (open_folder / "pid").read_text().strip())))
    runner.close()
    until(lambda: not alive(pid))


def test_it_says_every_second_that_it_lives(runner: Runner) -> None:
    def alive_twice() -> bool:
        runner.results()
        return sum(m["is"] == "alive" for m in runner.messages) >= 2

    until(alive_twice)


def test_what_is_not_understood_is_passed_over(runner: Runner) -> None:
    runner.channel.send({"do": "something new"})
    runner.tell(chk=script("/bin/true"))
    assert runner.first() == (True, "")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
