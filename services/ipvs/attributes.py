"""How do IPVS operations and tables look as generic netlink messages? Bytes out and in, no socket.

Source: include/uapi/linux/ip_vs.h and the parsing in net/netfilter/ipvs/ip_vs_ctl.c. Integers are in this machine's byte
order, ports and IPv4 netmasks in the network's. Every destination is packed by one precompiled struct: a service of ten
thousand servers is common, and building a message must cost little against the kernel's own work.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import assert_never

from services.ipvs.model import (
    ANYWHERE,
    HOST_BITS,
    INET,
    Counters,
    Destination,
    DestinationKey,
    Load,
    Method,
    Service,
    ServiceKey,
    Tunnel,
)
from services.ipvs.reconcile import (
    AddDestination,
    AddService,
    EditDestination,
    EditService,
    Operation,
    RemoveDestination,
    RemoveService,
)

FAMILY_NAME = "IPVS"
VERSION = 1
CONTROL = 16  # GENL_ID_CTRL
NOTE_ERROR, NOTE_DONE = 2, 3  # NLMSG_ERROR, NLMSG_DONE
REQUEST, ACK, DUMP = 0x1, 0x4, 0x300  # NLM_F_*
NEW_SERVICE, SET_SERVICE, DEL_SERVICE, GET_SERVICE, NEW_DEST, SET_DEST, DEL_DEST, GET_DEST = range(1, 9)  # IPVS_CMD_*

_HEADER = struct.Struct("=IHHII")  # nlmsghdr
_GENERIC = struct.Struct("=BBxx")  # genlmsghdr
_ATTRIBUTE = struct.Struct("=HH")  # nlattr
HEAD = _HEADER.size + _GENERIC.size
_NESTED = 0x8000
_TYPE = 0x3FFF

# IPVS_CMD_ATTR_*, IPVS_SVC_ATTR_*, IPVS_DEST_ATTR_*
_SERVICE, _DEST = 1, 2
(
    _S_AF, _S_PROTOCOL, _S_ADDR, _S_PORT, _S_FWMARK, _S_SCHED, _S_FLAGS, _S_TIMEOUT, _S_NETMASK, _S_STATS, _S_PE, _S_STATS64,
) = range(1, 13)  # fmt: skip
(
    _D_ADDR, _D_PORT, _D_METHOD, _D_WEIGHT, _D_UPPER, _D_LOWER, _D_ACTIVE, _D_INACTIVE, _D_PERSISTENT, _D_STATS, _D_FAMILY,
    _D_STATS64, _D_TUN_TYPE, _D_TUN_PORT, _D_TUN_FLAGS,
) = range(1, 16)  # fmt: skip
# IP_VS_SVC_F_*
_PERSISTENT, _ONE_PACKET, _SCHED_SHIFT = 0x1, 0x4, 3
_ALL_FLAGS = 0xFFFFFFFF

# One attribute is length, type, value, and zeros to a multiple of four.
_DEST_KEY = struct.Struct("=HH16sHH2sxxHHHxx")
_DEST_FULL = struct.Struct("=HH16sHH2sxxHHHxxHHIHHIHHIHHI")
_TUNNEL = struct.Struct("=HHBxxxHH2sxxHHHxx")
_SERVICE_ADDRESS = struct.Struct("=HHHxxHHHxxHH16sHH2sxx")
_SERVICE_MARK = struct.Struct("=HHHxxHHI")
_SERVICE_REST = struct.Struct("=HHIIHHIHH4s")


@dataclass(frozen=True, slots=True)
class ServiceSeen:
    """A service as a dump shows it, with its counters."""

    service: Service
    counters: Counters


@dataclass(frozen=True, slots=True)
class DestinationSeen:
    """A destination as a dump shows it, with its load."""

    destination: Destination
    load: Load


# --- out ---


def request(family: int, operation: Operation, sequence: int, acknowledge: bool) -> bytes:
    """One operation as a message. A refusal is answered in any case, success only if `acknowledge`."""
    match operation:
        case AddService(service):
            command, payload = NEW_SERVICE, nested(_SERVICE, _service(service))
        case EditService(service):
            command, payload = SET_SERVICE, nested(_SERVICE, _service(service))
        case RemoveService(key):
            command, payload = DEL_SERVICE, _service_key(key)
        case AddDestination(key, destination):
            command, payload = NEW_DEST, _service_key(key) + _destination(destination)
        case EditDestination(key, destination):
            command, payload = SET_DEST, _service_key(key) + _destination(destination)
        case RemoveDestination(key, destination):
            command, payload = DEL_DEST, _service_key(key) + _destination_key(destination.key)
        case _:
            assert_never(operation)
    return message(family, command, REQUEST | ACK if acknowledge else REQUEST, sequence, payload)


def dump_services(family: int, sequence: int) -> bytes:
    """Ask for all services."""
    return message(family, GET_SERVICE, REQUEST | DUMP, sequence, b"")


def get_service(family: int, key: ServiceKey, sequence: int) -> bytes:
    """Ask for one service; without servers, however many it has."""
    return message(family, GET_SERVICE, REQUEST, sequence, _service_key(key))


def dump_destinations(family: int, key: ServiceKey, sequence: int) -> bytes:
    """Ask for all destinations of one service."""
    return message(family, GET_DEST, REQUEST | DUMP, sequence, _service_key(key))


def ask_family(sequence: int) -> bytes:
    """Ask the controller for the number of IPVS's family; where it is a module, this loads it."""
    name = FAMILY_NAME.encode() + b"\0"
    return message(CONTROL, 3, REQUEST, sequence, attribute(2, name))  # CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME


def message(family: int, command: int, flags: int, sequence: int, payload: bytes = b"") -> bytes:
    """A request of generic netlink; `payload` are its attributes."""
    return _HEADER.pack(HEAD + len(payload), family, flags, sequence, 0) + _GENERIC.pack(command, VERSION) + payload


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded."""
    return _ATTRIBUTE.pack(4 + len(value), kind) + value + bytes(-len(value) % 4)


def nested(kind: int, value: bytes) -> bytes:
    """An attribute of attributes."""
    return _ATTRIBUTE.pack(4 + len(value), kind | _NESTED) + value


@lru_cache(maxsize=4096)
def _service_key(key: ServiceKey) -> bytes:
    return nested(_SERVICE, _service_identity(key))


def _service_identity(key: ServiceKey) -> bytes:
    if key.fwmark:
        return _SERVICE_MARK.pack(6, _S_AF, key.family, 8, _S_FWMARK, key.fwmark)
    port = key.port.to_bytes(2)
    return _SERVICE_ADDRESS.pack(
        *(6, _S_AF, key.family, 6, _S_PROTOCOL, key.protocol, 20, _S_ADDR, key.address, 6, _S_PORT, port)
    )


def _service(service: Service) -> bytes:
    flags = service.scheduler_flags << _SCHED_SHIFT
    flags |= (_PERSISTENT if service.persistence else 0) | (_ONE_PACKET if service.ops else 0)
    text = _service_identity(service.key) + attribute(_S_SCHED, service.scheduler.encode() + b"\0")
    if service.engine:
        text += attribute(_S_PE, service.engine.encode() + b"\0")
    mask = _netmask(service.key.family, service.netmask)
    rest = (12, _S_FLAGS, flags, _ALL_FLAGS, 8, _S_TIMEOUT, service.persistence, 8, _S_NETMASK, mask)
    return text + _SERVICE_REST.pack(*rest)


def _netmask(family: int, prefix: int) -> bytes:
    """IPv4 has a mask, IPv6 a prefix length; without one the kernel refuses every IPv6 service."""
    if family == INET:
        return (((1 << prefix) - 1) << (32 - prefix)).to_bytes(4)
    return struct.pack("=I", prefix)


def _destination_key(key: DestinationKey) -> bytes:
    identity = (20, _D_ADDR, key.address, 6, _D_PORT, key.port.to_bytes(2), 6, _D_FAMILY, key.family)
    return nested(_DEST, _DEST_KEY.pack(*identity))


def _destination(d: Destination) -> bytes:
    key = d.key
    text = _DEST_FULL.pack(
        *(20, _D_ADDR, key.address, 6, _D_PORT, key.port.to_bytes(2), 6, _D_FAMILY, key.family),
        *(8, _D_METHOD, d.method, 8, _D_WEIGHT, d.weight),
        *(8, _D_UPPER, d.upper_threshold, 8, _D_LOWER, d.lower_threshold),
    )
    if d.method is Method.TUN:  # kernels before 5.3 know only IPIP, and do not know these attributes
        port = d.tunnel_port.to_bytes(2)
        text += _TUNNEL.pack(5, _D_TUN_TYPE, d.tunnel, 6, _D_TUN_PORT, port, 6, _D_TUN_FLAGS, d.tunnel_flags)
    return nested(_DEST, text)


# --- in ---


@dataclass(frozen=True, slots=True)
class Note:
    """One message of an answer. `error` is an errno (0: acknowledged) in a NOTE_ERROR or NOTE_DONE, else 0."""

    kind: int
    sequence: int
    error: int
    start: int
    end: int


def notes(data: bytes) -> Iterator[Note]:
    """The messages in what one receive gave; `start` and `end` bound the attributes."""
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, _, sequence, _ = _HEADER.unpack_from(data, offset)
        if length < _HEADER.size or offset + length > len(data):
            raise ValueError(f"a netlink message of {length} bytes in {len(data) - offset}")
        error = 0
        if kind in (NOTE_ERROR, NOTE_DONE) and length >= _HEADER.size + 4:
            error = -struct.unpack_from("=i", data, offset + _HEADER.size)[0]
        yield Note(kind, sequence, error, offset + HEAD, offset + length)
        offset += (length + 3) & ~3


def family_number(data: bytes, note: Note) -> int:
    """The number in the controller's answer to `ask_family`."""
    for kind, start, end in each_attribute(data, note.start, note.end):
        if kind == 1:  # CTRL_ATTR_FAMILY_ID
            return number(data[start:end])
    raise ValueError("the controller names no family number")


def service_seen(data: bytes, note: Note) -> ServiceSeen:
    """A service out of one message of a dump."""
    for kind, start, end in each_attribute(data, note.start, note.end):
        if kind == _SERVICE:
            return _parse_service({k: data[s:e] for k, s, e in each_attribute(data, start, end)})
    raise ValueError("a dump of services without a service")


def destination_seen(data: bytes, note: Note, family: int) -> DestinationSeen:
    """A destination out of one message of a dump; `family` is its service's, for kernels that do not tell."""
    start = note.start + _ATTRIBUTE.size
    if note.end - start >= _USUAL.size and _USUAL.unpack_from(data, start) == _USUAL_HEADS:
        middle = start + _STATIC
        family = number(data[middle + _FAMILY_AT : middle + _FAMILY_AT + 2])
        return DestinationSeen(_usual_destination(data[start:middle], family), _usual_load(data[middle : note.end]))
    for kind, first, end in each_attribute(data, note.start, note.end):
        if kind == _DEST:
            found = {k: data[s:e] for k, s, e in each_attribute(data, first, end)}
            return DestinationSeen(_parse_destination(found, family), _parse_load(found))
    raise ValueError("a dump of destinations without a destination")


# In the order that Linux 5.3 and later send, a destination is its settings, then what changes with the traffic. Most of a
# dump of ten thousand servers is as it was the last time, so each half is parsed once for each content that it has.
def _heads(*attributes: tuple[int, int]) -> tuple[bytes, ...]:
    return tuple(_ATTRIBUTE.pack(4 + length, kind) for kind, length in attributes)


_USUAL = struct.Struct("=4s16x" + "4s4x" * 12)
_USUAL_HEADS = _heads(
    (_D_ADDR, 16), (_D_PORT, 2), (_D_METHOD, 4), (_D_WEIGHT, 4), (_D_TUN_TYPE, 1), (_D_TUN_PORT, 2), (_D_TUN_FLAGS, 2),
    (_D_UPPER, 4), (_D_LOWER, 4), (_D_ACTIVE, 4), (_D_INACTIVE, 4), (_D_PERSISTENT, 4), (_D_FAMILY, 2),
)  # fmt: skip
_STATIC = 20 + 8 * 8  # bytes up to _D_LOWER, with it
_FAMILY_AT = 3 * 8 + 4  # of the value, after these


@lru_cache(maxsize=1 << 16)
def _usual_destination(data: bytes, family: int) -> Destination:
    return _parse_destination({k: data[s:e] for k, s, e in each_attribute(data, 0, len(data))}, family)


@lru_cache(maxsize=4096)
def _usual_load(data: bytes) -> Load:
    return _parse_load({k: data[s:e] for k, s, e in each_attribute(data, 0, len(data))})


def each_attribute(data: bytes, offset: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Type, start and end of each value."""
    while offset + 4 <= end:
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < 4 or offset + length > end:
            raise ValueError(f"a netlink attribute of {length} bytes in {end - offset}")
        yield kind & _TYPE, offset + 4, offset + length
        offset += (length + 3) & ~3


def number(value: bytes) -> int:
    """An integer of any width in this machine's byte order."""
    return int.from_bytes(value, sys.byteorder)


def _parse_service(found: dict[int, bytes]) -> ServiceSeen:
    family = number(found[_S_AF])
    if _S_FWMARK in found:
        key = ServiceKey(family, 0, ANYWHERE[family], 0, number(found[_S_FWMARK]))
    else:
        address = found[_S_ADDR][: len(ANYWHERE[family])]
        key = ServiceKey(family, number(found[_S_PROTOCOL]), address, int.from_bytes(found[_S_PORT]))
    flags = number(found[_S_FLAGS][:4])
    mask = found[_S_NETMASK]
    service = Service(
        key=key,
        scheduler=text_of(found.get(_S_SCHED, b"")),
        # Without the flag the kernel still keeps a time-out that somebody gave.
        persistence=number(found[_S_TIMEOUT]) if flags & _PERSISTENT else 0,
        netmask=_prefix(mask) if family == INET else number(mask),
        ops=bool(flags & _ONE_PACKET),
        scheduler_flags=flags >> _SCHED_SHIFT & 7,
        engine=text_of(found.get(_S_PE, b"")),
    )
    return ServiceSeen(service, _counters(found.get(_S_STATS64) or found.get(_S_STATS, b"")))


def _prefix(mask: bytes) -> int:
    length = int.from_bytes(mask).bit_count()
    return length if mask == _netmask(INET, length) else -1


def _parse_destination(found: dict[int, bytes], service_family: int) -> Destination:
    family = number(found[_D_FAMILY]) if _D_FAMILY in found else service_family
    method = Method(number(found[_D_METHOD]))
    tunnelled = method is Method.TUN and _D_TUN_TYPE in found
    return Destination(
        DestinationKey(family, found[_D_ADDR][: HOST_BITS[family] // 8], int.from_bytes(found[_D_PORT])),
        method,
        number(found[_D_WEIGHT]),
        number(found[_D_UPPER]),
        number(found[_D_LOWER]),
        Tunnel(number(found[_D_TUN_TYPE])) if tunnelled else Tunnel.IPIP,
        int.from_bytes(found[_D_TUN_PORT]) if tunnelled else 0,
        number(found[_D_TUN_FLAGS]) if tunnelled else 0,
    )


def _parse_load(found: dict[int, bytes]) -> Load:
    active, inactive, persistent = (number(found.get(kind, b"")) for kind in (_D_ACTIVE, _D_INACTIVE, _D_PERSISTENT))
    return Load(active, inactive, persistent, _counters(found.get(_D_STATS64) or found.get(_D_STATS, b"")))


@lru_cache(maxsize=4096)
def _counters(data: bytes) -> Counters:
    """Counters out of a nested attribute; cached, because most servers of a dump stand still."""
    # IPVS_STATS_ATTR_CONNS to _OUTBPS are 1 to 10, in the order of Counters; 11 is padding.
    found = {kind: number(data[start:end]) for kind, start, end in each_attribute(data, 0, len(data)) if kind <= 10}
    return Counters(*(found.get(kind, 0) for kind in range(1, 11)))


def text_of(value: bytes) -> str:
    return value.split(b"\0", 1)[0].decode(errors="replace")
