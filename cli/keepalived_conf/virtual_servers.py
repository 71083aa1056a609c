"""What do the keywords of IPVS take, and what does keepalived make of a virtual server as a whole?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from cli.keepalived_conf.lexer import Word
from cli.keepalived_conf.readers import Scope, choice, no_more, shown, whole
from cli.keepalived_conf.tree import Statement
from services.common.errors import InvalidValue
from services.ipvs.groups import read_range

_KINDS: Final = choice({"NAT": "nat", "DR": "dr", "TUN": "tun"})
_TUNNELS: Final = ("ipip", "gue", "gre")
_CHECKSUMS: Final = ("nocsum", "csum", "remcsum")
_WITH_CHECKSUM: Final = {"ipip": (), "gue": _CHECKSUMS, "gre": _CHECKSUMS[:2]}
_OPTIONS: Final = f"type {{{'|'.join(_TUNNELS)}}}, port NUMBER or {'|'.join(_CHECKSUMS)}"
FLAGS: Final = {"sh-port": "sh", "sh-fallback": "sh", "mh-port": "mh", "mh-fallback": "mh"}  # keyword: its scheduler


def field_of(keyword: str) -> str:
    """sh-port -> sh_port."""
    return keyword.replace("-", "_")


def forwarding(scope: Scope, statement: Statement, path: str) -> dict[str, Any] | None:
    """`NAT`, `DR` or `TUN [type {ipip|gue port NUMBER|gre}] [nocsum|csum|remcsum]`; gives lb_kind and tunnel. With options that
    it cannot use, keepalived makes TUN alone of it."""
    kind = _KINDS(scope, Statement(statement.words[:2], statement.body), path)
    if kind is None:
        return None
    if kind != "tun":
        no_more(scope, statement, 1)
        return {"lb_kind": kind}
    try:
        tunnel = _tunnel(list(statement.arguments[1:]))
    except _UnfitError as e:
        scope.report.mistake(e.word.at, f"{statement.keyword.text}: {e}; it counts as TUN alone")
        tunnel = {}
    return {"lb_kind": kind} | ({"tunnel": tunnel} if tunnel else {})


class _UnfitError(Exception):
    """What of a tunnel's options cannot be; caught by `forwarding`."""

    def __init__(self, word: Word, reason: str) -> None:
        super().__init__(reason)
        self.word = word


def _tunnel(rest: list[Word]) -> dict[str, Any]:
    """The options after TUN.

    :raises _UnfitError: there is no such tunnel.
    """
    found: dict[str, Any] = {}
    last = rest[-1] if rest else None
    while rest:
        option = rest.pop(0)
        if option.text in _CHECKSUMS:
            found["checksum"] = option.text
            continue
        if option.text not in ("type", "port") or not rest:
            raise _UnfitError(option, f"expected {_OPTIONS}, got {shown(option.text)}")
        given = rest.pop(0)
        port = whole(given.text)
        if option.text == "type" and given.text in _TUNNELS:
            found["type"] = given.text
        elif option.text == "port" and port is not None and 1 <= port <= 65535:
            found["port"] = port
        else:
            expected = " or ".join(_TUNNELS) if option.text == "type" else "a port from 1 to 65535"
            raise _UnfitError(given, f"expected {expected}, got {shown(given.text)}")
    kind = found.get("type", "ipip")
    if last is not None and kind == "gue" and "port" not in found:
        raise _UnfitError(last, "expected port NUMBER for gue")
    if last is not None and kind != "gue" and "port" in found:
        raise _UnfitError(last, f"a port is for gue, not {kind}")
    if last is not None and "checksum" in found and found["checksum"] not in _WITH_CHECKSUM[kind]:
        raise _UnfitError(last, f"{kind} has no {found['checksum']}")
    return found


def spread_forwarding(value: dict[str, Any], field: str = "lb_kind", inherited: Mapping[str, Any] | None = None) -> None:
    """Turn what `forwarding` gave into its two fields; `inherited` is the virtual server that would lend its tunnel."""
    found = value.pop(field, None)
    if not isinstance(found, dict):
        return
    if found["lb_kind"] == "tun" and "tunnel" not in found and "tunnel" in (inherited or {}):
        found["tunnel"] = {"type": "ipip"}
    if field == "lb_kind":
        value |= found
    elif "sorry_server" in value:
        value["sorry_server"] = value["sorry_server"] | found


def group_entry(scope: Scope, line: Statement, path: str, keyword: str) -> dict[str, Any] | None:
    """`ADDRESS|RANGE [PORT]` or `fwmark MARK [inet|inet6]`: a line of a virtual_server_group."""
    if line.keyword.text == "fwmark":
        return _group_mark(scope, line)
    try:
        read_range("", line.keyword.text)
    except InvalidValue as e:
        scope.report.mistake(line.keyword.at, f"{keyword}: {e.reason}")
        return None
    value: dict[str, Any] = {"address": line.keyword.text}
    for word in line.arguments[:1]:
        port = whole(word.text)
        if port is None or not 0 <= port <= 65535:
            scope.wrong(Word(keyword, line.keyword.at), word, "a port from 0 to 65535")
            return None
        value["port"] = port
    _nothing_behind(scope, line, 1)
    return value


def _group_mark(scope: Scope, line: Statement) -> dict[str, Any] | None:
    word = line.arguments[0] if line.arguments else line.keyword
    mark = whole(word.text)
    if mark is None or not 1 <= mark <= 2**32 - 1:
        scope.wrong(line.keyword, word, "a number from 1 to 4294967295")
        return None
    value: dict[str, Any] = {"fwmark": mark}
    for word in line.arguments[1:2]:
        if word.text not in ("inet", "inet6"):
            scope.wrong(line.keyword, word, "inet or inet6")
            return None
        value["ip_family"] = word.text
    _nothing_behind(scope, line, 2)
    return value


def _nothing_behind(scope: Scope, line: Statement, count: int) -> None:
    for word in line.arguments[count : count + 1]:
        scope.report.note(word.at, f"{line.keyword.text}: {shown(word.text)} is ignored; expected the end of the line")


def settle(scope: Scope, statement: Statement, value: dict[str, Any]) -> None:
    """Defaults that keepalived mentions, and what does not fit and is left out there too."""
    at = statement.keyword.at
    if "fwmark" in value and value.pop("protocol", None):
        scope.report.note(scope.where["protocol"], "protocol is ignored for a firewall mark")
    if "fwmark" not in value and "protocol" not in value:
        scope.report.note(at, "no protocol: UDP is used, as keepalived does; expected protocol TCP, UDP or SCTP")
        value["protocol"] = "udp"
    for keyword, default in (("lb_algo", "wlc"), ("lb_kind", "NAT")):
        if keyword not in value:
            scope.report.note(at, f"no {keyword}: {default} is used; expected {keyword}")
    spread_forwarding(value)
    spread_forwarding(value, "sorry_server.lb_kind", value)
    _settle_flags(scope, [one.keyword for one in statement.body or ()], value)
    if "fwmark" not in value and not value.get("port", 1) and "persistence_timeout" not in value:
        scope.report.note(at, "port 0 needs persistence: 360 s is used; expected persistence_timeout, or a port")
        value["persistence_timeout"] = "360s"
    _settle_for_protocol(scope, value)
    if "group" in value and value.pop("ha_suspend", None):
        scope.report.unsupported(scope.where["ha_suspend"], "ha_suspend of a virtual server group")
    if "fwmark" not in value and (family := value.pop("ip_family", None)):
        scope.report.note(scope.where["ip_family"], f"ip_family: {family} is ignored; expected it only with fwmark")


def _settle_flags(scope: Scope, keywords: Sequence[Word], value: dict[str, Any]) -> None:
    """A scheduler's flags count only behind the keyword that names it."""
    chosen = ""
    for word in keywords:
        if word.text in ("lvs_sched", "lb_algo"):
            chosen = value.get("lb_algo", "")
        owner = FLAGS.get(word.text)
        if owner is not None and owner != chosen and value.pop(field_of(word.text), None):
            scope.report.mistake(word.at, f"{word.text}: expected lvs_sched {owner} before it; left out")


def _settle_for_protocol(scope: Scope, value: dict[str, Any]) -> None:
    if value.get("protocol", "udp") != "udp":
        for field in ("ops", "persistence_engine"):
            if field in value:
                del value[field]
                scope.report.mistake(scope.where[field], f"{field}: expected protocol UDP or fwmark; left out")
    if "persistence_engine" in value and not {"persistence_timeout", "persistence_granularity"} & value.keys():
        shown_engine = shown(value.pop("persistence_engine"))
        at = scope.where["persistence_engine"]
        scope.report.mistake(at, f"persistence_engine: {shown_engine} has no effect without persistence_timeout; left out")
