"""What does the outside see of a BFD session? The shape of the view that travels to the engine and on to the agent.

A plain JSON-able dict. Times (`*_at`) are Unix nanoseconds, 0 where there is none; durations end in `_ns`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypedDict

from services.vrrp.bfd.packet import diagnostic_words
from services.vrrp.bfd.session import Session

Clock = Callable[[int], int]  # the process's time to Unix nanoseconds; 0 gives 0


class SessionView(TypedDict):
    """One session as it is now. Diagnostics are in RFC 5880's words, empty for none."""

    neighbor_ip: str
    source_ip: str
    multihop: bool
    state: str  # ADMIN_DOWN, DOWN, INIT, UP
    since_at: int
    diagnostic: str  # ours
    remote_state: str  # empty while the neighbor is not heard
    remote_diagnostic: str
    last_failure: str  # why it left Up the last time
    last_failure_at: int
    local_discriminator: int
    remote_discriminator: int
    multiplier: int
    remote_multiplier: int
    transmit_interval_ns: int  # agreed on, before jitter; 0: nothing is sent
    detection_time_ns: int  # 0: the neighbor is not heard
    polling: bool
    last_packet_at: int
    packets_sent: int
    packets_received: int
    ups: int
    downs: int
    send_errors: int
    rejected: dict[str, int]  # by reason, see services.vrrp.bfd.packet.Reject
    trouble: str  # why packets cannot be sent or received now, in words


def session_view(session: Session, rejected: Mapping[str, int], errors: int, trouble: str, unix: Clock) -> SessionView:
    """The view of one session."""
    settings, heard, failure = session.settings, session.heard, session.failure
    return {
        "neighbor_ip": settings.neighbor_ip,
        "source_ip": settings.source_ip,
        "multihop": settings.multihop,
        "state": session.state.name,
        "since_at": unix(session.since),
        "diagnostic": _words(session.diagnostic),
        "remote_state": heard.state.name if heard is not None else "",
        "remote_diagnostic": _words(heard.diagnostic) if heard is not None else "",
        "last_failure": _words(failure.diagnostic) if failure is not None else "",
        "last_failure_at": unix(failure.at) if failure is not None else 0,
        "local_discriminator": session.local_discriminator,
        "remote_discriminator": session.remote_discriminator,
        "multiplier": settings.multiplier,
        "remote_multiplier": heard.multiplier if heard is not None else 0,
        "transmit_interval_ns": session.transmit_interval or 0,
        "detection_time_ns": session.detection_time or 0,
        "polling": session.polling,
        "last_packet_at": unix(session.heard_at),
        "packets_sent": session.sent,
        "packets_received": session.received,
        "ups": session.ups,
        "downs": session.downs,
        "send_errors": errors,
        "rejected": dict(rejected),
        "trouble": trouble,
    }


def _words(code: int) -> str:
    return diagnostic_words(code) if code else ""
