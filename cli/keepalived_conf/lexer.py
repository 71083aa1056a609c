"""Which words and braces stand on a line? Splits text as keepalived does and keeps every character's place.

A line's text is a sequence of pieces, because after substitution neighbouring characters may come from different places.
Words are separated by white space; `"` groups (and may start or end within a word), a backslash before a quote within
quotes makes it an ordinary character; braces outside quotes stand for themselves. A word must end on its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from cli.keepalived_conf.complaints import Position, Report

_COMMENT_OR_QUOTE: Final = re.compile(r'[#!"\\]')
_PLAIN: Final = re.compile(r"(?:\$\{\w+\}|[^\s{}\"])+", re.ASCII)
_QUOTED: Final = re.compile(r'(?:[^"\\]|\\.|\\$)*')
_SPACE: Final = re.compile(r"\s+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Piece:
    """Characters that stand next to each other in a file, from `at` on. With `fixed`, all are at `at` itself."""

    text: str
    at: Position
    fixed: bool = False

    def position(self, index: int) -> Position:
        """Where character `index` comes from."""
        return self.at if self.fixed else Position(self.at.file, self.at.line, self.at.column + index)

    def cut(self, start: int, end: int | None = None) -> Piece:
        """A part of the piece."""
        return Piece(self.text[start:end], self.position(start), self.fixed)


@dataclass(frozen=True, slots=True)
class Line:
    """One line after preprocessing. `at` is its first character's place, also when it is empty."""

    pieces: tuple[Piece, ...]
    at: Position

    @property
    def text(self) -> str:
        """All characters."""
        return self.pieces[0].text if len(self.pieces) == 1 else "".join(p.text for p in self.pieces)

    def position(self, index: int) -> Position:
        """Where character `index` of the text comes from; past the end, the place after the last character."""
        for piece in self.pieces:
            if index < len(piece.text):
                return piece.position(index)
            index -= len(piece.text)
        return self.pieces[-1].position(len(self.pieces[-1].text) + index) if self.pieces else self.at

    def cut(self, start: int, end: int | None = None) -> Line:
        """The part between two characters."""
        found = []
        stop = len(self.text) if end is None else end
        offset = 0
        for piece in self.pieces:
            low, high = max(start - offset, 0), min(stop - offset, len(piece.text))
            if low < high:
                found.append(piece.cut(low, high))
            offset += len(piece.text)
        return Line(tuple(found), self.position(start))


def line_at(text: str, at: Position) -> Line:
    """A line that comes from one place."""
    return Line((Piece(text, at),), at)


@dataclass(frozen=True, slots=True)
class Word:
    """A word, without its quotes. `quoted` if quotes were around any part of it; braces are words `{` and `}` with `brace`."""

    text: str
    at: Position
    quoted: bool = False
    brace: bool = False

    def is_brace(self, text: str) -> bool:
        """An opening or closing brace of a block."""
        return self.brace and self.text == text


def without_comment(line: Line) -> Line:
    """The line up to a `#` or `!` outside double quotes, and without white space at its end."""
    text = line.text
    end, quoted, position = len(text), False, 0
    while match := _COMMENT_OR_QUOTE.search(text, position):
        mark, position = match[0], match.end()
        if mark == '"':
            quoted = not quoted
        elif mark == "\\":
            position += quoted
        elif not quoted:
            end = match.start()
            break
    kept = len(text[:end].rstrip())
    return line if kept == len(text) else line.cut(0, kept)


def words(line: Line, report: Report) -> Iterator[Word]:
    """The words and braces of a line without comments. A quote that is not closed is refused."""
    text = line.text
    index = 0
    while index < len(text):
        if space := _SPACE.match(text, index):
            index = space.end()
        elif text[index] in "{}":
            yield Word(text[index], line.position(index), brace=True)
            index += 1
        else:
            word, index = _word(line, text, index, report)
            yield word


def _word(line: Line, text: str, start: int, report: Report) -> tuple[Word, int]:
    """The word that begins at `start`, and where the next character stands."""
    parts: list[str] = []
    quoted = False
    index = start
    while index < len(text):
        if plain := _PLAIN.match(text, index):
            parts.append(plain[0])
            index = plain.end()
        elif text[index] == '"':
            inner = _QUOTED.match(text, index + 1)
            assert inner is not None  # it matches the empty string
            parts.append(inner[0].replace('\\"', '"'))
            quoted = True
            if inner.end() >= len(text):
                report.refuse(line.position(index), 'this quote is never closed: expected another " on the same line')
            index = min(inner.end() + 1, len(text))
        else:
            break
    return Word("".join(parts), line.position(start), quoted), index
