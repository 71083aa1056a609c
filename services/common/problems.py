"""What is wrong with the configuration, as data."""

from __future__ import annotations

from typing import NamedTuple

ERROR, WARNING = "error", "warning"


class Problem(NamedTuple):
    """One bad value. `key` is relative to the prefix; `field` is empty where the whole value is meant.

    `severity`: ERROR where something is not used or does not work, WARNING where it is used in another way than is written.
    """

    key: str
    field: str
    reason: str
    hint: str = ""
    severity: str = ERROR

    def __str__(self) -> str:
        place = f"{self.key}: {self.field}" if self.field else self.key
        sign = "warning: " if self.severity == WARNING else ""
        return f"{sign}{place}: {self.reason}" + (f" ({self.hint})" if self.hint else "")

    def as_dict(self) -> dict[str, str]:
        """For status keys and logs."""
        return {"key": self.key, "field": self.field, "reason": self.reason, "hint": self.hint, "severity": self.severity}

    def as_fields(self) -> dict[str, str]:
        """For the message of common/v1/problem.proto."""
        return self.as_dict() | {"severity": f"SEVERITY_{self.severity.upper()}"}
