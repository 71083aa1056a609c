"""How do the kernel's time-outs and sync daemons become what the global settings and the virtual routers say?

Shell beside the runtime, which calls it under its lock: when one of these changes, and with every reading of the table.
"""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable, Mapping

from services.common.problems import Problem
from services.ipvs import sync
from services.ipvs.globals import Global
from services.ipvs.kernel import Kernel
from services.ipvs.sync import AS_THEY_ARE, Daemon, Routers, Start, Stop, Timeouts

log = logging.getLogger(__name__)

KEY = "config/global"
_REASONS = {  # what the kernel means by an errno of the daemons: field, reason, hint
    errno.ENODEV: ("lvs_sync_daemon.interface", "there is no such interface", "it is tried again every few seconds"),
    errno.EADDRNOTAVAIL: ("lvs_sync_daemon.interface", "the interface has no address to send from", "give it one"),
    errno.EINVAL: ("lvs_sync_daemon", "the kernel cannot use it", "tunnels to servers of another family rule it out"),
}


class Whole:
    """Time-outs and sync daemons of this network namespace.

    `before`: the time-outs that were there before ours, `ours`: the daemons that run are ours; `note` is called when one of
    these changes, before the kernel is written.
    """

    def __init__(self, before: Timeouts, ours: bool, note: Callable[[], None]) -> None:
        self.settings = Global()
        self.before = before
        self.ours = ours
        self._note = note
        self.routers: Routers | None = None
        self.timeouts = AS_THEY_ARE  # as the kernel has them
        self.daemons: Mapping[int, Daemon] = {}
        self._made: dict[int, tuple[Daemon, Daemon]] = {}
        self._refused: dict[str, Problem] = {}

    @property
    def follows(self) -> str:
        """The virtual router that decides which daemon runs; empty: none does."""
        return self.settings.sync.vrrp_instance if self.settings.sync is not None else ""

    @property
    def problems(self) -> list[Problem]:
        """What cannot be as it is configured, now."""
        found = list(dict.fromkeys(self._refused.values()))
        if self.follows and self.routers is not None and self.follows not in self.routers:
            reason = f"vrrp knows no vrrp_instance {self.follows!r}; the sync daemon stays as it is"
            found.append(Problem(KEY, "lvs_sync_daemon.vrrp_instance", reason, f"put config/vrrp_instance/{self.follows}"))
        return found

    async def look(self, kernel: Kernel) -> None:
        """Read what the kernel has.

        :raises UnavailableError: IPVS is gone, or the right to it.
        """
        self.timeouts = await kernel.timeouts()
        self.daemons = await kernel.daemons()

    async def reconcile(self, kernel: Kernel) -> None:
        """Bring the kernel to what is wanted.

        :raises UnavailableError: IPVS is gone, or the right to it.
        """
        await self.look(kernel)
        await self._settle_timeouts(kernel)
        await self._settle_daemons(kernel)

    async def stop(self, kernel: Kernel) -> None:
        """No sync daemon any more, and the time-outs of before.

        :raises UnavailableError: IPVS is gone, or the right to it.
        """
        for state in await kernel.daemons() if self.ours else ():
            await kernel.order(Stop(state))
        if self.before != AS_THEY_ARE:
            await kernel.order(self.before)
        self.before, self.ours = AS_THEY_ARE, False
        self._note()

    async def _settle_timeouts(self, kernel: Kernel) -> None:
        wanted = self.settings.timeouts
        if wanted == self.before == AS_THEY_ARE:
            return
        if self.before == AS_THEY_ARE:
            self.before = self.timeouts
            self._note()
        should = wanted.over(self.before)
        if should != self.timeouts:
            error = await kernel.order(should)
            if self._told("lvs_timeouts", error, "set the time-outs of IPVS", ("lvs_timeouts", os.strerror(error), "")):
                log.info("time-outs of IPVS: tcp %d s, tcpfin %d s, udp %d s", should.tcp, should.tcpfin, should.udp)
                self.timeouts = should
        if wanted == AS_THEY_ARE:
            self.before = AS_THEY_ARE
            self._note()

    async def _settle_daemons(self, kernel: Kernel) -> None:
        should = sync.wanted(self.settings.sync, self.routers)
        if should is None or not (should or self.ours):
            return
        if should and not self.ours:
            self.ours = True
            self._note()
        steps = sync.plan(self.daemons, should, self._made)
        starts = {step.daemon.state for step in steps if isinstance(step, Start)}
        for state in sync.WORDS.keys() - starts:
            self._refused.pop(f"start {state}", None)
        for step in steps:
            await self._carry_out(kernel, step)
        self.daemons = await kernel.daemons()
        for state, (asked, _) in list(self._made.items()):
            if state in self.daemons:
                self._made[state] = (asked, self.daemons[state])
        if not should and not self.daemons:
            self.ours = False
            self._note()

    async def _carry_out(self, kernel: Kernel, step: Start | Stop) -> None:
        error = await kernel.order(step)
        match step:
            case Stop(state):
                self._made.pop(state, None)
                if self._told("stop", error, f"stop the {sync.WORDS[state]} sync daemon"):
                    log.info("the %s sync daemon is stopped", sync.WORDS[state])
            case Start(daemon):
                if self._told(f"start {daemon.state}", error, f"start the sync daemon on {daemon.interface}"):
                    log.info("started the %s", daemon)
                    self._made[daemon.state] = (daemon, daemon)

    def _told(self, what: str, error: int, text: str, reason: tuple[str, str, str] | None = None) -> bool:
        """The kernel did it; otherwise why not is a problem until it does."""
        if not error:
            self._refused.pop(what, None)
            return True
        field, why, hint = reason or _REASONS.get(error, ("lvs_sync_daemon", os.strerror(error), ""))
        problem = Problem(KEY, field, f"the kernel refuses to {text}: {why}", hint)
        if self._refused.get(what) != problem:
            log.warning("%s", problem)
        self._refused[what] = problem
        return False
