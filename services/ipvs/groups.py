"""Which addresses and firewall marks does a virtual server stand for? One place, or all those of a group.

Core. A group is counted before it is spelled out: a range is a few characters, and each address of it a kernel service.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from services.common.errors import InvalidValue
from services.ipvs.fields import FAMILIES, family_of, read_address, read_port

SERVICES_MAX = 4096  # of one group: the kernel finds services in 256 chains, and each is looked at for every new client

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Front:
    """What clients address: packed addresses with ports (0: any), and firewall marks with families (0: the servers')."""

    addresses: tuple[tuple[bytes, int], ...] = ()
    marks: tuple[tuple[int, int], ...] = ()

    @property
    def ports(self) -> frozenset[int]:
        """All ports; a mark has none."""
        return frozenset(port for _, port in self.addresses)

    @property
    def families(self) -> frozenset[int]:
        """All families that are given."""
        return frozenset(family_of(a) for a, _ in self.addresses) | {f for _, f in self.marks if f}

    def __len__(self) -> int:
        return len(self.addresses) + len(self.marks)


@dataclass(frozen=True, slots=True)
class Group:
    """One virtual_server_group."""

    name: str
    front: Front


def virtual_server_group(name: str, value: Mapping[str, Any]) -> Group:
    """Settings of `config/virtual_server_group/NAME`.

    :raises InvalidValue: an address, range, port or mark that cannot be used, or too many.
    """
    ranges = [(i, *_range_of(f"address[{i}]", row)) for i, row in enumerate(value.get("address", ()))]
    marks = [_mark(f"fwmark[{i}]", row) for i, row in enumerate(value.get("fwmark", ()))]
    total = sum(int(last) - int(first) + 1 for _, first, last, _ in ranges) + len(marks)
    if not total:
        raise InvalidValue("address", "a group needs at least one address or fwmark")
    if total > SERVICES_MAX:
        worst = max(ranges, key=lambda r: int(r[2]) - int(r[1]), default=None)
        field = "fwmark" if worst is None else f"address[{worst[0]}]"
        reason = f"the group would have {total} services; at most {SERVICES_MAX}"
        raise InvalidValue(field, reason, "mark such traffic with nftables and give one fwmark")
    addresses = {(a, port): None for _, first, last, port in ranges for a in _spelled_out(first, last)}
    return Group(name, Front(tuple(addresses), tuple(dict.fromkeys(marks))))


def _range_of(field: str, row: Mapping[str, Any]) -> tuple[_Address, _Address, int]:
    """First and last address, and the port."""
    try:
        first, last = read_range("address", row.get("address", ""))
        port = read_port(row, "port") or 0
    except InvalidValue as e:
        raise e.within(field) from None
    return first, last, port


def read_range(field: str, text: str) -> tuple[_Address, _Address]:
    """`10.0.0.1`, `10.0.0.1-20`, `10.0.0.250-10.0.1.10` or `10.0.0.8/29`, or in IPv6's words, where a bare end is
    hexadecimal: `2001:db8::1-ff`.

    :raises InvalidValue: none of these, or addresses that no packet can go to.
    """
    if "/" in text:
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            raise InvalidValue(field, f"expected ADDRESS/LENGTH, got {text!r}") from None
        first, last = network.network_address, network.broadcast_address
    else:
        start, dash, end = text.partition("-")
        first = ipaddress.ip_address(read_address(field, start))
        last = _end_of(field, first, end) if dash else first
    for edge in (first, last):
        read_address(field, str(edge))
    return first, last


def _end_of(field: str, first: _Address, end: str) -> _Address:
    """The last address of a range: whole, or what it puts in place of the first one's last part."""
    four = first.version == 4
    try:
        if ("." if four else ":") in end:
            last = ipaddress.ip_address(end)
        elif not (end.isascii() and end.isalnum()):
            last = None
        else:
            number, size = int(end, 10 if four else 16), 8 if four else 16
            last = ipaddress.ip_address(int(first) >> size << size | number) if 0 <= number < 1 << size else None
    except ValueError:
        last = None
    if last is None or last.version != first.version or int(last) < int(first):
        raise InvalidValue(field, f"expected a range from {first} upwards, got {first}-{end}")
    return last


def _spelled_out(first: _Address, last: _Address) -> Iterator[bytes]:
    size = first.max_prefixlen // 8
    return (number.to_bytes(size) for number in range(int(first), int(last) + 1))


def _mark(field: str, row: Mapping[str, Any]) -> tuple[int, int]:
    mark = row.get("fwmark", 0)
    if not mark:
        raise InvalidValue(f"{field}.fwmark", "expected 1 to 4294967295, got 0")
    return mark, FAMILIES.get(row.get("ip_family", ""), 0)
