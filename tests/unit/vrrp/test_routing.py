"""Routes, rules and static entries in a node: when they come and go, in which order, and who depends on them."""

from __future__ import annotations

from typing import Any

import pytest

from services.common.errors import InvalidValue
from services.vrrp.config.settings import DECODERS, SECOND
from services.vrrp.election.actions import Action, AddAddresses, AddRouting, RemoveRouting
from services.vrrp.election.events import AddressVanished, Failed, RoutingUnsure, RoutingVanished, StaticResult, Stopped
from services.vrrp.election.snapshot import Saved
from services.vrrp.routing.routes import parse_route
from services.vrrp.routing.routing import difference
from tests.kit.core import ETH0, ETH1, T0, Objects, advance, configure, kinds, one, running, states, until_due, vrrp

ROUTES = ["10.1.0.0/16 via 192.0.2.1", "10.2.0.0/16 dev eth1 table 5"]
RULE = "from 10.2.0.0/16 table 5 priority 100"
STATIC = ("static", "main")


def routed(**more: Any) -> Objects:
    return one(virtual_routes=ROUTES, virtual_rules=[RULE], **more)


def texts(action: Action) -> list[str]:
    assert isinstance(action, (AddRouting, RemoveRouting))
    return [row.text for row in action.rows]


def routing_of(actions: Any) -> list[tuple[str, list[str]]]:
    return [(type(a).__name__, texts(a)) for a in actions if isinstance(a, (AddRouting, RemoveRouting))]


def master(objects: Objects) -> Any:
    node = running(objects)
    advance(node, T0 + 4 * SECOND)
    assert states(node)["A"] == "MASTER"
    return node


def row(text: str) -> Any:
    return parse_route(text, "x")


# -- virtual routes and rules


def test_a_master_adds_routes_and_rules_after_its_addresses_and_before_the_announcement() -> None:
    node = running(routed())
    _due, actions = until_due(node)
    assert kinds(actions) == ["SendAdvert", "AddAddresses", "AddRouting", "Announce", "Transition"]
    assert texts(actions[2]) == [*ROUTES, RULE]


def test_a_master_that_steps_down_removes_rules_then_routes_then_addresses() -> None:
    node = master(routed())
    actions = node.step(Stopped(), T0 + 5 * SECOND)
    assert kinds(actions) == ["SendAdvert", "RemoveRouting", "RemoveAddresses", "Transition"]
    assert texts(actions[1]) == [RULE, *ROUTES[::-1]]


def test_routes_alone_are_enough_for_a_master() -> None:
    node = running(one(addresses=[], virtual_routes=ROUTES))
    _due, actions = until_due(node)
    assert kinds(actions) == ["SendAdvert", "AddRouting", "Transition"]


def test_a_backup_starts_by_removing_what_a_killed_predecessor_left() -> None:
    node = running(routed(), saved=(Saved("instance", "A", "BACKUP"),))
    assert states(node) == {"A": "BACKUP"}
    fresh = running({})
    actions = configure(fresh, routed())
    assert routing_of(actions) == [("RemoveRouting", [RULE, *ROUTES[::-1]])]


def test_a_removed_route_makes_the_master_step_back_and_take_everything_again() -> None:
    node = master(routed())
    now = T0 + 5 * SECOND
    actions = node.step(RoutingVanished((row(ROUTES[0]),)), now)
    assert kinds(actions) == ["SendAdvert", "RemoveRouting", "RemoveAddresses", "Transition"]
    assert node.routers["A"].cause == f"somebody removed {ROUTES[0]}: takes everything again"
    again = advance(node, now + SECOND)
    assert routing_of(again) == [("AddRouting", [*ROUTES, RULE])]
    assert states(node) == {"A": "MASTER"}


def test_a_removed_route_of_a_backup_or_with_no_track_changes_nothing() -> None:
    untracked = ROUTES[0] + " no_track"
    node = master(one(virtual_routes=[untracked]))
    assert node.step(RoutingVanished((row(untracked),)), T0 + 5 * SECOND) == ()
    node = running(routed())
    assert node.step(RoutingVanished((row(ROUTES[0]),)), T0) == ()


def test_a_tracked_routes_interface_must_be_up() -> None:
    node = master(routed())
    node.step(ETH1._replace(up=False), T0 + 5 * SECOND)
    assert states(node) == {"A": "FAULT"}
    assert node.routers["A"].cause == "interface eth1 is down"
    node.step(ETH1, T0 + 6 * SECOND)
    assert states(node) == {"A": "BACKUP"}
    missing = running(routed(), ETH0)
    assert missing.routers["A"].cause == "interface eth1 does not exist"


def test_routes_come_back_with_their_interface() -> None:
    routes = ["10.1.0.0/16 via 192.0.2.1", "10.2.0.0/16 dev eth1 no_track", "blackhole 10.3.0.0/16"]
    node = master(one(virtual_routes=routes))
    now = T0 + 5 * SECOND
    assert node.step(ETH1._replace(up=False), now) == ()
    assert routing_of(node.step(ETH1, now)) == [("AddRouting", routes[:2])]
    assert routing_of(node.step(ETH1._replace(number=9), now)) == [("AddRouting", routes[:2])]
    assert routing_of(node.step(ETH1._replace(number=9, addresses=("203.0.113.1",)), now)) == [("AddRouting", routes[:2])]


def test_its_own_addresses_do_not_make_a_master_add_its_routes_again() -> None:
    node = master(routed())
    assert node.step(ETH0._replace(addresses=("192.0.2.5", "192.0.2.51")), T0 + 5 * SECOND) == ()


def test_after_lost_messages_everything_is_put_again() -> None:
    node = master(routed() | {STATIC: {"static_routes": ["10.9.0.0/16 dev eth1"]}})
    assert routing_of(node.step(RoutingUnsure(), T0 + 5 * SECOND)) == [
        ("AddRouting", [*ROUTES, RULE]),
        ("AddRouting", ["10.9.0.0/16 dev eth1"]),
    ]


def test_a_changed_route_is_there_before_the_old_one_goes_and_is_made_sure_of_after() -> None:
    node = master(routed())
    changed = "10.1.0.0/16 via 192.0.2.2"
    actions = configure(node, one(virtual_routes=[changed, ROUTES[1]], virtual_rules=[RULE]), T0 + 5 * SECOND)
    assert routing_of(actions) == [("AddRouting", [changed]), ("RemoveRouting", [ROUTES[0]]), ("AddRouting", [changed])]


def test_the_same_route_in_other_words_is_left_alone() -> None:
    node = master(routed())
    same = ["to 10.1.0.0/16 gw 192.0.2.1 table main", ROUTES[1]]
    assert routing_of(configure(node, one(virtual_routes=same, virtual_rules=[RULE]), T0 + 5 * SECOND)) == []


def test_what_only_goes_leaves_other_places_alone() -> None:
    old, new = (row(ROUTES[0]), row(ROUTES[1])), (row(ROUTES[1]),)
    assert routing_of(difference("A", old, new)) == [("RemoveRouting", [ROUTES[0]])]
    assert difference("A", new, new) == []


def test_nobody_removes_a_route_that_another_instance_holds() -> None:
    both = routed() | {("vrrp_instance", "B"): vrrp(52, virtual_routes=ROUTES[:1])}
    node = running(both)
    advance(node, T0 + 5 * SECOND)
    assert states(node) == {"A": "MASTER", "B": "MASTER"}
    holder = node.holders.of_routing(row(ROUTES[0]))
    remaining = {key: value for key, value in both.items() if key[1] == holder}
    actions = configure(node, remaining, T0 + 6 * SECOND)
    removed = [text for kind, lines in routing_of(actions) if kind == "RemoveRouting" for text in lines]
    assert ROUTES[0] not in removed
    assert node.holders.of_routing(row(ROUTES[0])) == holder


def test_a_failed_route_counts_as_no_unsent_advert() -> None:
    node = master(routed())
    node.step(Failed("route", "A"), T0 + 5 * SECOND)
    assert node.routers["A"].counters.send_errors == 0


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"virtual_routes": ["10.1.0.0/16"]}, "virtual_routes[0]"),
        ({"virtual_routes": [*ROUTES, ROUTES[0]]}, "virtual_routes[2]"),
        ({"virtual_rules": ["from all table 5"]}, "virtual_rules[0]"),
        ({"virtual_rules": [RULE, RULE]}, "virtual_rules[1]"),
        ({"virtual_routes": [ROUTES[0] + " track_group G"]}, "virtual_routes[0]"),
    ],
)
def test_lines_that_cannot_be_used_refuse_the_instance(more: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        DECODERS["vrrp_instance"]("A", vrrp(**more))
    assert refused.value.field == field


# -- static entries

ENTRIES = {
    "static_ipaddress": [{"address": "10.9.9.1/24", "dev": "eth1", "track_group": "G"}],
    "static_routes": ["10.9.0.0/16 via 198.51.100.1 track_group G"],
    "static_rules": [RULE],
}
GROUP: Objects = {("track_group", "G"): {"group": ["A"]}}


def static(**more: Any) -> Objects:
    return one() | GROUP | {STATIC: ENTRIES | more}


def test_static_entries_are_put_on_at_the_start_and_taken_off_at_a_declared_stop() -> None:
    node = running({})
    actions = configure(node, static())
    assert kinds(actions) == ["AddAddresses", "AddRouting", "RemoveAddresses", "Transition"]  # removed: what a killed A left
    stopped = node.step(Stopped(), T0 + SECOND)
    assert [k for k in kinds(stopped) if k != "Transition"] == ["RemoveRouting", "RemoveAddresses"]
    assert texts(stopped[0]) == [RULE, ENTRIES["static_routes"][0]]


def test_removed_static_entries_are_put_back_and_nobody_steps_down() -> None:
    node = master(static())
    now = T0 + 5 * SECOND
    assert routing_of(node.step(RoutingVanished((row(ENTRIES["static_routes"][0]),)), now)) == [
        ("AddRouting", ENTRIES["static_routes"])
    ]
    back = node.step(AddressVanished("eth1", "10.9.9.1"), now)
    assert [(a.router, a.addresses[0].address) for a in back if isinstance(a, AddAddresses)] == [("static/main", "10.9.9.1")]
    assert states(node) == {"A": "MASTER"}


def test_a_static_entry_that_cannot_be_restored_faults_its_track_group_until_it_is_there() -> None:
    node = master(static())
    entry = row(ENTRIES["static_routes"][0])
    now = T0 + 5 * SECOND
    node.step(StaticResult("static/main", entry, "no route"), now)
    assert node.routers["A"].cause == f"{entry.text} of static/main is missing"
    assert states(node) == {"A": "FAULT"}
    assert routing_of(advance(node, now + SECOND)) == [("AddRouting", [entry.text])]
    node.step(StaticResult("static/main", entry, "no route"), now + SECOND)
    assert routing_of(advance(node, now + 2 * SECOND)) == [("AddRouting", [entry.text])]
    node.step(StaticResult("static/main", entry, ""), now + 2 * SECOND)
    assert states(node) == {"A": "BACKUP"}


def test_a_missing_entry_that_is_no_longer_configured_is_no_fault() -> None:
    node = master(static())
    node.step(StaticResult("static/main", row(ENTRIES["static_routes"][0]), "no route"), T0 + 5 * SECOND)
    configure(node, static(static_routes=[]), T0 + 6 * SECOND)
    assert states(node) == {"A": "BACKUP"}


def test_a_missing_static_address_is_tried_again() -> None:
    node = running(static())
    address = node.statics.entries["main"].static_ipaddress[0]
    node.step(StaticResult("static/main", address, "interface eth1 does not exist"), T0)
    assert states(node) == {"A": "FAULT"}
    assert node.routers["A"].cause == "10.9.9.1 dev eth1 of static/main is missing"
    assert [a for a in advance(node, T0 + SECOND) if isinstance(a, AddAddresses)] == [AddAddresses("static/main", (address,))]


def test_static_entries_come_back_with_their_interface() -> None:
    node = running(static())
    node.step(ETH1._replace(up=False), T0)
    actions = node.step(ETH1, T0)
    assert kinds(actions) == ["Transition", "AddAddresses", "AddRouting"]


def test_a_track_groups_interfaces_must_be_up() -> None:
    node = master(static())
    node.step(ETH1._replace(up=False), T0 + 5 * SECOND)
    assert states(node) == {"A": "FAULT"}


def test_changed_static_entries_change_only_what_differs() -> None:
    node = running(static())
    other = "10.8.0.0/16 dev eth1"
    actions = configure(node, static(static_routes=[*ENTRIES["static_routes"], other], static_ipaddress=[]), T0 + SECOND)
    assert kinds(actions) == ["AddRouting", "RemoveAddresses"]
    assert texts(actions[0]) == [other]


def test_an_attribute_of_a_static_address_that_changes_replaces_it_and_makes_sure_of_the_routes() -> None:
    node = running(static())
    old = node.statics.entries["main"].static_ipaddress
    labelled = [ENTRIES["static_ipaddress"][0] | {"label": "eth1:9"}]
    actions = configure(node, static(static_ipaddress=labelled), T0 + SECOND)
    new = node.statics.entries["main"].static_ipaddress
    assert actions[0] == AddAddresses("static/main", new, old)
    assert routing_of(actions) == [("AddRouting", [ENTRIES["static_routes"][0], RULE])]
    assert kinds(actions) == ["AddAddresses", "AddRouting"]


def test_a_static_address_that_changes_its_track_group_stays_where_it_is() -> None:
    node = running(static())
    moved = [ENTRIES["static_ipaddress"][0] | {"track_group": "H"}]
    assert configure(node, static(static_ipaddress=moved), T0 + SECOND) == ()


def test_an_attribute_of_a_virtual_address_that_changes_makes_sure_of_the_routes() -> None:
    node = master(routed())
    address = node.routers["A"].settings.addresses[0].address
    actions = configure(node, routed(addresses=[address + "/24"]), T0 + 5 * SECOND)
    assert kinds(actions) == ["AddAddresses", "AddRouting", "Announce"]
    assert texts(actions[1]) == [*ROUTES, RULE]


def test_static_addresses_may_be_of_both_families() -> None:
    entries = DECODERS["static"]("x", {"static_ipaddress": [{"address": "10.0.0.1"}, {"address": "2001:DB8:0::1/64"}]})
    assert [(row.address, row.prefix, row.dev) for row in entries.static_ipaddress] == [  # type: ignore[union-attr]
        ("10.0.0.1", 32, ""),
        ("2001:db8::1", 64, ""),
    ]


def test_references_that_lead_nowhere_are_problems() -> None:
    from services.vrrp.config.resolve import resolve

    objects: Objects = {STATIC: ENTRIES, ("track_group", "H"): {"group": ["A", "B"]}} | one()
    decoded = {(kind, name): DECODERS[kind](name, value) for (kind, name), value in objects.items()}
    assert [(p.key, p.field) for p in resolve(decoded).problems] == [
        ("config/static/main", "static_ipaddress[0]"),
        ("config/static/main", "static_routes[0]"),
        ("config/track_group/H", "group[1]"),
    ]


@pytest.mark.parametrize(
    ("kind", "value", "field"),
    [
        ("track_group", {}, "group"),
        ("track_group", {"group": ["A", "A"]}, "group[1]"),
        ("static", {"static_ipaddress": [{"address": "10.0.0.1"}, {"address": "10.0.0.1"}]}, "static_ipaddress[1].address"),
        ("static", {"static_ipaddress": [{"address": "x"}]}, "static_ipaddress[0].address"),
        ("static", {"static_routes": ["10.0.0.0/8"]}, "static_routes[0]"),
        ("static", {"static_rules": ["nop"]}, "static_rules[0]"),
    ],
)
def test_static_entries_that_cannot_be_used_are_refused(kind: str, value: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        DECODERS[kind]("x", value)
    assert refused.value.field == field


@pytest.mark.parametrize(("general", "dev"), [({}, "eth0"), ({"default_interface": "eth1"}, "eth1")])
def test_a_static_address_without_an_interface_is_on_the_default_interface_once(general: dict[str, Any], dev: str) -> None:
    from services.vrrp.config.resolve import resolve

    rows = [{"address": "10.0.0.1/24"}, {"address": "10.0.0.2", "dev": "eth2"}, {"address": "10.0.0.1", "dev": dev}]
    objects: Objects = {("static", "main"): {"static_ipaddress": rows}, ("global", ""): general}
    found = resolve({(kind, name): DECODERS[kind](name, value) for (kind, name), value in objects.items()})
    assert [(row.address, row.prefix, row.dev) for row in found.statics["main"].static_ipaddress] == [
        ("10.0.0.1", 24, dev),
        ("10.0.0.2", 32, "eth2"),
    ]
    assert [(p.key, p.field) for p in found.problems] == [("config/static/main", "static_ipaddress[2].address")]
