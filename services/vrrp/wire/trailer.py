"""How does a trailer of HMAC-SHA256 authenticate an advert, and is a heard one's right, fresh and new? Core.

keepalived's auth_hmac of 2.4.2 and later (draft-cassen-vrrp-auth-hmac): 28 bytes behind the VRRP message of any version and
family, which neither its checksum nor its length knows of. The tag covers who sends, the message but for its checksum, and
a sequence of 64 bits that is made of the wall clock: seconds, 65536ths of them, and a counter. Times in nanoseconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from struct import Struct
from typing import Any

from services.vrrp.wire.packet import TRAILER_SIZE, Advert, Reject

SECOND = 1_000_000_000
HEAD = Struct("!BBHQ")  # type, key id, reserved, sequence
TYPE = 1
TAG = TRAILER_SIZE - HEAD.size  # bytes
BLOCK = 64  # bytes, of SHA-256
ROUND = 1 << 64
SENDERS = 64  # whose last sequence is kept, the longest silent goes first


class Trailer:
    """The keys of one virtual router, by id. `required`: adverts without a trailer are refused."""

    def __init__(self, keys: Mapping[int, bytes], active: int, required: bool) -> None:
        self._keys = {number: (_padded(key, 0x36), _padded(key, 0x5C)) for number, key in keys.items()}
        self._active = active
        self.required = required

    def make(self, packet: bytes, sequence: int) -> bytes:
        """The trailer of an IP packet with one VRRP message; good for all peers, as its tag covers no destination."""
        head = HEAD.pack(TYPE, self._active, 0, sequence)
        six = packet[0] >> 4 == 6
        source, message = (packet[8:24], packet[40:]) if six else (packet[12:16], packet[20:])
        return head + self._tag(self._active, source, message, head)

    def sequence(self, source: bytes, message: bytes, trailer: bytes) -> int | Reject:
        """The sequence of a trailer, or why it is wrong. `message` without it."""
        kind, number, reserved, sequence = HEAD.unpack_from(trailer)
        if kind != TYPE or reserved or number not in self._keys:
            return Reject.AUTH_FAILURE
        if trailer[HEAD.size :] != self._tag(number, source, message, trailer[: HEAD.size]):
            return Reject.AUTH_FAILURE
        return int(sequence)

    def _tag(self, number: int, source: bytes, message: bytes, head: bytes) -> bytes:
        family = 6 if len(source) == 16 else 4
        sender = bytes((family, message[0] >> 4, message[1], 0)) + source.ljust(16, b"\0")
        inner, outer = (state.copy() for state in self._keys[number])
        inner.update(sender + message[:6] + b"\0\0" + message[8:] + head + bytes(TAG))
        outer.update(inner.digest())
        tag: bytes = outer.digest()[:TAG]
        return tag


class Clock:
    """Sequences from the wall clock, whose time is given. `window`: how far a sender's clock may be off; 0: any clock will do,
    as long as it never goes back."""

    __slots__ = ("_heard", "_window", "last")

    def __init__(self, window: int, last: int = 0, heard: Mapping[bytes, int] | None = None) -> None:
        self.last = last
        self._window = window
        self._heard: dict[bytes, int] = dict(heard or {})

    def within(self, window: int) -> Clock:
        """The same with another window."""
        self._window = window
        return self

    def twin(self) -> Clock:
        """One that numbers as this one would."""
        return Clock(self._window, self.last, self._heard)

    def carried(self) -> list[Any]:
        """For a successor's `take_up`."""
        return [self.last, {source.hex(): sequence for source, sequence in self._heard.items()}]

    def take_up(self, told: Sequence[Any]) -> None:
        """Number on, and remember whom a predecessor heard."""
        self.last, heard = told
        self._heard = {bytes.fromhex(source): sequence for source, sequence in heard.items()}

    def next(self, wall: int) -> int:
        """The sequence of one more advert, later than the last one; but not for ever, if the clock was wrong then."""
        now = _sequence(wall)
        ahead = (self.last - now) % ROUND
        if ahead < ROUND // 2 and (not self._window or ahead <= _sequence(self._window)):
            now = (self.last + 1) % ROUND
        self.last = now
        return now

    def admit(self, advert: Advert, wall: int) -> Reject | None:
        """Whether an advert with a right trailer is an old one; a new one counts as heard from now on."""
        if not advert.sequence:
            return None  # it has no trailer, and need not have one
        if self._window and abs(_time(advert.sequence) - wall) > self._window:
            return Reject.STALE
        last = self._heard.pop(advert.source, None)
        newer = last is None or 0 < (advert.sequence - last) % ROUND < ROUND // 2
        self._heard[advert.source] = advert.sequence if last is None or newer else last
        if len(self._heard) > SENDERS:
            del self._heard[next(iter(self._heard))]
        return None if newer else Reject.REPLAY


def _padded(key: bytes, pad: int) -> Any:
    return sha256(bytes(byte ^ pad for byte in key.ljust(BLOCK, b"\0")))


def _sequence(wall: int) -> int:
    seconds, rest = divmod(wall, SECOND)
    return (seconds % (1 << 32) << 32) | (rest * 65536 // SECOND) << 16


def _time(sequence: int) -> int:
    return (sequence >> 32) * SECOND + (sequence >> 16 & 0xFFFF) * SECOND // 65536
