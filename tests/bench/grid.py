"""How punctual and how costly are adverts, from one router to a thousand, from 1 s to 10 ms, quiet and with hogs?

Error of the interval between adverts, seen from the peer; keepalived and vipkeeper in turn in each cell, real-time both.
CPU is that of the process that sends, from /proc.
"""

from __future__ import annotations

import contextlib
import itertools
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench.figures import ratio, summary, table
from tests.bench.rivals import Hogs, Keepalived, Rival, Routers, Vipkeeper, elector, kill_all, plug_in
from tests.bench.wire import Wire
from tests.bench.witness import Witness
from tests.kit.netns import Net
from tests.kit.wait import until

COUNTS = (1, 50, 250, 1_000)
INTERVALS = (1.0, 0.1, 0.01)
LOADS = ("quiet", "hogs")
SETTLING = 8  # seconds; past the second burst of gratuitous ARP, 5 s after the election
POINTS = ("p50", "p99", "p99.9", "max")


def run(seconds: float = 6, counts: tuple[int, ...] = COUNTS, intervals: tuple[float, ...] = INTERVALS) -> dict[str, Any]:
    """Milliseconds of error, share of the adverts sent and CPU microseconds per advert, per cell; medians of the ratios."""
    rows: list[dict[str, Any]] = []
    rivals: tuple[Rival, ...] = (Keepalived(), Vipkeeper())
    with tempfile.TemporaryDirectory() as scratch:
        cells = itertools.product(counts, intervals, LOADS)
        for number, (count, interval, load) in enumerate(cells):
            place = {"routers": count, "interval": interval, "load": load}
            figures = {}
            for rival in rivals:
                folder = Path(scratch) / f"{rival.name}-{number}"
                figures[rival.name] = _cell(rival, Routers(count, interval, 200), load, seconds, folder)
                rows.append({**place, "program": rival.name, **figures[rival.name]})
            names = ("cpu", *POINTS)
            ratios = {name: ratio(figures["vipkeeper"][name], figures["keepalived"][name]) for name in names}
            rows.append({**place, "program": "ratio", "sent": "", **ratios, "n": ""})
            print(table(rows[-3:]), flush=True)
    medians = _medians(rows)
    print(f"Medians of the ratios over {len(rows) // 3} cells: {medians}\n")
    return {"unit": "ms, us of CPU per advert", "rows": rows, "medians": medians}


def _medians(rows: list[dict[str, Any]]) -> dict[str, float]:
    ratios = [row for row in rows if row["program"] == "ratio"]
    result = {name: round(statistics.median(row[name] for row in ratios), 3) for name in ("cpu", *POINTS)}
    return result | {f"worst {name}": max(row[name] for row in ratios) for name in ("p99", "p99.9")}


def _cell(rival: Rival, routers: Routers, load: str, seconds: float, folder: Path) -> dict[str, float]:
    """One program in one cell, in a network of its own."""
    with Net() as net:
        a, b = plug_in(net, routers.interfaces, "a", "b")
        with rival.start(a, routers, folder) as process:
            until(lambda: a.ip("-4 address show").count("/32") == routers.count, timeout=90, what="all routers are master")
            time.sleep(SETTLING)
            hogs = Hogs() if load == "hogs" else contextlib.nullcontext()
            with hogs, Witness(b) as witness, Wire(b, folder / "wire.pcap") as wire:
                before, began = cpu_seconds(elector(process)), time.monotonic()
                time.sleep(seconds)
                cpu, took = cpu_seconds(elector(process)) - before, time.monotonic() - began
            kill_all(process)
    times = wire.times()
    sent = sum(map(len, times.values()))
    found = [error for series in times.values() for error in _errors(series, routers.interval, witness)]
    share = min(1.0, sent * routers.interval / (routers.count * took))
    return {"sent": round(share, 3), "cpu": round(cpu * 1e6 / sent, 1), **summary(found)}


def _errors(series: list[int], interval: float, witness: Witness) -> list[float]:
    """Errors of one router's intervals in ms, without those in which the machine stood still."""
    return [
        abs((now - before) / 1e6 - interval * 1e3)
        for before, now in itertools.pairwise(series)
        if not witness.spoils(before, now, round(1e9 * interval))
    ]


def cpu_seconds(pid: int) -> float:
    """Seconds of CPU that a process has used, from /proc/PID/schedstat (proc(5)), which counts nanoseconds."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
