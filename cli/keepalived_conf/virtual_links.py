"""What may stand after use_vmac and use_ipvlan? Readers, as in `readers`. Names and addresses are told apart by their looks."""

from __future__ import annotations

import re
from typing import Any, Final

from cli.keepalived_conf.lexer import Word
from cli.keepalived_conf.readers import Scope, ip, shown, whole
from cli.keepalived_conf.tree import Statement

_MAC: Final = re.compile(r"(?:[0-9a-fA-F]{1,2}:){4,5}[0-9a-fA-F]{1,2}")
_MODES: Final = ("bridge", "private", "vepa")


def use_vmac(scope: Scope, statement: Statement, path: str) -> dict[str, Any]:
    """`[[name] NAME] [MAC] [netlink_notify_msg] [group ID]`, in any order."""
    value: dict[str, Any] = {}
    rest = list(statement.arguments)
    while rest:
        word = rest.pop(0)
        if _MAC.fullmatch(word.text):
            _once(scope, value, "mac", word, path)
        elif word.text == "netlink_notify_msg":
            scope.report.note(word.at, "use_vmac: netlink_notify_msg has no effect: the kernel tells everybody of the link")
        else:
            _named(scope, value, word, rest, path)
    return value


def use_ipvlan(scope: Scope, statement: Statement, path: str) -> dict[str, Any]:
    """`[[name] NAME] [ADDRESS] [bridge|private|vepa] [group ID]`, in any order."""
    value: dict[str, Any] = {}
    rest = list(statement.arguments)
    while rest:
        word = rest.pop(0)
        plain, _, length = word.text.partition("/")
        if word.text in _MODES:
            _once(scope, value, "mode", word, path)
        elif ip(plain) is not None and (not length or whole(length) is not None):
            _once(scope, value, "address", word, path)
        else:
            _named(scope, value, word, rest, path)
    return value


def _named(scope: Scope, value: dict[str, Any], word: Word, rest: list[Word], path: str) -> None:
    """`name NAME`, `group ID`, or a name alone."""
    if word.text == "group" and rest and (number := whole(rest[0].text)) is not None and 0 <= number < 2**32:
        value["group"] = number
        scope.mark(f"{path}.group", rest.pop(0).at)
    else:
        _once(scope, value, "name", rest.pop(0) if word.text == "name" and rest else word, path)


def _once(scope: Scope, value: dict[str, Any], field: str, word: Word, path: str) -> None:
    if field in value:
        scope.report.mistake(word.at, f"expected the end of the line, as {field} is {value[field]}, got {shown(word.text)}")
        return
    value[field] = word.text
    scope.mark(f"{path}.{field}", word.at)
