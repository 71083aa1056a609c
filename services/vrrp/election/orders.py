"""What have operators ordered? Maintenance of the node and of instances, as the agent keeps it and the engine obeys it. Core.

Times are Unix nanoseconds. The engine knows no wall clock: the agent takes back what has expired.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from services.common.errors import InvalidValue

KIND = "maintenance"  # of the objects of the channel and of engine.json; their name is an instance's, or "" for the node
LONGEST_REASON = 500  # characters


class Maintenance(NamedTuple):
    """One order: this instance, with its sync group (`instance` empty: every one of this node) stands back."""

    instance: str
    reason: str
    since: int
    until: int = 0  # 0: until it is ended


def decode(name: str, value: Mapping[str, Any]) -> Maintenance:
    """An order from its JSON object.

    :raises InvalidValue: it is none.
    """
    try:
        return Maintenance(name, reason_of(value["reason"]), int(value["since"]), int(value["until"]))
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidValue("", f"is no order for maintenance: {error}") from None


def encode(order: Maintenance) -> dict[str, Any]:
    """What `decode` reads."""
    return {"reason": order.reason, "since": order.since, "until": order.until}


def reason_of(text: object) -> str:
    """A reason on one line.

    :raises InvalidValue: there is none, or it is a novel.
    """
    words = " ".join(text.split()) if isinstance(text, str) else ""
    if not words:
        raise InvalidValue("reason", "is required: say in a few words what is being done")
    if len(words) > LONGEST_REASON:
        raise InvalidValue("reason", f"expected at most {LONGEST_REASON} characters, got {len(words)}")
    return words


def in_words(orders: Mapping[str, Maintenance], name: str, mates: Iterable[str]) -> str:
    """Why the instance `name` stands back; empty: it does not. `mates`: the members of its sync group, itself included."""
    if "" in orders:
        return f"maintenance of this node: {orders[''].reason}"
    if name in orders:
        return f"maintenance: {orders[name].reason}"
    other = next((mate for mate in mates if mate in orders), None)
    return f"maintenance of {other}, of the same sync group: {orders[other].reason}" if other is not None else ""


def expired(orders: Iterable[Maintenance], now: int) -> list[Maintenance]:
    """Those whose time is over."""
    return [order for order in orders if order.until and order.until <= now]


def next_expiry(orders: Iterable[Maintenance]) -> int | None:
    """When `expired` has something to say next."""
    return min((order.until for order in orders if order.until), default=None)
