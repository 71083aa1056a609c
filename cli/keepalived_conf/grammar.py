"""Which keywords may stand in which block, what do they take, and which field do they become?

One table a block: keepalived's keyword -> field of the message in protos/vipkeeper/config/v1, and its reader. What
keepalived knows beyond the tables (`keywords.tsv`) is reported as not supported yet, everything else as unknown.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cli.keepalived_conf.checks import dns_name, dns_type, udp_payload, udp_reply
from cli.keepalived_conf.ipvs_globals import READERS as IPVS_GLOBALS
from cli.keepalived_conf.keywords import known_keywords
from cli.keepalived_conf.lexer import Word
from cli.keepalived_conf.needless import GLOBAL as NEEDLESS_GLOBALLY
from cli.keepalived_conf.needless import INSTANCE as NEEDLESS_IN_AN_INSTANCE
from cli.keepalived_conf.readers import (
    ListReader,
    Reader,
    Scope,
    account,
    address,
    block_of,
    boolean,
    choice,
    command,
    default_word,
    flag,
    interface,
    joined,
    names,
    negated,
    number,
    rows,
    seconds,
    shown,
    text,
)
from cli.keepalived_conf.regex import options as regex_options
from cli.keepalived_conf.regex import pattern as regex_pattern
from cli.keepalived_conf.routing import route_lines, rule_lines
from cli.keepalived_conf.special import (
    LINKBEAT,
    PORT_MAX,
    at_least_one,
    digest,
    dynamic_interfaces,
    extra_if,
    granularity,
    hmac_key,
    init_file,
    interface_delays,
    milliseconds,
    needless,
    old_checksum,
    process_words,
    processors,
    sorry_server,
    status_codes,
    tracked,
    tracker_weight,
    unicast_peer,
    virtual_address,
)
from cli.keepalived_conf.tree import Statement
from cli.keepalived_conf.virtual_links import use_ipvlan, use_vmac
from cli.keepalived_conf.virtual_servers import FLAGS, field_of, forwarding

TIME_MAX: Final = 4294.967295  # keepalived's TIMER, microseconds in 32 bits
WHOLE_MAX: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Keyword:
    """What a keyword becomes: the field of the message, and how its value is read.

    With `block` the keyword opens a block. With `many` each further one adds an item; otherwise the last one counts.
    `instead`: the keyword is out of use, and this one takes its place.
    """

    field: str
    read: Reader
    block: bool = False
    many: bool = False
    instead: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """A keyword that opens a block of items; further ones add to the list."""

    field: str
    read: ListReader


Table = dict[str, Keyword | Listed]


def read_block(scope: Scope, block: str, body: list[Statement], path: str = "") -> dict[str, Any]:
    """The fields that a block gives. `block` is the path of its table, and in `keywords.tsv`."""
    table = TABLES[block]
    value: dict[str, Any] = {}
    given: dict[str, Word] = {}
    for statement in body:
        keyword = statement.keyword
        match table.get(keyword.text):
            case None:
                complain_of_unknown(scope, block, statement)
            case Listed(name, read_list):
                items = value.setdefault(name, [])
                items += read_list(scope, statement, _within(path, name), len(items))
                scope.mark(_within(path, name), keyword.at)
            case Keyword() as known:
                _read_keyword(scope, statement, known, value, given, path)
    return {name: found for name, found in value.items() if found != []}


def _read_keyword(
    scope: Scope, statement: Statement, known: Keyword, value: dict[str, Any], given: dict[str, Word], path: str
) -> None:
    """Put what one statement says into the block's value."""
    keyword = statement.keyword
    if statement.body is not None and not known.block:
        scope.report.mistake(statement.opened or keyword.at, f"unexpected '{{': {keyword.text} opens no block")
    if known.instead:
        scope.report.note(keyword.at, f"{keyword.text} is deprecated; expected {known.instead}")
    place = _within(path, known.field) + (f"[{len(value.get(known.field, ()))}]" if known.many else "")
    scope.mark(place, keyword.at)
    found = known.read(scope, statement, place)
    if found is None:
        return
    if known.many:
        value.setdefault(known.field, []).append(found)
        return
    if known.field in given:
        before = given[known.field].at.line
        scope.report.note(keyword.at, f"{keyword.text} is given again (before: line {before}); the last one counts")
    given[known.field] = keyword
    value[known.field] = found


def _within(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def complain_of_unknown(scope: Scope, block: str, statement: Statement) -> None:
    """A keyword that has no place here: not supported yet, or wrong."""
    word = statement.keyword
    where = block.rpartition("/")[2] if block else "the top level"
    if not word.text:
        return  # a block without a keyword; complained about where it opens
    if word.text in known_keywords().get(block, frozenset()):
        scope.report.unsupported(word.at, f"{word.text} in {where}" if block else word.text)
        return
    if scope.report.full:
        scope.report.mistake(word.at, f"unknown keyword {shown(word.text)}")
        return
    likely = {*TABLES[block], *known_keywords().get(block, ())}
    close = difflib.get_close_matches(word.text, likely, 1, 0.7) or [k for k in likely if k.lower() == word.text.lower()]
    homes = [b.rpartition("/")[2] or "the top level" for b, table in TABLES.items() if word.text in table]
    hint = f"did you mean {close[0]!r}?" if close else f"it belongs in {homes[0]}" if homes else ""
    where = f"at {where}" if not block else f"in {where}"
    scope.report.mistake(word.at, f"unknown keyword {shown(word.text)} {where}" + (f"; {hint}" if hint else ""))


def sub_block(block: str) -> Reader:
    """A block that is a message of its own."""

    def read(scope: Scope, statement: Statement, path: str) -> dict[str, Any]:
        for word in statement.arguments[:1]:
            scope.report.note(word.at, f"{statement.keyword.text}: {shown(word.text)} is ignored; expected '{{'")
        return read_block(scope, block, block_of(scope, statement), path)

    return read


_ALGOS: Final = ("rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh", "twos")
_TIMER: Final = seconds(0.000001, TIME_MAX)
_TIMER0: Final = seconds(0, TIME_MAX)
_LONG: Final = seconds(0, 86400)
_NOTIFY: Final = command(with_user=True)
_HOST: Final = text("a host name", 255)


def _needless(reasons: Mapping[str, str]) -> Table:
    return {keyword: Keyword("", needless(why)) for keyword, why in reasons.items()}


_NOTIFIES: Final[Table] = {
    k: Keyword(k, _NOTIFY) for k in ("notify_master", "notify_backup", "notify_fault", "notify_stop", "notify")
}

_TRACKING: Final[Table] = {
    "track_interface": Listed("track_interface", tracked(253)),
    "track_script": Listed("track_script", tracked(253)),
    "track_file": Listed("track_file", tracked(254)),
    "track_process": Listed("track_process", tracked(254)),
    "track_bfd": Listed("track_bfd", tracked(253)),
}

_GARP: Final = {
    "garp_master_delay": _LONG,
    "garp_master_repeat": at_least_one(1000),
    "garp_master_refresh": _LONG,
    "garp_master_refresh_repeat": at_least_one(1000),
    "garp_lower_prio_delay": _LONG,
    "garp_lower_prio_repeat": number(0, 1000),
    "lower_prio_no_advert": boolean,
    "higher_prio_send_advert": boolean,
}

_GAP: Final = seconds(0.000001, TIME_MAX)


GLOBAL_DEFS: Final[Table] = {
    "router_id": Keyword("router_id", text("a name")),
    "lvs_id": Keyword("router_id", text("a name")),  # its name in keepalived 0.x
    "notification_email": Listed("notification_email", names("mail addresses")),
    "notification_email_from": Keyword("notification_email_from", text("a mail address")),
    "smtp_server": Keyword("smtp_server", joined("HOST [PORT]", 1, 2)),
    "smtp_helo_name": Keyword("smtp_helo_name", _HOST),
    "smtp_connect_timeout": Keyword("smtp_connect_timeout", _TIMER),
    "smtp_alert": Keyword("smtp_alert", boolean),
    "smtp_alert_vrrp": Keyword("smtp_alert_vrrp", boolean),
    "smtp_alert_checker": Keyword("smtp_alert_checker", boolean),
    "checker_log_all_failures": Keyword("checker_log_all_failures", boolean),
    "script_user": Keyword("script_user", account),
    "enable_script_security": Keyword("enable_script_security", flag),
    "vrrp_version": Keyword("vrrp_version", number(2, 3)),
    "vrrp_mcast_group4": Keyword("vrrp_mcast_group4", address),
    "vrrp_mcast_group6": Keyword("vrrp_mcast_group6", address),
    "vrrp_check_unicast_src": Keyword("vrrp_check_unicast_src", flag),
    "v3_checksum_as_v2": Keyword("v3_checksum_as_v2", boolean),
    "vrrp_startup_delay": Keyword("vrrp_startup_delay", seconds(0.001, TIME_MAX)),
    "vrrp_delay_after_boot": Keyword("vrrp_delay_after_boot", seconds(0.001, TIME_MAX)),
    "vrrp_strict": Keyword("vrrp_strict", boolean),
    "vrrp_skip_check_adv_addr": Keyword("vrrp_skip_check_adv_addr", boolean),
    "vrrp_owner_ignore_adverts": Keyword("vrrp_owner_ignore_adverts", boolean),
    "vrrp_down_timer_adverts": Keyword("vrrp_down_timer_adverts", number(1, 100)),
    **_needless(NEEDLESS_GLOBALLY),
    "dynamic_interfaces": Keyword("", dynamic_interfaces),
    "vrrp_rt_priority": Keyword("vrrp_rt_priority", number(1, 99)),
    "vrrp_cpu_affinity": Keyword("vrrp_cpu_affinity", processors),
    "bfd_cpu_affinity": Keyword("bfd_cpu_affinity", processors),
    "vmac_prefix": Keyword("vmac_prefix", text("a prefix", 8)),
    "vmac_addr_prefix": Keyword("vmac_addr_prefix", text("a prefix", 8)),
    "log_unknown_vrids": Keyword("log_unknown_vrids", flag),
    "default_interface": Keyword("default_interface", interface),
    **{f"vrrp_{name}": Keyword(f"vrrp_{name}", read) for name, read in _GARP.items()},
    "vrrp_garp_interval": Keyword("vrrp_garp_interval", _GAP),
    "vrrp_gna_interval": Keyword("vrrp_gna_interval", _GAP),
    "vrrp_min_garp": Keyword("vrrp_min_garp", boolean),
    "vrrp_garp_extra_if": Keyword("vrrp_garp_extra_if", extra_if(1)),
    "lvs_flush": Keyword("lvs_flush", flag),
    **{keyword: Keyword(field, read) for keyword, (field, read) in IPVS_GLOBALS.items()},
    "lvs_flush_onstop": Keyword("lvs_flush_on_stop", IPVS_GLOBALS["lvs_flush_on_stop"][1], instead="lvs_flush_on_stop"),
    "vrrp_vmac_garp_intvl": Keyword("vrrp_garp_extra_if", extra_if(1), instead="vrrp_garp_extra_if"),
}

VRRP_INSTANCE: Final[Table] = {
    "state": Keyword("state", choice({"MASTER": "master", "BACKUP": "backup"})),
    "interface": Keyword("interface", interface),
    "virtual_router_id": Keyword("virtual_router_id", number(1, 255)),
    "priority": Keyword("priority", number(1, 255)),
    "advert_int": Keyword("advert_int", seconds(0.01, 255)),
    "version": Keyword("version", number(2, 3)),
    "authentication": Keyword("authentication", sub_block("vrrp_instance/authentication"), block=True),
    "auth_hmac": Keyword("auth_hmac", sub_block("vrrp_instance/auth_hmac"), block=True),
    "virtual_ipaddress": Listed("virtual_ipaddress", rows(virtual_address)),
    "virtual_ipaddress_excluded": Listed("virtual_ipaddress_excluded", rows(virtual_address)),
    "virtual_routes": Listed("virtual_routes", route_lines(static=False)),
    "virtual_rules": Listed("virtual_rules", rule_lines(static=False)),
    "nopreempt": Keyword("nopreempt", flag),
    "preempt": Keyword("nopreempt", default_word),
    "accept": Keyword("accept", flag),
    "no_accept": Keyword("accept", negated),
    "strict_mode": Keyword("strict_mode", boolean),
    "skip_check_adv_addr": Keyword("skip_check_adv_addr", boolean),
    "owner_ignore_adverts": Keyword("owner_ignore_adverts", boolean),
    **_needless(NEEDLESS_IN_AN_INSTANCE),
    "lvs_sync_daemon_interface": Keyword("lvs_sync_daemon", interface, instead="lvs_sync_daemon in global_defs"),
    "no_virtual_ipaddress": Keyword("", default_word),
    "preempt_delay": Keyword("preempt_delay", seconds(0, 1000)),
    "down_timer_adverts": Keyword("down_timer_adverts", number(1, 100)),
    **_TRACKING,
    "dont_track_primary": Keyword("dont_track_primary", flag),
    "linkbeat_use_polling": Keyword("", LINKBEAT),
    "mcast_src_ip": Keyword("mcast_src_ip", address),
    "mcast_dst_ip": Keyword("mcast_dst_ip", address),
    "vrf": Keyword("vrf", interface),
    "track_src_ip": Keyword("track_src_ip", flag),
    "promote_secondaries": Keyword("promote_secondaries", flag),
    "native_ipv6": Keyword("native_ipv6", flag),
    "use_vmac": Keyword("use_vmac", use_vmac),
    "vmac_xmit_base": Keyword("vmac_xmit_base", flag),
    "use_vmac_addr": Keyword("use_vmac_addr", flag),
    "use_ipvlan": Keyword("use_ipvlan", use_ipvlan),
    "unicast_peer": Listed("unicast_peer", rows(unicast_peer)),
    "unicast_src_ip": Keyword("unicast_src_ip", address),
    "unicast_ttl": Keyword("unicast_ttl", number(1, 255)),
    "check_unicast_src": Keyword("check_unicast_src", flag),
    "unicast_fault_no_peer": Keyword("unicast_fault_no_peer", flag),
    "v3_checksum_as_v2": Keyword("v3_checksum_as_v2", boolean),
    "old_unicast_checksum": Keyword("old_unicast_checksum", old_checksum),
    "smtp_alert": Keyword("smtp_alert", boolean),
    **_NOTIFIES,
    **{name: Keyword(name, read) for name, read in _GARP.items()},
    "garp_extra_if": Keyword("garp_extra_if", extra_if(0)),
    "vmac_garp_intvl": Keyword("garp_extra_if", extra_if(0), instead="garp_extra_if"),
}

AUTHENTICATION: Final[Table] = {
    "auth_type": Keyword("auth_type", choice({"PASS": "pass", "AH": "ah"})),
    "auth_pass": Keyword("auth_pass", text("a password")),
}

AUTH_HMAC: Final[Table] = {
    "key": Keyword("key", hmac_key, many=True),
    "active_key": Keyword("active_key", number(1, 255)),
    "time_window": Keyword("time_window", seconds(1, 300)),
    "anti_replay": Keyword("anti_replay", choice({"time": "time", "monotonic": "monotonic"})),
    "mode": Keyword("mode", choice({"enforce": "enforce", "permissive": "permissive", "receive-only": "receive_only"})),
}

VRRP_SYNC_GROUP: Final[Table] = {
    "group": Listed("group", names("names of instances")),
    "smtp_alert": Keyword("smtp_alert", boolean),
    "sync_group_tracking_weight": Keyword("sync_group_tracking_weight", flag),
    "global_tracking": Keyword("sync_group_tracking_weight", flag, instead="sync_group_tracking_weight"),
    **_TRACKING,
    **_NOTIFIES,
}

VRRP_SCRIPT: Final[Table] = {
    "script": Keyword("script", command(with_user=False)),
    "interval": Keyword("interval", seconds(0.001, 86400)),
    "timeout": Keyword("timeout", seconds(0.001, 86400)),
    "weight": Keyword("weight", tracker_weight(253)),
    "rise": Keyword("rise", number(1, WHOLE_MAX)),
    "fall": Keyword("fall", number(1, WHOLE_MAX)),
    "user": Keyword("user", account),
    "init_fail": Keyword("init_fail", flag),
}

TRACK_FILE: Final[Table] = {
    "file": Keyword("file", text("a path", 4095)),
    "weight": Keyword("weight", tracker_weight(254)),
    "init_file": Keyword("init_file", init_file),
}

_DELAY: Final = seconds(0.000001, 3600)
VRRP_TRACK_PROCESS: Final[Table] = {
    "process": Keyword("process", process_words),
    "param_match": Keyword("param_match", choice({"initial": "initial", "partial": "partial"})),
    "full_command": Keyword("full_command", flag),
    "weight": Keyword("weight", tracker_weight(254)),
    "quorum": Keyword("quorum", number(1, 65535)),
    "quorum_max": Keyword("quorum_max", number(0, 65535)),
    "delay": Keyword("delay", _DELAY),
    "fork_delay": Keyword("fork_delay", _DELAY),
    "terminate_delay": Keyword("terminate_delay", _DELAY),
}

STATIC: Final[dict[str, Listed]] = {
    "static_ipaddress": Listed("static_ipaddress", rows(virtual_address)),
    "static_routes": Listed("static_routes", route_lines(static=True)),
    "static_rules": Listed("static_rules", rule_lines(static=True)),
}

_GROUP_GAP: Final = seconds(0, 2147.483647)
GARP_GROUP: Final[Table] = {
    "garp_interval": Keyword("garp_interval", _GROUP_GAP),
    "gna_interval": Keyword("gna_interval", _GROUP_GAP),
    "interface": Keyword("interface", interface),
    "interfaces": Listed("interfaces", names("names of interfaces")),
}

TRACK_GROUP: Final[Table] = {
    "group": Listed("group", names("names of instances")),
}

BFD_INSTANCE: Final[Table] = {
    "neighbor_ip": Keyword("neighbor_ip", address),
    "neighbour_ip": Keyword("neighbor_ip", address),
    "source_ip": Keyword("source_ip", address),
    "min_rx": Keyword("min_rx", milliseconds(1)),
    "min_tx": Keyword("min_tx", milliseconds(1)),
    "idle_tx": Keyword("idle_tx", milliseconds(1000)),
    "multiplier": Keyword("multiplier", number(1, 255)),
    "passive": Keyword("passive", flag),
    "ttl": Keyword("ttl", number(1, 255)),
    "hoplimit": Keyword("hoplimit", number(1, 255)),
    "max_hops": Keyword("max_hops", number(-1, 255)),
    "multihop": Keyword("multihop", boolean),
    "weight": Keyword("weight", tracker_weight(253)),
    "vrrp": Keyword("", default_word),
}

_CHECK_TIMES: Final[Table] = {
    "delay_loop": Keyword("delay_loop", _TIMER),
    "connect_timeout": Keyword("connect_timeout", _TIMER),
    "delay_before_retry": Keyword("delay_before_retry", _TIMER0),
    "warmup": Keyword("warmup", _TIMER0),
}
_CHECK_COMMON: Final[Table] = _CHECK_TIMES | {
    "retry": Keyword("retry", number(0, WHOLE_MAX)),
    "nb_get_retry": Keyword("retry", number(0, WHOLE_MAX), instead="retry"),
    "alpha": Keyword("alpha", boolean),
    "log_all_failures": Keyword("log_all_failures", boolean),
}
_CHECK_NETWORK: Final[Table] = {
    "connect_ip": Keyword("connect_ip", address),
    "connect_port": Keyword("connect_port", number(1, PORT_MAX)),
    "bindto": Keyword("bindto", address),
    "bind_port": Keyword("bind_port", number(1, PORT_MAX)),
    "bind_if": Keyword("bind_if", interface),
    "fwmark": Keyword("fwmark", number(0, 2**32 - 1)),
}

_SERVER_COMMON: Final[Table] = _CHECK_TIMES | {
    "retry": Keyword("retry", number(1, WHOLE_MAX)),
    "lvs_method": Keyword("lb_kind", forwarding),
    "alpha": Keyword("alpha", boolean),
    "inhibit_on_failure": Keyword("inhibit_on_failure", boolean),
    "virtualhost": Keyword("virtualhost", _HOST),
    "smtp_alert": Keyword("smtp_alert", boolean),
}

VIRTUAL_SERVER: Final[Table] = _SERVER_COMMON | {
    "lb_kind": Keyword("lb_kind", forwarding),
    "protocol": Keyword("protocol", choice({"TCP": "tcp", "UDP": "udp", "SCTP": "sctp"}, folded=True)),
    "lb_algo": Keyword("lb_algo", choice({a: a for a in _ALGOS})),
    "lvs_sched": Keyword("lb_algo", choice({a: a for a in _ALGOS})),
    "persistence_timeout": Keyword("persistence_timeout", seconds(1, 2678400, bare=360)),
    "persistence_granularity": Keyword("persistence_granularity", granularity),
    "persistence_engine": Keyword("persistence_engine", choice({"sip": "sip"})),
    "ops": Keyword("ops", flag),
    **{name: Keyword(field_of(name), flag) for name in (*FLAGS, "flag-1", "flag-2", "flag-3")},
    "hashed": Keyword("", needless("the kernel sets it for every service")),
    "ip_family": Keyword("ip_family", choice({"inet": "inet", "inet6": "inet6"})),
    "weight": Keyword("weight", number(1, 65535)),
    "sorry_server": Keyword("sorry_server", sorry_server),
    "sorry_server_inhibit": Keyword("sorry_server_inhibit", flag),
    "sorry_server_lvs_method": Keyword("sorry_server.lb_kind", forwarding),
    "quorum": Keyword("quorum", number(1, 2**32 - 1)),
    "hysteresis": Keyword("hysteresis", number(0, 2**32 - 1)),
    "quorum_up": Keyword("quorum_up", _NOTIFY),
    "quorum_down": Keyword("quorum_down", _NOTIFY),
    "ha_suspend": Keyword("ha_suspend", flag),
    "omega": Keyword("omega", boolean),
}

REAL_SERVER: Final[Table] = _SERVER_COMMON | {
    "weight": Keyword("weight", number(0, 65535)),
    "uthreshold": Keyword("uthreshold", number(0, 2**32 - 1)),
    "lthreshold": Keyword("lthreshold", number(0, 2**32 - 1)),
    "notify_up": Keyword("notify_up", _NOTIFY),
    "notify_down": Keyword("notify_down", _NOTIFY),
    "TCP_CHECK": Keyword("tcp_check", sub_block("virtual_server/real_server/TCP_CHECK"), block=True, many=True),
    "HTTP_GET": Keyword("http_get", sub_block("virtual_server/real_server/HTTP_GET"), block=True, many=True),
    "SSL_GET": Keyword("ssl_get", sub_block("virtual_server/real_server/SSL_GET"), block=True, many=True),
    "MISC_CHECK": Keyword("misc_check", sub_block("virtual_server/real_server/MISC_CHECK"), block=True, many=True),
    "DNS_CHECK": Keyword("dns_check", sub_block("virtual_server/real_server/DNS_CHECK"), block=True, many=True),
    "UDP_CHECK": Keyword("udp_check", sub_block("virtual_server/real_server/UDP_CHECK"), block=True, many=True),
    "PING_CHECK": Keyword("ping_check", sub_block("virtual_server/real_server/PING_CHECK"), block=True, many=True),
    "SMTP_CHECK": Keyword("smtp_check", sub_block("virtual_server/real_server/SMTP_CHECK"), block=True, many=True),
    "FILE_CHECK": Keyword("file_check", sub_block("virtual_server/real_server/FILE_CHECK"), block=True, many=True),
}

TCP_CHECK: Final[Table] = _CHECK_COMMON | _CHECK_NETWORK

HTTP_GET: Final[Table] = (
    _CHECK_COMMON
    | _CHECK_NETWORK
    | {
        "virtualhost": Keyword("virtualhost", _HOST),
        "http_protocol": Keyword("http_protocol", choice({"1.0": "1.0", "1.0C": "1.0C", "1.0c": "1.0C", "1.1": "1.1"})),
        "enable_sni": Keyword("enable_sni", boolean),
        "sni_name": Keyword("sni_name", _HOST),
        "fast_recovery": Keyword("fast_recovery", boolean),
        "url": Keyword("url", sub_block("virtual_server/real_server/HTTP_GET/url"), block=True, many=True),
    }
)

SSL_GET: Final[Table] = HTTP_GET | {
    "url": Keyword("url", sub_block("virtual_server/real_server/SSL_GET/url"), block=True, many=True),
    "tls_compliant": Keyword("tls_compliant", boolean),
}

URL: Final[Table] = {
    "path": Keyword("path", text("a path")),
    "digest": Keyword("digest", digest),
    "status_code": Keyword("status_code", status_codes),
    "virtualhost": Keyword("virtualhost", _HOST),
    "regex": Keyword("regex", regex_pattern),
    "regex_no_match": Keyword("regex_no_match", flag),
    "regex_options": Listed("regex_options", regex_options),
    "regex_min_offset": Keyword("regex_min_offset", number(0, WHOLE_MAX)),
    "regex_max_offset": Keyword("regex_max_offset", number(0, WHOLE_MAX)),
    "regex_stack": Keyword("", needless("patterns are matched without PCRE2's just-in-time compiler, whose stack this is")),
}
SSL_URL: Final[Table] = URL | {"tls_compliant": Keyword("tls_compliant", boolean)}

MISC_CHECK: Final[Table] = {k: v for k, v in _CHECK_COMMON.items() if k != "connect_timeout"} | {
    "misc_path": Keyword("misc_path", command(with_user=False)),
    "misc_timeout": Keyword("misc_timeout", _TIMER),
    "misc_dynamic": Keyword("misc_dynamic", flag),
    "user": Keyword("user", account),
}

DNS_CHECK: Final[Table] = (
    _CHECK_COMMON | _CHECK_NETWORK | {"type": Keyword("type", dns_type), "name": Keyword("name", dns_name)}
)

UDP_CHECK: Final[Table] = (
    _CHECK_COMMON
    | _CHECK_NETWORK
    | {
        "payload": Keyword("payload", udp_payload),
        "require_reply": Keyword("require_reply", udp_reply),
        "min_reply_length": Keyword("min_reply_length", number(0, 65535)),
        "max_reply_length": Keyword("max_reply_length", number(0, 65535)),
    }
)

_NO_PORTS: Final = "ICMP has none"
PING_CHECK: Final[Table] = (
    _CHECK_COMMON | _CHECK_NETWORK | {word: Keyword("", needless(_NO_PORTS)) for word in ("connect_port", "bind_port")}
)

SMTP_HOST: Final[Table] = _CHECK_COMMON | _CHECK_NETWORK
SMTP_CHECK: Final[Table] = SMTP_HOST | {
    "helo_name": Keyword("helo_name", _HOST),
    "host": Keyword("host", sub_block("virtual_server/real_server/SMTP_CHECK/host"), block=True, many=True),
}
SMTP_CONNECTION: Final = frozenset({*(k.field for k in _CHECK_NETWORK.values()), "connect_timeout"})

FILE_CHECK: Final[Table] = {
    "track_file": Keyword("track_file", text("the name of a track_file")),
    "weight": Keyword("weight", tracker_weight(WHOLE_MAX)),
}

SSL: Final[Table] = {
    "certificate": Keyword("certificate", text("a path", 4095)),
    "key": Keyword("key", text("a path", 4095)),
    "password": Keyword("password", text("a password")),
    "ca": Keyword("", needless("servers' certificates are not verified, as in keepalived; keys may ask for it (tls_verify)")),
}

INTERFACE_DELAYS: Final = Listed("interface_up_down_delays", rows(interface_delays))

TABLES: Final[Mapping[str, Table]] = {
    "": {**STATIC},
    "global_defs": GLOBAL_DEFS,
    "SSL": SSL,
    "vrrp_instance": VRRP_INSTANCE,
    "vrrp_instance/authentication": AUTHENTICATION,
    "vrrp_instance/auth_hmac": AUTH_HMAC,
    "vrrp_sync_group": VRRP_SYNC_GROUP,
    "vrrp_script": VRRP_SCRIPT,
    "track_file": TRACK_FILE,
    "vrrp_track_file": TRACK_FILE,
    "vrrp_track_process": VRRP_TRACK_PROCESS,
    "track_group": TRACK_GROUP,
    "garp_group": GARP_GROUP,
    "bfd_instance": BFD_INSTANCE,
    "virtual_server": VIRTUAL_SERVER,
    "virtual_server/real_server": REAL_SERVER,
    "virtual_server/real_server/TCP_CHECK": TCP_CHECK,
    "virtual_server/real_server/HTTP_GET": HTTP_GET,
    "virtual_server/real_server/HTTP_GET/url": URL,
    "virtual_server/real_server/SSL_GET": SSL_GET,
    "virtual_server/real_server/SSL_GET/url": SSL_URL,
    "virtual_server/real_server/MISC_CHECK": MISC_CHECK,
    "virtual_server/real_server/DNS_CHECK": DNS_CHECK,
    "virtual_server/real_server/UDP_CHECK": UDP_CHECK,
    "virtual_server/real_server/PING_CHECK": PING_CHECK,
    "virtual_server/real_server/SMTP_CHECK": SMTP_CHECK,
    "virtual_server/real_server/SMTP_CHECK/host": SMTP_HOST,
    "virtual_server/real_server/FILE_CHECK": FILE_CHECK,
}
