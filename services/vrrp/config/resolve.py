"""What does the configuration amount to? Global defaults filled in, references checked across objects.

A pure function of all settings: agent and engine call it on the same input and get the same problems. An instance that
cannot run (duplicate VRID) is left out; a reference that leads nowhere is left out of its instance or group.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from services.vrrp.addresses import VirtualAddress, place
from services.vrrp.bfd.settings import BfdInstance
from services.vrrp.config import announce_settings, authentication, contradictions, resolve_track
from services.vrrp.config.announce_settings import GarpGroup, Paces
from services.vrrp.config.authentication import AuthHmac
from services.vrrp.config.settings import (
    OWNER,
    SECOND,
    Global,
    Settings,
    Source,
    StaticEntries,
    Tracked,
    TrackFile,
    TrackGroup,
    TrackProcess,
    UnicastPeer,
    VrrpInstance,
    VrrpScript,
    VrrpSyncGroup,
    family_of,
    is_strict,
    needs_links,
)
from services.vrrp.election.orders import Maintenance
from services.vrrp.wire.packet import PROTOCOL_AH, TTL, Checksum

if TYPE_CHECKING:
    from services.common.problems import Problem
    from services.vrrp.config.interface_delays import InterfaceDelays
    from services.vrrp.links.vmac import VirtualLink
    from services.vrrp.routing.routes import Route
    from services.vrrp.routing.rules import Rule

CENTISECOND = 10_000_000
DEFAULTS = Global()
MAX_V3_INTERVAL = 4095 * CENTISECOND
Id = tuple[str, str]


class RouterSettings(NamedTuple):
    """One virtual router, nothing left open: durations in nanoseconds, every weight a number, every address with its dev.

    `interface`: may be one of `places`. `source` empty: the interface's choice. `family`: 4 or 6, of adverts. `peers` empty:
    multicast. `checksums`: what is accepted, the first one is sent; with `detect_checksum` it becomes what peers are heard to
    use.
    """

    name: str
    interface: str
    vrid: int
    version: int
    priority: int
    start_master: bool
    advert_int: int
    auth: bytes | None
    addresses: tuple[VirtualAddress, ...]
    excluded: tuple[VirtualAddress, ...]
    nopreempt: bool
    preempt_delay: int
    garp_master_delay: int
    garp_master_repeat: int
    garp_master_refresh: int
    garp_master_refresh_repeat: int
    garp_lower_prio_delay: int
    garp_lower_prio_repeat: int
    garp_extra_if: int
    garp_extra_if_all: bool
    lower_prio_no_advert: bool
    higher_prio_send_advert: bool
    down_timer_adverts: int
    track_interface: tuple[Tracked, ...]
    track_script: tuple[Tracked, ...]
    track_file: tuple[Tracked, ...]
    track_process: tuple[Tracked, ...]
    track_bfd: tuple[Tracked, ...]
    track_primary: bool
    source: str
    mcast_group: str
    family: int
    peers: tuple[UnicastPeer, ...]
    ttl: int
    check_source: bool
    fault_no_peer: bool
    checksums: tuple[Checksum, ...]
    detect_checksum: bool
    routing: tuple[Route | Rule, ...] = ()  # of the master: routes, then rules
    depends: tuple[str, ...] = ()  # further interfaces that must be up: of tracked addresses, routes, rules, static entries
    ah: bool = False  # `auth` is a key of IPSEC-AH
    hmac: AuthHmac | None = None  # with its window
    skip_check_adv_addr: bool = False
    owner_ignore_adverts: bool = False
    accept: bool = True  # packets to its addresses reach this machine
    track_source: bool = False  # `source` must be there
    promote_secondaries: bool = False  # on its interface
    mcast_dst_ip: str = ""  # a `mcast_group` that is not everybody's

    @property
    def link(self) -> int:
        """What carries its adverts, as `SendAdvert.family` has it."""
        return PROTOCOL_AH if self.ah else self.family

    links: tuple[VirtualLink, ...] = ()  # VMACs and ipvlans that there must be
    own_link: str = ""  # the one of `links` that belongs to the instance's interface
    frame_mac: bytes = b""  # the Ethernet source of adverts, where it is not the interface's

    @property
    def elsewhere(self) -> tuple[VirtualAddress, ...]:
        """What garp_extra_if is about: one address on each VMAC (or each interface) where no adverts come from.

        It keeps the MAC in the switches' tables, for which one is enough, as in keepalived.
        """
        own, vmacs = self.own_link or self.interface, {link.name for link in self.links if link.mac}
        firsts: dict[str, VirtualAddress] = {}
        for row in self.addresses + self.excluded:
            if row.dev != own and (self.garp_extra_if_all or row.dev in vmacs):
                firsts.setdefault(row.dev, row)
        return tuple(firsts.values())

    @property
    def quiet_links(self) -> tuple[str, ...]:
        """Links that must say nothing unless this router is master: the kernel has words of its own for IPv6 there."""
        return tuple(link.name for link in self.links if link.family == 6)


class GroupSettings(NamedTuple):
    """One sync group; the members exist and belong to no other group."""

    name: str
    members: tuple[str, ...]
    tracking_weight: bool


class Resolved(NamedTuple):
    """Everything the engine runs."""

    globals: Global
    routers: Mapping[str, RouterSettings]
    groups: Mapping[str, GroupSettings]
    scripts: Mapping[str, VrrpScript]
    files: Mapping[str, TrackFile]
    processes: Mapping[str, TrackProcess]
    bfds: Mapping[str, BfdInstance]
    problems: tuple[Problem, ...]
    maintenance: Mapping[str, Maintenance]  # by instance; "" is the whole node
    statics: Mapping[str, StaticEntries] = {}
    track_groups: Mapping[str, tuple[str, ...]] = {}
    paces: Paces = Paces()
    delays: Mapping[str, InterfaceDelays] = {}  # by interface


class Memory(NamedTuple):
    """One instance's resolution, good while everything that it came from is the same."""

    given: VrrpInstance
    defaults: Global
    sources: tuple[tuple[Id, Source | None], ...]  # what it tracks
    router: RouterSettings
    problems: tuple[Problem, ...]


def resolve(objects: Mapping[tuple[str, str], Settings | Maintenance], memory: dict[str, Memory] | None = None) -> Resolved:
    """Settings by (kind, name), as `DECODERS` gave them, and orders, to what runs. Order of the mapping does not matter.

    With the `memory` of the last call, what did not change is the very same object again, and costs next to nothing.
    """
    problems: list[Problem] = []
    given: dict[str, VrrpInstance] = {}
    others: dict[Id, Settings | Maintenance] = {}
    for identity in sorted(objects):
        s = objects[identity]
        if isinstance(s, VrrpInstance):
            given[identity[1]] = s
        else:
            others[identity] = s
    defaults = next((s for s in others.values() if isinstance(s, Global)), DEFAULTS)
    sources = {identity: s for identity, s in others.items() if isinstance(s, Source)}
    bfds = _one_per_neighbor(sources, problems)
    wanted = {name: s for (_, name), s in others.items() if isinstance(s, VrrpSyncGroup)}
    new = {name: _recall(name, s, defaults, sources, memory or {}) for name, s in given.items()}
    routers = {name: found.router for name, found in new.items()}
    problems += (problem for found in new.values() for problem in found.problems)
    for problem in contradictions.among(routers, given, defaults):
        problems.append(_problem(f"config/vrrp_instance/{problem.name}", problem.field, problem.reason, problem.hint))
        routers.pop(problem.name, None)
    if any(needs_links(given[name]) for name in routers):
        from services.vrrp.config.resolve_vmac import place

        for name, field, reason in place(routers, given, defaults):
            problems.append(_problem(f"config/vrrp_instance/{name}", field, reason, "give each its own name and VRID"))
    groups = _groups(wanted, routers, given, problems)
    _share_trackers(groups, wanted, routers, given, sources, problems)
    statics = {name: s for (_, name), s in others.items() if isinstance(s, StaticEntries)}
    if statics:
        from services.vrrp.config.resolve_static import on_default_interface  # hardly ever, and the start is in a hurry

        repeated: list[tuple[str, str, str]] = []
        statics = on_default_interface(statics, defaults.default_interface, repeated)
        problems += (_problem(f"config/static/{name}", field, reason) for name, field, reason in repeated)
    track_groups = {name: s.group for (_, name), s in others.items() if isinstance(s, TrackGroup)}
    problems += _static_references(statics, track_groups, given)
    _depend_on_statics(statics, track_groups, routers)
    if memory is not None:
        memory.clear()
        memory.update(new)
    scripts = {name: s for (_, name), s in sources.items() if isinstance(s, VrrpScript)}
    files = {name: s for (_, name), s in sources.items() if isinstance(s, TrackFile)}
    processes = {name: s for (_, name), s in sources.items() if isinstance(s, TrackProcess)}
    maintenance = {name: order for (_, name), order in others.items() if isinstance(order, Maintenance)}
    paces = _paces(others, defaults, problems)._replace(
        bases={link.name: link.base for router in routers.values() for link in router.links}
    )
    delays: dict[str, InterfaceDelays] = {}
    if defaults.interface_up_down_delays:
        from services.vrrp.config import interface_delays

        delays, cut = interface_delays.effective(defaults.interface_up_down_delays, routers.values())
        problems += (_warning("config/global", field, reason) for field, reason in cut)
    told = tuple(problems)
    watched = (scripts, files, processes, bfds)
    return Resolved(defaults, routers, groups, *watched, told, maintenance, statics, track_groups, paces, delays)


def _paces(objects: Mapping[Id, Settings | Maintenance], defaults: Global, problems: list[Problem]) -> Paces:
    groups = [(name, group) for (_, name), group in objects.items() if isinstance(group, GarpGroup)]
    paces, again = announce_settings.paces(groups, defaults)
    for name, interface, other in again:
        reason = f"{interface} belongs to garp_group {other!r} already"
        problems.append(_problem(f"config/garp_group/{name}", "interfaces", reason, "name it in one group"))
    return paces


def _recall(
    name: str, given: VrrpInstance, defaults: Global, sources: Mapping[Id, Source], memory: Mapping[str, Memory]
) -> Memory:
    known = memory.get(name)
    same = known is not None and known.given is given and known.defaults is defaults
    if known is not None and same and all(sources.get(identity) is source for identity, source in known.sources):
        return known
    used = tuple((identity, sources.get(identity)) for identity in resolve_track.named(given))
    problems: list[Problem] = []
    router = _router(name, given, defaults, sources, problems)
    return Memory(given, defaults, used, router, tuple(problems))


def _router(
    name: str, given: VrrpInstance, defaults: Global, sources: Mapping[Id, Source], problems: list[Problem]
) -> RouterSettings:
    key = f"config/vrrp_instance/{name}"
    family = family_of(given)
    version = (given.version or defaults.vrrp_version) if family == 4 else 3
    if is_strict(given, defaults):
        from services.vrrp.config.strict import strictly  # only where it is used: the engine's start is in a hurry

        given, changes = strictly(given, defaults, version)
        problems += (_warning(key, *changed) for changed in changes)
    problems += (_warning(key, *doubt) for doubt in contradictions.doubts(given, version, family, _interval))
    master = given.state == "master"
    owner = given.priority == OWNER
    priority = given.priority or (OWNER if master else 100)
    ah = given.auth_type == authentication.AH
    rows = resolve_track.resolved(key, resolve_track.given_rows(given), sources, priority == OWNER, problems)
    checksums, detect = _checksums(given, defaults, version, family)
    home = given.interface or defaults.default_interface
    group = defaults.vrrp_mcast_group4 if family == 4 else defaults.vrrp_mcast_group6
    return RouterSettings(
        name=name,
        interface=given.interface or place(given.unicast_src_ip, given.vrf),
        vrid=given.virtual_router_id,
        version=version,
        priority=priority,
        start_master=(master or (owner and not given.state)) and (not ah or priority == OWNER),
        advert_int=_interval(version, given.advert_int),
        auth=authentication.key_of(given.auth_pass) if given.auth_pass is not None and version == 2 else None,
        addresses=_on_interface(given.virtual_ipaddress, home),
        excluded=_on_interface(given.virtual_ipaddress_excluded, home),
        nopreempt=given.nopreempt and not master and not owner,
        preempt_delay=0 if master or given.nopreempt else given.preempt_delay,
        **announce_settings.of_instance(given, defaults),
        lower_prio_no_advert=bool(_first(given.lower_prio_no_advert, defaults.vrrp_lower_prio_no_advert)),
        higher_prio_send_advert=bool(_first(given.higher_prio_send_advert, defaults.vrrp_higher_prio_send_advert)),
        down_timer_adverts=_first(given.down_timer_adverts, defaults.vrrp_down_timer_adverts),
        track_interface=rows.track_interface,
        track_script=rows.track_script,
        track_file=rows.track_file,
        track_process=rows.track_process,
        track_bfd=rows.track_bfd,
        track_primary=not given.dont_track_primary,
        source=_source(given),
        mcast_group=given.mcast_dst_ip or group,
        mcast_dst_ip=given.mcast_dst_ip if given.mcast_dst_ip != group else "",
        family=family,
        peers=given.unicast_peer,
        ttl=(given.unicast_ttl or TTL) if given.unicast_peer else TTL,
        check_source=bool(_first(given.check_unicast_src, defaults.vrrp_check_unicast_src)) or _limits_ttl(given),
        fault_no_peer=given.unicast_fault_no_peer,
        checksums=checksums,
        detect_checksum=detect,
        routing=given.virtual_routes + given.virtual_rules,
        depends=_depends(given, home),
        skip_check_adv_addr=bool(_first(given.skip_check_adv_addr, defaults.vrrp_skip_check_adv_addr)),
        owner_ignore_adverts=bool(_first(given.owner_ignore_adverts, defaults.vrrp_owner_ignore_adverts)),
        track_source=bool(_source(given)) and (given.track_src_ip or bool(given.unicast_peer)),
        promote_secondaries=given.promote_secondaries and given.use_vmac is None and bool(given.interface),
        accept=given.accept is not False or priority == OWNER,
        ah=ah and version == 2,
        hmac=given.auth_hmac.with_window(_interval(version, given.advert_int)) if given.auth_hmac is not None else None,
    )


def _depends(given: VrrpInstance, home: str) -> tuple[str, ...]:
    """Interfaces that must be up beside the instance's own; `home`: of addresses that name none."""
    rows: tuple[Route | Rule, ...] = given.virtual_routes + given.virtual_rules
    names = {name for row in rows for name in row.tracked_interfaces}
    names |= {row.dev or home for row in given.virtual_ipaddress + given.virtual_ipaddress_excluded if row.track}
    return tuple(sorted(names - {given.interface}))


def _source(given: VrrpInstance) -> str:
    """Either keyword gives the source of adverts, as keepalived has it; the one that fits comes first."""
    if given.unicast_peer:
        return given.unicast_src_ip or given.mcast_src_ip
    return given.mcast_src_ip or given.unicast_src_ip


def _limits_ttl(given: VrrpInstance) -> bool:
    return any((peer.min_ttl, peer.max_ttl) != (0, 255) for peer in given.unicast_peer)


def _checksums(given: VrrpInstance, defaults: Global, version: int, family: int) -> tuple[tuple[Checksum, ...], bool]:
    """What is accepted, the first one being sent, and whether peers decide; only VRRPv3 over IPv4 has a choice."""
    if version == 2 or family == 6:
        return (Checksum.PSEUDO,), False
    bare = defaults.v3_checksum_as_v2 if given.v3_checksum_as_v2 is None else given.v3_checksum_as_v2
    old = given.old_unicast_checksum if given.unicast_peer else "never"
    first = Checksum.GROUP if old == "always" else Checksum.BARE if bare else Checksum.PSEUDO
    accepted = [first, Checksum.PSEUDO]
    if bare is not False:
        accepted.append(Checksum.BARE)
    if old != "never":
        accepted.append(Checksum.GROUP)
    accepted = list(dict.fromkeys(accepted))
    return tuple(accepted), first is Checksum.PSEUDO and len(accepted) > 1


def _on_interface(rows: tuple[VirtualAddress, ...], interface: str) -> tuple[VirtualAddress, ...]:
    return tuple(row if row.dev else row._replace(dev=interface) for row in rows)


def _problem(key: str, field: str, reason: str, hint: str = "") -> Problem:
    """Something that is left out."""
    from services.common.problems import Problem  # only where there is one: it brings in dataclasses

    return Problem(key, field, reason, hint)


def _warning(key: str, field: str, reason: str, hint: str = "") -> Problem:
    """Something that is done in another way than is written; keepalived says so in its log, if at all."""
    from services.common.problems import WARNING, Problem

    return Problem(key, field, reason, hint, WARNING)


def _first(*candidates: int | None) -> int:
    return next(c for c in candidates if c is not None)


def _interval(version: int, advert_int: int) -> int:
    """What the packet can carry: whole seconds in v2 (at least one), centiseconds in v3, as keepalived rounds."""
    if version == 2:
        return max(1, (advert_int + SECOND // 2) // SECOND) * SECOND
    return min(MAX_V3_INTERVAL, max(1, (advert_int + CENTISECOND // 2) // CENTISECOND) * CENTISECOND)


def _one_per_neighbor(sources: dict[Id, Source], problems: list[Problem]) -> dict[str, BfdInstance]:
    """One session for each neighbor (RFC 5881 section 3); the first by name keeps it, the others are left out of `sources`."""
    taken: dict[tuple[str, bool], str] = {}
    bfds = {name: s for (_, name), s in sorted(sources.items()) if isinstance(s, BfdInstance)}
    for name, bfd in tuple(bfds.items()):
        holder = taken.setdefault((bfd.neighbor_ip, bfd.multihop), name)
        if holder != name:
            reason = f"{bfd.neighbor_ip} is already the neighbor of bfd_instance {holder!r}: not started"
            problems.append(_problem(f"config/bfd_instance/{name}", "neighbor_ip", reason, f"track {holder} instead"))
            del bfds[name], sources["bfd_instance", name]
    return bfds


def _groups(
    wanted: Mapping[str, VrrpSyncGroup],
    routers: Mapping[str, RouterSettings],
    given: Mapping[str, VrrpInstance],
    problems: list[Problem],
) -> dict[str, GroupSettings]:
    member_of: dict[str, str] = {}
    groups = {}
    for name, group in wanted.items():
        members = []
        for at, member in enumerate(group.group):
            reason = hint = ""
            if member not in routers:
                what = "is not started" if member in given else "does not exist"
                reason, hint = f"vrrp_instance {member!r} {what}", f"put config/vrrp_instance/{member}"
            elif member in member_of:
                reason = f"vrrp_instance {member!r} is already in vrrp_sync_group {member_of[member]!r}"
                hint = "an instance can be in one group only"
            if reason:
                problems.append(_problem(f"config/vrrp_sync_group/{name}", f"group[{at}]", reason, hint))
            else:
                member_of[member] = name
                members.append(member)
        if 0 < sum(routers[member].priority == OWNER for member in members) < len(members):
            reason = "some members own their addresses (priority 255) and some do not: they cannot follow one another"
            problems.append(_warning(f"config/vrrp_sync_group/{name}", "group", reason, "the same for all members"))
        if members:
            groups[name] = GroupSettings(name, tuple(members), group.sync_group_tracking_weight)
    return groups


def _depend_on_statics(
    statics: Mapping[str, StaticEntries], track_groups: Mapping[str, tuple[str, ...]], routers: dict[str, RouterSettings]
) -> None:
    """An instance of a track group goes down with the interfaces of the group's static entries (keepalived's rule)."""
    found: dict[str, set[str]] = {}
    for entries in statics.values():
        for row in entries.rows:
            names = (row.dev,) if isinstance(row, VirtualAddress) else row.tracked_interfaces
            for member in track_groups.get(row.track_group, ()):
                found.setdefault(member, set()).update(names)
    for name, interfaces in found.items():
        if name in routers:
            depends = tuple(sorted({*routers[name].depends, *interfaces} - {routers[name].interface}))
            routers[name] = routers[name]._replace(depends=depends)


def _static_references(
    statics: Mapping[str, StaticEntries], track_groups: Mapping[str, tuple[str, ...]], given: Mapping[str, VrrpInstance]
) -> Iterator[Problem]:
    """Track groups that do not exist, and members of theirs that do not; nothing follows from either."""
    for name, entries in statics.items():
        for field in StaticEntries._fields:
            rows: tuple[VirtualAddress | Route | Rule, ...] = getattr(entries, field)
            for at, row in enumerate(rows):
                if row.track_group and row.track_group not in track_groups:
                    reason = f"there is no track_group {row.track_group!r}: no instance depends on it"
                    hint = f"put config/track_group/{row.track_group}"
                    yield _problem(f"config/static/{name}", f"{field}[{at}]", reason, hint)
    for name, members in track_groups.items():
        for at, member in enumerate(members):
            if member not in given:
                reason = f"vrrp_instance {member!r} does not exist"
                yield _problem(f"config/track_group/{name}", f"group[{at}]", reason, f"put config/vrrp_instance/{member}")


def _share_trackers(
    groups: Mapping[str, GroupSettings],
    wanted: Mapping[str, VrrpSyncGroup],
    routers: dict[str, RouterSettings],
    given: Mapping[str, VrrpInstance],
    sources: Mapping[Id, Source],
    problems: list[Problem],
) -> None:
    """Members of a group share one state, and so what the group tracks; `resolve_track` says which weights count."""
    for group in groups.values():
        rows, key = resolve_track.given_rows(wanted[group.name]), f"config/vrrp_sync_group/{group.name}"
        shared = resolve_track.resolved(key, rows, sources, False, problems)
        owners = any(routers[member].priority == OWNER for member in group.members)
        for member in group.members:
            router = routers[member]
            own = resolve_track.given_rows(router)
            all_rows = resolve_track.given_rows(given[member])
            found = resolve_track.of_member(own, all_rows, shared, group.tracking_weight, owners)
            if found != own:
                routers[member] = router._replace(**found._asdict())
