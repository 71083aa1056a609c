"""What may be delivered now? In order for each subscriber, all subscribers at once, tried again, given up in the end.

Core. The shell carries `Start` out and answers each with `Finished`; it writes `Settle` down, so that a successor knows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never

from services.notify.render import Delivery
from services.notify.retry import Policy

BACKLOG = 10_000  # deliveries that may wait for one subscriber


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one attempt ended. `permanent`: another attempt would end the same way. `status`: a program's exit status,
    negative for a signal, None where it has none; `output`: the end of what it said."""

    ok: bool
    error: str = ""
    permanent: bool = False
    status: int | None = None
    output: str = ""


@dataclass(frozen=True, slots=True)
class Arrived:
    """An event is on disk, and this is what is to be done about it. Sequences grow."""

    sequence: int
    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True, slots=True)
class Finished:
    """The attempt that was started for this subscriber has ended."""

    subscriber: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Tick:
    """The deadline has passed."""


@dataclass(frozen=True, slots=True)
class Start:
    """Try this delivery; `attempt` counts from 1."""

    sequence: int
    attempt: int
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Settle:
    """Nothing more is done about this delivery: it succeeded, or was given up after so many attempts."""

    sequence: int
    delivery: Delivery
    delivered: bool
    attempts: int
    outcome: Outcome


Event = Arrived | Finished | Tick
Action = Start | Settle


@dataclass(frozen=True, slots=True)
class SubscriberView:
    """How one subscriber is served. `cursor`: the last event settled for it; `retry_at`: when the next attempt is due
    (ns), None unless it waits for one."""

    cursor: int
    backlog: int
    delivered: int
    given_up: int
    retry_at: int | None
    last_error: str
    failures: int


@dataclass(slots=True)
class _Waiting:
    sequence: int
    delivery: Delivery
    failures: int = 0
    first_failure: int = 0


@dataclass(slots=True)
class _Lane:
    queue: deque[_Waiting] = field(default_factory=deque)
    running: bool = False
    cursor: int = 0
    delivered: int = 0
    given_up: int = 0
    last_error: str = ""


class Order:
    """Deliveries of all subscribers. `limits`: attempts that may run at once, by sink; `floor`: up to here all is settled
    already."""

    def __init__(
        self, policies: Mapping[str, Policy], limits: Mapping[str, int], floor: int = 0, backlog: int = BACKLOG
    ) -> None:
        self._policies = policies
        self._limits = limits
        self._bound = backlog
        self._lanes: dict[str, _Lane] = {}
        self._retries: dict[str, int] = {}  # when, by subscriber
        self._ready: dict[str, deque[str]] = {sink: deque() for sink in limits}
        self._running = dict.fromkeys(limits, 0)
        self._open: dict[int, int] = {}  # deliveries that are not settled, by sequence, oldest first
        self._last = floor

    @property
    def floor(self) -> int:
        """The last event up to which everything is settled."""
        for sequence in self._open:
            return sequence - 1
        return self._last

    @property
    def busy(self) -> bool:
        """Attempts are running."""
        return any(self._running.values())

    def deadline(self) -> int | None:
        """When the next retry is due."""
        return min(self._retries.values(), default=None)

    def view(self) -> Mapping[str, SubscriberView]:
        """All subscribers that were ever served, by name."""
        return {
            name: SubscriberView(
                lane.cursor,
                len(lane.queue),
                lane.delivered,
                lane.given_up,
                self._retries.get(name),
                lane.last_error,
                lane.queue[0].failures if lane.queue else 0,
            )
            for name, lane in sorted(self._lanes.items())
        }

    def step(self, event: Event, now: int) -> tuple[Action, ...]:
        """What to do about it; `Start`s in the order in which they became possible."""
        actions: list[Action] = []
        match event:
            case Arrived():
                self._arrive(event, actions)
            case Finished():
                self._finish(event, now, actions)
            case Tick():
                pass
            case _:
                assert_never(event)
        for name in [name for name, at in self._retries.items() if at <= now]:
            self._resume(name)
        self._start(actions)
        return tuple(actions)

    def _arrive(self, event: Arrived, actions: list[Action]) -> None:
        self._last = max(self._last, event.sequence)
        if event.deliveries:
            self._open[event.sequence] = len(event.deliveries)
        for delivery in event.deliveries:
            lane = self._lanes.setdefault(delivery.subscriber, _Lane())
            lane.queue.append(_Waiting(event.sequence, delivery))
            if len(lane.queue) == 1:
                self._ready[delivery.sink].append(delivery.subscriber)
            elif len(lane.queue) > self._bound:
                self._shed(lane, actions)

    def _shed(self, lane: _Lane, actions: list[Action]) -> None:
        """Give up the oldest that no attempt is running for; the newest state of affairs matters most."""
        at = 1 if lane.running else 0
        oldest = lane.queue[at]
        del lane.queue[at]
        if at == 0 and oldest.delivery.subscriber in self._retries:  # its pause was for what is given up
            self._resume(oldest.delivery.subscriber)
        self._settle(lane, oldest, Outcome(False, f"more than {self._bound} deliveries waited"), actions)

    def _finish(self, event: Finished, now: int, actions: list[Action]) -> None:
        lane = self._lanes[event.subscriber]
        current, outcome = lane.queue[0], event.outcome
        sink = current.delivery.sink
        lane.running = False
        self._running[sink] -= 1
        if not outcome.ok:
            current.failures += 1
            if current.failures == 1:
                current.first_failure = now
            if not outcome.permanent:
                pause = self._policies[sink].pause(current.failures, now - current.first_failure)
                if pause is not None:
                    lane.last_error = outcome.error
                    self._retries[event.subscriber] = now + pause
                    return
        lane.queue.popleft()
        self._settle(lane, current, outcome, actions)
        if lane.queue:
            self._ready[sink].append(event.subscriber)

    def _resume(self, name: str) -> None:
        del self._retries[name]
        self._ready[self._lanes[name].queue[0].delivery.sink].append(name)

    def _settle(self, lane: _Lane, done: _Waiting, outcome: Outcome, actions: list[Action]) -> None:
        lane.cursor = max(lane.cursor, done.sequence)
        lane.last_error = outcome.error
        if outcome.ok:
            lane.delivered += 1
        else:
            lane.given_up += 1
        attempts = done.failures + 1 if outcome.ok else done.failures
        actions.append(Settle(done.sequence, done.delivery, outcome.ok, attempts, outcome))
        self._open[done.sequence] -= 1
        if not self._open[done.sequence]:
            del self._open[done.sequence]

    def _start(self, actions: list[Action]) -> None:
        for sink, ready in self._ready.items():
            while ready and self._running[sink] < self._limits[sink]:
                lane = self._lanes[ready.popleft()]
                lane.running = True
                self._running[sink] += 1
                first = lane.queue[0]
                actions.append(Start(first.sequence, first.failures + 1, first.delivery))
