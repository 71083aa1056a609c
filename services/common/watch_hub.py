"""How does a Watch RPC follow a changing set of objects? A snapshot, exactly one synced, then numbered deltas.

A slow reader skips intermediate states and gets the latest: what waits for it is bounded by the number of objects.
One hub belongs to one event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Generic, TypeVar, final

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Put(Generic[K, V]):
    """The object is new or has changed. `sequence` counts the items of one stream: 1, 2, 3, ..."""

    sequence: int
    key: K
    value: V


@dataclass(frozen=True, slots=True)
class Removed(Generic[K]):
    """The object, of which this stream has told before, is gone."""

    sequence: int
    key: K


@dataclass(frozen=True, slots=True)
class Synced:
    """Everything that was there when the stream began has been told."""

    sequence: int


@final
class _Mark:
    """Where the snapshot ends in a reader's queue."""


_MARK = _Mark()


class _Reader(Generic[K]):
    """What one stream has still to tell (in order of the first change not yet told), and what it has told of."""

    def __init__(self, keys: Mapping[K, object]) -> None:
        self.pending: dict[K | _Mark, None] = dict.fromkeys(keys)
        self.pending[_MARK] = None
        self.known: set[K] = set()
        self.wake = asyncio.Event()

    def changed(self, key: K) -> None:
        self.pending.setdefault(key, None)
        self.wake.set()

    def removed(self, key: K) -> None:
        if key in self.known:
            self.changed(key)
        else:
            self.pending.pop(key, None)
            self.wake.set()


class WatchHub(Generic[K, V]):
    """The current objects of one kind, and everybody who watches them."""

    def __init__(self) -> None:
        self._values: dict[K, V] = {}
        self._readers: set[_Reader[K]] = set()

    def values(self) -> Mapping[K, V]:
        """The current objects, as a live view."""
        return MappingProxyType(self._values)

    def put(self, key: K, value: V) -> None:
        """A new object, or the new state of one; nobody is told if nothing differs. `value` must not change later."""
        if key in self._values and self._values[key] == value:
            return
        self._values[key] = value
        for reader in self._readers:
            reader.changed(key)

    def remove(self, key: K) -> None:
        """The object is gone; nothing if there is none."""
        if key not in self._values:
            return
        del self._values[key]
        for reader in self._readers:
            reader.removed(key)

    async def subscribe(self) -> AsyncIterator[Put[K, V] | Removed[K] | Synced]:
        """A Put of every object there is, one Synced, then what changes; never ends by itself."""
        reader: _Reader[K] = _Reader(self._values)
        self._readers.add(reader)
        sequence = 0
        try:
            while True:
                while not reader.pending:
                    reader.wake.clear()
                    await reader.wake.wait()
                key = next(iter(reader.pending))
                del reader.pending[key]
                sequence += 1
                if isinstance(key, _Mark):
                    yield Synced(sequence)
                elif key in self._values:
                    reader.known.add(key)
                    yield Put(sequence, key, self._values[key])
                else:
                    reader.known.discard(key)
                    yield Removed(sequence, key)
        finally:
            self._readers.discard(reader)
