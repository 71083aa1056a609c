"""Which keys and values does a keepalived.conf stand for? The tree becomes {key: JSON value} of the configuration store.

Names of servers come from their addresses: `tcp-192.168.200.15-80`, `fwmark-5`, real servers `192.168.100.2-80`. What is
given twice keeps its first value. Defaults stay out: the services have them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cli.keepalived_conf import virtual_servers
from cli.keepalived_conf.checks import smtp_checks
from cli.keepalived_conf.complaints import Position, Report
from cli.keepalived_conf.grammar import INTERFACE_DELAYS, SMTP_CONNECTION, STATIC, complain_of_unknown, read_block
from cli.keepalived_conf.lexer import Line, Word
from cli.keepalived_conf.readers import Scope, block_of, required, rows, shown, whole
from cli.keepalived_conf.regex import settle as settle_regex
from cli.keepalived_conf.routing import Priorities
from cli.keepalived_conf.special import LINKBEAT, endpoint
from cli.keepalived_conf.tree import Statement, parse
from services.checker.kinds.registry import KINDS
from services.vrrp.config.track_settings import ROWS

STATIC_NAME: Final = "main"  # all static blocks of a file become one object


@dataclass(slots=True)
class Translation:
    """The objects of a file by key (`config/vrrp_instance/VI_1`), and where each field of each stands."""

    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    where: dict[str, dict[str, Position]] = field(default_factory=dict)

    def position(self, key: str, path: str) -> Position | None:
        """The place of a field, or of the nearest thing around it."""
        places = self.where.get(key, {})
        while path and path not in places:
            cut = max(path.rfind("."), path.rfind("["))
            path = path[:cut] if cut > 0 else ""
        return places.get(path)


def translate(lines: Iterable[Line], report: Report) -> Translation:
    """All objects of a configuration. Never raises; what is wrong is in the report."""
    translator = _Translator(report)
    for statement in parse(lines, report):
        translator.top_level(statement)
    translator.finish()
    return translator.result


@dataclass(slots=True)
class _Translator:
    report: Report
    result: Translation = field(default_factory=Translation)
    tracked: list[tuple[str, str, Position]] = field(default_factory=list)
    file_checks: list[tuple[str, dict[str, Any], Position]] = field(default_factory=list)
    priorities: Priorities = field(default_factory=Priorities)

    def top_level(self, statement: Statement) -> None:
        """One statement outside all blocks."""
        reader = _TOP_LEVEL.get(statement.keyword.text)
        if reader is None:
            complain_of_unknown(Scope(self.report), "", statement)
        else:
            reader(self, statement)

    def global_defs(self, statement: Statement) -> None:
        """Several blocks add up."""
        scope = Scope(self.report, self.result.where.setdefault("config/global", {}))
        scope.where.setdefault("", statement.keyword.at)
        value = read_block(scope, "global_defs", block_of(scope, statement))
        _spread_extra_if(value, "vrrp_garp_extra_if")
        self.result.objects.setdefault("config/global", {}).update(value)

    def interface_delays(self, statement: Statement) -> None:
        """interface_up_down_delays { ... }, which becomes part of the global settings; several blocks add up."""
        scope = Scope(self.report, self.result.where.setdefault("config/global", {}))
        scope.where.setdefault("", statement.keyword.at)
        name = INTERFACE_DELAYS.field
        before = self.result.objects.get("config/global", {}).get(name, ())
        if found := INTERFACE_DELAYS.read(scope, statement, name, len(before)):
            self.result.objects.setdefault("config/global", {})[name] = [*before, *found]

    def ssl(self, statement: Statement) -> None:
        """SSL { ... }, which becomes part of the global settings; the last one counts."""
        scope = Scope(self.report, self.result.where.setdefault("config/global", {}))
        scope.where.setdefault("", statement.keyword.at)
        value = read_block(scope, "SSL", block_of(scope, statement), "ssl")
        if "certificate" in value:
            scope.mark("ssl", statement.keyword.at)
            self.result.objects.setdefault("config/global", {})["ssl"] = value
        elif value:
            self.report.mistake(statement.keyword.at, "SSL: expected certificate, for which the key is; left out")

    def static(self, statement: Statement) -> None:
        """static_ipaddress, static_routes and static_rules { ... }; several blocks add up."""
        key = f"config/static/{STATIC_NAME}"
        keyword = statement.keyword.text
        scope = Scope(self.report, self.result.where.setdefault(key, {}))
        scope.where.setdefault("", statement.keyword.at)
        value = self.result.objects.setdefault(key, {})
        found = STATIC[keyword].read(scope, statement, keyword, len(value.get(keyword, ())))
        if found:
            value[keyword] = [*value.get(keyword, ()), *found]
        self.priorities.settle(scope, value, "static_rules")
        if not value:
            del self.result.objects[key]

    def named(self, statement: Statement) -> None:
        """vrrp_instance, vrrp_sync_group, track_group and what is tracked: KIND NAME { ... }."""
        kind = statement.keyword.text
        if not statement.arguments:
            self.report.mistake(statement.keyword.at, f"{kind}: expected a name after it, got nothing; left out")
            return
        name = statement.arguments[0]
        for word in statement.arguments[1:2]:
            self.report.note(word.at, f"{kind}: {shown(word.text)} is ignored; expected '{{' after the name")
        if not name.text or "/" in name.text:
            self.report.mistake(name.at, f"{kind}: expected a name without a slash, got {shown(name.text)}; left out")
            return
        scope = Scope(self.report)
        value = read_block(scope, kind, block_of(scope, statement))
        if kind == "vrrp_instance":
            if (deaf := _deafening(statement, value)) is not None:
                message = f"vrrp_instance {name.text} is left out: it could not hear its peers without {deaf.text}"
                self.report.left_out(name.at, message)
                return
            general = self.result.objects.get("config/global", {})
            _settle_instance(scope, statement, value, general.get("vrrp_version", 2))
            _spread_extra_if(value, "garp_extra_if")
            self.priorities.settle(scope, value, "virtual_rules")
            if (sync := value.pop("lvs_sync_daemon", None)) is not None:
                self._sync_daemon(scope, sync, name.text)
        if isinstance(value.get("weight"), dict):
            value |= value.pop("weight")  # and reverse
        if kind == "vrrp_track_file":
            self.report.note(statement.keyword.at, "vrrp_track_file is deprecated; expected track_file")
            kind = "track_file"
        if kind == "bfd_instance" and "neighbor_ip" not in value:
            self.report.mistake(name.at, f"bfd_instance {name.text}: expected neighbor_ip; left out")
            return
        self._note_late(scope, value)
        self.add(f"config/{kind}/{name.text}", value, scope, name)

    def _sync_daemon(self, scope: Scope, interface: str, instance: str) -> None:
        """lvs_sync_daemon_interface of an instance; the global keyword, or the first instance, counts."""
        general = self.result.objects.setdefault("config/global", {})
        where = self.result.where.setdefault("config/global", {})
        at = scope.where["lvs_sync_daemon"]
        if "lvs_sync_daemon" in general:
            self.report.mistake(
                at, f"there is a sync daemon already (line {where['lvs_sync_daemon'].line}); this one is left out"
            )
            return
        general["lvs_sync_daemon"] = {"interface": interface, "vrrp_instance": instance}
        where.setdefault("", at)
        where["lvs_sync_daemon"] = at

    def garp_group(self, statement: Statement) -> None:
        """garp_group { ... }, which has no name: it gets that of its first interface."""
        scope = Scope(self.report)
        value = read_block(scope, "garp_group", block_of(scope, statement))
        named = [value["interface"]] if "interface" in value else value.get("interfaces", [])
        if not named:
            self.report.mistake(statement.keyword.at, "garp_group: expected an interface; left out")
            return
        self.add(f"config/garp_group/{named[0]}", value, scope, statement.keyword)

    def linkbeat(self, statement: Statement) -> None:
        """linkbeat_use_polling and linkbeat_interfaces."""
        LINKBEAT(Scope(self.report), statement, "")

    def _note_late(self, scope: Scope, value: Mapping[str, Any]) -> None:
        """Remember tracked objects that are not there yet: keepalived would ignore them."""
        for field_name, (kind, _limit) in ROWS.items():
            for index, row in enumerate(value.get(field_name, ()) if kind else ()):
                if f"config/{kind}/{row['name']}" not in self.result.objects:
                    self.tracked.append((kind, row["name"], scope.where[f"{field_name}[{index}]"]))

    def server_group(self, statement: Statement) -> None:
        """virtual_server_group NAME { ... }: addresses and marks in one list become two."""
        keyword = statement.keyword.text
        scope = Scope(self.report)
        if not required(scope, statement, 1, "a name"):
            return
        name = statement.arguments[0]
        if not name.text or "/" in name.text:
            self.report.mistake(name.at, f"{keyword}: expected a name without a slash, got {shown(name.text)}; left out")
            return
        value: dict[str, list[Any]] = {}
        entries = _GROUP_ENTRIES(scope, statement, keyword, 0)
        for index, entry in enumerate(entries):
            target = "fwmark" if "fwmark" in entry else "address"
            scope.mark(f"{target}[{len(value.get(target, ()))}]", scope.where[f"{keyword}[{index}]"])
            value.setdefault(target, []).append(entry)
        self.add(f"config/{keyword}/{name.text}", value, scope, name)

    def _settle_groups(self) -> None:
        """Port 0 in a group makes the virtual servers with that group persistent."""
        for key, value in self.result.objects.items():
            group = self.result.objects.get(f"config/virtual_server_group/{value.get('group', '')}", {})
            persistent = {"persistence_timeout", "persistence_granularity"} & value.keys()
            if not persistent and any(not entry.get("port") for entry in group.get("address", ())):
                at = self.result.where[key][""]
                self.report.note(at, "port 0 needs persistence: 360 s is used; expected persistence_timeout, or a port")
                value["persistence_timeout"] = "360s"

    def finish(self) -> None:
        """Settle what needs the whole file, and note what came too late for keepalived."""
        self._settle_groups()
        for kind, name, at in self.tracked:
            if f"config/{kind}/{name}" in self.result.objects:
                self.report.note(at, f"{kind} {name!r} is defined only below; it is tracked, where keepalived ignores it")
        for key, check, at in self.file_checks:
            name = check["track_file"]
            if f"config/track_file/{name}" in self.result.objects:
                self.report.note(at, f"track_file {name!r} is defined only below; it counts, where keepalived ignores it")
                continue
            self.report.mistake(at, f"FILE_CHECK: there is no track_file {name!r}; left out")
            server = self.result.objects[key]
            server["file_check"] = [other for other in server["file_check"] if other is not check]
            if not server["file_check"]:
                del server["file_check"]

    def virtual_server(self, statement: Statement) -> None:
        """virtual_server ADDRESS PORT | fwmark MARK | group NAME { ... }, with its real servers as keys of their own."""
        scope = Scope(self.report)
        if not required(scope, statement, 1, "ADDRESS PORT, or fwmark MARK, or group NAME"):
            return
        head = self._service(scope, statement)
        if head is None:
            return
        body = block_of(scope, statement)
        value = head | read_block(scope, "virtual_server", [s for s in body if s.keyword.text != "real_server"])
        virtual_servers.settle(scope, statement, value)
        servers = [s for s in body if s.keyword.text == "real_server"]
        name = virtual_server_name(value, [s.arguments[0].text for s in servers if s.arguments])
        key = f"config/virtual_server/{name}"
        if not servers:
            self.report.note(
                statement.keyword.at, f"virtual server {name} has no real servers; expected at least one real_server"
            )
        if self.add(key, value, scope, statement.arguments[0]):
            for server in servers:
                self._real_server(server, name, value)

    def _service(self, scope: Scope, statement: Statement) -> dict[str, Any] | None:
        """What identifies a virtual server."""
        first = statement.arguments[0]
        if first.text == "group":
            if not required(scope, statement, 2, "the name of a virtual_server_group after group"):
                return None
            return {"group": statement.arguments[1].text}
        if first.text != "fwmark":
            found = endpoint(scope, statement, least_port=0)
            return None if found is None else {"address": found[0], "port": found[1] or 0}
        if not required(scope, statement, 2, "a firewall mark after fwmark"):
            return None
        word = statement.arguments[1]
        mark = whole(word.text)
        if mark is None or not 1 <= mark <= 2**32 - 1:
            scope.wrong(Word("fwmark", first.at), word, "a number from 1 to 4294967295")
            return None
        return {"fwmark": mark}

    def _real_server(self, statement: Statement, virtual_server: str, service: Mapping[str, Any]) -> None:
        """real_server ADDRESS [PORT] { ... }."""
        scope = Scope(self.report)
        found = endpoint(scope, statement, least_port=0)
        if found is None:
            return
        address, port = found
        if port is None and "group" not in service:
            port = service.get("port", 0)
        value: dict[str, Any] = {"address": address} | ({} if port is None else {"port": port})
        value |= read_block(scope, "virtual_server/real_server", block_of(scope, statement))
        virtual_servers.spread_forwarding(value, inherited=service)
        unchanged = value.get("lb_kind", service.get("lb_kind", "nat")) == "nat" or "address" not in service
        if not unchanged and port != service["port"]:
            message = f"real_server: only NAT changes the port; {service['port']} is used"
            self.report.mistake(statement.arguments[-1].at, message)
            value["port"] = service["port"]
        for kind in KINDS:
            whole_checks = [c for i, c in enumerate(value.pop(kind, ())) if _check_is_whole(scope, kind, i, c)]
            if kind == "smtp_check":
                whole_checks = [one for check in whole_checks for one in smtp_checks(check, SMTP_CONNECTION)]
            if whole_checks:
                value[kind] = whole_checks
        name = address if port is None else f"{address}-{port}"
        key = f"config/real_server/{virtual_server}/{name}"
        if self.add(key, value, scope, statement.arguments[0]):
            self._note_files(scope, key, value.get("file_check", ()))

    def _note_files(self, scope: Scope, key: str, checks: Iterable[dict[str, Any]]) -> None:
        """Spread the weights of FILE_CHECKs, and remember those whose file is not there yet."""
        for index, check in enumerate(checks):
            if "weight" in check:
                check |= check.pop("weight")  # and reverse
            if f"config/track_file/{check['track_file']}" not in self.result.objects:
                self.file_checks.append((key, check, scope.where[f"file_check[{index}]"]))

    def add(self, key: str, value: dict[str, Any], scope: Scope, named: Word) -> bool:
        """Keep an object, unless there is one of its name."""
        if key in self.result.objects:
            before = self.result.where[key][""]
            message = f"{key.removeprefix('config/')} is there already (line {before.line}); this one is left out"
            self.report.mistake(named.at, message)
            return False
        scope.where[""] = named.at
        self.result.objects[key] = value
        self.result.where[key] = scope.where
        return True


_TOP_LEVEL: Final[Mapping[str, Callable[[_Translator, Statement], None]]] = {
    "global_defs": _Translator.global_defs,
    "vrrp_instance": _Translator.named,
    "vrrp_sync_group": _Translator.named,
    "vrrp_script": _Translator.named,
    "track_file": _Translator.named,
    "vrrp_track_file": _Translator.named,
    "vrrp_track_process": _Translator.named,
    "interface_up_down_delays": _Translator.interface_delays,
    "linkbeat_use_polling": _Translator.linkbeat,
    "linkbeat_interfaces": _Translator.linkbeat,
    "track_group": _Translator.named,
    "garp_group": _Translator.garp_group,
    **dict.fromkeys(STATIC, _Translator.static),
    "bfd_instance": _Translator.named,
    "SSL": _Translator.ssl,
    "virtual_server": _Translator.virtual_server,
    "virtual_server_group": _Translator.server_group,
}
_GROUP_ENTRIES: Final = rows(virtual_servers.group_entry)


def _spread_extra_if(value: dict[str, Any], field_name: str) -> None:
    """`[all] SECONDS` to its two fields."""
    if field_name in value:
        found = value.pop(field_name)
        value[field_name] = found[""]
        if "all" in found:
            value[f"{field_name}_all"] = found["all"]


def virtual_server_name(value: Mapping[str, Any], servers: Sequence[str] = ()) -> str:
    """The name of a virtual server in keys; `servers` are the addresses behind it."""
    if "group" in value:
        return f"group-{value['group']}-{value['protocol']}"
    if "fwmark" in value:
        by_mask = "." in value["persistence_granularity"] if "persistence_granularity" in value else None
        six = not by_mask if by_mask is not None else any(":" in address for address in servers)
        six = value["ip_family"] == "inet6" if "ip_family" in value else six
        return f"fwmark-{value['fwmark']}" + ("-inet6" if six else "")
    return f"{value['protocol']}-{value['address']}-{value['port']}"


def _deafening(statement: Statement, value: Mapping[str, Any]) -> Word | None:
    """A keyword of which so much is not supported that an instance would be a second master beside its peers."""
    keyless = "auth_hmac" in value and not value["auth_hmac"].get("key")
    return next((one.keyword for one in statement.body or () if keyless and one.keyword.text == "auth_hmac"), None)


def _settle_instance(scope: Scope, statement: Statement, value: dict[str, Any], vrrp_version: int) -> None:
    """keepalived's rules between an instance's keywords that are worth a word; `vrrp_version` is the global one."""
    at = statement.keyword.at
    _drop_repeated_addresses(scope, value)
    _drop_other_family(scope, value)
    own = [i for i, t in enumerate(value.get("track_interface", ())) if t["name"] == value.get("interface")]
    for index in reversed(own):
        scope.report.note(scope.where[f"track_interface[{index}]"], "track_interface: the instance's own interface is ignored")
        del value["track_interface"][index]
    holds = any(value.get(held) for held in ("virtual_ipaddress", "virtual_ipaddress_excluded", "virtual_routes"))
    if not holds and not any(one.keyword.text == "no_virtual_ipaddress" for one in statement.body or ()):
        scope.report.note(at, "no virtual_ipaddress; expected at least one address")
    if value.get("authentication") is not None:
        _settle_authentication(scope, value, vrrp_version)


def _settle_authentication(scope: Scope, value: dict[str, Any], vrrp_version: int) -> None:
    """What keepalived makes of an authentication block."""
    authentication = value["authentication"]
    if "auth_type" not in authentication:
        if "authentication.auth_type" not in scope.where:
            scope.report.mistake(scope.where["authentication"], "authentication: expected auth_type; left out")
        del value["authentication"]
    elif "auth_pass" not in authentication:
        scope.report.mistake(scope.where["authentication"], "authentication: expected auth_pass; left out")
        del value["authentication"]
    elif authentication["auth_type"] == "ah" and (value.get("version", vrrp_version) == 3 or _six(value)):
        place = scope.where["authentication.auth_type"]
        scope.report.mistake(place, "auth_type AH: expected VRRPv2 over IPv4; left out, as keepalived sends without it")
        del value["authentication"]


def _six(value: Mapping[str, Any]) -> bool:
    """Adverts are IPv6: the first address says so, or native_ipv6 where there is none."""
    given = [row["address"] for keyword in ("virtual_ipaddress", "unicast_peer") for row in value.get(keyword, ())]
    return ":" in given[0] if given else bool(value.get("native_ipv6"))


def _drop_repeated_addresses(scope: Scope, value: Mapping[str, Any]) -> None:
    """An address counts once."""
    seen = set()
    for keyword in ("virtual_ipaddress", "virtual_ipaddress_excluded"):
        kept = []
        for index, row in enumerate(value.get(keyword, ())):
            identity = (row["address"].partition("/")[0], row.get("dev", ""))
            if identity in seen:
                scope.report.note(scope.where[f"{keyword}[{index}]"], f"{keyword}: {identity[0]} is given twice")
            else:
                kept.append(row)
            seen.add(identity)
        if keyword in value:
            value[keyword][:] = kept


def _drop_other_family(scope: Scope, value: Mapping[str, Any]) -> None:
    """Adverts carry one family, that of the first address, and go to peers of that family; keepalived leaves out the rest."""
    six = _six(value)
    for keyword in ("virtual_ipaddress", "unicast_peer"):
        kept = []
        for index, row in enumerate(value.get(keyword, ())):
            if (":" in row["address"]) == six:
                kept.append(row)
                continue
            instead = "; virtual_ipaddress_excluded may have both" if keyword == "virtual_ipaddress" else ""
            message = f"{keyword}: expected IPv{6 if six else 4} addresses as the first one, got {row['address']}{instead}"
            scope.report.mistake(scope.where[f"{keyword}[{index}]"], message)
        if keyword in value:
            value[keyword][:] = kept


def _check_is_whole(scope: Scope, kind: str, index: int, check: Mapping[str, Any]) -> bool:
    """A check has what it cannot do without; keepalived leaves it out otherwise."""
    at = scope.where[f"{kind}[{index}]"]
    if kind == "misc_check" and "misc_path" not in check:
        scope.report.mistake(at, "MISC_CHECK: expected misc_path; left out")
        return False
    if kind == "file_check" and "track_file" not in check:
        scope.report.mistake(at, "FILE_CHECK: expected track_file; left out")
        return False
    if kind in ("http_get", "ssl_get"):
        urls = check.get("url", ())
        for number, url in enumerate(urls):
            if "path" not in url:
                scope.report.mistake(scope.where[f"{kind}[{index}].url[{number}]"], "url: expected path; the check is left out")
                return False
            settle_regex(scope, url, f"{kind}[{index}].url[{number}]")
        if not urls:
            scope.report.mistake(at, f"{kind.upper()}: expected at least one url; left out")
            return False
    return True
