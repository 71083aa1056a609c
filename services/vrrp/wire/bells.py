"""Which adverts cannot wait? A second raw socket beside a `Link`'s, whose filter lets through those alone.

They are of priority 0, or of a virtual router that listens for more than its master's next advert.
"""

from __future__ import annotations

import _socket
from contextlib import suppress

from services.vrrp.addresses import place_of
from services.vrrp.wire.sockets import BPF, Link, attach_filter

WORDS = 8  # of 32 bits, a bit for each VRID
TAKE, LEAVE = (0x06, 0, 0, 64), (0x06, 0, 0, 0)  # ret: the beginning, nothing
LEAST = 2304  # bytes of a receive buffer, SOCK_MIN_RCVBUF; one packet says as much as many


class Bell:
    """Readable as soon as a link's socket is to be looked at; for every packet, before it is told for which. It does not say
    what came.

    :raises OSError: the interface is gone, or CAP_NET_RAW is missing.
    """

    def __init__(self, link: Link) -> None:
        self._family = link.family
        self._loud: int | None = None
        kind = _socket.SOCK_RAW | _socket.SOCK_NONBLOCK | _socket.SOCK_CLOEXEC
        self._sock = _socket.socket(link.family, kind, link.protocol)
        try:
            self._sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_RCVBUF, LEAST)
            at = place_of(link.name)
            if device := link.name if at is None else at[0]:
                self._sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_BINDTODEVICE, device.encode())
        except OSError:
            self.close()
            raise

    def fileno(self) -> int:
        """Of its socket."""
        return self._sock.fileno()

    def ring_for(self, loud: int) -> bool:
        """For priority 0, and for all adverts with a VRID whose bit is set, from now on. False: it did so before."""
        if loud == self._loud:
            return False
        attach_filter(self._sock, program(self._family, loud))
        self._loud = loud
        return True

    def silence(self) -> None:
        """Until the next advert of that kind."""
        with suppress(OSError):  # there is no more, or the interface went down or away: netlink tells
            while True:
                self._sock.recv(1)

    def close(self) -> None:
        """It rings no more."""
        self._sock.close()


def program(family: int, loud: int) -> bytes:
    """Classic BPF (linux/filter.h) that takes VRRP messages of priority 0, and those with a VRID whose bit in `loud` is set.

    It begins at the IP header, over IPv6 at the message: the kernel keeps the header to itself there.
    """
    start = (0xB1, 0, 0, 0) if family == _socket.AF_INET else (0x01, 0, 0, 0)  # ldxb 4*([0]&0xf), ldx #0
    load_vrid, load_priority = (0x50, 0, 0, 1), (0x50, 0, 0, 2)  # ldb [x + 1], ldb [x + 2]
    look_up = [load_vrid, (0x54, 0, 0, 31), (0x02, 0, 0, 0), load_vrid, (0x74, 0, 0, 5)]  # and #31; st M[0]; rsh #5
    for number in range(WORDS):
        left = 3 * (WORDS - 1 - number) - 1  # instructions between here and what follows the last word
        word = [(0x15, 0, 2 if left > 0 else 1, number), (0x00, 0, 0, loud >> 32 * number & 0xFFFFFFFF)]  # jeq; ld #
        look_up += [*word, (0x05, 0, 0, left)] if left > 0 else word  # ja
    look_up += [(0x61, 0, 0, 0), (0x7C, 0, 0, 0), (0x45, 1, 0, 1), LEAVE]  # ldx M[0]; rsh x; jset #1
    lines = [start, load_priority, (0x15, len(look_up), 0, 0), *look_up, TAKE]  # jeq #0
    return b"".join(BPF.pack(*line) for line in lines)
