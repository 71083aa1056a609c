"""FILE_CHECK in a running checker: what files hold reaches ipvs at once. And which failures are logged."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc.aio
import pytest

from services.common.problems import Problem
from tests.kit import targets
from tests.kit.checker import Node, real, virtual
from tests.kit.wait import until, until_async
from vipkeeper.checker.v1 import checker_pb2
from vipkeeper.common.v1 import problem_pb2, problem_pb2_grpc


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    with tempfile.TemporaryDirectory(prefix="vk-") as folder:  # a socket's path must be short
        it = Node(Path(folder))
        await it.start_services()
        yield it
        await it.stop_services()
        assert it.ipvs.complaints == []


def server(*files: str, **more: Any) -> dict[str, Any]:
    """A server of weight 10 with a FILE_CHECK of each of these."""
    return {"address": "192.0.2.9", "port": 80, "weight": 10, "file_check": [{"track_file": f, **more} for f in files]}


def seen(node: Node) -> dict[str, tuple[bool, int]]:
    """Up and weight adjustment, by real server."""
    return {name: (h.up, h.weight_adjustment) for (_, name), h in node.ipvs.health.items()}


async def test_what_a_file_holds_is_added_to_the_weight_as_soon_as_it_changes(node: Node) -> None:
    file = node.folder / "load"
    file.write_text("5\n")
    node.put({"virtual_server/v": virtual(delay_loop="3600s"), "track_file/load": {"file": str(file), "weight": 2}})
    node.put({"real_server/v/a": server("load"), "real_server/v/b": server("load", weight=1, reverse=True)})
    with node.checker() as checker:
        await until_async(lambda: seen(node) == {"a": (True, 10), "b": (True, -5)}, what="both weights")
        for number in (6, -1, 0x10):
            file.write_text(f"{number}\n")
            wanted = {"a": (True, 2 * number), "b": (True, -number)}
            await until_async(lambda wanted=wanted: seen(node) == wanted, what=f"weights for {number}")
        file.unlink()
        await until_async(lambda: seen(node) == {"a": (True, 0), "b": (True, 0)}, what="a missing file counts as 0")
        assert node.notify.transitions() == []
        checker.terminate()
        assert checker.wait() == 0


async def test_with_weight_0_the_number_takes_the_server_down(node: Node) -> None:
    file = node.folder / "stop"
    node.put({"virtual_server/v": virtual(), "track_file/stop": {"file": str(file)}})
    node.put({"real_server/v/a": server("stop", weight=0)})
    with node.checker():
        await until_async(lambda: seen(node) == {"a": (True, 0)}, what="up")
        file.write_text("1\n")
        await until_async(lambda: seen(node) == {"a": (False, 0)}, what="down")
        assert node.ipvs.health["v", "a"].cause == f"file_check {file}: holds 1"
        async with node.api() as api:
            (check,) = (await api.ListChecks(checker_pb2.ListChecksRequest())).checks
        assert (check.type, check.target, check.state) == (
            checker_pb2.CHECK_TYPE_FILE,
            str(file),
            checker_pb2.CHECK_STATE_DOWN,
        )
        file.write_text("0\n")
        await until_async(lambda: node.notify.transitions() == [("a", False), ("a", True)], what="both events")


async def test_the_api_tells_what_a_file_adds(node: Node) -> None:
    file = node.folder / "load"
    file.write_text("7")
    node.put({"virtual_server/v": virtual(), "track_file/load": {"file": str(file)}, "real_server/v/a": server("load")})
    with node.checker():
        await until_async(lambda: seen(node) == {"a": (True, 7)}, what="its weight")
        async with node.api() as api:
            (check,) = (await api.ListChecks(checker_pb2.ListChecksRequest())).checks
        assert (check.weight_adjustment, check.HasField("weight")) == (7, False)


async def test_a_file_that_comes_to_the_configuration_later_counts_from_then_on(node: Node) -> None:
    file = node.folder / "load"
    file.write_text("3")
    node.put({"virtual_server/v": virtual(), "real_server/v/a": server("load")})
    with node.checker() as checker:
        missing = "config/real_server/v/a: file_check[0].track_file: there is no track_file 'load'"
        until(lambda: missing in checker.output(), what="the problem")
        node.put({"track_file/load": {"file": str(file)}})
        await until_async(lambda: seen(node) == {"a": (True, 3)}, what="its weight")
        node.put({"track_file/load": {"file": str(file), "weight": -1}})
        await until_async(lambda: seen(node) == {"a": (True, -3)}, what="the new weight")


async def test_a_restarted_checker_goes_on_with_what_the_file_said(node: Node) -> None:
    file = node.folder / "load"
    file.write_text("4")
    node.put({"virtual_server/v": virtual(), "track_file/load": {"file": str(file)}, "real_server/v/a": server("load")})
    with node.checker() as checker:
        await until_async(lambda: seen(node) == {"a": (True, 4)}, what="its weight")
        checker.terminate()
        assert checker.wait() == 0
    file.write_text("9")
    with node.checker():
        await until_async(lambda: seen(node) == {"a": (True, 9)}, what="what it holds now")
    assert [s.weight_adjustment for report in node.ipvs.reports for s in report.servers] in ([4, 4, 9], [4, 9])


async def test_a_suspended_check_does_not_look_at_its_file(node: Node) -> None:
    file = node.folder / "load"
    file.write_text("4")
    node.put({"track_file/load": {"file": str(file)}})
    node.put({"virtual_server/v": virtual(ha_suspend=True), "real_server/v/a": server("load")})
    node.put({"virtual_server/w": virtual(), "real_server/w/b": server("load")})
    with node.checker():
        await until_async(lambda: seen(node) == {"b": (True, 4)}, what="the weight of the other")
        node.put({"virtual_server/v": virtual()})
        await until_async(lambda: seen(node) == {"a": (True, 4), "b": (True, 4)}, what="both weights")


async def test_a_file_that_holds_no_number_is_a_problem_and_counts_as_0(node: Node) -> None:
    file = node.folder / "load"
    file.write_text("many")
    node.put({"virtual_server/v": virtual(), "track_file/load": {"file": str(file)}, "real_server/v/a": server("load")})
    reason = f"{file} does not begin with a number of at most 32 bits: it counts as 0"
    with node.checker() as checker:
        await until_async(lambda: seen(node) == {"a": (True, 0)}, what="up")

        async def problems() -> list[Problem]:
            async with grpc.aio.insecure_channel(f"unix:{node.run_dir}/checker.sock") as channel:
                stub = problem_pb2_grpc.ProblemServiceStub(channel)
                found = (await stub.ListProblems(problem_pb2.ListProblemsRequest())).problems
            return [Problem(p.key, p.field, p.reason) for p in found]

        assert await problems() == [Problem("config/track_file/load", "file", reason)]
        file.write_text("2")
        await until_async(lambda: seen(node) == {"a": (True, 2)}, what="its weight")
        assert await problems() == []
        assert reason in checker.output()


async def test_a_pipe_in_the_place_of_a_file_holds_nobody_up(node: Node) -> None:
    pipe, file = node.folder / "pipe", node.folder / "load"
    os.mkfifo(pipe)
    file.write_text("1")
    node.put({"virtual_server/v": virtual(), "track_file/pipe": {"file": str(pipe)}, "track_file/load": {"file": str(file)}})
    node.put({"real_server/v/a": server("pipe"), "real_server/v/b": server("load")})
    with node.checker() as checker:
        await until_async(lambda: seen(node) == {"a": (True, 0), "b": (True, 1)}, what="both")
        assert f"{pipe} is no regular file: it counts as 0" in checker.output()


@pytest.mark.parametrize("everywhere", [False, True])
async def test_failures_before_the_last_are_logged_where_that_is_wanted(node: Node, everywhere: bool) -> None:
    """With two retries: of one server all three failures, of the other the last alone."""
    node.put({"global": {"checker_log_all_failures": everywhere}})
    async with targets.target() as a, targets.target() as b:
        node.put({"virtual_server/v": virtual()})
        node.put({"real_server/v/a": real(a.port, retry=2, log_all_failures=True)})
        node.put({"real_server/v/b": real(b.port, retry=2)})
        with node.checker() as checker:
            await until_async(lambda: node.ipvs.up() == {"a": True, "b": True}, what="both up")
            a.stop()
            b.stop()
            await until_async(lambda: node.ipvs.up() == {"a": False, "b": False}, what="both down")
            lines = checker.output().splitlines()

    def failures(name: str) -> list[str]:
        return [line.split(": ")[-2] for line in lines if f"check v/{name}/" in line and line.endswith("refused")]

    every = ["retrying", "retrying", "down"]
    assert failures("a") == every
    assert failures("b") == (every if everywhere else ["down"])
