"""FILE_CHECK: the number in a file decides, or is added to the server's weight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.checker.kinds.what import Around, Kind, What
from services.common.errors import InvalidValue

LIMIT: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class File(What):
    """FILE_CHECK of the file at `path`."""

    path: str
    weight: int = 1
    reverse: bool = False

    def __str__(self) -> str:
        return self.path

    @property
    def adjusts(self) -> bool:
        return True


def verdict(what: File, number: int) -> tuple[str, int | None]:
    """What the number in the file means, as keepalived 2.2.7 was seen to take it: the cause of failure, empty for success,
    and then what is added to the weight."""
    if not what.weight:
        return (f"holds {number}", None) if (number == 0) == what.reverse else ("", None)
    product = number * what.weight * (-1 if what.reverse else 1)
    if product < -LIMIT:
        return f"holds {number}, times {what.weight} less than -{LIMIT}", None
    return "", min(product, LIMIT)


def _validate(value: Mapping[str, Any]) -> None:
    if not value.get("track_file"):
        raise InvalidValue("track_file", "is missing; expected the name of a track_file")
    if value.get("weight", 0) < -LIMIT:
        raise InvalidValue("weight", f"expected a number from -{LIMIT} to {LIMIT}, got {value['weight']}")


def _make(value: Mapping[str, Any], around: Around) -> File:
    name = value["track_file"]
    file = around.files.get(name)
    if file is None:
        hint = f"put config/track_file/{name} too"
        raise InvalidValue(f"{around.name}.track_file", f"there is no track_file {name!r}", hint)
    return File(file.file, value.get("weight", file.weight), value.get("reverse", file.reverse))


KIND = Kind(File, _validate, _make, retry=0)
