"""How does one engine follow another on a reload? When the running one gives way, and how the next goes on where it was.

The engine's shell for `handing_over`, which has the words that the two exchange.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from services.vrrp.channel import Channel, ChannelClosed, from_fd
from services.vrrp.election.actions import State
from services.vrrp.election.events import Inherited, PacketReceived
from services.vrrp.engine.handing_over import Turn, give

if TYPE_CHECKING:
    from services.vrrp.engine.runtime import Runtime
    from services.vrrp.links.virtual_links import VirtualLinks

SECOND = 1_000_000_000
QUIET = 20_000_000  # nanoseconds without anything due in which an engine may hand over to a successor
PATIENCE = 2 * SECOND  # how long it waits for them
CONFIGURATION_DIFFERS = "the configuration on disk is not the one that runs"


class GivingWay:
    """The running engine's part: whether a successor waits for its turn, and when that has come."""

    def __init__(self, runtime: Runtime, clock: Callable[[], int]) -> None:
        self._runtime = runtime
        self._clock = clock
        self._successor: Channel | None = None
        self._asked_at = 0

    @property
    def asked_for(self) -> bool:
        """A successor waits for its turn."""
        return self._successor is not None

    def asked(self, successor: Channel, digest: str) -> None:
        """The launcher wants it; `digest`: of the configuration that the successor has."""
        self._successor, self._asked_at = successor, self._clock()
        if digest != self._runtime.agent.staging.digest:
            self._stay(CONFIGURATION_DIFFERS)

    def serve(self, calm: bool) -> None:
        """Hand over, if this is a moment in which nothing is due for a while; what is told to nobody else goes along."""
        if self._successor is None:
            return
        runtime, now = self._runtime, self._clock()
        due = runtime.node.deadline()
        intervals = [r.settings.advert_int for r in runtime.node.routers.values() if r.state is State.MASTER]
        shortest = min(intervals, default=SECOND)
        if runtime.jobs.pending or calm or runtime.stopping:
            if now - self._asked_at > PATIENCE or runtime.stopping:
                self._stay("addresses are being moved")
            return
        if due is not None and due - now < min(QUIET, shortest // 2) and now - self._asked_at < PATIENCE:
            return
        until = min(now + SECOND, max(due or 0, now) + shortest // 3)
        stamp = time.time_ns()
        runtime.receive_all()
        runtime.note_changes()
        told = {"is": "state", "told": _told(runtime), "at": now, "stamp": stamp}
        table = runtime.links.table if runtime.links is not None else -1
        refusal = give(self._successor, told, until, self._clock, table)
        if not refusal:
            os._exit(0)  # not a socket is closed in order, nothing is said: it is the successor's now
        self._stay(refusal)

    def _stay(self, reason: str) -> None:
        if self._successor is not None:
            self._successor.close()
        self._successor = None
        self._runtime.tell_launcher({"is": "stays", "reason": reason})


def _told(runtime: Runtime) -> dict[str, Any]:
    return {
        "node": runtime.node.carried(),
        "agent": runtime.agent.carried(),
        "statistics": runtime.statistics.carried(),
        "jobs": runtime.jobs.carried(),
        "links": runtime.links.carried() if runtime.links is not None else None,
        "promoted": runtime.extras.carried(),
    }


def succeed(runtime: Runtime, before: Callable[[], None], clock: Callable[[], int]) -> bool:
    """Wait beside the predecessor until it hands over, and go on where it was; False: it stays, or nobody asks.

    `before` is called once the turn has come, before anything is taken over.
    """
    turn = _await_turn(runtime)
    if turn is None:
        return False
    before()
    message = turn.wait()
    if message is None or message.get("is") != "state":
        return False
    table = turn.descriptor()
    kept = runtime.unheard()
    runtime.interfaces_changed()
    told: dict[str, Any] = message["told"]
    links = told.get("links")
    if runtime.links is not None and links is not None:
        _take_up_links(runtime, runtime.links, links)
    actions = runtime.node.step(Inherited(told["node"]), clock())
    runtime.agent.take_up(told["agent"])
    runtime.statistics.take_up(told["statistics"])
    runtime.resumed = [name for name, router in runtime.node.routers.items() if router.state is State.MASTER]
    turn.ready()
    answer = turn.wait()
    turn.close()
    if answer is None or answer.get("do") != "go":
        return False
    runtime.perform(actions)
    runtime.jobs.take_up(told["jobs"], clock())
    runtime.silent = clock() - message["at"]
    for name, data, stamp in kept:
        if stamp >= message["stamp"]:
            runtime.step(PacketReceived(name, data))
    runtime.aside = False
    runtime.extras.take_over(told.get("promoted", ()), runtime.look())
    if runtime.links is not None:
        _take_over_links(runtime, runtime.links, table, links["silent"] if links is not None else ())
    elif table >= 0:
        os.close(table)  # nothing is to be quiet any more
    return True


def _take_up_links(runtime: Runtime, links: VirtualLinks, told: dict[str, Any]) -> None:
    """What the predecessor knew of VMACs and ipvlans; it may go on itself."""
    links.take_up(told)
    for name in sorted(links.failed):
        runtime.tell_interface(name)


def _take_over_links(runtime: Runtime, links: VirtualLinks, table: int, silent: Iterable[int]) -> None:
    """They are this engine's now, and as they were."""
    links.take_over(table, silent, runtime.look())
    runtime.watch_links()
    runtime.interfaces_changed()


def _await_turn(runtime: Runtime) -> Turn | None:
    """Until the launcher brings the predecessor; None: it is gone."""
    control = runtime.control
    assert control is not None
    runtime.watch(control.fileno(), select.EPOLLIN)
    runtime.tell_launcher({"is": "prepared", "digest": runtime.agent.staging.digest})
    turn = None
    while turn is None:
        try:
            messages = runtime.wait_aside()
        except ChannelClosed:
            return None
        if any(message.get("do") == "succeed" for message in messages) and control.descriptors:
            turn = Turn(Channel(from_fd(control.descriptors.popleft())))
    runtime.unwatch(control.fileno())
    return turn
