"""How does the engine start before the launcher has loaded? With the settings that it was last started with.

Only where `first_words` found that they are the same; what the launcher holds otherwise is made here, and handed to it.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` makes enumerations of it
import _socket
import os
import sys

from services.common import sdnotify
from services.vrrp.engine.command import engine_command
from services.vrrp.launcher.first_words import state_dir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HANDOVER = "handover"  # name in systemd's descriptor store; with a number from the first reload on
PRIVATE = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES")
SIGNALS = (_signal.SIGTERM, _signal.SIGINT, _signal.SIGHUP)
RESTORED = (_signal.SIGPIPE, _signal.SIGXFSZ)  # Python ignores them


def memory() -> tuple[int, str]:
    """The newest hand-over in systemd's descriptor store, and its name there; else a new one."""
    stored = {name: fds for name, fds in sdnotify.stored_fds().items() if name.partition("-")[0] == HANDOVER}
    if not stored:
        return os.memfd_create("vipkeeper-vrrp", os.MFD_CLOEXEC), HANDOVER
    newest = max(stored, key=lambda name: int(name.partition("-")[2] or 0))
    return stored[newest][-1], newest


def inheritable(environment: Mapping[str, str]) -> dict[str, str]:
    """Without what systemd means for this process alone."""
    return {name: value for name, value in environment.items() if name not in PRIVATE}


def orphan() -> str:
    """What an engine does without its launcher: without systemd nobody starts one that would find what is left behind."""
    return "leave" if os.environ.get("NOTIFY_SOCKET") else "release"


def begin(arguments: Sequence[str]) -> tuple[int, int, int, str]:
    """Start the engine; gives its pid, our end of its control pair, its memory and the memory's name.

    The signals that end this program wait until the launcher has taken it over.

    :raises OSError: it cannot be started.
    """
    _signal.pthread_sigmask(_signal.SIG_BLOCK, SIGNALS)
    fd, name = memory()
    kind = _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK
    ours, theirs = _socket.socketpair(_socket.AF_UNIX, kind, 0)
    config = os.path.join(os.path.abspath(state_dir(arguments, os.environb)), "engine.json")
    command = engine_command(sys.executable, theirs.fileno(), fd, config, orphan())
    for each in (fd, theirs.fileno()):
        os.set_inheritable(each, True)
    pid = os.posix_spawn(sys.executable, command, inheritable(os.environ), setsigmask=(), setsigdef=RESTORED)
    os.set_inheritable(fd, False)
    theirs.close()
    return pid, ours.detach(), fd, name


def main(arguments: Sequence[str], known: bool) -> int:
    """The launcher's exit status; `known`: the engine may start with what it was last started with."""
    try:
        begun = begin(arguments) if known else None
    except OSError:
        begun = None  # the launcher says what is wrong
    from services.vrrp.launcher import process

    return process.main(arguments, begun)
