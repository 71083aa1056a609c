"""Which blocks and statements does a configuration have? Lines become a tree; no keyword is known here.

A statement is a line's words up to a brace or the line's end. An opening brace belongs to the statement before it, which may
stand on an earlier line. Braces that match nothing are complained about where they stand.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from cli.keepalived_conf.complaints import Position, Report
from cli.keepalived_conf.lexer import Line, Word, words

MAX_NESTING: Final = 50


@dataclass(slots=True)
class Statement:
    """A keyword with its words and, where a block follows, the statements in it."""

    words: tuple[Word, ...]
    body: list[Statement] | None = None
    opened: Position | None = None

    @property
    def keyword(self) -> Word:
        """The first word."""
        return self.words[0]

    @property
    def arguments(self) -> tuple[Word, ...]:
        """The words after the first."""
        return self.words[1:]


@dataclass(slots=True)
class _Builder:
    report: Report
    root: list[Statement] = field(default_factory=list)
    open: list[Statement] = field(default_factory=list)

    @property
    def current(self) -> list[Statement]:
        """The innermost open block."""
        body = self.open[-1].body if self.open else self.root
        assert body is not None
        return body

    def statement(self, found: list[Word]) -> None:
        if found:
            self.current.append(Statement(tuple(found)))
            found.clear()

    def opening(self, brace: Word) -> None:
        if len(self.open) >= MAX_NESTING:
            self.report.refuse(brace.at, f"blocks are nested deeper than {MAX_NESTING}")
            return
        last = self.current[-1] if self.current else None
        if last is None or last.body is not None:
            self.report.mistake(brace.at, "unexpected '{': expected a keyword before it")
            last = Statement((Word("", brace.at),))
            self.current.append(last)
        last.body = []
        last.opened = brace.at
        self.open.append(last)

    def closing(self, brace: Word) -> None:
        if self.open:
            self.open.pop()
        else:
            self.report.mistake(brace.at, "unexpected '}': no block is open here")


def parse(lines: Iterable[Line], report: Report) -> list[Statement]:
    """The statements at the top level. A statement whose first word is empty holds a block that no keyword opened."""
    builder = _Builder(report)
    for line in lines:
        found: list[Word] = []
        for word in words(line, report):
            if word.is_brace("{"):
                builder.statement(found)
                builder.opening(word)
            elif word.is_brace("}"):
                builder.statement(found)
                builder.closing(word)
            else:
                found.append(word)
        builder.statement(found)
    for left in builder.open:
        assert left.opened is not None
        report.mistake(left.opened, f"this '{{' is never closed: expected '}}' for {left.keyword.text!r}")
    return builder.root
