"""What do interfaces and scripts mean for each virtual router? The inputs of every election, computed from facts.

Holds what the shell reported of interfaces and script runs; gives faults in words, adjustments and source addresses.
Knows no elections.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from services.vrrp.addresses import family, link_local, packed
from services.vrrp.events import InterfaceChanged
from services.vrrp.group import shared_faults
from services.vrrp.priority import OWNER, effective
from services.vrrp.resolve import RouterSettings
from services.vrrp.router import Inputs
from services.vrrp.settings import VrrpScript
from services.vrrp.snapshot import Saved
from services.vrrp.track import Health, Verdict, judge, silence_limit


class ScriptState(NamedTuple):
    """A tracking script as the engine counts it; times are the engine's clock."""

    health: Health
    since: int
    last_result_at: int
    silent: bool = False


class Tracker(NamedTuple):
    """One tracker of one instance, with what it does now. `kind` is "interface" or "script"."""

    kind: str
    name: str
    weight: int
    reverse: bool
    up: bool | None
    verdict: Verdict


class Surroundings:
    """Interfaces and scripts of this machine. Attributes are for reading."""

    def __init__(self) -> None:
        self.interfaces: dict[str, InterfaceChanged] = {}
        self.scripts: Mapping[str, VrrpScript] = {}
        self.script_states: dict[str, ScriptState] = {}
        self.virtual: frozenset[str] = frozenset()

    def configure(
        self,
        scripts: Mapping[str, VrrpScript],
        routers: Iterable[RouterSettings],
        saved: Mapping[str, str],
        now: int,
    ) -> set[str]:
        """New scripts and virtual addresses; `saved` gives "up" or "down" by script. Returns the scripts that changed."""
        changed = {name for name in self.script_states if name not in scripts}
        for name in changed:
            del self.script_states[name]
        for name, script in scripts.items():
            known = self.script_states.get(name)
            if known is None or (self.scripts.get(name) and self.scripts[name].script != script.script):
                up = {"up": True, "down": False}.get(saved.get(name, ""), False if script.init_fail else None)
                self.script_states[name] = ScriptState(Health(up), now, now)
                changed.add(name)
        self.scripts = scripts
        self.virtual = frozenset(row.address for router in routers for row in router.addresses + router.excluded)
        return changed

    def result(self, name: str, ok: bool, now: int) -> bool:
        """Count one run of a script; True where something to tell changed."""
        script, state = self.scripts.get(name), self.script_states.get(name)
        if script is None or state is None:
            return False
        health = state.health.after(ok, rise=script.rise, fall=script.fall)
        since = state.since if health.up == state.health.up else now
        self.script_states[name] = ScriptState(health, since, now)
        return (health, False) != (state.health, state.silent)

    def silence_at(self, name: str) -> int | None:
        """When `silence` is due for a script."""
        state = self.script_states.get(name)
        if state is None or state.silent:
            return None
        return state.last_result_at + silence_limit(self.scripts[name])

    def silence(self, name: str, now: int) -> None:
        """The runner has been silent for too long: the script counts as failed until it speaks again."""
        state = self.script_states[name]
        since = state.since if state.health.up is False else now
        self.script_states[name] = ScriptState(Health(False), since, state.last_result_at, True)

    def saved(self, name: str) -> Saved:
        """What a successor needs of a script."""
        up = self.script_states[name].health.up
        return Saved("script", name, "" if up is None else "up" if up else "down")

    def trackers(self, settings: RouterSettings) -> list[Tracker]:
        """Each tracker of an instance, in the order of the configuration."""
        rows = []
        for tracked in settings.track_interface:
            interface = self.interfaces.get(tracked.name)
            up: bool | None = interface is not None and interface.up
            rows.append(Tracker("interface", tracked.name, tracked.weight or 0, tracked.reverse, up, judge(tracked, up)))
        for tracked in settings.track_script:
            up = self.script_states[tracked.name].health.up
            rows.append(Tracker("script", tracked.name, tracked.weight or 0, tracked.reverse, up, judge(tracked, up)))
        return rows

    def inputs(
        self, settings: RouterSettings, mates: Iterable[RouterSettings], group: str | None, current: bytes | None
    ) -> Inputs:
        """All inputs of one router; `mates` are the members of its group, itself included; `current` its source now."""
        mates = tuple(mates)
        own = {mate.name: self._faults(mate) for mate in mates}
        faults = tuple(own[settings.name])
        if group is not None:
            faults += shared_faults(own, settings.name, group)
        priority = effective(settings.priority, (t.verdict.adjustment for t in self.trackers(settings)))
        waiting = any(t.verdict.waiting for mate in mates for t in self.trackers(mate))
        start_master = all(mate.start_master for mate in mates)
        return Inputs(faults, priority, waiting, self._source(settings, current), group is not None, start_master)

    def _faults(self, settings: RouterSettings) -> list[str]:
        name = settings.interface
        interface = self.interfaces.get(name)
        faults = []
        if interface is None or not interface.number:
            faults.append(f"interface {name} does not exist")
        elif trouble := interface.trouble if settings.family == 4 else interface.trouble6:
            faults.append(f"interface {name} cannot be used: {trouble}")
        elif settings.track_primary and not interface.up:
            faults.append(f"interface {name} is down")
        elif self._source(settings, None) is None:
            what = "IPv4 address" if settings.family == 4 else "IPv6 link-local address"
            faults.append(f"interface {name} has no {what} to send adverts from")
        if settings.fault_no_peer and not settings.peers:
            faults.append("unicast_fault_no_peer is set and there is no unicast_peer")
        for tracker in self.trackers(settings):
            words = self._in_words(tracker)
            if tracker.verdict.fault and words not in faults:
                faults.append(words)
        return faults

    def _in_words(self, tracker: Tracker) -> str:
        if tracker.kind == "interface":
            return f"interface {tracker.name} is {'up' if tracker.up else 'down'}"
        if self.script_states[tracker.name].silent:
            return f"script {tracker.name} has given no result for too long"
        return f"script {tracker.name} {'succeeded' if tracker.up else 'failed'}"

    def _source(self, settings: RouterSettings, current: bytes | None) -> bytes | None:
        """keepalived's choice: the configured one, else the interface's first that is not virtual; kept while there.

        Of IPv6 that is a link-local one, but for unicast to peers that are not on the link, which could not answer it.
        """
        if settings.source:
            return packed(settings.source)
        interface = self.interfaces.get(settings.interface)
        if interface is None:
            return None
        here = [a for a in interface.addresses if family(a) == settings.family]
        real = [packed(a) for a in self._fit(settings, here) if a not in self.virtual]
        if not real and settings.priority == OWNER and settings.family == 4:
            real = [packed(a) for a in here]  # an owner's virtual address may be its only one
        if current in real:
            return current
        return real[0] if real else None

    def _fit(self, settings: RouterSettings, addresses: list[str]) -> list[str]:
        if settings.family == 4:
            return addresses
        near = [a for a in addresses if link_local(a)]
        if settings.peers and not any(link_local(peer.address) for peer in settings.peers):
            return [a for a in addresses if a not in near] or near
        return near
