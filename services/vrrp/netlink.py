"""Which interfaces and addresses are there, and how do addresses get on and off? rtnetlink, own packed messages.

`Monitor` keeps a picture of links and addresses and says what changed; `Requests` adds and removes addresses in batches.
Layouts: linux/netlink.h, linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h, linux/netconf.h. Blocks nowhere: the kernel
has answered a request before the send returns.
"""

from __future__ import annotations

import _socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from struct import Struct, pack
from typing import NamedTuple, Protocol

from services.vrrp.addresses import FOREVER, VirtualAddress

HEADER = Struct("=IHHII")  # length, type, flags, sequence, port
LINK = Struct("=BxHiII")  # struct ifinfomsg
ADDRESS = Struct("=BBBBI")  # struct ifaddrmsg
ATTRIBUTE = Struct("=HH")
ERROR = NUMBER = Struct("=i")
FLAGS = Struct("=I")
CACHEINFO = Struct("=IIII")  # struct ifa_cacheinfo: preferred and valid lifetime in seconds, two stamps
NETCONF = Struct("=Bxxx")  # struct netconfmsg
NETLINK_ROUTE = 0
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP, NLM_F_EXCL, NLM_F_CREATE = 0x1, 0x4, 0x300, 0x200, 0x400
NLMSG_ERROR, NLMSG_DONE = 2, 3
RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK = 16, 17, 18
RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
RTM_NEWNETCONF, RTM_GETNETCONF = 80, 82
RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR, RTMGRP_IPV6_NETCONF = 0x1, 0x10, 0x100, 0x1000000
NETCONFA_IFINDEX, NETCONFA_FORWARDING = 1, 2
IFLA_MASTER = 10
IFLA_ADDRESS, IFLA_IFNAME, IFLA_LINK, IFLA_LINKINFO, IFLA_IFALIAS, IFLA_AF_SPEC, IFLA_GROUP = 1, 3, 5, 18, 20, 26, 27
IFLA_INFO_KIND, IFLA_INFO_DATA, IFLA_INET_CONF = 1, 2, 1
DATA = {"macvlan": 1, "ipvlan": 2, "vrf": 1}  # IFLA_MACVLAN_MODE, IFLA_IPVLAN_FLAGS, IFLA_VRF_TABLE: attributes of the kinds
IFA_ADDRESS, IFA_LOCAL, IFA_LABEL, IFA_BROADCAST, IFA_CACHEINFO, IFA_FLAGS = 1, 2, 3, 4, 6, 8
IFA_F_DADFAILED, IFA_F_TENTATIVE, IFA_F_OPTIMISTIC = 0x08, 0x40, 0x04
IFF_UP, IFF_LOOPBACK, IFF_RUNNING, IFF_NOARP = 0x1, 0x8, 0x40, 0x80
SOL_NETLINK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK = 270, 10, 12
CONF = (8, 13, 18, 19, 20, 23)  # of IPV4_DEVCONF_*: the ones in `links`
EEXIST, EADDRNOTAVAIL, ENODEV = 17, 99, 19
BATCH = 64  # addresses in one message to the kernel: about three milliseconds
BUFFER = 1 << 20


class Interface(NamedTuple):
    """One interface. `addresses`: usable ones, in the kernel's order, IPv4 first; `mac` empty where it is not Ethernet.

    `forwards`: it is a router's, for IPv6. `lower`: the number of the interface below it; `kind`, `mode`: of a macvlan or
    an ipvlan; `conf`: IPV4_DEVCONF_* (linux/ip.h); `master`: the number of the VRF, bridge or the like that it is part of.
    """

    number: int
    name: str
    flags: int
    mac: bytes
    addresses: tuple[str, ...] = ()
    forwards: bool = False
    lower: int = 0
    kind: str = ""
    mode: int = 0
    group: int = 0
    alias: str = ""
    conf: Mapping[int, int] = {}
    master: int = 0

    @property
    def up(self) -> bool:
        return self.flags & (IFF_UP | IFF_RUNNING) == IFF_UP | IFF_RUNNING

    @property
    def announces(self) -> bool:
        """Whether ARP and neighbour discovery mean anything here."""
        return len(self.mac) == 6 and not self.flags & (IFF_LOOPBACK | IFF_NOARP)

    @property
    def table(self) -> int:
        """Of a VRF, the number of its routing table, which is its `mode`; 0: it is none."""
        return self.mode if self.kind == "vrf" else 0


class Vanished(NamedTuple):
    """An address that was removed, and not by this process."""

    interface: str
    address: str


class Exchange(Protocol):
    """What is used of a netlink socket for requests."""

    def send(self, data: bytes, /) -> int: ...

    def recv(self, size: int, flags: int, /) -> bytes: ...

    def close(self) -> None: ...


def answers(sock: Exchange, last: int) -> Iterator[tuple[int, int]]:
    """Sequence and errno of each answer that is there, up to that of the `last` request."""
    while True:
        try:
            data = sock.recv(65536, _socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        for kind, sequence, _port, body in messages(data):
            if kind == NLMSG_ERROR:
                yield sequence, -ERROR.unpack_from(body)[0]
                if sequence == last:
                    return


Rows = Sequence[tuple[int, VirtualAddress]]  # addresses, each with its interface's number


class Request(NamedTuple):
    """Messages for the kernel, of which the first has the sequence `first`; `harmless`: the errno that is no failure."""

    data: bytes
    first: int
    rows: Rows
    harmless: int


class Requests:
    """Adds and removes addresses by a netlink socket."""

    def __init__(self, sock: Exchange) -> None:
        self._sock = sock
        self._sequence = 0

    def close(self) -> None:
        self._sock.close()

    def change(self, add: bool, rows: Rows) -> list[tuple[VirtualAddress, int]]:
        """Add or remove at most BATCH addresses, each with its interface's number; gives those that failed, with errno.

        What is there already, or gone already, is no failure.

        :raises OSError: nothing could be said to the kernel.
        """
        request = self.request(add, rows)
        self.send(request)
        return self.outcome(request)

    def request(self, add: bool, rows: Rows) -> Request:
        """What `change` says to the kernel, made ready."""
        kind, flags = RTM_DELADDR, NLM_F_REQUEST
        if add:
            kind, flags = RTM_NEWADDR, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL
        first = self._sequence + 1
        data = b""
        for at, (number, row) in enumerate(rows, 1):
            self._sequence += 1
            ack = NLM_F_ACK if at == len(rows) else 0
            body = address_body(number, row)
            data += HEADER.pack(HEADER.size + len(body), kind, flags | ack, self._sequence, 0) + body
        return Request(data, first, rows, EEXIST if add else EADDRNOTAVAIL)

    def send(self, request: Request) -> None:
        """Say it; the kernel has done it when this returns, and its answers wait.

        :raises OSError: nothing could be said to the kernel.
        """
        self._sock.send(request.data)

    def outcome(self, request: Request) -> list[tuple[VirtualAddress, int]]:
        """What failed of what was sent last, with errno."""
        failed = []
        first, rows = request.first, request.rows
        for sequence, error in answers(self._sock, first + len(rows) - 1):
            if first <= sequence and error not in (0, request.harmless):
                failed.append((rows[sequence - first][1], error))
        return failed


class Monitor:
    """A picture of links and addresses that follows the kernel's.

    Addresses that `requests` removes are expected to go: tell `expect_removal` before.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._sock = open_netlink(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_NETCONF)
        self._expected: set[tuple[int, str]] = set()
        self._links: dict[int, Interface] = {}
        self._addresses: dict[int, list[str]] = {}
        self._forwarding: set[int] = set()
        self.overruns = 0
        self._read_all()

    def fileno(self) -> int:
        return self._sock.fileno()

    def close(self) -> None:
        self._sock.close()

    def interfaces(self) -> dict[str, Interface]:
        """The picture now, by name."""
        return {
            link.name: link._replace(addresses=tuple(self._addresses.get(number, ())), forwards=number in self._forwarding)
            for number, link in self._links.items()
        }

    def expect_removal(self, number: int, addresses: Iterable[str]) -> None:
        present = self._addresses.get(number, ())
        self._expected.update((number, address) for address in addresses if address in present)

    def changes(self) -> tuple[set[str], list[Vanished]]:
        """Reads what the kernel said: names of the interfaces that changed, and addresses that others removed."""
        changed: set[str] = set()
        vanished: list[Vanished] = []
        for _ in range(256):
            try:
                data = self._sock.recv(65536)
            except BlockingIOError:
                break
            except OSError:  # ENOBUFS: messages were lost, so look at everything again
                self.overruns += 1
                self._look_again(changed, vanished)
                continue
            for kind, _sequence, port, body in messages(data):
                self._take(kind, port, body, changed, vanished)
        return changed, vanished

    def _take(self, kind: int, port: int, body: bytes, changed: set[str], vanished: list[Vanished]) -> None:
        if kind in (RTM_NEWLINK, RTM_DELLINK):
            link = _link(body)
            if link is None:
                return
            old = self._links.pop(link.number, None)
            if old is not None:
                changed.add(old.name)
            if kind == RTM_NEWLINK:
                self._links[link.number] = link
                changed.add(link.name)
            else:
                self._addresses.pop(link.number, None)
        elif kind == RTM_NEWNETCONF:
            self._take_forwarding(body)
        elif kind in (RTM_NEWADDR, RTM_DELADDR):
            number, address, usable = _address(body)
            known = self._addresses.setdefault(number, [])
            name = self._links[number].name if number in self._links else ""
            if kind == RTM_NEWADDR:
                self._expected.discard((number, address))
                if not usable:
                    if address in known:
                        known.remove(address)
                        changed.add(name)
                elif address not in known:
                    known.append(address)
                    changed.add(name)
            elif address in known:
                known.remove(address)
                changed.add(name)
                if port != self._port or (number, address) not in self._expected:
                    vanished.append(Vanished(name, address))
                self._expected.discard((number, address))

    def _look_again(self, changed: set[str], vanished: list[Vanished]) -> None:
        before = self.interfaces()
        self._read_all()
        after = self.interfaces()
        changed |= {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
        for name, old in before.items():
            new = after.get(name)
            for address in old.addresses:
                if new is not None and address not in new.addresses:
                    if (old.number, address) not in self._expected:
                        vanished.append(Vanished(name, address))
                    self._expected.discard((old.number, address))

    def _read_all(self) -> None:
        links: dict[int, Interface] = {}
        addresses: dict[int, list[str]] = {}
        for kind, body in dump(RTM_GETLINK, LINK.pack(0, 0, 0, 0, 0)):
            link = _link(body) if kind == RTM_NEWLINK else None
            if link is not None:
                links[link.number] = link
        for kind, body in dump(RTM_GETADDR, ADDRESS.pack(_socket.AF_UNSPEC, 0, 0, 0, 0)):
            if kind == RTM_NEWADDR:
                number, address, usable = _address(body)
                if usable:
                    addresses.setdefault(number, []).append(address)
        self._links, self._addresses = links, addresses
        self._forwarding.clear()
        for kind, body in dump(RTM_GETNETCONF, NETCONF.pack(_socket.AF_INET6)):
            if kind == RTM_NEWNETCONF:
                self._take_forwarding(body)

    def _take_forwarding(self, body: bytes) -> None:
        attributes = attributes_of(body, NETCONF.size)
        if body[0] == _socket.AF_INET6 and NETCONFA_IFINDEX in attributes and NETCONFA_FORWARDING in attributes:
            (number,) = NUMBER.unpack(attributes[NETCONFA_IFINDEX])
            if NUMBER.unpack(attributes[NETCONFA_FORWARDING])[0]:
                self._forwarding.add(number)
            else:
                self._forwarding.discard(number)


def request_socket() -> _socket.socket:
    """For `Requests`; its answers leave out what was asked."""
    sock = open_netlink(0)
    sock.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 1)
    return sock


def open_netlink(groups: int) -> _socket.socket:
    """A non-blocking rtnetlink socket that is a member of these groups (RTMGRP_...).

    :raises OSError: the kernel refuses.
    """
    kind = _socket.SOCK_RAW | _socket.SOCK_NONBLOCK | _socket.SOCK_CLOEXEC
    sock = _socket.socket(_socket.AF_NETLINK, kind, NETLINK_ROUTE)
    sock.bind((0, groups))
    sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_RCVBUF, BUFFER)
    return sock


def dump(kind: int, body: bytes, strict: bool = False) -> Iterator[tuple[int, bytes]]:
    """Everything of one kind; the kernel hands out each part as the one before is read, so this never waits long.

    `strict`: only what fits the fields of `body`, where the kernel knows how.
    """
    sock = open_netlink(0)
    try:
        sock.settimeout(5)
        if strict:
            sock.setsockopt(SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1)
        sock.send(HEADER.pack(HEADER.size + len(body), kind, NLM_F_REQUEST | NLM_F_DUMP, 1, 0) + body)
        while True:
            for answer, _sequence, _port, part in messages(sock.recv(65536)):
                if answer in (NLMSG_DONE, NLMSG_ERROR):
                    return
                yield answer, part
    finally:
        sock.close()


def messages(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Type, sequence, port and body of each netlink message in what one read gave; what is cut short ends it."""
    at = 0
    while at + HEADER.size <= len(data):
        length, kind, _flags, sequence, port = HEADER.unpack_from(data, at)
        if length < HEADER.size:
            return
        yield kind, sequence, port, data[at + HEADER.size : at + length]
        at += length + 3 & ~3


def attributes_of(data: bytes, at: int) -> dict[int, bytes]:
    """The attributes from offset `at` on, by type (struct rtattr)."""
    found = {}
    while at + ATTRIBUTE.size <= len(data):
        length, kind = ATTRIBUTE.unpack_from(data, at)
        if length < ATTRIBUTE.size:
            break
        found[kind & 0x3FFF] = data[at + ATTRIBUTE.size : at + length]
        at += length + 3 & ~3
    return found


def _link(body: bytes) -> Interface | None:
    family, _type, number, flags, _change = LINK.unpack_from(body)
    attributes = attributes_of(body, LINK.size)
    if family != _socket.AF_UNSPEC or IFLA_IFNAME not in attributes:
        return None  # a bridge's word about one of its ports (AF_BRIDGE)
    name = attributes[IFLA_IFNAME].rstrip(b"\0").decode(errors="replace")
    found = Interface(number, name, flags, attributes.get(IFLA_ADDRESS, b""))
    if IFLA_AF_SPEC not in attributes:
        return found
    kind, mode = _kind(attributes.get(IFLA_LINKINFO, b""))
    return found._replace(
        lower=NUMBER.unpack(attributes.get(IFLA_LINK, bytes(4)))[0],
        kind=kind,
        mode=mode,
        group=NUMBER.unpack(attributes.get(IFLA_GROUP, bytes(4)))[0],
        alias=attributes.get(IFLA_IFALIAS, b"").rstrip(b"\0").decode(errors="replace"),
        conf=_conf(attributes[IFLA_AF_SPEC]),
        master=NUMBER.unpack(attributes.get(IFLA_MASTER, bytes(4)))[0],
    )


def _kind(info: bytes) -> tuple[str, int]:
    """What a link is, and the mode of a macvlan, the flags of an ipvlan, or the table of a VRF."""
    attributes = attributes_of(info, 0)
    kind = attributes.get(IFLA_INFO_KIND, b"").rstrip(b"\0").decode(errors="replace")
    if kind not in DATA:
        return kind, 0
    said = attributes_of(attributes.get(IFLA_INFO_DATA, b""), 0).get(DATA[kind], b"")
    return kind, int.from_bytes(said, "little" if pack("=H", 1) == b"\1\0" else "big")


def _conf(spec: bytes) -> dict[int, int]:
    """The settings that matter to a VMAC and to the interface below it."""
    values = attributes_of(attributes_of(spec, 0).get(_socket.AF_INET, b""), 0).get(IFLA_INET_CONF, b"")
    numbers = {kind: (kind - 1) * FLAGS.size for kind in CONF}
    return {kind: FLAGS.unpack_from(values, at)[0] for kind, at in numbers.items() if at + FLAGS.size <= len(values)}


def _address(body: bytes) -> tuple[int, str, bool]:
    """Interface, address, and whether it can be used: one that is still looked for on the link cannot."""
    family, _prefix, flags, _scope, number = ADDRESS.unpack_from(body)
    attributes = attributes_of(body, ADDRESS.size)
    address = attributes.get(IFA_LOCAL) or attributes.get(IFA_ADDRESS, b"")
    if family != _socket.AF_INET6:
        return number, ".".join(map(str, address)), True
    if IFA_FLAGS in attributes:
        (flags,) = FLAGS.unpack(attributes[IFA_FLAGS])
    waits = flags & IFA_F_TENTATIVE and not flags & IFA_F_OPTIMISTIC
    return number, _socket.inet_ntop(_socket.AF_INET6, address), not waits and not flags & IFA_F_DADFAILED


def _packed(address: str) -> bytes:
    return _socket.inet_pton(_socket.AF_INET6 if ":" in address else _socket.AF_INET, address)


def address_body(number: int, row: VirtualAddress) -> bytes:
    """struct ifaddrmsg and its attributes."""
    address = _packed(row.address)
    family = _socket.AF_INET if len(address) == 4 else _socket.AF_INET6
    body = ADDRESS.pack(family, row.prefix, row.flags & 0xFF, row.scope, number)
    body += attribute(IFA_LOCAL, address) + attribute(IFA_ADDRESS, _packed(row.peer) if row.peer else address)
    if row.flags:
        body += attribute(IFA_FLAGS, FLAGS.pack(row.flags))
    if row.preferred_lft != FOREVER:
        body += attribute(IFA_CACHEINFO, CACHEINFO.pack(row.preferred_lft, FOREVER, 0, 0))
    if row.brd:
        body += attribute(IFA_BROADCAST, _broadcast(row, address))
    if row.label:
        body += attribute(IFA_LABEL, row.label.encode() + b"\0")
    return body


def attribute(kind: int, value: bytes) -> bytes:
    """One struct rtattr with its padding."""
    return pack("=HH", ATTRIBUTE.size + len(value), kind) + value + bytes(-len(value) % 4)


def _broadcast(row: VirtualAddress, address: bytes) -> bytes:
    """keepalived's (and ip-address(8)'s) "+" and "-": all host bits one, or zero."""
    if row.brd not in ("+", "-"):
        return _packed(row.brd)
    host = (1 << 32 - row.prefix) - 1
    number = int.from_bytes(address, "big")
    return (number | host if row.brd == "+" else number & ~host).to_bytes(4, "big")
