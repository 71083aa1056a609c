"""Orders of operators on a kernel without IPVS: what is refused, what is warned of, what survives, what cannot be kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from services.common.desired import Change
from services.common.errors import InvalidValue, UnavailableError
from services.ipvs.director import Report
from services.ipvs.drain import Order, Told
from services.ipvs.operators import Operator, Refused, Unknown
from services.ipvs.orders_file import load, save
from services.ipvs.policy import Hold, Quorum
from services.ipvs.runtime import Runtime
from tests.unit.ipvs.test_runtime_without_ipvs import objects, started
from tests.unit.ipvs.words import real, virtual

NOW = 1_000
NAME = ("web", "s2")


async def running(folder: Path, **settings: Any) -> tuple[Runtime, Operator, list[Told]]:
    """web with s2 and s3; `sysctls` is below the folder."""
    runtime = started(folder)
    told: list[Told] = []
    runtime.draining.told = told.append
    await runtime.configure(Change(1, objects(virtual(**settings), real("s2"), real("s3")), frozenset(), ()))
    return runtime, Operator(runtime, lambda: NOW, folder / "sysctls"), told


def weights(runtime: Runtime) -> dict[str, int]:
    return {str(p).partition(":")[0]: d.weight for e in runtime.director.wanted().values() for p, d in e.destinations.items()}


async def test_an_order_is_on_the_disk_obeyed_and_told(tmp_path: Path) -> None:
    runtime, operator, told = await running(tmp_path)
    outlook = await operator.drain(NAME, "new  kernel")
    assert outlook.quorum == Quorum(True, 1, 1, 0)
    assert outlook.warnings == ()
    assert load(tmp_path / "orders.json") == {NAME: Order(NAME, "new kernel", NOW)}
    assert weights(runtime) == {"10.0.1.2": 0, "10.0.1.3": 1}
    assert [(t.name, t.step.value) for t in told] == [(NAME, "draining")]
    assert await operator.end(NAME) == Order(NAME, "new kernel", NOW)
    assert (load(tmp_path / "orders.json"), weights(runtime)) == ({}, {"10.0.1.2": 1, "10.0.1.3": 1})


async def test_only_asked_nothing_is_done(tmp_path: Path) -> None:
    runtime, operator, told = await running(tmp_path)
    await operator.drain(NAME, "why", validate_only=True)
    assert (runtime.drains.orders, told, (tmp_path / "orders.json").exists()) == ({}, [], False)
    await operator.drain(NAME, "why")
    await operator.end(NAME, validate_only=True)
    assert set(runtime.drains.orders) == {NAME}


async def test_a_server_of_udp_is_out_at_once(tmp_path: Path) -> None:
    runtime, operator, told = await running(tmp_path, protocol="udp")
    await operator.drain(NAME, "why")
    assert runtime.drains.orders[NAME].hold is Hold.OUT
    assert (weights(runtime), [t.step.value for t in told]) == ({"10.0.1.3": 1}, ["drained"])


@pytest.mark.parametrize(
    ("name", "reason", "times", "error", "words"),
    [
        (("nix", "s2"), "why", (0, 0), Unknown, "there is no virtual server 'nix'; there are: web"),
        (("web", "s9"), "why", (0, 0), Unknown, "'web' uses no real server 's9'; it uses: s2, s3"),
        (NAME, " ", (0, 0), InvalidValue, "reason: is required"),
        (NAME, "why", (NOW, 0), Refused, "deadline: is in the past"),
        (NAME, "why", (0, NOW), Refused, "until: is in the past"),
        (NAME, "why", (NOW + 9, NOW + 8), Refused, "deadline: is after until"),
    ],
)
async def test_what_makes_no_sense_is_refused_with_a_word(
    tmp_path: Path, name: tuple[str, str], reason: str, times: tuple[int, int], error: type[Exception], words: str
) -> None:
    runtime, operator, _ = await running(tmp_path)
    with pytest.raises(error, match=words):
        await operator.drain(name, reason, *times)
    assert runtime.drains.orders == {}


async def test_where_nothing_is_configured_nothing_can_be_drained(tmp_path: Path) -> None:
    with pytest.raises(Unknown, match="there are: none"):
        await Operator(started(tmp_path)).drain(NAME, "why")


async def test_what_nobody_ordered_cannot_end(tmp_path: Path) -> None:
    _, operator, _ = await running(tmp_path)
    with pytest.raises(Unknown, match="nobody has drained web/s3; there are: none"):
        await operator.end(("web", "s3"))
    await operator.drain(NAME, "why")
    with pytest.raises(Unknown, match="there are: web/s2"):
        await operator.end(("web", "s3"))


async def test_the_last_server_can_be_drained_but_not_unawares(tmp_path: Path) -> None:
    _, operator, _ = await running(tmp_path, quorum=2)
    await operator.drain(NAME, "why")
    outlook = await operator.drain(("web", "s3"), "why")
    assert outlook.warnings == ("no live server is left to web: nobody answers new connections",)


async def test_a_quorum_that_is_lost_is_named_unless_the_quorum_is_cut_to_what_is_left(tmp_path: Path) -> None:
    runtime, operator, _ = await running(tmp_path, quorum=3)
    await runtime.configure(Change(2, objects(real("s4")), frozenset(), ()))
    assert (await operator.drain(NAME, "why", validate_only=True)).warnings == ()
    await runtime.configure(Change(3, objects(virtual(quorum=2)), frozenset(), ()))
    await runtime.report({("web", "s4"): Report(False)}, snapshot=True)
    assert (await operator.drain(NAME, "why", validate_only=True)).warnings == ("web loses its quorum: 1 of 2",)


async def test_the_sorry_server_is_named(tmp_path: Path) -> None:
    _, operator, _ = await running(tmp_path, sorry_server={"address": "10.0.9.9", "port": 80})
    await operator.drain(("web", "s3"), "why")
    outlook = await operator.drain(NAME, "why", validate_only=True)
    assert outlook.warnings == ("no live server is left to web: its sorry server answers",)


@pytest.mark.parametrize(
    ("settings", "name", "words"),
    [
        ({"protocol": "udp"}, "expire_nodest_conn", "clients that it has now wait"),
        ({"persistence_timeout": 300 * 10**9}, "expire_quiescent_template", "clients that persistence binds to it still come"),
    ],
)
async def test_a_kernel_that_does_not_do_its_part_is_named(
    tmp_path: Path, settings: dict[str, Any], name: str, words: str
) -> None:
    _, operator, _ = await running(tmp_path, **settings)
    (tmp_path / "sysctls").mkdir()
    for value, warnings in (("1\n", 0), ("0\n", 1)):
        (tmp_path / "sysctls" / name).write_text(value)
        found = (await operator.drain(NAME, "why", validate_only=True)).warnings
        assert [words in warning and f"vs.{name} is 0" in warning for warning in found] == [True] * warnings


async def test_an_order_that_cannot_be_kept_is_refused_and_nothing_is_done(tmp_path: Path) -> None:
    (tmp_path / "orders.new").mkdir()
    runtime, operator, told = await running(tmp_path)
    with pytest.raises(UnavailableError, match="nothing was done"):
        await operator.drain(NAME, "why")
    assert (runtime.drains.orders, told, weights(runtime)) == ({}, [], {"10.0.1.2": 1, "10.0.1.3": 1})


async def test_orders_survive_and_their_servers_stay_where_they_were(tmp_path: Path) -> None:
    save(tmp_path / "orders.json", {NAME: Order(NAME, "why", 1, out=True), ("web", "s3"): Order(("web", "s3"), "why", 1)})
    runtime, _, told = await running(tmp_path)
    assert (weights(runtime), told) == ({"10.0.1.3": 0}, [])


@pytest.mark.parametrize("text", ["{", '{"format": 9}', '{"format": 1, "drains": [{}]}', "row"])
async def test_orders_that_cannot_be_read_are_a_problem(tmp_path: Path, text: str) -> None:
    save(tmp_path / "orders.json", {NAME: Order(NAME, "why", 1)})
    if text == "row":
        text = json.dumps(json.loads((tmp_path / "orders.json").read_text())).replace('"why"', "7")
    (tmp_path / "orders.json").write_text(text)
    runtime, operator, _ = await running(tmp_path)
    assert ["orders of an earlier run cannot be read" in p.reason for p in runtime.problems()] == [True]
    await operator.drain(NAME, "why")
    assert runtime.problems() == []


def test_a_folder_in_the_place_of_the_orders_is_said(tmp_path: Path) -> None:
    (tmp_path / "orders.json").mkdir()
    with pytest.raises(UnavailableError, match="Is a directory"):
        load(tmp_path / "orders.json")
