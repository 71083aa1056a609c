"""How does a successor learn what a killed engine knew? A memfd that the launcher keeps, one slot per record.

A slot has the time and the sequence of the last advert (eight aligned bytes each, written with each advert; the sequence of
numbered ones only), the moment of a backup's takeover, and two copies of the record, of which the older is overwritten: a kill
in the middle of a write leaves the other copy whole (`snapshot.unpack` finds torn ones). Nothing is ever cleared but the
slots of names that are no longer there.
"""

from __future__ import annotations

from collections.abc import Iterable
from mmap import mmap
from os import fstat, ftruncate
from struct import Struct
from typing import NamedTuple

from services.vrrp.election.snapshot import COPY, Saved, pack, unpack

MAGIC = b"VIPKEEP2"
HEADER = 64
BEAT = Struct("=Q")
SEALED, DOWN = 8, 16  # bytes of a slot before the sequence, and before the moment of a takeover
SLOT = 64 + 2 * COPY
FIRST_SLOTS = 64


class Places(NamedTuple):
    """Where some instances note their adverts: indexes of words, of a state of the slots."""

    changes: int
    words: tuple[int, ...]


class Handover:
    """The shared memory behind a descriptor. `inherited` is what the predecessor left."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        size = fstat(fd).st_size
        usable = size >= HEADER + SLOT
        if not usable:
            size = HEADER + FIRST_SLOTS * SLOT
            ftruncate(fd, size)
        self._map = mmap(fd, size)
        if self._map[: len(MAGIC)] != MAGIC:
            self._map[:] = bytes(size)
            self._map[: len(MAGIC)] = MAGIC
        self._slots: dict[tuple[str, str], int] = {}
        self._sequences: dict[tuple[str, str], int] = {}
        self._written: dict[tuple[str, str], int] = {}  # hashes
        self._words: memoryview | None = None  # the whole, as the machine's own words
        self._changes = 0
        self.inherited = tuple(self._read())
        self._free = [at for at in range(HEADER, size - SLOT + 1, SLOT) if at not in self._slots.values()]
        self._free.reverse()

    def _read(self) -> list[Saved]:
        found = []
        for at in range(HEADER, len(self._map) - SLOT + 1, SLOT):
            copies = [unpack(self._map[at + 64 + n * COPY : at + 64 + (n + 1) * COPY]) for n in (0, 1)]
            best = max((c for c in copies if c is not None), key=lambda c: c[0], default=None)
            if best is not None:
                sequence, saved = best
                key = saved.kind, saved.name
                self._slots[key], self._sequences[key] = at, sequence
                (sealed,) = BEAT.unpack_from(self._map, at + SEALED)
                (last_advert,), (down,) = BEAT.unpack_from(self._map, at), BEAT.unpack_from(self._map, at + DOWN)
                sequence = max(saved.sequence, sealed)
                found.append(saved._replace(last_advert=last_advert, master_down_at=down, sequence=sequence))
        return found

    def beat(self, name: str, now: int, sequence: int = 0) -> None:
        """An advert of this instance left at `now`; sealed ones have a sequence."""
        at = self._slots.get(("instance", name))
        if at is not None:
            BEAT.pack_into(self._map, at, now)
            if sequence:
                BEAT.pack_into(self._map, at + SEALED, sequence)

    def waits(self, name: str, until: int) -> None:
        """This instance takes over at `until`, unless it hears a master."""
        at = self._slots.get(("instance", name))
        if at is not None:
            BEAT.pack_into(self._map, at + DOWN, until)

    def places(self, names: Iterable[str]) -> Places:
        """Where `beats` writes for these instances, as long as `current`."""
        slots = (self._slots.get(("instance", name)) for name in names)
        return Places(self._changes, tuple(at // BEAT.size for at in slots if at is not None))

    def current(self, places: Places) -> bool:
        """Whether all is where it was."""
        return places.changes == self._changes

    def beats(self, places: Places, now: int) -> None:
        """Adverts of the instances of `places` left at `now`."""
        if self._words is None:
            self._words = memoryview(self._map).cast("Q")
        words = self._words
        for at in places.words:
            words[at] = now

    def write(self, saved: Saved) -> None:
        """Replace the record of `saved.kind, saved.name`."""
        key = saved.kind, saved.name
        digest = hash(saved)
        if self._written.get(key) == digest:
            return
        at = self._slots.get(key)
        if at is None:
            at = self._slots[key] = self._take_slot()
            self._changes += 1
        sequence = self._sequences[key] = self._sequences.get(key, 0) + 1
        data = pack(saved, sequence)
        place = at + 64 + sequence % 2 * COPY
        if saved.kind == "instance":
            BEAT.pack_into(self._map, at, saved.last_advert)
            BEAT.pack_into(self._map, at + DOWN, saved.master_down_at)
        self._map[place : place + len(data)] = data
        self._written[key] = digest

    def forget(self, kind: str, name: str) -> None:
        """The instance or script is no longer configured."""
        at = self._slots.pop((kind, name), None)
        if at is not None:
            self._map[at : at + SLOT] = bytes(SLOT)
            self._free.append(at)
            self._changes += 1
            self._sequences.pop((kind, name), None)
            self._written.pop((kind, name), None)

    def forget_others(self, keys: set[tuple[str, str]]) -> None:
        """Only these remain."""
        for kind, name in self._slots.keys() - keys:
            self.forget(kind, name)

    def _take_slot(self) -> int:
        if not self._free:
            size = len(self._map)
            more = max(FIRST_SLOTS, (size - HEADER) // SLOT) * SLOT
            ftruncate(self._fd, size + more)
            if self._words is not None:
                self._words.release()
                self._words = None
            self._map.resize(size + more)
            self._free = list(range(size, size + more, SLOT))[::-1]
        return self._free.pop()
