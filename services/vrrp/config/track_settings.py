"""What is tracked? Settings of scripts, files, processes, BFD sessions, and of the rows by which instances and groups do so.

Limits and defaults are keepalived 2.2.7's. Values are plain dicts of `services.common.values`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from services.common.errors import InvalidValue
from services.vrrp.addresses import interface
from services.vrrp.bfd.settings import BfdInstance, decode_bfd_instance
from services.vrrp.config.ranges import SECOND, duration, in_range

MAX_WEIGHT = 253
MAX_FILE_WEIGHT = 254
COMM = 15  # bytes of a process's name, TASK_COMM_LEN less its end
INT_MAX = 2**31 - 1
ROWS: Final = {  # field of an instance or a group: the kind that it names, and how keepalived limits its weight
    "track_interface": ("", MAX_WEIGHT),
    "track_script": ("vrrp_script", MAX_WEIGHT),
    "track_file": ("track_file", MAX_FILE_WEIGHT),
    "track_process": ("vrrp_track_process", MAX_FILE_WEIGHT),
    "track_bfd": ("bfd_instance", MAX_WEIGHT),
}


class Tracked(NamedTuple):
    """One row. None: not given, so as the tracked object has it; for an interface 0 and False."""

    name: str
    weight: int | None = None
    reverse: bool | None = None


class VrrpScript(NamedTuple):
    """One `vrrp_script`. `rise` and `fall` are applied by the engine, everything about running it by the runner."""

    script: str
    interval: int = SECOND
    timeout: int = SECOND
    weight: int = 0
    reverse: bool = False
    rise: int = 1
    fall: int = 1
    init_fail: bool = False
    user: str = ""

    def same_as(self, other: Any) -> bool:
        """What is known of the other's state holds for this one."""
        return isinstance(other, VrrpScript) and other.script == self.script


class TrackFile(NamedTuple):
    """One `track_file`. `init` None: it is never written."""

    file: str
    weight: int = 1
    reverse: bool = False
    init: int | None = None
    overwrite: bool = False


class TrackProcess(NamedTuple):
    """One `vrrp_track_process`; `process` are the name and its parameters, `param_match` "", "initial" or "partial"."""

    process: tuple[str, ...]
    param_match: str = ""
    full_command: bool = False
    weight: int = 0
    reverse: bool = False
    quorum: int = 1
    quorum_max: int | None = None
    fork_delay: int = 0
    terminate_delay: int = 0
    rise: int = 1  # as a script's: the watcher counts, so one report decides
    fall: int = 1
    init_fail: bool = False

    def same_as(self, other: Any) -> bool:
        """What is known of the other's state holds for this one."""
        return isinstance(other, TrackProcess) and other.wanted == self.wanted

    @property
    def wanted(self) -> tuple[object, ...]:
        """Which processes, and how many."""
        return self.process, self.param_match, self.full_command, self.quorum, self.quorum_max


Source = VrrpScript | TrackFile | TrackProcess | BfdInstance


def decode_script(name: str, value: Mapping[str, Any]) -> VrrpScript:
    """Settings of one tracking script.

    :raises InvalidValue: no command, or a number out of range.
    """
    if not value.get("script", "").strip():
        raise InvalidValue("script", "expected a command line, got none")
    duration(value, "interval", 1_000_000, 86_400 * SECOND)
    duration(value, "timeout", 1_000_000, 86_400 * SECOND)
    for field in ("rise", "fall"):
        in_range(value, field, 1, 1000)
    taken = {field: value[field] for field in VrrpScript._fields if field in value}
    taken["weight"] = _weight(value.get("weight", 0), "weight", MAX_WEIGHT)
    taken.setdefault("timeout", taken.get("interval", SECOND))
    return VrrpScript(**taken)


def decode_file(name: str, value: Mapping[str, Any]) -> TrackFile:
    """Settings of one tracked file.

    :raises InvalidValue: no absolute path, or a number out of range.
    """
    path = value.get("file", "")
    if not path.startswith("/") or path.endswith("/") or "\0" in path:
        raise InvalidValue("file", f"expected the absolute path of a file, got {path!r}")
    weight = _weight(value.get("weight", 1), "weight", MAX_FILE_WEIGHT)
    init = value.get("init_file")
    number = None if init is None else init.get("value", 0)
    overwrite = bool(init and init.get("overwrite", False))
    return TrackFile(path, weight, bool(value.get("reverse", False)), number, overwrite)


def decode_process(name: str, value: Mapping[str, Any]) -> TrackProcess:
    """Settings of one process tracker.

    :raises InvalidValue: no name, a name that no process can have, or a number out of range.
    """
    words = tuple(value.get("process", ()))
    if not words or not words[0]:
        raise InvalidValue("process", "expected the name of a process, perhaps with parameters, got none")
    match, full = value.get("param_match", ""), bool(value.get("full_command", False))
    if not (len(words) > 1 or match or full) and len(words[0].encode()) > COMM:
        hint = "take its first 15 bytes, or set full_command and give its whole path"
        raise InvalidValue("process", f"the kernel keeps {COMM} bytes of a name: {words[0]!r} would never be found", hint)
    in_range(value, "quorum", 1, 65535)
    in_range(value, "quorum_max", 0, 65535)
    for field in ("delay", "fork_delay", "terminate_delay"):
        duration(value, field, 0, 3600 * SECOND)
    quorum, most = value.get("quorum", 1), value.get("quorum_max")
    if most is not None and most < quorum and (most or quorum > 1):
        raise InvalidValue("quorum_max", f"is less than quorum: {most} < {quorum}")
    delay = value.get("delay", 0)
    return TrackProcess(
        words,
        match,
        full,
        _weight(value.get("weight", 0), "weight", MAX_FILE_WEIGHT),
        bool(value.get("reverse", False)),
        quorum,
        most,
        value.get("fork_delay", delay),
        value.get("terminate_delay", delay),
    )


DECODERS: Final[Mapping[str, Callable[[str, Mapping[str, Any]], Source]]] = {
    "vrrp_script": decode_script,
    "track_file": decode_file,
    "vrrp_track_process": decode_process,
    "bfd_instance": decode_bfd_instance,
}


def decode_rows(value: Mapping[str, Any]) -> dict[str, tuple[Tracked, ...]]:
    """All rows of an instance or a group by field.

    :raises InvalidValue: a row without a name, or a weight out of range.
    """
    return {field: _rows(value.get(field, ()), field) for field in ROWS}


def _rows(rows: Sequence[Mapping[str, Any]], field: str) -> tuple[Tracked, ...]:
    kind, limit = ROWS[field]
    found = []
    for at, row in enumerate(rows):
        name, place = row.get("name", ""), f"{field}[{at}]"
        if not kind:
            interface(name, f"{place}.name")
        elif not name:
            raise InvalidValue(f"{place}.name", f"is required: the name of a {kind}")
        weight = row.get("weight")
        if weight is not None:
            weight = _weight(weight, f"{place}.weight", limit)
        found.append(Tracked(name, weight, row.get("reverse")))
    return tuple(found)


def _weight(weight: int, field: str, limit: int) -> int:
    """Of scripts and interfaces +-254 is accepted and reduced to +-253, as keepalived does."""
    if not -MAX_FILE_WEIGHT <= weight <= MAX_FILE_WEIGHT:
        raise InvalidValue(field, f"expected -{limit} to {limit}, got {weight}")
    return max(-limit, min(limit, weight))
