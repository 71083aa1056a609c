"""How does a service get its configuration, whatever the store does? Store, local last-good copy and desired state joined.

Shell: reads the last-good copy first, so that a service starts without its store; follows the store for ever; saves what
is in force after each change; tells the status key how things are. Decides nothing about values: that is desired.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from services.common import json_text, judges, values
from services.common.desired import Change, Decoder, Desired, Id, key_of
from services.common.errors import InvalidValue
from services.common.options import Options
from services.common.problems import Problem
from services.common.store import Batch, Store, open_store

log = logging.getLogger(__name__)

OnChange = Callable[[Change], "Awaitable[Iterable[Problem]] | Iterable[Problem] | None"]
OnProblems = Callable[[frozenset[Problem], frozenset[Problem]], None]

STATUS_PERIOD = 1.0  # seconds between two writings of the status key, and of the local copy at least
ROWS_PER_SECOND = 1000  # objects of the local copy that are written while changes go on, on average
SLICE = 256  # objects of the local copy that are written at a stretch
SLICE_PAUSE = 0.001  # seconds between two such stretches


class Configuration:
    """The configuration of one service at one node.

    `on_problems(new, resolved)` is told whenever the set of problems changes.

    :raises StoreError: `--store` cannot be meant.
    """

    def __init__(
        self,
        options: Options,
        decoders: Mapping[str, Decoder],
        on_problems: OnProblems | None = None,
        store: Store | None = None,
    ) -> None:
        self._options = options
        self._store = open_store(options) if store is None else store
        self._desired = Desired(options.node, decoders, values.KINDS, values.check, judges.others(options.service))
        self._on_problems = on_problems
        self._copy = LocalCopy(options.state_dir / "config.json")
        self._save = asyncio.Event()
        self._report = asyncio.Event()
        self._summary: Callable[[], Mapping[str, Any]] = dict
        self._further: tuple[Problem, ...] = ()
        self.problems: tuple[Problem, ...] = ()

    @property
    def revision(self) -> int:
        """The store's revision that is in force; 0 before the store has spoken."""
        return self._desired.revision

    @property
    def store_trouble(self) -> str:
        """Why the store cannot be reached; empty when it can."""
        return self._store.trouble()

    def problem_counts(self, further: Iterable[Problem] = ()) -> list[tuple[int, Mapping[str, str]]]:
        """For a metric: the problems that exist now, these and `further` ones, by key and field."""
        counts = Counter((p.key, p.field) for p in {*self.problems, *further})
        return [(count, {"key": key, "field": name}) for (key, name), count in sorted(counts.items())]

    def state_changed(self, summary: Callable[[], Mapping[str, Any]]) -> None:
        """The status key's `summary` is another one; asked for when it is written, at most once a second."""
        self._summary = summary
        self._report.set()

    def now_further(self, problems: Iterable[Problem]) -> None:
        """The further problems are these now, though the configuration has not changed."""
        further = tuple(problems)
        if further != self._further:
            self._further = further
            own = self._desired.problems()
            self._tell(tuple(sorted({*own, *further})), frozenset(own))

    async def run(self, on_change: OnChange) -> None:
        """Call `on_change` with the local copy (if there is one), then with every change, in order. Never returns.

        What it returns are further problems of that revision, in place of those it returned before.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._save_copies())
            tasks.create_task(self._report_status())
            if (batch := self._copy.read()) is not None:
                await self._take(batch, on_change)
            try:
                async for batch in self._store.batches():
                    await self._take(batch, on_change)
            finally:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(2):
                        await self._store.aclose()

    async def _take(self, batch: Batch, on_change: OnChange) -> None:
        """One batch: changed settings to the service, problems to whoever listens."""
        change = self._desired.apply(batch)
        for identity in (*change.upserts, *change.removals):
            self._copy.note(identity, self._desired.accepted(identity))
        if batch.revision and (change or batch.snapshot):
            self._save.set()
        if batch.snapshot:  # what a snapshot made lives long: spare the collector from walking it again and again
            gc.collect()
            gc.freeze()
        if change or batch.snapshot:
            try:
                result = on_change(change)
                if isinstance(result, Awaitable):
                    result = await result
                self._further = tuple(result or ())
            except Exception:  # one object's surprise must not end the service: the rest goes on changing
                log.exception("revision %d could not be applied whole", batch.revision)
                names = ", ".join("/".join(i) for i in [*change.upserts, *change.removals][:3])
                self._further = (Problem("service", "", f"revision {batch.revision} ({names}) failed inside", "see the log"),)
        self._tell(tuple(sorted({*change.problems, *self._further})), frozenset(change.problems))

    def _tell(self, problems: tuple[Problem, ...], refused: frozenset[Problem]) -> None:
        """Say what has changed; `refused` are those because of which a value was not taken."""
        new, resolved = frozenset(problems) - frozenset(self.problems), frozenset(self.problems) - frozenset(problems)
        self.problems = problems
        self._report.set()
        for problem in sorted(new):
            kept = "; the last good value stays in force" if problem in refused and self._in_force(problem) else ""
            log.warning("configuration: %s%s", problem, kept)
        for problem in sorted(resolved):
            log.info("configuration: resolved: %s", problem)
        if (new or resolved) and self._on_problems is not None:
            self._on_problems(new, resolved)

    def _in_force(self, problem: Problem) -> bool:
        """The object of a problem has a value that runs."""
        root, _, path = problem.key.partition("/")
        kind, _, name = (path.partition("/")[2] if root == "node" else path).partition("/")
        return self._desired.accepted((kind, name)) is not None

    async def _save_copies(self) -> None:
        """Write the local copy after changes, off the loop, newest state only; at the end what has not been written yet."""
        written: asyncio.Task[None] | None = None
        try:
            while True:
                await self._save.wait()
                self._save.clear()
                rows = self._copy.rows()
                written = asyncio.create_task(asyncio.to_thread(self._write_copy, rows))
                await asyncio.shield(written)
                await asyncio.sleep(max(STATUS_PERIOD, len(rows) / ROWS_PER_SECOND))
        finally:
            if written is not None:
                await asyncio.wait((written,))
            if self._save.is_set():
                await asyncio.to_thread(self._write_copy, self._copy.rows())

    def _write_copy(self, rows: Sequence[str]) -> None:
        try:
            self._copy.write(rows)
        except OSError as e:
            log.warning("cannot write the last good configuration to %s: %s", self._copy.path, e.strerror)

    async def _report_status(self) -> None:
        """Keep status/NODE/SERVICE true."""
        key = f"status/{self._options.node}/{self._options.service}"
        while True:
            await self._report.wait()
            self._report.clear()
            status = {
                "revision": self.revision,
                "problems": [p.as_dict() for p in self.problems],
                "state": dict(self._summary()),
            }
            await self._store.publish(key, json.dumps(status, ensure_ascii=False).encode())
            await asyncio.sleep(STATUS_PERIOD)


class LocalCopy:
    """The last good configuration on this machine's disk, in the file store's format, node patches merged in.

    Each object's text is made when it changes, so that writing the file costs little however large the configuration is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._rows: dict[Id, str] = {}

    def note(self, identity: Id, value: Mapping[str, Any] | None) -> None:
        """What is in force of one object now; None: it is gone."""
        if value is None:
            self._rows.pop(identity, None)
        else:
            text = json.dumps(values.render(identity[0], value), ensure_ascii=False)
            self._rows[identity] = f"{json.dumps(key_of(identity), ensure_ascii=False)}: {text}"

    def rows(self) -> list[str]:
        """The members of the file's JSON object, as text."""
        return list(self._rows.values())

    def read(self) -> Batch | None:
        """The copy as a snapshot at revision 0; None where there is none that can be read."""
        try:
            raw = json_text.decode(self.path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, InvalidValue) as e:
            log.warning("the last good configuration in %s cannot be read and is left aside: %s", self.path, e)
            return None
        if not isinstance(raw, dict):
            log.warning("the last good configuration in %s is not a JSON object and is left aside", self.path)
            return None
        return Batch(0, True, {key: json.dumps(value).encode() for key, value in raw.items()})

    def write(self, rows: Sequence[str]) -> None:
        """Replace the file in one step; it is never half written. Runs in a thread, in slices, so that on a machine with one
        processor the loop never waits for the whole of a large configuration.

        :raises OSError: the folder cannot be written.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as f:
            f.write(b"{")
            for first in range(0, len(rows), SLICE):
                f.write(((",\n" if first else "\n") + ",\n".join(rows[first : first + SLICE])).encode())
                f.flush()
                time.sleep(SLICE_PAUSE)
            f.write(b"\n}\n")
            f.flush()
            os.fsync(f.fileno())
        fresh.replace(self.path)
