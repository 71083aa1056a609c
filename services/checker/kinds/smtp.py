"""SMTP_CHECK: a mail server greets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.checker.fields import word_of
from services.checker.kinds.target import Target, target_of, validate_target
from services.checker.kinds.what import Around, Kind, What


@dataclass(frozen=True, slots=True)
class Smtp(What):
    """SMTP_CHECK; `helo_name` empty: the name of this machine."""

    target: Target
    helo_name: str = ""

    def __str__(self) -> str:
        return f"smtp {self.target}"


def _validate(value: Mapping[str, Any]) -> None:
    validate_target(value)
    word_of(value, "helo_name")


def _make(value: Mapping[str, Any], around: Around) -> Smtp:
    return Smtp(target_of(value, around), value.get("helo_name") or around.settings.smtp_helo_name)


KIND = Kind(Smtp, _validate, _make)
