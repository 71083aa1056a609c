"""A pair of routers with one virtual address, and a witness on the wire. Tests in `inside/` run where IPVS is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.netns import Net
from tests.lab.guest_items import pytest_collection_modifyitems, pytest_configure, pytest_runtest_logreport
from tests.must_hold.pair import Pair

__all__ = ["pytest_collection_modifyitems", "pytest_configure", "pytest_runtest_logreport"]


@pytest.fixture
def net() -> Iterator[Net]:
    with Net() as made:
        yield made


@pytest.fixture
def pair(net: Net, tmp_path: Path) -> Pair:
    return Pair(net, tmp_path)
