"""Drains over gRPC and vipctl, with the real service, a real etcd and leases; the kernel's part is in tests/lab."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from cli.main import main
from tests.kit.etcd import Etcd
from tests.kit.notify import Notify
from tests.kit.process import Process
from tests.kit.wait import until
from vipkeeper.common.v1 import event_pb2, problem_pb2, problem_pb2_grpc
from vipkeeper.ipvs.v1 import health_pb2, ipvs_pb2, ipvs_pb2_grpc
from vipkeeper.notify.v1 import notify_pb2, notify_pb2_grpc

LIMIT_S = 60.0
WEB: dict[str, Any] = {"address": "10.0.0.1", "port": 80, "protocol": "tcp"}
NOT_FOUND, INVALID = grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT
PAST = grpc.StatusCode.FAILED_PRECONDITION


class Site:
    """An etcd with `web` and its servers, and an ipvs on it; a notify where a test wants one."""

    def __init__(self, etcd: Etcd, folder: Path) -> None:
        self.etcd = etcd
        self.folder = folder
        self.run_dir = folder / "run"
        self.run_dir.mkdir()
        self.process: Process | None = None
        self._channel = grpc.insecure_channel(f"unix:{self.run_dir}/ipvs.sock")
        self.stub = ipvs_pb2_grpc.IpvsServiceStub(self._channel)
        self.problem_stub = problem_pb2_grpc.ProblemServiceStub(self._channel)

    def start(self) -> None:
        flags = ["--store", self.etcd.url, "--node", "d1", "--run-dir", str(self.run_dir)]
        self.process = Process([sys.executable, "-m", "services.ipvs", *flags, "--state-dir", str(self.folder / "ipvs")])

    def put(self, key: str, value: dict[str, Any]) -> None:
        self.etcd.put(f"/vipkeeper/config/{key}", json.dumps(value))

    def servers(self) -> dict[str, ipvs_pb2.RealServer]:
        """What the live table shows of web's servers."""
        request = ipvs_pb2.GetVirtualServerRequest(name="web")
        try:
            found = self.stub.GetVirtualServer(request, timeout=LIMIT_S, wait_for_ready=True).virtual_server
        except grpc.RpcError:  # not configured yet
            return {}
        return {server.name: server for server in found.real_servers}

    def shows(self, *names: str) -> None:
        until(lambda: sorted(self.servers()) == sorted(names), LIMIT_S, f"the live table has {names}")

    def drain(self, virtual: str = "web", real: str = "s2", **more: Any) -> ipvs_pb2.DrainResponse:
        request = ipvs_pb2.DrainRequest(virtual_server=virtual, real_server=real, **({"reason": "test"} | more))
        answer: ipvs_pb2.DrainResponse = self.stub.Drain(request, timeout=LIMIT_S)
        return answer

    def drains(self) -> dict[str, str]:
        """Steps by server."""
        found = self.stub.ListDrains(ipvs_pb2.ListDrainsRequest(), timeout=LIMIT_S, wait_for_ready=True).drains
        return {d.real_server: event_pb2.DrainStep.Name(d.step).removeprefix("DRAIN_STEP_") for d in found}

    def close(self) -> None:
        self._channel.close()
        if self.process is not None:
            self.process.__exit__(None, None, None)


@pytest.fixture
def site(etcd: Etcd, tmp_path: Path) -> Iterator[Site]:
    made = Site(etcd, tmp_path)
    made.put("virtual_server/web", WEB)
    for number in (2, 3):
        made.put(f"real_server/web/s{number}", {"address": f"10.0.1.{number}"})
    made.start()
    made.shows("s2", "s3")
    yield made
    made.close()


def moment(after_s: float) -> dict[str, int]:
    at = time.time_ns() + int(after_s * 1e9)
    return {"seconds": at // 10**9, "nanos": at % 10**9}


def vipctl(site: Site, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What it prints."""
    status = main([*words, "--run-dir", str(site.run_dir)])
    said = capsys.readouterr()
    assert status == 0, said
    return said.out


@pytest.mark.parametrize(
    ("code", "words", "request_"),
    [
        (NOT_FOUND, "there is no virtual server 'nix'; there are: web", {"virtual": "nix"}),
        (NOT_FOUND, "'web' uses no real server 's9'; it uses: s2, s3", {"real": "s9"}),
        (INVALID, "reason: is required", {"reason": " "}),
        (PAST, "deadline: is in the past", {"deadline": {"seconds": 1}}),
        (PAST, "until: is in the past", {"until": {"seconds": 1}}),
    ],
)
def test_what_makes_no_sense_is_refused(site: Site, code: grpc.StatusCode, words: str, request_: dict[str, Any]) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        site.drain(**request_)
    assert (caught.value.code(), words in (caught.value.details() or "")) == (code, True)
    with pytest.raises(grpc.RpcError) as caught:
        site.stub.EndDrain(ipvs_pb2.EndDrainRequest(virtual_server="web", real_server="s2"), timeout=LIMIT_S)
    assert caught.value.code() == NOT_FOUND
    assert site.drains() == {}


def test_validate_only_says_what_would_be_and_does_nothing(site: Site) -> None:
    answer = site.drain(validate_only=True)
    assert (answer.live_weight, answer.quorum, answer.quorum_up, list(answer.warnings)) == (1, 1, True, [])
    assert (site.drains(), site.servers()["s2"].HasField("drain")) == ({}, False)
    site.drain()
    request = ipvs_pb2.EndDrainRequest(virtual_server="web", real_server="s2", validate_only=True)
    assert site.stub.EndDrain(request, timeout=LIMIT_S).drain.reason == "test"
    assert site.drains() == {"s2": "DRAINING"}
    assert list(site.drain(real="s3", validate_only=True).warnings) == [
        "no live server is left to web: nobody answers new connections"
    ]


def test_an_order_survives_kill_9_and_ends_at_its_time(site: Site) -> None:
    site.drain(deadline=moment(2), until=moment(600))
    assert site.process is not None
    site.process.kill()
    site.start()
    until(lambda: site.drains() == {"s2": "DRAINED"}, LIMIT_S, "out at its deadline")
    shown = site.servers()["s2"].drain
    assert (shown.reason, shown.until.seconds > 0, shown.removed) == ("test", True, False)
    site.drain(until=moment(1), reason="shorter")
    until(lambda: site.drains() == {}, LIMIT_S, "back at its end")
    assert not site.servers()["s2"].HasField("drain")


def test_every_step_is_an_event(site: Site) -> None:
    notify = Notify(site.folder)
    notify.put()
    notify.start()
    try:
        with grpc.insecure_channel(f"unix:{site.run_dir}/notify.sock") as channel:
            stub = notify_pb2_grpc.NotifyServiceStub(channel)
            site.drain(deadline=moment(1))
            until(lambda: site.drains() == {"s2": "DRAINED"}, LIMIT_S, "out")
            site.stub.EndDrain(ipvs_pb2.EndDrainRequest(virtual_server="web", real_server="s2"), timeout=LIMIT_S)

            def steps() -> list[str]:
                listed = stub.ListEvents(notify_pb2.ListEventsRequest(), timeout=LIMIT_S, wait_for_ready=True).events
                drains = [record.event.drain for record in listed if record.event.WhichOneof("what") == "drain"]
                return sorted({event_pb2.DrainStep.Name(d.step).removeprefix("DRAIN_STEP_") for d in drains})

            until(lambda: steps() == ["BACK", "DRAINED", "DRAINING"], LIMIT_S, lambda: str(steps()))
    finally:
        notify.close()


def test_with_omega_a_stop_is_told_as_a_loss(site: Site) -> None:
    site.put("virtual_server/web", WEB | {"omega": True})
    request = ipvs_pb2.GetVirtualServerRequest(name="web")
    until(lambda: site.stub.GetVirtualServer(request, timeout=LIMIT_S).virtual_server.quorum_up, LIMIT_S, "the quorum")
    notify = Notify(site.folder)
    notify.put()
    notify.start()
    try:
        with grpc.insecure_channel(f"unix:{site.run_dir}/notify.sock") as channel:
            stub = notify_pb2_grpc.NotifyServiceStub(channel)

            def told() -> list[tuple[str, bool]]:
                listed = stub.ListEvents(notify_pb2.ListEventsRequest(), timeout=LIMIT_S, wait_for_ready=True).events
                events = [record.event for record in listed]
                servers = [(e.real_server.real_server, e.real_server.up) for e in events if e.HasField("real_server")]
                return servers + [("", e.virtual_server.up) for e in events if e.HasField("virtual_server")]

            until(lambda: told() == [("", True)], LIMIT_S, lambda: f"the gain is told: {told()}")
            assert site.process is not None
            site.process.terminate()
            assert site.process.wait(LIMIT_S) == 0
            assert sorted(told()) == [("", False), ("", True), ("s2", False), ("s3", False)]
    finally:
        notify.close()


def test_vipctl_drains_lists_and_takes_back(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    said = vipctl(site, capsys, "drain", "web", "s2", "--reason", "new kernel", "--dry-run")
    assert said.startswith("would be: s2 of web is draining, 0 connections: new kernel")
    assert vipctl(site, capsys, "drain") == ""
    said = vipctl(site, capsys, "drain", "web", "s2", "--for", "1s", "--wait")
    assert said == "s2 of web is drained: vipctl drain\n"
    assert vipctl(site, capsys, "drain") == said
    assert "drained" in main_status(site, capsys)
    assert vipctl(site, capsys, "drain", "web", "s2", "--undo") == "ended: s2 of web is drained: vipctl drain\n"
    assert json.loads(vipctl(site, capsys, "drain", "--json")) == []
    warned = vipctl(site, capsys, "drain", "web", "s2") + vipctl(site, capsys, "drain", "web", "s3")
    assert "beware: no live server is left to web" in warned
    answer = json.loads(vipctl(site, capsys, "drain", "web", "s3", "--json"))
    assert (answer["drain"]["real_server"], answer["live_weight"]) == ("s3", 0)


def main_status(site: Site, capsys: pytest.CaptureFixture[str]) -> str:
    """`vipctl status`, of a node on which only ipvs runs."""
    assert main(["status", "--run-dir", str(site.run_dir)]) == 1
    return capsys.readouterr().out


def test_vipctl_maintenance_of_a_server_has_a_reason_and_an_end(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("maintenance", "on", "--server", "web/s2", "--reason", "new disk", "--for", "2h")
    said = vipctl(site, capsys, *words)
    assert said.startswith("s2 of web is draining, 0 connections, back at ")
    assert said.endswith(": new disk\n")
    assert vipctl(site, capsys, "maintenance", "list") == said
    assert vipctl(site, capsys, "maintenance", "off", "--server", "web/s2") == f"ended: {said}"
    assert json.loads(vipctl(site, capsys, *words, "--json"))["drain"]["reason"] == "new disk"
    assert json.loads(vipctl(site, capsys, "maintenance", "off", "--server", "web/s2", "--json"))["real_server"] == "s2"


@pytest.mark.parametrize(
    "words",
    [
        ("drain", "web"),
        ("drain", "web", "s2", "--undo", "--wait"),
        ("maintenance", "on", "--server", "web", "--reason", "x"),
        ("maintenance", "on", "VI_1", "--server", "web/s2", "--reason", "x"),
        ("maintenance", "off", "--server", "/s2"),
    ],
)
def test_vipctl_says_what_it_needs(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(list(words)) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_server_registers_itself_under_a_lease_and_drains_when_its_lease_ends(site: Site) -> None:
    site.put("virtual_server/web", WEB | {"drain_on_removal": "3s"})
    lease = site.etcd.etcdctl("lease", "grant", "600").split()[1]
    site.etcd.etcdctl("put", f"--lease={lease}", "/vipkeeper/config/real_server/web/s4", '{"address": "10.0.1.4"}')
    site.shows("s2", "s3", "s4")
    site.etcd.etcdctl("lease", "revoke", lease)
    until(lambda: site.drains() == {"s4": "DRAINING"}, LIMIT_S, "its lease is over, and it drains")
    until(lambda: site.drains() == {}, LIMIT_S, "it is out at the deadline")
    site.shows("s2", "s3")


def test_a_lease_that_is_not_kept_alive_runs_out(site: Site) -> None:
    lease = site.etcd.etcdctl("lease", "grant", "5").split()[1]
    site.etcd.etcdctl("put", f"--lease={lease}", "/vipkeeper/config/real_server/web/s4", '{"address": "10.0.1.4"}')
    site.shows("s2", "s3", "s4")
    site.shows("s2", "s3")


def test_a_panic_is_a_problem_at_once_and_ends(site: Site) -> None:
    site.put("virtual_server/web", WEB | {"panic_threshold": 60})
    for number in (2, 3):
        site.put(f"real_server/web/s{number}", {"address": f"10.0.1.{number}", "tcp_check": [{}]})
    until(lambda: site.servers()["s2"].health == ipvs_pb2.HEALTH_PRESUMED_UP, LIMIT_S, "checks")

    def panics() -> bool:
        found = site.problem_stub.ListProblems(problem_pb2.ListProblemsRequest(), timeout=LIMIT_S).problems
        request = ipvs_pb2.GetVirtualServerRequest(name="web")
        panic: bool = site.stub.GetVirtualServer(request, timeout=LIMIT_S).virtual_server.panic
        assert panic == any(p.field == "panic_threshold" for p in found)
        return panic

    def say(up: bool) -> Iterator[health_pb2.ReportHealthRequest]:
        server = health_pb2.ServerHealth(virtual_server="web", real_server="s2", up=up)
        yield health_pb2.ReportHealthRequest(epoch="e", sequence=1, snapshot=True, servers=[server])

    for up in (True, False, True):
        list(site.stub.ReportHealth(say(up), timeout=LIMIT_S))
        assert panics() is not up
