"""How does the largest published user fare? 2,277 virtual servers with 37,205 real servers, each with a TCP check.

From exec to the whole table, one changed weight, a thousand keys changed in one transaction, and resident memory of the
processes that check and write IPVS; keepalived's checker with its parent, vipkeeper's checker (workers too) and ipvs. All
servers are checked at one listener, seldom, so that nothing but the configuration is at work. Runs where IPVS is: here, or in a
guest of one processor, slower by a factor of three to ten; the ratios are taken within one run there.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from services.common.etcd3_shim import rpc
from services.common.etcd_client import EtcdClient
from services.common.options import parse
from services.common.store_etcd import put_all
from services.ipvs.kernel import Kernel
from tests.bench.figures import ratio, summary, table
from tests.bench.rivals import ROOT, family
from tests.kit.etcd import Etcd
from tests.kit.netns import Net
from tests.kit.process import Process
from tests.lab.ipvs_here import runs_here

SERVICES, SERVERS = 2_277, 37_205
LISTENER = 8000
EDITS, RELOADS = 200, 1
MANY, TRANSACTIONS = 1_000, 5
PATIENCE_S = 1_200.0
LOOK_S = 0.25  # between two looks at the whole table: each costs as much as a hundred servers
Pools = dict[str, list[str]]


def run() -> dict[str, Any]:
    """One row for each figure: seconds, milliseconds or MB, and the ratio."""
    found = _measure() if runs_here() else _in_a_guest()
    ours, theirs = found["vipkeeper"], found["keepalived"]
    rows = []
    for what, figure in ours.items():
        other = theirs.get(what)
        rows.append({"what": what, "keepalived": other, "vipkeeper": figure, "ratio": other and ratio(figure, other)})
    print(f"{SERVICES} virtual servers with {SERVERS} real servers\n{table(rows)}\n")
    return {"guest": not runs_here(), "rows": rows}


def _in_a_guest() -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory() as out:
        lab = [str(ROOT / "tests/lab/lab"), "run", "--mem", "6G", "--timeout", "3000", "--out", out, "--modules"]
        subprocess.run([*lab, "ip_vs,ip_vs_wlc", "--", sys.executable, "-m", "tests.bench.largest"], check=True, cwd=ROOT)
        found: dict[str, dict[str, float]] = json.loads((Path(out) / "largest.json").read_text())
        return found


def _measure() -> dict[str, dict[str, float]]:
    found = {}
    with Net() as net:
        for program in ("keepalived", "vipkeeper"):  # each in a process whose threads are all in one namespace
            command = [sys.executable, "-m", "tests.bench.largest", program]
            found[program] = json.loads(net.host(program).run(command, timeout=2 * PATIENCE_S, cwd=ROOT).stdout)
            print(program, found[program], flush=True)
    return found


def pools() -> Pools:
    """Virtual server address -> real server addresses."""
    found: Pools = {}
    servers = iter(range(SERVERS))
    for k in range(SERVICES):
        size = SERVERS // SERVICES + (k < SERVERS % SERVICES)
        numbers = [next(servers) for _ in range(size)]
        found[f"10.0.{k // 250}.{1 + k % 250}"] = [f"10.1.{n // 250}.{1 + n % 250}" for n in numbers]
    return found


# --- the table ---


async def _complete(kernel: Kernel) -> int:
    """When the whole table is there, monotonic ns."""
    give_up = time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up:
        services = await kernel.services()
        if len(services) == SERVICES:
            last = 0
            for key in services:
                last += len(await kernel.destinations(key))
            if last == SERVERS:
                return time.monotonic_ns()
        await asyncio.sleep(LOOK_S)
    raise AssertionError(f"the table is not complete within {PATIENCE_S:g} s")


async def _weights(kernel: Kernel, wanted: dict[str, dict[str, int]]) -> int:
    """When these servers of these virtual servers have these weights, monotonic ns."""
    keys = {str(key).partition(" ")[2].rpartition(":")[0]: key for key in await kernel.services()}
    for address, weights in wanted.items():
        while True:
            found = await kernel.destinations(keys[address])
            have = {str(place).rpartition(":")[0]: seen.destination.weight for place, seen in found.items()}
            if all(have.get(server) == weight for server, weight in weights.items()):
                break
            await asyncio.sleep(0.0005)
    return time.monotonic_ns()


def _resident(*pids: int) -> float:
    """MB of these processes and all their children."""
    total = 0
    for pid in pids:
        for one in family(pid):
            with contextlib.suppress(OSError):
                total += int(Path(f"/proc/{one}/status").read_text().split("VmRSS:")[1].split()[0])
    return round(total / 1024, 1)


# --- the programs ---


async def _keepalived(folder: Path) -> dict[str, float]:
    conf = folder / "keepalived.conf"
    all_pools = pools()
    judged, first = next((address, servers[0]) for address, servers in all_pools.items())

    def write(weight: int) -> None:
        check = f"  TCP_CHECK {{\n   connect_ip 127.0.0.1\n   connect_port {LISTENER}\n  }}\n"
        blocks = []
        for address, servers in all_pools.items():
            rows = "".join(f" real_server {s} 80 {{\n  weight {weight if s == first else 1}\n{check} }}\n" for s in servers)
            head = "lb_algo wlc\n lb_kind NAT\n protocol TCP\n delay_loop 3600"
            blocks.append(f"virtual_server {address} 80 {{\n {head}\n{rows}}}\n")
        conf.write_text("".join(blocks))

    write(1)
    kernel = Kernel()
    files = [f"--{kind}={folder / kind}" for kind in ("pid", "checkers_pid")]
    command = ["keepalived", "-n", "-l", "-G", "-C", "-f", str(conf), *files]
    began = time.monotonic_ns()
    with Process(command, log=folder / "keepalived.log") as process:
        cold = await _complete(kernel) - began
        took = []
        for k in range(RELOADS):
            await asyncio.sleep(5)
            write(10 + k)
            began = time.monotonic_ns()
            os.kill(process.pid, signal.SIGHUP)
            took.append((await _weights(kernel, {judged: {first: 10 + k}}) - began) / 1e6)
        one = summary(took, (50, 99))
        return {
            "cold start, s": round(cold / 1e9, 2),
            "one weight, p50 ms": one["p50"],
            "one weight, p99 ms": one["p99"],
            "resident, MB": _resident(process.pid),
        }


async def _vipkeeper(folder: Path) -> dict[str, float]:
    all_pools = pools()
    judged, first = next((address, servers[0]) for address, servers in all_pools.items())
    values: dict[str, bytes] = {}
    for address, servers in all_pools.items():
        name = f"tcp-{address}-80"
        server = {"address": address, "port": 80, "protocol": "tcp", "lb_algo": "wlc", "lb_kind": "nat", "delay_loop": 3600}
        values[f"config/virtual_server/{name}"] = json.dumps(server).encode()
        values |= {f"config/real_server/{name}/{s}-80": _server(s, 1) for s in servers}
    with Etcd(folder, flags=("--max-txn-ops=2000", "--max-request-bytes=8000000")) as etcd:
        places = ["--store", etcd.url, "--run-dir", str(folder), "--state-dir", str(folder / "state"), "--node", "bench"]
        client = EtcdClient(options := parse("bench", places))
        await put_all(options, values)
        kernel = Kernel()
        began = time.monotonic_ns()
        commands = [[sys.executable, "-m", f"services.{service}", *places] for service in ("ipvs", "checker")]
        with (
            Process(commands[0], log=folder / "ipvs.log", cwd=ROOT) as ipvs,
            Process(commands[1], log=folder / "checker.log", cwd=ROOT) as checker,
        ):
            cold = await _complete(kernel) - began
            await asyncio.sleep(20)  # the local copies are written, all is quiet
            one, many = [], []
            async with client.session() as session:

                async def change(weights: dict[str, dict[str, int]]) -> float:
                    operations = [
                        rpc.RequestOp(
                            request_put=rpc.PutRequest(
                                key=client.prefix + f"config/real_server/tcp-{address}-80/{server}-80".encode(),
                                value=_server(server, weight),
                            )
                        )
                        for address, servers in weights.items()
                        for server, weight in servers.items()
                    ]
                    began = time.monotonic_ns()
                    await session.call(session.kv.Txn, rpc.TxnRequest(success=operations), 60)
                    return (await _weights(kernel, weights) - began) / 1e6

                for k in range(EDITS):
                    one.append(await change({judged: {first: 10 + k}}))
                    await asyncio.sleep(0.02)
                chosen = [(a, s) for a, servers in all_pools.items() for s in servers][:: SERVERS // MANY][:MANY]
                for k in range(TRANSACTIONS):
                    weights: dict[str, dict[str, int]] = {}
                    for address, server in chosen:
                        weights.setdefault(address, {})[server] = 300 + k
                    many.append(await change(weights))
                    await asyncio.sleep(3)
            single, thousand = summary(one, (50, 99)), summary(many, (50,))
            return {
                "cold start, s": round(cold / 1e9, 2),
                "one weight, p50 ms": single["p50"],
                "one weight, p99 ms": single["p99"],
                "resident, MB": _resident(ipvs.pid, checker.pid),
                f"{MANY} keys in one transaction, p50 ms": thousand["p50"],
            }


def _server(address: str, weight: int) -> bytes:
    check = {"connect_ip": "127.0.0.1", "connect_port": LISTENER}
    return json.dumps({"address": address, "port": 80, "weight": weight, "tcp_check": [check]}).encode()


def main(arguments: list[str]) -> None:
    """`PROGRAM`: print its figures; nothing: everything, into $LAB_OUT."""
    if not arguments:
        (Path(os.environ["LAB_OUT"]) / "largest.json").write_text(json.dumps(_measure()))
        return
    work = {"keepalived": _keepalived, "vipkeeper": _vipkeeper}[arguments[0]]
    target = [sys.executable, "-m", "tests.bench.listener", str(LISTENER)]
    with tempfile.TemporaryDirectory() as scratch, Process(target, cwd=ROOT):
        print(json.dumps(asyncio.run(work(Path(scratch)))))


if __name__ == "__main__":
    main(sys.argv[1:])
