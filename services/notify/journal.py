"""How do records survive a crash? An append-only journal of segments: what `append` has returned for is on disk.

Shell, blocking: call it off the loop. Records are opaque bytes with growing sequences. A segment `SEQUENCE.journal` (named
after its first record, 20 digits) is a row of records, each: length of the payload (u32), CRC-32 of sequence and payload
(u32), sequence (u64), all big-endian, then the payload. A record that a crash tore off ends the journal there; what follows
is cut off at the next start. Segments are removed whole, oldest first.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

SEGMENT = 4 << 20  # bytes after which a new segment is begun
LARGEST = 16 << 20  # bytes of one payload
_HEAD = struct.Struct(">IIQ")
_SEQUENCE = struct.Struct(">Q")


@dataclass(slots=True)
class _Segment:
    path: Path
    first: int
    last: int
    size: int


def _crc(sequence: int, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(_SEQUENCE.pack(sequence)))


def _records(data: bytes, first: int) -> Iterator[tuple[int, bytes, int]]:
    """Sequence, payload and end offset of each whole record, up to the first that is not."""
    at, expected = 0, first
    while at + _HEAD.size <= len(data):
        length, crc, sequence = _HEAD.unpack_from(data, at)
        payload = data[at + _HEAD.size : at + _HEAD.size + length]
        if len(payload) != length or sequence != expected or crc != _crc(sequence, payload):
            return
        at += _HEAD.size + length
        expected += 1
        yield sequence, payload, at


class Journal:
    """The journal in one folder, for one process and one thread at a time.

    :raises BlockingIOError: another process has it.
    :raises OSError: the folder cannot be made or read.
    """

    def __init__(self, folder: Path, segment: int = SEGMENT) -> None:
        self._folder = folder
        self._limit = segment
        self._fd = -1
        self._next = 1
        self._segments: list[_Segment] = []
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise

    @property
    def next_sequence(self) -> int:
        """The sequence that the next record gets."""
        return self._next

    def replay(self) -> Iterator[tuple[int, bytes]]:
        """Every record that survived, in order; then the journal can be appended to. Call it once, to its end.

        Damage in the middle (never by a crash: a broken disk, an edited file) costs the rest of that segment and is logged.
        """
        paths = sorted(self._folder.glob("*.journal"))
        for path in paths:
            try:
                first = int(path.stem)
            except ValueError:
                continue
            data = path.read_bytes()
            segment = _Segment(path, first, first - 1, 0)
            for sequence, payload, end in _records(data, first):
                segment.last, segment.size = sequence, end
                yield sequence, payload
            if segment.size < len(data):
                what = "is torn off, as a crash does" if path == paths[-1] else "is damaged"
                log.warning("%s %s after byte %d; the rest of it is lost", path, what, segment.size)
                if path == paths[-1]:
                    os.truncate(path, segment.size)
            self._segments.append(segment)
            self._next = max(self._next, segment.last + 1)

    def append(self, payloads: Sequence[bytes]) -> range:
        """Write records in one go and wait until they are on disk; returns their sequences.

        :raises OSError: they are not (a full disk, say); nothing of them is kept.
        """
        sequences = range(self._next, self._next + len(payloads))
        data = b"".join(
            _HEAD.pack(len(payload), _crc(sequence, payload), sequence) + payload
            for sequence, payload in zip(sequences, payloads, strict=True)
        )
        current = self._current()
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(self._fd, view) :]
            os.fdatasync(self._fd)
        except OSError:
            self._abandon(current)
            raise
        current.size += len(data)
        current.last = self._next = sequences.stop
        current.last -= 1
        return sequences

    def trim(self, keep_from: int) -> int:
        """Remove segments that hold only records before `keep_from`, never the one being written; how many."""
        removed = 0
        while len(self._segments) > 1 and self._segments[0].last < keep_from:
            self._segments.pop(0).path.unlink(missing_ok=True)
            removed += 1
        return removed

    def close(self) -> None:
        """Let the files go; everything appended is on disk already."""
        self._let_go()
        os.close(self._lock)

    def _let_go(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _current(self) -> _Segment:
        """The segment to write to, open."""
        if self._segments and self._segments[-1].size >= self._limit:
            self._let_go()
        if self._fd >= 0:
            return self._segments[-1]
        if not self._segments or self._segments[-1].size >= self._limit:
            path = self._folder / f"{self._next:020d}.journal"
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
            self._segments.append(_Segment(path, self._next, self._next - 1, 0))
            os.fsync(self._lock)  # the folder: the new name is on disk before anything relies on it
        else:
            self._fd = os.open(self._segments[-1].path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
            os.ftruncate(self._fd, self._segments[-1].size)
        return self._segments[-1]

    def _abandon(self, current: _Segment) -> None:
        """After a failed write the file's end is unknown: cut what is there of it, and open the file anew next time."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._fd, current.size)
        self._let_go()
