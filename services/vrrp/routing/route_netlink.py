"""How do routes and rules get on and off, and who else takes them off? rtnetlink, own packed messages.

`RouteRequests` adds and removes rows in batches; `RouteMonitor` tells of rows that somebody else removed. Layouts:
linux/rtnetlink.h (struct rtmsg, struct rtnexthop), linux/fib_rules.h (struct fib_rule_hdr). Blocks nowhere: the kernel has
answered a request before the send returns.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from struct import Struct
from typing import Any

from services.vrrp.netlink import (
    EEXIST,
    ENODEV,
    HEADER,
    NLM_F_ACK,
    NLM_F_CREATE,
    NLM_F_EXCL,
    NLM_F_REQUEST,
    Exchange,
    Interface,
    answers,
    attribute,
    attributes_of,
    dump,
    messages,
    open_netlink,
    request_socket,
)
from services.vrrp.routing.encap import Encap
from services.vrrp.routing.iproute import INET6
from services.vrrp.routing.routes import ADD, APPEND, Nexthop, Route
from services.vrrp.routing.rules import Rule

Row = Route | Rule

RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE, RTM_NEWRULE, RTM_DELRULE, RTM_GETRULE = 24, 25, 26, 32, 33, 34
RTMGRP_IPV4_ROUTE, RTMGRP_IPV4_RULE, RTMGRP_IPV6_ROUTE, RTMGRP_IPV6_RULE = 0x40, 0x80, 0x400, 0x40000
NLM_F_APPEND = 0x800
ROUTE = Struct("=BBBBBBBBI")  # family, lengths of destination and source, tos, table, protocol, scope, type, flags
RULE = Struct("=BBBBBBBBI")  # family, lengths of destination and source, tos, table, two reserved, action, flags
NEXTHOP = Struct("=HBBi")  # length, flags, weight less one, interface
NUMBER, LONG, BYTE, FAMILY = Struct("=I"), Struct(">Q"), Struct("=B"), Struct("=H")
UIDS, PORTS = Struct("=II"), Struct("=HH")
RTA_DST, RTA_SRC, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_PREFSRC, RTA_METRICS, RTA_MULTIPATH = 1, 2, 4, 5, 6, 7, 8, 9
RTA_FLOW, RTA_TABLE, RTA_VIA, RTA_PREF, RTA_ENCAP_TYPE, RTA_ENCAP, RTA_EXPIRES, RTA_TTL_PROPAGATE = (
    *(11, 15, 18, 20, 21, 22, 23, 26),
)
RTAX_LOCK = 1
RTNH_F_ONLINK, RTM_F_CLONED = 4, 0x200
FRA_DST, FRA_SRC, FRA_IIFNAME, FRA_GOTO, FRA_PRIORITY, FRA_FWMARK, FRA_FLOW, FRA_TUN_ID = 1, 2, 3, 4, 6, 10, 11, 12
FRA_SUPPRESS_IFGROUP, FRA_SUPPRESS_PREFIXLEN, FRA_TABLE, FRA_FWMASK, FRA_OIFNAME = 13, 14, 15, 16, 17
FRA_L3MDEV, FRA_UID_RANGE, FRA_PROTOCOL, FRA_IP_PROTO, FRA_SPORT_RANGE, FRA_DPORT_RANGE = 19, 20, 21, 22, 23, 24
FIB_RULE_INVERT = 2
ENOENT, ESRCH, ENETUNREACH, EPERM, EINVAL, EOPNOTSUPP = 2, 3, 101, 1, 22, 95
GONE = frozenset({ENOENT, ESRCH, ENODEV})
IPV6_METRIC = 1024  # the kernel's where none is given
FIRST_METRIC = {INET6: IPV6_METRIC}


class MissingInterfaceError(Exception):
    """A row names an interface that does not exist."""


class RouteRequests:
    """Adds and removes routes and rules by a netlink socket of its own."""

    def __init__(self, sock: Exchange) -> None:
        self._sock = sock
        self._sequence = 0

    def close(self) -> None:
        self._sock.close()

    def change(self, add: bool, rows: Sequence[Row], interfaces: Mapping[str, Interface]) -> list[tuple[Row, str]]:
        """Add or remove at most BATCH rows; gives those that failed, with the reason.

        What is there already, or gone already, is no failure.
        """
        first = self._sequence + 1
        sent: list[Row] = []
        failed: list[tuple[Row, str]] = []
        batch = b""
        for row in rows:
            try:
                kind, flags, body = _request(add, row, interfaces)
            except MissingInterfaceError as error:
                failed += [(row, str(error))] if add else []
                continue
            self._sequence += 1
            sent.append(row)
            batch += HEADER.pack(HEADER.size + len(body), kind, flags | NLM_F_ACK, self._sequence, 0) + body
        if not sent:
            return failed
        self._sock.send(batch)
        harmless = {0, EEXIST} if add else GONE | {0}
        for sequence, errno in answers(self._sock, self._sequence):
            if first <= sequence and errno not in harmless:
                failed.append((sent[sequence - first], _reason(errno)))
        return failed


class RouteMonitor:
    """Tells which of the rows it watches others removed. `port`: whose removals are our own."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._sock = open_netlink(RTMGRP_IPV4_ROUTE | RTMGRP_IPV4_RULE | RTMGRP_IPV6_ROUTE | RTMGRP_IPV6_RULE)
        self._known = Known()

    def fileno(self) -> int:
        return self._sock.fileno()

    def close(self) -> None:
        self._sock.close()

    def watch(self, rows: Iterable[Row]) -> None:
        """These from now on, and no others."""
        self._known = Known(rows)

    def removed(self, interfaces: Mapping[str, Interface]) -> tuple[list[Row], bool]:
        """Reads what the kernel said: the rows that others removed, and whether anything may have been missed.

        What the kernel itself removes, because an interface or an address went, is not told: it comes back with them.
        """
        rows: list[Row] = []
        for _ in range(256):
            try:
                data = self._sock.recv(65536)
            except BlockingIOError:
                break
            except OSError:  # ENOBUFS
                return rows, True
            for kind, _sequence, port, body in messages(data):
                if port in (0, self._port):
                    continue
                if kind == RTM_DELROUTE:
                    rows += self._known.routes(body, interfaces)
                elif kind == RTM_DELRULE:
                    rows += self._known.rules(body)
        return rows, False


class Known:
    """Rows by what the kernel tells of them first, to find those that a message of its speaks of."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._routes: dict[tuple[int, int, bytes], list[Route]] = {}
        self._rules: dict[tuple[int, int], list[Rule]] = {}
        for row in rows:
            if isinstance(row, Route):
                self._routes.setdefault((row.family, row.prefix, row.destination if row.prefix else b""), []).append(row)
            else:
                self._rules.setdefault((row.family, row.priority), []).append(row)

    def routes(self, body: bytes, interfaces: Mapping[str, Interface]) -> list[Row]:
        """Those that a message about a route may mean."""
        family, prefix, _source, tos, table, protocol, _scope, kind, flags = ROUTE.unpack_from(body)
        if flags & RTM_F_CLONED:
            return []
        attributes = attributes_of(body, ROUTE.size)
        rows = self._routes.get((family, prefix, attributes.get(RTA_DST, b"") if prefix else b""), ())
        table = _number(attributes, RTA_TABLE, table)
        metric = _number(attributes, RTA_PRIORITY, 0)
        return [
            row
            for row in rows
            if (_table(row, interfaces), row.protocol, row.type, row.tos) == (table, protocol, kind, tos)
            and (row.metric or FIRST_METRIC.get(family, 0)) == metric
            and (not row.gateway or len(row.gateway) * 8 != _bits(family) or attributes.get(RTA_GATEWAY) == row.gateway)
            and (not row.dev or row.dev not in interfaces or _number(attributes, RTA_OIF, 0) == interfaces[row.dev].number)
        ]

    def rules(self, body: bytes) -> list[Row]:
        """Those that a message about a rule may mean."""
        family, to, source, tos, table, _, _, action, flags = RULE.unpack_from(body)
        attributes = attributes_of(body, RULE.size)
        rows = self._rules.get((family, _number(attributes, FRA_PRIORITY, 0)), ())
        seen = (
            (attributes.get(FRA_SRC, b""), source),
            (attributes.get(FRA_DST, b""), to),
            tos,
            _number(attributes, FRA_TABLE, table),
            action,
            bool(flags & FIB_RULE_INVERT),
            attributes.get(FRA_IIFNAME, b"").rstrip(b"\0").decode(errors="replace"),
            attributes.get(FRA_OIFNAME, b"").rstrip(b"\0").decode(errors="replace"),
            _number(attributes, FRA_FWMARK, 0),
        )
        return [
            row
            for row in rows
            if seen
            == (row.source, row.destination, row.tos, row.table, row.action, row.invert, row.iif, row.oif, row.fwmark or 0)
        ]


def present(rows: Sequence[Row], interfaces: Mapping[str, Interface]) -> set[tuple[Any, ...]]:
    """The identities of those that the kernel has now. It is asked for the protocols that they have, and waited for.

    :raises OSError: the kernel refuses.
    """
    known = Known(row for row in rows if all(name in interfaces for name in row.devices))
    asked = {(RTM_GETROUTE, ROUTE.pack(r.family, 0, 0, 0, 0, r.protocol, 0, 0, 0)) for r in rows if isinstance(r, Route)}
    asked |= {(RTM_GETRULE, RULE.pack(r.family, 0, 0, 0, 0, 0, 0, 0, 0)) for r in rows if isinstance(r, Rule)}
    found: set[tuple[Any, ...]] = set()
    for request, filled in sorted(asked):
        for kind, body in dump(request, filled, strict=True):
            if kind in (RTM_NEWROUTE, RTM_NEWRULE):
                same = known.routes(body, interfaces) if kind == RTM_NEWROUTE else known.rules(body)
                found.update(row.identity for row in same)
    return found


def encode(row: Row, interfaces: Mapping[str, Interface]) -> bytes:
    """A message's body: struct rtmsg or fib_rule_hdr with its attributes.

    :raises MissingInterfaceError: it names an interface or a VRF that does not exist.
    """
    return _route(row, interfaces) if isinstance(row, Route) else _rule(row)


def _request(add: bool, row: Row, interfaces: Mapping[str, Interface]) -> tuple[int, int, bytes]:
    """Type, flags and body of the message that adds or removes a row."""
    body = encode(row, interfaces)
    if isinstance(row, Rule):
        # Without NLM_F_EXCL the kernel would keep the same rule several times.
        return (RTM_NEWRULE, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL, body) if add else (RTM_DELRULE, NLM_F_REQUEST, body)
    if not add:
        return RTM_DELROUTE, NLM_F_REQUEST, body
    more = {ADD: NLM_F_EXCL, APPEND: NLM_F_APPEND}.get(row.action, 0)
    return RTM_NEWROUTE, NLM_F_REQUEST | NLM_F_CREATE | more, body


def _route(row: Route, interfaces: Mapping[str, Interface]) -> bytes:
    table = _table(row, interfaces)
    if not table:
        raise MissingInterfaceError(f"there is no VRF {row.vrf}")
    flags = RTNH_F_ONLINK if row.onlink else 0
    short = table if table < 256 else 0
    body = ROUTE.pack(row.family, row.prefix, row.origin[1], row.tos, short, row.protocol, row.scope, row.type, flags)
    if row.destination:
        body += attribute(RTA_DST, row.destination)
    if row.origin[0]:
        body += attribute(RTA_SRC, row.origin[0])
    body += attribute(RTA_TABLE, NUMBER.pack(table))
    if row.metric:
        body += attribute(RTA_PRIORITY, NUMBER.pack(row.metric))
    if row.source:
        body += attribute(RTA_PREFSRC, row.source)
    if row.gateway:
        body += _gateway(row.family, row.gateway)
    if row.dev:
        body += attribute(RTA_OIF, NUMBER.pack(_number_of(row.dev, interfaces)))
    if row.realms:
        body += attribute(RTA_FLOW, NUMBER.pack(row.realms))
    if row.metrics:
        body += attribute(RTA_METRICS, _metrics(row))
    if row.expires:
        body += attribute(RTA_EXPIRES, NUMBER.pack(row.expires))
    if row.preference is not None:
        body += attribute(RTA_PREF, BYTE.pack(row.preference))
    if row.encap:
        body += _encap(row.encap)
    if row.ttl_propagate is not None:
        body += attribute(RTA_TTL_PROPAGATE, BYTE.pack(row.ttl_propagate))
    if row.nexthops:
        body += attribute(RTA_MULTIPATH, b"".join(_nexthop(row.family, hop, interfaces) for hop in row.nexthops))
    return body


def _table(row: Route, interfaces: Mapping[str, Interface]) -> int:
    """Where it belongs; 0 while there is no such VRF."""
    if not row.vrf:
        return row.table
    return interfaces[row.vrf].table if row.vrf in interfaces else 0


def _encap(encap: Encap) -> bytes:
    nested = b"".join(attribute(kind, value) for kind, value in encap.attributes)
    return attribute(RTA_ENCAP, nested) + attribute(RTA_ENCAP_TYPE, FAMILY.pack(encap.type))


def _gateway(family: int, gateway: bytes) -> bytes:
    if len(gateway) * 8 == _bits(family):
        return attribute(RTA_GATEWAY, gateway)
    return attribute(RTA_VIA, FAMILY.pack(INET6) + gateway)  # struct rtvia


def _metrics(row: Route) -> bytes:
    locks = attribute(RTAX_LOCK, NUMBER.pack(row.locked)) if row.locked else b""
    return locks + b"".join(
        attribute(kind, value.encode() + b"\0" if isinstance(value, str) else NUMBER.pack(value)) for kind, value in row.metrics
    )


def _nexthop(family: int, hop: Nexthop, interfaces: Mapping[str, Interface]) -> bytes:
    attributes = _gateway(family, hop.gateway) if hop.gateway else b""
    if hop.realms:
        attributes += attribute(RTA_FLOW, NUMBER.pack(hop.realms))
    if hop.encap:
        attributes += _encap(hop.encap)
    number = _number_of(hop.dev, interfaces) if hop.dev else 0
    flags = RTNH_F_ONLINK if hop.onlink else 0
    return NEXTHOP.pack(NEXTHOP.size + len(attributes), flags, hop.weight - 1, number) + attributes


def _rule(row: Rule) -> bytes:
    table = row.table if row.table < 256 else 0
    flags = FIB_RULE_INVERT if row.invert else 0
    body = RULE.pack(row.family, row.destination[1], row.source[1], row.tos, table, 0, 0, row.action, flags)
    if row.source[0]:
        body += attribute(FRA_SRC, row.source[0])
    if row.destination[0]:
        body += attribute(FRA_DST, row.destination[0])
    numbers = (
        (FRA_PRIORITY, row.priority),
        (FRA_TABLE, row.table or None),
        (FRA_FWMARK, row.fwmark),
        (FRA_FWMASK, row.fwmask),
        (FRA_FLOW, row.realms or None),
        (FRA_GOTO, row.goto),
        (FRA_SUPPRESS_PREFIXLEN, row.suppress_prefixlength),
        (FRA_SUPPRESS_IFGROUP, row.suppress_ifgroup),
    )
    body += b"".join(attribute(kind, NUMBER.pack(value)) for kind, value in numbers if value is not None)
    for kind, name in ((FRA_IIFNAME, row.iif), (FRA_OIFNAME, row.oif)):
        if name:
            body += attribute(kind, name.encode() + b"\0")
    if row.tunnel_id is not None:
        body += attribute(FRA_TUN_ID, LONG.pack(row.tunnel_id))
    for kind, value in ((FRA_PROTOCOL, row.protocol), (FRA_IP_PROTO, row.ipproto), (FRA_L3MDEV, row.l3mdev or None)):
        if value is not None:
            body += attribute(kind, BYTE.pack(value))
    if row.uidrange is not None:
        body += attribute(FRA_UID_RANGE, UIDS.pack(*row.uidrange))
    for kind, ends in ((FRA_SPORT_RANGE, row.sport), (FRA_DPORT_RANGE, row.dport)):
        if ends is not None:
            body += attribute(kind, PORTS.pack(*ends))
    return body


def _number_of(name: str, interfaces: Mapping[str, Interface]) -> int:
    interface = interfaces.get(name)
    if interface is None:
        raise MissingInterfaceError(f"interface {name} does not exist")
    return interface.number


def _number(attributes: Mapping[int, bytes], kind: int, default: int) -> int:
    value: int = NUMBER.unpack(attributes[kind])[0] if len(attributes.get(kind, b"")) == NUMBER.size else default
    return value


def _bits(family: int) -> int:
    return 128 if family == INET6 else 32


def _reason(error: int) -> str:
    if error == EPERM:
        return "no permission to change routes (the engine needs CAP_NET_ADMIN)"
    if error == ENETUNREACH:
        return "its gateway cannot be reached"
    if error == EINVAL:
        return "the kernel finds it invalid (a gateway out of reach, or an option that this kernel does not have)"
    if error == EOPNOTSUPP:
        return "this kernel cannot do it (encap needs a module: mpls_iptunnel, ip_tunnel, ip6_tunnel or ila)"
    return os.strerror(error)


def open_requests() -> tuple[RouteRequests, RouteMonitor]:
    """Requests on a socket of their own, and the monitor that knows them."""
    sock = request_socket()
    return RouteRequests(sock), RouteMonitor(sock.getsockname()[0])
