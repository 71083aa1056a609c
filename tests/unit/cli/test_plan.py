"""Two directors and more in one store: what importing changes, and what it leaves alone."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cli.keepalived_conf.reading import read_conf, read_text
from cli.plan import plan_import, sorted_out
from services.common import values
from services.common.json_text import merge
from tests.unit.cli import corpus
from tests.unit.cli.test_translate import DIRECTOR

NODES = ("d1", "d2", "d3")


def imported(store: dict[str, Any], node: str, objects: Any, **how: Any) -> dict[str, Any]:
    return plan_import(store, node, objects, **how).applied(store)


def effective(store: dict[str, Any], node: str) -> dict[str, Any]:
    """What a service on `node` sees, computed as it does: text by text, patches merged in."""
    found = {key: value for key, value in store.items() if key.startswith("config/")}
    for key, patch in store.items():
        if key.startswith(f"node/{node}/"):
            target = "config/" + key.removeprefix(f"node/{node}/")
            found[target] = merge(found.get(target), patch)
    return {k: values.check(k.split("/")[1], v) for k, v in found.items() if v is not None}


def plain(objects: Any) -> dict[str, Any]:
    return {key: values.check(key.split("/")[1], value) for key, value in objects.items()}


def patches(store: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in store.items() if key.startswith("node/")}


def second(text: str) -> Any:
    return read_text(text.replace("state MASTER", "state BACKUP").replace("priority 150", "priority 100")).objects


def test_the_first_director_gives_the_shared_objects_and_the_second_only_what_differs() -> None:
    store = imported({}, "d1", read_text(DIRECTOR).objects)
    assert patches(store) == {}
    store = imported(store, "d2", second(DIRECTOR))
    assert patches(store) == {"node/d2/vrrp_instance/VI_1": {"state": "backup", "priority": 100}}
    assert {k: v for k, v in store.items() if k.startswith("config/")} == dict(read_text(DIRECTOR).objects)


@corpus.needed
def test_the_two_directors_of_the_guide_differ_in_state_and_priority_alone() -> None:
    store: dict[str, Any] = {}
    files = {
        n: read_conf(str(corpus.FOLDER / "seeds" / f"guide-mixed-{n}.conf"), n).objects for n in ("director1", "director2")
    }
    for node, objects in files.items():
        store = imported(store, node, objects)
    low, high = {"state": "backup", "priority": 100}, {"state": "master", "priority": 150}
    assert patches(store) == {
        f"node/director2/vrrp_instance/VI_{i}": patch for i, patch in ((1, low), (2, low), (3, high), (4, high))
    }
    assert sum(key.startswith("config/") for key in store) == 13
    for node, objects in files.items():
        assert effective(store, node) == plain(objects)
        assert not plan_import(store, node, objects)


def test_an_edit_on_the_first_director_changes_the_shared_objects_and_not_the_second_director() -> None:
    store = imported(imported({}, "d1", read_text(DIRECTOR).objects), "d2", second(DIRECTOR))
    before = effective(store, "d2")
    edited = DIRECTOR.replace("delay_loop 30", "delay_loop 10")
    store = imported(store, "d1", read_text(edited).objects)
    server = "virtual_server/tcp-192.168.200.10-80"
    assert store[f"config/{server}"]["delay_loop"] == "10s"
    assert store[f"node/d2/{server}"] == {"delay_loop": "30s"}
    assert effective(store, "d2") == before
    store = imported(store, "d2", second(edited))
    assert patches(store) == {"node/d2/vrrp_instance/VI_1": {"state": "backup", "priority": 100}}


def test_an_edit_on_the_second_director_changes_its_patches_alone() -> None:
    store = imported(imported({}, "d1", read_text(DIRECTOR).objects), "d2", second(DIRECTOR))
    changed = plan_import(store, "d2", second(DIRECTOR.replace("weight 2", "weight 7")))
    assert changed.puts == {"node/d2/real_server/tcp-192.168.200.10-80/192.168.100.2-80": {"weight": 7}}
    assert changed.deletes == []


def test_an_object_of_one_director_alone_stays_with_it() -> None:
    one = {"config/vrrp_script/a": {"script": "/a"}, "config/global": {}}
    two = {"config/vrrp_script/b": {"script": "/b"}, "config/global": {}}
    store = imported(imported({}, "d1", one), "d2", two)
    assert patches(store) == {"node/d2/vrrp_script/a": None, "node/d2/vrrp_script/b": {"script": "/b"}}
    assert effective(store, "d1") == one
    assert effective(store, "d2") == two


def test_replacing_makes_one_file_everybodys_and_keeps_the_others_patches() -> None:
    store = imported(imported({}, "d1", read_text(DIRECTOR).objects), "d2", second(DIRECTOR))
    edited = {
        k: v for k, v in read_text(DIRECTOR.replace("delay_loop 30", "delay_loop 10")).objects.items() if "fwmark" not in k
    }
    store = imported(store, "d1", edited, replace=True)
    assert patches(store) == {"node/d2/vrrp_instance/VI_1": {"state": "backup", "priority": 100}}
    assert effective(store, "d1") == plain(edited)
    assert not any("fwmark" in key for key in store)


def test_replacing_drops_patches_of_objects_that_are_gone() -> None:
    store = imported({}, "d1", {"config/vrrp_script/a": {"script": "/a"}})
    store = imported(store, "d2", {"config/vrrp_script/a": {"script": "/b"}})
    store = imported(store, "d1", {}, replace=True)
    assert {k: v for k, v in store.items() if not k.startswith("status/")} == {}


def test_an_object_that_says_the_same_in_other_words_is_left_alone() -> None:
    written = {"config/vrrp_instance/V": {"interface": "eth0", "virtual_router_id": 5, "advert_int": 1, "state": "MASTER"}}
    store = imported({}, "d1", {}) | written
    objects = {"config/vrrp_instance/V": {"interface": "eth0", "virtual_router_id": 5, "advert_int": "1s", "state": "master"}}
    assert not plan_import(store, "d1", objects)


def test_a_store_that_somebody_filled_by_hand_is_not_taken_over() -> None:
    store = {"config/vrrp_script/a": {"script": "/a"}}
    plan = plan_import(store, "d1", {"config/vrrp_script/a": {"script": "/b"}}, source="k.conf")
    assert plan.puts == {
        "node/d1/vrrp_script/a": {"script": "/b"},
        "status/d1/import": {"file": "k.conf", "shared": False},
    }


def test_a_bad_value_of_somebody_else_is_kept_as_it_is() -> None:
    store = {"config/vrrp_script/a": {"nonsense": 1}, "node/d2/vrrp_script/a": {"more": 2}, "other/key": 1}
    plan = plan_import(store, "d1", {})
    assert plan.puts["node/d1/vrrp_script/a"] is None
    assert plan.applied(store)["config/vrrp_script/a"] == {"nonsense": 1}
    assert sorted_out(store).effective("d2") == {"vrrp_script/a": {"nonsense": 1, "more": 2}}


SCRIPTS = st.fixed_dictionaries(
    {"script": st.sampled_from(["/a", "/b"])}, optional={"weight": st.integers(0, 2), "interval": st.sampled_from(["1s", "2s"])}
)
INSTANCES = st.fixed_dictionaries(
    {"interface": st.just("eth0"), "virtual_router_id": st.just(5)},
    optional={
        "priority": st.integers(1, 2),
        "authentication": st.fixed_dictionaries({"auth_type": st.just("pass"), "auth_pass": st.sampled_from("xy")}),
        "virtual_ipaddress": st.lists(
            st.fixed_dictionaries({"address": st.sampled_from(["10.0.0.1", "10.0.0.2"])}), max_size=2
        ),
    },
)
FILES = st.fixed_dictionaries(
    {},
    optional={
        "config/global": st.fixed_dictionaries({}, optional={"router_id": st.sampled_from("ab")}),
        "config/vrrp_script/s": SCRIPTS,
        "config/vrrp_script/t": SCRIPTS,
        "config/vrrp_instance/V": INSTANCES,
    },
)


class Imports(RuleBasedStateMachine):
    """Directors import one file after the other; each keeps what its own last file says."""

    def __init__(self) -> None:
        super().__init__()
        self.store: dict[str, Any] = {}
        self.files: dict[str, dict[str, Any]] = {}

    @rule(node=st.sampled_from(NODES), objects=FILES)
    def import_file(self, node: str, objects: dict[str, Any]) -> None:
        self.store = imported(self.store, node, objects)
        self.files[node] = objects
        assert not plan_import(self.store, node, objects)

    @rule(node=st.sampled_from(NODES), objects=FILES)
    def replace_all(self, node: str, objects: dict[str, Any]) -> None:
        self.store = imported(self.store, node, objects, replace=True)
        self.files[node] = objects
        assert not plan_import(self.store, node, objects, replace=True)
        for other in self.files.keys() - {node}:
            self.files[other] = {
                key: values.render(key.split("/")[1], value) for key, value in effective(self.store, other).items()
            }

    @invariant()
    def every_node_has_what_its_file_says(self) -> None:
        for node, objects in self.files.items():
            assert effective(self.store, node) == plain(objects)

    @invariant()
    def at_most_one_node_gives_the_shared_objects(self) -> None:
        assert sum(value["shared"] for key, value in self.store.items() if key.endswith("/import")) <= 1


TestImports = Imports.TestCase
TestImports.settings = settings(max_examples=60, stateful_step_count=12)


@given(FILES, FILES)
def test_patches_hold_nothing_that_is_shared_already(one: dict[str, Any], two: dict[str, Any]) -> None:
    store = imported(imported({}, "d1", one), "d2", two)
    for key, patch in patches(store).items():
        shared = store.get("config/" + key.removeprefix("node/d2/"))
        assert shared is None or merge(shared, patch) != shared
