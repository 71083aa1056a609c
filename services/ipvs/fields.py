"""Can a field's value be used as it is meant? Addresses, ports, weights, tunnels and persistence out of plain dicts.

Core. Every refusal names the field.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.common.errors import InvalidValue
from services.ipvs.model import INET, INET6, WEIGHT_MAX, Method, Tunnel

METHODS = {"nat": Method.NAT, "dr": Method.DR, "tun": Method.TUN}
FAMILIES = {"inet": INET, "inet6": INET6}
TUNNELS = {"ipip": Tunnel.IPIP, "gue": Tunnel.GUE, "gre": Tunnel.GRE}
CHECKSUMS = {"nocsum": 0, "csum": 1, "remcsum": 2}  # IP_VS_TUNNEL_ENCAP_FLAG_*
ALLOWED_CHECKSUMS = {
    Tunnel.IPIP: frozenset[str](),
    Tunnel.GUE: frozenset(CHECKSUMS),
    Tunnel.GRE: frozenset(("nocsum", "csum")),
}
PERSISTENCE_S = 360  # where only a granularity is given
SECOND_NS = 1_000_000_000
PERSISTENCE_MAX_S = 86_400 * 31


@dataclass(frozen=True, slots=True)
class TunnelOptions:
    """Encapsulation of TUN: its kind, the UDP port of GUE, and the kernel's flags for checksums."""

    kind: Tunnel = Tunnel.IPIP
    port: int = 0
    flags: int = 0


IPIP = TunnelOptions()


def family_of(address: bytes) -> int:
    """AF_INET or AF_INET6 of a packed address."""
    return INET if len(address) == 4 else INET6


def read_address(field: str, text: str) -> bytes:
    """A packed address.

    :raises InvalidValue: not an address that a packet can go to.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise InvalidValue(field, f"expected an IPv4 or IPv6 address, got {text!r}") from None
    if address.is_unspecified or address.is_multicast or getattr(address, "scope_id", None):
        raise InvalidValue(field, f"expected the address of a host, got {text!r}")
    return address.packed


def read_port(value: Mapping[str, Any], field: str) -> int | None:
    """:raises InvalidValue: it is no port; 0 is one here."""
    port: int | None = value.get(field)
    if port is not None and not 0 <= port <= 65535:
        raise InvalidValue(field, f"expected 0 to 65535, got {port}")
    return port


def read_weight(value: Mapping[str, Any]) -> int | None:
    """:raises InvalidValue: the kernel takes no such weight."""
    weight: int | None = value.get("weight")
    if weight is not None and not 0 <= weight <= WEIGHT_MAX:
        raise InvalidValue("weight", f"expected 0 to {WEIGHT_MAX}, got {weight}")
    return weight


def read_percent(value: Mapping[str, Any], field: str) -> int:
    """:raises InvalidValue: more than 100; 0 where none is given."""
    percent: int = value.get(field, 0)
    if percent > 100:
        raise InvalidValue(field, f"expected 0 to 100 per cent, got {percent}")
    return percent


def read_span(value: Mapping[str, Any], field: str, longest: int) -> int:
    """A length of time in ns, 0 where none is given.

    :raises InvalidValue: no time, or more than `longest`.
    """
    span: int = value.get(field, 0)
    if field in value and not 0 < span <= longest:
        raise InvalidValue(field, f"expected more than 0 s and at most {longest // SECOND_NS} s, got {span / SECOND_NS:g} s")
    return span


def read_method(value: Mapping[str, Any]) -> Method | None:
    """The forwarding method; None where none is given."""
    kind = value.get("lb_kind")
    return None if kind is None else METHODS[kind]


def read_tunnel(value: Mapping[str, Any]) -> TunnelOptions | None:
    """The field `tunnel`; None where there is none.

    :raises InvalidValue: that encapsulation has no such port or checksum, or lacks its port.
    """
    given = value.get("tunnel")
    if given is None:
        return None
    if value.get("lb_kind", "tun") != "tun":
        raise InvalidValue("tunnel", f"is for lb_kind tun, not {value['lb_kind']}")
    kind, port, checksum = TUNNELS[given.get("type", "ipip")], given.get("port", 0), given.get("checksum")
    word = kind.name.lower()
    if kind is Tunnel.GUE and not 1 <= port <= 65535:
        raise InvalidValue("tunnel.port", f"expected 1 to 65535, got {port}", "gue goes to a UDP port of the server")
    if kind is not Tunnel.GUE and port:
        raise InvalidValue("tunnel.port", f"is for gue, not {word}")
    if checksum is not None and checksum not in ALLOWED_CHECKSUMS[kind]:
        allowed = " or ".join(sorted(ALLOWED_CHECKSUMS[kind])) or "none"
        raise InvalidValue("tunnel.checksum", f"{word} has no {checksum}; expected {allowed}")
    return TunnelOptions(kind, port, CHECKSUMS[checksum or "nocsum"])


def read_persistence(value: Mapping[str, Any]) -> int:
    """Seconds, 0: none; as in keepalived, a granularity alone switches persistence on.

    :raises InvalidValue: not a time that keepalived takes.
    """
    seconds, rest = divmod(value.get("persistence_timeout", 0), SECOND_NS)
    if rest or ("persistence_timeout" in value and not 1 <= seconds <= PERSISTENCE_MAX_S):
        raise InvalidValue("persistence_timeout", f"expected whole seconds, 1 to {PERSISTENCE_MAX_S}")
    return seconds or (PERSISTENCE_S if "persistence_granularity" in value else 0)


def read_granularity(value: Mapping[str, Any], family: int) -> tuple[int, int | None]:
    """Family and prefix length: `255.255.255.0` for IPv4, `64` for IPv6; family 0 takes either. None: hosts.

    :raises InvalidValue: not of that family, or no netmask.
    """
    text = value.get("persistence_granularity")
    if text is None:
        return family, None
    if family != INET6 and "." in text:
        try:
            network = ipaddress.IPv4Network(f"0.0.0.0/{text}")
        except ValueError:
            network = None
        if network is not None and str(network.netmask) == text:  # 0.0.0.255 would be read as the inverse of a netmask
            return INET, network.prefixlen
    elif family != INET and text.isdecimal() and 1 <= int(text) <= 128:
        return INET6, int(text)
    either = {INET: "a netmask such as 255.255.255.0", INET6: "a prefix length, 1 to 128", 0: "a netmask"}
    raise InvalidValue("persistence_granularity", f"expected {either[family]}, got {text!r}")
