"""Which numbers do the tracked files hold now? inotify on their folders, a slow look beside it. For vrrp's runner and checker.

Never waits: what is no regular file is not read.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from services.common.file_number import LONGEST, number
from services.common.folders import Folders, Stamp, stamp

SECOND = 1_000_000_000
LOOK = SECOND  # between looks at all files
LOOK_BLIND = SECOND // 5  # while a folder cannot be watched


class File(NamedTuple):
    """One tracked file. `init`: what is written to it if it is missing, or, with `overwrite`, now; None: nothing."""

    file: str
    init: int | None = None
    overwrite: bool = False


class Held(NamedTuple):
    """What a file holds, and why that is 0 where it is not because of its contents."""

    value: int
    trouble: str = ""


class TrackedFiles:
    """All tracked files. `report(name, held)` is called for each when it is new, and when what it holds changes."""

    def __init__(self, report: Callable[[str, Held], None]) -> None:
        self._report = report
        self._folders = Folders()
        self._files: dict[str, File] = {}
        self._held: dict[str, Held] = {}
        self._stamps: dict[str, Stamp | None] = {}
        self._unwritten: dict[str, str] = {}
        self._look_at = 0

    def fileno(self) -> int:
        """Readable when something has changed; -1: the kernel has no inotify left, so only the slow look sees changes."""
        return self._folders.fileno()

    def configure(self, files: Mapping[str, File], now: int) -> None:
        """Exactly these from now on."""
        folders = {Path(file.file).parent for file in files.values()}
        for folder in {Path(file.file).parent for file in self._files.values()} - folders:
            self._folders.forget(folder)
        for name in [n for n, file in self._files.items() if n not in files or files[n].file != file.file]:
            self._held.pop(name, None)
        self._files = dict(files)
        self._unwritten = {name: _prepare(file, file.init) for name, file in files.items() if file.init is not None}
        self._watch(now)
        for name in files:
            self._read(name)

    def due(self) -> int | None:
        """When `look` should be called."""
        return self._look_at if self._files else None

    def look(self, now: int) -> None:
        """See what inotify does not."""
        if self._files and now >= self._look_at:
            self._watch(now)
            self._read_all(n for n, f in self._files.items() if self._held[n].trouble or stamp(Path(f.file)) != self._stamps[n])

    def changed(self) -> None:
        """Something has changed."""
        paths = self._folders.changed()
        self._read_all(n for n, file in self._files.items() if {Path(file.file), Path(file.file).parent} & paths)

    def _watch(self, now: int) -> None:
        folders = {Path(file.file).parent for file in self._files.values()}
        seen = [self._folders.watch(folder) for folder in folders]
        self._look_at = now + (LOOK if all(seen) else LOOK_BLIND)

    def _read_all(self, names: Iterable[str]) -> None:
        for name in list(names):
            self._read(name)

    def _read(self, name: str) -> None:
        path = Path(self._files[name].file)
        self._stamps[name] = stamp(path)
        held = _held(path)
        held = held._replace(trouble=held.trouble or self._unwritten.get(name, ""))
        if self._held.get(name) != held:
            self._held[name] = held
            self._report(name, held)


def _held(path: Path) -> Held:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                return Held(0, f"{path} is no regular file: it counts as 0")
            text = os.read(fd, LONGEST)
        finally:
            os.close(fd)
    except FileNotFoundError:
        return Held(0, "" if path.parent.is_dir() else f"there is no folder {path.parent}: the file counts as 0")
    except OSError as error:
        return Held(0, f"{path} cannot be read: {error.strerror}: it counts as 0")
    found = number(text)
    if found is None and text.strip():
        return Held(0, f"{path} does not begin with a number of at most 32 bits: it counts as 0")
    return Held(found or 0)


def _prepare(file: File, init: int) -> str:
    """Write what is to be there at the start; what went wrong, in words."""
    how = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | (0 if file.overwrite else os.O_EXCL)
    try:
        fd = os.open(file.file, how, 0o644)
        try:
            if stat.S_ISREG(os.fstat(fd).st_mode):
                os.ftruncate(fd, 0)
                os.write(fd, b"%d\n" % init)
        finally:
            os.close(fd)
    except FileExistsError:
        return ""
    except OSError as error:
        return f"init_file: {file.file} cannot be written: {error.strerror}"
    return ""
