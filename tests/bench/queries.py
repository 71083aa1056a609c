"""Are adverts as punctual while many ask? 50 routers at 100 ms, by turns left alone and asked 1,000 times a second.

The questions are for the state of single routers and for explanations, and 50 streams watch all of them. The agent answers;
that the engine hears nothing of it is what is measured.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from tests.bench.adverts import errors_of, settle
from tests.bench.capture import Capture
from tests.bench.figures import ratio, summary, table
from tests.bench.rivals import ROOT, Routers, Vipkeeper, kill_all, plug_in
from tests.bench.witness import Witness
from tests.kit.netns import Net

BAR = 1.2  # p99 while asked, of p99 left alone
BEFORE = 2  # seconds from the first question to the first advert that counts
POINTS = ("p50", "p99", "p99.9", "max")


def run(
    seconds: float = 15, rounds: int = 3, routers: int = 50, interval: float = 0.1, queries: int = 1_000, streams: int = 50
) -> dict[str, Any]:
    """Milliseconds of error of the interval, left alone and asked, their ratio, and how many answers came in a second."""
    errors: dict[str, list[float]] = defaultdict(list)
    answers: list[float] = []
    with tempfile.TemporaryDirectory() as scratch, Net() as net:
        a, b = plug_in(net, 1, "a", "b")
        folder = Path(scratch) / "vipkeeper"
        with Vipkeeper().start(a, Routers(routers, interval, 200), folder) as process:
            settle(b, routers)
            command = [sys.executable, "-m", "tests.bench.asker", f"unix:{folder / 'vrrp.sock'}", str(queries), str(streams)]
            for _ in range(rounds):
                for load in ("left alone", "asked"):
                    asker = a.start(command, cwd=ROOT) if load == "asked" else None
                    time.sleep(BEFORE)
                    with Witness(b) as witness, Capture(b, "eth0") as capture:
                        time.sleep(seconds)
                    if asker is not None:
                        asker.terminate()
                        asker.wait()
                        said = json.loads(asker.output().splitlines()[-1])
                        answers.append(said["answers"] / said["seconds"])
                    errors[load] += errors_of(capture, witness, interval)[0]
            kill_all(process)
    figures = {load: summary(found) for load, found in errors.items()}
    ratios = {point: ratio(figures["asked"][point], figures["left alone"][point]) for point in POINTS}
    rows: list[dict[str, Any]] = [{"load": load, **figure} for load, figure in figures.items()]
    rows.append({"load": "ratio", **ratios, "n": ""})
    rate = round(min(answers))
    verdict = f"p99 {ratios['p99']:.2f} x (bar {BAR:g}){'' if ratios['p99'] <= BAR else ' ABOVE THE BAR'}"
    print(f"Error of the advert interval at the peer, ms ({routers} routers at {interval:g} s)\n{table(rows)}")
    print(f"{rate} answers a second and {streams} streams: {verdict}\n")
    return {"unit": "ms", "rows": rows, "answers a second": rate, "streams": streams, "verdict": verdict}
