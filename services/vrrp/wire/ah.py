"""How does IPSEC-AH seal an advert of VRRPv2, and is a heard one's seal right and new? Core.

RFC 2338 section 5.3.6.3 as keepalived has it: HMAC-MD5-96 (RFC 2403) over the IP header, with what routers may change taken
for 0, the AH header with an ICV of 0, and the VRRP message. One counter numbers what is sent and what is accepted: whoever
becomes master goes on from where the last one was.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import md5

from services.vrrp.wire.packet import AH_HEADER, IP_ID_OFFSET, Advert, Reject

BLOCK = 64  # bytes, of MD5
SEQUENCE = 28  # where the number is in a packet of ours
ICV = 12  # bytes
LAST = 0xFFFFFFFD  # the counter ends here, as keepalived's does, and begins again


class Seal:
    """The key of one virtual router. `unicast`: routers on the way may change the TTL, so it is not sealed."""

    def __init__(self, key: bytes, unicast: bool) -> None:
        padded = key.ljust(BLOCK, b"\0")
        self._inner = md5(bytes(byte ^ 0x36 for byte in padded), usedforsecurity=False)
        self._outer = md5(bytes(byte ^ 0x5C for byte in padded), usedforsecurity=False)
        self._unicast = unicast

    def close(self, packet: bytes, sequence: int) -> bytes:
        """A packet of `packet.encode` with its number and seal; the number gives the IP identification too."""
        identification = ((sequence - 1) % 0xFFFF + 1).to_bytes(2, "big")
        numbered = packet[:IP_ID_OFFSET] + identification + packet[IP_ID_OFFSET + 2 : SEQUENCE] + sequence.to_bytes(4, "big")
        message = packet[20 + AH_HEADER.size :]
        return numbered + self._icv(numbered, message) + message

    def refuse(self, data: bytes, start: int, total: int) -> Reject | None:
        """Why the seal of a packet with a whole AH header and message is wrong, or None."""
        icv = start + AH_HEADER.size - ICV
        if data[start + 4 : start + 8] == data[12:16] and data[icv : icv + ICV] == self._icv(
            data[:icv], data[icv + ICV : total]
        ):
            return None
        return Reject.AUTH_FAILURE

    def _icv(self, head: bytes, message: bytes) -> bytes:
        """`head` is everything before the ICV."""
        ttl = b"\0" if self._unicast else head[8:9]
        fixed = head[:1] + b"\0" + head[2:6] + b"\0\0" + ttl + head[9:10] + b"\0\0" + head[12:]
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(fixed + bytes(ICV) + message)
        outer.update(inner.digest())
        return outer.digest()[:ICV]


class Counter:
    """The number of the last advert that was sent or accepted."""

    __slots__ = ("last",)

    def __init__(self, last: int = 0) -> None:
        self.last = last

    def twin(self) -> Counter:
        """One that numbers as this one would."""
        return Counter(self.last)

    def carried(self) -> list[int]:
        """For a successor's `take_up`."""
        return [self.last]

    def take_up(self, told: Sequence[int]) -> None:
        """Number on where a predecessor did."""
        (self.last,) = told

    def next(self, wall: int = 0) -> int:
        """The number of one more advert, for all its peers. The time does not matter."""
        self.last = self.last + 1 if self.last < LAST else 1
        return self.last

    def admit(self, advert: Advert, wall: int = 0) -> Reject | None:
        """Whether a rightly sealed advert is an old one; a new one counts as heard from now on."""
        if advert.sequence <= self.last < LAST:
            return Reject.REPLAY
        self.last = advert.sequence
        return None
