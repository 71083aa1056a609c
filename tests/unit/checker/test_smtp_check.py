"""SMTP_CHECK: the talk with a mail server, piece by piece."""

from __future__ import annotations

from typing import Any

import pytest

from services.checker.kinds.smtp import Smtp
from services.checker.kinds.target import Target
from services.checker.probes.smtp import REPLY_LIMIT, Dialogue
from services.checker.schedule import Timing
from services.checker.servers import Global
from services.common.errors import InvalidValue
from tests.unit.checker.values import S, one


def smtp(settings: Global | None = None, **fields: Any) -> Smtp:
    what = one({"port": 25, "smtp_check": [fields]}, settings=settings).what
    assert isinstance(what, Smtp)
    return what


def test_the_name_in_helo_is_the_checks_else_the_global_one() -> None:
    assert smtp() == Smtp(Target("192.168.100.2", 25))
    assert smtp(Global(smtp_helo_name="lb.example")).helo_name == "lb.example"
    assert smtp(Global(smtp_helo_name="lb.example"), helo_name="check.example").helo_name == "check.example"
    assert str(smtp()) == "smtp 192.168.100.2:25"
    assert one({"smtp_check": [{}]}).timing == Timing(60 * S, 5 * S, 1, S, 60 * S)


def test_a_name_that_would_add_a_line_is_refused() -> None:
    with pytest.raises(InvalidValue, match=r"smtp_check\[0\]\.helo_name"):
        smtp(helo_name="a\r\nRSET")


def talk(*pieces: bytes) -> tuple[bytes, str | None]:
    """All that the client says, and the verdict."""
    dialogue = Dialogue("lb.example")
    said, verdict = b"", None
    for piece in pieces:
        verdict = dialogue.feed(piece)
        said += dialogue.out
        dialogue.out = b""
        if verdict is not None:
            break
    return said, verdict


WHOLE = b"HELO lb.example\r\nQUIT\r\n"


@pytest.mark.parametrize(
    "pieces",
    [
        (b"220 mx ESMTP\r\n", b"250 ok\r\n", b"221 bye\r\n"),
        (b"220 mx\n", b"250 ok\n", b"221 bye\n"),
        (b"220\r\n", b"250\r\n", b"221\r\n"),
        (b"220-mx\r\n220-says\r\n220 hello\r\n", b"250-a\r\n", b"250 b\r\n", b"221 bye\r\n"),
        (b"22", b"0 mx", b"\r", b"\n", b"2", b"50 ok\r\n", b"221 bye\r", b"\n"),
        (b"220 mx\r\n", b"250 ok\r\n", b"500 what?\r\n"),  # any reply to QUIT will do, as for keepalived
        (b"220 mx\r\n", b"250 ok\r\n", b"221 bye\r\n221 bye\r\n"),
    ],
)
def test_a_mail_server_that_works_passes(pieces: tuple[bytes, ...]) -> None:
    assert talk(*pieces) == (WHOLE, "")


@pytest.mark.parametrize(
    ("pieces", "said", "cause"),
    [
        ((b"554 go away\r\n",), b"", "the greeting is b'554 go away\\r', expected 220"),
        ((b"2201 mx\r\n",), b"", "the greeting is b'2201 mx\\r', expected 220"),
        ((b"\0\xff\n",), b"", "the greeting is b'\\x00\\xff', expected 220"),
        ((b"220-mx\r\n554 no\r\n",), b"", "the greeting is b'554 no\\r', expected 220"),
        ((b"220 mx\r\n", b"251 hm\r\n"), WHOLE[:-6], "the reply to HELO is b'251 hm\\r', expected 250"),
        ((b"220 mx\r\n", b"421 busy\r\n"), WHOLE[:-6], "the reply to HELO is b'421 busy\\r', expected 250"),
        ((b"220 mx\r\n250 ok\r\n",), b"", "goes on after its greeting, out of turn"),
        ((b"220 mx\r\n2",), b"", "goes on after its greeting, out of turn"),
        ((b"220 mx\r\n", b"250 ok\r\n", b"bye\r\n"), WHOLE, "the reply to QUIT is b'bye\\r', expected a code of three digits"),
        ((b"220 " + b"x" * REPLY_LIMIT,), b"", f"the greeting is longer than {REPLY_LIMIT} bytes"),
    ],
)
def test_a_mail_server_that_does_not_fails(pieces: tuple[bytes, ...], said: bytes, cause: str) -> None:
    assert talk(*pieces) == (said, cause)


def test_a_greeting_of_endless_lines_is_given_up() -> None:
    assert talk(*[b"220-more\r\n"] * 1000) == (b"", f"the greeting is longer than {REPLY_LIMIT} bytes")


def test_half_a_talk_says_what_it_waits_for() -> None:
    dialogue = Dialogue("h")
    assert (dialogue.feed(b"220 m"), dialogue.waits_for()) == (None, "greeting")
    assert (dialogue.feed(b"x\r\n"), dialogue.waits_for()) == (None, "reply to HELO")
    assert (dialogue.feed(b"250 ok\r\n"), dialogue.waits_for()) == (None, "reply to QUIT")
