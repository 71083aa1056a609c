"""What an owner may say before its engine runs: which words are certain, when they hold, how they are kept."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from services.vrrp.addresses import packed
from services.vrrp.channel import load_configuration, save_configuration
from services.vrrp.config.resolve import resolve
from services.vrrp.config.settings import DECODERS, SECOND
from services.vrrp.election import opening, orders
from services.vrrp.election.actions import SendAdvert
from services.vrrp.election.events import Configured, InterfaceChanged, Started, TimeReached
from services.vrrp.election.node import Node
from services.vrrp.launcher import first_words
from services.vrrp.launcher.first_words import circumstances, state_dir, written

T0 = 100 * SECOND
ETH0 = InterfaceChanged(
    "eth0",
    2,
    True,
    ("192.0.2.5",),
)
ETH1 = InterfaceChanged("eth1", 3, True, ("198.51.100.5",))
Objects = dict[tuple[str, str], dict[str, Any]]


def owner(vrid: int = 51, **more: Any) -> dict[str, Any]:
    base: dict[str, Any] = {"interface": "eth0", "virtual_router_id": vrid, "priority": 255, "state": "master"}
    return base | {"virtual_ipaddress": [{"address": f"192.0.2.{vrid}"}]} | more


def started(objects: Objects, *interfaces: InterfaceChanged) -> tuple[Node, list[SendAdvert]]:
    """A new engine's node, and the adverts that it sends at its very start."""
    node = Node()
    node.step(Started(()), T0)
    for interface in interfaces or (ETH0, ETH1):
        node.step(interface, T0)
    decoders = DECODERS | {orders.KIND: orders.decode}
    decoded = {(kind, name): decoders[kind](name, value) for (kind, name), value in objects.items()}
    actions = node.step(Configured(resolve(decoded)), T0)
    while node.deadline() == T0:
        actions += node.step(TimeReached(), T0)
    return node, [action for action in actions if isinstance(action, SendAdvert) and action.data]


def test_the_first_words_are_what_the_engine_sends_at_its_very_start() -> None:
    node, sent = started({("vrrp_instance", "A"): owner(51), ("vrrp_instance", "B"): owner(52, interface="eth1")})
    assert len(sent) == 2
    assert opening.first_words(node) == [f"{advert.interface} {advert.data.hex()}" for advert in sent]


def test_every_unicast_peer_is_spoken_to() -> None:
    peers = [{"address": "192.0.2.7"}, {"address": "192.0.2.8"}]
    node, sent = started({("vrrp_instance", "A"): owner(unicast_peer=peers)})
    assert [word.split()[1] for word in opening.first_words(node)] == [advert.data.hex() for advert in sent]
    assert [advert.data[16:20] for advert in sent] == [packed("192.0.2.7"), packed("192.0.2.8")]


UNCERTAIN: dict[str, tuple[dict[str, Any], Objects]] = {
    "no owner": ({"priority": 254}, {}),
    "a backup at first": ({"state": "backup"}, {}),
    "a tracked interface": ({"track_interface": [{"name": "eth1"}]}, {}),
    "a tracked script": ({"track_script": [{"name": "chk"}]}, {("vrrp_script", "chk"): {"script": "/bin/true"}}),
    "a tracked address elsewhere": (
        {"virtual_ipaddress": [{"address": "192.0.2.51"}, {"address": "198.51.100.51", "dev": "eth1", "track": True}]},
        {},
    ),
    "a sync group": ({}, {("vrrp_sync_group", "G"): {"group": ["A"]}}),
    "a delay": ({}, {("global", ""): {"vrrp_startup_delay": 5 * SECOND}}),
    "maintenance": ({}, {(orders.KIND, "A"): {"reason": "work", "since": 1, "until": 0}}),
    "maintenance of the node": ({}, {(orders.KIND, ""): {"reason": "work", "since": 1, "until": 0}}),
    "a seal": ({"version": 2, "authentication": {"auth_type": "ah", "auth_pass": "secret"}}, {}),
    "a VMAC": ({"use_vmac": {}}, {}),
    "no interface": ({"interface": "eth7"}, {}),
}


@pytest.mark.parametrize("case", UNCERTAIN)
def test_what_depends_on_anything_else_is_left_to_the_engine(case: str) -> None:
    more, others = UNCERTAIN[case]
    node, _ = started({("vrrp_instance", "A"): owner(**more), **others})
    assert list(node.routers) == ["A"]
    assert opening.first_words(node) == []


def test_no_more_is_said_first_than_can_be_read_at_one_go() -> None:
    addresses = [{"address": f"10.0.{n}.1"} for n in range(200)]
    objects: Objects = {
        ("vrrp_instance", f"A{n}"): owner(n, virtual_ipaddress=[{"address": f"192.0.2.{n}"}, *addresses]) for n in range(1, 60)
    }
    node, sent = started(objects)
    words = opening.first_words(node)
    assert 0 < len(words) < len(sent)
    assert sum(map(len, words)) < first_words.MOST - 4096


def test_what_the_agent_keeps_is_read_again_and_does_not_trouble_the_engine(tmp_path: Path) -> None:
    path = str(tmp_path / "engine.json")
    objects = {("vrrp_instance", "A"): owner()}
    save_configuration(path, 3, objects, ["here", "eth0 45c0"])
    assert written(path) == ["here", "eth0 45c0"]
    assert load_configuration(path) == (3, objects)
    save_configuration(path, 4, objects)
    assert written(path) == []


@pytest.mark.parametrize("text", ["", "{}", '{\n "format": 1\n}', '{\n "first": [\n  "cut short",\n  "eth0 45'])
def test_a_file_without_first_words_has_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "engine.json").write_text(text)
    assert written(str(tmp_path / "engine.json")) == []
    assert written(str(tmp_path / "missing.json")) == []


SETTINGS = {b"VIPKEEPER_NODE": b"lb1", b"PATH": b"/bin"}


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["--node", "b"], SETTINGS),
        (["--node", "a", "--log-level", "debug"], SETTINGS),
        (["--node", "a"], SETTINGS | {b"VIPKEEPER_NODE": b"lb2"}),
        (["--node", "a"], SETTINGS | {b"VIPKEEPER_STORE": b"file:x"}),
    ],
)
def test_other_settings_are_other_circumstances(arguments: list[str], environment: dict[bytes, bytes]) -> None:
    assert circumstances(arguments, environment) != circumstances(["--node", "a"], SETTINGS)


def test_what_is_no_setting_changes_no_circumstances() -> None:
    same = SETTINGS | {b"PATH": b"/usr/bin", b"VIPKEEPER_CONTROL_FD": b"7", b"VIPKEEPER_FIRST": b"1", b"INVOCATION_ID": b"x"}
    assert circumstances(["--node", "a"], same) == circumstances(["--node", "a"], SETTINGS)


def test_the_folder_is_where_the_command_line_or_else_the_environment_has_it() -> None:
    environment = {b"VIPKEEPER_STATE_DIR": b"/env"}
    assert state_dir(["--node", "a"], {}) == "/var/lib/vipkeeper/vrrp"
    assert state_dir(["--node", "a"], environment) == "/env"
    assert state_dir(["--state-dir", "/a", "--node", "a"], environment) == "/a"
    assert state_dir(["--state-dir=/a", "--state-dir", "/b"], environment) == "/b"
    assert state_dir(["--state-dir"], environment) == ""


def test_nothing_is_imported_that_is_not_built_in(tmp_path: Path) -> None:
    import subprocess
    import sys

    folder = Path(first_words.__file__).parent
    program = "import sys; before = set(sys.modules); sys.path.insert(0, sys.argv[1]); import first_words; " + (
        "print(*sorted(m for m in set(sys.modules) - before if getattr(sys.modules[m], '__file__', None)))"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program, str(folder)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["first_words"]
    assert os.listdir(tmp_path) == []
