"""One HTTP answer, in whatever pieces it comes."""

from __future__ import annotations

import hashlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.checker.kinds.http import Url
from services.checker.probes.page import BODY_LIMIT, HEADER_LIMIT, Answer

BODY = b"hello, world\r\n\r\nand more"
DIGEST = hashlib.md5(BODY).hexdigest()


def verdict(url: Url, *pieces: bytes) -> str:
    """Feed the pieces, then close."""
    answer = Answer(url)
    for piece in pieces:
        if (said := answer.feed(piece)) is not None:
            return said
    return answer.closed()


def with_digest(status: tuple[tuple[int, int], ...] = ((200, 299),)) -> Url:
    return Url("/", "h", DIGEST, status)


@given(st.lists(st.integers(0, 200), max_size=6), st.booleans())
def test_pieces_make_no_difference(cuts: list[int], with_length: bool) -> None:
    length = b"Content-Length: %d\r\n" % len(BODY) if with_length else b""
    whole = b"HTTP/1.1 200 OK\r\nServer: x\r\n" + length + b"\r\n" + BODY
    edges = [0, *sorted(min(c, len(whole)) for c in cuts), len(whole)]
    pieces = [whole[a:b] for a, b in itertools.pairwise(edges)]
    assert verdict(with_digest(), *(p for p in pieces if p)) == ""


@given(st.binary(max_size=300))
def test_no_bytes_make_it_stumble(data: bytes) -> None:
    assert isinstance(verdict(with_digest(), data), str)


@given(st.binary(max_size=100))
def test_no_body_makes_it_stumble(data: bytes) -> None:
    assert isinstance(verdict(with_digest(), b"HTTP/1.0 200\r\nContent-Length: 5\r\n\r\n", data), str)


def test_the_digest_covers_at_most_content_length_bytes() -> None:
    head = b"HTTP/1.0 200 OK\r\ncontent-length:%d\r\n\r\n" % len(BODY)
    assert verdict(with_digest(), head + BODY + b"surplus") == ""
    assert verdict(with_digest(), head, BODY[:3], BODY[3:] + b"surplus") == ""


@pytest.mark.parametrize("header", [b"Content-Length: many", b"X-Content-Length: 3", b"Content-Length: -1"])
def test_a_length_that_is_none_is_ignored(header: bytes) -> None:
    assert verdict(with_digest(), b"HTTP/1.0 200 OK\r\n" + header + b"\r\n\r\n" + BODY) == ""


def test_an_answer_without_reason_phrase_is_understood() -> None:
    assert verdict(Url("/", "h"), b"HTTP/1.1 204\r\n\r\n") == ""


def test_the_wanted_codes_are_named() -> None:
    url = Url("/", "h", "", ((200, 200), (301, 302)))
    assert verdict(url, b"HTTP/1.1 404 No\r\n\r\n") == "status 404, expected 200 301-302"


def test_an_unfinished_header_is_told_from_none() -> None:
    assert verdict(Url("/", "h")) == "closed without an answer"
    assert verdict(Url("/", "h"), b"HTTP/1.0 200 OK\r\n") == "the answer ended within its header"


def test_lines_that_end_without_carriage_return_are_no_header() -> None:
    assert verdict(Url("/", "h"), b"HTTP/1.0 200 OK\n\nhi") == "the answer ended within its header"


def test_what_is_too_long_is_given_up() -> None:
    assert verdict(Url("/", "h"), b"HTTP/1.0 200 OK\r\n" + bytes(HEADER_LIMIT)).startswith("the answer's header is longer")
    assert verdict(Url("/", "h"), b"HTTP/1.0 200 OK\r\n\r\n", bytes(BODY_LIMIT), b"x").startswith("the page is longer")
