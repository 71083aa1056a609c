"""What does `encap` of a route mean? Tunnels without an interface (linux/lwtunnel.h), as keepalived.conf lines have them.

The words and their order of meaning are keepalived's: a word that is none of the tunnel's options ends them, and stands for
the route again. Knows no sockets, files or interfaces.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import pack
from typing import NamedTuple

from services.vrrp.routing.iproute import Words, number

MPLS, IP, ILA, IP6 = 1, 2, 3, 4  # LWTUNNEL_ENCAP_*
KINDS = {"ip": IP, "ip6": IP6, "mpls": MPLS, "ila": ILA}
ID, DESTINATION, SOURCE, TTL, TOS, FLAGS = range(1, 7)  # LWTUNNEL_IP_*, and LWTUNNEL_IP6_* alike
LABELS = LOCATOR = 1  # MPLS_IPTUNNEL_DST, ILA_ATTR_LOCATOR
HEXADECIMAL = frozenset("0123456789abcdefABCDEF")
BOTTOM, LABEL_SHIFT, MOST_LABEL = 0x100, 12, 2**20 - 1  # of an MPLS label stack entry (RFC 3032)


class Encap(NamedTuple):
    """A tunnel that a route's packets go into: its kind, and the kernel's number and value of each attribute."""

    type: int
    attributes: tuple[tuple[int, bytes], ...]


def read_encap(words: Words) -> Encap:
    """The words behind `encap`, such as "ip id 100 dst 192.0.2.1 ttl 64" or "mpls 100/200".

    :raises InvalidValue: another kind of tunnel, or a value that cannot be used.
    """
    kind = words.value("encap", ", ".join(KINDS))
    if kind not in KINDS:
        raise words.wrong(f"encap: expected {', '.join(KINDS)}, got {kind!r}", "keepalived knows no others")
    if kind == "mpls":
        return Encap(MPLS, ((LABELS, _labels(words)),))
    if kind == "ila":
        return Encap(ILA, ((LOCATOR, _locator(words)),))
    return _ip(words, kind)


def _ip(words: Words, kind: str) -> Encap:
    found: dict[int, bytes] = {}
    options = OPTIONS[kind]
    while words.next in options:
        option = words.take()
        attribute, read = options[option]
        if attribute in found:
            raise words.wrong(f"encap {kind}: {option} is given twice")
        found[attribute] = read(words, f"encap {kind} {option}")
    if not found:
        raise words.wrong(f"encap {kind}: expected {', '.join(options)} after it, got {words.next or 'the end of the line'!r}")
    return Encap(KINDS[kind], tuple(sorted(found.items())))


def _labels(words: Words) -> bytes:
    """LABEL[/LABEL...], the outermost first, as a stack of MPLS headers."""
    word = words.value("encap mpls", "LABEL[/LABEL...]")
    labels = [number(part) for part in word.split("/")]
    if any(label is None or not 0 <= label <= MOST_LABEL for label in labels):
        raise words.wrong(f"encap mpls: expected labels of 0 to {MOST_LABEL} with slashes between them, got {word!r}")
    entries = [(label or 0) << LABEL_SHIFT for label in labels]
    entries[-1] |= BOTTOM
    return pack(f">{len(entries)}I", *entries)


def _locator(words: Words) -> bytes:
    """The upper half of an IPv6 address: four groups of hexadecimal digits."""
    word = words.value("encap ila", "a locator such as 2001:db8:1:1")
    groups = word.split(":")
    if len(groups) != 4 or not all(0 < len(group) < 5 and set(group) <= HEXADECIMAL for group in groups):
        raise words.wrong(f"encap ila: expected a locator such as 2001:db8:1:1, got {word!r}")
    return pack(">4H", *(int(group, 16) for group in groups))


def _identifier(words: Words, option: str) -> bytes:
    return pack(">Q", words.number(option, 0, 2**64 - 1))


def _octet(words: Words, option: str) -> bytes:
    return pack("B", words.number(option, 0, 255))


def _flags(words: Words, option: str) -> bytes:
    """Tunnel flags in the machine's own order, as keepalived sends them, though the kernel reads the network's."""
    return pack("=H", words.number(option, 0, 0xFFFF))


def _address_of(size: int) -> Callable[[Words, str], bytes]:
    def read(words: Words, option: str) -> bytes:
        found = words.address(option, settles=False)
        if len(found) != size:
            raise words.wrong(f"{option}: expected an address of IPv{4 if size == 4 else 6}")
        return found

    return read


OPTIONS: dict[str, dict[str, tuple[int, Callable[[Words, str], bytes]]]] = {
    "ip": {
        "id": (ID, _identifier),
        "dst": (DESTINATION, _address_of(4)),
        "src": (SOURCE, _address_of(4)),
        "tos": (TOS, _octet),
        "ttl": (TTL, _octet),
        "flags": (FLAGS, _flags),
    },
    "ip6": {
        "id": (ID, _identifier),
        "dst": (DESTINATION, _address_of(16)),
        "src": (SOURCE, _address_of(16)),
        "tc": (TOS, _octet),
        "hoplimit": (TTL, _octet),
        "flags": (FLAGS, _flags),
    },
}
