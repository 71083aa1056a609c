"""Operators' orders as the agent keeps them: on disk first, then obeyed, ended at their time, refused with the reason."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from services.common.errors import InvalidValue, UnavailableError
from services.vrrp.agent import orders_file, switchover
from services.vrrp.agent.engine_link import EngineLink
from services.vrrp.agent.operators import Operator, Refused, Unknown
from services.vrrp.agent.switchover import Switchover
from services.vrrp.channel import Channel, Message, pair
from tests.kit.wait import until_async
from tests.unit.vrrp.test_explain import view

SECOND = 1_000_000_000
A, B = "192.168.200.1", "192.168.200.2"
READY = {"is": "ready", "protocol": 1, "pid": 7, "boot": "b", "revision": 0, "started": 1, "resumed": []}
PEER = {"state": {"engine": "up", "elections": {"VI_1": {"state": "BACKUP", "priority": 100, "source": B}}}}


class Listener:
    """Passes on that an instance changed, as the agent does."""

    def __init__(self) -> None:
        self.operator: Operator | None = None

    def instance(self, name: str, view: Mapping[str, Any] | None) -> None:
        if self.operator is not None:
            self.operator.look()

    def group(self) -> None: ...

    def bfd(self, name: str, before: Any, now: Any) -> None: ...

    def transition(self, message: Message) -> None: ...

    def engine_up(self, up: bool) -> None: ...

    def trouble(self, before: Any, now: Any) -> None: ...


class Desk:
    """An operator's desk: the agent's side of the channel is real, the engine's is this test's."""

    def __init__(self, folder: Path, peers: Mapping[str, Any] | None = None) -> None:
        self.path = folder / "orders.json"
        self.peers = peers
        self.told: list[set[str]] = []
        listener = Listener()
        self.link = EngineLink(folder / "engine.json", listener)
        self.operator = listener.operator = Operator(self.path, "a", self.link, self._statuses, self._tell)
        ours, theirs = pair()
        self.link.adopt(ours.detach())
        self.engine = Channel(theirs)
        self.says(READY)
        self.says({"is": "synced", "id": 0})

    async def _statuses(self) -> tuple[Mapping[str, Any] | None, str]:
        return self.peers, "" if self.peers is not None else "the store is a file"

    def _tell(self) -> None:
        self.told.append(set(self.operator.maintenance))

    def says(self, message: Message) -> None:
        self.engine.send(message)

    async def instance(self, name: str = "VI_1", **more: Any) -> None:
        """The engine tells of an instance, and the agent has heard it."""
        seen = view(**{"state": "MASTER", "source_address": A, "master_address": A, "nopreempt": True} | more)
        self.says({"is": "instance", "name": name, "view": seen})
        await until_async(lambda: self.link.told.instances.get(name) == seen)

    async def released(self) -> Message:
        """The engine is told to release something."""
        found: list[Message] = []

        def asked() -> bool:
            found.extend(m for m in self.engine.receive() if m.get("do") == "release")
            return bool(found)

        await until_async(asked)
        return found[0]


@contextlib.asynccontextmanager
async def open_desk(folder: Path, peers: Mapping[str, Any] | None = None) -> AsyncIterator[Desk]:
    desk = Desk(folder, peers)
    desk.operator.recover()
    task = asyncio.ensure_future(desk.operator.run())
    await until_async(lambda: desk.link.up)
    try:
        yield desk
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        desk.engine.close()
        desk.link.drain()
        await until_async(lambda: not desk.link.up)


async def test_an_order_is_on_disk_when_it_is_given_and_there_for_the_next_agent(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        await desk.instance()
        given = desk.operator.begin("VI_1", "new  disk")
        assert desk.told == [{"VI_1"}]
        assert orders_file.load(desk.path)[0] == {"VI_1": given}
    async with open_desk(tmp_path) as desk:
        assert desk.operator.objects() == {
            ("maintenance", "VI_1"): {"reason": "new disk", "since": given.since, "until": 0},
        }
        assert desk.operator.begin("", "new kernel").instance == ""
        assert desk.operator.end("VI_1") == given
        assert desk.told == [{"", "VI_1"}, {""}]


async def test_an_order_that_is_given_again_keeps_its_beginning(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        first = desk.operator.begin("", "new kernel")
        again = desk.operator.begin("", "new disk", time.time_ns() + 3600 * SECOND)
        assert (again.since, again.reason) == (first.since, "new disk")


async def test_what_cannot_be_kept_is_not_obeyed(tmp_path: Path) -> None:
    async with open_desk(tmp_path / "file") as desk:
        (tmp_path / "file").write_text("")
        with pytest.raises(UnavailableError, match="nothing was done"):
            desk.operator.begin("", "new kernel")
        assert desk.told == []
        assert desk.operator.maintenance == {}


async def test_an_order_ends_at_its_time(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        desk.operator.begin("", "new kernel", time.time_ns() + SECOND // 5)
        await until_async(lambda: desk.told[-1:] == [set()])
        assert orders_file.load(desk.path)[0] == {}


async def test_orders_make_sense_or_are_refused(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        await desk.instance(addresses=[f"{A}/24 dev eth0"])
        with pytest.raises(Unknown, match="no vrrp_instance 'VI_2' runs here; there are: VI_1"):
            desk.operator.begin("VI_2", "x")
        with pytest.raises(InvalidValue, match="reason"):
            await desk.operator.switch("VI_1", "", "")
        with pytest.raises(Refused, match="until: is in the past"):
            desk.operator.begin("VI_1", "x", 1)
        with pytest.raises(Refused, match="could not speak once it had given that up"):
            desk.operator.begin("", "x")
        with pytest.raises(Unknown, match="no maintenance of this node to end; there is: none"):
            desk.operator.end("")
        assert desk.told == []


async def test_orders_that_cannot_be_read_are_a_problem_until_there_are_new_ones(tmp_path: Path) -> None:
    (tmp_path / "orders.json").write_text("{")
    async with open_desk(tmp_path) as desk:
        assert desk.operator.trouble is not None
        assert "holds no orders" in desk.operator.trouble.reason
        desk.operator.begin("", "new kernel")
        assert desk.operator.trouble is None


async def test_a_switchover_says_who_took_over(tmp_path: Path) -> None:
    async with open_desk(tmp_path, {"b": PEER}) as desk:
        await desk.instance()
        moving = asyncio.ensure_future(desk.operator.switch("VI_1", "b", "test"))
        assert await desk.released() == {"do": "release", "name": "VI_1", "cause": "switchover to b: test"}
        await desk.instance(offering="switchover to b: test")
        await desk.instance(state="BACKUP", master_address=B)
        done = await moving
        assert (done.outcome, done.detail) == (switchover.DONE, f"b ({B}) took over")
        assert orders_file.load(desk.path)[1] == desk.operator.switchovers == [done]


async def test_a_switchover_that_nobody_took_up_has_failed_and_holds_nothing(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        await desk.instance()
        moving = asyncio.ensure_future(desk.operator.switch("VI_1", B, "test", hold=True))
        await until_async(lambda: desk.told == [{"VI_1"}])
        await desk.instance(offering="maintenance: switchover to b: test", maintenance="maintenance: switchover")
        await desk.instance(maintenance="maintenance: switchover")
        assert (await moving).outcome == switchover.FAILED
        assert desk.told == [{"VI_1"}, set()]


async def test_a_switchover_that_cannot_work_is_refused(tmp_path: Path) -> None:
    async with open_desk(tmp_path, {"b": PEER}) as desk:
        await desk.instance(nopreempt=False, effective_priority=150)
        with pytest.raises(Refused, match="would take VI_1 back at once"):
            await desk.operator.switch("VI_1", "b", "test")
        with pytest.raises(Refused, match="time: is in the past"):
            await desk.operator.switch("VI_1", "b", "test", at=1)
        assert desk.operator.switchovers == []


async def test_every_member_of_the_group_must_be_ready(tmp_path: Path) -> None:
    async with open_desk(tmp_path, {"b": PEER}) as desk:
        desk.says({"is": "group", "name": "VG", "view": {"state": "MASTER", "members": ["VI_1", "VI_2"]}})
        await desk.instance(group="VG")
        await desk.instance("VI_2", group="VG")
        with pytest.raises(Refused, match="no other node runs VI_2"):
            await desk.operator.switch("VI_1", "b", "test")


async def test_a_scheduled_switchover_happens_at_its_time_whoever_restarted_meanwhile(tmp_path: Path) -> None:
    async with open_desk(tmp_path, {"b": PEER}) as desk:
        await desk.instance()
        pending = await desk.operator.switch("VI_1", "b", "test", at=time.time_ns() + 2 * SECOND)
        assert pending.outcome == switchover.PENDING
        with pytest.raises(Refused, match="is pending already"):
            await desk.operator.switch("VI_1", "b", "test")
    desk = Desk(tmp_path, {"b": PEER})
    await desk.instance()
    desk.operator.recover()
    task = asyncio.ensure_future(desk.operator.run())
    await desk.released()
    await desk.instance(state="BACKUP", master_address=B)
    await until_async(lambda: [s.outcome for s in desk.operator.switchovers] == [switchover.DONE])
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    desk.engine.close()
    desk.link.drain()


async def test_a_switchover_that_cannot_work_when_its_time_comes_says_why(tmp_path: Path) -> None:
    now = time.time_ns()
    orders_file.save(
        tmp_path / "orders.json", {}, [Switchover("1-0", "VI_1", "b", "test", now), Switchover("1-1", "X", "b", "test", now)]
    )
    async with open_desk(tmp_path, {}) as desk:
        await until_async(lambda: all(s.outcome != switchover.PENDING for s in desk.operator.switchovers))
        outcomes = {s.id: (s.outcome, s.detail) for s in desk.operator.switchovers}
    assert outcomes["1-1"] == (switchover.FAILED, "no vrrp_instance 'X' runs here; there are: none")


async def test_a_switchover_whose_time_passed_long_ago_is_missed(tmp_path: Path) -> None:
    long_ago = Switchover("1-0", "VI_1", "b", "test", time.time_ns() - 90 * SECOND)
    orders_file.save(tmp_path / "orders.json", {}, [long_ago])
    async with open_desk(tmp_path, {"b": PEER}) as desk:
        await until_async(lambda: [s.outcome for s in desk.operator.switchovers] == [switchover.MISSED])
        assert desk.operator.switchovers[0].detail.startswith("vrrp's agent was not there at its time")


async def test_only_what_is_pending_can_be_cancelled(tmp_path: Path) -> None:
    async with open_desk(tmp_path, {"b": PEER}) as desk:
        await desk.instance()
        pending = await desk.operator.switch("VI_1", "b", "test", at=time.time_ns() + 3600 * SECOND)
        assert desk.operator.cancel(pending.id).outcome == switchover.CANCELLED
        with pytest.raises(Refused, match="is not pending: it is CANCELLED"):
            desk.operator.cancel(pending.id)
        with pytest.raises(Unknown, match="there is no switchover '7'"):
            desk.operator.cancel("7")


async def test_only_so_many_switchovers_are_remembered_and_none_that_is_pending_is_forgotten(tmp_path: Path) -> None:
    later = time.time_ns() + 3600 * SECOND
    rows = [Switchover(f"1-{n}", "VI_1", "", "x", later, outcome=switchover.DONE) for n in range(150)]
    orders_file.save(tmp_path / "orders.json", {}, [Switchover("0-0", "VI_2", "", "x", later), *rows])
    async with open_desk(tmp_path, {}) as desk:
        await desk.instance()
        await desk.operator.switch("VI_1", "", "x", at=later)
        names = [s.id for s in desk.operator.switchovers]
    assert len(names) == 102
    assert names[0] == "0-0"
    assert json.loads((tmp_path / "orders.json").read_text())["switchovers"][1]["id"] == "1-50"


async def test_an_order_that_ends_while_the_disk_refuses_ends_all_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "vrrp"
    folder.mkdir()
    async with open_desk(folder) as desk:
        desk.operator.begin("", "new kernel", time.time_ns() + SECOND // 2)
        folder.rename(tmp_path / "away")
        folder.write_text("")
        await until_async(lambda: desk.told[-1:] == [set()])
        assert desk.operator.maintenance == {}


async def test_a_switchover_that_happened_is_told_though_the_disk_refuses(tmp_path: Path) -> None:
    folder = tmp_path / "vrrp"
    folder.mkdir()
    async with open_desk(folder, {"b": PEER}) as desk:
        await desk.instance()
        moving = asyncio.ensure_future(desk.operator.switch("VI_1", "b", "test"))
        await desk.released()
        folder.rename(tmp_path / "away")
        folder.write_text("")
        await desk.instance(state="BACKUP", master_address=B)
        assert (await moving).outcome == switchover.DONE
        assert [s.outcome for s in desk.operator.switchovers] == [switchover.DONE]


async def test_an_engine_that_says_nothing_after_the_offer_means_failure(tmp_path: Path) -> None:
    async with open_desk(tmp_path, {"b": PEER}) as desk:
        await desk.instance(version=3, advert_int_ns=10_000_000)
        assert (await desk.operator.switch("VI_1", "b", "test")).outcome == switchover.FAILED


async def test_without_an_engine_there_is_no_switchover(tmp_path: Path) -> None:
    async with open_desk(tmp_path, {"b": PEER}) as desk:
        await desk.instance()
        desk.engine.close()
        await until_async(lambda: not desk.link.up)
        with pytest.raises(Refused, match="the engine does not answer"):
            await desk.operator.switch("VI_1", "b", "test")
