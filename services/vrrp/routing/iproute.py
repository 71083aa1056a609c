"""What do the words of iproute2's grammar mean? What lines of routes and of rules have in common.

Numbers are the kernel's (linux/rtnetlink.h). Names are those that every machine's tables have; a name out of a machine's own
/etc/iproute2 is for whoever reads a keepalived.conf there: a configuration that many nodes share has its number.
"""

from __future__ import annotations

from collections.abc import Mapping

from services.common.errors import InvalidValue

INET, INET6 = 2, 10  # address families
KEEPALIVED = 18  # RTPROT_KEEPALIVED
TABLES = {"default": 253, "main": 254, "local": 255}
PROTOCOLS = {
    "redirect": 1,
    "kernel": 2,
    "boot": 3,
    "static": 4,
    "gated": 8,
    "ra": 9,
    "mrt": 10,
    "zebra": 11,
    "bird": 12,
    "dnrouted": 13,
    "xorp": 14,
    "ntk": 15,
    "dhcp": 16,
    "keepalived": KEEPALIVED,
    "babel": 42,
    "openr": 99,
    "bgp": 186,
    "isis": 187,
    "ospf": 188,
    "rip": 189,
    "eigrp": 192,
}
IP_PROTOCOLS = {
    "icmp": 1,
    "igmp": 2,
    "ipip": 4,
    "tcp": 6,
    "udp": 17,
    "dccp": 33,
    "gre": 47,
    "esp": 50,
    "ah": 51,
    "ipv6-icmp": 58,
    "icmpv6": 58,
    "ospf": 89,
    "vrrp": 112,
    "sctp": 132,
    "udplite": 136,
}
EVERYTHING = frozenset({"default", "any", "all"})
MAX = 2**32 - 1


class Words:
    """The words of one line, taken one by one; every complaint names the word that it is about."""

    def __init__(self, text: str, field: str) -> None:
        self.text = " ".join(text.split())
        self.field = field
        self._rest = self.text.split()[::-1]
        self._family = 0
        if not self._rest:
            raise self.wrong("is empty: expected a line as in ip-route(8) or ip-rule(8)")

    def __bool__(self) -> bool:
        return bool(self._rest)

    @property
    def next(self) -> str:
        """The word that comes next; empty at the end."""
        return self._rest[-1] if self._rest else ""

    def take(self) -> str:
        return self._rest.pop()

    def skip(self, *words: str) -> str:
        """Take the next word if it is one of these."""
        return self.take() if self._rest and self._rest[-1] in words else ""

    def value(self, option: str, expected: str) -> str:
        """The word after an option."""
        if not self._rest:
            raise self.wrong(f"{option}: expected {expected} after it, got the end of the line")
        return self.take()

    def wrong(self, reason: str, hint: str = "") -> InvalidValue:
        return InvalidValue(self.field, reason, hint)

    def number(self, option: str, low: int = 0, high: int = MAX) -> int:
        """A number as C has it: decimal, 0x hexadecimal, or octal with a leading 0."""
        expected = f"a number from {low} to {high}"
        word = self.value(option, expected)
        found = number(word)
        if found is None or not low <= found <= high:
            raise self.wrong(f"{option}: expected {expected}, got {word!r}")
        return found

    def named(self, option: str, names: Mapping[str, int], high: int) -> int:
        """A number, or one of these names."""
        word = self.value(option, "a number or a name")
        found = names.get(word, number(word))
        if found is None or not 0 <= found <= high:
            hint = f"known names are {', '.join(names)}; others only by number"
            raise self.wrong(f"{option}: expected a number from 0 to {high} or a name, got {word!r}", hint)
        return found

    def dsfield(self, option: str) -> int:
        """A type of service: a number as C has it, as in keepalived (ip-route(8) takes 10 for 0x10)."""
        found = self.number(option, 0, 255)
        if found & 3:
            raise self.wrong(
                f"{option}: {found:#04x} has the bits of ECN, which the kernel refuses", "the lowest two bits are 0"
            )
        return found

    def realms(self, option: str) -> int:
        """`[SOURCE/]DESTINATION`, two numbers in one."""
        word = self.value(option, "[SOURCE/]DESTINATION")
        first, slash, second = word.partition("/")
        parts = [number(first), number(second)] if slash else [0, number(first)]
        if any(part is None or not 0 <= part <= 0xFFFF for part in parts):
            raise self.wrong(f"{option}: expected [SOURCE/]DESTINATION, numbers up to 65535, got {word!r}")
        return (parts[0] or 0) << 16 | (parts[1] or 0)

    def interface(self, option: str) -> str:
        word = self.value(option, "the name of an interface")
        if len(word.encode()) > 15 or "/" in word:
            raise self.wrong(f"{option}: {word!r} cannot be an interface: at most 15 bytes and no slash")
        return word

    def address(self, option: str, settles: bool = True) -> bytes:
        """`[inet|inet6] ADDRESS`; unless told otherwise it settles the family of the line."""
        word = self.value(option, "an address")
        if word in ("inet", "inet6"):
            word = self.value(option, "an address")
        found = self._packed(option, word)
        if settles:
            self.settle(INET6 if ":" in word else INET, word)
        return found

    def prefix(self, option: str, word: str = "") -> tuple[bytes, int]:
        """`ADDRESS[/LENGTH]`, or default: no bytes and length 0; it settles the family of the line."""
        word = word or self.value(option, "ADDRESS[/LENGTH]")
        if word in EVERYTHING:
            return b"", 0
        if word == "default6":
            self.settle(INET6, word)
            return b"", 0
        address, slash, length = word.partition("/")
        family = INET6 if ":" in address else INET
        packed = self._packed(option, address)
        self.settle(family, word)
        bits = len(packed) * 8
        if slash and not (length.isascii() and length.isdigit() and len(length) < 4 and int(length) <= bits):
            raise self.wrong(f"{option}: expected a prefix length of 0 to {bits} after the slash, got {word!r}")
        return packed, int(length) if slash else bits

    @property
    def family(self) -> int:
        """What the line's addresses and words say; IPv4 where nothing says."""
        return self._family or INET

    def settle(self, family: int, word: str) -> None:
        """`word` belongs to this family, and so does the line."""
        if self._family and self._family != family:
            raise self.wrong(f"{word!r} is of another address family than what stands before it")
        self._family = family

    def _packed(self, option: str, word: str) -> bytes:
        found = packed(word)
        if found is None:
            raise self.wrong(f"{option}: expected an address, got {word!r}")
        return found


def number(word: str) -> int | None:
    """A whole number in C's notation, or None."""
    try:
        return int(word, 8) if word[:1] == "0" and word.isdigit() else int(word, 0)
    except ValueError:
        return None


def packed(word: str) -> bytes | None:
    """The bytes of an address of either family, or None."""
    if ":" in word:
        import ipaddress  # only where there is one: it would cost the engine's start milliseconds

        try:
            return ipaddress.IPv6Address(word).packed
        except ValueError:
            return None
    parts = word.split(".")
    if len(parts) == 4 and all(p.isascii() and p.isdigit() and len(p) < 4 and int(p) < 256 for p in parts):
        return bytes(map(int, parts))
    return None
