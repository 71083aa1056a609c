"""What do the results of its checks mean for a real server? And which checks does a configuration change touch?

Pure. A server is alive while none of its checks is down (keepalived's AND). A check without any result yet neither takes
its server down nor declares it up: the server keeps the health it had, and is not spoken of if it had none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from services.checker.settings import Check
from services.checker.streak import Streak

Name = tuple[str, str]  # virtual server, real server
ADJUSTMENT_MAX = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Result:
    """What is known of one check: its state, and the last result that was worth reporting.

    `ended`: monotonic nanoseconds, 0 before the first; `duration` in nanoseconds; `cause`: empty when that probe
    succeeded; `weight`: what a program of misc_dynamic asked for, or what a file adds; None: the configured weight.
    """

    streak: Streak
    cause: str = ""
    weight: int | None = None
    ended: int = 0
    duration: int = 0

    def alike(self, other: Result) -> bool:
        """Nothing but times and counts differs."""
        return (self.cause, self.weight) == (other.cause, other.weight) and self.streak.alike(other.streak)


@dataclass(frozen=True, slots=True)
class Health:
    """Health of one real server as IPVS is told."""

    up: bool
    weight_adjustment: int = 0
    cause: str = ""

    def same(self, other: Health | None) -> bool:
        """Nothing that counts for IPVS differs (the cause does not)."""
        return other is not None and (self.up, self.weight_adjustment) == (other.up, other.weight_adjustment)


@dataclass(frozen=True, slots=True)
class Update:
    """A check whose settings changed; `result` is the state to go on from."""

    check: Check
    result: Result


@dataclass(frozen=True, slots=True)
class Edit:
    """What a configuration change means: for the workers, and for the servers' health."""

    start: tuple[Update, ...] = ()
    stop: tuple[str, ...] = ()
    servers: tuple[Name, ...] = ()
    gone: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True)
class Memory:
    """What is kept of a server over a restart: its health, and each check's state with what it then asked."""

    health: Health | None
    checks: Mapping[str, tuple[str, Result]]  # check name -> fingerprint, state


@dataclass(slots=True)
class _Server:
    weight: int
    checks: dict[str, Check] = field(default_factory=dict)
    health: Health | None = None


def fingerprint(check: Check) -> str:
    """Equal for checks that ask the same of the same target, whatever their timing."""
    return hashlib.blake2b(repr(check.what).encode(), digest_size=12).hexdigest()


def decide(results: Iterable[tuple[Check, Result]], weight: int, before: Health | None) -> Health | None:
    """Health of a server from its checks; None: not known yet. `weight` is the configured one."""
    unknown = False
    adjustment = 0
    for check, result in results:
        if not result.streak.up:
            cause = result.cause or ("waits for its first success" if result.streak.fresh else "recovers")
            return Health(False, 0, f"{check.kind} {check.target}: {cause}")
        unknown = unknown or result.streak.fresh
        if result.weight is not None:
            adjustment += result.weight if check.what.adjusts else result.weight - weight
    if unknown:
        return before
    return Health(True, max(-ADJUSTMENT_MAX, min(ADJUSTMENT_MAX, adjustment)))


class Pool:
    """All real servers with their checks and what is known of them."""

    def __init__(self, remembered: Mapping[Name, Memory] | None = None) -> None:
        self._servers: dict[Name, _Server] = {}
        self._results: dict[str, Result] = {}
        self._remembered = dict(remembered or {})

    def memory(self) -> dict[Name, Memory]:
        """What a successor should start from."""
        return {
            name: Memory(s.health, {c.name: (fingerprint(c), self._results[i]) for i, c in s.checks.items()})
            for name, s in self._servers.items()
        }

    def health(self) -> dict[Name, Health]:
        """Of every server whose health is known."""
        return {name: s.health for name, s in self._servers.items() if s.health is not None}

    def names(self) -> tuple[Name, ...]:
        """All servers, in the order in which they came."""
        return tuple(self._servers)

    def health_of(self, name: Name) -> Health | None:
        """Of one server; None: not known yet, or no such server."""
        server = self._servers.get(name)
        return server.health if server else None

    def checks_of(self, name: Name) -> tuple[tuple[Check, Result], ...]:
        """The checks of one server with their states."""
        return tuple((c, self._results[c.id]) for c in self._servers[name].checks.values())

    def checks(self) -> tuple[tuple[Check, Result], ...]:
        """All checks with their states."""
        return tuple((c, self._results[c.id]) for s in self._servers.values() for c in s.checks.values())

    def check(self, check_id: str) -> tuple[Check, Result] | None:
        """One check with its state; None: no such check."""
        virtual, _, rest = check_id.partition("/")
        real, _, _ = rest.rpartition("/")
        server = self._servers.get((virtual, real))
        check = server.checks.get(check_id) if server else None
        return None if check is None else (check, self._results[check_id])

    def set(self, name: Name, checks: tuple[Check, ...], weight: int) -> Edit:
        """A server's checks as they should be now: only what differs is started or stopped."""
        server = self._servers.get(name)
        if server is None:
            server = self._servers[name] = _Server(weight)
            memory = self._remembered.pop(name, Memory(None, {}))
            server.health = memory.health
            known = memory.checks
        else:
            known = {c.name: (fingerprint(c), self._results[i]) for i, c in server.checks.items()}
        wanted = {c.id: c for c in checks}
        stop = tuple(i for i in server.checks if i not in wanted)
        start = []
        for check_id, check in wanted.items():
            if server.checks.get(check_id) == check:
                continue
            result = _state(check, known.get(check.name), server.health)
            self._results[check_id] = result
            start.append(Update(check, result))
        for check_id in stop:
            del self._results[check_id]
        server.checks, server.weight = wanted, weight
        return Edit(tuple(start), stop, (name,))

    def remove(self, name: Name) -> Edit:
        """A server that is not configured any more."""
        server = self._servers.pop(name, None)
        if server is None:
            return Edit()
        for check_id in server.checks:
            del self._results[check_id]
        return Edit(stop=tuple(server.checks), gone=(name,))

    def learn(self, check_id: str, result: Result) -> Name | None:
        """A worker's report; gives the server that it concerns, None if the check is gone."""
        found = self.check(check_id)
        if found is None:
            return None
        check, _ = found
        self._results[check_id] = replace(result, streak=result.streak.within(check.urls))
        return (check.virtual_server, check.real_server)

    def judge(self, name: Name) -> tuple[Health | None, Health | None]:
        """Health of a server before and now; the new one is kept."""
        server = self._servers[name]
        before = server.health
        server.health = decide(self.checks_of(name), server.weight, before)
        return before, server.health


def _state(check: Check, known: tuple[str, Result] | None, health: Health | None) -> Result:
    """Where a new or changed check goes on: from what it was if it still asks the same, else as a check without results."""
    if known is not None and known[0] == fingerprint(check):
        return replace(known[1], streak=known[1].streak.within(check.urls))
    up = health.up if health is not None else not check.alpha
    return Result(Streak.first(up))
