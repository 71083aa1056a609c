"""What operators do to two running nodes: maintenance, switchovers, and asking what happened and why."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit.engine import Engine, instance
from tests.kit.etcd import Etcd
from tests.kit.keepalived import start_keepalived, vrrp_instance
from tests.kit.netns import Net
from tests.kit.node import ROOT, Node
from tests.kit.process import Process
from tests.kit.wait import until
from tests.must_hold.pair import FIRST, PATIENCE_S, SECOND, VIP, Pair
from tests.netns.test_vrrp_agent import Director
from vipkeeper.common.v1 import event_pb2
from vipkeeper.vrrp.v1 import vrrp_pb2

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.timeout(300),
]

MASTER, BACKUP = event_pb2.VRRP_STATE_MASTER, event_pb2.VRRP_STATE_BACKUP
ETCD = "192.168.200.30"
STICKY: dict[str, Any] = {
    "interface": "eth0",
    "virtual_router_id": 51,
    "version": 3,
    "advert_int": "0.2s",
    "nopreempt": True,
    "virtual_ipaddress": [{"address": f"{VIP}/24"}],
}


def vipctl(node: Node, *words: str) -> tuple[int, str]:
    """Exit status and output of a command on a node."""
    run = node.host.run([sys.executable, "-m", "cli", *words, "--run-dir", node.run_dir], False, cwd=ROOT)
    return run.returncode, run.stdout + run.stderr


def lost(monitor: Process) -> list[str]:
    """Removals of the virtual address that `ip monitor` has seen."""
    return [line for line in monitor.output().splitlines() if line.startswith("Deleted") and f" {VIP}/" in line]


def watched(node: Node) -> Process:
    """An `ip monitor` that sees addresses come and go, once it does."""
    log = node.folder / "addresses"
    monitor = node.host.start(["ip", "monitor", "address"], log=log)

    def sees() -> bool:
        for what in ("add", "del"):
            node.host.ip(f"address {what} 198.51.100.1/32 dev lo")
        return "198.51.100.1" in monitor.output()

    until(sees, PATIENCE_S, what=monitor.output)
    return monitor


def calls(node: Node) -> Director:
    return Director(node, node.folder / "unused", None)  # type: ignore[arg-type]  # only its calls are used


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    tmp_path.chmod(0o755)
    with Net() as net:
        yield Pair(net, tmp_path)


def test_maintenance_hands_over_survives_every_restart_and_ends_when_told(pair: Pair) -> None:
    for node in (pair.first, pair.second):
        node.start("vrrp")
    pair.wait_for_master(pair.first, pair.second)
    status, said = vipctl(pair.first, "maintenance", "on", "--reason", "new kernel")
    assert (status, said) == (
        0,
        f"this node is in maintenance: new kernel\n  VI_1: BACKUP, master is {SECOND}\n",
    )
    assert pair.adverts(FIRST)[-1].priority == 0
    pair.wait_for_master(pair.second, pair.first)

    first = calls(pair.first)
    engine, agent = first.engine().pid, first.agent()
    for pid in (agent, engine):
        os.kill(pid, signal.SIGKILL)
    until(lambda: first.agent() != agent and first.engine().pid not in (0, engine), PATIENCE_S, what=pair.first.logs)
    found = first.becomes(lambda i: i.current and i.state == BACKUP)
    assert (found.maintenance, found.effective_priority) == ("maintenance of this node: new kernel", 1)
    pair.first.stop("vrrp")
    pair.first.start("vrrp")
    first.becomes(lambda i: i.current and i.state == BACKUP and i.maintenance and i.heard_address == SECOND)
    assert "this node is in maintenance: new kernel" in vipctl(pair.first, "status")[1]
    said = vipctl(pair.first, "explain", "VI_1")[1]
    assert "It is master only while no peer is there: maintenance of this node: new kernel.\n" in said
    assert f"if {SECOND} is silent for" in said
    assert VIP in pair.second.addresses("eth0")

    assert vipctl(pair.first, "maintenance", "off") == (0, "ended: this node is in maintenance: new kernel\n")
    pair.wait_for_master(pair.first, pair.second)
    assert vipctl(pair.first, "maintenance", "off")[0] == 1


def test_maintenance_ends_by_itself_at_its_time(pair: Pair) -> None:
    for node in (pair.first, pair.second):
        node.start("vrrp")
    pair.wait_for_master(pair.first, pair.second)
    assert vipctl(pair.first, "maintenance", "on", "VI_1", "--reason", "new disk", "--for", "8s")[0] == 0
    pair.wait_for_master(pair.second, pair.first)
    pair.wait_for_master(pair.first, pair.second)
    assert vipctl(pair.first, "maintenance", "list") == (0, "")


def test_without_a_peer_maintenance_never_takes_the_address_away(pair: Pair) -> None:
    pair.first.start("vrrp")
    pair.wait_for_master(pair.first)
    monitor = watched(pair.first)
    status, said = vipctl(pair.first, "maintenance", "on", "--reason", "new kernel")
    assert (status, said.splitlines()[1:]) == (1, ["  VI_1: still MASTER here: no peer took over"])
    pair.wait_for_adverts(FIRST, 2)
    assert {advert.priority for advert in pair.adverts(FIRST)[-2:]} == {1}
    assert lost(monitor) == []
    pair.second.start("vrrp")
    pair.wait_for_master(pair.second, pair.first)
    until(lambda: lost(monitor), PATIENCE_S, what=monitor.output)


def test_what_makes_no_sense_is_refused_with_its_reason(pair: Pair) -> None:
    pair.first.start("vrrp")
    pair.wait_for_master(pair.first)
    for words, reason in (
        (("maintenance", "on", "VI_9", "--reason", "x"), "no vrrp_instance 'VI_9' runs here; there are: VI_1"),
        (("maintenance", "on", "--reason", " "), "reason: is required"),
        (("maintenance", "on", "--reason", "x", "--until", "2001-01-01"), "until: is in the past"),
        (("maintenance", "off", "VI_1"), "there is no maintenance of vrrp_instance 'VI_1' to end; there is: none"),
        (("switchover", "VI_1", "--reason", "x"), "nothing is known of the peers' priorities (the store is a file"),
        (("switchover", "VI_1", "--reason", "x", "--to", "second", "--hold"), "nothing is known of a node second"),
        (("switchover", "VI_1"), "reason: is required"),
        (("switchover", "--cancel", "7"), "there is no switchover '7'"),
    ):
        status, said = vipctl(pair.first, *words)
        assert status == 1
        assert reason in said
    first = calls(pair.first)
    assert first.becomes(lambda i: i.current).maintenance == ""


def test_without_a_store_a_switchover_goes_to_an_address_and_fails_where_nobody_answers(pair: Pair) -> None:
    pair.first.start("vrrp")
    pair.wait_for_master(pair.first)
    monitor = watched(pair.first)
    status, said = vipctl(pair.first, "switchover", "VI_1", "--reason", "test", "--to", SECOND, "--hold")
    assert status == 1
    assert "failed: no peer took over: this node is master still, and was without a break" in said
    assert lost(monitor) == []
    assert vipctl(pair.first, "maintenance", "list") == (0, "")
    pair.second.start("vrrp")
    calls(pair.second).becomes(lambda i: i.heard_address == FIRST)
    status, said = vipctl(pair.first, "switchover", "VI_1", "--reason", "test", "--to", SECOND, "--hold")
    assert status == 0
    assert f"done: {SECOND} took over" in said
    pair.wait_for_master(pair.second, pair.first)
    assert "VI_1 is in maintenance: switchover to" in vipctl(pair.first, "maintenance", "list")[1]


def test_the_history_has_every_transition_once_whatever_was_restarted(pair: Pair) -> None:
    pair.first.start("vrrp")
    pair.wait_for_master(pair.first)
    first = calls(pair.first)
    os.kill(first.engine().pid, signal.SIGKILL)
    first.becomes(lambda i: i.current and i.cause.startswith("goes on as master"))
    agent = first.agent()
    os.kill(agent, signal.SIGKILL)
    until(lambda: first.agent() != agent, PATIENCE_S, what=pair.first.logs)
    first.becomes(lambda i: i.current)
    pair.first.stop("vrrp")
    pair.first.start("vrrp")
    pair.wait_for_master(pair.first)

    def told(*words: str) -> list[tuple[str, str]]:
        found = json.loads(vipctl(pair.first, "history", "--json", *words)[1])
        return [(row["from"].removeprefix("VRRP_STATE_"), row["to"].removeprefix("VRRP_STATE_")) for row in found]

    wanted = [("BACKUP", "MASTER"), ("INIT", "BACKUP"), ("MASTER", "STOP"), ("BACKUP", "MASTER"), ("INIT", "BACKUP")]
    until(lambda: told() == wanted, PATIENCE_S, what=lambda: str(told()))
    assert told("-n", "2") == wanted[:2]
    assert told("--to", "stop", "VI_1") == [("MASTER", "STOP")]
    assert told("VI_2") == told("--until", "1h") == told("--since", "2100-01-01") == []
    newest = vipctl(pair.first, "history", "-n", "1")[1]
    assert "VI_1: BACKUP -> MASTER priority 150 (no advert from anybody for " in newest
    asked = vrrp_pb2.ListTransitionsRequest(page_size=3)
    one = first.call("ListTransitions", asked)
    asked.page_token = one.next_page_token
    other = first.call("ListTransitions", asked)
    assert (len(one.transitions), len(other.transitions), other.next_page_token) == (3, 2, "")
    assert len({t.id for t in (*one.transitions, *other.transitions)}) == 5


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Node, Node]]:
    """Two nodes that leave each other alone, with an etcd."""
    tmp_path.chmod(0o755)
    with Net() as net:
        lan = net.bridge("front")
        hosts = {name: net.host(name) for name in ("first", "second", "etcd")}
        for host, address in zip(hosts.values(), (FIRST, SECOND, ETCD), strict=True):
            host.join(lan, "eth0", f"{address}/24")
        etcd = Etcd(tmp_path, host=hosts["etcd"], address=ETCD).start()
        etcd.put("/vipkeeper/config/vrrp_instance/VI_1", json.dumps(STICKY))
        etcd.put(
            "/vipkeeper/config/vrrp_instance/VI_2", json.dumps({**STICKY, "virtual_router_id": 52, "virtual_ipaddress": []})
        )
        etcd.put("/vipkeeper/config/vrrp_sync_group/VG", json.dumps({"group": ["VI_1", "VI_2"]}))
        yield tuple(Node(hosts[name], name, tmp_path / name, etcd.url) for name in ("first", "second"))  # type: ignore[misc]


def test_a_switchover_goes_to_the_named_node_now_or_at_its_time_and_stays_there(site: tuple[Node, Node]) -> None:
    first, second = site
    first.start("vrrp")
    mine, its = calls(first), calls(second)
    for name in ("VI_1", "VI_2"):
        mine.becomes(lambda i: i.state == MASTER, name)
    refused = vipctl(first, "switchover", "VI_1", "--reason", "test", "--to", "second")
    assert (refused[0], "no other node runs VI_1" in refused[1]) == (1, True)
    second.start("vrrp")
    its.becomes(lambda i: i.state == BACKUP and i.heard_address == FIRST)
    until(
        lambda: (
            "the store knows no running node third" in vipctl(first, "switchover", "VI_1", "--reason", "x", "--to", "third")[1]
        ),
        PATIENCE_S,
        what=first.logs,
    )
    status, said = vipctl(first, "switchover", "VI_1", "--reason", "test", "--to", "second")
    assert status == 0, said
    assert f"VI_1 to second (test): done: second ({SECOND}) took over" in said
    for name in ("VI_1", "VI_2"):
        its.becomes(lambda i: i.state == MASTER, name)
        assert mine.becomes(lambda i: i.state == BACKUP, name).cause
    said = vipctl(first, "switchover", "VI_1", "--reason", "test", "--to", "second")[1]
    assert f"nothing to hand over: ask the master, second ({SECOND})" in said

    status, said = vipctl(second, "switchover", "VI_1", "--reason", "back", "--to", "first", "--at", "6s")
    assert (status, "pending" in said) == (0, True)
    os.kill(its.agent(), signal.SIGKILL)
    mine.becomes(lambda i: i.state == MASTER)
    until(
        lambda: f"VI_1 to first (back): done: first ({FIRST}) took over" in vipctl(second, "switchover")[1],
        PATIENCE_S,
        what=lambda: vipctl(second, "switchover")[1],
    )
    status, said = vipctl(first, "switchover", "VI_2", "--reason", "later", "--at", "2h")
    assert status == 0
    assert "switchover" in vipctl(first, "status")[1]
    assert ": cancelled: by an operator" in vipctl(first, "switchover", "--cancel", said.split()[0])[1]


def test_keepalived_takes_over_from_a_node_in_maintenance_and_gives_back(tmp_path: Path) -> None:
    with Net() as net:
        bridge = net.bridge("front")
        ours, theirs = net.host("ours"), net.host("theirs")
        ours.join(bridge, "eth0", "192.168.200.2/24")
        theirs.join(bridge, "eth0", "192.168.200.3/24")
        objects = {("vrrp_instance", "VI_1"): instance(priority=150)}
        with Engine(ours, objects) as engine:
            engine.reaches("MASTER")
            start_keepalived(theirs, tmp_path / "ka", vrrp_instance(100, more="nopreempt"))
            order = {"reason": "new kernel", "since": 1, "until": 0}
            engine.apply(2, {("maintenance", ""): order}, complete=False)
            view = engine.reaches("BACKUP")
            assert view["cause"] == "192.168.200.3 took over: maintenance of this node: new kernel"
            until(lambda: f" {VIP}/" in theirs.ip("-4 addr show"), PATIENCE_S)
            engine.apply(3, {}, complete=False, deleted=(("maintenance", ""),))
            engine.reaches("MASTER")
