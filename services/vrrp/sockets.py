"""How do adverts and gratuitous ARPs get on and off the wire? The raw sockets of one interface.

Never blocks. Uses `_socket` itself: the `socket` module around it costs a tenth of the time to the first advert.
"""

from __future__ import annotations

import _socket
from struct import Struct

from services.vrrp.packet import IP_ID_OFFSET, PROTOCOL_VRRP

SO_RCVBUFFORCE, SO_SNDBUFFORCE = 33, 32  # asm-generic/socket.h
IP_MULTICAST_ALL = 49  # linux/in.h
TC_PRIO_CONTROL = 7  # linux/pkt_sched.h
ETH_P_ARP = 0x0806
MREQN = Struct("=4s4si")  # struct ip_mreqn: group, local address, interface
IDENTIFICATION = Struct("!H")
ARP = Struct("!HHBBH6s4s6s4s")
BROADCAST = b"\xff" * 6
BUFFER = 1 << 20
MAX_RECEIVED = 512  # packets per wake; more than the kernel queues by default
_RAW = _socket.SOCK_RAW | _socket.SOCK_NONBLOCK | _socket.SOCK_CLOEXEC


class Link:
    """Receives and sends the adverts of one interface.

    :raises OSError: the interface is gone, or a capability is missing (CAP_NET_RAW).
    """

    def __init__(self, name: str, number: int, group: str) -> None:
        self.name, self.number, self.group = name, number, group
        self._identification = 0
        device, member = name.encode(), MREQN.pack(_socket.inet_aton(group), bytes(4), number)
        self.receiver = _socket.socket(_socket.AF_INET, _RAW, PROTOCOL_VRRP)
        self._sender = _socket.socket(_socket.AF_INET, _RAW, _socket.IPPROTO_RAW)
        try:
            for sock in (self.receiver, self._sender):
                sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_BINDTODEVICE, device)
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

    def close(self) -> None:
        self.receiver.close()
        self._sender.close()

    def send(self, data: bytes) -> None:
        """One advert, numbered.

        :raises OSError: it could not be sent now.
        """
        self._identification = self._identification % 0xFFFF + 1
        number = IDENTIFICATION.pack(self._identification)
        packet = data[:IP_ID_OFFSET] + number + data[IP_ID_OFFSET + 2 :]
        self._sender.sendto(packet, _socket.MSG_DONTROUTE, (self.group, 0))

    def receive(self) -> list[bytes]:
        """The packets that wait, at most MAX_RECEIVED."""
        packets = []
        receive = self.receiver.recv
        try:
            for _ in range(MAX_RECEIVED):
                packets.append(receive(2048))
        except BlockingIOError:
            pass
        except OSError:
            pass  # the interface went down or away: netlink tells
        return packets


class Announcer:
    """Sends gratuitous ARP requests on any Ethernet interface.

    :raises OSError: CAP_NET_RAW is missing.
    """

    def __init__(self) -> None:
        self._sock = _socket.socket(_socket.AF_PACKET, _RAW, 0)
        _enlarge(self._sock, SO_SNDBUFFORCE, _socket.SO_SNDBUF)

    def announce(self, interface: str, mac: bytes, address: bytes) -> None:
        """One gratuitous ARP: sender and target are the address, as keepalived sends it (RFC 5227 section 3).

        :raises OSError: it could not be sent now.
        """
        arp = ARP.pack(1, 0x0800, 6, 4, 1, mac, address, BROADCAST, address)
        self._sock.sendto(BROADCAST + mac + IDENTIFICATION.pack(ETH_P_ARP) + arp, (interface, ETH_P_ARP))

    def close(self) -> None:
        self._sock.close()


def _enlarge(sock: _socket.socket, force: int, plain: int) -> None:
    try:
        sock.setsockopt(_socket.SOL_SOCKET, force, BUFFER)
    except PermissionError:
        sock.setsockopt(_socket.SOL_SOCKET, plain, BUFFER)
