"""One simulated machine: the vrrp core that the engine runs, with a clock of its own, accidents, and a watchful shell.

The shell does what the engine's does, at once: adverts leave, addresses come and go, a kill leaves the hand-over and the
addresses behind. It checks after every step what must hold of one machine alone (see `invariants`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from services.common.problems import ERROR
from services.vrrp.config.resolve import Resolved, resolve
from services.vrrp.config.settings import DECODERS, SECOND
from services.vrrp.election import orders
from services.vrrp.election.actions import Action, AddAddresses, RemoveAddresses, SendAdvert, SendTogether, State, Transition
from services.vrrp.election.events import (
    AddressVanished,
    Configured,
    Event,
    InterfaceChanged,
    PacketReceived,
    Release,
    ScriptResult,
    Slept,
    Started,
    Stopped,
    TimeReached,
)
from services.vrrp.election.node import Node
from services.vrrp.election.snapshot import Saved

QUEUE = 256  # packets that the socket of a stalled engine keeps
SLOW = 100 * 1_000_000  # nanoseconds; who comes to a takeover later than that has slept
NOTICED = SECOND + SLOW  # nanoseconds; the engine's own work, once a second, came late: it knows that it slept
MILLION = 1_000_000
Objects = dict[tuple[str, str], dict[str, Any]]


class Violation(AssertionError):
    """Something that must always hold did not."""


class Clock(NamedTuple):
    """CLOCK_BOOTTIME of one machine: its own origin, and `ppm` millionths too fast."""

    origin: int
    ppm: int

    def shows(self, true: int) -> int:
        return self.origin + true + true * self.ppm // MILLION

    def when(self, shown: int) -> int:
        """The first true moment at which it shows `shown` or more."""
        true = (shown - self.origin) * MILLION // (MILLION + self.ppm)
        while self.shows(true) < shown:
            true += 1
        return true


class Last(NamedTuple):
    """The advert before, of one router; it must be followed by another within `interval`."""

    at: int
    interval: int


class Machine:
    """A machine that may be off (`node` None), stalled, asleep or without carrier. Times given are true times.

    :param late: how long after its time a timer may be served while nothing is wrong, nanoseconds.
    :param sent: takes (machine, advert); tell: takes what happened in words.
    """

    def __init__(
        self,
        name: str,
        number: int,
        clock: Clock,
        late: int,
        sent: Callable[[Machine, SendAdvert], None],
        tell: Callable[..., None],
    ) -> None:
        self.name = name
        self.address = f"192.168.200.{number}"
        self.address6 = f"fe80::{number:x}"
        self.clock = clock
        self.late = late
        self.objects: Objects = {}
        self.resolved: Resolved | None = None
        self.node: Node | None = None
        self.present: set[str] = set()
        self.carrier = {"eth0": True, "eth1": True}
        self.scripts_ok = True
        self.stalled = self.asleep = self.running = False
        self.armed: int | None = None  # the deadline, by its own clock, for which the world will wake it at `wake_at`
        self.wake_at: int | None = None
        self.steps = 0
        self.now = 0
        self._saved: tuple[Saved, ...] = ()
        self._queue: list[tuple[str, bytes, int]] = []
        self._sent, self._tell = sent, tell
        self._adverts: dict[str, Last] = {}
        self._heard: dict[str, Last] = {}  # by nopreempt backups: when the last advert came, what silence must follow it
        self._stalled_at = 0
        self._listening: dict[str, int] = {}  # routers that slept through everybody's patience: silent until when, at least
        self._listened: dict[str, int] = {}  # when they last did so; one that was a little late does it once in a silence
        self._watch: dict[tuple[str, int], str] = {}  # (interface, VRID) of routers with nopreempt
        self._owners: dict[str, str] = {}

    # -- life

    def state(self, router: str) -> State | None:
        return self.node.routers[router].state if self.node is not None and router in self.node.routers else None

    def start(self, now: int) -> None:
        self.node, self.stalled, self.asleep, self.running = Node(), False, False, True
        self._forget()
        self.step(Started(self._saved), now)
        self._saved = ()
        for name in self.carrier:
            self.step(self._interface(name), now)
        self.configure(now)
        self.report(now)

    def configure(self, now: int) -> None:
        decoders = {**DECODERS, orders.KIND: orders.decode}
        resolved = self.resolved = resolve({(k, n): decoders[k](n, v) for (k, n), v in self.objects.items()})
        assert not [p for p in resolved.problems if p.severity == ERROR], resolved.problems
        routers = resolved.routers.values()
        self._heard.clear()  # by other rules
        self._listening.clear()
        self._watch = {(r.interface, r.vrid): r.name for r in routers if r.nopreempt}
        self._owners = {row.address: r.name for r in routers for row in r.addresses + r.excluded}
        self.step(Configured(self.given(resolved)), now)

    def given(self, resolved: Resolved) -> Resolved:
        """What the core is told of a configuration: all of it. Machines that are to be caught override this."""
        return resolved

    def kill(self) -> None:
        """kill -9 of the engine: what it did for the kernel stays, and a successor finds the hand-over."""
        assert self.node is not None
        scripts = [s.saved(name) for s in self.node.surroundings.sources.values() for name in s.states]
        self._saved = (*(router.saved() for router in self.node.routers.values()), *scripts)
        self._gone()

    def power_off(self) -> None:
        """The whole machine: nothing stays."""
        self.present.clear()
        self._saved = ()
        self._gone()

    def stop(self, now: int) -> None:
        """SIGTERM."""
        self.step(Stopped(), now)
        self._saved = ()
        self._gone()
        if self.present:
            raise Violation(f"{self.name}: keeps {sorted(self.present)} after a declared stop")

    def _gone(self) -> None:
        self.node = None
        self.stalled = self.asleep = self.running = False
        self._forget()

    def _forget(self) -> None:
        self._adverts.clear()
        self._heard.clear()
        self._listening.clear()
        self._listened.clear()
        self._queue.clear()

    # -- accidents and operators

    def stall(self, asleep: bool, now: int) -> None:
        """SIGSTOP, a hypervisor's pause; `asleep`: suspended, so that the network card hears nothing either."""
        self.stalled, self.asleep, self.running = True, asleep, False
        self._stalled_at = self.clock.shows(now)

    def wake(self, now: int, timers_first: bool = False) -> None:
        """It goes on: what waits in the socket, then what is due, as the engine does it unless the stall hit in between."""
        self.stalled, self.asleep, self.running = False, False, True
        self._adverts.clear()  # late, but stalled
        self.must_listen(self.clock.shows(now), anyway=not timers_first)
        if timers_first:
            self._heard.clear()
            self.step(TimeReached(), now)
        waiting, self._queue = self._queue, []
        shown = self.clock.shows(now)
        for interface, data, came in waiting:
            age = shown - came
            self.receive(interface, data, now, age if age < SECOND else 0)
        if shown - self._stalled_at > NOTICED:
            self.step(Slept(shown - self._stalled_at), now)
        self.step(TimeReached(), now)

    def must_listen(self, shown: int, anyway: bool = True) -> None:
        """Who slept through the moment of a takeover, or as master through everybody's patience, waits for an interval.

        `anyway`: so does a backup that slept for longer than one.
        """
        assert self.node is not None
        for name, router in self.node.routers.items():
            if router.state not in (State.BACKUP, State.MASTER):
                continue  # an owner whose start was delayed until now speaks at once
            settings = router.settings
            longest = max(router.master_interval, settings.advert_int)
            patience = settings.down_timer_adverts * longest + max(longest, SECOND)
            takeover = router.master_down_at if router.state is State.BACKUP else self._stalled_at + patience
            late = shown - takeover if takeover is not None else 0
            again = self._listened.get(name, 0) > max(router.last_heard, router.since)
            slept = late > max(SLOW, router.master_interval) or (late > SLOW and not again)
            if slept:
                self._listened[name] = shown
            deaf = anyway and router.state is State.BACKUP
            if slept or (deaf and shown - self._stalled_at > max(NOTICED, router.master_interval)):
                self._listening[name] = shown + min(router.master_interval, settings.advert_int)

    def set_carrier(self, interface: str, carrier: bool, now: int) -> None:
        if self.carrier[interface] != carrier:
            self.carrier[interface] = carrier
            self.step(self._interface(interface), now)

    def report(self, now: int) -> None:
        self.step(ScriptResult("chk", self.scripts_ok), now)

    def lose(self, address: str, now: int) -> None:
        if address in self.present:
            self.present.discard(address)
            self.step(AddressVanished(self._interface_of(address), address), now)

    def release(self, router: str, now: int) -> None:
        self.step(Release(router, "switchover"), now)

    # -- the shell

    def arrive(self, interface: str, data: bytes, now: int) -> None:
        """A frame comes in, if it can."""
        if self.node is None or self.asleep or not self.carrier[interface]:
            return
        if self.stalled:
            if len(self._queue) < QUEUE:
                self._queue.append((interface, data, self.clock.shows(now)))
        else:
            self.receive(interface, data, now, 0)

    def receive(self, interface: str, data: bytes, now: int, age: int) -> None:
        at = 20 if data[0] >> 4 == 4 else 40
        self._listening.clear()  # to this; what it makes of it is another rule
        name = self._watch.get((interface, data[at + 1])) if self._watch else None
        if name is None or self.node is None:
            self.step(PacketReceived(interface, data, age), now)
            return
        router = self.node.routers[name]
        before = router.counters.adverts_received
        self.step(PacketReceived(interface, data, age), now)
        if self.state(name) is not State.BACKUP or not data[at + 2]:
            self._heard.pop(name, None)
        elif router.counters.adverts_received > before:
            told = (data[at + 4] & 15) << 8 | data[at + 5]
            interval = data[at + 5] * SECOND if data[at] >> 4 == 2 else told * 10_000_000
            self._heard[name] = Last(self.now - age, interval * router.settings.down_timer_adverts)

    def step(self, event: Event, true: int) -> None:
        node = self.node
        if node is None:
            return
        self.now = now = self.clock.shows(true)
        self.steps += 1
        actions = node.step(event, now)
        if actions:
            self.perform(actions)

    def perform(self, actions: Iterable[Action]) -> None:
        changed = False
        for action in actions:
            if type(action) is SendAdvert:
                self._advertise(action)
                continue
            if type(action) is SendTogether:
                for advert in action.adverts:
                    self._advertise(advert)
                continue
            changed = True
            match action:
                case AddAddresses(_, rows, instead):
                    self.present -= {row.address for row in instead}
                    self.present |= {row.address for row in rows}
                case RemoveAddresses(_, rows):
                    self.present -= {row.address for row in rows}
                case Transition(kind, name, before, after, priority, cause):
                    self._tell(self.name, kind, name, before, after, priority, cause)
                    if kind == "instance":
                        self._moved(name, before, after)
        if changed:
            self._check()

    def _advertise(self, action: SendAdvert) -> None:
        data, name = action.data, action.router
        assert self.node is not None
        if data[22 if action.family == 4 else 42]:
            last = self._adverts.get(name)
            if last is not None and self.now - last.at > last.interval + 2 * self.late:
                raise Violation(f"{self.name} {name}: an advert {self.now - last.at} ns after the last, not {last.interval}")
            if self.now < self._listening.get(name, 0):
                raise Violation(f"{self.name} {name}: speaks {self._listening[name] - self.now} ns too soon after it slept")
            router = self.node.routers.get(name)
            if router is not None:
                self._adverts[name] = Last(self.now, router.settings.advert_int)
        else:
            self._adverts.pop(name, None)  # gives up, or offers: then it is silent on purpose
        if self.carrier[action.interface]:
            self._sent(self, action)

    def _moved(self, name: str, before: str, after: str) -> None:
        if after == State.MASTER.value:
            heard = self._heard.pop(name, None)
            if heard is not None and before == State.BACKUP.value and self.now - heard.at < heard.interval:
                raise Violation(f"{self.name} {name}: nopreempt, but master {self.now - heard.at} ns after an advert")
        else:
            self._adverts.pop(name, None)

    def _check(self) -> None:
        """What holds of a machine whenever its core has done something."""
        node = self.node
        assert node is not None
        for address in self.present:
            owner = self._owners.get(address)
            router = node.routers.get(owner) if owner is not None else None
            if router is None or router.state is not State.MASTER:
                raise Violation(f"{self.name}: holds {address} of {owner}, which is {router and router.state}")
        groups = self.resolved.groups if self.resolved is not None else {}
        for group, settings in groups.items():
            states = {node.routers[member].state for member in settings.members if member in node.routers}
            if len(states) > 1:
                raise Violation(f"{self.name}: sync group {group} does not agree: {sorted(states)}")

    def overdue(self, now: int) -> None:
        """Whether an advert is missing that should have gone out before `now`."""
        shown = self.clock.shows(now)
        for name, last in self._adverts.items():
            if self.running and shown - last.at > last.interval + 2 * self.late:
                raise Violation(f"{self.name} {name}: no advert for {shown - last.at} ns, the interval is {last.interval}")

    def _interface(self, name: str) -> InterfaceChanged:
        own = (self.address, self.address6)
        here = tuple(sorted(a for a in self.present if self._interface_of(a) == name))
        return InterfaceChanged(name, 2 if name == "eth0" else 3, self.carrier[name], own + here)

    def _interface_of(self, address: str) -> str:
        owner = self._owners.get(address, "")
        router = self.resolved.routers.get(owner) if self.resolved is not None else None
        return router.interface if router is not None else "eth0"
