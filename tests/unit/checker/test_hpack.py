"""Compressed headers: the examples of RFC 7541, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.checker.hpack import LIST_LIMIT, TABLE_LIMIT, Decoder, Malformed, encode, unhuffman

DATE = b"Mon, 21 Oct 2013 20:13:2%d GMT"
LOCATION = (b"location", b"https://www.example.com")
PRIVATE = (b"cache-control", b"private")


def decoded(*blocks: str) -> list[list[tuple[bytes, bytes]]]:
    decoder = Decoder()
    return [decoder.decode(bytes.fromhex(block)) for block in blocks]


def test_requests_of_appendix_c_4() -> None:
    common = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"www.example.com")]
    assert decoded(
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ) == [
        common,
        [*common, (b"cache-control", b"no-cache")],
        [
            (b":method", b"GET"),
            (b":scheme", b"https"),
            (b":path", b"/index.html"),
            (b":authority", b"www.example.com"),
            (b"custom-key", b"custom-value"),
        ],
    ]


def test_responses_of_appendix_c_6_in_a_table_of_256_bytes() -> None:
    cookie = b"foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"
    assert decoded(
        "3fe1 01 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7"
        "8f0b 97c8 e9ae 82ae 43d3",
        "4883 640e ffc1 c0bf",
        "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf"
        "cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
    ) == [
        [(b":status", b"302"), PRIVATE, (b"date", DATE % 1), LOCATION],
        [(b":status", b"307"), PRIVATE, (b"date", DATE % 1), LOCATION],
        [
            *((b":status", b"200"), PRIVATE, (b"date", DATE % 2), LOCATION),
            *((b"content-encoding", b"gzip"), (b"set-cookie", cookie)),
        ],
    ]


@pytest.mark.parametrize(
    ("symbol", "bits"),
    [
        ("0", "00000"),
        ("t", "01001"),
        ("u", "101101"),
        ("z", "1111011"),
        ("Z", "11111101"),
        ("?", "1111111100"),
        ("|", "11111111100"),
        (">", "111111111011"),
        ("~", "1111111111101"),
        ("}", "11111111111101"),
        ("{", "111111111111110"),
        ("\\", "1111111111111110000"),
        ("\xe2", "11111111111111101101"),
        ("\xe6", "111111111111111101000"),
        ("\xe9", "1111111111111111101011"),
        ("\xef", "11111111111111111110100"),
        ("\xed", "111111111111111111110101"),
        ("\xeb", "1111111111111111111101111"),
        ("\xff", "11111111111111111111101110"),
        ("\xfe", "111111111111111111111110000"),
        ("\xf9", "1111111111111111111111111110"),
        ("\x16", "111111111111111111111111111110"),
    ],
)
def test_codes_of_every_length_of_appendix_b(symbol: str, bits: str) -> None:
    padded = bits + "1" * (-len(bits) % 8)
    assert unhuffman(int(padded, 2).to_bytes(len(padded) // 8, "big")) == symbol.encode("latin-1")


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        ("80", "no entry 0"),
        ("be", "no entry 62"),
        ("ff", "ends within a number"),
        ("ffffffffff7f", "a number is too long"),
        ("0f", "ends within a number"),
        ("00", "ends before a string"),
        ("0001", "ends within a string"),
        ("000161", "ends before a string"),
        ("00016105", "ends within a string"),
        ("823f00", "behind a header"),
        ("3fe13f", "a table of"),
        ("00016184ffffffff", "contains its end"),
        ("00016182ffff", "no padding"),
        ("0001618100", "no padding"),
    ],
)
def test_what_is_no_header_block_is_malformed(block: str, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        decoded(block)


def test_a_list_is_bounded_however_small_its_block() -> None:
    decoder = Decoder()
    entry = encode([(b"x" * 100, b"y" * 3000)])
    decoder.decode(b"\x40" + entry[1:])
    with pytest.raises(Malformed, match=f"more than {LIST_LIMIT} bytes"):
        decoder.decode(b"\xbe" * 6)


def test_an_entry_that_is_larger_than_the_table_empties_it() -> None:
    decoder = Decoder()
    decoder.decode(bytes.fromhex("400161 0162"))
    assert decoder.decode(b"\xbe") == [(b"a", b"b")]
    decoder.decode(b"\x40" + encode([(b"n", b"v" * TABLE_LIMIT)])[1:])
    with pytest.raises(Malformed, match="no entry 62"):
        decoder.decode(b"\xbe")


def test_a_table_may_be_emptied_and_used_again() -> None:
    decoder = Decoder()
    decoder.decode(bytes.fromhex("400161 0162"))
    with pytest.raises(Malformed, match="no entry 62"):
        decoder.decode(bytes.fromhex("20 be"))
    assert decoder.decode(bytes.fromhex("20 3fe11f 400161 0163 be")) == [(b"a", b"c")] * 2


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=300), st.binary(max_size=300)), max_size=8))
def test_what_is_encoded_is_decoded(headers: list[tuple[bytes, bytes]]) -> None:
    assert Decoder().decode(encode(headers)) == headers


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_garbage_is_decoded_or_malformed_and_nothing_else(blocks: list[bytes]) -> None:
    decoder = Decoder()
    try:
        found = [decoder.decode(block) for block in blocks]
    except Malformed:
        return
    assert sum(len(n) + len(v) for headers in found for n, v in headers) <= len(blocks) * LIST_LIMIT
