"""The launcher and a service manager: readiness, the watchdog, and a hand-over that survives the whole unit's death.

The test speaks systemd's side of sd_notify(3) and of the descriptor store.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit.engine import instance
from tests.kit.netns import Host, Net
from tests.kit.wait import until

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.timeout(240),
]

ROOT = Path(__file__).resolve().parents[2]
VIP = "192.168.200.10"
PATIENCE_S = 60
# What systemd does before it runs a unit's program: the kept descriptor becomes number 3, and belongs to this process.
START = """
import os, sys
if os.environ.get("KEPT"):
    os.dup2(int(os.environ.pop("KEPT")), 3)
    os.environ.update(LISTEN_FDS="1", LISTEN_FDNAMES="handover", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[1], sys.argv[1:])
"""


class Manager:
    """A service manager with one unit."""

    def __init__(self, host: Host, folder: Path) -> None:
        self.host = host
        self.folder = folder
        self.said: list[str] = []
        self.kept: dict[str, int] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(folder / "notify"))
        self._socket.setblocking(False)

    def start(self) -> None:
        environment = {**os.environ, "NOTIFY_SOCKET": str(self.folder / "notify"), "WATCHDOG_USEC": "4000000"}
        kept = self.kept.get("handover")
        if kept is not None:
            environment["KEPT"] = str(kept)
        flags = ["--store", f"file:{self.folder}/store.json", "--run-dir", str(self.folder / "run")]
        service = [sys.executable, "-m", "services.vrrp", *flags, "--state-dir", str(self.folder / "state")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["nsenter", f"--net={self.host.netns}", "--", sys.executable, "-c", START, *service],
                env=environment,
                pass_fds=() if kept is None else (kept,),
                start_new_session=True,
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def hear(self) -> list[str]:
        """Everything that the unit has said, descriptors taken into the store."""
        with contextlib.suppress(BlockingIOError):
            while True:
                data, descriptors, _, _ = socket.recv_fds(self._socket, 4096, 8)
                words = data.decode().splitlines()
                self.said += words
                name = next((w.partition("=")[2] for w in words if w.startswith("FDNAME=")), "")
                if "FDSTOREREMOVE=1" in words:
                    os.close(self.kept.pop(name))
                elif "FDSTORE=1" in words and name not in self.kept:
                    (self.kept[name],) = descriptors
                else:
                    for descriptor in descriptors:
                        os.close(descriptor)
        return self.said

    def wait_until_said(self, word: str) -> None:
        until(lambda: word in self.hear(), PATIENCE_S, what=self.log)

    def log(self) -> str:
        return f"{self.said}\n{(self.folder / 'log').read_text()}"

    def kill(self) -> None:
        """As systemd with KillMode=mixed: everything of the unit gets SIGKILL."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        assert self._process is not None
        self._process.wait()

    def stop(self) -> int:
        os.kill(self.pid, signal.SIGTERM)
        assert self._process is not None
        return self._process.wait(PATIENCE_S)

    def holds(self) -> bool:
        return VIP in self.host.ip("-o -4 address show dev eth0")

    def close(self) -> None:
        if self._process is not None:
            self.kill()
        self._socket.close()
        for descriptor in self.kept.values():
            os.close(descriptor)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    with Net() as net:
        host = net.host("d1")
        host.join(net.bridge("front"), "eth0", "192.168.200.2/24")
        put(tmp_path, state="master")
        manager = Manager(host, tmp_path)
        yield manager
        manager.close()


def put(folder: Path, **more: Any) -> None:
    import json

    (folder / "store.json").write_text(json.dumps({"config/vrrp_instance/VI_1": instance(**more)}))


def test_the_unit_is_ready_when_its_processes_are_and_feeds_the_watchdog(manager: Manager) -> None:
    manager.start()
    manager.wait_until_said("READY=1")
    assert "STATUS=engine up, agent up" in manager.said
    manager.wait_until_said("WATCHDOG=1")
    until(manager.holds, PATIENCE_S, what=manager.log)
    assert manager.stop() == 0
    assert manager.hear()[-1] == "FDNAME=handover"
    assert "STOPPING=1" in manager.said
    assert not manager.kept
    assert not manager.holds()


def test_a_unit_that_is_killed_as_a_whole_goes_on_as_master(manager: Manager) -> None:
    manager.start()
    manager.wait_until_said("READY=1")
    until(manager.holds, PATIENCE_S, what=manager.log)
    until(lambda: "-> MASTER" in manager.log(), PATIENCE_S, what=manager.log)  # addresses come first, then who is told
    assert list(manager.kept) == ["handover"]
    manager.kill()
    assert manager.holds()
    manager.said.clear()
    manager.start()
    manager.wait_until_said("READY=1")
    assert manager.holds()
    log = (manager.folder / "log").read_text()
    assert log.count("-> MASTER") == 1, log


def test_with_a_service_manager_an_orphaned_engine_leaves_the_addresses_to_its_successor(manager: Manager) -> None:
    manager.start()
    manager.wait_until_said("READY=1")
    until(manager.holds, PATIENCE_S, what=manager.log)
    children = Path(f"/proc/{manager.pid}/task/{manager.pid}/children").read_text().split()
    os.kill(manager.pid, signal.SIGKILL)
    until(lambda: not any(Path(f"/proc/{child}/cmdline").exists() for child in children), PATIENCE_S, what=manager.log)
    assert manager.holds()


def test_the_unit_is_ready_without_a_store(manager: Manager) -> None:
    (manager.folder / "store.json").unlink()
    manager.start()
    manager.wait_until_said("READY=1")
