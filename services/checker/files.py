"""What do the FILE_CHECKs say? The agent looks after their files itself: a change counts at once, and one file that many
checks share is read once.

Shell: files are watched by `tracked_files`, what a number means is `kinds.file`'s.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from services.checker import wire
from services.checker.kinds.file import File, verdict
from services.checker.probing import Result, Update
from services.checker.servers import TrackFile
from services.common import tracked_files
from services.common.problems import Problem
from services.common.tracked_files import Held, TrackedFiles

log = logging.getLogger(__name__)

UNREAD = Held(0)


class FileChecks:
    """All of them. `report` is called with what changes; `on_trouble` when the set of `problems` has."""

    def __init__(
        self,
        report: Callable[[list[wire.Report]], None],
        on_trouble: Callable[[frozenset[Problem], frozenset[Problem]], None],
    ) -> None:
        self._report = report
        self._on_trouble = on_trouble
        self._loop = asyncio.get_running_loop()
        self._tracked = TrackedFiles(self._changed)
        self._held: dict[str, Held] = {}
        self._updates: dict[int, Update] = {}
        self._by_path: dict[str, dict[int, None]] = {}
        self._names: Mapping[str, TrackFile] = {}
        self.problems: frozenset[Problem] = frozenset()

    def start(self, updates: Iterable[Update]) -> None:
        """Start probings, or replace those of the same number; their results follow before this loop does anything else."""
        fresh = []
        for update in updates:
            self._drop(update.probing.id)
            self._updates[update.probing.id] = update
            self._by_path.setdefault(_file(update).path, {})[update.probing.id] = None
            fresh.append(update.probing.id)
        if fresh:
            self._watch()
            self._loop.call_soon(self._tell, fresh)

    def stop(self, numbers: Iterable[int]) -> None:
        """Stop probings; others are passed over."""
        before = len(self._updates)
        for number in numbers:
            self._drop(number)
        if len(self._updates) < before:
            self._watch()

    def name(self, files: Mapping[str, TrackFile]) -> None:
        """The files' names in the configuration, for problems."""
        self._names = files
        self._find_problems()

    async def run(self) -> None:
        """Watch the files until cancelled."""
        if self._tracked.fileno() >= 0:
            self._loop.add_reader(self._tracked.fileno(), self._tracked.changed)
        try:
            while True:
                now = time.monotonic_ns()
                self._tracked.look(now)
                due = self._tracked.due()
                await asyncio.sleep(1.0 if due is None else max(0.05, (due - now) / 1e9))
        finally:
            if self._tracked.fileno() >= 0:
                self._loop.remove_reader(self._tracked.fileno())

    def _drop(self, number: int) -> None:
        update = self._updates.pop(number, None)
        if update is None:
            return
        path = _file(update).path
        del self._by_path[path][number]
        if not self._by_path[path]:
            del self._by_path[path]

    def _watch(self) -> None:
        """Have exactly the files watched that checks want."""
        if self._by_path.keys() == self._held.keys():
            return
        for path in self._held.keys() - self._by_path.keys():
            del self._held[path]
        for path in self._by_path:
            self._held.setdefault(path, UNREAD)
        self._tracked.configure({path: tracked_files.File(path) for path in self._by_path}, time.monotonic_ns())
        self._find_problems()

    def _changed(self, path: str, held: Held) -> None:
        before = self._held.get(path)
        self._held[path] = held
        if held.trouble and (before is None or before.trouble != held.trouble):
            log.warning("%s", held.trouble)
        self._find_problems()
        self._tell(self._by_path.get(path, ()))

    def _tell(self, numbers: Iterable[int]) -> None:
        """Report what the numbers in the files mean for these."""
        now = time.monotonic_ns()
        rows = []
        for number in numbers:
            update = self._updates.get(number)
            if update is None:
                continue
            cause, weight = verdict(_file(update), self._held[_file(update).path].value)
            streak = update.result.streak.after(not cause, retry=0)
            result = Result(streak, cause, update.result.weight if cause else weight, now)
            self._updates[number] = replace(update, result=result)
            rows.append(wire.Report(number, result, 0))
        if rows:
            self._report(rows)

    def _find_problems(self) -> None:
        keys = {file.file: f"config/track_file/{name}" for name, file in self._names.items()}
        now = frozenset(
            Problem(keys.get(path, path), "file", held.trouble, "") for path, held in self._held.items() if held.trouble
        )
        before, self.problems = self.problems, now
        if now != before:
            self._on_trouble(now - before, before - now)


def _file(update: Update) -> File:
    what = update.probing.what
    assert isinstance(what, File)
    return what
