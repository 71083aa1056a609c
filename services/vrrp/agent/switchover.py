"""May this node hand an instance to a named peer, and who has it afterwards? Core.

Judges by this node's view and by what the peers' status keys say, where there is a store that has them; without it by
what this node alone knows. The hand-over itself is the election's: priority 0, and the best backup takes over.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, NamedTuple

from services.vrrp.agent.split_brain import Rival, told
from services.vrrp.views import InstanceView

PENDING, DONE, ELSEWHERE, FAILED, REFUSED, MISSED, CANCELLED = (
    *("PENDING", "DONE", "ELSEWHERE", "FAILED", "REFUSED", "MISSED", "CANCELLED"),
)
NOBODY: Mapping[str, Rival] = {}
LATE = 60_000_000_000  # nanoseconds after its time at which a switchover is not carried out any more


class Switchover(NamedTuple):
    """One switchover, asked for or over. Times are Unix nanoseconds."""

    id: str
    instance: str
    target: str  # name of a node, or address of a peer; empty: whichever peer is best
    reason: str
    at: int  # when it is to happen
    hold: bool = False  # keep this node away from it until maintenance of the instance is ended
    outcome: str = PENDING
    detail: str = ""  # what came of it, in words
    ended_at: int = 0


class Peer(NamedTuple):
    """What a peer's status key says of one instance there."""

    node: str
    state: str
    priority: int
    source: str
    maintenance: bool


def peers_of(statuses: Mapping[str, Any], instance: str, node: str) -> dict[str, Peer]:
    """The other nodes that run `instance`, by name; `statuses`: status/NODE/vrrp by node, as JSON."""
    peers = {}
    for name, status in statuses.items():
        state = status.get("state") if isinstance(status, Mapping) else None
        row = state.get("elections", {}).get(instance) if isinstance(state, Mapping) else None
        if name == node or not isinstance(row, Mapping) or not isinstance(state, Mapping):
            continue
        gone = state.get("engine") != "up"
        peers[name] = Peer(
            name,
            "without its engine" if gone else str(row.get("state", "")),
            int(row.get("priority", 0)),
            str(row.get("source", "")),
            bool(row.get("maintenance")),
        )
    return peers


def elections(instances: Mapping[str, InstanceView], rivals: Mapping[str, Rival] = NOBODY) -> dict[str, Any]:
    """What this node's own status key says for its peers; `rivals`: other masters that it has on the wire."""
    return {
        name: {
            "state": view["state"],
            "priority": view["effective_priority"],
            "source": view["source_address"],
            "maintenance": bool(view["maintenance"]),
            "virtual_router_id": view["virtual_router_id"],
            "version": view["version"],
            "rival": told(rivals.get(name)),
        }
        for name, view in sorted(instances.items())
    }


def address_of(order: Switchover, peers: Mapping[str, Peer] | None) -> str:
    """The address of the target; empty where any peer will do."""
    peer = (peers or {}).get(order.target)
    return peer.source if peer is not None else order.target


def refusal(order: Switchover, view: InstanceView, node: str, peers: Mapping[str, Peer] | None, unknown: str) -> str:
    """Why `order` cannot be carried out now; empty: it can.

    :param peers: the other nodes' word on this instance; None: there is no store that has it, `unknown` says why.
    """
    name, target = order.instance, order.target
    if view["state"] != "MASTER":
        where = _master(view, peers)
        return f"{name} is {view['state']} here, so there is nothing to hand over{where}"
    if target in (node, view["source_address"]) and target:
        return f"{name} is already master on {target}"
    if view["offering"]:
        return f"{name} is being offered to its peers already: {view['offering']}"
    if peers is None:
        return _without_store(order, view, unknown)
    if not peers:
        return f"no other node runs {name}, as far as the store knows"
    return _with_store(order, view, peers)


def verdict(order: Switchover, view: InstanceView | None, peers: Mapping[str, Peer] | None) -> tuple[str, str]:
    """Outcome and detail, once the offer is over."""
    if view is None:
        return FAILED, "the instance is no longer configured"
    if view["state"] == "MASTER":
        return FAILED, "no peer took over: this node is master still, and was without a break"
    if view["state"] != "BACKUP":
        return FAILED, f"this node went to {view['state']} meanwhile: {view['cause']}"
    winner = view["master_address"]
    names = {peer.source: peer.node for peer in (peers or {}).values()}
    who = f"{names[winner]} ({winner})" if winner in names else winner
    wanted = address_of(order, peers)
    if wanted and winner != wanted:
        return ELSEWHERE, f"{who} took over instead of {order.target}"
    return DONE, f"{who} took over"


def _master(view: InstanceView, peers: Mapping[str, Peer] | None) -> str:
    address = view["master_address"]
    if view["state"] != "BACKUP" or not address or address == view["source_address"]:
        return ""
    names = {peer.source: peer.node for peer in (peers or {}).values()}
    return f": ask the master, {names[address]} ({address})" if address in names else f": ask the master, {address}"


def _with_store(order: Switchover, view: InstanceView, peers: Mapping[str, Peer]) -> str:
    ready = {name: p for name, p in peers.items() if p.state == "BACKUP" and not p.maintenance}
    best = max(ready.values(), key=_rank, default=None)
    if best is None:
        return f"no peer is ready to take {order.instance} over: {'; '.join(map(_not_ready, peers.values()))}"
    if not order.target:
        return _comes_back(order, view, best)
    by_address = next((p for p in peers.values() if p.source == order.target), None)
    peer = peers.get(order.target, by_address)
    if peer is None:
        return f"the store knows no running node {order.target} with {order.instance}; there are: {', '.join(sorted(peers))}"
    if peer.node not in ready:
        return f"it cannot take {order.instance} over: {_not_ready(peer)}"
    if best.node != peer.node:
        return (
            f"{best.node} would take {order.instance} over before {peer.node} does: its priority is {best.priority}"
            f" ({best.source}), that of {peer.node} {peer.priority} ({peer.source}); put {best.node} into maintenance first"
        )
    return _comes_back(order, view, peer)


def _comes_back(order: Switchover, view: InstanceView, peer: Peer) -> str:
    own = view["effective_priority"]
    if order.hold or view["nopreempt"] or own <= peer.priority:
        return ""
    return (
        f"this node would take {order.instance} back at once: its priority is {own}, that of {peer.node} {peer.priority}, and"
        " nopreempt is not set; ask to hold it there, or put this node into maintenance"
    )


def _without_store(order: Switchover, view: InstanceView, unknown: str) -> str:
    own, target = view["effective_priority"], order.target
    if target and not packed(target):
        return f"nothing is known of a node {target} ({unknown}): name the peer by its address, or none"
    if order.hold or view["nopreempt"]:
        return ""
    if target and target == view["heard_address"] and view["heard_priority"] > 0:
        return _comes_back(order, view, Peer(target, "BACKUP", view["heard_priority"], target, False))
    return (
        f"nothing is known of the peers' priorities ({unknown}), and without nopreempt this node takes {order.instance} back"
        f" from any below its own {own}: ask to hold it there, or put this node into maintenance"
    )


def _not_ready(peer: Peer) -> str:
    if peer.state == "BACKUP":
        return f"{peer.node} is in maintenance"
    return f"{peer.node} is {peer.state}"


def _rank(peer: Peer) -> tuple[int, bytes]:
    """The shortest skew time goes first; of equals, the highest address wins."""
    return peer.priority, packed(peer.source)


def packed(text: str) -> bytes:
    """An address as adverts compare it; empty where `text` is none."""
    try:
        return ip_address(text).packed
    except ValueError:
        return b""
