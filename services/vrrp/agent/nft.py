"""Is the table of `firewall` in the kernel as it should be? Told to nft by the agent, again and again.

A file in the state folder remembers that there is a table, so that one that a killed service left goes at the next start, and
nobody who does not use it needs nft.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

from services.common.accounts import PATH
from services.common.problems import Problem
from services.vrrp.agent.firewall import GONE

log = logging.getLogger(__name__)

LIMIT_S = 10.0  # of one run of nft
PAUSE_S = 5.0  # before it is tried again
AGAIN_S = 15.0  # after which it is put again, all at once as ever, because others may have flushed all tables


class Firewall:
    """The table. `on_trouble(before, now)` is called when it cannot be put in place, or can again."""

    def __init__(self, marker: Path, on_trouble: Callable[[frozenset[Problem], frozenset[Problem]], None]) -> None:
        self.problems: frozenset[Problem] = frozenset()
        self._marker = marker
        self._on_trouble = on_trouble
        self._wanted: str | None = None  # None: nobody has said yet
        self._there: str | None = None  # None: unknown
        self._names: tuple[str, ...] = ()
        self._news = asyncio.Event()

    def want(self, table: str, names: Iterable[str]) -> None:
        """This table of `firewall.ruleset` from now on, because of these instances; empty: none."""
        self._wanted, self._names = table, tuple(names)
        self._news.set()

    async def run(self) -> None:
        """Keep the kernel at what is wanted; never returns."""
        while True:
            try:
                async with asyncio.timeout(PAUSE_S if self.problems else AGAIN_S if self._there else None):
                    await self._news.wait()
            except TimeoutError:
                self._there = None
            self._news.clear()
            if self._wanted is not None:
                self._troubled("" if self._wanted == self._there else await self._put(self._wanted))

    async def remove(self) -> None:
        """A declared stop: no table is left."""
        if trouble := await self._put(""):
            log.warning("the table of no_accept is left behind: %s", trouble)

    async def _put(self, table: str) -> str:
        """Why it could not be done, or nothing."""
        if not table and not self._marker.exists():
            self._there = ""
            return ""
        with contextlib.suppress(OSError):  # it costs no more than a table that is left behind
            self._marker.touch()
        trouble = await asyncio.to_thread(_tell, GONE + table)
        self._there = None if trouble else table
        if not trouble and not table:
            self._marker.unlink(missing_ok=True)
        return trouble

    def _troubled(self, trouble: str) -> None:
        reason = f"packets to its addresses are not dropped: {trouble}"
        now = frozenset(Problem(f"config/vrrp_instance/{name}", "accept", reason) for name in self._names if trouble)
        before, self.problems = self.problems, now
        if before != now:
            self._on_trouble(before, now)


def _tell(text: str) -> str:
    """Run nft; gives why it failed, in a line, or nothing."""
    program = shutil.which("nft", path=PATH)
    if program is None:
        return "there is no program nft: install nftables"
    try:
        done = subprocess.run([program, "-f", "-"], input=text, capture_output=True, text=True, timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        return f"nft takes longer than {LIMIT_S:g} s"
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return "" if done.returncode == 0 else (lines[0] if lines else f"nft exits with status {done.returncode}")
