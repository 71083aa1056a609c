"""Whom does a check over TLS trust, and what does it show of itself? keepalived trusts everybody, and shows its SSL block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from services.common.errors import InvalidValue


@dataclass(frozen=True, slots=True)
class Trust:
    """Certificates are verified: issued by one of `ca_file` (PEM; empty: the system's store), for the name that is asked for,
    and valid for `min_days` days more."""

    ca_file: str = ""
    min_days: int = 0


@dataclass(frozen=True, slots=True)
class Identity:
    """The checker's own certificate, for servers that ask for one: files in PEM. Empty `key`: it is in `certificate` too."""

    certificate: str
    key: str = ""
    password: str = field(default="", repr=False)


def identity_of(settings: Mapping[str, Any]) -> Identity | None:
    """The certificate that the global settings name; None: none.

    :raises InvalidValue: a path that is not absolute, or a key of no certificate.
    """
    ssl: Mapping[str, Any] = settings.get("ssl", {})
    for name in ("certificate", "key"):
        if ssl.get(name):
            _path(ssl, name, f"ssl.{name}")
            if not ssl.get("certificate"):
                raise InvalidValue("ssl.certificate", "is missing; expected the file of the certificate that the key is for")
    if not ssl.get("certificate"):
        return None
    return Identity(ssl["certificate"], ssl.get("key", ""), ssl.get("password", ""))


def trust_of(value: Mapping[str, Any]) -> Trust | None:
    """The verification that a check asks for; None: none.

    :raises InvalidValue: a path that is not absolute, or words about a verification that is not asked for.
    """
    if not value.get("tls_verify", False):
        for field in ("tls_ca_file", "tls_min_days"):
            if value.get(field):
                raise InvalidValue(field, "has no effect without tls_verify", "set tls_verify too, or take it out")
        return None
    return Trust(_path(value, "tls_ca_file", "tls_ca_file"), value.get("tls_min_days", 0))


def _path(value: Mapping[str, Any], name: str, field_name: str) -> str:
    path: str = value.get(name, "")
    if path and (not path.startswith("/") or not path.isprintable()):
        raise InvalidValue(field_name, f"expected an absolute path, got {path!r}")
    return path


def host_of(virtualhost: str) -> str:
    """The name in a Host header, without its port: what a certificate is for."""
    name, colon, port = virtualhost.rpartition(":")
    if colon and port.isdecimal() and (":" not in name or name.endswith("]")):
        virtualhost = name
    return virtualhost.removeprefix("[").removesuffix("]")
