"""How is the bfd process punctual, and never at the engine's cost? A real-time class, for as long as it leaves others time.

A flood of packets, or an error, could keep the process busy for good. In a real-time class it would then use up what the
kernel grants all such processes of a processor (sched_rt_runtime_us), the engine among them.
"""

from __future__ import annotations

import os
import resource
import signal
import sys

# Microseconds of work without a pause: the class is given up; the kernel kills what goes on nevertheless (RLIMIT_RTTIME).
ENOUGH, TOO_MUCH = 300_000, 800_000


def real_time(priority: int) -> bool:
    """SCHED_FIFO at this priority, given up by itself after `ENOUGH`; False where it is not permitted."""
    try:
        resource.setrlimit(resource.RLIMIT_RTTIME, (ENOUGH, TOO_MUCH))
        signal.signal(signal.SIGXCPU, _give_up)
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(priority))
    except (OSError, ValueError):
        return False
    return True


def _give_up(_number: int, _frame: object) -> None:
    if os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK == os.SCHED_FIFO:
        os.sched_setscheduler(0, os.SCHED_OTHER | os.SCHED_RESET_ON_FORK, os.sched_param(0))  # the flag stays, sched(7)
        print("bfd has too much to do for a real-time class, and goes on without", file=sys.stderr, flush=True)
