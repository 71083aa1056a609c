"""Which checks does the configuration ask for? Defaults, inheritance and the rules across fields, as keepalived has them.

Pure. A real server is decoded alone, and joined with its virtual server and the global settings by `checks_of`: explicit
values win in the order check, real server, virtual server, then the default of the check's type.
"""

from __future__ import annotations

import ipaddress
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from services.checker.schedule import Timing
from services.common.errors import InvalidValue

SECOND: Final = 1_000_000_000
SHORTEST: Final = 1_000_000  # keepalived takes microseconds; below 1 ms a check would only be a load
STATUS_DEFAULT: Final = ((200, 299),)
HTTP_PROTOCOLS: Final = ("1.0", "1.0C", "1.1")
FIRST_DELAY_BEFORE_RETRY: Final = {"http_get": 3 * SECOND, "ssl_get": 3 * SECOND}
FIRST_RETRY: Final = {"misc_check": 0}
KINDS: Final = ("tcp_check", "http_get", "ssl_get", "misc_check")

_WORD = re.compile(r"[\x21-\x7e\x80-\U0010ffff]+")  # neither blanks nor control characters: goes into an HTTP request
_DIGEST = re.compile(r"[0-9a-fA-F]{32}")
_STATUS = re.compile(r"(\d{3})(?:-(\d{3}))?")


@dataclass(frozen=True, slots=True)
class Inherited:
    """Timing that may be given at any level; None: not here. Nanoseconds."""

    delay_loop: int | None = None
    connect_timeout: int | None = None
    retry: int | None = None
    delay_before_retry: int | None = None
    warmup: int | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """Where a network probe goes, and where it comes from."""

    address: str
    port: int
    bindto: str = ""
    bind_port: int = 0
    bind_if: str = ""
    fwmark: int = 0

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


@dataclass(frozen=True, slots=True)
class Tcp:
    """TCP_CHECK: the target accepts connections."""

    target: Target


@dataclass(frozen=True, slots=True)
class Url:
    """One page. `host` is the whole Host header; `digest` is lower case, empty: any body will do."""

    path: str
    host: str
    digest: str = ""
    status: tuple[tuple[int, int], ...] = STATUS_DEFAULT


@dataclass(frozen=True, slots=True)
class Http:
    """HTTP_GET, or with `tls` SSL_GET. `sni` per URL, in step with `urls`; empty: none is sent."""

    target: Target
    urls: tuple[Url, ...]
    tls: bool = False
    sni: tuple[str, ...] = ()
    http_protocol: str = "1.0"
    fast_recovery: bool = False


@dataclass(frozen=True, slots=True)
class Misc:
    """MISC_CHECK: a program decides. Empty `user`: keepalived_script where it exists, else nobody."""

    argv: tuple[str, ...]
    timeout: int
    dynamic: bool = False
    user: str = ""
    secure: bool = True


@dataclass(frozen=True, slots=True)
class Check:
    """One check, ready to run. `name` is its place in the real server: `tcp_check[0]`."""

    virtual_server: str
    real_server: str
    name: str
    what: Tcp | Http | Misc
    timing: Timing
    alpha: bool = False

    @property
    def id(self) -> str:
        """Unique among all checks, and stable while the configuration does not move it."""
        return f"{self.virtual_server}/{self.real_server}/{self.name}"

    @property
    def kind(self) -> str:
        """The configuration's field: tcp_check, http_get, ssl_get or misc_check."""
        return self.name.partition("[")[0]

    @property
    def urls(self) -> int:
        """How many probes make a round; 0: each decides alone."""
        return len(self.what.urls) if isinstance(self.what, Http) else 0

    @property
    def target(self) -> str:
        """What is probed, in words."""
        what = self.what
        if isinstance(what, Misc):
            return shlex.join(what.argv)
        if isinstance(what, Tcp):
            return str(what.target)
        return f"{'https' if what.tls else 'http'}://{what.target}"


@dataclass(frozen=True, slots=True)
class VirtualServer:
    """What the checks of a virtual server's real servers inherit. `address` is empty for a fwmark service."""

    address: str
    inherited: Inherited
    alpha: bool
    virtualhost: str
    weight: int
    ha_suspend: bool


@dataclass(frozen=True, slots=True)
class RealServer:
    """A real server and its checks, before inheritance; each check is (name, value) with its fields validated."""

    address: str
    port: int
    weight: int | None
    inherited: Inherited
    alpha: bool | None
    virtualhost: str
    checks: tuple[tuple[str, Mapping[str, Any]], ...]


@dataclass(frozen=True, slots=True)
class Global:
    """What MISC_CHECK needs of the global settings."""

    script_user: str = ""
    enable_script_security: bool = True


def decode_global(_name: str, value: Mapping[str, Any]) -> Global:
    """Settings of the key `config/global`."""
    return Global(value.get("script_user", ""), value.get("enable_script_security", True))


def decode_virtual_server(_name: str, value: Mapping[str, Any]) -> VirtualServer:
    """Settings of one virtual server.

    :raises InvalidValue: a field that checks inherit cannot be used.
    """
    address = value.get("address", "")
    if address and "fwmark" not in value:
        _address(value, "address")
    return VirtualServer(
        address="" if "fwmark" in value else address,
        inherited=_inherited(value),
        alpha=value.get("alpha", False),
        virtualhost=_word(value, "virtualhost"),
        weight=value.get("weight", 1),
        ha_suspend=value.get("ha_suspend", False),
    )


def decode_real_server(_name: str, value: Mapping[str, Any]) -> RealServer:
    """Settings of one real server, alone.

    :raises InvalidValue: a field of the server or of one of its checks cannot be used.
    """
    if "address" not in value:
        raise InvalidValue("address", "is missing; expected the server's IPv4 or IPv6 address")
    checks = []
    for kind in KINDS:
        for i, check in enumerate(value.get(kind, ())):
            name = f"{kind}[{i}]"
            try:
                _validate(kind, check)
            except InvalidValue as e:
                raise e.within(name) from None
            checks.append((name, check))
    return RealServer(
        address=_address(value, "address"),
        port=_port(value, "port", lowest=0),
        weight=value.get("weight"),
        inherited=_inherited(value),
        alpha=value.get("alpha"),
        virtualhost=_word(value, "virtualhost"),
        checks=tuple(checks),
    )


def checks_of(
    virtual_name: str, virtual: VirtualServer, real_name: str, real: RealServer, settings: Global
) -> tuple[Check, ...]:
    """The checks of one real server, with everything inherited.

    :raises InvalidValue: a check has no port to go to.
    """
    alpha = virtual.alpha if real.alpha is None else real.alpha
    found = []
    for name, value in real.checks:
        kind = name.partition("[")[0]
        timing = _timing(kind, _inherited(value), real.inherited, virtual.inherited)
        what: Tcp | Http | Misc
        if kind == "misc_check":
            what = _misc(value, timing, settings)
        else:
            target = _target(name, value, real)
            what = Tcp(target) if kind == "tcp_check" else _http(kind, value, target, real, virtual)
        found.append(Check(virtual_name, real_name, name, what, timing, alpha))
    return tuple(found)


def _timing(kind: str, *levels: Inherited) -> Timing:
    def given(field: str, default: int) -> int:
        return next((v for level in levels if (v := getattr(level, field)) is not None), default)

    delay_loop = given("delay_loop", 60 * SECOND)
    return Timing(
        delay_loop=delay_loop,
        connect_timeout=given("connect_timeout", 5 * SECOND),
        retry=given("retry", FIRST_RETRY.get(kind, 1)),
        delay_before_retry=given("delay_before_retry", FIRST_DELAY_BEFORE_RETRY.get(kind, SECOND)),
        warmup=given("warmup", delay_loop),
    )


def _target(name: str, value: Mapping[str, Any], real: RealServer) -> Target:
    port = value.get("connect_port", real.port)
    if not port:
        raise InvalidValue(f"{name}.connect_port", "is missing, and the real server has no port", "give connect_port")
    address = value.get("connect_ip", real.address)
    bindto = value.get("bindto", "")
    if bindto and (":" in bindto) != (":" in address):
        raise InvalidValue(f"{name}.bindto", f"{bindto} is not of the same address family as {address}")
    return Target(
        address=address,
        port=port,
        bindto=bindto,
        bind_port=value.get("bind_port", 0),
        bind_if=value.get("bind_if", ""),
        fwmark=value.get("fwmark", 0),
    )


def _http(kind: str, value: Mapping[str, Any], target: Target, real: RealServer, virtual: VirtualServer) -> Http:
    shared = value.get("virtualhost") or real.virtualhost or virtual.virtualhost
    urls, sni = [], []
    for url in value["url"]:
        virtualhost = url.get("virtualhost") or shared
        urls.append(
            Url(
                path=url.get("path") or "/",
                host=virtualhost or str(target),
                digest=url.get("digest", "").lower(),
                status=_statuses(url.get("status_code", "")) or STATUS_DEFAULT,
            )
        )
        sni.append((value.get("sni_name") or virtualhost) if value.get("enable_sni") else "")
    return Http(
        target=target,
        urls=tuple(urls),
        tls=kind == "ssl_get",
        sni=tuple(sni),
        http_protocol=value.get("http_protocol", "1.0").upper(),
        fast_recovery=value.get("fast_recovery", False),
    )


def _misc(value: Mapping[str, Any], timing: Timing, settings: Global) -> Misc:
    return Misc(
        argv=tuple(shlex.split(value["misc_path"])),
        timeout=value.get("misc_timeout") or timing.delay_loop,
        dynamic=value.get("misc_dynamic", False),
        user=value.get("user") or settings.script_user,
        secure=settings.enable_script_security,
    )


def _validate(kind: str, value: Mapping[str, Any]) -> None:
    """Everything about one check that can be said without its servers."""
    _inherited(value)
    if kind == "misc_check":
        _command(value)
        return
    for field in ("connect_ip", "bindto"):
        if value.get(field):
            _address(value, field)
    for field in ("connect_port", "bind_port"):
        if field in value:
            _port(value, field)
    if len(value.get("bind_if", "")) > 15:
        raise InvalidValue("bind_if", f"{value['bind_if']!r} is too long for an interface; at most 15 characters")
    if kind == "tcp_check":
        return
    if not value.get("url"):
        raise InvalidValue("url", "is missing; expected at least one page")
    if value.get("http_protocol", "1.0").upper() not in HTTP_PROTOCOLS:
        raise InvalidValue("http_protocol", f"expected one of {', '.join(HTTP_PROTOCOLS)}, got {value['http_protocol']!r}")
    for field in ("virtualhost", "sni_name"):
        _word(value, field)
    for i, url in enumerate(value["url"]):
        try:
            _validate_url(url)
        except InvalidValue as e:
            raise e.within(f"url[{i}]") from None


def _validate_url(url: Mapping[str, Any]) -> None:
    _word(url, "path")
    _word(url, "virtualhost")
    if url.get("digest") and not _DIGEST.fullmatch(url["digest"]):
        raise InvalidValue("digest", f"expected 32 hexadecimal digits, got {url['digest']!r}", "vipctl genhash prints it")
    _statuses(url.get("status_code", ""))


def _statuses(text: str) -> tuple[tuple[int, int], ...]:
    """ "200-299 301" -> ((200, 299), (301, 301))."""
    ranges = []
    for word in text.split():
        match = _STATUS.fullmatch(word)
        if match is None:
            raise InvalidValue("status_code", f'expected codes and ranges such as "200-299 301", got {word!r}')
        low, high = int(match[1]), int(match[2] or match[1])
        if not 100 <= low <= high:
            raise InvalidValue("status_code", f"{word!r} is not a range of codes from 100 to 999")
        ranges.append((low, high))
    return tuple(ranges)


def _command(value: Mapping[str, Any]) -> None:
    path = value.get("misc_path", "")
    try:
        words = shlex.split(path)
    except ValueError as e:
        raise InvalidValue("misc_path", f"cannot be split into words: {e}") from None
    if not words:
        raise InvalidValue("misc_path", "is missing; expected a program with its arguments")
    if "\0" in path:
        raise InvalidValue("misc_path", "contains a NUL character")
    if len(value.get("user", "").split()) > 2:
        raise InvalidValue("user", f'expected "USER" or "USER GROUP", got {value["user"]!r}')


def _inherited(value: Mapping[str, Any]) -> Inherited:
    if (delay := value.get("delay_loop")) is not None and delay < SHORTEST:
        raise InvalidValue("delay_loop", "expected at least 0.001 s")
    if (limit := value.get("connect_timeout")) is not None and limit < SHORTEST:
        raise InvalidValue("connect_timeout", "expected at least 0.001 s")
    return Inherited(**{f.name: value.get(f.name) for f in fields(Inherited)})


def _address(value: Mapping[str, Any], field: str) -> str:
    text: str = value[field]
    try:
        ipaddress.ip_address(text)
    except ValueError:
        raise InvalidValue(field, f"expected an IPv4 or IPv6 address, got {text!r}") from None
    return text


def _port(value: Mapping[str, Any], field: str, lowest: int = 1) -> int:
    port: int = value.get(field, 0)
    if not lowest <= port <= 65535:
        raise InvalidValue(field, f"expected a port from {lowest} to 65535, got {port}")
    return port


def _word(value: Mapping[str, Any], field: str) -> str:
    text: str = value.get(field, "")
    if text and not _WORD.fullmatch(text):
        raise InvalidValue(field, f"{text!r} contains blanks or control characters")
    return text
