"""A service's configuration: local copy first, then the store; problems told; status kept."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from services.common import options
from services.common.configuration import Configuration
from services.common.desired import Change
from services.common.errors import InvalidValue
from services.common.problems import Problem
from tests.kit.memory_store import MemoryStore
from tests.kit.wait import until_async

GOOD = {"interface": "eth0", "virtual_router_id": 51, "advert_int": "0.1s"}
KEY = "config/vrrp_instance/VI_1"
VI_1 = ("vrrp_instance", "VI_1")
STATUS = "status/d1/vrrp"


def decode(name: str, value: Mapping[str, Any]) -> Mapping[str, Any]:
    if "interface" not in value:
        raise InvalidValue("interface", "missing")
    return value


class Service:
    """Runs a Configuration and remembers what it said."""

    def __init__(self, folder: Path) -> None:
        self.store = MemoryStore()
        self.options = options.parse(
            "vrrp", ["--store", "file:/none", "--node", "d1", "--state-dir", str(folder), "--run-dir", str(folder)], {}
        )
        self.changes: list[Change] = []
        self.told: list[tuple[frozenset[Problem], frozenset[Problem]]] = []
        self.further: list[Problem] = []
        self.configuration = Configuration(self.options, {"vrrp_instance": decode}, self._problems, self.store)

    def _problems(self, new: frozenset[Problem], resolved: frozenset[Problem]) -> None:
        self.told.append((new, resolved))

    def take(self, change: Change) -> list[Problem]:
        self.changes.append(change)
        if ("vrrp_instance", "surprise") in change.upserts:
            raise RuntimeError("surprise")
        return self.further

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.configuration.run(self.take))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def test_the_last_good_copy_starts_a_service_whose_store_is_away(tmp_path: Path) -> None:
    first = Service(tmp_path)
    async with first.running():
        first.store.put({KEY: GOOD, "config/vrrp_instance/bad": {}}, snapshot=True)
        await until_async(lambda: (tmp_path / "config.json").exists())
    assert json.loads((tmp_path / "config.json").read_text()) == {KEY: GOOD}
    second = Service(tmp_path)
    async with second.running():
        await until_async(lambda: second.changes)
    assert second.changes[0].upserts == {VI_1: GOOD | {"advert_int": 100_000_000}}
    assert second.configuration.revision == 0


async def test_a_stop_writes_down_what_has_just_changed(tmp_path: Path) -> None:
    service = Service(tmp_path)
    later = GOOD | {"virtual_router_id": 52}
    async with service.running():
        service.store.put({KEY: GOOD}, snapshot=True)
        await until_async(lambda: (tmp_path / "config.json").exists())
        service.store.put({KEY: later})
        await until_async(lambda: service.configuration.revision == 2)
    assert json.loads((tmp_path / "config.json").read_text()) == {KEY: later}


async def test_a_stop_in_the_midst_of_writing_leaves_the_last_state(tmp_path: Path) -> None:
    service = Service(tmp_path)
    many = {f"config/vrrp_instance/VI_{n}": GOOD for n in range(2_000)}
    later = GOOD | {"virtual_router_id": 52}
    async with service.running():
        service.store.put(many, snapshot=True)
        await until_async(lambda: any(tmp_path.iterdir()))
        service.store.put({"config/vrrp_instance/VI_7": later})
        await until_async(lambda: service.configuration.revision == 2)
    assert json.loads((tmp_path / "config.json").read_text()) == many | {"config/vrrp_instance/VI_7": later}


async def test_the_store_saying_the_same_as_the_copy_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({KEY: GOOD}))
    service = Service(tmp_path)
    async with service.running():
        service.store.put({KEY: GOOD}, snapshot=True)
        await until_async(lambda: service.configuration.revision == 1)
    assert [(c.upserts.keys(), c.removals) for c in service.changes] == [({VI_1}, frozenset()), (set(), frozenset())]


@pytest.mark.parametrize("text", ["{", "[]", '{"config/vrrp_instance/VI_1": 7}'])
async def test_an_unreadable_copy_is_left_aside(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    service = Service(tmp_path)
    async with service.running():
        service.store.put({KEY: GOOD}, snapshot=True)
        await until_async(lambda: service.configuration.revision == 1)
    assert service.changes[-1].upserts.keys() == {VI_1}


async def test_the_log_promises_a_last_good_value_only_where_there_is_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    service = Service(tmp_path)
    service.further = [Problem("config/vrrp_instance/VI_3", "track_script", "does not exist")]
    async with service.running():
        service.store.put({KEY: GOOD, "config/vrrp_instance/VI_3": GOOD}, snapshot=True)
        service.store.put({KEY: {}, "config/vrrp_instance/VI_2": {}, "config/other/x": {}})
        service.store.put({"node/d1/vrrp_instance/VI_3": {"interface": None}})
        await until_async(lambda: len(service.told) == 3)
    kept = {line.split(":")[1].strip() for line in caplog.messages if line.endswith("; the last good value stays in force")}
    assert kept == {KEY, "node/d1/vrrp_instance/VI_3"}


async def test_problems_are_told_once_and_once_more_when_resolved(tmp_path: Path) -> None:
    service = Service(tmp_path)
    problem = Problem(KEY, "interface", "missing")
    async with service.running():
        service.store.put({KEY: {}}, snapshot=True)
        service.store.put({"config/vrrp_instance/VI_2": GOOD})
        service.store.put({KEY: GOOD})
        await until_async(lambda: len(service.told) == 2)
        await until_async(lambda: service.store.published.get(STATUS, {}).get("problems") == [])
    assert service.told == [(frozenset({problem}), frozenset()), (frozenset(), frozenset({problem}))]


async def test_further_problems_of_the_service_are_told_too(tmp_path: Path) -> None:
    service = Service(tmp_path)
    service.further = [Problem(KEY, "track_script[0].name", "no such script")]
    async with service.running():
        service.store.put({KEY: GOOD}, snapshot=True)
        await until_async(lambda: service.store.published.get(STATUS, {}).get("problems"))
    assert service.configuration.problems == tuple(service.further)


async def test_a_surprise_in_one_revision_is_a_problem_and_the_next_one_is_applied(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    service = Service(tmp_path)
    async with service.running():
        service.store.put({"config/vrrp_instance/surprise": GOOD}, snapshot=True)
        await until_async(lambda: service.configuration.problems)
        assert service.configuration.problems[0].reason == "revision 1 (vrrp_instance/surprise) failed inside"
        service.store.put({KEY: GOOD})
        await until_async(lambda: service.configuration.problems == ())
    assert "revision 1 could not be applied whole" in caplog.text


async def test_the_status_key_carries_revision_and_state(tmp_path: Path) -> None:
    service = Service(tmp_path)
    async with service.running():
        service.configuration.state_changed(lambda: {"VI_1": "MASTER"})
        service.store.put({KEY: GOOD}, snapshot=True)
        await until_async(lambda: STATUS in service.store.published)
        await until_async(lambda: service.store.published[STATUS]["revision"] == 1)
    assert service.store.published[STATUS] == {"revision": 1, "problems": [], "state": {"VI_1": "MASTER"}}
    assert service.store.closed


async def test_a_folder_that_cannot_be_written_costs_only_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    service = Service(tmp_path / "file")
    async with service.running():
        service.store.put({KEY: GOOD}, snapshot=True)
        await until_async(lambda: "cannot write the last good configuration" in caplog.text)
    assert service.changes[-1].upserts.keys() == {VI_1}


async def test_a_services_own_problems_may_change_without_the_configuration(tmp_path: Path) -> None:
    service = Service(tmp_path)
    own = Problem("config/global", "lvs_timeouts", "refused")
    async with service.running():
        service.store.put({KEY: GOOD, "config/vrrp_instance/bad": {}}, snapshot=True)
        await until_async(lambda: service.told)
        (bad,) = service.configuration.problems
        service.configuration.now_further([own])
        service.configuration.now_further([own])
        assert service.configuration.problems == tuple(sorted([bad, own]))
        service.configuration.now_further([])
    assert service.told[1:] == [(frozenset([own]), frozenset()), (frozenset(), frozenset([own]))]
