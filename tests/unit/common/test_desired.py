"""The configuration as one node sees it: patches, bad values, snapshots."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from services.common import values
from services.common.desired import Change, Desired
from services.common.errors import InvalidValue
from services.common.problems import Problem
from services.common.store import Batch

VI_1 = ("vrrp_instance", "VI_1")
GOOD = {"interface": "eth0", "virtual_router_id": 51, "priority": 150}


def decode_instance(name: str, value: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    if value.get("priority", 100) > 255:
        raise InvalidValue("priority", "expected 1 to 255", "lower it")
    if "interface" not in value:
        raise InvalidValue("interface", "missing")
    return name, dict(value)


class Node:
    def __init__(self) -> None:
        self.desired = Desired("d2", {"vrrp_instance": decode_instance}, values.KINDS, values.check)
        self.revision = 0

    def put(self, **keys: Any) -> Change:
        return self.apply(False, {k: None if v is None else json.dumps(v).encode() for k, v in keys.items()})

    def text(self, key: str, text: bytes) -> Change:
        return self.apply(False, {key: text})

    def apply(self, snapshot: bool, keys: Mapping[str, bytes | None]) -> Change:
        self.revision += 1
        return self.desired.apply(Batch(self.revision, snapshot, keys))


def test_a_good_value_is_an_upsert_once() -> None:
    node = Node()
    first = node.put(**{"config/vrrp_instance/VI_1": GOOD})
    assert first == Change(1, {VI_1: ("VI_1", GOOD)}, frozenset(), ())
    assert not node.put(**{"config/vrrp_instance/VI_1": dict(reversed(GOOD.items()))})


def test_a_bad_value_keeps_the_last_good_one_and_names_key_and_field() -> None:
    node = Node()
    node.put(**{"config/vrrp_instance/VI_1": GOOD})
    change = node.put(**{"config/vrrp_instance/VI_1": GOOD | {"priority": 300}, "config/vrrp_instance/VI_2": GOOD})
    assert change.upserts == {("vrrp_instance", "VI_2"): ("VI_2", GOOD)}
    assert change.problems == (Problem("config/vrrp_instance/VI_1", "priority", "expected 1 to 255", "lower it"),)
    assert node.desired.settings()[VI_1] == ("VI_1", GOOD)


def test_what_another_service_refuses_is_not_taken_here_and_is_not_told_here() -> None:
    def beside(name: str, value: Mapping[str, Any]) -> None:
        if value["virtual_router_id"] == 99:
            raise InvalidValue("virtual_router_id", "not here")

    desired = Desired("d2", {"vrrp_instance": decode_instance}, values.KINDS, values.check, {"vrrp_instance": [beside]})

    def put(**given: Any) -> Change:
        return desired.apply(Batch(desired.revision + 1, False, {"config/vrrp_instance/VI_1": json.dumps(given).encode()}))

    assert put(**GOOD).upserts == {VI_1: ("VI_1", GOOD)}
    refused = put(**GOOD | {"priority": 200, "virtual_router_id": 99})
    assert not refused
    assert refused.problems == ()
    assert desired.settings()[VI_1] == ("VI_1", GOOD)
    assert put(**GOOD | {"priority": 200}).upserts == {VI_1: ("VI_1", GOOD | {"priority": 200})}


def test_a_value_that_becomes_good_again_resolves_its_problem() -> None:
    node = Node()
    node.text("config/vrrp_instance/VI_1", b"{")
    assert len(node.desired.problems()) == 1
    assert node.put(**{"config/vrrp_instance/VI_1": GOOD}).problems == ()


def test_a_node_patch_changes_only_its_node() -> None:
    node = Node()
    node.put(**{"config/vrrp_instance/VI_1": GOOD})
    assert not node.put(**{"node/d1/vrrp_instance/VI_1": {"priority": 1}})
    change = node.put(**{"node/d2/vrrp_instance/VI_1": {"priority": 100}})
    assert change.upserts == {VI_1: ("VI_1", GOOD | {"priority": 100})}
    assert node.put(**{"node/d2/vrrp_instance/VI_1": None}).upserts == {VI_1: ("VI_1", GOOD)}


def test_a_bad_patch_is_blamed_on_the_patch_and_a_bad_base_on_the_base() -> None:
    node = Node()
    node.put(**{"config/vrrp_instance/VI_1": GOOD})
    change = node.put(**{"node/d2/vrrp_instance/VI_1": {"priority": 300}})
    assert [p.key for p in change.problems] == ["node/d2/vrrp_instance/VI_1"]
    node.put(**{"node/d2/vrrp_instance/VI_1": {"nopreempt": True}})
    change = node.put(**{"config/vrrp_instance/VI_1": GOOD | {"prio": 1}})
    assert [(p.key, p.field) for p in change.problems] == [("config/vrrp_instance/VI_1", "prio")]
    assert [p.key for p in node.text("node/d2/vrrp_instance/VI_1", b"{").problems] == ["config/vrrp_instance/VI_1"]


def test_a_patch_that_is_no_json_is_blamed_on_the_patch() -> None:
    node = Node()
    node.put(**{"config/vrrp_instance/VI_1": GOOD})
    assert [p.key for p in node.text("node/d2/vrrp_instance/VI_1", b"{").problems] == ["node/d2/vrrp_instance/VI_1"]
    assert [p.key for p in node.text("node/d2/vrrp_instance/VI_1", b"7").problems] == ["node/d2/vrrp_instance/VI_1"]
    assert node.desired.settings()[VI_1] == ("VI_1", GOOD)


def test_the_patch_null_removes_the_object_at_its_node() -> None:
    node = Node()
    node.put(**{"config/vrrp_instance/VI_1": GOOD})
    assert node.text("node/d2/vrrp_instance/VI_1", b"null").removals == {VI_1}
    assert node.put(**{"node/d2/vrrp_instance/VI_1": None}).upserts == {VI_1: ("VI_1", GOOD)}


def test_a_whole_object_may_exist_at_one_node_only() -> None:
    node = Node()
    assert node.put(**{"node/d2/vrrp_instance/VI_1": GOOD}).upserts == {VI_1: ("VI_1", GOOD)}


def test_an_object_whose_base_goes_is_removed_though_a_patch_is_left() -> None:
    node = Node()
    node.put(**{"config/vrrp_instance/VI_1": GOOD, "node/d2/vrrp_instance/VI_1": {"priority": 7}})
    change = node.put(**{"config/vrrp_instance/VI_1": None})
    assert change.removals == {VI_1}
    assert [p.key for p in change.problems] == ["node/d2/vrrp_instance/VI_1"]
    assert "does not exist" in change.problems[0].reason
    assert node.put(**{"node/d2/vrrp_instance/VI_1": None}).problems == ()


def test_a_snapshot_removes_what_it_lacks() -> None:
    node = Node()
    node.put(**{"config/vrrp_instance/VI_1": GOOD, "config/bogus": {}})
    change = node.apply(True, {"config/vrrp_instance/VI_2": json.dumps(GOOD).encode()})
    assert (change.removals, set(change.upserts), change.problems) == ({VI_1}, {("vrrp_instance", "VI_2")}, ())


def test_a_snapshot_of_the_same_changes_nothing() -> None:
    node = Node()
    text = json.dumps(GOOD).encode()
    assert node.apply(True, {"config/vrrp_instance/VI_1": text})
    assert not node.apply(True, {"config/vrrp_instance/VI_1": text})


def test_the_last_good_value_outlives_a_snapshot_full_of_rubbish() -> None:
    node = Node()
    node.put(**{"config/vrrp_instance/VI_1": GOOD})
    change = node.apply(True, {"config/vrrp_instance/VI_1": b"\xff\x00"})
    assert (change.upserts, change.removals, len(change.problems)) == ({}, frozenset(), 1)


def test_keys_that_mean_nothing_are_problems_and_kinds_of_other_services_are_not() -> None:
    node = Node()
    change = node.put(**{"config/vrrp_instances/x": {}, "config/vrrp_instance": {}, "config/real_server/x": {}, "junk": 1})
    assert [p.key for p in change.problems] == ["config/real_server/x", "config/vrrp_instance", "config/vrrp_instances/x"]
    assert node.put(**{"config/virtual_server/x": {}, "config/global": {"rubbish": 1}}).upserts == {}
    assert len(node.put(**{"config/vrrp_instances/x": None}).problems) == 2


def test_what_is_in_force_is_offered_with_patches_merged_in() -> None:
    node = Node()
    node.put(**{"config/vrrp_instance/VI_1": GOOD, "node/d2/vrrp_instance/VI_1": {"priority": 9}})
    assert node.desired.accepted(VI_1) == GOOD | {"priority": 9}
    assert node.desired.accepted(("vrrp_instance", "VI_2")) is None
