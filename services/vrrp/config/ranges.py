"""Is a value within its limits? What the decoders of several kinds ask of numbers and times."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.common.errors import InvalidValue

SECOND = 1_000_000_000


def in_range(value: Mapping[str, Any], field: str, least: int, most: int) -> None:
    """A number, where it is given.

    :raises InvalidValue: it is out of range.
    """
    if field in value and not least <= value[field] <= most:
        raise InvalidValue(field, f"expected {least} to {most}, got {value[field]}")


def duration(value: Mapping[str, Any], field: str, least: int, most: int) -> None:
    """A time in nanoseconds, where it is given.

    :raises InvalidValue: it is out of range.
    """
    if field in value and not least <= value[field] <= most:
        limits = f"{least / SECOND:g} to {most / SECOND:g} s"
        raise InvalidValue(field, f"expected {limits}, got {value[field] / SECOND:g} s")
