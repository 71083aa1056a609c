"""What does systemd know of this process? Its notification protocol: sd_notify(3), sd_watchdog_enabled(3),
sd_listen_fds(3). Without systemd every function does nothing. Imports only what is quick to import.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

_FIRST_FD = 3  # SD_LISTEN_FDS_START


def _send(message: str, *fds: int) -> bool:
    """One datagram to the service manager; False where there is none or it cannot take it now. Never waits long."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path:
        return False
    import socket  # only where systemd is told something: it costs a program's start more than all of this

    address = "\0" + path[1:] if path.startswith("@") else path
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as s:
        s.settimeout(1.0 if fds else 0.05)
        try:
            s.connect(address)  # socket.send_fds ignores its address argument
            if fds:
                socket.send_fds(s, [message.encode()], list(fds))
            else:
                s.send(message.encode())
        except OSError:
            return False
    return True


def ready() -> bool:
    """Start-up is over."""
    return _send("READY=1")


def status(text: str) -> bool:
    """One line for `systemctl status`."""
    return _send("STATUS=" + text.replace("\n", " "))


def stopping() -> bool:
    """A declared stop has begun."""
    return _send("STOPPING=1")


def watchdog() -> bool:
    """Still alive."""
    return _send("WATCHDOG=1")


def watchdog_interval() -> float | None:
    """Seconds between two calls of `watchdog` (half of WatchdogSec); None where nobody watches this process."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    if not microseconds.isdigit() or microseconds == "0":
        return None
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(microseconds) / 2_000_000


def store_fds(name: str, *fds: int) -> bool:
    """Give copies of descriptors into the unit's descriptor store (FileDescriptorStoreMax= must allow it)."""
    return _send(f"FDSTORE=1\nFDNAME={name}", *fds)


def remove_fds(name: str) -> bool:
    """Let everything stored under `name` go."""
    return _send(f"FDSTOREREMOVE=1\nFDNAME={name}")


def stored_fds() -> Mapping[str, tuple[int, ...]]:
    """Descriptors that systemd passed to this process, by name: those it kept, and sockets it listens on.

    They are the caller's now; children do not inherit them.
    """
    count = os.environ.get("LISTEN_FDS", "")
    if os.environ.get("LISTEN_PID") != str(os.getpid()) or not count.isdigit():
        return {}
    names = os.environ.get("LISTEN_FDNAMES", "").split(":")
    passed: dict[str, tuple[int, ...]] = {}
    for index in range(int(count)):
        fd = _FIRST_FD + index
        os.set_inheritable(fd, False)
        name = names[index] if index < len(names) and names[index] else "unknown"
        passed[name] = (*passed.get(name, ()), fd)
    return passed
