"""Who is being drained, and what comes next for them? Orders of operators, and servers whose key is gone.

Core, with the wall clock given as Unix ns, because orders outlive machines. A drain goes like this: weight 0; then, once the
table shows no connection, or its deadline has passed, out of the table. An order keeps its server out until it is taken back
or its own end comes; a server whose key is gone is forgotten when it is out.

What is new must end before it is drained: the connections of a server count only where the same reading of the table shows
weight 0 (`connections_seen`). Behind a virtual_server_group a server stands in many services, and is out when those of all
have ended.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TypeVar, assert_never

from services.common.errors import InvalidValue
from services.ipvs.model import DestinationKey, Load, ServiceKey, Table
from services.ipvs.policy import Hold

Name = tuple[str, str]  # of a virtual server, of one of its real servers
Spot = tuple[str, DestinationKey]  # a virtual server and a place in its pool
Target = TypeVar("Target", Name, Spot)
LONGEST_REASON = 500  # characters
GONE = "its key is gone"


@dataclass(frozen=True, slots=True)
class Order:
    """Somebody wants a server out. `deadline`: out then, whatever connections it has, 0: when they have ended; `until`: back
    then, 0: when somebody says so; `out`: it has left the table."""

    name: Name
    reason: str
    since: int
    deadline: int = 0
    until: int = 0
    out: bool = False

    @property
    def hold(self) -> Hold:
        return Hold.OUT if self.out else Hold.DRAINING


@dataclass(frozen=True, slots=True)
class Leaving:
    """A server whose key is gone, at its place; out when its connections have ended, or at the deadline."""

    virtual: str
    real: str
    place: DestinationKey
    since: int
    deadline: int

    @property
    def spot(self) -> Spot:
        return self.virtual, self.place

    @property
    def name(self) -> Name:
        """Its own part is empty if the key went while nobody looked."""
        return self.virtual, self.real

    @property
    def reason(self) -> str:
        return GONE


@dataclass(frozen=True, slots=True)
class Sights:
    """What the table shows of servers that drain: connections, None where they are not in it. Those of which nothing is known
    are left out."""

    orders: Mapping[Name, int | None] = field(default_factory=dict)
    leaving: Mapping[Spot, int | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ordered:
    """An operator wants this; `at_once`: there is nothing to wait for (UDP)."""

    order: Order
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class TakenBack:
    """An operator wants the server back."""

    name: Name


@dataclass(frozen=True, slots=True)
class Left:
    """A key is gone, and its virtual server wants drains."""

    leaving: Leaving


@dataclass(frozen=True, slots=True)
class Stayed:
    """Something else became of a server that was leaving: its key is back, or the virtual server is gone. `back`: the first."""

    leaving: Leaving
    back: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """The table was read, or time has passed."""

    sights: Sights = field(default_factory=Sights)


Event = Ordered | TakenBack | Left | Stayed | Seen


class Step(Enum):
    """What is told about a server."""

    DRAINING = "draining"
    DRAINED = "drained"
    BACK = "back"


@dataclass(frozen=True, slots=True)
class Held:
    """From now on the server is held so; None: not any more."""

    name: Name
    hold: Hold | None


@dataclass(frozen=True, slots=True)
class LetGo:
    """A server that was leaving goes."""

    spot: Spot


@dataclass(frozen=True, slots=True)
class Told:
    """News for people. `connections`: how many are cut off."""

    name: Name
    step: Step
    reason: str
    connections: int = 0


Action = Held | LetGo | Told


class Drains:
    """All drains of this node."""

    def __init__(self, orders: Mapping[Name, Order] | None = None, leaving: Mapping[Spot, Leaving] | None = None) -> None:
        self.orders: dict[Name, Order] = dict(orders or {})
        self.leaving: dict[Spot, Leaving] = dict(leaving or {})
        self._connections: dict[Name | Spot, int] = {}

    def step(self, event: Event, now: int) -> tuple[Action, ...]:
        """What follows from an event; deadlines that have passed count with every one."""
        actions = self._take(event)
        sights = event.sights if isinstance(event, Seen) else Sights()
        for order in tuple(self.orders.values()):
            actions += self._look_at_order(order, sights.orders, now)
        for leaving in tuple(self.leaving.values()):
            actions += self._look_at_leaving(leaving, sights.leaving, now)
        return tuple(actions)

    def deadline(self) -> int | None:
        """When `step` should be called again at the latest, Unix ns."""
        ends = [order.until for order in self.orders.values() if order.until]
        ends += [order.deadline for order in self.orders.values() if order.deadline and not order.out]
        return min([*ends, *(leaving.deadline for leaving in self.leaving.values())], default=None)

    @property
    def waiting(self) -> bool:
        """Somebody's connections are waited for."""
        return bool(self.leaving) or any(not order.out for order in self.orders.values())

    def _take(self, event: Event) -> list[Action]:
        match event:
            case Ordered(order, at_once):
                known = self.orders.get(order.name)
                if known is not None:
                    order = replace(order, since=known.since, out=known.out)
                order = replace(order, out=order.out or at_once)
                self.orders[order.name] = order
                step = Step.DRAINED if order.out else Step.DRAINING
                return [Held(order.name, order.hold), Told(order.name, step, order.reason)]
            case TakenBack(name):
                return self._take_back(name, "an operator")
            case Left(leaving):
                self.leaving[leaving.spot] = leaving
                return [Told(leaving.name, Step.DRAINING, leaving.reason)]
            case Stayed(leaving, back):
                self._forget(leaving.spot)
                return [Told(leaving.name, Step.BACK, "its key is there again")] if back else []
            case Seen():
                return []
            case _:
                assert_never(event)

    def _look_at_order(self, order: Order, seen: Mapping[Name, int | None], now: int) -> list[Action]:
        name = order.name
        if order.until and order.until <= now:
            return self._take_back(name, "its time has come")
        if order.out or not self._is_over(name, seen, order.deadline, now):
            return []
        cut = self._connections.pop(name, 0)
        self.orders[name] = replace(order, out=True)
        return [Held(name, Hold.OUT), Told(name, Step.DRAINED, order.reason, cut)]

    def _look_at_leaving(self, leaving: Leaving, seen: Mapping[Spot, int | None], now: int) -> list[Action]:
        if not self._is_over(leaving.spot, seen, leaving.deadline, now):
            return []
        cut = self._connections.get(leaving.spot, 0)
        self._forget(leaving.spot)
        return [LetGo(leaving.spot), Told(leaving.name, Step.DRAINED, leaving.reason, cut)]

    def _is_over(self, target: Target, seen: Mapping[Target, int | None], deadline: int, now: int) -> bool:
        """No connection is left, or no time."""
        if target in seen:
            self._connections[target] = seen[target] or 0
            if not seen[target]:
                return True
        return bool(deadline) and deadline <= now

    def _take_back(self, name: Name, who: str) -> list[Action]:
        order = self.orders.pop(name, None)
        self._connections.pop(name, None)
        return [] if order is None else [Held(name, None), Told(name, Step.BACK, f"{who}: {order.reason}")]

    def _forget(self, spot: Spot) -> None:
        self.leaving.pop(spot, None)
        self._connections.pop(spot, None)


def connections_seen(
    place: DestinationKey,
    wanted: Table,
    actual: Table,
    loads: Mapping[ServiceKey, Mapping[DestinationKey, Load]],
    given_up: Collection[ServiceKey] = (),
) -> Iterator[int | None]:
    """Connections of a server to all services in `wanted`, None if it stands in none of them; nothing at all if that cannot be
    known: a service is missing, which puts connections to sleep until it is back (unless it is `given_up`), or somebody gave
    the server more weight than it should have, so that new ones come.
    """
    found = []
    for key, should in wanted.items():
        entry = actual.get(key)
        if entry is None and key not in given_up:
            return
        there = None if entry is None else entry.destinations.get(place)
        if there is None:
            continue
        aim = should.destinations.get(place)
        if there.weight > (0 if aim is None else aim.weight):
            return
        found.append(loads[key][place])
    yield sum(load.active + load.inactive for load in found) if found else None


def reason_of(text: str) -> str:
    """A reason on one line.

    :raises InvalidValue: there is none, or it is a novel.
    """
    words = " ".join(text.split())
    if not words:
        raise InvalidValue("reason", "is required: say in a few words what is being done")
    if len(words) > LONGEST_REASON:
        raise InvalidValue("reason", f"expected at most {LONGEST_REASON} characters, got {len(words)}")
    return words
