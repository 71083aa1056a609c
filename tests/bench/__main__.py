"""`make bench`: every figure as a ratio to keepalived or the protocol's own floor, taken in one run.

Prints tables for people and keeps everything in .build/bench.json.
"""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from tests.bench.figures import keep

ALL = ("adverts", "failover", "edits")
RESULTS = Path(".build/bench.json")


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("names", nargs="*", default=ALL, choices=[*ALL, []], help="which (default: all)")
    for name in parser.parse_args().names:
        keep(RESULTS, name, importlib.import_module(f"tests.bench.{name}").run())


if __name__ == "__main__":
    main()
