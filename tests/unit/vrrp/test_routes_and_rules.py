"""Lines of routes and rules: what each word becomes, and which word a complaint names."""

from __future__ import annotations

import pytest

from services.common.errors import InvalidValue
from services.vrrp.routing.encap import DESTINATION, ID, IP, SOURCE, TTL, Encap
from services.vrrp.routing.iproute import INET, INET6
from services.vrrp.routing.routes import (
    BLACKHOLE,
    CONGCTL,
    CWND,
    FEATURES,
    LOCAL,
    MTU,
    RTO_MIN,
    RTT,
    UNICAST,
    Nexthop,
    parse_route,
)
from services.vrrp.routing.rules import GOTO, NOP, TO_TABLE, parse_rule

GATEWAY = bytes([10, 0, 0, 1])


def test_a_route_has_everything_that_the_kernel_wants_to_know() -> None:
    route = parse_route("192.168.3.0/24 via 10.0.0.1 dev eth0 table 5", "virtual_routes[0]")
    assert (route.family, route.destination, route.prefix) == (INET, bytes([192, 168, 3, 0]), 24)
    assert (route.type, route.table, route.protocol, route.scope) == (UNICAST, 5, 18, 0)
    assert (route.gateway, route.dev, route.action) == (GATEWAY, "eth0", "prepend")
    assert route.text == "192.168.3.0/24 via 10.0.0.1 dev eth0 table 5"


@pytest.mark.parametrize(
    "text",
    [
        "10.1.0.0/16 via 10.0.0.1 dev eth0 metric 7",
        "to 10.1.0.0/16 oif eth0 gw 10.0.0.1 priority 7",
        "inet unicast  10.1.0.0/16 preference 7 via inet 10.0.0.1 dev eth0 protocol keepalived",
        "to unicast 10.1.0.0/16 scope global table main metric 0x7 via 10.0.0.1 dev eth0",
        "10.1.0.0/16 via 10.0.0.1 dev eth0 metric 7 no_track table 254 prepend",
    ],
)
def test_lines_that_say_the_same_are_the_same_route(text: str) -> None:
    assert parse_route(text, "x").identity == parse_route("10.1.0.0/16 via 10.0.0.1 dev eth0 metric 7", "x").identity


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("10.1.0.0/16 dev eth0", 253),
        ("10.1.0.0/16 via 10.0.0.1", 0),
        ("local 10.1.0.1 dev eth0", 254),
        ("broadcast 10.1.0.1 dev eth0", 253),
        ("blackhole 10.1.0.0/16", 0),
        ("10.1.0.0/16 dev eth0 scope site", 200),
        ("2001:db8::/32 dev eth0", 0),
        ("10.1.0.0/16 nexthop via 10.0.0.1 nexthop via 10.0.0.2", 0),
    ],
)
def test_a_scope_that_is_not_given_follows_from_the_type_and_the_gateway(text: str, scope: int) -> None:
    assert parse_route(text, "x").scope == scope


def test_metrics_are_numbers_of_the_kernel_and_may_be_locked() -> None:
    route = parse_route(
        "10.0.0.0/8 dev eth0 mtu lock 1400 rtt 20ms rto_min 1s cwnd 5 features ecn congctl lock reno realms 7/0x14", "x"
    )
    assert dict(route.metrics) == {MTU: 1400, RTT: 160, RTO_MIN: 1000, CWND: 5, FEATURES: 1, CONGCTL: "reno"}
    assert route.locked == 1 << MTU | 1 << CONGCTL
    assert route.realms == 7 << 16 | 0x14
    assert dict(parse_route("10.0.0.0/8 dev eth0 rtt 20", "x").metrics) == {RTT: 20}


def test_nexthops_and_the_old_or_are_several_ways() -> None:
    route = parse_route("10.0.0.0/8 table 300 nexthop via 10.0.0.1 dev eth0 onlink nexthop dev eth1 weight 3 realms 4", "x")
    assert route.nexthops == (Nexthop(GATEWAY, "eth0", onlink=True), Nexthop(b"", "eth1", 3, realms=4))
    assert route.devices == ("eth0", "eth1")
    old = parse_route("10.0.0.0/8 via 10.0.0.1 or 10.0.0.2 dev eth0", "x")
    assert old.nexthops == (Nexthop(GATEWAY, "eth0"), Nexthop(bytes([10, 0, 0, 2]), "eth0"))


def test_ipv6_routes_take_their_family_from_an_address_or_a_word() -> None:
    route = parse_route("from 2001:db8::/32 to 2001:db8:1::/48 via fe80::1 dev eth0 expires 60 pref high", "x")
    assert (route.family, route.prefix, route.expires, route.preference) == (INET6, 48, 60, 1)
    assert route.origin[1] == 32
    assert parse_route("inet6 default dev eth0", "x").family == INET6
    assert parse_route("default6 dev eth0", "x").family == INET6
    assert parse_route("default dev eth0", "x").family == INET
    assert parse_route("any via 10.0.0.1", "x").prefix == 0


def test_a_route_may_have_a_source_and_a_gateway_out_of_reach() -> None:
    route = parse_route("src 192.0.2.10 to 10.0.0.0/8 via 10.0.0.1 dev eth0 onlink", "x")
    assert (route.source, route.onlink) == (bytes([192, 0, 2, 10]), True)


def test_static_rows_name_their_track_group() -> None:
    assert parse_route("blackhole 10.0.0.0/8 track_group G", "x").track_group == "G"
    assert parse_rule("table 5 priority 5 track_group G", "x").track_group == "G"


def test_an_ipv4_route_may_lead_over_an_ipv6_gateway() -> None:
    route = parse_route("10.0.0.0/8 via inet6 fe80::1 dev eth0", "x")
    assert (route.family, len(route.gateway)) == (INET, 16)


def test_a_tunnel_ends_where_the_words_are_the_routes_again() -> None:
    route = parse_route("10.0.0.0/8 encap ip ttl 0x10 id 7 src 10.0.0.1 dst 10.0.0.2 via 10.0.0.1 tos 8", "x")
    assert route.encap == Encap(
        IP, ((ID, bytes(7) + b"\7"), (DESTINATION, bytes([10, 0, 0, 2])), (SOURCE, GATEWAY), (TTL, b"\x10"))
    )
    assert (route.gateway, route.tos) == (GATEWAY, 8)
    other = parse_route("10.0.0.0/8 encap ip6 dst fd00::1 tos 8 via 10.0.0.1", "x")
    assert other.tos == 8
    assert other.identity != parse_route("10.0.0.0/8 tos 8 via 10.0.0.1", "x").identity
    assert parse_route("2001:db8::/32 encap ip dst 10.0.0.1 via fd00::1", "x").family == INET6


def test_of_a_table_and_a_vrf_the_one_that_stands_behind_the_other_holds() -> None:
    assert parse_route("10.0.0.0/8 dev eth0 table 70 vrf blue", "x").vrf == "blue"
    route = parse_route("10.0.0.0/8 dev eth0 vrf blue table 70", "x")
    assert (route.vrf, route.table) == ("", 70)


def test_a_route_of_a_vrf_goes_and_comes_with_it() -> None:
    route = parse_route("10.0.0.0/8 dev eth0 vrf blue", "x")
    assert route.devices == ("blue", "eth0")
    assert route.depends_on("blue")
    assert not route.depends_on("eth1")
    assert parse_route("10.0.0.0/8 via 10.0.0.1 vrf blue", "x").depends_on("eth1")
    assert route.tracked_interfaces == ("eth0",)
    assert route.place != parse_route("10.0.0.0/8 dev eth0", "x").place


def test_types_that_lead_nowhere_need_no_gateway() -> None:
    assert parse_route("blackhole 10.0.0.0/8", "x").type == BLACKHOLE
    assert parse_route("to local 10.0.0.1 dev lo", "x").type == LOCAL


def test_which_interfaces_a_route_depends_on() -> None:
    assert parse_route("10.0.0.0/8 dev eth1", "x").tracked_interfaces == ("eth1",)
    assert parse_route("10.0.0.0/8 dev eth1 no_track", "x").tracked_interfaces == ()
    assert parse_route("10.0.0.0/8 nexthop dev eth1 nexthop dev eth2", "x").tracked_interfaces == ()
    assert parse_route("10.0.0.0/8 via 10.0.0.1", "x").depends_on("eth7")
    assert parse_route("10.0.0.0/8 via 10.0.0.1 dev eth0", "x").depends_on("eth0")
    assert not parse_route("10.0.0.0/8 dev eth0", "x").depends_on("eth7")
    assert not parse_route("blackhole 10.0.0.0/8", "x").depends_on("eth7")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("via 10.0.0.1", "no destination"),
        ("10.0.0.0/8", "leads nowhere"),
        ("10.0.0.1/8 dev eth0", "bits beyond its prefix length 8"),
        ("10.0.0.0/33 dev eth0", "a prefix length of 0 to 32"),
        ("2001:db8::/129 dev eth0", "a prefix length of 0 to 128"),
        ("10.0.0.256 dev eth0", "'10.0.0.256'"),
        ("2001:zz::/32 dev eth0", "expected an address, got '2001:zz::'"),
        ("10.0.0.0/8 to 10.1.0.0/16 dev eth0", "given twice"),
        ("10.0.0.0/8 via x", "via: expected an address, got 'x'"),
        ("10.0.0.0/8 via", "via: expected an address after it, got the end of the line"),
        ("10.0.0.0/8 via inet6", "via: expected an address after it"),
        ("10.0.0.0/8 dev", "dev: expected the name of an interface"),
        ("10.0.0.0/8 dev a/b", "dev: 'a/b' cannot be an interface"),
        ("10.0.0.0/8 dev eth0 frobnicate", "unexpected word 'frobnicate'"),
        ("10.0.0.0/8 dev eth0 encap", "encap: expected ip, ip6, mpls, ila after it"),
        ("10.0.0.0/8 dev eth0 encap seg6 mode encap", "encap: expected ip, ip6, mpls, ila, got 'seg6'"),
        (
            "10.0.0.0/8 dev eth0 encap ip",
            "encap ip: expected id, dst, src, tos, ttl, flags after it, got 'the end of the line'",
        ),
        ("10.0.0.0/8 dev eth0 encap ip tc 5", "after it, got 'tc'"),
        ("10.0.0.0/8 dev eth0 encap ip6 dst 10.0.0.1", "encap ip6 dst: expected an address of IPv6"),
        ("10.0.0.0/8 dev eth0 encap ip src fd00::1", "encap ip src: expected an address of IPv4"),
        ("10.0.0.0/8 dev eth0 encap ip ttl 256", "encap ip ttl: expected a number from 0 to 255"),
        ("10.0.0.0/8 dev eth0 encap ip id 5 id 6", "encap ip: id is given twice"),
        ("10.0.0.0/8 dev eth0 encap mpls 5/1048576", "expected labels of 0 to 1048575"),
        ("10.0.0.0/8 dev eth0 encap mpls 5/", "expected labels of 0 to 1048575"),
        ("10.0.0.0/8 dev eth0 encap ila 5", "expected a locator such as 2001:db8:1:1, got '5'"),
        ("10.0.0.0/8 dev eth0 encap ila 1:2:3:x", "expected a locator"),
        ("10.0.0.0/8 dev eth0 encap mpls 5 encap mpls 6", "encap is given twice"),
        ("10.0.0.0/8 dev eth0 ttl-propagate 5", "ttl-propagate: expected enabled or disabled, got '5'"),
        ("10.0.0.0/8 dev eth0 vrf", "vrf: expected the name of an interface"),
        ("10.0.0.0/8 dev eth0 as to 10.0.0.1", "as is for MPLS routes only"),
        ("10.0.0.0/8 dev eth0 table small", "table: expected a number from 0 to 4294967295 or a name, got 'small'"),
        ("10.0.0.0/8 dev eth0 protocol 256", "protocol: expected a number from 0 to 255"),
        ("10.0.0.0/8 dev eth0 metric x", "metric: expected a number from 0 to 4294967295, got 'x'"),
        ("10.0.0.0/8 dev eth0 mtu lock", "mtu: expected a number"),
        ("10.0.0.0/8 dev eth0 quickack 2", "quickack: expected a number from 0 to 1"),
        ("10.0.0.0/8 dev eth0 rtt 5parsec", "rtt: expected a time"),
        ("10.0.0.0/8 dev eth0 rtt infs", "rtt: expected a time"),
        ("10.0.0.0/8 dev eth0 features frob", "features: expected ecn"),
        ("10.0.0.0/8 dev eth0 realms 70000", "realms: expected [SOURCE/]DESTINATION"),
        ("10.0.0.0/8 dev eth0 tos 0x11", "tos: 0x11 has the bits of ECN"),
        ("10.0.0.0/8 dev eth0 tos 300", "tos: expected a number from 0 to 255"),
        ("10.0.0.0/8 via fe80::1", "'fe80::1' is of another address family"),
        ("inet6 10.0.0.0/8 dev eth0", "another address family"),
        ("10.0.0.0/8 via 10.0.0.1 nexthop dev eth0", "both via and nexthop"),
        ("10.0.0.0/8 nexthop weight 3", "nexthop: expected via ADDRESS or dev INTERFACE"),
        ("10.0.0.0/8 nexthop dev eth0 weight 257", "weight: expected a number from 1 to 256"),
        ("10.0.0.0/8 nexthop dev eth0 no_track", "put it before the first nexthop"),
        ("10.0.0.0/8 nexthop dev eth0 mtu 5", "'mtu' is no option of a nexthop"),
        ("10.0.0.0/8 nexthop dev eth0 encap gre 5", "encap: expected ip, ip6, mpls, ila"),
        ("blackhole 10.0.0.0/8 via 10.0.0.1", "leads nowhere has no gateway"),
        ("10.0.0.0/8 dev eth0 expires 5", "for IPv6 routes only"),
        ("2001:db8::/32 dev eth0 realms 5", "for IPv4 routes only"),
        ("2001:db8::/32 via inet 10.0.0.1", "another address family"),
        ("2001:db8::/32 nexthop via 10.0.0.1", "another address family"),
    ],
)
def test_a_line_that_cannot_be_used_is_refused_with_the_word_that_is_wrong(text: str, reason: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        parse_route(text, "virtual_routes[3]")
    assert refused.value.field == "virtual_routes[3]"
    assert reason in refused.value.reason + refused.value.hint


def test_a_rule_has_everything_that_the_kernel_wants_to_know() -> None:
    rule = parse_rule(
        "not from 192.168.28.0/24 to 192.168.29.0/26 lookup 77 iif eth0 oif eth1 tos 0x10 fwmark 24/12 preference 39"
        " realms 30/20 sup_pl 0 sup_group 5 tunnel-id 9 uidrange 5-7 ipproto UDP sport 10-20 dport 30 protocol 12",
        "x",
    )
    assert (rule.family, rule.priority, rule.action, rule.table, rule.invert) == (INET, 39, TO_TABLE, 77, True)
    assert rule.source == (bytes([192, 168, 28, 0]), 24)
    assert rule.destination == (bytes([192, 168, 29, 0]), 26)
    assert (rule.iif, rule.oif, rule.tos, rule.fwmark, rule.fwmask) == ("eth0", "eth1", 16, 24, 12)
    assert (rule.realms, rule.suppress_prefixlength, rule.suppress_ifgroup, rule.tunnel_id) == (30 << 16 | 20, 0, 5, 9)
    assert (rule.uidrange, rule.ipproto, rule.sport, rule.dport) == ((5, 7), 17, (10, 20), (30, 30))
    assert rule.protocol == 12
    assert rule.tracked_interfaces == ("eth0", "eth1")
    assert rule.devices == ()
    assert not rule.depends_on("eth0")


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("from all goto 40 priority 5", GOTO),
        ("nop priority 5", NOP),
        ("blackhole priority 5", 6),
        ("type unreachable priority 5", 7),
        ("l3mdev priority 5", TO_TABLE),
        ("inet6 from default table 5 order 5 no_track", TO_TABLE),
    ],
)
def test_a_rule_does_one_thing(text: str, action: int) -> None:
    rule = parse_rule(text, "x")
    assert (rule.action, rule.priority) == (action, 5)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("from 10.0.0.0/8 table 5", "has no priority"),
        ("from 10.0.0.0/8 priority 5", "does nothing"),
        ("from 10.0.0.0/8 goto 5 priority 5", "goto 5 is not behind its own priority 5"),
        ("goto 7 table 5 priority 5", "a rule does one thing only"),
        ("table 5 goto 7 priority 5", "a rule does one thing only"),
        ("l3mdev table 7 priority 5", "table: l3mdev says already which table"),
        ("table 7 l3mdev priority 5", "l3mdev: a table is given too"),
        ("l3mdev goto 7 priority 5", "a rule does one thing only"),
        ("type frob priority 5", "expected blackhole, unreachable or prohibit, got 'frob'"),
        ("type", "type: expected blackhole"),
        ("table 5 priority 5 frob", "unexpected word 'frob'"),
        ("from 2001:db8::/32 to 10.0.0.0/8 table 5 priority 5", "another address family"),
        ("table 5 priority 5 uidrange 7", "uidrange: expected LOW-HIGH"),
        ("table 5 priority 5 sport 20-10", "the range '20-10' is empty"),
        ("table 5 priority 5 sport 0-65536", "sport: expected a number from 1 to 65535"),
        ("table 5 priority 5 fwmark x", "fwmark: expected a number"),
        ("table 5 priority 5 fwmark 1/x", "fwmark: expected a number"),
        ("table 5 priority 5 ipproto frob", "ipproto: expected a number from 0 to 255 or a name"),
        ("", "is empty"),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused_with_the_word_that_is_wrong(text: str, reason: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        parse_rule(text, "virtual_rules[1]")
    assert refused.value.field == "virtual_rules[1]"
    assert reason in refused.value.reason + refused.value.hint
