"""Which session does a packet belong to, and which one is due? All BFD sessions of one machine behind one `step`, as a core.

Chance and fresh discriminators are given as functions. Packets go out as (session, UDP payload).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from typing import NamedTuple

from services.vrrp.bfd.packet import Packet, Reject, decode
from services.vrrp.bfd.session import Event, Heard, Reconfigured, Session, Stopped, TimeReached
from services.vrrp.bfd.settings import BfdInstance

MAX_DUE = 64  # sessions served in one step, so that packets are heard in between


class Received(NamedTuple):
    """A UDP payload, as it came: from which address, to which port, with which TTL or hop limit."""

    data: bytes
    source: str
    port: int
    hops: int


class Outgoing(NamedTuple):
    """A packet to send for a session."""

    name: str
    data: bytes


class Sessions:
    """All sessions by name. `rejected` counts by reason what belongs to none of them, `refused` what does."""

    def __init__(self, chance: Callable[[], float], discriminator: Callable[[], int]) -> None:
        self.by_name: dict[str, Session] = {}
        self.rejected: dict[str, int] = {}
        self.refused: dict[str, dict[str, int]] = {}
        self._chance = chance
        self._discriminator = discriminator
        self._by_discriminator: dict[int, str] = {}
        self._by_neighbor: dict[tuple[str, int], str] = {}
        self._heap: list[tuple[int, str]] = []
        self._pushed: dict[str, int] = {}
        self._changed: set[str] = set()

    def deadline(self) -> int | None:
        """When `time_reached` is due; None: never."""
        return self._heap[0][0] if self._heap else None

    def take_changed(self) -> set[str]:
        """Sessions whose state changed since the last call; one may be gone meanwhile."""
        changed, self._changed = self._changed, set()
        return changed

    def configure(self, wanted: Mapping[str, BfdInstance], now: int) -> list[Outgoing]:
        """Exactly these from now on. One that did not change is not disturbed; one with another neighbor is a new one."""
        out: list[Outgoing] = []
        for name, session in list(self.by_name.items()):
            if name not in wanted or _identity(wanted[name]) != _identity(session.settings):
                out += self._step(name, Stopped(), now)
                self._forget(name)
        for name, settings in wanted.items():
            known = self.by_name.get(name)
            if known is None:
                self._add(name, settings, now)
            elif known.settings != settings:
                out += self._step(name, Reconfigured(settings), now)
                self._changed.add(name)
        return out

    def stop(self, now: int) -> list[Outgoing]:
        """Tell every neighbor AdminDown."""
        return self.configure({}, now)

    def received(self, what: Received, now: int) -> list[Outgoing]:
        """One packet from the wire."""
        packet = decode(what.data)
        if isinstance(packet, Reject):
            self._reject(packet, self._by_neighbor.get((what.source, what.port)))
            return []
        name, reason = self._find(packet, what)
        if reason is not None:
            self._reject(reason, name)
            return []
        assert name is not None
        return self._step(name, Heard(packet), now)

    def time_reached(self, now: int) -> list[Outgoing]:
        """Serve what is due, at most MAX_DUE of it."""
        out: list[Outgoing] = []
        for _ in range(MAX_DUE):
            if not self._heap or self._heap[0][0] > now:
                break
            when, name = heappop(self._heap)
            if self._pushed.get(name) != when:
                continue  # an earlier entry took its place
            del self._pushed[name]
            due = self.by_name[name].deadline
            if due is not None and due <= now:
                out += self._step(name, TimeReached(), now)
            else:
                self._schedule(name)
        return out

    def _find(self, packet: Packet, what: Received) -> tuple[str | None, Reject | None]:
        """The session of a packet (RFC 5880 section 6.8.6), and why it does not count for it."""
        if packet.your_discriminator:
            name = self._by_discriminator.get(packet.your_discriminator)
        else:
            name = self._by_neighbor.get((what.source, what.port))
        if name is None:
            return None, Reject.NO_SESSION
        settings = self.by_name[name].settings
        if (settings.neighbor_ip, settings.port) != (what.source, what.port):
            return name, Reject.SOURCE
        if what.hops < settings.least_hops:
            return name, Reject.TTL
        return name, None

    def _reject(self, reason: Reject, name: str | None) -> None:
        counts = self.rejected if name is None else self.refused[name]
        counts[reason.value] = counts.get(reason.value, 0) + 1

    def _step(self, name: str, event: Event, now: int) -> list[Outgoing]:
        session = self.by_name[name]
        before = session.state, session.up, session.remote_state, session.remote_discriminator
        packets = session.step(event, now, self._chance())
        if before != (session.state, session.up, session.remote_state, session.remote_discriminator):
            self._changed.add(name)
        self._schedule(name)
        return [Outgoing(name, data) for data in packets]

    def _schedule(self, name: str) -> None:
        """Wake for a session; an earlier entry stays, and finds out when it is popped."""
        when, pushed = self.by_name[name].deadline, self._pushed.get(name)
        if when is not None and (pushed is None or when < pushed):
            self._pushed[name] = when
            heappush(self._heap, (when, name))

    def _add(self, name: str, settings: BfdInstance, now: int) -> None:
        number = self._discriminator()
        while not number or number in self._by_discriminator:
            number = self._discriminator()
        self.by_name[name] = Session(settings, number, now, self._chance())
        self.refused[name] = {}
        self._by_discriminator[number] = name
        self._by_neighbor[settings.neighbor_ip, settings.port] = name
        self._changed.add(name)
        self._schedule(name)

    def _forget(self, name: str) -> None:
        session = self.by_name.pop(name)
        del self.refused[name]
        del self._by_discriminator[session.local_discriminator]
        self._by_neighbor.pop((session.settings.neighbor_ip, session.settings.port), None)
        self._pushed.pop(name, None)


def _identity(settings: BfdInstance) -> tuple[str, str, int, int]:
    """What a session is bound to; with another of these it is another session."""
    return settings.neighbor_ip, settings.source_ip, settings.port, settings.hops
