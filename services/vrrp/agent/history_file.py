"""How does the history of transitions outlive the processes that made it? One JSON array a line, rewritten when it gets long.

A line is written before anybody is told of its transition, so that killing the agent loses none. What a disk refuses is
kept in memory and said once.
"""

from __future__ import annotations

import errno
import json
import logging
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from services.vrrp.agent.history import LIMIT, History, Query, Record

log = logging.getLogger(__name__)


class HistoryFile:
    """A `History` and its file. Reads the file at once."""

    def __init__(self, path: Path, limit: int = LIMIT) -> None:
        self._path = path
        self._limit = limit
        self._lines = 0
        self._torn = False
        self._trouble = ""
        self._history = History(self._read(), limit)

    def take(self, message: Mapping[str, Any]) -> None:
        """Keep a transition as `channel` tells it, once."""
        record = self._history.take(message)
        if record is None:
            return
        try:
            if self._lines < 2 * self._limit:
                self._append(record)
            else:
                self._rewrite()
        except OSError as error:
            trouble = error.strerror or str(error)
            if trouble != self._trouble:
                log.error("cannot write %s: %s; the history goes on in memory alone", self._path, trouble)
            self._trouble = trouble
        else:
            self._trouble = ""

    def find(self, query: Query) -> tuple[list[Record], bool]:
        """See `History.find`."""
        return self._history.find(query)

    def _read(self) -> Iterable[Record]:
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return ()
        except OSError as error:
            log.warning("the history in %s cannot be read: %s", self._path, error.strerror)
            return ()
        lines = data.split(b"\n")
        self._torn = lines.pop() != b""  # a line that was being written when the machine stopped
        self._lines = len(lines)
        records = [record for line in lines if (record := _record(line)) is not None]
        if len(records) < len(lines):
            log.warning("%d lines of the history in %s cannot be read", len(lines) - len(records), self._path)
        return records

    def _append(self, record: Record) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        line = b"\n" * self._torn + _line(record)
        try:
            self._torn = os.write(fd, line) < len(line)
        finally:
            os.close(fd)
        self._lines += 1
        if self._torn:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _rewrite(self) -> None:
        records = self._history.records
        fresh = self._path.with_suffix(".new")
        fresh.write_bytes(b"".join(map(_line, records)))
        fresh.chmod(0o600)
        fresh.replace(self._path)
        self._lines, self._torn = len(records), False


def _line(record: Record) -> bytes:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _record(line: bytes) -> Record | None:
    try:
        record = Record(*json.loads(line))
    except (ValueError, TypeError):
        return None
    return record if [type(value) for value in record] == [int, str, int, str, str, str, str, int, str] else None
