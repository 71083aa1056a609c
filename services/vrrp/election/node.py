"""What does this node do? All virtual routers, groups and trackers of one machine behind one `step`.

The core that production, tests and simulation run alike: events and the time go in, actions come out, `deadline` says
when to come again. Elections are `router`'s, what they depend on is `surroundings`', what groups want is `group`'s; this
file brings them together and keeps the one timer heap.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, assert_never

from services.vrrp.addresses import VirtualAddress
from services.vrrp.config import difference
from services.vrrp.config.resolve import GroupSettings, Resolved, RouterSettings
from services.vrrp.election import group as groups
from services.vrrp.election import office, phase, succession
from services.vrrp.election.actions import (
    Action,
    AddRouting,
    State,
    Transition,
    in_order,
)
from services.vrrp.election.events import (
    AddressVanished,
    BfdChanged,
    BfdLost,
    ClockSet,
    Configured,
    Event,
    Failed,
    FileValue,
    Inherited,
    InterfaceChanged,
    LinkRestored,
    PacketReceived,
    ProcessResult,
    Release,
    RoutingUnsure,
    RoutingVanished,
    ScriptResult,
    Slept,
    Started,
    StaticResult,
    Stopped,
    TimeReached,
)
from services.vrrp.election.holders import Holders
from services.vrrp.election.lookup import Lookup
from services.vrrp.election.reception import Reception
from services.vrrp.election.router import VirtualRouter
from services.vrrp.election.router_events import (
    Changed,
    Expired,
    Follow,
    Heard,
    Inputs,
    Lost,
    Reannounce,
    RouterEvent,
    Start,
    StepDown,
    Stop,
)
from services.vrrp.election.schedule import Key
from services.vrrp.election.snapshot import Saved
from services.vrrp.election.statics import OWNER, Statics
from services.vrrp.election.surroundings import Surroundings, heeds_virtual
from services.vrrp.election.timers import Timers
from services.vrrp.routing import routing

if TYPE_CHECKING:
    from services.vrrp.routing.routes import Route
    from services.vrrp.routing.rules import Rule

FORESEEN = 8  # members of a sync group whose common takeover is looked at beforehand
NOTHING: Mapping[str, Mapping[str, Any]] = {}


class Node:
    """All virtual routers of one machine. Attributes are for reading; only `step` changes them."""

    def __init__(self) -> None:
        self.routers: dict[str, VirtualRouter] = {}
        self.groups: dict[str, GroupSettings] = {}
        self.group_states: dict[str, groups.GroupState] = {}
        self.group_of: dict[str, str] = {}
        self.surroundings = Surroundings()
        self.holders = Holders()
        self.statics = Statics()
        self._saved: dict[Key, Saved] = {}
        self.delayed = False  # a start waits, by vrrp_startup_delay or vrrp_delay_after_boot
        self._ahead = 0
        self._configured = self._awaited = False
        self._held: set[str] = set()
        self._held_until = 0
        self._lookup = Lookup()
        self.timers = Timers()
        self.reception = Reception()
        self.moves = 0  # how often a router was stepped
        self._dirty: set[Key] = set()

    def deadline(self) -> int | None:
        """When `TimeReached` is due; None: never."""
        return self.timers.deadline

    def held_until(self, name: str) -> int | None:
        """When vrrp_startup_delay ends for an instance that waits for it."""
        return self._held_until if name in self._held else None

    @property
    def takeover_at(self) -> int | None:
        """When a backup takes over, if that is what is due next."""
        waits = self.timers.next_other
        if waits is None:
            return None
        when, (kind, name) = waits
        router = self.routers.get(name) if kind == "instance" else None
        return when if router is not None and router.master_down_at == when else None

    def put_off(self, now: int) -> bool:
        """Move timers of backups that adverts have moved on. False: those that come soon are right."""
        return self.timers.put_off(self.routers, now)

    def foresee(self) -> tuple[Action, ...]:
        """What the takeover at `takeover_at` will do if nothing comes before it. Changes nothing.

        Nothing too where the sync group is so large that looking ahead would itself take long.
        """
        waits = self.timers.next_other
        if waits is None:
            return ()
        when, (_kind, mover) = waits
        group = self.group_of.get(mover, "")
        names = self.groups[group].members if group else (mover,)
        if len(names) > FORESEEN:
            return ()
        twin = Node()
        twin.routers = {name: self.routers[name].twin() for name in names}
        if group:
            twin.groups, twin.group_of = self.groups, self.group_of
            twin.group_states = {group: self.group_states[group]}
        for name in names:
            twin.timers.wake_router(twin.routers[name])
        return twin.step(TimeReached(), when)

    def take_dirty(self) -> set[Key]:
        """What changed since the last call, for views and hand-over; a name may be gone meanwhile."""
        dirty, self._dirty = self._dirty, set()
        return dirty

    def step(self, event: Event, now: int) -> tuple[Action, ...]:
        """What is to be done about `event`, in this order."""
        actions: list[Action] = []
        match event:
            case TimeReached():
                self._time_reached(actions, now)
            case PacketReceived(interface, data, age):
                self._packet(actions, interface, data, age, now)
            case ScriptResult(name, ok):
                self._reported(actions, ("script", name), self.surroundings.scripts.result(name, ok, now), now)
            case ProcessResult(name, ok):
                self._reported(actions, ("process", name), self.surroundings.processes.result(name, ok, now), now)
            case FileValue(name, value):
                self._reported(actions, ("file", name), self.surroundings.files.told(name, value, now), now)
            case BfdChanged(name, up):
                if self.surroundings.neighbors.told(name, up, now):
                    self._tracked_changed(actions, ("bfd", name), now)
            case BfdLost():
                self.surroundings.neighbors.lost(now)
                self.timers.wake(("bfd", ""), self.surroundings.neighbors.deadline)
            case InterfaceChanged():
                self._interface_changed(actions, event, now)
            case AddressVanished(interface, address):
                self._address_vanished(actions, interface, address, now)
            case LinkRestored(interface):
                self._put_back(actions, interface, new=True)
            case RoutingVanished(rows):
                self._routing_vanished(actions, rows, now)
            case RoutingUnsure():
                self._routing_unsure(actions)
            case StaticResult(owner, row, reason):
                self._static_result(actions, owner, row, reason, now)
            case Failed(what, router):
                self._failed(what, router)
            case Release(router, cause):
                self._release(actions, router, cause, now)
            case Configured(resolved):
                self._configure(actions, resolved, now)
            case ClockSet(ahead):
                self._ahead = ahead
                for each in self.routers.values():
                    each.ahead = ahead
            case Slept(duration):
                for each in self.routers.values():
                    if each.slept(duration, now):
                        self.timers.wake_router(each)
            case Started(saved, awaited):
                self._saved = {(s.kind, s.name): s for s in saved}
                self._awaited = awaited
            case Inherited(told):
                self._inherit(actions, told, now)
            case Stopped():
                self._stop(actions, now)
            case _:
                assert_never(event)
        return self.holders.settle(actions) if actions else ()

    # -- time and packets

    def _time_reached(self, actions: list[Action], now: int) -> None:
        said = self.timers.advertise(self.routers, now)
        actions += said.adverts
        for name in said.others:
            self._instance_due(actions, name, now)
        for key in self.timers.due(now):
            kind, name = key
            if kind == "instance":
                self._instance_due(actions, name, now)
            elif kind == "static":
                self._static_due(actions, now)
            elif kind == "bfd":
                self._bfd_due(actions, now)
            elif kind == "debounce":
                self._debounce_due(actions, now)
            elif kind == "hold":
                self._end_hold(actions, now)
            else:
                self._silence_due(actions, key, now)
        self.timers.put_off(self.routers, now)

    def _instance_due(self, actions: list[Action], name: str, now: int) -> None:
        router = self.routers.get(name)
        if router is None:
            return
        due = router.deadline
        if due is not None and due <= now:
            self._route(actions, router, Expired(), now)
        else:
            self.timers.wake_router(router)

    def _packet(self, actions: list[Action], interface: str, data: bytes, age: int, now: int) -> None:
        heard = self.reception.hear(self._lookup, interface, data, now - age)
        if heard is not None:
            router, advert = heard
            self._route(actions, router, Heard(advert, age), now)

    # -- routers and their groups

    def _route(self, actions: list[Action], router: VirtualRouter, event: RouterEvent, now: int) -> None:
        """One router's step, and what its group makes of it."""
        before = self._move(actions, router, event, now)
        if self.group_of:
            self._settle(actions, router, before, now)

    def _move(self, actions: list[Action], router: VirtualRouter, event: RouterEvent, now: int) -> State:
        """One router's step alone; gives the state before."""
        before, cause, master = router.state, router.cause, router.master
        actions += router.step(event, now)
        self.moves += 1
        self.timers.wake_router(router)
        if before is not router.state or cause is not router.cause or master != router.master:
            self._dirty.add(("instance", router.settings.name))
        return before

    def _settle(self, actions: list[Action], mover: VirtualRouter, before: State, now: int) -> None:
        group = self.group_of.get(mover.settings.name)
        if group is None:
            return
        mates = [self.routers[n] for n in self.groups[group].members]
        if mover.rival_heard:
            mover.rival_heard = False
            for mate in mates:
                if mate is not mover:
                    self._move(actions, mate, Reannounce(), now)
        if before is not mover.state or mover.wants_master:
            members = [_member(mate) for mate in mates]
            state, who = groups.followers(members, _member(mover), before)
            why, cause = mover.why_master(now), f"follows {mover.settings.name} of sync group {group}"
            for name in who:
                router = self.routers[name]
                self._move(actions, router, Follow(state, why if router is mover else cause, mover.released), now)
        self._tell_group(actions, group, mover.cause, now)

    def _tell_group(self, actions: list[Action], group: str, cause: str, now: int) -> None:
        told = self.group_states[group]
        state = groups.state_of([self.routers[n].state for n in self.groups[group].members])
        if state is told.state:
            return
        self.group_states[group] = groups.GroupState(state, now, cause)
        self._dirty.add(("group", group))
        if state is not State.INIT:
            actions.append(Transition("group", group, told.state.value, state.value, 0, cause))

    # -- what is tracked: scripts, processes, files, interfaces; addresses

    def _reported(self, actions: list[Action], key: Key, news: bool, now: int) -> None:
        """A script, processes or a file were reported; `news` where that changed anything."""
        kind, name = key
        if news:
            self._tracked_changed(actions, key, now)
        self.timers.wake(key, self.surroundings.sources[kind].silence_at(name))

    def _silence_due(self, actions: list[Action], key: Key, now: int) -> None:
        kind, name = key
        source = self.surroundings.sources[kind]
        due = source.silence_at(name)
        if due is None or due > now:
            self.timers.wake(key, due)
            return
        source.silence(name, now)
        self._tracked_changed(actions, key, now)

    def _tracked_changed(self, actions: list[Action], key: Key, now: int) -> None:
        watchers = self._lookup.watchers(key)
        self._dirty.add(key)
        self._dirty.update(("instance", name) for name in watchers)
        self._refresh(actions, watchers, now)

    def _bfd_due(self, actions: list[Action], now: int) -> None:
        """Sessions that nobody has vouched for long enough are down."""
        for name in sorted(self.surroundings.neighbors.expire(now)):
            self._tracked_changed(actions, ("bfd", name), now)
        self.timers.wake(("bfd", ""), self.surroundings.neighbors.deadline)

    def _interface_changed(self, actions: list[Action], event: InterfaceChanged, now: int) -> None:
        debounce = self.surroundings.debounce
        if debounce is None:
            self._believe(actions, event, now)
            return
        before, waited = self.surroundings.interfaces.get(event.name), debounce.waits(event.name)
        believed = debounce.believed(event, before, now)
        self.timers.wake(("debounce", ""), debounce.deadline)
        if believed is not None:
            # One that was down for a moment may have lost what was on it.
            self._believe(actions, believed, now, lossy=waited and believed.up)

    def _debounce_due(self, actions: list[Action], now: int) -> None:
        debounce = self.surroundings.debounce
        if debounce is not None:
            for event in debounce.due(now):
                self._believe(actions, event, now)
            self.timers.wake(("debounce", ""), debounce.deadline)

    def _believe(self, actions: list[Action], event: InterfaceChanged, now: int, lossy: bool = False) -> None:
        before = self.surroundings.interfaces.get(event.name)
        if before == event and not lossy:
            return
        self.surroundings.interfaces[event.name] = event
        watchers = self._lookup.watchers(("interface", event.name))
        moved = self.surroundings.only_virtual(before, event) if before is not None and not lossy else None
        if moved is not None:  # a thousand routers look at none of each other's addresses
            self._refresh(actions, {name for name in watchers if heeds_virtual(self.routers[name].settings)}, now)
            owners = {self.holders.of(address, event.name) for address in moved}
            self._dirty.update(("instance", name) for name in owners if name in self.routers)
            return
        self._refresh(actions, watchers, now)
        new = before is None or before.number != event.number or lossy
        if new or (event.up and before is not None and not before.up):
            self._put_back(actions, event.name, new)
        if event.up and (before is None or not before.up or lossy or self._is_new(event, before)):
            self._put_back_routing(actions, event.name)
        self._dirty.update(("instance", name) for name in watchers)

    def _put_back(self, actions: list[Action], interface: str, new: bool) -> None:
        for name in sorted(self._lookup.watchers(("interface", interface))):
            if self.routers[name].state is State.MASTER:
                actions += office.put_back(self.routers[name].settings, interface, new)

    def _is_new(self, event: InterfaceChanged, before: InterfaceChanged) -> bool:
        """Another interface of that name, or one with another address of its own: new gateways may be in reach."""
        own = set(event.addresses) - set(before.addresses) - self.surroundings.virtual
        return event.number != before.number or bool(own)

    def _put_back_routing(self, actions: list[Action], interface: str) -> None:
        """What the kernel dropped while this interface was gone or down."""
        for name, router in self.routers.items():
            if router.settings.routing and router.state is State.MASTER:
                back = routing.back_with(interface, router.settings.routing)
                actions += [AddRouting(name, back)] if back else []
        actions += self.statics.again(interface)

    def _routing_vanished(self, actions: list[Action], rows: Iterable[Route | Rule], now: int) -> None:
        for row in rows:
            owner = self.holders.of_routing(row) or ""
            router = self.routers.get(owner)
            if owner.startswith(OWNER):
                actions.append(AddRouting(owner, (row,)))
            elif router is not None and not row.no_track and not any(map(self.surroundings.waits, row.devices)):
                self._route(actions, router, Lost(row.text), now)

    def _routing_unsure(self, actions: list[Action]) -> None:
        """What is there already is not disturbed by being added again."""
        for name, router in self.routers.items():
            if router.state is State.MASTER and router.settings.routing:
                actions.append(AddRouting(name, router.settings.routing))
        actions += self.statics.again()

    def _static_result(
        self, actions: list[Action], owner: str, row: VirtualAddress | Route | Rule, reason: str, now: int
    ) -> None:
        if self.statics.result(owner, row, reason, now) and row.track_group:
            self._refresh_statics(actions, self.statics.members([row.track_group]), now)
        self.timers.wake(("static", ""), self.statics.retry_at)

    def _static_due(self, actions: list[Action], now: int) -> None:
        due = self.statics.retry_at
        if due is not None and due <= now:
            actions += self.statics.retry()
        else:
            self.timers.wake(("static", ""), due)

    def _refresh_statics(self, actions: list[Action], names: Iterable[str], now: int) -> None:
        self.surroundings.static_faults = self.statics.faults()
        self._refresh(actions, sorted(self.routers.keys() & set(names)), now)

    def _address_vanished(self, actions: list[Action], interface: str, address: str, now: int) -> None:
        if self.surroundings.waits(interface):
            return  # it went along with the interface
        owner = self.holders.of(address, interface) or ""
        if owner.startswith(OWNER):
            actions += self.statics.address_back(owner, address, interface)
            return
        router = self.routers.get(owner)
        rows = router.addresses if router is not None else ()
        if router is not None and any((r.address, r.dev, r.track) == (address, interface, True) for r in rows):
            self._route(actions, router, Lost(address), now)

    def _failed(self, what: str, name: str) -> None:
        router = self.routers.get(name)
        if router is not None and what == "address":
            router.counters.address_errors += 1
        elif router is not None and what != "route":
            router.counters.send_errors += 1

    def _release(self, actions: list[Action], name: str, cause: str, now: int) -> None:
        group = self.group_of.get(name)
        members = self.groups[group].members if group is not None else (name,) if name in self.routers else ()
        for member in members:
            self._dirty.add(("instance", member))
            self._move(actions, self.routers[member], StepDown(cause), now)

    def _inputs(self, settings: RouterSettings, known: dict[str, list[str]], wanted: Resolved | None = None) -> Inputs:
        """A router's inputs; while a configuration is being put in place, with the mates that it gives.

        `known`: as `Surroundings.inputs` has it.
        """
        name = settings.name
        group = self.group_of.get(name)
        names = self.groups[group].members if group is not None else (name,)
        mates = [wanted.routers[n] if wanted else self.routers[n].settings for n in names]
        router = self.routers.get(name)
        inputs = self.surroundings.inputs(settings, mates, group, router.inputs.source if router else None, known)
        return inputs._replace(crowded=_are_crowded(wanted.routers if wanted else self.routers))

    def _refresh(self, actions: list[Action], names: Iterable[str], now: int) -> None:
        """Recompute the inputs of these routers and of their groups' members."""
        touched = set(names)
        for name in names:
            group = self.group_of.get(name)
            touched.update(self.groups[group].members if group is not None else ())
        known: dict[str, list[str]] = {}
        fresh = {name: self._inputs(self.routers[name].settings, known) for name in sorted(touched)}
        movers = []
        for name, inputs in fresh.items():
            router = self.routers[name]
            if inputs != router.inputs:
                self._dirty.add(("instance", name))
                movers.append((router, self._move(actions, router, Changed(inputs), now)))
        for router, before in movers:
            self._settle(actions, router, before, now)

    # -- configuration and stop

    def _configure(self, actions: list[Action], wanted: Resolved, now: int) -> None:
        """The difference, by name; what is the same is not disturbed. Additions come before removals."""
        present = self.routers
        gone = {r for name, r in present.items() if not difference.same_identity(r.settings, wanted.routers.get(name))}
        touched = self._take_in(actions, wanted, now)
        self.routers = {name: r for name, r in present.items() if r not in gone}
        fresh, movers = self._fit(actions, wanted, touched, now)
        self.reception.regroup()
        if touched or gone:
            self.routers = {name: fresh.get(name) or self.routers[name] for name in wanted.routers}
            self._lookup.follow(self.routers)
        for router in sorted(gone, key=lambda router: router.settings.name):
            actions += router.step(Stop("DELETED"), now)
            self.reception.forget(router.settings.name)
            self._dirty.add(("instance", router.settings.name))
        for router, before in movers:
            self._settle(actions, router, before, now)
        if self._awaited:
            self._held |= set(fresh)  # the predecessor runs them; it will tell
        elif not self._configured:
            actions += difference.leftovers(self._saved.values(), wanted.routers.values(), wanted.statics.values())
            until = max(now + wanted.globals.vrrp_startup_delay, wanted.globals.vrrp_delay_after_boot)
            if until > now and not self._saved:  # the engine's time begins with the machine's
                self._held, self._held_until = set(fresh), until
                self.timers.wake(("hold", ""), until)
        self._configured = True
        self._start(actions, [name for name in fresh if name not in self._held], now)
        for group in self.groups:
            self._tell_group(actions, group, "configuration", now)
        actions[:] = in_order(actions)

    def _take_in(self, actions: list[Action], wanted: Resolved, now: int) -> set[str]:
        """Everything that is around routers; gives the names of those that must be looked at."""
        around = self.surroundings
        grouped, virtual, statics, maintenance = self.groups, around.virtual, around.static_faults, around.maintenance
        saved = {key: s.state for key, s in self._saved.items()}
        around.maintenance = wanted.maintenance
        self.reception.ask_for_strangers(wanted.globals.log_unknown_vrids)
        self.delayed = bool(wanted.globals.vrrp_startup_delay or wanted.globals.vrrp_delay_after_boot)
        actions += self.statics.configure(wanted.statics, wanted.track_groups)
        around.static_faults = self.statics.faults()
        tracked = around.configure(wanted, saved, now)
        bfds_known = {} if self._configured else {n: state for (kind, n), state in saved.items() if kind == "bfd"}
        bfds = around.neighbors.configure(wanted.bfds, bfds_known, now)
        self._regroup(wanted, now)
        for kind, name in tracked:
            self.timers.wake((kind, name), around.sources[kind].silence_at(name))
        self.timers.wake(("bfd", ""), around.neighbors.deadline)
        self._dirty.update(tracked, (("bfd", name) for name in bfds))
        crowd = _are_crowded(self.routers) != _are_crowded(wanted.routers)
        if tracked or bfds or crowd or maintenance != wanted.maintenance:
            return set(wanted.routers)
        concerned = difference.regrouped(grouped, self.groups) | difference.changed(statics, around.static_faults)
        concerned |= around.choosing_among(virtual ^ around.virtual, wanted.routers.values())
        return difference.touched(self.routers, wanted, concerned)

    def _fit(
        self, actions: list[Action], wanted: Resolved, touched: Iterable[str], now: int
    ) -> tuple[dict[str, VirtualRouter], list[tuple[VirtualRouter, State]]]:
        """New routers by name, and those that have changed with the state before."""
        fresh: dict[str, VirtualRouter] = {}
        movers: list[tuple[VirtualRouter, State]] = []
        known: dict[str, list[str]] = {}
        for name in sorted(touched):
            settings = wanted.routers[name]
            inputs = self._inputs(settings, known, wanted)
            router = self.routers.get(name)
            if router is None:
                fresh[name] = VirtualRouter(settings, inputs)
                fresh[name].ahead = self._ahead
            elif (settings, inputs) != (router.settings, router.inputs):
                self._dirty.add(("instance", name))
                movers.append((router, self._move(actions, router, Changed(inputs, settings), now)))
        return fresh, movers

    def _regroup(self, wanted: Resolved, now: int) -> None:
        for name in self.groups.keys() | wanted.groups.keys():
            if name not in wanted.groups:
                del self.group_states[name]
            elif name not in self.groups:
                self.group_states[name] = groups.GroupState(self._saved_group(wanted.groups[name]), now, "configured")
            if self.groups.get(name) != wanted.groups.get(name):
                self._dirty.add(("group", name))
        self.groups = dict(wanted.groups)
        self.group_of = {member: name for name, group in self.groups.items() for member in group.members}

    def _saved_group(self, group: GroupSettings) -> State:
        states = [self._saved.get(("instance", member)) for member in group.members]
        return groups.state_of([State(s.state) if s is not None else State.INIT for s in states])

    def _start(
        self, actions: list[Action], names: Iterable[str], now: int, carried: Mapping[str, Mapping[str, Any]] = NOTHING
    ) -> None:
        movers = []
        saved = {name: s for name in names if (s := self._saved.pop(("instance", name), None)) is not None}
        overdue = {self.group_of.get(name) for name, s in saved.items() if self.routers[name].overdue(s, now)} - {None}
        for name in names:
            self._dirty.add(("instance", name))
            router = self.routers[name]
            start = Start(saved.get(name), carried.get(name), self.group_of.get(name) in overdue)
            movers.append((router, self._move(actions, router, start, now)))
        for router, before in movers:
            self._settle(actions, router, before, now)

    def carried(self) -> dict[str, Any]:
        """Where everything is, for the `Inherited` of a successor; JSON's types only."""
        return {**succession.carried(self), "held": sorted(self._held), "held_until": self._held_until}

    def _inherit(self, actions: list[Action], told: Mapping[str, Any], now: int) -> None:
        """Go on where the predecessor is: nothing is sent, moved or told but what has changed meanwhile."""
        names = sorted(self._held - set(told["held"]))
        self._held, self._held_until, self._awaited = self._held & set(told["held"]), told["held_until"], False
        if self._held:
            self.timers.wake(("hold", ""), self._held_until)
        succession.take_up(self, told, now)
        self._dirty.update(("bfd", name) for name in self.surroundings.neighbors.states)
        self.timers.wake(("bfd", ""), self.surroundings.neighbors.deadline)
        self._saved = succession.left(told)
        settings = [router.settings for router in self.routers.values()]
        actions += difference.leftovers(self._saved.values(), settings, self.statics.entries.values())
        for name in names:
            router = self.routers[name]
            router.step(Changed(router.inputs._replace(source=succession.source_of(told, name))), now)
            router.step(Changed(self._inputs(router.settings, {})), now)
        for name in self.groups.keys() & told["groups"].keys():
            state, since, cause = told["groups"][name]
            self.group_states[name] = groups.GroupState(State(state), since, cause)
        self._start(actions, names, now, told["routers"])
        actions += succession.hold(self, names)
        self._saved.clear()

    def _end_hold(self, actions: list[Action], now: int) -> None:
        held, self._held = self._held, set()
        self._start(actions, sorted(held & self.routers.keys()), now)

    def _stop(self, actions: list[Action], now: int) -> None:
        for router in self.routers.values():
            actions += router.step(Stop("STOP"), now)
            self._dirty.add(("instance", router.settings.name))
        actions += self.statics.stop()
        for group, told in self.group_states.items():
            self._dirty.add(("group", group))
            actions.append(Transition("group", group, told.state.value, "STOP", 0, "declared stop"))
        actions[:] = in_order(actions)
        self.timers.clear()


def _are_crowded(routers: Collection[str]) -> bool:
    return len(routers) > phase.CROWD


def _member(router: VirtualRouter) -> groups.Member:
    return groups.Member(router.settings.name, router.state, router.wants_master)
