"""Where does a network probe go, and where does it come from? The options that all such checks share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.checker.fields import address_of, port_of
from services.checker.kinds.what import Around
from services.common.errors import InvalidValue


@dataclass(frozen=True, slots=True)
class Target:
    """An address and a port, and the source: address, port, interface, firewall mark; 0 and empty: the kernel's choice."""

    address: str
    port: int
    bindto: str = ""
    bind_port: int = 0
    bind_if: str = ""
    fwmark: int = 0

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


def validate_target(value: Mapping[str, Any]) -> None:
    """:raises InvalidValue: one of the fields of a target cannot be used."""
    for field in ("connect_ip", "bindto"):
        if value.get(field):
            address_of(value, field)
    for field in ("connect_port", "bind_port"):
        if field in value:
            port_of(value, field)
    if len(value.get("bind_if", "")) > 15:
        raise InvalidValue("bind_if", f"{value['bind_if']!r} is too long for an interface; at most 15 characters")


def target_of(value: Mapping[str, Any], around: Around, ports: bool = True) -> Target:
    """The target of one check; without `ports` it goes to an address alone.

    :raises InvalidValue: it has no port to go to, or comes from an address of another family.
    """
    port = value.get("connect_port", around.real.port) if ports else 0
    if ports and not port:
        raise InvalidValue(f"{around.name}.connect_port", "is missing, and the real server has no port", "give connect_port")
    address = value.get("connect_ip", around.real.address)
    bindto = value.get("bindto", "")
    if bindto and (":" in bindto) != (":" in address):
        raise InvalidValue(f"{around.name}.bindto", f"{bindto} is not of the same address family as {address}")
    return Target(
        address=address,
        port=port,
        bindto=bindto,
        bind_port=value.get("bind_port", 0),
        bind_if=value.get("bind_if", ""),
        fwmark=value.get("fwmark", 0),
    )
