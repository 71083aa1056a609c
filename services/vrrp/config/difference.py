"""What does a new configuration change? Which routers are others, which are concerned, what nobody will have. Core."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from services.vrrp.config.resolve import GroupSettings, Resolved, RouterSettings
from services.vrrp.config.settings import StaticEntries
from services.vrrp.election.actions import RemoveAddresses
from services.vrrp.election.router import VirtualRouter
from services.vrrp.election.snapshot import Saved


def same_identity(old: RouterSettings, new: RouterSettings | None) -> bool:
    """Whether it is still the same virtual router to its peers; if not it stops and a new one starts."""
    if new is None or (old.interface, old.vrid, old.version) != (new.interface, new.vrid, new.version):
        return False
    return old.family == new.family


def touched(routers: Mapping[str, VirtualRouter], wanted: Resolved, concerned: Iterable[str]) -> set[str]:
    """The routers that are `concerned`, or whose settings are others than before, and their group mates."""
    others = {name for name, s in wanted.routers.items() if name not in routers or routers[name].settings is not s}
    others.update(name for name in concerned if name in wanted.routers)
    mates = (group.members for group in wanted.groups.values() if not others.isdisjoint(group.members))
    return others.union(*mates)


def changed(before: Mapping[str, object], now: Mapping[str, object]) -> set[str]:
    """The names of what is in one only, or not the same in both."""
    return {name for name in before.keys() | now.keys() if before.get(name) != now.get(name)}


def regrouped(before: Mapping[str, GroupSettings], now: Mapping[str, GroupSettings]) -> set[str]:
    """Who was or is a member of a sync group that is another one than before."""
    names = changed(before, now)
    return {member for name in names for groups in (before, now) if name in groups for member in groups[name].members}


def leftovers(
    saved: Iterable[Saved], routers: Iterable[RouterSettings], statics: Iterable[StaticEntries]
) -> list[RemoveAddresses]:
    """Addresses that a predecessor held and that nobody here will have."""
    configured = {(a.address, a.dev) for s in routers for a in s.addresses + s.excluded}
    configured |= {(a.address, a.dev) for entries in statics for a in entries.static_ipaddress}
    left = ((s.name, tuple(a for a in s.addresses if (a.address, a.dev) not in configured)) for s in saved)
    return [RemoveAddresses(name, addresses) for name, addresses in left if addresses]
