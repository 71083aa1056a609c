"""Why is a virtual router in the state it is in, in sentences? From the engine's view alone; the time is given.

Most important first: the state and its cause, what is in the way, whom it hears, what its priority is made of; then what
comes next, and what would have to happen for this node to become master or to stop being it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from services.vrrp.agent.switchover import PENDING, Switchover
from services.vrrp.config.places import ANY
from services.vrrp.election.orders import Maintenance
from services.vrrp.election.priority import OWNER, adjustment, effective
from services.vrrp.election.track import FILE_FAULT
from services.vrrp.views import BfdView, InstanceView, TrackerView, next_advert

SECOND = 1_000_000_000


class Explanation(NamedTuple):
    """`next`: what happens by itself, at `next_at` (Unix nanoseconds; 0: nothing does). `would_change`: see vrrp.proto."""

    sentences: tuple[str, ...]
    next: str
    next_at: int
    would_change: tuple[str, ...]


def explain(name: str, view: InstanceView, now: int) -> Explanation:
    """One instance explained; `now` is Unix time in nanoseconds."""
    sentences = (
        _state(name, view, now),
        *_in_the_way(view),
        *_group(view),
        *_hears(view, now),
        _priority(view),
        *(_tracker(tracker) for tracker in view["trackers"]),
        *_addresses(view),
    )
    then, at = _next(view, now)
    ways = _ways_out(view) if view["state"] == "MASTER" else _ways_in(view)
    return Explanation(sentences, then, at, tuple(ways))


def ordered(
    maintenance: Iterable[Maintenance], switchovers: Iterable[Switchover], members: Sequence[str], now: int
) -> Iterator[str]:
    """Sentences about orders that change by themselves; `members`: the instance and those of its sync group."""
    for order in maintenance:
        if order.until and order.instance in ("", *members):
            yield f"The maintenance of {order.instance or 'this node'} ends by itself{_in(order.until, now)}."
    for move in switchovers:
        if move.outcome == PENDING and move.instance in members:
            what = f"A switchover of {move.instance} to {move.target or 'the best peer'}"
            yield f"{what} is to happen{_in(move.at, now)}: {move.reason}."


def sessions(view: InstanceView, told: Mapping[str, BfdView], now: int) -> Iterator[str]:
    """Sentences about the BFD sessions that an instance tracks; `told`: what is known of each, by name."""
    for name in (tracker["name"] for tracker in view["trackers"] if tracker["kind"] == "bfd"):
        if name in told:
            yield f"BFD session {name} {_session(told[name], now)}."


def _session(view: BfdView, now: int) -> str:
    """What is said of a session after its name."""
    session, counts = view["session"], f"it counts as {view['state']}"
    if not session:
        return f"is not run by any process yet; {counts}"
    since = f" for {_span(now - session['since_at'])}" if session["since_at"] else ""
    words = [f"with {session['neighbor_ip']} has been {session['state']}{since}"]
    if session["state"] == "UP":
        words.append(f"{_span(session['detection_time_ns'])} of silence would end that")
    elif session["diagnostic"]:
        words.append(session["diagnostic"])
    if session["trouble"]:
        words.append(session["trouble"])
    if session["state"] != "UP":
        words.append("the neighbor is not heard" if not session["remote_state"] else _neighbor(session))
    if not view["current"]:
        words.append(f"the process that runs it does not answer, and {counts}")
    elif (session["state"] == "UP") != (view["state"] == "up"):
        words.append(counts)
    return "; ".join(words)


def _neighbor(session: Mapping[str, str]) -> str:
    """What the neighbor says of itself."""
    reason = f" ({session['remote_diagnostic']})" if session["remote_diagnostic"] else ""
    if session["remote_state"] == "ADMIN_DOWN":
        return "the neighbor is down on purpose"
    return f"the neighbor says {session['remote_state']}{reason}"


def _state(name: str, view: InstanceView, now: int) -> str:
    since = f" for {_span(now - view['since_at'])}" if view["since_at"] else ""
    cause = f": {view['cause']}" if view["cause"] else ""
    return f"{name} has been {view['state']}{since}{cause}."


def _in_the_way(view: InstanceView) -> Iterator[str]:
    if view["faults"]:
        yield f"Before it leaves FAULT, this must heal: {'; '.join(view['faults'])}."
    if view["offering"]:
        yield f"It offers mastership to its peers just now, silent but with its addresses: {view['offering']}."
    if view["maintenance"]:
        yield f"It is master only while no peer is there: {view['maintenance']}."


def _group(view: InstanceView) -> Iterator[str]:
    if view["group"]:
        yield f"It shares its state with the other members of sync group {view['group']}."


def _hears(view: InstanceView, now: int) -> Iterator[str]:
    if view["state"] == "MASTER":
        source = view["source_address"] or "an unknown address"
        yield f"It sends adverts from {source} on {view['interface']} every {_span(view['advert_int_ns'])}."
    if not view["heard_address"]:
        yield f"It has heard no advert of VRID {view['virtual_router_id']} on {view['interface']} from another router yet."
        return
    ago = _span(max(0, now - view["heard_at"]))
    last = f"The last advert heard was of {view['heard_address']}, priority {view['heard_priority']}, {ago} ago"
    if view["state"] == "BACKUP" and view["master_address"] == view["heard_address"]:
        yield f"{last}, one every {_span(view['master_advert_int_ns'])}."
    else:
        yield f"{last}."


def _priority(view: InstanceView) -> str:
    made = _made_of(view)
    if view["maintenance"]:
        return f"Its priority is {view['effective_priority']} because of the maintenance; without it, {made}."
    return f"Its priority is {made}."


def _made_of(view: InstanceView) -> str:
    """The sum that gives the priority outside of maintenance."""
    base = view["base_priority"]
    parts = [f"{t['adjustment']:+d} by {_called(t)}" for t in view["trackers"] if t["adjustment"]]
    if base == OWNER:
        return f"{OWNER}: it owns the addresses, and nothing tracked changes that"
    if not parts:
        return f"{base}, as configured"
    total = base + sum(t["adjustment"] for t in view["trackers"])
    limited = effective(base, (t["adjustment"] for t in view["trackers"]))
    note = f" (limited from {total})" if total != limited else ""
    return f"{limited}{note}: {base} as configured, {', '.join(parts)}"


def _called(tracker: TrackerView) -> str:
    return f"{'BFD session' if tracker['kind'] == 'bfd' else tracker['kind']} {tracker['name']}"


def _tracker(tracker: TrackerView) -> str:
    what = f"{_called(tracker)} is {tracker['state']}"
    if tracker["kind"] == "file" and tracker["state"] != "unknown":
        what = f"file {tracker['name']} holds {tracker['value']}"
    if tracker["fault"]:
        return f"Tracked {what}, which means FAULT."
    if tracker["adjustment"]:
        return f"Tracked {what}, which adds {tracker['adjustment']:+d} to the priority."
    return f"Tracked {what}, which changes nothing."


def _addresses(view: InstanceView) -> Iterator[str]:
    missing = [address for address in view["addresses"] if address not in view["addresses_held"]]
    if view["state"] == "MASTER" and missing:
        yield f"As master it should hold {', '.join(missing)}, and does not."
    elif view["addresses_held"]:
        yield f"It holds {', '.join(view['addresses_held'])}."


def _next(view: InstanceView, now: int) -> tuple[str, int]:
    """What happens by itself, and when."""
    match view["state"]:
        case "MASTER" if view["offering"]:
            at = view["next_advert_at"]
            return f"If no peer has taken over{_in(at, now)}, it goes on as master.", at
        case "MASTER":
            return "It goes on sending adverts.", next_advert(view, now)
        case "BACKUP":
            # What the engine told of its timer is up to four seconds old, and each advert since then has moved it on.
            at, wait = view["master_down_at"], view["master_down_at"] - now
            least = f", in {_span(wait)} at the earliest" if wait > 0 else ""
            delay = view["preempt_at"] - now
            first = f" It lets a master of lower priority be for another {_span(delay)} (preempt_delay)." if delay > 0 else ""
            return f"It takes over after {_span(view['master_down_int_ns'])} without an advert{least}.{first}", at
        case "INIT" if view["waits_until"]:
            return f"It begins to listen when vrrp_startup_delay ends{_in(view['waits_until'], now)}.", view["waits_until"]
        case _:
            return "", 0


def _ways_out(view: InstanceView) -> Iterator[str]:
    """What would end this node's mastership."""
    own, source = view["effective_priority"], view["source_address"] or "this one's"
    if view["offering"]:
        yield "as soon as any peer sends an advert"
    elif own < OWNER:
        yield f"if a peer advertises a priority above {own}, or {own} from an address above {source}"
    yield from _faults_to_come(view)
    if not view["maintenance"]:
        yield "by maintenance, a switchover, or a stop of vrrp, if a peer is there to take over"


def _faults_to_come(view: InstanceView) -> Iterator[str]:
    if view["interface"].startswith(ANY):
        yield f"if no interface has {view['source_address']} any more"
    else:
        yield f"if interface {view['interface']} goes"
    for tracker in view["trackers"]:
        what = _called(tracker)
        if tracker["kind"] == "file":
            yield f"if {what} holds {_bad_numbers(tracker)}: that means FAULT"
        elif not tracker["weight"]:
            yield f"if {what} goes {'up' if tracker['reverse'] else 'down'}: that means FAULT"


def _bad_numbers(file: TrackerView) -> str:
    """The numbers in a tracked file that `track.judge_file` calls a fault."""
    if not file["weight"]:
        return "0, or no number" if file["reverse"] else "any number but 0"
    factor = -file["weight"] if file["reverse"] else file["weight"]
    least = -(FILE_FAULT // abs(factor))
    return f"{least} or more" if factor < 0 else f"-{least} or less"


def _ways_in(view: InstanceView) -> Iterator[str]:
    """What would make this node master."""
    if view["state"] == "FAULT":
        yield f"after all that is wrong has healed, then as any backup: {'; '.join(view['faults'])}"
    master = view["master_address"] if view["master_address"] != view["source_address"] else ""
    down, skew = _span(view["master_down_int_ns"]), _span(view["skew_ns"])
    if not master:
        yield f"if no advert comes for {down}"
        return
    yield f"if {master} is silent for {down}, or gives up (priority 0) and nobody speaks for {skew}"
    yield _by_priority(view)


def _by_priority(view: InstanceView) -> str:
    """Whether a higher priority would help against the present master."""
    theirs, own = view["master_priority"], view["effective_priority"]
    best = effective(view["base_priority"], (_best(tracker) for tracker in view["trackers"]))
    if view["maintenance"]:
        return f"after the maintenance, if its priority then exceeds the master's {theirs}" + _not_by(view)
    if view["nopreempt"]:
        return f"not by priority: nopreempt leaves a master alone, ours is {own}, the master's {theirs}"
    if theirs >= OWNER:
        return f"not by priority: the master's is {OWNER}, it owns the addresses"
    files = " or ".join(f"file {t['name']}" for t in view["trackers"] if t["kind"] == "file" and t["weight"])
    if files and best != own:
        reach = f"with everything else tracked well it would be {best}, and a number in {files} can raise it further"
    elif files:
        reach = f"a number in {files} can raise it"
    else:
        reach = f"with everything tracked well it would be {best}" if best != own else "nothing tracked would raise it"
    return f"if its priority, {own}, exceeds the master's {theirs}: {reach}"


def _not_by(view: InstanceView) -> str:
    return " (which nopreempt rules out while a master is there)" if view["nopreempt"] else ""


def _best(tracker: TrackerView) -> int:
    """The most that it adds; a file could hold any number, so what it adds now."""
    if tracker["kind"] == "file":
        return tracker["adjustment"]
    weight, reverse = tracker["weight"], tracker["reverse"]
    return max(adjustment(weight, reverse, True), adjustment(weight, reverse, False))


def _in(at: int, now: int) -> str:
    return f" in {_span(at - now)}" if at > now else ""


def _span(ns: int) -> str:
    """A duration as people say it: 3.609 s, 250 ms, 2 h 5 min."""
    seconds = ns / SECOND
    if seconds < 1:
        return f"{round(seconds * 1000)} ms"
    if seconds < 120:
        return f"{round(seconds, 3):g} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
