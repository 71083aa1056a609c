"""On a kernel without IPVS the service says so once and goes on; what it would do is there when IPVS comes."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from services.common.desired import Change
from services.common.errors import UnavailableError
from services.common.telemetry import Telemetry
from services.ipvs.director import Flip, Report
from services.ipvs.kernel import NO_IPVS, Kernel
from services.ipvs.live import LiveTable
from services.ipvs.runtime import Runtime
from tests.lab.ipvs_here import ipvs_here
from tests.unit.ipvs.words import real, virtual
from vipkeeper.ipvs.v1 import ipvs_pb2


def no_kernel() -> Kernel:
    raise UnavailableError(NO_IPVS)


def started(folder: Path, flips: list[tuple[Flip, str]] | None = None) -> Runtime:
    told = [] if flips is None else flips
    return Runtime(folder, Telemetry(asyncio.get_running_loop()), lambda *flip: told.append(flip), no_kernel)


def objects(*settings: Any) -> dict[tuple[str, str], Any]:
    return {("real_server" if hasattr(s, "virtual_server") else "virtual_server", s.name): s for s in settings}


async def test_it_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    runtime = started(tmp_path)
    with caplog.at_level(logging.WARNING):
        await runtime.configure(Change(1, objects(virtual(), real("s2")), frozenset(), ()))
        await runtime.configure(Change(2, objects(real("s3")), frozenset(), ()))
        await runtime.refresh(0)
    assert [record.message for record in caplog.records] == [f"{NO_IPVS}; virtual servers wait, everything else goes on"]
    runtime.close()


async def test_health_and_quorum_are_kept_all_the_same(tmp_path: Path) -> None:
    flips: list[tuple[Flip, str]] = []
    runtime = started(tmp_path, flips)
    await runtime.configure(Change(1, objects(virtual(), real("s2")), frozenset(), ()))
    await runtime.report({("web", "s2"): Report(False, cause="refused", traceparent="00-a-b-01")}, snapshot=True)
    assert [(flip.name, flip.quorum.up, trace) for flip, trace in flips] == [("web", True, ""), ("web", False, "00-a-b-01")]
    (web,) = LiveTable(runtime).virtual_servers()
    assert (web.in_kernel, web.problem, web.quorum_up) == (False, NO_IPVS, False)
    assert (web.real_servers[0].health, web.real_servers[0].cause) == (ipvs_pb2.HEALTH_DOWN, "refused")
    assert runtime.actual == {}
    runtime.close()


async def test_what_waits_is_a_plan(tmp_path: Path) -> None:
    runtime = started(tmp_path)
    await runtime.configure(Change(1, objects(virtual(), real("s2")), frozenset(), ()))
    assert len(await runtime.plan()) == 2
    runtime.close()


@pytest.mark.skipif(ipvs_here(), reason="this kernel has IPVS")
def test_this_kernel_is_told_apart_by_asking_it() -> None:
    with pytest.raises(UnavailableError, match="modprobe ip_vs"):
        Kernel()
