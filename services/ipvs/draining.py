"""What becomes of drains and slow starts as time goes by? Orders kept on the disk, the next look, and news. Shell.

What follows from a look is `drain`'s decision; the runtime looks, and writes what it means to the kernel.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from services.common.errors import UnavailableError
from services.ipvs import orders_file
from services.ipvs.drain import Action, Drains, Event, Leaving, Name, Order, Ordered, Sights, Spot, TakenBack, Told

log = logging.getLogger(__name__)

LOOK_S = 1.0  # between two looks at the connections of a server that drains, and two steps of a slow start, at least
LONGEST_PAUSE_S = 30.0
LONGEST_SLEEP_S = 60.0  # the wall clock may be set meanwhile
SHARE = 50  # the pause is this many times as long as the look took
SECOND_NS = 1_000_000_000


class Draining:
    """Drains of one node. `told` may be set; it is told of every step of a drain. `clock`: Unix time, ns.

    `trouble`: why operators' orders of an earlier run are lost; empty when they are not.
    """

    def __init__(self, orders: Path, leaving: Iterable[Leaving], clock: Callable[[], int] = time.time_ns) -> None:
        self._path = orders
        self._due = asyncio.Event()
        self._busy = False  # something is looked at every second already
        self.clock = clock
        self.trouble = ""
        self.told: Callable[[Told], None] = lambda told: None
        self.drains = Drains(self._load(), {one.spot: one for one in leaving})

    def take(self, event: Event) -> tuple[Action, ...]:
        """The drains' next step; what it means for orders is on the disk when this returns.

        :raises UnavailableError: an operator's order cannot be kept, and nothing was done.
        """
        before = dict(self.drains.orders)
        actions = self.drains.step(event, self.clock())
        if self.drains.orders != before:
            try:
                orders_file.save(self._path, self.drains.orders)
                self.trouble = ""
            except UnavailableError as error:
                if isinstance(event, Ordered | TakenBack):
                    self.drains.orders = before
                    raise
                log.error("%s", error)
        return actions

    def tell(self, actions: Iterable[Action]) -> None:
        """The news among these."""
        for told in actions:
            if isinstance(told, Told):
                cut = f", {told.connections} connections were left" if told.connections else ""
                log.info("real server %s of %s: %s%s: %s", told.name[1], told.name[0], told.step.value, cut, told.reason)
                self.told(told)

    def waited_for(self) -> set[str]:
        """Virtual servers of which some server drains."""
        orders = {name[0] for name, order in self.drains.orders.items() if not order.out}
        return orders | {virtual for virtual, _ in self.drains.leaving}

    def sights(self, spot_of: Callable[[Name], Spot | None], counts: Callable[[Spot], Iterable[int | None]]) -> Sights:
        """What the last reading shows of those that drain; `counts` gives nothing where that cannot be known."""
        orders = [(name, spot) for name, o in self.drains.orders.items() if not o.out and (spot := spot_of(name))]
        return Sights(
            {name: count for name, spot in orders for count in counts(spot)},
            {spot: count for spot in self.drains.leaving for count in counts(spot)},
        )

    def wake(self, slow: bool) -> None:
        """There are other drains, or (`slow`) servers that start slowly."""
        if not (slow and self._busy):
            self._due.set()

    async def run(self, slow: Callable[[], bool], go_on: Callable[[], Awaitable[None]]) -> None:
        """Call `go_on` when something is due, and every second while somebody drains or (`slow`) starts slowly."""
        loop = asyncio.get_running_loop()
        pause = LOOK_S
        while True:
            due = self.drains.deadline()
            wait = LONGEST_SLEEP_S if due is None else max(0.0, (due - self.clock()) / SECOND_NS)
            self._busy = self.drains.waiting or slow()
            self._due.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(wait, pause if self._busy else LONGEST_SLEEP_S)):
                    await self._due.wait()
            began = loop.time()
            await go_on()
            pause = min(LONGEST_PAUSE_S, max(LOOK_S, SHARE * (loop.time() - began)))

    def _load(self) -> dict[Name, Order]:
        try:
            return orders_file.load(self._path)
        except UnavailableError as error:
            log.error("%s; operators' orders are lost", error)
            self.trouble = f"orders of an earlier run cannot be read: {error}"
            return {}
