"""How does MISC_CHECK work? A program runs as an unprivileged user in a process group of its own; its status decides.

As in keepalived: 0 is success, with misc_dynamic 2 to 255 too (weight = status - 2), everything else is failure. At
misc_timeout the group gets SIGTERM and two seconds later SIGKILL. A program that outlives its worker dies with it.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import grp
import os
import pwd
import select
import shutil
import signal
import stat
import subprocess
from pathlib import Path

from services.checker.kinds.misc import Misc
from services.checker.probes.probe import Postponed, Tools
from services.checker.probes.sockets import OURS
from services.checker.schedule import Timing

GRACE = 2_000_000_000  # from SIGTERM to SIGKILL
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_PR_SET_PDEATHSIG = 1
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_prctl = ctypes.CDLL(None).prctl


def _before_exec() -> None:
    """In the child, already as its user: die with the worker, and inherit none of the service's capabilities."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)


class Refused(Exception):
    """The program must not or cannot be run, with the reason."""


def account(user: str) -> tuple[int, int]:
    """uid and gid of "USER" or "USER GROUP"; empty: keepalived_script if it exists, else nobody.

    :raises Refused: no such user or group.
    """
    words = user.split()
    if not words:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam("keepalived_script")
            return entry.pw_uid, entry.pw_gid
        words = ["nobody"]
    try:
        entry = pwd.getpwnam(words[0])
    except KeyError:
        raise Refused(f"there is no user {words[0]!r}") from None
    if len(words) == 1:
        return entry.pw_uid, entry.pw_gid
    try:
        return entry.pw_uid, grp.getgrnam(words[1]).gr_gid
    except KeyError:
        raise Refused(f"there is no group {words[1]!r}") from None


def program(argv: tuple[str, ...]) -> Path:
    """The file that the first word means.

    :raises Refused: there is none that can be executed.
    """
    found = argv[0] if "/" in argv[0] else shutil.which(argv[0], path=PATH)
    if found is None or not os.path.isfile(found):
        raise Refused(f"{argv[0]}: no such program")
    if not os.access(found, os.X_OK):
        raise Refused(f"{found}: is not executable")
    return Path(found)


def weak_spot(path: Path) -> str:
    """Which part of a path somebody else than root may change; empty: none. Symbolic links are followed."""
    real = path.resolve()
    for part in (real, *real.parents):
        status = part.stat()
        open_to_all = status.st_mode & (stat.S_IWGRP if status.st_gid else 0) or status.st_mode & stat.S_IWOTH
        if status.st_uid or (open_to_all and not (part != real and status.st_mode & stat.S_ISVTX)):
            return str(part)
    return ""


class MiscProbe:
    """The probe of one check, used for every run of it; see `probe.Probe`."""

    __slots__ = ("_child", "_epoll", "_killing", "_what", "deadline", "fileno", "hungry", "weight")

    def __init__(self, what: Misc, timing: Timing, tools: Tools) -> None:
        self._what = what
        self._epoll = tools.epoll
        self._child: _Child | None = None
        self._killing = False
        self.fileno = -1
        self.deadline = 0
        self.hungry = False
        self.weight: int | None = None

    def start(self, now: int, url: int) -> str | None:
        """:raises Postponed: this machine cannot probe now."""
        try:
            self._child = _Child(self._what, self._epoll)
        except Refused as e:
            return str(e)
        except OSError as e:
            if e.errno in OURS:
                raise Postponed(e.strerror) from None
            return f"cannot be run: {(e.strerror or str(e)).lower()}"
        self._killing = False
        self.fileno = self._child.pidfd
        self.deadline = now + self._what.timeout
        return None

    def ready(self, events: int, now: int) -> str | None:
        child = self._child
        if child is None or (status := child.status()) is None:
            return None
        self._end()
        if self._killing:
            return f"no exit within {self._what.timeout / 1e9:g} s"
        if status == 0:
            self.weight = None
            return ""
        if status < 0:
            return f"ended by {signal.Signals(-status).name}"
        if self._what.dynamic and status >= 2:
            self.weight = status - 2
            return ""
        return f"exit status {status}"

    def expired(self, now: int) -> str | None:
        if self._child is not None:
            self._child.signal(signal.SIGKILL if self._killing else signal.SIGTERM)
        self._killing = True
        self.deadline = now + GRACE
        return None

    def abort(self) -> None:
        if self._child is not None:
            self._child.signal(signal.SIGKILL)
            self._child.wait()
            self._end()

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            if self._killing:
                child.signal(signal.SIGKILL)  # what the program left behind in its group
            child.close()


class _Child:
    """One running program."""

    __slots__ = ("_popen", "pidfd")

    def __init__(self, what: Misc, epoll: select.epoll) -> None:
        path = program(what.argv)
        uid, gid = account(what.user)
        if uid == 0 and what.secure and (spot := weak_spot(path)):
            raise Refused(f"will not run {path} as root: {spot} can be changed by others; see enable_script_security")
        switch = (uid, gid) != (os.geteuid(), os.getegid())  # needs CAP_SETUID and CAP_SETGID, not uid 0
        self._popen = subprocess.Popen(
            [str(path), *what.argv[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": PATH},
            cwd="/",
            process_group=0,
            preexec_fn=_before_exec,  # safe: the worker has one thread
            user=uid if switch else None,
            group=gid if switch else None,
            extra_groups=[gid] if switch else None,
        )
        try:
            self.pidfd = os.pidfd_open(self._popen.pid)
            epoll.register(self.pidfd, select.EPOLLIN)
        except OSError:
            self.signal(signal.SIGKILL)
            self._popen.wait()
            raise

    def status(self) -> int | None:
        """Exit status, negative: the signal that ended it; None: it runs."""
        status: int | None = self._popen.poll()
        return status

    def signal(self, number: signal.Signals) -> None:
        """To the whole group; nothing if it is gone."""
        try:
            os.killpg(self._popen.pid, number)
        except OSError as e:
            if e.errno not in (errno.ESRCH, errno.EPERM):
                raise

    def wait(self) -> None:
        """Until it is gone (after SIGKILL)."""
        self._popen.wait()

    def close(self) -> None:
        os.close(self.pidfd)
