"""How does a program run, as whom, and is it safe to run it as root? One attempt at one command, and what came of it.

Shell, blocking: run it in a thread. Programs run as an unprivileged user in their own process group, in `/`, with stdin
closed and an environment of our making (keepalived hands its own on), and have a time limit.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import select
import shutil
import signal
import stat
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.common.capabilities import drop_ambient, may_switch_user
from services.common.errors import InvalidValue
from services.notify.order import Outcome

TIME_LIMIT_S = 60.0
GRACE_S = 2.0  # between SIGTERM and SIGKILL, as keepalived
OUTPUT = 2000  # bytes kept
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
POLL_MS = 200


@dataclass(frozen=True, slots=True)
class Account:
    """Whom programs run as. `switch`: this process has to become that user first."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str
    switch: bool


def account(script_user: str) -> Account:
    """The account of "USER" or "USER GROUP"; empty: keepalived_script if it exists, else nobody.

    Where this process may not switch users: its own.

    :raises InvalidValue: no such user or group.
    """
    user, _, group = script_user.partition(" ")
    found = _user(user)
    gid = found.pw_gid
    if group.strip():
        try:
            gid = grp.getgrnam(group.strip()).gr_gid
        except KeyError:
            raise InvalidValue("script_user", f"there is no group {group.strip()!r}", "groupadd it") from None
    if not may_switch_user():
        own = _own()
        return Account(own.pw_name, own.pw_uid, own.pw_gid, (), own.pw_dir, False)
    groups = tuple(os.getgrouplist(found.pw_name, gid))
    return Account(found.pw_name, found.pw_uid, gid, groups, found.pw_dir, True)


def _user(name: str) -> pwd.struct_passwd:
    if name:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            raise InvalidValue("script_user", f"there is no user {name!r}", f"useradd --system {name}") from None
    for default in ("keepalived_script", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(default)
    return _own()


def _own() -> pwd.struct_passwd:
    uid = os.geteuid()
    try:
        return pwd.getpwuid(uid)
    except KeyError:  # a uid without a name, as in containers
        return pwd.struct_passwd((str(uid), "x", uid, os.getegid(), "", "/", "/bin/sh"))


def insecure(program: str, who: Account) -> InvalidValue | None:
    """Why this program must not run as root: somebody else may write a component of its path. None: it may.

    The error's reason names the component, its hint says how to fix that.
    """
    if who.uid != 0:
        return None
    found = shutil.which(program, path=PATH)
    if found is None:
        return None  # running it will say so
    given, real = Path(os.path.abspath(found)), Path(os.path.realpath(found))
    for path in dict.fromkeys((*reversed(given.parents), given, *reversed(real.parents), real)):
        if why := _writable(path):
            reason = f"{program} would run as root, but {path} {why}"
            return InvalidValue("", reason, _repair(path, why))
    return None


def _writable(path: Path) -> str:
    """How somebody else than root may change what lies here; empty: nobody may."""
    try:
        status = path.lstat()
    except OSError:
        return ""
    if stat.S_ISLNK(status.st_mode):  # its mode means nothing; who may replace it is the folder's matter
        return "" if status.st_uid == 0 else f"belongs to {_name(status.st_uid)}"
    if status.st_uid != 0:
        return f"belongs to {_name(status.st_uid)}"
    if stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX:
        return ""  # as /tmp: others may add, not replace
    if status.st_mode & stat.S_IWOTH:
        return "is writable by everybody"
    if status.st_mode & stat.S_IWGRP and status.st_gid != 0:
        return "is writable by its group"
    return ""


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _repair(path: Path, why: str) -> str:
    fix = f"chown root {path}" if why.startswith("belongs") else f"chmod {'o' if 'everybody' in why else 'g'}-w {path}"
    return f"{fix}, or set script_user to an unprivileged user"


def environment(who: Account, extra: Mapping[str, str]) -> dict[str, str]:
    """All that a program finds in its environment."""
    return {
        "PATH": PATH,
        "LANG": "C.UTF-8",
        "HOME": who.home,
        "USER": who.name,
        "LOGNAME": who.name,
        "SHELL": "/bin/sh",
        **extra,
    }


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
