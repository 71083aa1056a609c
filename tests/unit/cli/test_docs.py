"""docs/keys.md says what the protos say; its example is valid."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from cli.judge import judge
from cli.plan import sorted_out

ROOT = Path(__file__).resolve().parents[3]


def test_the_tables_of_keys_md_are_fresh() -> None:
    run = subprocess.run([sys.executable, "tools/keys_doc.py", "--check"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (run.stdout, run.returncode) == ("", 0)


def test_the_example_of_keys_md_is_valid() -> None:
    [example] = re.findall(r"```json\n(.*?)```", (ROOT / "docs" / "keys.md").read_text(), re.DOTALL)
    effective = sorted_out(json.loads(example)).effective("director1")
    verdict = judge({f"config/{tail}": value for tail, value in effective.items()})
    assert (verdict.refused, verdict.lost, verdict.doubts) == ([], [], [])
    assert verdict.accepted["config/vrrp_instance/VI_1"]["priority"] == 150
