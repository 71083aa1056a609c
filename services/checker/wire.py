"""What do the agent and its workers say to each other? JSON messages for a SOCK_SEQPACKET pair, each below `LIMIT` bytes.

Pure. To a worker: probings to start or to stop, how far to stretch intervals, and questions for all results. To the agent:
results, a beat once a second with the worker's counters, and the answers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, astuple, dataclass, is_dataclass
from functools import cache
from typing import Any, Final, get_args, get_origin, get_type_hints

from services.checker.kinds.registry import KINDS
from services.checker.probing import Probing, Result, Update
from services.checker.schedule import Timing
from services.checker.streak import Phase, Streak

LIMIT: Final = 60_000  # a seqpacket message must fit into the socket's buffer, 212,992 bytes by default
ROOM: Final = 200_000  # what a receiver makes room for
BEAT_PERIOD: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Beat:
    """A worker lives. Counters since its start: probes ended, those that failed, those that began late (a tenth of
    their delay_loop or more), and those put off because this machine had no descriptor, port or memory left."""

    probes: int = 0
    failed: int = 0
    late: int = 0
    postponed: int = 0
    cpu_ns: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """One result of the probing of this number; `next_probe` in monotonic nanoseconds, 0: running now."""

    probing: int
    result: Result
    next_probe: int


def start(updates: Iterable[Update]) -> Iterator[bytes]:
    """Messages that start (or replace) probings."""
    return _packed("start", (_start_row(u) for u in updates))


def stop(numbers: Iterable[int]) -> Iterator[bytes]:
    """Messages that stop probings."""
    return _packed("stop", numbers)


def stretch(factor: float) -> bytes:
    """From now on intervals are so many times as long as configured."""
    return json.dumps({"stretch": factor}).encode()


def ask(number: int) -> bytes:
    """A question for the last results of all probings; answered with reports, then `answered(number)`."""
    return json.dumps({"ask": number}).encode()


def reports(rows: Iterable[Report]) -> Iterator[bytes]:
    """Messages that carry results."""
    return _packed("reports", (_report_row(r) for r in rows))


def beat(counters: Beat) -> bytes:
    """The sign of life."""
    return json.dumps({"beat": astuple(counters)}).encode()


def answered(number: int) -> bytes:
    """The reports that `ask(number)` wanted have all been sent."""
    return json.dumps({"answered": number}).encode()


def read_starts(message: dict[str, Any]) -> list[Update]:
    """The probings of a `start` message."""
    return [_read_start(row) for row in message.get("start", ())]


def read_reports(message: dict[str, Any]) -> list[Report]:
    """The results of a `reports` message."""
    return [_read_report(row) for row in message.get("reports", ())]


def read_beat(message: dict[str, Any]) -> Beat | None:
    """The counters of a `beat` message."""
    return Beat(*message["beat"]) if "beat" in message else None


def encode_streak(streak: Streak) -> list[Any]:
    """A streak as JSON has it."""
    return [streak.phase.value, streak.failures, streak.url, streak.fresh]


def decode_streak(row: Sequence[Any]) -> Streak:
    """The reverse of `encode_streak`."""
    phase, failures, url, fresh = row
    return Streak(Phase(phase), failures, url, fresh)


def _packed(kind: str, rows: Iterable[Any]) -> Iterator[bytes]:
    """Messages {kind: [row, ...]} of at most LIMIT bytes each (one row that is longer goes alone)."""
    parts: list[str] = []
    size = 0
    for row in rows:
        text = json.dumps(row, separators=(",", ":"))
        if parts and size + len(text) > LIMIT:
            yield f'{{"{kind}":[{",".join(parts)}]}}'.encode()
            parts, size = [], 0
        parts.append(text)
        size += len(text) + 1
    if parts:
        yield f'{{"{kind}":[{",".join(parts)}]}}'.encode()


def _start_row(update: Update) -> list[Any]:
    p, r = update.probing, update.result
    return [p.id, p.kind, asdict(p.what), astuple(p.timing), encode_streak(r.streak), r.cause, r.weight]


def _read_start(row: Sequence[Any]) -> Update:
    number, kind, what, timing, streak, cause, weight = row
    probing = Probing(number, kind, _rebuilt(KINDS[kind].what, what), Timing(*timing))
    return Update(probing, Result(decode_streak(streak), cause, weight))


def _report_row(report: Report) -> list[Any]:
    r = report.result
    return [report.probing, encode_streak(r.streak), r.cause, r.weight, r.ended, r.duration, report.next_probe]


def _read_report(row: Sequence[Any]) -> Report:
    number, streak, cause, weight, ended, duration, next_probe = row
    return Report(number, Result(decode_streak(streak), cause, weight, ended, duration), next_probe)


def _rebuilt(hint: Any, value: Any) -> Any:
    """What `asdict` and JSON made of a value of the type `hint`, as it was: dataclasses, tuples, and what is either or None."""
    if isinstance(value, dict) and (of := _dataclass_in(hint)) is not None:
        hints = _hints(of)
        return of(**{name: _rebuilt(hints[name], part) for name, part in value.items()})
    if isinstance(value, list):
        parts = get_args(hint)
        if len(parts) == 2 and parts[1] is ...:
            return tuple(_rebuilt(parts[0], part) for part in value)
        return tuple(_rebuilt(of, part) for of, part in zip(parts, value, strict=True))
    return value


def _dataclass_in(hint: Any) -> Any:
    found = (hint, *get_args(hint)) if get_origin(hint) is not tuple else ()
    return next((of for of in found if isinstance(of, type) and is_dataclass(of)), None)


@cache
def _hints(of: Any) -> dict[str, Any]:
    return get_type_hints(of)
