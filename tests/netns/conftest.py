"""Tests in `inside/` run in a guest: they need links that not every kernel has."""

from __future__ import annotations

from tests.lab.guest_items import pytest_collection_modifyitems, pytest_configure, pytest_runtest_logreport

__all__ = ["pytest_collection_modifyitems", "pytest_configure", "pytest_runtest_logreport"]
