"""One probe worker, a real process, and everything that it has reported."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from dataclasses import replace

from services.checker import wire
from services.checker.kinds.http import Http
from services.checker.kinds.registry import KINDS
from services.checker.kinds.what import What
from services.checker.probing import Probing, Result, Update
from services.checker.schedule import Timing
from services.checker.streak import Phase, Streak
from services.checker.workers import Workers
from tests.kit.wait import until_async

SECOND = 1_000_000_000
QUICK = Timing(delay_loop=SECOND // 5, connect_timeout=SECOND // 2, retry=0, delay_before_retry=SECOND // 20, warmup=0)
UNHURRIED = replace(QUICK, connect_timeout=20 * SECOND)  # a busy machine's servers are slow
FAR = Result(Streak(Phase.DOWN, 1), "not probed yet")


class Bench:
    """One worker and everything it has reported."""

    def __init__(self) -> None:
        self.reports: dict[int, list[Result]] = {}
        self._numbers = itertools.count(1)
        self.workers = Workers(1, list, self._take)

    def _take(self, rows: list[wire.Report]) -> None:
        for row in rows:
            self.reports.setdefault(row.probing, []).append(row.result)

    async def first(self, what: What, timing: Timing = UNHURRIED, state: Result = FAR) -> Result:
        """The first result of a check that goes on from `state`; the first one asked for has number 1, and so on."""
        check = check_of(what, timing, next(self._numbers))
        self.reports[check.id] = []
        self.workers.start([Update(check, state)])
        return (await until_async(lambda: self.reports[check.id], what=f"a result of {check.what}"))[0]

    async def cause(self, what: What, timing: Timing = UNHURRIED) -> str:
        """Why the first probe failed; empty: it succeeded."""
        return (await self.first(what, timing)).cause


def check_of(what: What, timing: Timing = QUICK, number: int = 0) -> Probing:
    """What asks this."""
    fields = [field for field, kind in KINDS.items() if kind.what is type(what)]
    field = fields[-1] if isinstance(what, Http) and what.tls else fields[0]
    return Probing(number, field, what, timing)


@contextlib.asynccontextmanager
async def running_bench() -> AsyncIterator[Bench]:
    it = Bench()
    task = asyncio.ensure_future(it.workers.run())
    try:
        await until_async(lambda: it.workers.pids, what="a worker")
        yield it
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
