"""Tracked files and processes as the agent hears of them from the runner: real files, real processes."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit.netns import Namespace
from tests.kit.runner import Runner
from tests.kit.wait import until


@pytest.fixture
def runner() -> Iterator[Runner]:
    runner = Runner()
    yield runner
    runner.close()


def holds(runner: Runner, value: int, trouble: str = "", name: str = "load") -> None:
    """The last word about a file."""

    def last() -> tuple[int, str] | None:
        said = runner.said("file", name)
        return (said[-1]["value"], said[-1]["trouble"]) if said else None

    until(lambda: last() == (value, trouble), what=lambda: f"{value} {trouble!r}, has {last()}")


# -- files


def test_a_file_is_told_at_once_and_whenever_its_number_changes(runner: Runner, tmp_path: Path) -> None:
    path = tmp_path / "load"
    path.write_text("5\n")
    runner.track({"load": {"file": str(path)}})
    holds(runner, 5)
    path.write_text("-7")
    holds(runner, -7)
    (tmp_path / "new").write_text("11")
    (tmp_path / "new").rename(path)
    holds(runner, 11)
    path.unlink()
    holds(runner, 0)
    path.write_text("0x10 and more")
    holds(runner, 16)
    path.write_text("")
    holds(runner, 0)


def test_a_link_to_a_file_elsewhere_is_followed(runner: Runner, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    (there / "file").write_text("3")
    (tmp_path / "load").symlink_to(there / "file")
    runner.track({"load": {"file": str(tmp_path / "load")}})
    holds(runner, 3)
    (there / "file").write_text("44")
    holds(runner, 44)


def test_a_folder_may_come_later_and_go(runner: Runner, tmp_path: Path) -> None:
    path = tmp_path / "sub" / "load"
    nowhere = f"there is no folder {path.parent}: the file counts as 0"
    runner.track({"load": {"file": str(path)}})
    holds(runner, 0, nowhere)
    path.parent.mkdir()
    path.write_text("6")
    holds(runner, 6)
    path.parent.rename(tmp_path / "gone")
    holds(runner, 0, nowhere)
    path.parent.mkdir()
    holds(runner, 0)
    path.write_text("8")
    holds(runner, 8)


def test_what_is_no_number_or_no_file_counts_as_0_and_says_why(runner: Runner, tmp_path: Path) -> None:
    path = tmp_path / "load"
    path.write_text("up")
    os.mkfifo(tmp_path / "pipe")
    runner.track({"load": {"file": str(path)}, "pipe": {"file": str(tmp_path / "pipe")}})
    holds(runner, 0, f"{path} does not begin with a number of at most 32 bits: it counts as 0")
    holds(runner, 0, f"{tmp_path / 'pipe'} is no regular file: it counts as 0", "pipe")


def test_init_file_writes_what_is_missing_and_overwrites_only_when_told(runner: Runner, tmp_path: Path) -> None:
    for name in ("kept", "over"):
        (tmp_path / name).write_text("3")
    files = {name: {"file": str(tmp_path / name), "init": 7} for name in ("load", "kept", "over")}
    runner.track(files, overwrite=("over",))
    holds(runner, 7)
    holds(runner, 3, name="kept")
    holds(runner, 7, name="over")
    assert {name: (tmp_path / name).read_text() for name in files} == {"load": "7\n", "kept": "3", "over": "7\n"}


def test_init_file_writes_through_no_link_and_says_what_it_cannot_write(runner: Runner, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("precious")
    path = tmp_path / "load"
    path.symlink_to(tmp_path / "other")
    runner.track({"load": {"file": str(path), "init": 7}}, overwrite=("load",))
    why = f"{path} does not begin with a number of at most 32 bits: it counts as 0"
    holds(runner, 0, why)
    assert (tmp_path / "other").read_text() == "precious"
    there = tmp_path / "none" / "load"
    runner.track({"deep": {"file": str(there), "init": 7}})
    holds(runner, 0, f"there is no folder {there.parent}: the file counts as 0", "deep")


def test_more_files_than_the_kernel_has_watchers_for_a_user(runner: Runner, tmp_path: Path) -> None:
    names = [f"f{number}" for number in range(300)]
    for number, name in enumerate(names):
        (tmp_path / name).write_text(str(number))
    runner.track({name: {"file": str(tmp_path / name)} for name in names})
    holds(runner, 299, name="f299")
    (tmp_path / "f7").write_text("-1")
    holds(runner, -1, name="f7")


# -- processes


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program whose name nobody else has."""
    path = tmp_path / f"trk{os.getpid()}"
    shutil.copy("/bin/sleep", path)
    return path


@pytest.fixture
def children() -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        process.kill()
        process.wait()


def there(runner: Runner, ok: bool, count: int, name: str = "web") -> None:
    """The last word about a process tracker."""

    def last() -> tuple[bool, int] | None:
        said = runner.said("process", name)
        return (said[-1]["ok"], said[-1]["count"]) if said else None

    until(lambda: last() == (ok, count), what=lambda: f"{ok} {count}, has {last()}")


def sought(*process: str, **more: Any) -> dict[str, Any]:
    return {"process": process, **more}


def follows(runner: Runner, program: Path, children: list[subprocess.Popen[bytes]]) -> None:
    """Processes come and go, and are told of."""
    runner.track(processes={"web": sought(program.name), "two": sought(str(program), "1000", quorum=2)})
    there(runner, False, 0)
    children.append(subprocess.Popen([program, "1000"]))
    there(runner, True, 1)
    there(runner, False, 1, "two")
    children.append(subprocess.Popen([program, "1000"]))
    there(runner, True, 2, "two")
    children[-1].kill()  # nobody asks for its status: what is left of it does not count
    there(runner, False, 1, "two")
    there(runner, True, 1)


@pytest.mark.skipif(os.geteuid() != 0, reason="process events need root")
def test_processes_are_told_of_by_the_kernel(runner: Runner, program: Path, children: list[subprocess.Popen[bytes]]) -> None:
    runner.track(processes={"web": sought(program.name)})
    blind = until(lambda: runner.said("processes"))[0]["blind"]
    if blind:
        pytest.skip(f"no process events here: {blind}")
    follows(runner, program, children)


@pytest.mark.netns
@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
def test_in_another_namespace_they_are_looked_for_and_that_is_said(
    program: Path, children: list[subprocess.Popen[bytes]]
) -> None:
    namespace = Namespace("elsewhere")
    with namespace.entered():
        runner = Runner()
    try:
        follows(runner, program, children)
        assert runner.said("processes")[-1]["blind"] == "Connection refused"
    finally:
        runner.close()
        namespace.close()


def test_what_goes_on_is_said_again_and_what_is_no_longer_wanted_is_not(runner: Runner) -> None:
    runner.track(processes={"web": sought("no-such-process"), "none": sought("no-such-process", quorum_max=0)})
    there(runner, True, 0, "none")
    until(lambda: len(runner.said("process", "none")) >= 2)
    runner.track()
    runner.track(processes={"web": sought("no-such-process")})
    until(lambda: len(runner.said("processes")) >= 3)
    before = len(runner.said("process", "none"))
    until(lambda: len(runner.said("process", "web")) >= 4)
    assert len(runner.said("process", "none")) == before
