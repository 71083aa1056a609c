"""How many takeovers does a busy machine cause? Two nodes, 50 routers at 10 ms, a program on every processor.

The master never goes, so each router that the backup becomes master of is one too many. keepalived is looked at for a shorter
time, real-time and at its default scheduling.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench.figures import table
from tests.bench.grid import SETTLING
from tests.bench.rivals import Hogs, Keepalived, Rival, Routers, Vipkeeper, kill_all, plug_in
from tests.bench.wire import Wire
from tests.bench.witness import Witness
from tests.kit.netns import Net
from tests.kit.wait import until

MASTER, BACKUP = 200, 100
BACKUPS = "10.9.100.2"  # the backup's address on the first interface
QUIET = 0.5  # seconds without the backup's adverts, after which the next one is another takeover


def run(
    seconds: float = 300, rivals_seconds: float = 60, routers: int = 50, interval: float = 0.01, hogs: int | None = None
) -> dict[str, Any]:
    """Takeovers for each program, and how many of these come when the machine itself stood still."""
    programs: tuple[tuple[Rival, float], ...] = (
        (Keepalived(real_time=False), rivals_seconds),
        (Keepalived(), rivals_seconds),
        (Vipkeeper(), seconds),
    )
    with tempfile.TemporaryDirectory() as scratch:
        rows = [
            _one(rival, Routers(routers, interval, MASTER), took, Path(scratch) / str(number), hogs)
            for number, (rival, took) in enumerate(programs)
        ]
    blamed = rows[-1]["takeovers"] - rows[-1]["machine"]
    verdict = f"vipkeeper: {blamed} spurious takeovers (bar: none){' ABOVE THE BAR' if blamed else ''}"
    print(f"takeovers from a living master, {routers} routers at {interval:g} s\n{table(rows)}\n{verdict}\n")
    return {"routers": routers, "interval": interval, "rows": rows, "verdict": verdict}


def _one(rival: Rival, routers: Routers, seconds: float, folder: Path, hogs: int | None) -> dict[str, Any]:
    """One program: both nodes settle, then they are left to themselves."""
    with Net() as net:
        a, b, watcher = plug_in(net, routers.interfaces, "a", "b", "watcher")
        lower = Routers(routers.count, routers.interval, BACKUP)
        with rival.start(a, routers, folder / "a") as master:
            until(lambda: a.ip("-4 address show").count("/32") == routers.count, timeout=60, what="all routers are master")
            with rival.start(b, lower, folder / "b") as backup:
                time.sleep(SETTLING)
                with Hogs(hogs), Witness(watcher) as witness, Wire(watcher, folder / "wire.pcap", BACKUPS) as wire:
                    time.sleep(seconds)
                kill_all(backup)
            kill_all(master)
    down = round((4 * routers.interval + 0.001) * 1e9)  # no master-down interval is longer
    begun = [at for times in wire.times().values() for at in _beginnings(times)]
    excused = sum(witness.disturbed_between(at - down, at) for at in begun)
    return {
        "program": rival.name,
        "seconds": seconds,
        "takeovers": len(begun),
        "machine": excused,
        "a minute": round((len(begun) - excused) * 60 / seconds, 1),
    }


def _beginnings(times: list[int]) -> list[int]:
    """When one router of the backup began to speak."""
    return [at for before, at in zip([0, *times], times, strict=False) if at - before > QUIET * 1e9]
