"""Which of root's powers has this process, and how do programs it starts get none of them? capabilities(7).

A unit's `AmbientCapabilities=` outlive a change from one unprivileged user to another: a script that runs as nobody would
have them too, unless they are dropped before it starts.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

CAP_SETGID = 6
CAP_SETUID = 7
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4


def may_switch_user() -> bool:
    """This process may start programs as any user: as root, or with CAP_SETUID and CAP_SETGID."""
    needed = 1 << CAP_SETUID | 1 << CAP_SETGID
    for line in Path("/proc/thread-self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16) & needed == needed
    return os.geteuid() == 0


def drop_ambient() -> None:
    """Programs that this thread starts from now on get no capabilities (unless they run as root). Costs a system call.

    :raises OSError: the kernel knows no ambient capabilities (before Linux 4.3).
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_CAP_AMBIENT_CLEAR_ALL)")
