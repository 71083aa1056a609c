"""A store whose every move the test makes: the third implementation of services.common.store.Store."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from services.common.batch import Batch


class MemoryStore:
    """Holds batches until they are read; `published` is what the service made known."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Batch] = asyncio.Queue()
        self._revision = 0
        self.published: dict[str, Any] = {}
        self.closed = False

    def put(self, keys: Mapping[str, Any], snapshot: bool = False) -> None:
        """One revision; a value of bytes is taken as it is, None deletes, anything else becomes JSON."""
        self._revision += 1
        self._queue.put_nowait(Batch(self._revision, snapshot, {key: _text(value) for key, value in keys.items()}))

    async def batches(self) -> AsyncIterator[Batch]:
        while True:
            yield await self._queue.get()

    async def publish(self, key: str, value: bytes) -> None:
        self.published[key] = json.loads(value)

    def trouble(self) -> str:
        return ""

    async def aclose(self) -> None:
        self.closed = True


def _text(value: Any) -> bytes | None:
    return value if value is None or isinstance(value, bytes) else json.dumps(value).encode()
