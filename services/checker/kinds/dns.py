"""DNS_CHECK: a name server answers a question."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from services.checker.kinds.target import Target, target_of, validate_target
from services.checker.kinds.what import Around, Kind, What
from services.common.errors import InvalidValue

# IANA, "Domain Name System (DNS) Parameters": types that a name server may be asked for.
TYPES: Final[Mapping[str, int]] = MappingProxyType(
    {
        "A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "HINFO": 13, "MX": 15, "TXT": 16, "AAAA": 28, "LOC": 29, "SRV": 33,
        "NAPTR": 35, "CERT": 37, "DNAME": 39, "DS": 43, "SSHFP": 44, "RRSIG": 46, "NSEC": 47, "DNSKEY": 48, "NSEC3": 50,
        "NSEC3PARAM": 51, "TLSA": 52, "SMIMEA": 53, "CDS": 59, "CDNSKEY": 60, "OPENPGPKEY": 61, "CSYNC": 62, "ZONEMD": 63,
        "SVCB": 64, "HTTPS": 65, "SPF": 99, "ANY": 255, "URI": 256, "CAA": 257,
    }
)  # fmt: skip
_NUMBERED: Final = re.compile(r"TYPE(\d{1,5})", re.ASCII)  # RFC 3597, section 5
_LABEL: Final = re.compile(
    r"[\x21-\x5b\x5d-\x7e]{1,63}"
)  # neither blanks nor backslashes, which other programs read as escapes
_LONGEST_NAME: Final = 253  # in characters, RFC 1035 section 3.1's 255 bytes without the first length and the root


@dataclass(frozen=True, slots=True)
class Dns(What):
    """DNS_CHECK. `type` is the record type's number; `name` has no dot at its end, the root is empty."""

    target: Target
    name: str = ""
    type: int = TYPES["SOA"]

    def __str__(self) -> str:
        return f"{self.target}, {self.name or '.'} {_words(self.type)}"


def _words(number: int) -> str:
    return next((word for word, known in TYPES.items() if known == number), f"TYPE{number}")


def _type(value: Mapping[str, Any]) -> int:
    text: str = value.get("type", "SOA").upper()
    numbered = _NUMBERED.fullmatch(text)
    number = int(numbered[1]) if numbered else TYPES.get(text, 0)
    if not 0 < number < 65536:
        hint = f"types are {', '.join(TYPES)}, and TYPE1 to TYPE65535"
        raise InvalidValue("type", f"expected a type of DNS records, got {value['type']!r}", hint)
    return number


def name_of(value: Mapping[str, Any]) -> str:
    """The name without a dot at its end; the root is empty.

    :raises InvalidValue: it is no name that can be asked for."""
    given: str = value.get("name", ".")
    name = given.removesuffix(".")
    if not given.isascii():
        raise InvalidValue("name", f"expected ASCII, got {given!r}", 'give the "xn--" form of the name')
    if len(name) > _LONGEST_NAME or (given != "." and not all(_LABEL.fullmatch(label) for label in name.split("."))):
        raise InvalidValue("name", f"expected labels of 1 to 63 characters, at most {_LONGEST_NAME} in all, got {given!r}")
    return name


def _validate(value: Mapping[str, Any]) -> None:
    validate_target(value)
    _type(value)
    name_of(value)


def _make(value: Mapping[str, Any], around: Around) -> Dns:
    return Dns(target_of(value, around), name_of(value), _type(value))


KIND = Kind(Dns, _validate, _make, retry=3, delay_before_retry=None)
