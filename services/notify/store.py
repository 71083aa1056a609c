"""How do events get onto the disk without a wait for each? Group commit over the journal, repeats removed, history kept."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp

from services.common.errors import UnavailableError
from services.common.watch_hub import WatchHub
from services.notify.journal import Journal
from vipkeeper.common.v1 import event_pb2
from vipkeeper.notify.v1 import notify_pb2

log = logging.getLogger(__name__)

HISTORY = 2_000  # events shown to people
KEPT = 10_000  # records kept on disk beyond what is unsettled
IDS = 50_000  # ids remembered against repeats
BATCH = 5_000  # records written at once
RETRY_S = 1.0


@dataclass(slots=True)
class Recovered:
    """What the journal held: events that are not settled, and what of them is done (sequence, subscriber, keyword)."""

    floor: int = 0
    pending: list[notify_pb2.JournaledEvent] = field(default_factory=list)
    done: set[tuple[int, str, str]] = field(default_factory=set)


@dataclass(slots=True)
class _Request:
    events: list[event_pb2.Event]
    future: asyncio.Future[None]


def stamp(ns: int) -> Timestamp:
    """Unix time in nanoseconds as a message."""
    return Timestamp(seconds=ns // 1_000_000_000, nanos=ns % 1_000_000_000)


class EventStore:
    """Events and deliveries on disk. `on_event` is called on the loop for each event that is new, once it is on disk, in
    order; `floor` gives the sequence up to which all is settled."""

    def __init__(
        self, journal: Journal, on_event: Callable[[notify_pb2.JournaledEvent], None], floor: Callable[[], int]
    ) -> None:
        self._journal = journal
        self._on_event = on_event
        self._floor = floor
        self._noted_floor = 0
        self._ids: dict[str, int] = {}
        self._writing: dict[str, asyncio.Future[None]] = {}
        self._requests: deque[_Request] = deque()
        self._notes: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self._closing = False
        self.hub: WatchHub[int, notify_pb2.JournaledEvent] = WatchHub()
        self.newest = 0
        self.repeats = 0
        self.trouble = ""

    def recover(self) -> Recovered:
        """Read the journal; once, before anything else."""
        found = Recovered()
        events: dict[int, notify_pb2.JournaledEvent] = {}
        for sequence, payload in self._journal.replay():
            record = notify_pb2.JournalRecord()
            try:
                record.ParseFromString(payload)
            except DecodeError:
                log.warning("journal: record %d is of another version and is passed over", sequence)
                continue
            match record.WhichOneof("record"):
                case "event":
                    record.event.sequence = sequence
                    events[sequence] = record.event
                    self._remember(record.event)
                case "delivery":
                    done = record.delivery
                    found.done.add((done.event_sequence, done.subscriber, done.keyword))
                    if done.event_sequence in events:
                        events[done.event_sequence].deliveries.append(done)
                case "settled":
                    found.floor = max(found.floor, record.settled)
        found.pending = [event for sequence, event in events.items() if sequence > found.floor]
        found.done = {key for key in found.done if key[0] > found.floor}
        self._noted_floor = found.floor
        for sequence in list(events)[-HISTORY:]:
            self.hub.put(sequence, events[sequence])
        return found

    async def publish(self, events: Sequence[event_pb2.Event]) -> None:
        """Return when all of them are on disk.

        :raises UnavailableError: they cannot be written now.
        """
        if self._closing:
            raise UnavailableError("the service stops")
        waits: dict[asyncio.Future[None], None] = {}
        fresh: dict[str, event_pb2.Event] = {}
        for event in events:
            if (running := self._writing.get(event.id)) is not None:
                waits[running] = None
            elif event.id in self._ids or event.id in fresh:
                self.repeats += 1
            else:
                fresh[event.id] = event
        if fresh:
            future = asyncio.get_running_loop().create_future()
            self._writing.update(dict.fromkeys(fresh, future))
            self._requests.append(_Request(list(fresh.values()), future))
            self._wake.set()
            waits[future] = None
        for wait in waits:
            await asyncio.shield(wait)

    def note(self, delivery: notify_pb2.Delivery) -> None:
        """Remember that a delivery is settled; written with the next batch."""
        self._notes.append(notify_pb2.JournalRecord(delivery=delivery).SerializeToString())
        self._wake.set()
        known = self.hub.values().get(delivery.event_sequence)
        if known is not None:
            fresh = notify_pb2.JournaledEvent()
            fresh.CopyFrom(known)
            fresh.deliveries.append(delivery)
            self.hub.put(delivery.event_sequence, fresh)

    def floor_moved(self) -> None:
        """More is settled than was noted; goes to disk soon, with others if there are any."""
        if self._floor() > self._noted_floor:
            self._wake.set()

    async def run(self) -> None:
        """Write until `close`."""
        try:
            while not self._closing or self._unwritten():
                await self._wake.wait()
                self._wake.clear()
                while self._unwritten():
                    if not await self._commit():
                        if self._closing:
                            return
                        await asyncio.sleep(RETRY_S)
        finally:
            self._journal.close()

    def close(self) -> None:
        """Let `run` write what is left and end."""
        self._closing = True
        self._wake.set()

    def _unwritten(self) -> bool:
        return bool(self._requests or self._notes) or self._floor() > self._noted_floor

    async def _commit(self) -> bool:
        """One batch; false: the disk did not take it, requests have been told, notes wait."""
        requests, events = [], 0
        while self._requests and events < BATCH:
            requests.append(self._requests.popleft())
            events += len(requests[-1].events)
        notes = [self._notes[i] for i in range(min(len(self._notes), BATCH))]
        floor = self._floor()
        received = stamp(time.time_ns())
        news = [notify_pb2.JournaledEvent(received=received, event=e) for request in requests for e in request.events]
        payloads = [notify_pb2.JournalRecord(event=event).SerializeToString() for event in news] + notes
        if floor > self._noted_floor:
            payloads.append(notify_pb2.JournalRecord(settled=floor).SerializeToString())
        try:
            sequences = await self._in_thread(self._journal.append, payloads)
        except OSError as error:
            self._refuse(requests, error)
            return False
        self.trouble = ""
        self._noted_floor = floor
        for _ in notes:
            self._notes.popleft()
        for sequence, event in zip(sequences, news, strict=False):
            event.sequence = sequence
            self._take(event)
        for request in requests:
            for event_ in request.events:
                self._writing.pop(event_.id, None)
            request.future.set_result(None)
        keep_from = min(floor + 1, sequences.stop - KEPT)
        await self._in_thread(self._journal.trim, keep_from)
        return True

    async def _in_thread(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """In a thread and to its end, even when cancelled: one thread at a time may touch the journal."""
        future = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            raise

    def _refuse(self, requests: list[_Request], error: OSError) -> None:
        if not self.trouble:
            log.error("cannot write to the journal: %s; publishers keep their events and try again", error.strerror)
        self.trouble = f"the journal cannot be written: {error.strerror}"
        for request in requests:
            for event in request.events:
                self._writing.pop(event.id, None)
            request.future.set_exception(UnavailableError(self.trouble))
            request.future.exception()  # whoever asked may be gone

    def _take(self, event: notify_pb2.JournaledEvent) -> None:
        self._remember(event)
        self.hub.put(event.sequence, event)
        values = self.hub.values()
        while len(values) > HISTORY:
            self.hub.remove(next(iter(values)))
        self._on_event(event)

    def _remember(self, event: notify_pb2.JournaledEvent) -> None:
        self.newest = event.sequence
        self._ids[event.event.id] = event.sequence
        if len(self._ids) > IDS:
            del self._ids[next(iter(self._ids))]
