"""One simulated history: a cluster, rounds of accidents, and after each round quiet, in which everything must come right.

All from one seed. What still is wrong when quiet begins (a machine off, a script failing, a lan in two halves) is part of
what "the best eligible one" means.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from services.vrrp.config.settings import SECOND
from tests.simulation.invariants import check_quiet, check_still
from tests.simulation.machine import Clock, Machine, Violation
from tests.simulation.plan import MILLISECOND, Plan, changed, make
from tests.simulation.world import GOOD, Way, World

HOUR = 3600 * SECOND
SETTLE, STILL = 8, 3  # longest silences: until all is as it must be, and how long nothing may change then


class History:
    """A seed's history; `run` it. `hours` of true time, `steps` of cores."""

    def __init__(self, seed: int, long: bool = False, kind: type[Machine] = Machine) -> None:
        self.seed = seed
        self.random = random = Random(seed)
        self.plan = make(random, long)
        self.rounds = random.randint(4, 12)
        unit = self.plan.interval
        latency = min(unit // 50, random.choice([50_000, 300_000, 2 * MILLISECOND, 40 * MILLISECOND]))
        self.world = World(random, latency, kind)
        late = min(unit // 20, random.choice([100_000, MILLISECOND, 5 * MILLISECOND]))
        for number in range(len(self.plan.nodes)):
            clock = Clock(random.randrange(10**15), random.choice([0, 0, 50, -50, 500, -500, 10_000, -10_000]))
            machine = self.world.add("abcdefgh"[number], clock, late)
            machine.objects = self.plan.objects(number)
        self.halves: frozenset[str] = frozenset()  # one side of a lan in two halves, while quiet
        self.in_maintenance: set[str] = set()
        self._longest = self.plan.longest  # also of what was configured since it was last quiet, and may be learned still
        self._round = 0

    @property
    def hours(self) -> float:
        return self.world.now / HOUR

    @property
    def _offers_fit(self) -> float:
        """Masters in maintenance offer every 10 s: hundreds of intervals where these are short, all there is where long."""
        return 1.0 if SECOND // 2 <= self.plan.interval <= 60 * SECOND else 0.05

    def run(self) -> None:
        """The whole history.

        :raises Violation: with the seed and what happened last.
        """
        try:
            for number, machine in enumerate(self.world.machines):
                self.world.at(self._soon(), self._start, number, machine, 0)
            for _ in range(self.rounds):
                self._accidents()
                self._quiet()
        except Violation as violation:
            raise Violation(self._report(violation)) from violation

    # -- rounds

    def _accidents(self) -> None:
        world, random = self.world, self.random
        for _ in range(random.choice([0, 1, 3, 10, 25])):
            accident: Callable[[Machine], None] = random.choice(ACCIDENTS)(self)
            machine = random.choice(world.machines)
            world.note(accident.__name__, machine.name)
            accident(machine)
            world.run(world.now + self._soon())
            for each in world.machines:
                each.overdue(world.now)

    def _soon(self) -> int:
        """From a hundredth of an interval to a few: whatever may fall into one another does."""
        return int(self.plan.interval * self.random.choice([0.01, 0.3, 1, 3, 6]) * self.random.random())

    def _quiet(self) -> None:
        world, random = self.world, self.random
        self._round += 1
        world.ways.clear()
        names = [machine.name for machine in world.machines]
        self.halves = frozenset(random.sample(names, random.randint(1, len(names) - 1)) if random.random() < 0.15 else ())
        for one in names:
            for other in names:
                if (one in self.halves) != (other in self.halves):
                    self._set(one, other, Way(cut=True))
        self.in_maintenance = {name for name in names if random.random() < 0.12 * self._offers_fit}
        world.note("quiet", "in two" if self.halves else "whole", *sorted(self.in_maintenance))
        for number, machine in enumerate(world.machines):
            self._mend(number, machine)
        delays = max(node.preempt_delay for node in self.plan.nodes) + self.plan.startup_delay
        world.run(world.now + SETTLE * self._longest + 2 * delays + 30 * SECOND * bool(self.in_maintenance))
        check_quiet(world, self.plan, self.halves, self.in_maintenance)
        before = world.transitions
        world.run(world.now + STILL * self.plan.longest)
        check_quiet(world, self.plan, self.halves, self.in_maintenance)
        check_still(world, before)
        self._longest = self.plan.longest

    def _mend(self, number: int, machine: Machine) -> None:
        """What is not well from now on stays so until accidents begin again."""
        world, random = self.world, self.random
        machine.objects = self.plan.objects(number, machine.name in self.in_maintenance)
        if machine.stalled:
            world.do(machine, machine.wake, world.now)
        if random.random() < 0.1:
            world.do(machine, machine.power_off)
            return
        for interface in machine.carrier:
            carrier = random.random() >= 0.05
            if machine.node is None:
                machine.carrier[interface] = carrier
            else:
                world.do(machine, machine.set_carrier, interface, carrier, world.now)
        machine.scripts_ok = random.random() >= 0.1
        if machine.node is None:
            world.do(machine, machine.start, world.now)
        else:
            world.do(machine, machine.configure, world.now)
            world.do(machine, machine.report, world.now)

    def _start(self, number: int, machine: Machine, at_round: int) -> None:
        if machine.node is None and at_round == self._round:
            machine.objects = self.plan.objects(number)
            self.world.do(machine, machine.start, self.world.now)

    # -- accidents

    def _others(self, machine: Machine) -> list[str]:
        return [other.name for other in self.world.machines if other is not machine]

    def _set(self, one: str, other: str, way: Way) -> None:
        for interface in ("eth0", "eth1"):
            self._set_on(interface, one, other, way)

    def _set_on(self, interface: str, one: str, other: str, way: Way) -> None:
        key = interface, one, other
        if way is GOOD:
            self.world.ways.pop(key, None)
        else:
            self.world.ways[key] = way

    def lose_some(self, machine: Machine) -> None:
        way = Way(False, self.random.choice([0.05, 0.3, 0.8]), self.random.choice([0, 0.3]), self._soon())
        for other in self._others(machine):
            self._set(machine.name, other, way)

    def delay_and_double(self, machine: Machine) -> None:
        for other in self._others(machine):
            self._set(machine.name, other, Way(double=0.5, delay=self._soon()))

    def go_one_way(self, machine: Machine) -> None:
        """From here on it hears nobody, or nobody hears it, or that with one other."""
        others = self.random.choice([self._others(machine), [self.random.choice(self._others(machine))]])
        deaf = self.random.random() < 0.5
        for other in others:
            self._set(*((other, machine.name) if deaf else (machine.name, other)), Way(cut=True))

    def part(self, machine: Machine) -> None:
        names = [m.name for m in self.world.machines]
        half = set(self.random.sample(names, self.random.randint(1, len(names) - 1)))
        lans = self.random.choice([("eth0",), ("eth1",), ("eth0", "eth1")])
        for one in names:
            for other in names:
                if one != other and (one in half) != (other in half):
                    for interface in lans:
                        self._set_on(interface, one, other, Way(cut=True))

    def join_again(self, machine: Machine) -> None:
        self.world.ways.clear()

    def stall(self, machine: Machine) -> None:
        if not machine.running:
            return
        machine.stall(self.random.random() < 0.3, self.world.now)
        self.world.arm(machine)
        self.world.at(self.world.now + self._soon(), self._wake, machine, self._round, self.random.random() < 0.1)

    def _wake(self, machine: Machine, at_round: int, timers_first: bool) -> None:
        if machine.stalled and at_round == self._round:
            self.world.do(machine, machine.wake, self.world.now, timers_first)

    def kill(self, machine: Machine) -> None:
        if machine.node is not None:
            self.world.do(machine, machine.kill)
            self._back_later(machine)

    def power_off(self, machine: Machine) -> None:
        if machine.node is not None:
            self.world.do(machine, machine.power_off)
            self._back_later(machine)

    def stop(self, machine: Machine) -> None:
        if machine.running:
            self.world.do(machine, machine.stop, self.world.now)
            self._back_later(machine)

    def _back_later(self, machine: Machine) -> None:
        number = self.world.machines.index(machine)
        self.world.at(self.world.now + self._soon(), self._start, number, machine, self._round)

    def unplug(self, machine: Machine) -> None:
        if machine.running:
            self.world.do(machine, machine.set_carrier, self.random.choice(["eth0", "eth1"]), False, self.world.now)

    def plug(self, machine: Machine) -> None:
        if machine.running:
            for interface in machine.carrier:
                self.world.do(machine, machine.set_carrier, interface, True, self.world.now)

    def change_script(self, machine: Machine) -> None:
        if machine.running:
            machine.scripts_ok = not machine.scripts_ok
            self.world.do(machine, machine.report, self.world.now)

    def lose_address(self, machine: Machine) -> None:
        if machine.running and machine.present:
            self.world.do(machine, machine.lose, self.random.choice(sorted(machine.present)), self.world.now)

    def order(self, machine: Machine) -> None:
        """Maintenance of some, a switchover."""
        if machine.running:
            number = self.world.machines.index(machine)
            if self.random.random() < 0.5:
                machine.objects = self.plan.objects(number, self.random.random() < 0.6 * self._offers_fit)
                self.world.do(machine, machine.configure, self.world.now)
            else:
                self.world.do(machine, machine.release, self.random.choice(self.plan.routers).name, self.world.now)

    def edit(self, machine: Machine) -> None:
        """An operator's edit, which reaches one machine after the other."""
        self.plan = changed(self.plan, self.random)
        self._longest = max(self._longest, self.plan.longest)
        for number, each in enumerate(self.world.machines):
            self.world.at(self.world.now + self._soon(), self._configure, number, each, self.plan, self._round)

    def _configure(self, number: int, machine: Machine, plan: Plan, at_round: int) -> None:
        if at_round == self._round:
            machine.objects = plan.objects(number)
            if machine.running:
                self.world.do(machine, machine.configure, self.world.now)

    def drift(self, machine: Machine) -> None:
        """The clock goes on from where it is, faster or slower."""
        now, ppm = self.world.now, self.random.choice([0, 300, -300, 20_000, -20_000])
        shown = machine.clock.shows(now)
        machine.clock = Clock(shown - Clock(0, ppm).shows(now), ppm)
        machine.armed = None
        self.world.arm(machine)

    def _report(self, violation: Violation) -> str:
        lines = [f"{when / SECOND:16.6f} s  {' '.join(map(str, what))}" for when, *what in self.world.happened[-120:]]
        again = f"SIMULATION_SEED={self.seed}{'L' if self.plan.interval == 255 * SECOND else ''}"
        return "\n".join([f"{violation}", f"seed {self.seed}: {self.plan}", *lines, f"{violation}", f"again: {again}"])


ACCIDENTS: list[Callable[[History], Callable[[Machine], None]]] = [
    lambda h: h.lose_some,
    lambda h: h.delay_and_double,
    lambda h: h.go_one_way,
    lambda h: h.part,
    lambda h: h.join_again,
    lambda h: h.stall,
    lambda h: h.stall,
    lambda h: h.kill,
    lambda h: h.kill,
    lambda h: h.power_off,
    lambda h: h.stop,
    lambda h: h.unplug,
    lambda h: h.plug,
    lambda h: h.change_script,
    lambda h: h.lose_address,
    lambda h: h.order,
    lambda h: h.edit,
    lambda h: h.drift,
]
