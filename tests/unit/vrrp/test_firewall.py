"""The table of no_accept as nft reads it."""

from __future__ import annotations

from typing import Any

from services.vrrp.agent.firewall import ruleset
from services.vrrp.config.resolve import resolve
from services.vrrp.config.settings import DECODERS


def table(**instances: dict[str, Any]) -> str:
    objects = {}
    for number, (name, more) in enumerate(instances.items(), 1):
        value = {"interface": "eth0", "virtual_router_id": number} | more
        objects["vrrp_instance", name] = DECODERS["vrrp_instance"](name, value)
    return ruleset(resolve(objects).routers.values())


def rules(hook: str, **instances: dict[str, Any]) -> list[str]:
    """The rules of a chain, without its head."""
    _, found, chain = table(**instances).partition(f"  chain no_accept_{hook} {{\n")
    return [line.strip() for line in chain.partition("  }\n")[0].splitlines()[1:]] if found else []


def rows(*addresses: str) -> list[dict[str, str]]:
    return [{"address": address} for address in addresses]


def test_who_accepts_needs_no_table() -> None:
    assert table() == ""
    assert table(a={"virtual_ipaddress": rows("192.0.2.1")}) == ""
    assert table(a={"virtual_ipaddress": rows("192.0.2.1"), "accept": False, "priority": 255}) == ""
    assert table(a={"accept": False}) == ""


def test_packets_to_the_addresses_of_one_that_does_not_are_dropped() -> None:
    one = {"virtual_ipaddress": rows("192.0.2.1/24", "192.0.2.2"), "accept": False}
    both = {"a": one, "b": {"virtual_ipaddress": rows("192.0.2.9")}}
    assert rules("input", **both) == ["ip daddr { 192.0.2.1, 192.0.2.2 } drop"]
    assert rules("output", **both) == []
    assert table(a=one).splitlines()[:3] == [
        "table inet vipkeeper {",
        "  chain no_accept_input {",
        "    type filter hook input priority -1; policy accept;",
    ]


def test_excluded_addresses_count_and_neighbours_are_discovered_all_the_same() -> None:
    one = {
        "virtual_ipaddress": rows("fe80::1", "2001:db8::1"),
        "virtual_ipaddress_excluded": rows("192.0.2.1"),
        "accept": False,
    }
    four, discovery, *six = rules("input", a=one)
    assert four == "ip daddr { 192.0.2.1 } drop"
    assert discovery == "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept"
    assert six == ["ip6 daddr { 2001:db8::1 } drop", 'iifname . ip6 daddr { "eth0" . fe80::1 } drop']
    assert rules("output", a=one) == [
        discovery,
        "ip6 saddr { 2001:db8::1 } drop",
        'oifname . ip6 saddr { "eth0" . fe80::1 } drop',
    ]
