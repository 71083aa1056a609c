"""What runs in notify? Events onto the disk, the core's orders carried out by the sinks, outcomes back and written down."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from services.common import accounts
from services.common.configuration import Configuration
from services.common.desired import Change, key_of
from services.common.errors import InvalidValue, UnavailableError
from services.common.events import Composer
from services.common.options import Options
from services.common.problems import Problem
from services.common.telemetry import Telemetry
from services.notify import events, render
from services.notify.journal import Journal
from services.notify.order import Action, Arrived, Event, Finished, Order, Outcome, Settle, Start, SubscriberView, Tick
from services.notify.render import Command, Delivery, Mail
from services.notify.retry import POLICIES
from services.notify.settings import DECODERS, Book, Id
from services.notify.sinks import script, smtp
from services.notify.store import EventStore, stamp
from vipkeeper.common.v1 import event_pb2
from vipkeeper.notify.v1 import notify_pb2

log = logging.getLogger(__name__)

PROGRAMS_AT_ONCE = 16
PATIENCE_S = 5.0  # for the configuration of an object that an event speaks of: the two come by different ways
STRANGERS = 10_000  # objects that nobody waits for again
UNPLANNED = 20_000  # events that may wait for the first configuration
DRAIN_S = 5.0  # for deliveries at a declared stop


class Runtime:
    """notify without its gRPC face.

    :raises StoreError: `--store` cannot be meant.
    :raises UnavailableError: the state folder is not usable, or another notify uses it.
    """

    def __init__(self, options: Options, telemetry: Telemetry) -> None:
        self._options = options
        self._telemetry = telemetry
        self._configuration = Configuration(options, DECODERS, self._on_problems)
        folder = options.state_dir / "journal"
        try:
            journal = Journal(folder)
        except BlockingIOError:
            raise UnavailableError(f"another notify uses {folder}; stop it, or choose another --state-dir") from None
        except OSError as e:
            raise UnavailableError(f"cannot use {folder}: {e.strerror}; check --state-dir and its owner") from None
        self.store = EventStore(journal, self._plan_later, lambda: self._order.floor)
        self._order = Order(POLICIES, {"script": PROGRAMS_AT_ONCE, "smtp": 1})
        self._done: set[tuple[int, str, str]] = set()
        self._events: dict[int, event_pb2.Event] = {}  # those that are not settled
        self._book = Book()
        self._strangers: dict[Id, None] = {}
        self._configured = asyncio.Event()
        self._changed = asyncio.Event()
        self._account: accounts.Account | InvalidValue = InvalidValue("script_user", "is not known yet")
        self._unplanned: asyncio.Queue[tuple[notify_pb2.JournaledEvent, float]] = asyncio.Queue()
        self._pool = ThreadPoolExecutor(PROGRAMS_AT_ONCE, "script")
        self._halt = threading.Event()
        self._running: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._compose = Composer(options.node, options.service)
        self.counts: Counter[str] = Counter()
        self._observe()

    @property
    def settled(self) -> int:
        """Up to this sequence everything is settled for everybody."""
        return self._order.floor

    def subscribers(self) -> tuple[tuple[str, bool, SubscriberView], ...]:
        """Name, whether it is configured now, and how it is served; in order of name."""
        configured, view = set(render.subscribers(self._book)), self._order.view()
        idle = SubscriberView(0, 0, 0, 0, None, "", 0)
        return tuple((name, name in configured, view.get(name, idle)) for name in sorted(configured | set(view)))

    async def publish(self, published: Sequence[event_pb2.Event]) -> None:
        """Return when these events are on disk.

        :raises UnavailableError: they cannot be kept now.
        """
        if self._unplanned.qsize() > UNPLANNED:
            raise UnavailableError(f"more than {UNPLANNED} events wait for the configuration; check --store")
        await self.store.publish(published)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the configuration now."""
        return self._configuration.problems

    def recover(self) -> None:
        """Read the journal and take up what is not settled."""
        found = self.store.recover()
        self._order = Order(POLICIES, {"script": PROGRAMS_AT_ONCE, "smtp": 1}, found.floor)
        self._done = found.done
        for event in found.pending:
            self._plan_later(event)
        if found.pending:
            log.info("%d events of an earlier run are taken up", len(found.pending))

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop`, then end what runs within some seconds. What remains is taken up by the next start."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.store.run())
            work = [tasks.create_task(self._configuration.run(self._on_change)), tasks.create_task(self._plan())]
            await stop.wait()
            await self._drain()
            for task in work:
                task.cancel()
            self.store.close()
        self._pool.shutdown(wait=False)

    async def _drain(self) -> None:
        """Give deliveries a bounded time; then interrupt programs, whose deliveries stay unsettled."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                if self._configured.is_set():
                    await self._unplanned.join()
                while self._running:
                    await asyncio.wait(tuple(self._running))
        self._halt.set()
        if self._timer is not None:
            self._timer.cancel()
        for task in tuple(self._running):
            task.cancel()
        self._pool.shutdown(cancel_futures=True, wait=False)

    # --- configuration

    def _on_change(self, change: Change) -> Iterable[Problem]:
        self._book = self._book.after(change.upserts, change.removals)
        problems = list(self._check())
        self._configured.set()
        self._changed.set()
        self._changed.clear()
        return problems

    def _check(self) -> Iterable[Problem]:
        """What can be said now about users and programs, before an event needs them."""
        try:
            self._account = accounts.account(self._book.general.script_user)
        except InvalidValue as e:
            self._account = e
            yield Problem("config/global", e.field, e.reason, e.hint)
        seen: dict[str, InvalidValue | None] = {}
        for identity, keyword, words in self._book.commands():
            if words[0] not in seen:
                seen[words[0]] = self._complaint(words[0])
            if (complaint := seen[words[0]]) is not None:
                yield Problem(key_of(identity), keyword, complaint.reason, complaint.hint)

    def _complaint(self, program: str) -> InvalidValue | None:
        if shutil.which(program, path=accounts.PATH) is None:
            return InvalidValue("", f"there is no program {program}", "give the whole path of an executable file")
        if self._book.general.enable_script_security and isinstance(self._account, accounts.Account):
            return accounts.insecure(program, self._account)
        return None

    def _on_problems(self, new: frozenset[Problem], resolved: frozenset[Problem]) -> None:
        self._keep(asyncio.ensure_future(self._tell(self._compose.configuration(resolved, new))))

    async def _tell(self, happened: Sequence[event_pb2.Event]) -> None:
        with contextlib.suppress(UnavailableError):  # said in the log already
            await self.publish(happened)

    # --- planning

    def _plan_later(self, event: notify_pb2.JournaledEvent) -> None:
        self.counts["events"] += 1
        self._unplanned.put_nowait((event, time.monotonic()))

    async def _plan(self) -> None:
        """Decide, in order, what is to be done about each event, once the configuration it belongs to is there."""
        await self._configured.wait()
        while True:
            event, since = await self._unplanned.get()
            happening = events.happening(event.event)
            if happening is not None:
                await self._known(happening, since + PATIENCE_S)
            deliveries = self._deliveries(event, happening)
            if deliveries:
                self._events[event.sequence] = event.event
            self._step(Arrived(event.sequence, deliveries))
            self.store.floor_moved()
            self._unplanned.task_done()

    async def _known(self, happening: render.Happening, deadline: float) -> None:
        """Wait for the object's configuration, once: whom it does not come for is not waited for again."""
        subject = render.subject_of(happening)
        if subject in self._strangers and not render.known(happening, self._book):
            return
        self._strangers.pop(subject, None)
        try:
            async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
                while not render.known(happening, self._book):
                    await self._changed.wait()
        except TimeoutError:
            self._strangers[subject] = None
            if len(self._strangers) > STRANGERS:
                del self._strangers[next(iter(self._strangers))]

    def _deliveries(self, event: notify_pb2.JournaledEvent, happening: render.Happening | None) -> tuple[Delivery, ...]:
        if happening is None:
            return ()
        every = render.deliveries(happening, self._book, event.event.node, events.environment(event.event))
        left = tuple(d for d in every if (event.sequence, d.subscriber, d.keyword) not in self._done)
        self._done -= {(event.sequence, d.subscriber, d.keyword) for d in every}
        return left

    # --- carrying out

    def _step(self, event: Event) -> None:
        for action in self._order.step(event, time.monotonic_ns()):
            self._carry_out(action)
        if self._timer is not None:
            self._timer.cancel()
        deadline = self._order.deadline()
        if deadline is not None:
            delay = max(0.0, (deadline - time.monotonic_ns()) / 1e9)
            self._timer = asyncio.get_running_loop().call_later(delay, self._step, Tick())

    def _carry_out(self, action: Action) -> None:
        match action:
            case Start():
                if not self._halt.is_set():
                    self._keep(asyncio.ensure_future(self._deliver(action)))
            case Settle():
                self._settle(action)

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _deliver(self, start: Start) -> None:
        event = self._events[start.sequence]
        with self._telemetry.span(
            "notify.deliver",
            event.traceparent,
            subscriber=start.delivery.subscriber,
            keyword=start.delivery.keyword,
            attempt=start.attempt,
        ) as span:
            try:
                outcome = await self._attempt(start.delivery.what, event)
            except Exception as e:  # a surprise in one delivery must not end the service, nor block its subscriber
                log.exception("delivery to %s", start.delivery.subscriber)
                outcome = Outcome(False, f"failed inside: {e}")
            if not outcome.ok:
                span.fail(outcome.error)
        if self._halt.is_set():
            return  # interrupted, or too late to be written down: the next start delivers again
        if not outcome.ok:
            self.counts["failed"] += 1
            log.warning(
                "%s, %s, attempt %d: %s", start.delivery.subscriber, start.delivery.keyword, start.attempt, outcome.error
            )
        self._step(Finished(start.delivery.subscriber, outcome))

    async def _attempt(self, what: Command | Mail, event: event_pb2.Event) -> Outcome:
        if isinstance(what, Mail):
            return await self._send(what, event)
        if isinstance(self._account, InvalidValue):
            return Outcome(False, f"script_user: {self._account}")
        if self._book.general.enable_script_security:
            refusal = accounts.insecure(what.words[0], self._account)
            if refusal is not None:
                return Outcome(False, f"{refusal.reason}; {refusal.hint}", permanent=True)
        who, extra = self._account, dict(what.environment)
        return await asyncio.get_running_loop().run_in_executor(
            self._pool, lambda: script.run(what.words, who, extra, stop=self._halt)
        )

    async def _send(self, mail: Mail, event: event_pb2.Event) -> Outcome:
        general = self._book.general
        if general.smtp_server is None:
            return Outcome(False, "there is no smtp_server any more", permanent=True)
        message = smtp.compose(mail, event.id, events.time_ns(event) or time.time_ns(), self._options.node)
        helo = general.smtp_helo_name or socket.gethostname()
        return await smtp.send(general.smtp_server, mail, message, helo=helo, limit_s=general.smtp_connect_timeout / 1e9)

    def _settle(self, action: Settle) -> None:
        delivery, outcome = action.delivery, action.outcome
        self.counts["delivered" if action.delivered else "given_up"] += 1
        if not action.delivered:
            log.error("%s, %s: given up after %d attempts", delivery.subscriber, delivery.keyword, action.attempts)
        note = notify_pb2.Delivery(
            event_sequence=action.sequence,
            subscriber=delivery.subscriber,
            keyword=delivery.keyword,
            result=notify_pb2.DELIVERY_RESULT_DELIVERED if action.delivered else notify_pb2.DELIVERY_RESULT_GIVEN_UP,
            attempts=action.attempts,
            error=outcome.error,
            output=outcome.output,
            time=stamp(time.time_ns()),
        )
        if outcome.status is not None:
            note.exit_status = outcome.status
        self.store.note(note)
        while self._events and (oldest := next(iter(self._events))) <= self._order.floor:
            del self._events[oldest]
        self._configuration.state_changed(self.summary)

    # --- being watched

    def summary(self) -> Mapping[str, object]:
        """For the status key."""
        backlog = sum(view.backlog for _, _, view in self.subscribers())
        return {**self.counts, "backlog": backlog, "newest": self.store.newest, "trouble": self.store.trouble}

    def _observe(self) -> None:
        def counter(name: str, unit: str, text: str) -> None:
            self._telemetry.observe(f"notify.{name}", lambda: self.counts[name], unit, text)

        counter("events", "{event}", "Events journaled")
        counter("delivered", "{delivery}", "Deliveries that succeeded")
        counter("given_up", "{delivery}", "Deliveries that were given up")
        counter("failed", "{attempt}", "Attempts that failed")
        self._telemetry.observe(
            "notify.backlog",
            lambda: sum(view.backlog for view in self._order.view().values()),
            "{delivery}",
            "Deliveries that wait or run",
            "gauge",
        )
        counts = self._configuration.problem_counts
        self._telemetry.observe("notify.problems", counts, "{problem}", "Problems now", "gauge")
        self._telemetry.observe("notify.repeats", lambda: self.store.repeats, "{event}", "Events that came again")
