"""How does the launcher know its children? A process, the pair it speaks on, how long it has been silent, how often it died.

A child may have been started by an earlier program of this same process (`resume`): then it is known by its pid alone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

from services.vrrp.channel import Channel, from_fd

CLOSED_SILENCE = 1  # ticks of a process whose end of the channel is closed: at least a whole second to end
PAUSES_S = (0.0, 0.0, 0.1, 0.5, 1.0, 2.0)  # before the next start, by starts in a row that did not live long
LONG_S = 10.0
_PR_SET_PDEATHSIG = 1


class Process(Protocol):
    """What is used of a child process."""

    pid: int
    returncode: int | None

    def poll(self) -> int | None: ...

    def wait(self) -> int: ...

    def send_signal(self, number: int, /) -> None: ...


class Adopted:
    """A child of this process that another program of it started."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        return self.returncode if self.returncode is not None else self._wait(os.WNOHANG)

    def wait(self) -> int:
        while self.returncode is None:
            self._wait(0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _wait(self, flags: int) -> int | None:
        try:
            pid, status = os.waitpid(self.pid, flags)
        except ChildProcessError:
            pid, status = self.pid, 0
        if pid == self.pid:
            self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


class Kept(NamedTuple):
    """A child as it is handed to the next program of this process."""

    pid: int
    fd: int
    restarts: int


class Child:
    """The engine, the agent or bfd: its process, its control pair, and how often it had to be replaced."""

    def __init__(self, name: str, silence: tuple[int, int]) -> None:
        self.name = name
        self._silence = silence
        self.process: Process | None = None
        self.channel: Channel | None = None
        self.up = False  # it has said that it is
        self.spoke = False  # one of its processes has ever said so
        self.quiet = 0  # ticks since its last word
        self.restarts = 0
        self.due = 0.0  # when it may be started again, monotonic
        self._short = 0
        self._started = 0.0

    def started(self, process: Process, channel: Channel) -> None:
        self.process, self.channel = process, channel
        self.up, self.quiet = False, 0
        self._started = time.monotonic()

    def replaced_by(self, other: Child) -> Process | None:
        """Another process is this child now; gives the old one, which is ending."""
        old = self.process
        if self.channel is not None:
            self.channel.close()
        assert other.process is not None
        assert other.channel is not None
        self.started(other.process, other.channel)
        self.due, self._short = 0.0, 0
        return old

    def kept(self) -> Kept | None:
        """For the next program of this process; None where there is nothing to keep."""
        if self.process is None or self.channel is None or not self.up:
            return None
        return Kept(self.process.pid, self.channel.fileno(), self.restarts)

    def resumed(self, kept: Kept) -> None:
        """As the earlier program knew it."""
        self.started(Adopted(kept.pid), Channel(from_fd(kept.fd)))
        self.restarts = kept.restarts
        self.up = self.spoke = True

    def signal(self, number: int) -> None:
        if self.process is not None:
            self.process.send_signal(number)

    @property
    def hangs(self) -> bool:
        """It runs, and has not said a word for too long, or has closed its channel and does not end."""
        return self.process is not None and self.quiet > (CLOSED_SILENCE if self.channel is None else self._silence[self.up])

    def hung_up(self) -> None:
        """Its end of the channel is closed: it is about to end."""
        if self.channel is not None:
            self.channel.close()
            self.quiet = 0
        self.channel = None

    def ended(self) -> int | None:
        """Its exit status if it has ended since it was last asked; decides when it may start again."""
        status = None if self.process is None else self.process.poll()
        if status is None:
            return None
        self.hung_up()
        self.process = None
        now = time.monotonic()
        self._short = 0 if now - self._started > LONG_S else self._short + 1
        self.due = now + PAUSES_S[min(self._short, len(PAUSES_S) - 1)]
        self.restarts += 1
        self.up = False
        return status

    def discard(self) -> None:
        """It is not wanted; nothing of it remains."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        self.hung_up()
        self.process = None


def ending(status: int) -> str:
    """How a process ended, in words."""
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"


def die_with(parent: int) -> Callable[[], None]:
    """For a child, before it runs its program: the launcher's death is its own."""
    import ctypes

    libc = ctypes.CDLL(None)

    def prepare() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return prepare
