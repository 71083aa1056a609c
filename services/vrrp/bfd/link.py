"""What do engine and bfd process say to each other? The engine's side; the messages are in `services.vrrp.bfd.process`.

The engine never waits for that process, and tells its node when it is gone or silent.
"""

from __future__ import annotations

import select
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from services.vrrp.channel import Channel, ChannelClosed, Message, from_fd
from services.vrrp.election.events import BfdChanged, BfdLost

if TYPE_CHECKING:
    from services.vrrp.bfd.settings import BfdInstance
    from services.vrrp.engine.runtime import Runtime

SILENCE = 3  # of the engine's seconds without a word, counted in its own turns: it may have stood still itself
MAX_MESSAGES = 32  # taken in one wake


class BfdLink:
    """The present bfd process, if any. `views`: its newest words of each session, `services.vrrp.bfd.views.SessionView`."""

    def __init__(self, runtime: Runtime) -> None:
        self.views: dict[str, dict[str, Any]] = {}
        self.rejected: dict[str, int] = {}
        self.up = False
        self._runtime = runtime
        self._wanted: Mapping[str, BfdInstance] = {}
        self._processors: tuple[int, ...] = ()
        self._channel: Channel | None = None
        self._writing = False
        self._quiet = 0

    @property
    def wanted(self) -> bool:
        """There are sessions, so there must be a process for them."""
        return bool(self._wanted)

    def configure(self, wanted: Mapping[str, BfdInstance], processors: tuple[int, ...] = ()) -> None:
        """Exactly these sessions; `processors`: where their process may run, none: anywhere."""
        if (wanted, processors) == (self._wanted, self._processors):
            return
        self._wanted, self._processors = wanted, processors
        self.views = {name: view for name, view in self.views.items() if name in wanted}
        self._tell_sessions()

    def adopt(self, descriptor: int) -> None:
        """A new process."""
        self._drop()
        self._channel = Channel(from_fd(descriptor))
        self._quiet = 0
        self._runtime.watch(self._channel.fileno(), select.EPOLLIN)
        self._tell_sessions()

    def serve(self, ready: set[int]) -> None:
        """Hear what came."""
        channel = self._channel
        if channel is None or channel.fileno() not in ready:
            return
        try:
            channel.flush()
            messages = channel.receive(MAX_MESSAGES)
        except ChannelClosed:
            self._drop()
            return
        self._quiet = 0
        for message in messages:
            self._take(message)
        self._watch_writable()

    def every_second(self) -> None:
        """One more second without a word."""
        self._quiet += 1
        if self._channel is not None and self._quiet > SILENCE and self.up:
            self._silent()

    def _take(self, message: Message) -> None:
        """One word; one that is not understood is passed over."""
        if not self.up:
            self.up = True
            self._changed(self._wanted)
        name, up, view = message.get("name"), message.get("up"), message.get("view")
        if message.get("is") == "session" and isinstance(name, str) and name in self._wanted and isinstance(view, dict):
            self.views[name] = view
            self._runtime.step(BfdChanged(name, None if up is None else bool(up)))
            self._changed([name])
        elif message.get("is") == "rejected" and isinstance(message.get("rejected"), dict):
            self.rejected = message["rejected"]

    def _tell_sessions(self) -> None:
        if self._channel is None:
            return
        scheduling = self._runtime.agent.scheduling.split()
        below = int(scheduling[1]) - 1 if scheduling[0] == "fifo" else 0  # the engine comes first
        sessions = {name: settings._asdict() for name, settings in self._wanted.items()}
        told = {"sessions": sessions, "rt_priority": below, "processors": list(self._processors)}
        self._channel.send({"do": "sessions"} | told)
        self._watch_writable()

    def _watch_writable(self) -> None:
        if self._channel is not None and self._channel.backlog != self._writing:
            self._writing = self._channel.backlog
            mask = select.EPOLLIN | (select.EPOLLOUT if self._writing else 0)
            self._runtime.rewatch(self._channel.fileno(), mask)

    def _drop(self) -> None:
        if self._channel is not None:
            self._runtime.unwatch(self._channel.fileno())
            self._channel.close()
            self._channel, self._writing = None, False
            self._silent()

    def _silent(self) -> None:
        self.up = False
        self._runtime.step(BfdLost())
        self._changed(self._wanted)

    def _changed(self, names: Mapping[str, Any] | list[str]) -> None:
        for name in names:
            self._runtime.agent.changed(("bfd", name))
