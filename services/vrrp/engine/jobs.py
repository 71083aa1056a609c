"""In which slices are addresses, routes and rules changed and announced? A queue of small pieces, so that no advert waits.

The pieces keep their order: addresses first, then routes and rules, then announcements. Removing something drops what is
still to be done for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from services.vrrp.addresses import VirtualAddress, packed
from services.vrrp.election.actions import AddAddresses, AddRouting, Announce, Hush, RemoveAddresses, RemoveRouting
from services.vrrp.election.events import StaticResult
from services.vrrp.election.pacing import Pacing
from services.vrrp.election.statics import OWNER
from services.vrrp.engine.job_queue import ADD, ADD_ROUTING, ANNOUNCE, REMOVE, REMOVE_ROUTING, Job, JobQueue, RoutingJob
from services.vrrp.netlink import Interface, Request, Requests
from services.vrrp.wire.sockets import Announcer, gratuitous_arp, unsolicited_advertisement

if TYPE_CHECKING:
    from services.vrrp.routing.route_netlink import RouteRequests
    from services.vrrp.routing.routes import Route
    from services.vrrp.routing.rules import Rule

SLICE = 500_000  # nanoseconds of one wake that may go into jobs; an advert that falls due waits for no more than that
Hushing = Callable[[Iterable[str], bool, Mapping[str, Interface]], None]


class Jobs:
    """The queue and the sockets it needs. `interfaces` is the present picture, by name.

    `expect_removal` is told of what will be removed, before; `announce_on` opens what announces on an interface.
    """

    def __init__(
        self,
        requests: Requests,
        expect_removal: Callable[[int, Iterable[str]], None],
        interfaces: Mapping[str, Interface],
        announce_on: Callable[[str], Announcer] = Announcer.on,
    ) -> None:
        self.interfaces = interfaces
        self.troubles: dict[tuple[str, str], str] = {}  # (router, address) -> why it could not be changed
        self.routing_troubles: dict[tuple[str, Route | Rule], str] = {}  # (router, row) -> why it could not be put in place
        self.announced: dict[str, int] = {}
        self.routing: RouteRequests | None = None  # there are no routes and rules without
        self.hush: Hushing = lambda names, on, interfaces: None  # there are no quiet links without
        self.placed: list[StaticResult] = []  # of static rows, since the caller last took them
        self._requests = requests
        self._expect_removal = expect_removal
        self._announce_on = announce_on
        self._announcers: dict[int, Announcer] = {}  # by the number of the interface
        self.bases: Mapping[str, str] = {}  # of VMACs: what announces for them
        self._queue = JobQueue()
        self.pacing = Pacing()

    @property
    def pending(self) -> bool:
        return bool(self._queue)

    def add(self, action: AddAddresses | RemoveAddresses | AddRouting | RemoveRouting | Announce | Hush) -> None:
        """Queue an action in pieces."""
        if isinstance(action, Hush):
            self._queue.hush(action)
        elif isinstance(action, (AddRouting, RemoveRouting)):
            self._add_routing(action)
        elif isinstance(action, AddAddresses):
            self._queue.addresses(REMOVE, action.router, action.instead)
            self._queue.addresses(ADD, action.router, action.addresses)
        elif isinstance(action, RemoveAddresses):
            self._forget(action)
            self._queue.addresses(REMOVE, action.router, action.addresses)
        else:
            for _ in range(action.repeat):
                self._queue.addresses(ANNOUNCE, action.router, action.addresses)

    def run(self, clock: Callable[[], int]) -> list[tuple[str, str]]:
        """One slice of the queue; gives (router, what) of each failure."""
        failures: list[tuple[str, str]] = []
        until = clock() + SLICE
        while self._queue:
            job = self._queue.pop()
            if isinstance(job, Hush):
                self.hush(job.links, job.on, self.interfaces)
            elif not job.rows:
                continue
            elif isinstance(job, RoutingJob):
                failures += self._change_routing(job)
            else:
                failures += self._announce(job, clock) if job.what == ANNOUNCE else self._change(job)
            if clock() >= until:
                break
        return failures

    def _forget(self, action: RemoveAddresses) -> None:
        self.pacing.drop(action.router, action.addresses)
        self._queue.strike_addresses(action.router, action.addresses)
        for row in action.addresses:
            self.troubles.pop((action.router, row.address), None)

    def _change(self, job: Job) -> list[tuple[str, str]]:
        add = job.what == ADD
        rows = [(self.interfaces[row.dev].number, row) for row in job.rows if row.dev in self.interfaces]
        failed = [(row, f"interface {row.dev} does not exist") for row in job.rows if row.dev not in self.interfaces]
        if rows and not add:
            for number, row in rows:
                self._expect_removal(number, [row.address])
        if rows:
            try:
                refused = self._requests.change(add, rows)
            except OSError as error:
                failed += [(row, error.strerror or str(error)) for _number, row in rows]
            else:
                failed += [(row, _reason(errno)) for row, errno in refused]
        if not add:
            return []
        self._note(job.router, job.rows, failed)
        if job.router.startswith(OWNER):
            self.placed += [StaticResult(job.router, row, self.troubles.get((job.router, row.address), "")) for row in job.rows]
        return [(job.router, "address") for _ in failed]

    def _note(self, router: str, rows: Iterable[VirtualAddress], failed: Iterable[tuple[VirtualAddress, str]]) -> None:
        for row in rows:
            self.troubles.pop((router, row.address), None)
        for row, reason in failed:
            self.troubles[router, row.address] = reason

    # -- a takeover that is made ready

    def request(self, action: AddAddresses) -> Request | None:
        """What `send` says to the kernel; None: an interface is not there."""
        if not all(row.dev in self.interfaces for row in action.addresses):
            return None
        return self._requests.request(True, [(self.interfaces[row.dev].number, row) for row in action.addresses])

    def send(self, request: Request) -> None:
        """Add these addresses now.

        :raises OSError: nothing could be said to the kernel.
        """
        self._requests.send(request)

    def outcome(self, router: str, request: Request) -> list[tuple[str, str]]:
        """What came of what was sent last; gives (router, what) of each failure."""
        failed = [(row, _reason(errno)) for row, errno in self._requests.outcome(request)]
        self._note(router, (row for _number, row in request.rows), failed)
        return [(router, "address") for _ in failed]

    def frames(self, action: Announce) -> list[tuple[Announcer, bytes]] | None:
        """What announces each address once; None: not all at once, or not now."""
        found: list[tuple[Announcer, bytes]] = []
        for row in action.addresses:
            interface = self.interfaces.get(row.dev)
            if interface is None or not self.pacing.free(row):
                return None
            if interface.announces:
                try:
                    found.append((self._announcer(interface), _frame(interface, row)))
                except OSError:
                    return None
        return found

    def announce(self, router: str, frames: Iterable[tuple[Announcer, bytes]]) -> list[tuple[str, str]]:
        """Send `frames`; gives (router, what) of each failure."""
        failures = []
        for announcer, frame in frames:
            try:
                announcer.send(frame)
                self.announced[router] = self.announced.get(router, 0) + 1
            except OSError:
                failures.append((router, "announce"))  # the next burst repeats it
        return failures

    # -- routes and rules

    def _add_routing(self, action: AddRouting | RemoveRouting) -> None:
        if isinstance(action, AddRouting):
            self._queue.routing(ADD_ROUTING, action.router, action.rows)
            return
        self._queue.strike_routing(action.router, action.rows)
        gone = {row.identity for row in action.rows}
        for key in [key for key in self.routing_troubles if key[0] == action.router and key[1].identity in gone]:
            del self.routing_troubles[key]
        self._queue.routing(REMOVE_ROUTING, action.router, action.rows)

    def _change_routing(self, job: RoutingJob) -> list[tuple[str, str]]:
        assert self.routing is not None
        add = job.what == ADD_ROUTING
        try:
            failed = self.routing.change(add, job.rows, self.interfaces)
        except OSError as error:
            failed = [(row, error.strerror or str(error)) for row in job.rows]
        if not add:
            return []
        for row in job.rows:
            self.routing_troubles.pop((job.router, row), None)
        self.routing_troubles.update(((job.router, row), reason) for row, reason in failed)
        if job.router.startswith(OWNER):
            reasons = dict(failed)
            self.placed += [StaticResult(job.router, row, reasons.get(row, "")) for row in job.rows]
        return [(job.router, "route") for _ in failed]

    def _announce(self, job: Job, clock: Callable[[], int]) -> list[tuple[str, str]]:
        failures = []
        for row in job.rows:
            if self.pacing.admits(job.router, row, clock()):
                failures += self._announce_one(job.router, row)
        return failures

    def pace(self, now: int) -> list[tuple[str, str]]:
        """Announce what has waited for its time; gives (router, what) of each failure."""
        return [failure for router, row in self.pacing.due(now) for failure in self._announce_one(router, row)]

    def _announce_one(self, router: str, row: VirtualAddress) -> list[tuple[str, str]]:
        interface = self.interfaces.get(row.dev)
        if interface is None or not interface.announces:
            return []
        try:
            announcer = self._announcer(interface)
        except OSError:
            return [(router, "announce")]  # the next burst repeats it
        return self.announce(router, [(announcer, _frame(interface, row))])

    def open_announcers(self, rows: Iterable[VirtualAddress]) -> None:
        """What announcing these addresses will need; what cannot be opened now may be opened then."""
        for name in {row.dev for row in rows}:
            interface = self.interfaces.get(name)
            if interface is not None and interface.announces:
                with suppress(OSError):
                    self._announcer(interface)

    def carried(self) -> dict[str, Any]:
        """What was announced, and what still waits for its time, for a successor."""
        return {"announced": self.announced, "waiting": [[router, row[:3]] for router, row in self.pacing.waiting]}

    def take_up(self, told: Mapping[str, Any], now: int) -> None:
        """Go on announcing where a predecessor is."""
        self.announced.update(told["announced"])
        for router, row in told["waiting"]:
            self.pacing.take_up(router, VirtualAddress(*row), now)

    def see(self, interfaces: Mapping[str, Interface]) -> None:
        """The interfaces are these now."""
        self.interfaces = interfaces
        for number in self._announcers.keys() - {interface.number for interface in interfaces.values()}:
            self._announcers.pop(number).close()

    def _announcer(self, interface: Interface) -> Announcer:
        interface = self.interfaces.get(self.bases.get(interface.name, ""), interface)
        announcer = self._announcers.get(interface.number)
        if announcer is None:
            announcer = self._announcers[interface.number] = self._announce_on(interface.name)
        return announcer


def _frame(interface: Interface, row: VirtualAddress) -> bytes:
    if ":" in row.address:
        return unsolicited_advertisement(interface.mac, packed(row.address), interface.forwards)
    return gratuitous_arp(interface.mac, packed(row.address))


def _reason(errno: int) -> str:
    import os

    if errno == 1:
        return "no permission to change addresses (the engine needs CAP_NET_ADMIN)"
    if errno == 13:
        return "IPv6 is off on the interface (sysctl net.ipv6.conf.INTERFACE.disable_ipv6)"
    return os.strerror(errno)
