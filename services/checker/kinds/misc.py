"""MISC_CHECK: a program decides."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.checker.kinds.what import Around, Kind, What
from services.common.errors import InvalidValue


@dataclass(frozen=True, slots=True)
class Misc(What):
    """MISC_CHECK; `timeout` in nanoseconds. Empty `user`: keepalived_script where it exists, else nobody."""

    argv: tuple[str, ...]
    timeout: int
    dynamic: bool = False
    user: str = ""
    secure: bool = True

    def __str__(self) -> str:
        return shlex.join(self.argv)

    @property
    def from_start(self) -> bool:
        return True

    @property
    def weighs(self) -> bool:
        return True


def _validate(value: Mapping[str, Any]) -> None:
    path = value.get("misc_path", "")
    try:
        words = shlex.split(path)
    except ValueError as e:
        raise InvalidValue("misc_path", f"cannot be split into words: {e}") from None
    if not words:
        raise InvalidValue("misc_path", "is missing; expected a program with its arguments")
    if "\0" in path:
        raise InvalidValue("misc_path", "contains a NUL character")
    if len(value.get("user", "").split()) > 2:
        raise InvalidValue("user", f'expected "USER" or "USER GROUP", got {value["user"]!r}')


def _make(value: Mapping[str, Any], around: Around) -> Misc:
    return Misc(
        argv=tuple(shlex.split(value["misc_path"])),
        timeout=value.get("misc_timeout") or around.timing.delay_loop,
        dynamic=value.get("misc_dynamic", False),
        user=value.get("user") or around.settings.script_user,
        secure=around.settings.enable_script_security,
    )


KIND = Kind(Misc, _validate, _make, retry=0)
