"""What systemd is told, on a socket of our own in its place."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.common import sdnotify

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The service manager's end."""
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.settimeout(30)
        s.bind(path if request.param == "path" else f"\0{path}")
        monkeypatch.setenv("NOTIFY_SOCKET", path if request.param == "path" else f"@{path}")
        yield s


def test_each_message_is_one_datagram(systemd: socket.socket) -> None:
    assert all([sdnotify.ready(), sdnotify.status("well\nand more"), sdnotify.watchdog(), sdnotify.stopping()])
    assert [systemd.recv(100) for _ in range(4)] == [b"READY=1", b"STATUS=well and more", b"WATCHDOG=1", b"STOPPING=1"]


def test_descriptors_are_stored_and_let_go(systemd: socket.socket) -> None:
    reading, writing = os.pipe()
    assert sdnotify.store_fds("state", reading)
    message, fds, _, _ = socket.recv_fds(systemd, 100, 4)
    os.write(writing, b"same")
    assert (message, os.read(fds[0], 10)) == (b"FDSTORE=1\nFDNAME=state", b"same")
    for fd in (reading, writing, *fds):
        os.close(fd)
    assert sdnotify.remove_fds("state")
    assert systemd.recv(100) == b"FDSTOREREMOVE=1\nFDNAME=state"


def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_FDS", "LISTEN_PID"):
        monkeypatch.delenv(name, raising=False)
    assert not sdnotify.ready()
    assert sdnotify.watchdog_interval() is None
    assert sdnotify.stored_fds() == {}


def test_a_socket_that_is_gone_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "none"))
    assert not sdnotify.ready()


@pytest.mark.parametrize(
    ("microseconds", "pid", "seconds"),
    [
        ("3000000", None, 1.5),
        ("3000000", os.getpid, 1.5),
        ("3000000", lambda: 1, None),
        ("0", None, None),
        ("soon", None, None),
    ],
)
def test_the_watchdog_is_fed_twice_in_its_time(
    microseconds: str, pid: Callable[[], int] | None, seconds: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", microseconds)
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    if pid is not None:
        monkeypatch.setenv("WATCHDOG_PID", str(pid()))
    assert sdnotify.watchdog_interval() == seconds


def passed(names: str, pid: str = "$$") -> str:
    """What a process says of descriptors 3, 4 and 5 that were passed to it as systemd passes them."""
    program = (
        "from services.common import sdnotify; import os; fds = sdnotify.stored_fds(); "
        "print(fds, any(map(os.get_inheritable, sum(fds.values(), ()))))"
    )
    environment = f"LISTEN_PID={pid} LISTEN_FDS=3 LISTEN_FDNAMES={names}"
    shell = f"exec 3</dev/null 4<&3 5<&3; {environment} exec {sys.executable} -c '{program}'"
    done = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, cwd=ROOT, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_passed_descriptors_are_found_by_name_and_kept_from_children() -> None:
    assert passed("state:memory:state") == "{'state': (3, 5), 'memory': (4,)} False\n"


def test_passed_descriptors_without_a_name_are_found_too() -> None:
    assert passed("state") == "{'state': (3,), 'unknown': (4, 5)} False\n"


def test_descriptors_for_another_process_are_not_ours() -> None:
    assert passed("state", pid="1") == "{} False\n"
