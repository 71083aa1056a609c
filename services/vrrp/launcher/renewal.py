"""How do all of vrrp's processes become new ones while it runs? One reload from the order to its outcome, step by step.

PREPARING  a new engine, a new agent and a trial of the new launcher run beside the old ones, and do all that can be done
           beforehand; whichever cannot ends the reload, and nothing has happened
HANDING    the old engine hands over to the new one (`handing_over`), or stays: then once more with a fresh one
CHANGING   the old agent delivers what it has and ends; then the new one begins
SERVING    until the new agent serves; what fails from here on is replaced by new ones, as ever
Knows which steps there are and when one has taken too long; the launcher carries them out.
"""

from __future__ import annotations

import time
from enum import Enum

from services.vrrp.launcher.children import Child, Process, ending

PREPARE_S, HAND_OVER_S, CHANGE_S, SERVE_S = 45.0, 10.0, 6.0, 30.0
TRIES = 4  # hand-overs, one after the other
PAUSE_S = 0.5  # before the next


class Phase(Enum):
    """Where a reload is, and how many seconds it may stay there."""

    PREPARING = PREPARE_S
    HANDING = HAND_OVER_S
    CHANGING = CHANGE_S
    SERVING = SERVE_S


class Renewal:
    """One reload. `engine` and `agent` are the new ones, `memory` is the new engine's hand-over."""

    def __init__(self, engine: Child, agent: Child, trial: Process, memory: int) -> None:
        self.engine, self.agent, self.trial, self.memory = engine, agent, trial, memory
        self.tries = 1
        self.refusal = ""  # why the last hand-over did not happen
        self.engine_due = 0.0  # when the next engine may be started, monotonic; 0: there is one
        self.digest: str | None = None  # of the new engine's configuration, once it is prepared
        self.silent_ns = 0
        self._agent_prepared = False
        self._enter(Phase.PREPARING)

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self._until = time.monotonic() + phase.value

    @property
    def deadline(self) -> float:
        """When to look again, monotonic, whatever else happens."""
        return min(self._until, self.engine_due or self._until)

    @property
    def prepared(self) -> bool:
        """All three are."""
        ready = self.digest is not None and self._agent_prepared and self.trial.poll() == 0
        return self.phase is Phase.PREPARING and ready

    def hear(self, child: Child, message: dict[str, object]) -> None:
        """What a new process says."""
        match message.get("is"):
            case "prepared" if child is self.engine:
                self.digest = str(message.get("digest", ""))
            case "prepared":
                self._agent_prepared = True
            case "started":
                silent = message.get("silent_ns", 0)
                self.silent_ns = silent if isinstance(silent, int) else 0
                child.up = True
            case "ready":
                child.up = True

    def hand_over(self) -> None:
        self._enter(Phase.HANDING)

    def once_more(self, refusal: str) -> bool:
        """The old engine stays; whether to try again, with a new engine from `engine_due` on."""
        self.refusal, self.digest = refusal, None
        self.engine.discard()
        if self.tries >= TRIES:
            return False
        self.tries += 1
        self._enter(Phase.PREPARING)
        self.engine_due = time.monotonic() + PAUSE_S
        return True

    def change_agents(self) -> None:
        self._enter(Phase.CHANGING)

    def serve(self) -> None:
        self._enter(Phase.SERVING)

    @property
    def late(self) -> bool:
        """The present step takes too long."""
        return time.monotonic() >= self._until

    def failure(self) -> str:
        """Why this cannot come to anything any more, in words; empty: it goes on."""
        if self.phase not in (Phase.PREPARING, Phase.HANDING):
            return ""
        trial = self.trial.poll()
        if trial:
            return f"the new launcher cannot run: it {ending(trial)}"
        for child in (self.engine, self.agent):
            if child.process is not None and (status := child.process.poll()) is not None:
                return f"the {child.name} {ending(status)} before its turn"
        if not self.late:
            return ""
        if self.phase is Phase.HANDING:
            return f"the {self.engine.name} did not go on within {HAND_OVER_S:g} s"
        missing = [self.engine.name] if self.digest is None else []
        missing += [self.agent.name] if not self._agent_prepared else []
        missing += ["new launcher"] if trial is None else []
        return f"the {' and the '.join(missing)} did not get ready within {PREPARE_S:g} s"

    def discard(self) -> None:
        """End what was started; nothing of it has acted."""
        self.engine.discard()
        self.agent.discard()
        if self.trial.poll() is None:
            self.trial.send_signal(9)
            self.trial.wait()
