"""The runtime on a real table: what heals, what is held back until the store has spoken, what its traces and watches say."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from services.common.desired import Change
from services.common.errors import UnavailableError
from services.common.telemetry import Telemetry
from services.common.watch_hub import Put, Removed, Synced
from services.ipvs import runtime as runtime_module
from services.ipvs.director import Report
from services.ipvs.kernel import NO_IPVS, Kernel
from services.ipvs.live import LiveTable
from services.ipvs.runtime import Runtime
from tests.kit.netns import Namespace
from tests.kit.wait import until_async
from tests.lab.judge import clear, ipvsadm, saved
from tests.unit.ipvs.words import key, real, virtual

pytestmark = pytest.mark.lab

TWO = ["-A -t 10.0.0.1:80 -s wlc", "-a -t 10.0.0.1:80 -r 10.0.1.2:80 -m -w 1", "-a -t 10.0.0.1:80 -r 10.0.1.3:80 -m -w 1"]


@pytest.fixture(autouse=True)
def own_table() -> Iterator[None]:
    namespace = Namespace("ipvs")
    namespace.ip("link set lo up")
    with namespace.entered():
        yield
    namespace.close()


class Rig(ExitStack):
    """Runtimes of one test, closed with it."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def start(self, open_kernel: Any = Kernel) -> Runtime:
        made = Runtime(self.folder, Telemetry(asyncio.get_running_loop()), lambda flip, trace: None, open_kernel)
        self.callback(made.close)
        return made


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with Rig(tmp_path) as made:
        yield made


def change(revision: int, *settings: Any, gone: tuple[tuple[str, str], ...] = ()) -> Change:
    upserts = {
        ("real_server", f"{s.virtual_server}/{s.name}") if hasattr(s, "virtual_server") else ("virtual_server", s.name): s
        for s in settings
    }
    return Change(revision, upserts, frozenset(gone), ())


async def test_before_the_store_has_spoken_nothing_unknown_is_removed(rig: Rig) -> None:
    first = rig.start()
    await first.configure(change(5, virtual(), real("s2"), real("s3"), virtual("other", port=81)))
    full = saved()
    first.close()
    # the local copy is a second older than the table: it lacks s3 and the other service
    again = rig.start()
    await again.configure(change(0, virtual(), real("s2")))
    assert saved() == full
    await again.report({("web", "s2"): Report(False)}, snapshot=True)
    assert saved() == [line for line in full if "10.0.1.2" not in line]
    await again.configure(change(6, real("s3")))
    assert saved() == [TWO[0], TWO[2]]


async def test_ipvs_that_comes_later_is_used_and_no_repair(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime_module, "RETRY_S", 0.1)
    tries = iter([False, False])

    def open_late() -> Kernel:
        if next(tries, True):
            return Kernel()
        raise UnavailableError(NO_IPVS)

    runtime = rig.start(open_late)
    await runtime.configure(change(1, virtual(), real("s2"), real("s3")))
    assert (runtime.trouble, saved()) == (NO_IPVS, [])
    work = asyncio.ensure_future(runtime.run())
    await until_async(lambda: not runtime.trouble and runtime.writes == 3, what="the table is written")
    assert (saved(), runtime.repairs) == (TWO, 0)
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


async def test_a_write_that_finds_another_table_reads_it_and_gets_through(rig: Rig) -> None:
    runtime = rig.start()
    await runtime.configure(change(1, virtual(), real("s2"), real("s3")))
    clear()
    await runtime.configure(change(2, real("s3", weight=5)))
    assert saved() == [*TWO[:2], TWO[2].replace("-w 1", "-w 5")]
    ipvsadm("-d -t 10.0.0.1:80 -r 10.0.1.3:80\n")
    await runtime.configure(change(3, real("s3", weight=1)))
    assert saved() == TWO
    ipvsadm("-a -t 10.0.0.1:80 -r 10.0.1.4:80 -g -w 9\n")
    await runtime.configure(change(4, real("s4")))
    assert saved() == [*TWO, "-a -t 10.0.0.1:80 -r 10.0.1.4:80 -m -w 1"]


async def test_what_the_kernel_refuses_is_tried_again_and_said_once(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(runtime_module, "PAUSE_S", 0.05)
    monkeypatch.setattr(runtime_module, "SHARE", 1)
    runtime = rig.start()
    with caplog.at_level(logging.INFO):
        (problem,) = await runtime.configure(change(1, virtual(), real("s2"), real("s3"), real("all", "255.255.255.255")))
        work = asyncio.ensure_future(runtime.run())
        for _ in range(3):
            before = runtime.actual[key()]
            await until_async(lambda b=before: runtime.actual[key()] is not b, what="another reading")  # type: ignore[misc]
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
    assert (problem.key, problem.field) == ("config/real_server/web/all", "address")
    assert [r.levelname for r in caplog.records].count("WARNING") == 1
    assert (saved(), runtime.repairs) == (TWO, 0)
    assert await runtime.configure(change(2, gone=(("real_server", "web/all"),))) == []


async def test_a_refused_sorry_server_and_service_are_problems_of_the_virtual_server(rig: Rig) -> None:
    runtime = rig.start()
    sorry = virtual(sorry_server={"address": "255.255.255.255"})
    (problem,) = await runtime.configure(change(1, sorry))
    assert (problem.key, problem.field) == ("config/virtual_server/web", "sorry_server")


async def test_a_watch_of_one_virtual_server_tells_of_that_alone(rig: Rig) -> None:
    runtime = rig.start()
    live = LiveTable(runtime)
    ipvsadm("-A -t 10.7.7.7:25 -s rr\n-a -t 10.7.7.7:25 -r 10.7.7.8:25 -m -w 4\n")
    await runtime.configure(change(1, virtual(), real("s2"), virtual("other", port=81), real("s3", of="other")))
    background = asyncio.ensure_future(live.run())
    everything = live.watch()
    labels = set()
    async for item in everything:
        if isinstance(item, Synced):
            break
        labels.add(item.key)
    assert labels == {
        ("web", ""), ("web", "s2"), ("other", ""), ("other", "s3"), ("tcp 10.7.7.7:25", ""), ("tcp 10.7.7.7:25", "10.7.7.8:25"),
    }  # fmt: skip
    watch = live.watch("web")
    first = [await anext(watch) for _ in range(3)]
    assert [getattr(item, "key", None) for item in first] == [("web", ""), ("web", "s2"), None]
    await runtime.configure(change(2, real("s3", of="other", weight=3), gone=(("real_server", "web/s2"),)))
    item = await anext(watch)
    while not isinstance(item, Removed):
        assert isinstance(item, Put)
        item = await anext(watch)
    assert item.key == ("web", "s2")
    await watch.aclose()  # type: ignore[attr-defined]
    await everything.aclose()  # type: ignore[attr-defined]
    background.cancel()
    await asyncio.gather(background, return_exceptions=True)


async def test_a_virtual_server_that_moves_keeps_its_name_in_the_watch(rig: Rig) -> None:
    runtime = rig.start()
    live = LiveTable(runtime)
    await runtime.configure(change(1, virtual(), real("s2")))
    background = asyncio.ensure_future(live.run())
    watch = live.watch()
    known: dict[tuple[str, str], Any] = {}

    async def follow() -> None:
        async for item in watch:
            match item:
                case Put(_, label, value):
                    known[label] = value
                case Removed(_, label):
                    known.pop(label)

    follower = asyncio.ensure_future(follow())
    await until_async(lambda: len(known) == 2, what="the snapshot")
    await runtime.configure(change(2, virtual(port=8080)))
    await until_async(
        lambda: known.get(("web", "")) and known["web", ""].port == 8080 and ("web", "s2") in known, what="the move"
    )
    assert set(known) == {("web", ""), ("web", "s2")}
    for task in (follower, background):
        task.cancel()
    await asyncio.gather(follower, background, return_exceptions=True)
