"""What happens in a folder? inotify(7) without a loop: watch folders, read the names of what changed in them.

A folder is watched and not the file in it, so that a rename over the file is seen too. What inotify cannot see (network and
host file systems, links that lead elsewhere, folders that are not there yet) takes a look at the `stamp` now and then.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
from pathlib import Path

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


class Folders:
    """One inotify descriptor for any number of folders. `fileno` is -1 where the kernel has none left."""

    def __init__(self) -> None:
        self._fd: int = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self._watches: dict[int, Path] = {}
        self._watched: dict[Path, int] = {}

    def fileno(self) -> int:
        return self._fd

    def watch(self, folder: Path) -> bool:
        """Watch a folder, unless that is done already; False where it is not possible now."""
        if folder in self._watched:
            return True
        if self._fd < 0:
            return False
        watch = _libc.inotify_add_watch(self._fd, os.fsencode(folder), ctypes.c_uint32(_MASK))
        if watch < 0:
            return False
        if watch in self._watches:  # the same folder under another name: one watch tells of both
            return False
        self._watches[watch], self._watched[folder] = folder, watch
        return True

    def forget(self, folder: Path) -> None:
        """Watch it no longer."""
        watch = self._watched.pop(folder, -1)
        if watch >= 0:
            del self._watches[watch]
            _libc.inotify_rm_watch(self._fd, watch)

    def changed(self) -> set[Path]:
        """Files that may have changed since the last call; a watched folder itself stands for everything in it."""
        found: set[Path] = set()
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._fd, 65536)
            offset = 0
            while offset < len(data):
                watch, mask, _, length = _HEADER.unpack_from(data, offset)
                start = offset + _HEADER.size
                name = os.fsdecode(data[start : start + length].rstrip(b"\0"))
                offset = start + length
                if mask & _Q_OVERFLOW:
                    found.update(self._watched)
                elif (folder := self._watches.get(watch)) is not None:
                    found.add(folder if mask & _GONE else folder / name)
                    if mask & _GONE:
                        self.forget(folder)  # moved away, it lives on under another name, and its watch with it
        return found

    def close(self) -> None:
        """Watch nothing any more."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
