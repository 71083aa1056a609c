"""What do operators order, and what follows from it? Drains of real servers judged, begun, taken back. Shell.

How a drain goes on is `drain`'s affair, what it means for weights the pool's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from services.common.errors import VipkeeperError
from services.ipvs.drain import Name, Order, Ordered, TakenBack, reason_of
from services.ipvs.policy import Quorum
from services.ipvs.runtime import Runtime

SYSCTLS = Path("/proc/sys/net/ipv4/vs")


class Refused(VipkeeperError):
    """The order makes no sense as things are; the text says why and what to do."""


class Unknown(VipkeeperError):
    """There is nothing of that name."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What an order leads to: the quorum without the server, and what its operator may not have thought of."""

    order: Order
    quorum: Quorum
    warnings: tuple[str, ...]


class Operator:
    """Orders of this node."""

    def __init__(self, runtime: Runtime, clock: Callable[[], int] = time.time_ns, sysctls: Path = SYSCTLS) -> None:
        self._runtime = runtime
        self._clock = clock
        self._sysctls = sysctls

    async def drain(self, name: Name, reason: str, deadline: int = 0, until: int = 0, validate_only: bool = False) -> Outlook:
        """Take a server out. Times are Unix ns, 0: none.

        :raises Unknown, Refused, InvalidValue, UnavailableError: it cannot be, and nothing was done.
        """
        now = self._clock()
        for field, moment in (("deadline", deadline), ("until", until)):
            if moment and moment <= now:
                raise Refused(f"{field}: is in the past")
        if until and deadline > until:
            raise Refused("deadline: is after until: the server would be back before it is out")
        order = Order(name, reason_of(reason), now, deadline, until)
        outlook = self._outlook(order)
        if not validate_only:
            virtual = self._runtime.director.pool(name[0])
            await self._runtime.drain(Ordered(order, at_once=virtual is not None and not virtual.settings.drains))
        return outlook

    async def end(self, name: Name, validate_only: bool = False) -> Order:
        """Take a server back; the order that has ended.

        :raises Unknown, UnavailableError: it cannot be.
        """
        order = self._runtime.drains.orders.get(name)
        if order is None:
            others = ", ".join("/".join(other) for other in sorted(self._runtime.drains.orders)) or "none"
            raise Unknown(f"nobody has drained {'/'.join(name)}; there are: {others}")
        if not validate_only:
            await self._runtime.drain(TakenBack(name))
        return order

    def _outlook(self, order: Order) -> Outlook:
        virtual, real = order.name
        pool = self._runtime.director.pool(virtual)
        if pool is None:
            known = ", ".join(sorted(self._runtime.director.names)) or "none"
            raise Unknown(f"virtual_server: there is no virtual server {virtual!r}; there are: {known}")
        if pool.member(real) is None:
            known = ", ".join(sorted(pool.names)) or "none"
            raise Unknown(f"real_server: virtual server {virtual!r} uses no real server {real!r}; it uses: {known}")
        quorum = pool.quorum_without(real)
        warnings = []
        if not quorum.live_weight:
            answer = "its sorry server answers" if pool.sorry is not None else "nobody answers new connections"
            warnings.append(f"no live server is left to {virtual}: {answer}")
        elif pool.quorum.up and not quorum.up:
            warnings.append(f"{virtual} loses its quorum: {quorum.live_weight} of {quorum.quorum}")
        if not pool.settings.drains:
            warnings += self._sysctl("expire_nodest_conn", "clients that it has now wait until their entries time out")
        elif pool.settings.persistence:
            warnings += self._sysctl("expire_quiescent_template", "clients that persistence binds to it still come")
        return Outlook(order, quorum, tuple(warnings))

    def _sysctl(self, name: str, consequence: str) -> list[str]:
        """A warning where the kernel does not do what a drain needs."""
        try:
            works = (self._sysctls / name).read_text().strip() != "0"
        except OSError:  # no IPVS, and then nothing to warn of
            works = True
        return [] if works else [f"{consequence}, because net.ipv4.vs.{name} is 0: set it to 1"]
