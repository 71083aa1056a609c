"""What the agent says of the table of no_accept while nft will not have it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from services.common.problems import Problem
from services.vrrp.agent.nft import Firewall


async def test_what_nft_refuses_is_a_problem_of_each_instance_that_needs_it(tmp_path: Path) -> None:
    told: asyncio.Queue[tuple[frozenset[Problem], frozenset[Problem]]] = asyncio.Queue()
    firewall = Firewall(tmp_path / "marker", lambda before, now: told.put_nowait((before, now)))
    task = asyncio.create_task(firewall.run())
    try:
        firewall.want("no table\n", ["A", "B"])
        before, now = await told.get()
        assert before == frozenset()
        assert {(p.key, p.field) for p in now} == {("config/vrrp_instance/A", "accept"), ("config/vrrp_instance/B", "accept")}
        assert all("not dropped: " in p.reason for p in now)
        firewall.want("no table\n", ["A"])
        before, now = await told.get()
        assert {p.key for p in now} == {"config/vrrp_instance/A"}
        assert firewall.problems == now
    finally:
        task.cancel()


async def test_who_never_needed_a_table_needs_no_nft_and_no_right_to_run_it(tmp_path: Path) -> None:
    firewall = Firewall(tmp_path / "marker", lambda before, now: None)
    firewall.want("", [])
    task = asyncio.create_task(firewall.run())
    await firewall.remove()
    task.cancel()
    assert firewall.problems == frozenset()
    assert not (tmp_path / "marker").exists()
