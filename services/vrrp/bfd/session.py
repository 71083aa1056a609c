"""What does one BFD session do? The state machine, the timers and the Poll sequence of RFC 5880 section 6.8, as a core.

Asynchronous mode; no echo, no authentication, no Demand mode of our own (the neighbor's is honoured). Time and chance (for
jitter) are given. Intervals inside are microseconds, as on the wire; moments are nanoseconds.
"""

from __future__ import annotations

from typing import NamedTuple, assert_never

from services.vrrp.bfd.packet import FINAL, MICROSECOND, POLL, Diagnostic, Packet, State, encode
from services.vrrp.bfd.settings import BfdInstance

FIRST_REMOTE_MIN_RX = 1  # RFC 5880 section 6.8.1


class Heard(NamedTuple):
    """A packet of the neighbor that passed every check."""

    packet: Packet


class TimeReached(NamedTuple):
    """`deadline` has come (or may have)."""


class Reconfigured(NamedTuple):
    """Other settings for the same neighbor."""

    settings: BfdInstance


class Stopped(NamedTuple):
    """The session is no longer wanted: tell the neighbor AdminDown, so that it takes this for no failure."""


Event = Heard | TimeReached | Reconfigured | Stopped


class Failure(NamedTuple):
    """How the session left Up the last time."""

    diagnostic: Diagnostic
    at: int


class Session:
    """One session. Attributes are for reading; only `step` changes them.

    `up` is what trackers are told: None until the session has come up for the first time, then True; False from a failure
    on. That the neighbor says AdminDown is no failure of the path (RFC 5882 section 3.2) and leaves it as it is.
    """

    def __init__(self, settings: BfdInstance, discriminator: int, now: int, chance: float) -> None:
        self.settings = settings
        self.state = State.DOWN
        self.since = now
        self.up: bool | None = None
        self.diagnostic = Diagnostic.NONE
        self.failure: Failure | None = None
        self.polling = False
        self.local_discriminator = discriminator
        self.desired_min_tx = settings.idle_tx // MICROSECOND
        self.required_min_rx = settings.min_rx // MICROSECOND
        self.heard: Packet | None = None
        self.heard_at = 0
        self.remote_state = State.DOWN
        self.remote_discriminator = 0
        self.remote_min_rx = FIRST_REMOTE_MIN_RX
        self.sent = self.received = self.ups = self.downs = 0
        self._tx = self.desired_min_tx  # in use: the old ones until the neighbor has answered a Poll
        self._rx = self.required_min_rx
        self._sent_at = now - settings.idle_tx * 3 // 4  # the first packet comes soon, and not together with other sessions'
        self._interval: int | None = None  # that `_send_at` was made of
        self._detect_at: int | None = None
        self._send_at: int | None = None
        self._schedule(chance)

    @property
    def deadline(self) -> int | None:
        """When `TimeReached` is due; None: never."""
        return min((at for at in (self._send_at, self._detect_at) if at is not None), default=None)

    @property
    def transmit_interval(self) -> int | None:
        """Nanoseconds between packets before jitter; None: none are sent (RFC 5880 sections 6.6, 6.8.7)."""
        if self.state is State.ADMIN_DOWN or not self.remote_min_rx:
            return None
        if self.settings.passive and not self.remote_discriminator:
            return None
        demanded = self.heard is not None and self.heard.demand
        if demanded and self.state is State.UP and self.remote_state is State.UP and not self.polling:
            return None
        return max(self._tx, self.remote_min_rx) * MICROSECOND

    @property
    def detection_time(self) -> int | None:
        """Nanoseconds of silence after which the session is down (RFC 5880 section 6.8.4); None: none is heard yet."""
        if self.heard is None:
            return None
        return self.heard.multiplier * max(self._rx, self.heard.desired_min_tx) * MICROSECOND

    def step(self, event: Event, now: int, chance: float) -> tuple[bytes, ...]:
        """The packets to send about `event`, in order. `chance`: 0 to 1, drawn anew for each step."""
        match event:
            case Heard(packet):
                return self._hear(packet, now, chance)
            case TimeReached():
                return self._time_reached(now, chance)
            case Reconfigured(settings):
                self._reconfigure(settings, chance)
                return ()
            case Stopped():
                self._go(State.ADMIN_DOWN, Diagnostic.ADMINISTRATIVELY_DOWN, now)
                self._detect_at = self._send_at = None
                return (self._packet(0),) if self._may_speak else ()
            case _:
                assert_never(event)

    # -- hearing

    def _hear(self, packet: Packet, now: int, chance: float) -> tuple[bytes, ...]:
        """RFC 5880 section 6.8.6, from where a session has been found."""
        if self.state is State.ADMIN_DOWN:
            return ()
        self.received += 1
        self.heard, self.heard_at = packet, now
        self.remote_discriminator = packet.my_discriminator
        self.remote_state = packet.state
        self.remote_min_rx = packet.required_min_rx
        if self.polling and packet.final:
            self.polling = False
            self._tx, self._rx = self.desired_min_tx, self.required_min_rx
        before = self.state
        self._follow(packet.state, now)
        assert self.detection_time is not None
        self._detect_at = now + self.detection_time
        self._schedule(chance)
        if packet.poll:
            return (self._packet(FINAL),)
        return self._speak_up(before, now, chance)

    def _follow(self, remote: State, now: int) -> None:
        """The state machine of RFC 5880 section 6.2."""
        if remote is State.ADMIN_DOWN:
            if self.state is not State.DOWN:
                self._go(State.DOWN, Diagnostic.NEIGHBOR_SIGNALED_DOWN, now, failed=False)
        elif self.state is State.DOWN:
            if remote is State.DOWN:
                self._go(State.INIT, self.diagnostic, now)
            elif remote is State.INIT:
                self._go(State.UP, Diagnostic.NONE, now)
        elif self.state is State.INIT:
            if remote is not State.DOWN:
                self._go(State.UP, Diagnostic.NONE, now)
        elif remote is State.DOWN:
            self._go(State.DOWN, Diagnostic.NEIGHBOR_SIGNALED_DOWN, now)

    def _go(self, state: State, diagnostic: Diagnostic, now: int, failed: bool = True) -> None:
        leaves_up = self.state is State.UP
        self.state, self.diagnostic, self.since = state, diagnostic, now
        if state is State.UP:
            self.ups += 1
            self.up = True
            self.polling = True  # the neighbor learns the faster interval (RFC 5880 section 6.8.3)
            self.desired_min_tx = self.settings.min_tx // MICROSECOND
            self._tx = min(self._tx, self.desired_min_tx)
        elif leaves_up:
            self.downs += 1
            self.failure = Failure(diagnostic, now)
            self.polling = False
            self.desired_min_tx = self._tx = self.settings.idle_tx // MICROSECOND
            self._rx = self.required_min_rx
            if failed and state is State.DOWN:
                self.up = False

    # -- time

    def _time_reached(self, now: int, chance: float) -> tuple[bytes, ...]:
        before = self.state
        if self._detect_at is not None and self._detect_at <= now:
            self._forget_neighbor()
            if self.state in (State.INIT, State.UP):
                self._go(State.DOWN, Diagnostic.DETECTION_TIME_EXPIRED, now)
            self._schedule(chance)
        if self._send_at is not None and self._send_at <= now:
            return (self._periodic(now, chance),)
        return self._speak_up(before, now, chance)

    def _forget_neighbor(self) -> None:
        """Nothing heard for a whole detection time (RFC 5880 section 6.8.1, bfd.RemoteDiscr)."""
        self._detect_at = self.heard = None
        self.remote_discriminator = 0
        self.remote_state = State.DOWN
        self.remote_min_rx = FIRST_REMOTE_MIN_RX

    def _reconfigure(self, settings: BfdInstance, chance: float) -> None:
        """RFC 5880 section 6.8.3: what makes the neighbor's clock stricter, or ours, waits for the end of a Poll."""
        self.settings = settings
        up = self.state is State.UP
        tx = (settings.min_tx if up else settings.idle_tx) // MICROSECOND
        rx = settings.min_rx // MICROSECOND
        self.polling |= up and (tx, rx) != (self.desired_min_tx, self.required_min_rx)
        self.desired_min_tx, self.required_min_rx = tx, rx
        self._tx = min(self._tx, tx) if up else tx
        self._rx = max(self._rx, rx) if up else rx
        self._schedule(chance)

    # -- speaking

    @property
    def _may_speak(self) -> bool:
        return bool(self.remote_min_rx and (self.remote_discriminator or not self.settings.passive))

    def _schedule(self, chance: float) -> None:
        """When the next packet is due, counted from the last one; a shorter interval takes effect at once."""
        before, interval = self._interval, self.transmit_interval
        self._interval = interval
        if interval is None:
            self._send_at = None
            return
        if interval == before and self._send_at is not None:
            return
        # RFC 5880 section 6.8.7: up to a quarter less, and with a multiplier of 1 no more than nine tenths.
        jitter = 0.75 + (0.15 if self.settings.multiplier == 1 else 0.25) * chance
        at = self._sent_at + int(interval * jitter)
        self._send_at = at if self._send_at is None else min(self._send_at, at)

    def _speak_up(self, before: State, now: int, chance: float) -> tuple[bytes, ...]:
        """A change of state is told at once (RFC 5880 section 6.8.7)."""
        if before is self.state or self.transmit_interval is None:
            return ()
        return (self._periodic(now, chance),)

    def _periodic(self, now: int, chance: float) -> bytes:
        self._sent_at, self._send_at = now, None
        self._schedule(chance)
        return self._packet(POLL if self.polling else 0)

    def _packet(self, flags: int) -> bytes:
        self.sent += 1
        return encode(
            Packet(
                self.state,
                self.diagnostic,
                flags,
                self.settings.multiplier,
                self.local_discriminator,
                self.remote_discriminator,
                self.desired_min_tx,
                self.required_min_rx,
            )
        )
