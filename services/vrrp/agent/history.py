"""Which transitions were there, and why? The newest of them in order, and what a query finds. Core.

Records come in the order in which the engine made them; one that is told again (to a new agent) is known by its id.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

LIMIT = 10_000  # records kept
PAGE, LONGEST_PAGE = 100, 1_000  # records in one answer: if nothing is said, and at most
# An instance that leaves the configuration has stopped on purpose; the cause says how.
STATES = {"DELETED": "STOP"}
NO_CHANGES = ("MASTER_RX_LOWER_PRI",)


class Record(NamedTuple):
    """One change of state. `number` counts up for ever, `at` is Unix time in nanoseconds."""

    number: int
    id: str
    at: int
    kind: str  # "instance" or "group"
    name: str
    before: str
    after: str
    priority: int  # effective; 0 for groups
    cause: str


class Query(NamedTuple):
    """Which records are wanted; what is empty or 0 asks for nothing in particular. Times as `Record.at`."""

    names: frozenset[str] = frozenset()
    kind: str = ""
    after: frozenset[str] = frozenset()
    since: int = 0  # at this time or later
    until: int = 0  # before this time
    below: int = 0  # of a lower number than this: the rest of an earlier answer
    limit: int = PAGE

    def wants(self, record: Record) -> bool:
        """Whether a record is among them, but for `below`."""
        return (
            (not self.names or record.name in self.names)
            and self.kind in ("", record.kind)
            and (not self.after or record.after in self.after)
            and record.at >= self.since
            and (not self.until or record.at < self.until)
        )


def identity(message: Mapping[str, Any]) -> str:
    """The id of a transition as `channel` tells it: the same whenever it is told again."""
    return f"{message['at']:016x}-{message['boot']}-{message['sequence']}"


class History:
    """The newest `limit` records, oldest first."""

    def __init__(self, records: Iterable[Record] = (), limit: int = LIMIT) -> None:
        self.records: deque[Record] = deque(records, limit)
        self._ids = {record.id for record in self.records}

    def take(self, message: Mapping[str, Any]) -> Record | None:
        """Keep a transition as `channel` tells it; None where it is known already, or no change of state."""
        if message["to"] in NO_CHANGES or identity(message) in self._ids:
            return None
        record = Record(
            self.records[-1].number + 1 if self.records else 1,
            identity(message),
            int(message["at"]),
            str(message["kind"]),
            str(message["name"]),
            str(message["from"]),
            STATES.get(message["to"], str(message["to"])),
            int(message["priority"]),
            str(message["cause"]),
        )
        if len(self.records) == self.records.maxlen:
            self._ids.discard(self.records[0].id)
        self.records.append(record)
        self._ids.add(record.id)
        return record

    def find(self, query: Query) -> tuple[list[Record], bool]:
        """The newest records that are wanted, newest first, and whether there are older ones."""
        found: list[Record] = []
        for record in reversed(self.records):
            if (query.below and record.number >= query.below) or not query.wants(record):
                continue
            if len(found) == query.limit:
                return found, True
            found.append(record)
        return found, False
