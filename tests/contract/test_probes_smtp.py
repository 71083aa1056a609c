"""SMTP_CHECK of a real worker process against real servers, most of them hostile."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from services.checker.kinds.smtp import Smtp
from services.checker.kinds.target import Target
from services.checker.probing import Update
from services.checker.streak import Phase, Streak
from tests.kit import targets
from tests.kit.targets import Behaviour
from tests.kit.wait import until_async
from tests.kit.worker import FAR, QUICK, UNHURRIED, Bench, check_of, running_bench


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with running_bench() as it:
        yield it


def smtp(port: int, helo_name: str = "lb.example") -> Smtp:
    return Smtp(Target("127.0.0.1", port), helo_name)


def mail_server(
    greeting: bytes = b"220 mx\r\n",
    helo: bytes = b"250 ok\r\n",
    quit_: bytes = b"221 bye\r\n",
    heard: list[bytes] | None = None,
) -> Behaviour:
    """A mail server with these replies; an empty one is not sent, and ends the talk."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for reply in (greeting, helo, quit_):
            if not reply:
                break
            writer.write(reply)
            await writer.drain()
            line = await reader.readline()
            if heard is not None:
                heard.append(line)

    return behave


def saying(*pieces: bytes, pause: float = 0.0, end: bool = False) -> Behaviour:
    """Say these, one after the other, whatever comes; then stay silent, or `end`."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
        if not end:
            await targets.silent(reader, writer)

    return behave


async def test_a_mail_server_that_works_passes(bench: Bench) -> None:
    heard: list[bytes] = []
    async with targets.target(mail_server(heard=heard)) as server:
        result = await bench.first(smtp(server.port))
        assert (result.cause, result.streak) == ("", Streak(Phase.UP))
        await until_async(lambda: len(heard) >= 2, what="HELO and QUIT")
    assert heard[:2] == [b"HELO lb.example\r\n", b"QUIT\r\n"]


async def test_without_a_name_helo_says_the_hosts(bench: Bench) -> None:
    heard: list[bytes] = []
    async with targets.target(mail_server(heard=heard)) as server:
        assert await bench.cause(smtp(server.port, "")) == ""
    assert heard[0] == f"HELO {socket.gethostname()}\r\n".encode()


@pytest.mark.parametrize(
    ("behaviour", "cause"),
    [
        (mail_server(b"554 no\r\n"), "the greeting is b'554 no\\r', expected 220"),
        (mail_server(helo=b"500 no\r\n"), "the reply to HELO is b'500 no\\r', expected 250"),
        (mail_server(quit_=b""), "closed before its reply to QUIT"),
        (mail_server(quit_=b"500 what\r\n"), ""),
        (mail_server(b"220-a\r\n220 b\r\n", b"250-c\r\n250 d\r\n"), ""),
        (targets.accept, "closed before its greeting"),
        (targets.silent, "no greeting within 0.5 s"),
        (saying(b"220 no end"), "no greeting within 0.5 s"),
        (saying(b"220 half", end=True), "closed before its greeting"),
        (saying(b"220 x\r\n"), "no reply to HELO within 0.5 s"),
        (saying(b"\x00\xff" * 300 + b"\n"), "the greeting is " + repr(b"\x00\xff" * 30) + ", expected 220"),
        (saying(b"220-x\r\n" * 100_000), "the greeting is longer than 8192 bytes"),
        (saying(b"x" * 10_000_000), "the greeting is longer than 8192 bytes"),
    ],
)
async def test_each_reply_decides(bench: Bench, behaviour: Behaviour, cause: str) -> None:
    async with targets.target(behaviour) as server:
        assert await bench.cause(smtp(server.port), QUICK if "within" in cause else UNHURRIED) == cause


async def test_a_reset_fails(bench: Bench) -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 x\r\n")
        await targets.reset(reader, writer)

    async with targets.target(reset) as server:
        assert await bench.cause(smtp(server.port)) in ("connection reset by peer", "broken pipe")


async def test_a_mail_server_that_refuses_or_drops_fails(bench: Bench) -> None:
    with targets.refusing() as port:
        assert await bench.cause(smtp(port)) == "connection refused"
    with targets.dropping() as port:
        assert await bench.cause(smtp(port), QUICK) == "no connection within 0.5 s"


async def test_a_byte_at_a_time_does_not_hold_a_probe_for_ever(bench: Bench) -> None:
    async with targets.target(saying(*[b"2", b"2", b"0"], *[b"-"] * 1000, pause=0.05)) as server:
        assert await bench.cause(smtp(server.port), QUICK) == "no greeting within 0.5 s"


async def test_hostile_mail_servers_cost_only_their_own_checks(bench: Bench) -> None:
    async with (
        targets.target(saying(b"x" * 10_000_000)) as flood,
        targets.target(targets.silent) as dead,
        targets.target(mail_server()) as good,
    ):
        for server in (flood, dead):
            bench.workers.start([Update(check_of(smtp(server.port), QUICK, server.port), FAR)])
        assert await bench.cause(smtp(good.port)) == ""
        before = good.connections
        await until_async(lambda: good.connections >= before + 10, what="ten more probes of the healthy server")
    assert [r.cause for r in bench.reports[1] if r.cause] == []
