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
from services.ipvs.globals import Global
from services.ipvs.groups import Group, virtual_server_group
from services.ipvs.kernel import NO_IPVS, Kernel
from services.ipvs.live import LiveTable
from services.ipvs.runtime import Runtime
from services.ipvs.settings import RealServer, virtual_server
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
    upserts: dict[tuple[str, str], Any] = {}
    for s in settings:
        match s:
            case Global():
                upserts["global", ""] = s
            case Group():
                upserts["virtual_server_group", s.name] = s
            case RealServer():
                upserts["real_server", f"{s.virtual_server}/{s.name}"] = s
            case _:
                upserts["virtual_server", s.name] = s
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


@pytest.fixture
def slow_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole table is not read again: only a glance can notice."""
    monkeypatch.setattr(runtime_module, "PAUSE_S", 10_000.0)


async def test_a_table_that_somebody_emptied_is_filled_again_at_a_glance(rig: Rig, slow_reader: None) -> None:
    runtime = rig.start()
    await runtime.configure(change(1, virtual(), real("s2"), real("s3")))
    work = asyncio.ensure_future(runtime.run())
    for repairs in (3, 6):
        clear()
        await until_async(lambda n=repairs: runtime.repairs == n, what="the repair")  # type: ignore[misc]
        assert saved() == TWO
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


async def test_one_service_of_many_that_somebody_removed_comes_back(rig: Rig, slow_reader: None) -> None:
    runtime = rig.start()
    await runtime.configure(change(1, *(virtual(f"v{n}", port=n) for n in range(1, 60))))
    work = asyncio.ensure_future(runtime.run())
    ipvsadm("-D -t 10.0.0.1:37\n")
    await until_async(lambda: runtime.repairs == 1, what="the repair")
    assert len(saved()) == 59
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


async def test_where_repair_is_off_what_others_did_is_told_and_left(
    rig: Rig, slow_reader: None, caplog: pytest.LogCaptureFixture
) -> None:
    runtime = rig.start()
    told = asyncio.Event()
    runtime.troubled = told.set
    refused = real("all", "255.255.255.255")
    await runtime.configure(change(1, Global(repair=False), virtual(), real("s2"), real("s3"), refused))
    work = asyncio.ensure_future(runtime.run())
    clear()
    await until_async(lambda: runtime.drift, what="the drift")
    await told.wait()
    (drift,) = [p for p in runtime.problems() if "changed from outside" in p.reason]
    assert (drift.key, "add service tcp 10.0.0.1:80" in drift.reason) == ("config/virtual_server/web", True)
    assert (saved(), runtime.repairs) == ([], 0)
    assert "left so" in caplog.text
    await runtime.configure(change(2, Global(repair=True)))
    await until_async(lambda: not runtime.drift, what="the repair")
    assert saved() == TWO
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


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


def grouped(*rows: str) -> Group:
    return virtual_server_group("g", {"address": [{"address": row, "port": 80} for row in rows]})


async def test_a_group_is_one_virtual_server_for_those_who_ask_and_watch(rig: Rig) -> None:
    runtime = rig.start()
    live = LiveTable(runtime)
    web = virtual_server("web", {"group": "g", "protocol": "tcp", "lb_kind": "dr", "lb_algo": "sh", "sh_port": True})
    assert await runtime.configure(change(1, web, grouped("10.0.0.1-3"), real("s2"), real("s3"))) == []
    assert len(saved()) == 9
    watch = live.watch()
    first = [await anext(watch) for _ in range(4)]
    assert [getattr(item, "key", None) for item in first] == [("web", ""), ("web", "s2"), ("web", "s3"), None]
    (shown,) = live.virtual_servers()
    assert (shown.name, shown.group, shown.address, shown.in_kernel, list(shown.flags)) == ("web", "g", "", True, ["sh-port"])
    assert [(s.address, s.port, s.in_kernel) for s in shown.services] == [(f"10.0.0.{n}", 80, True) for n in (1, 2, 3)]
    assert [(s.name, s.in_kernel, s.weight) for s in shown.real_servers] == [("s2", True, 1), ("s3", True, 1)]
    ipvsadm("-d -t 10.0.0.2:80 -r 10.0.1.2:80\n")
    await runtime.refresh(0)
    assert [s.in_kernel for s in live.virtual_servers()[0].real_servers] == [False, True]
    await runtime.report({("web", "s3"): Report(False)}, snapshot=True)
    assert [line for line in saved() if "10.0.1.3" in line] == []
    await runtime.configure(change(2, grouped("10.0.0.3-4")))
    assert [line for line in saved() if line.startswith("-A")] == [f"-A -t 10.0.0.{n}:80 -s sh -b sh-port" for n in (3, 4)]
    assert [s.name for s in live.virtual_servers()] == ["web"]
    await watch.aclose()  # type: ignore[attr-defined]


async def test_what_the_kernel_refuses_of_a_group_is_one_problem_of_its_virtual_server(rig: Rig) -> None:
    runtime = rig.start()
    web = virtual_server("web", {"group": "g", "protocol": "tcp", "lb_algo": "twos"})
    (problem,) = await runtime.configure(change(1, web, grouped("10.0.0.1-9"), real("s2")))
    assert (problem.key, problem.field, "modprobe ip_vs_twos" in problem.hint) == ("config/virtual_server/web", "lb_algo", True)
