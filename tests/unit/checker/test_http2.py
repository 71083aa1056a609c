"""One call over HTTP/2, whatever the server sends."""

from __future__ import annotations

import contextlib
import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.checker.hpack import encode
from services.checker.http2 import ANSWER_LIMIT, FRAME_LIMIT, PREFACE, Answer, Broken, Call, request

OK = (b":status", b"200")
GRPC = (b"content-type", b"application/grpc+proto")
MESSAGE = b"\x08\x01"


def frame(kind: int, flags: int = 0, stream: int = 1, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


SETTINGS = frame(4, stream=0)
HEADERS = frame(1, 4, payload=encode([OK, GRPC]))
DATA = frame(0, payload=b"\x00" + struct.pack(">I", len(MESSAGE)) + MESSAGE)
TRAILERS = frame(1, 5, payload=encode([(b"grpc-status", b"0")]))
WHOLE = SETTINGS + HEADERS + DATA + TRAILERS


def heard(*pieces: bytes) -> Answer | None:
    call = Call()
    return next((answer for piece in pieces if (answer := call.feed(piece)) is not None), None)


def test_an_answer_is_status_and_message() -> None:
    assert heard(WHOLE) == Answer(0, "", MESSAGE)
    assert heard(WHOLE[:-1]) is None


@given(st.lists(st.integers(0, len(WHOLE)), max_size=8))
def test_pieces_make_no_difference(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(WHOLE)]
    assert heard(*(WHOLE[a:b] for a, b in itertools.pairwise(edges))) == Answer(0, "", MESSAGE)


def test_an_answer_may_be_trailers_alone() -> None:
    words = encode([OK, GRPC, (b"grpc-status", b"5"), (b"grpc-message", b"no such%20thing %E2%82%AC %zz")])
    assert heard(SETTINGS, frame(1, 5, payload=words)) == Answer(5, "no such thing € %zz")
    assert Answer(5).status_name == "NOT_FOUND"
    assert Answer(99).status_name == "99"


def test_padding_priorities_interim_responses_and_continuations_are_understood() -> None:
    block = encode([OK, GRPC])
    assert heard(
        SETTINGS,
        frame(1, 4, payload=encode([(b":status", b"103")])),
        frame(1, 0x28, payload=b"\x03" + bytes(5) + block[:9] + bytes(3)),
        frame(9, 0, payload=block[9:20]),
        frame(9, 4, payload=block[20:]),
        frame(0, 8, payload=b"\x02" + b"\x00\x00\x00\x00\x02" + MESSAGE + bytes(2)),
        TRAILERS,
    ) == Answer(0, "", MESSAGE)


def test_settings_and_pings_are_answered_and_the_rest_is_passed_over() -> None:
    call = Call()
    assert call.feed(frame(4, stream=0, payload=bytes(6))) is None
    assert call.out() == frame(4, 1, 0)
    assert call.feed(frame(6, stream=0, payload=b"12345678")) is None
    assert call.out() == frame(6, 1, 0, b"12345678")
    goodbye = frame(7, stream=0, payload=struct.pack(">II", 1, 0))
    rest = (
        frame(6, 1, 0, bytes(8)),
        frame(4, 1, 0),
        frame(8, 0, 0, bytes(4)),
        frame(2, 0, 3, bytes(5)),
        frame(77, 9, 9),
        goodbye,
    )
    assert call.feed(b"".join(rest)) is None
    assert call.out() == b""
    assert call.feed(HEADERS + DATA + TRAILERS) == Answer(0, "", MESSAGE)


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [
        ((b"HTTP/1.1 400 Bad Request\r\n\r\n",), "the server speaks HTTP/1, and no HTTP/2"),
        ((b"220 mail.example ESMTP\r\n",), "the server does not speak HTTP/2: its settings do not come first"),
        ((frame(4, 1, 0),), "its settings do not come first"),
        ((SETTINGS, frame(0, payload=bytes(FRAME_LIMIT + 1))), f"a frame of {FRAME_LIMIT + 1} bytes"),
        ((SETTINGS, frame(1, 4, 2, b"")), "a frame for stream 2"),
        ((SETTINGS, frame(3, payload=struct.pack(">I", 7))), "the server has reset the call: REFUSED_STREAM"),
        ((SETTINGS, frame(3, payload=struct.pack(">I", 77))), "the server has reset the call: error 77"),
        ((SETTINGS, frame(4, stream=1)), "settings or a ping for one stream"),
        ((SETTINGS, frame(4, stream=0, payload=b"x")), "settings of no valid size"),
        ((SETTINGS, frame(4, 1, stream=0, payload=bytes(6))), "settings of no valid size"),
        ((SETTINGS, frame(5, payload=b"")), "the server pushes"),
        ((SETTINGS, frame(6, stream=0, payload=b"x")), "a ping of another size"),
        ((SETTINGS, frame(7, stream=0, payload=b"x")), "a GOAWAY that is too short"),
        ((SETTINGS, frame(7, stream=0, payload=struct.pack(">II", 0, 0))), "the server goes away: NO_ERROR$"),
        (
            (SETTINGS, frame(7, stream=0, payload=struct.pack(">II", 1, 11) + b"too many")),
            "the server goes away: ENHANCE_YOUR_CALM, 'too many'",
        ),
        ((SETTINGS, frame(9, 4, payload=b"")), "a continuation of nothing"),
        ((SETTINGS, frame(1, 0, payload=b""), SETTINGS), "a frame within headers"),
        ((SETTINGS, DATA), "data before headers"),
        ((SETTINGS, HEADERS, frame(0, 1)), "the answer ends without a status of gRPC"),
        ((SETTINGS, HEADERS, frame(1, 5, payload=encode([(b"x", b"y")]))), "the answer ends without a status of gRPC"),
        ((SETTINGS, HEADERS, HEADERS), "trailers that do not end the answer"),
        ((SETTINGS, frame(1, 4, payload=encode([(b":status", b"404")]))), "HTTP status 404, expected 200"),
        ((SETTINGS, frame(1, 5, payload=encode([(b":status", b"100")]))), "HTTP status 100, expected 200"),
        ((SETTINGS, frame(1, 4, payload=encode([GRPC]))), "HTTP status missing, expected 200"),
        (
            (SETTINGS, frame(1, 4, payload=encode([OK, (b"content-type", b"text/html")]))),
            "content-type 'text/html', expected application/grpc",
        ),
        ((SETTINGS, frame(1, 4, payload=b"\x80")), "headers that cannot be decoded: there is no entry 0"),
        ((SETTINGS, frame(1, 0xC, payload=b"")), "more padding than frame"),
        ((SETTINGS, frame(1, 0xC, payload=b"\x02a")), "more padding than frame"),
        ((SETTINGS, frame(1, 0x24, payload=b"abc")), "too short for their priority"),
        ((SETTINGS, HEADERS, frame(0, payload=b"\x01\x00\x00\x00\x00"), TRAILERS), "not one plain message"),
        ((SETTINGS, HEADERS, frame(0, payload=b"\x00\x00\x00\x00\x09x"), TRAILERS), "not one plain message"),
        ((SETTINGS, HEADERS, frame(0, payload=b"\x00\x00"), TRAILERS), "not one plain message"),
        ((SETTINGS, *[frame(99, 0, 0, bytes(16000))] * 4), f"the answer is longer than {ANSWER_LIMIT} bytes"),
    ],
)
def test_what_is_no_answer_is_told(pieces: tuple[bytes, ...], reason: str) -> None:
    with pytest.raises(Broken, match=reason):
        heard(*pieces)


@given(st.lists(st.binary(max_size=100), max_size=5), st.booleans())
def test_garbage_is_broken_or_waited_for_and_nothing_else(pieces: list[bytes], settled: bool) -> None:
    with contextlib.suppress(Broken):
        assert heard(*([SETTINGS] if settled else []), *pieces) is None


@given(st.data())
def test_an_answer_with_bent_bytes_never_does_anything_else_either(data: st.DataObject) -> None:
    bent = bytearray(WHOLE)
    for place in data.draw(st.lists(st.integers(0, len(bent) - 1), max_size=3)):
        bent[place] = data.draw(st.integers(0, 255))
    with contextlib.suppress(Broken):
        heard(bytes(bent))


def test_a_request_is_preface_settings_headers_and_one_message() -> None:
    sent = request("http", "a:1", "/p", b"xy")
    assert sent.startswith(PREFACE)
    settings = frame(4, 0, 0, struct.pack(">HIHI", 2, 0, 6, FRAME_LIMIT))
    assert sent[len(PREFACE) :].startswith(settings)
    assert sent.endswith(frame(0, 1, 1, b"\x00\x00\x00\x00\x02xy"))
