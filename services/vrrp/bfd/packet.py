"""What does a BFD control packet look like on the wire, and why is a received one thrown away?

Pure bytes: RFC 5880 section 4.1 and the checks of section 6.8.6 that need no session. No authentication, no echo. Intervals
are microseconds, as on the wire. Knows nothing of sockets, sessions or time.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from struct import Struct
from typing import NamedTuple

VERSION = 1
LENGTH = 24  # of the mandatory section, bytes
LENGTH_WITH_AUTHENTICATION = 26
MICROSECOND = 1_000  # nanoseconds
MAX_INTERVAL = 2**32 - 1
CONTROL = Struct("!BBBBIIIII")
POLL, FINAL, INDEPENDENT, AUTHENTICATION, DEMAND, MULTIPOINT = 0x20, 0x10, 0x08, 0x04, 0x02, 0x01


class State(IntEnum):
    """RFC 5880 section 4.1, Sta."""

    ADMIN_DOWN = 0
    DOWN = 1
    INIT = 2
    UP = 3


class Diagnostic(IntEnum):
    """RFC 5880 section 4.1, Diag: why a session left Up the last time. Codes 9 to 31 are reserved."""

    NONE = 0
    DETECTION_TIME_EXPIRED = 1
    ECHO_FAILED = 2
    NEIGHBOR_SIGNALED_DOWN = 3
    FORWARDING_PLANE_RESET = 4
    PATH_DOWN = 5
    CONCATENATED_PATH_DOWN = 6
    ADMINISTRATIVELY_DOWN = 7
    REVERSE_CONCATENATED_PATH_DOWN = 8


WORDS = {
    Diagnostic.NONE: "no diagnostic",
    Diagnostic.DETECTION_TIME_EXPIRED: "control detection time expired",
    Diagnostic.ECHO_FAILED: "echo function failed",
    Diagnostic.NEIGHBOR_SIGNALED_DOWN: "neighbor signaled session down",
    Diagnostic.FORWARDING_PLANE_RESET: "forwarding plane reset",
    Diagnostic.PATH_DOWN: "path down",
    Diagnostic.CONCATENATED_PATH_DOWN: "concatenated path down",
    Diagnostic.ADMINISTRATIVELY_DOWN: "administratively down",
    Diagnostic.REVERSE_CONCATENATED_PATH_DOWN: "reverse concatenated path down",
}


class Reject(StrEnum):
    """Why a received packet counts for no session; the value names the counter."""

    TRUNCATED = "truncated"  # shorter than any control packet
    VERSION = "version"
    LENGTH = "length"  # its length field: too small, or more than there is
    MULTIPLIER = "multiplier"  # detect multiplier 0
    MULTIPOINT = "multipoint"
    MY_DISCRIMINATOR = "my_discriminator"  # 0
    STATE = "state"  # no discriminator of ours, and neither Down nor AdminDown
    AUTHENTICATION = "authentication"  # authenticated, and none of our sessions is
    NO_SESSION = "no_session"  # a discriminator that is not ours, or a sender that is nobody's neighbor
    SOURCE = "source"  # our discriminator, from somebody else than the neighbor
    TTL = "ttl"  # came through more routers than allowed


class Packet(NamedTuple):
    """A control packet that is well formed; `flags` are POLL to MULTIPOINT."""

    state: State
    diagnostic: int
    flags: int
    multiplier: int
    my_discriminator: int
    your_discriminator: int
    desired_min_tx: int
    required_min_rx: int
    required_min_echo_rx: int = 0

    @property
    def poll(self) -> bool:
        return bool(self.flags & POLL)

    @property
    def final(self) -> bool:
        return bool(self.flags & FINAL)

    @property
    def demand(self) -> bool:
        return bool(self.flags & DEMAND)


def diagnostic_words(code: int) -> str:
    """A diagnostic code as RFC 5880 calls it; an unassigned one as its number."""
    return WORDS[Diagnostic(code)] if code in WORDS else f"reserved diagnostic {code}"


def encode(packet: Packet) -> bytes:
    """The UDP payload of a packet without authentication: 24 bytes."""
    return CONTROL.pack(
        VERSION << 5 | packet.diagnostic,
        packet.state << 6 | packet.flags,
        packet.multiplier,
        LENGTH,
        packet.my_discriminator,
        packet.your_discriminator,
        packet.desired_min_tx,
        packet.required_min_rx,
        packet.required_min_echo_rx,
    )


def decode(data: bytes) -> Packet | Reject:
    """The packet in a UDP payload, or the first reason to throw it away, in the order of RFC 5880 section 6.8.6.

    Bytes after the packet's own length are passed over (Ethernet pads, and the RFC only forbids a length beyond the payload).
    """
    if len(data) < LENGTH:
        return Reject.TRUNCATED
    first, second, multiplier, length, mine, yours, tx, rx, echo = CONTROL.unpack_from(data)
    if first >> 5 != VERSION:
        return Reject.VERSION
    if length < (LENGTH_WITH_AUTHENTICATION if second & AUTHENTICATION else LENGTH) or length > len(data):
        return Reject.LENGTH
    if not multiplier:
        return Reject.MULTIPLIER
    if second & MULTIPOINT:
        return Reject.MULTIPOINT
    if not mine:
        return Reject.MY_DISCRIMINATOR
    state = State(second >> 6)
    if not yours and state > State.DOWN:
        return Reject.STATE
    if second & AUTHENTICATION:
        return Reject.AUTHENTICATION
    return Packet(state, first & 31, second & 63, multiplier, mine, yours, tx, rx, echo)
