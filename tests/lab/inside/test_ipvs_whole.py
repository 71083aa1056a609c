"""Time-outs, sync daemons and flushes, as ipvsadm shows them; the sync daemon follows the virtual router."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from cli.keepalived_conf.reading import read_text
from services.common import values
from services.common.desired import Change
from services.common.telemetry import Telemetry
from services.ipvs.globals import Global, decode_global
from services.ipvs.runtime import Runtime
from services.ipvs.sync import Router
from tests.kit.keepalived import start_keepalived
from tests.kit.netns import Host, Net
from tests.kit.node import Node
from tests.kit.wait import until
from tests.lab.judge import ipvsadm, saved
from tests.unit.ipvs.words import real, virtual

pytestmark = [pytest.mark.lab(modules="veth,bridge", mem="1G", limit=400), pytest.mark.timeout(380)]

SECOND = 1_000_000_000
KERNELS = "900 120 300"
FOREIGN = "-A -t 10.7.7.7:25 -s rr"
OURS = ["-A -t 10.0.0.1:80 -s wlc", "-a -t 10.0.0.1:80 -r 10.0.1.2:80 -m -w 1"]


@pytest.fixture
def net() -> Iterator[Net]:
    with Net() as made:
        yield made


@pytest.fixture
def host(net: Net) -> Iterator[Host]:
    """A machine with eth0; the test runs on it."""
    made = net.host("director")
    made.join(net.bridge("front"), "eth0", "192.168.200.1/24")
    with made.entered():
        yield made


def listed(option: str) -> str:
    return subprocess.run(["ipvsadm", "-L", option], capture_output=True, text=True, check=True).stdout.strip()


def order(*words: str) -> None:
    subprocess.run(["ipvsadm", *words], check=True)


def timeouts() -> str:
    return listed("--timeout").rpartition(": ")[2]


def daemons() -> dict[str, dict[str, str]]:
    """What runs: role -> attributes."""
    found = re.findall(r"^(\w+) sync daemon \((.*)\)$", listed("--daemon"), re.MULTILINE)
    return {role: dict(pair.split("=") for pair in text.split(", ")) for role, text in found}


class Service:
    """A runtime, fed by hand; `put` gives its problems."""

    def __init__(self, folder: Path) -> None:
        self.revision = 0
        self.runtime = Runtime(folder, Telemetry(asyncio.get_running_loop()), lambda flip, trace: None)

    def close(self) -> None:
        """As at a stop."""
        self.runtime.close()

    async def put(self, *settings: Any, **fields: Any) -> list[tuple[str, str]]:
        """Servers, and global fields (none: no such key any more)."""
        self.revision += 1
        upserts: dict[tuple[str, str], Any] = {("global", ""): decode_global("", fields)} if fields else {}
        for s in settings:
            kind = (
                ("real_server", f"{s.virtual_server}/{s.name}") if hasattr(s, "virtual_server") else ("virtual_server", s.name)
            )
            upserts[kind] = s
        removals = frozenset() if fields else frozenset([("global", "")])
        await self.runtime.configure(Change(self.revision, upserts, removals, ()))
        return self.problems()

    def problems(self) -> list[tuple[str, str]]:
        return [(p.key, p.field) for p in self.runtime.problems()]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Service]]:
    """Makes services with one state folder, which end with the test."""
    with ExitStack() as services:

        def made() -> Service:
            service = Service(tmp_path)
            services.callback(service.close)
            return service

        yield made


Start = Callable[[], Service]


async def test_timeouts_are_set_and_given_back_also_after_a_restart(host: Host, start: Start) -> None:
    service = start()
    assert await service.put(lvs_timeouts={"tcp": 100 * SECOND, "udp": 50 * SECOND}) == []
    assert timeouts() == "100 120 50"
    await service.put(lvs_timeouts={"udp": 60 * SECOND})
    assert timeouts() == "900 120 60"
    service.close()
    again = start()
    await again.put()
    assert timeouts() == KERNELS


async def test_both_daemons_run_as_configured_and_what_others_do_is_undone(host: Host, start: Start) -> None:
    service = start()
    daemon = {"interface": "eth0", "id": 5, "maxlen": 1400, "port": 9000, "ttl": 3, "group": "224.0.0.99"}
    assert await service.put(lvs_sync_daemon=daemon) == []
    attributes = {"mcast": "eth0", "syncid": "5", "maxlen": "1400", "group": "224.0.0.99", "port": "9000", "ttl": "3"}
    assert daemons() == {"master": attributes, "backup": attributes}
    await service.put(lvs_sync_daemon={"interface": "eth0"})
    assert {d["syncid"] + d["port"] for d in daemons().values()} == {"08848"}
    order("--stop-daemon", "master")
    await service.put(lvs_sync_daemon={"interface": "eth0"}, lvs_flush=True)
    assert set(daemons()) == {"master", "backup"}
    await service.put()
    assert daemons() == {}


async def test_the_daemon_follows_the_virtual_router(host: Host, start: Start) -> None:
    service = start()
    daemon = {"interface": "eth0", "vrrp_instance": "VI_1"}
    assert await service.put(lvs_sync_daemon=daemon) == []
    assert daemons() == {}
    for master, role in ((False, "backup"), (True, "master"), (False, "backup")):
        await service.runtime.vrrp_told({"VI_1": Router(master, 51)})
        assert {r: d["syncid"] for r, d in daemons().items()} == {role: "51"}
    await service.runtime.vrrp_told({})
    assert set(daemons()) == {"backup"}
    assert service.problems() == [("config/global", "lvs_sync_daemon.vrrp_instance")]


async def test_a_restart_leaves_the_daemon_alone_and_a_foreign_one_is_never_touched(host: Host, start: Start) -> None:
    ipvsadm(FOREIGN)
    order("--start-daemon", "backup", "--mcast-interface", "eth0", "--syncid", "9")
    stranger = start()
    await stranger.put()
    await stranger.runtime.vrrp_told({"VI_1": Router(True, 51)})
    assert set(daemons()) == {"backup"}
    await stranger.put(lvs_sync_daemon={"interface": "eth0", "vrrp_instance": "VI_1"})
    stranger.close()
    again = start()
    await again.put(lvs_sync_daemon={"interface": "eth0", "vrrp_instance": "VI_1"})
    assert {r: d["syncid"] for r, d in daemons().items()} == {"master": "51"}
    again.close()
    last = start()
    await last.put()
    assert daemons() == {}


async def test_a_daemon_that_is_stopped_before_it_has_run_is_stopped(host: Host, start: Start) -> None:
    service = start()
    for _ in range(20):
        await service.put(lvs_sync_daemon={"interface": "eth0"})
        assert await service.put() == []
        assert (daemons(), service.runtime.trouble) == ({}, "")


async def test_a_daemon_that_the_kernel_refuses_is_a_problem_until_it_runs(host: Host, start: Start) -> None:
    service = start()
    daemon = {"interface": "late0"}
    assert await service.put(lvs_sync_daemon=daemon) == [("config/global", "lvs_sync_daemon.interface")]
    assert await service.put(virtual(), lvs_sync_daemon=daemon) == [("config/global", "lvs_sync_daemon.interface")]
    for words in ("eth0 down", "eth0 name late0", "late0 up"):
        host.ip(f"link set {words}")
    assert await service.put(lvs_sync_daemon=daemon) == []
    assert set(daemons()) == {"master", "backup"}


async def test_a_flush_at_the_start_removes_only_what_is_not_configured(host: Host, start: Start) -> None:
    ipvsadm(FOREIGN + "\n" + "\n".join(OURS).replace("-w 1", "-w 7"))
    service = start()
    await service.put(virtual(), real("s2"), lvs_flush=True)
    assert saved() == [OURS[0], OURS[1].replace("-w 1", "-w 7")]
    ipvsadm(FOREIGN)
    await service.put(lvs_flush=True)
    assert FOREIGN in saved()


@pytest.mark.parametrize(
    ("fields", "left"),
    [({"lvs_repair": True}, [*OURS, FOREIGN]), ({"lvs_flush_on_stop": "vs"}, [FOREIGN]), ({"lvs_flush_on_stop": "all"}, [])],
)
async def test_a_stop_leaves_what_it_is_told_to_leave(
    fields: Mapping[str, Any], left: list[str], host: Host, start: Start
) -> None:
    ipvsadm(FOREIGN)
    service = start()
    more = {"lvs_sync_daemon": {"interface": "eth0"}, "lvs_timeouts": {"tcp": 5 * SECOND}}
    await service.put(virtual(), real("s2"), **fields, **more)
    await service.runtime.flush()
    service.close()
    assert saved() == sorted(left)
    stays = "lvs_flush_on_stop" not in fields
    assert (bool(daemons()), timeouts()) == (stays, "5 120 300" if stays else KERNELS)


async def test_global_settings_that_are_not_there_yet_undo_nothing(host: Host, start: Start) -> None:
    service = start()
    await service.put(lvs_sync_daemon={"interface": "eth0"}, lvs_timeouts={"tcp": 5 * SECOND})
    service.close()
    again = start()
    await again.runtime.configure(Change(0, {("virtual_server", "web"): virtual()}, frozenset(), ()))
    await again.runtime.vrrp_told({})
    assert (len(daemons()), timeouts()) == (2, "5 120 300")


GLOBAL_DEFS = """
global_defs {
    lvs_sync_daemon eth0 id 5 maxlen 1400 port 9000 ttl 3 group 224.0.0.99
    lvs_timeouts tcp 100 udp 50
}
virtual_server 10.0.0.1 80 {
    protocol TCP
    lvs_sched rr
    lvs_method DR
    real_server 10.0.1.2 80 {
    }
}
"""


async def test_a_file_gives_the_daemons_and_timeouts_that_keepalived_makes_of_it(
    net: Net, host: Host, start: Start, tmp_path: Path
) -> None:
    service = start()
    fields = values.check("global", read_text(GLOBAL_DEFS).objects["config/global"])
    assert decode_global("", fields) != Global()
    await service.put(**fields)
    wanted = (daemons(), timeouts())
    other = net.host("other")
    other.join(net.bridge("front"), "eth0", "192.168.200.2/24")
    start_keepalived(other, tmp_path, GLOBAL_DEFS, part="--check")
    with other.entered():
        until(lambda: (daemons(), timeouts()) == wanted, 60, lambda: f"{(daemons(), timeouts())} to be {wanted}")


def test_with_the_services_the_new_masters_daemon_runs_after_a_takeover(net: Net, host: Host, tmp_path: Path) -> None:
    store = tmp_path / "store.json"
    instance = {"interface": "eth0", "virtual_router_id": 51, "priority": 100, "advert_int": "0.3s"}
    objects: dict[str, Any] = {
        "config/vrrp_instance/VI_1": instance | {"virtual_ipaddress": [{"address": "192.168.200.10/24"}]},
        "config/global": {"lvs_sync_daemon": {"interface": "eth0", "vrrp_instance": "VI_1"}, "lvs_flush_on_stop": "vs"},
    }
    store.write_text(json.dumps(objects))
    node = Node(host, "director", tmp_path / "director", f"file:{store}")
    peer = net.host("peer")
    peer.join(net.bridge("front"), "eth0", "192.168.200.2/24")
    text = "vrrp_instance VI_1 {\nstate MASTER\ninterface eth0\nvirtual_router_id 51\npriority 200\nadvert_int 1\n%s\n}\n"
    rival = start_keepalived(peer, tmp_path / "peer", text % "virtual_ipaddress {\n192.168.200.10/24\n}")
    node.start("ipvs", "vrrp")
    until(lambda: set(daemons()) == {"backup"}, 120, node.logs)
    rival.kill()
    until(lambda: set(daemons()) == {"master"}, 60, node.logs)
    assert daemons()["master"]["syncid"] == "51"
    assert node.stop("ipvs") == 0
    assert daemons() == {}
