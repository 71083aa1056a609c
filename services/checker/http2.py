"""How does one unary gRPC call go over HTTP/2? The client's side of RFC 9113 as far as one request on one connection needs it.

Pure, bytes in and bytes out. The answer is bounded by `ANSWER_LIMIT` bytes of everything that the server sends, which is less
than the flow-control window that it starts with: no window ever needs to be opened.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from services.checker.hpack import Decoder, Header, Malformed, encode

ANSWER_LIMIT: Final = 48 * 1024
FRAME_LIMIT: Final = 16 * 1024  # SETTINGS_MAX_FRAME_SIZE where nobody has said anything else
PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_FRAME_HEAD: Final = struct.Struct(">BHBBI")  # length (8 + 16 bits), type, flags, stream

_DATA, _HEADERS, _SETTINGS, _PING, _CONTINUATION = 0, 1, 4, 6, 9
_END_STREAM, _ACK, _END_HEADERS, _PADDED, _PRIORITIZED = 0x1, 0x1, 0x4, 0x8, 0x20
_ENABLE_PUSH, _MAX_HEADER_LIST_SIZE = 2, 6
_STREAM: Final = 1
_LONGEST_MESSAGE: Final = 200

ERRORS: Final = (  # RFC 9113 section 7
    *("NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED"),
    *("FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM"),
    *("INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"),
)
STATUSES: Final = (  # of gRPC: statuscodes.md
    *("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS"),
    *("PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED"),
    *("INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"),
)


class Broken(Exception):
    """The connection or the call has come to a bad end, with the reason."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How a call ended: the status of gRPC, its message, and the bytes of the one message that came (None: none did)."""

    status: int
    words: str = ""
    message: bytes | None = None

    @property
    def status_name(self) -> str:
        """The status as gRPC calls it."""
        return STATUSES[self.status] if self.status < len(STATUSES) else str(self.status)


def request(scheme: str, authority: str, path: str, message: bytes) -> bytes:
    """All that a client sends for one call: preface, settings, headers and the message (at most some KiB)."""
    headers: list[Header] = [
        (b":method", b"POST"),
        (b":scheme", scheme.encode()),
        (b":path", path.encode()),
        (b":authority", authority.encode()),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
        (b"user-agent", b"vipkeeper"),
    ]
    settings = struct.pack(">HIHI", _ENABLE_PUSH, 0, _MAX_HEADER_LIST_SIZE, FRAME_LIMIT)
    body = b"\x00" + struct.pack(">I", len(message)) + message
    return b"".join(
        (
            PREFACE,
            _frame(_SETTINGS, 0, 0, settings),
            _frame(_HEADERS, _END_HEADERS, _STREAM, encode(headers)),
            _frame(_DATA, _END_STREAM, _STREAM, body),
        )
    )


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    size = len(payload)
    return _FRAME_HEAD.pack(size >> 16, size & 0xFFFF, kind, flags, stream) + payload


class Call:
    """Reads what the server sends. `feed` it; what `out` gives is to be sent."""

    __slots__ = ("_block", "_block_ends", "_body", "_buffer", "_decoder", "_headers", "_out", "_received", "_settled")

    def __init__(self) -> None:
        self._buffer = b""
        self._received = 0
        self._settled = False  # the server's settings have come
        self._decoder = Decoder()
        self._block: bytearray | None = None  # headers that a CONTINUATION goes on with
        self._block_ends = False  # ... and the stream ends with them
        self._headers: list[Header] | None = None  # of the response
        self._body = bytearray()
        self._out = bytearray()

    def out(self) -> bytes:
        """What must be sent now: answers to settings and pings."""
        found = bytes(self._out)
        self._out.clear()
        return found

    def feed(self, data: bytes) -> Answer | None:
        """More bytes came: the answer once it is complete.

        :raises Broken: there will be none.
        """
        self._received += len(data)
        self._buffer += data
        if not self._settled and self._buffer[:5] == b"HTTP/":
            raise Broken("the server speaks HTTP/1, and no HTTP/2")
        at = 0
        while len(self._buffer) - at >= _FRAME_HEAD.size:
            high, low, kind, flags, stream = _FRAME_HEAD.unpack_from(self._buffer, at)
            size = high << 16 | low
            if not self._settled and (kind != _SETTINGS or flags & _ACK):
                raise Broken("the server does not speak HTTP/2: its settings do not come first")
            if size > FRAME_LIMIT:
                raise Broken(f"a frame of {size} bytes, expected at most {FRAME_LIMIT}")
            start = at + _FRAME_HEAD.size
            if len(self._buffer) - start < size:
                break
            at = start + size
            answer = self._take(kind, flags, stream & 0x7FFFFFFF, self._buffer[start:at])
            if answer is not None:
                return answer
        self._buffer = self._buffer[at:]
        if self._received > ANSWER_LIMIT:
            raise Broken(f"the answer is longer than {ANSWER_LIMIT} bytes")
        return None

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> Answer | None:
        if self._block is not None and kind != _CONTINUATION:
            raise Broken("a frame within headers")
        match kind:
            case 0 | 1 | 3 | 9 if stream != _STREAM:  # DATA, HEADERS, RST_STREAM, CONTINUATION
                raise Broken(f"a frame for stream {stream}, which nobody has opened")
            case 0:
                return self._take_data(flags, payload)
            case 1:
                self._block = bytearray(_unprioritized(flags, _unpadded(flags, payload)))
                self._block_ends = bool(flags & _END_STREAM)
                return self._end_of_block() if flags & _END_HEADERS else None
            case 3:
                raise Broken(f"the server has reset the call: {_error(payload, 0)}")
            case 4 | 6 if stream:
                raise Broken("settings or a ping for one stream")
            case 4:
                self._take_settings(flags, payload)
            case 5:
                raise Broken("the server pushes, though it may not")
            case 6 if len(payload) != 8:
                raise Broken("a ping of another size than 8")
            case 6 if not flags & _ACK:
                self._out += _frame(_PING, _ACK, 0, payload)
            case 7:
                self._take_goaway(payload)
            case 9:
                return self._take_continuation(flags, payload)
            case _:  # PRIORITY, WINDOW_UPDATE, and what is unknown, means nothing to one short request
                pass
        return None

    def _take_settings(self, flags: int, payload: bytes) -> None:
        if len(payload) % 6 or (flags & _ACK and payload):
            raise Broken("settings of no valid size")
        if not flags & _ACK:
            self._settled = True
            self._out += _frame(_SETTINGS, _ACK, 0, b"")

    def _take_goaway(self, payload: bytes) -> None:
        if len(payload) < 8:
            raise Broken("a GOAWAY that is too short")
        last = int.from_bytes(payload[:4], "big") & 0x7FFFFFFF
        code = _error(payload, 4)
        if last < _STREAM or code != "NO_ERROR":
            words = payload[8 : 8 + _LONGEST_MESSAGE].decode("utf-8", "backslashreplace")
            raise Broken(f"the server goes away: {code}" + (f", {words!r}" if words else ""))

    def _take_continuation(self, flags: int, payload: bytes) -> Answer | None:
        if self._block is None:
            raise Broken("a continuation of nothing")
        self._block += payload
        return self._end_of_block() if flags & _END_HEADERS else None

    def _take_data(self, flags: int, payload: bytes) -> Answer | None:
        if self._headers is None:
            raise Broken("data before headers")
        self._body += _unpadded(flags, payload)
        if flags & _END_STREAM:
            raise Broken("the answer ends without a status of gRPC")
        return None

    def _end_of_block(self) -> Answer | None:
        assert self._block is not None
        block, self._block = bytes(self._block), None
        try:
            headers = self._decoder.decode(block)
        except Malformed as e:
            raise Broken(f"headers that cannot be decoded: {e}") from None
        found = dict(headers)
        if self._headers is None:
            status = found.get(b":status", b"")
            if status[:1] == b"1" and not self._block_ends:
                return None  # an interim response
            _judge(status, found.get(b"content-type", b""))
            self._headers = headers
        elif not self._block_ends:
            raise Broken("trailers that do not end the answer")
        return self._answer(found) if self._block_ends else None

    def _answer(self, trailers: dict[bytes, bytes]) -> Answer:
        status = trailers.get(b"grpc-status", b"")
        if not (status.isdigit() and len(status) <= 9):
            raise Broken("the answer ends without a status of gRPC")
        words = unquote_to_bytes(trailers.get(b"grpc-message", b"")[: 3 * _LONGEST_MESSAGE]).decode("utf-8", "backslashreplace")
        return Answer(int(status), words[:_LONGEST_MESSAGE], _message(bytes(self._body)))


def _judge(status: bytes, content_type: bytes) -> None:
    if status != b"200":
        raise Broken(f"HTTP status {status.decode('ascii', 'backslashreplace') or 'missing'}, expected 200")
    if not content_type.startswith(b"application/grpc"):
        raise Broken(f"content-type {content_type[:100].decode('ascii', 'backslashreplace')!r}, expected application/grpc")


def _message(body: bytes) -> bytes | None:
    """The one message of a body: a byte that says it is not compressed, four of length, and itself."""
    if not body:
        return None
    if body[0] or len(body) < 5 or int.from_bytes(body[1:5], "big") != len(body) - 5:
        raise Broken("the body is not one plain message of gRPC")
    return body[5:]


def _unpadded(flags: int, payload: bytes) -> bytes:
    if not flags & _PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise Broken("more padding than frame")
    return payload[1 : len(payload) - payload[0]]


def _unprioritized(flags: int, payload: bytes) -> bytes:
    if not flags & _PRIORITIZED:
        return payload
    if len(payload) < 5:
        raise Broken("headers that are too short for their priority")
    return payload[5:]


def _error(payload: bytes, at: int) -> str:
    code = int.from_bytes(payload[at : at + 4], "big")
    return ERRORS[code] if code < len(ERRORS) else f"error {code}"
