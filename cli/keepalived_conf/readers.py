"""What may stand after a keyword? Readers turn a statement's words into a field's value, or complain and give None.

Limits are keepalived's. A keyword whose word is missing is refused, as keepalived refuses it; a bad word is a mistake and the
keyword is left out; words too many are noted, because keepalived passes over them without a sound.
"""

from __future__ import annotations

import ipaddress
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cli.keepalived_conf.complaints import Position, Report
from cli.keepalived_conf.lexer import Word
from cli.keepalived_conf.tree import Statement

Reader = Callable[["Scope", Statement, str], Any]  # the last argument is the path of the field
ListReader = Callable[["Scope", Statement, str, int], list[Any]]  # and for lists, the index of the next item
BOOLEANS: Final = {"on": True, "true": True, "yes": True, "off": False, "false": False, "no": False}
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_DECIMAL: Final = re.compile(r"[+]?([0-9]{1,9})?(?:\.([0-9]{0,9}))?", re.ASCII)
_ESCAPE: Final = re.compile(r"\\(?:([abEfnrtv])|([0-7]{1,3})|x([0-9a-fA-F]{1,2})|c(.)|(.))", re.ASCII | re.DOTALL)
_ESCAPES: Final = {"a": "\a", "b": "\b", "E": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_SCRIPT_PART: Final = re.compile(r"""'[^']*'|"(?:[^"\\]|\\.)*"|(?:\\.|[^\s'"\\])+|['"\\]""", re.DOTALL | re.ASCII)


@dataclass(slots=True)
class Scope:
    """Where an object is being read: its complaints, and the place of each field path within its value."""

    report: Report
    where: dict[str, Position] = field(default_factory=dict)

    def mark(self, path: str, at: Position) -> None:
        """Remember where a field was given; the last one counts."""
        self.where[path] = at

    def wrong(self, keyword: Word, word: Word, expected: str) -> None:
        """A word that cannot be used."""
        self.report.mistake(word.at, f"{keyword.text}: expected {expected}, got {shown(word.text)}")


def shown(text: str) -> str:
    """A word for a message."""
    return repr(text if len(text) <= 60 else text[:57] + "...")


def required(scope: Scope, statement: Statement, count: int, expected: str) -> bool:
    """There are at least `count` words after the keyword; otherwise the file is refused, as by keepalived."""
    if len(statement.arguments) >= count:
        return True
    got = "nothing" if not statement.arguments else f"only {shown(statement.arguments[-1].text)}"
    scope.report.refuse(statement.keyword.at, f"{statement.keyword.text}: expected {expected} after it, got {got}")
    return False


def no_more(scope: Scope, statement: Statement, count: int) -> None:
    """Note words after the first `count`."""
    for word in statement.arguments[count : count + 1]:
        scope.report.note(word.at, f"{statement.keyword.text}: {shown(word.text)} is ignored; expected the end of the line")


def _one(statement: Statement, scope: Scope, expected: str) -> Word | None:
    if not required(scope, statement, 1, expected):
        return None
    no_more(scope, statement, 1)
    return statement.arguments[0]


def whole(text: str) -> int | None:
    """A whole number as keepalived reads it: decimal, perhaps with a sign."""
    return int(text) if _WHOLE.fullmatch(text) else None


def number(low: int, high: int) -> Reader:
    """A whole number in a range."""
    expected = f"a number from {low} to {high}"

    def read(scope: Scope, statement: Statement, path: str) -> int | None:
        word = _one(statement, scope, expected)
        if word is None:
            return None
        value = whole(word.text)
        if value is None or not low <= value <= high:
            scope.wrong(statement.keyword, word, expected)
            return None
        return value

    return read


def nanoseconds(text: str) -> int | None:
    """Decimal seconds as nanoseconds."""
    match = _DECIMAL.fullmatch(text)
    if match is None or not (match[1] or match[2]):
        return None
    return int(match[1] or 0) * 1_000_000_000 + int((match[2] or "").ljust(9, "0"))


def duration(ns: int) -> str:
    """Nanoseconds as the store has durations."""
    whole_seconds, rest = divmod(ns, 1_000_000_000)
    return f"{whole_seconds}.{rest:09d}".rstrip("0") + "s" if rest else f"{whole_seconds}s"


def seconds(low: float, high: float, bare: int | None = None) -> Reader:
    """A time in seconds, perhaps with a fraction. `bare`: what the keyword alone means."""
    expected = f"{low:g} to {high:.10g} seconds"

    def read(scope: Scope, statement: Statement, path: str) -> str | None:
        if bare is not None and not statement.arguments:
            return duration(bare * 1_000_000_000)
        word = _one(statement, scope, expected)
        if word is None:
            return None
        ns = nanoseconds(word.text)
        if ns is None or not round(low * 1e9) <= ns <= round(high * 1e9):
            scope.wrong(statement.keyword, word, expected)
            return None
        return duration(ns)

    return read


def flag(scope: Scope, statement: Statement, path: str) -> bool | None:
    """A keyword that stands alone. keepalived takes `nopreempt off` for `nopreempt`."""
    no_more(scope, statement, 0)
    return True


def negated(scope: Scope, statement: Statement, path: str) -> bool | None:
    """A keyword that stands alone and takes the field back."""
    no_more(scope, statement, 0)
    return False


def boolean(scope: Scope, statement: Statement, path: str) -> bool | None:
    """A keyword alone, or with on or off."""
    if not statement.arguments:
        return True
    word = statement.arguments[0]
    no_more(scope, statement, 1)
    if word.text not in BOOLEANS:
        scope.wrong(statement.keyword, word, f"one of {', '.join(BOOLEANS)}")
        return None
    return BOOLEANS[word.text]


def default_word(scope: Scope, statement: Statement, path: str) -> None:
    """A keyword that only says what is so anyway."""
    no_more(scope, statement, 0)


def choice(allowed: Mapping[str, str], folded: bool = False) -> Reader:
    """One of keepalived's words."""
    expected = f"one of {', '.join(allowed)}"

    def read(scope: Scope, statement: Statement, path: str) -> str | None:
        if not required(scope, statement, 1, expected):
            return None
        word = statement.arguments[0]
        text = word.text.upper() if folded else word.text
        if text not in allowed:
            guess = text.upper() if text.upper() in allowed else text.lower()
            hint = f"; did you mean {guess!r}?" if guess in allowed else ""
            scope.wrong(statement.keyword, word, expected)
            if hint:
                scope.report.note(word.at, f"{statement.keyword.text}: words are case-sensitive{hint}")
            return None
        no_more(scope, statement, 1)
        return allowed[text]

    return read


def text(expected: str, longest: int = 1000) -> Reader:
    """One word, or several in double quotes."""

    def read(scope: Scope, statement: Statement, path: str) -> str | None:
        word = _one(statement, scope, expected)
        if word is None:
            return None
        if not 1 <= len(word.text.encode("utf-8", "replace")) <= longest:
            scope.wrong(statement.keyword, word, f"{expected} of 1 to {longest} bytes")
            return None
        return word.text

    return read


interface = text("an interface name", 15)


def joined(expected: str, least: int, most: int) -> Reader:
    """A few words, kept as one text."""

    def read(scope: Scope, statement: Statement, path: str) -> str | None:
        if not required(scope, statement, least, expected):
            return None
        no_more(scope, statement, most)
        return " ".join(word.text for word in statement.arguments[:most])

    return read


def account(scope: Scope, statement: Statement, path: str) -> str | None:
    """USER, USER GROUP or USER :GROUP."""
    if not required(scope, statement, 1, "a user name"):
        return None
    no_more(scope, statement, 2)
    return " ".join(word.text.removeprefix(":") for word in statement.arguments[:2])


def command(with_user: bool) -> Reader:
    """A command line: one word, in quotes if it has arguments. `with_user`: USER [GROUP] may follow."""

    def read(scope: Scope, statement: Statement, path: str) -> str | None:
        if not required(scope, statement, 1, "a command"):
            return None
        line, rest = command_word(statement.arguments)
        if not (words := command_words(line)):
            scope.wrong(statement.keyword, statement.arguments[0], "a command")
            return None
        if rest and with_user:
            scope.report.unsupported(rest[0].at, f"{statement.keyword.text}: a user of its own ({shown(rest[0].text)})")
        elif rest:
            message = f"{statement.keyword.text}: {shown(rest[0].text)} is ignored; quote the command with its arguments"
            scope.report.note(rest[0].at, message)
        return line if line == line.strip() and not re.search(r"['\"\\]", line) else shlex.join(words)

    return read


def command_word(arguments: Sequence[Word]) -> tuple[str, Sequence[Word]]:
    """The command, which single quotes may group too, and what follows it."""
    first = arguments[0]
    if not first.quoted and first.text.startswith("'"):
        for index, word in enumerate(arguments):
            if word.text.endswith("'") and (index or len(word.text) > 1):
                whole_text = " ".join(w.text for w in arguments[: index + 1])
                return whole_text[1:-1], arguments[index + 1 :]
    return first.text, arguments[1:]


def command_words(line: str) -> list[str]:
    """A command line split as keepalived does: quotes of both kinds group, backslashes escape as in C."""
    found: list[str] = []
    end = -1
    for match in _SCRIPT_PART.finditer(line):
        part = match[0]
        if len(part) > 1 and part[0] == part[-1] == "'":
            value = part[1:-1]
        elif len(part) > 1 and part[0] == part[-1] == '"':
            value = _ESCAPE.sub(_unescape, part[1:-1])
        else:
            value = _ESCAPE.sub(_unescape, part)
        if match.start() == end:
            found[-1] += value
        else:
            found.append(value)
        end = match.end()
    return found


def unescaped(line: str, high: Callable[[int], str] = chr) -> str:
    """A text with its backslashes read as C's; `high` says what a byte above 127 becomes."""

    def one(match: re.Match[str]) -> str:
        byte = _unescape(match)
        return high(ord(byte)) if byte > "\x7f" and (match[2] or match[3]) else byte

    return _ESCAPE.sub(one, line)


def _unescape(match: re.Match[str]) -> str:
    letter, octal, hexadecimal, control, other = match.groups()
    if letter:
        return _ESCAPES[letter]
    if octal or hexadecimal:
        return chr(int(octal, 8) & 255 if octal else int(hexadecimal, 16))
    return chr(ord(control) & 31) if control else str(other)


def ip(text_of: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address without prefix length or scope; None if it is none."""
    try:
        found = ipaddress.ip_address(text_of)
    except ValueError:
        return None
    return None if isinstance(found, ipaddress.IPv6Address) and found.scope_id else found


def address(scope: Scope, statement: Statement, path: str) -> str | None:
    """An IP address."""
    word = _one(statement, scope, "an IP address")
    if word is None:
        return None
    found = ip(word.text)
    if found is None:
        scope.wrong(statement.keyword, word, "an IP address")
        return None
    return str(found)


def rows(one: Callable[[Scope, Statement, str, str], Any]) -> ListReader:
    """A block of which each line is one item. `one` gets the item's path and the block's keyword."""

    def read(scope: Scope, statement: Statement, path: str, start: int) -> list[Any]:
        found: list[Any] = []
        for line in _items(scope, statement, "one item a line"):
            place = f"{path}[{start + len(found)}]"
            item = one(scope, line, place, statement.keyword.text)
            if item is not None:
                scope.mark(place, line.keyword.at)
                found.append(item)
        return found

    return read


def names(expected: str) -> ListReader:
    """A block of words, any number on a line."""

    def read(scope: Scope, statement: Statement, path: str, start: int) -> list[Any]:
        found = [word for line in _items(scope, statement, expected) for word in line.words]
        for index, word in enumerate(found, start):
            scope.mark(f"{path}[{index}]", word.at)
        if not found and statement.body is not None:
            scope.report.note(statement.keyword.at, f"{statement.keyword.text}: expected {expected}, got an empty block")
        return [word.text for word in found]

    return read


def _items(scope: Scope, statement: Statement, expected: str) -> list[Statement]:
    """The lines of a block in which no further block may open."""
    lines = block_of(scope, statement)
    for line in lines:
        if line.body is not None and line.keyword.text:
            message = f"unexpected '{{' in {statement.keyword.text}: expected {expected}"
            scope.report.mistake(line.opened or line.keyword.at, message)
    return [line for line in lines if line.keyword.text]


def block_of(scope: Scope, statement: Statement) -> list[Statement]:
    """The statements of a block keyword; complains if there is no block."""
    if statement.body is None:
        scope.report.mistake(statement.keyword.at, f"expected '{{' after {statement.keyword.text}")
        return []
    return statement.body
