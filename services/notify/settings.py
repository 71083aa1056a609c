"""Who wants to hear of what? notify's share of the configuration: programs and mail, with keepalived's defaults.

Core. Decoders read the plain dicts of `services.common.values` and pass over the fields of other services. `Book` holds what
is configured now, and what was removed lately: an instance that leaves the configuration still reports its end.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from services.common.errors import InvalidValue

SECOND = 1_000_000_000
SMTP_PORT = 25
REMEMBERED = 1000  # removed objects whose programs are still known


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mail goes: plain SMTP, as keepalived speaks it."""

    host: str
    port: int = SMTP_PORT


@dataclass(frozen=True, slots=True)
class Global:
    """What notify uses of `config/global`. Empty `router_id`: the node's name; `notify`: a command line, split."""

    router_id: str = ""
    notification_email: tuple[str, ...] = ()
    notification_email_from: str = ""
    smtp_server: SmtpServer | None = None
    smtp_connect_timeout: int = 30 * SECOND
    smtp_helo_name: str = ""
    smtp_alert: bool | None = None
    smtp_alert_vrrp: bool | None = None
    smtp_alert_checker: bool | None = None
    script_user: str = ""
    enable_script_security: bool = True
    notify: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vrrp:
    """What an instance or a sync group wants: command lines by keyword, and mail (None: as the globals say)."""

    programs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    smtp_alert: bool | None = None


@dataclass(frozen=True, slots=True)
class VirtualServer:
    """What a virtual server wants. `place` is keepalived's way to name it, `protocol` its servers' one."""

    place: str
    protocol: str
    hysteresis: int = 0
    programs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    smtp_alert: bool | None = None


@dataclass(frozen=True, slots=True)
class RealServer:
    """What a real server wants; `address` and `port` are for its name in mails."""

    address: str
    port: int
    programs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    smtp_alert: bool | None = None


Settings = Global | Vrrp | VirtualServer | RealServer
Id = tuple[str, str]

VRRP_PROGRAMS = ("notify_master", "notify_backup", "notify_fault", "notify_stop", "notify")


def split_command(text: str, keyword: str) -> tuple[str, ...]:
    """A command line split as a shell would, run without one.

    :raises InvalidValue: open quotes, or no command.
    """
    try:
        words = tuple(shlex.split(text))
    except ValueError:
        raise InvalidValue(keyword, f"cannot be split into words: {text!r}", "close the quotes") from None
    if not words or not words[0]:
        raise InvalidValue(keyword, "expected a command line, got none")
    if any("\0" in word for word in words):
        raise InvalidValue(keyword, "a command line cannot hold a NUL byte")
    return words


def decode_global(name: str, value: Mapping[str, Any]) -> Global:
    """Settings of `config/global`.

    :raises InvalidValue: the field that cannot be used, and why.
    """
    taken: dict[str, Any] = {key: value[key] for key in Global.__slots__ if key in value}
    if "notification_email" in value:
        addresses = value["notification_email"]
        taken["notification_email"] = tuple(_mail(a, f"notification_email[{i}]") for i, a in enumerate(addresses))
    if "notification_email_from" in value:
        _mail(value["notification_email_from"], "notification_email_from")
    if "smtp_server" in value:
        taken["smtp_server"] = _smtp_server(value["smtp_server"])
    if "smtp_connect_timeout" in value:  # keepalived: 0 becomes 1 s
        taken["smtp_connect_timeout"] = value["smtp_connect_timeout"] or SECOND
    if "script_user" in value and not 1 <= len(value["script_user"].split()) <= 2:
        raise InvalidValue("script_user", f'expected "USER" or "USER GROUP", got {value["script_user"]!r}')
    if "notify" in value:
        taken["notify"] = split_command(value["notify"], "notify")
    for key in ("router_id", "smtp_helo_name"):
        _one_line(value.get(key, ""), key)
    return Global(**taken)


def decode_vrrp(name: str, value: Mapping[str, Any]) -> Vrrp:
    """Settings of an instance or a sync group."""
    return Vrrp(_programs(value, VRRP_PROGRAMS), value.get("smtp_alert"))


def decode_virtual_server(name: str, value: Mapping[str, Any]) -> VirtualServer:
    """Settings of a virtual server; its form is checked by ipvs, not here."""
    if "fwmark" in value:
        place, protocol = f"FWM {value['fwmark']}", "none"
    elif "group" in value:
        protocol = value.get("protocol", "udp")
        place = f"[{value['group']}]:0"
    else:
        protocol = value.get("protocol", "udp")  # as keepalived takes it
        place = f"[{value.get('address', '')}]:{protocol}:{value.get('port', 0)}"
    programs = _programs(value, ("quorum_up", "quorum_down"))
    return VirtualServer(place, protocol, value.get("hysteresis", 0), programs, value.get("smtp_alert"))


def decode_real_server(name: str, value: Mapping[str, Any]) -> RealServer:
    """Settings of a real server."""
    programs = _programs(value, ("notify_up", "notify_down"))
    return RealServer(value.get("address", ""), value.get("port", 0), programs, value.get("smtp_alert"))


DECODERS: Mapping[str, Callable[[str, Mapping[str, Any]], Settings]] = {
    "global": decode_global,
    "vrrp_instance": decode_vrrp,
    "vrrp_sync_group": decode_vrrp,
    "virtual_server": decode_virtual_server,
    "real_server": decode_real_server,
}


@dataclass(frozen=True, slots=True)
class Book:
    """What is configured now, with what was removed lately."""

    objects: Mapping[Id, Settings] = field(default_factory=dict)
    removed: Mapping[Id, Settings] = field(default_factory=dict)

    def after(self, upserts: Mapping[Id, Any], removals: Iterable[Id]) -> Book:
        """The book after one change of the configuration."""
        objects, removed = dict(self.objects), dict(self.removed)
        for identity in removals:
            if (gone := objects.pop(identity, None)) is not None:
                removed[identity] = gone
        for identity, settings in upserts.items():
            objects[identity] = settings
            removed.pop(identity, None)
        for identity in list(removed)[: max(0, len(removed) - REMEMBERED)]:
            del removed[identity]
        return replace(self, objects=objects, removed=removed)

    def find(self, identity: Id) -> Settings | None:
        """What an object wants, or wanted before it was removed; None: never heard of it."""
        return self.objects.get(identity) or self.removed.get(identity)

    @property
    def general(self) -> Global:
        """The globals in force."""
        found = self.objects.get(("global", ""))
        return found if isinstance(found, Global) else Global()

    def commands(self) -> Iterable[tuple[Id, str, tuple[str, ...]]]:
        """Every program that may be run: whose, under which keyword, its words."""
        for identity, settings in self.objects.items():
            if isinstance(settings, Global):
                if settings.notify:
                    yield identity, "notify", settings.notify
            else:
                for keyword, words in settings.programs.items():
                    yield identity, keyword, words


def _programs(value: Mapping[str, Any], keywords: Iterable[str]) -> dict[str, tuple[str, ...]]:
    return {key: split_command(value[key], key) for key in keywords if key in value}


def _one_line(text: str, keyword: str) -> str:
    if any(ord(c) < 32 or ord(c) == 127 for c in text):
        raise InvalidValue(keyword, f"expected one line of text, got {text!r}")
    return text


def _mail(text: str, keyword: str) -> str:
    """A mail address, which also becomes a word of SMTP: no space, no angle brackets."""
    if not text or not text.isascii() or set(_one_line(text, keyword)) & set(" <>,"):
        raise InvalidValue(keyword, f"expected a mail address such as admin@example.org, got {text!r}")
    return text


def _smtp_server(text: str) -> SmtpServer:
    words = text.split()
    if not 1 <= len(words) <= 2:
        raise InvalidValue("smtp_server", f'expected "HOST" or "HOST PORT", got {text!r}')
    if len(words) == 1:
        return SmtpServer(words[0])
    if not (words[1].isascii() and words[1].isdigit() and 1 <= int(words[1]) <= 65535):
        raise InvalidValue("smtp_server", f"expected a port of 1 to 65535 after the host, got {words[1]!r}")
    return SmtpServer(words[0], int(words[1]))
