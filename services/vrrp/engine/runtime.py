"""How does the engine run? One loop over epoll and a timer that feeds the node, carries out its actions and tells the agent.

Decides nothing about elections. Each wake does a bounded piece of work in this order: packets, timers, then slices of
address changes, announcements and messages; whatever is left over waits for the next wake, after the next due advert.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from services.vrrp.channel import Channel, ChannelClosed, Message, from_fd
from services.vrrp.config.resolve import Resolved
from services.vrrp.config.settings import LINK_ALIAS
from services.vrrp.election.actions import (
    Action,
    AddAddresses,
    AddRouting,
    Announce,
    Hush,
    RemoveAddresses,
    RemoveRouting,
    SendAdvert,
    SendTogether,
    State,
    Transition,
)
from services.vrrp.election.events import (
    AddressVanished,
    ClockSet,
    Configured,
    Event,
    Failed,
    InterfaceChanged,
    LinkRestored,
    PacketReceived,
    RoutingUnsure,
    RoutingVanished,
    Slept,
    Started,
    Stopped,
    TimeReached,
)
from services.vrrp.election.node import Node
from services.vrrp.election.router import ASLEEP
from services.vrrp.engine.advert_sockets import AdvertSockets
from services.vrrp.engine.agent_link import AgentLink
from services.vrrp.engine.changeover import GivingWay
from services.vrrp.engine.handover import Handover
from services.vrrp.engine.jobs import Jobs
from services.vrrp.engine.lateness import Statistics
from services.vrrp.engine.naps import Naps
from services.vrrp.engine.occasional import Occasional
from services.vrrp.engine.prepared import Prepared, prepare
from services.vrrp.engine.rehearsal import rehearse
from services.vrrp.engine.speaker import Speaker
from services.vrrp.netlink import IFF_UP, Interface, Monitor, Requests, Vanished, request_socket
from services.vrrp.wire.packet import PROTOCOL_AH

if TYPE_CHECKING:
    from services.vrrp.bfd.link import BfdLink
    from services.vrrp.bfd.settings import BfdInstance
    from services.vrrp.links.virtual_links import VirtualLinks
    from services.vrrp.routing.route_netlink import RouteMonitor
    from services.vrrp.wire.frames import FrameReceiver

SECOND = 1_000_000_000
LEAD, AWAKE = 3_000_000, 1_000_000  # nanoseconds before a takeover: when it is rehearsed, when the loop is awake for good
FEW = 16  # addresses that a takeover adds; that of more takes longer to go through
PUNCTUAL = 50_000  # nanoseconds; who sees a takeover's moment later than that looks for packets once more
GIVEN = 1_000_000  # nanoseconds; the processor may be the one that answers clients, and what is left can wait
CALM = 5_000_000  # nanoseconds after a takeover that belong to clients; what is not the wire's comes after them
DRIFT = 10_000_000  # nanoseconds by which the wall clock may leave what is known of it
STEPS = 16  # of what is due, before anything else is looked at
SAVED_AT_ONCE = 256  # backups whose moments are noted each second
BOOTTIME = time.CLOCK_BOOTTIME  # counts while the machine is suspended, so that waking up late is noticed


def clock() -> int:
    """The engine's time: nanoseconds of CLOCK_BOOTTIME, the same for a successor."""
    return time.clock_gettime_ns(BOOTTIME)


class Runtime:
    """The engine's loop. `tick` may be called before `run`, so that the first advert waits for nothing."""

    def __init__(
        self, handover: Handover, control: Channel | None, leave_when_orphaned: bool = False, successor: bool = False
    ) -> None:
        self.node = Node()
        self.handover = handover
        self.statistics = Statistics()
        self.stopping = False
        self.released = False  # the declared stop has been carried out
        self.resumed: list[str] = []
        self._were_master = [s.name for s in handover.inherited if s.kind == "instance" and s.state == "MASTER"]
        self.control = control
        self._leave = leave_when_orphaned
        self.aside = successor  # its predecessor still runs
        self._epoll = select.epoll()
        requests = request_socket()
        self._monitor = Monitor(requests.getsockname()[0])
        self._epoll.register(self._monitor.fileno(), select.EPOLLIN)
        self._interfaces: dict[str, Interface] = self._monitor.interfaces()
        self._sockets = AdvertSockets(self._epoll)
        self._speaker = Speaker(self._sockets.links, handover, clock)
        self.naps = Naps(self._epoll, self._sockets, self.node)
        self._frame_readers: dict[int, FrameReceiver] = {}
        self._stop_by = 0
        self._touched: set[str] = set()  # interfaces that netlink spoke of
        self._vanished: list[Vanished] = []
        self._bereft: set[str] = set()  # links that lost their addresses along with themselves
        self.jobs = Jobs(Requests(requests), self._monitor.expect_removal, self._interfaces)
        self._route_monitor: RouteMonitor | None = None
        self.links: VirtualLinks | None = None  # there are no VMACs and ipvlans without
        self.extras = Occasional(handover)
        self.agent = AgentLink(self, clock)
        self._housekeeping_at = self._last_look = 0
        self._saved_up_to = 0
        self._untold: list[Transition] = []  # to the agent, once what they are about is done
        self._adding = False
        self._calm_until = 0
        self.bfd: BfdLink | None = None  # comes after the first advert
        self._bfds: Mapping[str, BfdInstance] = {}
        self._bfd_processors: tuple[int, ...] = ()
        self._bfd_wanted: bool | None = None  # as told; a predecessor may have told something else
        self._rehearsed = 0  # the takeover, by its time, that was gone through beforehand
        self._lengthy = False  # once more would take longer than is left then
        self.giving_way = GivingWay(self, clock)
        self.silent = 0  # nanoseconds from the predecessor's last look at the wire to this one's first
        self._ahead = self._armed = 0
        self._look_at_wall_clock()
        self.perform(self.node.step(Started(handover.inherited, successor), clock()))

    # -- what the agent's side asks for

    def configure(self, resolved: Resolved) -> None:
        """Put a configuration in place."""
        routers = resolved.routers.values()
        defaults = resolved.globals
        present = self.extras.place((r.interface for r in routers), self._interfaces)
        groups = {4: defaults.vrrp_mcast_group4, 6: defaults.vrrp_mcast_group6, PROTOCOL_AH: defaults.vrrp_mcast_group4}
        for family, group in groups.items():
            heard: dict[str, frozenset[str]] = {}
            for r in routers:
                if family in (r.family, r.link):
                    heard[r.interface] = heard.get(r.interface, frozenset()) | {r.mcast_group}
            self._sockets.configure(family, heard, group, present)
        self.jobs.pacing.configure(resolved.paces)
        names = {r.interface for r in routers} | {a.dev for r in routers for a in r.addresses + r.excluded}
        names |= {t.name for r in routers for t in r.track_interface}
        names |= {name for r in routers for name in r.depends} | self._watch_routing(resolved)
        made, gone = self._configure_links(resolved)
        names = (names | made) - gone
        for name in sorted(names):
            self.tell_interface(name)
        self.step(Configured(resolved))
        for name in sorted(gone):  # only now does nobody miss them
            self.tell_interface(name)
        known = {("instance", name) for name in resolved.routers} | {("script", name) for name in resolved.scripts}
        known |= {("process", name) for name in resolved.processes} | {("file", name) for name in resolved.files}
        known |= {("bfd", name) for name in resolved.bfds}
        known |= self.extras.configure(resolved, self._interfaces, self.aside)
        self.handover.forget_others(known)
        running = self.node.routers
        self.resumed += [n for n in self._were_master if n in running and running[n].state is State.MASTER]
        self._were_master = []
        self._bfds, self._bfd_processors = resolved.bfds, defaults.bfd_cpu_affinity
        self._configure_bfd()

    def step(self, event: Event) -> None:
        """One event into the node, its actions carried out."""
        self.perform(self.node.step(event, clock()))

    def stop(self) -> None:
        """A declared stop: priority 0, addresses off, and everything told before the loop ends."""
        if not self.stopping:
            self.stopping = True
            self.step(Stopped())

    def terminate(self) -> None:
        """SIGTERM: a declared stop, unless the launcher died and a successor is to find everything as it is."""
        if self._leave and self.control is not None:
            self._hear_launcher()
        self.stop()

    def watch(self, descriptor: int, mask: int) -> None:
        self._epoll.register(descriptor, mask)

    def rewatch(self, descriptor: int, mask: int) -> None:
        self._epoll.modify(descriptor, mask)

    def unwatch(self, descriptor: int) -> None:
        self._epoll.unregister(descriptor)

    # -- the loop

    def tick(self) -> None:
        """Serve what is due, then one slice of everything that may wait."""
        for _ in range(STEPS):
            now, due = clock(), self.node.deadline()
            if due is None or due > now:
                break
            self.statistics.served(now - due)
            self.perform(self.node.step(TimeReached(), now))
        if self.jobs.pending:
            for router, what in self.jobs.run(clock):
                self.step(Failed(what, router))
            placed, self.jobs.placed = self.jobs.placed, []
            for result in placed:
                self.step(result)
            self.agent.recheck()
        paced = self.jobs.pacing.deadline
        if paced is not None and paced <= clock():
            for router, what in self.jobs.pace(clock()):
                self.step(Failed(what, router))
        self.note_changes()

    def run(self, wake_fd: int) -> None:
        """Until a declared stop has been carried out, or the launcher is gone. `wake_fd` is readable after a signal."""
        from services.vrrp.bfd.link import BfdLink
        from services.vrrp.timer import Timer  # ctypes comes only after the first advert

        timer = Timer(BOOTTIME)
        due = [(timer.fileno(), select.EPOLLIN)]
        for fd in (timer.fileno(), wake_fd):
            self._epoll.register(fd, select.EPOLLIN)
        if self.control is not None:
            self._epoll.register(self.control.fileno(), select.EPOLLIN)
            self.tell_launcher({"is": "started", "pid": os.getpid(), "silent_ns": self.silent})
        self.bfd = BfdLink(self)
        self._configure_bfd()
        self._sockets.receive_bursts()
        while not self._finished():
            self._await_takeover()
            self.tick()
            calm = self._calm()
            self.giving_way.serve(calm)
            busy = self.jobs.pending or (self.agent.ready_to_write and not calm)
            if busy:
                self.naps.end()
            else:
                self._armed = min(self._next(), self._calm_until) if calm else self._next()
                timer.arm(self._armed)
            events = self._sleep(0) if busy else self._rest(due, calm)
            if not busy and events == due and clock() < self._housekeeping_at:
                continue  # it is time for an advert, and nothing else has happened
            while not busy and self._repeats(events):
                if self.naps.cut_short(clock(), self._armed) and self.node.put_off(clock()):
                    self._armed = self._next()
                    timer.arm(self._armed)
                events = self._rest(due, calm)
            ready = {fd for fd, _mask in events}
            self._receive(ready)
            if self._monitor.fileno() in ready:
                self.interfaces_changed()
            if self._route_monitor is not None and self._route_monitor.fileno() in ready:
                self._routing_changed(self._route_monitor)
            if wake_fd in ready:
                os.read(wake_fd, 64)
                self.terminate()
            if self.control is not None and self.control.fileno() in ready:
                self._hear_launcher()
            self.bfd.serve(ready)
            self.agent.serve(ready, hold=self.jobs.pending or calm)
            if clock() >= self._housekeeping_at:
                self._keep_house()
        self.tell_launcher({"is": "stopped"})

    def _rest(self, due: list[tuple[int, int]], calm: bool) -> list[tuple[int, int]]:
        """Sleep until something happens; adverts that are repeated may pile up for a while. `due`: the timer's event."""
        now = clock()
        until = 0 if calm else self.naps.begin(now, self._armed)
        if not until:
            self.naps.end()
            return self._sleep(-1)
        events = self._sleep((until - now) / SECOND)
        other = self.node.timers.other_at
        if events == due and (other is None or other - clock() > LEAD):
            self.naps.interrupted(until)
            return events
        return self.naps.woken(events)

    def _sleep(self, timeout: float) -> list[tuple[int, int]]:
        self._last_look = clock()
        events = self._epoll.poll(timeout)
        self.statistics.wakes += 1
        return events

    def _finished(self) -> bool:
        if not self.stopping:
            return False
        if not self.released:
            while self.jobs.pending:
                self.jobs.run(clock)
            self.note_changes()
            if self.links is not None:
                self.links.stop(self.look())
            self.extras.stop(self.look())
            self.released = True
            self._stop_by = clock() + SECOND
        return not self.agent.unsent or clock() > self._stop_by

    def _next(self) -> int:
        due, paced = self.node.deadline(), self.jobs.pacing.deadline
        other = self._housekeeping_at if paced is None else min(paced, self._housekeeping_at)
        if due is None:
            return other
        if self.node.takeover_at is not None:
            due -= AWAKE if self._rehearsed == due else LEAD
        return min(due, other)

    def _await_takeover(self) -> None:
        """A wake-up would cost a takeover a quarter of a millisecond, code that has not run for hours as much again.

        So go through it once beforehand, wait for its moment awake, and hear what came meanwhile.
        """
        due = self.node.takeover_at
        if due is None or self.jobs.pending:  # with work left over the loop does not sleep anyway
            return
        left = due - clock()
        if left <= LEAD:
            self.naps.end()
        if 0 < left <= AWAKE:
            prepared = None
            if left > AWAKE // 2 and not self._lengthy:  # enough for once more, now that it is quick
                actions = self.node.foresee()
                rehearse(actions, self.jobs, self._sockets.groups, clock)
                prepared = prepare(actions, self.jobs)
            while clock() < due and self.node.takeover_at == due:
                if self._receive([fd for fd, _mask in self._epoll.poll(0)]):
                    prepared = None  # whatever it was, the core is to be asked
            if clock() - due > PUNCTUAL:  # it stood still after it last looked
                self.receive_all()
            elif prepared is not None and self.node.takeover_at == due:
                self._take_over(prepared)
        elif AWAKE < left <= LEAD and self._rehearsed != due:
            actions = self.node.foresee()
            rehearse(actions, self.jobs, self._sockets.groups, clock)
            self._rehearsed = due
            self._lengthy = sum(len(a.addresses) for a in actions if isinstance(a, AddAddresses)) > FEW

    def _take_over(self, prepared: Prepared) -> None:
        """Do what is ready, let others run, then ask the core, as of now, and do what is left of what it wants."""
        now = clock()
        failures = prepared.carry_out(self._speaker, self.jobs)
        if self.node.timers.idle_until(clock() + 2 * GIVEN):
            time.sleep(GIVEN / SECOND)
        self.statistics.served(now - (self.node.deadline() or now))
        actions = self.node.step(TimeReached(), now)
        self._adding |= any(isinstance(action, AddAddresses) for action in actions)
        left = (prepared.left_of(action) for action in actions)
        self.perform([action for action in left if action is not None])
        self.perform(prepared.unwanted())
        for router, what in failures:
            self.step(Failed(what, router))

    def _receive(self, ready: Iterable[int]) -> bool:
        """Packets come before timers: whoever wakes up late must hear what happened before it acts. False: there are none."""
        some = False
        for fd in ready:
            link = self._sockets.readers.get(fd)
            if link is not None:
                self._hear_all(link.name, link.receive())
                some = True
            elif (frames := self._frame_readers.get(fd)) is not None:
                packets_of = frames.receive()
                told = self._look_at_wall_clock()
                for name, data, stamp in packets_of:
                    self._hear(name, data, stamp, told)
                some = True
        return some

    def receive_all(self) -> None:
        """Whatever has come."""
        self._receive((*self._sockets.readers, *self._frame_readers))

    def _repeats(self, events: Iterable[tuple[int, int]]) -> bool:
        """Hear what came, if it is packets alone. True: it repeats what was said before, so the timer is right as it is armed,
        or wakes too early, and there is nothing else to do."""
        readers = self._sockets.readers
        links = [readers.get(fd) for fd, _mask in events]
        if self.giving_way.asked_for or not all(links):
            return False
        news = [link for link in links if link is not None and self._hear_all(link.name, link.receive())]
        return not news

    def _hear_all(self, name: str, packets: Sequence[tuple[bytes, int]]) -> bool:
        """What came on one interface; True where any of it was not said before. Of repetitions the time alone matters."""
        news = not (told := self._look_at_wall_clock())  # else these stamps are of a clock that was set meanwhile
        hear_again, ahead, now = self.node.reception.hear_again, self._wall, clock()
        self.naps.pace.heard(len(packets))
        for data, stamp in packets:
            at = stamp - ahead
            if not hear_again(name, data, at if told and 0 <= now - at < SECOND else now):
                self._hear(name, data, stamp, told)
                news = True
        return news

    def _hear(self, name: str, data: bytes, stamp: int, told: bool) -> None:
        now = clock()
        age = now + self._wall - stamp
        self.perform(self.node.step(PacketReceived(name, data, age if told and 0 <= age < SECOND else 0), now))

    def _look_at_wall_clock(self) -> bool:
        """By how much it, by which the kernel stamps packets, is ahead of ours. False: it was set since the last look."""
        self._wall = time.time_ns() - clock()
        if abs(self._wall - self._ahead) <= DRIFT:
            return True
        self._ahead = self._wall
        self.step(ClockSet(self._ahead))
        return False

    def _keep_house(self) -> None:
        now = clock()
        if self._housekeeping_at and now - self._housekeeping_at > ASLEEP:
            self.step(Slept(now - self._last_look))
        self._housekeeping_at = now + SECOND
        self._look_at_wall_clock()
        self.tell_launcher({"is": "alive"})
        self.agent.every_second()
        if self.bfd is not None:
            self.bfd.every_second()
        if self.links is not None:
            self.interfaces_changed()  # what could not be done is tried again
            self.agent.recheck()
        routers = list(self.node.routers.values())
        for router in routers[self._saved_up_to : self._saved_up_to + SAVED_AT_ONCE]:
            if router.master_down_at is not None:  # a backup's deadline moves with each advert: a second old will do
                self.handover.waits(router.settings.name, router.master_down_at)
        self._saved_up_to = 0 if self._saved_up_to + SAVED_AT_ONCE >= len(routers) else self._saved_up_to + SAVED_AT_ONCE

    # -- actions

    def perform(self, actions: Iterable[Action]) -> None:
        for action in actions:
            if isinstance(action, (SendAdvert, SendTogether)):
                for router in self._speaker.send(action):
                    self.step(Failed("advert", router))
            elif isinstance(action, Transition):
                self._untold.append(action)
            elif isinstance(action, (AddAddresses, RemoveAddresses, AddRouting, RemoveRouting, Announce, Hush)):
                self.jobs.add(action)
                self._adding |= isinstance(action, AddAddresses) and not self.stopping

    def _calm(self) -> bool:
        """Hear adverts and no more for a while: netlink's word of our own addresses would cost as much as the takeover."""
        if self._adding:
            self._adding = False
            if not self._calm_until:
                self._hear_netlink(0)
                self._calm_until = clock() + CALM
        elif self._calm_until and clock() >= self._calm_until:
            self._hear_netlink(select.EPOLLIN)
            self._calm_until = 0
        return self._calm_until > 0

    def _hear_netlink(self, mask: int) -> None:
        self._epoll.modify(self._monitor.fileno(), mask)
        if self._route_monitor is not None:
            self._epoll.modify(self._route_monitor.fileno(), mask)

    def note_changes(self) -> None:
        """Write down and tell what has changed."""
        for transition in self._untold:
            self.agent.transition(transition)
        self._untold.clear()
        for key in self.node.take_dirty():
            kind, name = key
            if kind == "instance" and name in self.node.routers:
                self.handover.write(self.node.routers[name].saved())
            elif (source := self.node.surroundings.sources.get(kind)) is not None and name in source.states:
                self.handover.write(source.saved(name))
            elif kind == "bfd" and name in self.node.surroundings.neighbors.states:
                self.handover.write(self.node.surroundings.neighbors.saved(name))
            self.agent.changed(key)

    # -- interfaces

    def tell_interface(self, name: str) -> None:
        interface = self._interfaces.get(name) or self.extras.placed.get(name)
        if interface is None:
            why = self.links.failed.get(name, "") if self.links is not None else ""
            event = InterfaceChanged(name, 0, False, (), why)
        else:
            event = InterfaceChanged(name, interface.number, interface.up, interface.addresses, *self._sockets.troubles(name))
        self.step(event)

    def interfaces_changed(self) -> None:
        """Interfaces come before addresses: one that goes down takes its IPv6 addresses along, and nobody removed those."""
        before = self._interfaces
        self.look()
        if self.links is not None and (any(self.links.failed.values()) or self._links_touched(before)):
            self.links.reconcile(self._interfaces)
            self.watch_links()
        self.jobs.see(self._interfaces)
        names, self._touched = self._touched | self.extras.look(self._interfaces, self.aside), set()
        for name in sorted(names):
            self._sockets.look_again(name, self._interfaces.get(name) or self.extras.placed.get(name))
            self.tell_interface(name)
        vanished, self._vanished = self._vanished, []
        for lost in vanished:
            self.step(AddressVanished(lost.interface, lost.address))
        restored, self._bereft = self._bereft & self._interfaces.keys(), set()
        for name in sorted(restored):
            self.step(LinkRestored(name))

    def look(self) -> Mapping[str, Interface]:
        """Read what netlink said; gives the interfaces as they are now."""
        names, vanished = self._monitor.changes()
        self._interfaces = self._monitor.interfaces()
        self._touched |= names
        ours = self.links.wanted if self.links is not None else {}
        for lost in vanished:
            now = self._interfaces.get(lost.interface)
            if lost.interface in ours and (now is None or not now.flags & IFF_UP):
                self._bereft.add(lost.interface)  # the link went or was set down: nobody meant the address
            else:
                self._vanished.append(lost)
        return self._interfaces

    # -- VMACs and ipvlans

    def _configure_links(self, resolved: Resolved) -> tuple[set[str], set[str]]:
        """Make what is missing, where there is any; gives the interfaces that changed, and the links nobody wants any more."""
        if self.links is None:
            ours = any(interface.alias.startswith(LINK_ALIAS) for interface in self._interfaces.values())
            if not ours and not any(router.links for router in resolved.routers.values()):
                return set(), set()
            from services.vrrp.links.virtual_links import VirtualLinks

            self.links = VirtualLinks(self.look, clock, self.aside)
            self.jobs.hush = self.links.hush
            self._speaker.frames = self.links.senders
        before = set(self.links.wanted)
        self.links.configure(resolved, self._interfaces)
        self.watch_links()
        self.jobs.see(self._interfaces)
        names, self._touched = self._touched, set()
        return names | self.links.wanted.keys(), before - self.links.wanted.keys()

    def watch_links(self) -> None:
        """Hear the receivers of frames that there are now, and announce by the bases."""
        assert self.links is not None
        self.jobs.bases = {link.name: link.base for link in self.links.wanted.values() if link.mac}
        for receiver in self.links.receivers.values():
            if receiver.receiver.fileno() not in self._frame_readers:
                self._frame_readers[receiver.receiver.fileno()] = receiver
                self._epoll.register(receiver.receiver.fileno(), select.EPOLLIN)

    def _links_touched(self, before: Mapping[str, Interface]) -> bool:
        """Whether more than an address changed."""
        now = self._interfaces
        return any(_bare(before.get(name)) != _bare(now.get(name)) for name in self._touched)

    # -- routes and rules

    def _watch_routing(self, resolved: Resolved) -> set[str]:
        """Open what routes and rules need, where there are any; gives the interfaces that matter to them."""
        statics = resolved.statics.values()
        rows = [row for router in resolved.routers.values() for row in router.routing]
        rows += [row for entries in statics for row in entries.routing]
        if rows and self._route_monitor is None:
            from services.vrrp.routing.route_netlink import open_requests

            self.jobs.routing, self._route_monitor = open_requests()
            self._epoll.register(self._route_monitor.fileno(), 0 if self._calm_until else select.EPOLLIN)
        if self._route_monitor is not None:
            self._route_monitor.watch(rows)
        return {name for row in rows for name in row.devices} | {row.dev for e in statics for row in e.static_ipaddress}

    def _routing_changed(self, monitor: RouteMonitor) -> None:
        removed, unsure = monitor.removed(self._interfaces)
        if removed:
            self.step(RoutingVanished(tuple(removed)))
        if unsure:
            self.step(RoutingUnsure())

    # -- launcher

    def tell_launcher(self, message: dict[str, object]) -> None:
        if self.control is not None:
            self.control.send(message)

    def _hear_launcher(self) -> None:
        assert self.control is not None
        try:
            messages = self.control.receive()
        except ChannelClosed:
            self._orphaned()
            return
        for message in messages:
            if not self.control.descriptors:
                continue
            if message.get("do") == "agent":
                self.agent.adopt(self.control.descriptors.popleft())
            elif message.get("do") == "bfd" and self.bfd is not None:
                self.bfd.adopt(self.control.descriptors.popleft())
            elif message.get("do") == "hand_over":
                self.giving_way.asked(Channel(from_fd(self.control.descriptors.popleft())), message.get("digest", ""))

    # -- a successor, before its turn

    def wait_aside(self) -> list[Message]:
        """One wake beside a predecessor: keep up with the interfaces, throw away what came. Gives the launcher's words.

        :raises ChannelClosed: the launcher is gone.
        """
        assert self.control is not None
        self._epoll.poll()
        self.unheard()
        self.interfaces_changed()
        if self._route_monitor is not None:
            self._route_monitor.removed(self._interfaces)
        return self.control.receive()

    def unheard(self) -> list[tuple[str, bytes, int]]:
        """The packets that have come, with interface and stamp, of which the node has not been told."""
        found = [(link.name, data, stamp) for link in self._sockets.readers.values() for data, stamp in link.receive()]
        return found + [packet for receiver in self._frame_readers.values() for packet in receiver.receive()]

    def _configure_bfd(self) -> None:
        """Tell the bfd process its sessions, and the launcher whether there must be one."""
        if self.bfd is None:
            return
        self.bfd.configure(self._bfds, self._bfd_processors)
        if self.bfd.wanted != self._bfd_wanted:
            self._bfd_wanted = self.bfd.wanted
            self.tell_launcher({"is": "bfd", "wanted": self._bfd_wanted})

    def _orphaned(self) -> None:
        """The launcher is gone: leave all to a successor that finds the hand-over, or stop as declared."""
        if self.control is not None:
            self.unwatch(self.control.fileno())
            self.control.close()
        self.control = None
        if self._leave:
            os._exit(3)
        self.stop()


def _bare(interface: Interface | None) -> Interface | None:
    return interface._replace(addresses=(), forwards=False) if interface is not None else None
