"""How does a program run? One attempt at one command line, and what came of it.

Shell, blocking: run it in a thread. Programs run in their own process group, in `/`, with stdin closed, and have a time
limit. As whom is `services.common.accounts`' matter.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence

from services.common.accounts import Account, environment
from services.common.capabilities import drop_ambient
from services.notify.order import Outcome

TIME_LIMIT_S = 60.0
GRACE_S = 2.0  # between SIGTERM and SIGKILL, as keepalived
OUTPUT = 2000  # bytes kept
POLL_MS = 200


def run(
    words: Sequence[str],
    who: Account,
    extra: Mapping[str, str],
    *,
    limit_s: float = TIME_LIMIT_S,
    stop: threading.Event | None = None,
) -> Outcome:
    """Run a program to its end; blocks for at most the time limit and a little. `stop` ends it early."""
    try:
        drop_ambient()
        child = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment(who, extra),
            cwd="/",
            process_group=0,
            umask=0o022,
            user=who.uid if who.switch else None,
            group=who.gid if who.switch else None,
            extra_groups=who.groups if who.switch else None,
        )
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        return Outcome(False, f"cannot run {words[0]} as {who.name}: {getattr(error, 'strerror', None) or error}")
    with child:
        tail, late = _follow(child, limit_s, stop)
        status = child.wait()
    output = tail.decode(errors="replace")
    if late:
        return Outcome(False, late, status=status, output=output)
    if status == 0:
        return Outcome(True, status=0, output=output)
    ending = f"ends by {_signal(-status)}" if status < 0 else f"exits with status {status}"
    return Outcome(False, f"{words[0]} {ending}", status=status, output=output)


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _follow(child: subprocess.Popen[bytes], limit_s: float, stop: threading.Event | None) -> tuple[bytes, str]:
    """Read what it says until it ends (not until its output does: a daemon it left behind may hold that open).

    Returns the last bytes, and why it was ended early if it was.
    """
    assert child.stdout is not None
    pipe = child.stdout.fileno()
    os.set_blocking(pipe, False)
    ended = os.pidfd_open(child.pid)
    poll = select.poll()
    poll.register(ended, select.POLLIN)
    poll.register(pipe, select.POLLIN)
    tail, late, kill_at = b"", "", time.monotonic() + limit_s
    try:
        while True:
            ready = {fd for fd, _ in poll.poll(POLL_MS)}
            if pipe in ready:
                piece, closed = _read(pipe)
                tail = (tail + piece)[-OUTPUT:]
                if closed:
                    poll.unregister(pipe)
            if ended in ready:
                return (tail + _read(pipe)[0])[-OUTPUT:], late
            now = time.monotonic()
            if not late and (now > kill_at or (stop is not None and stop.is_set())):
                late = f"takes longer than {limit_s:g} s" if now > kill_at else "interrupted: the service stops"
                _kill(child.pid, signal.SIGTERM)
                kill_at = now + GRACE_S
            elif late and now > kill_at:
                _kill(child.pid, signal.SIGKILL)
                kill_at = now + GRACE_S
    finally:
        os.close(ended)


def _read(pipe: int) -> tuple[bytes, bool]:
    """What can be read now (a pipe holds 64 KiB), and whether that was all there will ever be."""
    try:
        piece = os.read(pipe, 65536)
    except BlockingIOError:
        return b"", False
    return piece, not piece


def _kill(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
