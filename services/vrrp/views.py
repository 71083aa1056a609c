"""What does the outside see of a virtual router, a group, a script? The shapes of the channel's views.

Every view is a plain JSON-able dict. Times (`*_at`) are Unix nanoseconds, 0 where there is none; durations end in `_ns`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict

from services.vrrp.addresses import VirtualAddress, text
from services.vrrp.config.places import shown
from services.vrrp.election.actions import State
from services.vrrp.election.counters import Counters
from services.vrrp.election.holders import held_addresses
from services.vrrp.election.node import Node
from services.vrrp.election.router import VirtualRouter
from services.vrrp.links.vmac import VirtualLink, mac_text

Clock = Callable[[int | None], int]  # engine time to Unix nanoseconds; None and 0 give 0


class TrackerView(TypedDict):
    """One input of the priority. `adjustment` is what it adds now; `fault`: it alone keeps the instance in FAULT."""

    kind: str  # "interface", "script", "file", "process" or "bfd"
    name: str
    state: str  # "up", "down", "unknown"
    weight: int
    reverse: bool
    adjustment: int
    fault: bool
    value: int  # the number in a file


class TimersView(TypedDict):
    """When one virtual router acts next. Adverts move these times; they are told anew with the counters."""

    next_advert_at: int  # as master
    master_down_at: int  # as backup
    next_garp_at: int
    heard_at: int  # when the last advert of another router came, whatever came of it; 0: none yet
    heard_address: str
    heard_priority: int
    heard_list_differs: bool  # its addresses are not ours
    refused_at: int  # when the last packet came that was no advert for it, though it was for its VRID or its addresses
    refused_address: str  # who sent it
    refused_reason: str  # see services.vrrp.wire.packet.Reject; unknown_vrid: another VRID with one of our addresses
    refused_vrid: int


class InstanceView(TimersView):
    """One virtual router as it is now."""

    interface: str
    links: list[str]  # VMACs and ipvlans, "vrrp.51 on eth0 00:00:5e:00:01:33 up"
    virtual_router_id: int
    version: int
    state: str  # INIT, BACKUP, MASTER, FAULT
    since_at: int
    cause: str  # why it is in this state, in words
    faults: list[str]  # what must heal before it leaves FAULT, in words
    maintenance: str  # why it stands back while any peer is there, in words; empty: it does not
    offering: str  # as master: why it is offering mastership to its peers just now
    waits_until: int  # end of vrrp_startup_delay, before the first election
    group: str  # sync group, or empty
    base_priority: int
    effective_priority: int
    trackers: list[TrackerView]
    source_address: str  # of our adverts; empty where there is none
    master_address: str  # last master heard (or ourselves), empty where unknown
    master_priority: int
    advert_int_ns: int  # our own
    master_advert_int_ns: int  # learned from the master (v3)
    master_down_int_ns: int
    skew_ns: int  # silence after priority 0, after which a backup takes over
    nopreempt: bool
    preempt_at: int  # end of a running preempt_delay
    addresses: list[str]  # configured, "192.0.2.10/32 dev eth0"
    addresses_held: list[str]  # on the interface now, put there by us


class GroupView(TypedDict):
    """One sync group."""

    state: str
    since_at: int
    cause: str
    members: list[str]


class ScriptView(TypedDict):
    """One tracking script as the engine counts it."""

    state: str  # "up", "down", "unknown"
    streak: int  # consecutive results that contradict `state`
    rise: int
    fall: int
    since_at: int
    last_result_at: int
    silent: bool  # results are overdue: the runner does not report


class BfdView(TypedDict):
    """One BFD session: what it counts as here, and what the bfd process last said of it."""

    state: str  # "up", "down"
    since_at: int
    current: bool  # False: the process is gone or silent, and only its last word speaks for the session
    session: dict[str, Any]  # services.vrrp.bfd.views.SessionView; empty before the first word


class CountersView(TypedDict):
    """Counters of one instance since the engine started: RFC 6527's and keepalived's, rejections by reason."""

    adverts_sent: int
    adverts_received: int
    became_master: int
    released_master: int
    priority_zero_sent: int
    priority_zero_received: int
    address_list_errors: int
    send_errors: int
    gratuitous_arps_sent: int
    address_errors: int
    rejected: dict[str, int]  # by reason, see services.vrrp.wire.packet.Reject


class EngineView(TypedDict):
    """The engine itself. Lateness: how long after its time a due timer was served."""

    wakes: int
    timers: int
    late_max_ns: int
    late_sum_ns: int
    late_over_1ms: int
    late_over_10ms: int
    late_over_100ms: int
    transitions_dropped: int
    unknown_vrid: int
    rejected: dict[str, int]  # packets that belong to no instance, by reason
    agent_last_alive_at: int
    bfd_rejected: dict[str, int]  # packets that belong to no BFD session, by reason


def instance_view(node: Node, name: str, unix: Clock) -> InstanceView:
    """The view of one configured instance."""
    router = node.routers[name]
    settings, inputs = router.settings, router.inputs
    return {
        **timers_view(router, unix),
        "interface": shown(settings.interface),
        "links": [_link(link, node) for link in settings.links],
        "virtual_router_id": settings.vrid,
        "version": settings.version,
        "state": router.state.value,
        "since_at": unix(router.since),
        "cause": router.cause,
        "faults": list(inputs.faults),
        "maintenance": inputs.maintenance,
        "offering": router.offering,
        "waits_until": unix(node.held_until(name)),
        "group": node.group_of.get(name, ""),
        "base_priority": settings.priority,
        "effective_priority": inputs.priority,
        "trackers": _trackers(node, name),
        "source_address": text(inputs.source or b""),
        "master_address": text(router.master_address),
        "master_priority": router.master_priority,
        "advert_int_ns": settings.advert_int,
        "master_advert_int_ns": router.master_interval,
        "master_down_int_ns": router.master_down_interval,
        "skew_ns": router.released_interval,
        "nopreempt": settings.nopreempt,
        "preempt_at": unix(router.preempt_at),
        "addresses": [_listed(row) for row in router.addresses],
        "addresses_held": [_listed(row) for row in held_addresses(router, node.surroundings)],
    }


def next_advert(view: InstanceView, now: int) -> int:
    """When a master advertises next, as far as can be known of a view that is some seconds old; Unix time in ns, 0: never."""
    at, interval = view["next_advert_at"], view["advert_int_ns"]
    if not at or at >= now or view["offering"]:
        return at
    return at + -(-(now - at) // interval) * interval


def timers_view(router: VirtualRouter, unix: Clock) -> TimersView:
    """The timers of one instance."""
    master, backup, heard = router.state is State.MASTER, router.state is State.BACKUP, router.heard
    refused = router.refused
    return {
        "next_advert_at": unix(router.advert_at if master else None),
        "master_down_at": unix(router.master_down_at if backup else None),
        "next_garp_at": unix(router.announcements.deadline if master else None),
        "heard_at": unix(router.heard_at if heard is not None else None),
        "heard_address": text(heard.source) if heard is not None else "",
        "heard_priority": heard.priority if heard is not None else 0,
        "heard_list_differs": heard is not None and not router.lists(heard.addresses),
        "refused_at": unix(refused.at if refused is not None else None),
        "refused_address": text(refused.source) if refused is not None else "",
        "refused_reason": refused.reason.value if refused is not None else "",
        "refused_vrid": refused.vrid if refused is not None else 0,
    }


def group_view(node: Node, name: str, unix: Clock) -> GroupView:
    """The view of one sync group."""
    told = node.group_states[name]
    return {
        "state": told.state.value,
        "since_at": unix(told.since),
        "cause": told.cause,
        "members": list(node.groups[name].members),
    }


def script_view(node: Node, name: str, unix: Clock) -> ScriptView:
    """The view of one tracking script."""
    script, told = node.surroundings.scripts.settings[name], node.surroundings.scripts.states[name]
    return {
        "state": _word(told.health.up),
        "streak": told.health.streak,
        "rise": script.rise,
        "fall": script.fall,
        "since_at": unix(told.since),
        "last_result_at": unix(told.last_result_at),
        "silent": told.silent,
    }


def bfd_view(node: Node, name: str, session: dict[str, Any], current: bool, unix: Clock) -> BfdView:
    """The view of one BFD session."""
    state = node.surroundings.neighbors.states[name]
    return {"state": _word(state.up), "since_at": unix(state.since), "current": current, "session": session}


def counters_view(counters: Counters) -> CountersView:
    """The counters of one instance."""
    return {
        "adverts_sent": counters.adverts_sent,
        "adverts_received": counters.adverts_received,
        "became_master": counters.became_master,
        "released_master": counters.released_master,
        "priority_zero_sent": counters.priority_zero_sent,
        "priority_zero_received": counters.priority_zero_received,
        "address_list_errors": counters.address_list_errors,
        "send_errors": counters.send_errors,
        "gratuitous_arps_sent": counters.gratuitous_arps_sent,
        "address_errors": counters.address_errors,
        "rejected": dict(counters.rejected),
    }


def _trackers(node: Node, name: str) -> list[TrackerView]:
    return [
        {
            "kind": tracker.kind,
            "name": tracker.name,
            "state": _word(tracker.up),
            "weight": tracker.weight,
            "reverse": tracker.reverse,
            "adjustment": tracker.verdict.adjustment,
            "fault": tracker.verdict.fault,
            "value": tracker.value,
        }
        for tracker in node.surroundings.trackers(node.routers[name].settings)
    ]


def _word(up: bool | None) -> str:
    return "unknown" if up is None else "up" if up else "down"


def _link(link: VirtualLink, node: Node) -> str:
    here = node.surroundings.interfaces.get(link.name)
    state = "missing" if here is None or not here.number else "up" if here.up else "down"
    return " ".join(word for word in (link.name, "on", link.base, mac_text(link.mac), state) if word)


def _listed(row: VirtualAddress) -> str:
    return f"{row.address}/{row.prefix} dev {row.dev}"
