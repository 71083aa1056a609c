"""How much longer than the protocol needs does a failover take? kill -9 of the master to a client's first answer.

The protocol's own floor is the master-down interval that was running: from the last advert on the wire. keepalived and
vipkeeper take turns in the same network, five kills each. On the way: the new master's first advert and its gratuitous ARP.
"""

from __future__ import annotations

import math
import random
import socket
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from tests.bench.capture import Capture
from tests.bench.figures import ratio, summary, table
from tests.bench.rivals import EXCLUDED, ROOT, Keepalived, Rival, Routers, Vipkeeper, kill_all
from tests.bench.witness import Witness
from tests.kit.netns import Host, Net
from tests.kit.process import Process
from tests.kit.wait import until

VIP = "10.9.1.1"
MASTER, BACKUP = 200, 100
SELDOM = 5_000_000  # ns between two looks at the machine: each pushes whoever runs to the other processor
MOST_TURNS = 40  # a machine that stands still too often has had its chance
TURN = 5  # kills of one program before it is the other's turn


def run(kills: int = 20, intervals: tuple[float, ...] = (1.0, 0.1, 0.01), excluded: int = 0) -> dict[str, Any]:
    """Milliseconds beyond the floor per interval and program, and the ratios; with so many more addresses to install."""
    rows = []
    rivals: tuple[Rival, ...] = (Keepalived(), Vipkeeper())
    with tempfile.TemporaryDirectory() as scratch, Net() as net:
        lan = net.bridge("lan")
        for number, name in enumerate(("a", "b", "client"), 1):
            net.host(name).join(lan, "eth0", f"10.9.0.{number}/16")
        for name in "ab":
            net.host(name).start([sys.executable, "-m", "tests.bench.traffic", "echo", name], cwd=ROOT)
        for interval in intervals:
            seen: dict[str, list[Failover]] = {rival.name: [] for rival in rivals}
            turn = 0
            while any(len(s) < kills for s in seen.values()) and turn < MOST_TURNS:
                rival = rivals[turn % 2]
                folder = Path(scratch) / f"{rival.name}-{interval:g}-{turn}"
                turn += 1
                seen[rival.name] += _turn(net, rival, Routers(1, interval, BACKUP, excluded), folder, min(TURN, kills))
            rows += _rows(interval, {name: failovers[:kills] for name, failovers in seen.items()})
    what = f"kill -9 of the master of {1 + excluded} addresses to the new one's signs of life, beyond the protocol's floor, ms"
    print(f"{what}\n{table(rows)}\n")
    return {"unit": "ms", "addresses": 1 + excluded, "rows": rows}


class Failover(NamedTuple):
    """What came first of each kind from the new master, ms after the protocol's floor; nan: the machine stood still before."""

    advert: float
    garp: float
    answer: float  # as the client sees it


def _rows(interval: float, seen: dict[str, list[Failover]]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for sign in Failover._fields:
        found = {name: [getattr(failover, sign) for failover in failovers] for name, failovers in seen.items()}
        figures = {name: summary([ms for ms in each if not math.isnan(ms)], (50, 99)) for name, each in found.items()}
        rows += [{"interval": interval, "first": sign, "program": name, **figure} for name, figure in figures.items()]
        ratios = {p: ratio(figures["vipkeeper"][p], figures["keepalived"][p]) for p in ("p50", "p99", "max")}
        rows.append({"interval": interval, "first": sign, "program": "ratio", **ratios, "n": ""})
    return rows


def _turn(net: Net, rival: Rival, routers: Routers, folder: Path, kills: int) -> list[Failover]:
    """`kills` failovers of one program: the backup stays, the master is started again for each."""
    a, b = net.host("a"), net.host("b")
    all_of_them, result = 1 + routers.excluded, []
    better = replace(routers, priority=MASTER)
    with rival.start(b, routers, folder / "b"):
        until(lambda: _held(b) == all_of_them, timeout=60, what="the lower one is master alone")
        for k in range(3 * kills):
            with rival.start(a, better, folder / f"a{k}") as master:
                until(lambda: (_held(a), _held(b)) == (all_of_them, 0), timeout=60, what="the higher one is master")
                took = _one(net, master, routers)
            _clear(a)
            result += [] if took is None else [took]
            if len(result) == kills:
                break
    _clear(b)
    return result


def _one(net: Net, master: Process, routers: Routers) -> Failover | None:
    """Kill the master and watch the other take over. None: the machine stood still then."""
    interval = routers.interval
    with net.host("client").start([sys.executable, "-m", "tests.bench.traffic", "ask", VIP], cwd=ROOT) as client:
        with Witness(net.host("b"), SELDOM) as witness, Capture(net.host("b"), "eth0") as capture:
            until(lambda: client.output().endswith(" a\n"), what="the client is served")
            time.sleep(0.5 + interval * (2 + random.random()))
            kill_all(master)
            until(lambda: client.output().endswith(" b\n"), what="the client is served by the other")
        answer = int(client.output().splitlines()[-1].split()[0])
    before, after = (socket.inet_aton(f"10.9.0.{n}") for n in (1, 2))
    adverts = [a for a in capture.adverts() if a.priority]
    last = max(a.at for a in adverts if a.source == before)
    centiseconds = round(interval * 100)
    down = 3 * interval + (256 - BACKUP) * centiseconds * 625 // 16 / 1e6  # RFC 9568 section 6.1, as v3 truncates it
    floor = last + round(down * 1e9)
    advert = min(a.at for a in adverts if a.source == after and a.at > last)
    garp = min((at for at in capture.gratuitous_arps(socket.inet_aton(VIP)) if at > last), default=None)
    if garp is None or witness.disturbed_between(floor - 5_000_000, advert):  # None: it was master before, beside the other
        return None
    # Adding so many keeps a processor in the kernel for longer than the witness expects.
    calm = (routers.excluded or not witness.disturbed_between(floor - 5_000_000, at) for at in (advert, garp, answer))
    return Failover(*((at - floor) / 1e6 if fit else math.nan for at, fit in zip((advert, garp, answer), calm, strict=True)))


def _held(host: Host) -> int:
    """How many virtual addresses it has."""
    return host.ip("-4 -o address show dev eth0").count("/32")


def _clear(host: Host) -> None:
    """Take away what a killed one left."""
    for addresses in (f"{VIP}/32", EXCLUDED):
        host.ip(f"address flush to {addresses} dev eth0", check=False)
