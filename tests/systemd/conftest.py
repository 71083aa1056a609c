"""Tests in `inside/` run under a real systemd in a guest, on what `make install` has put into .build/installed.

The folder is shared by all test runs of this checkout: whoever uses it holds its lock shared, whoever must write it
waits until nobody does. It is written only when something that gets installed has changed.
"""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import time
from pathlib import Path
from typing import TextIO

import pytest

from tests.lab.guest_items import pytest_collection_modifyitems, pytest_configure, pytest_runtest_logreport
from tests.lab.ipvs_here import inside_a_guest

__all__ = ["pytest_collection_modifyitems", "pytest_configure", "pytest_runtest_logreport"]

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = ROOT / ".build" / "installed"
PAUSE_S = 0.2  # between two looks whether the folder is free
_held: list[TextIO] = []


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.path.parent.name == "inside" and not inside_a_guest() and not _held:
        _held.append(_install())


def pytest_sessionfinish() -> None:
    while _held:
        _held.pop().close()


def _install() -> TextIO:
    """What `make install` makes of the sources as they are; keep the returned file open while it is used."""
    INSTALLED.mkdir(parents=True, exist_ok=True)
    lock = (INSTALLED / "lock").open("a+")
    digest = _digest()
    while True:
        fcntl.flock(lock, fcntl.LOCK_SH)
        if _is_of(digest):
            return lock
        try:  # two that both must write would wait for each other's shared lock
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(lock, fcntl.LOCK_UN)
            time.sleep(PAUSE_S)
            continue
        if not _is_of(digest):
            argv = ["make", "--no-print-directory", "install-files", f"DESTDIR={INSTALLED}"]
            done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"make install-files failed:\n{done.stdout}\n{done.stderr}")
            (INSTALLED / "of").write_text(digest)


def _is_of(digest: str) -> bool:
    marker = INSTALLED / "of"
    return marker.exists() and marker.read_text() == digest


def _digest() -> str:
    """Names and contents of everything that gets installed."""
    found = hashlib.sha256()
    files = [ROOT / "Makefile", ROOT / "requirements/runtime.txt"]
    for folder in ("services", "cli", "gen", "deploy"):
        files += (path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    for path in sorted(files):
        found.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()
