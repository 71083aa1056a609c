"""How do agent, launcher and engine talk? JSON objects on SOCK_SEQPACKET pairs that nobody ever waits on.

Three conversations (shapes below; all times in messages are Unix time in nanoseconds unless the name says otherwise):

1. launcher -> engine, on the *control* pair (`--control FD`):
     {"do": "agent"} with one descriptor (SCM_RIGHTS): talk to this agent from now on; an older one is closed
     {"do": "bfd"} with one descriptor: likewise, to this bfd process (`services.vrrp.bfd.process`)
     {"do": "hand_over", "digest": "7-1f3a..."} with one: give way to the successor at its other end (`handing_over`)
     {"do": "succeed"} with one, to a successor: take over from the predecessor at its other end
   engine -> launcher:
     {"is": "prepared", "digest": "7-1f3a..."}    once, by a successor: all that can be done before its turn is done
     {"is": "started", "pid": 7, "silent_ns": 0}  once, when adverts flow; silent_ns: how long a hand-over was silent
     {"is": "stays", "reason": "..."}             it does not give way; the successor is to end
     {"is": "bfd", "wanted": true}                whether there must be a bfd process, at each change
     {"is": "alive"}                              every second, from the engine's loop (feed the watchdog with it)
     {"is": "stopped"}                            after a declared stop, before exit status 0
   End of file on this pair means that the launcher is gone: with `--orphan leave` the engine exits at once and leaves
   addresses and hand-over to its successor, with `--orphan release` (the default) it performs a declared stop.
   SIGTERM is a declared stop as well: priority 0 for every MASTER, addresses removed, STOP transitions, exit status 0.

2. agent -> engine:
     {"do": "begin", "revision": 5, "complete": true}   opens a transaction; complete: what is not put is removed
     {"do": "put", "kind": "vrrp_instance", "name": "VI_1", "value": {...}}   value: plain dict of services.common.values
     {"do": "delete", "kind": ..., "name": ...}
     {"do": "commit", "revision": 5}                    all of it takes effect at once; answered by "applied"
     {"do": "script", "name": "chk", "ok": true}        raw result of one run; rise, fall and weight are the engine's
     {"do": "process", "name": "web", "ok": true}       as many processes as wanted; told again every few seconds
     {"do": "file", "name": "load", "value": 5}         the number in a tracked file, when it changes and to each new engine
     {"do": "release", "name": "VI_1", "cause": "..."}  offer mastership of it and its sync group to the peers, once
     {"do": "ack", "sequence": 12}                      transitions up to this one are safe (journaled or published)
     {"do": "alive"}                                    the agent lives; shown in "engine"
     {"do": "query", "id": 3}                           send every view again, then {"is": "synced", "id": 3}
     {"do": "stop"}                                     declared stop, as SIGTERM
   kinds: "global" (name ""), "vrrp_instance", "vrrp_sync_group", "vrrp_script", "track_file", "vrrp_track_process",
   "static", "track_group", "bfd_instance"; and
   "maintenance", an operator's order of `services.vrrp.election.orders` (name: an instance's, or "" for the whole node).

3. engine -> agent (a new agent gets "ready", every view, then "synced" with id 0, then what changes):
     {"is": "ready", "protocol": 1, "pid": 7, "boot": "5f3a...", "revision": 5, "started": T, "scheduling": "fifo 50",
      "memory_locked": true, "resumed": ["VI_1"]}       boot: new for each engine process
     {"is": "synced", "id": 0}
     {"is": "instance", "name": "VI_1", "view": {...} | null}     null: no longer configured
     {"is": "group", "name": "VG_1", "view": {...} | null}
     {"is": "script", "name": "chk", "view": {...} | null}
     {"is": "bfd", "name": "b1", "view": {...} | null}
     {"is": "transition", "boot": "5f3a...", "sequence": 12, "kind": "instance" | "group", "name": "VI_1",
      "from": "BACKUP", "to": "MASTER", "priority": 100, "cause": "no advert from 192.0.2.1 for 3.609 s", "at": T}
        to: MASTER, BACKUP, FAULT, STOP (declared stop), DELETED (no longer configured), MASTER_RX_LOWER_PRI.
        Kept until acknowledged, at most MAX_TRANSITIONS (the oldest go first, counted in "engine"), sent again to a
        new agent: (boot, sequence) identifies one.
     {"is": "applied", "revision": 5, "problems": [{"key", "field", "reason", "hint", "severity"}, ...], "first_words": [...]}
        problems.Problem; what an engine that starts with this sends at once, `election.opening`
     {"is": "problems", "problems": [...]}              what is wrong at run time, whole list at each change
     {"is": "first_words", "words": [...]}              when they change by themselves
     {"is": "counters", "name": "VI_1", "counters": {...}, "timers": {...}}   at most once a second, only when changed;
        those of backups that hear what they always hear in turn, if they are many: all in four seconds
     {"is": "engine", "stats": {...}}                   at most once a second, only when changed
     {"is": "stranger", "interface": "eth0", "vrid": 7, "family": 4, "source": "192.0.2.9"}   with log_unknown_vrids: whose
                                                        adverts belong to no instance; each once an hour at most
   view of an instance: see `services.vrrp.views`; every number's unit is in its name or there.

Small messages travel alone; a large one is cut into fragments that the receiver joins (first byte: "+" more to come,
"." last). A `Channel` never blocks; what does not fit waits in a bounded queue.
"""

from __future__ import annotations

import _socket
import json
import os
from array import array
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

PROTOCOL = 1
FRAGMENT = 60_000  # bytes; far below the kernel's default limit of one SEQPACKET message
MAX_MESSAGE = 16 << 20
MAX_QUEUE = 32 << 20
MAX_TRANSITIONS = 4096

Message = dict[str, Any]


class ChannelClosed(Exception):
    """The other side is gone."""


def pair() -> tuple[_socket.socket, _socket.socket]:
    """Two connected, non-blocking, close-on-exec ends (make the one that a child keeps inheritable)."""
    one, other = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC, 0)
    one.setblocking(False)
    other.setblocking(False)
    return one, other


def from_fd(fd: int) -> _socket.socket:
    """The inherited end of a pair; takes the descriptor over."""
    sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET, 0, fileno=fd)
    sock.setblocking(False)
    os.set_inheritable(fd, False)
    return sock


class Channel:
    """One end of a pair: whole messages in, whole messages out, never a wait.

    That the other side is gone is told by `receive` alone, after its last words; what is sent to it then is discarded.
    """

    def __init__(self, sock: _socket.socket) -> None:
        self._sock = sock
        self._queue: deque[tuple[bytes, int]] = deque()
        self._queued = 0
        self._parts: list[bytes] = []
        self._joined = 0
        self.dropped = 0
        self.descriptors: deque[int] = deque()

    def fileno(self) -> int:
        return self._sock.fileno()

    def close(self) -> None:
        self._sock.close()
        self._discard()
        while self.descriptors:
            os.close(self.descriptors.popleft())

    @property
    def backlog(self) -> bool:
        """Something waits for the socket to become writable: watch for that and call `flush`."""
        return bool(self._queue)

    def send(self, message: Mapping[str, Any], descriptor: int = -1) -> bool:
        """Send now or queue; False (and counted in `dropped`) where the queue is full.

        A descriptor is duplicated at once, so that the caller may close its own.
        """
        data = json.dumps(message, separators=(",", ":")).encode()
        if self._queued + len(data) > MAX_QUEUE or len(data) > MAX_MESSAGE:
            self.dropped += 1
            return False
        for at in range(0, len(data), FRAGMENT):
            last = at + FRAGMENT >= len(data)
            fd = os.dup(descriptor) if last and descriptor >= 0 else -1
            part = (b"." if last else b"+") + data[at : at + FRAGMENT]
            self._queue.append((part, fd))
            self._queued += len(part)
        self.flush()
        return True

    def flush(self) -> bool:
        """Send what waits; True when nothing is left."""
        while self._queue:
            part, fd = self._queue[0]
            ancillary = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, array("i", [fd]))] if fd >= 0 else []
            try:
                self._sock.sendmsg([part], ancillary, _socket.MSG_NOSIGNAL | _socket.MSG_DONTWAIT)
            except (BlockingIOError, InterruptedError):
                return False
            except OSError:
                self._discard()
                return True
            self._queue.popleft()
            self._queued -= len(part)
            if fd >= 0:
                os.close(fd)
        return True

    def _discard(self) -> None:
        for _part, fd in self._queue:
            if fd >= 0:
                os.close(fd)
        self._queue.clear()
        self._queued = 0

    def receive(self, limit: int = 64) -> list[Message]:
        """The messages that are there, after at most `limit` reads; what is not JSON is skipped and counted.

        Descriptors that came along are in `descriptors`, in order.

        :raises ChannelClosed: the other side is gone and has nothing left to say.
        """
        messages: list[Message] = []
        for _ in range(limit):
            try:
                part, ancillary, _flags, _address = self._sock.recvmsg(FRAGMENT + 1, 64, _socket.MSG_DONTWAIT)
            except (BlockingIOError, InterruptedError):
                break
            except ConnectionResetError:
                continue  # told once, and before what the other side said last
            except OSError as error:
                raise ChannelClosed(str(error)) from error
            if not part:
                if messages:
                    break  # the next call sees the end of file again
                raise ChannelClosed("end of file")
            self._keep_descriptors(ancillary)
            message = self._join(part)
            if message is not None:
                messages.append(message)
        return messages

    def _keep_descriptors(self, ancillary: Iterable[tuple[int, int, bytes]]) -> None:
        for level, kind, data in ancillary:
            if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
                fds = array("i")
                fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
                for fd in fds:
                    os.set_inheritable(fd, False)
                    self.descriptors.append(fd)

    def _join(self, part: bytes) -> Message | None:
        self._joined += len(part) - 1
        if self._joined <= MAX_MESSAGE:
            self._parts.append(part[1:])
        if part[:1] == b"+":
            return None
        whole, oversized = b"".join(self._parts), self._joined > MAX_MESSAGE
        self._parts.clear()
        self._joined = 0
        try:
            message = None if oversized else json.loads(whole)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            self.dropped += 1
            return None
        return message


def save_configuration(
    path: str, revision: int, objects: Mapping[tuple[str, str], Mapping[str, Any]], first: Iterable[str] = ()
) -> None:
    """Write engine.json, the engine's last good configuration, atomically. Values are plain dicts.

    `first` comes first, a text a line: what `launcher.first_words` reads.

    :raises OSError: the folder cannot be written.
    """
    rows = [{"kind": kind, "name": name, "value": value} for (kind, name), value in sorted(objects.items())]
    document = {"first": list(first), "format": PROTOCOL, "revision": revision, "objects": rows}
    data = json.dumps(document, indent=1).encode()
    temporary = f"{path}.{os.getpid()}.tmp"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        os.fsync(fd)
    finally:
        os.close(fd)
    os.replace(temporary, path)


def load_configuration(path: str) -> tuple[int, dict[tuple[str, str], dict[str, Any]]]:
    """Revision and plain dicts of engine.json; (0, {}) where it is missing.

    :raises ValueError: the file is not what `save_configuration` writes.
    """
    try:
        with open(path, "rb") as file:
            document = json.loads(file.read())
    except FileNotFoundError:
        return 0, {}
    try:
        if document["format"] != PROTOCOL:
            raise ValueError(f"{path}: unknown format {document['format']!r}")
        rows = document["objects"]
        rows.reverse()
        objects: dict[tuple[str, str], dict[str, Any]] = {}
        while rows:  # what has been taken out is free to be used again
            row = rows.pop()
            objects[row["kind"], row["name"]] = dict(row["value"])
        return int(document["revision"]), objects
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path}: not an engine configuration: {error}") from error
