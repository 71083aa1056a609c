"""Which revisions a watch has told of: whole, in order, once."""

from __future__ import annotations

from services.common.batch import Batch
from services.common.etcd_events import Event, Watched


def relative(key: bytes) -> str | None:
    return key.decode()[1:] if key.startswith(b"/config") else None


def watched(revision: int = 10, **modified: int) -> Watched:
    return Watched(revision, {f"/config/{key}".encode(): at for key, at in modified.items()}, relative)


def test_events_of_one_revision_are_one_batch() -> None:
    events = [Event(11, b"/config/a", b"1"), Event(11, b"/config/b", None), Event(13, b"/config/a", b"2")]
    assert watched().response(events) == (
        Batch(11, False, {"config/a": b"1", "config/b": None}),
        Batch(13, False, {"config/a": b"2"}),
    )


def test_what_was_told_before_is_left_out() -> None:
    w = watched()
    events = [Event(9, b"/config/a", b"0"), Event(10, b"/config/a", b"1"), Event(11, b"/config/a", b"2")]
    assert w.response(events) == (Batch(11, False, {"config/a": b"2"}),)
    assert w.response(events) == ()
    assert w.revision == 11


def test_foreign_keys_move_the_revision_but_make_no_batch() -> None:
    w = watched()
    assert w.response([Event(11, b"/lock/a", b"1")]) == ()
    assert w.revision == 11


def test_progress_moves_the_revision_forward_only() -> None:
    w = watched()
    w.progressed(15)
    w.progressed(12)
    assert w.revision == 15


def test_a_store_is_recognised_by_its_last_change_and_its_number_of_keys() -> None:
    w = watched(10, a=4, b=7)
    assert w.is_last_changed(b"/config/b", 7, 2)
    assert not w.is_last_changed(b"/config/b", 7, 3)  # another number of keys
    assert not w.is_last_changed(b"/config/a", 7, 2)  # another key changed last
    assert not w.is_last_changed(b"/config/b", 6, 2)  # at another revision


def test_of_several_keys_changed_last_any_is_recognised() -> None:
    w = watched(10, a=7, b=7)
    assert w.is_last_changed(b"/config/a", 7, 2)
    assert w.is_last_changed(b"/config/b", 7, 2)


def test_an_empty_store_is_recognised_as_empty() -> None:
    assert watched().is_last_changed(b"", 0, 0)
    assert not watched().is_last_changed(b"/config/a", 3, 1)


def test_changes_and_deletions_are_remembered_for_recognition() -> None:
    w = watched(10, a=4, b=7)
    w.response([Event(11, b"/config/b", None), Event(12, b"/config/c", b"1")])
    assert w.is_last_changed(b"/config/c", 12, 2)
    w.response([Event(13, b"/config/c", None), Event(13, b"/config/none", None)])
    assert w.is_last_changed(b"/config/a", 4, 1)
