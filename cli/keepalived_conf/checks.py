"""What may stand after the keywords of single types of checks? Readers, as in `readers`, and what whole blocks stand for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cli.keepalived_conf.readers import Reader, Scope, choice, text
from cli.keepalived_conf.tree import Statement
from services.checker.kinds.dns import name_of
from services.checker.kinds.udp import BYTES, PATTERN, hexadecimal
from services.common.errors import InvalidValue

# Others are known here (`services.checker.kinds.dns`) and not to keepalived, which then asks for SOA.
_TYPES: Final = ("A", "NS", "CNAME", "SOA", "MX", "TXT", "AAAA", "RRSIG", "DNSKEY")

dns_type: Final = choice({word: word for word in _TYPES}, folded=True)


def dns_name(scope: Scope, statement: Statement, path: str) -> str | None:
    """A name that can be asked for. keepalived 2.2.7 refuses names with a label of one character, and asks for the root."""
    found = text("a name", 255)(scope, statement, path)
    if found is None:
        return None
    try:
        name_of({"name": found})
    except InvalidValue as e:
        scope.report.mistake(statement.arguments[0].at, f"{statement.keyword.text}: {e.reason}")
        return None
    return found  # type: ignore[no-any-return]


def _hexadecimal(digits: str, bad: str | None) -> Reader:
    """Bytes in keepalived's free form; `bad`: what the keyword means if they cannot be read."""

    def read(scope: Scope, statement: Statement, path: str) -> str | None:
        found = " ".join(word.text for word in statement.arguments)
        try:
            hexadecimal({path: found}, path, digits)
        except InvalidValue as e:
            scope.report.mistake(statement.arguments[0].at, f"{statement.keyword.text}: {e.reason}")
            return bad
        return found

    return read


_payload: Final = _hexadecimal(BYTES, None)
udp_reply: Final = _hexadecimal(PATTERN, "")  # a reply is required all the same, as by keepalived


def udp_payload(scope: Scope, statement: Statement, path: str) -> str | None:
    """The bytes to send."""
    if not statement.arguments:
        scope.report.mistake(statement.keyword.at, "payload: expected hexadecimal digits after it, got nothing")
        return None
    return _payload(scope, statement, path)  # type: ignore[no-any-return]


def smtp_checks(check: Mapping[str, Any], connection: frozenset[str]) -> list[dict[str, Any]]:
    """The checks that one SMTP_CHECK stands for: each `host` block is one, and so is what is around them if it says anything
    of a `connection`. Hosts share the rest."""
    own = {field: value for field, value in check.items() if field != "host"}
    shared = {field: value for field, value in own.items() if field not in connection}
    hosts = [shared | host for host in check.get("host", ())]
    return hosts if hosts and shared.keys() == own.keys() else [own, *hosts]
