"""When does a file change? inotify(7) on its folder, so that a rename over it is seen too; a slow look beside it.

The slow look is for what inotify cannot see: network and host file systems, links that lead elsewhere, a folder that is
not there yet.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import struct
from pathlib import Path
from types import TracebackType
from typing import Self

POLL_S = 1.0
POLL_BLIND_S = 0.2  # while inotify cannot watch the folder

_CLOSE_WRITE, _MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x8, 0x40, 0x80, 0x100, 0x200
_DELETE_SELF, _MOVE_SELF, _IGNORED, _Q_OVERFLOW = 0x400, 0x800, 0x8000, 0x4000
_MASK = _CLOSE_WRITE | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE | _DELETE_SELF | _MOVE_SELF
_GONE = _DELETE_SELF | _MOVE_SELF | _IGNORED
_HEADER = struct.Struct("iIII")  # struct inotify_event: wd, mask, cookie, len

_libc = ctypes.CDLL(None, use_errno=True)

Stamp = tuple[int, int, int, int]


def stamp(path: Path) -> Stamp | None:
    """Differs whenever the file was replaced or written to (within the file system's clock); None: no such file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


class FileWatch:
    """Tells of changes to one file, on the running loop; `with` lets the descriptor go."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._name = os.fsencode(path.name)
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self._fd: int = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self._watch = -1
        if self._fd >= 0:
            self._loop.add_reader(self._fd, self._read)
        self._look()

    def _look(self) -> None:
        """Watch the folder, unless that is done already or is not possible now."""
        if self._fd >= 0 and self._watch < 0:
            folder = os.fsencode(self._path.parent)
            self._watch = _libc.inotify_add_watch(self._fd, folder, ctypes.c_uint32(_MASK))

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._fd, 65536)
            offset = 0
            while offset < len(data):
                watch, mask, _, length = _HEADER.unpack_from(data, offset)
                start = offset + _HEADER.size
                name = data[start : start + length].rstrip(b"\0")
                offset = start + length
                if mask & _GONE and watch == self._watch:
                    if mask & _MOVE_SELF:  # the folder lives on under another name, and its watch with it
                        _libc.inotify_rm_watch(self._fd, self._watch)
                    self._watch = -1
                if mask & (_GONE | _Q_OVERFLOW) or name == self._name:
                    self._event.set()

    def wake(self) -> None:
        """Let `changed` return now."""
        self._event.set()

    async def changed(self, since: Stamp | None) -> None:
        """Wait for a change, or for what looks like one, after the file's stamp was `since`."""
        while not self._event.is_set():
            self._look()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_BLIND_S if self._watch < 0 else POLL_S):
                    await self._event.wait()
            if stamp(self._path) != since:
                break
        self._event.clear()

    def close(self) -> None:
        """Stop watching."""
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
