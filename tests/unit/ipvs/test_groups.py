"""Groups: ranges become addresses within limits, and one pool with one quorum stands behind many services."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.errors import InvalidValue
from services.ipvs.director import Director, Report, Work
from services.ipvs.groups import SERVICES_MAX, Group, read_range, virtual_server_group
from services.ipvs.model import INET6, UDP, address_text, table
from services.ipvs.settings import RealServer, VirtualServer, virtual_server
from services.ipvs.weights import PLACES_MAX
from tests.unit.ipvs.words import key, mark, place, real, server, service

SECOND = 1_000_000_000


def group(*addresses: str | tuple[str, int], marks: tuple[Any, ...] = (), name: str = "g") -> Group:
    """Addresses on port 80 unless they say otherwise."""
    rows = [{"address": a, "port": 80} if isinstance(a, str) else {"address": a[0], "port": a[1]} for a in addresses]
    given: dict[str, Any] = {"address": rows} if rows else {}
    return virtual_server_group(name, given | ({"fwmark": list(marks)} if marks else {}))


def virtual(name: str = "web", **fields: Any) -> VirtualServer:
    return virtual_server(name, {"group": "g", "protocol": "tcp", **fields})


def addresses(found: Group) -> list[str]:
    return [f"{address_text(a)} {port}" for a, port in found.front.addresses]


@pytest.mark.parametrize(
    ("text", "first", "last", "count"),
    [
        ("10.0.0.1", "10.0.0.1", "10.0.0.1", 1),
        ("10.0.0.1-20", "10.0.0.1", "10.0.0.20", 20),
        ("10.0.0.250-10.0.1.10", "10.0.0.250", "10.0.1.10", 17),
        ("10.0.0.8/29", "10.0.0.8", "10.0.0.15", 8),
        ("10.0.0.9/29", "10.0.0.8", "10.0.0.15", 8),
        ("2001:db8::1-ff", "2001:db8::1", "2001:db8::ff", 255),
        ("2001:db8::fffe-2001:db8::1:1", "2001:db8::fffe", "2001:db8::1:1", 4),
        ("2001:db8::10/124", "2001:db8::10", "2001:db8::1f", 16),
    ],
)
def test_a_range_is_all_its_addresses(text: str, first: str, last: str, count: int) -> None:
    assert tuple(map(str, read_range("address", text))) == (first, last)
    spelled = addresses(group(text))
    assert (spelled[0], spelled[-1], len(spelled)) == (f"{first} 80", f"{last} 80", count)


@pytest.mark.parametrize(
    "text",
    ["", "10.0.0", "10.0.0.5-4", "10.0.0.5-256", "10.0.0.5-x", "10.0.0.5-", "10.0.0.5-+6", "10.0.0.5-2001:db8::1",
     "10.0.0.0/33", "0.0.0.0/24", "224.0.0.1-5", "fe80::1%eth0", "2001:db8::5-1_0", "2001:db8::5-fffff", "10.0.0.1-5-6"],
)  # fmt: skip
def test_what_is_no_range_is_refused_by_its_field(text: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        group("10.0.9.9", text)
    assert caught.value.field == "address[1].address"


@pytest.mark.parametrize(
    ("value", "field", "text"),
    [
        ({}, "address", "at least one address or fwmark"),
        ({"address": [{"address": "10.0.0.1", "port": 65536}]}, "address[0].port", "65535"),
        ({"fwmark": [{"fwmark": 5}, {}]}, "fwmark[1].fwmark", "1 to 4294967295"),
        ({"address": [{"address": "10.0.0.1"}, {"address": "10.0.0.0/19"}]}, "address[1]", "8193 services; at most 4096"),
        ({"address": [{"address": "2001:db8::/64"}]}, "address[0]", "at most 4096"),
        ({"fwmark": [{"fwmark": n + 1} for n in range(SERVICES_MAX + 1)]}, "fwmark", "at most 4096"),
    ],
)
def test_a_bad_group_is_refused_by_its_field(value: dict[str, Any], field: str, text: str) -> None:
    with pytest.raises(InvalidValue, match=text) as caught:
        virtual_server_group("g", value)
    assert caught.value.field == field


def test_what_is_given_twice_counts_once() -> None:
    assert addresses(group("10.0.0.1-3", "10.0.0.2", ("10.0.0.2", 81))) == [
        "10.0.0.1 80", "10.0.0.2 80", "10.0.0.3 80", "10.0.0.2 81",
    ]  # fmt: skip


# --- in the director ---


def put(director: Director, *objects: VirtualServer | RealServer | Group, actual: Any = None) -> Work:
    upserts: dict[tuple[str, str], Any] = {}
    for o in objects:
        kind = {VirtualServer: "virtual_server", Group: "virtual_server_group", RealServer: "real_server"}[type(o)]
        upserts[kind, f"{o.virtual_server}/{o.name}" if isinstance(o, RealServer) else o.name] = o
    return director.configure(upserts, (), actual or {})


def started(*objects: Any) -> Director:
    director = Director()
    put(director, *objects)
    return director


def wanted(director: Director) -> dict[str, dict[str, int]]:
    return {str(k): {str(p): d.weight for p, d in e.destinations.items()} for k, e in director.wanted().items()}


def test_every_service_of_a_group_has_every_server() -> None:
    servers = {"10.0.1.2:80": 1, "10.0.1.3:80": 1}
    director = started(virtual(lb_kind="dr"), group("10.0.0.1-2"), real("s2"), real("s3"))
    assert wanted(director) == {"tcp 10.0.0.1:80": servers, "tcp 10.0.0.2:80": servers}
    assert director.problems == []


def test_the_order_of_arrival_does_not_matter() -> None:
    director = Director()
    put(director, real("s2"))
    put(director, virtual())
    (problem,) = director.problems
    assert (problem.key, problem.field) == ("config/virtual_server/web", "group")
    work = put(director, group("10.0.0.1-2"))
    assert (work.places, director.problems) == ({key(): None, key("10.0.0.2"): None}, [])
    assert [len(e.destinations) for e in director.wanted().values()] == [1, 1]


def test_one_server_that_fails_is_looked_at_in_every_service_and_decides_one_quorum() -> None:
    director = started(virtual(quorum=2), group("10.0.0.1-3"), real("s2"), real("s3"))
    work = director.report({("web", "s2"): Report(False)})
    assert set(work.places) == {key(f"10.0.0.{n}") for n in (1, 2, 3)}
    assert [(flip.name, flip.quorum.live_weight) for flip in work.flips] == [("web", 1)]


def test_an_edit_of_a_group_touches_only_the_services_that_differ() -> None:
    director = started(virtual(), group("10.0.0.1-3"), real("s2"))
    work = put(director, group("10.0.0.2-4"))
    assert work.released == {key()}
    assert director.keys("web") == [key(f"10.0.0.{n}") for n in (2, 3, 4)]
    assert director.holder(key()) == ""


def test_a_group_that_is_deleted_takes_its_services_and_leaves_a_problem() -> None:
    director = started(virtual(), group("10.0.0.1-2"), real("s2"))
    work = director.configure({}, [("virtual_server_group", "g")], {})
    assert work.released == {key(), key("10.0.0.2")}
    assert ([p.field for p in director.problems], wanted(director)) == (["group"], {})
    put(director, group("10.0.0.5"))
    assert wanted(director) == {"tcp 10.0.0.5:80": {"10.0.1.2:0": 1}}


def test_an_edit_that_does_not_fit_its_virtual_server_leaves_all_as_it_was() -> None:
    director = started(virtual(), group("10.0.0.1"), real("s2"))
    put(director, group("10.0.0.1", ("10.0.0.2", 0)))
    (problem,) = director.problems
    assert (problem.key, problem.field, "persistence" in problem.reason) == ("config/virtual_server/web", "group", True)
    assert wanted(director) == {"tcp 10.0.0.1:80": {"10.0.1.2:0": 1}}
    put(director, virtual(persistence_timeout=SECOND))
    assert (director.problems, len(director.keys("web"))) == ([], 2)


def test_a_group_with_addresses_needs_a_protocol() -> None:
    director = started(virtual_server("web", {"group": "g"}), group("10.0.0.1"))
    assert [(p.field, wanted(director)) for p in director.problems] == [("protocol", {})]


def test_one_group_may_serve_two_protocols() -> None:
    director = started(virtual(), virtual("dns", protocol="udp"), group("10.0.0.1"), real("s2"), real("s3", of="dns"))
    assert director.wanted().keys() == {key(), key(protocol=UDP)}


def test_places_that_another_virtual_server_holds_are_waited_for_one_by_one() -> None:
    single = virtual_server("a", {"address": "10.0.0.2", "port": 80, "protocol": "tcp"})
    director = started(single, virtual(), group("10.0.0.1-3"), real("s2"))
    (problem,) = director.problems
    assert (problem.field, problem.reason) == ("group", "tcp 10.0.0.2:80 is already virtual server 'a'")
    assert director.keys("web") == [key(), key("10.0.0.3")]
    work = director.configure({}, [("virtual_server", "a")], {})
    assert (work.places, work.released, director.problems) == ({key("10.0.0.2"): None}, set(), [])
    assert len(director.keys("web")) == 3


def test_a_whole_group_that_is_held_is_one_problem() -> None:
    director = started(virtual("a"), virtual("b"), group("10.0.0.1-3"))
    (problem,) = director.problems
    assert problem.reason == "tcp 10.0.0.1:80 is already virtual server 'a', and 2 more of its services are taken"
    delete_b = director.configure({}, [("virtual_server", "b")], {})
    assert (delete_b.released, director.problems) == (set(), [])


def test_marks_and_addresses_share_the_servers() -> None:
    director = started(virtual(), group("10.0.0.1", marks=({"fwmark": 5}, {"fwmark": 6, "ip_family": "inet"})), real("s2"))
    assert director.wanted().keys() == {key(), mark(5), mark(6)}


def test_a_group_of_both_families_takes_only_tunnels() -> None:
    both = group("10.0.0.1", "2001:db8::1", marks=({"fwmark": 5, "ip_family": "inet6"},))
    director = started(virtual(lb_kind="tun"), both, real("s2"), real("s3", lb_kind="nat"))
    assert [(p.key, p.field) for p in director.problems] == [("config/real_server/web/s3", "address")]
    assert director.wanted().keys() == {key(), key("2001:db8::1"), mark(5, INET6)}


def test_a_granularity_counts_for_services_of_its_family() -> None:
    both = group("10.0.0.1", "2001:db8::1")
    director = started(virtual(lb_kind="tun", persistence_granularity="255.255.255.0"), both)
    assert {k.family: e.service.netmask for k, e in director.wanted().items()} == {2: 24, INET6: 128}


@pytest.mark.parametrize(
    ("ports", "kind", "given", "port"),
    [
        ((80, 80), "nat", None, 0), ((80, 443), "nat", None, 0), ((80, 443), "nat", 8080, 8080),
        ((80, 80), "dr", None, 80), ((80, 443), "dr", None, 0), ((80, 443), "tun", 80, 0), ((80, 80), "tun", 8080, 80),
    ],
)  # fmt: skip
def test_the_ports_of_servers_fit_all_services_of_their_group(
    ports: tuple[int, int], kind: str, given: int | None, port: int
) -> None:
    found = group(("10.0.0.1", ports[0]), ("10.0.0.2", ports[1]))
    more = {} if given is None else {"port": given}
    director = started(virtual(lb_kind=kind), found, real("s2", **more))
    assert director.problems == []
    assert {p.port for e in director.wanted().values() for p in e.destinations} == {port}


def test_the_cross_product_has_a_limit_that_says_so() -> None:
    servers = [real(f"s{n}", f"10.1.{n // 250}.{n % 250 + 1}") for n in range(PLACES_MAX // SERVICES_MAX + 1)]
    director = started(virtual(), group("10.0.0.0-10.0.15.255"), *servers)
    (problem,) = director.problems
    assert "4096 services of 65 servers each would be 266240 entries" in problem.reason
    assert len(next(iter(director.wanted().values())).destinations) == 64


def test_what_the_kernel_has_of_a_group_is_adopted() -> None:
    director = Director()
    seen = table([(service(key("10.0.0.2")), [server("10.0.1.2", 7, 0)])])
    put(director, virtual(), group("10.0.0.1-2"), real("s2"), actual=seen)
    assert {d.weight for e in director.wanted().values() for d in e.destinations.values()} == {7}


def test_a_server_that_comes_later_is_adopted_too() -> None:
    director = started(virtual(), group("10.0.0.1-2"), real("s2"))
    seen = table([(service(key("10.0.0.2")), [server("10.0.1.3", 5, 0)])])
    work = put(director, real("s3"), actual=seen)
    assert set(work.places) == {key(), key("10.0.0.2")}
    assert director.wanted()[key()].destinations[place("10.0.1.3", 0)].weight == 5


numbers = st.sets(st.integers(1, 9), min_size=1)


@given(st.lists(st.tuples(st.sampled_from("ab"), numbers), min_size=1, max_size=8))
def test_after_any_edits_of_two_groups_the_services_are_those_of_a_fresh_start(edits: list[tuple[str, set[int]]]) -> None:
    objects = [virtual("va", group="a"), virtual("vb", group="b"), real("s2", of="va"), real("s3", of="vb")]
    stepped = started(*objects)
    last = {}
    for name, some in edits:
        last[name] = group(*(f"10.0.0.{n}" for n in sorted(some)), name=name)
        put(stepped, last[name])
    fresh = started(*objects, *last.values())
    assert stepped.wanted().keys() == fresh.wanted().keys()
    for name in ("va", "vb"):
        assert all(stepped.holder(k) == name for k in stepped.keys(name))
    both = [set(stepped.keys("va")), set(stepped.keys("vb"))]
    assert not both[0] & both[1]
