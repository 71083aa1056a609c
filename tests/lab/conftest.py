"""Tests in `inside/` run in a guest kernel; see guest_items.py."""

from tests.lab.guest_items import pytest_collection_modifyitems, pytest_configure, pytest_runtest_logreport

__all__ = ["pytest_collection_modifyitems", "pytest_configure", "pytest_runtest_logreport"]
