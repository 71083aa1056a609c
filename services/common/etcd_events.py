"""Which revisions has a watch told of completely? etcd's events in, batches of one revision each out. Pure.

etcd promises that the events of a watch are ordered by revision, that none is left out, and that those of one revision
come in one response so long as nobody asks for fragments (we do not). What was told before is left out here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from services.common.batch import Batch


@dataclass(frozen=True, slots=True)
class Event:
    """One key at one revision; `value` None: deleted."""

    revision: int
    key: bytes
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Landmark:
    """How the watched keys looked at `revision`: how many there were, and which was changed last, at which revision.

    A store that was wiped, or restored from a copy, looks different at that revision, or has none.
    """

    revision: int
    count: int
    key: bytes
    modified: int


class Watched:
    """What is known of the store completely: every watched key's last change, up to `revision`.

    `relative` gives a key's name below the prefix, None for keys that do not belong to the configuration.
    """

    def __init__(self, revision: int, modified: Mapping[bytes, int], relative: Callable[[bytes], str | None]) -> None:
        self.revision = revision
        self._modified = dict(modified)
        self._relative = relative

    def landmark(self) -> Landmark:
        """What the store must still look like at `revision` if its history is the one we know."""
        key = max(self._modified, key=lambda k: (self._modified[k], k), default=b"")
        return Landmark(self.revision, len(self._modified), key, self._modified.get(key, 0))

    def is_last_changed(self, key: bytes, modified: int, count: int) -> bool:
        """The store's own account at `revision` agrees with ours (several keys may share the last change)."""
        mark = self.landmark()
        return (count, modified) == (mark.count, mark.modified) and self._modified.get(key, 0) == modified

    def response(self, events: Iterable[Event]) -> tuple[Batch, ...]:
        """Batches for what is new in one response of the watch, by revision, none of them empty."""
        by_revision: dict[int, dict[bytes, bytes | None]] = {}
        for event in events:
            if event.revision > self.revision:
                by_revision.setdefault(event.revision, {})[event.key] = event.value
        batches = [self._batch(revision, by_revision[revision]) for revision in sorted(by_revision)]
        return tuple(batch for batch in batches if batch.values)

    def _batch(self, revision: int, changes: Mapping[bytes, bytes | None]) -> Batch:
        self.revision = revision
        for key, value in changes.items():
            if value is None:
                self._modified.pop(key, None)
            else:
                self._modified[key] = revision
        named = ((self._relative(key), value) for key, value in changes.items())
        return Batch(revision, False, {name: value for name, value in named if name is not None})

    def progressed(self, revision: int) -> None:
        """etcd says that everything up to `revision` has been told."""
        self.revision = max(self.revision, revision)
