"""What does an edit of one router do to the adverts of all? Its priority changes once a second; how late are they at the peer?

keepalived gets its file rewritten and SIGHUP, vipkeeper its file of configuration rewritten; both real-time, in turn.
"""

from __future__ import annotations

import itertools
import os
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench.figures import ratio, summary, table
from tests.bench.grid import POINTS, SETTLING
from tests.bench.rivals import Keepalived, Rival, Routers, Vipkeeper, kill_all, plug_in
from tests.bench.wire import Wire
from tests.bench.witness import Witness
from tests.kit.netns import Net
from tests.kit.process import Process
from tests.kit.wait import until

PRIORITY = 200
EVERY = 1.0  # seconds between two edits


def run(seconds: float = 20, counts: tuple[int, ...] = (50, 1_000), interval: float = 0.1) -> dict[str, Any]:
    """Milliseconds late, and adverts sent of those due, by number of routers and program, and the ratios."""
    rows: list[dict[str, Any]] = []
    rivals: tuple[Rival, ...] = (Keepalived(), Vipkeeper())
    with tempfile.TemporaryDirectory() as scratch:
        for count in counts:
            figures = {}
            for rival in rivals:
                folder = Path(scratch) / f"{rival.name}-{count}"
                figures[rival.name] = _edited(rival, Routers(count, interval, PRIORITY), seconds, folder)
                rows.append({"routers": count, "program": rival.name, **figures[rival.name]})
            ratios = {name: ratio(figures["vipkeeper"][name], figures["keepalived"][name]) for name in POINTS}
            rows.append({"routers": count, "program": "ratio", "sent": "", **ratios, "n": ""})
            print(table(rows[-3:]), flush=True)
    print(f"Adverts late at the peer, ms, while one router is edited each second ({interval:g} s)\n{table(rows)}\n")
    return {"unit": "ms", "interval": interval, "rows": rows}


def _edited(rival: Rival, routers: Routers, seconds: float, folder: Path) -> dict[str, float]:
    """One program, edited once a second while the peer listens."""
    with Net() as net:
        a, b = plug_in(net, routers.interfaces, "a", "b")
        with rival.start(a, routers, folder) as process:
            until(lambda: a.ip("-4 address show").count("/32") == routers.count, timeout=90, what="all routers are master")
            time.sleep(SETTLING)
            with Witness(b) as witness, Wire(b, folder / "wire.pcap") as wire:
                began = time.monotonic()
                for priority in itertools.count(PRIORITY + 1):
                    time.sleep(EVERY)
                    if time.monotonic() - began > seconds:
                        break
                    _edit(folder, process, priority - 1, priority)
                took = time.monotonic() - began
            kill_all(process)
    times = wire.times()
    late = [ms for series in times.values() for ms in _late(series, routers.interval, witness)]
    share = sum(map(len, times.values())) * routers.interval / (routers.count * took)
    return {"sent": round(share, 3), **summary(late)}


def _late(series: list[int], interval: float, witness: Witness) -> list[float]:
    """By how much each of one router's intervals was too long, ms, but for those in which the machine stood still."""
    return [
        max(0.0, (now - before) / 1e6 - interval * 1e3)
        for before, now in itertools.pairwise(series)
        if not witness.spoils(before, now, round(1e9 * interval))
    ]


def _edit(folder: Path, process: Process, before: int, after: int) -> None:
    """Give the first router another priority."""
    conf, store = folder / "keepalived.conf", folder / "config.json"
    if conf.exists():
        conf.write_text(conf.read_text().replace(f"priority {before}\n", f"priority {after}\n", 1))
        os.kill(process.pid, signal.SIGHUP)
    else:
        new = store.with_suffix(".new")
        new.write_text(store.read_text().replace(f'"priority": {before},', f'"priority": {after},', 1))
        new.replace(store)
