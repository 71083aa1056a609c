"""One test of each kind; run by name from test_lab.py, to see that the host reports what happened inside."""

from __future__ import annotations

import asyncio

import pytest

pytestmark = pytest.mark.lab


def test_passes() -> None:
    assert asyncio.run(asyncio.sleep(0, "inside")) == "inside"


def test_fails() -> None:
    print("said before failing")
    assert {"found": 1} == {"wanted": 2}


def test_skips() -> None:
    pytest.skip("because of a reason")


@pytest.mark.parametrize("number", [1, 2])
async def test_takes_parameters(number: int) -> None:
    assert number


def test_kills_the_machine() -> None:
    with open("/proc/sysrq-trigger", "w") as f:
        f.write("o")
    asyncio.run(asyncio.sleep(60))
