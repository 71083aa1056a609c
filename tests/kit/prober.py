"""One real probe worker, and the first results of the checks that it is given."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from services.checker import wire
from services.checker.kinds.what import What
from services.checker.pool import Result, Update
from services.checker.schedule import Timing
from services.checker.settings import Check
from services.checker.streak import Phase, Streak
from services.checker.workers import Workers
from tests.kit.wait import until_async

SECOND = 1_000_000_000
QUICK = Timing(delay_loop=SECOND // 5, connect_timeout=SECOND // 2, retry=0, delay_before_retry=SECOND // 20, warmup=0)
PATIENT = Timing(delay_loop=60 * SECOND, connect_timeout=20 * SECOND, retry=0, delay_before_retry=SECOND // 20, warmup=0)
UNKNOWN = Result(Streak(Phase.DOWN, 1), "not probed yet")


class Prober:
    """A worker and everything it has reported."""

    def __init__(self) -> None:
        self.reports: dict[str, list[Result]] = {}
        self.workers = Workers(1, lambda mine: [], self._take)

    def _take(self, rows: list[wire.Report]) -> None:
        for row in rows:
            self.reports.setdefault(row.check, []).append(row.result)

    def start(self, kind: str, what: What, timing: Timing = PATIENT) -> str:
        """Begin to check; gives the check's id."""
        check = Check("v", f"r{len(self.reports)}", f"{kind}[0]", what, timing)
        self.reports[check.id] = []
        self.workers.start([Update(check, UNKNOWN)])
        return check.id

    async def first(self, kind: str, what: What, timing: Timing = PATIENT) -> Result:
        """The first result of a check of the type `kind`, a field of a real server."""
        check_id = self.start(kind, what, timing)
        result: Result = (await until_async(lambda: self.reports[check_id], what=f"a result of {what}"))[0]
        return result

    async def cause(self, kind: str, what: What, timing: Timing = PATIENT) -> str:
        """Why the first probe failed; empty: it succeeded."""
        return (await self.first(kind, what, timing)).cause


@contextlib.asynccontextmanager
async def running_prober() -> AsyncIterator[Prober]:
    """A worker for one test."""
    it = Prober()
    task = asyncio.ensure_future(it.workers.run())
    try:
        await until_async(lambda: it.workers.pids, what="a worker")
        yield it
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
