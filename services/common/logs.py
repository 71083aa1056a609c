"""How does a service write its log? Lines on stderr: text for people, or one JSON object a line.

Under the journal each line carries its priority (`<N>`, sd-daemon(3)) and no time, because the journal has both.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from typing import IO, Any

_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_DEBUG_PRIORITY = 7
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def _priority(level: int) -> int:
    return next((priority for least, priority in _PRIORITIES if level >= least), _DEBUG_PRIORITY)


def _source(name: str) -> str:
    return name.removeprefix("services.")


def _time(record: logging.LogRecord) -> str:
    """UTC with milliseconds, RFC 3339."""
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03d}Z"


def _details(record: logging.LogRecord, formatter: logging.Formatter) -> str:
    """Traceback and stack, if the record has any."""
    parts = [formatter.formatException(record.exc_info)] if record.exc_info else []
    return "\n".join([*parts, *([formatter.formatStack(record.stack_info)] if record.stack_info else [])])


class TextFormatter(logging.Formatter):
    """`2026-01-02T03:04:05.678Z WARNING vrrp.agent: text`; in the journal `<4>vrrp.agent: text`, every line so."""

    def __init__(self, journal: bool) -> None:
        super().__init__()
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        text = f"{_source(record.name)}: {record.getMessage()}"
        if details := _details(record, self):
            text = f"{text}\n{details}"
        if self._journal:
            return "\n".join(f"<{_priority(record.levelno)}>{line}" for line in text.splitlines())
        return f"{_time(record)} {record.levelname:7} {text}"


class JsonFormatter(logging.Formatter):
    """One object: time, level, logger, message, exception if any, and whatever `extra=` gave."""

    def __init__(self, journal: bool) -> None:
        super().__init__()
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": _source(record.name),
            "message": record.getMessage(),
        }
        if details := _details(record, self):
            entry["exception"] = details
        entry |= {k: v for k, v in vars(record).items() if k not in _STANDARD and k not in entry}
        line = json.dumps(entry, ensure_ascii=False, default=str)
        return f"<{_priority(record.levelno)}>{line}" if self._journal else line


def to_journal(stream: IO[str]) -> bool:
    """The journal reads this stream (systemd.exec(5), $JOURNAL_STREAM)."""
    device, _, inode = os.environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        there = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return (device, inode) == (str(there.st_dev), str(there.st_ino))


def configure(level: str = "info", form: str = "text") -> None:
    """Log to stderr from now on: `level` and `form` as in `--log-level` and `--log-format`."""
    journal = to_journal(sys.stderr)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(journal) if form == "json" else TextFormatter(journal))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a closed stderr must not end anything
