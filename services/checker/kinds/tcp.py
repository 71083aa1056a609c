"""TCP_CHECK: the target accepts connections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.checker.kinds.target import Target, target_of, validate_target
from services.checker.kinds.what import Around, Kind, What


@dataclass(frozen=True, slots=True)
class Tcp(What):
    """TCP_CHECK."""

    target: Target

    def __str__(self) -> str:
        return str(self.target)


def _make(value: Mapping[str, Any], around: Around) -> Tcp:
    return Tcp(target_of(value, around))


KIND = Kind(Tcp, validate_target, _make)
