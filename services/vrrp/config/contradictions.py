"""Which instances cannot run as they are configured, and which run in another way than is written? Core.

The first are not started; keepalived refuses the file, or runs them without what makes them impossible. Of the second
keepalived says a word in its log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from services.vrrp.config import authentication
from services.vrrp.config.settings import OWNER, SECOND, Global, VrrpInstance, is_strict

if TYPE_CHECKING:
    from services.vrrp.config.resolve import RouterSettings

LONGEST_V3 = 4095 * 10_000_000  # nanoseconds, the twelve bits of RFC 9568 section 5.2.7
LISTED = "give each instance of an interface its own virtual_router_id, or a group of its own (mcast_dst_ip)"
MOST_GROUPS = 20  # of IPv4, on an interface


class Doubt(NamedTuple):
    """Something that is done in another way than is written; the rest of a Problem."""

    field: str
    reason: str
    hint: str = ""


class Impossible(NamedTuple):
    """An instance that is not started, and the field to blame."""

    name: str
    field: str
    reason: str
    hint: str


def doubts(given: VrrpInstance, version: int, family: int, used: Callable[[int, int], int]) -> Iterator[Doubt]:
    """Of one instance. `version` and `family` are those of its adverts, `used` gives the interval that one can carry."""
    if family == 6 and given.version == 2:
        yield Doubt("version", "adverts over IPv6 are VRRPv3: 3 is used", "version 3")
    if (given.unicast_src_ip or given.unicast_ttl) and not given.unicast_peer and not given.unicast_fault_no_peer:
        field = "unicast_src_ip" if given.unicast_src_ip else "unicast_ttl"
        yield Doubt(field, "there is no unicast_peer: adverts are multicast", "give unicast_peer")
    if given.mcast_dst_ip and given.unicast_peer:
        yield Doubt("mcast_dst_ip", "there is a unicast_peer: adverts are unicast")
    if given.track_src_ip and not given.mcast_src_ip and not given.unicast_src_ip:
        yield Doubt("track_src_ip", "there is no mcast_src_ip or unicast_src_ip: the interface's own address is used, if any")
    if given.vrf and given.interface:
        yield Doubt(
            "vrf", "has no effect with interface: adverts are of the VRF that the interface is in", "remove one of the two"
        )
    if given.promote_secondaries and not given.interface:
        yield Doubt("promote_secondaries", "has no effect without interface")
    if given.promote_secondaries and given.use_vmac is not None:
        yield Doubt("promote_secondaries", "a VMAC has it always, and its base needs none")
    if given.advert_int != (interval := used(version, given.advert_int)):
        yield Doubt("advert_int", *_interval(version, given.advert_int, interval))
    yield from _authentication(given, version)
    yield from _start(given)


def _interval(version: int, given: int, used: int) -> tuple[str, str]:
    if version == 2:
        return f"VRRPv2 has whole seconds: {used // SECOND} s is used", "version 3"
    if given > used and used == LONGEST_V3:
        return "VRRPv3 allows at most 40.95 s: 40.95 s is used", ""
    return f"VRRPv3 has steps of 10 ms: {used / SECOND:g} s is used", ""


def _authentication(given: VrrpInstance, version: int) -> Iterator[Doubt]:
    if version == 3 and given.auth_type == authentication.PASS:
        yield Doubt("authentication", "VRRPv3 has no authentication: it is ignored", "remove authentication, or use version 2")
    elif given.auth_pass is not None and len(given.auth_pass.encode()) > authentication.KEY:
        yield Doubt("authentication.auth_pass", f"expected at most {authentication.KEY} bytes: only the first ones count")
    if given.auth_type == authentication.AH and given.state == "master" and (given.priority or OWNER) != OWNER:
        reason = "with auth_type AH all but an owner start as BACKUP, to hear the number of the last advert first"
        yield Doubt("state", reason, "state BACKUP")


def _start(given: VrrpInstance) -> Iterator[Doubt]:
    """Waiting for others, which a master does not do."""
    master = "state MASTER" if given.state == "master" else "priority 255" if given.priority == OWNER else ""
    if given.nopreempt and master:
        yield Doubt("nopreempt", f"has no effect with {master}", "state BACKUP" if given.state == "master" else "")
    if given.preempt_delay and given.state == "master":
        yield Doubt("preempt_delay", "has no effect with state MASTER", "state BACKUP")
    elif given.preempt_delay and given.nopreempt:
        yield Doubt("preempt_delay", "has no meaning together with nopreempt: it is ignored")


def among(routers: Mapping[str, RouterSettings], given: Mapping[str, VrrpInstance], defaults: Global) -> tuple[Impossible, ...]:
    """The instances that cannot run; of those with one VRID on a link the first by name can."""
    alone = [found for name, router in routers.items() if (found := _alone(router, given[name], defaults)) is not None]
    impossible = {found.name for found in alone}
    alone += _groups([router for name, router in routers.items() if name not in impossible])
    impossible = {found.name for found in alone}
    return (*alone, *_duplicates([router for name, router in routers.items() if name not in impossible]))


def _alone(router: RouterSettings, given: VrrpInstance, defaults: Global) -> Impossible | None:
    """What an instance cannot have with what it gets from the global settings."""
    if is_strict(given, defaults):
        if given.virtual_ipaddress:
            return None
        reason = "strict mode has no instance without addresses (RFC 5798 section 6.1): not started, as by keepalived"
        return Impossible(router.name, "virtual_ipaddress", reason, "give at least one address, or remove strict_mode")
    if given.auth_type == authentication.AH and not router.ah:
        reason = "AH is of VRRPv2, and the global vrrp_version is 3: not started; keepalived would send without authentication"
        hint = "version 2 in the instance, on all its routers, or remove authentication"
        return Impossible(router.name, "authentication.auth_type", reason, hint)
    return None


def _groups(routers: list[RouterSettings]) -> Iterator[Impossible]:
    """A socket joins at most so many groups (net.ipv4.igmp_max_memberships), and one more would take the others' along."""
    joined: dict[str, set[str]] = {}
    for router in sorted((r for r in routers if r.family == 4), key=lambda router: (bool(router.mcast_dst_ip), router.name)):
        groups = joined.setdefault(router.interface, set())
        if router.mcast_group not in groups and len(groups) == MOST_GROUPS:
            reason = f"{router.interface} has adverts of {MOST_GROUPS} other groups, the most there can be: not started"
            yield Impossible(router.name, "mcast_dst_ip", reason, "share groups: instances with different VRIDs may")
        else:
            groups.add(router.mcast_group)


def _duplicates(routers: list[RouterSettings]) -> Iterator[Impossible]:
    """One VRID names one virtual router of a family on a link (RFC 9568 section 5.2.3)."""
    taken: dict[tuple[str, int, int], list[RouterSettings]] = {}
    for router in routers:
        others = taken.setdefault((router.interface, router.vrid, router.family), [])
        holder = next((other.name for other in others if _meet(router, other)), None)
        if holder is None:
            others.append(router)
            continue
        reason = f"{router.vrid} on {router.interface} is already used by vrrp_instance {holder!r}: not started"
        reason += "; keepalived would refuse the whole configuration"
        yield Impossible(router.name, "virtual_router_id", reason, LISTED)


def _meet(one: RouterSettings, other: RouterSettings) -> bool:
    """Whether adverts cannot tell the two apart: both multicast to one group, or unicast with a peer in common."""
    if one.peers and other.peers:
        return not {peer.address for peer in one.peers}.isdisjoint(peer.address for peer in other.peers)
    return not one.peers and not other.peers and one.mcast_group == other.mcast_group
