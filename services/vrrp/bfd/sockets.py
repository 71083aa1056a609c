"""How do BFD packets get on and off the wire? UDP sockets (RFC 5881 section 4, RFC 5883 section 5). Never blocks."""

from __future__ import annotations

import contextlib
import random
import socket
from struct import Struct

from services.vrrp.bfd.sessions import Received
from services.vrrp.bfd.settings import BfdInstance

IP_RECVTTL, IPV6_RECVHOPLIMIT, IPV6_HOPLIMIT = 12, 51, 52  # linux/in.h, linux/in6.h
PRECEDENCE_INTERNETWORK_CONTROL = 0xC0
TC_PRIO_CONTROL = 7  # linux/pkt_sched.h
SOURCE_PORTS = (49152, 65535)  # RFC 5881 section 4
PORT_ATTEMPTS = 50
LONGEST_PACKET = 512  # bytes; a control packet has 24, an authenticated one at most 255
MAX_RECEIVED = 256  # packets of one wake
BUFFER = 1 << 20
INTEGER = Struct("=i")
_UDP = socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC


class Receiver:
    """Everything that comes to one port over one family.

    :raises OSError: another program has the port.
    """

    def __init__(self, ipv6: bool, port: int) -> None:
        self._port = port
        self._sock = socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET, _UDP)
        try:
            if ipv6:
                self._sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                self._sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1)
            else:
                self._sock.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            self._sock.bind(("::" if ipv6 else "", port))
        except OSError:
            self._sock.close()
            raise

    def fileno(self) -> int:
        return self._sock.fileno()

    def close(self) -> None:
        self._sock.close()

    def receive(self) -> list[Received]:
        """What is there, at most MAX_RECEIVED packets."""
        found = []
        for _ in range(MAX_RECEIVED):
            try:
                data, ancillary, _flags, sender = self._sock.recvmsg(LONGEST_PACKET, 64)
            except OSError:  # nothing more, or an error that an ICMP message left behind
                break
            hops = next((INTEGER.unpack(value[:4])[0] for level, kind, value in ancillary if _tells_hops(level, kind)), 0)
            found.append(Received(data, _text(sender), self._port, hops))
        return found


def _tells_hops(level: int, kind: int) -> bool:
    return (level, kind) in ((socket.IPPROTO_IP, socket.IP_TTL), (socket.IPPROTO_IPV6, IPV6_HOPLIMIT))


def _text(sender: tuple[str, int] | tuple[str, int, int, int]) -> str:
    """A sender's address as `settings` writes a neighbor's."""
    address = sender[0].partition("%")[0]
    if len(sender) == 4 and sender[3]:
        with contextlib.suppress(OSError):  # the interface has just gone
            return f"{address}%{socket.if_indextoname(sender[3])}"
    return address


class Sender:
    """Sends the packets of one session, all from one port.

    :raises OSError: the source address is not there (yet).
    """

    def __init__(self, settings: BfdInstance) -> None:
        self._to = _endpoint(settings.neighbor_ip, settings.port)
        self._sock = socket.socket(socket.AF_INET6 if settings.ipv6 else socket.AF_INET, _UDP)
        try:
            if settings.ipv6:
                self._sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, settings.hops)
                self._sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, PRECEDENCE_INTERNETWORK_CONTROL)
            else:
                self._sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, settings.hops)
                self._sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, PRECEDENCE_INTERNETWORK_CONTROL)
            with contextlib.suppress(OSError):  # CAP_NET_ADMIN; it does without
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, TC_PRIO_CONTROL)
            self._bind(settings.source_ip or ("::" if settings.ipv6 else "0.0.0.0"))
        except OSError:
            self._sock.close()
            raise

    def _bind(self, address: str) -> None:
        for attempt in range(PORT_ATTEMPTS):
            try:
                self._sock.bind(_endpoint(address, random.randint(*SOURCE_PORTS)))
                return
            except OSError as error:
                import errno

                if error.errno != errno.EADDRINUSE or attempt + 1 == PORT_ATTEMPTS:
                    raise

    def send(self, data: bytes) -> None:
        """One packet.

        :raises OSError: it could not be sent now.
        """
        self._sock.sendto(data, self._to)

    def close(self) -> None:
        self._sock.close()


def _endpoint(address: str, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
    if ":" not in address:
        return address, port
    plain, _, zone = address.partition("%")
    return plain, port, 0, socket.if_nametoindex(zone) if zone else 0
