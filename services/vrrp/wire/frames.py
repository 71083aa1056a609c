"""How do adverts leave with the virtual MAC, and how are those of a peer with the same MAC heard? Packet sockets.

`FrameSender` sends on the base interface, so that adverts need no more of a VMAC than its MAC. The kernel hands a frame from
the outside whose source is the MAC of one of its private macvlans to that macvlan alone: `FrameReceiver` hears it there.
"""

from __future__ import annotations

import _socket
from array import array
from collections.abc import Iterable
from struct import Struct

from services.vrrp.wire.packet import IP_ID_OFFSET, PROTOCOL_AH, PROTOCOL_VRRP, checksum
from services.vrrp.wire.sockets import (
    ETH_P_IPV6,
    MAX_RECEIVED,
    SHORT,
    SO_TIMESTAMPNS,
    TC_PRIO_CONTROL,
    TIMESTAMP_SPACE,
    Sending,
    stamp_of,
)

ETH_P_IP = 0x0800
ETHERNET = 14  # bytes of an Ethernet header
CHECKSUM_OFFSET = 10  # of IPv4's header
SO_ATTACH_FILTER = 26  # asm-generic/socket.h
INSTRUCTION = Struct("=HBBI")  # struct sock_filter: code, jumps if true and if false, operand
PROGRAM = Struct("@HP")  # struct sock_fprog
LOAD_WORD, LOAD_BYTE, JUMP_EQUAL, RETURN = 0x20, 0x30, 0x15, 0x06
INTERFACE = 0xFFFFF000 + 8  # SKF_AD_OFF + SKF_AD_IFINDEX: the number of the interface that a packet came to
MOST_LINKS = 2000  # a program has at most 4096 instructions
PROTOCOL_AT = {4: ETHERNET + 9, 6: ETHERNET + 6}
TYPES = {4: ETH_P_IP, 6: ETH_P_IPV6}
_RAW = _socket.SOCK_RAW | _socket.SOCK_NONBLOCK | _socket.SOCK_CLOEXEC


class FrameSender:
    """Sends multicast adverts as Ethernet frames, and numbers IPv4 ones."""

    def __init__(self, sock: Sending) -> None:
        self._sock = sock
        self._identification = 0

    @classmethod
    def on(cls, name: str) -> FrameSender:
        """On the interface of this name.

        :raises OSError: the interface is gone, or CAP_NET_RAW is missing.
        """
        sock = _socket.socket(_socket.AF_PACKET, _RAW, 0)
        try:
            sock.bind((name, 0))
            sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_PRIORITY, TC_PRIO_CONTROL)
        except OSError:
            sock.close()
            raise
        return cls(sock)

    def send(self, data: bytes, mac: bytes) -> None:
        """One advert, an IP packet, from this MAC.

        :raises OSError: it could not be sent now.
        """
        if data[0] >> 4 == 6:
            self._sock.send(b"\x33\x33" + data[36:40] + mac + b"\x86\xdd" + data)
            return
        frame = b"\x01\x00\x5e" + bytes([data[17] & 0x7F]) + data[18:20] + mac + b"\x08\x00"
        if data[9] == PROTOCOL_AH:  # its seal covers its number
            header = data[:CHECKSUM_OFFSET] + bytes(2) + data[CHECKSUM_OFFSET + 2 : 20]
            summed = SHORT.pack(checksum(header))
            self._sock.send(frame + data[:CHECKSUM_OFFSET] + summed + data[CHECKSUM_OFFSET + 2 :])
            return
        number = self._identification = self._identification % 0xFFFF + 1
        self._sock.send(frame + numbered(data, number))

    def close(self) -> None:
        self._sock.close()


def numbered(data: bytes, number: int) -> bytes:
    """An IPv4 packet without an identification with this one, and its header's checksum (RFC 1624)."""
    (summed,) = SHORT.unpack_from(data, CHECKSUM_OFFSET)
    total = (~summed & 0xFFFF) + number
    summed = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    middle = data[IP_ID_OFFSET + 2 : CHECKSUM_OFFSET]
    return data[:IP_ID_OFFSET] + SHORT.pack(number) + middle + SHORT.pack(summed) + data[CHECKSUM_OFFSET + 2 :]


class FrameReceiver:
    """Adverts of one family that came to VMACs, from other routers with their MACs. One socket: closing one takes 16 ms.

    :raises OSError: CAP_NET_RAW is missing.
    """

    def __init__(self, family: int) -> None:
        self._family = family
        self._bases: dict[str, str] = {}
        self.receiver = _socket.socket(_socket.AF_PACKET, _RAW, _socket.htons(TYPES[family]))
        self.receiver.setsockopt(_socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.watch({}, ())
        self.receive()  # what came before there was a program to choose by

    def watch(self, bases: dict[str, str], numbers: Iterable[int]) -> None:
        """These VMACs from now on: the base of each, and their numbers."""
        self._bases = bases
        program = array("B", _program(numbers, PROTOCOL_AT[self._family]))
        address, length = program.buffer_info()
        self.receiver.setsockopt(_socket.SOL_SOCKET, SO_ATTACH_FILTER, PROGRAM.pack(length // INSTRUCTION.size, address))

    def close(self) -> None:
        self.receiver.close()

    def receive(self) -> list[tuple[str, bytes, int]]:
        """As `sockets.Link.receive`, each with the base to which it really came, and without Ethernet's padding."""
        packets = []
        receive = self.receiver.recvmsg
        try:
            for _ in range(MAX_RECEIVED):
                frame, ancillary, _flags, source = receive(2048, TIMESTAMP_SPACE)
                base = self._bases.get(source[0])
                if base is not None:
                    packets.append((base, _packet(frame), stamp_of(ancillary)))
        except BlockingIOError:
            pass
        except OSError:
            pass  # a link went down or away: netlink tells
        return packets


def _packet(frame: bytes) -> bytes:
    start = ETHERNET
    length = 40 + int.from_bytes(frame[start + 4 : start + 6], "big")
    if frame[start : start + 1] < b"\x60":
        length = int.from_bytes(frame[start + 2 : start + 4], "big")
    return frame[start : start + length]


def _program(numbers: Iterable[int], protocol_at: int) -> bytes:
    """Classic BPF: VRRP, bare or in IPSEC-AH, that came to one of these interfaces."""
    instructions = [(LOAD_BYTE, 0, 0, protocol_at), (JUMP_EQUAL, 2, 0, PROTOCOL_VRRP)]
    instructions += [(JUMP_EQUAL, 1, 0, PROTOCOL_AH), (RETURN, 0, 0, 0)]
    instructions.append((LOAD_WORD, 0, 0, INTERFACE))
    for number in sorted(numbers)[:MOST_LINKS]:
        instructions += [(JUMP_EQUAL, 0, 1, number), (RETURN, 0, 0, 0xFFFF)]
    return b"".join(INSTRUCTION.pack(*instruction) for instruction in [*instructions, (RETURN, 0, 0, 0)])
