"""What `vipctl up` takes from its file, and what it refuses."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from cli.up import Source
from tests.kit.wait import until_async

GOOD = "vrrp_instance V {\n interface eth0\n virtual_router_id 5\n virtual_ipaddress {\n 10.0.0.1\n }\n}\n"
KEY = "config/vrrp_instance/V"


class Followed:
    def __init__(self, folder: Path, text: str) -> None:
        self.file = folder / "keepalived.conf"
        self.file.write_text(text)
        self.lines: list[str] = []
        self.source = Source(str(self.file), "d1", folder / "config.json", self.lines.append)

    @property
    def keys(self) -> dict[str, dict[str, object]]:
        found: dict[str, dict[str, object]] = json.loads(self.source.target.read_text())
        return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


async def edited(followed: Followed, *texts: str) -> None:
    """Follow while the file gets these texts; each is taken or refused before the next."""
    task = asyncio.create_task(followed.source.follow())
    for text in texts:
        before = len(followed.lines)
        followed.file.write_text(text)
        await until_async(lambda before=before: len(followed.lines) > before, what="an answer to the edit")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_complaints_do_not_stop_the_start_as_they_do_not_stop_keepalived(folder: Path) -> None:
    followed = Followed(folder, GOOD + "foo\n")
    assert followed.source.start()
    assert followed.lines == [f"vipctl: {followed.file}:8:1: unknown keyword 'foo' at the top level"]
    assert list(followed.keys) == [KEY]


def test_a_refused_file_does_not_start(folder: Path) -> None:
    followed = Followed(folder, GOOD.replace("eth0", ""))
    assert not followed.source.start()
    assert not followed.source.target.exists()


async def test_an_edit_may_not_add_a_mistake(folder: Path) -> None:
    followed = Followed(folder, GOOD + "foo\n")
    followed.source.start()
    followed.lines.clear()
    await edited(followed, GOOD + "foo\nbar\n")
    kept = "the last good configuration stays in force"
    assert followed.lines == [f"vipctl: {followed.file}:9:1: unknown keyword 'bar' at the top level; {kept}"]


async def test_an_edit_that_is_not_taken_is_told_with_all_its_mistakes(folder: Path) -> None:
    group = "vrrp_sync_group G {\n  group {\n    VI_1\n  }\n}\n"
    followed = Followed(folder, group + GOOD)
    assert followed.source.start()
    followed.lines.clear()
    await edited(followed, group + GOOD.replace(" 5", " 999"))
    assert any("virtual_router_id: expected a number from 1 to 255, got '999'" in line for line in followed.lines)
    assert [line.endswith("; the last good configuration stays in force") for line in followed.lines] == [
        *(False for _ in followed.lines[1:]),
        True,
    ]
    followed.lines.clear()
    await edited(followed, group + "".join(f"foo{n}\n" for n in range(12)) + GOOD)
    assert len(followed.lines) == 10
    assert "(and 2 more, see vipctl check)" in followed.lines[-1]


async def test_an_edit_may_keep_the_mistakes_that_are_there_and_correct_them(folder: Path) -> None:
    followed = Followed(folder, GOOD + "foo\n")
    followed.source.start()
    followed.lines.clear()
    await edited(followed, "\n" + GOOD.replace(" 5", " 6") + "foo\n", GOOD.replace(" 5", " 7"))
    assert followed.lines == [f"vipctl: {followed.file} was read again"] * 2
    assert followed.keys[KEY]["virtual_router_id"] == 7


@pytest.mark.parametrize("text", ["", "# nothing\n", GOOD.rpartition("}")[0], "\0"])
async def test_a_file_that_is_cut_off_or_empty_changes_nothing(folder: Path, text: str) -> None:
    followed = Followed(folder, GOOD)
    followed.source.start()
    await edited(followed, text)
    assert list(followed.keys) == [KEY]
    assert str(followed.file) in followed.lines[0]


async def test_an_included_file_is_followed(folder: Path) -> None:
    (folder / "part.inc").write_text(GOOD)
    followed = Followed(folder, "include part.inc\n")
    assert followed.source.start()
    task = asyncio.create_task(followed.source.follow())
    (folder / "part.inc").write_text(GOOD.replace(" 5", " 6"))
    await until_async(lambda: followed.keys[KEY]["virtual_router_id"] == 6, what="the edit")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_file_that_is_replaced_by_rename_is_followed(folder: Path) -> None:
    followed = Followed(folder, GOOD)
    followed.source.start()
    task = asyncio.create_task(followed.source.follow())
    for number in (6, 7):
        new = folder / "new"
        new.write_text(GOOD.replace(" 5", f" {number}"))
        new.rename(followed.file)
        await until_async(lambda number=number: followed.keys[KEY]["virtual_router_id"] == number, what="the edit")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_json_is_taken_as_it_is_and_a_broken_one_refused(folder: Path) -> None:
    followed = Followed(folder, json.dumps({KEY: {"interface": "eth0"}}))
    assert followed.source.start()
    await edited(followed, "{", json.dumps({KEY: {"interface": "eth1"}}))
    assert followed.lines[0].startswith(f"vipctl: {followed.file}: line 1 column 2: ")
    assert followed.keys == {KEY: {"interface": "eth1"}}
