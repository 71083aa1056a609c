"""A real etcd, an iterator of batches, and options for both."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from services.common import options
from services.common.batch import Batch
from services.common.options import Options
from services.common.store import Store
from tests.kit.etcd import Etcd
from tests.kit.wait import until_async


@pytest.fixture
def etcd(tmp_path: Path) -> Iterator[Etcd]:
    with Etcd(tmp_path) as running:
        yield running


@pytest.fixture
def options_for(tmp_path: Path) -> Callable[..., Options]:
    """Options of a service from its flags: `options_for("--store", etcd.url)`."""

    def make(*flags: str) -> Options:
        folders = ("--run-dir", str(tmp_path / "run"), "--state-dir", str(tmp_path / "state"))
        return options.parse("ipvs", [*folders, "--node", "lb1", *flags], {})

    return make


class Reader:
    """Follows a store in the background, and keeps everything it said."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.batches: list[Batch] = []
        self._task = asyncio.ensure_future(self._follow())

    async def _follow(self) -> None:
        async for batch in self.store.batches():
            self.batches.append(batch)

    @property
    def values(self) -> dict[str, bytes]:
        """What the batches amount to."""
        result: dict[str, bytes] = {}
        for batch in self.batches:
            result = {} if batch.snapshot else result
            changed: Mapping[str, bytes | None] = batch.values
            result |= {key: value for key, value in changed.items() if value is not None}
            for key in changed:
                if changed[key] is None:
                    result.pop(key, None)
        return result

    @property
    def snapshots(self) -> int:
        return sum(batch.snapshot for batch in self.batches)

    async def until(self, predicate: Callable[[Reader], Any], what: str, timeout: float = 60) -> None:
        def describe() -> str:
            return f"{what}; trouble: {self.store.trouble()!r}; the last batches: {self.batches[-5:]}"

        def ask() -> Any:
            if self._task.done():
                self._task.result()
                raise AssertionError(f"the iterator has ended; {describe()}")
            return predicate(self)

        await until_async(ask, timeout, describe)

    async def close(self) -> None:
        await self.store.aclose()
        await asyncio.wait_for(self._task, 30)


@pytest.fixture
async def read() -> AsyncIterator[Callable[[Store], Reader]]:
    """`read(store)`: a Reader that is closed after the test."""
    async with contextlib.AsyncExitStack() as closing:

        def start(store: Store) -> Reader:
            reader = Reader(store)
            closing.push_async_callback(reader.close)
            return reader

        yield start
