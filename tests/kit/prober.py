"""One real probe worker that is asked by fields of the configuration, and is in no hurry; see `worker.Bench`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from services.checker.kinds.what import What
from services.checker.probing import Probing, Result, Update
from services.checker.schedule import Timing
from tests.kit.wait import until_async
from tests.kit.worker import FAR, QUICK, SECOND, Bench

PATIENT = Timing(delay_loop=60 * SECOND, connect_timeout=20 * SECOND, retry=0, delay_before_retry=SECOND // 20, warmup=0)


class Prober:
    """A worker and everything it has reported."""

    def __init__(self) -> None:
        self._bench = Bench()
        self.reports = self._bench.reports
        self.workers = self._bench.workers

    def start(self, kind: str, what: What, timing: Timing = PATIENT) -> int:
        """Begin to probe; gives the probing's number."""
        number = len(self.reports)
        self.reports[number] = []
        self.workers.start([Update(Probing(number, kind, what, timing), FAR)])
        return number

    async def first(self, kind: str, what: What, timing: Timing = PATIENT) -> Result:
        """The first result of a check of the type `kind`, a field of a real server."""
        number = self.start(kind, what, timing)
        result: Result = (await until_async(lambda: self.reports[number], what=f"a result of {what}"))[0]
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


__all__ = ["PATIENT", "QUICK", "Prober", "running_prober"]
