"""Which pattern does `regex` of a url mean, and which options? Readers, as in `readers`, and what a whole url needs.

A pattern passes through keepalived's second reading, which scripts have too: backslashes are C's, so that PCRE2's own need
two. `"a\\d"` is the pattern `ad`; `"a\\\\d"` is what was meant.
"""

from __future__ import annotations

import re
from typing import Any, Final

from cli.keepalived_conf.complaints import Position
from cli.keepalived_conf.readers import Scope, command_word, required, shown, unescaped
from cli.keepalived_conf.tree import Statement
from services.checker.kinds.regex import regex_of
from services.checker.pcre2 import OPTIONS
from services.common.errors import InvalidValue

_LOST: Final = re.compile(r"\\\\|\\([A-Zdghijklmopqsuwyz])")  # escapes of PCRE2 of which only the letter is left
WORDS: Final = ("regex", "regex_no_match", "regex_options", "regex_min_offset", "regex_max_offset")


def pattern(scope: Scope, statement: Statement, path: str) -> str | None:
    """One pattern, in quotes if it has blanks."""
    if not required(scope, statement, 1, "a pattern"):
        return None
    line, rest = command_word(statement.arguments)
    if rest:
        message = f"regex: expected one pattern, in double quotes if it has blanks, got also {shown(rest[0].text)}; left out"
        scope.report.mistake(rest[0].at, message)
        return None
    place = statement.arguments[0].at
    lost = next((match[1] for match in _LOST.finditer(line) if match[1]), None)
    if lost:
        scope.report.note(
            place, f"regex: \\{lost} is the letter {lost}, as in keepalived; expected \\\\{lost}, if PCRE2's is meant"
        )
    found = unescaped(line, high=lambda byte: f"\\x{byte:02x}")
    if not found:
        scope.report.note(place, "regex: an empty pattern has no effect")
        return None
    return found


def options(scope: Scope, statement: Statement, path: str, start: int) -> list[str]:
    """Words for options of PCRE2; lines add up."""
    if not required(scope, statement, 1, "options"):
        return []
    known = [word for word in statement.arguments if word.text in OPTIONS]
    for word in statement.arguments:
        if word.text not in OPTIONS:
            scope.wrong(statement.keyword, word, f"one of {', '.join(sorted(OPTIONS))}")
    for index, word in enumerate(known, start):
        scope.mark(f"{path}[{index}]", word.at)
    return [word.text for word in known]


def settle(scope: Scope, url: dict[str, Any], path: str) -> None:
    """Leave out what cannot be searched for; keepalived does so too, and says it in its log."""
    try:
        regex_of(url)
    except InvalidValue as e:
        scope.report.mistake(_place(scope, path, e.field), f"{e.field}: {e.reason}; the url counts without its regex")
        for word in WORDS:
            url.pop(word, None)


def _place(scope: Scope, path: str, field: str) -> Position:
    return scope.where.get(f"{path}.{field}", scope.where[path])
