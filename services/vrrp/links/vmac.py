"""What may be said of a VMAC or an ipvlan in the configuration, and what link does it amount to?

keepalived's `use_vmac` (a macvlan in private mode with the virtual MAC, RFC 9568 section 7.3) and `use_ipvlan`. Pure text and
bytes; `resolve_vmac` gives names, `links` says what is to be done about the links.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from services.common.errors import InvalidValue
from services.vrrp.addresses import LENGTH, family, interface, parse

MACVLAN, IPVLAN = "macvlan", "ipvlan"
PREFIX = "vrrp"  # of generated names
LONGEST_PREFIX = 8  # leaves room for a digit or two, the dot and the VRID
VIRTUAL = bytes.fromhex("00005e0001")  # RFC 9568 section 7.3; IPv6 has 02 at the end
VIRTUAL_BY_FAMILY = {4: VIRTUAL, 6: bytes.fromhex("00005e0002")}
_HEXADECIMAL = frozenset("0123456789abcdefABCDEF")


class Vmac(NamedTuple):
    """`use_vmac` as given. `mac`: six bytes, five to which the VRID is the sixth, or none: the virtual MAC."""

    name: str = ""
    mac: bytes = b""
    group: int = 0


class Ipvlan(NamedTuple):
    """`use_ipvlan` as given. `address` with `prefix`: the link's own, or empty; `mode`: "bridge", "private" or "vepa"."""

    name: str = ""
    address: str = ""
    prefix: int = 32
    mode: str = "bridge"
    group: int = 0


class VirtualLink(NamedTuple):
    """A link that must exist. `base`: the interface below it; `kind`: MACVLAN, always private, or IPVLAN.

    `family`: of the adverts and addresses that it is for; `mac`: of a macvlan; `group` 0: the kernel's default.
    """

    name: str
    base: str
    kind: str
    family: int
    mac: bytes = b""
    mode: str = "private"
    group: int = 0
    address: str = ""
    prefix: int = 0


def decode_vmac(value: Mapping[str, Any]) -> Vmac | None:
    """`use_vmac` of an instance; None where it is not given.

    :raises InvalidValue: the part of it that cannot be used.
    """
    given = value.get("use_vmac")
    if given is None:
        return None
    name = interface(given["name"], "use_vmac.name") if given.get("name") else ""
    return Vmac(name, _mac(given.get("mac", ""), "use_vmac.mac"), given.get("group", 0))


def decode_ipvlan(value: Mapping[str, Any]) -> Ipvlan | None:
    """`use_ipvlan` of an instance; None where it is not given.

    :raises InvalidValue: the part of it that cannot be used.
    """
    given = value.get("use_ipvlan")
    if given is None:
        return None
    if value.get("use_vmac") is not None:
        raise InvalidValue("use_ipvlan", "an instance has either a VMAC or an ipvlan", "remove use_vmac or use_ipvlan")
    name = interface(given["name"], "use_ipvlan.name") if given.get("name") else ""
    address, slash, length = str(given.get("address", "")).partition("/")
    prefix = 0
    if address:
        address = parse(address, "use_ipvlan.address")
        most = LENGTH[family(address)]
        if slash and not (length.isascii() and length.isdigit() and 1 <= int(length) <= most):
            raise InvalidValue("use_ipvlan.address", f"expected a prefix length of 1 to {most} after the slash, got {length!r}")
        prefix = int(length) if slash else most
    return Ipvlan(name, address, prefix, given.get("mode", "bridge"), given.get("group", 0))


def decode_prefix(value: Mapping[str, Any], field: str) -> str:
    """The beginning of generated names; empty where it is not given.

    :raises InvalidValue: no link can be called so.
    """
    prefix = str(value.get(field, ""))
    if field in value and (not prefix or len(prefix.encode()) > LONGEST_PREFIX):
        raise InvalidValue(field, f"expected 1 to {LONGEST_PREFIX} bytes, got {prefix!r}")
    return interface(prefix, field) if prefix else ""


def virtual_mac(vrid: int, of: int, given: bytes = b"") -> bytes:
    """The MAC of a virtual router, of the family `of`: the one of the RFC, or as given."""
    return (given or VIRTUAL_BY_FAMILY[of]) + (b"" if len(given) == 6 else bytes([vrid]))


def mac_text(mac: bytes) -> str:
    """00:00:5e:00:01:33."""
    return mac.hex(":")


def _mac(written: str, field: str) -> bytes:
    """keepalived's MAC of five or six octets.

    :raises InvalidValue: it is none, or one that another router may have.
    """
    if not written:
        return b""
    parts = written.split(":")
    if len(parts) not in (5, 6) or not all(1 <= len(p) <= 2 and _HEXADECIMAL.issuperset(p) for p in parts):
        raise InvalidValue(field, f"expected five or six octets such as 02:00:5e:10:00:01, got {written!r}")
    mac = bytes(int(part, 16) for part in parts)
    if mac[0] & 1:
        raise InvalidValue(field, f"{written} is a multicast address", "the first octet must be even")
    if mac[:5] in VIRTUAL_BY_FAMILY.values():
        raise InvalidValue(field, f"{written} belongs to another virtual router", "leave mac out: the VRID gives it")
    if not any(mac):
        raise InvalidValue(field, "all octets are zero")
    return mac
