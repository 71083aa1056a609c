"""How is a check probed, whatever its type? What a worker asks of a probe, and what probes share in one worker."""

from __future__ import annotations

import select
import socket
from functools import cached_property
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from services.checker.probes.sockets import Sockets
    from services.checker.probes.tls import Contexts


UNHEARD: Final = "nothing was heard"  # a probe's result that says nothing about the server: its check stays as it is


class Postponed(Exception):
    """This machine has no descriptor, port or memory left now; says nothing about the server."""


class Probe(Protocol):
    """The probe of one check, used for every run of it.

    `start` begins a run at the monotonic time `now` in nanoseconds, for the page `url` where there are pages; `ready` is
    called when `fileno` has events, or at once again where the probe is `hungry`; `expired` at `deadline`. Each gives None
    while the run goes on, else the cause of failure, which is empty for success, or UNHEARD. `abort` ends a run without a
    result.
    `weight` is what a success asks for; None: the configured one.
    """

    fileno: int
    deadline: int
    hungry: bool
    weight: int | None

    def start(self, now: int, url: int) -> str | None:
        """:raises Postponed: this machine cannot probe now."""

    def ready(self, events: int, now: int) -> str | None: ...
    def expired(self, now: int) -> str | None: ...
    def abort(self) -> None: ...


class Tools:
    """What the probes of one worker share; each is made when it is first needed."""

    def __init__(self, epoll: select.epoll) -> None:
        self.epoll = epoll
        self.idle: dict[tuple[object, ...], list[socket.socket]] = {}  # of probes of one datagram, by kind and source

    @cached_property
    def sockets(self) -> Sockets:
        from services.checker.probes.sockets import Sockets

        return Sockets(self.epoll)

    @cached_property
    def contexts(self) -> Contexts:
        from services.checker.probes.tls import Contexts

        return Contexts()
