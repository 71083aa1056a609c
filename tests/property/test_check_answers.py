"""Whatever a server answers, a check has a verdict or waits on, and holds no more than it must."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.checker.kinds.target import Target
from services.checker.kinds.udp import Udp
from services.checker.probes.dns import query, verdict
from services.checker.probes.ping import answers, request, without_ip_header
from services.checker.probes.smtp import REPLY_LIMIT, Dialogue
from services.checker.probes.udp import Reply

HEX = st.text("0123456789abcdefx", max_size=40).map(lambda text: text + "0" * (len(text) % 2))


@given(st.binary(max_size=64), st.integers(0, 0xFFFF))
def test_of_all_datagrams_only_a_dns_header_with_the_number_is_an_answer(data: bytes, number: int) -> None:
    said = verdict(data, number)
    answer = len(data) >= 12 and int.from_bytes(data[:2]) == number and data[2] >= 128
    assert (said is not None) == answer
    assert (said == "") == (answer and data[3] & 15 == 0)


@given(st.binary(max_size=20), st.integers(0, 0xFFFF), st.integers(0, 15))
def test_every_code_but_0_fails(tail: bytes, number: int, code: int) -> None:
    said = verdict(number.to_bytes(2) + bytes((0x80, code)) + bytes(8) + tail, number)
    assert said == "" if code == 0 else said and f"code {code}" in said


@given(st.lists(st.text("abcxyz0189-_", min_size=1, max_size=63), max_size=3), st.integers(1, 65535))
def test_a_question_holds_the_labels_of_the_name_in_order(labels: list[str], type_: int) -> None:
    asked = query(1, ".".join(labels), type_)
    at, found = 12, []
    while asked[at]:
        found.append(asked[at + 1 : at + 1 + asked[at]].decode())
        at += 1 + asked[at]
    assert found == labels
    assert asked[at + 1 :] == type_.to_bytes(2) + b"\0\1"


@given(HEX, st.binary(max_size=40))
def test_a_reply_is_like_the_pattern_digit_by_digit(pattern: str, reply: bytes) -> None:
    said = Reply(Udp(Target("::1", 1), require_reply=True, reply=pattern)).judge(reply)
    alike = all(want in ("x", got) for want, got in zip(pattern, reply.hex(), strict=False))
    assert (said == "") == alike


@given(st.binary(max_size=100), st.booleans())
def test_garbage_is_no_reply_to_a_ping(data: bytes, six: bool) -> None:
    token = b"0123456789abcdef"
    assert not answers(without_ip_header(data), token, six=six)
    assert not answers(request(token, six=six), token, six=six)


@given(st.lists(st.binary(max_size=200), max_size=100))
def test_a_talk_with_garbage_ends_or_says_nothing(pieces: list[bytes]) -> None:
    dialogue = Dialogue("h")
    heard = 0
    for piece in pieces:
        said = dialogue.feed(piece)
        heard += len(piece)
        if said is not None:
            assert said
            break
        assert heard <= REPLY_LIMIT
    assert dialogue.out == b""


@given(st.lists(st.sampled_from([b"220", b"250", b" ", b"-", b"x", b"\r\n", b"\n", b"221 bye\r\n"]), max_size=60))
def test_a_talk_never_says_more_than_helo_and_quit(pieces: list[bytes]) -> None:
    dialogue = Dialogue("h")
    for piece in pieces:
        if dialogue.feed(piece) is not None:
            break
    assert dialogue.out in (b"", b"HELO h\r\n", b"QUIT\r\n")
