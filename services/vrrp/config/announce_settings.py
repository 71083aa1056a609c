"""How often, how many times and how fast are addresses announced? keepalived's garp_* and gna_* words, and `garp_group`.

Durations in nanoseconds. Gratuitous ARP and unsolicited neighbour advertisements count alike unless their names say which.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from services.common.errors import InvalidValue
from services.vrrp.addresses import interface
from services.vrrp.config.ranges import duration, in_range

if TYPE_CHECKING:
    from services.vrrp.config.settings import Global, VrrpInstance

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
LONGEST_GAP = 4295 * SECOND
REPEATS = ("garp_master_repeat", "garp_master_refresh_repeat", "garp_lower_prio_repeat")
DELAYS = ("garp_master_delay", "garp_master_refresh", "garp_lower_prio_delay", "garp_extra_if")
GAPS = ("garp_interval", "gna_interval")
MASTER_DELAY, MASTER_REPEAT = 5 * SECOND, 5


class GarpGroup(NamedTuple):
    """One `garp_group`: interfaces that share the least time between two announcements; 0: none."""

    interfaces: tuple[str, ...]
    garp_interval: int = 0
    gna_interval: int = 0


class Pace(NamedTuple):
    """The least time between two announcements on interfaces that have the same `lane`; 0: none."""

    lane: str
    garp: int
    gna: int


class Paces(NamedTuple):
    """By interface; all others have a lane of their own with these gaps. `bases`: the interface below each VMAC."""

    named: Mapping[str, Pace] = {}
    garp: int = 0
    gna: int = 0
    bases: Mapping[str, str] = {}

    def of(self, interface: str) -> Pace:
        """That of an interface; a VMAC shares its base's, by which it is announced, unless a group names it."""
        name = interface if interface in self.named else self.bases.get(interface, interface)
        return self.named.get(name) or Pace(name, self.garp, self.gna)


def check(value: Mapping[str, Any], prefix: str = "") -> None:
    """Ranges of what an instance, or (by `prefix` vrrp_) the globals say of announcements.

    :raises InvalidValue: one that cannot be used.
    """
    for field in REPEATS:
        in_range(value, prefix + field, 0, 1000)
    for field in DELAYS:
        duration(value, prefix + field, 0, DAY)
    for field in GAPS if prefix else ():
        duration(value, prefix + field, 0, LONGEST_GAP)


def decode_garp_group(name: str, value: Mapping[str, Any]) -> GarpGroup:
    """One group.

    :raises InvalidValue: it names no interface, one twice, or no interval.
    """
    both = "interface" in value and "interfaces" in value
    if both:
        raise InvalidValue("interfaces", "cannot be given together with interface", "name all of them in interfaces")
    given = [("interface", value["interface"])] if "interface" in value else []
    given += [(f"interfaces[{at}]", each) for at, each in enumerate(value.get("interfaces", ()))]
    if not given:
        raise InvalidValue("interface", "is required, or interfaces: where the intervals apply")
    names = []
    for field, each in given:
        names.append(interface(each, field))
        if each in names[:-1]:
            raise InvalidValue(field, f"{each} is listed twice")
    if not any(field in value for field in GAPS):
        raise InvalidValue("garp_interval", "is required, or gna_interval: without either the group says nothing")
    for field in GAPS:
        duration(value, field, 0, LONGEST_GAP)
    return GarpGroup(tuple(names), value.get("garp_interval", 0), value.get("gna_interval", 0))


def paces(groups: Iterable[tuple[str, GarpGroup]], defaults: Global) -> tuple[Paces, list[tuple[str, str, str]]]:
    """What applies to each interface; with it (group, interface, group that has it already) of each that is named again."""
    named: dict[str, Pace] = {}
    of: dict[str, str] = {}
    again = []
    for name, group in groups:
        for each in group.interfaces:
            if each in of:
                again.append((name, each, of[each]))
            else:
                of[each] = name
                named[each] = Pace(f"garp_group/{name}", group.garp_interval, group.gna_interval)
    return Paces(named, defaults.vrrp_garp_interval, defaults.vrrp_gna_interval), again


def of_instance(given: VrrpInstance, defaults: Global) -> dict[str, Any]:
    """The fields of `resolve.RouterSettings` that are about announcements."""
    least = defaults.vrrp_min_garp
    delay = _first(given.garp_master_delay, defaults.vrrp_garp_master_delay, 0 if least else MASTER_DELAY)
    repeat = _first(given.garp_master_repeat, defaults.vrrp_garp_master_repeat, 1 if least else MASTER_REPEAT)
    return {
        "garp_master_delay": delay,
        "garp_master_repeat": repeat,
        "garp_master_refresh": _first(given.garp_master_refresh, defaults.vrrp_garp_master_refresh),
        "garp_master_refresh_repeat": _first(given.garp_master_refresh_repeat, defaults.vrrp_garp_master_refresh_repeat),
        "garp_lower_prio_delay": _first(given.garp_lower_prio_delay, defaults.vrrp_garp_lower_prio_delay, delay),
        "garp_lower_prio_repeat": _first(given.garp_lower_prio_repeat, defaults.vrrp_garp_lower_prio_repeat, repeat),
        "garp_extra_if": _first(given.garp_extra_if, defaults.vrrp_garp_extra_if),
        "garp_extra_if_all": _first(given.garp_extra_if_all, defaults.vrrp_garp_extra_if_all),
    }


def _first(*values: Any) -> Any:
    return next(value for value in values if value is not None)
