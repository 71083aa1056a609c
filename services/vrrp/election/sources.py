"""What was last reported of each script, process and file? The engine's memory of them, by name; times are its clock.

`Checks` holds what is only up or down, `Files` numbers. Both take reports, say when silence is due, and give and take what
a successor needs. Knows neither weights nor routers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from services.vrrp.config.settings import TrackFile, TrackProcess, VrrpScript
from services.vrrp.election.snapshot import Saved
from services.vrrp.election.track import LEAST_SILENCE, Health, silence_limit


class ScriptState(NamedTuple):
    """A tracking script, or the processes of a `vrrp_track_process`, as the engine counts them."""

    health: Health
    since: int
    last_result_at: int
    silent: bool = False


class Checks:
    """All things of one kind ("script" or "process") that are up or down. Attributes are for reading."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.settings: Mapping[str, VrrpScript | TrackProcess] = {}
        self.states: dict[str, ScriptState] = {}

    def configure(self, wanted: Mapping[str, VrrpScript | TrackProcess], saved: Mapping[str, str], now: int) -> set[str]:
        """From now on these; `saved` gives "up" or "down" by name. Returns the names that changed."""
        changed = {name for name in self.states if name not in wanted}
        for name in changed:
            del self.states[name]
        for name, check in wanted.items():
            before = self.settings.get(name)
            if name not in self.states or (before is not None and not check.same_as(before)):
                up = {"up": True, "down": False}.get(saved.get(name, ""), False if check.init_fail else None)
                self.states[name] = ScriptState(Health(up), now, now)
                changed.add(name)
        self.settings = wanted
        return changed

    def result(self, name: str, ok: bool, now: int) -> bool:
        """Count one report; True where something to tell changed."""
        check, state = self.settings.get(name), self.states.get(name)
        if check is None or state is None:
            return False
        health = state.health.after(ok, rise=check.rise, fall=check.fall)
        since = state.since if health.up == state.health.up else now
        self.states[name] = ScriptState(health, since, now)
        return (health, False) != (state.health, state.silent)

    def silence_at(self, name: str) -> int | None:
        """When `silence` is due."""
        state = self.states.get(name)
        if state is None or state.silent:
            return None
        return state.last_result_at + silence_limit(self.settings[name])

    def silence(self, name: str, now: int) -> None:
        """Nothing was reported for too long: it counts as failed until it is heard of again."""
        state = self.states[name]
        since = state.since if state.health.up is False else now
        self.states[name] = ScriptState(Health(False), since, state.last_result_at, True)

    def saved(self, name: str) -> Saved:
        """What a successor needs."""
        up = self.states[name].health.up
        return Saved(self.kind, name, "" if up is None else "up" if up else "down")

    def carried(self) -> dict[str, list[Any]]:
        """Everything that is known, for `take_up`."""
        return {name: [*s.health, s.since, s.last_result_at, s.silent] for name, s in self.states.items()}

    def take_up(self, told: Mapping[str, Sequence[Any]]) -> None:
        """What a living predecessor knew."""
        for name in self.states.keys() & told.keys():
            up, streak, *rest = told[name]
            self.states[name] = ScriptState(Health(up, streak), *rest)


class FileState(NamedTuple):
    """The number in a tracked file, None until it is first told; `since` it is so."""

    value: int | None
    since: int


class Files:
    """All tracked files. Attributes are for reading."""

    kind = "file"

    def __init__(self) -> None:
        self.settings: Mapping[str, TrackFile] = {}
        self.states: dict[str, FileState] = {}

    def configure(self, wanted: Mapping[str, TrackFile], saved: Mapping[str, str], now: int) -> set[str]:
        """From now on these; `saved` gives numbers as text by name. Returns the names that changed."""
        changed = {name for name in self.states if name not in wanted}
        for name in changed:
            del self.states[name]
        for name, file in wanted.items():
            before = self.settings.get(name)
            if name not in self.states or (before is not None and before.file != file.file):
                number = saved.get(name, "")
                self.states[name] = FileState(int(number) if number else None, now)
                changed.add(name)
        self.settings = wanted
        return changed

    def told(self, name: str, value: int, now: int) -> bool:
        """The number in a file now; True where that is news."""
        state = self.states.get(name)
        if state is None or state.value == value:
            return False
        self.states[name] = FileState(value, now)
        return True

    def silence_at(self, name: str) -> int | None:
        """When `silence` is due: only for a file of which nothing was ever told."""
        state = self.states.get(name)
        return state.since + LEAST_SILENCE if state is not None and state.value is None else None

    def silence(self, name: str, now: int) -> None:
        """Nothing was told: it counts as missing, which is 0."""
        self.states[name] = FileState(0, now)

    def saved(self, name: str) -> Saved:
        """What a successor needs."""
        value = self.states[name].value
        return Saved(self.kind, name, "" if value is None else str(value))

    def carried(self) -> dict[str, list[Any]]:
        """Everything that is known, for `take_up`."""
        return {name: list(state) for name, state in self.states.items()}

    def take_up(self, told: Mapping[str, Sequence[Any]]) -> None:
        """What a living predecessor knew."""
        for name in self.states.keys() & told.keys():
            self.states[name] = FileState(*told[name])
