"""A pattern against a page that streams in."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.checker.kinds.http import Url
from services.checker.kinds.regex import Regex
from services.checker.pcre2 import OPTIONS, Outcome, Unusable, compiled
from services.checker.probes.page import Answer
from services.checker.probes.search import KEPT, PIECE, Search

ABSENT = "the page does not match the regex"


def said(regex: Regex, *pieces: bytes) -> str | None:
    search = Search(regex)
    for piece in pieces:
        if cause := search.feed(piece):
            return cause
    return search.end()


@pytest.mark.parametrize(
    ("regex", "pieces", "match"),
    [
        (Regex("hello"), (b"well, hel", b"lo"), True),
        (Regex("hello"), (b"well, hel", b"p"), False),
        (Regex("a+$"), (b"xaa", b"a"), True),
        (Regex("a+$"), (b"xaa", b"ab"), False),
        (Regex("^$"), (), True),
        (Regex("^$"), (b"x",), False),
        (Regex("^hello"), (b"x", b"hello"), False),
        (Regex(r"\Ahello"), (b"x" * PIECE, b"hello"), False),
        (Regex(r"(?<=\Aa)b"), (b"xa", b"b"), False),
        (Regex("^hello", ("multiline",)), (b"x\n", b"hello"), True),
        (Regex("(?<=xyz)hello"), (b"wxy", b"z", b"hello"), True),
        (Regex("(?<!xyz)hello"), (b"wxy", b"z", b"hello"), False),
        (Regex("hello(?! there)"), (b"hello", b" there"), False),
        (Regex("hello(?! there)"), (b"hello", b" where"), True),
        (Regex(r"\bhello\b"), (b"a ", b"hello", b" b"), True),
        (Regex(r"\bhello\b"), (b"a ", b"hello", b"s"), False),
        (Regex("ello", least=1), (b"hello",), True),
        (Regex("ello", least=2), (b"hello",), False),
        (Regex("ello", least=9), (b"hello",), False),
        (Regex("ello", least=PIECE + 1), (b"x" * PIECE, b"hello"), True),
        (Regex("ello", least=PIECE + 2), (b"x" * PIECE, b"hello"), False),
        (Regex("ello", last=1), (b"hello",), True),
        (Regex("ello", last=0), (b"hello",), False),
        (Regex("ello", last=PIECE), (b"x" * PIECE, b"ello"), True),
        (Regex("ello", last=PIECE - 1), (b"x" * PIECE, b"ello"), False),
        (Regex("^ello", least=1), (b"hello",), False),
        (Regex("x", ("firstline",)), (b"aaa", b"x\n"), True),
        (Regex("x", ("firstline",)), (b"aaa\n", b"x\n"), False),
        (Regex("x", ("firstline",)), (b"aaa", b"\n" + b"y" * 3 * PIECE, b"x\n"), False),
        (Regex("x", ("firstline",), least=4), (b"aaa\n", b"bbb", b"x\n"), True),
        (Regex("h.llo", ("utf",)), (b"h\xe2", b"\x82", b"\xacllo"), True),
        (Regex("h.{3}llo"), (b"h\xe2", b"\x82", b"\xacllo"), True),
        (Regex("(*UTF)^h.llo$"), (b"h\xe2\x82", b"\xacllo"), True),
        (Regex("(?<=€€)x", ("utf",)), ("€".encode() * 2000 + b"\xe2", b"\x82\xac", b"x"), True),
        (Regex("x", ("utf",), least=2), ("€x".encode(),), True),
        (Regex("h.llo", ("utf",)), (b"h\xfello \xff h\xf0",), False),
        (Regex("hello", ("utf",)), (b"\xff\x80\x80\x80\x80 hello \xc3",), True),
        (Regex("START.*END"), (b"START" + b"x" * (KEPT - 20), b"END"), True),
        (Regex("START.*END"), (b"START" + b"x" * 2 * KEPT, b"END"), False),
        (Regex("STARTx*y|ENDz"), (b"START" + b"x" * 2 * KEPT, b"ENDz"), True),
    ],
)
def test_a_pattern_means_the_same_however_the_page_comes(regex: Regex, pieces: tuple[bytes, ...], match: bool) -> None:
    assert said(regex, *pieces) == (None if match else ABSENT)
    unwanted = Regex(regex.pattern, regex.options, True, regex.least, regex.last)
    assert said(unwanted, *pieces) == ("the page matches the regex" if match else None)


PATTERNS = ("ab+c", "a.*c", "^a", "c$", "(?<=ab)c", "(?<!a)b", r"\bab", "a(?!b)", "(a|b)*c", r"(.)\1", "^$", "[^a]c|ba")


@given(
    st.sampled_from(PATTERNS),
    st.lists(st.sampled_from([b"a", b"b", b"c", b"\n", b"ab", b" "]), max_size=30),
    st.booleans(),
    st.integers(0, 5),
    st.none() | st.integers(0, 9),
)
def test_pieces_make_no_difference(pattern: str, pieces: list[bytes], multiline: bool, least: int, more: int | None) -> None:
    body = b"".join(pieces)
    last = None if more is None else least + more
    options = ("multiline",) if multiline else ()
    whole = compiled(pattern, options, bounded=last is not None)
    found = least <= len(body) and whole.search(body, least, last, more=False, limit=100_000).outcome is Outcome.MATCH
    assert (said(Regex(pattern, options, False, least, last), *pieces) is None) == found
    if "$" not in pattern and "^" not in pattern:  # which mean another thing to Python
        places = range(least, (len(body) if last is None else min(last, len(body))) + 1)
        assert found == any(re.compile(pattern.encode()).match(body, place) for place in places)


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=5), st.sampled_from(["é", ".é.", "[^a]", r"\w+", "é$"]))
def test_bytes_that_are_no_utf_8_harm_nobody(body: bytes, cuts: list[int], pattern: str) -> None:
    edges = [0, *sorted(min(c, len(body)) for c in cuts), len(body)]
    pieces = [body[a:b] for a, b in itertools.pairwise(edges)]
    assert said(Regex(pattern, ("utf",)), *pieces) == said(Regex(pattern, ("utf",)), body)


@pytest.mark.parametrize(
    ("pattern", "body"),
    [
        ("(a+)+$", b"a" * 4000 + b"b"),
        ("(?:a[^xy]*)+[^a]$", b"a" * 20_000 + b"xyb"),
        (r"(?s)(.*)(.*)(.*)\d", b"a" * 20_000),
        ("(a|aa)+$", b"a" * 20_000 + b"b"),
    ],
)
def test_a_pattern_that_never_ends_fails_its_own_check(pattern: str, body: bytes) -> None:
    assert "make it simpler" in str(said(Regex(pattern), body))
    assert "make it simpler" in str(said(Regex(pattern, (), True), body))


def test_a_page_of_16_mib_is_searched_whole() -> None:
    line = b"there is nothing to be found here, whatever you do\n"
    page = line * ((16 << 20) // len(line))
    assert said(Regex("found there"), page) == ABSENT
    assert said(Regex("found there"), page, b"found there") is None


def test_a_page_that_matches_and_has_another_status_fails_by_its_status() -> None:
    answer = Answer(Url("/", "h", regex=Regex("hello")))
    assert answer.feed(b"HTTP/1.0 500 No\r\nContent-Length: 5\r\n\r\nhello") == "status 500, expected 200-299"


def test_only_what_content_length_covers_is_searched() -> None:
    answer = Answer(Url("/", "h", regex=Regex("tail")))
    assert answer.feed(b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nbodytail") == ABSENT


def test_a_pattern_that_never_ends_ends_the_page() -> None:
    answer = Answer(Url("/", "h", regex=Regex("(a+)+$")))
    assert "make it simpler" in str(answer.feed(b"HTTP/1.0 200 OK\r\n\r\n" + b"a" * 5000 + b"b" * 5000))


@pytest.mark.parametrize("word", OPTIONS)
def test_every_option_of_keepalived_compiles(word: str) -> None:
    assert compiled("a", (word,)) is compiled("a", (word,))


def test_an_attempt_that_the_library_refuses_is_told() -> None:
    with pytest.raises(Unusable, match="bad offset"):
        compiled("a").search(b"abc", 7, None, more=False, limit=100)


def test_a_pattern_that_cannot_be_used_any_more_fails_its_own_check() -> None:
    """As where the library has been taken away since the configuration was accepted."""
    search = Search(Regex("("))
    assert search.feed(b"x") == search.end() == "regex: missing closing parenthesis"


def test_without_the_library_a_pattern_is_refused_and_says_what_to_install() -> None:
    program = (
        "import services.checker.pcre2 as pcre2; pcre2.LIBRARY = 'libpcre2-nowhere.so.0'\n"
        "from services.checker.kinds.regex import regex_of\n"
        "from services.common.errors import InvalidValue\n"
        "try: regex_of({'regex': 'a'})\n"
        "except InvalidValue as e: print(e)"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "needs the library PCRE2 (libpcre2-nowhere.so.0), which is not installed; install it (Debian: libpcre2-8-0)" in told
