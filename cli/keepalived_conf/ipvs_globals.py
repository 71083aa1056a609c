"""What may stand after the global keywords of IPVS? Time-outs, flushes and the sync daemon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cli.keepalived_conf.lexer import Word
from cli.keepalived_conf.readers import Reader, Scope, ip, required, shown, whole
from cli.keepalived_conf.tree import Statement

SECONDS_MAX: Final = 2_678_400
_TIMEOUTS: Final = ("tcp", "tcpfin", "udp")
_NUMBERS: Final[Mapping[str, tuple[int, int]]] = {"id": (0, 255), "maxlen": (1, 65507), "port": (1, 65535), "ttl": (1, 255)}


def timeouts(scope: Scope, statement: Statement, path: str) -> dict[str, str] | None:
    """`[tcp SECONDS] [tcpfin SECONDS] [udp SECONDS]`."""
    if not required(scope, statement, 2, "tcp, tcpfin or udp with seconds"):
        return None
    found: dict[str, str] = {}
    words = list(statement.arguments)
    while words:
        name, given = words.pop(0), words.pop(0) if words else None
        seconds = None if given is None else whole(given.text)
        if name.text not in _TIMEOUTS:
            scope.wrong(statement.keyword, name, "tcp, tcpfin or udp")
        elif seconds is None or not 1 <= seconds <= SECONDS_MAX:
            scope.wrong(Word(f"{statement.keyword.text} {name.text}", name.at), given or name, f"1 to {SECONDS_MAX} seconds")
        else:
            found[name.text] = f"{seconds}s"
            scope.mark(f"{path}.{name.text}", name.at)
    return found or None


def flush_on_stop(scope: Scope, statement: Statement, path: str) -> str:
    """`[VS]`."""
    for word in statement.arguments[:1]:
        if word.text == "VS":
            return "vs"
        scope.report.note(word.at, f"{statement.keyword.text}: {shown(word.text)} is ignored; expected VS, or nothing")
    return "all"


def sync_daemon(scope: Scope, statement: Statement, path: str) -> dict[str, Any] | None:
    """`INTERFACE [[inst] INSTANCE] [id N] [maxlen N] [port N] [ttl N] [group ADDRESS]`."""
    if not required(scope, statement, 1, "an interface"):
        return None
    first, *rest = statement.arguments
    if not 1 <= len(first.text.encode("utf-8", "replace")) <= 15:
        scope.wrong(statement.keyword, first, "an interface name of 1 to 15 bytes")
        return None
    value: dict[str, Any] = {"interface": first.text}
    scope.mark(f"{path}.interface", first.at)
    if rest and rest[0].text not in (*_NUMBERS, "inst", "group"):
        _take(scope, path, value, "vrrp_instance", rest[0], rest.pop(0).text)
    while rest:
        option = rest.pop(0)
        if option.text not in (*_NUMBERS, "inst", "group") or not rest:
            scope.wrong(statement.keyword, option, f"inst, {', '.join(_NUMBERS)} or group with a value")
            return None
        given = rest.pop(0)
        name, found, expected = _option(option.text, given.text)
        if found is None:
            scope.wrong(Word(f"{statement.keyword.text} {option.text}", option.at), given, expected)
            return None
        _take(scope, path, value, name, given, found)
    return value


def _option(name: str, text: str) -> tuple[str, str | int | None, str]:
    """The field of an option, its value (None: wrong) and what was expected."""
    if name == "inst":
        return "vrrp_instance", text or None, "the name of a vrrp_instance"
    if name == "group":
        address = ip(text)
        return "group", str(address) if address is not None and address.is_multicast else None, "a multicast address"
    low, high = _NUMBERS[name]
    number = whole(text)
    return name, number if number is not None and low <= number <= high else None, f"a number from {low} to {high}"


def _take(scope: Scope, path: str, value: dict[str, Any], name: str, word: Word, found: str | int) -> None:
    value[name] = found
    scope.mark(f"{path}.{name}", word.at)


READERS: Final[Mapping[str, tuple[str, Reader]]] = {  # keyword: its field
    "lvs_timeouts": ("lvs_timeouts", timeouts),
    "lvs_flush_on_stop": ("lvs_flush_on_stop", flush_on_stop),
    "lvs_sync_daemon": ("lvs_sync_daemon", sync_daemon),
}
