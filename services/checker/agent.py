"""How do configuration, workers, IPVS and API come together? The agent: the checker's main process.

Shell: carries out what pool.py and settings.py say. Changes of the configuration go to the workers that they concern,
reports of the workers to the pool, health that changed to ipvs and notify.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Mapping, Sequence

import grpc.aio

from services.checker import addresses, memory, service, settings, wire, workers
from services.checker.files import FileChecks
from services.checker.kinds.file import File
from services.checker.pool import Edit, Name, Pool
from services.checker.probing import Result, Update
from services.checker.report import Entry, Reporter
from services.checker.servers import Global, RealServer, TrackFile, VirtualServer
from services.checker.settings import Check
from services.common import sdnotify, telemetry
from services.common.configuration import Configuration
from services.common.desired import Change
from services.common.errors import InvalidValue
from services.common.events import Composer, Publisher
from services.common.options import Options
from services.common.problems import WARNING, Problem
from services.common.serve import serve
from services.common.watch_hub import WatchHub
from vipkeeper.checker.v1 import checker_pb2, checker_pb2_grpc

log = logging.getLogger(__name__)

SAVE_PERIOD_S = 1.0
FLUSH_S = 1.0  # for the last events at a declared stop
DOWN_SHOWN = 20

DECODERS = {
    "global": settings.decode_global,
    "virtual_server": settings.decode_virtual_server,
    "real_server": settings.decode_real_server,
    "track_file": settings.decode_track_file,
}


class Agent:
    """The state of one checker. Everything here runs on one event loop."""

    def __init__(self, options: Options, observer: telemetry.Telemetry) -> None:
        self._telemetry = observer
        self._memory_file = options.state_dir / "health.json"
        self.pool = Pool(memory.read(self._memory_file))
        self.hub: WatchHub[str, checker_pb2.Check] = WatchHub()
        self.next_probes: dict[int, int] = {}
        self.workers = workers.Workers(workers.cores(), self._resume, self._learn)
        self.files = FileChecks(self._learn, self._problems_changed)
        self.reporter = Reporter(options.socket_of("ipvs"))
        self.publisher = Publisher(options)
        self._composer = Composer(options.node, "checker")
        self.configuration = Configuration(options, DECODERS, self._problems_changed)
        self._global = Global()
        self._virtual: dict[str, VirtualServer] = {}
        self._real: dict[Name, RealServer] = {}
        self._track_files: dict[str, TrackFile] = {}
        self._members: dict[str, dict[str, None]] = {}
        self._problems: dict[Name, Problem] = {}
        self._stretch = 1.0
        self._local: frozenset[str] = frozenset()
        self._begun = False
        self._save = asyncio.Event()
        self._observe()

    # --- configuration ---

    def apply(self, change: Change) -> Iterable[Problem]:
        """Bring checks and servers to what one revision says; gives the problems between objects."""
        touched: dict[Name, None] = {}
        for (kind, name), value in change.upserts.items():
            self._upsert(kind, name, value, touched)
        for kind, name in change.removals:
            self._upsert(kind, name, None, touched)
        files = {name for kind, name in (*change.upserts, *change.removals) if kind == "track_file"}
        if files:
            self.files.name(self._track_files)
            touched |= dict.fromkeys(server for server, real in self._real.items() if not files.isdisjoint(_files_of(real)))
        self._edit(touched)
        if not self._begun:
            self._begun = True
            self.reporter.begin({name: Entry(health) for name, health in self.pool.health().items()})
        return self._further()

    def _upsert(self, kind: str, name: str, value: object, touched: dict[Name, None]) -> None:
        """Take one new, changed or (None) removed object; `touched` gathers the real servers that may change by it."""
        if kind == "global":
            self._global = value if isinstance(value, Global) else Global()
            touched |= dict.fromkeys(self._real)
        elif kind == "virtual_server":
            if isinstance(value, VirtualServer):
                self._virtual[name] = value
            else:
                self._virtual.pop(name, None)
            touched |= dict.fromkeys((name, real) for real in self._members.get(name, ()))
        elif kind == "real_server":
            virtual, _, real = name.partition("/")
            if isinstance(value, RealServer):
                self._real[virtual, real] = value
                self._members.setdefault(virtual, {})[real] = None
            else:
                self._real.pop((virtual, real), None)
                self._members.get(virtual, {}).pop(real, None)
            touched[virtual, real] = None
        elif kind == "track_file":
            if isinstance(value, TrackFile):
                self._track_files[name] = value
            else:
                self._track_files.pop(name, None)

    def _edit(self, touched: Iterable[Name]) -> None:
        """Have the workers do what the pool says of each of these servers."""
        self._follow([self._suspend(), *(self._edit_one(name) for name in touched)])

    def _suspend(self) -> Edit:
        waiting = {name for name, virtual in self._virtual.items() if addresses.suspended(virtual, self._local)}
        return self.pool.sleep(frozenset(waiting))

    def _further(self) -> tuple[Problem, ...]:
        return (*self._problems.values(), *self._pace())

    def _pace(self) -> list[Problem]:
        """Stretch the intervals, if more is asked for than there may be; gives the problem that says so."""
        limit, demand = self._global.max_probes_per_second, self.pool.demand
        stretch = max(1.0, demand / limit) if limit else 1.0
        if stretch != self._stretch:
            self._stretch = stretch
            self.workers.stretch(stretch)
        if stretch <= 1:
            return []
        why = f"checks ask for {demand:.0f} probes a second: their intervals are {stretch:.2g} times as long as configured"
        return [Problem("config/global", "max_probes_per_second", why, "raise it, or the checks' delay_loop", WARNING)]

    def _edit_one(self, name: Name) -> Edit:
        real, virtual = self._real.get(name), self._virtual.get(name[0])
        self._problems.pop(name, None)
        if real is None:
            return self.pool.remove(name)
        key = f"config/real_server/{name[0]}/{name[1]}"
        if virtual is None:
            hint = f"put config/virtual_server/{name[0]} too"
            self._problems[name] = Problem(key, "", f"virtual server {name[0]} does not exist", hint)
            return self.pool.remove(name)
        try:
            checks = settings.checks_of(name[0], virtual, name[1], real, self._global, self._track_files)
        except InvalidValue as e:
            self._problems[name] = Problem(key, e.field, e.reason, e.hint)
            return Edit()
        return self.pool.set(name, checks, virtual.weight if real.weight is None else real.weight)

    def _follow(self, edits: list[Edit]) -> None:
        """Tell workers, API and ipvs what these edits changed."""
        self._stop([number for edit in edits for number in edit.work.stop])
        self._start([update for edit in edits for update in edit.work.start])
        for edit in edits:
            for number in edit.work.stop:
                self.next_probes.pop(number, None)
            for check_id in edit.hidden:
                self.hub.remove(check_id)
            for check in edit.shown:
                self._publish(check)
            for name in edit.servers:
                self._judge(name, 0, "")
            for name in edit.gone:
                self.reporter.remove(name)
            if edit != Edit():
                self._save.set()

    def _start(self, updates: Sequence[Update]) -> None:
        """Start probings, each where it is carried out."""
        self.workers.start(u for u in updates if not isinstance(u.probing.what, File))
        self.files.start(u for u in updates if isinstance(u.probing.what, File))

    def _stop(self, numbers: Sequence[int]) -> None:
        self.workers.stop(numbers)
        self.files.stop(numbers)

    def _publish(self, check: Check) -> None:
        self.hub.put(check.id, service.message_of(self.pool, check))

    def _problems_changed(self, new: frozenset[Problem], resolved: frozenset[Problem]) -> None:
        self._save.set()
        for event in self._composer.configuration(resolved, new):
            self.publisher.publish(event)

    # --- results ---

    def _resume(self) -> Iterable[Update]:
        """All that the workers should be doing."""
        return (update for update in self.pool.at_work if not isinstance(update.probing.what, File))

    def _learn(self, reports: list[wire.Report]) -> None:
        """Results from a worker: those that change nothing only update times."""
        for report in reports:
            learned = self.pool.learn(report.probing, report.result)
            if learned is not None:
                self.next_probes[report.probing] = report.next_probe
                if learned.checks:
                    self._changed(learned.result, learned.checks)

    def _changed(self, result: Result, checks: tuple[Check, ...]) -> None:
        """Checks stand otherwise than before, or fail for another reason."""
        first = checks[0]
        whose = first.id if len(checks) == 1 else f"{first.id} and {len(checks) - 1} more"
        level = logging.INFO if result.streak.up and not result.cause else logging.WARNING
        if result.cause and result.streak.up and not any(check.log_all_failures for check in checks):
            level = logging.DEBUG
        state = "retrying" if result.streak.retrying else result.streak.phase.value
        log.log(level, "check %s of %s: %s%s", whose, first.target, state, f": {result.cause}" if result.cause else "")
        with self._telemetry.span(
            "checker.probe", check=whose, target=first.target, state=state, duration_ns=result.duration
        ) as span:
            if result.cause:
                span.fail(result.cause)
            for name in dict.fromkeys((check.virtual_server, check.real_server) for check in checks):
                self._judge(name, service.wall_clock(result.ended), span.traceparent)
        for check in checks:
            self._publish(check)
        self._save.set()

    def _judge(self, name: Name, at_ns: int, traceparent: str) -> None:
        """What the checks of a server now say of it; whoever must know is told."""
        before, now = self.pool.judge(name)
        if now is None or now == before:
            return
        if self._begun and not now.same(before):
            self.reporter.put(name, Entry(now, at_ns, traceparent))
        self._save.set()
        was_up = before is None or before.up
        if now.up == was_up or not (at_ns or before):  # a server that begins as down by alpha has not gone down
            return
        level, state = (logging.INFO, "up") if now.up else (logging.WARNING, f"down: {now.cause}")
        log.log(level, "real server %s of %s is %s", name[1], name[0], state)
        event = self._composer.real_server(name[0], name[1], now.up, now.cause, traceparent=traceparent, at_ns=at_ns or None)
        self.publisher.publish(event)

    # --- addresses of this node ---

    def addresses_changed(self, local: frozenset[str]) -> None:
        """Suspend or resume the checks of services with ha_suspend; their servers keep the health they have."""
        self._local = local
        self._follow([self._suspend()])
        self.configuration.now_further(self._further())

    # --- what observers see ---

    def _summarise(self) -> None:
        self.configuration.state_changed(self._summary)

    def _summary(self) -> dict[str, object]:
        """For the status key."""
        health = self.pool.health()
        down = sorted("/".join(name) for name, h in health.items() if not h.up)
        return {
            "real_servers": len(self.pool.names()),
            "up": len(health) - len(down),
            "down": down[:DOWN_SHOWN] + (["..."] if len(down) > DOWN_SHOWN else []),
            "problems": [problem.as_dict() for problem in sorted(self.files.problems)],
        }

    def _observe(self) -> None:
        observe, counters = self._telemetry.observe, self.workers.counters
        observe("checker.probes", lambda: counters().probes, "{probe}", "Probes that ended")
        observe("checker.probes_failed", lambda: counters().failed, "{probe}", "Probes that failed")
        observe("checker.probes_late", lambda: counters().late, "{probe}", "Probes that began a tenth of delay_loop late")
        observe("checker.probes_postponed", lambda: counters().postponed, "{probe}", "Probes that lacked a local resource")
        observe(
            "checker.probings",
            lambda: self.pool.probings,
            "{probe}",
            "Probes that repeat now",
            "gauge",
        )
        observe("checker.stretch", lambda: self._stretch, "1", "Factor of all intervals, for max_probes_per_second", "gauge")
        observe("checker.worker_restarts", lambda: self.workers.restarts, "{process}", "Workers that had to be replaced")
        observe("checker.reports", lambda: self.reporter.sent, "{message}", "Messages of the health stream now open", "gauge")
        observe("checker.events_dropped", lambda: self.publisher.dropped, "{event}", "Events lost while notify was away")
        observe("checker.problems", self._problem_counts, "{problem}", "Problems now", "gauge")
        observe("checker.real_servers", self._census, "{server}", "Real servers by health", "gauge")

    def problems(self) -> frozenset[Problem]:
        """Everything that is wrong now, in the configuration and with tracked files."""
        return frozenset(self.configuration.problems) | self.files.problems

    def _problem_counts(self) -> list[tuple[int, Mapping[str, str]]]:
        return self.configuration.problem_counts(self.files.problems)

    def _census(self) -> list[tuple[int, dict[str, str]]]:
        health = self.pool.health().values()
        up = sum(h.up for h in health)
        unknown = len(self.pool.names()) - len(health)
        return [(up, {"health": "up"}), (len(health) - up, {"health": "down"}), (unknown, {"health": "unknown"})]

    # --- memory ---

    async def remember(self) -> None:
        """Keep the file with the servers' health and the status key current, at most once a second; until cancelled."""
        while True:
            await self._save.wait()
            self._save.clear()
            self._summarise()
            await asyncio.to_thread(self.write_memory)
            await asyncio.sleep(SAVE_PERIOD_S)

    def write_memory(self) -> None:
        """Write the file now; a folder that cannot be written costs only the memory."""
        try:
            memory.write(self._memory_file, self.pool.memory())
        except OSError as e:
            log.warning("cannot write the servers' health to %s: %s", self._memory_file, e.strerror)


def _files_of(real: RealServer) -> Iterable[str]:
    """Names of the files that the server's checks ask for."""
    return (check["track_file"] for name, check in real.checks if settings.kind_of(name) == "file_check")


async def _feed_watchdog() -> None:
    interval = sdnotify.watchdog_interval()
    while interval:
        sdnotify.watchdog()
        await asyncio.sleep(interval)


async def main(options: Options, stop: asyncio.Event) -> None:
    """Run the checker until `stop` is set."""
    observer = telemetry.start(options)
    agent = Agent(options, observer)

    def add(server: grpc.aio.Server) -> None:
        servicer = service.CheckerServicer(agent.pool, agent.hub, agent.workers.refresh, agent.next_probes)
        checker_pb2_grpc.add_CheckerServiceServicer_to_server(servicer, server)

    server = await serve(options, add, [service.NAME], agent.problems)
    async with asyncio.TaskGroup() as tasks:
        running = [
            tasks.create_task(work)
            for work in (
                agent.workers.run(),
                agent.files.run(),
                agent.reporter.run(),
                agent.publisher.run(),
                addresses.follow(agent.addresses_changed),
                agent.configuration.run(agent.apply),
                agent.remember(),
                _feed_watchdog(),
            )
        ]
        sdnotify.ready()
        await stop.wait()
        sdnotify.stopping()
        for task in running:
            task.cancel()
    agent.write_memory()
    await server.stop(0.2)
    await agent.publisher.flush(FLUSH_S)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(FLUSH_S):
            await agent.publisher.close()
    await observer.close()
