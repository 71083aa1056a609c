"""What does the kernel have of these routes, rules and addresses? Read anew when somebody asks, at most once a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from services.vrrp.addresses import VirtualAddress
from services.vrrp.agent.placement import Kernel, Owned
from services.vrrp.netlink import Monitor

FRESH_S = 1.0


class KernelTable:
    """What was last seen; belongs to the running loop. Waits in a thread: a table may be large."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._seen: tuple[float, list[Owned], Kernel] | None = None

    async def look(self, everything: Sequence[Owned]) -> Kernel:
        """What the kernel has of these now.

        :raises OSError: it refuses.
        """
        wanted = list(everything)
        if not any(rows for _owner, _field, _wanted, rows in wanted):
            return Kernel({}, ())
        async with self._turn:
            if self._seen is None or self._seen[0] + FRESH_S < time.monotonic() or self._seen[1] != wanted:
                self._seen = time.monotonic(), wanted, await asyncio.to_thread(_read, wanted)
            return self._seen[2]


def _read(everything: Sequence[Owned]) -> Kernel:
    from services.vrrp.routing.route_netlink import present

    monitor = Monitor(0)
    try:
        interfaces = monitor.interfaces()
    finally:
        monitor.close()
    rows = [row for _owner, _field, _wanted, some in everything for row in some if not isinstance(row, VirtualAddress)]
    return Kernel(interfaces, present(rows, interfaces))
