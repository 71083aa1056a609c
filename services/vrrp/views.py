"""What does the outside see of a virtual router, a group, a script? The shapes of the channel's views.

Every view is a plain JSON-able dict. Times (`*_at`) are Unix nanoseconds, 0 where there is none; durations end in `_ns`.
"""

from __future__ import annotations

from typing import TypedDict


class TrackerView(TypedDict):
    """One input of the priority. `adjustment` is what it adds now; `fault`: it alone keeps the instance in FAULT."""

    kind: str  # "interface" or "script"
    name: str
    state: str  # "up", "down", "unknown"
    weight: int
    reverse: bool
    adjustment: int
    fault: bool


class InstanceView(TypedDict):
    """One virtual router as it is now."""

    interface: str
    virtual_router_id: int
    version: int
    state: str  # INIT, BACKUP, MASTER, FAULT
    since_at: int
    cause: str  # why it is in this state, in words
    faults: list[str]  # what must heal before it leaves FAULT, in words
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
    preempt_at: int  # end of a running preempt_delay
    next_advert_at: int  # as master; refreshed with the counters, not with each advert
    master_down_at: int  # as backup; likewise
    next_garp_at: int
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
    rejected: dict[str, int]  # by reason, see services.vrrp.packet.Reject


class EngineView(TypedDict):
    """The engine itself. Lateness: how long after its time a due timer was served."""

    wakes: int
    timers: int
    late_max_ns: int
    late_sum_ns: int
    late_over_1ms: int
    late_over_10ms: int
    late_over_100ms: int
    resident_bytes: int
    transitions_dropped: int
    unknown_vrid: int
    rejected: dict[str, int]  # packets that belong to no instance, by reason
    agent_last_alive_at: int
