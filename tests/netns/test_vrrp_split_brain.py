"""Two masters of one virtual router: one alarm on each node that says which kind it is, told everywhere, gone when healed."""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit.etcd import Etcd
from tests.kit.keepalived import start_keepalived, vrrp_instance
from tests.kit.netns import Host, Net
from tests.kit.node import ROOT, Node
from tests.kit.wait import until
from tests.netns.test_vrrp_agent import Director
from vipkeeper.common.v1 import event_pb2
from vipkeeper.vrrp.v1 import vrrp_pb2

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.timeout(300),
]

PATIENCE_S = 90
MASTER, BACKUP = event_pb2.VRRP_STATE_MASTER, event_pb2.VRRP_STATE_BACKUP
SPLIT, ONE_WAY, MISMATCH = (
    vrrp_pb2.SplitBrain.KIND_SPLIT,
    vrrp_pb2.SplitBrain.KIND_ONE_WAY,
    vrrp_pb2.SplitBrain.KIND_MISMATCH,
)
VIP, FIRST, SECOND, ETCD = "192.168.200.10", "192.168.200.1", "192.168.200.2", "192.168.100.30"
METRICS = "127.0.0.1:9464"
VI_1: dict[str, Any] = {
    "interface": "eth0",
    "virtual_router_id": 51,
    "version": 3,
    "advert_int": "0.2s",
    "virtual_ipaddress": [{"address": f"{VIP}/24"}],
}


class Member:
    """A node, and what stops VRRP on its way to it."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.calls = Director(node, node.folder / "unused", None)  # type: ignore[arg-type]  # only its calls are used

    def deaf(self, deaf: bool) -> None:
        deafen(self.node.host, deaf)

    def becomes(self, state: int, kind: int = 0) -> vrrp_pb2.Instance:
        """Its virtual router in a state, with an alarm of a kind (0: none)."""
        return self.calls.becomes(lambda i: (i.current, i.state, i.split_brain.kind) == (True, state, kind))

    def vipctl(self, *words: str) -> str:
        run = self.node.host.run([sys.executable, "-m", "cli", *words, "--run-dir", self.node.run_dir], False, cwd=ROOT)
        return run.stdout + run.stderr

    def told(self) -> list[tuple[str, bool]]:
        """Reason of each split brain, and whether it is over, as notify has heard of them."""
        told = [e.event.configuration for e in self.calls.events() if e.event.WhichOneof("what") == "configuration"]
        return [(c.problem.reason, c.resolved) for c in told if c.problem.reason.startswith("split brain")]

    def metrics(self) -> list[str]:
        """The kinds of which the gauge says 1."""
        with self.node.host.entered(), urllib.request.urlopen(f"http://{METRICS}/metrics", timeout=10) as answer:
            lines = [line for line in answer.read().decode().splitlines() if "split_brain" in line and line.endswith(" 1.0")]
        return [word for word in ("true_split", "one-way_link", "configuration_mismatch") if any(word in x for x in lines)]


def deafen(host: Host, deaf: bool) -> None:
    """No advert gets in any more, though all leave; or they do again."""
    rule = "table inet deaf { chain in { type filter hook input priority 0; ip protocol 112 drop; }; }"
    host.run(["nft", rule if deaf else "delete table inet deaf"])


@pytest.fixture
def members(tmp_path: Path) -> Iterator[tuple[Member, Member, Etcd]]:
    """Two nodes of priority 150 and 100, whose etcd is on a network of its own."""
    tmp_path.chmod(0o755)
    with Net() as net:
        front, back = net.bridge("front"), net.bridge("back")
        store = net.host("etcd")
        store.join(back, "eth0", f"{ETCD}/24")
        etcd = Etcd(tmp_path, host=store, address=ETCD).start()
        etcd.put("/vipkeeper/config/vrrp_instance/VI_1", json.dumps(VI_1))
        etcd.put("/vipkeeper/node/first/vrrp_instance/VI_1", json.dumps({"priority": 150}))
        found = []
        for number, (name, address) in enumerate((("first", FIRST), ("second", SECOND)), 1):
            host = net.host(name)
            host.join(front, "eth0", f"{address}/24")
            host.join(back, "eth1", f"192.168.100.{number}/24")
            node = Node(host, name, tmp_path / name, etcd.url, {"vrrp": ("--metrics-listen", METRICS)})
            node.start("notify", "vrrp")
            found.append(Member(node))
        yield found[0], found[1], etcd


def test_a_split_becomes_a_one_way_link_and_heals_and_each_time_everybody_is_told(
    members: tuple[Member, Member, Etcd],
) -> None:
    first, second, _etcd = members
    first.becomes(MASTER)
    second.becomes(BACKUP)
    first.deaf(True)
    second.deaf(True)
    split = first.becomes(MASTER, SPLIT).split_brain
    assert split.peer == f"second ({SECOND})"
    assert split.detail == f"{split.peer} is master too, by its status in the store, and neither of the two hears the other"
    assert second.becomes(MASTER, SPLIT).split_brain.peer == f"first ({FIRST})"
    assert f"config/vrrp_instance/VI_1: split brain (true split): {split.detail}" in first.vipctl("status")
    assert f"Split brain, true split: {split.detail}; look for what parts the two" in first.vipctl("explain", "VI_1")
    until(lambda: first.metrics() == ["true_split"], PATIENCE_S, what=lambda: str(first.metrics()))
    assert VIP in first.node.addresses("eth0")
    assert VIP in second.node.addresses("eth0")  # the alarm changes nothing of the election

    first.deaf(False)
    link = first.becomes(MASTER, ONE_WAY).split_brain
    assert link.detail == f"second ({SECOND}) is master too: this node hears it, and it does not hear this node"
    link = second.becomes(MASTER, ONE_WAY).split_brain
    assert link.detail == f"first ({FIRST}) is master too: it hears this node, and this node does not hear it"

    second.deaf(False)
    second.becomes(BACKUP)
    first.becomes(MASTER)
    for member in (first, second):
        until(lambda m=member: len(m.told()) == 4, PATIENCE_S, what=lambda m=member: str(m.told()))
        kinds = [(reason.partition(")")[0], over) for reason, over in member.told()]
        assert sorted(kinds) == sorted(
            (f"split brain ({k}", over) for k in ("true split", "one-way link") for over in (False, True)
        )
        assert kinds[0] == ("split brain (true split", False)
        assert kinds[-1] == ("split brain (one-way link", True)
    assert "split brain" not in first.vipctl("status")
    assert "Split brain" not in first.vipctl("explain", "VI_1")
    until(lambda: first.metrics() == [], PATIENCE_S, what=lambda: str(first.metrics()))


def test_without_etcd_the_wire_tells_and_the_election_goes_on(members: tuple[Member, Member, Etcd]) -> None:
    first, second, etcd = members
    first.becomes(MASTER)
    second.becomes(BACKUP)
    etcd.kill()
    second.deaf(True)
    second.becomes(MASTER)
    assert first.becomes(MASTER, ONE_WAY).split_brain.peer in (SECOND, f"second ({SECOND})")
    second.deaf(False)
    second.becomes(BACKUP)
    first.becomes(MASTER)


@pytest.fixture
def beside_keepalived(tmp_path: Path) -> Iterator[tuple[Member, Host, Path]]:
    """One node of priority 150 with a file store, and a host for keepalived."""
    tmp_path.chmod(0o755)
    with Net() as net:
        front = net.bridge("front")
        ours, theirs = net.host("ours"), net.host("theirs")
        ours.join(front, "eth0", f"{FIRST}/24")
        theirs.join(front, "eth0", f"{SECOND}/24")
        store = tmp_path / "store.json"
        store.write_text(json.dumps({"config/vrrp_instance/VI_1": VI_1 | {"priority": 150}}))
        node = Node(ours, "ours", tmp_path / "ours", f"file:{store}")
        node.start("vrrp")
        member = Member(node)
        member.becomes(MASTER)
        yield member, theirs, tmp_path


def test_a_keepalived_that_hears_nothing_is_a_one_way_link_until_it_hears(
    beside_keepalived: tuple[Member, Host, Path],
) -> None:
    ours, theirs, folder = beside_keepalived
    deafen(theirs, True)
    start_keepalived(theirs, folder / "ka", vrrp_instance(100, 3, "0.2", addresses=f"{VIP}/24"))
    link = ours.becomes(MASTER, ONE_WAY).split_brain
    assert link.peer == SECOND
    assert link.detail == f"{SECOND} is master too: this node hears it, and it does not hear this node"
    deafen(theirs, False)
    ours.becomes(MASTER)
    until(lambda: f" {VIP}/" not in theirs.ip("-4 addr show"), PATIENCE_S, what="keepalived has yielded")


@pytest.mark.parametrize(
    ("theirs_has", "why"),
    [
        ({"vrid": 52}, "its adverts are refused here: they have virtual_router_id 52, and the same addresses"),
        (
            {"more": "unicast_peer {\n192.168.200.1\n}"},
            "its adverts are refused here: they go to another multicast group, or one of the two uses unicast_peer",
        ),
    ],
    ids=["VRID", "unicast"],
)
def test_a_keepalived_that_is_configured_otherwise_is_a_mismatch_that_says_how(
    beside_keepalived: tuple[Member, Host, Path], theirs_has: dict[str, Any], why: str
) -> None:
    # Another version, password or list of addresses is not among these: keepalived 2.2.7 falls silent while it hears what
    # it refuses, and keeps its addresses.
    ours, theirs, folder = beside_keepalived
    settings: dict[str, Any] = {"version": 3, "advert_int": "0.2", "addresses": f"{VIP}/24"} | theirs_has
    keepalived = start_keepalived(theirs, folder / "ka", vrrp_instance(100, **settings))
    found = ours.becomes(MASTER, MISMATCH).split_brain
    assert found.peer == SECOND
    assert f"{SECOND} is master too, and {why}" in found.detail
    keepalived.terminate()
    ours.becomes(MASTER)
