"""How do adverts and gratuitous ARPs get on and off the wire? The raw sockets of one interface.

Never blocks. Uses `_socket` itself: the `socket` module around it costs a tenth of the time to the first advert.
"""

from __future__ import annotations

import _socket
from collections.abc import Sequence
from struct import Struct
from typing import Protocol

from services.vrrp.packet import IP_ID_OFFSET, PROTOCOL_VRRP

SO_RCVBUFFORCE, SO_SNDBUFFORCE = 33, 32  # asm-generic/socket.h
SO_TIMESTAMPNS = 35
IP_MULTICAST_ALL = 49  # linux/in.h
TC_PRIO_CONTROL = 7  # linux/pkt_sched.h
ETH_P_ARP = 0x0806
MREQN = Struct("=4s4si")  # struct ip_mreqn: group, local address, interface
IDENTIFICATION = Struct("!H")
TIMESTAMP = Struct("=qq")  # struct timespec
TIMESTAMP_SPACE = _socket.CMSG_SPACE(TIMESTAMP.size)
ARP = Struct("!HHBBH6s4s6s4s")
BROADCAST = b"\xff" * 6
BUFFER = 1 << 20
MAX_RECEIVED = 512  # packets per wake; more than the kernel queues by default
_RAW = _socket.SOCK_RAW | _socket.SOCK_NONBLOCK | _socket.SOCK_CLOEXEC


class Sending(Protocol):
    """What is used of a socket for sending."""

    def send(self, data: bytes, /) -> int: ...

    def sendto(self, data: bytes, flags: int, address: tuple[str, int], /) -> int: ...

    def close(self) -> None: ...


class AdvertSender:
    """Numbers adverts and sends them to the group by a raw socket that takes whole IP packets."""

    def __init__(self, sock: Sending, group: str) -> None:
        self._sock, self._to = sock, (group, 0)
        self._identification = 0

    def send(self, data: bytes) -> None:
        """One advert.

        :raises OSError: it could not be sent now.
        """
        self._identification = self._identification % 0xFFFF + 1
        number = IDENTIFICATION.pack(self._identification)
        packet = data[:IP_ID_OFFSET] + number + data[IP_ID_OFFSET + 2 :]
        self._sock.sendto(packet, _socket.MSG_DONTROUTE, self._to)


class Link:
    """Receives and sends the adverts of one interface.

    :raises OSError: the interface is gone, or a capability is missing (CAP_NET_RAW).
    """

    def __init__(self, name: str, number: int, group: str) -> None:
        self.name, self.number, self.group = name, number, group
        device, member = name.encode(), MREQN.pack(_socket.inet_aton(group), bytes(4), number)
        self.receiver = _socket.socket(_socket.AF_INET, _RAW, PROTOCOL_VRRP)
        self._sender = _socket.socket(_socket.AF_INET, _RAW, _socket.IPPROTO_RAW)
        try:
            for sock in (self.receiver, self._sender):
                sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_BINDTODEVICE, device)
            self.receiver.setsockopt(_socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            self.receiver.setsockopt(_socket.IPPROTO_IP, IP_MULTICAST_ALL, 0)
            self.receiver.setsockopt(_socket.IPPROTO_IP, _socket.IP_ADD_MEMBERSHIP, member)
            _enlarge(self.receiver, SO_RCVBUFFORCE, _socket.SO_RCVBUF)
            self._sender.setsockopt(_socket.IPPROTO_IP, _socket.IP_MULTICAST_IF, member)
            self._sender.setsockopt(_socket.IPPROTO_IP, _socket.IP_MULTICAST_LOOP, 0)
            self._sender.setsockopt(_socket.SOL_SOCKET, _socket.SO_PRIORITY, TC_PRIO_CONTROL)
            _enlarge(self._sender, SO_SNDBUFFORCE, _socket.SO_SNDBUF)
        except OSError:
            self.close()
            raise
        self.send = AdvertSender(self._sender, group).send

    def close(self) -> None:
        self.receiver.close()
        self._sender.close()

    def receive(self) -> list[tuple[bytes, int]]:
        """The packets that wait, at most MAX_RECEIVED, each with when the kernel took it: CLOCK_REALTIME in ns, 0: unknown."""
        packets = []
        receive = self.receiver.recvmsg
        try:
            for _ in range(MAX_RECEIVED):
                data, ancillary, _flags, _source = receive(2048, TIMESTAMP_SPACE)
                packets.append((data, _stamp(ancillary)))
        except BlockingIOError:
            pass
        except OSError:
            pass  # the interface went down or away: netlink tells
        return packets


class Announcer:
    """Sends gratuitous ARP requests by a packet socket that is bound to one Ethernet interface."""

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
        """One gratuitous ARP: sender and target are the address, as keepalived sends it (RFC 5227 section 3).

        :raises OSError: it could not be sent now.
        """
        arp = ARP.pack(1, 0x0800, 6, 4, 1, mac, address, BROADCAST, address)
        self._sock.send(BROADCAST + mac + IDENTIFICATION.pack(ETH_P_ARP) + arp)

    def close(self) -> None:
        self._sock.close()


def _stamp(ancillary: Sequence[tuple[int, int, bytes]]) -> int:
    for _level, kind, value in ancillary:
        if kind == SO_TIMESTAMPNS:
            seconds, nanoseconds = TIMESTAMP.unpack(value)
            return int(seconds * 1_000_000_000 + nanoseconds)
    return 0


def _enlarge(sock: _socket.socket, force: int, plain: int) -> None:
    try:
        sock.setsockopt(_socket.SOL_SOCKET, force, BUFFER)
    except PermissionError:
        sock.setsockopt(_socket.SOL_SOCKET, plain, BUFFER)
