"""Why is a virtual router in the state it is in, in sentences? From the engine's view alone; the time is given.

Most important first: the state and its cause, whom it hears, what its priority is made of, which timer runs, what is in the
way of another state.
"""

from __future__ import annotations

from collections.abc import Iterator

from services.vrrp.views import InstanceView, TrackerView

SECOND = 1_000_000_000


def explain(name: str, view: InstanceView, now: int) -> tuple[str, ...]:
    """Sentences about one instance; `now` is Unix time in nanoseconds."""
    return (
        _state(name, view, now),
        *_faults(view),
        *_group(view),
        *_hears(view),
        _priority(view),
        *(_tracker(tracker) for tracker in view["trackers"]),
        *_timers(view, now),
        *_addresses(view),
    )


def _state(name: str, view: InstanceView, now: int) -> str:
    since = f" for {_span(now - view['since_at'])}" if view["since_at"] else ""
    cause = f": {view['cause']}" if view["cause"] else ""
    return f"{name} has been {view['state']}{since}{cause}."


def _faults(view: InstanceView) -> Iterator[str]:
    if view["faults"]:
        yield f"Before it leaves FAULT, this must heal: {'; '.join(view['faults'])}."


def _group(view: InstanceView) -> Iterator[str]:
    if view["group"]:
        yield f"It shares its state with the other members of sync group {view['group']}."


def _hears(view: InstanceView) -> Iterator[str]:
    if view["state"] == "MASTER":
        source = view["source_address"] or "an unknown address"
        yield f"It sends adverts from {source} on {view['interface']} every {_span(view['advert_int_ns'])}."
    elif view["state"] == "BACKUP" and view["master_address"] not in ("", view["source_address"]):
        interval = _span(view["master_advert_int_ns"])
        yield f"The last advert heard was of {view['master_address']}, priority {view['master_priority']}, every {interval}."
    elif view["state"] == "BACKUP" and not view["master_address"]:
        yield f"It has heard no advert of VRID {view['virtual_router_id']} on {view['interface']} yet."


def _priority(view: InstanceView) -> str:
    base, effective = view["base_priority"], view["effective_priority"]
    if base == effective:
        return f"Its priority is {base}, as configured."
    return f"Its priority is {effective}: {base} as configured, changed by what it tracks."


def _tracker(tracker: TrackerView) -> str:
    what = f"{tracker['kind']} {tracker['name']} is {tracker['state']}"
    if tracker["kind"] == "file" and tracker["state"] != "unknown":
        what = f"file {tracker['name']} holds {tracker['value']}"
    if tracker["fault"]:
        return f"Tracked {what}, which means FAULT."
    if tracker["adjustment"]:
        return f"Tracked {what}, which adds {tracker['adjustment']:+d} to the priority."
    return f"Tracked {what}, which changes nothing."


def _timers(view: InstanceView, now: int) -> Iterator[str]:
    if view["master_down_at"]:
        # What the engine told of its timer is up to a second old, and each advert since then has moved it on.
        wait = view["master_down_at"] - now
        least = f", in {_span(wait)} at the earliest" if wait > 0 else ""
        yield f"It takes over after {_span(view['master_down_int_ns'])} without an advert{least}."
    if view["preempt_at"]:
        yield f"It may take over from a master of lower priority in {_span(max(0, view['preempt_at'] - now))}."


def _addresses(view: InstanceView) -> Iterator[str]:
    missing = [address for address in view["addresses"] if address not in view["addresses_held"]]
    if view["state"] == "MASTER" and missing:
        yield f"As master it should hold {', '.join(missing)}, and does not."
    elif view["addresses_held"]:
        yield f"It holds {', '.join(view['addresses_held'])}."


def _span(ns: int) -> str:
    """A duration as people say it: 3.609 s, 250 ms, 2 h 5 min."""
    seconds = ns / SECOND
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    if seconds < 120:
        return f"{round(seconds, 3):g} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
