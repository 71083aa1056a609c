"""The file store's contract: what changed and nothing else, whatever editors and authors do to the file."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from services.common.batch import Batch
from services.common.store_file import FileStore
from tests.kit.wait import until_async


class Reader:
    """Follows a file in the background."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = FileStore(path)
        self.batches: list[Batch] = []
        self.task = asyncio.ensure_future(self._follow())

    async def _follow(self) -> None:
        async for batch in self.store.batches():
            self.batches.append(batch)

    async def told(self, count: int) -> None:
        await until_async(lambda: len(self.batches) >= count, what=lambda: f"{count} batches, has {self.batches}")
        assert len(self.batches) == count

    async def troubled(self, text: str) -> None:
        await until_async(lambda: text in self.store.trouble(), what=lambda: f"{text}; has {self.store.trouble()}")


def save(path: Path, values: Mapping[str, Any]) -> None:
    """As editors do it: a new file, renamed over the old one."""
    fresh = path.with_name("fresh")
    fresh.write_text(json.dumps(values))
    fresh.rename(path)


def write(path: Path, text: str) -> None:
    path.write_text(text)


@pytest.fixture
async def follow(tmp_path: Path) -> AsyncIterator[Callable[[], Reader]]:
    async with contextlib.AsyncExitStack() as closing:

        def start(path: Path = tmp_path / "config.json") -> Reader:
            reader = Reader(path)

            async def close() -> None:
                await reader.store.aclose()
                await asyncio.wait_for(reader.task, 30)

            closing.push_async_callback(close)
            return reader

        yield start


async def test_a_snapshot_then_only_what_changed(tmp_path: Path, follow: Callable[[], Reader]) -> None:
    path = tmp_path / "config.json"
    save(path, {"config/global": {"a": 1}, "config/vrrp_script/x": {}, "node/lb1/global": {"a": 2}, "status/x/y": {}})
    reader = follow()
    await reader.told(1)
    save(path, {"config/global": {"a": 3}, "config/vrrp_script/y": {}, "node/lb1/global": {"a": 2}})
    await reader.told(2)
    assert reader.batches == [
        Batch(
            1,
            True,
            {"config/global": b'{"a": 1}', "config/vrrp_script/x": b"{}", "node/lb1/global": b'{"a": 2}'},
        ),
        Batch(2, False, {"config/global": b'{"a": 3}', "config/vrrp_script/y": b"{}", "config/vrrp_script/x": None}),
    ]


async def test_a_file_written_in_place_is_seen(tmp_path: Path, follow: Callable[[], Reader]) -> None:
    path = tmp_path / "config.json"
    write(path, '{"config/global": {"a": 1}}')
    reader = follow()
    await reader.told(1)
    write(path, '{"config/global": {"a": 2}}')  # as long as before
    await reader.told(2)
    assert reader.batches[1] == Batch(2, False, {"config/global": b'{"a": 2}'})


async def test_a_rewritten_file_that_says_the_same_makes_no_batch(tmp_path: Path, follow: Callable[[], Reader]) -> None:
    path = tmp_path / "config.json"
    save(path, {"config/global": {"a": 1}})
    reader = follow()
    await reader.told(1)
    write(path, '{ "config/global":\n {"a":1} }')
    save(path, {"config/global": {"a": 2}})
    await reader.told(2)
    assert reader.batches[1] == Batch(2, False, {"config/global": b'{"a": 2}'})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"config/global": {}\n "x"}', "line 2 column 2"),
        ("", "line 1 column 1: expecting value; expected JSON"),
        ("[]", "line 1 column 1: expected one JSON object"),
        ('{"config/global": {}, "config/global": {}}', "config/global: given twice"),
    ],
)
async def test_a_broken_file_leaves_in_force_what_was_read(
    text: str, reason: str, tmp_path: Path, follow: Callable[[], Reader]
) -> None:
    path = tmp_path / "config.json"
    save(path, {"config/global": {"a": 1}})
    reader = follow()
    await reader.told(1)
    write(path, text)
    await reader.troubled(f"{path}: {reason}")
    save(path, {"config/global": {"a": 1}, "config/vrrp_script/x": {}})
    await reader.told(2)
    assert reader.batches[1].values == {"config/vrrp_script/x": b"{}"}
    assert reader.store.trouble() == ""


async def test_a_file_that_vanishes_leaves_in_force_what_was_read(tmp_path: Path, follow: Callable[[], Reader]) -> None:
    path = tmp_path / "config.json"
    save(path, {"config/global": {"a": 1}})
    reader = follow()
    await reader.told(1)
    os.unlink(path)
    await reader.troubled("no such file or directory")
    save(path, {"config/global": {"a": 2}})
    await reader.told(2)
    assert reader.batches[1] == Batch(2, False, {"config/global": b'{"a": 2}'})


async def test_a_file_whose_folder_comes_later_is_waited_for(tmp_path: Path, follow: Callable[[Path], Reader]) -> None:
    path = tmp_path / "later" / "config.json"
    reader = follow(path)
    await reader.troubled("no such file or directory")
    os.mkdir(path.parent)
    save(path, {"config/global": {}})
    await reader.told(1)


async def test_a_replaced_folder_is_followed(tmp_path: Path, follow: Callable[[Path], Reader]) -> None:
    path = tmp_path / "etc" / "config.json"
    os.mkdir(path.parent)
    save(path, {"config/global": {"a": 1}})
    reader = follow(path)
    await reader.told(1)
    os.rename(path.parent, tmp_path / "old")
    os.mkdir(path.parent)
    save(path, {"config/global": {"a": 2}})
    await reader.told(2)
    save(path, {"config/global": {"a": 3}})
    await reader.told(3)
    assert reader.batches[2] == Batch(3, False, {"config/global": b'{"a": 3}'})


async def test_a_link_that_is_turned_to_another_file_is_followed(tmp_path: Path, follow: Callable[[], Reader]) -> None:
    for name in ("one", "two"):
        os.mkdir(tmp_path / name)
        save(tmp_path / name / "config.json", {"config/global": {"from": name}})
    os.symlink("one", tmp_path / "current")
    os.symlink("current/config.json", tmp_path / "config.json")
    reader = follow()
    await reader.told(1)
    os.symlink("two", tmp_path / "fresh")
    os.rename(tmp_path / "fresh", tmp_path / "current")
    await reader.told(2)
    assert reader.batches[1] == Batch(2, False, {"config/global": b'{"from": "two"}'})


async def test_a_key_of_no_known_kind_is_left_out_and_logged(
    tmp_path: Path, follow: Callable[[], Reader], caplog: pytest.LogCaptureFixture
) -> None:
    save(tmp_path / "config.json", {"global": {}, "config/global": {}})
    reader = follow()
    await reader.told(1)
    assert reader.batches[0].values == {"config/global": b"{}"}
    assert "keys begin with config/ or node/; ignored: global" in caplog.text


async def test_publishing_leaves_the_file_alone(tmp_path: Path, follow: Callable[[], Reader]) -> None:
    path = tmp_path / "config.json"
    write(path, '{"config/global":{}}')
    reader = follow()
    await reader.told(1)
    await reader.store.publish("status/lb1/vrrp", b"well")
    assert reader.store.published == {"status/lb1/vrrp": b"well"}
    assert await asyncio.to_thread(path.read_text) == '{"config/global":{}}'
