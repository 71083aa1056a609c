"""How long does the machine itself stand still? A bare timer in real time, every 20 ms; one line per tick that was late.

CLOCK_REALTIME in nanoseconds, then by how many nanoseconds it was late. Standard library only: it starts fast.
"""

import os
import time

PERIOD_NS, WORTH_TELLING_NS = 20_000_000, 2_000_000


def main() -> None:
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except OSError:
        os.nice(-20)  # a kernel that gives real time to nobody gives it to the engine neither
    due = time.monotonic_ns() + PERIOD_NS
    while True:
        time.sleep(max(0, due - time.monotonic_ns()) / 1e9)
        late = time.monotonic_ns() - due
        if late > WORTH_TELLING_NS:
            print(time.time_ns(), late, flush=True)
        due = max(due + PERIOD_NS, time.monotonic_ns())


if __name__ == "__main__":
    main()
