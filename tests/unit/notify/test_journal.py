"""What the journal has confirmed survives any crash; what a crash tears off costs nothing else."""

from __future__ import annotations

import errno
import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.notify.journal import Journal
from tests.kit.wait import until


def opened(folder: Path, segment: int = 1 << 20) -> tuple[Journal, list[tuple[int, bytes]]]:
    journal = Journal(folder, segment)
    return journal, list(journal.replay())


def replayed(folder: Path) -> list[tuple[int, bytes]]:
    journal, records = opened(folder)
    journal.close()
    return records


def written(folder: Path, *payloads: bytes, segment: int = 1 << 20) -> list[Path]:
    journal, _ = opened(folder, segment)
    for payload in payloads:
        journal.append([payload])
    journal.close()
    return sorted(folder.glob("*.journal"))


def test_records_come_back_in_order_with_growing_sequences(tmp_path: Path) -> None:
    journal, before = opened(tmp_path)
    assert before == []
    assert journal.append([b"a", b""]) == range(1, 3)
    assert journal.append([b"c" * 100_000]) == range(3, 4)
    journal.close()
    journal, records = opened(tmp_path)
    assert records == [(1, b"a"), (2, b""), (3, b"c" * 100_000)]
    assert journal.next_sequence == 4
    assert journal.append([b"d"]) == range(4, 5)
    journal.close()
    assert replayed(tmp_path)[-1] == (4, b"d")


def test_a_last_record_that_is_cut_at_any_byte_is_dropped_and_its_place_used_again(tmp_path: Path) -> None:
    (path,) = written(tmp_path / "whole", b"first", b"the second record")
    whole = path.read_bytes()
    start = len(whole) - (16 + len(b"the second record"))
    for cut in range(start, len(whole)):
        folder = tmp_path / f"cut{cut}"
        folder.mkdir()
        (folder / path.name).write_bytes(whole[:cut])
        journal, records = opened(folder)
        assert records == [(1, b"first")], cut
        assert journal.append([b"again"]) == range(2, 3), cut
        journal.close()
        assert replayed(folder) == [(1, b"first"), (2, b"again")], cut


def test_a_last_record_with_any_byte_changed_is_dropped(tmp_path: Path) -> None:
    (path,) = written(tmp_path / "whole", b"first", b"second")
    whole = path.read_bytes()
    for at in range(len(whole) - (16 + len(b"second")), len(whole)):
        folder = tmp_path / f"at{at}"
        folder.mkdir()
        (folder / path.name).write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        assert replayed(folder) == [(1, b"first")], at


def test_zeros_after_the_end_are_dropped(tmp_path: Path) -> None:
    (path,) = written(tmp_path, b"first")
    size = path.stat().st_size
    os.truncate(path, size + 5000)
    assert replayed(tmp_path) == [(1, b"first")]
    assert path.stat().st_size == size


def test_a_full_segment_is_followed_by_another(tmp_path: Path) -> None:
    paths = written(tmp_path, *[b"x" * 50] * 5, segment=100)
    assert [p.name for p in paths] == [f"{n:020d}.journal" for n in (1, 3, 5)]
    assert [sequence for sequence, _ in replayed(tmp_path)] == [1, 2, 3, 4, 5]


def test_damage_in_an_old_segment_costs_the_rest_of_that_segment_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    paths = written(tmp_path, *[b"x" * 50] * 5, segment=100)
    data = bytearray(paths[0].read_bytes())
    data[70] ^= 1
    paths[0].write_bytes(data)
    assert [sequence for sequence, _ in replayed(tmp_path)] == [1, 3, 4, 5]
    assert "damaged" in caplog.text


def test_an_empty_segment_left_by_a_crash_is_used(tmp_path: Path) -> None:
    written(tmp_path, b"a")
    (tmp_path / f"{2:020d}.journal").touch()
    journal, _ = opened(tmp_path)
    assert journal.append([b"b"]) == range(2, 3)
    journal.close()
    assert replayed(tmp_path) == [(1, b"a"), (2, b"b")]


def test_foreign_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.journal").write_text("mine")
    written(tmp_path, b"a")
    assert replayed(tmp_path) == [(1, b"a")]
    assert (tmp_path / "notes.journal").read_text() == "mine"


def test_only_whole_segments_before_the_bound_are_removed_and_never_the_last(tmp_path: Path) -> None:
    written(tmp_path, *[b"x" * 50] * 5, segment=100)
    journal, _ = opened(tmp_path, 100)
    assert journal.trim(2) == 0
    assert journal.trim(4) == 1
    assert journal.trim(99) == 1
    journal.close()
    journal, records = opened(tmp_path)
    assert [sequence for sequence, _ in records] == [5]
    assert journal.append([b"y"]) == range(6, 7)
    journal.close()


def test_two_processes_cannot_share_a_journal(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    with pytest.raises(BlockingIOError):
        Journal(tmp_path)
    journal.close()
    Journal(tmp_path).close()


@pytest.fixture
def small_files() -> Iterator[None]:
    """The kernel refuses to let files grow beyond 10,000 bytes, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, before)


@pytest.mark.usefixtures("small_files")
def test_what_a_full_disk_refuses_leaves_no_trace(tmp_path: Path) -> None:
    journal, _ = opened(tmp_path)
    journal.append([b"a" * 4000])
    with pytest.raises(OSError, match="too large") as caught:
        journal.append([b"b" * 4000, b"c" * 4000])
    assert caught.value.errno == errno.EFBIG
    assert journal.append([b"d" * 4000]) == range(2, 3)
    journal.close()
    assert replayed(tmp_path) == [(1, b"a" * 4000), (2, b"d" * 4000)]


def test_a_killed_writer_loses_nothing_that_was_confirmed(tmp_path: Path) -> None:
    folder, confirmed = tmp_path / "journal", tmp_path / "confirmed"
    for round_ in range(5):
        child = os.fork()
        if child == 0:
            journal = Journal(folder, 2000)
            for _ in journal.replay():
                pass
            with confirmed.open("a") as note:
                while True:
                    for sequence in journal.append([b"%d" % n for n in range(3)]):
                        note.write(f"{sequence}\n")
                    note.flush()
        enough = 50 * (round_ + 1)
        until(lambda n=enough: confirmed.exists() and confirmed.read_text().count("\n") > n)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    promised = [int(line) for line in confirmed.read_text().splitlines()[:-1]]
    found = [sequence for sequence, _ in replayed(folder)]
    assert set(promised) <= set(found)
    assert found == list(range(1, len(found) + 1))
