"""Is there another master besides this node, and why? From the wire, from what the peers' status keys say, or both. Core.

Says one thing of each virtual router of which this node is master: a true split (nobody hears the other), a one-way link
(one hears, the other does not), or a configuration mismatch (one refuses the other's adverts). It is for people alone: the
election knows nothing of it, and without the store the wire decides what is said. Times are Unix nanoseconds, given.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from services.vrrp.views import InstanceView

MISMATCH, ONE_WAY, SPLIT = "configuration mismatch", "one-way link", "true split"
KINDS: Final = (MISMATCH, ONE_WAY, SPLIT)  # the most telling first
SECOND = 1_000_000_000
LEAST_PATIENCE = 3 * SECOND  # two masters for a moment are how every healed partition ends
CONFIRMED = 6 * SECOND  # more, where the peer's own word on it may still come through the store
STORED = 20 * SECOND  # for the store's word alone: the status key of a node that died stays for 15 s
WRONG: Final = {  # what a refusal (`packet.Reject`) of another master's adverts means
    "version": "they are of another VRRP version",
    "checksum": "their checksum is another (of VRRPv3 over IPv4 there are two kinds: v3_checksum_as_v2)",
    "interval": "their advert_int is another",
    "auth_type": "their authentication is of another type",
    "auth_failure": "their authentication fails: the password is another",
    "ttl": "their TTL is not accepted: they were forwarded, or min_ttl and max_ttl do not fit",
    "destination": "they go to another multicast group, or one of the two uses unicast_peer and the other does not",
    "source": "their sender is not among unicast_peer",
}


class Rival(NamedTuple):
    """Another master, as this node has it from the wire: its address, and why its adverts are refused (empty: they are not)."""

    address: str
    reason: str = ""
    virtual_router_id: int = 0  # of what is refused
    list_differs: bool = False  # heard, but its adverts list other addresses


class Other(NamedTuple):
    """A peer that is master of the same instance, by its own status key; `rival`: whom it has on the wire."""

    node: str
    source: str
    virtual_router_id: int
    version: int
    rival: Rival | None


class Finding(NamedTuple):
    """What is wrong, in words that do not change while it stays so."""

    kind: str
    who: str
    words: str
    by_wire: bool


class Alarm(NamedTuple):
    """A finding that has lasted; `since`: when it was first seen."""

    finding: Finding
    since: int


class _Seen(NamedTuple):
    rival: Rival
    first: int


class SplitBrain:
    """All alarms of this node. `rivals` and `alarms` by instance, for reading; only `look` changes them."""

    def __init__(self, node: str) -> None:
        self.alarms: dict[str, Alarm] = {}
        self.rivals: dict[str, Rival] = {}  # seen for long enough to be believed
        self._node = node
        self._seen: dict[str, _Seen] = {}
        self._first: dict[str, dict[Finding, int]] = {}  # since when it is found

    def look(self, views: Mapping[str, InstanceView], statuses: Mapping[str, Any] | None, now: int) -> bool:
        """Judge all anew; True where alarms or rivals changed.

        :param statuses: status/NODE/vrrp by node; None: the store does not say. Then nothing new is taken from it, and
            what it said last stands.
        """
        before = dict(self.alarms), dict(self.rivals)
        peers = others(statuses or {}, self._node)
        for name in [*self._seen.keys() | self.alarms.keys() | self._first.keys()]:
            if name not in views:
                self._forget(name)
        for name, view in views.items():
            if view["state"] != "MASTER" or view["offering"]:
                self._forget(name)
                continue
            self._listen(name, view, now)
            found = tuple(findings(view, self._seen.get(name), peers.get(name, ())))
            self._weigh(name, view, found, statuses is not None, now)
        return before != (self.alarms, self.rivals)

    def _forget(self, name: str) -> None:
        self._seen.pop(name, None)
        self._first.pop(name, None)
        self.alarms.pop(name, None)
        self.rivals.pop(name, None)

    def _listen(self, name: str, view: InstanceView, now: int) -> None:
        """Whom this master has on the wire, and for how long."""
        seen, patience = self._seen.get(name), patience_of(view)
        rival = on_the_wire(view, now - patience)
        if rival is not None:
            first = seen.first if seen is not None and seen.rival == rival else now
            self._seen[name] = _Seen(rival, first)
            if now - first >= patience:
                self.rivals[name] = rival
        else:
            self._seen.pop(name, None)
            self.rivals.pop(name, None)

    def _weigh(self, name: str, view: InstanceView, found: Sequence[Finding], stored: bool, now: int) -> None:
        """What is found becomes an alarm when it has lasted; the alarm stays what it is while it is true."""
        first = self._first.get(name, {})
        self._first[name] = first = {finding: first.get(finding, now) for finding in found}
        patience = patience_of(view)
        ripe = [finding for finding in found if now - first[finding] >= _wait(finding, patience, stored)]
        alarm = self.alarms.get(name)
        if alarm is None:
            if ripe:
                self.alarms[name] = Alarm(ripe[0], first[ripe[0]])
        elif not stored and (found or not alarm.finding.by_wire):
            return  # whoever knew more than the wire cannot be asked
        elif not found:
            del self.alarms[name]
        elif ripe and alarm.finding != ripe[0] and (alarm.finding not in found or _rank(ripe[0]) < _rank(alarm.finding)):
            self.alarms[name] = Alarm(ripe[0], alarm.since)


def _wait(finding: Finding, patience: int, stored: bool) -> int:
    """How long a finding must last to be believed, nanoseconds."""
    if not finding.by_wire:
        return max(STORED, patience)
    return patience + (CONFIRMED if stored and finding.kind == ONE_WAY else 0)


def _rank(finding: Finding) -> int:
    return KINDS.index(finding.kind)


def patience_of(view: InstanceView) -> int:
    """How long another master must be there to be more than the end of a partition, nanoseconds."""
    return max(LEAST_PATIENCE, 3 * max(view["advert_int_ns"], view["master_advert_int_ns"]))


def on_the_wire(view: InstanceView, after: int) -> Rival | None:
    """The other master whose adverts came after a time, and while this node is master; refused say more than heard ones."""
    after = max(after, view["since_at"])
    if view.get("refused_at", 0) > after:
        return Rival(view["refused_address"], view["refused_reason"], view["refused_vrid"])
    if view["heard_at"] > after and view["heard_priority"]:
        return Rival(view["heard_address"], list_differs=view.get("heard_list_differs", False))
    return None


def others(statuses: Mapping[str, Any], node: str) -> dict[str, list[Other]]:
    """By instance, the peers that say that they are master of it; what cannot be read says nothing."""
    found: dict[str, list[Other]] = {}
    for name, status in sorted(statuses.items()):
        state = status.get("state") if isinstance(status, Mapping) else None
        rows = state.get("elections") if isinstance(state, Mapping) and state.get("engine") == "up" else None
        if name == node or not isinstance(rows, Mapping):
            continue
        for instance, row in rows.items():
            if isinstance(row, Mapping) and row.get("state") == "MASTER":
                other = _other(name, row)
                if other is not None:
                    found.setdefault(instance, []).append(other)
    return found


def _other(name: str, row: Mapping[str, Any]) -> Other | None:
    try:
        told = row.get("rival")
        rival = Rival(str(told["address"]), str(told["reason"]), int(told["virtual_router_id"])) if told else None
        return Other(name, str(row["source"]), int(row["virtual_router_id"]), int(row["version"]), rival)
    except (KeyError, TypeError, ValueError):
        return None  # of a version that does not say so much


def told(rival: Rival | None) -> dict[str, Any] | None:
    """A rival for the status key, as `others` reads it."""
    return rival._asdict() if rival is not None else None


def findings(view: InstanceView, seen: _Seen | None, peers: Sequence[Other]) -> Iterator[Finding]:
    """All that is wrong with an instance of which this node is master, the most telling first."""
    rival = seen.rival if seen is not None else None
    names = {other.source: f"{other.node} ({other.source})" for other in peers}
    if rival is not None and rival.reason:
        who = names.get(rival.address, rival.address)
        yield Finding(MISMATCH, who, f"{who} is master too, and its adverts are refused here: {_wrong(rival)}", True)
    for other in peers:
        yield from _mismatches(view, other, names[other.source])
    if rival is not None and not rival.reason:
        yield _heard(view, rival, peers, names.get(rival.address, rival.address))
    for other in peers:
        who = names[other.source]
        if rival is not None and rival.address == other.source:
            continue
        if other.rival is not None and other.rival.address == view["source_address"] and not other.rival.reason:
            yield Finding(ONE_WAY, who, f"{who} is master too: it hears this node, and this node does not hear it", False)
        elif other.rival is None or not other.rival.reason:
            words = f"{who} is master too, by its status in the store, and neither of the two hears the other"
            yield Finding(SPLIT, who, words, False)


def _heard(view: InstanceView, rival: Rival, peers: Sequence[Other], who: str) -> Finding:
    if rival.address == view["source_address"]:
        return Finding(MISMATCH, who, f"another master sends its adverts from this node's own address {who}", True)
    other = next((other for other in peers if other.source == rival.address), None)
    if other is not None and other.rival is not None and other.rival.address == view["source_address"]:
        if not other.rival.reason:
            return Finding(MISMATCH, who, f"{who} is master too: the two hear each other, and neither yields", True)
        words = f"{who} is master too, and refuses this node's adverts: {_wrong(other.rival)}"
        return Finding(MISMATCH, who, words, True)
    if rival.list_differs:
        words = f"{who} is master too, and its adverts list other addresses than this node's: keepalived refuses such"
        return Finding(MISMATCH, who, words, True)
    return Finding(ONE_WAY, who, f"{who} is master too: this node hears it, and it does not hear this node", True)


def _mismatches(view: InstanceView, other: Other, who: str) -> Iterator[Finding]:
    for field, theirs in (("virtual_router_id", other.virtual_router_id), ("version", other.version)):
        ours = view["virtual_router_id"] if field == "virtual_router_id" else view["version"]
        if ours != theirs:
            yield Finding(MISMATCH, who, f"{who} is master too: its {field} is {theirs}, here it is {ours}", False)
            return
    rival = other.rival
    if rival is not None and rival.reason and rival.address == view["source_address"]:
        yield Finding(MISMATCH, who, f"{who} is master too, and refuses this node's adverts: {_wrong(rival)}", False)


def _wrong(rival: Rival) -> str:
    if rival.reason == "unknown_vrid":
        return f"they have virtual_router_id {rival.virtual_router_id}, and the same addresses"
    return WRONG.get(rival.reason, f"they cannot be read ({rival.reason})")


HINTS: Final = {
    MISMATCH: "give both nodes the same virtual_router_id, version, advert_int, authentication, addresses and peers",
    ONE_WAY: "look for what stops VRRP (IP protocol 112) in one direction: a firewall, a switch, a filter of multicast",
    SPLIT: "look for what parts the two: a cable, a switch, a VLAN, a firewall that stops VRRP (IP protocol 112)",
}
