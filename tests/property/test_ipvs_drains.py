"""Director and drains in virtual time over a table with connections: orders, keys, kills and waiting in any order.

Behind one address, and behind a group of two, where a server stands in both services and has connections of each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.ipvs.director import Director, Work
from services.ipvs.drain import Drains, Event, Order, Ordered, Seen, Sights, Spot, TakenBack, connections_seen
from services.ipvs.groups import virtual_server_group
from services.ipvs.model import DestinationKey, Entry, Load, ServiceKey
from services.ipvs.reconcile import Operation, RemoveDestination, RemoveService, apply, plan_service
from services.ipvs.settings import RealServer, virtual_server
from tests.unit.ipvs.words import place, real, virtual

SECOND = 10**9
NAMES = ("s2", "s3", "s4")
SPAN = 30 * SECOND
FRONTS: dict[str, dict[tuple[str, str], Any]] = {
    "one address": {("virtual_server", "web"): virtual(drain_on_removal=SPAN)},
    "a group": {
        ("virtual_server", "web"): virtual_server("web", {"group": "g", "protocol": "tcp", "drain_on_removal": SPAN}),
        ("virtual_server_group", "g"): virtual_server_group("g", {"address": [{"address": "10.0.0.1-2", "port": 80}]}),
    },
}


def spot_of(name: str) -> DestinationKey:
    return place(f"10.0.1.{name.removeprefix('s')}")


class Machine:
    """One director. What a kill leaves: the table with its connections, orders and leavers, and the store's local copy."""

    def __init__(self, front: str) -> None:
        self.front = FRONTS[front]
        self.now = 1000 * SECOND
        self.table: dict[ServiceKey, Entry] = {}
        self.connections: dict[tuple[ServiceKey, DestinationKey], int] = {}
        self.store: dict[str, RealServer] = {name: real(name, port=80, weight=5) for name in NAMES}
        self.copy = dict(self.store)
        self.director, self.drains = Director(), Drains()
        self.removed: list[tuple[DestinationKey, int]] = []  # places that left the table, with the connections they had
        self.start()

    def start(self) -> None:
        """A fresh process: first the local copy, then the store."""
        left = self.drains
        self.drains = Drains(left.orders, left.leaving)
        holds = {name: order.hold for name, order in left.orders.items()}
        self.director = Director((), holds, tuple(left.leaving.values()))
        self.configure(self.copy, {}, final=False)
        assert not any(self.weights().get(at) for _, at in self.drains.leaving), "the local copy brings nobody back"
        self.configure(self.store, self.copy, final=True)
        self.copy = dict(self.store)

    def configure(self, now: Mapping[str, RealServer], before: Mapping[str, RealServer], final: bool) -> None:
        upserts: dict[tuple[str, str], Any] = {
            ("real_server", f"web/{name}"): one for name, one in now.items() if before.get(name) != one
        }
        if not before:
            upserts |= self.front
        gone = [("real_server", f"web/{name}") for name in before.keys() - now.keys()]
        first = not final
        self.obey(self.director.configure(upserts, gone, self.table, self.now, final), keep_strangers=first)

    def obey(self, work: Work, keep_strangers: bool = False, at_most: int | None = None) -> None:
        """As the runtime: the drains hear first, the kernel is written, then what the drains say.

        `at_most`: the process dies after that many writes.
        """
        actions = [action for event in work.drains for action in self.drains.step(event, self.now)]
        operations: list[Operation] = []
        for service, places in work.places.items():
            wanted = self.director.wanted_at(service)
            if wanted is not None:
                operations += plan_service(self.table.get(service), wanted, places)
        for operation in operations[:at_most]:
            assert not isinstance(operation, RemoveService)
            if isinstance(operation, RemoveDestination):
                at = operation.destination.key
                if keep_strangers and not self.director.pool("web").name_at(at):  # type: ignore[union-attr]
                    continue
                self.removed.append((at, self.connections.pop((operation.key, at), 0)))
            self.table = apply(self.table, [operation])
        if actions and at_most is None:
            self.obey(self.director.carry(actions, self.now))

    def step(self, event: Event) -> None:
        self.obey(self.director.carry(self.drains.step(event, self.now), self.now))

    def look(self) -> None:
        """A reading of the table."""
        loads = {
            of: {at: Load(self.connections.get((of, at), 0)) for at in entry.destinations} for of, entry in self.table.items()
        }

        def seen(spot: Spot) -> list[int | None]:
            return list(connections_seen(spot[1], self.director.wanted(), self.table, loads))

        spots = {name: spot for name, o in self.drains.orders.items() if not o.out and (spot := self.director.spot(name))}
        orders = {name: count for name, spot in spots.items() for count in seen(spot)}
        leaving = {spot: count for spot in self.drains.leaving for count in seen(spot)}
        self.step(Seen(Sights(orders, leaving)))

    def weights(self) -> dict[DestinationKey, int]:
        """The same in every service."""
        found = [{at: d.weight for at, d in entry.destinations.items()} for entry in self.table.values()]
        assert all(one == found[0] for one in found)
        return found[0] if found else {}

    def happen(self, what: str, name: str, number: int) -> None:
        at, server, services = spot_of(name), ("web", name), self.director.keys("web")
        client = (services[number % len(services)], at)
        match what:
            case "connect" if self.weights().get(at):
                self.connections[client] = self.connections.get(client, 0) + 1
            case "end":
                self.connections[client] = max(0, self.connections.get(client, 0) - 1)
            case "wait":
                self.now += number * SECOND
                self.look()
            case "drain" if self.director.spot(server):
                deadline = self.now + number * SECOND if number else 0
                self.step(Ordered(Order(server, "test", self.now, deadline)))
            case "back":
                self.step(TakenBack(server))
            case "put":
                self.store[name] = real(name, port=80, weight=number + 1)
                self.configure(self.store, self.copy, final=True)
                self.copy = dict(self.store)
            case "delete" if name in self.store:
                del self.store[name]
                self.configure(self.store, self.copy, final=True)
                self.copy = dict(self.store)
            case "lag" if name in self.store:  # the key goes, and the process dies before its local copy is written
                del self.store[name]
                self.configure(self.store, self.copy, final=True)
                self.start()
            case "away" if name in self.store:  # the key goes while the process is dead; the copy is older
                del self.store[name]
                self.start()
            case "cut" if name in self.store:  # the process dies when one service has been written
                del self.store[name]
                gone = [("real_server", f"web/{name}")]
                self.obey(self.director.configure({}, gone, self.table, self.now), at_most=1)
                self.start()
            case "kill":
                self.start()


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(
            ["connect"] * 3 + ["wait"] * 3 + ["end", "drain", "back", "put", "delete", "lag", "away", "cut", "kill"]
        ),
        st.sampled_from(NAMES),
        st.integers(0, 20),
    ),
    max_size=30,
)


@given(st.sampled_from(sorted(FRONTS)), EVENTS)
@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_nobody_loses_a_connection_before_a_deadline_and_a_kill_changes_nothing(
    front: str, events: list[tuple[str, str, int]]
) -> None:
    machine = Machine(front)
    for event in events:
        table, done = machine.table, len(machine.removed)
        deadlines = _deadlines(machine)
        machine.happen(*event)
        if event[0] == "kill":
            assert machine.table == table
        for at, connections in machine.removed[done:]:
            assert not connections or deadlines[at] <= machine.now


def _deadlines(machine: Machine) -> dict[DestinationKey, int]:
    """When each server that drains may be cut off, whichever drain is the stricter."""
    found: dict[DestinationKey, int] = {}
    for (_, name), order in machine.drains.orders.items():
        if order.deadline:
            found[spot_of(name)] = order.deadline
    for (_, at), leaving in machine.drains.leaving.items():
        found[at] = min(found.get(at, leaving.deadline), leaving.deadline)
    return found


@given(st.sampled_from(sorted(FRONTS)), EVENTS)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_when_everybody_has_hung_up_the_table_is_what_is_configured_without_those_that_are_drained(
    front: str, events: list[tuple[str, str, int]]
) -> None:
    machine = Machine(front)
    for event in events:
        machine.happen(*event)
    machine.connections.clear()
    machine.happen("wait", "s2", 1)
    machine.happen("wait", "s2", 1)
    out = {name for (_, name) in machine.drains.orders}
    configured = {spot_of(n): one.weight for n, one in machine.store.items() if n not in out}
    assert machine.weights() == configured
    assert machine.drains.leaving == {}
    assert all(o.out for (_, n), o in machine.drains.orders.items() if n in machine.store)


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("ending", ["end", "deadline"])
def test_the_story_of_a_server_that_is_replaced_while_a_client_stays(ending: str, front: str) -> None:
    machine = Machine(front)
    machine.happen("connect", "s2", 0)
    machine.happen("delete", "s2", 0)
    machine.happen("wait", "s2", 20)
    machine.happen("kill", "s2", 0)
    assert machine.weights() == {spot_of("s2"): 0, spot_of("s3"): 5, spot_of("s4"): 5}
    if ending == "end":
        machine.happen("end", "s2", 0)
        machine.happen("wait", "s2", 1)
    else:
        machine.happen("wait", "s2", 10)
    assert {at for at, _ in machine.removed} == {spot_of("s2")}
    assert sum(cut for _, cut in machine.removed) == int(ending == "deadline")
    assert machine.weights() == {spot_of("s3"): 5, spot_of("s4"): 5}
