"""Machines, the lans between them, and true time. Frames are lost, delayed, doubled and stopped as `Lan` says."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from typing import Any, NamedTuple

from services.vrrp.election.actions import SendAdvert
from services.vrrp.election.events import TimeReached
from tests.simulation.machine import Clock, Machine

DUE = TimeReached()
KEPT = 400  # of what happened last, for the report of a failure


class Way(NamedTuple):
    """What happens to frames from one machine to another on one lan."""

    cut: bool = False
    loss: float = 0.0
    double: float = 0.0
    delay: int = 0  # nanoseconds at most, beyond the lan's own


GOOD = Way()


class World:
    """All machines and lans of one simulation. `now` is true time; nothing happens but in `run`."""

    def __init__(self, random: random.Random, latency: int, kind: type[Machine] = Machine) -> None:
        self.random = random
        self.now = 0
        self.machines: list[Machine] = []
        self.ways: dict[tuple[str, str, str], Way] = {}  # (interface, from, to), where it is not GOOD
        self.happened: list[tuple[Any, ...]] = []
        self.transitions = 0
        self._latency = latency
        self._kind = kind
        self._heap: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._count = 0

    def add(self, name: str, clock: Clock, late: int) -> Machine:
        machine = self._kind(name, len(self.machines) + 1, clock, late, self._deliver, self.told)
        self.machines.append(machine)
        return machine

    @property
    def steps(self) -> int:
        """Events that cores have been given."""
        return sum(machine.steps for machine in self.machines)

    def told(self, *what: Any) -> None:
        """A transition; kept for the report."""
        self.transitions += 1
        self.note(*what)

    def note(self, *what: Any) -> None:
        self.happened.append((self.now, *what))
        if len(self.happened) > 2 * KEPT:
            del self.happened[:KEPT]

    def at(self, when: int, what: Callable[..., None], *arguments: Any) -> None:
        self._count += 1
        heappush(self._heap, (when, self._count, what, arguments))

    def do(self, machine: Machine, what: Callable[..., None], *arguments: Any) -> None:
        """Let something happen to a machine now."""
        what(*arguments)
        self.arm(machine)

    def arm(self, machine: Machine) -> None:
        """See to it that the machine wakes for its next deadline, a little late as machines are."""
        node = machine.node
        due = node.deadline() if node is not None and machine.running else None
        if due == machine.armed:
            return
        machine.armed = due
        machine.wake_at = None
        if due is not None:
            machine.wake_at = max(self.now, machine.clock.when(due)) + int(self.random.random() * machine.late)
            self.at(machine.wake_at, self._wake, machine)

    def run(self, until: int) -> None:
        heap = self._heap
        while heap and heap[0][0] <= until:
            self.now, _count, what, arguments = heappop(heap)
            what(*arguments)
        self.now = until

    def _wake(self, machine: Machine) -> None:
        if machine.wake_at == self.now and machine.running:
            machine.wake_at = machine.armed = None
            machine.step(DUE, self.now)
            self.arm(machine)

    def _deliver(self, sender: Machine, advert: SendAdvert) -> None:
        random = self.random.random
        when = self.now + int((0.5 + random()) * self._latency)
        straight: list[Machine] = []
        for machine in self.machines:
            if machine is sender or (advert.to and advert.to not in (machine.address, machine.address6)):
                continue
            way = self.ways.get((advert.interface, sender.name, machine.name), GOOD) if self.ways else GOOD
            if way is GOOD:
                straight.append(machine)
            elif not way.cut and random() >= way.loss:
                for _ in range(2 if random() < way.double else 1):
                    self.at(when + int(random() * way.delay), self._arrive, (machine,), advert.interface, advert.data)
        if straight:
            self.at(when, self._arrive, straight, advert.interface, advert.data)

    def _arrive(self, machines: Iterable[Machine], interface: str, data: bytes) -> None:
        for machine in machines:
            machine.arrive(interface, data, self.now)
            self.arm(machine)
