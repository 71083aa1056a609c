"""What is still to be done to the kernel's addresses, routes and rules, and announced, in small pieces and in order?

A thousand routers may fall back in one moment, each of them striking out what was still to be done for it: that costs what
the router has, not what all of them have.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from services.vrrp.addresses import VirtualAddress
from services.vrrp.election.actions import Hush
from services.vrrp.netlink import BATCH

if TYPE_CHECKING:
    from services.vrrp.routing.routes import Route
    from services.vrrp.routing.rules import Rule

ADD, REMOVE, ANNOUNCE, ADD_ROUTING, REMOVE_ROUTING = range(5)


class Job:
    """At most BATCH addresses of one router; none once they are struck out."""

    __slots__ = ("router", "rows", "what")

    def __init__(self, what: int, router: str, rows: tuple[VirtualAddress, ...]) -> None:
        self.what, self.router, self.rows = what, router, rows

    def strike(self, unwanted: Callable[[VirtualAddress], bool]) -> None:
        """Leave these out."""
        self.rows = tuple(row for row in self.rows if not unwanted(row))


class RoutingJob:
    """At most BATCH routes and rules of one router; none once they are struck out."""

    __slots__ = ("router", "rows", "what")

    def __init__(self, what: int, router: str, rows: tuple[Route | Rule, ...]) -> None:
        self.what, self.router, self.rows = what, router, rows

    def strike(self, unwanted: Callable[[Route | Rule], bool]) -> None:
        """Leave these out."""
        self.rows = tuple(row for row in self.rows if not unwanted(row))


class JobQueue:
    """First in, first out. What is struck out keeps its place, empty."""

    def __init__(self) -> None:
        self._jobs: deque[Job | RoutingJob | Hush] = deque()
        self._of: dict[str, deque[Job | RoutingJob]] = {}

    def __bool__(self) -> bool:
        return bool(self._jobs)

    def hush(self, hush: Hush) -> None:
        """One piece as it is."""
        self._jobs.append(hush)

    def addresses(self, what: int, router: str, rows: tuple[VirtualAddress, ...]) -> None:
        """In pieces: ADD, REMOVE or ANNOUNCE."""
        for at in range(0, len(rows), BATCH):
            self._append(Job(what, router, rows[at : at + BATCH]))

    def routing(self, what: int, router: str, rows: tuple[Route | Rule, ...]) -> None:
        """In pieces: ADD_ROUTING or REMOVE_ROUTING."""
        for at in range(0, len(rows), BATCH):
            self._append(RoutingJob(what, router, rows[at : at + BATCH]))

    def pop(self) -> Job | RoutingJob | Hush:
        """The next piece.

        :raises IndexError: there is none.
        """
        job = self._jobs.popleft()
        if not isinstance(job, Hush):
            own = self._of[job.router]
            own.popleft()
            if not own:
                del self._of[job.router]
        return job

    def strike_addresses(self, router: str, rows: Iterable[VirtualAddress]) -> None:
        """These are neither to be added nor announced any more."""
        gone = {(row.address, row.dev) for row in rows}
        for job in self._of.get(router, ()):
            if isinstance(job, Job) and job.what != REMOVE:
                job.strike(lambda row: (row.address, row.dev) in gone)

    def strike_routing(self, router: str, rows: Iterable[Route | Rule]) -> None:
        """These are not to be added any more."""
        gone = {row.identity for row in rows}
        for job in self._of.get(router, ()):
            if isinstance(job, RoutingJob) and job.what == ADD_ROUTING:
                job.strike(lambda row: row.identity in gone)

    def _append(self, job: Job | RoutingJob) -> None:
        self._jobs.append(job)
        self._of.setdefault(job.router, deque()).append(job)
