"""What can stand in the kernel's IPVS table? Services, destinations and their counters as values.

Core: knows the kernel's words (include/uapi/linux/ip_vs.h), not its messages.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType

INET = 2  # AF_INET
INET6 = 10  # AF_INET6
TCP, UDP, SCTP = 6, 17, 132
PROTOCOLS = {"tcp": TCP, "udp": UDP, "sctp": SCTP}
PROTOCOL_WORDS = {number: word for word, number in PROTOCOLS.items()}
SCHEDULERS = ("rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh", "twos")
# The schedulers' own three flags (IP_VS_SVC_F_SCHED1 first), as ipvsadm names them.
FLAG_WORDS = {"sh": ("sh-fallback", "sh-port", "flag-3"), "mh": ("mh-fallback", "mh-port", "flag-3")}
OTHER_FLAG_WORDS = ("flag-1", "flag-2", "flag-3")
ENGINES = ("sip",)  # of persistence
HOST_BITS = {INET: 32, INET6: 128}
ANYWHERE = {INET: bytes(4), INET6: bytes(16)}
WEIGHT_MAX = 65535


class Method(IntEnum):
    """How packets reach a server (IP_VS_CONN_F_FWD_MASK)."""

    NAT = 0
    LOCAL = 1
    TUN = 2
    DR = 3
    BYPASS = 4


class Tunnel(IntEnum):
    """Encapsulation of TUN (IP_VS_CONN_F_TUNNEL_TYPE_*)."""

    IPIP = 0
    GUE = 1
    GRE = 2


@dataclass(frozen=True, slots=True, order=True)
class ServiceKey:
    """What tells one service from another: family, protocol, address and port, or family and firewall mark.

    `address` is packed (4 or 16 bytes). With a firewall mark protocol and port are 0 and the address is all zero.
    """

    family: int
    protocol: int
    address: bytes
    port: int
    fwmark: int = 0

    def __str__(self) -> str:
        if self.fwmark:
            return f"fwmark {self.fwmark}" + (" (IPv6)" if self.family == INET6 else "")
        return f"{PROTOCOL_WORDS.get(self.protocol, self.protocol)} {endpoint(self.address, self.port)}"


@dataclass(frozen=True, slots=True, order=True)
class DestinationKey:
    """What tells one destination of a service from another."""

    family: int
    address: bytes
    port: int

    def __str__(self) -> str:
        return endpoint(self.address, self.port)


@dataclass(frozen=True, slots=True)
class Service:
    """A virtual service. `persistence` in seconds, 0: none. `netmask` is a prefix length (-1: an IPv4 mask with holes).

    `scheduler_flags` are the scheduler's own three bits (IP_VS_SVC_F_SCHED1 is bit 0): sh's and mh's fallback and port.
    """

    key: ServiceKey
    scheduler: str = "wlc"
    persistence: int = 0
    netmask: int = 32
    ops: bool = False
    scheduler_flags: int = 0
    engine: str = ""

    @property
    def flag_words(self) -> tuple[str, ...]:
        """The scheduler's flags in words, `sh-port`."""
        words = FLAG_WORDS.get(self.scheduler, OTHER_FLAG_WORDS)
        return tuple(word for bit, word in enumerate(words) if self.scheduler_flags >> bit & 1)


@dataclass(frozen=True, slots=True)
class Destination:
    """A server of one service. Thresholds are numbers of connections, 0: none. The tunnel's fields only matter to TUN."""

    key: DestinationKey
    method: Method = Method.NAT
    weight: int = 1
    upper_threshold: int = 0
    lower_threshold: int = 0
    tunnel: Tunnel = Tunnel.IPIP
    tunnel_port: int = 0
    tunnel_flags: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """A service with its destinations."""

    service: Service
    destinations: Mapping[DestinationKey, Destination] = field(default_factory=lambda: MappingProxyType({}))


Table = Mapping[ServiceKey, Entry]


@dataclass(frozen=True, slots=True)
class Counters:
    """Totals since the service or server was added, and rates a second; the kernel refreshes the rates every 2 s."""

    connections: int = 0
    packets_in: int = 0
    packets_out: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    connections_per_s: int = 0
    packets_in_per_s: int = 0
    packets_out_per_s: int = 0
    bytes_in_per_s: int = 0
    bytes_out_per_s: int = 0


@dataclass(frozen=True, slots=True)
class Load:
    """Connections of one destination now, and its counters."""

    active: int = 0
    inactive: int = 0
    persistent: int = 0
    counters: Counters = field(default_factory=Counters)


def total(counters: Sequence[Counters]) -> Counters:
    """The sum of at least one."""
    return counters[0] if len(counters) == 1 else Counters(*(sum(getattr(c, f) for c in counters) for f in Counters.__slots__))


def total_load(loads: Sequence[Load]) -> Load:
    """The sum of at least one."""
    if len(loads) == 1:
        return loads[0]
    active, inactive, persistent = (sum(getattr(load, f) for load in loads) for f in ("active", "inactive", "persistent"))
    return Load(active, inactive, persistent, total([load.counters for load in loads]))


def endpoint(address: bytes, port: int) -> str:
    """192.168.200.15:80 or [2001:db8::1]:80."""
    text = address_text(address)
    return f"[{text}]:{port}" if len(address) == 16 else f"{text}:{port}"


def address_text(address: bytes) -> str:
    """The usual text of a packed address."""
    return str(ipaddress.ip_address(address))


def table(entries: Iterable[tuple[Service, Iterable[Destination]]]) -> dict[ServiceKey, Entry]:
    """A table out of services and their destinations."""
    return {s.key: Entry(s, {d.key: d for d in destinations}) for s, destinations in entries}
