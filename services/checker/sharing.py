"""Which probings do all checks together need? Checks that ask the same of the same target in the same rhythm share one.

Core. A probing has the state (`Result`) that is true for all its checks. It is at work while any of them is awake: those of a
virtual server may sleep (ha_suspend).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from services.checker.kinds.what import What
from services.checker.probing import Probing, Result, Update
from services.checker.schedule import Timing
from services.checker.settings import Check

Ask = tuple[str, What, Timing, bool]
DEMAND = 10**6  # exact sums: what is added is taken away again


@dataclass(slots=True)
class _Shared:
    probing: Probing
    ask: Ask
    result: Result
    checks: dict[str, Check] = field(default_factory=dict)
    at_work: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    """What the workers are to do."""

    start: tuple[Update, ...] = ()
    stop: tuple[int, ...] = ()


NOTHING = Work()


class Sharing:
    """All probings, by their numbers, and whose they are."""

    def __init__(self) -> None:
        self._shared: dict[int, _Shared] = {}
        self._by_ask: dict[Ask, int] = {}
        self._of: dict[str, int] = {}
        self.asleep: frozenset[str] = frozenset()  # virtual servers
        self._touched: dict[int, bool] = {}  # True: its settings are new
        self._next = 0
        self._demand = 0  # DEMAND-ths of a probe a second

    # -- checks come and go

    def join(self, check: Check, first: Result) -> None:
        """A new check, or new settings of a known one; `first` is its state unless a probing already knows better.

        One that is alone with its probing keeps it through new settings, and so the moment of its next probe.
        """
        ask = (check.kind, check.what, check.timing, check.alpha)
        known = self._of.get(check.id)
        if known is not None:
            shared = self._shared[known]
            if shared.ask == ask:
                shared.checks[check.id] = check
                return
            if len(shared.checks) == 1 and ask not in self._by_ask:
                self._settle(shared, ask, first)
                shared.checks[check.id] = check
                return
            self.leave(check.id)
        number = self._by_ask.get(ask)
        if number is None:
            number = self._next
            self._next += 1
            self._shared[number] = shared = _Shared(Probing(number, check.kind, check.what, check.timing), ask, first)
            self._by_ask[ask] = number
        self._shared[number].checks[check.id] = check
        self._of[check.id] = number
        self._touched.setdefault(number, False)

    def _settle(self, shared: _Shared, ask: Ask, first: Result) -> None:
        if shared.at_work:
            self._demand -= _demand(shared.probing)
        number = shared.probing.id
        del self._by_ask[shared.ask]
        self._by_ask[ask] = number
        shared.ask = ask
        shared.probing = Probing(number, *ask[:3])
        shared.result = first
        if shared.at_work:
            self._demand += _demand(shared.probing)
        self._touched[number] = True

    def leave(self, check_id: str) -> None:
        """A check is gone."""
        number = self._of.pop(check_id)
        del self._shared[number].checks[check_id]
        self._touched.setdefault(number, False)

    def sleep(self, virtual_servers: frozenset[str], checks: Iterable[Check]) -> None:
        """The checks of these virtual servers, and of no others, sleep from now on; `checks` are those it concerns."""
        self.asleep = virtual_servers
        for check in checks:
            self._touched.setdefault(self._of[check.id], False)

    def work(self) -> Work:
        """What follows for the workers from all that has changed since the last time."""
        start, stop = [], []
        for number, fresh in self._touched.items():
            shared = self._shared[number]
            wanted = any(check.virtual_server not in self.asleep for check in shared.checks.values())
            if wanted and (fresh or not shared.at_work):
                start.append(Update(shared.probing, shared.result))
            if wanted != shared.at_work:
                self._demand += _demand(shared.probing) if wanted else -_demand(shared.probing)
                if not wanted:
                    stop.append(number)
            shared.at_work = wanted
            if not shared.checks:
                del self._shared[number], self._by_ask[shared.ask]
        self._touched.clear()
        return Work(tuple(start), tuple(stop))

    # -- what is known

    def learn(self, number: int, result: Result) -> tuple[Result | None, tuple[Check, ...]]:
        """A worker's report: what was known before (None: that probing is gone), and the checks that it concerns."""
        shared = self._shared.get(number)
        if shared is None:
            return None, ()
        before = shared.result
        shared.result = replace(result, streak=result.streak.within(shared.probing.what.urls))
        return before, tuple(shared.checks.values())

    def number(self, check_id: str) -> int:
        """The probing of a check."""
        return self._of[check_id]

    def result(self, check_id: str) -> Result:
        """What is known of a check."""
        return self._shared[self._of[check_id]].result

    def users(self, check_id: str) -> int:
        """How many checks share this one's probing, itself included."""
        return len(self._shared[self._of[check_id]].checks)

    @property
    def at_work(self) -> tuple[Update, ...]:
        """All that the workers should be doing."""
        return tuple(Update(shared.probing, shared.result) for shared in self._shared.values() if shared.at_work)

    @property
    def probings(self) -> int:
        """How many are at work."""
        return sum(shared.at_work for shared in self._shared.values())

    @property
    def demand(self) -> float:
        """Probes a second that those at work ask for."""
        return self._demand / DEMAND


def _demand(probing: Probing) -> int:
    return 10**9 * DEMAND // probing.timing.delay_loop
