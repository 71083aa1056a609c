"""What does a line of `virtual_routes` or `static_routes` mean? iproute2's grammar as keepalived.conf(5) gives it.

Numbers are the kernel's (linux/rtnetlink.h, linux/route.h), so that a row needs no more than an interface's number to be sent.
Knows no sockets, files or interfaces.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from services.vrrp.routing.encap import Encap, read_encap
from services.vrrp.routing.iproute import INET, INET6, KEEPALIVED, MAX, PROTOCOLS, TABLES, Words

UNICAST, LOCAL, BROADCAST, ANYCAST, MULTICAST, BLACKHOLE, UNREACHABLE, PROHIBIT, THROW, NAT = range(1, 11)
TYPES = {
    "unicast": UNICAST,
    "local": LOCAL,
    "broadcast": BROADCAST,
    "brd": BROADCAST,
    "anycast": ANYCAST,
    "multicast": MULTICAST,
    "blackhole": BLACKHOLE,
    "unreachable": UNREACHABLE,
    "prohibit": PROHIBIT,
    "throw": THROW,
    "nat": NAT,
}
SCOPES = {"global": 0, "universe": 0, "site": 200, "link": 253, "host": 254, "nowhere": 255}
PREFERENCES = {"medium": 0, "high": 1, "low": 3}
SWITCH = {"disabled": 0, "enabled": 1}
ADD, PREPEND, APPEND = "add", "prepend", "append"
MTU, WINDOW, RTT, RTTVAR, SSTHRESH, CWND, ADVMSS, REORDERING, HOPLIMIT, INITCWND, FEATURES = range(2, 13)
RTO_MIN, INITRWND, QUICKACK, CONGCTL, FASTOPEN_NO_COOKIE = range(13, 18)
METRICS = {  # word: the kernel's number, the largest value
    "mtu": (MTU, MAX),
    "hoplimit": (HOPLIMIT, 255),
    "advmss": (ADVMSS, MAX),
    "reordering": (REORDERING, MAX),
    "window": (WINDOW, MAX),
    "cwnd": (CWND, MAX),
    "ssthresh": (SSTHRESH, MAX),
    "initcwnd": (INITCWND, MAX),
    "initrwnd": (INITRWND, MAX),
    "quickack": (QUICKACK, 1),
    "fastopen_no_cookie": (FASTOPEN_NO_COOKIE, 1),
}
TIMES = {"rtt": (RTT, 8), "rttvar": (RTTVAR, 4), "rto_min": (RTO_MIN, 1)}  # units of the kernel's in a millisecond
ECN = 1


class Nexthop(NamedTuple):
    """One way of several. `weight` 1 to 256."""

    gateway: bytes = b""
    dev: str = ""
    weight: int = 1
    onlink: bool = False
    realms: int = 0
    encap: Encap | None = None


class Route(NamedTuple):
    """One route. Addresses are packed, empty where not given; `metrics`: the kernel's number and value of each.

    `protocol` 18 is keepalived's; `scope` and `table` are never left open, but `vrf` goes before `table`: the name of an
    interface whose table it is. `text` is the line as it was given.
    """

    family: int
    destination: bytes
    prefix: int
    type: int
    table: int
    protocol: int
    scope: int
    tos: int
    metric: int
    source: bytes
    origin: tuple[bytes, int]  # IPv6: only packets from there
    gateway: bytes
    dev: str
    onlink: bool
    realms: int
    metrics: tuple[tuple[int, int | str], ...]
    locked: int  # bit N: path MTU discovery and the like do not change metric N
    expires: int
    preference: int | None
    nexthops: tuple[Nexthop, ...]
    vrf: str
    encap: Encap | None
    ttl_propagate: int | None
    action: str  # ADD, PREPEND or APPEND
    no_track: bool = False
    track_group: str = ""
    text: str = ""

    @property
    def identity(self) -> tuple[Any, ...]:
        """All that the kernel is told: rows that differ in nothing else are the same route."""
        return self[:23]

    @property
    def place(self) -> tuple[Any, ...]:
        """Routes of one place differ in where they lead."""
        return self.family, self.vrf or self.table, self.destination, self.prefix

    @property
    def devices(self) -> tuple[str, ...]:
        """The interfaces that it names."""
        return (*((self.vrf,) if self.vrf else ()), *self._ways)

    @property
    def _ways(self) -> tuple[str, ...]:
        return tuple(name for name in (self.dev, *(hop.dev for hop in self.nexthops)) if name)

    @property
    def tracked_interfaces(self) -> tuple[str, ...]:
        """Those without which it is of no use: of several ways one may remain, so theirs are none."""
        return (self.dev,) if self.dev and not self.no_track else ()

    def depends_on(self, interface: str) -> bool:
        """Whether it goes when that interface goes; one with a gateway alone may lead through any."""
        ways = self._ways
        return interface == self.vrf or (interface in ways if ways else bool(self.gateway or self.nexthops))


def parse_route(text: str, field: str) -> Route:
    """One line, such as "192.168.3.0/24 via 10.0.0.1 dev eth0 table 5".

    :raises InvalidValue: a word that has no place there, or a value that cannot be used.
    """
    return _Line(Words(text, field)).route()


class _Line:
    """What has been read of a line."""

    def __init__(self, words: Words) -> None:
        self.words = words
        self.given: dict[str, Any] = {}
        self.destination: tuple[bytes, int] | None = None
        self.metrics: dict[int, int | str] = {}
        self.locked = 0
        self.nexthops: list[Nexthop] = []
        self.gateways: list[bytes] = []

    def route(self) -> Route:
        words = self.words
        while words:
            word = words.take()
            option = _OPTIONS.get(word)
            if word == "as":
                raise words.wrong("as is for MPLS routes only", "leave it out; keepalived would not heed it")
            if option is not None:
                option(self, word)
            elif word in METRICS or word in TIMES or word in ("features", "congctl"):
                self._metric(word)
            elif self.destination is None and word in TYPES:
                self.given["type"] = TYPES[word]
            elif self.destination is None:
                self.destination = words.prefix("the destination", word)
            else:
                raise words.wrong(f"unexpected word {word!r}", "options are those of keepalived.conf(5), without abbreviations")
        return self._finish()

    def _finish(self) -> Route:
        words = self.words
        if self.destination is None:
            raise words.wrong("has no destination: expected ADDRESS[/LENGTH] or default")
        address, prefix = self.destination
        if any(_host_bits(address, prefix)):
            raise words.wrong(
                f"the destination has bits beyond its prefix length {prefix}", "clear them, or use a longer prefix"
            )
        if len(self.gateways) > 1:  # `via A or B`
            self.nexthops += [Nexthop(gateway, self.given.get("dev", "")) for gateway in self.gateways]
            self.gateways = []
            self.given.pop("dev", None)
        kind = self.given.pop("type", UNICAST)
        gateway = self.gateways[0] if self.gateways else b""
        if self.nexthops and gateway:
            raise words.wrong("has both via and nexthop", "put every gateway behind a nexthop of its own")
        scope = self.given.pop("scope", None)
        self._fits(kind, gateway)
        return Route(
            family=words.family,
            destination=address,
            prefix=prefix,
            type=kind,
            table=self.given.pop("table", TABLES["main"]),
            protocol=self.given.pop("protocol", KEEPALIVED),
            scope=_scope(words.family, kind, bool(gateway or self.nexthops)) if scope is None else scope,
            tos=self.given.pop("tos", 0),
            metric=self.given.pop("metric", 0),
            source=self.given.pop("source", b""),
            origin=self.given.pop("origin", (b"", 0)),
            gateway=gateway,
            dev=self.given.pop("dev", ""),
            onlink=self.given.pop("onlink", False),
            realms=self.given.pop("realms", 0),
            metrics=tuple(sorted(self.metrics.items())),
            locked=self.locked,
            expires=self.given.pop("expires", 0),
            preference=self.given.pop("preference", None),
            nexthops=tuple(self.nexthops),
            vrf=self.given.pop("vrf", ""),
            encap=self.given.pop("encap", None),
            ttl_propagate=self.given.pop("ttl_propagate", None),
            action=self.given.pop("action", PREPEND),
            text=words.text,
            **self.given,
        )

    def _fits(self, kind: int, gateway: bytes) -> None:
        words, given = self.words, self.given
        if kind in (BLACKHOLE, UNREACHABLE, PROHIBIT, THROW):
            if gateway or self.nexthops:
                raise words.wrong("a route that leads nowhere has no gateway", "leave via out, or the type")
        elif not gateway and not self.nexthops and not given.get("dev"):
            raise words.wrong("leads nowhere: expected via ADDRESS, dev INTERFACE or a type such as blackhole")
        if words.family == INET and (given.get("origin") or given.get("expires") or given.get("preference") is not None):
            raise words.wrong("from, expires and pref are for IPv6 routes only")
        if words.family == INET6 and (given.get("realms") or given.get("tos")):
            raise words.wrong("realms and tos are for IPv4 routes only")

    # -- options

    def family(self, word: str) -> None:
        self.words.settle(INET6 if word == "inet6" else INET, word)

    def to(self, word: str) -> None:
        if self.destination is not None:
            raise self.words.wrong("to: the destination is given twice")
        kind = self.words.skip(*TYPES)
        if kind:
            self.given["type"] = TYPES[kind]
        self.destination = self.words.prefix(word)

    def preferred_source(self, word: str) -> None:
        self.given["source"] = self.words.address(word)

    def via(self, word: str) -> None:
        other = self.words.next == "inet6"  # an IPv4 route over an IPv6 gateway
        self.gateways.append(self.words.address(word, settles=not other))

    def origin(self, word: str) -> None:
        self.given["origin"] = self.words.prefix(word)

    def tos(self, word: str) -> None:
        self.given["tos"] = self.words.dsfield(word)

    def table(self, word: str) -> None:
        self.given["table"] = self.words.named(word, TABLES, MAX)
        self.given.pop("vrf", None)  # as in keepalived, the one that stands behind the other holds

    def vrf(self, word: str) -> None:
        self.given["vrf"] = self.words.interface(word)

    def encap(self, word: str) -> None:
        if "encap" in self.given:
            raise self.words.wrong("encap is given twice")
        self.given["encap"] = read_encap(self.words)

    def ttl_propagate(self, word: str) -> None:
        found = self.words.value(word, "enabled or disabled")
        if found not in SWITCH:
            raise self.words.wrong(f"{word}: expected enabled or disabled, got {found!r}")
        self.given["ttl_propagate"] = SWITCH[found]

    def protocol(self, word: str) -> None:
        self.given["protocol"] = self.words.named(word, PROTOCOLS, 255)

    def scope(self, word: str) -> None:
        self.given["scope"] = self.words.named(word, SCOPES, 255)

    def metric(self, word: str) -> None:
        self.given["metric"] = self.words.number(word)

    def device(self, word: str) -> None:
        self.given["dev"] = self.words.interface(word)

    def onlink(self, word: str) -> None:
        self.given["onlink"] = True

    def expires(self, word: str) -> None:
        self.given["expires"] = self.words.number(word, 1)

    def realms(self, word: str) -> None:
        self.given["realms"] = self.words.realms(word)

    def preference(self, word: str) -> None:
        self.given["preference"] = self.words.named(word, PREFERENCES, 3)

    def action(self, word: str) -> None:
        self.given["action"] = word

    def no_track(self, word: str) -> None:
        self.given["no_track"] = True

    def track_group(self, word: str) -> None:
        self.given["track_group"] = self.words.value(word, "the name of a track_group")

    def nexthop(self, word: str) -> None:
        words, given = self.words, Nexthop()
        while words and words.next != "nexthop":
            option = words.take()
            if option in ("via", "gw"):
                given = given._replace(gateway=words.address(option, settles=words.next != "inet6"))
            elif option in ("dev", "oif"):
                given = given._replace(dev=words.interface(option))
            elif option == "weight":
                given = given._replace(weight=words.number(option, 1, 256))
            elif option == "onlink":
                given = given._replace(onlink=True)
            elif option == "realms":
                given = given._replace(realms=words.realms(option))
            elif option == "encap":
                given = given._replace(encap=read_encap(words))
            elif option in ("no_track", "track_group"):
                raise words.wrong(f"{option} stands behind a nexthop", "put it before the first nexthop")
            else:
                hint = "after nexthop come via, dev, weight, onlink, realms and encap"
                raise words.wrong(f"{option!r} is no option of a nexthop", hint)
        if not given.gateway and not given.dev:
            raise words.wrong("nexthop: expected via ADDRESS or dev INTERFACE")
        self.nexthops.append(given)

    def _metric(self, word: str) -> None:
        words = self.words
        lock = bool(words.skip("lock"))
        value: int | str
        if word in METRICS:
            kind, most = METRICS[word]
            value = words.number(word, 0, most)
        elif word in TIMES:
            kind, value = TIMES[word][0], _time(words, word, TIMES[word][1])
        elif word == "congctl":
            kind, value = CONGCTL, words.value(word, "the name of an algorithm")
        else:
            kind, value = FEATURES, ECN
            if words.value(word, "ecn") != "ecn":
                raise words.wrong("features: expected ecn")
        self.metrics[kind] = value
        self.locked |= lock << kind


_OPTIONS: dict[str, Callable[[_Line, str], None]] = {
    **dict.fromkeys(("inet", "inet6"), _Line.family),
    **dict.fromkeys(("via", "gw", "or"), _Line.via),
    **dict.fromkeys(("tos", "dsfield"), _Line.tos),
    **dict.fromkeys(("metric", "priority", "preference"), _Line.metric),
    **dict.fromkeys(("dev", "oif"), _Line.device),
    **dict.fromkeys((ADD, PREPEND, APPEND), _Line.action),
    "to": _Line.to,
    "src": _Line.preferred_source,
    "from": _Line.origin,
    "table": _Line.table,
    "protocol": _Line.protocol,
    "scope": _Line.scope,
    "onlink": _Line.onlink,
    "expires": _Line.expires,
    "realms": _Line.realms,
    "pref": _Line.preference,
    "no_track": _Line.no_track,
    "track_group": _Line.track_group,
    "vrf": _Line.vrf,
    "encap": _Line.encap,
    "ttl-propagate": _Line.ttl_propagate,
    "nexthop": _Line.nexthop,
}


def _host_bits(address: bytes, prefix: int) -> bytes:
    """What of an address lies beyond its prefix."""
    bits = len(address) * 8
    return (int.from_bytes(address, "big") & (1 << bits - prefix) - 1).to_bytes(len(address), "big")


def _scope(family: int, kind: int, distant: bool) -> int:
    """ip-route(8): host for local routes, link for those without a gateway, global for the others."""
    if kind in (LOCAL, NAT):
        return SCOPES["host"]
    if kind in (BROADCAST, MULTICAST, ANYCAST) or (kind == UNICAST and not distant):
        return SCOPES["link"] if family == INET else SCOPES["global"]
    return SCOPES["global"]


def _time(words: Words, option: str, units: int) -> int:
    """A time with its unit, s or ms; without one it is in the kernel's own unit (ip-route(8))."""
    word = words.value(option, "a time, such as 200ms")
    text = word.removesuffix("msecs").removesuffix("msec").removesuffix("ms")
    factor = units
    if text == word:
        text = word.removesuffix("secs").removesuffix("sec").removesuffix("s")
        factor = 1000 * units if text != word else 1
    try:
        found = round(float(text) * factor)
    except (ValueError, OverflowError):
        found = -1
    if not 0 <= found <= MAX:
        raise words.wrong(f"{option}: expected a time such as 200ms or 1s, got {word!r}")
    return found
