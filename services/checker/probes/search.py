"""Does a page match its pattern while it streams in? Bounded in memory, and in what it may cost the other checks.

The body is looked at in pieces of `PIECE` bytes. What may be the beginning of a match is kept, at most `KEPT` bytes of it, so
that a match may span that much wherever the network cuts the page (keepalived: 4 KiB, less the header's length). Every
attempt has a limit of steps, which rises as long as steps turn out to be cheap; a page as a whole has `BUDGET` of processor
time. A pattern that wants more fails its own check.
"""

from __future__ import annotations

import time
from typing import Final

from services.checker.kinds.regex import Regex
from services.checker.pcre2 import Found, Outcome, Pattern, Unusable, compiled

PIECE: Final = 4096
KEPT: Final = 8192
BUDGET: Final = 250_000_000  # nanoseconds of processor time for one page
_LIMITS: Final = (1_000, 8_000, 64_000)  # steps; a step costs at most PIECE + KEPT bytes, nearly always a few
_CHEAP: Final = 2_000_000  # nanoseconds: an attempt that took less may have the next limit


class Search:
    """One page against one pattern. `feed` pieces of the body, then `end`; both give what is wrong, or None."""

    __slots__ = ("_at", "_base", "_cpu", "_first_line_end", "_found", "_over", "_pattern", "_regex", "_window")

    def __init__(self, regex: Regex) -> None:
        self._regex = regex
        self._pattern: Pattern | None = None
        self._window = b""  # the part of the body that is kept
        self._base = 0  # its offset
        self._at = regex.least  # where the next match may begin
        self._first_line_end: int | None = None  # with firstline: where it is, once it has come
        self._over = False
        self._found = False
        self._cpu = 0

    def feed(self, data: bytes) -> str | None:
        """More of the body: None if nothing is wrong so far."""
        try:
            return self._feed(self._compiled(), data)
        except Unusable as e:  # the library has gone since the pattern was accepted
            return f"regex: {e}"

    def end(self) -> str | None:
        """The body is complete: None if it is as wanted."""
        try:
            if not self._over and (cause := self._look(self._compiled(), len(self._window), more=False)):
                return cause
        except Unusable as e:
            return f"regex: {e}"
        if self._found is not self._regex.unwanted:
            return None
        return "the page matches the regex" if self._found else "the page does not match the regex"

    def _compiled(self) -> Pattern:
        if self._pattern is None:
            self._pattern = compiled(self._regex.pattern, self._regex.options, bounded=self._regex.last is not None)
        return self._pattern

    def _feed(self, pattern: Pattern, data: bytes) -> str | None:
        for i in range(0, len(data), PIECE):
            if self._over:
                return None
            self._window += data[i : i + PIECE]
            if cause := self._look(pattern, len(self._window) - (self._split() if pattern.utf else 0), more=True):
                return cause
            self._forget(pattern)
        return None

    def _look(self, pattern: Pattern, length: int, *, more: bool) -> str | None:
        start = self._at - self._base
        if start > length:
            return None
        text = self._window[:length]
        last = None if self._regex.last is None else self._regex.last - self._base
        if (last is not None and last < start) or (pattern.first_line and self._past_first_line(text)):
            self._over = True
            return None
        if pattern.utf:  # a match begins with a character
            while start < length and text[start] & 0xC0 == 0x80:
                start += 1
        found = self._attempt(pattern, text, start, last, more)
        match found.outcome:
            case Outcome.MATCH:
                self._over = self._found = True
            case Outcome.PARTIAL:
                self._at = self._base + found.at
            case Outcome.NO_MATCH:
                self._at = self._base + length
            case Outcome.LIMIT:
                return "the regex takes too many steps on this page; make it simpler"
        if self._cpu > BUDGET:
            return f"the regex takes more than {BUDGET / 1e9:g} s of processor time on this page; make it simpler"
        return None

    def _attempt(self, pattern: Pattern, text: bytes, start: int, last: int | None, more: bool) -> Found:
        found = Found(Outcome.LIMIT)
        for limit in _LIMITS:
            before = time.thread_time_ns()
            found = pattern.search(text, start, last, more=more, limit=limit)
            took = time.thread_time_ns() - before
            self._cpu += took
            if found.outcome is not Outcome.LIMIT or took > _CHEAP:
                break
        return found

    def _past_first_line(self, text: bytes) -> bool:
        """With firstline a match begins in the first line (after regex_min_offset), which may have ended some pieces ago."""
        if self._first_line_end is None:
            found = text.find(b"\n", max(0, self._regex.least - self._base))
            self._first_line_end = self._base + found if found >= 0 else None
        return self._first_line_end is not None and self._at > self._first_line_end

    def _split(self) -> int:
        """How many bytes at the end are, in UTF-8, the beginning of a character that goes on in the next piece."""
        for back in range(1, min(3, len(self._window)) + 1):
            byte = self._window[-back]
            if byte >= 0xC0:
                wanted = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
                return back if back < wanted else 0
            if byte < 0x80:
                return 0
        return 0

    def _forget(self, pattern: Pattern) -> None:
        """Keep what the next match may begin with, and what its pattern looks back at."""
        width = 4 if pattern.utf else 1
        end = self._base + len(self._window)
        self._at = max(self._at, end - KEPT)
        context = min(pattern.lookbehind * width, KEPT) + width  # one more: the window's start is not the body's
        cut = min(self._at - context, end) - self._base
        while pattern.utf and 0 < cut < len(self._window) and self._window[cut] & 0xC0 == 0x80:
            cut -= 1
        if cut > 0:
            self._base += cut
            self._window = self._window[cut:]
