"""What came out: a table for people, one JSON object for programs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Step:
    """One thing shown. `figures` go into the JSON object under `name`; `story` is for people."""

    name: str
    title: str
    ok: bool
    story: str
    figures: dict[str, Any] = field(default_factory=dict)


def table(steps: tuple[Step, ...]) -> str:
    """One line a step."""
    width = max(len(step.title) for step in steps)
    rows = [f"{'ok' if step.ok else 'FAILED':<8}{step.title:<{width}}  {step.story}" for step in steps]
    rule = "-" * max(map(len, rows))
    return "\n".join((rule, *rows, rule))


def as_json(steps: tuple[Step, ...], ok: bool, **more: Any) -> str:
    """Everything, on one line."""
    shown = {step.name: {"ok": step.ok, **step.figures} for step in steps}
    return json.dumps({"ok": ok, **more, "steps": shown})
