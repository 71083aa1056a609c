"""What does a published event mean to notify? From messages to the core's words."""

from __future__ import annotations

from services.notify.render import Happening, QuorumChange, ServerChange, VrrpChange
from vipkeeper.common.v1 import event_pb2


def happening(event: event_pb2.Event) -> Happening | None:
    """The event in the core's words; None: nobody but watchers is told."""
    match event.WhichOneof("what"):
        case "vrrp_instance":
            return _vrrp("vrrp_instance", event.vrrp_instance)
        case "vrrp_sync_group":
            return _vrrp("vrrp_sync_group", event.vrrp_sync_group)
        case "real_server":
            change = event.real_server
            return ServerChange(change.virtual_server, change.real_server, change.up, change.cause)
        case "virtual_server":
            quorum = event.virtual_server
            return QuorumChange(quorum.virtual_server, quorum.up, quorum.live_weight, quorum.quorum)
        case _:
            return None


def _vrrp(kind: str, change: event_pb2.VrrpTransition) -> VrrpChange:
    before, now = getattr(change, "from"), change.to
    return VrrpChange(kind, change.name, _word(before), _word(now), change.priority, change.cause)


def _word(state: int) -> str:
    """MASTER, BACKUP, ...; a number that a newer publisher may send."""
    try:
        return event_pb2.VrrpState.Name(state).removeprefix("VRRP_STATE_")
    except ValueError:
        return str(state)


def time_ns(event: event_pb2.Event) -> int:
    """When it happened, Unix time in nanoseconds."""
    return event.time.seconds * 1_000_000_000 + event.time.nanos


def environment(event: event_pb2.Event) -> dict[str, str]:
    """What programs find in their environment: the id lets them recognise an event that is delivered twice."""
    found = {"VIPKEEPER_EVENT_ID": event.id, "VIPKEEPER_EVENT_TIME": event.time.ToJsonString(), "VIPKEEPER_NODE": event.node}
    cause = getattr(getattr(event, event.WhichOneof("what") or "", None), "cause", "")
    if cause:
        found["VIPKEEPER_CAUSE"] = cause.replace("\0", "")
    if event.traceparent:
        found["TRACEPARENT"] = event.traceparent
    return found
