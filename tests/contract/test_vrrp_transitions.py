"""The engine's transitions reach notify once each, in order, and are acknowledged when they are on its disk."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.common import telemetry
from services.vrrp.agent.publisher import Transitions
from tests.kit.notify import Notify
from tests.kit.wait import until_async
from vipkeeper.common.v1 import event_pb2
from vipkeeper.notify.v1 import notify_pb2

AT = 1_700_000_000_000_000_000


def transition(sequence: int, to: str = "MASTER", kind: str = "instance", boot: str = "b1") -> dict[str, Any]:
    return {
        "is": "transition",
        "boot": boot,
        "sequence": sequence,
        "kind": kind,
        "name": "VI_1" if kind == "instance" else "VG_1",
        "from": "BACKUP",
        "to": to,
        "priority": 100,
        "cause": "no advert from 192.0.2.1 for 3.609 s",
        "at": AT + sequence,
    }


class Agent:
    """An agent's way to notify: `acknowledged` are the engine's news."""

    def __init__(self, notify: Notify) -> None:
        self.acknowledged: list[tuple[str, int]] = []
        observed = telemetry.start(notify.options)
        self.transitions = Transitions(notify.options, observed, lambda *news: self.acknowledged.append(news))

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Transitions]:
        self.transitions.recover()
        task = asyncio.ensure_future(self.transitions.publisher.run())
        try:
            yield self.transitions
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self.transitions.publisher.close()


@pytest.fixture
def notify(tmp_path: Path) -> Any:
    service = Notify(tmp_path)
    service.put(vrrp_instance__VI_1={"interface": "eth0", "virtual_router_id": 51}, vrrp_sync_group__VG_1={"group": ["VI_1"]})
    service.options.state_dir.mkdir(parents=True)
    yield service
    service.close()


async def told(notify: Notify) -> list[event_pb2.Event]:
    return [journaled.event for journaled in await notify.events()]


async def test_a_transition_is_acknowledged_once_it_is_on_notify_s_disk_and_not_before(notify: Notify) -> None:
    agent = Agent(notify)
    async with agent.running() as transitions:
        transitions.take(transition(1))
        transitions.take(transition(2, "FAULT"))
        await until_async(lambda: transitions.publisher.pending == 2)
        assert agent.acknowledged == []
        notify.start()
        await until_async(lambda: agent.acknowledged[-1:] == [("b1", 2)])
    events = await told(notify)
    assert [e.vrrp_instance.to for e in events] == [event_pb2.VRRP_STATE_MASTER, event_pb2.VRRP_STATE_FAULT]
    assert [e.time.ToNanoseconds() for e in events] == [AT + 1, AT + 2]
    assert events[0].vrrp_instance.cause == "no advert from 192.0.2.1 for 3.609 s"


async def test_what_the_engine_sends_again_is_told_once(notify: Notify) -> None:
    notify.start()
    for _life in range(2):  # the second agent knows nothing of the first
        agent = Agent(notify)
        async with agent.running() as transitions:
            for sequence in (1, 2, 1, 2):
                transitions.take(transition(sequence))
            await until_async(lambda a=agent: a.acknowledged[-1:] == [("b1", 2)])
    assert len(await told(notify)) == 2


async def test_another_engine_counts_anew(notify: Notify) -> None:
    notify.start()
    agent = Agent(notify)
    async with agent.running() as transitions:
        transitions.take(transition(1, boot="b1"))
        transitions.take(transition(1, boot="b2"))
        await until_async(lambda: agent.acknowledged[-1:] == [("b2", 1)])
    assert len(await told(notify)) == 2


async def test_an_instance_that_is_deleted_is_told_as_fault_as_in_keepalived(notify: Notify) -> None:
    notify.start()
    agent = Agent(notify)
    async with agent.running() as transitions:
        transitions.take(transition(1, "DELETED"))
        transitions.take(transition(2, "STOP", "group"))
        await until_async(lambda: agent.acknowledged[-1:] == [("b1", 2)])
    deleted, stopped = await told(notify)
    assert deleted.vrrp_instance.to == event_pb2.VRRP_STATE_FAULT
    assert (stopped.vrrp_sync_group.name, stopped.vrrp_sync_group.to) == ("VG_1", event_pb2.VRRP_STATE_STOP)


async def test_what_is_no_transition_is_acknowledged_and_not_told(notify: Notify) -> None:
    agent = Agent(notify)
    async with agent.running() as transitions:
        transitions.take(transition(1, "MASTER_RX_LOWER_PRI"))
        assert agent.acknowledged == [("b1", 1)]
        transitions.take(transition(2))
        transitions.take(transition(3, "MASTER_RX_LOWER_PRI"))
        assert agent.acknowledged[-1] == ("b1", 1)
        notify.start()
        await until_async(lambda: agent.acknowledged[-1] == ("b1", 3))
    assert len(await told(notify)) == 1


async def test_what_cannot_be_told_at_a_stop_waits_on_disk_for_the_next_agent(notify: Notify) -> None:
    first = Agent(notify)
    first.transitions.take(transition(1, "STOP"))
    await first.transitions.finish(0.1)
    assert len(list(notify.options.state_dir.glob("*.events"))) == 1
    notify.start()
    async with Agent(notify).running() as transitions:
        await until_async(lambda: transitions.publisher.published == 1)
        assert list(notify.options.state_dir.glob("*.events")) == []
    assert [e.vrrp_instance.to for e in await told(notify)] == [event_pb2.VRRP_STATE_STOP]


async def test_what_waits_on_disk_does_not_grow_with_every_agent_that_cannot_deliver_it(notify: Notify) -> None:
    spool = notify.options.state_dir / "undelivered.events"
    sizes = []
    for _life in range(3):
        agent = Agent(notify)
        async with agent.running() as transitions:
            for sequence in (1, 2):  # the engine tells again what is not acknowledged
                transitions.take(transition(sequence))
            await transitions.finish(0.1)
        sizes.append(len(notify_pb2.PublishRequest.FromString(spool.read_bytes()).events))
    assert sizes == [2, 2, 2]
    notify.start()
    last = Agent(notify)
    async with last.running() as transitions:
        for sequence in (1, 2):
            transitions.take(transition(sequence))
        await until_async(lambda: last.acknowledged[-1:] == [("b1", 2)])
    assert len(await told(notify)) == 2


async def test_what_an_earlier_agent_left_half_written_is_left_aside(notify: Notify, caplog: pytest.LogCaptureFixture) -> None:
    (notify.options.state_dir / "undelivered.events").write_bytes(b"\xff\xff\xff")
    async with Agent(notify).running() as transitions:
        assert transitions.publisher.pending == 0
    assert "cannot be read" in caplog.text
