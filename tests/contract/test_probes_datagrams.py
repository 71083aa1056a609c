"""DNS_CHECK, UDP_CHECK and PING_CHECK of a real worker process against real servers, most of them hostile."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from services.checker.kinds.dns import Dns
from services.checker.kinds.ping import Ping
from services.checker.kinds.target import Target
from services.checker.kinds.udp import Udp
from services.checker.probing import Result, Update
from services.checker.streak import Phase, Streak
from tests.kit.datagrams import closed_port, dns, silent, udp_target
from tests.kit.wait import until_async
from tests.kit.worker import FAR, QUICK, SECOND, Bench, check_of, running_bench


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with running_bench() as it:
        yield it


def local(port: int, **more: object) -> Target:
    return Target("127.0.0.1", port, **more)  # type: ignore[arg-type]


def name(port: int) -> Dns:
    return Dns(local(port), "www.example.com", 1)


# --- DNS_CHECK ---


async def test_a_name_server_that_answers_passes(bench: Bench) -> None:
    async with udp_target(dns()) as server:
        result = await bench.first(name(server.port))
        assert (result.cause, result.streak) == ("", Streak(Phase.UP))
        assert 0 < result.duration < 60 * SECOND


async def test_each_question_has_a_number_and_a_port_that_nobody_can_guess(bench: Bench) -> None:
    async with udp_target(dns()) as server:
        await bench.first(name(server.port))
        await until_async(lambda: len(server.questions) >= 12, what="a dozen questions")
    asked = server.questions[:12]
    assert len({q[:2] for q in asked}) > 8
    assert len(set(server.peers[:12])) > 8
    assert {q[2:].hex() for q in asked} == {"0100000100000000000003777777076578616d706c6503636f6d0000010001"}


@pytest.mark.parametrize(
    ("flags", "cause"),
    [
        (0x8380, ""),  # truncated
        (0x8182, "answers code 2 (server failure)"),
        (0x8183, "answers code 3 (no such name)"),
        (0x8185, "answers code 5 (refused)"),
    ],
)
async def test_the_code_of_the_answer_decides(bench: Bench, flags: int, cause: str) -> None:
    async with udp_target(dns(flags)) as server:
        assert await bench.cause(name(server.port)) == cause


async def test_an_empty_answer_will_do(bench: Bench) -> None:
    async with udp_target(dns(tail=b"")) as server:
        assert await bench.cause(name(server.port)) == ""


async def test_answers_to_something_else_are_passed_over(bench: Bench) -> None:
    async with udp_target(lambda data: [b"", b"garbage", *dns(other=1)(data), data, *dns()(data)]) as server:
        assert await bench.cause(name(server.port)) == ""


async def test_only_answers_to_something_else_fail_in_time(bench: Bench) -> None:
    async with udp_target(dns(other=1)) as server:
        cause = await bench.cause(name(server.port), QUICK)
    assert cause == "no answer within 0.5 s, but 1 datagrams that answer something else"


async def test_a_silent_name_server_fails_in_time(bench: Bench) -> None:
    async with udp_target(silent) as server:
        assert await bench.cause(name(server.port), QUICK) == "no answer within 0.5 s"


async def test_a_slow_name_server_fails_in_time(bench: Bench) -> None:
    async with udp_target(dns(), pause=1.5) as server:
        assert await bench.cause(name(server.port), QUICK) == "no answer within 0.5 s"


async def test_a_late_answer_does_not_count_for_the_next_question(bench: Bench) -> None:
    """Answers come 0.7 s after their questions, the time limit is 0.5 s: there is never a success."""
    async with udp_target(dns(), pause=0.7) as server:
        await bench.first(name(server.port), QUICK)
        await until_async(lambda: len(server.questions) >= 4, what="four questions")
        await bench.workers.refresh()
    assert all(result.cause for result in bench.reports[1])


async def test_a_closed_port_fails_at_once(bench: Bench) -> None:
    with closed_port() as port:
        patient = replace(QUICK, connect_timeout=3600 * SECOND, delay_loop=3600 * SECOND)
        assert await bench.cause(name(port), patient) == "connection refused"


async def test_an_answer_from_elsewhere_is_not_heard(bench: Bench) -> None:
    """Whoever sees the question and answers it from another address is not the server."""
    async with udp_target(silent, host="127.0.0.2") as other, udp_target(silent) as server:

        def elsewhere(data: bytes) -> list[bytes]:
            other.send(dns()(data)[0], server.peers[-1])
            return []

        server.answers = elsewhere
        assert await bench.cause(name(server.port), QUICK) == "no answer within 0.5 s"


async def test_a_flood_of_wrong_answers_costs_only_its_own_check(bench: Bench) -> None:
    async with udp_target(lambda data: [b"x" * 1400] * 400) as flood, udp_target(dns()) as good:
        bench.workers.start([Update(check_of(name(flood.port), QUICK, flood.port), FAR)])
        assert await bench.cause(name(good.port)) == ""
        cause = (await until_async(lambda: bench.reports.get(flood.port), what="a verdict on the flood"))[0].cause
        asked = len(good.questions)
        await until_async(lambda: len(good.questions) >= asked + 5, what="more probes of the healthy server")
    assert "that answer something else" in cause
    assert [r.cause for r in bench.reports[1] if r.cause] == []


async def test_questions_come_from_the_configured_address_and_port(bench: Bench) -> None:
    with closed_port() as free:
        pass
    async with udp_target(dns()) as server:
        what = Dns(local(server.port, bindto="127.0.0.77", bind_port=free))
        assert await bench.cause(what) == ""
        await until_async(lambda: len(server.peers) >= 3, what="three questions")
    assert set(server.peers) == {("127.0.0.77", free)}


async def test_a_source_address_that_is_not_here_is_named(bench: Bench) -> None:
    assert await bench.cause(Dns(local(9, bindto="192.0.2.1"))) == "cannot prepare a socket: Cannot assign requested address"
    assert await bench.cause(Dns(local(9, bind_if="nosuch0"))) == "cannot prepare a socket: No such device"


async def test_a_name_server_over_ipv6_is_asked(bench: Bench) -> None:
    async with udp_target(dns(), host="::1") as server:
        assert await bench.cause(Dns(Target("::1", server.port))) == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="setting a firewall mark needs root")
async def test_questions_can_be_marked_and_bound_to_an_interface(bench: Bench) -> None:
    async with udp_target(dns()) as server:
        assert await bench.cause(Dns(local(server.port, bind_if="lo", fwmark=7))) == ""


# --- UDP_CHECK ---


async def test_silence_passes_where_no_reply_is_required(bench: Bench) -> None:
    async with udp_target(silent) as server:
        result = await bench.first(Udp(local(server.port)))
    assert (result.cause, result.duration >= QUICK.connect_timeout) == ("", True)
    assert server.questions[0] == b"keepalived check - keepalived ch"


async def test_silence_fails_where_a_reply_is_required(bench: Bench) -> None:
    async with udp_target(silent) as server:
        assert await bench.cause(Udp(local(server.port), require_reply=True), QUICK) == "no answer within 0.5 s"


async def test_a_reply_ends_the_wait(bench: Bench) -> None:
    patient = replace(QUICK, connect_timeout=3600 * SECOND, delay_loop=3600 * SECOND)
    async with udp_target(lambda data: [b"hi"]) as server:
        assert await bench.cause(Udp(local(server.port)), patient) == ""


async def test_an_empty_datagram_is_no_reply(bench: Bench) -> None:
    async with udp_target(lambda data: [b""]) as server:
        assert (await bench.cause(Udp(local(server.port), require_reply=True), QUICK)).startswith("no answer within 0.5 s")


async def test_a_closed_port_fails_with_and_without_a_reply_required(bench: Bench) -> None:
    with closed_port() as port:
        assert await bench.cause(Udp(local(port))) == "connection refused"
        assert await bench.cause(Udp(local(port), require_reply=True)) == "connection refused"


async def test_the_payload_is_sent_and_the_reply_compared(bench: Bench) -> None:
    async with udp_target(lambda data: [data[::-1]]) as server:
        assert await bench.cause(Udp(local(server.port), "616263", True, "6362xx")) == ""
        cause = await bench.cause(Udp(local(server.port), "616263", True, "6363"))
    assert set(server.questions) == {b"abc"}
    assert cause == "byte 1 of the reply is 62, which is not what require_reply wants"


async def test_a_wrong_reply_fails_though_a_right_one_follows(bench: Bench) -> None:
    """As with keepalived."""
    async with udp_target(lambda data: [b"no", b"yes"]) as server:
        assert (await bench.cause(Udp(local(server.port), "", True, "79"))).startswith("byte 0 of the reply is 6e")


@pytest.mark.parametrize("more", [1, 3, 30])
async def test_what_comes_after_the_reply_does_not_count_for_the_next_run(bench: Bench, more: int) -> None:
    async with udp_target(lambda data: [b"yes", *[b"no"] * more]) as server:
        assert await bench.cause(Udp(local(server.port), "", True, "79")) == ""
        await until_async(lambda: len(server.questions) >= 8, what="more runs")
        await bench.workers.refresh()
    assert [r.cause for r in bench.reports[1] if r.cause] == []
    assert len(set(server.peers)) > 5  # each run has a port of its own


async def test_a_reply_that_is_too_long_fails(bench: Bench) -> None:
    async with udp_target(lambda data: [bytes(60_000)]) as server:
        what = Udp(local(server.port), require_reply=True, max_reply_length=1000)
        assert await bench.cause(what) == "the reply is longer than 1000 bytes"
        assert await bench.cause(Udp(local(server.port), require_reply=True)) == ""


async def test_a_payload_that_this_machine_cannot_send_is_told(bench: Bench) -> None:
    assert await bench.cause(Udp(Target("255.255.255.255", 9))) == "cannot send: permission denied"


# --- PING_CHECK ---


@pytest.mark.parametrize("address", ["127.0.0.1", "127.5.6.7", "::1"])
async def test_an_address_that_answers_pings_passes(bench: Bench, address: str) -> None:
    result = await bench.first(Ping(Target(address, 0)))
    assert (result.cause, result.streak) == ("", Streak(Phase.UP))


async def test_many_pings_of_one_address_do_not_take_each_others_replies(bench: Bench) -> None:
    checks = [check_of(Ping(Target("127.0.0.1", 0)), QUICK, i) for i in range(100)]
    bench.workers.start([Update(check, FAR) for check in checks])
    await until_async(lambda: len(bench.reports) == 100, what="results of all")
    assert {r.cause for rows in bench.reports.values() for r in rows} == {""}


async def test_pings_come_from_the_configured_address(bench: Bench) -> None:
    assert await bench.cause(Ping(Target("127.0.0.1", 0, bindto="127.0.0.5"))) == ""
    cause = await bench.cause(Ping(Target("127.0.0.1", 0, bindto="192.0.2.1")))
    assert cause == "cannot prepare a socket: Cannot assign requested address"


# --- all of them ---


async def test_a_stopped_check_leaves_nothing_behind(bench: Bench) -> None:
    """Its socket is closed while it waits, and the worker goes on."""
    async with udp_target(silent) as server:
        waiting = replace(QUICK, connect_timeout=3600 * SECOND)
        bench.workers.start([Update(check_of(name(server.port), waiting), Result(Streak(Phase.UP)))])
        await until_async(lambda: server.questions, what="a question")
        (pid,) = bench.workers.pids

        def sockets() -> int:
            links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
            return sum(link.startswith("socket:") for link in links)

        before = sockets()
        bench.workers.stop([0])
        await until_async(lambda: sockets() < before, what="the socket's end")
    assert bench.reports == {}
