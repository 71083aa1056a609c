"""Which BFD sessions count as up? What the engine believes of them, from the words of the bfd process, as a core.

A session counts as down until it has come up. A bfd process that is gone or silent leaves the last state standing for
`PATIENCE`, so that replacing it costs nothing where the neighbors are well; then what it does not vouch for is down.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from services.vrrp.election.snapshot import Saved

# Nanoseconds: to start anew on a busy machine, and to hear neighbors that speak once a second while down.
PATIENCE = 6_000_000_000


class BfdState(NamedTuple):
    """A session as it counts here; times are the engine's clock. `until`: nobody vouches for it, and how long it may stand."""

    up: bool
    since: int
    until: int | None = None


class Neighbors:
    """The sessions by name. `states` is for reading."""

    def __init__(self) -> None:
        self.states: dict[str, BfdState] = {}

    @property
    def deadline(self) -> int | None:
        """When `expire` is due; None: somebody vouches for every session that is up."""
        return min((state.until for state in self.states.values() if state.until is not None), default=None)

    def configure(self, names: Iterable[str], saved: Mapping[str, str], now: int) -> set[str]:
        """Exactly these sessions; `saved` gives what a predecessor counted, "up" or "down". Returns what came or went."""
        wanted = set(names)
        changed = self.states.keys() ^ wanted
        for name in self.states.keys() - wanted:
            del self.states[name]
        for name in wanted - self.states.keys():
            up = saved.get(name) == "up"
            self.states[name] = BfdState(up, now, now + PATIENCE if up else None)
        return changed

    def told(self, name: str, up: bool | None, now: int) -> bool:
        """The process's word of a session; None: not up since the process started. True where something changed."""
        before = self.states.get(name)
        if before is None or (up is None and before.until is not None):
            return False
        after = BfdState(bool(up), before.since if bool(up) == before.up else now)
        self.states[name] = after
        return after.up != before.up

    def lost(self, now: int) -> None:
        """The process is gone, or says nothing any more."""
        for name, state in self.states.items():
            if state.up and state.until is None:
                self.states[name] = state._replace(until=now + PATIENCE)

    def expire(self, now: int) -> set[str]:
        """The sessions for which patience is at its end; they are down by that."""
        over = {name for name, state in self.states.items() if state.until is not None and state.until <= now}
        for name in over:
            self.states[name] = BfdState(False, now)
        return over

    def carried(self) -> dict[str, list[Any]]:
        """Everything that is known, for `take_up`."""
        return {name: [state.up, state.since] for name, state in self.states.items()}

    def take_up(self, told: Mapping[str, Sequence[Any]], now: int) -> None:
        """What a living predecessor counted; the process has to vouch for it anew."""
        for name in self.states.keys() & told.keys():
            up, since = told[name]
            self.states[name] = BfdState(up, since, now + PATIENCE if up else None)

    def saved(self, name: str) -> Saved:
        """What a successor needs of a session."""
        return Saved("bfd", name, "up" if self.states[name].up else "down")
