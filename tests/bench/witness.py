"""When did the machine itself stand still? On a shared machine the hypervisor takes a processor away for milliseconds.

As a program, one for each processor: in the highest real-time class it sleeps for a millisecond again and again, and prints
`BEGIN END` (CLOCK_REALTIME in ns) whenever it woke more than LATE_NS late. What happens then says nothing of the programs
that are measured, so both programs' samples of such moments are left out.
"""

from __future__ import annotations

import bisect
import os
import sys
import time
from collections.abc import Sequence

from tests.bench.rivals import ROOT
from tests.kit.netns import Namespace

PERIOD_NS = 1_000_000
LATE_NS = 500_000
AFTER_NS = 1_000_000  # what waited for the processor comes shortly after
PRIORITY = 98


class Witness:
    """Watches while the `with` block runs; then `disturbed` may be asked."""

    def __init__(self, place: Namespace, period_ns: int = PERIOD_NS) -> None:
        program = (sys.executable, "-m", "tests.bench.witness", str(period_ns))
        self._processes = [place.start([*program, str(n)], cwd=ROOT) for n in os.sched_getaffinity(0)]
        self._begins: Sequence[int] = ()
        self._ends: Sequence[int] = ()

    def disturbed(self, at: int) -> bool:
        """Whether the machine stood still at this moment, or just before it."""
        k = bisect.bisect_right(self._begins, at) - 1
        return k >= 0 and at <= self._ends[k] + AFTER_NS

    def spoils(self, before: int, now: int, interval: int) -> bool:
        """Whether the machine is to blame for the time between two adverts that are `interval` ns apart by right.

        It stood still at one of them, or in between for so long that a master listens before it speaks again.
        """
        if self.disturbed(before) or self.disturbed(now):
            return True
        stalls = zip(self._begins, self._ends, strict=True)
        return now - before >= 2 * interval and any(before <= b <= now and e - b > interval for b, e in stalls)

    def disturbed_between(self, begin: int, end: int) -> bool:
        """Whether the machine stood still at any moment of this time."""
        return self.disturbed(end) or any(begin <= at <= end for at in self._begins) or self.disturbed(begin)

    def still(self, begin: int, end: int) -> int:
        """For how many ns of this time the machine stood still."""
        total, upto = 0, begin
        for stall_begin, stall_end in zip(self._begins, self._ends, strict=True):
            total += max(0, min(end, stall_end) - max(upto, stall_begin))
            upto = max(upto, stall_end)
        return total

    def __enter__(self) -> Witness:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()
        lines = [line for process in self._processes for line in process.output().splitlines(keepends=True)]
        stalls = sorted(tuple(map(int, line.split())) for line in lines if line.endswith("\n"))
        self._begins = [begin for begin, _ in stalls]
        latest = 0
        ends = []
        for _, end in stalls:  # an earlier stall of another processor may outlast a later one
            latest = max(latest, end)
            ends.append(latest)
        self._ends = ends


def watch(period_ns: int, processor: int) -> None:
    """One processor, for ever."""
    os.sched_setaffinity(0, {processor})
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    due = time.time_ns() + period_ns
    while True:
        time.sleep(max(0, due - time.time_ns()) / 1e9)
        now = time.time_ns()
        if now - due > LATE_NS:
            sys.stdout.write(f"{due} {now}\n")
            sys.stdout.flush()
            due = now
        due += period_ns


if __name__ == "__main__":
    watch(int(sys.argv[1]), int(sys.argv[2]))
