"""How do configuration, table, API and events come together? The process of the ipvs service.

Shell: it only joins. Configuration goes to the runtime, quorums that flip and problems go to notify, figures to telemetry.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from services.common import sdnotify, telemetry
from services.common.configuration import Configuration
from services.common.desired import Change
from services.common.events import Composer, Publisher
from services.common.judges import DECODERS
from services.common.options import Options
from services.common.problems import Problem
from services.common.serve import serve
from services.ipvs.director import Flip
from services.ipvs.drain import Told
from services.ipvs.live import LiveTable
from services.ipvs.runtime import Runtime
from services.ipvs.service import NAME, IpvsService
from services.ipvs.vrrp_watch import VrrpWatch
from vipkeeper.ipvs.v1 import ipvs_pb2_grpc

STATUS_PERIOD_S = 2.0
FILL_S = 3.0  # vrrp starts once we are ready: no address without its table, but no long wait for one either
FLUSH_S = 1.0  # for the last events at a declared stop


class Agent:
    """The service; everything runs on one loop."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._telemetry = telemetry.start(options)
        self._composer = Composer(options.node, "ipvs")
        self._publisher = Publisher(options)
        self._configuration = Configuration(options, DECODERS["ipvs"], self._problems_changed)
        self._runtime = Runtime(options.state_dir, self._telemetry, self._quorum_flipped)
        self._runtime.draining.told = self._drain_went_on
        self._runtime.troubled = lambda: self._configuration.now_further(self._runtime.problems())
        self._routers = VrrpWatch(options.socket_of("vrrp"), self._runtime.vrrp_told)
        self._live = LiveTable(self._runtime)
        self._service = IpvsService(self._runtime, self._live)
        self._observe()

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop`."""

        server = await serve(
            self._options,
            lambda s: ipvs_pb2_grpc.add_IpvsServiceServicer_to_server(self._service, s),
            [NAME],
            lambda: self._configuration.problems,
        )
        farewell: list[Flip] = []
        try:
            async with asyncio.TaskGroup() as tasks:
                work = [
                    tasks.create_task(self._configuration.run(self._configure)),
                    tasks.create_task(self._runtime.run()),
                    tasks.create_task(self._live.run()),
                    tasks.create_task(self._routers.run()),
                    tasks.create_task(self._publisher.run()),
                    tasks.create_task(self._report_state()),
                    tasks.create_task(self._pet()),
                ]
                await self._runtime.filled(FILL_S)
                sdnotify.ready()
                await stop.wait()
                sdnotify.stopping()
                farewell = self._runtime.director.farewell()
                for task in work:
                    task.cancel()
            await self._runtime.flush()
        finally:
            for flip in farewell:
                self._quorum_flipped(flip, "")
            self._runtime.close(flip.name for flip in farewell)
            await self._publisher.flush(FLUSH_S if self._publisher.pending else 0)
            await self._publisher.close()
            await server.stop(0.5)
            await self._telemetry.close()

    async def _configure(self, change: Change) -> Iterable[Problem]:
        problems = await self._runtime.configure(change)
        self._routers.need(bool(self._runtime.whole.follows))
        return problems

    def _quorum_flipped(self, flip: Flip, traceparent: str) -> None:
        q = flip.quorum
        for name in flip.servers:
            cause = "ipvs is there again" if q.up else "ipvs stops"
            self._publisher.publish(self._composer.real_server(flip.name, name, q.up, cause))
        self._publisher.publish(
            self._composer.virtual_server(flip.name, q.up, q.live_weight, q.quorum, traceparent=traceparent)
        )

    def _drain_went_on(self, told: Told) -> None:
        self._publisher.publish(self._composer.drain(*told.name, told.step.value, told.reason, told.connections))

    def _problems_changed(self, new: frozenset[Problem], resolved: frozenset[Problem]) -> None:
        for event in self._composer.configuration(resolved, new):
            self._publisher.publish(event)

    async def _report_state(self) -> None:
        """Keep the status key and systemd's status line true."""
        while True:
            state = self._state()
            self._configuration.state_changed(self._state)
            sdnotify.status(
                str(state["trouble"]) or f"{state['virtual_servers']} virtual servers, {state['down']} real servers down"
            )
            await asyncio.sleep(STATUS_PERIOD_S)

    def _state(self) -> dict[str, object]:
        director = self._runtime.director
        pools = [(name, pool) for name in director.names if (pool := director.pool(name)) is not None]
        return {
            "virtual_servers": len(pools),
            "real_servers": director.real_servers,
            "down": len(director.down),
            "quorum_lost": sum(not pool.quorum.up for _, pool in pools),
            "panics": sum(pool.standing.panic for _, pool in pools),
            "drains": len(self._runtime.drains.orders) + len(self._runtime.drains.leaving),
            "refused": len(self._runtime.refusals),
            "checker_connected": self._service.reporting > 0,
            "trouble": self._runtime.trouble,
        }

    async def _pet(self) -> None:
        """Tell systemd that the loop turns."""
        while (interval := sdnotify.watchdog_interval()) is not None:
            sdnotify.watchdog()
            await asyncio.sleep(interval)

    def _observe(self) -> None:
        observe, runtime, director = self._telemetry.observe, self._runtime, self._runtime.director
        observe("ipvs.writes", lambda: runtime.writes, "{operation}", "operations that the kernel carried out")
        observe("ipvs.repairs", lambda: runtime.repairs, "{operation}", "operations that undid what others did to the table")
        gauge = {
            "ipvs.refused": (lambda: len(runtime.refusals), "operations that the kernel refuses now"),
            "ipvs.real_servers": (lambda: director.real_servers, "real servers that are configured"),
            "ipvs.real_servers_down": (lambda: len(director.down), "real servers that are thought to be down"),
            "ipvs.drains": (lambda: len(runtime.drains.orders) + len(runtime.drains.leaving), "real servers that are drained"),
            "ipvs.available": (lambda: int(not runtime.trouble), "1 if the kernel's table can be written"),
            "ipvs.health_streams": (lambda: self._service.reporting, "checkers that report health now"),
            "ipvs.events_pending": (lambda: self._publisher.pending, "events that notify has not confirmed"),
        }
        for name, (read, description) in gauge.items():
            observe(name, read, "1", description, "gauge")
        observe("ipvs.problems", self._configuration.problem_counts, "{problem}", "problems now", "gauge")
        observe("ipvs.events_dropped", lambda: self._publisher.dropped, "{event}", "events lost because too many waited")
        observe("ipvs.quorum_up", self._quorums, "1", "1 if the virtual server has its quorum", "gauge")

    def _quorums(self) -> Iterable[tuple[int, dict[str, str]]]:
        director = self._runtime.director
        for name in director.names:
            pool = director.pool(name)
            yield int(pool is not None and pool.quorum.up), {"virtual_server": name}
