"""Do the units keep their promises under a real systemd? Installed as `make install` does, configured through etcd."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.common.options import SERVICES
from tests.kit.etcd import Etcd
from tests.kit.wait import until

pytestmark = [pytest.mark.systemd, pytest.mark.lab(mem="1G", modules="veth", limit=500), pytest.mark.timeout(400)]

ROOT = Path(__file__).resolve().parents[3]
INSTALLED = ROOT / ".build/installed/usr/local"
UNITS = [f"vipkeeper-{service}.service" for service in SERVICES]
RUN_DIR = Path("/run/vipkeeper")
NOTES = Path("/srv/notes")
VIP = "192.168.200.10"
SCHED_RESET_ON_FORK = 0x40000000
CAP_NET_RAW = 13  # linux/capability.h
PATIENCE_S = 90

WITNESS = f"""#!/bin/sh
{{ id -un; grep -E '^Cap(Eff|Prm|Amb)' /proc/self/status; echo "$0 $*"; }} >>{NOTES}/$1-$2
"""
CONFIGURATION: dict[str, dict[str, Any]] = {
    "config/global": {"script_user": "nobody", "smtp_alert_checker": False},
    "config/vrrp_instance/VI_1": {
        "state": "MASTER",
        "interface": "front0",
        "virtual_router_id": 51,
        "priority": 150,
        "virtual_ipaddress": [{"address": f"{VIP}/24"}],
        "notify": "/usr/local/bin/witness",
        "track_script": [{"name": "ready"}],
    },
    "config/vrrp_script/ready": {"script": "/usr/local/bin/witness tracked ready", "interval": "2s", "timeout": "60s"},
    "config/virtual_server/tcp-192.168.200.10-80": {
        "address": VIP,
        "port": 80,
        "protocol": "tcp",
        "lb_algo": "wrr",
        "lb_kind": "nat",
        "delay_loop": "2s",
    },
    "config/real_server/tcp-192.168.200.10-80/127.0.0.1-80": {
        "address": "127.0.0.1",
        "port": 80,
        "weight": 3,
        "misc_check": [{"misc_path": "/usr/local/bin/witness checked web", "misc_timeout": "60s"}],
    },
}
LINKS = """link add front0 type veth peer name wire0
link set wire0 up
link set front0 up
address add 192.168.200.2/24 dev front0
"""
SETTINGS = {
    "ipv4/conf/vrrp.77/arp_ignore": "1",
    "ipv4/conf/front0/arp_filter": "1",
    "ipv6/conf/vrrp.77/disable_ipv6": "1",
    "ipv6/conf/vrrp6.77/accept_ra": "0",
}
DROP_IN = f"[Service]\nReadWritePaths={NOTES}\nWatchdogSec=6s\n"


def run(*argv: str | Path) -> str:
    """Output of a command that must succeed. Each costs some 50 ms in the guest: few of them."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
    return done.stdout


def show(*units: str) -> list[dict[str, str]]:
    """What systemd says about units, in their order."""
    text = run("systemctl", "show", "-p", "Id,ActiveState,SubState,MainPID,NRestarts,Result,ControlGroup", *units)
    return [dict(line.split("=", 1) for line in part.splitlines()) for part in text.strip().split("\n\n")]


def processes(unit: str) -> dict[int, str]:
    """Pids of a unit and their command lines."""
    group = Path("/sys/fs/cgroup/system.slice", unit, "cgroup.procs")
    return {int(pid): Path("/proc", pid, "cmdline").read_text().replace("\0", " ") for pid in group.read_text().split()}


def journal() -> str:
    return run("journalctl", "--no-pager", "-o", "cat", *(word for unit in UNITS for word in ("-u", unit)))


def table() -> str:
    return Path("/proc/net/ip_vs").read_text()


def all_active() -> bool:
    return [unit["ActiveState"] for unit in show(*UNITS)] == ["active"] * 4


def install() -> None:
    """`make install`, whose files the host has put together."""
    home = Path("/usr/local/lib/vipkeeper")
    home.mkdir()
    run("mount", "--bind", INSTALLED / "lib/vipkeeper", home)
    folders = ("systemd", "sysusers.d", "tmpfiles.d", "sysctl.d", "modules-load.d")
    run("cp", "-a", *(INSTALLED / "lib" / name for name in folders), home.parent)
    Path("/usr/local/bin/vipctl").write_text((INSTALLED / "bin/vipctl").read_text())
    Path("/usr/local/bin/vipctl").chmod(0o755)
    witness = Path("/usr/local/bin/witness")
    witness.write_text(WITNESS)
    witness.chmod(0o755)
    NOTES.mkdir(mode=0o777)
    NOTES.chmod(0o777)
    for unit in UNITS:
        folder = Path("/etc/systemd/system", f"{unit}.d")
        folder.mkdir()
        (folder / "test.conf").write_text(DROP_IN)
    run("make", "-C", ROOT, "activate")


@pytest.fixture(scope="module")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etcd]:
    with Etcd(tmp_path_factory.mktemp("etcd"), address="127.0.0.1") as running:
        for key, value in CONFIGURATION.items():
            running.put(f"/vipkeeper/{key}", json.dumps(value))
        yield running


@pytest.fixture(scope="module", autouse=True)
def started(etcd: Etcd) -> None:
    """Installed, and the target started."""
    install()
    Path("/tmp/links").write_text(LINKS)
    run("ip", "-batch", "/tmp/links")
    run("systemctl", "start", "vipkeeper.target")
    until(all_active, PATIENCE_S, what=lambda: f"all four units are active\n{journal()}")


def test_all_four_units_serve_through_sockets_of_the_group() -> None:
    for service in SERVICES:
        socket = RUN_DIR / f"{service}.sock"
        status = socket.stat()
        assert (socket.owner(), socket.group(), status.st_mode & 0o777) == (f"vipkeeper-{service}", "vipkeeper", 0o660)
        with grpc.insecure_channel(f"unix:{socket}") as channel:
            request = health_pb2.HealthCheckRequest()
            answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=30, wait_for_ready=True)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING, service
    assert RUN_DIR.stat().st_mode & 0o7777 == 0o1770


def test_configuration_from_etcd_reaches_the_interface_and_the_kernel_table(etcd: Etcd) -> None:
    until(lambda: VIP in run("ip", "-4", "-br", "address", "show", "front0"), PATIENCE_S, what=journal)
    until(lambda: re.search(r"-> 7F000001:0050 +Masq +3 ", table()), PATIENCE_S, what=table)
    server = CONFIGURATION["config/real_server/tcp-192.168.200.10-80/127.0.0.1-80"] | {"weight": 8}
    etcd.put("/vipkeeper/config/real_server/tcp-192.168.200.10-80/127.0.0.1-80", json.dumps(server))
    until(lambda: re.search(r"-> 7F000001:0050 +Masq +8 ", table()), PATIENCE_S, what=table)


def test_a_ping_needs_no_right_that_the_unit_lacks(etcd: Etcd) -> None:
    service = {"address": VIP, "port": 53, "protocol": "udp", "lb_algo": "rr", "alpha": True}
    server = {"address": "127.0.0.1", "port": 53, "ping_check": [{"delay_loop": "0.5s", "warmup": "0s"}]}
    etcd.put("/vipkeeper/config/virtual_server/dns", json.dumps(service))
    etcd.put("/vipkeeper/config/real_server/dns/local", json.dumps(server))
    until(lambda: re.search(r"-> 7F000001:0035 +Masq +1 ", table()), PATIENCE_S, what=lambda: table() + journal())
    for pid in processes("vipkeeper-checker.service"):
        effective = re.search(r"CapEff:\s+(\w+)", Path("/proc", str(pid), "status").read_text())
        assert effective is not None
        assert not int(effective[1], 16) & 1 << CAP_NET_RAW
    for key in ("real_server/dns/local", "virtual_server/dns"):
        etcd.delete(f"/vipkeeper/config/{key}")
    until(lambda: ":0035 " not in table(), PATIENCE_S, what=table)


def test_a_vmac_has_all_its_settings_with_the_units_rights(etcd: Etcd) -> None:
    key = "/vipkeeper/config/vrrp_instance/VMAC"
    more = {"virtual_ipaddress": [{"address": "192.168.200.20/24"}], "use_vmac": {}}
    etcd.put(key, json.dumps({"state": "MASTER", "interface": "front0", "virtual_router_id": 77, **more}))
    six = {"virtual_ipaddress": [{"address": "fe80::20"}], "use_vmac": {}}
    etcd.put(f"{key}6", json.dumps({"state": "MASTER", "interface": "front0", "virtual_router_id": 77, **six}))
    until(lambda: "fe80::20" in run("ip", "-br", "address"), PATIENCE_S, what=journal)
    until(lambda: "192.168.200.20" in run("ip", "-br", "address", "show", "vrrp.77"), PATIENCE_S, what=journal)
    settings = {name: Path("/proc/sys/net", name).read_text().strip() for name in SETTINGS}
    assert settings == SETTINGS
    status = json.loads(run("vipctl", "status", "--json"))
    assert [problem for problem in status["problems"] if "sysctl" in problem["problem"]] == []
    for each in (key, f"{key}6"):
        etcd.delete(each)
    until(lambda: "vrrp" not in run("ip", "-br", "link"), PATIENCE_S, what=journal)
    assert Path("/proc/sys/net/ipv4/conf/front0/arp_filter").read_text() == "0\n"


def test_no_accept_on_a_kernel_without_nftables_is_a_problem_in_words_and_everything_else_goes_on(etcd: Etcd) -> None:
    key, value = "/vipkeeper/config/vrrp_instance/CLOSED", "config/vrrp_instance/CLOSED"
    closed = {"state": "MASTER", "interface": "front0", "virtual_router_id": 78, "priority": 99, "accept": False}
    etcd.put(key, json.dumps(closed | {"virtual_ipaddress": [{"address": "192.168.200.21/24"}]}))

    def problems() -> list[str]:
        status = json.loads(run("vipctl", "status", "--json"))
        return [problem["problem"] for problem in status["problems"] if value in problem["problem"]]

    told = until(problems, PATIENCE_S, what=journal)
    assert [line for line in told if "packets to its addresses are not dropped: " in line and "upport" in line] == told
    until(lambda: "192.168.200.21" in run("ip", "-4", "-br", "address", "show", "front0"), PATIENCE_S, what=journal)
    etcd.put(key, json.dumps(closed | {"virtual_ipaddress": [{"address": "192.168.200.22/24"}]}))
    until(lambda: "192.168.200.22" in run("ip", "-4", "-br", "address", "show", "front0"), PATIENCE_S, what=journal)
    etcd.delete(key)
    until(lambda: not problems(), PATIENCE_S, what=journal)
    assert all_active()


def test_grpcurl_lists_the_live_table_with_nothing_else_at_hand() -> None:
    program = shutil.which("grpcurl", path=f"{ROOT / '.build/bin'}:{os.environ['PATH']}")
    if program is None:
        pytest.skip("grpcurl is not here (make tools builds it where go is at hand)")
    argv = (program, "-plaintext", "-unix", RUN_DIR / "ipvs.sock", "vipkeeper.ipvs.v1.IpvsService/ListVirtualServers")

    def answer() -> str:  # grpcurl writes field names in camel case up to 1.9.1, as in the proto from 1.9.4 on
        return run(*argv).replace("virtualServers", "virtual_servers").replace("realServers", "real_servers")

    (server,) = until(lambda: json.loads(answer()).get("virtual_servers"), PATIENCE_S, what=journal)
    assert server["name"] == "tcp-192.168.200.10-80"
    assert [real["name"] for real in server["real_servers"]] == ["127.0.0.1-80"]


def test_the_engine_alone_is_scheduled_in_real_time() -> None:
    policies: dict[str, set[int]] = {}
    for unit in UNITS:
        for pid, command in processes(unit).items():
            for task in Path("/proc", str(pid), "task").iterdir():
                policy = os.sched_getscheduler(int(task.name)) & ~SCHED_RESET_ON_FORK
                policies.setdefault(command, set()).add(policy)
    real_time = [command for command, found in policies.items() if found != {os.SCHED_OTHER}]
    assert len(real_time) == 1, policies
    assert "engine" in real_time[0]
    assert policies[real_time[0]] == {os.SCHED_FIFO}


@pytest.mark.parametrize(
    "note",
    ["INSTANCE-VI_1", "tracked-ready", "checked-web"],
    ids=["notify", "vrrp_script", "misc_check"],
)
def test_scripts_run_as_their_user_without_any_capability(note: str) -> None:
    path = NOTES / note

    def whole() -> list[str]:
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        return lines if len(lines) >= 5 and lines[-1].endswith("\n") else []

    lines = until(whole, PATIENCE_S, what=journal)  # each run writes it anew
    assert lines[0] == "nobody\n"
    assert {line.split()[1] for line in lines[1:4]} == {"0" * 16}, lines


def test_a_reload_replaces_every_process_and_touches_no_address() -> None:
    unit = "vipkeeper-vrrp.service"
    run("systemctl", "start", unit)  # what comes before may have killed it: it can be master and not be ready yet
    until(lambda: VIP in run("ip", "-4", "-br", "address", "show", "front0"), PATIENCE_S, what=journal)

    def own() -> dict[int, str]:
        return {pid: command for pid, command in processes(unit).items() if "vrrp" in command}

    (before,), old = show(unit), own()
    with subprocess.Popen(["ip", "-oneline", "monitor", "address"], stdout=subprocess.PIPE, text=True) as monitor:
        run("systemctl", "reload", unit)
        run("systemctl", "reload", unit)
        (after,), new = show(unit), own()
        monitor.terminate()
        assert monitor.stdout is not None
        assert monitor.stdout.read() == ""
    assert (after["MainPID"], after["NRestarts"]) == (before["MainPID"], before["NRestarts"])
    assert (after["ActiveState"], after["SubState"]) == ("active", "running")
    assert set(new) & set(old) == {int(before["MainPID"])}
    (engine,) = (pid for pid, command in new.items() if "engine/process.py" in command)
    assert os.sched_getscheduler(engine) & ~SCHED_RESET_ON_FORK == os.SCHED_FIFO
    assert VIP in run("ip", "-4", "-br", "address", "show", "front0")
    stored = run("systemctl", "show", "-p", "NFileDescriptorStore", "--value", unit)
    assert stored.strip() == "1"


@pytest.mark.parametrize("service", SERVICES)
def test_a_killed_service_is_back_and_says_so(service: str) -> None:
    unit = f"vipkeeper-{service}.service"
    (before,) = show(unit)
    os.kill(int(before["MainPID"]), signal.SIGKILL)

    def is_back() -> bool:
        (now,) = show(unit)
        return now["ActiveState"] == "active" and now["MainPID"] not in (before["MainPID"], "0")

    until(is_back, PATIENCE_S, what=lambda: f"{show(unit)}\n{journal()[-3000:]}")
    assert "7F000001:0050" in table()
    until(lambda: VIP in run("ip", "-4", "-br", "address", "show", "front0"), PATIENCE_S, what=journal)


def test_a_hung_service_is_replaced_by_the_watchdog() -> None:
    before = show(*UNITS)
    for unit in before:
        os.kill(int(unit["MainPID"]), signal.SIGSTOP)

    def are_back() -> bool:
        return all(
            now["ActiveState"] == "active" and now["MainPID"] not in (then["MainPID"], "0")
            for now, then in zip(show(*UNITS), before, strict=True)
        )

    until(are_back, PATIENCE_S, what=lambda: f"{show(*UNITS)}\n{journal()[-3000:]}")


def test_a_stop_is_declared_and_leaves_no_address(etcd: Etcd) -> None:
    """Last of this file: nothing runs afterwards."""
    until(lambda: VIP in run("ip", "-4", "-br", "address", "show", "front0"), PATIENCE_S, what=journal)
    with subprocess.Popen(
        ["tcpdump", "-l", "-n", "-i", "wire0", "-c", "1", "proto 112 and ip[22] == 0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as capture:
        complaints, packets = capture.stderr, capture.stdout
        assert complaints is not None
        assert packets is not None
        until(lambda: "listening" in complaints.readline(), what="tcpdump listens")
        run("systemctl", "stop", "vipkeeper.target")
        assert "prio 0" in packets.readline()
    # The target's stop does not wait for its parts.
    until(lambda: [unit["ActiveState"] for unit in show(*UNITS)] == ["inactive"] * 4, PATIENCE_S, what=journal)
    assert {unit["Result"] for unit in show(*UNITS)} == {"success"}
    assert VIP not in run("ip", "-4", "-br", "address", "show", "front0")
    assert "Traceback" not in journal()
