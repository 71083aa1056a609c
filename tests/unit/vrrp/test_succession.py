"""A living engine hands over: its successor does from then on, to the nanosecond, what it would have done itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from services.vrrp.config.resolve import resolve
from services.vrrp.config.settings import DECODERS, SECOND, packed
from services.vrrp.election.actions import AddAddresses, RemoveAddresses, SendTogether, Transition
from services.vrrp.election.carry import Carried
from services.vrrp.election.events import (
    BfdChanged,
    Configured,
    Event,
    FileValue,
    Inherited,
    InterfaceChanged,
    PacketReceived,
    ProcessResult,
    Release,
    ScriptResult,
    Started,
    Stopped,
    TimeReached,
)
from services.vrrp.election.node import Node
from services.vrrp.views import counters_view, instance_view
from services.vrrp.wire.packet import Checksum, Format, encode

T0 = 100 * SECOND
VIRTUAL = "192.0.2.51"
ETH0 = InterfaceChanged("eth0", 2, True, ("192.0.2.5",))
HELD = ETH0._replace(addresses=("192.0.2.5", VIRTUAL, "192.0.2.52"))
FORM = Format(2, 51, SECOND, None, packed("224.0.0.18"))
Objects = dict[tuple[str, str], dict[str, Any]]
Step = tuple[int, Event]  # so long after T0


def vrrp(vrid: int = 51, **more: Any) -> dict[str, Any]:
    base: dict[str, Any] = {"interface": "eth0", "virtual_router_id": vrid}
    base["virtual_ipaddress"] = [{"address": f"192.0.2.{vrid}"}]
    return base | more


def heard(priority: int, source: str = "192.0.2.9") -> PacketReceived:
    return PacketReceived("eth0", encode(FORM, priority, [packed(VIRTUAL)], packed(source)))


def heard_bare(priority: int) -> PacketReceived:
    form = FORM._replace(version=3, checksums=(Checksum.BARE,))
    return PacketReceived("eth0", encode(form, priority, [packed(VIRTUAL)], packed("192.0.2.9")))


def configured(objects: Objects) -> Configured:
    return Configured(resolve({(kind, name): DECODERS[kind](name, value) for (kind, name), value in objects.items()}))


def fresh(objects: Objects, awaited: bool = False, interface: InterfaceChanged = ETH0) -> Node:
    node = Node()
    node.step(Started((), awaited), T0)
    node.step(interface, T0)
    node.step(configured(objects), T0)
    return node


def advance(node: Node, until: int, steps: list[Step]) -> list[tuple[int, Any]]:
    """Everything that it does up to `until`, with its time, whether it says things together or one by one."""
    done: list[tuple[int, Any]] = []
    waiting = list(steps)
    while True:
        due = node.deadline()
        after, _event = waiting[0] if waiting else (until + 1, TimeReached())
        if due is not None and due <= min(after, until):
            for action in node.step(TimeReached(), due):
                done += [(due, each) for each in (action.adverts if isinstance(action, SendTogether) else (action,))]
        elif waiting:
            done += [(after, action) for action in node.step(waiting.pop(0)[1], after)]
        else:
            return done


def handed_over(node: Node, objects: Objects, now: int, interface: InterfaceChanged) -> tuple[Node, tuple[Any, ...]]:
    successor = fresh(objects, awaited=True, interface=interface)
    told = json.loads(json.dumps(node.carried()))
    return successor, successor.step(Inherited(told), now)


ALONE: Objects = {("vrrp_instance", "A"): vrrp()}
GROUP: Objects = {
    ("vrrp_instance", "A"): vrrp(),
    ("vrrp_instance", "B"): vrrp(52),
    ("vrrp_sync_group", "G"): {"group": ["A", "B"]},
}
TRACKED: Objects = {
    ("vrrp_instance", "A"): vrrp(
        track_script=[{"name": "s", "weight": -10}],
        track_process=[{"name": "p", "weight": 5}],
        track_file=[{"name": "f", "weight": 1}],
    ),
    ("vrrp_script", "s"): {"script": "/bin/true", "fall": 3},
    ("vrrp_track_process", "p"): {"process": "httpd"},
    ("track_file", "f"): {"file": "/run/f"},
}
LIFE = SECOND // 10
CASES: dict[str, tuple[Objects, list[Step], list[Step]]] = {
    "a master between its bursts": (ALONE, [], []),
    "a backup": (ALONE, [(n * SECOND, heard(200)) for n in range(1, 6)], []),
    "a backup that was sent what it refuses": (
        ALONE,
        [
            (SECOND, heard(200)),
            (2 * SECOND, PacketReceived("eth0", encode(FORM._replace(interval=9 * SECOND), 200, [], b"\xc0\0\2\7"))),
        ],
        [],
    ),
    "a backup that waits to preempt": (
        {("vrrp_instance", "A"): vrrp(preempt_delay=8 * SECOND)},
        [(n * SECOND, heard(50)) for n in range(1, 6)],
        [(n * SECOND, heard(50)) for n in range(6, 14)],
    ),
    "a backup that was told of priority 0": (ALONE, [(SECOND, heard(200)), (5 * SECOND - LIFE, heard(0))], []),
    "a master with a rival": (ALONE, [(4 * SECOND + 5 * LIFE, heard(50))], [(6 * SECOND, heard(50)), (8 * SECOND, heard(200))]),
    "a sync group of masters": (GROUP, [], [(7 * SECOND, heard(200))]),
    "a script that is about to fail, a file and processes": (
        TRACKED,
        [
            *((n * SECOND, ScriptResult("s", True)) for n in range(1, 3)),
            *((n * SECOND, ScriptResult("s", False)) for n in range(3, 5)),
            (SECOND, FileValue("f", 7)),
            (SECOND, ProcessResult("p", True)),
        ],
        [(6 * SECOND, ScriptResult("s", False)), (7 * SECOND, FileValue("f", 8))],
    ),
    "one that waits for its first results": (
        {
            ("vrrp_instance", "A"): vrrp(track_script=[{"name": "s"}]),
            ("vrrp_script", "s"): {"script": "/bin/true"},
        },
        [],
        [(6 * SECOND, ScriptResult("s", True))],
    ),
    "a fault that will heal": (
        {("vrrp_instance", "A"): vrrp(track_script=[{"name": "s"}]), ("vrrp_script", "s"): {"script": "/bin/true"}},
        [(SECOND, ScriptResult("s", False))],
        [(6 * SECOND, ScriptResult("s", True))],
    ),
    "a BFD session that is up, and then down": (
        {
            ("vrrp_instance", "A"): vrrp(track_bfd=[{"name": "b"}]),
            ("bfd_instance", "b"): {"neighbor_ip": "192.0.2.9"},
        },
        [(SECOND, BfdChanged("b", True))],
        [(7 * SECOND, BfdChanged("b", True)), (20 * SECOND, BfdChanged("b", False))],
    ),
    "a master that offers mastership": (ALONE, [(5 * SECOND - LIFE, Release("A", "an order"))], []),
    "a master whose peers leave the pseudo header out": (
        {("vrrp_instance", "A"): vrrp(version=3)},
        [(SECOND, heard_bare(50))],
        [(8 * SECOND, heard_bare(50))],
    ),
    "a master whose adverts are sealed": (
        {("vrrp_instance", "A"): vrrp(authentication={"auth_type": "ah", "auth_pass": "secret12"})},
        [],
        [],
    ),
    "a master whose adverts have a trailer": (
        {("vrrp_instance", "A"): vrrp(auth_hmac={"key": [{"id": 1, "value": "x" * 32}]})},
        [],
        [],
    ),
    "a start that is delayed": (ALONE | {("global", ""): {"vrrp_startup_delay": 9 * SECOND}}, [], []),
}


@pytest.mark.parametrize("case", CASES)
def test_a_successor_does_what_its_predecessor_would_have_done(case: str) -> None:
    objects, before, after = CASES[case]
    now, end = T0 + 5 * SECOND, T0 + 25 * SECOND
    one = fresh(objects)
    advance(one, now, [(T0 + at, event) for at, event in sorted(before, key=lambda step: step[0])])
    other, actions = handed_over(one, objects, now, HELD)
    assert actions == ()
    one.step(HELD, now)
    for name in one.routers:
        assert instance_view(other, name, lambda at: at or 0) == instance_view(one, name, lambda at: at or 0)
        assert counters_view(other.routers[name].counters) == counters_view(one.routers[name].counters)
    assert other.group_states == one.group_states
    later = [(T0 + at, event) for at, event in after]
    assert advance(other, end, later) == advance(one, end, later)
    assert other.step(Stopped(), end) == one.step(Stopped(), end)


def test_every_attribute_of_a_router_is_carried_or_comes_from_its_configuration() -> None:
    (router,) = fresh(ALONE).routers.values()
    assert [name for name in Carried.__slots__ if not hasattr(router, name)] == []
    assert not hasattr(router, "__dict__")


def test_what_failed_between_the_two_takes_effect_at_once() -> None:
    one = fresh(ALONE)
    now = T0 + 5 * SECOND
    advance(one, now, [])
    successor, actions = handed_over(one, ALONE, now, HELD._replace(up=False))
    assert successor.routers["A"].state.value == "FAULT"
    assert [a.after for a in actions if isinstance(a, Transition)] == ["FAULT"]
    assert any(isinstance(a, RemoveAddresses) for a in actions)


def test_an_address_that_was_removed_between_the_two_is_put_back() -> None:
    one = fresh(ALONE)
    now = T0 + 5 * SECOND
    advance(one, now, [])
    _successor, (add,) = handed_over(one, ALONE, now, ETH0)
    assert isinstance(add, AddAddresses)
    assert [row.address for row in add.addresses] == [VIRTUAL]


def test_an_address_that_the_new_program_does_not_want_is_taken_off() -> None:
    one = fresh(GROUP)
    now = T0 + 5 * SECOND
    advance(one, now, [])
    successor = fresh(ALONE, awaited=True, interface=HELD)
    actions = successor.step(Inherited(json.loads(json.dumps(one.carried()))), now)
    assert [row.address for a in actions if isinstance(a, RemoveAddresses) for row in a.addresses] == ["192.0.2.52"]


def test_before_its_turn_a_successor_wants_nothing_done_whatever_happens() -> None:
    done: list[Any] = []
    events: list[Callable[[], Event]] = [
        lambda: heard(200),
        lambda: HELD._replace(up=False),
        lambda: HELD,
        lambda: ScriptResult("s", False),
        TimeReached,
    ]
    node = fresh(TRACKED, awaited=True)
    for at, event in enumerate(events * 3):
        done += node.step(event(), T0 + at * SECOND)
    assert done == []
    assert node.routers["A"].state.value == "INIT"


def test_words_of_a_predecessor_that_cannot_be_understood_are_an_error() -> None:
    one = fresh(ALONE)
    told = json.loads(json.dumps(one.carried()))
    told["routers"]["A"]["state"] = "REGENT"
    with pytest.raises(ValueError, match="REGENT"):
        fresh(ALONE, awaited=True).step(Inherited(told), T0)
