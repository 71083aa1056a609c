"""Which lines does a configuration consist of? Files, includes, definitions, conditions and generators become plain lines.

In the order in which keepalived does it: comments go, `include` reads other files, `@id` chooses lines, `~SEQ` and `~LST`
repeat lines, `$NAME=` defines, `$NAME` and `${NAME}` are replaced when they are used, and comments go once more. A
definition of several lines (each but the last ends in a backslash) is used by standing on a line of its own; its lines
keep their own places.
"""

from __future__ import annotations

import glob
import itertools
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cli.keepalived_conf.complaints import Position, Report
from cli.keepalived_conf.lexer import Line, Piece, line_at, without_comment

SPACE: Final = " \t\r\n\v\f"
MAX_FILE: Final = 8 << 20  # bytes
MAX_LINES: Final = 1_000_000  # after expansion; keepalived's manual has an example of 850,000
MAX_DEPTH: Final = 40  # of includes, and of definitions within definitions
MAX_REPLACEMENTS: Final = 300  # on one line
MAX_LINE: Final = 64 << 10  # characters, also after replacement

_INCLUDE: Final = re.compile(r'(include[rmwba]?)[ \t]+"?([^"]*)"?', re.ASCII)
_DEFINE: Final = re.compile(r"\$([A-Za-z_]\w*)=", re.ASCII)
_CONDITION: Final = re.compile(r"@(\^?)(\S*)\s*", re.ASCII)
_GENERATOR: Final = re.compile(r"~(SEQx?|LST)\s*\(", re.ASCII)
_USE: Final = re.compile(r"\$(?:\{(\w+)(?:\s+([^{}]*))?\}|(\w+)(?=\s|$))", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_BRACED: Final = re.compile(r"\{([^{}]*)\}")
_ALTERNATIVES: Final = re.compile(r"\{([^{}]*,[^{}]*)\}")


class _TooMuch(Exception):
    """A limit is reached; reported already."""


def lines_of(path: str, instance: str, report: Report, opened: list[str] | None = None) -> Iterator[Line]:
    """The lines of a file and all it includes, without comments and empty lines.

    `instance` is keepalived's configuration id (option -i), against which `@id` compares. The files are added to `opened`.
    Whatever cannot be followed is reported; the iterator never raises.
    """
    run = _Run(instance, report, os.environ, [] if opened is None else opened)
    try:
        yield from run.file(path, Position(path, 1, 1), 0)
    except _TooMuch:
        return


def lines_of_text(text: str, shown: str, instance: str, report: Report) -> Iterator[Line]:
    """The lines of a text that is called `shown` in messages."""
    run = _Run(instance, report, {}, [])
    try:
        yield from run.text(text, shown, 0)
    except _TooMuch:
        return


@dataclass(slots=True)
class _Run:
    """One reading of a configuration: the definitions so far, and how much has come out."""

    instance: str
    report: Report
    environ: Mapping[str, str]
    opened: list[str]
    definitions: dict[str, tuple[Line, ...]] = field(default_factory=dict)
    count: int = 0

    def file(self, path: str, asked: Position, depth: int) -> Iterator[Line]:
        """A file's lines."""
        self.opened.append(path)
        try:
            if not os.path.isfile(path):
                kind = "is not a regular file" if os.path.exists(path) else "does not exist"
                raise OSError(kind)
            if os.path.getsize(path) > MAX_FILE:
                raise OSError(f"is larger than {MAX_FILE >> 20} MiB")
            text = Path(path).read_bytes().decode("utf-8", "replace")
            if "\0" in text:
                raise OSError("is not a text file")
        except (OSError, ValueError) as e:
            reason = getattr(e, "strerror", None) or str(e)
            self.report.refuse(asked, f"cannot read {path}: {reason}")
            return
        yield from self.text(text, path, depth)

    def text(self, text: str, shown: str, depth: int) -> Iterator[Line]:
        """A text's lines."""
        source = enumerate(text.removeprefix("\ufeff").split("\n"), 1)
        for number, raw in source:
            if len(raw) > MAX_LINE:
                self.report.refuse(Position(shown, number, 1), f"a line of more than {MAX_LINE} characters")
                raise _TooMuch
            line = without_comment(line_at(raw, Position(shown, number, 1)))
            if not (stripped := _stripped(line)).pieces:
                continue
            if "\ufffd" in stripped.text:
                self.report.note(stripped.at, "bytes that are not UTF-8; expected UTF-8 text")
            if include := _INCLUDE.fullmatch(stripped.text):
                yield from self._include(include[1], include[2].strip(SPACE), stripped.at, depth)
            elif _defines(stripped.text):
                self._define(_continued(stripped, raw, source, shown))
            else:
                yield from self._expand(stripped, shown, 0)

    def _include(self, keyword: str, pattern: str, at: Position, depth: int) -> Iterator[Line]:
        """The lines of all files that an include names."""
        if depth >= MAX_DEPTH:
            self.report.refuse(at, f"includes go deeper than {MAX_DEPTH} files; does a file include itself?")
            raise _TooMuch
        base = os.path.dirname(at.file)
        found: list[str] = []
        for alternative in _alternatives(pattern):
            matches = sorted(glob.glob(os.path.join(base, alternative)))
            if not matches:
                lenient = keyword in ("include", "includer")
                if not lenient:
                    self.report.mistake(at, f"{keyword} {pattern}: no such file")
                elif not glob.has_magic(alternative):
                    self.report.note(at, f"{keyword} {pattern}: no such file")
            found += matches
        for path in found:
            if os.path.isfile(path) and not os.access(path, os.X_OK):
                yield from self.file(path, at, depth + 1)
            elif os.path.isfile(path) and os.stat(path).st_mode & 0o111:
                self.report.note(at, f"{path} is executable; expected a plain file, left out")
            else:
                self.report.note(at, f"{path} is not a regular file, left out")

    def _define(self, body: list[Line]) -> None:
        """Remember a definition; the first line still has `$NAME=`."""
        match = _DEFINE.match(body[0].text)
        assert match is not None
        first = _stripped(body[0].cut(match.end()))
        rest = tuple(s for line in body[1:] if (s := _stripped(line)).pieces)
        self.definitions[match[1]] = (first, *rest) if first.pieces or not rest else rest

    def _expand(self, line: Line, shown: str, depth: int) -> Iterator[Line]:
        """What one line stands for."""
        if depth > MAX_DEPTH:
            self.report.refuse(line.at, f"definitions go deeper than {MAX_DEPTH}; is one used within itself?")
            raise _TooMuch
        while True:
            text = line.text
            if not text:
                return
            if condition := _CONDITION.match(text):
                if (condition[2] == self.instance) == bool(condition[1]):
                    return
                line = line.cut(condition.end())
            elif _GENERATOR.match(text):
                yield from self._generate(line, shown, depth)
                return
            elif _defines(text):
                self._define([line])
                return
            elif body := self._lines_named(text):
                for one in body:
                    yield from self._expand(one, shown, depth + 1)
                return
            elif (replaced := self._replace(line, shown)) is not None:
                line = _stripped(without_comment(replaced))  # ${_HASH} starts a comment
            else:
                yield self._emit(line)
                return

    def _emit(self, line: Line) -> Line:
        """Count a line that comes out."""
        self.count += 1
        if self.count > MAX_LINES:
            self.report.refuse(line.at, f"more than {MAX_LINES} lines after expansion")
            raise _TooMuch
        return line

    def _lines_named(self, text: str) -> tuple[Line, ...]:
        """The lines of the definition whose use is all that stands on a line; none unless it has several lines."""
        match = _USE.match(text)
        if match is None or match.end() != len(text):
            return ()
        body = self.definitions.get(match[1] or match[3], ())
        return body if len(body) > 1 else ()

    def _replace(self, line: Line, shown: str) -> Line | None:
        """The line with all uses of known parameters replaced, again and again; None if there is none."""
        if "$" not in line.text:
            return None
        changed = False
        for count in itertools.count():
            if count > MAX_REPLACEMENTS or len(line.text) > MAX_LINE:
                self.report.refuse(line.at, "parameters on this line never come to an end; is one defined by itself?")
                raise _TooMuch
            step = self._replace_one(line, shown)
            if step is None:
                break
            line, changed = step, True
        return line if changed else None

    def _replace_one(self, line: Line, shown: str) -> Line | None:
        """The line with its first replaceable use replaced."""
        for match in _USE.finditer(line.text):
            at = line.position(match.start())
            value = self._value(match[1] or match[3], match[2], bool(match[1]), at, shown)
            if value is not None:
                middle = (Piece(value, at, fixed=True),) if value else ()
                before, after = line.cut(0, match.start()), line.cut(match.end())
                return Line(before.pieces + middle + after.pieces, line.at)
        return None

    def _value(self, name: str, argument: str | None, braced: bool, at: Position, shown: str) -> str | None:
        """What a parameter is replaced by; None leaves it as it stands."""
        if (body := self.definitions.get(name)) is not None and argument is None:
            return body[0].text if len(body) == 1 else None
        if not braced or not name.startswith("_"):
            return None
        match name:
            case "_PWD":
                return os.path.dirname(os.path.abspath(shown))
            case "_INSTANCE":
                return self.instance
            case "_HASH":
                return "#"
            case "_BANG":
                return "!"
            case "_ENV" if argument is not None:
                return self.environ.get(argument.strip(SPACE), "")
            case "_RANDOM":
                self.report.unsupported(at, "${_RANDOM}, which would differ at every reading,")
        return None

    def _generate(self, line: Line, shown: str, depth: int) -> Iterator[Line]:
        """The rest of a line, once for each value of a generator."""
        replaced = self._replace_head(line, shown)
        text = replaced.text
        match = _GENERATOR.match(text)
        assert match is not None
        end = text.find(")", match.end())
        read: Callable[[str], tuple[tuple[str, ...], Iterator[tuple[str, ...]]]] = (
            _list if match[1] == "LST" else lambda arguments: _sequence(arguments, hexadecimal=match[1] == "SEQx")
        )
        try:
            if end < 0:
                raise ValueError("expected a closing parenthesis")
            names, values = read(text[match.end() : end])
        except ValueError as e:
            self.report.mistake(line.at, f"~{match[1]}: {e}")
            return
        rest = _stripped(replaced.cut(end + 1))
        if not rest.pieces:
            return
        for value in values:
            self._tick(line.at)
            for name, one in zip(names, value, strict=True):
                self.definitions[name] = (line_at(one, line.at),)
            yield from self._expand(rest, shown, depth + 1)

    def _tick(self, at: Position) -> None:
        """Count a repetition, so that one without lines ends too."""
        self.count += 1
        if self.count > MAX_LINES:
            self.report.refuse(at, f"more than {MAX_LINES} repetitions")
            raise _TooMuch

    def _replace_head(self, line: Line, shown: str) -> Line:
        """The line with parameters replaced between a generator's parentheses only."""
        end = line.text.find(")")
        if end < 0:
            return line
        head = self._replace(line.cut(0, end), shown)
        return line if head is None else Line(head.pieces + line.cut(end).pieces, line.at)


def _defines(text: str) -> bool:
    return _DEFINE.match(text) is not None


def _stripped(line: Line) -> Line:
    text = line.text
    start = len(text) - len(text.lstrip(SPACE))
    end = len(text.rstrip(SPACE))
    if end <= start:
        return Line((), line.at)
    return line if (start, end) == (0, len(text)) else line.cut(start, end)


def _continued(first: Line, raw: str, source: Iterator[tuple[int, str]], shown: str) -> list[Line]:
    """A definition's lines without their backslashes; `raw` is the first line with its comment.

    A backslash counts before a comment and at the end of one, as for keepalived.
    """
    body = [first]
    while body[-1].text.endswith("\\") or raw.rstrip(SPACE).endswith("\\"):
        if body[-1].text.endswith("\\"):
            body[-1] = _stripped(body[-1].cut(0, len(body[-1].text) - 1))
        number, raw = next(source, (0, ""))
        body.append(_stripped(without_comment(line_at(raw, Position(shown, number, 1)))))
    return body


def _alternatives(pattern: str) -> list[str]:
    """A pattern with csh's braces as patterns without; at most 1000."""
    done: list[str] = []
    waiting = [pattern]
    while waiting and len(done) + len(waiting) < 1000:
        one = waiting.pop(0)
        if match := _ALTERNATIVES.search(one):
            waiting += [one[: match.start()] + choice + one[match.end() :] for choice in match[1].split(",")]
        else:
            done.append(one)
    return done


def _integer(text: str) -> int:
    """A decimal or, after 0x, hexadecimal integer.

    :raises ValueError: something else.
    """
    word = text.strip(SPACE)
    if not re.fullmatch(r"-?(0[xX][0-9a-fA-F]{1,8}|[0-9]{1,10})", word, re.ASCII):
        raise ValueError(f"expected a whole number, got {word!r}")
    return int(word, 16) if "x" in word.lower() else int(word)


def _sequence(arguments: str, hexadecimal: bool) -> tuple[tuple[str, ...], Iterator[tuple[str, ...]]]:
    """The variable and values of `~SEQ(var[, start[, step]], end)`.

    :raises ValueError: not such a list.
    """
    name, *numbers = (part.strip(SPACE) for part in arguments.split(","))
    if not _NAME.fullmatch(name) or not 1 <= len(numbers) <= 3:
        raise ValueError("expected (VARIABLE[, START[, STEP]], END)")
    end = _integer(numbers[-1])
    start = _integer(numbers[0]) if len(numbers) > 1 else (1 if end > 0 else -1)
    step = _integer(numbers[1]) if len(numbers) > 2 else (1 if end >= start else -1)
    if step == 0:
        raise ValueError("expected a step other than 0")
    values = range(start, end + (1 if step > 0 else -1), step)
    return (name,), ((f"{v:x}" if hexadecimal else str(v),) for v in values)


def _list(arguments: str) -> tuple[tuple[str, ...], Iterator[tuple[str, ...]]]:
    """The variables and values of `~LST(var, v1, ...)` or `~LST({var, ...}, {v, ...}, ...)`.

    :raises ValueError: not such a list.
    """
    text = arguments.strip(SPACE)
    if text.startswith("{"):
        rows = [tuple(part.strip(SPACE) for part in group.split(",")) for group in _BRACED.findall(text)]
        if _BRACED.sub("", text).strip(SPACE + ","):
            raise ValueError("expected every list in braces")
    else:
        rows = [(part.strip(SPACE),) for part in text.split(",")]
    names, *values = rows
    if not values or not all(_NAME.fullmatch(name) for name in names):
        raise ValueError("expected a variable, or {several}, and at least one value")
    for value in values:
        if len(value) != len(names):
            raise ValueError(f"expected {len(names)} values in each list, got {len(value)}: {', '.join(value)}")
    return names, iter(values)
