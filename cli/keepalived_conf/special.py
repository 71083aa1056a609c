"""What may stand after the keywords whose words are like no other keyword's? Readers, as in `readers`."""

from __future__ import annotations

from typing import Any, Final

from cli.keepalived_conf.keywords import known_keywords
from cli.keepalived_conf.lexer import Word
from cli.keepalived_conf.readers import (
    ListReader,
    Reader,
    Scope,
    duration,
    ip,
    nanoseconds,
    no_more,
    number,
    required,
    rows,
    seconds,
    shown,
    text,
    whole,
)
from cli.keepalived_conf.tree import Statement

PORT_MAX: Final = 65535


def virtual_address(scope: Scope, line: Statement, path: str, keyword: str) -> dict[str, Any] | None:
    """`ADDRESS[/LENGTH] [dev IF] [scope SCOPE] [label LABEL] [brd ADDRESS|+|-] ...`, in any order after the address."""
    word = line.keyword
    plain, slash, length = word.text.partition("/")
    found = ip(plain)
    prefix = whole(length) if slash else 0
    if found is None or prefix is None or not 0 <= prefix <= found.max_prefixlen:
        scope.wrong(Word(keyword, word.at), word, "ADDRESS or ADDRESS/LENGTH")
        return None
    value: dict[str, Any] = {"address": f"{found}{slash}{length}"}
    scope.mark(f"{path}.address", word.at)
    rest = list(line.arguments)
    while rest:
        option = rest.pop(0)
        target = _ADDRESS_OPTIONS.get(option.text)
        if option.text in _ADDRESS_FLAGS:
            value[_ADDRESS_FLAGS[option.text]] = True
            scope.mark(f"{path}.{_ADDRESS_FLAGS[option.text]}", option.at)
        elif target is None:
            _address_option(scope, option)
        elif not rest:
            scope.report.mistake(option.at, f"{option.text}: expected a value after it, got the end of the line")
        else:
            given = rest.pop(0)
            if target == "label" and len(given.text.encode("utf-8", "replace")) > 15:
                scope.report.mistake(given.at, f"label: expected at most 15 bytes, got {shown(given.text)}; address left out")
                return None
            if target == "track_group" and keyword != "static_ipaddress":
                scope.report.mistake(option.at, f"{keyword}: track_group is for static entries; it is left out")
                continue
            value[target] = given.text
            scope.mark(f"{path}.{target}", given.at)
    return value


_ADDRESS_OPTIONS: Final = {
    "dev": "dev",
    "scope": "scope",
    "label": "label",
    "brd": "brd",
    "broadcast": "brd",
    "peer": "peer",
    "preferred_lft": "preferred_lft",
    "track_group": "track_group",
}
_ADDRESS_FLAGS: Final = {
    "home": "home",
    "-nodad": "dad",  # keepalived leaves duplicate address detection out unless this takes that back
    "mngtmpaddr": "mngtmpaddr",
    "noprefixroute": "noprefixroute",
    "autojoin": "autojoin",
    "no_track": "no_track",
    "use_vmac": "use_vmac",
}


def _address_option(scope: Scope, option: Word) -> None:
    """An option that is not supported, or unknown."""
    if option.text in known_keywords()["address line"]:
        scope.report.unsupported(option.at, f"the address option {option.text}")
    else:
        expected = ", ".join(word for word in (*_ADDRESS_OPTIONS, *_ADDRESS_FLAGS) if word != "broadcast")
        scope.report.mistake(option.at, f"expected one of {expected}, or the end of the line, got {shown(option.text)}")


def unicast_peer(scope: Scope, line: Statement, path: str, keyword: str) -> dict[str, Any] | None:
    """`ADDRESS [min_ttl N] [max_ttl N]`."""
    found = ip(line.keyword.text)
    if found is None:
        scope.wrong(Word(keyword, line.keyword.at), line.keyword, "an IP address")
        return None
    value: dict[str, Any] = {"address": str(found)}
    scope.mark(f"{path}.address", line.keyword.at)
    rest = list(line.arguments)
    while rest:
        option = rest.pop(0)
        if option.text not in ("min_ttl", "max_ttl"):
            expected = "min_ttl or max_ttl, or the end of the line"
            scope.report.mistake(option.at, f"{keyword}: expected {expected}, got {shown(option.text)}")
            continue
        given = rest.pop(0) if rest else option
        ttl = whole(given.text)
        if ttl is None or not 0 <= ttl <= 255:
            scope.wrong(Word(option.text, option.at), given, "a number from 0 to 255")
        else:
            value[option.text] = ttl
            scope.mark(f"{path}.{option.text}", given.at)
    return value


def hmac_key(scope: Scope, statement: Statement, path: str) -> dict[str, Any] | None:
    """`ID VALUE|hex:HEX|file:PATH`."""
    if not required(scope, statement, 2, "an id and a key"):
        return None
    word, value = statement.arguments[:2]
    number = whole(word.text)
    if number is None or not 1 <= number <= 255:
        scope.wrong(statement.keyword, word, "an id from 1 to 255")
        return None
    if value.text.startswith("file:"):
        scope.mark(f"{path}.id", word.at)
        scope.mark(f"{path}.key_file", value.at)
        return {"id": number, "key_file": value.text.removeprefix("file:")}
    scope.mark(f"{path}.id", word.at)
    scope.mark(f"{path}.value", value.at)
    return {"id": number, "value": value.text}


def old_checksum(scope: Scope, statement: Statement, path: str) -> str:
    """`old_unicast_checksum [never]`."""
    for word in statement.arguments[:1]:
        if word.text == "never":
            return "never"
        scope.report.note(word.at, f"{statement.keyword.text}: {shown(word.text)} is ignored; expected never, or nothing")
    return "always"


def tracked(limit: int) -> ListReader:
    """`NAME [weight N [reverse|noreverse]]`. As keepalived has it, a bad number leaves the weight out, a bad word the line."""

    def one(scope: Scope, line: Statement, path: str, keyword: str) -> dict[str, Any] | None:
        value: dict[str, Any] = {"name": line.keyword.text}
        scope.mark(f"{path}.name", line.keyword.at)
        rest = list(line.arguments)
        if rest and rest[0].text == "weight":
            option = rest.pop(0)
            weight = rest.pop(0) if rest else option
            found = whole(weight.text)
            if found is None or not -254 <= found <= 254:
                scope.wrong(Word(f"{keyword} weight", option.at), weight, f"a number from -{limit} to {limit}")
            else:
                value["weight"] = max(-limit, min(limit, found))
                scope.mark(f"{path}.weight", weight.at)
                if value["weight"] != found:
                    scope.report.note(weight.at, f"{keyword} weight: {found} counts as {value['weight']}")
            while rest and rest[0].text in _REVERSE:
                value["reverse"] = _REVERSE[rest.pop(0).text]
        for word in rest[:1]:
            expected = "weight NUMBER [reverse|noreverse]"
            scope.report.mistake(
                word.at, f"{keyword}: expected {expected}, got {shown(word.text)}; {line.keyword.text} left out"
            )
            return None
        return value

    return rows(one)


_REVERSE: Final = {"reverse": True, "noreverse": False}


def tracker_weight(limit: int) -> Reader:
    """`weight N [reverse|noreverse]` of what is tracked; gives both fields."""

    def read(scope: Scope, statement: Statement, path: str) -> dict[str, Any] | None:
        words = statement.words
        found: dict[str, Any] = {}
        if len(words) > 2 and words[2].text in _REVERSE:
            found["reverse"] = _REVERSE[words[2].text]
            statement = Statement((*words[:2], *words[3:]), statement.body)
        weight = number(-limit, limit)(scope, statement, path)
        return None if weight is None else {"weight": weight, **found}

    return read


def at_least_one(most: int) -> Reader:
    """A number of which 0 counts as 1."""
    read_number = number(0, most)

    def read(scope: Scope, statement: Statement, path: str) -> int | None:
        found: int | None = read_number(scope, statement, path)
        if found == 0:
            scope.report.note(statement.arguments[0].at, f"{statement.keyword.text}: 0 counts as 1")
        return found if found is None else max(1, found)

    return read


def extra_if(least: int) -> Reader:
    """`[all] SECONDS` of garp_extra_if; gives both fields."""
    read_seconds = seconds(least, 86400)

    def read(scope: Scope, statement: Statement, path: str) -> dict[str, Any] | None:
        words = statement.words
        everywhere = len(words) > 2 and words[1].text == "all"
        found = read_seconds(scope, Statement((words[0], *words[2:]), statement.body) if everywhere else statement, path)
        return None if found is None else {"": found} | ({"all": True} if everywhere else {})

    return read


def process_words(scope: Scope, statement: Statement, path: str) -> list[str] | None:
    """The name of a process and its parameters."""
    if not required(scope, statement, 1, "the name of a process"):
        return None
    return [word.text for word in statement.arguments]


def init_file(scope: Scope, statement: Statement, path: str) -> dict[str, Any]:
    """`[VALUE] [overwrite]`, in any order."""
    found: dict[str, Any] = {}
    for word in statement.arguments:
        value = whole(word.text)
        if word.text == "overwrite":
            found["overwrite"] = True
        elif value is None or not -(2**31) <= value < 2**31:
            scope.wrong(statement.keyword, word, "a number or overwrite")
        else:
            found["value"] = value
            if not -254 <= value <= 254:
                scope.report.note(word.at, f"{statement.keyword.text}: expected a number from -254 to 254, got {value}")
    return found


def needless(why: str) -> Reader:
    """A keyword that is understood and has nothing to do here."""

    def read(scope: Scope, statement: Statement, path: str) -> None:
        scope.report.note(statement.keyword.at, f"{statement.keyword.text} has no effect: {why}")

    return read


def interface_delays(scope: Scope, line: Statement, path: str, keyword: str) -> dict[str, Any] | None:
    """`INTERFACE DOWN [UP]` in seconds. UP is 0 unless given, whatever keepalived's manual says."""
    value: dict[str, Any] = {"name": line.keyword.text}
    scope.mark(f"{path}.name", line.keyword.at)
    if not line.arguments:
        scope.report.mistake(line.keyword.at, f"{keyword}: expected INTERFACE DOWN [UP], got only {shown(line.keyword.text)}")
        return None
    for target, word in zip(("down_delay", "up_delay"), line.arguments, strict=False):
        ns = nanoseconds(word.text)
        if ns is None or ns > 255 * 10**9:
            scope.wrong(Word(keyword, line.keyword.at), word, "0 to 255 seconds")
            return None
        value[target] = duration(ns)
        scope.mark(f"{path}.{target}", word.at)
    for word in line.arguments[2:3]:
        scope.report.note(word.at, f"{keyword}: {shown(word.text)} is ignored; expected the end of the line")
    return value


def processors(scope: Scope, statement: Statement, path: str) -> list[int] | None:
    """Numbers of processors, from 0 on."""
    if not required(scope, statement, 1, "numbers of processors"):
        return None
    found = [whole(word.text) for word in statement.arguments]
    for word, number_of in zip(statement.arguments, found, strict=True):
        if number_of is None or not 0 <= number_of < 1024:
            scope.wrong(statement.keyword, word, "numbers of processors, from 0 to 1023")
            return None
    return [number_of for number_of in found if number_of is not None]


def dynamic_interfaces(scope: Scope, statement: Statement, path: str) -> None:
    """`[allow_if_changes]`: so it is always."""
    for word in statement.arguments[:1]:
        if word.text != "allow_if_changes":
            scope.report.note(word.at, f"{statement.keyword.text}: {shown(word.text)} is ignored; expected allow_if_changes")


LINKBEAT: Final = needless("the kernel tells of each link as it changes, so that none is polled")


def milliseconds(low: int) -> Reader:
    """A time in milliseconds from `low` on, exact to the microsecond."""
    expected = f"{low} to {2**32 // 1000} milliseconds"

    def read(scope: Scope, statement: Statement, path: str) -> str | None:
        if not required(scope, statement, 1, expected):
            return None
        no_more(scope, statement, 1)
        word = statement.arguments[0]
        millionfold = nanoseconds(word.text)
        if millionfold is None or not low * 10**9 <= millionfold < 2**32 * 10**6:
            scope.wrong(statement.keyword, word, expected)
            return None
        return duration(millionfold // 10**6 * 1000)

    return read


def sorry_server(scope: Scope, statement: Statement, path: str) -> dict[str, Any] | None:
    """`IP [PORT]`."""
    found = endpoint(scope, statement)
    if found is None:
        return None
    return {"address": found[0]} | ({"port": found[1]} if found[1] is not None else {})


def endpoint(scope: Scope, statement: Statement, least_port: int = 1) -> tuple[str, int | None] | None:
    """The address and port after a keyword; complains and gives None if they cannot be used."""
    if not required(scope, statement, 1, "an IP address"):
        return None
    found = ip(statement.arguments[0].text)
    if found is None:
        scope.wrong(statement.keyword, statement.arguments[0], "an IP address")
        return None
    port: int | None = None
    for word in statement.arguments[1:2]:
        port = whole(word.text)
        if port is None or not least_port <= port <= PORT_MAX:
            scope.wrong(statement.keyword, word, f"a port from {least_port} to {PORT_MAX}")
            return None
    for word in statement.arguments[2:3]:
        scope.report.note(word.at, f"{statement.keyword.text}: {shown(word.text)} is ignored; expected ADDRESS PORT")
    return str(found), port


def status_codes(scope: Scope, statement: Statement, path: str) -> str | None:
    """Codes and ranges of codes."""
    if not required(scope, statement, 1, "status codes"):
        return None
    found = []
    for word in statement.arguments:
        low, dash, high = word.text.partition("-")
        bounds = [whole(low), whole(high) if dash else whole(low)]
        if any(b is None or not 100 <= b <= 599 for b in bounds) or bounds[0] > bounds[1]:  # type: ignore[operator]
            scope.wrong(statement.keyword, word, "a code or range from 100 to 599, such as 200-299")
        else:
            found.append(word.text)
    return " ".join(found) or None


def digest(scope: Scope, statement: Statement, path: str) -> str | None:
    """An MD5 as `vipctl genhash` prints it."""
    found = text("32 hexadecimal digits")(scope, statement, path)
    if found is not None and (len(found) != 32 or not set(found.lower()) <= set("0123456789abcdef")):
        scope.wrong(statement.keyword, statement.arguments[0], "32 hexadecimal digits")
        return None
    return found  # type: ignore[no-any-return]


def granularity(scope: Scope, statement: Statement, path: str) -> str | None:
    """A netmask, or for IPv6 a prefix length."""
    found = text("a netmask such as 255.255.255.0, or an IPv6 prefix length")(scope, statement, path)
    if found is None:
        return None
    mask = ip(found)
    inverted = ~int(mask) & 0xFFFFFFFF if mask is not None and mask.version == 4 else -1
    if (inverted >= 0 and not inverted & (inverted + 1)) or 1 <= (whole(found) or 0) <= 128:
        return found  # type: ignore[no-any-return]
    scope.wrong(statement.keyword, statement.arguments[0], "a netmask such as 255.255.255.0, or an IPv6 prefix length")
    return None
