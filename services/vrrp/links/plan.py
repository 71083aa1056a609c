"""What is to be done so that all VMACs and ipvlans are as they must be, and the interfaces below them? Desired state. Core.

`Links.plan` compares what is wanted with what the kernel shows and gives steps; after these it is asked again, until there is
nothing left. What a base interface had before is written into the alias of each link on it, so that a successor knows
what to restore, and which links are this service's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol

from services.vrrp.config.settings import LINK_ALIAS
from services.vrrp.links.vmac import MACVLAN, VirtualLink

IFF_UP = 0x1
RP_FILTER, ARP_FILTER, ARP_ANNOUNCE, ARP_IGNORE, PROMOTE_SECONDARIES, ACCEPT_LOCAL = 8, 13, 18, 19, 20, 23  # linux/ip.h
# keepalived's, but for rp_filter: 2 (loose) is the same for whoever can be answered, and holds where
# net.ipv4.conf.all.rp_filter is 1 too, of which the kernel takes the greater.
OF_LINK = {ARP_IGNORE: 1, ACCEPT_LOCAL: 1, RP_FILTER: 2, PROMOTE_SECONDARIES: 1}
# One of IPv6 has no IPv4 address, and would answer for those of all other interfaces, with a MAC that other routers have too.
OF_LINK6 = {ARP_IGNORE: 1}
# The base must not answer for addresses of the links on it (keepalived's two), nor name them when it asks for others.
OF_BASE = {ARP_IGNORE: 1, ARP_FILTER: 1, ARP_ANNOUNCE: 2}
WORDS = {ARP_IGNORE: "arp_ignore", ARP_FILTER: "arp_filter", ARP_ANNOUNCE: "arp_announce"}
MODES = {"bridge": 0, "private": 1, "vepa": 2}  # of an ipvlan
MACVLAN_PRIVATE = 1
Conf = Mapping[int, int]


class Seen(Protocol):
    """An interface as the kernel shows it. `lower`: the one below it; `mode`: the kernel's number; `conf`: IPV4_DEVCONF_*;
    `master`: the VRF or the like that it is part of."""

    @property
    def number(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def flags(self) -> int: ...
    @property
    def mac(self) -> bytes: ...
    @property
    def lower(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def mode(self) -> int: ...
    @property
    def group(self) -> int: ...
    @property
    def alias(self) -> str: ...
    @property
    def conf(self) -> Conf: ...
    @property
    def master(self) -> int: ...


class Create(NamedTuple):
    """Make a link, down, on the interface with the number `lower`."""

    link: VirtualLink
    lower: int


class Adjust(NamedTuple):
    """Give a link that is there everything, and set it up: of one that is down the kernel would not tell.

    `master`: the VRF that it moves to, 0: to none; -1: it is where it must be.
    """

    link: VirtualLink
    number: int
    alias: str
    conf: Conf
    master: int = -1


class Raise(NamedTuple):
    """Set a link up."""

    link: VirtualLink
    number: int


class SetConf(NamedTuple):
    """Give a base interface these settings."""

    name: str
    number: int
    conf: Conf


class Remove(NamedTuple):
    """Links that are to go; `first`: before anything else, because a wanted one cannot be made beside them."""

    names: tuple[str, ...]
    numbers: tuple[int, ...]
    first: bool = False


class Blocked(NamedTuple):
    """A link cannot be made: why, in words."""

    link: VirtualLink
    reason: str


Step = Create | Adjust | Raise | SetConf | Remove | Blocked


class Links:
    """What is remembered between two looks. Attributes are for reading."""

    def __init__(self) -> None:
        self.before: dict[int, Conf] = {}  # by the number of a base: what it had before it was changed
        self._adjusted: dict[int, VirtualLink] = {}
        self._leaving: set[int] = set()

    def plan(self, wanted: Mapping[str, VirtualLink], seen: Mapping[str, Seen]) -> list[Step]:
        """What to do now; nothing once all is as it must be. A step that failed is in the next plan again."""
        self._remember(wanted, seen)
        steps: list[Step] = self._in_the_way(wanted, seen)
        if steps:
            return steps
        for name in sorted(wanted):
            steps += self._of_link(wanted[name], seen)
        if any(isinstance(step, (Create, Adjust)) for step in steps):
            return steps  # the base comes after: only then is it written down what it had
        steps += self._of_bases(wanted, seen)
        steps += self._leftovers(wanted, seen)
        return steps

    def adjusted(self, step: Adjust) -> None:
        """It was carried out."""
        self._adjusted[step.number] = step.link

    def leaving(self, step: Remove) -> None:
        """It is being carried out; it may take a while."""
        self._leaving.update(step.numbers)

    def _remember(self, wanted: Mapping[str, VirtualLink], seen: Mapping[str, Seen]) -> None:
        numbers = {one.number for one in seen.values()}
        self._leaving &= numbers
        for known in (self._adjusted, self.before):
            for number in known.keys() - numbers:
                del known[number]
        for one in seen.values():
            base, conf = _said(one.alias)
            if base in seen and conf and one.number not in self._leaving:
                self.before.setdefault(seen[base].number, conf)
        for base in _bases(wanted.values()):
            if base in seen:
                self.before.setdefault(seen[base].number, {key: seen[base].conf.get(key, 0) for key in OF_BASE})

    def _of_link(self, link: VirtualLink, seen: Mapping[str, Seen]) -> list[Step]:
        base, here = seen.get(link.base), seen.get(link.name)
        if base is None or (here is not None and here.number in self._leaving):
            return []
        if here is None:
            return [Create(link, base.number)]
        if not _fits(here, link, base):
            if here.alias.startswith(LINK_ALIAS):
                return [Remove((here.name,), (here.number,), first=True)]
            what = f"there is an interface {link.name} already, and it is not {_in_words(link)}"
            return [Blocked(link, what)]
        alias, vrf = _alias(link, self.before.get(base.number, {})), _vrf(base, seen)
        conf: Conf = {} if link.kind != MACVLAN else OF_LINK if link.family == 4 else OF_LINK6
        if (
            self._adjusted.get(here.number) != link
            or here.alias != alias
            or (link.mac and here.mac != link.mac)
            or any(here.conf.get(key, 0) != value for key, value in conf.items())
            or here.master != vrf
        ):
            return [Adjust(link, here.number, alias, conf, -1 if here.master == vrf else vrf)]
        return [] if here.flags & IFF_UP else [Raise(link, here.number)]

    def _of_bases(self, wanted: Mapping[str, VirtualLink], seen: Mapping[str, Seen]) -> list[Step]:
        steps: list[Step] = []
        used = _bases(wanted.values())
        for one in seen.values():
            before = self.before.get(one.number)
            if before is None:
                continue
            if one.name in used:  # what is stricter already stays
                change = {key: value for key, value in OF_BASE.items() if one.conf.get(key, 0) < value}
            else:  # what somebody else has set meanwhile is theirs
                # Of an interface that is down the kernel does not tell, so the picture may still be the one of before.
                change = {k: v for k, v in before.items() if v < OF_BASE[k] and one.conf.get(k, 0) in (v, OF_BASE[k])}
                del self.before[one.number]
            if change:
                steps.append(SetConf(one.name, one.number, change))
        return steps

    def _in_the_way(self, wanted: Mapping[str, VirtualLink], seen: Mapping[str, Seen]) -> list[Step]:
        """Links of ours under another name with the MAC of a wanted one: the kernel allows one of each on a base."""
        macs = {(seen[link.base].number, link.mac): name for name, link in wanted.items() if link.mac and link.base in seen}
        found = [
            one
            for one in seen.values()
            if one.alias.startswith(LINK_ALIAS) and macs.get((one.lower, one.mac), one.name) != one.name
        ]
        numbers = tuple(one.number for one in found if one.number not in self._leaving)
        return [Remove(tuple(one.name for one in found), numbers, first=True)] if numbers else []

    def _leftovers(self, wanted: Mapping[str, VirtualLink], seen: Mapping[str, Seen]) -> list[Step]:
        gone = [one for one in _ours(seen) if one.name not in wanted and one.number not in self._leaving]
        return [Remove(tuple(one.name for one in gone), tuple(one.number for one in gone))] if gone else []


def _ours(seen: Mapping[str, Seen]) -> list[Seen]:
    return [one for one in seen.values() if one.alias.startswith(LINK_ALIAS)]


def _fits(here: Seen, link: VirtualLink, base: Seen) -> bool:
    mode = MACVLAN_PRIVATE if link.kind == MACVLAN else MODES[link.mode]
    return (here.kind, here.lower, here.mode) == (link.kind, base.number, mode)


def _vrf(base: Seen, seen: Mapping[str, Seen]) -> int:
    """The VRF that an interface is in; 0: none. What is on it must be there too, as keepalived has it."""
    vrfs = (one.number for one in seen.values() if one.number == base.master and one.kind == "vrf")
    return next(vrfs, 0)


def _in_words(link: VirtualLink) -> str:
    return f"a {'private macvlan' if link.kind == MACVLAN else f'{link.mode} ipvlan'} on {link.base}"


def _bases(links: Iterable[VirtualLink]) -> set[str]:
    """The interfaces that must not answer for their links: ARP alone asks for that."""
    return {link.base for link in links if link.kind == MACVLAN and link.family == 4}


def _alias(link: VirtualLink, before: Conf) -> str:
    """As text: "vipkeeper on eth0 arp_ignore=0 arp_filter=0 arp_announce=0"."""
    had = before if link.kind == MACVLAN and link.family == 4 else {}
    return " ".join([LINK_ALIAS + link.base, *(f"{WORDS[key]}={value}" for key, value in had.items())])


def _said(alias: str) -> tuple[str, dict[int, int]]:
    """Base and former settings of an alias; nothing where it is not ours."""
    if not alias.startswith(LINK_ALIAS):
        return "", {}
    base, *rest = alias.removeprefix(LINK_ALIAS).split() or [""]
    pairs = [word.partition("=") for word in rest]
    given = {word: int(value) for word, _, value in pairs if value.isascii() and value.isdigit()}
    return base, {key: given[word] for key, word in WORDS.items() if word in given}
