"""When does a file change? `folders` on the running loop, and a slow look beside it for what inotify cannot see."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from types import TracebackType
from typing import Self

from services.common.folders import Folders, Stamp, stamp

__all__ = ["FileWatch", "Stamp", "stamp"]

POLL_S = 1.0
POLL_BLIND_S = 0.2  # while inotify cannot watch the folder


class FileWatch:
    """Tells of changes to one file, on the running loop; `with` lets the descriptor go."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._loop = asyncio.get_running_loop()
        self._event = asyncio.Event()
        self._folders = Folders()
        if self._folders.fileno() >= 0:
            self._loop.add_reader(self._folders.fileno(), self._read)
        self._folders.watch(path.parent)

    def _read(self) -> None:
        if self._folders.changed() & {self._path, self._path.parent}:
            self._event.set()

    def wake(self) -> None:
        """Let `changed` return now."""
        self._event.set()

    async def changed(self, since: Stamp | None) -> None:
        """Wait for a change, or for what looks like one, after the file's stamp was `since`."""
        while not self._event.is_set():
            seeing = self._folders.watch(self._path.parent)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_S if seeing else POLL_BLIND_S):
                    await self._event.wait()
            if stamp(self._path) != since:
                break
        self._event.clear()

    def close(self) -> None:
        """Stop watching."""
        if self._folders.fileno() >= 0:
            self._loop.remove_reader(self._folders.fileno())
            self._folders.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
