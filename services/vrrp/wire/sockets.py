"""How do adverts and announcements of addresses get on and off the wire? The raw sockets of one interface.

Never blocks. Uses `_socket` itself: the `socket` module around it costs a tenth of the time to the first advert.
"""

from __future__ import annotations

import _socket
from array import array
from collections.abc import Callable, Sequence
from contextlib import suppress
from struct import Struct
from typing import TYPE_CHECKING, Protocol

from services.vrrp.addresses import place_of
from services.vrrp.wire.packet import IP_ID_OFFSET, IPV6_HEADER, PROTOCOL_AH, PROTOCOL_VRRP, checksum

if TYPE_CHECKING:
    from services.vrrp.wire.bells import Bell
    from services.vrrp.wire.bursts import Bursts

SO_RCVBUFFORCE, SO_SNDBUFFORCE = 33, 32  # asm-generic/socket.h
SO_ATTACH_FILTER = 26
SO_TIMESTAMPNS = 35
IP_MULTICAST_ALL = 49  # linux/in.h
IPV6_MULTICAST_ALL = 29  # linux/in6.h
TC_PRIO_CONTROL = 7  # linux/pkt_sched.h
ETH_P_ARP, ETH_P_IPV6 = 0x0806, 0x86DD
MREQN = Struct("=4s4si")  # struct ip_mreqn: group, local address, interface
SHORT = Struct("!H")
SOCKADDR = Struct("=HH4s8x")  # struct sockaddr_in: family, port, address
SOCKADDR6 = Struct("=HHI16sI")  # struct sockaddr_in6: family, port, flow, address, scope
TIMESTAMP = Struct("=qq")  # struct timespec
TIMESTAMP_SPACE = _socket.CMSG_SPACE(TIMESTAMP.size)
ARP = Struct("!HHBBH6s4s6s4s")
BROADCAST = b"\xff" * 6
MREQ6 = Struct("=16si")  # struct ipv6_mreq
PKTINFO6 = Struct("=16si")  # struct in6_pktinfo
HOP_LIMIT = Struct("=i")
ANCILLARY6_SPACE = TIMESTAMP_SPACE + _socket.CMSG_SPACE(PKTINFO6.size) + _socket.CMSG_SPACE(HOP_LIMIT.size)
ALL_NODES = _socket.inet_pton(_socket.AF_INET6, "ff02::1")
ALL_NODES_MAC = b"\x33\x33\x00\x00\x00\x01"
ICMPV6, NEIGHBOUR_ADVERTISEMENT = 58, 136
NA = Struct("!BBHI16sBB6s")  # RFC 4861 section 4.4, with the target's link-layer address (section 4.6.1)
NA_ROUTER, NA_OVERRIDE = 1 << 31, 1 << 29
PSEUDO6 = Struct("!16s16sII")
BUFFER = 1 << 20
BPF = Struct("=HBBI")  # struct sock_filter: code, jump if true, if false, operand
SOCK_FPROG = Struct("@HP")  # struct sock_fprog: length, address of the filters
VRRP_IN_AH = b"".join(
    BPF.pack(*line)
    for line in (
        (0xB1, 0, 0, 0),  # ldxb 4*([0]&0xf): the length of the IP header
        (0x50, 0, 0, 0),  # ldb [x + 0]: what comes after the AH header
        (0x15, 0, 1, PROTOCOL_VRRP),
        (0x06, 0, 0, 0xFFFF),  # ret: all of it
        (0x06, 0, 0, 0),
    )
)
MAX_RECEIVED = 512  # packets per wake; more than the kernel queues by default
_RAW = _socket.SOCK_RAW | _socket.SOCK_NONBLOCK | _socket.SOCK_CLOEXEC


class Sending(Protocol):
    """What is used of a socket for sending."""

    def send(self, data: bytes, /) -> int: ...

    def sendto(self, data: bytes, flags: int, address: tuple[str, int], /) -> int: ...

    def close(self) -> None: ...


class AdvertSender:
    """Numbers IPv4 adverts and sends them, to the group unless told otherwise, by a socket that takes whole IP packets."""

    def __init__(self, sock: Sending, group: str) -> None:
        self._sock, self._to = sock, (group, 0)
        self._identification = 0

    def send(self, data: bytes, to: str = "") -> None:
        """One advert; only multicast has no need of a route.

        :raises OSError: it could not be sent now.
        """
        packet = data[:IP_ID_OFFSET] + SHORT.pack(self.number()) + data[IP_ID_OFFSET + 2 :]
        if to:
            self._sock.sendto(packet, 0, (to, 0))
        else:
            self._sock.sendto(packet, _socket.MSG_DONTROUTE, self._to)

    def number(self) -> int:
        """The identification of the next advert, 1 to 65,535 and over again: the kernel would fill in another one for 0."""
        self._identification = self._identification % 0xFFFF + 1
        return self._identification


class SealedSender:
    """The same for adverts in IPSEC-AH, whose seal covers their number."""

    def __init__(self, sock: Sending, group: str) -> None:
        self._sock, self._to = sock, (group, 0)

    def send(self, data: bytes, to: str = "") -> None:
        """One advert.

        :raises OSError: it could not be sent now.
        """
        if to:
            self._sock.sendto(data, 0, (to, 0))
        else:
            self._sock.sendto(data, _socket.MSG_DONTROUTE, self._to)


class AdvertSender6:
    """The same for IPv6, whose packets have no numbers."""

    def __init__(self, sock: Sending, group: str) -> None:
        self._sock, self._group = sock, group

    def send(self, data: bytes, to: str = "") -> None:
        """One advert.

        :raises OSError: it could not be sent now.
        """
        self._sock.sendto(data, 0, (to or self._group, 0))


class Link:
    """Receives and sends the IPv4 adverts of one interface: sends to `group` unless told otherwise, receives what comes to
    `heard`, which is `group` unless given. Where `name` is one of `places`, it hears what comes to that address alone.

    :raises OSError: the interface is gone, or a capability is missing (CAP_NET_RAW).
    """

    family = _socket.AF_INET
    protocol = PROTOCOL_VRRP

    def __init__(self, name: str, number: int, group: str, heard: frozenset[str] = frozenset()) -> None:
        self.name, self.number, self.group = name, number, group
        self.heard: frozenset[str] = frozenset()
        at = place_of(name)
        device = name if at is None else at[0]
        self._joins = at is None
        self.bell: Bell | None = None  # says when to receive, while nobody looks
        self.receiver = _socket.socket(self.family, _RAW, self.protocol)
        self._sender = _socket.socket(self.family, _RAW, _socket.IPPROTO_RAW)
        try:
            for sock in (self.receiver, self._sender) if device else ():
                sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_BINDTODEVICE, device.encode())
            if at is not None:
                self.receiver.bind((at[1], 0))
            self.receiver.setsockopt(_socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            self._prepare()
            self.hear(heard or frozenset((group,)))
            _enlarge(self.receiver, SO_RCVBUFFORCE, _socket.SO_RCVBUF)
            self._sender.setsockopt(_socket.SOL_SOCKET, _socket.SO_PRIORITY, TC_PRIO_CONTROL)
            _enlarge(self._sender, SO_SNDBUFFORCE, _socket.SO_SNDBUF)
        except OSError:
            self.close()
            raise
        self.bursts: Bursts | None = None  # what receives, once it is there
        self.next_number: Callable[[], int] | None = None  # numbers a packet; None: it has no number, or has it already
        self.send = self._sending()

    def hear(self, groups: frozenset[str]) -> None:
        """These groups from now on, and no others; none where it is bound to an address.

        :raises OSError: the interface is gone, or there are too many.
        """
        if not self._joins:
            return
        for group in self.heard - groups:
            with suppress(OSError):
                self._member(group, False)
        self.heard &= groups
        for group in groups - self.heard:
            self._member(group, True)
            self.heard |= {group}

    def _member(self, group: str, on: bool) -> None:
        member = MREQN.pack(_socket.inet_aton(group), bytes(4), self.number)
        kind = _socket.IP_ADD_MEMBERSHIP if on else _socket.IP_DROP_MEMBERSHIP
        self.receiver.setsockopt(_socket.IPPROTO_IP, kind, member)

    def _prepare(self) -> None:
        """Hear the groups that are asked for alone; do not hear oneself."""
        member = MREQN.pack(bytes(4), bytes(4), self.number)
        self.receiver.setsockopt(_socket.IPPROTO_IP, IP_MULTICAST_ALL, 0)
        self._sender.setsockopt(_socket.IPPROTO_IP, _socket.IP_MULTICAST_IF, member)
        self._sender.setsockopt(_socket.IPPROTO_IP, _socket.IP_MULTICAST_LOOP, 0)

    def _sending(self) -> Callable[..., None]:
        sender = AdvertSender(self._sender, self.group)
        self.next_number = sender.number
        return sender.send

    @property
    def is_open(self) -> bool:
        """It has not been closed."""
        return self.receiver.fileno() >= 0

    def close(self) -> None:
        self.receiver.close()
        self._sender.close()
        if self.bell is not None:
            self.bell.close()

    def destination(self, to: str) -> tuple[int, int, bytes]:
        """Of `send`, for who sends by itself: descriptor, flags and socket address (struct sockaddr_in)."""
        flags = 0 if to else _socket.MSG_DONTROUTE
        return self._sender.fileno(), flags, SOCKADDR.pack(_socket.AF_INET, 0, _socket.inet_aton(to or self.group))

    def receive(self) -> list[tuple[bytes, int]]:
        """The packets that wait, at most MAX_RECEIVED, each with when the kernel took it: CLOCK_REALTIME in ns, 0: unknown."""
        if self.bursts is not None:
            return self.bursts.receive(self.receiver.fileno(), MAX_RECEIVED)
        packets = []
        receive = self.receiver.recvmsg
        try:
            for _ in range(MAX_RECEIVED):
                data, ancillary, _flags, _source = receive(2048, TIMESTAMP_SPACE)
                seconds, nanoseconds = TIMESTAMP.unpack(ancillary[0][2]) if ancillary else (0, 0)  # nothing else was asked for
                packets.append((data, seconds * 1_000_000_000 + nanoseconds))
        except BlockingIOError:
            pass
        except OSError:
            pass  # the interface went down or away: netlink tells
        return packets


class SealedLink(Link):
    """The same for adverts in IPSEC-AH; the machine's other IPsec traffic does not wake the engine."""

    protocol = PROTOCOL_AH

    def _sending(self) -> Callable[..., None]:
        return SealedSender(self._sender, self.group).send

    def _prepare(self) -> None:
        super()._prepare()
        attach_filter(self.receiver, VRRP_IN_AH)


class Link6(Link):
    """The same for IPv6."""

    family = _socket.AF_INET6

    def _member(self, group: str, on: bool) -> None:
        member = MREQ6.pack(_socket.inet_pton(_socket.AF_INET6, group), self.number)
        kind = _socket.IPV6_JOIN_GROUP if on else _socket.IPV6_LEAVE_GROUP
        self.receiver.setsockopt(_socket.IPPROTO_IPV6, kind, member)

    def _prepare(self) -> None:
        for option in (_socket.IPV6_RECVPKTINFO, _socket.IPV6_RECVHOPLIMIT):
            self.receiver.setsockopt(_socket.IPPROTO_IPV6, option, 1)
        with suppress(OSError):  # Linux before 4.20 has no such option
            self.receiver.setsockopt(_socket.IPPROTO_IPV6, IPV6_MULTICAST_ALL, 0)
        self._sender.setsockopt(_socket.IPPROTO_IPV6, _socket.IPV6_MULTICAST_IF, self.number)
        self._sender.setsockopt(_socket.IPPROTO_IPV6, _socket.IPV6_MULTICAST_LOOP, 0)

    def _sending(self) -> Callable[..., None]:
        return AdvertSender6(self._sender, self.group).send

    def destination(self, to: str) -> tuple[int, int, bytes]:
        """As `Link.destination`, in a struct sockaddr_in6."""
        address = _socket.inet_pton(_socket.AF_INET6, to or self.group)
        return self._sender.fileno(), 0, SOCKADDR6.pack(_socket.AF_INET6, 0, 0, address, self.number)

    def receive(self) -> list[tuple[bytes, int]]:
        """As `Link.receive`; the IP header, which the kernel keeps to itself, is made again from what it says of it."""
        packets = []
        receive = self.receiver.recvmsg
        try:
            for _ in range(MAX_RECEIVED):
                data, ancillary, _flags, source = receive(2048, ANCILLARY6_SPACE)
                packets.append((_ipv6_header(len(data), ancillary, source[0]) + data, stamp_of(ancillary)))
        except BlockingIOError:
            pass
        except OSError:
            pass
        return packets


LINKS: dict[int, type[Link]] = {4: Link, 6: Link6, PROTOCOL_AH: SealedLink}  # by `SendAdvert.family`
SENDERS: dict[int, type[AdvertSender] | type[AdvertSender6] | type[SealedSender]] = {
    4: AdvertSender,
    6: AdvertSender6,
    PROTOCOL_AH: SealedSender,
}


class Announcer:
    """Sends gratuitous ARP requests and unsolicited neighbour advertisements by a packet socket on one Ethernet interface."""

    def __init__(self, sock: Sending) -> None:
        self._sock = sock

    @classmethod
    def on(cls, name: str) -> Announcer:
        """On the interface of this name.

        :raises OSError: the interface is gone, or CAP_NET_RAW is missing.
        """
        sock = _socket.socket(_socket.AF_PACKET, _RAW, 0)
        try:
            sock.bind((name, 0))
            _enlarge(sock, SO_SNDBUFFORCE, _socket.SO_SNDBUF)
        except OSError:
            sock.close()
            raise
        return cls(sock)

    def announce(self, mac: bytes, address: bytes) -> None:
        """One gratuitous ARP.

        :raises OSError: it could not be sent now.
        """
        self.send(gratuitous_arp(mac, address))

    def advertise(self, mac: bytes, address: bytes, router: bool) -> None:
        """One unsolicited neighbour advertisement.

        :raises OSError: it could not be sent now.
        """
        self.send(unsolicited_advertisement(mac, address, router))

    def send(self, frame: bytes) -> None:
        """One frame.

        :raises OSError: it could not be sent now.
        """
        self._sock.send(frame)

    def close(self) -> None:
        self._sock.close()


def gratuitous_arp(mac: bytes, address: bytes) -> bytes:
    """The frame of a gratuitous ARP request: sender and target are the address, as keepalived sends it (RFC 5227 section 3)."""
    arp = ARP.pack(1, 0x0800, 6, 4, 1, mac, address, BROADCAST, address)
    return BROADCAST + mac + SHORT.pack(ETH_P_ARP) + arp


def unsolicited_advertisement(mac: bytes, address: bytes, router: bool) -> bytes:
    """The frame of a neighbour advertisement (RFC 4861 section 7.2.6) from the address itself, as keepalived sends it."""
    flags = NA_OVERRIDE | NA_ROUTER if router else NA_OVERRIDE
    pseudo = PSEUDO6.pack(address, ALL_NODES, NA.size, ICMPV6)
    summed = checksum(pseudo + NA.pack(NEIGHBOUR_ADVERTISEMENT, 0, 0, flags, address, 2, 1, mac))
    message = NA.pack(NEIGHBOUR_ADVERTISEMENT, 0, summed, flags, address, 2, 1, mac)
    header = IPV6_HEADER.pack(6 << 28, NA.size, ICMPV6, 255, address, ALL_NODES)
    return ALL_NODES_MAC + mac + SHORT.pack(ETH_P_IPV6) + header + message


def _ipv6_header(length: int, ancillary: Sequence[tuple[int, int, bytes]], source: str) -> bytes:
    destination, hop_limit = bytes(16), 0
    for level, kind, value in ancillary:
        if level == _socket.IPPROTO_IPV6 and kind == _socket.IPV6_PKTINFO:
            destination = value[:16]
        elif level == _socket.IPPROTO_IPV6 and kind == _socket.IPV6_HOPLIMIT:
            (hop_limit,) = HOP_LIMIT.unpack(value)
    sender = _socket.inet_pton(_socket.AF_INET6, source.partition("%")[0])
    return IPV6_HEADER.pack(6 << 28, length, PROTOCOL_VRRP, hop_limit, sender, destination)


def stamp_of(ancillary: Sequence[tuple[int, int, bytes]]) -> int:
    """When the kernel took a packet: CLOCK_REALTIME in ns, 0: unknown."""
    for level, kind, value in ancillary:
        if kind == SO_TIMESTAMPNS and level == _socket.SOL_SOCKET:
            seconds, nanoseconds = TIMESTAMP.unpack(value)
            return int(seconds * 1_000_000_000 + nanoseconds)
    return 0


def attach_filter(sock: _socket.socket, program: bytes) -> None:
    """From now on the socket takes the packets that this classic BPF program lets through, in place of an earlier one's."""
    instructions = array("B", program)
    fprog = SOCK_FPROG.pack(len(program) // BPF.size, instructions.buffer_info()[0])
    sock.setsockopt(_socket.SOL_SOCKET, SO_ATTACH_FILTER, fprog)


def _enlarge(sock: _socket.socket, force: int, plain: int) -> None:
    try:
        sock.setsockopt(_socket.SOL_SOCKET, force, BUFFER)
    except PermissionError:
        sock.setsockopt(_socket.SOL_SOCKET, plain, BUFFER)
