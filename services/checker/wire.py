"""What do the agent and its workers say to each other? JSON messages for a SOCK_SEQPACKET pair, each below `LIMIT` bytes.

Pure. To a worker: checks to start or to stop, and questions for all results. To the agent: results, a beat once a second
with the worker's counters, and the answers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, astuple, dataclass
from typing import Any, Final

from services.checker.pool import Result, Update
from services.checker.schedule import Timing
from services.checker.settings import Check, Http, Misc, Target, Tcp, Url
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
    """One result; `next_probe` in monotonic nanoseconds, 0: running now."""

    check: str
    result: Result
    next_probe: int


def start(updates: Iterable[Update]) -> Iterator[bytes]:
    """Messages that start (or replace) checks."""
    return _packed("start", (_start_row(u) for u in updates))


def stop(check_ids: Iterable[str]) -> Iterator[bytes]:
    """Messages that stop checks."""
    return _packed("stop", check_ids)


def ask(number: int) -> bytes:
    """A question for the last results of all checks; answered with reports, then `answered(number)`."""
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
    """The checks of a `start` message."""
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
    c, r = update.check, update.result
    names = [c.virtual_server, c.real_server, c.name]
    return [names, asdict(c.what), astuple(c.timing), encode_streak(r.streak), r.cause, r.weight]


def _read_start(row: Sequence[Any]) -> Update:
    names, what, timing, streak, cause, weight = row
    virtual, real, name = names
    check = Check(virtual, real, name, _WHAT[name.partition("[")[0]](what), Timing(*timing))
    return Update(check, Result(decode_streak(streak), cause, weight))


def _report_row(report: Report) -> list[Any]:
    r = report.result
    return [report.check, encode_streak(r.streak), r.cause, r.weight, r.ended, r.duration, report.next_probe]


def _read_report(row: Sequence[Any]) -> Report:
    check, streak, cause, weight, ended, duration, next_probe = row
    return Report(check, Result(decode_streak(streak), cause, weight, ended, duration), next_probe)


def _tcp(value: dict[str, Any]) -> Tcp:
    return Tcp(Target(**value["target"]))


def _http(value: dict[str, Any]) -> Http:
    urls = tuple(Url(**{**u, "status": tuple((low, high) for low, high in u["status"])}) for u in value["urls"])
    return Http(**{**value, "target": Target(**value["target"]), "urls": urls, "sni": tuple(value["sni"])})


def _misc(value: dict[str, Any]) -> Misc:
    return Misc(**{**value, "argv": tuple(value["argv"])})


_WHAT: Final[dict[str, Callable[[dict[str, Any]], Tcp | Http | Misc]]] = {
    "tcp_check": _tcp,
    "http_get": _http,
    "ssl_get": _http,
    "misc_check": _misc,
}
