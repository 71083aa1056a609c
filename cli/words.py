"""How do the services' messages read as words? Enums, times and events for people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.json_format import MessageToDict


def enum_word(message: Any, field: str) -> str:
    """An enum's value without its prefix: VRRP_STATE_MASTER -> MASTER; "" for UNSPECIFIED."""
    descriptor = message.DESCRIPTOR.fields_by_name[field].enum_type
    value = descriptor.values_by_number.get(getattr(message, field))
    if value is None:
        return str(getattr(message, field))
    prefix = descriptor.values_by_number[0].name.removesuffix("UNSPECIFIED")
    return "" if value.number == 0 else str(value.name).removeprefix(prefix)


def plain(message: Any) -> dict[str, Any]:
    """A message as JSON, under the fields' own names."""
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def moment(message: Any, field: str) -> datetime | None:
    """A timestamp; None if it is absent."""
    if not message.HasField(field):
        return None
    found: datetime = getattr(message, field).ToDatetime(tzinfo=UTC)
    return found


def ago(then: datetime | None, now: datetime) -> str:
    """How long ago, roughly: 5 s, 12 min, 3 h, 40 d."""
    if then is None:
        return ""
    past = max(now - then, timedelta())
    for unit, length in (("d", timedelta(days=2)), ("h", timedelta(hours=2)), ("min", timedelta(minutes=2))):
        if past >= length:
            return f"{past // (length / 2)} {unit}"
    return f"{int(past.total_seconds())} s"


def clock(then: datetime | None) -> str:
    """Local time of day with milliseconds."""
    return then.astimezone().strftime("%H:%M:%S.%f")[:-3] if then else ""


def event_words(event: Any) -> str:
    """An event as a line."""
    kind = event.WhichOneof("what")
    if kind is None:
        return "something that this vipctl does not know"
    what = getattr(event, kind)
    match kind:
        case "vrrp_instance" | "vrrp_sync_group":
            priority = f" priority {what.priority}" if kind == "vrrp_instance" else ""
            return _because(f"{kind} {what.name}: {enum_word(what, 'from')} -> {enum_word(what, 'to')}{priority}", what.cause)
        case "real_server":
            state = "up" if what.up else "down"
            return _because(f"real server {what.real_server} of {what.virtual_server}: {state}", what.cause)
        case "virtual_server":
            state = "gained" if what.up else "lost"
            return f"virtual server {what.virtual_server}: quorum {state}, {what.live_weight} of {what.quorum}"
        case "drain":
            cut = f", {what.connections} connections cut off" if what.connections else ""
            name = f"real server {what.real_server}" if what.real_server else "a server"
            return _because(f"{name} of {what.virtual_server}: {enum_word(what, 'step').lower()}{cut}", what.cause)
        case _:
            state = "solved" if what.resolved else "problem"
            return f"configuration {state}: {problem_words(what.problem)}"


def problem_words(problem: Any) -> str:
    """A Problem as a line."""
    parts = [part for part in (problem.key, problem.field, problem.reason) if part]
    sign = "warning: " if enum_word(problem, "severity") == "WARNING" else ""
    return sign + ": ".join(parts) + (f" ({problem.hint})" if problem.hint else "")


def _because(text: str, cause: str) -> str:
    return f"{text} ({cause})" if cause else text
