"""HTTP_GET and SSL_GET: pages come back as expected."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.checker.fields import word_of
from services.checker.kinds.regex import Regex, regex_of
from services.checker.kinds.target import Target, target_of, validate_target
from services.checker.kinds.tls import Identity, Trust, host_of, trust_of
from services.checker.kinds.what import SECOND, Around, Kind, What
from services.common.errors import InvalidValue

STATUS_DEFAULT: Final = ((200, 299),)
HTTP_PROTOCOLS: Final = ("1.0", "1.0C", "1.1")

_DIGEST = re.compile(r"[0-9a-fA-F]{32}")
_STATUS = re.compile(r"(\d{3})(?:-(\d{3}))?")


@dataclass(frozen=True, slots=True)
class Url:
    """One page. `host` is the whole Host header; `digest` is lower case, empty: any body will do. `tls_compliant`: the
    connection ends with close_notify."""

    path: str
    host: str
    digest: str = ""
    status: tuple[tuple[int, int], ...] = STATUS_DEFAULT
    regex: Regex | None = None
    tls_compliant: bool = False


@dataclass(frozen=True, slots=True)
class Http(What):
    """HTTP_GET, or with `tls` SSL_GET. `sni` per URL, in step with `pages`; empty: none is sent. `trust`: the certificate must
    be for that name; `identity`: shown to a server that asks for it."""

    target: Target
    pages: tuple[Url, ...]
    tls: bool = False
    sni: tuple[str, ...] = ()
    http_protocol: str = "1.0"
    fast_recovery: bool = False
    trust: Trust | None = None
    identity: Identity | None = None

    def __str__(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.target}"

    @property
    def urls(self) -> int:
        return len(self.pages)

    @property
    def recovers_fast(self) -> bool:
        return self.fast_recovery


def _validate(value: Mapping[str, Any]) -> None:
    validate_target(value)
    if not value.get("url"):
        raise InvalidValue("url", "is missing; expected at least one page")
    if value.get("http_protocol", "1.0").upper() not in HTTP_PROTOCOLS:
        raise InvalidValue("http_protocol", f"expected one of {', '.join(HTTP_PROTOCOLS)}, got {value['http_protocol']!r}")
    for field in ("virtualhost", "sni_name"):
        word_of(value, field)
    trust_of(value)
    for i, url in enumerate(value["url"]):
        try:
            _validate_url(url)
        except InvalidValue as e:
            raise e.within(f"url[{i}]") from None


def _validate_url(url: Mapping[str, Any]) -> None:
    word_of(url, "path")
    word_of(url, "virtualhost")
    if url.get("digest") and not _DIGEST.fullmatch(url["digest"]):
        raise InvalidValue("digest", f"expected 32 hexadecimal digits, got {url['digest']!r}", "vipctl genhash prints it")
    _statuses(url.get("status_code", ""))
    regex_of(url)


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


def _make(value: Mapping[str, Any], around: Around) -> Http:
    target = target_of(value, around)
    tls = around.name.startswith("ssl_get")
    trust = trust_of(value)
    if trust and not tls:
        raise InvalidValue(f"{around.name}.tls_verify", "is for ssl_get; there is no TLS in http_get")
    shared = value.get("virtualhost") or around.real.virtualhost or around.virtual.virtualhost
    pages, sni = [], []
    for url in value["url"]:
        virtualhost = url.get("virtualhost") or shared
        pages.append(
            Url(
                path=url.get("path") or "/",
                host=virtualhost or str(target),
                digest=url.get("digest", "").lower(),
                status=_statuses(url.get("status_code", "")) or STATUS_DEFAULT,
                regex=regex_of(url),
                tls_compliant=url.get("tls_compliant", value.get("tls_compliant", False)),
            )
        )
        name = value.get("sni_name") or virtualhost
        sni.append((host_of(name) or target.address) if trust else name if value.get("enable_sni") else "")
    return Http(
        target=target,
        pages=tuple(pages),
        tls=tls,
        sni=tuple(sni),
        http_protocol=value.get("http_protocol", "1.0").upper(),
        fast_recovery=value.get("fast_recovery", False),
        trust=trust,
        identity=around.settings.identity if tls else None,
    )


KIND = Kind(Http, _validate, _make, delay_before_retry=3 * SECOND)
