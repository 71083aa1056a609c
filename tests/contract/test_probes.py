"""Probes of a real worker process against real servers, most of them hostile."""

from __future__ import annotations

import asyncio
import hashlib
import os
import pwd
import signal
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.checker.kinds.http import Http, Url
from services.checker.kinds.misc import Misc
from services.checker.kinds.target import Target
from services.checker.kinds.tcp import Tcp
from services.checker.probing import Result, Update
from services.checker.streak import Phase, Streak
from tests.kit import targets
from tests.kit.tls import Authority
from tests.kit.wait import until_async
from tests.kit.worker import FAR, QUICK, SECOND, UNHURRIED, Bench, check_of, running_bench

PAGE = (
    b"<HTML><HEAD><TITLE>Unauthorized</TITLE></HEAD>\r\n<BODY>This document is protected.  You must send\r\n"
    b"the proper authorization information to access it.</BODY></HTML>\r\n"
)
PAGE_DIGEST = "ec90a42b99ea9a2f5ecbe213ac9eba03"


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with running_bench() as it:
        yield it


def local(port: int, **more: object) -> Target:
    return Target("127.0.0.1", port, **more)  # type: ignore[arg-type]


def get(port: int, *urls: Url, **more: object) -> Http:
    pages = urls or (Url("/", "h"),)
    return Http(local(port), pages, sni=("",) * len(pages), **more)  # type: ignore[arg-type]


# --- TCP_CHECK ---


async def test_a_server_that_accepts_passes_tcp_check(bench: Bench) -> None:
    async with targets.target() as server:
        result = await bench.first(Tcp(local(server.port)))
        assert (result.cause, result.streak) == ("", Streak(Phase.UP))
        assert 0 < result.duration < 60 * SECOND


async def test_a_server_that_refuses_fails_tcp_check(bench: Bench) -> None:
    with targets.refusing() as port:
        assert await bench.cause(Tcp(local(port))) == "connection refused"


async def test_a_server_with_a_full_backlog_fails_tcp_check_in_time(bench: Bench) -> None:
    with targets.dropping() as port:
        assert await bench.cause(Tcp(local(port)), QUICK) == "no connection within 0.5 s"


async def test_a_server_over_ipv6_is_probed(bench: Bench) -> None:
    async with targets.target(host="::1") as server:
        assert await bench.cause(Tcp(Target("::1", server.port))) == ""


async def test_probes_come_from_the_configured_address_and_port(bench: Bench) -> None:
    peers: list[tuple[str, int]] = []

    async def remember(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peers.append(writer.get_extra_info("peername"))

    with targets.refusing() as free:
        pass
    async with targets.target(remember) as server:
        assert await bench.cause(Tcp(local(server.port, bindto="127.0.0.77", bind_port=free))) == ""
        await until_async(lambda: len(peers) >= 3, what="three probes")
    assert set(peers) == {("127.0.0.77", free)}


async def test_a_source_address_that_is_not_here_is_named(bench: Bench) -> None:
    cause = await bench.cause(Tcp(local(9, bindto="192.0.2.1")))
    assert cause == "cannot prepare a socket: Cannot assign requested address"


async def test_an_interface_that_is_not_there_is_named(bench: Bench) -> None:
    assert await bench.cause(Tcp(local(9, bind_if="nosuch0"))) == "cannot prepare a socket: No such device"


@pytest.mark.skipif(os.geteuid() != 0, reason="setting a firewall mark needs root")
async def test_probes_can_be_marked_and_bound_to_an_interface(bench: Bench) -> None:
    async with targets.target() as server:
        assert await bench.cause(Tcp(local(server.port, bind_if="lo", fwmark=7))) == ""


# --- HTTP_GET ---


async def test_the_digest_of_the_well_known_page_is_found(bench: Bench) -> None:
    assert len(PAGE) == 164
    async with targets.target(targets.answer(targets.page(PAGE, "401 Unauthorized"))) as server:
        url = Url("/testurl/test.jsp", "h", PAGE_DIGEST, ((401, 401),))
        assert await bench.cause(get(server.port, url)) == ""


async def test_a_wrong_digest_fails_and_both_digests_are_named(bench: Bench) -> None:
    async with targets.target(targets.answer(targets.page(b"other"))) as server:
        cause = await bench.cause(get(server.port, Url("/", "h", PAGE_DIGEST)))
    assert cause == f"digest {hashlib.md5(b'other').hexdigest()}, expected {PAGE_DIGEST}"


async def test_a_wrong_status_fails_though_the_digest_is_right(bench: Bench) -> None:
    async with targets.target(targets.answer(targets.page(PAGE, "500 Broken"))) as server:
        assert await bench.cause(get(server.port, Url("/", "h", PAGE_DIGEST))) == "status 500, expected 200-299"


async def test_a_page_in_many_pieces_is_put_together(bench: Bench) -> None:
    whole = targets.page(PAGE)
    pieces = [whole[i : i + 7] for i in range(0, len(whole), 7)]
    async with targets.target(targets.answer(*pieces, pause=0.001)) as server:
        assert await bench.cause(get(server.port, Url("/", "h", PAGE_DIGEST))) == ""


async def test_a_large_page_is_digested_whole(bench: Bench) -> None:
    body = os.urandom(3_000_000)
    digest = hashlib.md5(body).hexdigest()
    async with targets.target(targets.answer(b"HTTP/1.0 200 OK\r\n\r\n" + body)) as server:
        assert await bench.cause(get(server.port, Url("/", "h", digest))) == ""


async def test_a_server_that_keeps_the_connection_open_is_done_at_content_length(bench: Bench) -> None:
    async with targets.target(targets.answer(targets.page(b"hi"), hold=True)) as server:
        assert await bench.cause(get(server.port)) == ""


async def test_a_reset_fails(bench: Bench) -> None:
    async with targets.target(targets.reset) as server:
        assert await bench.cause(get(server.port)) == "connection reset by peer"


async def test_a_server_that_closes_without_an_answer_fails(bench: Bench) -> None:
    async with targets.target(targets.answer()) as server:
        assert await bench.cause(get(server.port)) == "closed without an answer"


async def test_a_silent_server_fails_in_time(bench: Bench) -> None:
    async with targets.target(targets.silent) as server:
        assert await bench.cause(get(server.port), QUICK) == "no further data within 0.5 s"


async def test_half_a_header_fails(bench: Bench) -> None:
    async with targets.target(targets.answer(b"HTTP/1.0 200 OK\r\nServer")) as server:
        assert await bench.cause(get(server.port)) == "the answer ended within its header"


async def test_half_a_page_fails_its_digest(bench: Bench) -> None:
    async with targets.target(targets.answer(targets.page(PAGE[:80], length=164))) as server:
        assert (await bench.cause(get(server.port, Url("/", "h", PAGE_DIGEST)))).startswith("digest ")


async def test_garbage_fails(bench: Bench) -> None:
    async with targets.target(targets.answer(b"\x00\xff" * 30 + b"\r\n\r\n")) as server:
        assert (await bench.cause(get(server.port))).startswith("the answer does not begin with an HTTP status")


async def test_an_endless_header_fails(bench: Bench) -> None:
    async with targets.target(targets.endless(b"X: " + b"y" * 5000 + b"\r\n", 0, b"HTTP/1.0 200 OK\r\n")) as server:
        assert await bench.cause(get(server.port)) == "the answer's header is longer than 65536 bytes"


async def test_an_endless_page_fails_at_the_limit(bench: Bench) -> None:
    flood = targets.endless(bytes(200_000), 0, b"HTTP/1.0 200 OK\r\n\r\n")
    async with targets.target(flood) as server:
        patient = replace(QUICK, delay_loop=60 * SECOND, connect_timeout=20 * SECOND)
        assert await bench.cause(get(server.port), patient) == "the page is longer than 16777216 bytes"


async def test_a_byte_at_a_time_does_not_hold_a_probe_for_ever(bench: Bench) -> None:
    async with targets.target(targets.endless(b"x", 0.05, b"HTTP/1.0 200 OK\r\n\r\n")) as server:
        assert await bench.cause(get(server.port), QUICK) == "the page is not complete after 1.5 s"


async def test_hostile_servers_cost_only_their_own_checks(bench: Bench) -> None:
    """While a flood, a drip and a silent server are probed, a healthy one is probed at its own pace."""
    flood = targets.endless(bytes(50_000), 0, b"HTTP/1.0 200 OK\r\n\r\n")
    async with (
        targets.target(flood) as a,
        targets.target(targets.endless(b"x", 0.05, b"HTTP/1.0 200 OK\r\n\r\n")) as b,
        targets.target(targets.silent) as c,
        targets.target(targets.answer(targets.page(b"hi"))) as good,
    ):
        for server in (a, b, c, good):
            bench.workers.start([Update(check_of(get(server.port), QUICK, server.port), FAR)])
        await until_async(lambda: bench.reports.get(good.port), what="a result of the healthy server")
        before = good.connections
        await until_async(lambda: good.connections >= before + 10, what="ten more probes of the healthy server")
        await until_async(lambda: sum(bool(r) for r in bench.reports.values()) >= 3, what="verdicts on the others")
    assert [r.cause for r in bench.reports[good.port] if r.cause] == []


@pytest.mark.parametrize(
    ("http_protocol", "expected"),
    [
        ("1.0", b"GET /p?q=1 HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: www.example\r\n\r\n"),
        ("1.0C", b"GET /p?q=1 HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\nHost: www.example\r\n\r\n"),
        ("1.1", b"GET /p?q=1 HTTP/1.1\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\nHost: www.example\r\n\r\n"),
    ],
)
async def test_the_request_is_keepaliveds(bench: Bench, http_protocol: str, expected: bytes) -> None:
    async with targets.target() as server:
        server.behaviour = targets.http(lambda path: targets.page(b"hi"), lambda: server)
        url = Url("/p?q=1", "www.example")
        assert await bench.cause(get(server.port, url, http_protocol=http_protocol)) == ""
        assert server.requests[0] == expected


async def test_one_url_is_probed_per_probe_in_order(bench: Bench) -> None:
    async with targets.target() as server:
        server.behaviour = targets.http(lambda path: targets.page(b"hi"), lambda: server)
        urls = tuple(Url(path, "h") for path in ("/a", "/b", "/c"))
        healthy = Result(Streak(Phase.UP))
        bench.workers.start([Update(check_of(get(server.port, *urls)), healthy)])
        await until_async(lambda: len(server.requests) >= 7, what="seven probes")
    assert [r.split(b" ")[1] for r in server.requests[:7]] == [b"/a", b"/b", b"/c", b"/a", b"/b", b"/c", b"/a"]


async def test_after_a_failure_every_url_must_pass_again(bench: Bench) -> None:
    """As keepalived does it: the failed page until it passes, then the whole list."""
    broken = {"/b"}
    async with targets.target() as server:
        server.behaviour = targets.http(
            lambda path: targets.page(b"", "500 No" if path in broken else "200 OK"), lambda: server
        )
        urls = (Url("/a", "h"), Url("/b", "h"))
        check = check_of(get(server.port, *urls), replace(UNHURRIED, retry=1))
        bench.workers.start([Update(check, Result(Streak(Phase.UP)))])
        down = await until_async(
            lambda: [r for r in bench.reports.get(check.id, ()) if r.streak.phase is Phase.DOWN], what="a failure"
        )
        assert down[0].cause == "/b: status 500, expected 200-299"
        broken.clear()
        seen = len(server.requests)
        await until_async(lambda: bench.reports[check.id][-1].streak.up, what="recovery")
    paths = [r.split(b" ")[1] for r in server.requests]
    assert paths[:3] == [b"/a", b"/b", b"/b"]
    assert paths[seen - 1 :][-3:] == [b"/b", b"/a", b"/b"]


async def test_fast_recovery_does_not_wait_between_pages(bench: Bench) -> None:
    async with targets.target() as server:
        server.behaviour = targets.http(lambda path: targets.page(b"hi"), lambda: server)
        urls = tuple(Url(f"/{i}", "h") for i in range(5))
        check = check_of(get(server.port, *urls, fast_recovery=True), replace(QUICK, delay_loop=3600 * SECOND))
        bench.workers.start([Update(check, FAR)])
        await until_async(lambda: bench.reports.get(check.id, [FAR])[-1].streak.up, what="recovery")
        assert len(server.requests) == 6


# --- SSL_GET ---


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    issued = Authority(tmp_path_factory.mktemp("tls")).issue("server", "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.certificate, issued.key)
    return context


def secure(port: int, *urls: Url, sni: str = "") -> Http:
    pages = urls or (Url("/", "h"),)
    return Http(local(port), pages, tls=True, sni=(sni,) * len(pages))


async def test_a_page_over_tls_is_digested(bench: Bench, certificate: ssl.SSLContext) -> None:
    async with targets.target(targets.answer(targets.page(PAGE)), tls=certificate) as server:
        assert await bench.cause(secure(server.port, Url("/", "h", PAGE_DIGEST))) == ""


async def test_a_page_over_tls_without_a_length_ends_at_the_close(bench: Bench, certificate: ssl.SSLContext) -> None:
    body = os.urandom(300_000)
    digest = hashlib.md5(body).hexdigest()
    async with targets.target(targets.answer(b"HTTP/1.1 200 OK\r\n\r\n" + body), tls=certificate) as server:
        assert await bench.cause(secure(server.port, Url("/", "h", digest))) == ""


@pytest.mark.parametrize("sni", ["", "www.example"])
async def test_the_server_name_is_sent_only_where_configured(bench: Bench, certificate: ssl.SSLContext, sni: str) -> None:
    names: list[str | None] = []
    certificate.sni_callback = lambda connection, name, context: names.append(name)
    try:
        async with targets.target(targets.answer(targets.page(b"hi")), tls=certificate) as server:
            assert await bench.cause(secure(server.port, sni=sni)) == ""
    finally:
        certificate.sni_callback = None
    assert names[0] == (sni or None)


async def test_a_server_name_that_is_none_is_named(bench: Bench, certificate: ssl.SSLContext) -> None:
    async with targets.target(targets.answer(targets.page(b"hi")), tls=certificate) as server:
        cause = await bench.cause(secure(server.port, sni=".bad"))
    assert cause.startswith("TLS: cannot ask for the server name '.bad'")


async def test_a_server_without_tls_fails_ssl_get(bench: Bench) -> None:
    async with targets.target(targets.endless(b"hello, this is not TLS at all\r\n", 0.01)) as server:

        async def chatter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            writer.write(b"220 this is not TLS\r\n" * 3)
            await writer.drain()
            await targets.silent(reader, writer)

        server.behaviour = chatter
        assert (await bench.cause(secure(server.port))).startswith("TLS: ")


async def test_a_silent_server_fails_the_handshake_in_time(bench: Bench) -> None:
    async with targets.target(targets.silent) as server:
        assert await bench.cause(secure(server.port), QUICK) == "no TLS handshake within 0.5 s"


async def test_a_server_that_closes_in_the_handshake_fails(bench: Bench) -> None:
    async def leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)

    async with targets.target(leave) as server:
        assert (await bench.cause(secure(server.port))).startswith("TLS: ")


# --- MISC_CHECK ---

ME = pwd.getpwuid(os.geteuid()).pw_name


def program(script: str, **more: object) -> Misc:
    fields: dict[str, object] = {"timeout": 20 * SECOND, "user": ME, "secure": False, **more}
    return Misc(("/bin/sh", "-c", script), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("script", "dynamic", "cause", "weight"),
    [
        ("exit 0", False, "", None),
        ("exit 1", False, "exit status 1", None),
        ("exit 7", False, "exit status 7", None),
        ("exit 0", True, "", None),
        ("exit 1", True, "exit status 1", None),
        ("exit 2", True, "", 0),
        ("exit 255", True, "", 253),
        ("kill -9 $$", True, "ended by SIGKILL", None),
    ],
)
async def test_the_exit_status_decides(bench: Bench, script: str, dynamic: bool, cause: str, weight: int | None) -> None:
    result = await bench.first(program(script, dynamic=dynamic))
    assert (result.cause, result.weight) == (cause, weight)


async def test_a_program_that_hangs_is_ended_with_its_children(bench: Bench, tmp_path: Path) -> None:
    note = tmp_path / "pids"
    script = f"sleep 300 & echo $! $$ > {note}; wait"
    once = replace(QUICK, delay_loop=3600 * SECOND)
    assert await bench.cause(program(script, timeout=SECOND // 2), once) == "no exit within 0.5 s"
    await until_async(lambda: not any(Path(f"/proc/{pid}").exists() for pid in note.read_text().split()), what="their end")


async def test_a_program_that_ignores_sigterm_is_killed(bench: Bench) -> None:
    script = "trap '' TERM; while :; do sleep 1; done"
    assert await bench.cause(program(script, timeout=SECOND // 5)) == "no exit within 0.2 s"


async def test_a_program_that_does_not_exist_is_named(bench: Bench) -> None:
    assert await bench.cause(Misc(("/nonexistent/check",), SECOND, user=ME)) == "/nonexistent/check: no such program"


async def test_an_unknown_user_is_named(bench: Bench) -> None:
    assert await bench.cause(program("true", user="nosuchuser")) == "there is no user 'nosuchuser'"


async def test_an_unknown_group_is_named(bench: Bench) -> None:
    assert await bench.cause(program("true", user=f"{ME} nosuchgroup")) == "there is no group 'nosuchgroup'"


@pytest.mark.skipif(os.geteuid() != 0, reason="switching users needs root")
async def test_programs_run_as_their_user_without_capabilities_or_environment(bench: Bench, open_folder: Path) -> None:
    note = open_folder / "who"
    script = f"{{ id -u; id -g; id -G; pwd; env; grep CapEff /proc/self/status; }} >> {note}; exit 9"
    result = await bench.first(program(script, user="nobody", dynamic=True))
    assert (result.cause, result.weight) == ("", 7)
    nobody = pwd.getpwnam("nobody")
    lines = note.read_text().split("\n")
    assert lines[:4] == [str(nobody.pw_uid), str(nobody.pw_gid), str(nobody.pw_gid), "/"]
    assert "CapEff:\t0000000000000000" in lines
    assert {line.partition("=")[0] for line in lines[4:] if "=" in line} <= {"PATH", "PWD", "SHLVL", "_", "OLDPWD"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's programs are held to this")
async def test_a_program_that_others_may_change_is_not_run_as_root(bench: Bench, tmp_path: Path) -> None:
    script = tmp_path / "check"
    script.write_text("#!/bin/sh\nexit 0\n")
    script.chmod(0o777)
    cause = await bench.cause(Misc((str(script),), SECOND, user="root"))
    assert cause == f"will not run {script} as root: {script} can be changed by others; see enable_script_security"


# --- the worker ---


async def test_what_has_not_changed_is_not_reported_again(bench: Bench) -> None:
    async with targets.target() as good:
        with targets.refusing() as port:
            await bench.first(Tcp(local(good.port)))
            await bench.first(Tcp(local(port)))
            before = good.connections
            await until_async(lambda: good.connections > before + 5, what="more probes")
    assert [len(r) for r in bench.reports.values()] == [1, 1]


async def test_a_refresh_reports_every_check_with_its_last_times(bench: Bench) -> None:
    async with targets.target() as good:
        first = await bench.first(Tcp(local(good.port)))
        before = good.connections
        await until_async(lambda: good.connections > before + 1, what="another probe")
        await bench.workers.refresh()
        latest = bench.reports[1][-1]
    assert latest.ended > first.ended
    assert latest.streak == first.streak


async def test_a_worker_that_slept_past_a_deadline_listens_before_it_judges(bench: Bench) -> None:
    """The answer came in time while the worker was stopped: it counts, though the deadline is over."""
    asked, go = asyncio.Event(), asyncio.Event()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await go.wait()
        writer.write(targets.page(b"hi"))
        await writer.drain()

    async with targets.target(hold) as server:
        healthy = Result(Streak(Phase.UP))
        bench.workers.start([Update(check_of(get(server.port), replace(QUICK, connect_timeout=SECOND)), healthy)])
        await asyncio.wait_for(asked.wait(), 30)
        (pid,) = bench.workers.pids
        os.kill(pid, signal.SIGSTOP)
        go.set()
        over = time.monotonic() + 1.2
        await until_async(lambda: time.monotonic() > over, what="the deadline")
        os.kill(pid, signal.SIGCONT)
        await until_async(lambda: server.connections > 2, what="further probes")
        await until_async(lambda: bench.workers.counters().probes >= 2, what="counters")
    assert bench.reports.get(0, []) == []


async def test_a_stopped_check_is_probed_no_more(bench: Bench) -> None:
    async with targets.target() as server, targets.target() as other:
        await bench.first(Tcp(local(server.port)))
        bench.workers.stop([1])
        await bench.first(Tcp(local(other.port)))
        count, since = server.connections, other.connections
        await until_async(lambda: other.connections > since + 3, what="probes of the other check")
        assert server.connections <= count + 1


async def test_new_timing_takes_effect_without_losing_the_state(bench: Bench) -> None:
    slow = replace(QUICK, delay_loop=3600 * SECOND)
    async with targets.target() as server:
        await bench.first(Tcp(local(server.port)), slow)
        bench.workers.start([Update(check_of(Tcp(local(server.port)), QUICK, 1), FAR)])
        await until_async(lambda: server.connections > 3, what="probes at the new pace")
        await bench.workers.refresh()
    assert bench.reports[1][-1].streak == Streak(Phase.UP)


async def test_counters_say_what_was_done(bench: Bench) -> None:
    with targets.refusing() as port:
        await bench.cause(Tcp(local(port)))
        counters = await until_async(lambda: c if (c := bench.workers.counters()).failed >= 2 else None, what="counters")
    assert counters.probes == counters.failed
    assert counters.postponed == 0
    assert counters.cpu_ns > 0
