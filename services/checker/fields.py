"""Can a field's text be used as it is meant? Addresses, ports and words, with errors that name the field. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any, Final

from services.common.errors import InvalidValue

# Neither blanks nor control characters, nor what UTF-8 cannot say: goes into requests.
_WORD: Final = re.compile(r"[\x21-\x7e\x80-\ud7ff\ue000-\U0010ffff]+")


def address_of(value: Mapping[str, Any], field: str) -> str:
    """:raises InvalidValue: it is no IPv4 or IPv6 address."""
    text: str = value[field]
    try:
        ipaddress.ip_address(text)
    except ValueError:
        raise InvalidValue(field, f"expected an IPv4 or IPv6 address, got {text!r}") from None
    return text


def port_of(value: Mapping[str, Any], field: str, lowest: int = 1) -> int:
    """:raises InvalidValue: it is no port; a missing one is 0."""
    port: int = value.get(field, 0)
    if not lowest <= port <= 65535:
        raise InvalidValue(field, f"expected a port from {lowest} to 65535, got {port}")
    return port


def word_of(value: Mapping[str, Any], field: str) -> str:
    """:raises InvalidValue: it has blanks or control characters; a missing one is empty."""
    text: str = value.get(field, "")
    if text and not _WORD.fullmatch(text):
        raise InvalidValue(field, f"{text!r} contains blanks or control characters")
    return text
