"""What changed in the store at one revision? Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Batch:
    """Everything that changed at one revision.

    Keys are relative to the prefix (`config/global`). A snapshot replaces all that was known; in any other batch None
    means that the key was deleted.
    """

    revision: int
    snapshot: bool
    values: Mapping[str, bytes | None]
