"""Which processes run now? The runner's eye on them: the kernel's process events, and /proc where there are none.

Process events (connector(9), include/uapi/linux/cn_proc.h) need CAP_NET_ADMIN, the machine's own network and process
namespaces, and a kernel with CONFIG_PROC_EVENTS. Without them /proc is looked through every second; after an overrun once.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from services.vrrp.runner.census import Census, Seen, Sought, Tally

SECOND = 1_000_000_000
LOOK = SECOND  # between looks at /proc without process events
AGAIN = 3 * SECOND  # a report is repeated, because silence means failure
AT_ONCE = 500  # events taken before others have their turn
ROOM = 1 << 20  # bytes of the socket's buffer
ANSWER_S = 0.5  # for the kernel's answer to the subscription
_NETLINK_CONNECTOR, _CN_IDX_PROC, _CN_VAL_PROC, _LISTEN = 11, 1, 1, 1
_SO_RCVBUFFORCE = 33
_NONE, _FORK, _EXEC, _COMM, _EXIT = 0x0, 0x1, 0x2, 0x200, 0x80000000
_EVENT: Final = struct.Struct("=36xI4xQ4I")  # after nlmsghdr and cn_msg: what, CPU, CLOCK_MONOTONIC; thread, process, twice


class ProcessWatch:
    """All process trackers. `report(name, tally)` is called when one is new, changes between up and down, or is repeated."""

    def __init__(self, report: Callable[[str, Tally], None]) -> None:
        self._report = report
        self._census = Census()
        self._sought: dict[str, Sought] = {}
        self._told: dict[str, bool] = {}
        self._socket: socket.socket | None = None
        self._look_at = 0
        self._again_at = 0
        self.blind = ""  # why there are no process events

    def fileno(self) -> int:
        """Readable when something has happened; -1: there are no process events."""
        return -1 if self._socket is None else self._socket.fileno()

    def configure(self, sought: Mapping[str, Sought], now: int) -> None:
        """Exactly these from now on. Where there are some, `fileno` and `blind` are settled after this."""
        if self._sought == sought:
            return
        self._sought = dict(sought)
        if sought and self._socket is None:
            self._open()
        if not sought and self._socket is not None:
            self._socket.close()
            self._socket = None
        self._census.configure(sought, ())  # so that it knows whether to read command lines
        self._census.configure(sought, running(self._census.reads_commands))
        self._told = {}
        self._look_at = self._again_at = now + LOOK
        self._tell()

    def due(self) -> int | None:
        """When `look` should be called."""
        if not self._sought:
            return None
        dues = [self._census.deadline(), self._again_at, self._look_at if self._socket is None else None]
        return min(due for due in dues if due is not None)

    def look(self, now: int) -> None:
        """Look at /proc where that is the only way, let delays pass, repeat what was told."""
        if not self._sought:
            return
        if self._socket is None and now >= self._look_at:
            self._look_at = now + LOOK
            self._census.looked(running(self._census.reads_commands), now)
        self._census.passed(now)
        if now >= self._again_at:
            self._again_at = now + AGAIN
            self._told = {}
        self._tell()

    def happened(self, now: int) -> None:
        """Take what the kernel tells."""
        assert self._socket is not None
        for _ in range(AT_ONCE):
            try:
                data, (port, _groups) = self._socket.recvfrom(4096)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self._census.looked(running(self._census.reads_commands), now)  # events were lost
                continue
            if port == 0 and len(data) >= _EVENT.size:
                self._event(data)
        self._tell()

    def _event(self, data: bytes) -> None:
        """One event; delays count from its own time, however late it is read."""
        what, now, first, group, child, child_group = _EVENT.unpack_from(data)
        if what == _FORK and child == child_group:
            self._census.born(group, child, now)
        elif what == _EXEC:
            seen = look_at(group, self._census.reads_commands)
            if seen is not None:
                self._census.became(seen, now)
        elif what == _COMM and first == group:
            self._census.renamed(group, data[60:76].partition(b"\0")[0].decode(errors="replace"), now)
        elif what == _EXIT and first == group:
            self._census.ended(group, now)

    def _tell(self) -> None:
        for name, tally in self._census.tallies.items():
            if self._told.get(name) is not tally.up:
                self._told[name] = tally.up
                self._report(name, tally)

    def _open(self) -> None:
        self.blind = ""
        try:
            self._socket = _subscribed()
        except OSError as error:
            self.blind = error.strerror or "the kernel does not answer"


def _subscribed() -> socket.socket:
    """A socket that gets process events.

    :raises OSError: the kernel gives none.
    """
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, _NETLINK_CONNECTOR)
    try:
        try:
            sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, ROOM)
        except PermissionError:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)
        sock.bind((0, _CN_IDX_PROC))
        body = struct.pack("=IIIIHHI", _CN_IDX_PROC, _CN_VAL_PROC, 0, 0, 4, 0, _LISTEN)
        sock.send(struct.pack("=IHHII", 16 + len(body), 3, 0, 0, 0) + body)
        verdict = _verdict(sock)
        if verdict:
            raise OSError(verdict, os.strerror(verdict))
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def _verdict(sock: socket.socket) -> int:
    """The kernel's answer to a subscription, an errno or 0; events of somebody else's may come before it.

    :raises OSError: there is none.
    """
    sock.settimeout(ANSWER_S)
    for _ in range(AT_ONCE):
        data = sock.recv(4096)
        if len(data) >= _EVENT.size and _EVENT.unpack_from(data)[0] == _NONE:
            return int(_EVENT.unpack_from(data)[2])
    raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))


def running(commands: bool) -> Iterator[Seen]:
    """Every process that runs; `commands`: with command lines."""
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (seen := look_at(int(entry), commands)) is not None:
            yield seen


def look_at(pid: int, commands: bool) -> Seen | None:
    """One process; None where it has ended, also where nobody has asked for its status yet."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            before, _, after = file.read().rpartition(b")")
        if after.split(None, 1)[0] in (b"Z", b"X", b"x"):
            return None
        command: tuple[str, ...] = ()
        if commands:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                text = file.read()
            command = tuple(text.decode(errors="replace").removesuffix("\0").split("\0")) if text else ()
    except (OSError, IndexError):
        return None
    return Seen(pid, before.partition(b"(")[2].decode(errors="replace"), command)
