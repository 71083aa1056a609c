"""Tracked files, scripts, interfaces and processes: the same keepalived.conf and the same events as keepalived, on the wire."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from cli.keepalived_conf.reading import read_text
from tests.kit.keepalived import start_keepalived
from tests.kit.netns import Cable, Net
from tests.kit.node import Node
from tests.kit.wait import until
from tests.kit.wire import Wire

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.timeout(240),
]


def instance(vrid: int, more: str) -> str:
    return f"""
vrrp_instance V{vrid} {{
    state BACKUP
    interface eth0
    virtual_router_id {vrid}
    priority 100
    advert_int 0.1
    {more}
    virtual_ipaddress {{
        192.168.200.{vrid}
    }}
}}
"""


CONFIG = """
global_defs {
    vrrp_version 3
    vrrp_garp_master_delay 1
}
vrrp_script bad {
    script /bin/false
    weight -10
}
vrrp_script turned {
    script /bin/true
    weight 10 reverse
}
track_file load {
    file FOLDER/load
    init_file 5
}
track_file drain {
    file FOLDER/drain
    weight 2 reverse
}
track_file gate {
    file FOLDER/gate
}
vrrp_sync_group G {
    group {
        V53
        V54
    }
    track_file {
        load
    }
    track_script {
        bad
    }
}
"""
CONFIG += instance(51, "track_file {\n load\n drain\n }")
CONFIG += instance(52, "track_file {\n gate weight 0\n }")
CONFIG += instance(
    53,
    "track_interface {\n eth1 weight -10\n }\ntrack_script {\n bad weight -50\n turned\n }\n track_file {\n drain weight 5\n }",
)
CONFIG += instance(54, "track_file {\n gate weight 0 reverse\n }")
CONFIG += instance(55, "track_script {\n turned\n }\n track_interface {\n eth1 weight 20 reverse\n }")
CONFIG += instance(56, "track_script {\n turned weight 30 noreverse\n }")


Lab = tuple[Net, contextlib.ExitStack]


class Side:
    """A host alone on its network: `eth0` for adverts, `eth1` to be tracked."""

    def __init__(self, lab: Lab, name: str) -> None:
        net, closing = lab
        self.host = net.host(name)
        front, back = net.bridge(f"{name}-front"), net.bridge(f"{name}-back")
        self.host.join(front, "eth0", "192.168.200.2/24")
        self.cable: Cable = self.host.join(back, "eth1")
        self.wire = closing.enter_context(Wire(self.host, "eth0"))

    def priorities(self) -> dict[int, int]:
        """Of each virtual router's last advert."""
        return {frame.vrid: frame.priority for frame in self.wire.adverts()}

    def held(self) -> set[int]:
        """Virtual routers whose address is there."""
        words = self.host.ip("-o -4 address show dev eth0").split()
        found = {int(w.partition("/")[0].rpartition(".")[2]) for w in words if w.startswith("192.168.200.")}
        return found - {2, 255}


@pytest.fixture
def lab() -> Iterator[Lab]:
    with contextlib.ExitStack() as closing, Net() as net:
        yield net, closing


def start_ours(side: Side, folder: Path, text: str) -> Node:
    """vipkeeper with a keepalived.conf that nothing is left out of."""
    conf = read_text(text)
    assert conf.importable, conf.complaints
    store = folder / "store.json"
    folder.mkdir()
    store.write_text(json.dumps(conf.objects))
    node = Node(side.host, side.host.name, folder, f"file:{store}")
    node.start("vrrp")
    return node


def test_the_same_file_and_the_same_events_give_the_same_priorities_as_keepalived(lab: Lab, tmp_path: Path) -> None:
    ours, theirs = Side(lab, "ours"), Side(lab, "theirs")
    text = CONFIG.replace("FOLDER", str(tmp_path))
    (tmp_path / "drain").write_text("0")
    (tmp_path / "gate").write_text("9")
    start_keepalived(theirs.host, tmp_path / "ka", text)
    node = start_ours(ours, tmp_path / "vk", text)

    def both(wanted: Mapping[int, int]) -> None:
        """The priorities of those who hold their addresses, on either side."""

        def seen() -> list[dict[int, int]]:
            return [{v: p for v, p in side.priorities().items() if v in side.held()} for side in (ours, theirs)]

        until(lambda: seen() == [wanted, wanted], 60, lambda: f"{wanted}; {seen()}; {node.logs()}")

    both({51: 105, 53: 95, 54: 95, 55: 70, 56: 130})
    assert (tmp_path / "load").read_text() == "5\n"
    (tmp_path / "load").write_text("30")
    both({51: 130, 53: 120, 54: 120, 55: 70, 56: 130})
    (tmp_path / "drain").write_text("3")
    both({51: 124, 53: 120, 54: 120, 55: 70, 56: 130})
    for side in (ours, theirs):
        side.cable.unplug()
    both({51: 124, 53: 110, 54: 120, 55: 90, 56: 130})
    for side in (ours, theirs):
        side.cable.plug()
    both({51: 124, 53: 120, 54: 120, 55: 70, 56: 130})
    (tmp_path / "load.new").write_text("-300")
    (tmp_path / "load.new").rename(tmp_path / "load")
    both({55: 70, 56: 130})
    (tmp_path / "gate").unlink()  # 52 may, 54 may no longer
    (tmp_path / "load").unlink()
    both({51: 94, 52: 100, 55: 70, 56: 130})
    (tmp_path / "gate").write_text("1")
    both({51: 94, 53: 90, 54: 90, 55: 70, 56: 130})


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / f"net{os.getpid()}"
    shutil.copy("/bin/sleep", path)
    return path


def test_what_files_and_processes_said_outlives_engine_agent_and_runner(lab: Lab, tmp_path: Path, program: Path) -> None:
    side = Side(lab, "ours")
    text = "global_defs {\n vrrp_version 3\n}\n"
    text += f"vrrp_track_process web {{\n process {program.name}\n weight 20\n}}\n"
    text += f"track_file load {{\n file {tmp_path}/load\n init_file 5 overwrite\n}}\n"
    text += instance(51, "track_file {\n load\n }\n track_process {\n web\n }")

    def sends(priority: int) -> None:
        until(lambda: side.priorities().get(51) == priority, 60, lambda: f"{priority}; {side.priorities()}; {node.logs()}")

    (tmp_path / "load").write_text("3")
    with subprocess.Popen([program, "1000"]) as web:
        try:
            node = start_ours(side, tmp_path / "vk", text)
            sends(125)
            (tmp_path / "load").write_text("7")
            sends(127)
            before = len(side.wire.adverts())
            for word in ("engine/process.py", "services.vrrp.runner", "services.vrrp.agent"):
                [pid] = node.pids("vrrp", word)
                os.kill(pid, signal.SIGKILL)
                until(lambda pid=pid, word=word: node.pids("vrrp", word) not in ([], [pid]), 60, node.logs)  # type: ignore[misc]
            (tmp_path / "load").write_text("8")
            sends(128)
            assert {frame.priority for frame in side.wire.adverts()[before:]} == {127, 128}
        finally:
            web.kill()
    sends(108)
