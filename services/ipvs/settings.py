"""What did somebody configure? Virtual and real servers out of plain dicts, with defaults, ranges and checks across fields.

Core. Defaults are keepalived's. Checks that need both a virtual server and one of its servers are in `resolve`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.common.errors import InvalidValue
from services.ipvs.model import (
    ANYWHERE,
    HOST_BITS,
    INET,
    INET6,
    PROTOCOLS,
    SCHEDULERS,
    UDP,
    WEIGHT_MAX,
    Destination,
    DestinationKey,
    Method,
    Service,
    ServiceKey,
)

METHODS = {"nat": Method.NAT, "dr": Method.DR, "tun": Method.TUN}
PERSISTENCE_S = 360  # where only a granularity is given
SECOND_NS = 1_000_000_000
PERSISTENCE_MAX_S = 86_400 * 31
CHECKS = ("tcp_check", "http_get", "ssl_get", "misc_check")
SORRY_WEIGHT = 1
LONGEST_DRAIN_NS = 86_400 * SECOND_NS
LONGEST_START_NS = 3_600 * SECOND_NS


@dataclass(frozen=True, slots=True)
class SorryServer:
    """Address and way of the server that says sorry; None: as the virtual server says."""

    address: bytes
    port: int | None
    method: Method | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualServer:
    """One virtual server. `persistence` in seconds, 0: none; `netmask` a prefix length, None: hosts."""

    name: str
    address: bytes | None = None
    port: int = 0
    protocol: int = 0
    fwmark: int = 0
    scheduler: str = "wlc"
    method: Method = Method.NAT
    persistence: int = 0
    netmask: int | None = None
    ops: bool = False
    sorry: SorryServer | None = None
    sorry_inhibit: bool = False
    quorum: int = 1
    hysteresis: int = 0
    alpha: bool = False
    inhibit_on_failure: bool = False
    weight: int = 1
    drain_on_removal: int = 0  # ns; 0: a server whose key is gone goes at once
    slow_start: int = 0  # ns; 0: none
    panic_threshold: int = 0  # per cent; 0: never
    omega: bool = False

    @property
    def drains(self) -> bool:
        """Connections end by themselves; those of UDP do not, and a server of weight 0 would be a black hole to its clients."""
        return self.protocol != UDP and not self.ops

    def service(self, fwmark_family: int) -> Service:
        """The kernel's service; a firewall mark takes its family from the servers behind it."""
        if self.address is None:
            family = fwmark_family
            key = ServiceKey(family, 0, ANYWHERE[family], 0, self.fwmark)
        else:
            family = family_of(self.address)
            key = ServiceKey(family, self.protocol, self.address, self.port)
        mask = HOST_BITS[family] if self.netmask is None else min(self.netmask, HOST_BITS[family])
        return Service(key, self.scheduler, self.persistence, mask, self.ops)


@dataclass(frozen=True, slots=True, kw_only=True)
class RealServer:
    """One real server; None: as its virtual server says. `checked`: some check decides about it."""

    virtual_server: str
    name: str
    address: bytes
    port: int | None = None
    weight: int | None = None
    method: Method | None = None
    inhibit_on_failure: bool | None = None
    alpha: bool | None = None
    upper_threshold: int = 0
    lower_threshold: int = 0
    checked: bool = False
    priority_group: int = 0
    grouped: bool = False  # it says which group it is of


@dataclass(frozen=True, slots=True)
class Member:
    """A real server with everything that its virtual server says filled in; `destination` has the configured weight."""

    name: str
    destination: Destination
    inhibit: bool
    alpha: bool
    checked: bool
    priority_group: int = 0


def virtual_server(name: str, value: Mapping[str, Any]) -> VirtualServer:
    """Settings of `config/virtual_server/NAME`.

    :raises InvalidValue: a value that IPVS or keepalived's rules do not allow.
    """
    address, fwmark = value.get("address"), value.get("fwmark")
    if (address is None) == (fwmark is None):
        raise InvalidValue("address", "give either address, port and protocol, or fwmark", "exactly one of the two")
    packed = None if address is None else read_address("address", address)
    if fwmark == 0:
        raise InvalidValue("fwmark", "expected 1 to 4294967295, got 0")
    port = _port(value, "port") or 0
    protocol = PROTOCOLS.get(value.get("protocol", ""), 0)
    persistence, netmask = _persistence(value, packed)
    if packed is not None:
        if not protocol:
            raise InvalidValue("protocol", "missing; expected tcp, udp or sctp")
        if not port and not persistence:
            raise InvalidValue("port", "port 0 (any port) works only with persistence", "set persistence_timeout, or a port")
    else:
        port = protocol = 0
    if value.get("ops") and packed is not None and protocol != UDP:
        raise InvalidValue("ops", "one-packet scheduling is for udp and fwmark only")
    quorum, hysteresis = value.get("quorum", 1), value.get("hysteresis", 0)
    if quorum < 1:
        raise InvalidValue("quorum", "expected 1 or more, got 0")
    scheduler = value.get("lb_algo", "wlc")
    if scheduler not in SCHEDULERS:
        raise InvalidValue("lb_algo", f"expected one of {', '.join(SCHEDULERS)}, got {scheduler!r}")
    return VirtualServer(
        name=name,
        address=packed,
        port=port,
        protocol=protocol,
        fwmark=fwmark or 0,
        scheduler=scheduler,
        method=METHODS[value.get("lb_kind", "nat")],
        persistence=persistence,
        netmask=netmask,
        ops=value.get("ops", False),
        sorry=_sorry(value.get("sorry_server")),
        sorry_inhibit=value.get("sorry_server_inhibit", False),
        quorum=quorum,
        hysteresis=hysteresis,
        alpha=value.get("alpha", False),
        inhibit_on_failure=value.get("inhibit_on_failure", False),
        weight=_weight(value) if "weight" in value else 1,
        drain_on_removal=_span(value, "drain_on_removal", LONGEST_DRAIN_NS),
        slow_start=_span(value, "slow_start", LONGEST_START_NS),
        panic_threshold=_percent(value, "panic_threshold"),
        omega=value.get("omega", False),
    )


def real_server(name: str, value: Mapping[str, Any]) -> RealServer:
    """Settings of `config/real_server/NAME`; NAME is VIRTUAL_SERVER/OWN_NAME.

    :raises InvalidValue: a value that IPVS or keepalived's rules do not allow.
    """
    virtual, separator, own = name.partition("/")
    if not separator or not virtual or not own:
        raise InvalidValue("", "the key must be config/real_server/VIRTUAL_SERVER/NAME")
    if not value.get("address"):
        raise InvalidValue("address", "missing; expected an IPv4 or IPv6 address")
    upper, lower = value.get("uthreshold", 0), value.get("lthreshold", 0)
    if lower > upper:
        raise InvalidValue("lthreshold", f"expected at most uthreshold ({upper}), got {lower}")
    kind = value.get("lb_kind")
    return RealServer(
        virtual_server=virtual,
        name=own,
        address=read_address("address", value["address"]),
        port=_port(value, "port"),
        weight=_weight(value) if "weight" in value else None,
        method=None if kind is None else METHODS[kind],
        inhibit_on_failure=value.get("inhibit_on_failure"),
        alpha=value.get("alpha"),
        upper_threshold=upper,
        lower_threshold=lower,
        checked=any(value.get(check) for check in CHECKS),
        priority_group=value.get("priority_group", 0),
        grouped="priority_group" in value,
    )


def resolve(virtual: VirtualServer, real: RealServer) -> Member:
    """A real server as its virtual server uses it.

    :raises InvalidValue: the two do not fit; the field is the real server's.
    """
    method = virtual.method if real.method is None else real.method
    port = virtual.port if real.port is None else real.port
    family = family_of(real.address)
    if virtual.address is not None:
        if method is not Method.NAT and port != virtual.port:
            word = method.name.lower()
            raise InvalidValue("port", f"{word} cannot change the port: expected {virtual.port}, got {port}", "or use nat")
        if family != family_of(virtual.address) and method is not Method.TUN:
            raise InvalidValue("address", "its family differs from the virtual server's", "only tun can do that")
    return Member(
        name=real.name,
        destination=Destination(
            DestinationKey(family, real.address, port),
            method,
            virtual.weight if real.weight is None else real.weight,
            real.upper_threshold,
            real.lower_threshold,
        ),
        inhibit=virtual.inhibit_on_failure if real.inhibit_on_failure is None else real.inhibit_on_failure,
        alpha=virtual.alpha if real.alpha is None else real.alpha,
        checked=real.checked,
        priority_group=real.priority_group,
    )


def sorry_destination(virtual: VirtualServer) -> Destination | None:
    """The sorry server at work; None where there is none.

    :raises InvalidValue: it does not fit the virtual server.
    """
    sorry = virtual.sorry
    if sorry is None:
        return None
    real = RealServer(
        virtual_server=virtual.name,
        name="sorry_server",
        address=sorry.address,
        port=sorry.port,
        weight=SORRY_WEIGHT,
        method=sorry.method,
    )
    try:
        return resolve(virtual, real).destination
    except InvalidValue as e:
        raise e.within("sorry_server") from None


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


def _port(value: Mapping[str, Any], field: str) -> int | None:
    port = value.get(field)
    if port is not None and not 0 <= port <= 65535:
        raise InvalidValue(field, f"expected 0 to 65535, got {port}")
    return port


def _weight(value: Mapping[str, Any]) -> int:
    weight: int = value["weight"]
    if not 0 <= weight <= WEIGHT_MAX:
        raise InvalidValue("weight", f"expected 0 to {WEIGHT_MAX}, got {weight}")
    return weight


def _span(value: Mapping[str, Any], field: str, longest: int) -> int:
    """A length of time in ns, 0 where none is given."""
    span: int = value.get(field, 0)
    if field in value and not 0 < span <= longest:
        raise InvalidValue(field, f"expected more than 0 s and at most {longest // SECOND_NS} s, got {span / SECOND_NS:g} s")
    return span


def _percent(value: Mapping[str, Any], field: str) -> int:
    percent: int = value.get(field, 0)
    if percent > 100:
        raise InvalidValue(field, f"expected 0 to 100 per cent, got {percent}")
    return percent


def _sorry(value: Mapping[str, Any] | None) -> SorryServer | None:
    if value is None:
        return None
    if not value.get("address"):
        raise InvalidValue("sorry_server.address", "missing; expected an IPv4 or IPv6 address")
    kind = value.get("lb_kind")
    try:
        port = _port(value, "port")
    except InvalidValue as e:
        raise e.within("sorry_server") from None
    method = None if kind is None else METHODS[kind]
    return SorryServer(read_address("sorry_server.address", value["address"]), port, method)


def _persistence(value: Mapping[str, Any], address: bytes | None) -> tuple[int, int | None]:
    """Seconds and prefix length; as in keepalived, a granularity alone switches persistence on."""
    seconds, rest = divmod(value.get("persistence_timeout", 0), SECOND_NS)
    if rest or ("persistence_timeout" in value and not 1 <= seconds <= PERSISTENCE_MAX_S):
        raise InvalidValue("persistence_timeout", f"expected whole seconds, 1 to {PERSISTENCE_MAX_S}")
    granularity = value.get("persistence_granularity")
    if granularity is None:
        return seconds, None
    return seconds or PERSISTENCE_S, _granularity(granularity, address)


def _granularity(text: str, address: bytes | None) -> int:
    """`255.255.255.0` for IPv4, `64` for IPv6; a firewall mark takes either."""
    four, six = address is None or len(address) == 4, address is None or len(address) == 16
    if four and "." in text:
        try:
            network = ipaddress.IPv4Network(f"0.0.0.0/{text}")
        except ValueError:
            network = None
        if network is not None and str(network.netmask) == text:  # 0.0.0.255 would be read as the inverse of a netmask
            return network.prefixlen
    elif six and text.isdecimal() and 1 <= int(text) <= 128:
        return int(text)
    expected = "a netmask such as 255.255.255.0" if not six else "a prefix length, 1 to 128" if not four else "a netmask"
    raise InvalidValue("persistence_granularity", f"expected {expected}, got {text!r}")
