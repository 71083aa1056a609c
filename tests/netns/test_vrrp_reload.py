"""A reload replaces every process of vrrp, and nobody on the network sees anything of it; what cannot run is not run."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit.bfd import bfd_instance, start_keepalived_bfd
from tests.kit.engine import instance
from tests.kit.keepalived import start_keepalived, vrrp_instance
from tests.kit.manager import PATIENCE_S, ROOT, VIP, Manager
from tests.kit.netns import Host, Net
from tests.kit.process import Process
from tests.kit.wait import until
from tests.kit.wire import Wire

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.timeout(400),
]

OURS, THEIRS = "192.168.200.2", "192.168.200.3"
RELOADS = 20
# A machine that stands still for a moment is not what is tested: both sides wait for 2 s before they think anything of it.
FAST = {"version": 3, "advert_int": "0.1s", "down_timer_adverts": 20}
PATIENT = "down_timer_adverts 20"


class Site:
    """The unit under test (`manager`, priority 150 at adverts of 100 ms) on `ours`; keepalived may run on `theirs`."""

    def __init__(self, net: Net, folder: Path) -> None:
        self.folder = folder
        front = net.bridge("front")
        self.ours, self.theirs, watcher = net.host("ours"), net.host("theirs"), net.host("watcher")
        self.ours.join(front, "eth0", f"{OURS}/24")
        self.theirs.join(front, "eth0", f"{THEIRS}/24")
        watcher.join(front, "eth0")
        self.wire = Wire(watcher, "eth0")
        self.manager = Manager(self.ours, folder)

    def configure(self, objects: dict[str, dict[str, Any]]) -> None:
        fresh = self.folder / "store.new"
        fresh.write_text(json.dumps(objects))
        fresh.rename(self.folder / "store.json")

    def start(self, objects: dict[str, dict[str, Any]]) -> None:
        """The unit is up and master, and has been for a second burst of announcements."""
        self.configure(objects)
        self.manager.start()
        self.manager.wait_until_said("READY=1")
        until(self.manager.holds, PATIENCE_S, what=self.manager.log)

    def own_program(self) -> Path:
        """The unit runs a copy of the program, which the test may change."""
        root = self.folder / "program"
        for name in ("services", "gen"):
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        self.manager.root = root
        return root / "services" / "vrrp"

    def close(self) -> None:
        self.manager.close()
        self.wire.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Net() as net:
        site = Site(net, tmp_path)
        yield site
        site.close()


def watch_addresses(host: Host) -> Process:
    process = host.start(["ip", "-oneline", "monitor", "address"])
    until(lambda: "ip" in Path(f"/proc/{process.pid}/comm").read_text(), PATIENCE_S)
    return process


def test_twenty_reloads_in_a_row_at_100_ms_are_seen_by_nobody(site: Site, tmp_path: Path) -> None:
    script, file = tmp_path / "well.sh", tmp_path / "load"
    script.write_text("#!/bin/sh\nexit 0\n")
    script.chmod(0o755)
    file.write_text("5\n")
    trackers = {"track_script": [{"name": "well", "weight": 10}], "track_file": [{"name": "load", "weight": 1}]}
    site.start(
        {
            "config/global": {"script_user": "root", "vrrp_garp_master_delay": "0.1s", "enable_script_security": False},
            "config/vrrp_script/well": {"script": str(script), "interval": "1s"},
            "config/track_file/load": {"file": str(file)},
            "config/vrrp_instance/VI_1": instance(state="master", priority=150, **FAST, **trackers),
        }
    )
    keepalived = start_keepalived(site.theirs, tmp_path / "ka", vrrp_instance(100, 3, "0.1", more=PATIENT))
    until(lambda: "Entering BACKUP STATE" in keepalived.output(), PATIENCE_S, what=keepalived.output)
    site.wire.until(lambda: site.wire.adverts(OURS)[-1].priority == 165, "script and file have said their word", PATIENCE_S)
    site.wire.until(lambda: site.wire.gratuitous_arps(VIP)[9:], "both bursts of announcements", PATIENCE_S)
    launcher, seen = site.manager.pid, [site.manager.children()]
    monitor = watch_addresses(site.ours)
    began = len(site.wire.poll())

    for _ in range(RELOADS):
        done = site.manager.reload()
        assert done.returncode == 0, done.stderr + site.manager.log()
        seen.append(site.manager.children())

    until(lambda: len(site.wire.poll()) > began + RELOADS * 10, PATIENCE_S)
    frames = site.wire.frames[began:]
    assert [f.source for f in frames if f.is_advert and f.source != OURS] == []
    assert {f.priority for f in frames if f.is_advert} == {165}
    assert not [f for f in frames if f.is_gratuitous_arp]
    assert "Entering MASTER STATE" not in keepalived.output()
    assert monitor.output() == ""
    assert site.manager.pid == launcher
    assert len({children["engine"] for children in seen}) == RELOADS + 1
    assert len({children["agent"] for children in seen}) == RELOADS + 1
    history = (site.folder / "state" / "transitions.jsonl").read_text().splitlines()
    assert [json.loads(line)[6] for line in history] == ["BACKUP", "MASTER"], history


def test_a_unit_that_is_killed_as_a_whole_after_a_reload_goes_on_as_master(site: Site) -> None:
    site.start({"config/vrrp_instance/VI_1": instance(state="master")})
    assert site.manager.reload().returncode == 0
    assert site.manager.reload().returncode == 0
    site.manager.hear()
    assert list(site.manager.kept) == ["handover-2"]
    monitor = watch_addresses(site.ours)
    site.manager.kill()
    site.manager.said.clear()
    site.manager.start()
    site.manager.wait_until_said("READY=1")
    assert monitor.output() == ""
    assert site.manager.stop() == 0
    until(lambda: VIP in monitor.output(), PATIENCE_S)
    site.manager.hear()
    assert not site.manager.kept
    assert not site.manager.holds()


def test_an_engine_that_is_killed_after_a_reload_is_replaced_as_ever(site: Site) -> None:
    site.start({"config/vrrp_instance/VI_1": instance(state="master")})
    assert site.manager.reload().returncode == 0
    before = site.manager.children()
    monitor = watch_addresses(site.ours)
    os.kill(before["engine"], signal.SIGKILL)
    os.kill(before["agent"], signal.SIGKILL)

    def are_new() -> bool:
        now = site.manager.children()
        return len(now) == 2 and not set(now.values()) & set(before.values())

    until(are_new, PATIENCE_S, what=site.manager.log)
    site.manager.wait_until_said("STATUS=engine up, agent up, 1 restarts of the engine, 1 restarts of the agent")
    assert monitor.output() == ""


def test_a_stop_takes_back_what_a_predecessor_has_set(site: Site) -> None:
    path = ["cat", "/proc/sys/net/ipv4/conf/eth0/promote_secondaries"]
    site.start({"config/vrrp_instance/VI_1": instance(state="master", promote_secondaries=True)})
    assert site.manager.reload().returncode == 0
    assert site.manager.reload().returncode == 0
    assert site.ours.run(path).stdout == "1\n"
    assert site.manager.stop() == 0
    assert site.ours.run(path).stdout == "0\n"


def test_a_hangup_is_a_reload_too(site: Site) -> None:
    site.start({"config/vrrp_instance/VI_1": instance(state="master")})
    before = site.manager.children()
    os.kill(site.manager.pid, signal.SIGHUP)
    os.kill(site.manager.pid, signal.SIGHUP)
    until(lambda: "reloaded: " in site.manager.log(), PATIENCE_S, what=site.manager.log)
    assert not set(site.manager.children().values()) & set(before.values())


BROKEN = {
    "engine-that-does-not-start": ("engine/runtime.py", "raise RuntimeError('broken')\n", "the new engine ended with status 1"),
    "engine-that-fails-at-its-turn": (
        "election/succession.py",
        "def take_up(*_):\n    raise RuntimeError('broken')\n",
        "the new engine",
    ),
    "engine-that-hangs-at-its-turn": (
        "election/succession.py",
        "def take_up(*_):\n    import time\n    time.sleep(1000)\n",
        "the new engine was not ready in time",
    ),
    "agent": ("agent/process.py", "raise RuntimeError('broken')\n", "the new agent ended with status 1"),
    "launcher": ("__main__.py", "raise RuntimeError('broken')\n", "the new launcher cannot run: it ended with status 1"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_cannot_run_is_not_run_and_everything_stays_as_it_is(site: Site, case: str) -> None:
    name, code, reason = BROKEN[case]
    program = site.own_program()
    site.start({"config/vrrp_instance/VI_1": instance(state="master", **FAST)})
    monitor = watch_addresses(site.ours)
    before = site.manager.children()
    sound = (program / name).read_text()
    before_main, main, rest = sound.partition('\nif __name__ == "__main__":')
    (program / name).write_text(before_main + "\n" + code + main + rest)

    done = site.manager.reload()

    assert done.returncode == 1
    assert f"vipkeeper-vrrp was not reloaded: {reason}" in done.stderr
    assert site.manager.children() == before
    assert any(line.startswith("STATUS=") and reason in line for line in site.manager.hear())
    told = f"vrrp.agent: reload: {reason}"
    until(lambda: told in site.manager.log(), PATIENCE_S, what=site.manager.log)  # as a problem, which events and status have
    seen = len(site.wire.adverts(OURS))
    site.wire.until(lambda: len(site.wire.adverts(OURS)) > seen + 3, "the old engine goes on")
    assert 0 not in {f.priority for f in site.wire.adverts(OURS)}
    (program / name).write_text(sound)
    done = site.manager.reload()
    assert done.returncode == 0, done.stderr + site.manager.log()
    assert not set(site.manager.children().values()) & set(before.values())
    assert monitor.output() == ""


def test_a_reload_that_nobody_can_carry_out_says_so(site: Site) -> None:
    done = site.manager.reload()
    assert done.returncode == 1
    assert "vipkeeper-vrrp does not answer at" in done.stderr


def test_bfd_sessions_count_as_up_through_reloads_and_are_there_afterwards(site: Site, tmp_path: Path) -> None:
    keepalived = start_keepalived_bfd(site.theirs, tmp_path / "ka", bfd_instance(OURS, THEIRS, multiplier=200))
    session = {"neighbor_ip": THEIRS, "source_ip": OURS, "min_rx": "0.02s", "min_tx": "0.02s", "multiplier": 200}
    tracking = instance(state="master", priority=150, **FAST, track_bfd=[{"name": "b1"}])
    site.start({"config/bfd_instance/b1": session, "config/vrrp_instance/VI_1": tracking})
    until(lambda: said(site), PATIENCE_S, what=site.manager.log)
    began = len(site.wire.adverts(OURS))
    for _ in range(2):
        before, times = site.manager.children(), said(site)
        done = site.manager.reload()
        assert done.returncode == 0, done.stderr + site.manager.log()
        until(lambda before=before: site.manager.children().keys() == before.keys(), PATIENCE_S, what=site.manager.log)  # type: ignore[misc]
        assert not set(before.values()) & set(site.manager.children().values())
        until(lambda times=times: said(site) > times, PATIENCE_S, what=site.manager.log)  # type: ignore[misc]
    assert {advert.priority for advert in site.wire.adverts(OURS)[began:]} == {150}
    keepalived.kill()
    until(lambda: not site.manager.holds(), PATIENCE_S, what=site.manager.log)


def said(site: Site) -> int:
    """How often the log says that the session is up."""
    return site.manager.log().count(f"BFD session b1 with {THEIRS} is UP, counts as up")


def ruleset(site: Site) -> str:
    return site.ours.run(["nft", "list", "ruleset"]).stdout


def links(site: Site) -> dict[str, tuple[Any, ...]]:
    """Number, MAC and alias of each macvlan, its addresses, and what its base has because of it."""
    rows = [row for row in json.loads(site.ours.ip("-d -j address show type macvlan")) if row]
    base = tuple(
        site.ours.run(["cat", f"/proc/sys/net/ipv4/conf/eth0/{name}"]).stdout
        for name in ("arp_ignore", "arp_filter", "arp_announce")
    )
    return {
        row["ifname"]: (row["ifindex"], row["address"], row.get("ifalias"), [a["local"] for a in row["addr_info"]], base)
        for row in rows
    }


def test_reloads_leave_vmacs_and_what_keeps_them_quiet_as_they_are(site: Site, tmp_path: Path) -> None:
    listening = instance(vrid=52, version=3, advert_int="40s", addresses=["fe80::10/64"], use_vmac={})
    objects = {
        "config/global": {"vrrp_garp_master_delay": "0.1s"},
        "config/vrrp_instance/VI_1": instance(state="master", priority=150, **FAST, use_vmac={}),
        "config/vrrp_instance/VI_6": listening,
    }
    site.configure(objects)
    site.manager.start()
    site.manager.wait_until_said("READY=1")
    until(lambda: VIP in site.ours.ip("-o -4 address show dev vrrp.51", check=False), PATIENCE_S, what=site.manager.log)
    until(lambda: "vrrp.52" in ruleset(site), PATIENCE_S, what=site.manager.log)
    keepalived = start_keepalived(site.theirs, tmp_path / "ka", vrrp_instance(100, 3, "0.1", more=f"use_vmac\n    {PATIENT}"))
    until(lambda: "Entering BACKUP STATE" in keepalived.output(), PATIENCE_S, what=keepalived.output)
    site.wire.until(lambda: site.wire.gratuitous_arps(VIP)[9:], "both bursts of announcements", PATIENCE_S)
    before, quiet, monitor = links(site), ruleset(site), watch_addresses(site.ours)
    tables = site.ours.start(["nft", "monitor"])
    until(lambda: "nft" in Path(f"/proc/{tables.pid}/comm").read_text(), PATIENCE_S)
    assert before.keys() == {"vrrp.51", "vrrp.52"}
    began, seen = len(site.wire.poll()), {site.manager.children()["engine"]}

    for _ in range(3):
        done = site.manager.reload()
        assert done.returncode == 0, done.stderr + site.manager.log()
        seen.add(site.manager.children()["engine"])

    until(lambda: len(site.wire.poll()) > began + 30, PATIENCE_S)
    frames = site.wire.frames[began:]
    adverts = [f for f in frames if f.is_advert]
    assert {(f.source, f.priority, f.data[6:12].hex(":")) for f in adverts} == {(OURS, 150, "00:00:5e:00:01:33")}
    assert not [f for f in frames if f.is_gratuitous_arp]
    assert "Entering MASTER STATE" not in keepalived.output()
    assert monitor.output() == tables.output() == ""
    assert len(seen) == 4
    assert (links(site), ruleset(site)) == (before, quiet)

    site.configure(objects | {"config/vrrp_instance/VI_6": listening | {"accept": False}})
    until(lambda: "chain no_accept" in ruleset(site), PATIENCE_S, what=site.manager.log)
    assert "vrrp.52" in ruleset(site)
    site.configure(objects | {"config/vrrp_instance/VI_6": listening | {"advert_int": "0.1s"}})
    until(lambda: "vrrp.52" not in ruleset(site), PATIENCE_S, what=site.manager.log)
    assert site.manager.stop() == 0
    assert not links(site)
    assert ruleset(site) == ""
