"""How punctual are adverts on the wire? Error of the interval between adverts, 50 routers at 100 ms, seen from the peer.

Three loads: a quiet machine, a program on every processor, and the checker killed in a loop while it probes. keepalived
and vipkeeper run in turn, real-time both, within the same minutes.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench.capture import Capture
from tests.bench.figures import ratio, summary, table
from tests.bench.rivals import ROOT, Hogs, Keepalived, Rival, Routers, Vipkeeper, kill_all
from tests.bench.witness import Witness
from tests.kit.netns import Host, Net
from tests.kit.wait import until

LOADS = ("quiet", "hogs", "checker killed")


ROUNDS = 4  # in each, both programs under each load: the machine's own stalls fall on either, and none decides p99


def run(seconds: float = 12, routers: int = 50, interval: float = 0.1, checks: int = 10_000) -> dict[str, Any]:
    """Milliseconds of error per load and program, and the ratios at p99 and p99.9."""
    errors: dict[tuple[str, str], list[float]] = defaultdict(list)
    sent: dict[tuple[str, str], int] = defaultdict(int)
    rivals: tuple[Rival, ...] = (Keepalived(), Vipkeeper())
    with tempfile.TemporaryDirectory() as scratch, Net() as net:
        lan = net.bridge("lan")
        for number, name in enumerate(("a", "b"), 1):
            net.host(name).join(lan, "eth0", f"10.9.0.{number}/16")
        for turn, load, rival in itertools.product(range(ROUNDS), LOADS, rivals):
            folder = Path(scratch) / f"{rival.name}-{load.replace(' ', '-')}-{turn}"
            with rival.start(net.host("a"), Routers(routers, interval, 200), folder) as process:
                frames = _measure(net.host("b"), routers, load, seconds, folder, checks)
                kill_all(process)
            found, count = errors_of(*frames, interval)
            errors[load, rival.name] += found
            sent[load, rival.name] += count
    expected = ROUNDS * routers * seconds / interval
    rows = []
    for load in LOADS:
        figures = {rival.name: summary(errors[load, rival.name]) for rival in rivals}
        for name, figure in figures.items():
            share = round(sent[load, name] / expected, 3)
            rows.append({"load": load, "program": name, "sent": share, **figure})
        ratios = {p: ratio(figures["vipkeeper"][p], figures["keepalived"][p]) for p in ("p50", "p99", "p99.9", "max")}
        rows.append({"load": load, "program": "ratio", "sent": "", **ratios, "n": ""})
    print(f"Error of the advert interval at the peer, ms ({routers} routers at {interval:g} s)\n{table(rows)}\n")
    return {"unit": "ms", "routers": routers, "interval": interval, "rows": rows}


def _measure(peer: Host, routers: int, load: str, seconds: float, folder: Path, checks: int) -> tuple[Capture, Witness]:
    """Capture `seconds` of adverts under a load, once every router is master."""
    settle(peer, routers)
    with _loaded(load, folder, checks), Witness(peer) as witness, Capture(peer, "eth0") as capture:
        time.sleep(seconds)
    return capture, witness


def settle(peer: Host, routers: int) -> None:
    """Until all routers are master, and past the second burst of gratuitous ARP, 5 s after the election."""
    with Capture(peer, "eth0") as settling:
        until(lambda: len({a.vrid for a in settling.adverts()}) == routers, timeout=60, what="all routers are master")
        time.sleep(8)


def errors_of(capture: Capture, witness: Witness, interval: float) -> tuple[list[float], int]:
    """Per-router errors of the interval in ms, without the machine's own stalls, and the number of adverts seen."""
    last: dict[int, int] = {}
    errors = []
    count = 0
    for advert in capture.adverts():
        count += 1
        before = last.get(advert.vrid)
        last[advert.vrid] = advert.at
        if before is not None and not witness.spoils(before, advert.at, round(1e9 * interval)):
            errors.append(abs((advert.at - before) / 1e6 - interval * 1e3))
    return errors, count


@contextlib.contextmanager
def _loaded(load: str, folder: Path, checks: int) -> Iterator[None]:
    """The machine under one of LOADS."""
    if load == "hogs":
        with Hogs():
            yield
    elif load == "checker killed":
        with _dying_checker(folder / "checker", checks):
            yield
    else:
        yield


@contextlib.contextmanager
def _dying_checker(folder: Path, checks: int) -> Iterator[None]:
    """The checker with `checks` TCP checks a second, killed every two seconds and started again."""
    folder.mkdir(parents=True)
    with Net() as net:
        host = net.host("checked")
        targets = host.start([sys.executable, "-m", "tests.bench.listener", "8000"], cwd=ROOT)
        store: dict[str, object] = {
            "config/virtual_server/tcp-10.8.0.1-80": {
                "address": "10.8.0.1", "port": 80, "protocol": "tcp", "delay_loop": "1s", "warmup": "1s",
            }
        }  # fmt: skip
        for k in range(checks):
            address = f"127.1.{k // 250}.{k % 250 + 1}"
            store[f"config/real_server/tcp-10.8.0.1-80/{address}-8000"] = {
                "address": address, "port": 8000, "tcp_check": [{"connect_timeout": "1s"}],
            }  # fmt: skip
        (folder / "config.json").write_text(json.dumps(store))
        places = ["--store", f"file:{folder / 'config.json'}", "--run-dir", str(folder), "--state-dir", str(folder / "state")]
        ended = threading.Event()

        def restart() -> None:
            while not ended.is_set():
                checker = host.start([sys.executable, "-m", "services.checker", *places], log=folder / "log", cwd=ROOT)
                ended.wait(4)
                kill_all(checker)

        thread = threading.Thread(target=restart)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            targets.kill()
