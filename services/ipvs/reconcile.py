"""Which operations lead from the table that is to the table that should be?

Core: knows no kernel. What holds, as properties in tests: `apply(a, plan(a, b, owned)) == b` where all of `a` is owned or
wanted, `plan(b, b, owned) == ()`, and no operation touches a service that is neither wanted nor owned.

Whose is a service? It is wanted if its key is configured now; then it is adopted, whoever added it. It is owned if we
were in charge of it earlier in this machine's life (configured since, or so the ledger says). Owned and no longer wanted:
removed. Neither: somebody else's, and left alone.

Within a service additions come before edits and removals come last, so that a service never loses all its servers on the
way; services that go, go after all else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import dataclass, replace
from typing import assert_never

from services.ipvs.model import Destination, DestinationKey, Entry, Service, ServiceKey, Table


@dataclass(frozen=True, slots=True)
class AddService:
    """A service that is not there."""

    service: Service

    @property
    def key(self) -> ServiceKey:
        return self.service.key


@dataclass(frozen=True, slots=True)
class EditService:
    """Scheduler, persistence or flags differ; connections and destinations stay."""

    service: Service

    @property
    def key(self) -> ServiceKey:
        return self.service.key


@dataclass(frozen=True, slots=True)
class RemoveService:
    """A service and all its destinations."""

    key: ServiceKey


@dataclass(frozen=True, slots=True)
class AddDestination:
    """A server that is not there."""

    key: ServiceKey
    destination: Destination


@dataclass(frozen=True, slots=True)
class EditDestination:
    """Weight, method or thresholds differ; its connections stay."""

    key: ServiceKey
    destination: Destination


@dataclass(frozen=True, slots=True)
class RemoveDestination:
    """A server that should get nothing more; the kernel lets go of its connections by their time-outs."""

    key: ServiceKey
    destination: Destination


Operation = AddService | EditService | RemoveService | AddDestination | EditDestination | RemoveDestination


def plan(actual: Table, wanted: Table, owned: Set[ServiceKey] = frozenset()) -> tuple[Operation, ...]:
    """What to do so that every wanted service is as wanted, and no other owned one is left."""
    operations: list[Operation] = []
    for key, entry in wanted.items():
        operations += plan_service(actual.get(key), entry)
    operations += [RemoveService(key) for key in actual if key in owned and key not in wanted]
    return tuple(operations)


def plan_service(actual: Entry | None, wanted: Entry, only: Collection[DestinationKey] | None = None) -> list[Operation]:
    """The part for one service; `only` limits it to these destinations, so that a small change costs little."""
    key = wanted.service.key
    if actual is None:
        return [AddService(wanted.service), *(AddDestination(key, d) for d in wanted.destinations.values())]
    operations = _destinations(key, actual.destinations, wanted.destinations, only)
    if actual.service != wanted.service:
        operations.insert(0, EditService(wanted.service))
    return operations


def _destinations(
    key: ServiceKey,
    actual: Mapping[DestinationKey, Destination],
    wanted: Mapping[DestinationKey, Destination],
    only: Collection[DestinationKey] | None,
) -> list[Operation]:
    if only is None and actual == wanted:
        return []
    additions: list[Operation] = []
    edits: list[Operation] = []
    removals: list[Operation] = []
    for place in _places(actual, wanted) if only is None else only:
        is_there, should_be = actual.get(place), wanted.get(place)
        if should_be is None:
            if is_there is not None:
                removals.append(RemoveDestination(key, is_there))
        elif is_there is None:
            additions.append(AddDestination(key, should_be))
        elif is_there is not should_be and is_there != should_be:
            edits.append(EditDestination(key, should_be))
    return additions + edits + removals


def _places(
    actual: Mapping[DestinationKey, Destination], wanted: Mapping[DestinationKey, Destination]
) -> Iterable[DestinationKey]:
    return [*wanted, *(place for place in actual if place not in wanted)]


def apply(actual: Table, operations: Iterable[Operation]) -> dict[ServiceKey, Entry]:
    """The table after these operations, if the kernel refuses none of them."""
    result = {key: replace(entry, destinations=dict(entry.destinations)) for key, entry in actual.items()}
    for operation in operations:
        apply_one(result, operation)
    return result


def apply_one(table: dict[ServiceKey, Entry], operation: Operation) -> None:
    """Carry one operation out on a table whose destinations are dicts; an operation on what is missing does nothing."""
    match operation:
        case AddService(service):
            table.setdefault(service.key, Entry(service, {}))
        case EditService(service):
            if service.key in table:
                table[service.key] = Entry(service, table[service.key].destinations)
        case RemoveService(key):
            table.pop(key, None)
        case AddDestination(key, destination) | EditDestination(key, destination):
            if key in table:
                _dict(table[key])[destination.key] = destination
        case RemoveDestination(key, destination):
            if key in table:
                _dict(table[key]).pop(destination.key, None)
        case _:
            assert_never(operation)


def _dict(entry: Entry) -> dict[DestinationKey, Destination]:
    assert isinstance(entry.destinations, dict)
    return entry.destinations
