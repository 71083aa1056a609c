"""The whole vrrp service in a namespace: launcher, engine, agent and runner, notify beside it; whichever dies comes back."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.kit.netns import Bridge, Net
from tests.kit.node import ROOT, Node
from tests.kit.wait import until
from vipkeeper.common.v1 import event_pb2, problem_pb2, problem_pb2_grpc
from vipkeeper.notify.v1 import notify_pb2, notify_pb2_grpc
from vipkeeper.vrrp.v1 import vrrp_pb2, vrrp_pb2_grpc

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.timeout(240),
]

VIP = "192.168.200.10"
PATIENCE_S = 60
MASTER, BACKUP, FAULT = event_pb2.VRRP_STATE_MASTER, event_pb2.VRRP_STATE_BACKUP, event_pb2.VRRP_STATE_FAULT
INSTANCE = {
    "state": "MASTER",
    "interface": "eth0",
    "virtual_router_id": 51,
    "priority": 150,
    "virtual_ipaddress": [{"address": VIP}],
}


class Director:
    """One node with a file store."""

    def __init__(self, node: Node, store: Path, bridge: Bridge) -> None:
        self.node = node
        self.bridge = bridge
        self._store = store
        self._objects: dict[str, Any] = {}

    def put(self, **objects: Any) -> None:
        """`vrrp_instance__VI_1={...}` becomes config/vrrp_instance/VI_1; None removes it."""
        for key, value in objects.items():
            self._objects["config/" + key.replace("__", "/")] = value
        self._objects = {key: value for key, value in self._objects.items() if value is not None}
        fresh = self._store.with_suffix(".new")
        fresh.write_text(json.dumps(self._objects))
        fresh.rename(self._store)

    def call(self, method: str, request: Any) -> Any:
        """One call of VrrpService; None while it does not answer."""
        with grpc.insecure_channel(self.node.target("vrrp")) as channel:
            try:
                return getattr(vrrp_pb2_grpc.VrrpServiceStub(channel), method)(request, timeout=10)
            except grpc.RpcError as error:
                if error.code() == grpc.StatusCode.UNAVAILABLE:
                    return None
                raise

    def instance(self, name: str = "VI_1") -> vrrp_pb2.Instance | None:
        answer = self.call("ListInstances", vrrp_pb2.ListInstancesRequest())
        return next((i for i in answer.instances if i.name == name), None) if answer is not None else None

    def becomes(self, check: Callable[[vrrp_pb2.Instance], object], name: str = "VI_1") -> vrrp_pb2.Instance:
        """The instance, once it is as wanted."""

        def seen() -> vrrp_pb2.Instance | None:
            found = self.instance(name)
            return found if found is not None and check(found) else None

        found = until(seen, PATIENCE_S, what=lambda: f"{self.instance(name)}\n{self.node.logs()}")
        assert found is not None
        return found

    def engine(self) -> vrrp_pb2.Engine:
        answer = until(lambda: self.call("GetEngine", vrrp_pb2.GetEngineRequest()), PATIENCE_S, what=self.node.logs)
        return answer.engine

    def events(self) -> list[notify_pb2.JournaledEvent]:
        with grpc.insecure_channel(self.node.target("notify")) as channel:
            stub = notify_pb2_grpc.NotifyServiceStub(channel)
            return list(stub.ListEvents(notify_pb2.ListEventsRequest(), timeout=30, wait_for_ready=True).events)

    def transitions(self, kind: str = "vrrp_instance") -> list[int]:
        """States in the order in which notify heard of them."""
        return [getattr(e.event, kind).to for e in self.events() if e.event.WhichOneof("what") == kind]

    def pid(self, word: str) -> int:
        return until(lambda: self.node.pids("vrrp", word), PATIENCE_S, what=self.node.logs)[0]

    def agent(self) -> int:
        return self.pid("services.vrrp.agent")

    def runner(self) -> int:
        return self.pid("services.vrrp.runner")


@pytest.fixture
def director(open_folder: Path) -> Iterator[Director]:
    with Net() as net:
        host = net.host("d1")
        bridge = net.bridge("front")
        host.join(bridge, "eth0", "192.168.200.2/24")
        store = open_folder / "store.json"
        yield Director(Node(host, "d1", open_folder / "d1", f"file:{store}"), store, bridge)


@pytest.fixture
def script(open_folder: Path) -> Callable[[str], str]:
    """A program that adds its arguments to a file."""
    program = open_folder / "writes.sh"
    program.write_text('#!/bin/sh\nout=$1\nshift\necho "$*" >> "$out"\n')
    program.chmod(0o755)
    return lambda name: f"{program} {open_folder / name}"


def test_a_lone_router_becomes_master_says_so_and_tells_programs_with_exact_arguments(
    director: Director, script: Callable[[str], str], open_folder: Path
) -> None:
    out = script("out")
    director.put(
        vrrp_instance__VI_1={**INSTANCE, "notify_master": f"{out} master", "notify": f"{out} any"},
        vrrp_sync_group__VG={"group": ["VI_1"], "notify": script("group")},
    )
    director.node.start("notify", "vrrp")
    master = director.becomes(lambda i: i.state == MASTER)
    assert (master.interface, master.virtual_router_id, master.effective_priority) == ("eth0", 51, 150)
    assert (master.sync_group, master.source_address, master.current) == ("VG", "192.168.200.2", True)
    assert VIP in director.node.addresses("eth0")
    held = director.becomes(lambda i: i.addresses_held)
    assert list(held.addresses_held) == [f"{VIP}/32 dev eth0"]
    groups = director.call("ListSyncGroups", vrrp_pb2.ListSyncGroupsRequest()).sync_groups
    assert [(g.name, g.state, list(g.members)) for g in groups] == [("VG", MASTER, ["VI_1"])]
    sentences = director.call("Explain", vrrp_pb2.ExplainRequest(name="VI_1")).sentences
    assert sentences[0].startswith("VI_1 has been MASTER for ")
    wanted = ["any INSTANCE VI_1 BACKUP 150", "master", "any INSTANCE VI_1 MASTER 150"]
    until(lambda: lines(open_folder / "out") == wanted, PATIENCE_S, what=lambda: str(lines(open_folder / "out")))
    until(lambda: lines(open_folder / "group") == ["GROUP VG BACKUP 0", "GROUP VG MASTER 0"], PATIENCE_S)
    assert director.node.stop("vrrp") == 0
    assert VIP not in director.node.addresses("eth0")
    wanted.append("any INSTANCE VI_1 STOP 150")
    until(lambda: lines(open_folder / "out") == wanted, PATIENCE_S, what=lambda: str(lines(open_folder / "out")))


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def test_an_unknown_instance_is_not_found_and_the_known_ones_are_named(director: Director) -> None:
    director.put(vrrp_instance__VI_1=INSTANCE)
    director.node.start("vrrp")
    director.becomes(lambda i: i.state)
    for method, request in (
        ("GetInstance", vrrp_pb2.GetInstanceRequest(name="VI_9")),
        ("Explain", vrrp_pb2.ExplainRequest(name="VI_9")),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            director.call(method, request)
        assert caught.value.code() == grpc.StatusCode.NOT_FOUND
        assert "VI_1" in caught.value.details()
    assert director.call("GetInstance", vrrp_pb2.GetInstanceRequest(name="VI_1")).instance.name == "VI_1"


def test_a_change_reaches_the_running_engine_and_the_next_one_too(director: Director) -> None:
    director.put(vrrp_instance__VI_1=INSTANCE)
    director.node.start("vrrp")
    director.becomes(lambda i: i.state == MASTER)
    director.put(vrrp_instance__VI_1={**INSTANCE, "priority": 99}, vrrp_instance__VI_2={**INSTANCE, "virtual_router_id": 52})
    director.becomes(lambda i: i.base_priority == 99)
    director.becomes(lambda i: i.virtual_router_id == 52, "VI_2")
    director.put(vrrp_instance__VI_2=None)
    until(lambda: director.instance("VI_2") is None, PATIENCE_S, what=director.node.logs)
    saved = director.node.state_dir / "vrrp" / "engine.json"
    until(lambda: [r["name"] for r in json.loads(saved.read_text())["objects"]] == ["VI_1"], PATIENCE_S)
    os.kill(director.engine().pid, signal.SIGKILL)
    director.becomes(lambda i: i.current and i.base_priority == 99)
    assert director.instance("VI_2") is None


def test_a_watch_is_a_snapshot_one_synced_and_then_the_changes(director: Director) -> None:
    director.put(vrrp_instance__VI_1=INSTANCE)
    director.node.start("vrrp")
    director.becomes(lambda i: i.state == MASTER)
    with grpc.insecure_channel(director.node.target("vrrp")) as channel:
        watch = vrrp_pb2_grpc.VrrpServiceStub(channel).WatchInstances(vrrp_pb2.WatchInstancesRequest(), timeout=PATIENCE_S)
        told = [next(watch), next(watch)]
        director.put(vrrp_instance__VI_1=None)
        while told[-1].WhichOneof("what") != "removed":
            told.append(next(watch))
    assert [m.WhichOneof("what") for m in told[:2]] == ["instance", "synced"]
    assert told[-1].removed == "VI_1"
    assert [m.sequence for m in told] == list(range(1, len(told) + 1))


def test_the_time_of_the_next_advert_moves_on_with_the_adverts(director: Director) -> None:
    director.put(vrrp_instance__VI_1=INSTANCE)
    director.node.start("vrrp")
    before = director.becomes(lambda i: i.state == MASTER and i.next_advert_time.ToNanoseconds())
    later = before.next_advert_time.ToNanoseconds() + 1_500_000_000
    director.becomes(lambda i: i.counters.adverts_sent > 2 and i.next_advert_time.ToNanoseconds() > later)


def test_an_instance_that_leaves_the_configuration_reports_fault_as_in_keepalived(
    director: Director, script: Callable[[str], str], open_folder: Path
) -> None:
    director.put(vrrp_instance__VI_1={**INSTANCE, "notify": script("out")})
    director.node.start("notify", "vrrp")
    director.becomes(lambda i: i.state == MASTER)
    director.put(vrrp_instance__VI_1=None)
    until(lambda: director.transitions()[-1:] == [FAULT], PATIENCE_S, what=director.node.logs)
    until(lambda: lines(open_folder / "out")[-1:] == ["INSTANCE VI_1 FAULT 150"], PATIENCE_S)
    assert VIP not in director.node.addresses("eth0")


def test_problems_between_objects_and_of_programs_are_told_by_key_and_field(director: Director) -> None:
    director.put(
        vrrp_instance__VI_1={**INSTANCE, "track_script": [{"name": "missing"}]},
        vrrp_script__chk={"script": "/no/such/program"},
        vrrp_script__who={"script": "/bin/true", "user": "no-such-user"},
    )
    director.node.start("notify", "vrrp")
    wanted = {
        ("config/vrrp_instance/VI_1", "track_script[0].name"),
        ("config/vrrp_script/chk", "script"),
        ("config/vrrp_script/who", "user"),
    }

    def told() -> set[tuple[str, str]]:
        found = [e.event.configuration for e in director.events() if e.event.HasField("configuration")]
        return {(c.problem.key, c.problem.field) for c in found if not c.resolved}

    until(lambda: told() == wanted, PATIENCE_S, what=lambda: f"{told()}\n{director.node.logs()}")
    director.becomes(lambda i: i.state == MASTER)


def test_what_is_wrong_now_can_be_asked_and_ends_with_its_cause_whoever_restarted_meanwhile(director: Director) -> None:
    def told() -> list[tuple[str, str]] | None:
        with grpc.insecure_channel(director.node.target("vrrp")) as channel:
            stub = problem_pb2_grpc.ProblemServiceStub(channel)
            try:
                answer = stub.ListProblems(problem_pb2.ListProblemsRequest(), timeout=10)
            except grpc.RpcError:
                return None
            return [(problem.key, problem.field) for problem in answer.problems]

    director.put(vrrp_instance__VI_1={**INSTANCE, "virtual_router_id": 999})
    director.node.start("vrrp", "notify")
    until(lambda: told() == [("config/vrrp_instance/VI_1", "virtual_router_id")], PATIENCE_S, what=director.node.logs)
    director.node.kill("vrrp")
    director.put(vrrp_instance__VI_1=INSTANCE)
    director.node.start("vrrp")
    director.becomes(lambda i: i.state == MASTER)
    assert told() == []
    shown = director.node.host.run([sys.executable, "-m", "cli", "status", "--run-dir", director.node.run_dir], False, cwd=ROOT)
    assert "no problems" in shown.stdout or "problem" not in shown.stdout


def test_a_missing_interface_is_told_and_heals_when_it_comes(director: Director) -> None:
    director.put(vrrp_instance__VI_1={**INSTANCE, "interface": "eth7"})
    director.node.start("notify", "vrrp")
    director.becomes(lambda i: i.state == FAULT)

    def told() -> list[tuple[str, str, bool]]:
        found = [e.event.configuration for e in director.events() if e.event.HasField("configuration")]
        return [(c.problem.key, c.problem.field, c.resolved) for c in found]

    missing = ("config/vrrp_instance/VI_1", "interface")
    until(lambda: told() == [(*missing, False)], PATIENCE_S, what=lambda: f"{told()}\n{director.node.logs()}")
    assert [(p.key, p.field) for p in director.engine().problems] == [missing]
    director.node.host.join(director.bridge, "eth7", "192.168.201.2/24")
    director.becomes(lambda i: i.state == MASTER)
    until(lambda: told() == [(*missing, False), (*missing, True)], PATIENCE_S, what=lambda: str(told()))
    assert not director.engine().problems


def test_a_killed_agent_is_replaced_and_no_transition_is_lost_or_told_twice(director: Director) -> None:
    director.put(vrrp_instance__VI_1=INSTANCE)
    director.node.start("vrrp")
    director.becomes(lambda i: i.state == MASTER)  # notify is away: nothing has been acknowledged
    engine, agent = director.engine().pid, director.agent()
    os.kill(agent, signal.SIGKILL)
    until(lambda: director.agent() != agent, PATIENCE_S, what=director.node.logs)
    director.becomes(lambda i: i.current and i.state == MASTER)
    assert director.engine().pid == engine
    director.node.start("notify")
    until(lambda: director.transitions() == [BACKUP, MASTER], PATIENCE_S, what=lambda: str(director.transitions()))
    os.kill(director.agent(), signal.SIGKILL)
    director.becomes(lambda i: i.current)
    director.node.host.ip("link set eth0 down")
    until(lambda: director.transitions() == [BACKUP, MASTER, FAULT], PATIENCE_S, what=lambda: str(director.transitions()))


def test_an_agent_that_hangs_is_killed_and_replaced(director: Director) -> None:
    director.put(vrrp_instance__VI_1=INSTANCE)
    director.node.start("vrrp")
    director.becomes(lambda i: i.state == MASTER)
    agent = director.agent()
    os.kill(agent, signal.SIGSTOP)
    until(lambda: agent not in director.node.pids("vrrp", "services.vrrp.agent"), PATIENCE_S, what=director.node.logs)
    director.becomes(lambda i: i.current and i.state == MASTER)


def test_a_killed_engine_is_replaced_at_once_and_the_agent_finds_it(director: Director) -> None:
    director.put(vrrp_instance__VI_1=INSTANCE)
    director.node.start("notify", "vrrp")
    director.becomes(lambda i: i.state == MASTER)
    agent, engine = director.agent(), director.engine().pid
    os.kill(engine, signal.SIGKILL)
    until(lambda: director.engine().pid not in (0, engine), PATIENCE_S, what=director.node.logs)
    found = director.engine()
    assert list(found.resumed) == ["VI_1"]
    assert found.losses == 1
    director.becomes(lambda i: i.current and i.state == MASTER)
    assert director.agent() == agent
    assert VIP in director.node.addresses("eth0")


def test_an_engine_that_hangs_is_killed_and_replaced(director: Director) -> None:
    director.put(vrrp_instance__VI_1=INSTANCE)
    director.node.start("vrrp")
    director.becomes(lambda i: i.state == MASTER)
    engine = director.engine().pid
    os.kill(engine, signal.SIGSTOP)
    until(lambda: director.engine().pid not in (0, engine), PATIENCE_S, what=director.node.logs)
    director.becomes(lambda i: i.current and i.state == MASTER)


def test_a_killed_launcher_takes_everything_along_and_the_addresses_are_given_up(director: Director) -> None:
    director.put(vrrp_instance__VI_1=INSTANCE)
    director.node.start("vrrp")
    director.becomes(lambda i: i.state == MASTER)
    pids = [director.engine().pid, director.agent(), director.runner()]
    os.kill(director.node.running["vrrp"].pid, signal.SIGKILL)
    until(lambda: not any(alive(pid) for pid in pids), PATIENCE_S, what=director.node.logs)
    assert VIP not in director.node.addresses("eth0")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_cannot_be_told_at_a_stop_is_told_once_by_the_next_agent(director: Director) -> None:
    director.put(vrrp_instance__VI_1=INSTANCE)
    director.node.start("vrrp")
    director.becomes(lambda i: i.state == MASTER)
    assert director.node.stop("vrrp") == 0
    told = [BACKUP, MASTER, event_pb2.VRRP_STATE_STOP]
    for life in (2, 3):
        director.node.start("notify", "vrrp")
        until(lambda n=life: director.transitions() == told * (n - 1) + told[:2], PATIENCE_S, what=director.node.logs)
        assert director.node.stop("vrrp") == 0
        assert director.node.stop("notify") == 0


def tracking(director: Director, command: str, **more: Any) -> None:
    director.put(
        vrrp_instance__VI_1={**INSTANCE, "track_script": [{"name": "chk"}]},
        vrrp_script__chk={"script": command, "interval": "0.2s", "weight": -20, **more},
    )


def test_a_tracked_script_changes_the_priority(director: Director, open_folder: Path) -> None:
    tracking(director, f"/usr/bin/test -e {open_folder / 'ok'}")
    director.node.start("vrrp")
    director.becomes(lambda i: i.effective_priority == 130 and i.state == MASTER)
    (open_folder / "ok").touch()
    director.becomes(lambda i: i.effective_priority == 150)
    script = director.call("ListScripts", vrrp_pb2.ListScriptsRequest()).scripts[0]
    assert (script.name, script.state, script.last_ok, script.last_error) == ("chk", vrrp_pb2.TRACKER_STATE_UP, True, "")
    later = script.last_result_time.ToNanoseconds()
    until(
        lambda: director.call("ListScripts", vrrp_pb2.ListScriptsRequest()).scripts[0].last_result_time.ToNanoseconds() > later,
        PATIENCE_S,
        what="a later run",
    )
    (open_folder / "ok").unlink()
    director.becomes(lambda i: i.effective_priority == 130)


def test_what_cannot_be_executed_has_failed(director: Director) -> None:
    tracking(director, "/no/such/program")
    director.node.start("vrrp")
    director.becomes(lambda i: i.effective_priority == 130)


def test_a_script_that_takes_too_long_has_failed(director: Director) -> None:
    tracking(director, "/bin/sleep 60", timeout="0.1s")
    director.node.start("vrrp")
    director.becomes(lambda i: i.effective_priority == 130)
    script = director.call("ListScripts", vrrp_pb2.ListScriptsRequest()).scripts[0]
    assert script.last_error == "takes longer than 0.1 s"


def test_a_killed_runner_is_replaced_and_scripts_go_on_counting(director: Director, open_folder: Path) -> None:
    (open_folder / "ok").touch()
    tracking(director, f"/usr/bin/test -e {open_folder / 'ok'}", timeout="10s")
    director.node.start("vrrp")
    director.becomes(lambda i: i.state == MASTER and i.trackers and i.trackers[0].state == vrrp_pb2.TRACKER_STATE_UP)
    runner = director.runner()
    os.kill(runner, signal.SIGKILL)
    until(lambda: director.runner() != runner, PATIENCE_S, what=director.node.logs)
    assert director.instance().effective_priority == 150  # type: ignore[union-attr]
    (open_folder / "ok").unlink()
    director.becomes(lambda i: i.effective_priority == 130)


def test_a_runner_that_hangs_is_silent_and_its_scripts_count_as_failed_until_it_is_replaced(
    director: Director,
) -> None:
    tracking(director, "/bin/true", timeout="0.5s")
    director.node.start("vrrp")
    director.becomes(lambda i: i.effective_priority == 150 and i.state == MASTER)
    os.kill(director.runner(), signal.SIGSTOP)
    director.becomes(lambda i: i.effective_priority == 130)
    assert director.call("ListScripts", vrrp_pb2.ListScriptsRequest()).scripts[0].silent
    director.becomes(lambda i: i.effective_priority == 150)


def test_scripts_run_as_an_unprivileged_user(director: Director, open_folder: Path) -> None:
    tracking(director, f"/bin/sh -c 'id -u > {open_folder}/uid'")
    director.node.start("vrrp")
    uid = until(
        lambda: (open_folder / "uid").exists() and (open_folder / "uid").read_text(), PATIENCE_S, what=director.node.logs
    )
    assert int(str(uid)) != 0


def test_a_wrong_command_line_ends_the_service_with_status_2_and_one_line(director: Director) -> None:
    director.put()
    director.node.flags = {"vrrp": ("--listen", "192.0.2.1:1")}
    director.node.start("vrrp")
    assert director.node.running["vrrp"].wait(PATIENCE_S) == 2
    said = [line for line in director.node.log("vrrp").read_text().splitlines() if line.startswith("vipkeeper-vrrp:")]
    assert said == ["vipkeeper-vrrp: --listen 192.0.2.1:1: TCP beyond loopback needs --tls-ca, --tls-cert and --tls-key"]
