"""What a service publishes is in etcd as long as it lives, whatever happens to etcd meanwhile."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from services.common.options import Options
from services.common.store import Store, open_store
from tests.kit.etcd import Etcd
from tests.kit.process import Process
from tests.kit.wait import until, until_async

ROOT = Path(__file__).resolve().parents[2]
STATUS = "/vipkeeper/status/lb1/ipvs"


@pytest.fixture
async def store(etcd: Etcd, options_for: Callable[..., Options]) -> AsyncIterator[Store]:
    opened = open_store(options_for("--store", etcd.url))
    yield opened
    await opened.aclose()


def lease_of(etcd: Etcd) -> str:
    """The only lease there is."""
    return etcd.etcdctl("lease", "list").split()[-1]


async def test_a_published_key_hangs_on_a_lease(etcd: Etcd, store: Store) -> None:
    await store.publish("status/lb1/ipvs", b"well")
    await until_async(lambda: etcd.get(STATUS) == "well", what="published")
    assert STATUS in etcd.etcdctl("lease", "timetolive", "--keys", lease_of(etcd))


async def test_closing_the_store_withdraws_the_key(etcd: Etcd, store: Store) -> None:
    await store.publish("status/lb1/ipvs", b"well")
    await until_async(lambda: etcd.get(STATUS) == "well", what="published")
    await store.aclose()
    assert etcd.get(STATUS) is None


async def test_a_lost_lease_is_granted_anew(etcd: Etcd, store: Store) -> None:
    await store.publish("status/lb1/ipvs", b"well")
    await store.publish("status/lb1/other", b"too")
    await until_async(lambda: len(etcd.keys()) == 2, what="published")
    etcd.etcdctl("lease", "revoke", lease_of(etcd))
    assert etcd.keys() == {}
    await until_async(lambda: len(etcd.keys()) == 2, 60, what="published again")


async def test_a_key_written_after_the_lease_was_lost_brings_the_others_back(etcd: Etcd, store: Store) -> None:
    await store.publish("status/lb1/ipvs", b"well")
    await until_async(lambda: etcd.get(STATUS) == "well", what="published")
    etcd.etcdctl("lease", "revoke", lease_of(etcd))
    await store.publish("status/lb1/other", b"too")
    await until_async(lambda: len(etcd.keys()) == 2, what="published again")


async def test_after_an_outage_only_the_newest_value_is_written(etcd: Etcd, store: Store) -> None:
    await store.publish("status/lb1/ipvs", b"before")
    await until_async(lambda: etcd.get(STATUS) == "before", what="published")
    etcd.kill()
    etcd.wipe()
    for number in range(1_000):
        await asyncio.wait_for(store.publish("status/lb1/ipvs", f"{number}".encode()), 5)
    etcd.start()
    await until_async(lambda: etcd.get(STATUS) == "999", what="published again")
    assert etcd.status()["header"]["revision"] == 2


def test_the_key_of_a_killed_process_runs_out(etcd: Etcd, tmp_path: Path) -> None:
    program = """
import asyncio, sys
from services.common import options
from services.common.store import open_store

async def main():
    store = open_store(options.parse("ipvs", ["--store", sys.argv[1]], {}))
    await store.publish("status/lb1/ipvs", b"well")
    await asyncio.Event().wait()

asyncio.run(main())
"""
    with Process([sys.executable, "-c", program, etcd.url], cwd=ROOT, log=tmp_path / "log") as process:
        until(lambda: etcd.get(STATUS) == "well", what=process.output)
        process.kill()
        until(lambda: etcd.get(STATUS) is None, 90, "the lease runs out")


def test_closing_without_etcd_does_not_hang(tmp_path: Path) -> None:
    program = """
import asyncio, sys
from services.common import options
from services.common.store import open_store

async def main():
    store = open_store(options.parse("ipvs", ["--store", sys.argv[1]], {}))
    reading = asyncio.ensure_future(anext(store.batches(), None))
    await store.publish("status/lb1/ipvs", b"well")
    await asyncio.sleep(0.1)
    await store.aclose()
    print("ended", await reading)

asyncio.run(main())
"""
    argv = [sys.executable, "-W", "error", "-c", program, Etcd(tmp_path).url]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert (done.returncode, done.stdout) == (0, "ended None\n"), done.stderr
