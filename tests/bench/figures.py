"""What do the measured numbers say? Percentiles, ratios, and how they are printed and kept."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any


def percentile(values: Sequence[float], p: float) -> float:
    """The smallest value that at least p percent of `values` do not exceed (nearest rank); nan of none."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(0, math.ceil(p / 100 * len(ordered)) - 1)]


def summary(values: Sequence[float], points: Iterable[float] = (50, 99, 99.9)) -> dict[str, float]:
    """Percentiles, maximum and number of `values`."""
    result = {f"p{p:g}": round(percentile(values, p), 4) for p in points}
    return result | {"max": round(max(values, default=math.nan), 4), "n": len(values)}


def ratio(ours: float, theirs: float) -> float:
    """ours / theirs; nan where there is nothing to compare with."""
    return round(ours / theirs, 3) if theirs and not math.isnan(theirs) else math.nan


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as an aligned text table; the columns are the first row's."""
    names = list(rows[0])
    cells = [names, *([_cell(row.get(name)) for name in names] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(names))]
    return "\n".join("  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip() for line in cells)


def keep(path: Path, name: str, result: Mapping[str, Any]) -> None:
    """Put one benchmark's result into the JSON file, beside the others."""
    path.parent.mkdir(parents=True, exist_ok=True)
    known = json.loads(path.read_text()) if path.exists() else {}
    known[name] = result
    path.write_text(json.dumps(known, indent=1) + "\n")


def _cell(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
