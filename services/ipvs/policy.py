"""Which weights do the servers of a pool get? The pool policy: states in, weights out; it remembers nothing.

Core. `decide` judges the service by sums over its servers, `weight_of` one server under that judgement; where the service
stood before and what time it is are inputs. The rules, keepalived's where it has them:

* An alive server has its configured weight plus the checker's adjustment, cut to 0 to 65535. A failed one is not in the
  table, or has weight 0 with inhibit_on_failure.
* The quorum is gained at a live weight of quorum + hysteresis, and lost at 0 or below quorum - hysteresis. A quorum above
  the weight of all servers is reduced to that, a hysteresis not below the quorum to quorum - 1. (One step beyond
  keepalived: what gains the quorum is also cut to the weight of all servers, else it could never be gained.)
* With the quorum lost and a sorry server at work the others go, or have weight 0 with inhibit_on_failure.
* A held server (drained, in maintenance) takes no part: neither its weight nor its health counts, as if it were not
  configured. While it drains it keeps weight 0, also beside a sorry server, so that its connections may end.
* Panic: where no longer as many as panic_threshold per cent of the servers are healthy, the checks are distrusted. Every
  server is used, a failed one with its configured weight, and the weight of all counts for the quorum. A panic may keep a
  service up, it never brings one up; and a service that came up with too few healthy servers trusts its checks until it has
  had enough once.
* Priority groups: of the groups whose own live weight makes the quorum, the lowest-numbered one serves alone; the others wait
  with weight 0, so that connections to them may end. Where no group makes it, and in a panic, all serve together.
* Slow start: the weight of a server that came up rises from a tenth, in twenty equal steps. What counts for the quorum is its
  full weight.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from services.ipvs.model import WEIGHT_MAX, Destination
from services.ipvs.settings import Member, VirtualServer

STEPS = 20  # of a slow start; each is one write to the kernel at most
FLOOR_PERCENT = 10  # of the weight, at its beginning


class Hold(Enum):
    """A server gets nothing new because somebody wants it so."""

    DRAINING = "draining"  # what it has may end
    OUT = "out"  # it is not in the table


@dataclass(frozen=True, slots=True)
class Health:
    """What is thought of a server; `known`: the checker said so."""

    up: bool
    weight_adjustment: int = 0
    known: bool = False


UP = Health(True)
DOWN = Health(False)


class State(NamedTuple):
    """One server. `weight` is the configured one; `since`: when it came up, ns, None if that is of no interest any more."""

    weight: int
    health: Health
    inhibit: bool = False
    group: int = 0
    hold: Hold | None = None
    since: int | None = None


@dataclass(slots=True)
class Tally:
    """Sums over servers that take part. `live` counts those that are up, `hoped` all as if the failed ones worked."""

    servers: int = 0
    healthy: int = 0
    total: int = 0
    live: int = 0
    hoped: int = 0

    def count(self, state: State, sign: int) -> None:
        """Add (1) or take away (-1) a server."""
        if state.hold is not None:
            return
        self.servers += sign
        self.total += sign * state.weight
        if state.health.up:
            alive = alive_weight(state.weight, state.health)
            self.healthy += sign
            self.live += sign * alive
            self.hoped += sign * alive
        else:
            self.hoped += sign * state.weight


class Quorum(NamedTuple):
    """A service's quorum: where it stands, and the weights that count."""

    up: bool
    live_weight: int
    quorum: int
    hysteresis: int


class Standing(NamedTuple):
    """Where a service stands. `group`: the only priority group that serves; None: all do. `few`: ever since it came up too few
    servers were healthy for a panic to make sense."""

    up: bool
    panic: bool = False
    group: int | None = None
    few: bool = False


def decide(rules: VirtualServer, tallies: Mapping[int, Tally], before: Standing) -> tuple[Standing, Quorum]:
    """Where the service stands now; `tallies` by priority group."""
    sums = next(iter(tallies.values())) if len(tallies) == 1 else _together(tallies.values())
    total = max(sums.total, 1)
    quorum = min(rules.quorum, total)
    hysteresis = min(rules.hysteresis, quorum - 1)
    needed = quorum - hysteresis if before.up else min(quorum + hysteresis, total)  # 1 at least
    too_few = sums.healthy * 100 < rules.panic_threshold * sums.servers
    panic = before.up and not before.few and too_few and sums.hoped >= needed
    live = sums.hoped if panic else sums.live
    group = None if panic or len(tallies) < 2 else _group(quorum, hysteresis, tallies, before.group)
    up = live >= needed
    few = up and too_few and (before.few or not before.up)
    return Standing(up, panic, group, few), Quorum(up, live, quorum, hysteresis)


def _together(tallies: Iterable[Tally]) -> Tally:
    sums = Tally()
    for tally in tallies:
        sums.servers += tally.servers
        sums.healthy += tally.healthy
        sums.total += tally.total
        sums.live += tally.live
        sums.hoped += tally.hoped
    return sums


def _group(quorum: int, hysteresis: int, tallies: Mapping[int, Tally], before: int | None) -> int | None:
    """The priority group that serves; the one that does gives way as late as the quorum itself would."""
    for number, tally in sorted(tallies.items()):
        most = max(tally.total, 1)
        if tally.live >= min(quorum - hysteresis if number == before else quorum + hysteresis, most):
            return number
    return None


def weight_of(state: State, rules: VirtualServer, standing: Standing, sorry_active: bool, now: int) -> int | None:
    """Weight that the table should give a server; None: it should not be there."""
    usable = state.health.up or standing.panic
    if state.hold is Hold.OUT:
        return None
    if not usable or (sorry_active and state.hold is None):
        return 0 if state.inhibit else None
    if state.hold is Hold.DRAINING or standing.group not in (None, state.group):
        return 0
    if not state.health.up:
        return state.weight
    return risen(alive_weight(state.weight, state.health), state.since, rules.slow_start, now)


def alive_weight(configured: int, health: Health) -> int:
    """Weight of a server that is up."""
    return max(0, min(WEIGHT_MAX, configured + health.weight_adjustment))


def risen(weight: int, since: int | None, span: int, now: int) -> int:
    """Weight of a server that came up at `since` and has its full weight after `span` ns; never 0 but of 0."""
    if since is None or not weight or now - since >= span or not span:
        return weight
    step = max(0, now - since) * STEPS // span
    return max(1, weight * (FLOOR_PERCENT * STEPS + (100 - FLOOR_PERCENT) * step) // (100 * STEPS))


def next_rise(since: int, span: int, now: int) -> int:
    """When a slow start that is not over takes its next step, ns."""
    step = max(0, now - since) * STEPS // span
    return since - (-(step + 1) * span // STEPS)


def presume(member: Member, found: Destination | None, was_down: bool, excused: bool = False) -> Health:
    """Health of a checked server before the checker has spoken; `found` is what the kernel has.

    `excused`: something else than health may have given it that weight (a drain, a slow start, its priority group).
    """
    configured = member.destination.weight
    if found is None:
        return Health(not (was_down or member.alpha))
    if excused:
        return Health(not was_down)
    if found.weight == 0 and member.inhibit and configured:
        return DOWN
    return Health(True, found.weight - configured)
