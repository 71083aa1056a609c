"""Does a text match a pattern of PCRE2, keepalived's own regular expressions? The system's library, called by ctypes.

Pure, as `re` is: an answer depends on nothing but pattern and text (pcre2api(3), pcre2partial(3)). The library's just-in-time
compiler is not used: it needs memory that is both writable and executable, which the services' units deny.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Mapping
from enum import Enum
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple

LIBRARY: Final = "libpcre2-8.so.0"
HEAP_LIMIT_KIB: Final = 8192

OPTIONS: Final[Mapping[str, int]] = MappingProxyType(  # keepalived's words for the options of pcre2_compile()
    {
        "allow_empty_class": 0x00000001,
        "alt_bsux": 0x00000002,
        "auto_callout": 0x00000004,
        "caseless": 0x00000008,
        "dollar_endonly": 0x00000010,
        "dotall": 0x00000020,
        "dupnames": 0x00000040,
        "extended": 0x00000080,
        "firstline": 0x00000100,
        "match_unset_backref": 0x00000200,
        "multiline": 0x00000400,
        "never_ucp": 0x00000800,
        "never_utf": 0x00001000,
        "no_auto_capture": 0x00002000,
        "no_auto_possess": 0x00004000,
        "no_dotstar_anchor": 0x00008000,
        "no_start_optimize": 0x00010000,
        "ucp": 0x00020000,
        "ungreedy": 0x00040000,
        "utf": 0x00080000,
        "never_backslash_c": 0x00100000,
        "alt_circumflex": 0x00200000,
        "alt_verbnames": 0x00400000,
        "use_offset_limit": 0x00800000,
    }
)
_FIRSTLINE: Final = OPTIONS["firstline"]
_UTF: Final = OPTIONS["utf"]
_USE_OFFSET_LIMIT: Final = OPTIONS["use_offset_limit"]
_MATCH_INVALID_UTF: Final = 0x04000000
_PARTIAL_HARD: Final = 0x00000020
_INFO_ALLOPTIONS: Final = 0
_INFO_MAXLOOKBEHIND: Final = 15
_ERROR_NOMATCH: Final = -1
_ERROR_PARTIAL: Final = -2
_ERRORS_OF_LIMITS: Final = (-47, -53, -63)  # match, depth and heap limit
_NO_LIMIT: Final = ctypes.c_size_t(-1).value


class Unusable(Exception):
    """A pattern that cannot be used, with the reason; `at`: the place in it, in characters, None where there is none."""

    def __init__(self, reason: str, at: int | None = None) -> None:
        super().__init__(reason)
        self.at = at


class Outcome(Enum):
    """What became of one attempt."""

    MATCH = "match"
    NO_MATCH = "no match"
    PARTIAL = "partial"  # the text ends within what may become a match
    LIMIT = "limit"  # the attempt was given up


class Found(NamedTuple):
    """An outcome; `at` is where a partial match begins."""

    outcome: Outcome
    at: int = 0


class Pattern:
    """A compiled pattern. `lookbehind`: how many characters before a match it looks at."""

    __slots__ = ("_code", "_library", "first_line", "lookbehind", "utf")

    def __init__(self, library: _Library, code: int) -> None:
        self._library = library
        self._code = code
        options = library.info(code, _INFO_ALLOPTIONS)
        self.first_line = bool(options & _FIRSTLINE)
        self.utf = bool(options & _UTF)
        self.lookbehind = library.info(code, _INFO_MAXLOOKBEHIND)

    def search(self, text: bytes, start: int, last: int | None, *, more: bool, limit: int) -> Found:
        """Look for a match that begins in `text` from `start` to `last` (None: anywhere).

        With `more`, text may follow: whatever that could change is PARTIAL. `limit`: steps back after which it is given up;
        each costs at most the length of the text.
        """
        rest = _NO_LIMIT if last is None else last
        code, at = self._library.match(self._code, text, start, rest, _PARTIAL_HARD if more else 0, limit)
        if code >= 0:
            return Found(Outcome.MATCH)
        if code == _ERROR_NOMATCH:
            return Found(Outcome.NO_MATCH)
        if code == _ERROR_PARTIAL:
            return Found(Outcome.PARTIAL, at)
        if code in _ERRORS_OF_LIMITS:
            return Found(Outcome.LIMIT)
        raise Unusable(self._library.words(code))

    def __del__(self) -> None:
        self._library.free(self._code)


@lru_cache(4096)
def compiled(pattern: str, options: tuple[str, ...] = (), *, bounded: bool = False) -> Pattern:
    """A pattern ready for searching, the same one for the same words. `bounded`: `last` will be given.

    :raises Unusable: it is none, or there is no library.
    """
    library = _library()
    bits = _bits(options) | (_USE_OFFSET_LIMIT if bounded else 0)
    if bits & _UTF:
        bits |= _MATCH_INVALID_UTF  # what is no UTF-8 matches nothing, and costs the rest of the page no match
    text = pattern.encode()
    code = library.compile(text, bits)
    if not bits & _UTF and library.info(code, _INFO_ALLOPTIONS) & _UTF:  # by (*UTF) in the pattern
        library.free(code)
        code = library.compile(text, bits | _MATCH_INVALID_UTF)
    return Pattern(library, code)


def _bits(options: Iterable[str]) -> int:
    bits = 0
    for word in options:
        bits |= OPTIONS[word]
    return bits


class _Library:
    """The functions of the library, with one room for matches that all patterns share (there is one thread)."""

    def __init__(self) -> None:
        it = ctypes.PyDLL(LIBRARY)  # with the lock of the interpreter held: calls are short
        pointer, size, u32, number = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint32, ctypes.c_int
        self._compile = it.pcre2_compile_8
        self._compile.restype = pointer
        self._compile.argtypes = [ctypes.c_char_p, size, u32, ctypes.POINTER(number), ctypes.POINTER(size), pointer]
        self._match = it.pcre2_match_8
        self._match.argtypes = [pointer, ctypes.c_char_p, size, size, u32, pointer, pointer]
        self._info = it.pcre2_pattern_info_8
        self._info.argtypes = [pointer, u32, pointer]
        self._words = it.pcre2_get_error_message_8
        self._words.argtypes = [number, ctypes.c_char_p, size]
        self._set_match_limit = it.pcre2_set_match_limit_8
        self._set_match_limit.argtypes = [pointer, u32]
        self._set_offset_limit = it.pcre2_set_offset_limit_8
        self._set_offset_limit.argtypes = [pointer, size]
        self._free = it.pcre2_code_free_8
        self._free.argtypes = [pointer]
        self._free.restype = None
        it.pcre2_match_data_create_8.restype = pointer
        it.pcre2_match_data_create_8.argtypes = [u32, pointer]
        it.pcre2_match_context_create_8.restype = pointer
        it.pcre2_match_context_create_8.argtypes = [pointer]
        it.pcre2_get_ovector_pointer_8.restype = ctypes.POINTER(size)
        it.pcre2_get_ovector_pointer_8.argtypes = [pointer]
        it.pcre2_set_heap_limit_8.argtypes = [pointer, u32]
        self._data: Any = it.pcre2_match_data_create_8(1, None)
        self._context: Any = it.pcre2_match_context_create_8(None)
        if not self._data or not self._context:
            raise MemoryError("PCRE2 has no memory for matches")
        it.pcre2_set_heap_limit_8(self._context, HEAP_LIMIT_KIB)
        self._places = it.pcre2_get_ovector_pointer_8(self._data)

    def compile(self, pattern: bytes, bits: int) -> int:
        """:raises Unusable: it is no pattern."""
        error, at = ctypes.c_int(), ctypes.c_size_t()
        code: int | None = self._compile(pattern, len(pattern), bits, ctypes.byref(error), ctypes.byref(at), None)
        if code is None:
            raise Unusable(self.words(error.value), len(pattern[: at.value].decode(errors="ignore")))
        return code

    def match(self, code: int, text: bytes, start: int, last: int, options: int, limit: int) -> tuple[int, int]:
        """What pcre2_match() gives, and where the match begins."""
        self._set_match_limit(self._context, limit)
        self._set_offset_limit(self._context, last)
        result: int = self._match(code, text, len(text), start, options, self._data, self._context)
        return result, self._places[0]

    def info(self, code: int, what: int) -> int:
        """One of the numbers that the library keeps of a pattern."""
        value = ctypes.c_uint32()
        self._info(code, what, ctypes.byref(value))
        return value.value

    def words(self, error: int) -> str:
        """An error of the library, in its words."""
        room = ctypes.create_string_buffer(256)
        self._words(error, room, len(room))
        return room.value.decode("ascii", "replace")

    def free(self, code: int) -> None:
        """Forget a compiled pattern."""
        self._free(code)


@cache
def _library() -> _Library:
    try:
        return _Library()
    except OSError:
        raise Unusable(
            f"needs the library PCRE2 ({LIBRARY}), which is not installed; install it (Debian: libpcre2-8-0)"
        ) from None
