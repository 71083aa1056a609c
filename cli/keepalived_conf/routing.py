"""What do lines of routes and rules become? Lines whose names are numbers and whose rules have a priority.

Names of tables, protocols and realms are this machine's own (/etc/iproute2), and the configuration may be for other machines
too: they become numbers here. keepalived gives a rule without a priority one of its own, counting down; so does `settle`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from cli.keepalived_conf.lexer import Word
from cli.keepalived_conf.readers import ListReader, Scope, rows, shown
from cli.keepalived_conf.tree import Statement
from services.common.errors import InvalidValue
from services.vrrp.routing.iproute import INET6, PROTOCOLS, TABLES, number
from services.vrrp.routing.routes import parse_route
from services.vrrp.routing.rules import PRIORITY_WORDS, parse_rule

FIRST_PRIORITY: Final = 16384
FOLDERS: Final = (Path("/etc/iproute2"), Path("/usr/share/iproute2"))
_NAMED: Final[Mapping[str, tuple[str, Mapping[str, int]]]] = {  # option: the file of its names, and the names it needs none for
    "table": ("rt_tables", TABLES),
    "lookup": ("rt_tables", TABLES),
    "protocol": ("rt_protos", PROTOCOLS),
    "realms": ("rt_realms", {}),
    "tos": ("rt_dsfield", {}),
    "dsfield": ("rt_dsfield", {}),
    "suppress_ifgroup": ("group", {"default": 0}),
    "sup_group": ("group", {"default": 0}),
}
_AS_ONLY_MPLS: Final = "as is for MPLS routes, and keepalived does not heed it; it is left out"
_TRACK_ONLY_STATIC: Final = "track_group is for static entries; it is left out"


def route_lines(static: bool) -> ListReader:
    """One route a line."""
    return rows(functools.partial(_line, parse_route, static))


def rule_lines(static: bool) -> ListReader:
    """One rule a line."""
    return rows(functools.partial(_line, parse_rule, static))


def _line(
    parse: Callable[[str, str], Any], static: bool, scope: Scope, statement: Statement, path: str, keyword: str
) -> str | None:
    """The line with its names as numbers; a line that cannot be used is left out, as keepalived leaves it out."""
    words = list(_numbered(statement.words))
    if parse is parse_route and "as" in words:
        at = words.index("as")
        scope.report.mistake(statement.words[at].at, _AS_ONLY_MPLS)
        del words[at : at + (3 if words[at + 1 : at + 2] == ["to"] else 2)]
    if not static and "track_group" in words:
        at = words.index("track_group")
        scope.report.mistake(statement.words[at].at, _TRACK_ONLY_STATIC)
        del words[at : at + 2]
    text = " ".join(words)
    try:
        parse(text if parse is parse_route or PRIORITY_WORDS & set(words) else f"{text} priority 1", keyword)
    except InvalidValue as error:
        hint = f" ({error.hint})" if error.hint else ""
        scope.report.mistake(statement.keyword.at, f"{keyword}: {shown(text)}: {error.reason}{hint}; left out")
        return None
    return text


def _numbered(given: Iterable[Word]) -> Iterable[str]:
    option = ""
    for word in given:
        file, known = _NAMED.get(option, ("", {}))
        text = word.text
        if file and text not in known and number(text) is None:
            text = "/".join(names_of(file).get(part, part) for part in text.split("/"))
        yield text
        option = text


@functools.cache
def names_of(file: str, folders: tuple[Path, ...] = FOLDERS) -> Mapping[str, str]:
    """Numbers by name, as iproute2 finds them: the machine's own file, or else the one that came with it."""
    found: dict[str, str] = {}
    for folder in folders:
        extra = sorted(folder.glob(f"{file}.d/*.conf"))
        for path in [folder / file, *extra]:
            try:
                lines = path.read_text(errors="replace").splitlines()
            except OSError:
                continue
            for line in lines:
                parts = line.partition("#")[0].split()
                if len(parts) == 2:
                    found.setdefault(parts[1], parts[0])
    return found


class Priorities:
    """The numbers that rules without a priority get, in the order in which they stand in the file."""

    def __init__(self) -> None:
        self._next = {False: FIRST_PRIORITY, True: FIRST_PRIORITY}  # of IPv6

    def settle(self, scope: Scope, value: dict[str, Any], field: str) -> None:
        """Give each rule of a list its priority, with a note."""
        for at, text in enumerate(value.get(field, ())):
            if PRIORITY_WORDS & set(text.split()):
                continue
            family = parse_rule(f"{text} priority 1", field).family == INET6
            value[field][at] = f"{text} priority {self._next[family]}"
            message = f"{field}: {text!r} has no priority: it gets {self._next[family]}; expected priority NUMBER"
            scope.report.note(scope.where[f"{field}[{at}]"], message)
            self._next[family] -= 1
