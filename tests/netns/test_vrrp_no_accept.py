"""no_accept on a real network: packets to the address end at nobody's door, but for those that find the neighbour."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from services.common.accounts import PATH
from services.vrrp.agent.firewall import GONE
from tests.kit.netns import Host, Net
from tests.kit.node import ROOT, Node
from tests.kit.wait import until
from tests.kit.wire import Wire
from vipkeeper.common.v1 import problem_pb2, problem_pb2_grpc

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.timeout(240),
]

VIP, VIP6, REAL = "192.168.200.10", "2001:db8::10", "192.168.200.2"
PATIENCE_S = 60
INSTANCE = {
    "interface": "eth0",
    "virtual_router_id": 51,
    "version": 3,
    "advert_int": "0.1s",
    "virtual_ipaddress": [{"address": VIP}],
    "virtual_ipaddress_excluded": [{"address": f"{VIP6}/64"}, {"address": "fe80::77/64"}],
}


class Lan:
    """`director`, which runs vrrp, and `client`, which wants something from it."""

    def __init__(self, net: Net, folder: Path) -> None:
        bridge = net.bridge("front")
        self.director, self.client = net.host("director"), net.host("client")
        self.director.join(bridge, "eth0", f"{REAL}/24", "2001:db8::2/64")
        self.client.join(bridge, "eth0", "192.168.200.9/24", "2001:db8::9/64")
        self.wire = Wire(self.client, "eth0")
        self._store = folder / "store.json"
        self.node = Node(self.director, "d1", folder / "d1", f"file:{self._store}")
        self._open: list[socket.socket] = []
        with self.director.entered():
            for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
                listener = socket.socket(family)
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                listener.bind((address, 8080))
                listener.listen()
                self._open.append(listener)

    def put(self, **more: Any) -> None:
        fresh = self._store.with_suffix(".new")
        fresh.write_text(json.dumps({"config/vrrp_instance/VI_1": INSTANCE | more}))
        fresh.rename(self._store)

    def reaches(self, address: str) -> bool:
        """A connection from the client comes about."""
        with self.client.entered(), contextlib.suppress(OSError):
            socket.create_connection((address, 8080), timeout=0.5).close()
            return True
        return False

    def holds(self) -> bool:
        return f" {VIP}/" in self.director.ip("addr show") and f" {VIP6}/" in self.director.ip("addr show")

    def table(self) -> str:
        return table_of(self.director)

    def close(self) -> None:
        self.wire.close()
        for listener in self._open:
            listener.close()


def table_of(host: Host) -> str:
    return host.run(["nft", "list", "tables"]).stdout


@pytest.fixture
def lan(tmp_path: Path) -> Iterator[Lan]:
    with Net() as net:
        lan = Lan(net, tmp_path)
        with contextlib.closing(lan):
            yield lan


def wait(lan: Lan, check: Any, what: str) -> None:
    until(check, PATIENCE_S, what=lambda: f"{what}\n{lan.director.run(['nft', 'list', 'ruleset']).stdout}\n{lan.node.logs()}")


def test_nobody_reaches_the_addresses_while_their_neighbour_is_found_until_it_is_taken_back(lan: Lan) -> None:
    lan.put(accept=False)
    lan.node.start("vrrp")
    wait(lan, lambda: lan.holds() and "vipkeeper" in lan.table(), "the addresses and the table are there")
    assert not lan.reaches(VIP)
    assert not lan.reaches(VIP6)
    assert not lan.reaches("fe80::77%eth0")
    assert lan.reaches(REAL)
    assert lan.reaches("2001:db8::2")
    neighbours = lan.client.ip("neighbour show dev eth0")
    assert f"{VIP} lladdr" in neighbours
    assert f"{VIP6} lladdr" in neighbours
    lan.put(accept=True)
    wait(lan, lambda: "vipkeeper" not in lan.table(), "the table is gone")
    assert lan.reaches(VIP)
    assert lan.reaches(VIP6)
    assert lan.reaches("fe80::77%eth0")


def test_a_table_that_somebody_flushed_comes_back(lan: Lan) -> None:
    lan.put(accept=False)
    lan.node.start("vrrp")
    wait(lan, lambda: lan.holds() and "vipkeeper" in lan.table(), "the addresses and the table are there")
    lan.director.run(["nft", "flush", "ruleset"])
    wait(lan, lambda: "vipkeeper" in lan.table() and not lan.reaches(VIP), "the table is back")


def test_the_table_goes_with_a_declared_stop(lan: Lan) -> None:
    lan.director.run(["nft", "add", "table", "inet", "others"])
    lan.put(accept=False)
    lan.node.start("vrrp")
    wait(lan, lambda: lan.holds() and "vipkeeper" in lan.table(), "the addresses and the table are there")
    assert lan.node.stop("vrrp") == 0
    assert not lan.holds()
    assert lan.table().strip() == "table inet others"


def test_a_killed_service_leaves_the_table_and_the_next_one_takes_it_over_or_away(lan: Lan) -> None:
    lan.put(accept=False)
    lan.node.start("vrrp")
    wait(lan, lambda: lan.holds() and "vipkeeper" in lan.table(), "the addresses and the table are there")
    os.kill(lan.node.pids("vrrp", "services.vrrp.agent")[0], 9)
    assert not lan.reaches(VIP)
    lan.node.kill("vrrp")
    assert lan.holds()
    assert not lan.reaches(VIP)
    lan.put(accept=True)
    lan.node.start("vrrp")
    wait(lan, lambda: "vipkeeper" not in lan.table() and lan.reaches(VIP), "the table is gone, the address is reached")


def test_a_table_of_that_name_is_replaced(lan: Lan) -> None:
    lan.put(accept=False)
    lan.director.run(["nft", "add", "table", "inet", "vipkeeper"])
    lan.director.run(["nft", "add", "chain", "inet", "vipkeeper", "no_accept"])
    lan.director.run(["nft", "add", "chain", "inet", "vipkeeper", "theirs"])
    lan.node.start("vrrp")
    wait(lan, lambda: lan.holds() and not lan.reaches(VIP), "a table of that name is replaced")
    assert "theirs" not in lan.director.run(["nft", "list", "ruleset"]).stdout


def hidden(program: Path) -> tuple[str, ...]:
    """To run something where this is in nft's place."""
    found = shutil.which("nft", path=PATH)
    assert found is not None
    mounted = f'mount --bind {program} {os.path.realpath(found)} && exec "$@"'
    return ("unshare", "--mount", "sh", "-c", mounted, "sh")


def refusing(folder: Path) -> Path:
    program = folder / "nft"
    program.write_text("#!/bin/sh\necho 'Error: Could not process rule: Operation not supported' >&2\nexit 1\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(
    ("instead", "reason"),
    [
        (lambda folder: Path("/dev/null"), "there is no program nft: install nftables"),
        (refusing, "Error: Could not process rule: Operation not supported"),
    ],
    ids=["missing", "refusing"],
)
def test_without_nft_a_problem_says_so_until_it_is_there_and_everything_else_goes_on(
    lan: Lan, tmp_path: Path, instead: Callable[[Path], Path], reason: str
) -> None:
    lan.put(accept=False)
    lan.node.within = hidden(instead(tmp_path))
    lan.node.start("vrrp")
    wait(lan, lan.holds, "the addresses are there")
    said = ("config/vrrp_instance/VI_1", "accept", f"packets to its addresses are not dropped: {reason}")
    wait(lan, lambda: problems(lan) == [said], "a problem says so")
    assert lan.reaches(VIP)
    assert lan.reaches(VIP6)
    lan.put(accept=False, priority=90)
    wait(lan, lambda: lan.wire.adverts() and lan.wire.adverts()[-1].priority == 90, "other changes are made")
    nft = os.path.realpath(str(shutil.which("nft", path=PATH)))
    for pid in lan.node.pids("vrrp", "services.vrrp.agent"):
        lan.director.run(["nsenter", f"--mount=/proc/{pid}/ns/mnt", "umount", nft])
    wait(lan, lambda: not problems(lan) and not lan.reaches(VIP), "packets are dropped once it is there")


def problems(lan: Lan) -> list[tuple[str, str, str]]:
    with grpc.insecure_channel(lan.node.target("vrrp")) as channel:
        stub = problem_pb2_grpc.ProblemServiceStub(channel)
        answer = stub.ListProblems(problem_pb2.ListProblemsRequest(), timeout=10, wait_for_ready=True)
    return [(problem.key, problem.field, problem.reason) for problem in answer.problems]


UNIT = ["setpriv", "--reuid=65534", "--clear-groups", "--no-new-privs"]


def test_the_rights_of_the_unit_suffice(lan: Lan) -> None:
    """As the systemd unit runs it: a user of its own, with ambient CAP_NET_ADMIN."""
    text = (ROOT / "deploy/systemd/vipkeeper-vrrp.service").read_text()
    (line,) = [line for line in text.splitlines() if line.startswith("AmbientCapabilities=")]
    capabilities = line.partition("=")[2].lower().replace("cap_", "+").split()
    assert "+net_admin" in capabilities
    few = ",".join(capabilities)
    command = [*UNIT, f"--inh-caps=-all,{few}", f"--ambient-caps=-all,{few}", f"--bounding-set=-all,{few}", "nft", "-f", "-"]
    lan.director.run(command, input=GONE + "table inet vipkeeper { chain no_accept {\n}\n}\n")
    assert "vipkeeper" in lan.table()
    lan.director.run(command, input=GONE)
    assert "vipkeeper" not in lan.table()
