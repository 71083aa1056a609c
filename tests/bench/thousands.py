"""What share of a processor core do 4,000 routers at 1 s take? CPU of the process that sends, and of all processes."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench.figures import ratio, table
from tests.bench.grid import SETTLING, cpu_seconds
from tests.bench.rivals import Keepalived, Rival, Routers, Vipkeeper, elector, family, kill_all, plug_in
from tests.kit.netns import Net
from tests.kit.wait import until

BAR = 10.0  # per cent of a core, of the process that sends


def run(seconds: float = 30, count: int = 4_000, interval: float = 1.0) -> dict[str, Any]:
    """Per cent of a core for each program, of its process that sends and of all its processes."""
    rivals: tuple[Rival, ...] = (Keepalived(), Vipkeeper())
    with tempfile.TemporaryDirectory() as scratch:
        rows = [_share(rival, Routers(count, interval, 200), seconds, Path(scratch) / rival.name) for rival in rivals]
    theirs, ours = rows
    verdict = f"vipkeeper's engine: {ours['sender']:.1f} % (bar {BAR:g}){'' if ours['sender'] <= BAR else ' ABOVE THE BAR'}"
    rows.append({"program": "ratio", **{name: ratio(ours[name], theirs[name]) for name in ("sender", "all")}})
    print(f"per cent of a core, {count} routers at {interval:g} s\n{table(rows)}\n{verdict}\n")
    return {"unit": "% of a core", "routers": count, "interval": interval, "rows": rows, "verdict": verdict}


def _share(rival: Rival, routers: Routers, seconds: float, folder: Path) -> dict[str, Any]:
    with Net() as net:
        a, _ = plug_in(net, routers.interfaces, "a", "b")
        with rival.start(a, routers, folder) as process:
            until(lambda: a.ip("-4 -o address show").count("/32") == routers.count, timeout=300, what="all routers are master")
            time.sleep(4 * SETTLING)  # the agent has heard of all of them
            pids, sender = family(process.pid), elector(process)
            before, began = {pid: cpu_seconds(pid) for pid in pids}, time.monotonic()
            time.sleep(seconds)
            used, took = {pid: cpu_seconds(pid) - before[pid] for pid in pids}, time.monotonic() - began
            kill_all(process)
    shares = {pid: 100 * cpu / took for pid, cpu in used.items()}
    return {"program": rival.name, "sender": round(shares[sender], 2), "all": round(sum(shares.values()), 2)}
