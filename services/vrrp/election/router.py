"""Who is master of one virtual router? Its election (RFC 9568 section 6.4, RFC 3768 for v2, keepalived where they differ).

Knows no sockets, clocks, logs, trackers or other routers: faults and priority come as `Inputs`, the rest of a sync group
as `Follow`. Time is integer nanoseconds, given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, assert_never

from services.vrrp.addresses import VirtualAddress, packed, text
from services.vrrp.config.resolve import RouterSettings
from services.vrrp.config.settings import SECOND
from services.vrrp.election import offer, office, phase
from services.vrrp.election.actions import Action, Announce, SendAdvert, State, Transition
from services.vrrp.election.announce import Announcements
from services.vrrp.election.beat import Beat
from services.vrrp.election.carry import Carried
from services.vrrp.election.counters import Counters
from services.vrrp.election.priority import OWNER
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
from services.vrrp.election.snapshot import Saved
from services.vrrp.wire.adverts import Adverts, counter
from services.vrrp.wire.packet import Advert, Checksum, Refused

if TYPE_CHECKING:
    from services.vrrp.election.rogue import Rogue
    from services.vrrp.wire.ah import Counter
    from services.vrrp.wire.trailer import Clock

ASLEEP = 100_000_000  # nanoseconds; a machine that comes to a takeover later than that stood still, and its network, too


class VirtualRouter(Carried):
    """One virtual router. `state`, `cause`, `wants_master` and the rest are read by the node, written only here."""

    __slots__ = ()

    def __init__(self, settings: RouterSettings, inputs: Inputs) -> None:
        self.settings = settings
        self.inputs = inputs
        self.state = State.INIT
        self.cause = "not started yet"
        self.since = 0
        self._counters = Counters()
        self.wants_master = False
        self.rival_heard = False
        self.released = False  # the last step from MASTER to BACKUP wants the group to come back soon
        self.master_interval = settings.advert_int
        self.master_address = b""
        self.master_priority = 0
        self.last_heard = 0
        self.beat = Beat()
        self._counted = 0  # beats of a chorus that are in `counters`
        self.takeover = 0  # how long it may be silent as master before a peer takes over
        self.repeated: tuple[SendAdvert, ...] = ()  # what a master sends, where that is all there is to do
        self.preempt_at: int | None = None
        self.master_down_at: int | None = None
        self._drift = 0
        self.heard: Advert | None = None  # the last valid advert of another router, whatever came of it
        self.heard_at = 0
        self.refused: Refused | None = None  # the last packet that was no advert for it
        self.offering = ""  # why mastership is on offer: nothing is advertised, and whoever speaks has it
        self.offer_at: int | None = None  # when it is offered again, by a master in maintenance
        self._offered_until = 0
        self._listened_at = 0  # when it came too late to a takeover, and began to listen instead
        self.announcements = Announcements()
        self._heard_checksum: Checksum | None = None
        self.counter: Counter | Clock | None = None  # of authenticated adverts
        self.ahead = 0  # of the wall clock, as `events.ClockSet` has it
        self._reported = State.INIT.value
        self._outranked: Advert | None = None
        self._rival_until = 0
        self._rogue: Rogue | None = None  # another owner
        self._routine: Advert | None = None  # a backup's master says it again and again, and nothing else happens
        self._patience = 0  # its master_down_interval
        self._prepare()

    # -- what others may ask

    @property
    def deadline(self) -> int | None:
        """When `Expired` is due."""
        if self.state is State.MASTER:
            at = self.beat.at
            due = at if self.offer_at is None or at < self.offer_at else self.offer_at
            announce_at = self.announcements.deadline
            return due if announce_at is None or due < announce_at else announce_at
        return self.master_down_at if self.state is State.BACKUP else None

    @property
    def advert_at(self) -> int:
        """When a master advertises next."""
        return self.beat.at

    @property
    def last_advert(self) -> int:
        """When it last advertised with a priority that is not 0."""
        return self.beat.said_at

    @property
    def counters(self) -> Counters:
        """What has happened so far."""
        if self._counted != self.beat.count:
            self._counters.adverts_sent += self.beat.count - self._counted
            self._counted = self.beat.count
        return self._counters

    @property
    def master(self) -> tuple[bytes, int, int]:
        """Address, priority and interval of the master, as far as they are known."""
        return self.master_address, self.master_priority, self.master_interval

    def join(self, beat: Beat) -> None:
        """From now on it says what it repeats with others, as `beat` has it, until it has something else to do."""
        self.part()
        self.beat, self._counted = beat, beat.count

    def part(self) -> None:
        """It advertises for itself again."""
        if self.beat.shared:
            self._counters = self.counters
            self.beat.whole = False
            self.beat, self._counted = Beat(self.beat.at, self.beat.said_at), 0

    @property
    def addresses(self) -> tuple[VirtualAddress, ...]:
        """All addresses of the master."""
        return office.addresses(self.settings)

    @property
    def master_down_interval(self) -> int:
        """Silence after which a backup takes over, nanoseconds."""
        return self.settings.down_timer_adverts * self.master_interval + self.skew(self.inputs.priority)

    @property
    def released_interval(self) -> int:
        """Silence after priority 0 after which a backup takes over, nanoseconds."""
        return offer.patience(self.skew(0)) if self.inputs.maintenance else self.skew(self.inputs.priority)

    def skew(self, priority: int) -> int:
        """RFC 3768 section 6.1 (v2), RFC 9568 section 6.1 (v3); v3 truncates to microseconds, as keepalived does."""
        if self.settings.version == 2:
            return (256 - priority) * SECOND // 256
        return (256 - priority) * (self.master_interval // 10_000_000) * 625 // 16 * 1000

    def overdue(self, saved: Saved, now: int) -> bool:
        """A predecessor was master and silent for so long, by now, that a peer may have taken over."""
        return saved.state == State.MASTER and not 0 <= now - saved.last_advert < self.takeover

    def lists(self, addresses: bytes) -> bool:
        """Whether the addresses of an advert are this router's, in any order."""
        return self._adverts.lists(addresses)

    def adverts(self, priority: int) -> tuple[SendAdvert, ...]:
        """What it would send with this priority, but for a seal or trailer."""
        return self._adverts.of(priority)

    def twin(self) -> VirtualRouter:
        """One that will do as this one would; whatever it does changes nothing here."""
        twin = VirtualRouter.__new__(VirtualRouter)
        for name in Carried.__slots__:
            setattr(twin, name, getattr(self, name))
        twin._counters, twin.announcements, twin._rogue = Counters(), Announcements(), None
        twin.beat, twin._counted = Beat(self.beat.at, self.beat.said_at), 0
        if self.counter is not None:
            twin.counter = self.counter.twin()
        return twin

    # -- the election

    @property
    def in_routine(self) -> bool:
        """It is a backup whose master repeats itself."""
        return self._routine is not None

    def hear_again(self, advert: Advert, at: int) -> bool:
        """The last advert came once more, `at`: as `Heard`, but for what cannot come of it. False: it must be a `Heard`."""
        if advert is not self._routine:
            return False
        self._counters.adverts_received += 1
        self.heard_at = self.last_heard = at
        self.master_down_at = at + self._patience
        return True

    def slept(self, duration: int, now: int) -> bool:
        """Rule 7 of a backup whose moment is still to come: after more than an interval it waits for another. True: it does."""
        if self.master_down_at is None or duration <= self.master_interval:
            return False
        listened = now + self.master_interval + self.skew(self.inputs.priority)
        if not self.wants_master and self.master_down_at >= listened:
            return False
        self.wants_master, self.master_down_at = False, listened
        return True

    def say_again(self, now: int) -> tuple[SendAdvert, ...]:
        """The advert that is due, where it and nothing else is: as `Expired`. Empty: it must be an `Expired`."""
        beat, announce_at = self.beat, self.announcements.deadline
        if not self.repeated or beat.shared or beat.at > now or now - beat.said_at >= self.takeover:
            return ()
        if announce_at is not None and announce_at <= now:
            return ()
        self._counters.adverts_sent += 1
        beat.said_at, beat.at = now, phase.next_of(beat.at, self.settings.advert_int, now)
        return self.repeated

    def step(self, event: RouterEvent, now: int) -> list[Action]:
        """What is to be done about `event`, in this order."""
        self.part()
        self._routine, self.repeated = None, ()
        actions: list[Action] = []
        silent = self.state is State.MASTER and now - self.last_advert >= self.takeover
        if silent and now - self._offered_until >= self.takeover:
            # Rule 7: whoever wakes up late listens before it speaks.
            away = (now - self.last_advert) / SECOND
            actions += self._to_backup(now, f"sent nothing for {away:.3f} s: a peer may have taken over")
        match event:
            case Expired():
                self._expired(actions, now)
            case Heard(advert, age):
                self._heard(actions, advert, age, now)
            case Changed(inputs, settings):
                self._changed(actions, inputs, settings, now)
            case Start(saved, carried, listens):
                self._start(actions, saved, listens, now) if carried is None else self._go_on(actions, carried, now)
            case Follow(state, cause, release):
                self._follow(actions, state, cause, release, now)
            case Reannounce():
                self._answer_rival(actions, now)
            case StepDown(cause):
                self._offer(actions, cause, now)
            case Lost(what):
                self._lost(actions, what, now)
            case Stop(after):
                self._stop(actions, after, now)
            case _:
                assert_never(event)
        return actions

    def _start(self, actions: list[Action], saved: Saved | None, listens: bool, now: int) -> None:
        if saved is not None:
            self._reported = saved.state
            self.master_address = packed(saved.master_address) if saved.master_address else b""
            self.master_priority = saved.master_priority
            if self.settings.version == 3 and saved.master_interval and saved.state == State.BACKUP:
                self.master_interval = saved.master_interval
            if self.counter is not None:
                self.counter.last = saved.sequence
        if self.inputs.faults:
            actions += office.left(self.settings)
            self._enter(actions, State.FAULT, "; ".join(self.inputs.faults), now)
        elif saved is not None and saved.state == State.MASTER and not (listens or self.overdue(saved, now)):
            self._resume(actions, saved, now)
        elif self.inputs.waiting and saved is None:
            actions += office.left(self.settings)
            self.cause = "waits for the first results of its scripts"
            self.since = now
        elif saved is not None:
            actions += office.left(self.settings)
            self._enter(actions, State.BACKUP, "took over from a predecessor, listens", now)
            # Adverts may have been missed in between: listen for one interval at least.
            self.master_down_at = now + self.master_down_interval
            if saved.state == State.BACKUP and now <= saved.master_down_at:
                self.master_down_at = max(saved.master_down_at, now + self.master_interval)
                self.preempt_at = saved.preempt_at or None
        else:
            actions += office.left(self.settings)
            self._begin(actions, now)

    def _go_on(self, actions: list[Action], carried: Mapping[str, Any], now: int) -> None:
        if self.take_up(carried):
            self._prepare()
        self._changed(actions, self.inputs, None, now)  # what has failed or healed meanwhile

    def _begin(self, actions: list[Action], now: int) -> None:
        """INIT is over: BACKUP, or for an owner nothing but the next instant."""
        if self.inputs.start_master and self.inputs.priority == OWNER:
            self.state, self.cause, self.since = State.BACKUP, "owns the addresses", now
            self.master_down_at = now
            return
        self._enter(actions, State.BACKUP, "started", now)
        self.master_down_at = now + self.master_down_interval
        if self.inputs.start_master:
            self.master_down_at = now + self.settings.advert_int + self.skew(OWNER)

    def _resume(self, actions: list[Action], saved: Saved, now: int) -> None:
        self.state, self.since = State.MASTER, now
        self.cause = "goes on as master: the predecessor's last advert was "
        self.cause += f"{(now - saved.last_advert) / SECOND:.3f} s ago"
        self._take_office(actions, now)

    def _expired(self, actions: list[Action], now: int) -> None:
        if self.state is State.MASTER:
            if self.offer_at is not None and self.offer_at <= now:
                self._offer(actions, self.inputs.maintenance, now)
            elif self.advert_at <= now:
                if self.offering or self.inputs.maintenance:
                    self._end_offer(now)
                self._send(actions, self.inputs.priority, now)
                interval = self.settings.advert_int
                shorter = phase.shortened(self._drift, interval)
                self._drift -= shorter
                self.beat.at = phase.next_of(self.advert_at, interval, now) - shorter
            repeat = self.announcements.due(self.settings, now)
            if repeat:
                actions.append(Announce(self.settings.name, self.addresses, repeat))
            if self.announcements.extra_due(self.settings, now) and (elsewhere := self.settings.elsewhere):
                actions.append(Announce(self.settings.name, elsewhere, 1))
            self.repeated = self._settled()
        elif self.state is State.BACKUP and self.master_down_at is not None and self.master_down_at <= now:
            self._master_is_down(actions, now)

    def _settled(self) -> tuple[SendAdvert, ...]:
        """The adverts of a master that has nothing to do but say them again and again."""
        unsettled = self.offering or self.inputs.maintenance or self._drift or self._rogue is not None
        if unsettled or self._adverts.numbered:
            return ()
        return self._adverts.of(self.inputs.priority)

    def _master_is_down(self, actions: list[Action], now: int) -> None:
        late = now - (self.master_down_at or now)
        a_little, a_lot = sorted((self.master_interval, ASLEEP))
        if late > a_lot or (late > a_little and self._listened_at <= max(self.last_heard, self.since)):
            # Rule 7 again: an advert may have come while nobody listened. Who is always a little late must take over, too.
            self._listened_at, self.wants_master = now, False
            self.master_down_at = now + self.master_interval + self.skew(self.inputs.priority)
        elif self.inputs.in_group:
            self.wants_master = True
            self.master_down_at = now + self.master_down_interval
        else:
            self._to_master(actions, now, self.why_master(now))

    def why_master(self, now: int) -> str:
        """Why the master-down timer ran out, in words."""
        if self.cause == "owns the addresses" and not self.last_heard:
            return self.cause
        rival = self._outranked
        if rival is not None and now - self.last_heard <= self.master_interval * 2:
            return f"{text(rival.source)} has priority {rival.priority}, ours is {self.inputs.priority}"
        if not self.last_heard:
            return f"no advert from anybody for {(now - self.since) / SECOND:.3f} s"
        silence = (now - self.last_heard) / SECOND
        if self.master_priority == 0:
            return f"{text(self.master_address)} released it (priority 0) {silence:.3f} s ago"
        return f"no advert from {text(self.master_address)} for {silence:.3f} s"

    def _heard(self, actions: list[Action], advert: Advert, age: int, now: int) -> None:
        if self.state not in (State.BACKUP, State.MASTER):
            return
        if self.settings.owner_ignore_adverts and self.inputs.priority == OWNER:  # in maintenance it has another one
            return
        self.counters.adverts_received += 1
        self.heard, self.heard_at = advert, now - age
        again = self.settings.skip_check_adv_addr and advert.source == self.master_address
        differs = not again and not self.lists(advert.addresses)
        self.counters.address_list_errors += differs
        if not advert.priority:
            self.counters.priority_zero_received += 1
        if self.state is State.BACKUP:
            self._heard_as_backup(advert, now - age, now)
            yields = advert.priority >= self.inputs.priority or (self.settings.nopreempt and advert.priority > 0)
            if yields and not differs:
                self._routine, self._patience = advert, self.master_down_interval
        else:
            self._heard_as_master(actions, advert, now)

    def _heard_as_backup(self, advert: Advert, at: int, now: int) -> None:
        """Timers run from when the advert came, not from when this process got round to it."""
        own = self.inputs.priority
        self.last_heard = at
        if advert.priority == 0:
            self.master_address, self.master_priority = advert.source, 0
            self.master_down_at = at + self.released_interval
            return
        if advert.priority >= own:
            self.preempt_at = None
        elif not self.settings.nopreempt:
            if self.settings.preempt_delay and self.preempt_at is None:
                self.preempt_at = now + self.settings.preempt_delay
            if self.preempt_at is None or now >= self.preempt_at:
                self._outranked = advert  # discarded: the timer runs down, and that is how preemption happens
                return
        self._accept(advert, at)

    def _accept(self, advert: Advert, at: int) -> None:
        self._outranked = None
        self.wants_master = False
        self.master_address, self.master_priority = advert.source, advert.priority
        if self.settings.version == 3:
            self.master_interval = advert.interval
        self.master_down_at = at + self.master_down_interval

    def _heard_as_master(self, actions: list[Action], advert: Advert, now: int) -> None:
        own, source = self.inputs.priority, self.inputs.source or b""
        if self.offering:
            if advert.priority:
                actions += self._to_backup(now, f"{text(advert.source)} took over: {self.offering}")
                self.last_heard = now
                self._accept(advert, now)
        elif advert.priority == 0:
            self._send(actions, own, now)
            self.beat.at = now + self.settings.advert_int
            self._answer_rival(actions, now)  # it was master beside us, or it had nothing to release
        elif advert.priority == own == OWNER and advert.source < source and self._gives_way(advert, now):
            cause = f"{text(advert.source)} has priority 255 too, and does not yield to the higher address"
            actions += self._to_backup(now, cause)
            self.last_heard = now
            self._accept(advert, now)
        elif (advert.priority, advert.source) < (own, source):
            if not self.settings.lower_prio_no_advert:
                self._send(actions, own, now)
                self.beat.at = now + self.settings.advert_int
            self.rival_heard = True
            self._answer_rival(actions, now)
            if now >= self.since + self.settings.advert_int:  # before, it yields, mostly
                self._tell_of_rival(actions, advert, now)
        elif (advert.priority, advert.source) > (own, source):
            if self.settings.higher_prio_send_advert:
                self._send(actions, own, now)
            cause = f"{text(advert.source)} has priority {advert.priority}, ours is {own}"
            if advert.priority == own:
                cause = f"{text(advert.source)} has the same priority {own} and the higher address"
            actions += self._to_backup(now, cause)
            self.last_heard = now
            self._accept(advert, now)

    def _tell_of_rival(self, actions: list[Action], advert: Advert, now: int) -> None:
        """Once for as long as it goes on."""
        own, name = self.inputs.priority, self.settings.name
        if now >= self._rival_until:
            cause = f"{text(advert.source)} advertises priority {advert.priority}, ours is {own}"
            actions.append(Transition("instance", name, self._reported, "MASTER_RX_LOWER_PRI", own, cause))
        self._rival_until = now + 3 * max(advert.interval, self.settings.advert_int)

    def _gives_way(self, advert: Advert, now: int) -> bool:
        if self._rogue is None:
            from services.vrrp.election.rogue import Rogue  # hardly ever, and the engine's start is in a hurry

            self._rogue = Rogue()
        return self._rogue.heard(now, max(advert.interval, self.settings.advert_int))

    def _offer(self, actions: list[Action], cause: str, now: int) -> None:
        """Priority 0, then silence; the addresses stay until a peer's advert says that it has taken over."""
        if self.state is State.MASTER and not self.offering:
            self._send(actions, 0, now)
            self.offering, self.offer_at = cause, None
            self.beat.at = self._offered_until = now + offer.silence(self.skew(0))

    def _end_offer(self, now: int) -> None:
        if self.offering:
            self.cause = f"no peer took over: {self.offering}"
            self.offering = ""
        if self.inputs.maintenance and self.offer_at is None:
            self.offer_at = offer.again(now)

    def _answer_rival(self, actions: list[Action], now: int) -> None:
        if self.state is State.MASTER:
            repeat = self.announcements.heard_lower(self.settings, now, now - self.since < self.settings.advert_int)
            if repeat:
                actions.append(Announce(self.settings.name, self.addresses, repeat))

    def _follow(self, actions: list[Action], state: State, cause: str, release: bool, now: int) -> None:
        if state is State.MASTER and self.state is State.BACKUP:
            self._to_master(actions, now, cause)
        elif state is State.BACKUP and self.state is State.MASTER:
            if release:
                self._send(actions, 0, now)
            actions += self._to_backup(now, cause)
            if release:
                self.master_down_at = now + self.skew(self.inputs.priority)

    def _lost(self, actions: list[Action], what: str, now: int) -> None:
        if self.state is not State.MASTER:
            return
        self._send(actions, 0, now)
        actions += self._to_backup(now, f"somebody removed {what}: takes everything again")
        self.released = True
        self.master_down_at = now + self.skew(self.inputs.priority)

    def _stop(self, actions: list[Action], after: str, now: int) -> None:
        if self.state is State.MASTER:
            self._send(actions, 0, now)
            actions += office.left(self.settings)
            self.counters.released_master += 1
        cause = "declared stop" if after == "STOP" else "no longer configured"
        actions.append(self._transition(after, cause))
        self.state, self.since, self.cause = State.INIT, now, cause

    # -- configuration, trackers, interfaces

    def _changed(self, actions: list[Action], inputs: Inputs, settings: RouterSettings | None, now: int) -> None:
        before, self.inputs = self.inputs, inputs
        if settings is not None and settings != self.settings:
            self._reconfigure(actions, settings, now)
        if inputs.source != before.source:
            self._prepare()
        elif inputs.priority != before.priority:
            self._adverts.of(inputs.priority)
        if inputs.faults and self.state is not State.FAULT:
            self._fail(actions, now)
        elif inputs.faults:
            self.cause = "; ".join(inputs.faults)
        elif self.state is State.FAULT and not inputs.waiting:
            self.master_interval = self.settings.advert_int
            self._enter(actions, State.BACKUP, "healed: " + ("; ".join(before.faults) or self.cause), now)
            self.master_down_at = now + self.master_down_interval
            if inputs.start_master and inputs.priority == OWNER:
                self.master_down_at = now + self.master_interval + self.skew(OWNER)
        elif self.state is State.INIT and self.since and not inputs.waiting:
            self._begin(actions, now)
        elif self.state is State.BACKUP and self.master_down_at is not None and inputs.priority != before.priority:
            self.master_down_at += self.skew(inputs.priority) - self.skew(before.priority)
        elif self.state is State.MASTER and inputs.maintenance != before.maintenance:
            if inputs.maintenance:
                self._offer(actions, inputs.maintenance, now)
            else:
                self.offering, self.offer_at, self.beat.at = "", None, now
                self.cause = f"remains master after {before.maintenance}"

    def _fail(self, actions: list[Action], now: int) -> None:
        if self.state is State.INIT and not self.since:
            return  # not started: `Start` looks at the faults
        if self.state is State.MASTER:
            self._send(actions, 0, now)
            actions += office.left(self.settings)
            self.counters.released_master += 1
        self._enter(actions, State.FAULT, "; ".join(self.inputs.faults), now)

    def _reconfigure(self, actions: list[Action], settings: RouterSettings, now: int) -> None:
        before, self.settings = self.settings, settings
        self._prepare()
        if self.state is State.MASTER:
            actions += office.changed(before, settings)
            self.beat.at = min(self.advert_at, now + settings.advert_int)
            self.announcements.changed(before, settings, now)
        if settings.advert_int != before.advert_int or settings.down_timer_adverts != before.down_timer_adverts:
            self.master_interval = settings.advert_int
            if self.state is State.BACKUP:
                self.master_down_at = now + self.master_down_interval

    def _prepare(self) -> None:
        """Build the advert of the present priority anew, before it is needed; those of others when they are."""
        self.takeover = self.settings.down_timer_adverts * self.settings.advert_int
        self.part()
        self.repeated = ()
        self._adverts = Adverts(self.settings, self.inputs.source, self._heard_checksum)
        self._adverts.of(self.inputs.priority)
        self.format = self._adverts.format
        self.counter = counter(self.settings, self.counter)

    def hear_checksum(self, heard: Checksum) -> None:
        """A peer's valid advert has this kind of checksum; a strict one understands no other, so ours follow."""
        if self.settings.detect_checksum and heard is not self.format.checksums[0]:
            self._heard_checksum = heard
            self._prepare()

    # -- changes of state

    def _to_master(self, actions: list[Action], now: int, cause: str) -> None:
        self.state, self.since, self.cause = State.MASTER, now, cause
        self.counters.became_master += 1
        self._take_office(actions, now)
        actions.append(self._transition(State.MASTER.value, cause))

    def _take_office(self, actions: list[Action], now: int) -> None:
        """Advert first, then addresses, routes and rules, then the announcement (RFC 9568 section 6.4.2)."""
        self.preempt_at = self.master_down_at = self._outranked = None
        self.wants_master = self.released = False
        self.master_interval = self.settings.advert_int
        self.master_address, self.master_priority = self.inputs.source or b"", self.inputs.priority
        self._send(actions, self.inputs.priority, now)
        self.beat.at = now + self.settings.advert_int
        crowded, interval = self.inputs.crowded, self.settings.advert_int
        self._drift = phase.drift(interval, self.advert_at) if crowded else 0
        actions += office.taken(self.settings)
        if self.addresses:
            repeat = self.announcements.begin(self.settings, now)
            if repeat:
                actions.append(Announce(self.settings.name, self.addresses, repeat))

    def _to_backup(self, now: int, cause: str) -> list[Action]:
        actions: list[Action] = []
        actions += office.left(self.settings)
        self.counters.released_master += 1
        self._enter(actions, State.BACKUP, cause, now)
        self.master_down_at = now + self.master_down_interval
        return actions

    def _enter(self, actions: list[Action], state: State, cause: str, now: int) -> None:
        self.state, self.cause, self.since = state, cause, now
        self.wants_master = self.released = False
        self.preempt_at = self.master_down_at = self._outranked = self.offer_at = None
        self.offering = ""
        self.announcements.end()
        if self._reported != state.value:
            actions.append(self._transition(state.value, cause))

    def _transition(self, after: str, cause: str) -> Transition:
        before, self._reported = self._reported, after
        return Transition("instance", self.settings.name, before, after, self.inputs.priority, cause)

    def _send(self, actions: list[Action], priority: int, now: int) -> None:
        if self.counter is not None and self._adverts.numbered:
            actions += self._adverts.with_number(priority, self.counter.next(now + self.ahead))
        else:
            actions += self._adverts.of(priority)
        self.counters.adverts_sent += 1
        if self._rogue is not None:
            self._rogue.answered(now)
        if priority:
            self.beat.said_at = now
        else:
            self.counters.priority_zero_sent += 1
