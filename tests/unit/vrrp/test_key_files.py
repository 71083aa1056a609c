"""Keys of the trailer out of files: what the engine gets of them, and what stays when a file goes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.common.errors import InvalidValue
from services.common.problems import WARNING, Problem
from services.vrrp.agent.key_files import KeyFiles
from services.vrrp.channel import save_configuration
from services.vrrp.config.authentication import READ, filled, key_files, text_in_file
from services.vrrp.config.settings import DECODERS
from services.vrrp.config.staging import Staging

OLD, NEW = "0123456789abcdef0123456789abcdef", "hex:" + "5a" * 32
A = ("vrrp_instance", "A")


def instance(*rows: dict[str, Any]) -> dict[str, Any]:
    value = {"interface": "eth0", "virtual_router_id": 5, "virtual_ipaddress": [{"address": "10.0.0.9"}]}
    return value | {"auth_hmac": {"key": list(rows)}} if rows else value


def row(path: Path, number: int = 7) -> dict[str, Any]:
    return {"id": number, "key_file": str(path)}


def kept(path: Path, text: str = OLD, mode: int = 0o640) -> Path:
    path.write_text(text + "\n")
    path.chmod(mode)
    return path


def keys_in(value: Any) -> list[str]:
    return [one.get(READ, one.get("value")) for one in value["auth_hmac"]["key"]]


# -- the core


def test_the_engine_gets_what_the_files_hold_beside_their_names() -> None:
    value = instance({"id": 7, "key_file": "/k"}, {"id": 9, "value": NEW})
    assert list(key_files(value)) == [("auth_hmac.key[0].key_file", "/k")]
    assert filled(value, {}) is None
    whole = filled(value, {"/k": OLD})
    assert whole is not None
    assert keys_in(whole) == [OLD, NEW]
    assert keys_in(value) == [None, NEW]
    settings: Any = DECODERS["vrrp_instance"]("A", whole)
    assert settings.auth_hmac.keys == ((7, OLD.encode()), (9, b"\x5a" * 32))
    assert list(key_files(instance())) == []


def test_an_engine_takes_no_instance_whose_file_was_not_read() -> None:
    staging = Staging()
    staging.begin(complete=True)
    staging.put(*A, instance({"id": 7, "key_file": "/k"}))
    committed = staging.commit(1)
    assert committed is not None
    resolved, (problem,) = committed
    assert dict(resolved.routers) == {}
    assert problem == Problem("config/vrrp_instance/A", "auth_hmac.key", "the file of key 7 has not been read")


@pytest.mark.parametrize(
    ("content", "text"), [(b"x" * 32, "x" * 32), (b" " * 32 + b"\r\n", " " * 32), (b"hex:" + b"0f" * 40, "")]
)
def test_the_end_of_the_line_is_no_part_of_a_key(content: bytes, text: str) -> None:
    assert text_in_file(content, "f") == (text or content.decode())


@pytest.mark.parametrize("content", [b"", b"x" * 31 + b"\n", b"x" * 65, b"hex:0f", b"\xff" * 32])
def test_what_is_no_key_is_refused_without_showing_it(content: bytes) -> None:
    with pytest.raises(InvalidValue) as refused:
        text_in_file(content, "f")
    assert "x" * 31 not in str(refused.value)


# -- the files


class Kept(KeyFiles):
    """What it says is noted."""

    def __init__(self) -> None:
        self.news = asyncio.Event()
        self.told: list[frozenset[Problem]] = []
        super().__init__(self.news.set, lambda before, now: self.told.append(now))


def reasons(keys: KeyFiles) -> list[tuple[str, str]]:
    return sorted((problem.field, problem.hint) for problem in keys.problems)


def test_the_last_good_key_stays_and_the_problem_names_key_and_field(tmp_path: Path) -> None:
    keys, path = Kept(), kept(tmp_path / "key")
    value = instance(row(path))
    assert keys_in(keys.fill({A: value})[A]) == [OLD]
    for breaks in (lambda: path.write_text("short"), path.unlink, path.mkdir):
        breaks()
        assert keys_in(keys.fill({A: value})[A]) == [OLD]
        (problem,) = keys.problems
        assert (problem.key, problem.field) == ("config/vrrp_instance/A", "auth_hmac.key[0].key_file")
        assert problem.hint == "the last good key stays"
        assert OLD not in str(problem)
    path.rmdir()
    kept(path, NEW)
    assert keys_in(keys.fill({A: value})[A]) == [NEW]
    assert not keys.problems
    assert len(keys.told) == 4


def test_an_instance_waits_for_its_first_key_and_keeps_its_last_value_for_one_that_does_not_come(tmp_path: Path) -> None:
    keys, path, other = Kept(), tmp_path / "key", tmp_path / "other"
    plain = ("vrrp_instance", "B")
    assert keys.fill({A: instance(row(path)), plain: instance()}) == {plain: instance()}
    assert reasons(keys) == [("auth_hmac.key[0].key_file", "there is none from before: the instance waits for it")]
    kept(path)
    before = keys.fill({A: instance(row(path))})[A]
    assert keys_in(before) == [OLD]
    assert keys.fill({A: instance(row(path), row(other, 9))})[A] == before
    kept(other, NEW)
    assert keys_in(keys.fill({A: instance(row(path), row(other, 9))})[A]) == [OLD, NEW]
    assert keys.fill({}) == {}
    assert not keys.problems


def test_the_last_good_key_outlives_the_process(tmp_path: Path) -> None:
    keys, path = Kept(), kept(tmp_path / "key")
    objects = keys.fill({A: instance(row(path)), ("global", ""): {}})
    save_configuration(str(tmp_path / "engine.json"), 1, objects)
    path.unlink()
    successor = Kept()
    successor.recover(tmp_path / "engine.json")
    assert successor.fill({A: instance(row(path))}) == {A: objects[A]}
    (tmp_path / "engine.json").write_text("rubbish")
    other = Kept()
    other.recover(tmp_path / "engine.json")
    assert other.fill({A: instance(row(path))}) == {}


def test_a_key_that_everybody_may_read_is_used_with_a_warning(tmp_path: Path) -> None:
    keys, path = Kept(), kept(tmp_path / "key", mode=0o644)
    assert keys_in(keys.fill({A: instance(row(path))})[A]) == [OLD]
    (problem,) = keys.problems
    assert (problem.severity, problem.hint) == (WARNING, f"chmod o= {path}")


def in_place(path: Path) -> None:
    kept(path, NEW)


def by_rename(path: Path) -> None:
    kept(path.with_suffix(".new"), NEW).rename(path)


def by_folder(path: Path) -> None:
    kept(path.parent.parent / "fresh", NEW)
    os.replace(path.parent.parent / "fresh", path)


@pytest.mark.parametrize("changes", [in_place, by_rename, by_folder])
def test_a_file_is_read_again_when_it_changes(changes: Callable[[Path], None], tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    path = kept(tmp_path / "sub" / "key")

    async def play() -> None:
        keys = Kept()
        keys.fill({A: instance(row(path))})
        task = asyncio.create_task(keys.run())
        try:
            changes(path)
            async with asyncio.timeout(30):
                await keys.news.wait()
            assert keys_in(keys.fill({A: instance(row(path))})[A]) == [NEW]
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(play())
