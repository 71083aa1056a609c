"""The whole service on a real table: configuration from a file, health by gRPC, the live table, adoption, repair."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.kit.netns import Namespace
from tests.kit.process import Process
from tests.kit.wait import until
from tests.lab.judge import clear, ipvsadm, saved
from vipkeeper.config.v1 import server_pb2
from vipkeeper.ipvs.v1 import health_pb2, ipvs_pb2, ipvs_pb2_grpc

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

WEB = {"address": "10.0.0.1", "port": 80, "protocol": "tcp", "lb_algo": "wrr", "sorry_server": {"address": "10.0.9.9"}}
FOREIGN = "-A -t 10.7.7.7:25 -s rr\n-a -t 10.7.7.7:25 -r 10.7.7.8:25 -m -w 4\n"
LIMIT_S = 60.0


def server(number: int, **more: Any) -> dict[str, Any]:
    return {"address": f"10.0.1.{number}", "port": 80, "weight": number, "tcp_check": [{}]} | more


def three() -> dict[str, Any]:
    """web with s2, s3 and s4, of weights 2, 3 and 4."""
    return {"config/virtual_server/web": WEB} | {f"config/real_server/web/s{n}": server(n) for n in (2, 3, 4)}


def lines(*weights: tuple[int, int], scheduler: str = "wrr") -> list[str]:
    """The table as ipvsadm saves it: servers by the last number of their addresses, 9 the sorry server."""
    addresses = {n: "10.0.9.9" if n == 9 else f"10.0.1.{n}" for n, _ in weights}
    return sorted(
        [f"-A -t 10.0.0.1:80 -s {scheduler}", *(f"-a -t 10.0.0.1:80 -r {addresses[n]}:80 -m -w {w}" for n, w in weights)]
    )


class Checker:
    """The checker's side of a health stream."""

    def __init__(self, stub: Any) -> None:
        self._requests: queue.Queue[health_pb2.ReportHealthRequest | None] = queue.Queue()
        self.call = stub.ReportHealth(iter(self._requests.get, None), timeout=LIMIT_S)
        self.sequence = 0

    def say(self, snapshot: bool = False, sequence: int | None = None, **servers: bool | int) -> int:
        """Up (or an adjustment of the weight) or down by name; returns the acknowledged sequence."""
        self.sequence += 1
        request = health_pb2.ReportHealthRequest(
            epoch="test", sequence=self.sequence if sequence is None else sequence, snapshot=snapshot
        )
        for name, word in servers.items():
            request.servers.add(
                virtual_server="web",
                real_server=name,
                up=word is not False,
                weight_adjustment=0 if isinstance(word, bool) else word,
                cause=f"TCP_CHECK of {name}",
            )
        self._requests.put(request)
        return int(next(self.call).sequence)

    def hang_up(self) -> None:
        self._requests.put(None)
        assert list(self.call) == []


class Service:
    """The process, its store and its API."""

    def __init__(self, namespace: Namespace, folder: Path) -> None:
        self._namespace = namespace
        self.folder = folder
        self.log = folder / "log"
        self.process: Process | None = None
        self._channel = grpc.insecure_channel(f"unix:{folder}/ipvs.sock")
        self.stub = ipvs_pb2_grpc.IpvsServiceStub(self._channel)

    def put(self, objects: dict[str, Any]) -> None:
        fresh = self.folder / "store.new"
        fresh.write_text(json.dumps(objects))
        fresh.rename(self.folder / "store.json")

    def start(self, objects: dict[str, Any] | None = None, capabilities: str = "", store: str = "") -> Service:
        """`capabilities`: root's powers that it is left with, as setpriv takes them; empty: all. `store`: not the file."""
        if objects is not None:
            self.put(objects)
        argv = ["setpriv", f"--bounding-set={capabilities}", "--"] if capabilities else []
        store = store or f"file:{self.folder}/store.json"
        argv += [sys.executable, "-m", "services.ipvs", "--store", store, "--node", "d1"]
        argv += ["--run-dir", str(self.folder), "--state-dir", str(self.folder / "state"), "--log-level", "debug"]
        self.process = self._namespace.start(argv, log=self.log)
        return self

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()

    def close(self) -> None:
        self._channel.close()

    def operations(self) -> list[str]:
        """What it did to the kernel, out of its log."""
        words = ("add ", "edit ", "remove ")
        texts = [line.partition("ipvs.runtime: ")[2] for line in self.log.read_text().splitlines()]
        return [text for text in texts if text.startswith(words)]

    def listed(self) -> ipvs_pb2.ListVirtualServersResponse:
        request = ipvs_pb2.ListVirtualServersRequest()
        answer: ipvs_pb2.ListVirtualServersResponse = self.stub.ListVirtualServers(
            request, timeout=LIMIT_S, wait_for_ready=True
        )
        return answer

    def becomes(self, wanted: list[str]) -> None:
        until(
            lambda: saved() == wanted, LIMIT_S, lambda: f"{wanted} in the kernel, which has {saved()}\n{self.log.read_text()}"
        )


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    made = Namespace("ipvs")
    made.ip("link set lo up")
    with made.entered():
        yield made
    made.close()


@pytest.fixture
def service(namespace: Namespace, tmp_path: Path) -> Iterator[Service]:
    made = Service(namespace, tmp_path)
    yield made
    made.close()


def test_configuration_reaches_the_kernel_and_its_changes_touch_one_server(service: Service) -> None:
    service.start(three()).becomes(lines((2, 2), (3, 3), (4, 4)))
    added = 4  # a service and three servers; the log comes a moment after the kernel
    until(lambda: len(service.operations()) == added, LIMIT_S, "the log of what was added")
    service.put(three() | {"config/real_server/web/s3": server(3, weight=9)})
    service.becomes(lines((2, 2), (3, 9), (4, 4)))
    until(lambda: len(service.operations()) > added, LIMIT_S, "the log of what was changed")
    assert service.operations()[added:] == ["edit server 10.0.1.3:80 (nat, weight 9) of tcp 10.0.0.1:80"]
    without = {k: v for k, v in three().items() if not k.endswith("s2")}
    service.put(without | {"config/virtual_server/web": WEB | {"lb_algo": "sh"}})
    service.becomes(lines((3, 3), (4, 4), scheduler="sh"))
    service.put({})
    service.becomes([])


def test_health_is_in_the_kernel_before_it_is_acknowledged(service: Service) -> None:
    service.start(three()).becomes(lines((2, 2), (3, 3), (4, 4)))
    checker = Checker(service.stub)
    assert checker.say(snapshot=True, s2=True, s3=True, s4=True) == 1
    assert checker.say(s2=False) == 2
    assert saved() == lines((3, 3), (4, 4))
    assert checker.say(s3=-2) == 3
    assert saved() == lines((3, 1), (4, 4))
    assert checker.say(s3=False, s4=False) == 4
    assert saved() == lines((9, 1))
    assert checker.say(s2=True) == 5
    assert saved() == lines((2, 2))
    checker.hang_up()
    service.listed()
    assert saved() == lines((2, 2))
    again = Checker(service.stub)
    again.say(snapshot=True, s2=True, s3=True, s4=True)
    assert saved() == lines((2, 2), (3, 3), (4, 4))
    again.hang_up()


def failure(of: Callable[[], object]) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        of()
    return caught.value.code(), caught.value.details() or ""


def test_a_stream_that_does_not_begin_with_a_snapshot_or_skips_is_refused(service: Service) -> None:
    service.start(three()).becomes(lines((2, 2), (3, 3), (4, 4)))
    code, text = failure(lambda: Checker(service.stub).say(s2=False))
    assert (code, "expected sequence 1 with snapshot" in text) == (grpc.StatusCode.FAILED_PRECONDITION, True)
    code, text = failure(lambda: Checker(service.stub).say(snapshot=True, sequence=2, s2=False))
    assert code == grpc.StatusCode.FAILED_PRECONDITION
    checker = Checker(service.stub)
    checker.say(snapshot=True, s2=True)
    code, text = failure(lambda: checker.say(sequence=3, s2=False))
    assert (code, "expected sequence 2, got 3" in text) == (grpc.StatusCode.FAILED_PRECONDITION, True)
    old, new = Checker(service.stub), Checker(service.stub)
    old.say(snapshot=True, s2=True)
    old.say(s3=True)
    new.say(snapshot=True, s2=True)
    assert failure(lambda: old.say(s2=False))[0] == grpc.StatusCode.ABORTED
    assert saved() == lines((2, 2), (3, 3), (4, 4))
    new.hang_up()


def test_killed_and_started_again_it_writes_nothing(service: Service) -> None:
    service.start(three()).becomes(lines((2, 2), (3, 3), (4, 4)))
    checker = Checker(service.stub)
    checker.say(snapshot=True, s2=False, s3=True, s4=True)
    ledger = service.folder / "state/ledger.json"
    until(lambda: "s2" in ledger.read_text(), LIMIT_S, "the ledger knows who is down")
    done = service.operations()
    service.kill()
    assert saved() == lines((3, 3), (4, 4))
    service.start()
    table = {s.name: s for s in service.listed().virtual_servers[0].real_servers}
    assert saved() == lines((3, 3), (4, 4))
    assert {n: (s.in_kernel, s.health) for n, s in table.items()} == {
        "s2": (False, ipvs_pb2.HEALTH_PRESUMED_DOWN),
        "s3": (True, ipvs_pb2.HEALTH_PRESUMED_UP),
        "s4": (True, ipvs_pb2.HEALTH_PRESUMED_UP),
        "sorry_server": (False, ipvs_pb2.HEALTH_UNSPECIFIED),
    }
    assert service.operations() == done
    Checker(service.stub).say(snapshot=True, s2=True, s3=True, s4=True)
    assert saved() == lines((2, 2), (3, 3), (4, 4))


def test_a_declared_stop_leaves_the_table_and_the_next_start_removes_what_is_gone(service: Service) -> None:
    service.start(three()).becomes(lines((2, 2), (3, 3), (4, 4)))
    assert service.process is not None
    service.process.terminate()
    assert service.process.wait(LIMIT_S) == 0
    assert saved() == lines((2, 2), (3, 3), (4, 4))
    ipvsadm(FOREIGN)
    service.start({})
    service.becomes(sorted(FOREIGN.splitlines()))


def test_what_is_found_is_adopted_and_others_are_left_alone(service: Service) -> None:
    ipvsadm(FOREIGN + "\n".join(lines((2, 7), (8, 1), scheduler="rr")))
    service.start(three())
    service.becomes(sorted([*FOREIGN.splitlines(), *lines((2, 7), (3, 3), (4, 4))]))
    mine, other = service.listed().virtual_servers
    assert (mine.name, mine.foreign, other.name, other.foreign, other.address) == ("web", False, "", True, "10.7.7.7")
    assert [(s.address, s.weight) for s in other.real_servers] == [("10.7.7.8", 4)]
    service.put({})
    service.becomes(sorted(FOREIGN.splitlines()))


def test_what_others_do_to_the_table_is_put_right(service: Service) -> None:
    service.start(three()).becomes(lines((2, 2), (3, 3), (4, 4)))
    clear()
    service.becomes(lines((2, 2), (3, 3), (4, 4)))
    ipvsadm(
        "-e -t 10.0.0.1:80 -r 10.0.1.3:80 -m -w 77\n"
        "-d -t 10.0.0.1:80 -r 10.0.1.2:80\n"
        "-a -t 10.0.0.1:80 -r 10.0.1.99:80 -m -w 5\n"
    )
    service.becomes(lines((2, 2), (3, 3), (4, 4)))
    clear()
    checker = Checker(service.stub)  # the write finds another table than it believes in, and does not wait for a reading
    checker.say(snapshot=True, s2=False, s3=True, s4=True)
    assert saved() == lines((3, 3), (4, 4)) or saved() == []
    service.becomes(lines((3, 3), (4, 4)))


def test_a_server_that_the_kernel_refuses_is_a_problem_and_the_others_work(service: Service) -> None:
    broken = {"config/real_server/web/all": server(5, address="255.255.255.255")}
    service.start(three() | broken).becomes(lines((2, 2), (3, 3), (4, 4)))
    (web,) = service.listed().virtual_servers
    problem = {s.name: s.problem for s in web.real_servers}
    assert "cannot use this address" in problem["all"]
    assert set(problem.values()) == {problem["all"], ""}
    plan = service.stub.Plan(ipvs_pb2.PlanRequest(), timeout=LIMIT_S)
    assert [(o.verb, o.virtual_server, o.real_server, o.refused) for o in plan.operations] == [
        (ipvs_pb2.VERB_ADD_SERVER, "web", "all", problem["all"])
    ]
    service.put(three())
    until(lambda: not service.stub.Plan(ipvs_pb2.PlanRequest(), timeout=LIMIT_S).operations, LIMIT_S, "nothing to do")
    assert service.log.read_text().count("the kernel refuses to add server 255.255.255.255:80") == 1


def test_the_live_table_shows_configuration_kernel_health_and_quorum(service: Service) -> None:
    service.start(
        three()
        | {
            "config/virtual_server/web": WEB | {"quorum": 7, "hysteresis": 1, "persistence_timeout": "300s"},
            "config/virtual_server/mark": {"fwmark": 5, "lb_kind": "dr", "ops": True},
            "config/real_server/web/odd": {"address": "10.0.1.5", "port": 81, "lb_kind": "dr"},
            "config/real_server/web/s4": server(4, uthreshold=100, lthreshold=50),
        }
    )
    until(lambda: len(saved()) == 5, LIMIT_S, "the table")
    checker = Checker(service.stub)
    checker.say(snapshot=True, s2=True, s3=False)
    mark, web = service.listed().virtual_servers
    assert (mark.name, mark.fwmark, mark.address, list(mark.flags), mark.scheduler) == ("mark", 5, "", ["ops"], "wlc")
    assert (web.quorum, web.hysteresis, web.live_weight, web.quorum_up, web.sorry_active) == (7, 1, 6, True, False)
    assert (web.persistence_timeout.seconds, web.persistence_prefix, list(web.flags)) == (300, 32, ["persistent"])
    assert (web.in_kernel, web.protocol, web.problem) == (True, server_pb2.PROTOCOL_TCP, "")
    rows = {s.name: s for s in web.real_servers}
    assert [s.name for s in web.real_servers] == ["s2", "s3", "s4", "sorry_server", "odd"]
    s3, s4 = rows["s3"], rows["s4"]
    assert (s3.in_kernel, s3.configured_weight, s3.weight, s3.health, s3.cause) == (
        False, 3, 0, ipvs_pb2.HEALTH_DOWN, "TCP_CHECK of s3",
    )  # fmt: skip
    assert (s4.uthreshold, s4.lthreshold, s4.health) == (100, 50, ipvs_pb2.HEALTH_PRESUMED_UP)
    assert "port" in rows["odd"].problem
    checker.say(s2=False)
    got = service.stub.GetVirtualServer(ipvs_pb2.GetVirtualServerRequest(name="web"), timeout=LIMIT_S).virtual_server
    assert (got.live_weight, got.quorum_up, got.sorry_active) == (4, False, True)
    get = ipvs_pb2.GetVirtualServerRequest(name="nix")
    assert failure(lambda: service.stub.GetVirtualServer(get, timeout=LIMIT_S))[0] == grpc.StatusCode.NOT_FOUND


def test_a_watch_tells_all_then_synced_then_what_changes(service: Service) -> None:
    service.start(three()).becomes(lines((2, 2), (3, 3), (4, 4)))
    stream = service.stub.WatchVirtualServers(ipvs_pb2.WatchVirtualServersRequest(), timeout=LIMIT_S)
    first = [next(stream) for _ in range(6)]
    assert [r.sequence for r in first] == [1, 2, 3, 4, 5, 6]
    assert [r.WhichOneof("change") for r in first] == ["virtual_server", *["real_server"] * 4, "synced"]
    checker = Checker(service.stub)
    checker.say(snapshot=True, s2=False, s3=True, s4=True)
    seen = (r.real_server for r in stream if r.WhichOneof("change") == "real_server")
    assert next(not s.real_server.in_kernel for s in seen if s.real_server.health == ipvs_pb2.HEALTH_DOWN)
    service.put({k: v for k, v in three().items() if not k.endswith("s2")})
    gone = next(r.gone for r in stream if r.WhichOneof("change") == "gone")
    assert (gone.virtual_server, gone.real_server) == ("web", "s2")
    service.put({})
    gone = next(r.gone for r in stream if r.WhichOneof("change") == "gone" and not r.gone.real_server)
    assert gone.virtual_server == "web"
    stream.cancel()


def test_two_virtual_servers_of_one_address_are_a_problem_of_the_second(service: Service) -> None:
    service.start(three() | {"config/virtual_server/zwei": WEB}).becomes(lines((2, 2), (3, 3), (4, 4)))
    web, zwei = service.listed().virtual_servers
    assert (web.in_kernel, zwei.in_kernel, "already virtual server 'web'" in zwei.problem) == (True, False, True)


def test_the_right_to_administer_the_network_is_all_it_needs(service: Service) -> None:
    whole = {"lvs_sync_daemon": {"interface": "lo"}, "lvs_timeouts": {"udp": "50s"}}
    objects = three() | {"config/global": whole}
    service.start(objects, capabilities="-all,+net_admin").becomes(lines((2, 2), (3, 3), (4, 4)))
    until(lambda: len(service.listed().sync_daemons) == 2, LIMIT_S, "the sync daemons")
    assert service.listed().timeouts.udp.seconds == 50
    status = Path(f"/proc/{service.process.pid}/status").read_text() if service.process else ""
    assert "CapEff:\t0000000000001000\n" in status


def test_without_that_right_it_says_so_and_goes_on(service: Service) -> None:
    service.start(three(), capabilities="-all")
    until(lambda: len(service.listed().virtual_servers) == 1, LIMIT_S, "the configuration")
    answer = service.listed()
    assert "CAP_NET_ADMIN" in answer.unavailable
    assert (answer.virtual_servers[0].in_kernel, saved()) == (False, [])
    code, text = failure(lambda: service.stub.Plan(ipvs_pb2.PlanRequest(), timeout=LIMIT_S))
    assert (code, text) == (grpc.StatusCode.UNAVAILABLE, answer.unavailable)
    assert service.log.read_text().count("CAP_NET_ADMIN") == 1


def test_vipctl_status_shows_flags_tunnels_groups_and_sync_daemons(service: Service) -> None:
    gue = {"type": "gue", "port": 6080, "checksum": "csum"}
    web = {"group": "front", "protocol": "tcp", "lb_algo": "sh", "sh_port": True, "lb_kind": "tun", "tunnel": gue}
    service.start(
        {
            "config/global": {"lvs_sync_daemon": {"interface": "lo", "id": 7}, "lvs_timeouts": {"udp": "50s"}},
            "config/virtual_server_group/front": {"address": [{"address": "10.0.0.1-3", "port": 80}]},
            "config/virtual_server/web": web,
            "config/real_server/web/s2": {"address": "10.0.1.2"},
            "config/real_server/web/s3": {"address": "10.0.1.3", "tunnel": {"type": "ipip"}},
        }
    )
    until(lambda: len(saved()) == 9, LIMIT_S, lambda: f"{saved()}\n{service.log.read_text()}")
    until(lambda: len(service.listed().sync_daemons) == 2, LIMIT_S, "the daemons, which come after the table")
    answer = service.listed()
    assert [(d.master, d.interface, d.id) for d in answer.sync_daemons] == [(True, "lo", 7), (False, "lo", 7)]
    assert (answer.timeouts.tcp.seconds, answer.timeouts.udp.seconds) == (900, 50)
    argv = [sys.executable, "-m", "cli", "status", "--run-dir", str(service.folder)]
    text = subprocess.run(argv, capture_output=True, text=True, check=False).stdout
    for words in (
        "web (3 of 3 services)",
        "sh sh-port",
        "tun gue:6080 csum",
        "IPVS sync daemon: master on lo, id 7, 224.0.0.81:8848",
    ):
        assert words in text, text
    assert [line.split()[1] for line in text.splitlines() if "s3" in line] == ["tun"]
