"""agent_check against agents on sockets."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.checker.kinds.agent import Agent
from services.checker.kinds.target import Target
from services.checker.pool import Health, Pool
from services.checker.settings import Check
from services.checker.streak import Phase
from tests.kit import targets
from tests.kit.checker import Node, virtual
from tests.kit.prober import QUICK, Prober, running_prober
from tests.kit.wait import until_async

KIND = "agent_check"


@pytest.fixture
async def prober() -> AsyncIterator[Prober]:
    async with running_prober() as it:
        yield it


def agent(port: int, **more: object) -> Agent:
    return Agent(Target("127.0.0.1", port), 10, **more)  # type: ignore[arg-type]


def says(*pieces: bytes, hold: bool = False) -> targets.Behaviour:
    """An agent that speaks first."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)
        if hold:
            await targets.silent(reader, writer)

    return behave


@pytest.mark.parametrize(
    ("pieces", "hold", "cause", "weight"),
    [
        ((b"up\n",), False, "", None),
        ((b"up ready 75%\r\n",), True, "", 8),
        ((b"5", b"0", b"%"), False, "", 5),
        ((b"dra", b"in", b"\n"), True, "", 0),
        ((b"maint",), False, "", 0),
        ((b"\nup 50%\nignored down\n",), True, "", 5),
        ((b"down#disk full\n",), True, "the agent says down: disk full", None),
        ((b"stopped",), False, "the agent says stopped", None),
        ((b"hello\n",), True, "the agent says b'hello', expected words such as up, down, drain, ready or 75%", None),
        ((b"up " * 1000,), True, "the agent says more than 1024 bytes in a line", None),
    ],
)
async def test_the_agents_line_decides(
    prober: Prober, pieces: tuple[bytes, ...], hold: bool, cause: str, weight: int | None
) -> None:
    async with targets.target(says(*pieces, hold=hold)) as server:
        result = await prober.first(KIND, agent(server.port))
    assert (result.cause, result.weight) == (cause, weight)


async def test_the_agent_is_told_what_is_configured(prober: Prober) -> None:
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readline())
        writer.write(b"up\n")
        await writer.drain()

    async with targets.target(listen) as server:
        assert await prober.cause(KIND, agent(server.port, send="web-1\n")) == ""
    assert heard[0] == b"web-1\n"


async def test_an_agent_that_is_required_fails_the_check_when_it_is_not_there(prober: Prober) -> None:
    with targets.refusing() as refusing, targets.dropping() as dropping:
        assert await prober.cause(KIND, agent(refusing, required=True), QUICK) == "agent: connection refused"
        assert await prober.cause(KIND, agent(dropping, required=True), QUICK) == "agent: no connection within 0.5 s"
    async with targets.target(targets.silent) as server:
        assert (
            await prober.cause(KIND, agent(server.port, required=True), QUICK) == "agent: no answer of the agent within 0.5 s"
        )
        server.behaviour = targets.accept
        assert await prober.cause(KIND, agent(server.port, required=True), QUICK) == "agent: the agent says nothing"
        server.behaviour = targets.reset
        cause = await prober.cause(KIND, agent(server.port, required=True, send="x\n"), QUICK)
        assert cause == "agent: connection reset by peer"


async def test_what_an_agent_does_not_mention_stays_and_only_it_undoes_what_it_said(prober: Prober) -> None:
    line = b"drain 50%"

    async def tell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(line)

    async with targets.target(tell) as server:
        check = prober.start(KIND, agent(server.port), QUICK)

        async def now(cause: str, weight: int | None) -> None:
            def so() -> bool:
                return bool(prober.reports[check]) and (prober.reports[check][-1].cause, prober.reports[check][-1].weight) == (
                    cause,
                    weight,
                )

            await until_async(so, what=f"{cause!r} and {weight}")

        await now("", 0)
        line = b"ready"
        await now("", 5)
        line = b"down"
        await now("the agent says down", 5)
        seen = server.connections
        line = b""
        await until_async(lambda: server.connections >= seen + 4, what="probes of a silent agent")
        assert prober.reports[check][-1].cause == "the agent says down"
        line = b"100%"
        seen = server.connections
        await until_async(lambda: server.connections >= seen + 3, what="probes of an agent that does not say up")
        assert prober.reports[check][-1].streak.phase is Phase.DOWN
        line = b"up"
        await now("", 10)


async def test_a_server_whose_agent_was_never_heard_is_as_its_other_checks_say(prober: Prober) -> None:
    """Also with alpha: nobody has objected."""
    pool = Pool()
    with targets.refusing() as port:
        pool.set(("v", "r"), (Check("v", "r", f"{KIND}[0]", agent(port), QUICK, alpha=True),), 10)
        prober.workers.start(pool.at_work)
        result = (await until_async(lambda: prober.reports.get(0), what="a result"))[0]
    assert (result.cause, result.weight, result.streak.up) == ("", None, True)
    pool.learn(0, result)
    assert pool.judge(("v", "r"))[1] == Health(True)


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    with tempfile.TemporaryDirectory(prefix="vk-") as folder:
        it = Node(Path(folder))
        await it.start_services()
        yield it
        await it.stop_services()
        assert it.ipvs.complaints == []


async def test_ipvs_hears_of_the_weight_that_an_agent_asks_for(node: Node) -> None:
    async with targets.target(says(b"up 30%\n")) as server:
        check = {"connect_port": server.port, "delay_loop": "0.1s"}
        server_a = {"address": "127.0.0.1", "port": 80, "weight": 50, "agent_check": [check]}
        node.put({"virtual_server/v": virtual(), "real_server/v/a": server_a})
        with node.checker():
            await until_async(lambda: adjusted(node) == -35, what="a share of 15")
            server.behaviour = says(b"drain\n")
            await until_async(lambda: adjusted(node) == -50, what="the drain")
            server.behaviour = says(b"ready 100%\n")
            await until_async(lambda: adjusted(node) == 0, what="the whole weight")
            server.behaviour = says(b"down#the disk is full\n")
            await until_async(lambda: node.ipvs.up() == {"a": False}, what="the server down")


def adjusted(node: Node) -> int | None:
    health = node.ipvs.health.get(("v", "a"))
    return health.weight_adjustment if health is not None and health.up else None
