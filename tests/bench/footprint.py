"""What does a node cost? Time from exec to the first advert, memory, and CPU for each advert that is heard."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from services.vrrp.launcher.first_words import written
from tests.bench.capture import Capture
from tests.bench.figures import ratio, summary, table
from tests.bench.grid import SETTLING, cpu_seconds
from tests.bench.rivals import OWNER, Keepalived, Rival, Routers, Vipkeeper, elector, kill_all, plug_in
from tests.kit.netns import Net
from tests.kit.wait import until

STARTS = 10
HEARD = (50, 250)  # routers at 100 ms
SIZES = (1, 1_000)


def run() -> dict[str, Any]:
    """Milliseconds, MB resident and microseconds per advert heard, of the process that holds the elections."""
    rows: list[dict[str, Any]] = []
    rivals: tuple[Rival, ...] = (Keepalived(), Vipkeeper())
    with tempfile.TemporaryDirectory() as scratch:
        starts: dict[str, list[float]] = defaultdict(list)
        for turn in range(STARTS):
            for rival in rivals:
                starts[rival.name].append(_start(rival, Path(scratch) / f"{rival.name}-start-{turn}"))
        rows += _compared("exec to first advert, ms", {name: summary(took, (50,))["p50"] for name, took in starts.items()})
        for size in SIZES:
            sizes = {rival.name: _memory(rival, size, Path(scratch) / f"{rival.name}-size-{size}") for rival in rivals}
            electors = {name: found[0] for name, found in sizes.items()}
            rows += _compared(f"resident, {size} routers, MB", electors)
            both = {**electors, "keepalived": sizes["keepalived"][1]}
            rows += _compared(f"resident, {size} routers, of keepalived its parent too, MB", both)
        for master, count in itertools.product(rivals, HEARD):
            folder = Path(scratch) / f"heard-{master.name}-{count}"
            figures = {rival.name: _hearing(rival, master, count, folder / rival.name) for rival in rivals}
            rows += _compared(f"CPU for each advert heard of {master.name}, {count} routers at 100 ms, us", figures)
    print(f"What a node costs\n{table(rows)}\n")
    return {"rows": rows}


def _compared(what: str, figures: dict[str, float]) -> list[dict[str, Any]]:
    return [{"what": what, **figures, "ratio": ratio(figures["vipkeeper"], figures["keepalived"])}]


def _start(rival: Rival, folder: Path) -> float:
    """ms from exec of an address owner's program to its first advert; vipkeeper's has run here before."""
    with Net() as net:
        a, b = plug_in(net, 1, "a", "b")
        routers = Routers(1, 1, OWNER)
        with rival.start(a, routers, folder) as process:
            until(lambda: "/32" in a.ip("-4 address show"), timeout=30, what="it is master")
            _kept(rival, folder)
            process.end()
        with Capture(b, "eth0") as capture:
            began = time.time_ns()
            with rival.start(a, routers, folder) as process:
                until(lambda: any(a.priority for a in capture.adverts()), timeout=30, what="an advert")
                kill_all(process)
        return (min(advert.at for advert in capture.adverts() if advert.priority) - began) / 1e6


def _kept(rival: Rival, folder: Path) -> None:
    """vipkeeper's last good configuration is on disk, with what its owner says first."""
    if rival.name == Vipkeeper.name:
        until(lambda: len(written(str(folder / "state/engine.json"))) > 1, timeout=30, what="first words")


def _memory(rival: Rival, size: int, folder: Path) -> tuple[float, float]:
    """MB resident once all routers are master: of the process that holds elections, and together with its parent."""
    routers = Routers(size, 1, 200)
    with Net() as net:
        a, _ = plug_in(net, routers.interfaces, "a", "b")
        with rival.start(a, routers, folder) as process:
            until(lambda: a.ip("-4 address show").count("/32") == size, timeout=90, what="all routers are master")
            time.sleep(SETTLING)
            pid = elector(process)
            parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
            return _resident(pid), round(_resident(pid) + _resident(parent), 1)


def _resident(pid: int) -> float:
    return round(int(Path(f"/proc/{pid}/status").read_text().split("VmRSS:")[1].split()[0]) / 1024, 1)


def _hearing(rival: Rival, master: Rival, count: int, folder: Path, seconds: float = 10) -> float:
    """Microseconds of CPU that a backup uses for each advert of a master."""
    routers = Routers(count, 0.1, 200)
    with Net() as net:
        a, b = plug_in(net, 1, "a", "b")
        with master.start(a, routers, folder / "master"):
            until(lambda: a.ip("-4 address show").count("/32") == count, timeout=60, what="all routers are master")
            with rival.start(b, Routers(count, 0.1, 100), folder / "backup") as backup:
                time.sleep(SETTLING)
                used = cpu_seconds(elector(backup))
                time.sleep(seconds)
                used = cpu_seconds(elector(backup)) - used
    return round(used * 1e6 / (count * seconds / 0.1), 2)
