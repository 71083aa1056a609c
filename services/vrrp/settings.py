"""What is configured? Frozen settings of the kinds that vrrp reads, their defaults, and the checks across fields.

Decoders read the plain dicts of `services.common.values` (durations int nanoseconds, enums keepalived's lower-case word)
and give settings in which None means "not given". `services.vrrp.resolve` fills in the global defaults and checks across
objects. IPv4 addresses are dotted text, as `VirtualAddress` has them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from services.common.errors import InvalidValue

SECOND = 1_000_000_000
OWNER = 255
MAX_WEIGHT = 253
SCOPES = {"global": 0, "site": 200, "link": 253, "host": 254, "nowhere": 255}
KINDS = ("global", "vrrp_instance", "vrrp_sync_group", "vrrp_script")


class Global(NamedTuple):
    """What vrrp uses of `config/global`."""

    vrrp_version: int = 2
    vrrp_garp_master_delay: int = 5 * SECOND
    vrrp_garp_master_repeat: int = 5
    vrrp_garp_master_refresh: int = 0
    vrrp_garp_master_refresh_repeat: int = 1
    vrrp_garp_lower_prio_delay: int | None = None
    vrrp_garp_lower_prio_repeat: int | None = None
    vrrp_lower_prio_no_advert: bool = False
    vrrp_higher_prio_send_advert: bool = False
    vrrp_mcast_group4: str = "224.0.0.18"
    vrrp_startup_delay: int = 0
    vrrp_rt_priority: int = 50


class VirtualAddress(NamedTuple):
    """One address that the master holds. `dev` empty: the instance's interface; `brd`: address, "+", "-" or empty."""

    address: str
    prefix: int = 32
    dev: str = ""
    scope: int = 0
    label: str = ""
    brd: str = ""


class Tracked(NamedTuple):
    """An interface or script that an instance tracks. `weight` None: a script's own weight, for an interface 0."""

    name: str
    weight: int | None = None
    reverse: bool = False


class VrrpInstance(NamedTuple):
    """One `vrrp_instance` as given. Durations in nanoseconds; None: not given."""

    interface: str
    virtual_router_id: int
    state: str = ""
    priority: int | None = None
    advert_int: int = SECOND
    version: int | None = None
    auth_pass: str | None = None
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
    lower_prio_no_advert: bool | None = None
    higher_prio_send_advert: bool | None = None
    down_timer_adverts: int = 3
    track_interface: tuple[Tracked, ...] = ()
    track_script: tuple[Tracked, ...] = ()
    dont_track_primary: bool = False
    mcast_src_ip: str = ""


class VrrpSyncGroup(NamedTuple):
    """One `vrrp_sync_group`: members by name."""

    group: tuple[str, ...]
    sync_group_tracking_weight: bool = False


class VrrpScript(NamedTuple):
    """One `vrrp_script`. `rise` and `fall` are applied by the engine, everything about running it by the runner."""

    script: str
    interval: int = SECOND
    timeout: int = SECOND
    weight: int = 0
    rise: int = 1
    fall: int = 1
    init_fail: bool = False
    user: str = ""


Settings = Global | VrrpInstance | VrrpSyncGroup | VrrpScript
Decoder = Callable[[str, Mapping[str, Any]], Settings]


def decode_global(name: str, value: Mapping[str, Any]) -> Global:
    """Settings of `config/global`; other services' fields are passed over."""
    if "vrrp_version" in value and value["vrrp_version"] not in (2, 3):
        raise InvalidValue("vrrp_version", f"expected 2 or 3, got {value['vrrp_version']}")
    if "vrrp_mcast_group4" in value:
        group = parse_address(value["vrrp_mcast_group4"], "vrrp_mcast_group4")
        if not 224 <= int(group.partition(".")[0]) <= 239:
            raise InvalidValue("vrrp_mcast_group4", f"expected a multicast address (224.0.0.0/4), got {group}")
    _in_range(value, "vrrp_rt_priority", 1, 99)
    for field in ("vrrp_garp_master_repeat", "vrrp_garp_master_refresh_repeat", "vrrp_garp_lower_prio_repeat"):
        _in_range(value, field, 0, 1000)
    for field in ("vrrp_garp_master_delay", "vrrp_garp_master_refresh", "vrrp_garp_lower_prio_delay"):
        _duration(value, field, 0, 86_400 * SECOND)
    _duration(value, "vrrp_startup_delay", 0, 86_400 * SECOND)
    return Global(**{field: value[field] for field in Global._fields if field in value})


def decode_instance(name: str, value: Mapping[str, Any]) -> VrrpInstance:
    """Settings of one instance.

    :raises InvalidValue: the field that cannot be used, and why.
    """
    _instance_ranges(value)
    taken: dict[str, Any] = {field: value[field] for field in VrrpInstance._fields if field in value}
    taken["interface"] = _interface(value.get("interface", ""), "interface")
    for field in ("virtual_ipaddress", "virtual_ipaddress_excluded"):
        rows = value.get(field, ())
        taken[field] = tuple(_virtual_address(row, f"{field}[{at}]") for at, row in enumerate(rows))
    for field in ("track_interface", "track_script"):
        rows = value.get(field, ())
        taken[field] = tuple(_tracked(row, f"{field}[{at}]", field) for at, row in enumerate(rows))
    if "mcast_src_ip" in value:
        taken["mcast_src_ip"] = parse_address(value["mcast_src_ip"], "mcast_src_ip")
    taken["auth_pass"] = _password(value)
    return _checked(VrrpInstance(**taken))


def decode_sync_group(name: str, value: Mapping[str, Any]) -> VrrpSyncGroup:
    """Settings of one sync group.

    :raises InvalidValue: no members, or one named twice.
    """
    members = tuple(value.get("group", ()))
    if not members:
        raise InvalidValue("group", "expected the names of the member instances, got none")
    for at, member in enumerate(members):
        if not member or member in members[:at]:
            raise InvalidValue(f"group[{at}]", f"{member!r} is named twice" if member else "the name is empty")
    return VrrpSyncGroup(members, bool(value.get("sync_group_tracking_weight", False)))


def decode_script(name: str, value: Mapping[str, Any]) -> VrrpScript:
    """Settings of one tracking script.

    :raises InvalidValue: no command, or a number out of range.
    """
    if not value.get("script", "").strip():
        raise InvalidValue("script", "expected a command line, got none")
    _duration(value, "interval", 1_000_000, 86_400 * SECOND)
    _duration(value, "timeout", 1_000_000, 86_400 * SECOND)
    for field in ("rise", "fall"):
        _in_range(value, field, 1, 1000)
    taken = {field: value[field] for field in VrrpScript._fields if field in value}
    taken["weight"] = _weight(value.get("weight", 0), "weight")
    taken.setdefault("timeout", taken.get("interval", SECOND))
    return VrrpScript(**taken)


DECODERS: Mapping[str, Decoder] = {
    "global": decode_global,
    "vrrp_instance": decode_instance,
    "vrrp_sync_group": decode_sync_group,
    "vrrp_script": decode_script,
}


def parse_address(text: str, field: str) -> str:
    """Dotted IPv4 text, checked.

    :raises InvalidValue: anything else.
    """
    parts = text.split(".")
    if len(parts) == 4 and all(p.isascii() and p.isdigit() and len(p) < 4 and int(p) < 256 for p in parts):
        return ".".join(str(int(p)) for p in parts)
    raise InvalidValue(field, f"expected an IPv4 address, got {text!r}")


def packed(address: str) -> bytes:
    """The four bytes of dotted text that has been checked."""
    return bytes(map(int, address.split(".")))


def _instance_ranges(value: Mapping[str, Any]) -> None:
    if "virtual_router_id" not in value:
        raise InvalidValue("virtual_router_id", "is required: 1 to 255, the same on all routers of this group")
    _in_range(value, "virtual_router_id", 1, 255)
    _in_range(value, "priority", 1, OWNER)
    _in_range(value, "version", 2, 3)
    _in_range(value, "down_timer_adverts", 1, 100)
    for field in ("garp_master_repeat", "garp_master_refresh_repeat", "garp_lower_prio_repeat"):
        _in_range(value, field, 0, 1000)
    for field in ("garp_master_delay", "garp_master_refresh", "garp_lower_prio_delay"):
        _duration(value, field, 0, 86_400 * SECOND)
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
    if len(given.virtual_ipaddress) > 255:
        hint = "move the others to virtual_ipaddress_excluded"
        raise InvalidValue("virtual_ipaddress", "an advert carries at most 255 addresses", hint)
    return given


def _in_range(value: Mapping[str, Any], field: str, least: int, most: int) -> None:
    if field in value and not least <= value[field] <= most:
        raise InvalidValue(field, f"expected {least} to {most}, got {value[field]}")


def _duration(value: Mapping[str, Any], field: str, least: int, most: int) -> None:
    if field in value and not least <= value[field] <= most:
        limits = f"{least / SECOND:g} to {most / SECOND:g} s"
        raise InvalidValue(field, f"expected {limits}, got {value[field] / SECOND:g} s")


def _interface(name: str, field: str) -> str:
    if not name:
        raise InvalidValue(field, "is required: the name of a network interface")
    if len(name.encode()) > 15 or "/" in name or name.split() != [name]:
        raise InvalidValue(field, f"{name!r} cannot be an interface: at most 15 bytes, no space and no slash")
    return name


def _weight(weight: int, field: str) -> int:
    """+-254 is accepted and reduced to +-253, as keepalived does."""
    if not -MAX_WEIGHT - 1 <= weight <= MAX_WEIGHT + 1:
        raise InvalidValue(field, f"expected -253 to 253, got {weight}")
    return max(-MAX_WEIGHT, min(MAX_WEIGHT, weight))


def _tracked(row: Mapping[str, Any], field: str, kind: str) -> Tracked:
    name = row.get("name", "")
    if kind == "track_interface":
        _interface(name, f"{field}.name")
    elif not name:
        raise InvalidValue(f"{field}.name", "is required: the name of a vrrp_script")
    weight = row.get("weight")
    if weight is not None:
        weight = _weight(weight, f"{field}.weight")
    return Tracked(name, weight, bool(row.get("reverse", False)))


def _virtual_address(row: Mapping[str, Any], field: str) -> VirtualAddress:
    address, slash, length = row.get("address", "").partition("/")
    address = parse_address(address, f"{field}.address")
    if slash and not (length.isascii() and length.isdigit() and len(length) < 3 and 1 <= int(length) <= 32):
        raise InvalidValue(f"{field}.address", f"expected a prefix length of 1 to 32 after the slash, got {length!r}")
    dev, label, brd = row.get("dev", ""), row.get("label", ""), row.get("brd", "")
    if dev:
        _interface(dev, f"{field}.dev")
    if len(label.encode()) > 15:
        raise InvalidValue(f"{field}.label", f"expected at most 15 bytes, got {label!r}")
    if brd not in ("", "+", "-"):
        brd = parse_address(brd, f"{field}.brd")
    scope = _scope(row.get("scope", "global"), f"{field}.scope")
    return VirtualAddress(address, int(length) if slash else 32, dev, scope, label, brd)


def _scope(text: str, field: str) -> int:
    if text in SCOPES:
        return SCOPES[text]
    if text.isascii() and text.isdigit() and int(text) < 256:
        return int(text)
    raise InvalidValue(field, f"expected {', '.join(SCOPES)} or 0 to 255, got {text!r}")


def _password(value: Mapping[str, Any]) -> str | None:
    authentication = value.get("authentication")
    if authentication is None or not authentication.get("auth_type"):
        if authentication and authentication.get("auth_pass"):
            raise InvalidValue("authentication.auth_type", "is required where auth_pass is given", "auth_type PASS")
        return None
    if not authentication.get("auth_pass"):
        raise InvalidValue("authentication.auth_pass", "is required for auth_type PASS: 1 to 8 bytes")
    password: str = authentication["auth_pass"]
    return password
