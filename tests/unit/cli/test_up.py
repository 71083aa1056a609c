"""vipctl up in network namespaces: real services from a keepalived.conf, and status, watch and explain beside them."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.netns import Host, Net
from tests.kit.process import Process
from tests.kit.wait import until

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 60
CONF = """
vrrp_instance VI_1 {
    state %s
    interface eth0
    virtual_router_id 51
    priority %d
    virtual_ipaddress {
        192.0.2.10
    }
}
virtual_server 192.0.2.10 80 {
    protocol TCP
    lb_algo wrr
    lb_kind NAT
    delay_loop 1
    real_server 192.0.2.2 80 {
        TCP_CHECK {
            connect_timeout 1
        }
    }
}
"""

pytestmark = pytest.mark.netns


class Up:
    """One `vipctl up` on a host."""

    def __init__(self, host: Host, folder: Path, text: str) -> None:
        self.host, self.folder = host, folder
        folder.mkdir()
        self.conf = folder / "keepalived.conf"
        self.conf.write_text(text)
        self.process = self.start()

    def start(self) -> Process:
        argv = ["up", "-c", self.conf, "--node", self.folder.name, "--run-dir", self.run, "--state-dir", self.folder / "state"]
        return self.host.start([sys.executable, "-m", "cli", *argv], cwd=ROOT, log=self.folder / "log")

    @property
    def run(self) -> Path:
        return self.folder / "run"

    def vipctl(self, *arguments: str) -> str:
        return self.host.run([sys.executable, "-m", "cli", *arguments, "--run-dir", self.run], cwd=ROOT, check=False).stdout

    def output(self) -> str:
        return self.process.output()

    def holds(self, address: str) -> bool:
        return f" {address}/" in self.host.ip("-br addr show dev eth0")


@pytest.fixture
def net() -> Iterator[Net]:
    if os.geteuid():
        pytest.skip("network namespaces need root")
    with Net() as made:
        yield made


@pytest.fixture
def pair(net: Net, tmp_path: Path) -> Iterator[tuple[Up, Up]]:
    lan = net.bridge("lan")
    ups = []
    for name, last, state, priority in (("d1", 1, "MASTER", 150), ("d2", 2, "BACKUP", 100)):
        host = net.host(name)
        host.join(lan, "eth0", f"192.0.2.{last}/24")
        ups.append(Up(host, tmp_path / name, CONF % (state, priority)))
    yield ups[0], ups[1]
    for up in ups:
        up.process.end()


def test_two_directors_from_two_files(pair: tuple[Up, Up]) -> None:
    first, second = pair
    until(lambda: first.holds("192.0.2.10"), PATIENCE_S, what=first.output)

    # An edit takes effect, a broken one is refused with its place.
    text = first.conf.read_text()
    first.conf.write_text(text.replace("192.0.2.10\n", "192.0.2.10\n192.0.2.11\n"))
    until(lambda: first.holds("192.0.2.11"), PATIENCE_S, what=first.output)
    first.conf.write_text(text.replace("priority 150", "priority 999"))
    refusal = f"{first.conf}:6:14: priority: expected a number from 1 to 255, got '999'; the last good configuration"
    until(lambda: refusal in first.output(), PATIENCE_S, what=first.output)
    assert first.holds("192.0.2.11")

    # What people see.
    until(lambda: json.loads(first.vipctl("status", "--json"))["services"]["ipvs"]["up"], PATIENCE_S, what=first.output)
    status = first.vipctl("status")
    assert "VI_1" in status
    assert "MASTER" in status
    assert "tcp-192.0.2.10-80" in status
    assert first.vipctl("explain", "VI_1").startswith("VI_1 ")
    assert first.vipctl("explain", "none") == ""

    # SIGTERM is a declared stop: the other takes over.
    watch = second.host.start(
        [sys.executable, "-m", "cli", "watch", "--run-dir", second.run], cwd=ROOT, log=second.folder / "watch"
    )
    until(lambda: "VI_1: BACKUP priority 100" in watch.output(), PATIENCE_S, what=watch.output)
    first.process.terminate()
    assert first.process.wait() == 0
    assert not first.holds("192.0.2.10")
    until(lambda: second.holds("192.0.2.10"), PATIENCE_S, what=second.output)
    until(lambda: "VI_1: MASTER priority 100" in watch.output(), PATIENCE_S, what=watch.output)
    watch.terminate()
    assert watch.wait() == 0
    assert "Traceback" not in first.output() + second.output() + watch.output()


def test_nothing_is_left_of_a_killed_one(pair: tuple[Up, Up]) -> None:
    first, second = pair
    until(lambda: first.holds("192.0.2.10"), PATIENCE_S, what=first.output)
    first.process.kill()
    until(lambda: not first.holds("192.0.2.10"), PATIENCE_S, what=first.output)
    until(lambda: second.holds("192.0.2.10"), PATIENCE_S, what=second.output)
    first.process = first.start()  # its services are gone, so the folder is free
    until(lambda: first.holds("192.0.2.10"), PATIENCE_S, what=first.output)


def test_a_second_one_in_the_same_folder_is_one_line(pair: tuple[Up, Up]) -> None:
    first, _ = pair
    until(lambda: (first.run / "config.json").exists(), PATIENCE_S, what=first.output)
    again = first.host.start(
        [sys.executable, "-m", "cli", "up", "-c", first.conf, "--run-dir", first.run, "--state-dir", first.folder / "s2"],
        cwd=ROOT,
    )
    assert again.wait() == 1
    assert "vipctl up runs there already" in again.output()


def test_a_refused_file_does_not_start(net: Net, tmp_path: Path) -> None:
    up = Up(net.host("d1"), tmp_path / "d1", "vrrp_instance V {\n interface\n}\n")
    assert up.process.wait(PATIENCE_S) == 4
    assert f"{up.conf}:2:2: interface: expected an interface name after it, got nothing; refused" in up.output()


def test_a_json_store_is_followed_too(net: Net, tmp_path: Path) -> None:
    host = net.host("d1")
    host.join(net.bridge("lan"), "eth0", "192.0.2.1/24")
    value = {"interface": "eth0", "virtual_router_id": 5, "state": "master", "virtual_ipaddress": [{"address": "192.0.2.10"}]}
    up = Up(host, tmp_path / "d1", json.dumps({"config/vrrp_instance/V": value}))
    until(lambda: up.holds("192.0.2.10"), PATIENCE_S, what=up.output)
    up.conf.write_text('{"config/vrrp_instance/V": {')
    until(lambda: "line 1 column" in up.output(), PATIENCE_S, what=up.output)
    assert up.holds("192.0.2.10")
    value["virtual_ipaddress"] = [{"address": "192.0.2.11"}]
    up.conf.write_text(json.dumps({"config/vrrp_instance/V": value}))
    until(lambda: up.holds("192.0.2.11") and not up.holds("192.0.2.10"), PATIENCE_S, what=up.output)
    up.process.terminate()
    assert up.process.wait() == 0
