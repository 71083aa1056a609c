"""Who looks out for a second master? The clock and the store's side of `split_brain`. Shell."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, cast

from services.common.problems import Problem
from services.vrrp.agent.engine_link import EngineLink
from services.vrrp.agent.split_brain import HINTS, Alarm, SplitBrain
from services.vrrp.views import InstanceView

LOOK_S = 1.0  # the engine tells of adverts as often
ASK_S = 5.0  # between two readings of the peers' status keys, by a node that is master of anything

Statuses = Callable[[], Awaitable[tuple[Mapping[str, Any] | None, str]]]
Changed = Callable[[frozenset[Problem], Iterable[str]], None]


class SplitWatch:
    """The alarms of this node. `statuses`: the peers' status keys, or None.

    `changed` is told when alarms or rivals have: the problems before, and the instances whose alarms are others now.
    """

    def __init__(self, node: str, link: EngineLink, statuses: Statuses, changed: Changed) -> None:
        self.core = SplitBrain(node)
        self._link = link
        self._statuses = statuses
        self._changed = changed
        self._known: Mapping[str, Any] | None = None

    async def run(self) -> None:
        """Look every second. Never returns."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._ask())
            while True:
                await asyncio.sleep(LOOK_S)
                self._look()

    @property
    def problems(self) -> frozenset[Problem]:
        """The alarms as problems."""
        return frozenset(problem(name, alarm) for name, alarm in self.core.alarms.items())

    def sentences(self, instance: str) -> tuple[str, ...]:
        """What Explain says of it."""
        alarm = self.core.alarms.get(instance)
        if alarm is None:
            return ()
        kind = alarm.finding.kind
        return (f"Split brain, {kind}: {alarm.finding.words}; {HINTS[kind]}.",)

    def _look(self) -> None:
        if not self._link.up:  # views are what an engine said that is gone
            return
        before, problems = dict(self.core.alarms), self.problems
        views = cast("Mapping[str, InstanceView]", self._link.told.instances)
        if self.core.look(views, self._known, time.time_ns()):
            after = self.core.alarms
            self._changed(problems, [name for name in before.keys() | after.keys() if before.get(name) != after.get(name)])

    async def _ask(self) -> None:
        while True:
            if any(view["state"] == "MASTER" for view in self._link.told.instances.values()):
                self._known, _why = await self._statuses()
            await asyncio.sleep(ASK_S)


def problem(instance: str, alarm: Alarm) -> Problem:
    """An alarm as operators see it everywhere."""
    finding = alarm.finding
    key = f"config/vrrp_instance/{instance}"
    return Problem(key, "", f"split brain ({finding.kind}): {finding.words}", HINTS[finding.kind])
