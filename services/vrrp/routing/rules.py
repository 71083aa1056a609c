"""What does a line of `virtual_rules` or `static_rules` mean? iproute2's grammar as keepalived.conf(5) gives it.

Numbers are the kernel's (linux/fib_rules.h). Knows no sockets, files or interfaces.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from services.vrrp.routing.iproute import INET, INET6, IP_PROTOCOLS, KEEPALIVED, MAX, PROTOCOLS, TABLES, Words

TO_TABLE, GOTO, NOP = 1, 2, 3
ACTIONS = {"blackhole": 6, "unreachable": 7, "prohibit": 8}
PRIORITY_WORDS = frozenset({"preference", "order", "priority"})

_DEFAULTS = {
    "table": 0,
    "invert": False,
    "source": (b"", 0),
    "destination": (b"", 0),
    "tos": 0,
    "realms": 0,
    "iif": "",
    "oif": "",
    "l3mdev": False,
    "protocol": KEEPALIVED,
    "no_track": False,
    "track_group": "",
}


class Rule(NamedTuple):
    """One rule. Addresses are packed, empty where not given; ranges hold both ends; None: not given.

    `text` is the line as it was given.
    """

    family: int
    priority: int
    action: int
    table: int
    invert: bool
    source: tuple[bytes, int]
    destination: tuple[bytes, int]
    tos: int
    fwmark: int | None
    fwmask: int | None
    realms: int
    iif: str
    oif: str
    goto: int | None
    suppress_prefixlength: int | None
    suppress_ifgroup: int | None
    tunnel_id: int | None
    uidrange: tuple[int, int] | None
    l3mdev: bool
    protocol: int
    ipproto: int | None
    sport: tuple[int, int] | None
    dport: tuple[int, int] | None
    no_track: bool = False
    track_group: str = ""
    text: str = ""

    @property
    def identity(self) -> tuple[Any, ...]:
        """All that the kernel is told: rows that differ in nothing else are the same rule."""
        return self[:23]

    @property
    def place(self) -> tuple[Any, ...]:
        """Rules of one place are told apart by little."""
        return self.family, self.priority

    @property
    def devices(self) -> tuple[str, ...]:
        """None: a rule stays when an interface that it names goes, and may come before it."""
        return ()

    @property
    def tracked_interfaces(self) -> tuple[str, ...]:
        """Those without which it is of no use."""
        return () if self.no_track else tuple(name for name in (self.iif, self.oif) if name)

    def depends_on(self, interface: str) -> bool:
        """Never."""
        return False


def parse_rule(text: str, field: str) -> Rule:
    """One line, such as "from 192.168.2.0/24 table 1 priority 100".

    :raises InvalidValue: a word that has no place there, a value that cannot be used, or no priority.
    """
    return _Line(Words(text, field)).rule()


class _Line:
    """What has been read of a line."""

    def __init__(self, words: Words) -> None:
        self.words = words
        self.given: dict[str, Any] = {}

    def rule(self) -> Rule:
        words = self.words
        while words:
            word = words.take()
            option = _OPTIONS.get(word)
            if option is not None:
                option(self, word)
            else:
                raise words.wrong(f"unexpected word {word!r}", "options are those of keepalived.conf(5), without abbreviations")
        given = self.given
        if "priority" not in given:
            hint = "add priority NUMBER; keepalived would count down from 16384"
            raise words.wrong("has no priority: the order of the rules would depend on who becomes master first", hint)
        if "action" not in given:
            raise words.wrong("does nothing: expected table, goto, nop, l3mdev, blackhole, unreachable or prohibit")
        if given.get("goto") is not None and given["goto"] <= given["priority"]:
            raise words.wrong(f"goto {given['goto']} is not behind its own priority {given['priority']}")
        everything: dict[str, Any] = dict.fromkeys(Rule._fields) | _DEFAULTS | given
        return Rule(**everything | {"family": words.family, "text": words.text})

    # -- options

    def family(self, word: str) -> None:
        self.words.settle(INET6 if word == "inet6" else INET, word)

    def inverted(self, word: str) -> None:
        self.given["invert"] = True

    def source(self, word: str) -> None:
        self.given["source"] = self.words.prefix(word)

    def destination(self, word: str) -> None:
        self.given["destination"] = self.words.prefix(word)

    def table(self, word: str) -> None:
        self._acts(word, TO_TABLE)
        if self.given.get("l3mdev"):
            raise self.words.wrong(f"{word}: l3mdev says already which table: that of the packet's VRF")
        self.given["table"] = self.words.named(word, TABLES, MAX)

    def priority(self, word: str) -> None:
        self.given["priority"] = self.words.number(word, 1)

    def tos(self, word: str) -> None:
        self.given["tos"] = self.words.dsfield(word)

    def fwmark(self, word: str) -> None:
        mark = self.words.value(word, "MARK[/MASK]")
        words = Words(mark.replace("/", " ", 1), self.words.field)
        self.given["fwmark"] = words.number(word)
        if words:
            self.given["fwmask"] = words.number(word)

    def realms(self, word: str) -> None:
        self.given["realms"] = self.words.realms(word)

    def suppress_prefixlength(self, word: str) -> None:
        self.given["suppress_prefixlength"] = self.words.number(word, 0, 128)

    def suppress_ifgroup(self, word: str) -> None:
        self.given["suppress_ifgroup"] = self.words.named(word, {"default": 0}, 2**31 - 1)

    def iif(self, word: str) -> None:
        self.given["iif"] = self.words.interface(word)

    def oif(self, word: str) -> None:
        self.given["oif"] = self.words.interface(word)

    def tunnel_id(self, word: str) -> None:
        self.given["tunnel_id"] = self.words.number(word, 0, 2**64 - 1)

    def uidrange(self, word: str) -> None:
        self.given["uidrange"] = self._range(word, MAX, both=True)

    def l3mdev(self, word: str) -> None:
        self._acts(word, TO_TABLE)
        if "table" in self.given:
            raise self.words.wrong(f"{word}: a table is given too, and l3mdev means that of the packet's VRF")
        self.given["l3mdev"] = True

    def protocol(self, word: str) -> None:
        self.given["protocol"] = self.words.named(word, PROTOCOLS, 255)

    def ipproto(self, word: str) -> None:
        names = IP_PROTOCOLS | {name.upper(): value for name, value in IP_PROTOCOLS.items()}
        self.given["ipproto"] = self.words.named(word, names, 255)

    def sport(self, word: str) -> None:
        self.given["sport"] = self._range(word, 65535)

    def dport(self, word: str) -> None:
        self.given["dport"] = self._range(word, 65535)

    def goto(self, word: str) -> None:
        self._acts(word, GOTO)
        self.given["goto"] = self.words.number(word, 1)

    def nop(self, word: str) -> None:
        self._acts(word, NOP)

    def action(self, word: str) -> None:
        kind = self.words.value(word, "blackhole, unreachable or prohibit") if word == "type" else word
        if kind not in ACTIONS:
            raise self.words.wrong(f"{word}: expected blackhole, unreachable or prohibit, got {kind!r}")
        self._acts(kind, ACTIONS[kind])

    def no_track(self, word: str) -> None:
        self.given["no_track"] = True

    def track_group(self, word: str) -> None:
        self.given["track_group"] = self.words.value(word, "the name of a track_group")

    def _acts(self, word: str, action: int) -> None:
        if self.given.setdefault("action", action) != action:
            raise self.words.wrong(f"{word}: a rule does one thing only")

    def _range(self, option: str, high: int, both: bool = False) -> tuple[int, int]:
        word = self.words.value(option, "LOW-HIGH" if both else "NUMBER or LOW-HIGH")
        low, dash, last = word.partition("-")
        words = Words(f"{low} {last or low}", self.words.field)
        if (both and not dash) or not low:
            raise self.words.wrong(f"{option}: expected LOW-HIGH, got {word!r}")
        found = words.number(option, 0 if both else 1, high), words.number(option, 0 if both else 1, high)
        if found[0] > found[1]:
            raise self.words.wrong(f"{option}: the range {word!r} is empty")
        return found


_OPTIONS: dict[str, Callable[[_Line, str], None]] = {
    **dict.fromkeys(("inet", "inet6"), _Line.family),
    **dict.fromkeys(("table", "lookup"), _Line.table),
    **dict.fromkeys(PRIORITY_WORDS, _Line.priority),
    **dict.fromkeys(("tos", "dsfield"), _Line.tos),
    **dict.fromkeys(("suppress_prefixlength", "sup_pl"), _Line.suppress_prefixlength),
    **dict.fromkeys(("suppress_ifgroup", "sup_group"), _Line.suppress_ifgroup),
    **dict.fromkeys(("iif", "dev"), _Line.iif),
    **dict.fromkeys(("type", *ACTIONS), _Line.action),
    "not": _Line.inverted,
    "from": _Line.source,
    "to": _Line.destination,
    "fwmark": _Line.fwmark,
    "realms": _Line.realms,
    "oif": _Line.oif,
    "tunnel-id": _Line.tunnel_id,
    "uidrange": _Line.uidrange,
    "l3mdev": _Line.l3mdev,
    "protocol": _Line.protocol,
    "ipproto": _Line.ipproto,
    "sport": _Line.sport,
    "dport": _Line.dport,
    "goto": _Line.goto,
    "nop": _Line.nop,
    "no_track": _Line.no_track,
    "track_group": _Line.track_group,
}
