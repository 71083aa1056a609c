"""The store's contract against a real etcd that is killed, compacted, wiped, hung, and asks for users."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from services.common.errors import StoreError, UnavailableError
from services.common.options import Options
from services.common.store import Store, open_store
from services.common.store_etcd import EtcdStore, get_prefix, put_all
from tests.contract.conftest import Reader
from tests.kit.etcd import Etcd
from tests.kit.wait import until_async

ROOT = Path(__file__).resolve().parents[2]
Read = Callable[[Store], Reader]
OptionsFor = Callable[..., Options]


async def off_loop(work: Callable[..., object], *arguments: object) -> None:
    await asyncio.to_thread(work, *arguments)


def is_synced(reader: Reader) -> bool:
    return bool(reader.batches) and not reader.store.trouble()


async def test_a_snapshot_comes_first_then_every_change(etcd: Etcd, options_for: OptionsFor, read: Read) -> None:
    etcd.put("/vipkeeper/config/global", "{}")
    etcd.put("/vipkeeper/node/lb1/global", '{"router_id": "lb1"}')
    etcd.put("/vipkeeper/status/lb1/vrrp", "not configuration")
    etcd.put("/elsewhere/config/global", "not ours")
    reader = read(open_store(options_for("--store", etcd.url)))
    await reader.until(is_synced, "snapshot")
    etcd.put("/vipkeeper/config/vrrp_instance/VI_1", '{"priority": 1}')
    etcd.delete("/vipkeeper/config/global")
    await reader.until(lambda r: len(r.batches) == 3, "two changes")
    assert [(b.snapshot, dict(b.values)) for b in reader.batches] == [
        (True, {"config/global": b"{}", "node/lb1/global": b'{"router_id": "lb1"}'}),
        (False, {"config/vrrp_instance/VI_1": b'{"priority": 1}'}),
        (False, {"config/global": None}),
    ]
    assert [b.revision for b in reader.batches] == [5, 6, 7]


async def test_all_changes_of_one_revision_arrive_together(etcd: Etcd, options_for: OptionsFor, read: Read) -> None:
    options = options_for("--store", etcd.url)
    reader = read(open_store(options))
    await reader.until(is_synced, "snapshot")
    wanted = {f"config/real_server/web/rs{i}": b"{}" for i in range(100)} | {"node/lb1/global": b"{}"}
    revision = await put_all(options, wanted)
    await reader.until(lambda r: r.values == wanted, "all of them")
    assert [(b.revision, len(b.values)) for b in reader.batches[1:]] == [(revision, 101)]


async def test_kill_9_under_a_stream_of_writes_loses_and_repeats_nothing(
    etcd: Etcd, options_for: OptionsFor, read: Read
) -> None:
    options = options_for("--store", etcd.url)
    reader = read(open_store(options))
    await reader.until(is_synced, "snapshot")
    written: dict[int, int] = {}  # revision: number

    async def write() -> None:
        for number in range(400):
            while True:  # an attempt that etcd broke off may have been taken all the same: then it is there twice
                try:
                    written[await put_all(options, {"config/global": json.dumps({"n": number}).encode()})] = number
                    break
                except UnavailableError:
                    await asyncio.sleep(0.05)

    writing = asyncio.ensure_future(write())
    for kill in range(4):
        await until_async(lambda: len(written) >= 80 * (kill + 1), 120, "writes go on")  # noqa: B023
        await off_loop(etcd.restart)
    await asyncio.wait_for(writing, 120)
    await reader.until(lambda r: r.values.get("config/global") == b'{"n": 399}', "the last write")
    told = [(b.revision, json.loads(b.values["config/global"] or b"")["n"]) for b in reader.batches[1:]]
    assert reader.snapshots == 1
    assert [revision for revision, _ in told] == list(range(2, etcd.status()["header"]["revision"] + 1))
    assert dict(told) | written == dict(told)


