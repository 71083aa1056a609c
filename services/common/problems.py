"""What is wrong with the configuration, as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One bad value. `key` is relative to the prefix; `field` is empty where the whole value is meant."""

    key: str
    field: str
    reason: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.key}: {self.field}" if self.field else self.key
        return f"{place}: {self.reason}" + (f" ({self.hint})" if self.hint else "")

    def as_dict(self) -> dict[str, str]:
        """For status keys and logs."""
        return {"key": self.key, "field": self.field, "reason": self.reason, "hint": self.hint}
