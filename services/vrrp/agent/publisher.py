"""How does a transition become an event that notify has? With an id that a resent transition has again, and an acknowledgement.

The engine keeps each transition until it is acknowledged, which is when notify has it on disk. So neither an agent's death
nor notify's absence loses one, and notify removes what comes twice by the id.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from pathlib import Path

from services.common.events import Composer, Publisher
from services.common.options import Options
from services.common.telemetry import Telemetry
from services.vrrp.agent.history import NO_CHANGES, identity
from services.vrrp.channel import Message
from vipkeeper.common.v1 import event_pb2
from vipkeeper.notify.v1 import notify_pb2

log = logging.getLogger(__name__)

# keepalived, without notify_deleted, reports the end of an instance that leaves the configuration as FAULT
STATES = {"DELETED": "FAULT"}

Acknowledge = Callable[[str, int], None]


class Transitions:
    """The engine's transitions on their way to notify. `acknowledge(boot, sequence)`: they are safe up to this one."""

    def __init__(self, options: Options, telemetry: Telemetry, acknowledge: Acknowledge) -> None:
        self._telemetry = telemetry
        self._acknowledge = acknowledge
        self._compose = Composer(options.node, options.service)
        self._spool = options.state_dir / "undelivered.events"
        self._boot = ""
        self._last = 0  # the newest sequence taken from this engine
        self._waiting: deque[tuple[str, int]] = deque()  # ids and sequences that are not acknowledged, in order
        self._recovered: set[str] = set()  # ids that an earlier agent left, and that are on their way
        self.publisher = Publisher(options, on_settled=self._settled)

    def take(self, message: Message) -> None:
        """One transition as the engine tells it; one that was taken before is passed over."""
        boot, sequence = str(message["boot"]), int(message["sequence"])
        if boot != self._boot:
            self._boot, self._last = boot, 0
            self._waiting.clear()
        if sequence <= self._last:
            return
        self._last = sequence
        after = STATES.get(message["to"], str(message["to"]))
        if after in NO_CHANGES:
            self._advance()
            return
        if identity(message) in self._recovered:
            self._waiting.append((identity(message), sequence))
            return
        with self._telemetry.span(
            "vrrp.transition", kind=message["kind"], subject=message["name"], to=after, cause=message["cause"]
        ) as span:
            event = self._event(message, after, span.traceparent)
        event.id = identity(message)
        log.info("%s %s: %s -> %s: %s", message["kind"], message["name"], message["from"], message["to"], message["cause"])
        self._waiting.append((event.id, sequence))
        self.publisher.publish(event)

    def publish(self, event: event_pb2.Event) -> None:
        """An event that is no transition."""
        self.publisher.publish(event)

    def recover(self) -> None:
        """Take up what an earlier agent could not deliver before it stopped."""
        try:
            kept = notify_pb2.PublishRequest.FromString(self._spool.read_bytes())
        except FileNotFoundError:
            return
        except Exception as error:  # protobuf's DecodeError, or the disk's
            log.warning("%s cannot be read and is left aside: %s", self._spool, error)
            return
        for event in kept.events:
            self._recovered.add(event.id)
            self.publisher.publish(event)

    async def finish(self, seconds: float) -> None:
        """Deliver within `seconds`; what remains goes to disk for the next agent."""
        done = await self.publisher.flush(seconds)
        await self.publisher.close()
        if done:
            self._spool.unlink(missing_ok=True)
            return
        rest = self.publisher.undelivered()
        log.warning("notify does not answer; %d events are kept in %s", len(rest), self._spool)
        try:
            _write(self._spool, notify_pb2.PublishRequest(events=rest).SerializeToString())
        except OSError as error:
            log.error("cannot write %s: %s", self._spool, error.strerror)

    def _event(self, message: Message, after: str, traceparent: str) -> event_pb2.Event:
        name, before, cause, at = message["name"], message["from"], message["cause"], message["at"]
        if message["kind"] == "group":
            return self._compose.vrrp_sync_group(name, before, after, cause, traceparent=traceparent, at_ns=at)
        priority = int(message["priority"])
        return self._compose.vrrp_instance(name, before, after, priority, cause, traceparent=traceparent, at_ns=at)

    def _settled(self, event: event_pb2.Event) -> None:
        self._recovered.discard(event.id)
        if self._waiting and self._waiting[0][0] == event.id:
            self._waiting.popleft()
            self._advance()
        elif not self.publisher.pending:
            self._spool.unlink(missing_ok=True)  # what an earlier agent left is delivered

    def _advance(self) -> None:
        safe = self._waiting[0][1] - 1 if self._waiting else self._last
        self._acknowledge(self._boot, safe)


def _write(path: Path, data: bytes) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_bytes(data)
    fresh.replace(path)
