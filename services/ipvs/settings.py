"""What did somebody configure? Virtual and real servers out of plain dicts, with defaults, ranges and checks across fields.

Core. Defaults are keepalived's. Checks that need both a virtual server and one of its servers are in `resolve`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from services.common.errors import InvalidValue
from services.ipvs.fields import (
    FAMILIES,
    IPIP,
    SECOND_NS,
    TunnelOptions,
    family_of,
    read_address,
    read_granularity,
    read_method,
    read_percent,
    read_persistence,
    read_port,
    read_span,
    read_tunnel,
    read_weight,
)
from services.ipvs.groups import Front
from services.ipvs.model import (
    ANYWHERE,
    ENGINES,
    HOST_BITS,
    PROTOCOLS,
    SCHEDULERS,
    UDP,
    Destination,
    DestinationKey,
    Method,
    Service,
    ServiceKey,
)

CHECKS = (
    *("tcp_check", "http_get", "ssl_get", "misc_check", "dns_check", "udp_check", "ping_check", "smtp_check", "file_check"),
    *("grpc_check", "agent_check"),
)
FLAGS = {  # field: its scheduler (empty: any), its bit
    "sh_fallback": ("sh", 0),
    "sh_port": ("sh", 1),
    "mh_fallback": ("mh", 0),
    "mh_port": ("mh", 1),
    "flag_1": ("", 0),
    "flag_2": ("", 1),
    "flag_3": ("", 2),
}
SORRY_WEIGHT = 1
LONGEST_DRAIN_NS = 86_400 * SECOND_NS
LONGEST_START_NS = 3_600 * SECOND_NS


@dataclass(frozen=True, slots=True)
class SorryServer:
    """Address and way of the server that says sorry; None: as the virtual server says."""

    address: bytes
    port: int | None
    method: Method | None
    tunnel: TunnelOptions | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualServer:
    """One virtual server: one pool of servers behind one or more kernel services.

    `front` is what clients address; None while the group of that name is not known. `persistence` in seconds, 0: none;
    `netmask` a prefix length, None: hosts. `family` is that of marks that give none themselves; 0: that of their servers.
    """

    name: str
    front: Front | None = None
    group: str = ""
    protocol: int = 0
    family: int = 0
    scheduler: str = "wlc"
    scheduler_flags: int = 0
    method: Method = Method.NAT
    tunnel: TunnelOptions = IPIP
    persistence: int = 0
    netmask: int | None = None
    engine: str = ""
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

    def services(self, servers_family: int) -> dict[ServiceKey, Service]:
        """The kernel's services; a firewall mark takes its family from the servers behind it, unless it is given."""
        front = self.front or Front()
        keys = [ServiceKey(family_of(a), self.protocol, a, port) for a, port in front.addresses]
        for mark, own in front.marks:
            family = own or self.family or servers_family
            keys.append(ServiceKey(family, 0, ANYWHERE[family], 0, mark))
        return {key: self._service(key) for key in keys}

    def _service(self, key: ServiceKey) -> Service:
        bits = HOST_BITS[key.family]
        mask = bits if self.netmask is None or self.family not in (0, key.family) else self.netmask
        return Service(key, self.scheduler, self.persistence, mask, self.ops, self.scheduler_flags, self.engine)

    @property
    def port(self) -> int:
        """The port of servers that give none: that of all addresses; 0, which is the client's, if they differ."""
        ports = self.front.ports if self.front is not None else frozenset[int]()
        return next(iter(ports)) if len(ports) == 1 else 0

    @property
    def addressed_by(self) -> str:
        """The field that says what clients address."""
        if self.group:
            return "group"
        return "fwmark" if self.front is not None and self.front.marks else "address"


@dataclass(frozen=True, slots=True, kw_only=True)
class RealServer:
    """One real server; None: as its virtual server says. `checked`: some check decides about it."""

    virtual_server: str
    name: str
    address: bytes
    port: int | None = None
    weight: int | None = None
    method: Method | None = None
    tunnel: TunnelOptions | None = None
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
    front, packed = _front(value)
    protocol = PROTOCOLS.get(value.get("protocol", ""), 0) if front is None or front.addresses else 0
    persistence = read_persistence(value)
    family, netmask = read_granularity(value, _family(value, packed))
    if value.get("ops") and protocol not in (0, UDP):
        raise InvalidValue("ops", "one-packet scheduling is for udp and fwmark only")
    quorum, hysteresis = value.get("quorum", 1), value.get("hysteresis", 0)
    if quorum < 1:
        raise InvalidValue("quorum", "expected 1 or more, got 0")
    weight = read_weight(value)
    scheduler, scheduler_flags = _scheduler(value)
    tunnel = read_tunnel({"lb_kind": "nat"} | dict(value))
    found = VirtualServer(
        name=name,
        front=front,
        group=value.get("group", ""),
        protocol=protocol,
        family=family,
        scheduler=scheduler,
        scheduler_flags=scheduler_flags,
        method=read_method(value) or Method.NAT,
        tunnel=tunnel or IPIP,
        persistence=persistence,
        netmask=netmask,
        engine=_engine(value, protocol, persistence),
        ops=value.get("ops", False),
        sorry=_sorry(value.get("sorry_server")),
        sorry_inhibit=value.get("sorry_server_inhibit", False),
        quorum=quorum,
        hysteresis=hysteresis,
        alpha=value.get("alpha", False),
        inhibit_on_failure=value.get("inhibit_on_failure", False),
        weight=1 if weight is None else weight,
        drain_on_removal=read_span(value, "drain_on_removal", LONGEST_DRAIN_NS),
        slow_start=read_span(value, "slow_start", LONGEST_START_NS),
        panic_threshold=read_percent(value, "panic_threshold"),
        omega=value.get("omega", False),
    )
    return found if front is None else with_front(found, front)


def with_front(virtual: VirtualServer, front: Front) -> VirtualServer:
    """A virtual server for these addresses and marks.

    :raises InvalidValue: it says too little for them; the field is the virtual server's.
    """
    if front.addresses and not virtual.protocol:
        raise InvalidValue("protocol", "missing; expected tcp, udp or sctp")
    if 0 in front.ports and not virtual.persistence:
        field = virtual.addressed_by if virtual.group else "port"
        raise InvalidValue(field, "port 0 (any port) works only with persistence", "set persistence_timeout, or a port")
    return replace(virtual, front=front)


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
    return RealServer(
        virtual_server=virtual,
        name=own,
        address=read_address("address", value["address"]),
        port=read_port(value, "port"),
        weight=read_weight(value),
        method=read_method(value),
        tunnel=read_tunnel(value),
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
    method, place = way_to(virtual, real)
    if real.tunnel is not None and method is not Method.TUN:
        raise InvalidValue("tunnel", f"is for lb_kind tun, and the virtual server's is {method.name.lower()}", "give lb_kind")
    tunnel = (real.tunnel or virtual.tunnel) if method is Method.TUN else IPIP
    _check_fit(virtual, method, place)
    return Member(
        name=real.name,
        destination=Destination(
            place,
            method,
            virtual.weight if real.weight is None else real.weight,
            real.upper_threshold,
            real.lower_threshold,
            tunnel.kind,
            tunnel.port,
            tunnel.flags,
        ),
        inhibit=virtual.inhibit_on_failure if real.inhibit_on_failure is None else real.inhibit_on_failure,
        alpha=virtual.alpha if real.alpha is None else real.alpha,
        checked=real.checked,
        priority_group=real.priority_group,
    )


def way_to(virtual: VirtualServer, real: RealServer) -> tuple[Method, DestinationKey]:
    """How packets reach a server, and where it stands in the table.

    Behind a group's services of several ports that is port 0, the client's; there the port of a server that is not behind
    NAT is for its checks alone.
    """
    method = virtual.method if real.method is None else real.method
    port = virtual.port if real.port is None else real.port
    if virtual.group:
        port = (real.port or 0) if method is Method.NAT else virtual.port
    return method, DestinationKey(family_of(real.address), real.address, port)


def _check_fit(virtual: VirtualServer, method: Method, place: DestinationKey) -> None:
    """What is behind the virtual server can be reached this way from all its addresses."""
    front = virtual.front or Front()
    families = front.families or frozenset((virtual.family,) if virtual.family else ())
    if method is not Method.TUN and families - {place.family}:
        whose = "the virtual server's" if not virtual.group else f"that of all addresses of group {virtual.group!r}"
        raise InvalidValue("address", f"its family differs from {whose}", "only tun can do that")
    if method is not Method.NAT and not virtual.group and front.ports - {place.port}:
        reason = f"{method.name.lower()} cannot change the port: expected {virtual.port}, got {place.port}"
        raise InvalidValue("port", reason, "or use nat")


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
        tunnel=sorry.tunnel,
    )
    try:
        return resolve(virtual, real).destination
    except InvalidValue as e:
        raise e.within("sorry_server") from None


def _sorry(value: Mapping[str, Any] | None) -> SorryServer | None:
    if value is None:
        return None
    if not value.get("address"):
        raise InvalidValue("sorry_server.address", "missing; expected an IPv4 or IPv6 address")
    try:
        return SorryServer(
            read_address("address", value["address"]), read_port(value, "port"), read_method(value), read_tunnel(value)
        )
    except InvalidValue as e:
        raise e.within("sorry_server") from None


def _scheduler(value: Mapping[str, Any]) -> tuple[str, int]:
    """The scheduler's name and its flags."""
    name = value.get("lb_algo", "wlc")
    if name not in SCHEDULERS:
        raise InvalidValue("lb_algo", f"expected one of {', '.join(SCHEDULERS)}, got {name!r}")
    flags = 0
    for field, (owner, bit) in FLAGS.items():
        if value.get(field):
            if owner not in ("", name):
                raise InvalidValue(field, f"is for the scheduler {owner}, not {name}")
            flags |= 1 << bit
    return name, flags


def _engine(value: Mapping[str, Any], protocol: int, persistence: int) -> str:
    """The persistence engine; empty: the kernel's own way."""
    engine: str = value.get("persistence_engine", "")
    if not engine:
        return ""
    if engine not in ENGINES:
        raise InvalidValue("persistence_engine", f"expected {' or '.join(ENGINES)}, got {engine!r}")
    if protocol not in (0, UDP):
        raise InvalidValue("persistence_engine", f"{engine} is for udp and fwmark only")
    if not persistence:
        raise InvalidValue("persistence_engine", "has no effect without persistence", "set persistence_timeout")
    return engine


def _front(value: Mapping[str, Any]) -> tuple[Front | None, bytes | None]:
    """What clients address, None: what a group says; and the address, None: there is none."""
    given = [field for field in ("address", "fwmark", "group") if field in value]
    if len(given) != 1:
        hint = "exactly one of the three"
        raise InvalidValue("address", "give either address, port and protocol, or fwmark, or group", hint)
    if given == ["group"]:
        if not value["group"]:
            raise InvalidValue("group", "expected the name of a virtual_server_group")
        if value.get("ha_suspend"):
            raise InvalidValue("ha_suspend", "looks for the virtual server's address, and a group has none of its own")
        return None, None
    if given == ["fwmark"]:
        if not value["fwmark"]:
            raise InvalidValue("fwmark", "expected 1 to 4294967295, got 0")
        return Front(marks=((value["fwmark"], 0),)), None
    packed = read_address("address", value["address"])
    return Front(addresses=((packed, read_port(value, "port") or 0),)), packed


def _family(value: Mapping[str, Any], packed: bytes | None) -> int:
    """The family that is given: by the address, or for a mark by ip_family; 0: none is."""
    given = FAMILIES.get(value.get("ip_family", ""), 0)
    if packed is None:
        return given
    if given not in (0, family_of(packed)):
        raise InvalidValue("ip_family", f"{value['ip_family']} is not the family of the address", "it is for fwmark")
    return family_of(packed)
