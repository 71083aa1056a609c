"""What does the way to the kernel cost? Adding 5,000 servers against `ipvsadm -R`, and one edit in the service's own process.

Prints one JSON object. The edit is timed from the changed setting (or the checker's word) to the kernel's acknowledgement:
the part of the way from etcd that is ipvs's own, with pools of a hundred servers. Runs where IPVS is: here, or in a guest.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from services.common.desired import Change
from services.common.telemetry import Telemetry
from services.ipvs import settings
from services.ipvs.director import Report
from services.ipvs.kernel import Kernel
from services.ipvs.model import Destination, DestinationKey, Service, ServiceKey, table
from services.ipvs.reconcile import plan
from services.ipvs.runtime import Runtime
from tests.bench.figures import ratio, summary
from tests.kit.netns import Namespace
from tests.lab.ipvs_here import runs_here
from tests.lab.judge import as_saved, clear, ipvsadm, saved

ROOT = Path(__file__).resolve().parents[2]
SERVERS = 5_000
PER_SERVICE = 100
SIZES = (100, 1_000, 10_000)
EDITS = 300


def run() -> dict[str, Any]:
    """Microseconds for each added server, milliseconds for each edit."""
    if not runs_here():
        return _in_a_guest()
    namespace = Namespace("bench")
    namespace.ip("link set lo up")
    try:
        with namespace.entered():
            return {"guest": False, "add_us": asyncio.run(_adds()), "edit_ms": {n: asyncio.run(_edits(n)) for n in SIZES}}
    finally:
        namespace.close()


def _in_a_guest() -> dict[str, Any]:
    command = [str(ROOT / "tests/lab/lab"), "run", "--mem", "1G", "--timeout", "600", "--"]
    done = subprocess.run(
        [*command, sys.executable, "-m", "tests.bench.ipvs_writes"], cwd=ROOT, check=True, capture_output=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found | {"guest": True}


async def _adds() -> dict[str, float]:
    """All servers in one service, as the kernel itself slows down with their number; three rounds each, the best counts."""
    key = ServiceKey(2, 6, bytes([10, 0, 0, 1]), 80)
    servers = [Destination(DestinationKey(2, bytes([10, 1 + i // 250, i % 250, 1]), 80)) for i in range(SERVERS)]
    wanted = table([(Service(key, "rr"), servers)])
    rules = "\n".join(as_saved(wanted))
    ours, theirs = [], []
    kernel = Kernel()
    for _ in range(3):
        began = time.perf_counter()
        refusals = await kernel.carry_out(plan({}, wanted))
        ours.append((time.perf_counter() - began) / SERVERS * 1e6)
        assert refusals == []
        assert saved() == as_saved(wanted)
        clear()
        began = time.perf_counter()
        ipvsadm(rules)
        theirs.append((time.perf_counter() - began) / SERVERS * 1e6)
        clear()
    kernel.close()
    best = {"vipkeeper": round(min(ours), 1), "ipvsadm": round(min(theirs), 1)}
    return best | {"ratio": ratio(best["vipkeeper"], best["ipvsadm"])}


async def _edits(size: int) -> dict[str, Any]:
    """One weight, then one server's health, over and over, among `size` servers."""
    with tempfile.TemporaryDirectory() as folder:
        runtime = Runtime(Path(folder), Telemetry(asyncio.get_running_loop()), lambda flip, trace: None)
        objects: dict[tuple[str, str], Any] = {}
        for i in range(size):
            name = f"v{i // PER_SERVICE}"
            address = f"10.0.{i // PER_SERVICE // 250}.{i // PER_SERVICE % 250 + 1}"
            objects.setdefault(
                ("virtual_server", name),
                settings.virtual_server(name, {"address": address, "port": 80, "protocol": "tcp", "lb_algo": "wlc"}),
            )
            objects["real_server", f"{name}/s{i}"] = _real(f"{name}/s{i}", i, 1)
        await runtime.configure(Change(1, objects, frozenset(), ()))
        weights, verdicts = [], []
        for k in range(EDITS):
            change = Change(2 + k, {("real_server", "v0/s0"): _real("v0/s0", 0, 2 + k)}, frozenset(), ())
            began = time.perf_counter()
            await runtime.configure(change)
            weights.append((time.perf_counter() - began) * 1e3)
            began = time.perf_counter()
            await runtime.report({("v0", "s1"): Report(bool(k % 2))})
            verdicts.append((time.perf_counter() - began) * 1e3)
        assert runtime.problems() == []
        runtime.close()
        clear()
        return {"weight": summary(weights, (50, 99)), "health": summary(verdicts, (50, 99))}


def _real(name: str, number: int, weight: int) -> settings.RealServer:
    address = f"10.{100 + number // 62500}.{number // 250 % 250}.{number % 250 + 1}"
    return settings.real_server(name, {"address": address, "port": 80, "weight": weight, "tcp_check": [{}]})


if __name__ == "__main__":
    print(json.dumps(run()))
