"""etcd gone, or full of rubbish: everything runs on with the last good configuration, and starts from the local copy of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.kit.adverts import Wire, missing
from tests.kit.etcd import Etcd
from tests.kit.netns import Net
from tests.kit.node import Node
from tests.kit.wait import until
from tests.must_hold.pair import CONFIGURATION, INTERVAL_S, PATIENCE_S, VIP, now
from vipkeeper.checker.v1 import checker_pb2, checker_pb2_grpc

pytestmark = [pytest.mark.netns, pytest.mark.timeout(400)]

WEBSERVER = Path(__file__).resolve().parents[1] / "kit/webserver.py"
ETCD = "192.168.200.30"
POOL = f"tcp-{VIP}-80"
STORED: dict[str, Any] = {
    **CONFIGURATION,
    f"config/virtual_server/{POOL}": {"address": VIP, "port": 80, "protocol": "tcp", "delay_loop": "1s", "retry": 0},
    f"config/real_server/{POOL}/192.168.200.40-80": {"address": "192.168.200.40", "port": 80, "tcp_check": [{}]},
}


class Site:
    """One node whose vrrp and checker are configured by a real etcd, a server that is checked, and a witness."""

    def __init__(self, net: Net, folder: Path) -> None:
        lan = net.bridge("front")
        hosts = {name: net.host(name) for name in ("first", "etcd", "web", "witness")}
        for host, address in zip(hosts.values(), ("192.168.200.1", ETCD, "192.168.200.40", "192.168.200.9"), strict=True):
            host.join(lan, "eth0", f"{address}/24")
        self._web_host = hosts["web"]
        self.start_web()
        self.wire = Wire(hosts["witness"])
        self.etcd = Etcd(folder, host=hosts["etcd"], address=ETCD).start()
        for key, value in STORED.items():
            self.etcd.put(f"/vipkeeper/{key}", json.dumps(value))
        self.node = Node(hosts["first"], "first", folder / "first", self.etcd.url)

    def start_web(self) -> None:
        self.web = self._web_host.start([sys.executable, "-S", "-I", WEBSERVER, "web", "{}"])

    def states(self) -> list[int]:
        """States of all checks."""
        with grpc.insecure_channel(self.node.target("checker")) as channel:
            stub = checker_pb2_grpc.CheckerServiceStub(channel)
            answer = stub.ListChecks(checker_pb2.ListChecksRequest(), timeout=30, wait_for_ready=True)
        return [check.state for check in answer.checks]

    def problem_keys(self, service: str) -> set[str]:
        """Keys that a service complains of in its status key."""
        status = json.loads(self.etcd.get(f"/vipkeeper/status/first/{service}") or "{}")
        return {problem["key"] for problem in status.get("problems", ())}

    def wait_until_all_is_well(self) -> None:
        until(lambda: VIP in self.node.addresses("eth0"), PATIENCE_S, what=self.node.logs)
        until(lambda: self.states() == [checker_pb2.CHECK_STATE_UP], PATIENCE_S, what=self.node.logs)

    def see_that_all_goes_on(self) -> None:
        """Master at its configured priority; the checker notices what happens to the server."""
        began = now()
        self.web.kill()
        until(lambda: self.states() == [checker_pb2.CHECK_STATE_DOWN], PATIENCE_S, what=self.node.logs)
        self.start_web()
        until(lambda: self.states() == [checker_pb2.CHECK_STATE_UP], PATIENCE_S, what=self.node.logs)
        until(lambda: len(self.wire.adverts(began)) >= 4, PATIENCE_S, what=self.node.logs)
        adverts = self.wire.adverts(began)
        assert {advert.priority for advert in adverts} == {150}
        assert missing(adverts, INTERVAL_S) == 0
        assert VIP in self.node.addresses("eth0")


@pytest.fixture
def site(net: Net, tmp_path: Path) -> Iterator[Site]:
    made = Site(net, tmp_path)
    try:
        made.node.start("vrrp", "checker")
        made.wait_until_all_is_well()
        yield made
    finally:
        made.etcd.close()


def test_without_etcd_everything_runs_on_and_starts_again(site: Site) -> None:
    copies = [site.node.state_dir / service / "config.json" for service in ("vrrp", "checker")]
    until(lambda: all(copy.exists() for copy in copies), PATIENCE_S, what="local copies of the configuration")
    site.etcd.kill()
    site.see_that_all_goes_on()
    for service in ("vrrp", "checker"):
        site.node.stop(service)
    assert VIP not in site.node.addresses("eth0")

    site.node.start("vrrp", "checker")

    site.wait_until_all_is_well()
    site.see_that_all_goes_on()


def test_with_an_etcd_full_of_rubbish_everything_runs_on_and_starts_again(site: Site) -> None:
    for number, key in enumerate(STORED):
        site.etcd.put(f"/vipkeeper/{key}", ("not json", '{"no_such_keyword": 1}', "[]", '"\\u0000"')[number % 4])
    until(lambda: site.problem_keys("vrrp") >= {"config/vrrp_instance/VI_1"}, PATIENCE_S, what=site.node.logs)
    bad = {key for key in STORED if "_server/" in key}
    until(lambda: site.problem_keys("checker") >= bad, PATIENCE_S, what=site.node.logs)
    site.see_that_all_goes_on()
    for service in ("vrrp", "checker"):
        site.node.stop(service)

    site.node.start("vrrp", "checker")

    site.wait_until_all_is_well()
    site.see_that_all_goes_on()
