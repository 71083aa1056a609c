"""In CI a skipped test is a failure, unless what it wants cannot be installed: another kernel, or files that are not ours."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("vipkeeper", deadline=None)  # a machine that stands still for a moment is no fault of an example
settings.load_profile("vipkeeper")

IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")
# Words in a skip's reason that say so. Two programs are in no package: they come where what makes them is at hand.
BUILT_WITH = {"grpcurl": "go", "buf": "npm"}
NOT_INSTALLABLE = (
    *("corpus", "captures", "this kernel", "on the host itself"),
    *(program for program, tool in BUILT_WITH.items() if not shutil.which(tool)),
)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not any(word in reason for word in NOT_INSTALLABLE):
            report.outcome = "failed"
            report.longrepr = f"skipped in CI: {reason}; install what it wants (`make apt tools`)"
    return report


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder for programs of other users. pytest's own are closed to them, again whenever a session starts."""
    with tempfile.TemporaryDirectory(prefix="vipkeeper-test-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        yield folder
