"""One machine's core in a unit test: small configurations, interfaces, and time that goes on when told."""

from __future__ import annotations

from typing import Any

from services.vrrp.config.resolve import resolve
from services.vrrp.config.settings import DECODERS, SECOND, packed
from services.vrrp.election.actions import Action, Transition
from services.vrrp.election.events import (
    Configured,
    InterfaceChanged,
    Started,
    TimeReached,
)
from services.vrrp.election.node import Node
from services.vrrp.election.snapshot import Saved
from services.vrrp.wire.packet import Format

T0 = 100 * SECOND
ETH0 = InterfaceChanged("eth0", 2, True, ("192.0.2.5",))
ETH1 = InterfaceChanged("eth1", 3, True, ("198.51.100.5",))
FORM = Format(2, 51, SECOND, None, packed("224.0.0.18"))
Objects = dict[tuple[str, str], dict[str, Any]]


def vrrp(vrid: int = 51, **more: Any) -> dict[str, Any]:
    base: dict[str, Any] = {"interface": "eth0", "virtual_router_id": vrid}
    base["virtual_ipaddress"] = [{"address": a} for a in more.pop("addresses", [f"192.0.2.{vrid}"])]
    return base | more


def configure(node: Node, objects: Objects, now: int = T0) -> tuple[Action, ...]:
    decoded = {(kind, name): DECODERS[kind](name, value) for (kind, name), value in objects.items()}
    return node.step(Configured(resolve(decoded)), now)


def running(objects: Objects, *interfaces: InterfaceChanged, saved: tuple[Saved, ...] = ()) -> Node:
    node = Node()
    node.step(Started(saved), T0)
    for interface in interfaces or (ETH0, ETH1):
        node.step(interface, T0)
    configure(node, objects)
    return node


def one(**more: Any) -> Objects:
    return {("vrrp_instance", "A"): vrrp(**more)}


def until_due(node: Node) -> tuple[int, tuple[Action, ...]]:
    due = node.deadline()
    assert due is not None
    return due, node.step(TimeReached(), due)


def advance(node: Node, until: int) -> list[Action]:
    actions: list[Action] = []
    while (due := node.deadline()) is not None and due <= until:
        actions += node.step(TimeReached(), due)
    return actions


def states(node: Node) -> dict[str, str]:
    return {name: router.state.value for name, router in node.routers.items()}


def kinds(actions: tuple[Action, ...] | list[Action]) -> list[str]:
    return [type(action).__name__ for action in actions]


def told(actions: tuple[Action, ...] | list[Action]) -> list[tuple[str, str]]:
    return [(a.name, a.after) for a in actions if isinstance(a, Transition)]


def grouped(**second: Any) -> Objects:
    return one() | {
        ("vrrp_instance", "B"): vrrp(52, interface="eth1", **second),
        ("vrrp_sync_group", "G"): {"group": ["A", "B"]},
    }


def scripted(**script: Any) -> Objects:
    return one(track_script=[{"name": "chk"}]) | {("vrrp_script", "chk"): {"script": "/bin/true", **script}}
