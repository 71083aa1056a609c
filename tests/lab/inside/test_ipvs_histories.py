"""After any history of configuration, health, restarts and other people's edits the kernel has what is wanted."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.common.desired import Change
from services.common.telemetry import Telemetry
from services.ipvs.director import Report
from services.ipvs.groups import virtual_server_group
from services.ipvs.runtime import Runtime
from services.ipvs.settings import real_server, virtual_server
from tests.kit.netns import Namespace
from tests.kit.wait import until_async
from tests.lab.judge import as_saved, clear, saved

pytestmark = [pytest.mark.lab, pytest.mark.timeout(500)]

NAMES = ("s2", "s3", "s4", "s5")
SORRY = {"sorry_server": {"address": "10.0.9.9", "port": 80}}
WAYS: list[dict[str, Any]] = [
    {"lb_algo": "rr"},
    {"lb_algo": "sh", "sh_port": True, "inhibit_on_failure": True},
    {"lb_algo": "mh", "mh_fallback": True, "quorum": 3, "hysteresis": 1},
    {"lb_kind": "dr", "lb_algo": "wrr", "persistence_timeout": 60 * 10**9, "persistence_granularity": "255.255.255.0"},
    {"lb_kind": "tun", "tunnel": {"type": "gue", "port": 6080, "checksum": "csum"}},
    {"lb_algo": "wlc", **SORRY},
    {"lb_algo": "wlc", "sorry_server_inhibit": True, **SORRY},
]

names = st.sampled_from(NAMES)
steps = st.one_of(
    st.tuples(st.just("group"), st.sets(st.integers(1, 6), min_size=1)),
    st.tuples(st.just("way"), st.sampled_from(range(len(WAYS)))),
    st.tuples(st.just("put"), st.tuples(names, st.sampled_from([0, 1, 5]))),
    st.tuples(st.just("drop"), names),
    st.tuples(st.just("say"), st.dictionaries(names, st.sampled_from([False, True, -1, 3]), min_size=1)),
    st.tuples(st.just("single"), st.sampled_from([None, 2, 9])),
    st.tuples(st.just("restart"), st.none()),
    st.tuples(st.just("clear"), st.none()),
)


class History:
    """What is configured, and the runtime that is told; `single` is a virtual server that may take an address of the group."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._objects: dict[tuple[str, str], Any] = {}
        self._health: dict[tuple[str, str], Report] = {}
        self._revision = 0
        self.runtime = self._start()

    def _start(self) -> Runtime:
        return Runtime(self._folder, Telemetry(asyncio.get_running_loop()), lambda flip, trace: None)

    async def change(self, fresh: dict[tuple[str, str], Any], gone: tuple[tuple[str, str], ...] = ()) -> None:
        self._revision += 1
        self._objects |= fresh
        for identity in gone:
            self._objects.pop(identity, None)
        await self.runtime.configure(Change(self._revision, fresh, frozenset(gone), ()))

    async def _repaired(self) -> None:
        work = asyncio.ensure_future(self.runtime.run())
        await until_async(self._has_all, what="the repair")
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)

    async def _has_all(self) -> bool:
        return await self.runtime.plan() == ()

    async def take(self, step: str, what: Any) -> None:
        match step:
            case "group":
                rows = [{"address": f"10.0.0.{n}", "port": 80} for n in sorted(what)]
                await self.change({("virtual_server_group", "g"): virtual_server_group("g", {"address": rows})})
            case "way":
                value = {"group": "g", "protocol": "tcp", **WAYS[what]}
                await self.change({("virtual_server", "web"): virtual_server("web", value)})
            case "put":
                name, weight = what
                value = {"address": f"10.0.1.{name[1:]}", "port": 80, "weight": weight, "tcp_check": [{}]}
                await self.change({("real_server", f"web/{name}"): real_server(f"web/{name}", value)})
            case "drop":
                await self.change({}, (("real_server", f"web/{what}"),))
            case "say":
                said = {("web", n): Report(w is not False, 0 if isinstance(w, bool) else w) for n, w in what.items()}
                self._health |= said
                await self.runtime.report(said)
            case "single" if what is None:
                await self.change({}, (("virtual_server", "a"),))
            case "single":
                value = {"address": f"10.0.0.{what}", "port": 80, "protocol": "tcp"}
                await self.change({("virtual_server", "a"): virtual_server("a", value)})
            case "restart":
                self.runtime.close()
                self.runtime = self._start()
                await self.change(dict(self._objects))
                await self.runtime.report(self._health, snapshot=True)
            case "clear":
                clear()
                await self._repaired()


@pytest.fixture(autouse=True)
def own_table() -> Iterator[None]:
    namespace = Namespace("ipvs")
    namespace.ip("link set lo up")
    with namespace.entered():
        yield
    namespace.close()


async def follow(folder: Path, history: list[tuple[str, Any]], check: Callable[[Runtime], None]) -> None:
    one = History(folder)
    with contextlib.ExitStack() as closing:
        closing.callback(lambda: one.runtime.close())
        for step, what in (("group", {1, 2}), ("way", 0), *history):
            await one.take(step, what)
        assert await one.runtime.plan() == ()
        check(one.runtime)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, max_size=12))
def test_after_any_history_the_kernel_has_what_is_wanted(history: list[tuple[str, Any]]) -> None:
    def check(runtime: Runtime) -> None:
        assert saved() == as_saved(runtime.director.wanted())

    clear()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(follow(Path(folder), history, check))
