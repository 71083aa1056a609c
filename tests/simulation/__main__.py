"""`make simulate HOURS=1000000`: histories for as many simulated hours, or the one of a seed."""

from __future__ import annotations

import os
import sys
import time

from tests.simulation.campaign import SEED, replay, simulate, wanted_hours
from tests.simulation.machine import Violation

begun = time.monotonic()
again = os.environ.get(SEED)
try:
    done = replay(again) if again else simulate(wanted_hours(1_000_000))
except Violation as violation:
    sys.exit(str(violation))
print(f"{done}, in {time.monotonic() - begun:.0f} s")
