"""Orders say in words whom they concern, end at their time, and outlive the process that was given them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from services.common.errors import InvalidValue, UnavailableError
from services.vrrp.agent import orders_file
from services.vrrp.agent.switchover import Switchover
from services.vrrp.config.settings import DECODERS
from services.vrrp.config.staging import Staging
from services.vrrp.election import orders
from services.vrrp.election.orders import Maintenance

WHOLE = Maintenance("", "new kernel", 1_000, 5_000)
ONE = Maintenance("VI_1", "new disk", 2_000)
MOVE = Switchover("3e8-0", "VI_1", "b", "test", 9_000, True)


def test_an_order_survives_its_encoding() -> None:
    assert orders.decode("VI_1", orders.encode(ONE)) == ONE


@pytest.mark.parametrize(
    "value",
    [{}, {"reason": "x", "since": "soon", "until": 0}, {"reason": "", "since": 1, "until": 0}, {"reason": "x", "since": 1}],
)
def test_what_is_no_order_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        orders.decode("", value)


@pytest.mark.parametrize("text", ["", "  \n ", None, 5])
def test_a_reason_is_required(text: object) -> None:
    with pytest.raises(InvalidValue, match="reason: is required"):
        orders.reason_of(text)


def test_a_reason_is_one_line_of_moderate_length() -> None:
    assert orders.reason_of(" new\n kernel ") == "new kernel"
    with pytest.raises(InvalidValue, match="expected at most 500 characters, got 501"):
        orders.reason_of("x" * 501)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, ""),
        ({"": WHOLE, "VI_1": ONE}, "maintenance of this node: new kernel"),
        ({"VI_1": ONE}, "maintenance: new disk"),
        ({"VI_2": ONE}, "maintenance of VI_2, of the same sync group: new disk"),
        ({"VI_3": ONE}, ""),
    ],
)
def test_an_instance_says_whose_maintenance_concerns_it(given: dict[str, Maintenance], words: str) -> None:
    assert orders.in_words(given, "VI_1", ("VI_1", "VI_2")) == words


def test_only_what_has_an_end_expires() -> None:
    assert orders.next_expiry([ONE]) is None
    assert orders.next_expiry([ONE, WHOLE]) == 5_000
    assert orders.expired([ONE, WHOLE], 4_999) == []
    assert orders.expired([ONE, WHOLE], 5_000) == [WHOLE]


def test_orders_outlive_their_process(tmp_path: Path) -> None:
    path = tmp_path / "vrrp" / "orders.json"
    assert orders_file.load(path) == ({}, [])
    orders_file.save(path, {"": WHOLE, "VI_1": ONE}, [MOVE])
    assert orders_file.load(path) == ({"": WHOLE, "VI_1": ONE}, [MOVE])
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"format": 9, "maintenance": {}, "switchovers": []}',
        '{"format": 1, "maintenance": {"": {}}, "switchovers": []}',
        '{"format": 1, "maintenance": {}, "switchovers": [{"id": "x"}]}',
        '{"format": 1, "maintenance": {}, "switchovers": [{"id": 1, "instance": "", "target": "", "reason": "", "at": 1}]}',
    ],
)
def test_a_file_without_orders_is_not_taken_for_one(text: str, tmp_path: Path) -> None:
    path = tmp_path / "orders.json"
    path.write_text(text)
    with pytest.raises(UnavailableError, match="holds no orders"):
        orders_file.load(path)


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "orders.json"
    with pytest.raises(UnavailableError, match="Not a directory"):
        orders_file.load(path)
    with pytest.raises(UnavailableError, match="nothing was done"):
        orders_file.save(path, {}, [])


def test_the_engine_takes_orders_with_its_configuration() -> None:
    staging = Staging()
    staging.begin(complete=True)
    staging.put("maintenance", "", orders.encode(WHOLE))
    staging.put("maintenance", "VI_1", {"reason": ""})
    staging.put("unheard of", "x", {})
    committed = staging.commit(1)
    assert committed is not None
    resolved, problems = committed
    assert resolved.maintenance == {"": WHOLE}
    assert [problem.key for problem in problems] == ["config/maintenance/VI_1"]
    assert orders.KIND not in DECODERS  # no object of the store: whoever wrote one there would order all nodes at once
