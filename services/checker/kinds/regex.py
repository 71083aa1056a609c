"""Which pattern must a page match? The regex words of a url."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.checker.pcre2 import OPTIONS, Unusable, compiled
from services.common.errors import InvalidValue

LONGEST: Final = 4096  # bytes of a pattern
_BESIDES: Final = ("regex_no_match", "regex_options", "regex_min_offset", "regex_max_offset")


@dataclass(frozen=True, slots=True)
class Regex:
    """A pattern of PCRE2. Matches begin from `least` to `last` (bytes of the body); `last` is None: anywhere."""

    pattern: str
    options: tuple[str, ...] = ()
    unwanted: bool = False
    least: int = 0
    last: int | None = None


def regex_of(url: Mapping[str, Any]) -> Regex | None:
    """The regex words of a url; None: it has none.

    :raises InvalidValue: the pattern is none, an option is unknown, or an offset cannot be reached.
    """
    pattern = url.get("regex", "")
    if not pattern:
        _refuse_besides(url)
        return None
    if len(pattern.encode(errors="replace")) > LONGEST:
        raise InvalidValue("regex", f"is longer than {LONGEST} bytes")
    options = tuple(url.get("regex_options", ()))
    for i, word in enumerate(options):
        if word not in OPTIONS:
            raise InvalidValue(f"regex_options[{i}]", f"expected one of {', '.join(sorted(OPTIONS))}, got {word!r}")
    least, last = url.get("regex_min_offset", 0), url.get("regex_max_offset")
    if last is not None and last < least:
        raise InvalidValue("regex_max_offset", f"expected at least regex_min_offset, {least}, got {last}")
    if any("\ud800" <= letter <= "\udfff" for letter in pattern):
        raise InvalidValue("regex", "contains half a character (a surrogate)")
    try:
        compiled(pattern, options, bounded=last is not None)
    except Unusable as e:
        place = "" if e.at is None else f"{_near(pattern, e.at)}: "
        raise InvalidValue("regex", f"{place}{e}") from None
    return Regex(pattern, options, url.get("regex_no_match", False), least, last)


def _refuse_besides(url: Mapping[str, Any]) -> None:
    for field in _BESIDES:
        if url.get(field):
            raise InvalidValue(field, "has no effect without regex", "give regex too, or take it out")


def _near(pattern: str, at: int) -> str:
    before = pattern[max(0, at - 20) : at]
    return f"character {at + 1}, after {before!r}" if before else f"character {at + 1}"
