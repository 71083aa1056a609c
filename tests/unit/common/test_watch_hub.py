"""A Watch RPC's contract: a snapshot, exactly one synced, numbered deltas, the latest for slow readers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from hypothesis import given
from hypothesis import strategies as st

from services.common.watch_hub import Put, Removed, Synced, WatchHub

Item = Put[str, int] | Removed[str] | Synced


async def take(stream: AsyncIterator[Item], count: int) -> list[Item]:
    return [await asyncio.wait_for(anext(stream), 30) for _ in range(count)]


async def test_an_empty_hub_is_synced_at_once() -> None:
    hub: WatchHub[str, int] = WatchHub()
    assert await take(hub.subscribe(), 1) == [Synced(1)]


async def test_a_snapshot_then_synced_then_deltas() -> None:
    hub: WatchHub[str, int] = WatchHub()
    hub.put("a", 1)
    hub.put("b", 2)
    stream = hub.subscribe()
    assert await take(stream, 3) == [Put(1, "a", 1), Put(2, "b", 2), Synced(3)]
    hub.put("c", 3)
    hub.remove("a")
    assert await take(stream, 2) == [Put(4, "c", 3), Removed(5, "a")]
    assert dict(hub.values()) == {"b": 2, "c": 3}


async def test_a_slow_reader_gets_the_latest_of_each_object() -> None:
    hub: WatchHub[str, int] = WatchHub()
    hub.put("a", 0)
    stream = hub.subscribe()
    await take(stream, 2)
    for number in range(1, 1000):
        hub.put("a", number)
        hub.put("b", number)
    assert await take(stream, 2) == [Put(3, "a", 999), Put(4, "b", 999)]


async def test_an_object_that_came_and_went_unseen_is_not_told_of() -> None:
    hub: WatchHub[str, int] = WatchHub()
    stream = hub.subscribe()
    await take(stream, 1)
    hub.put("a", 1)
    hub.remove("a")
    hub.put("b", 1)
    assert await take(stream, 1) == [Put(2, "b", 1)]


async def test_an_object_that_went_and_came_back_unseen_is_one_change() -> None:
    hub: WatchHub[str, int] = WatchHub()
    hub.put("a", 1)
    stream = hub.subscribe()
    await take(stream, 2)
    hub.remove("a")
    hub.put("a", 2)
    assert await take(stream, 1) == [Put(3, "a", 2)]


async def test_nobody_is_told_of_what_did_not_change() -> None:
    hub: WatchHub[str, int] = WatchHub()
    hub.put("a", 1)
    stream = hub.subscribe()
    await take(stream, 2)
    hub.put("a", 1)
    hub.remove("none")
    hub.put("b", 1)
    assert await take(stream, 1) == [Put(3, "b", 1)]


async def test_changes_during_the_snapshot_come_before_or_after_synced_but_once() -> None:
    hub: WatchHub[str, int] = WatchHub()
    for key in ("a", "b", "c"):
        hub.put(key, 1)
    stream = hub.subscribe()
    assert await take(stream, 1) == [Put(1, "a", 1)]
    hub.put("a", 2)  # told already
    hub.put("b", 2)  # not told yet
    hub.remove("c")  # never to be told of
    hub.put("d", 2)  # not part of the snapshot
    assert await take(stream, 4) == [Put(2, "b", 2), Synced(3), Put(4, "a", 2), Put(5, "d", 2)]


async def test_a_busy_object_does_not_starve_the_others() -> None:
    hub: WatchHub[str, int] = WatchHub()
    stream = hub.subscribe()
    await take(stream, 1)
    hub.put("busy", 0)
    hub.put("quiet", 0)
    seen = []
    for number in range(1, 4):
        seen += await take(stream, 1)
        hub.put("busy", number)
    assert Put(3, "quiet", 0) in seen


async def test_each_reader_has_a_stream_of_its_own() -> None:
    hub: WatchHub[str, int] = WatchHub()
    hub.put("a", 1)
    first, second = hub.subscribe(), hub.subscribe()
    assert await take(first, 2) == [Put(1, "a", 1), Synced(2)]
    hub.put("a", 2)
    assert await take(second, 2) == [Put(1, "a", 2), Synced(2)]
    assert await take(first, 1) == [Put(3, "a", 2)]


async def test_a_waiting_reader_wakes_up() -> None:
    hub: WatchHub[str, int] = WatchHub()
    stream = hub.subscribe()
    await take(stream, 1)
    waiting = asyncio.ensure_future(take(stream, 1))
    await asyncio.sleep(0)
    hub.put("a", 1)
    assert await waiting == [Put(2, "a", 1)]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from("abc"), st.integers(0, 3)),
        st.tuples(st.sampled_from("abc"), st.none()),
        st.none(),  # the reader reads one item
    ),
    max_size=60,
)


@given(before=STEPS, after=STEPS)
def test_whoever_follows_ends_up_with_the_same_objects(
    before: list[tuple[str, int | None] | None], after: list[tuple[str, int | None] | None]
) -> None:
    async def follow() -> None:
        hub: WatchHub[str, int] = WatchHub()
        mirror: dict[str, int] = {}
        sequences: list[int] = []
        synced = 0
        stream: AsyncIterator[Item] | None = None

        async def read() -> bool:
            nonlocal synced
            if stream is None:
                return False
            reading = asyncio.ensure_future(anext(stream))
            for _ in range(3):
                await asyncio.sleep(0)
            if not reading.done():
                hub.put("end", len(sequences))  # nothing else to read: something new
            item = await reading
            sequences.append(item.sequence)
            match item:
                case Put(_, key, value):
                    mirror[key] = value
                case Removed(_, key):
                    del mirror[key]  # never of something it has not told of
                case Synced():
                    synced += 1
            return not (isinstance(item, Put) and item.key == "end")

        async def change(steps: list[tuple[str, int | None] | None]) -> None:
            for step in steps:
                if step is None:
                    await read()
                elif step[1] is None:
                    hub.remove(step[0])
                else:
                    hub.put(step[0], step[1])

        await change(before)
        stream = hub.subscribe()
        await change(after)
        while await read():
            pass
        assert mirror == dict(hub.values())
        assert synced == 1
        assert sequences == list(range(1, len(sequences) + 1))

    asyncio.run(follow())
