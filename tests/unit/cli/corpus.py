"""Where do the real configuration files lie? Beside the repository; tests skip where they are absent."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "corpus"
SEEDS = sorted(FOLDER.glob("seeds/*.conf"))
FILES = sorted([*FOLDER.glob("public/*"), *FOLDER.glob("samples/*"), *SEEDS])

needed = pytest.mark.skipif(not FILES, reason=f"the corpus of real configurations is not at {FOLDER}")


def verdicts() -> dict[str, dict[str, str]]:
    """What `keepalived -t` says, by file."""
    with open(FOLDER / "keepalived_t.tsv", newline="", errors="replace") as stream:
        return {row["file"]: row for row in csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)}
