"""What of virtual and static entries is in place, and why not the rest: from what is configured and what the kernel has."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from services.common.problems import Problem
from services.vrrp.agent.placement import Entry, Kernel, entries, owned, sentences
from services.vrrp.config.settings import DECODERS, Settings
from services.vrrp.routing.routes import parse_route
from services.vrrp.routing.routing import absence


class Link(NamedTuple):
    up: bool = True
    addresses: tuple[str, ...] = ()


ROUTES = ["10.1.0.0/16 via 10.0.0.1", "10.2.0.0/16 dev eth1", "10.3.0.0/16 dev eth0 no_track"]
RULES = ["from 10.0.0.0/8 table 5 priority 7"]
ETH0 = {"eth0": Link()}


def objects(**static: Any) -> dict[tuple[str, str], Settings]:
    instance = {"interface": "eth0", "virtual_router_id": 5, "virtual_ipaddress": [{"address": "10.0.0.9"}]}
    instance |= {"virtual_routes": ROUTES, "virtual_rules": RULES}
    found = {("vrrp_instance", "A"): DECODERS["vrrp_instance"]("A", instance)}
    if static:
        found["static", "main"] = DECODERS["static"]("main", static)
    return found


def said(
    state: str, lines: tuple[str, ...] = (), links: dict[str, Link] = ETH0, problems: tuple[Problem, ...] = (), **static: Any
) -> list[Entry]:
    everything = list(owned(objects(**static), {"A": state}))
    rows = [row for _owner, _field, _wanted, some in everything for row in some]
    kernel = Kernel(links, {row.identity for row in rows if getattr(row, "text", None) in lines})
    return list(entries(everything, kernel, problems))


def test_a_backup_should_have_nothing_of_its_own_and_a_master_everything() -> None:
    assert [(e.field, e.wanted, e.in_place, e.reason) for e in said("BACKUP", (ROUTES[2],))] == [
        ("virtual_routes", False, False, ""),
        ("virtual_routes", False, False, ""),
        ("virtual_routes", False, True, ""),
        ("virtual_rules", False, False, ""),
    ]
    assert [(e.line, e.wanted, e.in_place) for e in said("MASTER", (*ROUTES, *RULES))] == [
        (line, True, True) for line in (*ROUTES, *RULES)
    ]


def test_instances_that_do_not_run_have_nothing() -> None:
    assert list(owned(objects(), {})) == []


def test_what_the_engine_says_of_a_line_goes_before_what_can_be_seen() -> None:
    problem = Problem("config/vrrp_instance/A", "virtual_routes", absence(ROUTES[0], "its gateway cannot be reached"))
    other = Problem("config/vrrp_instance/A", "interface", "interface eth0 does not exist")
    reasons = [e.reason for e in said("MASTER", problems=(problem, other))]
    assert reasons == [
        "its gateway cannot be reached",
        "interface eth1 does not exist",
        "somebody removed it, and no_track leaves it so",
        "the kernel does not have it: somebody removed it, or it is just being put there",
    ]
    assert said("MASTER", links=ETH0 | {"eth1": Link(up=False)})[1].reason == "interface eth1 is down"


def test_static_entries_are_wanted_whoever_is_master() -> None:
    static = {"static_ipaddress": [{"address": "10.9.0.1/24", "dev": "eth1"}], "static_routes": ["10.8.0.0/16 dev eth0"]}
    links = ETH0 | {"eth1": Link(addresses=("10.9.0.1",))}
    there = [e for e in said("BACKUP", links=links, **static) if e.owner == "main"]
    assert [(e.field, e.line, e.wanted, e.in_place) for e in there] == [
        ("static_ipaddress", "10.9.0.1/24 dev eth1", True, True),
        ("static_routes", "10.8.0.0/16 dev eth0", True, False),
    ]
    problem = Problem("config/static/main", "static_ipaddress", absence("10.9.0.1", "IPv6 is off"))
    (gone, *_) = [e for e in said("BACKUP", links=ETH0 | {"eth1": Link()}, problems=(problem,), **static) if e.missing]
    assert gone.reason == "IPv6 is off"
    (gone, *_) = [e for e in said("BACKUP", **static) if e.missing]
    assert gone.reason == "interface eth1 does not exist"


@pytest.mark.parametrize(
    ("there", "text"),
    [
        ((*ROUTES, *RULES), "Its virtual routes and rules are in place (4)."),
        (
            (*ROUTES[1:], *RULES),
            "1 of its 4 virtual routes and rules are not in place: 10.1.0.0/16 via 10.0.0.1: the kernel does not have it:"
            " somebody removed it, or it is just being put there.",
        ),
    ],
)
def test_a_sentence_says_how_much_is_in_place(there: tuple[str, ...], text: str) -> None:
    assert list(sentences(said("MASTER", there))) == [text]


def test_a_sentence_names_the_first_of_many_and_nothing_is_said_of_a_backup() -> None:
    (text,) = sentences(said("MASTER"))
    assert text.startswith("4 of its 4 virtual routes and rules are not in place: 10.1.0.0/16 via 10.0.0.1: the kernel")
    assert text.endswith("; and 1 more.")
    assert list(sentences(said("BACKUP"))) == []


def test_lines_that_a_problem_of_other_fields_names_are_not_mixed_up() -> None:
    rule = Problem("config/vrrp_instance/A", "virtual_rules", absence(ROUTES[0], "x"))
    assert said("MASTER", problems=(rule,))[0].reason != "x"
    assert parse_route(ROUTES[0], "x").text == ROUTES[0]
