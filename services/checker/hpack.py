"""What do compressed headers of HTTP/2 say? RFC 7541: a decoder with everything in it, an encoder without compression.

Pure. Bounds: numbers below 2**24, lists of at most `LIST_LIMIT` bytes, a dynamic table of at most `TABLE_LIMIT`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

TABLE_LIMIT: Final = 4096  # SETTINGS_HEADER_TABLE_SIZE where nobody has said anything else
LIST_LIMIT: Final = 16 * 1024
_OVERHEAD: Final = 32  # of an entry (section 4.1)

Header = tuple[bytes, bytes]


class Malformed(Exception):
    """These headers cannot be decoded; nothing that follows on the connection can."""


_STATIC: Final[tuple[Header, ...]] = tuple(  # Appendix A, from index 1
    (name, value)
    for name, *values in (
        (b":authority", b""),
        (b":method", b"GET", b"POST"),
        (b":path", b"/", b"/index.html"),
        (b":scheme", b"http", b"https"),
        (b":status", b"200", b"204", b"206", b"304", b"400", b"404", b"500"),
        (b"accept-charset", b""),
        (b"accept-encoding", b"gzip, deflate"),
        *(
            (name, b"")
            for name in (
                b"accept-language accept-ranges accept access-control-allow-origin age allow authorization cache-control "
                b"content-disposition content-encoding content-language content-length content-location content-range "
                b"content-type cookie date etag expect expires from host if-match if-modified-since if-none-match if-range "
                b"if-unmodified-since last-modified link location max-forwards proxy-authenticate proxy-authorization range "
                b"referer refresh retry-after server set-cookie strict-transport-security transfer-encoding user-agent vary "
                b"via www-authenticate"
            ).split()
        ),
    )
    for value in values
)

# Appendix B: the symbols by the length of their codes, which follow each other in this order. 256 is the end of a string.
_BY_LENGTH: Final[dict[int, Iterable[int]]] = {
    5: b"012aceiost",
    6: b" %-./3456789=A_bdfghlmnpru",
    7: b":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz",
    8: b"&*,;XZ",
    10: b'!"()?',
    11: b"'+|",
    12: b"#>",
    13: b"\x00$@[]~",
    14: b"^}",
    15: b"<`{",
    19: b"\x5c\xc3\xd0",
    20: b"\x80\x82\x83\xa2\xb8\xc2\xe0\xe2",
    21: b"\x99\xa1\xa7\xac\xb0\xb1\xb3\xd1\xd8\xd9\xe3\xe5\xe6",
    22: b"\x81\x84\x85\x86\x88\x92\x9a\x9c\xa0\xa3\xa4\xa9\xaa\xad\xb2\xb5\xb9\xba\xbb\xbd\xbe\xc4\xc6\xe4\xe8\xe9",
    23: b"\x01\x87\x89\x8a\x8b\x8c\x8d\x8f\x93\x95\x96\x97\x98\x9b\x9d\x9e\xa5\xa6\xa8\xae\xaf\xb4\xb6\xb7\xbc\xbf\xc5\xe7\xef",
    24: b"\x09\x8e\x90\x91\x94\x9f\xab\xce\xd7\xe1\xec\xed",
    25: b"\xc7\xcf\xea\xeb",
    26: b"\xc0\xc1\xc8\xc9\xca\xcd\xd2\xd5\xda\xdb\xee\xf0\xf2\xf3\xff",
    27: b"\xcb\xcc\xd3\xd4\xd6\xdd\xde\xdf\xf1\xf4\xf5\xf6\xf7\xf8\xfa\xfb\xfc\xfd\xfe",
    28: b"\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0e\x0f\x10\x11\x12\x13\x14\x15\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f\xdc\xf9",
    30: (0x0A, 0x0D, 0x16, 256),
}
_END_OF_STRING: Final = 256


def _codes() -> dict[tuple[int, int], int]:
    """Symbols by the length and the bits of their codes."""
    found: dict[tuple[int, int], int] = {}
    code = length = 0
    for longer, symbols in _BY_LENGTH.items():
        code <<= longer - length
        length = longer
        for symbol in symbols:
            found[length, code] = symbol
            code += 1
    return found


_SYMBOLS: Final = _codes()


def unhuffman(data: bytes) -> bytes:
    """A string out of its code (section 5.2).

    :raises Malformed: it holds the end-of-string symbol, or ends in what is no padding.
    """
    found = bytearray()
    code = length = 0
    for byte in data:
        for shift in range(7, -1, -1):
            code = code << 1 | (byte >> shift & 1)
            length += 1
            symbol = _SYMBOLS.get((length, code))
            if symbol is not None:
                if symbol == _END_OF_STRING:
                    raise Malformed("a string contains its end")
                found.append(symbol)
                code = length = 0
    if length > 7 or code != (1 << length) - 1:
        raise Malformed("a string ends in what is no padding")
    return bytes(found)


def encode(headers: Iterable[Header]) -> bytes:
    """A header block without indices and without compression, which every peer understands (section 6.2.2)."""
    return b"".join(b"\x00" + _string(name) + _string(value) for name, value in headers)


def _string(text: bytes) -> bytes:
    return _number(len(text)) + text


def _number(value: int) -> bytes:
    """A number with a prefix of seven bits, the eighth being 0 (section 5.1)."""
    if value < 127:
        return bytes((value,))
    found = bytearray((127,))
    value -= 127
    while value >= 128:
        found.append(value & 127 | 128)
        value >>= 7
    found.append(value)
    return bytes(found)


class Decoder:
    """Decodes the header blocks of one connection, in order."""

    def __init__(self) -> None:
        self._entries: deque[Header] = deque()  # the newest first
        self._size = 0
        self._limit = TABLE_LIMIT

    def decode(self, block: bytes) -> list[Header]:
        """The headers of a whole block.

        :raises Malformed: it is none, or more than the bounds allow.
        """
        found: list[Header] = []
        size = at = 0
        while at < len(block):
            byte = block[at]
            if byte & 0xE0 == 0x20:
                if found:
                    raise Malformed("a change of the table's size behind a header")
                limit, at = _read_number(block, at, 5)
                if limit > TABLE_LIMIT:
                    raise Malformed(f"a table of {limit} bytes")
                self._limit = limit
                self._evict()
                continue
            header, at = self._header(block, at)
            size += len(header[0]) + len(header[1]) + _OVERHEAD
            if size > LIST_LIMIT:
                raise Malformed(f"more than {LIST_LIMIT} bytes of headers")
            found.append(header)
        return found

    def _header(self, block: bytes, at: int) -> tuple[Header, int]:
        byte = block[at]
        if byte & 0x80:  # section 6.1
            index, at = _read_number(block, at, 7)
            return self._entry(index), at
        keep = byte & 0xC0 == 0x40  # section 6.2
        index, at = _read_number(block, at, 6 if keep else 4)
        if index:
            name = self._entry(index)[0]
        else:
            name, at = _read_string(block, at)
        value, at = _read_string(block, at)
        if keep:
            self._entries.appendleft((name, value))
            self._size += len(name) + len(value) + _OVERHEAD
            self._evict()
        return (name, value), at

    def _entry(self, index: int) -> Header:
        if 1 <= index <= len(_STATIC):
            return _STATIC[index - 1]
        if index and index - len(_STATIC) <= len(self._entries):
            return self._entries[index - len(_STATIC) - 1]
        raise Malformed(f"there is no entry {index} in the table")

    def _evict(self) -> None:
        while self._size > self._limit:
            name, value = self._entries.pop()
            self._size -= len(name) + len(value) + _OVERHEAD


def _read_number(block: bytes, at: int, bits: int) -> tuple[int, int]:
    """A number with a prefix of so many bits, and where the next thing stands (section 5.1)."""
    most = (1 << bits) - 1
    value = block[at] & most
    at += 1
    if value < most:
        return value, at
    for shift in (0, 7, 14):
        if at >= len(block):
            raise Malformed("the block ends within a number")
        byte = block[at]
        at += 1
        value += (byte & 127) << shift
        if byte < 128:
            return value, at
    raise Malformed("a number is too long")


def _read_string(block: bytes, at: int) -> tuple[bytes, int]:
    if at >= len(block):
        raise Malformed("the block ends before a string")
    coded = block[at] & 0x80
    length, at = _read_number(block, at, 7)
    end = at + length
    if end > len(block):
        raise Malformed("the block ends within a string")
    text = block[at:end]
    return (unhuffman(text) if coded else text), end
