"""Whom do programs of the configuration run as, is it safe to run one as root, and what do they find around them?

Programs never get the service's own powers: they run as an unprivileged user unless the configuration says root, with an
environment of our making (keepalived hands its own on). Imports only what is quick to import.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.common.capabilities import may_switch_user
from services.common.errors import InvalidValue

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Account:
    """Whom programs run as. `switch`: this process has to become that user first."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str
    switch: bool


def account(script_user: str, field: str = "script_user") -> Account:
    """The account of "USER" or "USER GROUP"; empty: keepalived_script if it exists, else nobody.

    Where this process may not switch users: its own.

    :raises InvalidValue: no such user or group.
    """
    user, _, group = script_user.partition(" ")
    found = _user(user, field)
    gid = found.pw_gid
    if group.strip():
        try:
            gid = grp.getgrnam(group.strip()).gr_gid
        except KeyError:
            raise InvalidValue(field, f"there is no group {group.strip()!r}", "groupadd it") from None
    if not may_switch_user():
        own = _own()
        return Account(own.pw_name, own.pw_uid, own.pw_gid, (), own.pw_dir, False)
    groups = tuple(os.getgrouplist(found.pw_name, gid))
    return Account(found.pw_name, found.pw_uid, gid, groups, found.pw_dir, True)


def _user(name: str, field: str) -> pwd.struct_passwd:
    if name:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            raise InvalidValue(field, f"there is no user {name!r}", f"useradd --system {name}") from None
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
