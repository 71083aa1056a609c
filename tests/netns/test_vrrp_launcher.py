"""The launcher and a service manager: readiness, the watchdog, and a hand-over that survives the whole unit's death."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit.engine import instance
from tests.kit.manager import PATIENCE_S, Manager
from tests.kit.netns import Net
from tests.kit.wait import until

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.timeout(240),
]


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
