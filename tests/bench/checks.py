"""What does a health check cost? CPU per check of vipkeeper's checker (agent and workers) and of keepalived's.

`python -m tests.bench.checks` asks for 10,000 TCP checks a second of servers in another network namespace, across a bridge
as in life, and prints the figures of both as JSON. keepalived's checker needs IPVS; where the kernel has none, it runs with
`fake_ipvs.c` preloaded, which needs a C compiler. Each checker is bound to one core, the listener to another.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import ipaddress
import json
import mmap
import os
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench import figures
from tests.bench.rivals import ROOT, family
from tests.kit.netns import Host, Net

PORT = 9000
FIRST = int(ipaddress.ip_address("10.9.0.1"))  # all of 10.9.0.0/16 is one host
PER_SERVICE = 100
BODY = b"a" * 256
ANSWER = b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(BODY), BODY)
DIGEST = hashlib.md5(BODY).hexdigest()
QUEUES = ("net.core.somaxconn=65535", "net.ipv4.tcp_max_syn_backlog=65535", "net.ipv4.ip_local_port_range=1024 65000")


@dataclass(frozen=True, slots=True)
class Load:
    """`servers` real servers, each checked once per `delay` seconds."""

    kind: str
    servers: int
    delay: float

    def addresses(self) -> list[str]:
        return [str(ipaddress.ip_address(FIRST + k)) for k in range(self.servers)]


def listen(kind: str, counter: str) -> None:
    """The target of all checks, until killed: counts connections (http: answers) in the first 8 bytes of a file."""
    with open(counter, "r+b") as f:
        count = memoryview(mmap.mmap(f.fileno(), 8)).cast("Q")
    listener = socket.create_server(("", PORT), backlog=65535)
    listener.setblocking(False)
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    waiting: dict[int, socket.socket] = {}
    print("ready", flush=True)
    while True:
        for fd, _ in poll.poll():
            if fd == listener.fileno():
                for _ in range(256):
                    try:
                        connection, _ = listener.accept()
                    except BlockingIOError:
                        break
                    if kind == "tcp":
                        count[0] += 1
                        connection.close()
                        continue
                    connection.setblocking(False)
                    waiting[connection.fileno()] = connection
                    poll.register(connection, select.EPOLLIN)
            else:
                with contextlib.suppress(OSError), waiting.pop(fd) as connection:
                    if connection.recv(4096):
                        connection.send(ANSWER)
                        count[0] += 1


def vipkeeper(load: Load, folder: Path) -> list[str]:
    """Command line of our checker, with its configuration written."""
    check = {"tcp_check": [{"connect_timeout": "3s"}]}
    if load.kind == "http":
        check = {"http_get": [{"url": [{"path": "/", "digest": DIGEST}], "connect_timeout": "3s"}]}  # type: ignore[list-item]
    store: dict[str, object] = {}
    for k, address in enumerate(load.addresses()):
        service = f"v{k // PER_SERVICE}"
        store[f"config/virtual_server/{service}"] = {
            "address": "10.50.0.1",
            "port": 1 + k // PER_SERVICE,
            "protocol": "tcp",
            "delay_loop": f"{load.delay:g}s",
        }
        store[f"config/real_server/{service}/r{k}"] = {"address": address, "port": PORT, **check}
    (folder / "config.json").write_text(json.dumps(store))
    places = ["--run-dir", str(folder), "--state-dir", str(folder / "state"), "--log-level", "error"]
    return [sys.executable, "-m", "services.checker", "--store", f"file:{folder / 'config.json'}", *places]


def keepalived(load: Load, folder: Path) -> list[str]:
    """Command line of keepalived's checker, with its configuration written."""
    check = "TCP_CHECK {\n connect_timeout 3\n }"
    if load.kind == "http":
        check = f"HTTP_GET {{\n url {{\n path /\n digest {DIGEST}\n }}\n connect_timeout 3\n }}"
    lines = ["global_defs {\n checker_rlimit_rttime 5000000\n}"]
    for k, address in enumerate(load.addresses()):
        if k % PER_SERVICE == 0:
            lines += ["}"] if k else []
            lines.append(
                f"virtual_server 10.50.0.1 {1 + k // PER_SERVICE} {{\n delay_loop {load.delay:g}\n lvs_sched rr\n"
                " lvs_method NAT\n protocol TCP"
            )
        lines.append(f" real_server {address} {PORT} {{\n weight 1\n {check}\n }}")
    (folder / "keepalived.conf").write_text("\n".join([*lines, "}"]) + "\n")
    files = [f"--{kind}={folder / kind}" for kind in ("pid", "checkers_pid")]
    return ["keepalived", "-n", "-l", "-G", "-C", "-f", str(folder / "keepalived.conf"), *files]


def shim(folder: Path) -> Path | None:
    """The preloaded library for kernels without IPVS; None where it is not needed."""
    if Path("/proc/net/ip_vs").exists():
        return None
    library = folder / "fake_ipvs.so"
    source = Path(__file__).with_name("fake_ipvs.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source)], check=True)
    return library


def cpu_ns(pid: int) -> int:
    """CPU time of a process and its descendants (sched/schedstat of every thread)."""
    total = 0
    for member in family(pid):
        for task in Path(f"/proc/{member}/task").iterdir():
            with contextlib.suppress(OSError):
                total += int((task / "schedstat").read_text().split()[0])
    return total


def measure(
    host: Host, servers: Host, command: Sequence[str], load: Load, seconds: float, env: dict[str, str]
) -> dict[str, float]:
    """Run one checker against the listener; CPU per check in microseconds, and the rate that was reached."""
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.NamedTemporaryFile() as counter:
        counter.write(bytes(8))
        counter.flush()
        target = [sys.executable, "-m", "tests.bench.checks", "--listen", load.kind, counter.name]
        pinned = ["taskset", "-c", str(cores[0]), *target]
        with (
            servers.start(pinned, cwd=ROOT),
            host.start(["taskset", "-c", str(cores[-1]), *command], env=env, cwd=ROOT) as checker,
        ):
            time.sleep(load.delay + 4 + load.servers / 3000)  # start, warm-up, first round
            checks, spent, at = _count(counter.name), cpu_ns(checker.pid), time.monotonic()
            time.sleep(seconds)
            checks, spent, took = (
                _count(counter.name) - checks,
                cpu_ns(checker.pid) - spent,
                time.monotonic() - at,
            )
            alive, said = checker.returncode is None, checker.output()[-500:]
    if not alive or not checks:
        raise RuntimeError(f"{command[0]} does not check: {said}")
    return {
        "checks_per_s": round(checks / took, 1),
        "cpu_us_per_check": round(spent / 1000 / checks, 2),
        "cpu_percent": round(spent / took / 1e7, 1),
    }


def _count(path: str) -> int:
    with open(path, "rb") as f:
        (value,) = struct.unpack("Q", f.read(8))
    return int(value)


def compare(load: Load, seconds: float) -> dict[str, object]:
    """Both checkers in turn under the same load."""
    result: dict[str, object] = {"kind": load.kind, "asked_per_s": load.servers / load.delay}
    with Net() as net, tempfile.TemporaryDirectory(prefix="vk-") as name:
        folder = Path(name)
        host, servers = net.host("checker"), net.host("servers")
        host.join(net.bridge("lan"), "eth0", "10.8.0.1/24")
        servers.join(net.bridge("lan"), "eth0", "10.8.0.2/24")
        servers.ip("route add local 10.9.0.0/16 dev lo")
        host.ip("route add 10.9.0.0/16 via 10.8.0.2")
        for setting in QUEUES:
            for each in (host, servers):
                each.run(["sysctl", "-qw", setting])
        ours = measure(host, servers, vipkeeper(load, folder), load, seconds, {})
        result["vipkeeper"] = ours
        if shutil.which("keepalived") and (shutil.which("cc") or Path("/proc/net/ip_vs").exists()):
            library = shim(folder)
            env = {"LD_PRELOAD": str(library)} if library else {}
            theirs = measure(host, servers, keepalived(load, folder), load, seconds, env)
            result["keepalived"] = theirs
            result["cpu_ratio"] = figures.ratio(ours["cpu_us_per_check"], theirs["cpu_us_per_check"])
        else:
            result["keepalived"] = "not measured: needs keepalived, and a C compiler where the kernel has no IPVS"
    return result


def run() -> dict[str, object]:
    """10,000 checks a second, TCP and HTTP; prints the figures."""
    result: dict[str, object] = {}
    for kind in ("tcp", "http"):
        result[kind] = compare(Load(kind, 10_000, 1.0), 10.0)
        print(f"checks, {kind}: {json.dumps(result[kind])}", flush=True)
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", nargs=2, metavar=("KIND", "FILE"), help=argparse.SUPPRESS)
    parser.add_argument("--kind", choices=("tcp", "http"), default="tcp")
    parser.add_argument("--servers", type=int, default=10_000)
    parser.add_argument("--delay", type=float, default=1.0)
    parser.add_argument("--seconds", type=float, default=10.0)
    given = parser.parse_args()
    if given.listen:
        listen(*given.listen)
    print(json.dumps(compare(Load(given.kind, given.servers, given.delay), given.seconds), indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
