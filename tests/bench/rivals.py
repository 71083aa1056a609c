"""The two programs that are compared: keepalived from Debian, and vipkeeper, with the same virtual routers."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cli.supervise import service_command
from tests.kit.netns import Host, Net
from tests.kit.process import Process

ROOT = Path(__file__).resolve().parent.parent.parent
PER_INTERFACE = 250
OWNER = 255
EXCLUDED = "10.128.0.0/9"
RT_PRIORITY = 50  # both run their adverts in the same class, SCHED_FIFO or SCHED_RR


@dataclass(frozen=True, slots=True)
class Routers:
    """`count` VRRPv3 routers, 250 to an interface (eth0, eth1 ...), VRIDs from 1 on each; `interval` in seconds.

    Owners (priority 255) start as MASTER, all others as BACKUP.
    `excluded`: addresses that each has besides its own, not listed in its adverts.
    """

    count: int
    interval: float
    priority: int
    excluded: int = 0

    def each(self) -> Iterator[tuple[str, int, str]]:
        """Interface, VRID and virtual address of every router: 10.9.1.VRID on eth0, 10.9.2.VRID on eth1."""
        for k in range(self.count):
            interface, vrid = divmod(k, PER_INTERFACE)
            yield f"eth{interface}", vrid + 1, f"10.9.{interface + 1}.{vrid + 1}"

    def more(self, vrid: int) -> list[str]:
        """The excluded addresses of a router, in EXCLUDED."""
        return [f"10.{128 + vrid % 64}.{k // 250}.{k % 250 + 1}" for k in range(self.excluded)]

    @property
    def state(self) -> str:
        return "MASTER" if self.priority == OWNER else "BACKUP"

    @property
    def interfaces(self) -> int:
        return -(-self.count // PER_INTERFACE)


def plug_in(net: Net, interfaces: int, *names: str) -> list[Host]:
    """Hosts with these names on common networks, one for each interface of `Routers`."""
    hosts = [net.host(name) for name in names]
    for k in range(interfaces):
        lan = net.bridge(f"lan{k}")
        for number, host in enumerate(hosts, 1):
            host.join(lan, f"eth{k}", f"10.9.{100 + k}.{number}/24")
    return hosts


class Rival(Protocol):
    """How one of the two is run."""

    name: str

    def start(self, host: Host, routers: Routers, folder: Path) -> Process: ...


class Keepalived:
    """Debian's keepalived, real-time or, as it is without settings, not."""

    def __init__(self, real_time: bool = True) -> None:
        self.name = "keepalived" if real_time else "keepalived, default scheduling"
        self._class = f" vrrp_rt_priority {RT_PRIORITY}\n vrrp_no_swap\n vrrp_rlimit_rttime 5000000\n" if real_time else ""

    def start(self, host: Host, routers: Routers, folder: Path) -> Process:
        """Its VRRP process alone; nothing else of it runs."""
        folder.mkdir(parents=True, exist_ok=True)
        blocks = [f"global_defs {{\n vrrp_version 3\n{self._class}}}"]
        for interface, vrid, address in routers.each():
            more = "".join(f" {each}/32\n" for each in routers.more(vrid))
            excluded = f" virtual_ipaddress_excluded {{\n{more} }}\n" if more else ""
            blocks.append(
                f"vrrp_instance {interface}-{vrid} {{\n interface {interface}\n state {routers.state}\n"
                f" virtual_router_id {vrid}\n priority {routers.priority}\n advert_int {routers.interval:g}\n"
                f" virtual_ipaddress {{\n {address}/32\n }}\n{excluded}}}"
            )
        (folder / "keepalived.conf").write_text("\n".join(blocks) + "\n")
        files = [f"--{kind}={folder / kind}" for kind in ("pid", "vrrp_pid")]
        command = ["keepalived", "-n", "-l", "-G", "-P", "-f", str(folder / "keepalived.conf"), *files]
        return host.start(command, log=folder / "log")


class Vipkeeper:
    """vipkeeper's vrrp service, whole: launcher, engine, agent, runner."""

    name = "vipkeeper"

    def start(self, host: Host, routers: Routers, folder: Path) -> Process:
        """The service with a file store."""
        folder.mkdir(parents=True, exist_ok=True)
        store: dict[str, object] = {"config/global": {"vrrp_version": 3, "vrrp_rt_priority": RT_PRIORITY}}
        for interface, vrid, address in routers.each():
            store[f"config/vrrp_instance/{interface}-{vrid}"] = {
                "interface": interface,
                "state": routers.state,
                "virtual_router_id": vrid,
                "priority": routers.priority,
                "advert_int": f"{routers.interval:g}s",
                "virtual_ipaddress": [{"address": f"{address}/32"}],
                "virtual_ipaddress_excluded": [{"address": f"{each}/32"} for each in routers.more(vrid)],
            }
        (folder / "config.json").write_text(json.dumps(store))
        places = ["--store", f"file:{folder / 'config.json'}", "--run-dir", str(folder), "--state-dir", str(folder / "state")]
        return host.start(service_command("vrrp", *places, "--node", host.name), log=folder / "log", cwd=ROOT)


def elector(process: Process) -> int:
    """Pid of the process that sends the adverts: keepalived's VRRP process, or vipkeeper's engine."""
    for pid in family(process.pid):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if any(word.endswith(b"services/vrrp/engine/process.py") for word in words):
            return pid
    return family(process.pid)[-1]


def family(pid: int) -> list[int]:
    """A process and all its descendants, parents first."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [pid, *(p for child in children for p in family(int(child)))]


def kill_all(process: Process) -> None:
    """kill -9 to a program and all its descendants, at once, so that none of them can act on another's death."""
    pids = family(process.pid)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


class Hogs:
    """Programs that keep every processor busy while the `with` block runs."""

    def __init__(self, count: int | None = None) -> None:
        self._count = count if count is not None else os.cpu_count() or 1

    def __enter__(self) -> Hogs:
        self._running = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(self._count)]
        return self

    def __exit__(self, *_: object) -> None:
        for hog in self._running:
            hog.kill()
            hog.wait()
