"""How do tests run in a guest kernel and still show as single tests? Files in a folder named `inside` do.

The `conftest.py` above such a folder imports the two hooks of this file. pytest then collects `inside/test_*.py` as
always, but on the host each of its tests becomes a `GuestItem`: the first of a file boots one guest (tests/lab/lab),
runs the selected tests of that file there in one pytest, and every item reports what its namesake did. Markers choose
the machine: `systemd` boots systemd as PID 1; `pytest.mark.lab(modules="veth,bridge", mem="1G", limit=900)` adds kernel
modules, memory, and the guest's time limit in seconds. In a file these stand in `pytestmark`.

Where this kernel has IPVS (ipvs_here.py), files that do not ask for systemd run right here. A host that cannot boot
guests skips them with the reason; with LAB_REQUIRED=1 they fail instead.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from tests.lab.ipvs_here import inside_a_guest, runs_here

ROOT = Path(__file__).resolve().parents[2]
LAB = Path(__file__).resolve().parent / "lab"
GUEST_LIMIT_S = 600
REPORTS = "reports.jsonl"


class GuestFailure(Exception):
    """What the namesake inside reported."""


class GuestRun:
    """One file's tests in one guest; boots when first asked."""

    def __init__(self, config: pytest.Config, mode: str, machine: dict[str, Any]) -> None:
        self._config = config
        self._mode = mode
        self._machine = machine
        self.limit = int(machine.get("limit", GUEST_LIMIT_S))  # seconds, boot not counted
        self._results: dict[str, list[pytest.TestReport]] | None = None
        self._output = ""
        self.node_ids: list[str] = []

    def reports(self, node_id: str) -> list[pytest.TestReport]:
        """Setup, call and teardown of one test; empty when the guest ended before it."""
        if self._results is None:
            self._results = self._boot()
        return self._results.get(node_id, [])

    @property
    def output(self) -> str:
        """The end of all that the guest printed."""
        return self._output[-8000:]

    def _boot(self) -> dict[str, list[pytest.TestReport]]:
        with tempfile.TemporaryDirectory(prefix="lab-out-") as out:
            argv = [
                *(str(LAB), "run", "--mode", self._mode, "--timeout", str(self.limit), "--out", out, "--cwd", str(ROOT)),
                *("--mem", str(self._machine.get("mem", "512M"))),
                *("--modules", ",".join(filter(None, ("ip_vs", self._machine.get("modules", ""))))),
                *("--", sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *self.node_ids),
            ]
            done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)
            self._output = f"{done.stdout}{done.stderr}\n(the guest's exit status: {done.returncode})"
            return self._read(Path(out, REPORTS))

    def _read(self, path: Path) -> dict[str, list[pytest.TestReport]]:
        found: dict[str, list[pytest.TestReport]] = {}
        if path.exists():
            for line in path.read_text().splitlines():
                data = json.loads(line)
                report = self._config.hook.pytest_report_from_serializable(config=self._config, data=data)
                found.setdefault(report.nodeid, []).append(report)
        return found


class GuestItem(pytest.Item):
    """Stands on the host for one test inside; passes, fails and skips as that does."""

    run: GuestRun

    def runtest(self) -> None:
        reports = self.run.reports(self.nodeid)
        if not any(report.when == "teardown" for report in reports):
            raise GuestFailure(f"the guest ended before this test did\n{self.run.output}")
        for report in reports:
            if report.failed:
                sections = "".join(f"\n--- {title}\n{text}" for title, text in report.sections)
                raise GuestFailure(f"in the guest, {report.when}:\n{report.longreprtext}{sections}")
            if report.skipped:
                reason = cast("tuple[str, int, str]", report.longrepr)[2]
                pytest.skip(f"in the guest: {reason.removeprefix('Skipped: ')}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, GuestFailure):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)


def lab_trouble() -> str:
    """Why this host cannot boot guests; empty when it can."""
    done = subprocess.run([str(LAB), "check"], capture_output=True, text=True, check=False)
    return done.stderr.strip() if done.returncode else ""


@pytest.hookimpl(trylast=True)  # after -k and -m have chosen
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put guest items in the place of tests that must run inside."""
    if inside_a_guest():
        return
    chosen = [i for i, item in enumerate(items) if _is_inside(item) and not _may_run_here(item)]
    if not chosen:
        return
    trouble = lab_trouble()
    if trouble and not os.environ.get("LAB_REQUIRED"):
        for i in chosen:
            items[i].add_marker(pytest.mark.skip(reason=trouble))
        return
    runs: dict[Path, GuestRun] = {}
    for i in chosen:
        items[i] = _stand_in(config, items[i], runs)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """In the guest: hand every report out."""
    if inside_a_guest():
        config = _config_of_guest[0]
        data = config.hook.pytest_report_to_serializable(config=config, report=report)
        with Path(os.environ["LAB_OUT"], REPORTS).open("a") as f:
            f.write(json.dumps(data) + "\n")


_config_of_guest: list[pytest.Config] = []


def pytest_configure(config: pytest.Config) -> None:
    """Remember what the report hook is not given."""
    _config_of_guest[:] = [config]


def _is_inside(item: pytest.Item) -> bool:
    return isinstance(item, pytest.Function) and item.path.parent.name == "inside"


def _may_run_here(item: pytest.Item) -> bool:
    return item.get_closest_marker("systemd") is None and runs_here()


def _stand_in(config: pytest.Config, item: pytest.Item, runs: dict[Path, GuestRun]) -> GuestItem:
    run = runs.get(item.path)
    if run is None:
        machine = _merged(mark.kwargs for mark in item.iter_markers("lab"))
        mode = "systemd" if item.get_closest_marker("systemd") else "plain"
        run = runs[item.path] = GuestRun(config, mode, machine)
    parent = item.parent
    assert parent is not None
    guest: GuestItem = GuestItem.from_parent(parent, name=item.name)
    guest.run = run
    guest.own_markers = [mark for mark in item.own_markers if mark.name not in ("timeout", "skipif", "usefixtures")]
    # The first item of a file waits for all of it.
    guest.add_marker(pytest.mark.timeout(run.limit + 60))
    run.node_ids.append(item.nodeid)
    return guest


def _merged(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for part in parts:
        merged = {**part, **merged}  # the closest marker comes first and wins
    return merged
