"""A real-time class is given up by a process that never pauses."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
BUSY = """
import os
from services.vrrp.bfd.scheduling import real_time
if not real_time(1):
    raise SystemExit(77)
assert os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK == os.SCHED_FIFO
while os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK != os.SCHED_OTHER:
    pass
"""
IMPERTURBABLE = """
import os, signal
from services.vrrp.bfd.scheduling import real_time
if not real_time(1):
    raise SystemExit(77)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGXCPU])
while True:
    pass
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    if done.returncode == 77:
        pytest.skip("no real-time class is permitted here")
    return done


def test_a_process_that_never_pauses_loses_its_real_time_class_and_goes_on() -> None:
    done = run(BUSY)
    assert (done.returncode, done.stderr) == (0, "bfd has too much to do for a real-time class, and goes on without\n")


def test_one_that_does_not_even_hear_of_it_is_ended_by_the_kernel() -> None:
    assert run(IMPERTURBABLE).returncode < 0


def test_without_permission_it_goes_on_as_it_is() -> None:
    program = "import os; from services.vrrp.bfd.scheduling import real_time; print(real_time(1), os.sched_getscheduler(0))"
    unprivileged = ["setpriv", "--bounding-set=-sys_nice", "--inh-caps=-sys_nice"] if os.geteuid() == 0 else []
    command = [*unprivileged, "prlimit", "--rtprio=0", sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "False 0\n"), done.stderr
