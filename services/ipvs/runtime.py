"""How does the kernel's table become what it should be, and stay so? The shell around the director.

Everything that changes the table goes through one lock: configuration, health, and what the regular reading finds. A
small change looks only at what it touches. IPVS tells nobody of changes that others make, so the whole table is read again
every few seconds; the pause grows with the time that takes, to two per cent of a core at most. What is refused stays a
problem and is tried again then.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from services.common.desired import Change
from services.common.errors import UnavailableError
from services.common.problems import Problem
from services.common.telemetry import Telemetry
from services.ipvs.director import Director, Flip, Report, Verdict, Work
from services.ipvs.drain import Action, Name, Ordered, Seen, Spot, TakenBack, connections_seen
from services.ipvs.draining import Draining
from services.ipvs.globals import Global
from services.ipvs.kernel import Kernel, Refusal, describe
from services.ipvs.ledger import Entries, Ledger
from services.ipvs.model import Destination, DestinationKey, ServiceKey
from services.ipvs.reconcile import (
    Operation,
    RemoveDestination,
    RemoveService,
    apply_one,
    plan,
    plan_service,
)
from services.ipvs.sight import Sight
from services.ipvs.sync import Routers
from services.ipvs.whole import Whole

log = logging.getLogger(__name__)

PAUSE_S = 2.0  # between two readings of the table, at least; also the rhythm of the kernel's rates
PAUSE_MAX_S = 30.0
SHARE = 50  # the pause is this many times as long as the reading took
RETRY_S = 5.0  # where there is no IPVS
GLANCE_S = 0.05  # between two looks whether our services are there, at least
GLANCE_SHARE = 100
GLANCE_AT = 8  # services that one of them asks for
AGAIN_SHARE = 5  # and the first one comes this many times as long after a reading as that took
GLOBAL = ("global", "")

Place = tuple[ServiceKey, DestinationKey | None]  # None: the service itself


class Runtime:
    """The table of this network namespace, and what it should be.

    `on_flip` is told of every quorum gained or lost, once the kernel has what follows from it, with the trace context of
    that change. `shown` may be set; it is told of places that may look different now (None: the whole service). `troubled`
    too; it is told when `problems` may be others, without a change of the configuration. `clock`: Unix time, ns.
    """

    def __init__(
        self,
        state_dir: Path,
        telemetry: Telemetry,
        on_flip: Callable[[Flip, str], None],
        open_kernel: Callable[[], Kernel] = Kernel,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._open_kernel = open_kernel
        self._telemetry = telemetry
        self._on_flip = on_flip
        self._ledger = Ledger(state_dir / "ledger.json")
        left = self._ledger.read()
        self._found_ours = left.owned
        self._owned = set(left.owned)
        self._clock = clock
        self.draining = Draining(state_dir / "orders.json", left.leaving, clock)
        self.drains = self.draining.drains
        self._kernel: Kernel | None = None
        self._lock = asyncio.Lock()
        self._started = asyncio.Event()
        self._down_changed = asyncio.Event()
        self._revision = 0
        self._global_known = False  # else there are settings of before that are still to come
        holds = {name: order.hold for name, order in self.drains.orders.items()}
        self.director = Director(left.down, holds, left.leaving, {(v, r): since for v, r, since in left.starts}, left.parted)
        self.whole = Whole(left.timeouts, left.sync, lambda: self._ledger.write(self._entries()))
        self._sight = Sight()
        self.actual, self.counters, self.loads = self._sight.actual, self._sight.counters, self._sight.loads
        self.refusals: dict[Place, Refusal] = {}
        self.trouble = ""  # why the kernel cannot be written; empty when it can
        self.writes = 0  # operations that the kernel carried out
        self.repairs = 0  # of these, the ones that undid what somebody else did
        self.drift: tuple[Operation, ...] = ()  # what others did, where it is only told
        self.shown: Callable[[ServiceKey, Iterable[DestinationKey] | None], None] = lambda key, places: None
        self.troubled: Callable[[], None] = lambda: None

    # --- what comes in ---

    async def configure(self, change: Change) -> list[Problem]:
        """A change of the configuration; the first one also adopts what the kernel has. Gives all problems across objects."""
        async with self._lock:
            if not self._started.is_set():
                await self._connect()
            upserts = {identity: settings for identity, settings in change.upserts.items() if identity != GLOBAL}
            if GLOBAL in change.upserts or GLOBAL in change.removals:
                self.whole.settings = change.upserts.get(GLOBAL, Global())
            self._global_known = self._global_known or GLOBAL in change.upserts or change.revision > 0
            now = self._clock()
            work = self.director.configure(upserts, change.removals - {GLOBAL}, self.actual, now, change.revision > 0)
            if self._revision == 0 < change.revision:  # only the store itself says what is no longer configured
                self._compare_all(work, now)
            self._revision = max(self._revision, change.revision)
            with self._telemetry.span("ipvs.configure", revision=change.revision):
                await self._do(work)
            if GLOBAL in change.upserts or GLOBAL in change.removals:
                await self._settle_whole()
                if self.drift and self.whole.settings.repair:
                    await self._repair()
            self._started.set()
        return self.problems()

    async def report(self, reports: Mapping[Name, Report], removed: Iterable[Name] = (), snapshot: bool = False) -> None:
        """The checker's words; returns when the kernel has what follows from them."""
        async with self._lock:
            work = self.director.report(reports, removed, snapshot, self._clock())
            for verdict in work.verdicts:
                log.info("%s", verdict)
            with contextlib.ExitStack() as spans:
                await self._do(work, self._trace(work.verdicts, spans))

    async def drain(self, event: Ordered | TakenBack) -> None:
        """An operator's order; returns when it is kept, and the kernel has what follows from it.

        :raises UnavailableError: it cannot be kept, and nothing was done.
        """
        async with self._lock:
            await self._carry(self.draining.take(event))
        self.draining.wake(slow=False)

    async def vrrp_told(self, routers: Routers) -> None:
        """The virtual routers of this node are now so; a sync daemon may follow one of them."""
        async with self._lock:
            before = self.problems()
            self.whole.routers = routers
            await self._settle_whole()
            if self.problems() != before:
                self.troubled()

    async def filled(self, at_most_s: float) -> bool:
        """Wait until the first configuration is in the kernel; False: not within `at_most_s` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(at_most_s):
                await self._started.wait()
        return self._started.is_set()

    async def run(self) -> None:
        """Keep the table right until cancelled; begins with the first configuration."""
        await self._started.wait()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_ledger())
            tasks.create_task(self._keep_table())
            tasks.create_task(self.draining.run(lambda: self.director.slow, self._go_on))

    # --- what goes out ---

    def problems(self) -> list[Problem]:
        """What does not fit together, and what the kernel refuses."""
        refused = (p for r in self.refusals.values() if (p := self._problem(r)) is not None)
        trouble = self.draining.trouble
        lost = [Problem("orders", "", trouble, "give the orders again")] if trouble else []
        return [*lost, *self.director.problems, *self.whole.problems, *dict.fromkeys(refused), *self._drift_problems()]

    async def refresh(self, at_most_s: float = 1.0) -> None:
        """Read the table, unless that happened within the last `at_most_s` seconds."""
        if self._kernel is not None and asyncio.get_running_loop().time() - self._sight.read_at > at_most_s:
            with contextlib.suppress(UnavailableError):  # `run` finds out and says so
                await self._read()

    async def plan(self) -> tuple[Operation, ...]:
        """What a reconciliation would do now."""
        await self.refresh(0)
        return plan(self.actual, self.director.wanted(), self._owned)

    def owns(self, key: ServiceKey) -> bool:
        """The service is configured here, or was."""
        return key in self._owned

    def connections(self, spot: Spot) -> int:
        """Connections of a server to all services of its virtual server, as of the last reading."""
        return self._sight.connections(self.director.keys(spot[0]), spot[1])

    def close(self, parted: Iterable[str] = ()) -> None:
        """Let go of the kernel; the table stays as it is, and traffic flows on. `parted`: those that a farewell spoke of."""
        self._ledger.write(dataclasses.replace(self._entries(), parted=tuple(parted)))
        if self._kernel is not None:
            self._kernel.close()
            self._kernel = None

    async def flush(self) -> None:
        """A declared stop, where the configuration wants the table flushed then: all of it, or what is ours."""
        extent = self.whole.settings.flush_on_stop
        async with self._lock:
            if self._kernel is None or not extent:
                return
            self._kernel.close()  # a write that the stop has cut short may still wait for its answer on this line
            await self._connect()
            if self._kernel is None:
                return
            try:
                if extent == "all":
                    await self._kernel.order(None)
                    self._owned.clear()
                else:
                    await self._write([RemoveService(key) for key in self.actual if key in self._owned])
                await self.whole.stop(self._kernel)
            except UnavailableError as e:
                self._lose(e)

    # --- carrying out ---

    def _compare_all(self, work: Work, now: int) -> None:
        """The store has spoken for the first time: what is in the table and is not its will, goes or drains."""
        strangers: dict[str, dict[DestinationKey, Destination]] = {}
        for key, entry in self.actual.items():
            if holder := self.director.holder(key):
                if key in self._found_ours:
                    strangers.setdefault(holder, {}).update(entry.destinations)
                work.look_at(key, entry.destinations)
            elif key in self._owned or self.whole.settings.flush:
                work.released.add(key)
        for holder, destinations in strangers.items():
            self.director.leave_strangers(holder, destinations.values(), work, now)

    async def _do(self, work: Work, traces: Mapping[Verdict, str] = MappingProxyType({})) -> None:
        """What follows from `work` in the kernel, and for the drains."""
        actions = [action for event in work.drains for action in self.draining.take(event)]
        await self._apply(work, traces)
        await self._carry(actions)

    async def _carry(self, actions: Sequence[Action]) -> None:
        if actions:
            await self._apply(self.director.carry(actions, self._clock()))
        self.draining.tell(actions)

    async def _apply(self, work: Work, traces: Mapping[Verdict, str] = MappingProxyType({})) -> None:
        operations: list[Operation] = []
        for key, places in work.places.items():
            wanted = self.director.wanted_at(key)
            if wanted is not None:
                operations += plan_service(self.actual.get(key), wanted, places)
        operations += [RemoveService(key) for key in work.released if key in self.actual]
        self._own(work.places, bool(work.drains))
        await self._carry_out(operations)
        if self.refusals:
            self._forget_settled_refusals()
        self._down_changed.set()
        if work.drains or self.director.slow:
            self.draining.wake(slow=not work.drains)
        if work.complaints:
            self.troubled()
        for key, places in work.places.items():
            self.shown(key, places)
        for key in work.released:
            self.shown(key, None)
        for flip in work.flips:
            log.info("%s", flip)
            self._on_flip(flip, traces.get(flip.cause, "") if flip.cause else "")

    def _own(self, keys: Iterable[ServiceKey], drains: bool) -> None:
        """What is configured is ours, and the ledger says so before the kernel is written; so it does with other drains."""
        fresh = [key for key in keys if key not in self._owned]
        self._owned.update(fresh)
        if fresh or drains:
            self._ledger.write(self._entries())

    def _entries(self) -> Entries:
        starts = tuple((virtual, real, since) for (virtual, real), since in sorted(self.director.starts.items()))
        return Entries(
            frozenset(self._owned),
            frozenset(self.director.down),
            tuple(self.drains.leaving.values()),
            starts,
            timeouts=self.whole.before,
            sync=self.whole.ours,
        )

    async def _settle_whole(self) -> None:
        """Time-outs and sync daemons."""
        if self._kernel is not None and self._global_known:
            try:
                await self.whole.reconcile(self._kernel)
            except UnavailableError as e:
                self._lose(e)

    async def _carry_out(self, operations: Sequence[Operation]) -> None:
        """Write to the kernel, note what it refuses; where the table is not as believed, read that service and try again."""
        operations = self._without_hasty_removals(operations)
        if self._kernel is None or not operations:
            return
        try:
            surprises = await self._write(operations)
            if surprises:
                await self._read(surprises)
                again = [o for k in surprises if (w := self.director.wanted_at(k)) for o in plan_service(self.actual.get(k), w)]
                await self._write(again)
        except UnavailableError as e:
            self._lose(e)

    def _forget_settled_refusals(self) -> None:
        """What the kernel refused is no problem any more once nobody wants it, or once it is so after all."""
        self.refusals = {place: r for place, r in self.refusals.items() if self._differs(place)}

    def _differs(self, place: Place) -> bool:
        key, at = place
        actual, wanted = self.actual.get(key), self.director.wanted_at(key)
        if at is None:
            return (actual and actual.service) != (wanted and wanted.service)
        return (actual and actual.destinations.get(at)) != (wanted and wanted.destinations.get(at))

    def _without_hasty_removals(self, operations: Sequence[Operation]) -> Sequence[Operation]:
        """Before the store has spoken there is only the local copy, which may be a second older than the kernel's table:
        what it does not know stays for now."""
        if self._revision:
            return operations
        return [o for o in operations if not isinstance(o, RemoveService) and not self._is_stranger(o)]

    def _is_stranger(self, operation: Operation) -> bool:
        if not isinstance(operation, RemoveDestination):
            return False
        pool = self.director.pool(self.director.holder(operation.key))
        place = operation.destination.key
        return pool is not None and not pool.name_at(place) and (pool.sorry is None or pool.sorry.key != place)

    async def _write(self, operations: Sequence[Operation]) -> set[ServiceKey]:
        """Gives the services whose table is not as believed."""
        if self._kernel is None or not operations:
            return set()
        keys = {operation.key for operation in operations}
        self._sight.touch(keys)
        try:
            refusals = {id(refusal.operation): refusal for refusal in await self._kernel.carry_out(operations)}
        finally:
            self._sight.touch(keys)
        for operation in operations:
            refusal = refusals.get(id(operation))
            log.debug("%s", refusal or describe(operation))
            if refusal is None:
                self._done(operation)
            elif not refusal.table_differs:
                self._refused(refusal)
        return {refusal.operation.key for refusal in refusals.values() if refusal.table_differs}

    def _done(self, operation: Operation) -> None:
        apply_one(self.actual, operation)
        self.writes += 1
        if isinstance(operation, RemoveService):
            self._owned.discard(operation.key)
            self._sight.forget(operation.key)

    def _refused(self, refusal: Refusal) -> None:
        place = place_of(refusal.operation)
        known = self.refusals.get(place)
        if known is None or known.reason != refusal.reason:
            log.warning("the kernel refuses to %s", refusal)
        self.refusals[place] = refusal

    def _problem(self, refusal: Refusal) -> Problem | None:
        """A refusal as a problem of the object that wants it; None if nothing configured does any more."""
        key, place = place_of(refusal.operation)
        virtual = self.director.holder(key)
        if not virtual:
            return None
        pool = self.director.pool(virtual)
        real = pool.name_at(place) if pool is not None and place is not None else ""
        if real:
            where, name = f"config/real_server/{virtual}/{real}", refusal.field
        else:
            where, name = f"config/virtual_server/{virtual}", refusal.field if place is None else "sorry_server"
            if name == "address" and pool is not None:
                name = pool.settings.addressed_by
        return Problem(where, name, f"the kernel refuses it: {refusal.reason}", refusal.hint)

    # --- reading ---

    async def _connect(self) -> None:
        try:
            self._kernel = self._open_kernel()
            await self._read()
            await self.whole.look(self._kernel)
        except UnavailableError as e:
            self._lose(e)
        else:
            if self.trouble:
                log.info("IPVS is there now")
            self.trouble = ""

    def _lose(self, error: UnavailableError) -> None:
        """Said once; tried again every few seconds."""
        if str(error) != self.trouble:
            log.warning("%s; virtual servers wait, everything else goes on", error)
        self.trouble = str(error)
        if self._kernel is not None:
            self._kernel.close()
        self._kernel = None
        for key in list(self.actual):
            self._sight.forget(key)

    async def _read(self, only: Collection[ServiceKey] | None = None) -> None:
        """Bring `actual` up to date."""
        if self._kernel is not None:
            await self._sight.read(self._kernel, only)

    # --- drains and slow starts ---

    def _counts(self, spot: Spot) -> Iterator[int | None]:
        """Connections of a server to all services of its virtual server, None if the table does not have it anywhere; nothing
        at all if the last reading cannot know."""
        keys = self.director.keys(spot[0])
        if self._kernel is None or not self._sight.settled(keys):
            return
        wanted = {key: entry for key in keys if (entry := self.director.wanted_at(key)) is not None}
        if wanted:
            given_up = {key for key, place in self.refusals if place is None} | {operation.key for operation in self.drift}
            yield from connections_seen(spot[1], wanted, self.actual, self.loads, given_up)

    async def _go_on(self) -> None:
        """Look at those that drain, and go on with whatever is due."""
        keys = {key for virtual in self.draining.waited_for() for key in self.director.keys(virtual)}
        if keys and self._kernel is not None:
            await self._read_or_lose(self._kernel, keys)
        async with self._lock:
            await self._carry(self.draining.take(Seen(self.draining.sights(self.director.spot, self._counts))))
            await self._do(self.director.tick(self._clock()))

    # --- staying right ---

    async def _keep_table(self) -> None:
        """Read the whole table again and again; sooner if a glance shows that services of ours have gone."""
        loop = asyncio.get_running_loop()
        pause, took = PAUSE_S, 0.0
        while True:
            if self._kernel is None:
                await asyncio.sleep(RETRY_S)
            else:
                await self._glance_until(loop.time() + pause, max(GLANCE_S, AGAIN_SHARE * took))
            began = loop.time()
            if self._kernel is None:
                async with self._lock:
                    await self._connect()
                    await self._settle_whole()
                    await self._carry_out(self._left_to_do())
            else:
                await self._read_or_lose(self._kernel)
                async with self._lock:
                    await self._repair()
                    await self._settle_whole()
            if self._kernel is not None:
                for key in [*self.actual, *self.director.wanted()]:
                    self.shown(key, None)
            self.troubled()
            took = loop.time() - began
            pause = min(PAUSE_MAX_S, max(PAUSE_S, SHARE * took))

    async def _glance_until(self, deadline: float, pause: float) -> None:
        """Ask for a few of the services by turns: what that costs grows with nothing. Ends at once when one has gone.

        `pause` is before the first look, in seconds.
        """
        loop = asyncio.get_running_loop()
        turn: list[ServiceKey] = []
        while (left := deadline - loop.time()) > 0:
            await asyncio.sleep(min(pause, left))
            turn = turn or self._expected()
            some, turn = turn[-GLANCE_AT:], turn[:-GLANCE_AT]
            began, stamp = loop.time(), self._sight.stamp
            some = [key for key in some if self.director.holder(key)]
            if self._kernel is None or any(key not in self.actual for key in some):
                return
            try:
                gone = bool(some) and await self._kernel.missing(some)
            except UnavailableError:  # the reading finds out and says so
                return
            if gone and stamp == self._sight.stamp:  # else it was us
                return
            pause = max(GLANCE_S, GLANCE_SHARE * (loop.time() - began))

    def _expected(self) -> list[ServiceKey]:
        """Services that should be in the kernel, without those that it refuses and those whose lack is only told."""
        told = {operation.key for operation in self.drift}
        return [key for key in self.director.services if (key, None) not in self.refusals and key not in told]

    async def _read_or_lose(self, kernel: Kernel, only: Collection[ServiceKey] | None = None) -> None:
        try:
            await self._read(only)
        except UnavailableError as e:
            if self._kernel is kernel:  # else a write has lost it meanwhile, and said so
                self._lose(e)

    def _left_to_do(self) -> Sequence[Operation]:
        """All that differs from what is wanted."""
        return self._without_hasty_removals(plan(self.actual, self.director.wanted(), self._owned))

    async def _repair(self) -> None:
        """Undo what others did to what is ours, and try again what the kernel refused."""
        if self._kernel is None:
            return
        operations = self._left_to_do()
        news = tuple(o for o in operations if place_of(o) not in self.refusals)
        if news and self.whole.settings.repair:
            log.warning("the table was changed from outside; putting right: %s", _summary(news))
            self.repairs += len(news)
        elif news and news != self.drift:
            log.warning("the table was changed from outside; left so: %s", _summary(news))
        self.drift = () if self.whole.settings.repair else news
        left = {o.key for o in self.drift}
        await self._carry_out([o for o in operations if o.key not in left])
        self._forget_settled_refusals()

    def _drift_problems(self) -> list[Problem]:
        """What others did to what is ours, by virtual server."""
        by_name: dict[str, list[Operation]] = {}
        for operation in self.drift:
            by_name.setdefault(self.director.holder(operation.key), []).append(operation)
        hint = "lvs_repair is off: undo it, or change the configuration"
        return [
            Problem(f"config/virtual_server/{name}", "", f"the table was changed from outside; missing: {_summary(some)}", hint)
            for name, some in by_name.items()
            if name
        ]

    async def _keep_ledger(self) -> None:
        """Note who is down, drains and starts, off the loop; the newest state counts."""
        noted: Entries | None = None
        while True:
            await self._down_changed.wait()
            self._down_changed.clear()
            entries = self._entries()
            if entries != noted:
                await asyncio.to_thread(self._ledger.write, entries)
                noted = entries

    def _trace(self, verdicts: Sequence[Verdict], spans: contextlib.ExitStack) -> dict[Verdict, str]:
        """For every verdict a step for the decision and one for the kernel's change; gives the trace contexts of these."""
        traces: dict[Verdict, str] = {}
        for verdict in verdicts:
            virtual, real = verdict.name
            up = verdict.report.up
            decision = spans.enter_context(
                self._telemetry.span("ipvs.decide", verdict.report.traceparent, virtual_server=virtual, real_server=real, up=up)
            )
            write = spans.enter_context(self._telemetry.span("ipvs.write", decision.traceparent, virtual_server=virtual))
            traces[verdict] = write.traceparent
        return traces


def place_of(operation: Operation) -> Place:
    """What an operation writes."""
    destination = getattr(operation, "destination", None)
    return operation.key, None if destination is None else destination.key


def _summary(operations: Sequence[Operation]) -> str:
    text = ", ".join(describe(operation) for operation in operations[:3])
    return text if len(operations) <= 3 else f"{text} and {len(operations) - 3} more"
