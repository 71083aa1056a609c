"""The store's contract against a real etcd that is killed, compacted, wiped, restored, hung and partitioned."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from services.common.errors import UnavailableError, UsageError
from services.common.options import Options
from services.common.store import Store, open_store
from services.common.store_etcd import get_prefix, put_all
from tests.contract.conftest import Reader
from tests.kit.etcd import Cluster, Etcd
from tests.kit.relay import Relay
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


@pytest.fixture
async def relay(etcd: Etcd) -> AsyncIterator[Relay]:
    """A way to etcd that can be cut while etcd itself goes on."""
    async with Relay(etcd.endpoint) as running:
        yield running


async def test_a_reader_that_was_away_goes_on_where_it_was(
    etcd: Etcd, relay: Relay, options_for: OptionsFor, read: Read
) -> None:
    reader = read(open_store(options_for("--store", f"etcd://{relay.endpoint}")))
    await reader.until(is_synced, "snapshot")
    await relay.cut()
    await reader.until(lambda r: "cannot be reached" in r.store.trouble(), "trouble")
    for number in range(5):
        etcd.put("/vipkeeper/config/global", f'{{"n": {number}}}')
    await relay.heal()
    await reader.until(lambda r: len(r.batches) == 6, "what was missed")
    assert [(b.snapshot, b.revision) for b in reader.batches] == [(True, 1), *((False, n) for n in range(2, 7))]
    assert reader.store.trouble() == ""


async def test_compaction_while_away_ends_in_a_fresh_read(
    etcd: Etcd, relay: Relay, options_for: OptionsFor, read: Read
) -> None:
    etcd.put("/vipkeeper/config/vrrp_script/old", "{}")
    reader = read(open_store(options_for("--store", f"etcd://{relay.endpoint}")))
    await reader.until(is_synced, "snapshot")
    await relay.cut()
    etcd.delete("/vipkeeper/config/vrrp_script/old")
    etcd.put("/vipkeeper/config/global", '{"n": 1}')
    etcd.put("/vipkeeper/config/global", '{"n": 2}')
    etcd.etcdctl("compact", "4")
    await relay.heal()
    await reader.until(lambda r: r.snapshots == 2 and is_synced(r), "a second snapshot")
    assert reader.batches[-1].values == {"config/global": b'{"n": 2}'}
    etcd.put("/vipkeeper/config/global", '{"n": 3}')
    await reader.until(lambda r: r.values == {"config/global": b'{"n": 3}'}, "the watch goes on")


async def test_a_compaction_that_takes_nothing_away_ends_in_no_fresh_read(
    etcd: Etcd, relay: Relay, options_for: OptionsFor, read: Read
) -> None:
    etcd.put("/vipkeeper/config/global", '{"n": 1}')
    reader = read(open_store(options_for("--store", f"etcd://{relay.endpoint}")))
    await reader.until(is_synced, "snapshot")
    await relay.cut()
    etcd.etcdctl("compact", "2")
    etcd.put("/vipkeeper/config/global", '{"n": 2}')
    await relay.heal()
    await reader.until(lambda r: r.values == {"config/global": b'{"n": 2}'}, "what was missed")
    assert reader.snapshots == 1


@pytest.mark.parametrize("writes", [1, 20], ids=["younger than before", "grown past what was known"])
async def test_a_wiped_store_ends_in_a_fresh_read(
    writes: int, etcd: Etcd, relay: Relay, options_for: OptionsFor, read: Read
) -> None:
    for number in range(5):
        etcd.put("/vipkeeper/config/global", f'{{"n": {number}}}')
    etcd.put("/vipkeeper/config/vrrp_script/old", "{}")
    reader = read(open_store(options_for("--store", f"etcd://{relay.endpoint}")))
    await reader.until(is_synced, "snapshot")
    await relay.cut()
    etcd.kill()
    etcd.wipe()
    etcd.start()
    for number in range(writes):
        etcd.put("/vipkeeper/config/global", f'{{"new": {number}}}')
    await relay.heal()
    await reader.until(lambda r: r.snapshots == 2 and is_synced(r), "a second snapshot")
    assert reader.values == {"config/global": f'{{"new": {writes - 1}}}'.encode()}


async def test_a_large_configuration_is_read_page_by_page_at_one_revision(
    etcd: Etcd, options_for: OptionsFor, read: Read
) -> None:
    options = options_for("--store", etcd.url)
    wanted = {f"config/real_server/web/rs{i:05}": f'{{"weight": {i % 250}}}'.encode() for i in range(2_500)}
    revision = await put_all(options, wanted)
    reader = read(open_store(options))
    await reader.until(is_synced, "snapshot")
    assert [(b.revision, b.snapshot, b.values) for b in reader.batches] == [(revision, True, wanted)]
    assert await get_prefix(options, "config/") == wanted


async def test_a_hung_etcd_is_noticed_and_nothing_is_lost(
    etcd: Etcd, relay: Relay, options_for: OptionsFor, read: Read
) -> None:
    reader = read(open_store(options_for("--store", f"etcd://{relay.endpoint}")))
    await reader.until(is_synced, "snapshot")
    relay.freeze()
    etcd.put("/vipkeeper/config/global", '{"n": 1}')
    await reader.until(lambda r: r.store.trouble(), "trouble")
    await relay.heal()
    await reader.until(lambda r: r.values == {"config/global": b'{"n": 1}'} and is_synced(r), "what was missed")
    assert reader.snapshots == 1


async def test_the_next_endpoint_takes_over(etcd: Etcd, relay: Relay, options_for: OptionsFor, read: Read) -> None:
    async with Relay(etcd.endpoint) as other:
        reader = read(open_store(options_for("--store", f"etcd://{relay.endpoint},{other.endpoint}")))
        await reader.until(is_synced, "snapshot")
        await relay.cut()
        etcd.put("/vipkeeper/config/global", '{"n": 1}')
        await reader.until(lambda r: r.values == {"config/global": b'{"n": 1}'}, "by the other way")
        await relay.heal()
        await other.cut()
        etcd.put("/vipkeeper/config/global", '{"n": 2}')
        await reader.until(lambda r: r.values == {"config/global": b'{"n": 2}'}, "by the first way again")
    assert reader.snapshots == 1


async def test_a_cluster_that_loses_its_leader_loses_and_repeats_nothing(
    tmp_path: Path, options_for: OptionsFor, read: Read
) -> None:
    with Cluster(tmp_path) as cluster:
        options = options_for("--store", cluster.url)
        reader = read(open_store(options))
        await reader.until(is_synced, "snapshot")
        revisions: list[int] = []

        async def write(number: int) -> None:
            while True:
                try:
                    revisions.append(await put_all(options, {"config/global": f'{{"n": {number}}}'.encode()}))
                    return
                except UnavailableError:
                    await asyncio.sleep(0.05)

        for number in range(90):
            if number in (30, 60):
                leader = await asyncio.to_thread(cluster.leader)
                leader.kill()
                if number == 30:
                    await asyncio.to_thread(leader.start)
            await asyncio.wait_for(write(number), 60)
        await reader.until(lambda r: r.values.get("config/global") == b'{"n": 89}', "the last write")
    told = [b.revision for b in reader.batches if not b.snapshot]
    assert told == list(range(2, told[-1] + 1))
    assert set(revisions) <= set(told)
    assert reader.snapshots == 1


async def test_a_member_cut_off_from_the_others_is_left_for_another(
    tmp_path: Path, options_for: OptionsFor, read: Read
) -> None:
    with Cluster(tmp_path) as cluster:
        alone, other, third = cluster.members
        options = options_for("--store", f"etcd://{alone.endpoint},{other.endpoint},{third.endpoint}")
        reader = read(open_store(options))
        await reader.until(is_synced, "snapshot")
        assert other.process is not None
        assert third.process is not None
        other.process.stop()
        third.process.stop()  # the first member answers, but leads nobody and hears of no leader
        await reader.until(lambda r: r.store.trouble(), "trouble")
        other.process.cont()
        third.process.cont()
        await reader.until(is_synced, "following again")
        await put_all(options, {"config/global": b"{}"})
        await reader.until(lambda r: r.values == {"config/global": b"{}"}, "a change")


async def test_a_store_that_is_not_there_yet_is_waited_for(tmp_path: Path, options_for: OptionsFor, read: Read) -> None:
    etcd = Etcd(tmp_path)
    reader = read(open_store(options_for("--store", etcd.url)))
    await reader.until(lambda r: "cannot be reached: connection refused" in r.store.trouble(), "trouble")
    assert reader.batches == []
    with etcd:
        await reader.until(is_synced, "snapshot")
        assert reader.values == {}


def test_waiting_for_etcd_costs_next_to_no_cpu(tmp_path: Path) -> None:
    program = """
import asyncio, time, sys
from services.common import options
from services.common.store import open_store

async def main():
    store = open_store(options.parse("ipvs", ["--store", f"etcd://{sys.argv[1]}", "--state-dir", "/nowhere"], {}))
    reading = asyncio.ensure_future(anext(store.batches()))
    await store.publish("status/lb1/ipvs", b"{}")
    await asyncio.sleep(1)
    before = time.process_time()
    await asyncio.sleep(5)
    print(time.process_time() - before)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    await store.aclose()

asyncio.run(main())
"""
    address = Etcd(tmp_path).endpoint  # of a server that is never started
    done = subprocess.run([sys.executable, "-c", program, address], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 0.5, "CPU seconds in 5 seconds without etcd"


async def test_keys_are_put_and_deleted_in_one_revision(etcd: Etcd, options_for: OptionsFor) -> None:
    options = options_for("--store", etcd.url)
    await put_all(options, {"config/global": b"1", "config/vrrp_script/a": b"2"})
    revision = await put_all(options, {"config/global": b"3"}, delete=["config/vrrp_script/a", "config/none"])
    assert revision == 3
    assert etcd.keys() == {"/vipkeeper/config/global": "3"}
    assert await get_prefix(options) == {"config/global": b"3"}


async def test_a_prefix_has_only_the_keys_that_begin_with_it(etcd: Etcd, options_for: OptionsFor) -> None:
    options = options_for("--store", etcd.url)
    await put_all(options, {"config/a": b"1", "config/a/b": b"2", "config/b": b"3", "confih": b"4"})
    assert await get_prefix(options, "config/a") == {"config/a": b"1", "config/a/b": b"2"}
    assert await get_prefix(options_for("--store", etcd.url, "--prefix", "/other"), "config/") == {}


async def test_large_values_are_put_in_as_many_transactions_as_etcd_needs(etcd: Etcd, options_for: OptionsFor) -> None:
    options = options_for("--store", etcd.url)
    wanted = {f"config/real_server/web/{i:02}": b"x" * 100_000 for i in range(30)}
    await put_all(options, wanted)
    assert await get_prefix(options, "") == wanted


async def test_writing_without_etcd_says_so(tmp_path: Path, options_for: OptionsFor) -> None:
    options = options_for("--store", Etcd(tmp_path).url)
    with pytest.raises(UnavailableError, match="cannot be reached: connection refused"):
        await put_all(options, {"config/global": b"{}"})
    with pytest.raises(UnavailableError, match="cannot be reached"):
        await get_prefix(options)


@pytest.mark.parametrize(
    ("store", "reason"),
    [
        ("etcd://", "expected etcd://HOST:PORT"),
        ("etcd://a:0", "got 'a:0'"),
        ("etcd://a:2379,", "got ''"),
        ("etcd://a:port", "got 'a:port'"),
        ("etcd://http://a:1", "got 'http://a:1'"),
        ("etcd://::1:2379", "got '::1:2379'"),
    ],
)
def test_an_address_that_cannot_be_meant_is_refused(store: str, reason: str, options_for: OptionsFor) -> None:
    with pytest.raises(UsageError, match=reason):
        options_for("--store", store)
