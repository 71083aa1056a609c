"""Which packets to virtual addresses are dropped, and how is that said to nft? The table of no_accept, as text. Core.

The table is there whether an instance is master or not: only packets to addresses that this machine has come to its input
chain, so a backup's rules match nothing, and no takeover has to wait for a rule. As keepalived has it, link-local addresses
count on their own interface alone, and nothing leaves from an IPv6 address either, while an IPv4 one may have been chosen
for a connection. Neighbour discovery goes on (RFC 9568 section 6.4.3), ARP is not IP's anyway.
"""

from __future__ import annotations

from collections.abc import Iterable

from services.vrrp.addresses import family, link_local
from services.vrrp.config.resolve import RouterSettings

TABLE = "inet vipkeeper"
PRIORITY = -1  # just before the filters of others, as keepalived's
GONE = f"add table {TABLE}\ndelete table {TABLE}\n"  # also where it is not there; one transaction with what follows
DISCOVERY = "{ nd-neighbor-solicit, nd-neighbor-advert }"


def ruleset(routers: Iterable[RouterSettings]) -> str:
    """The table as input of `nft -f -`, to be put after GONE; empty where every instance accepts."""
    rows = [row for router in routers if not router.accept for row in router.addresses + router.excluded]
    four = sorted({row.address for row in rows if family(row.address) == 4})
    six = sorted({row.address for row in rows if family(row.address) == 6 and not link_local(row.address)})
    near = sorted({(row.dev, row.address) for row in rows if link_local(row.address)})
    incoming = _rules("daddr", "iifname", six, near)
    if four:
        incoming.insert(0, f"ip daddr {{ {', '.join(four)} }} drop")
    chains = [("input", incoming), ("output", _rules("saddr", "oifname", six, near))]
    text = "".join(_chain(hook, rules) for hook, rules in chains if rules)
    return f"table {TABLE} {{\n{text}}}\n" if text else ""


def _rules(end: str, interface: str, addresses: list[str], near: list[tuple[str, str]]) -> list[str]:
    """What is dropped of IPv6 to or from these addresses, and to or from link-local ones on their interfaces."""
    rules = [f"icmpv6 type {DISCOVERY} accept"] if addresses or near else []
    if addresses:
        rules.append(f"ip6 {end} {{ {', '.join(addresses)} }} drop")
    if near:
        pairs = ", ".join(f'"{dev}" . {address}' for dev, address in near)
        rules.append(f"{interface} . ip6 {end} {{ {pairs} }} drop")
    return rules


def _chain(hook: str, rules: list[str]) -> str:
    head = f"type filter hook {hook} priority {PRIORITY}; policy accept;"
    lines = "".join(f"    {line}\n" for line in (head, *rules))
    return f"  chain no_accept_{hook} {{\n{lines}  }}\n"
