"""What do the results of its checks mean for a real server? And which checks does a configuration change touch?

Pure. A server is alive while none of its checks is down (keepalived's AND). A check without any result yet neither takes
its server down nor declares it up: the server keeps the health it had, and is not spoken of if it had none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from services.checker.probing import Result, Update, fingerprint
from services.checker.settings import Check
from services.checker.sharing import NOTHING, Sharing, Work
from services.checker.streak import Streak

Name = tuple[str, str]  # virtual server, real server
ADJUSTMENT_MAX = 2**31 - 1


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
class Edit:
    """What a change means: for the workers, for who follows the checks, and for the servers' health."""

    work: Work = NOTHING
    shown: tuple[Check, ...] = ()  # new, or with other settings
    hidden: tuple[str, ...] = ()
    servers: tuple[Name, ...] = ()
    gone: tuple[Name, ...] = ()


@dataclass(frozen=True, slots=True)
class Learned:
    """What a report changes: of which checks. Empty: nothing but times."""

    result: Result
    checks: tuple[Check, ...] = ()


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
        self._members: dict[str, dict[Name, None]] = {}
        self._sharing = Sharing()
        self._remembered = dict(remembered or {})

    # --- what is known ---

    def memory(self) -> dict[Name, Memory]:
        """What a successor should start from."""
        return {
            name: Memory(s.health, {c.name: (fingerprint(c.what), self.result(c)) for c in s.checks.values()})
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
        return tuple((c, self.result(c)) for c in self._servers[name].checks.values())

    def checks(self) -> tuple[tuple[Check, Result], ...]:
        """All checks with their states."""
        return tuple((c, self.result(c)) for s in self._servers.values() for c in s.checks.values())

    def result(self, check: Check) -> Result:
        """What is known of a check."""
        return self._sharing.result(check.id)

    def probing(self, check: Check) -> int:
        """The number of the probing that serves a check."""
        return self._sharing.number(check.id)

    def users(self, check: Check) -> int:
        """How many checks share its probing, itself included."""
        return self._sharing.users(check.id)

    def asleep(self, check: Check) -> bool:
        """It is not probed on its own account now."""
        return check.virtual_server in self._sharing.asleep

    @property
    def at_work(self) -> tuple[Update, ...]:
        """All that the workers should be doing."""
        return self._sharing.at_work

    @property
    def probings(self) -> int:
        """How many probings the workers carry out."""
        return self._sharing.probings

    @property
    def demand(self) -> float:
        """Probes a second that are asked for."""
        return self._sharing.demand

    # --- what changes ---

    def set(self, name: Name, checks: tuple[Check, ...], weight: int) -> Edit:
        """A server's checks as they should be now: only what differs is started or stopped."""
        server = self._servers.get(name)
        if server is None:
            server = self._servers[name] = _Server(weight)
            self._members.setdefault(name[0], {})[name] = None
            memory = self._remembered.pop(name, Memory(None, {}))
            server.health = memory.health
            known = memory.checks
        else:
            known = {c.name: (fingerprint(c.what), self.result(c)) for c in server.checks.values()}
        wanted = {c.id: c for c in checks}
        hidden = tuple(i for i in server.checks if i not in wanted)
        shown = tuple(check for check_id, check in wanted.items() if server.checks.get(check_id) != check)
        for check in shown:
            self._sharing.join(check, _state(check, known.get(check.name), server.health))
        for check_id in hidden:
            self._sharing.leave(check_id)
        server.checks, server.weight = wanted, weight
        return Edit(self._sharing.work(), shown, hidden, (name,))

    def remove(self, name: Name) -> Edit:
        """A server that is not configured any more."""
        server = self._servers.pop(name, None)
        if server is None:
            return Edit()
        del self._members[name[0]][name]
        for check_id in server.checks:
            self._sharing.leave(check_id)
        return Edit(self._sharing.work(), hidden=tuple(server.checks), gone=(name,))

    def sleep(self, virtual_servers: frozenset[str]) -> Edit:
        """The checks of these virtual servers, and of no others, sleep from now on; their servers keep the health they have."""
        changed = self._sharing.asleep ^ virtual_servers
        names = [name for virtual in sorted(changed) for name in self._members.get(virtual, ())]
        checks = tuple(c for name in names for c in self._servers[name].checks.values())
        self._sharing.sleep(virtual_servers, checks)
        return Edit(self._sharing.work(), checks, (), tuple(names))

    def learn(self, number: int, result: Result) -> Learned | None:
        """A worker's report; None: that probing is gone."""
        before, checks = self._sharing.learn(number, result)
        if before is None:
            return None
        return Learned(result, () if result.alike(before) else tuple(c for c in checks if not self.asleep(c)))

    def judge(self, name: Name) -> tuple[Health | None, Health | None]:
        """Health of a server before and now; the new one is kept. While its virtual server sleeps it stays as it is, whatever
        the probe says that it shares with others; without results it is what `alpha` wants."""
        server = self._servers[name]
        before, results = server.health, self.checks_of(name)
        if name[0] not in self._sharing.asleep or (before is None and all(result.streak.fresh for _, result in results)):
            server.health = decide(results, server.weight, before)
        return before, server.health


def _state(check: Check, known: tuple[str, Result] | None, health: Health | None) -> Result:
    """Where a new or changed check goes on: from what it was if it still asks the same, else as a check without results."""
    if known is not None and known[0] == fingerprint(check.what):
        return replace(known[1], streak=known[1].streak.within(check.urls))
    up = health.up if health is not None else not check.alpha
    return Result(Streak.first(up))
