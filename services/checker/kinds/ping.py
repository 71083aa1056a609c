"""PING_CHECK: the target answers an ICMP echo request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.checker.kinds.target import Target, target_of, validate_target
from services.checker.kinds.what import Around, Kind, What


@dataclass(frozen=True, slots=True)
class Ping(What):
    """PING_CHECK; the target has no port."""

    target: Target

    def __str__(self) -> str:
        return f"ping {self.target.address}"


def _make(value: Mapping[str, Any], around: Around) -> Ping:
    return Ping(target_of(value, around, ports=False))


KIND = Kind(Ping, validate_target, _make)
