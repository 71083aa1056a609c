"""UDP_CHECK: a datagram is not refused, and perhaps answered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.checker.kinds.target import Target, target_of, validate_target
from services.checker.kinds.what import Around, Kind, What
from services.common.errors import InvalidValue

LONGEST: Final = 65_507  # what a datagram over IPv4 can carry
BYTES: Final = "0-9a-fA-F"
PATTERN: Final = "0-9a-fA-FxX"
REPLY_MAX: Final = 65_535
PATTERN_MAX: Final = 255  # keepalived's default; 2.2.7 looks at the length only where there is a pattern


@dataclass(frozen=True, slots=True)
class Udp(What):
    """UDP_CHECK. `payload` and `reply` are hexadecimal digits, two a byte; in `reply` an x stands for any digit. Empty
    `payload`: keepalived's."""

    target: Target
    payload: str = ""
    require_reply: bool = False
    reply: str = ""
    min_reply_length: int = 0
    max_reply_length: int = REPLY_MAX

    def __str__(self) -> str:
        return f"udp {self.target}"


def hexadecimal(value: Mapping[str, Any], field: str, digits: str) -> str:
    """Two digits a byte, of keepalived's free form: blanks may stand anywhere, the last of an odd number of digits before
    a blank is a byte of its own. "Ab12f 3" -> "ab120f03".

    :raises InvalidValue: other than hexadecimal digits, or too many.
    """
    text: str = value.get(field, "")
    if not re.fullmatch(rf"[{digits}\s]*", text, re.ASCII):
        meaning = " and x for any digit" if digits == PATTERN else ""
        raise InvalidValue(field, f"expected hexadecimal digits{meaning}, got {text!r}")
    found = "".join(f"{pair:0>2}" for word in text.lower().split() for pair in re.findall("..?", word))
    if len(found) > 2 * LONGEST:
        raise InvalidValue(field, f"stands for {len(found) // 2} bytes; at most {LONGEST} fit into a datagram")
    return found


def _validate(value: Mapping[str, Any]) -> None:
    validate_target(value)
    hexadecimal(value, "payload", BYTES)
    hexadecimal(value, "require_reply", PATTERN)
    for field in ("min_reply_length", "max_reply_length"):
        if value.get(field, 0) > REPLY_MAX:
            raise InvalidValue(field, f"expected at most {REPLY_MAX}, got {value[field]}")
    least, most = value.get("min_reply_length", 0), _longest_reply(value)
    if least > most:
        raise InvalidValue("min_reply_length", f"is more than max_reply_length: {least} > {most}", "no reply could be right")


def _longest_reply(value: Mapping[str, Any]) -> int:
    default = PATTERN_MAX if value.get("require_reply", "").strip() else REPLY_MAX
    found: int = value.get("max_reply_length", default)
    return found


def _make(value: Mapping[str, Any], around: Around) -> Udp:
    return Udp(
        target=target_of(value, around),
        payload=hexadecimal(value, "payload", BYTES),
        require_reply="require_reply" in value,
        reply=hexadecimal(value, "require_reply", PATTERN),
        min_reply_length=value.get("min_reply_length", 0),
        max_reply_length=_longest_reply(value),
    )


KIND = Kind(Udp, _validate, _make)
