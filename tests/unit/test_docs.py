"""Do the documents name what exists?"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FAILURE_MODES = (ROOT / "docs/failure-modes.md").read_text()
DOCUMENTS = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CHANGELOG.md", "docs/failure-modes.md")]
NAMED = sorted(set(re.findall(r"`(tests/\S+?\.py)::(\w+)`", FAILURE_MODES)))


@pytest.mark.parametrize(("file", "test"), NAMED, ids=[test for _, test in NAMED])
def test_each_failure_mode_names_a_test_that_exists(file: str, test: str) -> None:
    assert re.search(rf"^(?:async )?def {test}\(", (ROOT / file).read_text(), re.MULTILINE), f"{file} has no {test}"


def test_every_row_of_the_failure_modes_names_what_shows_it() -> None:
    rows = [line for line in FAILURE_MODES.splitlines() if line.startswith("| ") and not line.startswith("| What")]
    assert [row for row in rows if "::" not in row.rsplit("|", 2)[1] and "make demo" not in row] == []


def test_each_of_the_seven_promises_has_its_test() -> None:
    assert {int(number) for number in re.findall(r"^\| \*\*(\d)\*\*", FAILURE_MODES, re.MULTILINE)} == set(range(1, 8))
    for number in range(1, 8):
        assert list((ROOT / "tests/must_hold").rglob(f"test_{number}_*.py"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", document.read_text())
    assert [link for link in links if "://" not in link and not (document.parent / link).exists()] == []
