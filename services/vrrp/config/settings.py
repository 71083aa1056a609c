"""What is configured? Frozen settings of the kinds that vrrp reads, their defaults, and the checks across fields.

Decoders read the plain dicts of `services.common.values` (durations int nanoseconds, enums keepalived's lower-case word)
and give settings in which None means "not given". `services.vrrp.config.resolve` fills in the global defaults and checks across
objects. Addresses are text, as `VirtualAddress` has them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from services.common.errors import InvalidValue
from services.vrrp.addresses import VirtualAddress as VirtualAddress
from services.vrrp.addresses import family, interface, multicast_group, parse, virtual_address
from services.vrrp.addresses import packed as packed
from services.vrrp.config import announce_settings, authentication, track_settings
from services.vrrp.config.announce_settings import GarpGroup
from services.vrrp.config.authentication import AuthHmac
from services.vrrp.config.ranges import SECOND
from services.vrrp.config.ranges import duration as _duration
from services.vrrp.config.ranges import in_range as _in_range
from services.vrrp.config.track_settings import Source, Tracked, TrackFile, TrackProcess, VrrpScript

if TYPE_CHECKING:
    from services.vrrp.config.interface_delays import InterfaceDelays
    from services.vrrp.links.vmac import Ipvlan, Vmac
    from services.vrrp.routing.routes import Route
    from services.vrrp.routing.rules import Rule

OWNER = 255
MOST_PROCESSORS = 1024  # of a cpu_set_t
MOST_ADDRESSES = {4: 255, 6: 90}  # in an advert: eight bits of the header, and what fits into Ethernet's 1500 bytes
KINDS = ("global", "vrrp_instance", "vrrp_sync_group", *track_settings.DECODERS, "static", "track_group", "garp_group")
DOWN_TIMER_ADVERTS = 3  # RFC 9568 section 6.1
LINK_ALIAS = "vipkeeper on "  # begins the alias of a VMAC or an ipvlan that the engine made
__all__ = ["SECOND", "Source", "TrackFile", "TrackProcess", "Tracked", "VrrpScript"]


class Global(NamedTuple):
    """What vrrp uses of `config/global`."""

    vrrp_version: int = 2
    vrrp_garp_master_delay: int | None = None
    vrrp_garp_master_repeat: int | None = None
    vrrp_garp_master_refresh: int = 0
    vrrp_garp_master_refresh_repeat: int = 1
    vrrp_garp_lower_prio_delay: int | None = None
    vrrp_garp_lower_prio_repeat: int | None = None
    vrrp_garp_interval: int = 0
    vrrp_gna_interval: int = 0
    vrrp_min_garp: bool = False
    vrrp_garp_extra_if: int = 0
    vrrp_garp_extra_if_all: bool = False
    vrrp_lower_prio_no_advert: bool = False
    vrrp_higher_prio_send_advert: bool = True
    vrrp_mcast_group4: str = "224.0.0.18"
    vrrp_mcast_group6: str = "ff02::12"
    vrrp_check_unicast_src: bool = False
    v3_checksum_as_v2: bool | None = None
    vrrp_startup_delay: int = 0
    vrrp_delay_after_boot: int = 0
    vrrp_strict: bool = False
    vrrp_skip_check_adv_addr: bool = False
    vrrp_owner_ignore_adverts: bool = False
    vrrp_down_timer_adverts: int = DOWN_TIMER_ADVERTS
    vrrp_rt_priority: int = 50
    vmac_prefix: str = ""
    vmac_addr_prefix: str = ""
    default_interface: str = "eth0"  # of static addresses
    vrrp_cpu_affinity: tuple[int, ...] = ()
    bfd_cpu_affinity: tuple[int, ...] = ()
    log_unknown_vrids: bool = False
    interface_up_down_delays: tuple[InterfaceDelays, ...] = ()


class UnicastPeer(NamedTuple):
    """A router that gets adverts by unicast, and the TTLs (IPv6: hop limits) that its own may have."""

    address: str
    min_ttl: int = 0
    max_ttl: int = 255


class VrrpInstance(NamedTuple):
    """One `vrrp_instance` as given. Durations in nanoseconds; None: not given."""

    interface: str  # empty: wherever unicast_src_ip is
    virtual_router_id: int
    state: str = ""
    priority: int | None = None
    advert_int: int = SECOND
    version: int | None = None
    auth_type: str = ""  # "pass", "ah", or empty: none
    auth_pass: str | None = None
    auth_hmac: AuthHmac | None = None
    virtual_ipaddress: tuple[VirtualAddress, ...] = ()
    virtual_ipaddress_excluded: tuple[VirtualAddress, ...] = ()
    nopreempt: bool = False
    preempt_delay: int = 0
    garp_master_delay: int | None = None
    garp_master_repeat: int | None = None
    garp_master_refresh: int | None = None
    garp_master_refresh_repeat: int | None = None
    garp_lower_prio_delay: int | None = None
    garp_lower_prio_repeat: int | None = None
    garp_extra_if: int | None = None
    garp_extra_if_all: bool | None = None
    lower_prio_no_advert: bool | None = None
    higher_prio_send_advert: bool | None = None
    down_timer_adverts: int | None = None
    track_interface: tuple[Tracked, ...] = ()
    track_script: tuple[Tracked, ...] = ()
    track_file: tuple[Tracked, ...] = ()
    track_process: tuple[Tracked, ...] = ()
    dont_track_primary: bool = False
    mcast_src_ip: str = ""
    mcast_dst_ip: str = ""
    track_src_ip: bool = False
    promote_secondaries: bool = False
    vrf: str = ""
    native_ipv6: bool = False
    unicast_peer: tuple[UnicastPeer, ...] = ()
    unicast_src_ip: str = ""
    unicast_ttl: int | None = None
    check_unicast_src: bool | None = None
    unicast_fault_no_peer: bool = False
    v3_checksum_as_v2: bool | None = None
    old_unicast_checksum: str = ""  # "always", "never", or empty: as heard
    virtual_routes: tuple[Route, ...] = ()
    virtual_rules: tuple[Rule, ...] = ()
    strict_mode: bool | None = None
    accept: bool | None = None
    skip_check_adv_addr: bool | None = None
    owner_ignore_adverts: bool | None = None
    track_bfd: tuple[Tracked, ...] = ()
    use_vmac: Vmac | None = None
    use_ipvlan: Ipvlan | None = None
    vmac_xmit_base: bool = False
    use_vmac_addr: bool = False


class VrrpSyncGroup(NamedTuple):
    """One `vrrp_sync_group`: members by name, and what is tracked for all of them."""

    group: tuple[str, ...]
    sync_group_tracking_weight: bool = False
    track_interface: tuple[Tracked, ...] = ()
    track_script: tuple[Tracked, ...] = ()
    track_file: tuple[Tracked, ...] = ()
    track_process: tuple[Tracked, ...] = ()
    track_bfd: tuple[Tracked, ...] = ()


class StaticEntries(NamedTuple):
    """One `static` object: what this machine has while the service runs, whoever is master."""

    static_ipaddress: tuple[VirtualAddress, ...] = ()
    static_routes: tuple[Route, ...] = ()
    static_rules: tuple[Rule, ...] = ()

    @property
    def routing(self) -> tuple[Route | Rule, ...]:
        """Routes, then rules."""
        return self.static_routes + self.static_rules

    @property
    def rows(self) -> tuple[VirtualAddress | Route | Rule, ...]:
        """Addresses, routes and rules."""
        return self.static_ipaddress + self.routing


class TrackGroup(NamedTuple):
    """One `track_group`: the instances, by name, that cannot do without certain static entries."""

    group: tuple[str, ...]


Settings = Global | VrrpInstance | VrrpSyncGroup | Source | StaticEntries | TrackGroup | GarpGroup
Decoder = Callable[[str, Mapping[str, Any]], Settings]


def decode_global(name: str, value: Mapping[str, Any]) -> Global:
    """Settings of `config/global`; other services' fields are passed over."""
    if "vrrp_version" in value and value["vrrp_version"] not in (2, 3):
        raise InvalidValue("vrrp_version", f"expected 2 or 3, got {value['vrrp_version']}")
    taken = {field: value[field] for field in Global._fields if field in value}
    for field, of in ("vrrp_mcast_group4", 4), ("vrrp_mcast_group6", 6):
        if field in value:
            taken[field] = multicast_group(value[field], field, (of,))
    if "vmac_prefix" in value or "vmac_addr_prefix" in value:
        from services.vrrp.links.vmac import decode_prefix

        taken |= {field: decode_prefix(value, field) for field in ("vmac_prefix", "vmac_addr_prefix")}
    if "default_interface" in value:
        interface(value["default_interface"], "default_interface")
    if value.get("interface_up_down_delays"):
        from services.vrrp.config import interface_delays

        taken["interface_up_down_delays"] = interface_delays.decode(value)
    for field in ("vrrp_cpu_affinity", "bfd_cpu_affinity"):
        taken[field] = tuple(value.get(field, ()))
        for at, number in enumerate(taken[field]):
            if not 0 <= number < MOST_PROCESSORS:
                raise InvalidValue(f"{field}[{at}]", f"expected 0 to {MOST_PROCESSORS - 1}, got {number}")
    _in_range(value, "vrrp_rt_priority", 1, 99)
    announce_settings.check(value, "vrrp_")
    for field in ("vrrp_startup_delay", "vrrp_delay_after_boot"):
        _duration(value, field, 0, 86_400 * SECOND)
    _in_range(value, "vrrp_down_timer_adverts", 1, 100)
    return Global(**taken)


def decode_instance(name: str, value: Mapping[str, Any]) -> VrrpInstance:
    """Settings of one instance.

    :raises InvalidValue: the field that cannot be used, and why.
    """
    _instance_ranges(value)
    taken: dict[str, Any] = {field: value[field] for field in VrrpInstance._fields if field in value}
    taken["interface"] = interface(value["interface"], "interface") if value.get("interface") else ""
    taken["vrf"] = interface(value["vrf"], "vrf") if value.get("vrf") else ""
    for field in ("virtual_ipaddress", "virtual_ipaddress_excluded"):
        rows = value.get(field, ())
        taken[field] = tuple(virtual_address(row, f"{field}[{at}]") for at, row in enumerate(rows))
    taken |= track_settings.decode_rows(value)
    for field in ("mcast_src_ip", "unicast_src_ip"):
        if value.get(field):
            taken[field] = parse(value[field], field)
    if value.get("mcast_dst_ip"):
        taken["mcast_dst_ip"] = multicast_group(value["mcast_dst_ip"], "mcast_dst_ip")
    peers = value.get("unicast_peer", ())
    taken["unicast_peer"] = tuple(_peer(row, f"unicast_peer[{at}]") for at, row in enumerate(peers))
    taken["virtual_routes"] = parse_routes(value, "virtual_routes")
    taken["virtual_rules"] = parse_rules(value, "virtual_rules")
    for field in ("virtual_ipaddress", "virtual_ipaddress_excluded", "virtual_routes", "virtual_rules"):
        for at, row in enumerate(taken[field]):
            if row.track_group:
                raise InvalidValue(f"{field}[{at}]", "track_group is for static entries; an instance tracks its own anyway")
    taken["auth_type"], taken["auth_pass"] = authentication.type_and_password(value)
    taken["auth_hmac"] = authentication.hmac(value)
    if "use_vmac" in value or "use_ipvlan" in value:
        from services.vrrp.links.vmac import decode_ipvlan, decode_vmac  # only where there are any, as with routes

        taken["use_vmac"], taken["use_ipvlan"] = decode_vmac(value), decode_ipvlan(value)
    return _checked(VrrpInstance(**taken))


def decode_sync_group(name: str, value: Mapping[str, Any]) -> VrrpSyncGroup:
    """Settings of one sync group.

    :raises InvalidValue: no members, or one named twice.
    """
    weights = bool(value.get("sync_group_tracking_weight", False))
    return VrrpSyncGroup(_members(value), weights, **track_settings.decode_rows(value))


def decode_track_group(name: str, value: Mapping[str, Any]) -> TrackGroup:
    """Settings of one track group.

    :raises InvalidValue: no members, or one named twice.
    """
    return TrackGroup(_members(value))


def decode_static(name: str, value: Mapping[str, Any]) -> StaticEntries:
    """Static addresses, routes and rules.

    :raises InvalidValue: the row that cannot be used, and why.
    """
    addresses: list[VirtualAddress] = []
    for at, given in enumerate(value.get("static_ipaddress", ())):
        row = virtual_address(given, f"static_ipaddress[{at}]")
        if row.use_vmac:
            raise InvalidValue(
                f"static_ipaddress[{at}].use_vmac", "is for virtual addresses: a static one belongs to this node"
            )
        if any((row.address, row.dev) == (other.address, other.dev) for other in addresses):
            raise InvalidValue(f"static_ipaddress[{at}].address", f"{row.address} is listed twice")
        addresses.append(row)
    return StaticEntries(tuple(addresses), parse_routes(value, "static_routes"), parse_rules(value, "static_rules"))


def _members(value: Mapping[str, Any]) -> tuple[str, ...]:
    members = tuple(value.get("group", ()))
    if not members:
        raise InvalidValue("group", "expected the names of the member instances, got none")
    for at, member in enumerate(members):
        if not member or member in members[:at]:
            raise InvalidValue(f"group[{at}]", f"{member!r} is named twice" if member else "the name is empty")
    return members


DECODERS: Mapping[str, Decoder] = {
    "global": decode_global,
    "vrrp_instance": decode_instance,
    "vrrp_sync_group": decode_sync_group,
    **track_settings.DECODERS,
    "static": decode_static,
    "track_group": decode_track_group,
    "garp_group": announce_settings.decode_garp_group,
}


def parse_routes(value: Mapping[str, Any], field: str) -> tuple[Route, ...]:
    """The lines of a field as routes.

    :raises InvalidValue: a line that cannot be understood, or one that is there twice.
    """
    if not value.get(field):
        return ()
    from services.vrrp.routing.routes import parse_route  # only where there are any: the engine's start is in a hurry

    rows = tuple(parse_route(line, f"{field}[{at}]") for at, line in enumerate(value[field]))
    _each_once(rows, field)
    return rows


def parse_rules(value: Mapping[str, Any], field: str) -> tuple[Rule, ...]:
    """The lines of a field as rules.

    :raises InvalidValue: a line that cannot be understood, or one that is there twice.
    """
    if not value.get(field):
        return ()
    from services.vrrp.routing.rules import parse_rule

    rows = tuple(parse_rule(line, f"{field}[{at}]") for at, line in enumerate(value[field]))
    _each_once(rows, field)
    return rows


def _each_once(rows: Iterable[Route | Rule], field: str) -> None:
    seen = set()
    for at, row in enumerate(rows):
        if row.identity in seen:
            raise InvalidValue(f"{field}[{at}]", f"{row.text!r} is listed twice")
        seen.add(row.identity)


def _instance_ranges(value: Mapping[str, Any]) -> None:
    if "virtual_router_id" not in value:
        raise InvalidValue("virtual_router_id", "is required: 1 to 255, the same on all routers of this group")
    _in_range(value, "virtual_router_id", 1, 255)
    _in_range(value, "priority", 1, OWNER)
    _in_range(value, "version", 2, 3)
    _in_range(value, "down_timer_adverts", 1, 100)
    _in_range(value, "unicast_ttl", 1, 255)
    announce_settings.check(value)
    _duration(value, "preempt_delay", 0, 1000 * SECOND)
    _duration(value, "advert_int", 10_000_000, 255 * SECOND)


def _checked(given: VrrpInstance) -> VrrpInstance:
    """keepalived's rules between the fields of one instance."""
    if given.version == 3 and given.advert_int > 40_950_000_000:
        raise InvalidValue("advert_int", "VRRPv3 allows at most 40.95 s", "use a shorter interval or version 2")
    seen: set[tuple[str, str]] = set()
    for field in ("virtual_ipaddress", "virtual_ipaddress_excluded"):
        for at, row in enumerate(getattr(given, field)):
            if (row.address, row.dev) in seen:
                raise InvalidValue(f"{field}[{at}].address", f"{row.address} is listed twice")
            seen.add((row.address, row.dev))
    most = MOST_ADDRESSES[family_of(given)]
    if len(given.virtual_ipaddress) > most:
        hint = "move the others to virtual_ipaddress_excluded"
        raise InvalidValue("virtual_ipaddress", f"an advert carries at most {most} addresses", hint)
    _one_family(given)
    if given.auth_type == authentication.AH:
        authentication.refuse_ah(given.version or 2, family_of(given))
    _check_ipvlan(given)
    if not given.interface:
        from services.vrrp.config import places  # hardly ever, and the engine's start is in a hurry

        places.check(given)
    for at, peer in enumerate(given.unicast_peer):
        if peer.address in (other.address for other in given.unicast_peer[:at]):
            raise InvalidValue(f"unicast_peer[{at}].address", f"{peer.address} is listed twice")
    return given


def is_strict(given: VrrpInstance, defaults: Global) -> bool:
    """Whether an instance is in strict mode."""
    return defaults.vrrp_strict if given.strict_mode is None else given.strict_mode


def needs_links(given: VrrpInstance) -> bool:
    """Whether there is anything about VMACs or ipvlans."""
    if given.use_vmac is not None or given.use_ipvlan is not None or given.use_vmac_addr:
        return True
    return any(row.use_vmac for row in given.virtual_ipaddress + given.virtual_ipaddress_excluded)


def family_of(given: VrrpInstance) -> int:
    """4 or 6: the family of an instance's adverts, which is that of its first address, as keepalived has it."""
    said = [row.address for row in given.virtual_ipaddress[:1]] + [peer.address for peer in given.unicast_peer[:1]]
    said += [source for source in (given.unicast_src_ip, given.mcast_src_ip, given.mcast_dst_ip) if source]
    return family(said[0]) if said else 6 if given.native_ipv6 else 4


def _one_family(given: VrrpInstance) -> None:
    """Adverts carry addresses of their own family only, and go to and come from such."""
    own = family_of(given)
    named = [(f"virtual_ipaddress[{at}].address", row.address) for at, row in enumerate(given.virtual_ipaddress)]
    named += [(f"unicast_peer[{at}].address", peer.address) for at, peer in enumerate(given.unicast_peer)]
    named += [(field, getattr(given, field)) for field in ("unicast_src_ip", "mcast_src_ip", "mcast_dst_ip")]
    for field, address in named:
        if address and family(address) != own:
            hint = "virtual_ipaddress_excluded may have both families" if field.startswith("virtual") else ""
            reason = f"{address} is not an IPv{own} address, and this instance's adverts are IPv{own}; keepalived leaves it out"
            raise InvalidValue(field, reason, hint)
    if given.native_ipv6 and own == 4:
        raise InvalidValue("native_ipv6", "the instance's addresses are IPv4", "remove native_ipv6")


def _check_ipvlan(given: VrrpInstance) -> None:
    if given.use_ipvlan is None:
        return
    own, address = family_of(given), given.use_ipvlan.address
    if own == 4 and not address:
        raise InvalidValue("use_ipvlan.address", "is required for IPv4 adverts: an address of this node for the link")
    if address and family(address) != own:
        raise InvalidValue("use_ipvlan.address", f"{address} is not an IPv{own} address, and this instance's adverts are")


def _peer(row: Mapping[str, Any], field: str) -> UnicastPeer:
    address = parse(row.get("address", ""), f"{field}.address")
    least, most = row.get("min_ttl", 0), row.get("max_ttl", 255)
    for name, ttl in (("min_ttl", least), ("max_ttl", most)):
        if not 0 <= ttl <= 255:
            raise InvalidValue(f"{field}.{name}", f"expected 0 to 255, got {ttl}")
    if least > most:
        raise InvalidValue(f"{field}.min_ttl", f"{least} is more than max_ttl, {most}: nothing could be heard")
    return UnicastPeer(address, least, most)
