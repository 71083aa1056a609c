"""`make bench`: every figure as a ratio to keepalived or the protocol's own floor, taken in one run.

Prints tables for people and keeps everything in .build/bench.json.
"""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from tests.bench.figures import keep

BARS = ("adverts", "failover", "transitions", "edits")  # what has a bar to meet
MORE = (
    "grid",
    "footprint",
    "queries",
    "loaded",
    "many_addresses",
    "thousands",
    "router_edits",
    "checks",
    "ipvs_writes",
    "largest",
)
RESULTS = Path(".build/bench.json")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("names", nargs="*", help=f"which of {', '.join(BARS + MORE)} (default: the first four)")
    names = parser.parse_args().names or BARS
    for name in names:
        if name not in BARS + MORE:
            parser.error(f"there is no benchmark {name!r}")
    for name in names:
        keep(RESULTS, name, importlib.import_module(f"tests.bench.{name}").run())


if __name__ == "__main__":
    main()
