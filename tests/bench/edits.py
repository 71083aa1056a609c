"""How soon is one changed weight in the kernel? `etcdctl put` against keepalived's edit and reload, by number of servers.

Both sides are judged by the kernel's own table, read every half millisecond: of a service with two servers, beside which
all others stand in services of a hundred. Edits are left out if the machine stood still for a tenth of their time, and each
figure is the median of what the rounds have, so that one bad second does not decide it. Runs where IPVS is: on this kernel, or
in a guest (slower by a factor of ten or so, and with one processor; the ratios are taken within one run there).
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from services.common.etcd3_shim import rpc
from services.common.etcd_client import EtcdClient, Session
from services.common.options import parse
from services.common.store_etcd import put_all
from services.ipvs.kernel import Kernel
from services.ipvs.model import ServiceKey
from tests.bench.figures import ratio, summary, table
from tests.bench.rivals import ROOT
from tests.bench.witness import Witness
from tests.kit.etcd import Etcd
from tests.kit.netns import Net
from tests.kit.process import Process
from tests.kit.wait import until_async
from tests.lab.ipvs_here import runs_here

SIZES = (100, 1_000, 10_000)
PER_SERVICE = 100
ROUNDS, EDITS = 3, 400  # of etcdctl's kind; keepalived's reloads are one round
RELOADS = {100: 20, 1_000: 10, 10_000: 5}
JUDGED = ("10.0.0.1", 80)  # the virtual server whose weight changes
LISTENER = 8000
SELDOM = 5_000_000  # ns between two looks at the machine
SETTLING = 20.0  # seconds; both programs, and etcd, have work to do just after a start
Series = dict[str, list[tuple[int, int]]]  # begin and end of each edit, CLOCK_REALTIME in ns
POLL = 0.0005  # seconds between two looks at the kernel's table


def run() -> dict[str, Any]:
    """Milliseconds from the change to the kernel's table, per number of servers and program, and the ratios."""
    rows = _measure_all() if runs_here() else _in_a_guest()
    print(f"One weight changed, until the kernel's table has it, ms\n{table(rows)}\n")
    return {"unit": "ms", "guest": not runs_here(), "rows": rows}


def _in_a_guest() -> list[dict[str, Any]]:
    """The same in a lab machine."""
    with tempfile.TemporaryDirectory() as out:
        lab = [str(ROOT / "tests/lab/lab"), "run", "--mem", "3G", "--timeout", "1500", "--out", out, "--modules"]
        command = [sys.executable, "-m", "tests.bench.edits"]
        subprocess.run([*lab, "ip_vs,ip_vs_wlc,ip_vs_rr", "--", *command], check=True, cwd=ROOT)
        rows: list[dict[str, Any]] = json.loads((Path(out) / "edits.json").read_text())
        return rows


def _measure_all() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for size in SIZES:
        figures: dict[str, dict[str, float]] = {}
        with Net() as net:
            for program in ("keepalived", "vipkeeper"):  # each in a process whose threads are all in one namespace
                command = [sys.executable, "-m", "tests.bench.edits", program, str(size)]
                with Witness(net.host(program), SELDOM) as witness:
                    took = json.loads(net.host(program).run(command, timeout=900, cwd=ROOT).stdout)
                figures |= {name: _figures(_undisturbed(series, witness)) for name, series in took.items()}
        rows += [{"servers": size, "program": name, **figure} for name, figure in figures.items()]
        ratios = {p: ratio(figures["vipkeeper"][p], figures["keepalived"][p]) for p in ("p50", "p99", "max")}
        rows.append({"servers": size, "program": "ratio", **ratios, "n": ""})
        print(table(rows[-1 - len(figures) :]), flush=True)
    return rows


def _undisturbed(series: list[tuple[int, int]], witness: Witness) -> list[list[float]]:
    """Milliseconds of the edits, given as begin and end, that the machine did not decide, by round."""
    rounds = [series[at : at + EDITS] for at in range(0, len(series), EDITS)]
    return [[(end - begin) / 1e6 for begin, end in each if 10 * witness.still(begin, end) < end - begin] for each in rounds]


def _figures(rounds: list[list[float]]) -> dict[str, float]:
    """Of each figure the median; `n`: how many edits there were in all."""
    each = [summary(took, (50, 99)) for took in rounds]
    return {name: statistics.median(figures[name] for figures in each) for name in each[0]} | {"n": sum(map(len, rounds))}


def _pools(size: int) -> dict[str, list[str]]:
    """Virtual server address -> real server addresses; the judged one has two of them."""
    pools = {JUDGED[0]: ["10.1.0.1", "10.1.0.2"]}
    for k in range((size - 2 + PER_SERVICE - 1) // PER_SERVICE):
        members = min(PER_SERVICE, size - 2 - k * PER_SERVICE)
        pools[f"10.0.{1 + k // 250}.{1 + k % 250}"] = [f"10.{2 + k // 250}.{k % 250}.{1 + i}" for i in range(members)]
    return pools


class Judge:
    """What the kernel's table of this namespace says."""

    def __init__(self) -> None:
        self._kernel = Kernel()

    async def servers(self) -> int:
        """Number of real servers in the table."""
        services = await self._kernel.services()
        return sum([len(await self._kernel.destinations(key) or ()) for key in services])

    async def weight_is(self, weight: int) -> bool:
        """Whether the judged virtual server's first real server has this weight."""
        for key in self._keys:
            found = await self._kernel.destinations(key) or {}
            return any(seen.destination.weight == weight for seen in found.values())
        return False

    async def find(self) -> None:
        """Remember the judged virtual server's key."""
        self._keys: list[ServiceKey] = [k for k in await self._kernel.services() if f" {JUDGED[0]}:{JUDGED[1]}" in f" {k}"]

    async def seen(self, weight: int) -> int:
        """When the weight is there, CLOCK_REALTIME in ns."""
        while not await self.weight_is(weight):  # noqa: ASYNC110 - the kernel tells nobody
            await asyncio.sleep(POLL)
        return time.time_ns()


async def _keepalived(folder: Path, size: int) -> Series:
    """Edits by rewriting keepalived.conf and SIGHUP."""
    conf = folder / "keepalived.conf"
    pools = _pools(size)

    def write(weight: int) -> None:
        blocks = []
        for address, members in pools.items():
            check = f"  TCP_CHECK {{\n   connect_ip 127.0.0.1\n   connect_port {LISTENER}\n  }}\n"
            servers = "".join(
                f" real_server {m} 80 {{\n  weight {weight if m == '10.1.0.1' else 1}\n{check} }}\n" for m in members
            )
            blocks.append(
                f"virtual_server {address} 80 {{\n lb_algo wlc\n lb_kind NAT\n protocol TCP\n delay_loop 3600\n{servers}}}\n"
            )
        conf.write_text("".join(blocks))

    write(1)
    files = [f"--{kind}={folder / kind}" for kind in ("pid", "checkers_pid")]
    took = []
    command = ["keepalived", "-n", "-l", "-G", "-C", "-f", str(conf), *files]
    target = [sys.executable, "-m", "tests.bench.listener", str(LISTENER)]
    with Process(target, cwd=ROOT), Process(command, log=folder / "keepalived.log") as process:
        judge = Judge()
        await _complete(judge, size)
        for k in range(RELOADS[size]):
            write(10 + k)
            begin = time.time_ns()
            os.kill(process.pid, signal.SIGHUP)
            took.append((begin, await judge.seen(10 + k)))
            await asyncio.sleep(0.5)
    return {"keepalived": took}


async def _vipkeeper(folder: Path, size: int) -> Series:
    """Edits by put, and what of it is etcd's answer to the put; the connection stands, as in any client that lives."""
    values: dict[str, bytes] = {}
    for address, members in _pools(size).items():
        name = f"tcp-{address}-80"
        server = {"address": address, "port": 80, "protocol": "tcp", "lb_algo": "wlc", "lb_kind": "nat", "delay_loop": 3600}
        values[f"config/virtual_server/{name}"] = json.dumps(server).encode()
        for m in members:
            values[f"config/real_server/{name}/{m}-80"] = _server(m, 1)
    took, puts = [], []
    with Etcd(folder) as etcd:
        places = ["--store", etcd.url, "--run-dir", str(folder), "--state-dir", str(folder / "state"), "--node", "bench"]
        client = EtcdClient(options := parse("bench", places))
        await put_all(options, values)
        command = [sys.executable, "-m", "services.ipvs", *places]
        with Process(command, log=folder / "ipvs.log", cwd=ROOT):
            judge = Judge()
            await _complete(judge, size)
            async with client.session() as session:
                for k in range(ROUNDS * EDITS):
                    begin = time.time_ns()
                    await _put(session, client, 10 + k)
                    puts.append((begin, time.time_ns()))
                    took.append((begin, await judge.seen(10 + k)))
                    await asyncio.sleep(0.02)
    return {"vipkeeper": took, "etcd alone": puts}


async def _put(session: Session, client: EtcdClient, weight: int) -> None:
    key = client.prefix + f"config/real_server/tcp-{JUDGED[0]}-80/10.1.0.1-80".encode()
    await session.call(session.kv.Put, rpc.PutRequest(key=key, value=_server("10.1.0.1", weight)))


def _server(address: str, weight: int) -> bytes:
    check = {"connect_ip": "127.0.0.1", "connect_port": LISTENER}
    return json.dumps({"address": address, "port": 80, "weight": weight, "tcp_check": [check]}).encode()


async def _complete(judge: Judge, size: int) -> None:
    """Wait for the whole table."""

    async def whole() -> bool:
        await asyncio.sleep(0.5)
        return await judge.servers() == size

    await until_async(whole, timeout=240, what=f"all {size} servers are in the table")
    await judge.find()
    await asyncio.sleep(SETTLING)


def main(arguments: list[str]) -> None:
    """`PROGRAM SIZE`: print when each edit began and ended; nothing: everything, into $LAB_OUT."""
    if not arguments:
        (Path(os.environ["LAB_OUT"]) / "edits.json").write_text(json.dumps(_measure_all()))
        return
    program, size = arguments
    with tempfile.TemporaryDirectory() as scratch:
        work = {"keepalived": _keepalived, "vipkeeper": _vipkeeper}[program]
        print(json.dumps(asyncio.run(work(Path(scratch), int(size)))))


if __name__ == "__main__":
    main(sys.argv[1:])
