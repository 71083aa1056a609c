"""Several nodes' cores on a simulated lan in virtual time: the same code as the engine runs, without a kernel.

One interface per node, eth0, with address 192.168.200.N; a frame takes LATENCY. `transcript` grows as things happen.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from typing import Any

from services.vrrp.config.resolve import resolve
from services.vrrp.config.settings import DECODERS, SECOND
from services.vrrp.election import orders
from services.vrrp.election.actions import (
    Action,
    AddAddresses,
    Announce,
    RemoveAddresses,
    SendAdvert,
    SendTogether,
    State,
    Transition,
)
from services.vrrp.election.events import (
    AddressVanished,
    Configured,
    Event,
    InterfaceChanged,
    PacketReceived,
    ScriptResult,
    Started,
    Stopped,
    TimeReached,
)
from services.vrrp.election.node import Node
from services.vrrp.election.snapshot import Saved

MILLISECOND = 1_000_000
LATENCY = 100_000
QUEUE = 256  # packets that a frozen node's socket keeps


class Machine:
    """One simulated host: its core while it runs, what is on its interface, what a successor would find."""

    def __init__(self, name: str, number: int, tell: Callable[[str], None]) -> None:
        self.name = name
        self.address = f"192.168.200.{number}"
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}
        self.node: Node | None = None
        self.present: set[str] = set()
        self.connected = True
        self.carrier = True
        self.frozen = False
        self.waiting: list[tuple[int, bytes]] = []  # when each came
        self.sent: list[bytes] = []
        self._saved: tuple[Saved, ...] = ()
        self._tell = tell

    def state(self, instance: str = "VI_1") -> State | None:
        if self.node is None or instance not in self.node.routers:
            return None
        return self.node.routers[instance].state

    def deadline(self) -> int | None:
        return None if self.node is None or self.frozen else self.node.deadline()

    def start(self, now: int) -> None:
        self.node = Node()
        self.step(Started(self._saved), now)
        self.step(self._interface(), now)
        self.configure(now)

    def configure(self, now: int) -> None:
        decoders = {**DECODERS, orders.KIND: orders.decode}
        resolved = resolve({(k, n): decoders[k](n, v) for (k, n), v in self.objects.items()})
        assert not resolved.problems, resolved.problems
        self.step(Configured(resolved), now)

    def kill(self) -> None:
        assert self.node is not None
        scripts = [s.saved(name) for s in self.node.surroundings.sources.values() for name in s.states]
        self._saved = (*(router.saved() for router in self.node.routers.values()), *scripts)
        self.node, self.frozen, self.waiting = None, False, []

    def stop(self, now: int) -> None:
        self.step(Stopped(), now)
        self.node, self._saved = None, ()

    def link(self, carrier: bool, now: int) -> None:
        self.carrier = carrier
        self.step(self._interface(), now)

    def lose(self, address: str, now: int) -> None:
        self.present.discard(address)
        self.step(AddressVanished("eth0", address), now)

    def step(self, event: Event, now: int) -> None:
        if self.node is not None:
            for action in self.node.step(event, now):
                self._perform(action)

    def _interface(self) -> InterfaceChanged:
        return InterfaceChanged("eth0", 2, self.carrier, (self.address, *sorted(self.present)))

    def _perform(self, action: Action) -> None:
        match action:
            case SendAdvert(_, _, data):
                self.sent.append(data)
            case SendTogether(adverts):
                self.sent += [advert.data for advert in adverts]
            case AddAddresses(_, rows):
                self.present |= {row.address for row in rows}
            case RemoveAddresses(_, rows):
                self.present -= {row.address for row in rows}
            case Announce(_, rows, repeat):
                self._tell(f"{self.name} announces {' '.join(row.address for row in rows)} x{repeat}")
            case Transition(_, name, _, after, _, _):
                self._tell(f"{self.name} {after}" if name == "VI_1" else f"{self.name} {name} {after}")


class Cluster:
    """Machines on one lan, and the time."""

    def __init__(self) -> None:
        self.now = 1_000_000_000
        self.machines: dict[str, Machine] = {}
        self.transcript: list[str] = []
        self._origin = self.now
        self._flying: list[tuple[int, int, str, bytes]] = []
        self._count = 0

    def add(self, name: str, objects: Mapping[tuple[str, str], dict[str, Any]]) -> Machine:
        """A machine that runs from now on; its address is 192.168.200.N, N counting from 1."""
        machine = Machine(name, len(self.machines) + 1, self._tell)
        machine.objects = dict(objects)
        self.machines[name] = machine
        self.do(name, lambda m: m.start(self.now))
        return machine

    def do(self, name: str, what: Callable[[Machine], None]) -> None:
        """Let something happen to a machine; its adverts leave."""
        machine = self.machines[name]
        what(machine)
        self._deliver(machine)

    def result(self, name: str, script: str, ok: bool) -> None:
        self.do(name, lambda m: m.step(ScriptResult(script, ok), self.now))

    def thaw(self, name: str) -> None:
        """SIGCONT: first what waits in the socket, then what is due."""
        machine = self.machines[name]
        machine.frozen = False
        waiting, machine.waiting = machine.waiting, []
        for came, data in waiting:
            event = PacketReceived("eth0", data, self.now - came if self.now - came < SECOND else 0)
            self.do(name, lambda m, e=event: m.step(e, self.now))  # type: ignore[misc]

    def run(self, duration: int) -> None:
        """Let `duration` nanoseconds pass."""
        end = self.now + duration
        while True:
            dues = [(due, name) for name, m in self.machines.items() if (due := m.deadline()) is not None]
            due, who = min(dues, default=(end + 1, ""))
            arrival = self._flying[0][0] if self._flying else end + 1
            if min(due, arrival) > end:
                break
            if arrival <= due:
                self.now, _count, who, data = heapq.heappop(self._flying)
                self._arrive(self.machines[who], data)
            else:
                self.now = max(self.now, due)
                self.do(who, lambda m: m.step(TimeReached(), self.now))
        self.now = end

    def masters(self, instance: str = "VI_1") -> list[str]:
        return [name for name, m in self.machines.items() if m.state(instance) is State.MASTER]

    def holders(self, address: str) -> list[str]:
        return [name for name, m in self.machines.items() if address in m.present]

    def _arrive(self, machine: Machine, data: bytes) -> None:
        if not machine.connected or not machine.carrier or machine.node is None:
            return
        if machine.frozen:
            machine.waiting = [*machine.waiting, (self.now, data)][:QUEUE]
        else:
            self.do(machine.name, lambda m: m.step(PacketReceived("eth0", data), self.now))

    def _deliver(self, sender: Machine) -> None:
        sent, sender.sent = sender.sent, []
        if sender.connected and sender.carrier:
            for data in sent:
                for name in self.machines:
                    if name != sender.name:
                        self._count += 1
                        heapq.heappush(self._flying, (self.now + LATENCY, self._count, name, data))

    def _tell(self, text: str) -> None:
        self.transcript.append(f"{(self.now - self._origin) // MILLISECOND:6d} ms  {text}")
