"""What is asked for a page, and is the answer as expected? HTTP as keepalived 2.2.7 speaks it; knows no sockets.

The digest covers the body as it came (nothing is decoded, not even chunks), at most Content-Length bytes of it; so does the
regex. A page is complete at its Content-Length, else when the server closes; one that is cut short is judged by what came,
as keepalived does. A header has at most 64 KiB and a body 16 MiB.
"""

from __future__ import annotations

import hashlib
import re

from services.checker.kinds.http import Url
from services.checker.probes.search import Search

HEADER_LIMIT = 64 * 1024
BODY_LIMIT = 16 * 1024 * 1024

_STATUS_LINE = re.compile(rb"HTTP/\d+\.\d+ (\d{3})(?:[ \r])")
_CONTENT_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r")


def request(url: Url, http_protocol: str) -> bytes:
    """The request for one page, byte for byte keepalived's."""
    version = http_protocol.removesuffix("C")
    close = "" if http_protocol == "1.0" else "Connection: close\r\n"
    text = f"GET {url.path} HTTP/{version}\r\nUser-Agent: KeepAliveClient\r\n{close}Host: {url.host}\r\n\r\n"
    return text.encode()


class Answer:
    """Reads one HTTP answer piece by piece, and judges it. Knows no sockets."""

    __slots__ = ("_digest", "_head", "_length", "_received", "_search", "_status", "_url")

    def __init__(self, url: Url) -> None:
        self._url = url
        self._head: bytes | None = b""
        self._status = 0
        self._length: int | None = None
        self._received = 0
        self._digest = hashlib.md5(usedforsecurity=False) if url.digest else None
        self._search = Search(url.regex) if url.regex else None

    def feed(self, data: bytes) -> str | None:
        """More bytes came: None if the page goes on, else the verdict: empty, or what is wrong."""
        if self._head is None:
            return self._body(data)
        head = self._head + data if self._head else data
        end = head.find(b"\r\n\r\n")
        if end < 0:
            if len(head) > HEADER_LIMIT:
                return f"the answer's header is longer than {HEADER_LIMIT} bytes"
            self._head = head
            return None
        match = _STATUS_LINE.match(head)
        if match is None:
            return f"the answer does not begin with an HTTP status: {head[:40]!r}"
        self._status = int(match[1])
        length = _CONTENT_LENGTH.search(head[: end + 2].lower())
        self._length = int(length[1]) if length else None
        self._head = None
        return self._body(head[end + 4 :])

    def closed(self) -> str:
        """The server closed: the verdict."""
        if self._head is None:
            return self._verdict()
        return "the answer ended within its header" if self._head else "closed without an answer"

    def _body(self, data: bytes) -> str | None:
        if self._digest is not None or self._search is not None:
            mine = data if self._length is None else data[: max(0, self._length - self._received)]
            if self._digest is not None:
                self._digest.update(mine)
            if self._search is not None and (cause := self._search.feed(mine)):
                return cause
        self._received += len(data)
        if self._length is not None and self._received >= self._length:
            return self._verdict()
        if self._received > BODY_LIMIT:
            return f"the page is longer than {BODY_LIMIT} bytes"
        return None

    def _verdict(self) -> str:
        if not any(low <= self._status <= high for low, high in self._url.status):
            return f"status {self._status}, expected {_codes(self._url.status)}"
        if self._digest is not None and (digest := self._digest.hexdigest()) != self._url.digest:
            return f"digest {digest}, expected {self._url.digest}"
        return (self._search.end() if self._search is not None else None) or ""


def _codes(ranges: tuple[tuple[int, int], ...]) -> str:
    return " ".join(str(low) if low == high else f"{low}-{high}" for low, high in ranges)
