"""Is a server's certificate verified, and against what? Beyond keepalived, which verifies none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.common.errors import InvalidValue


@dataclass(frozen=True, slots=True)
class Trust:
    """Certificates are verified: issued by one of `ca_file` (PEM; empty: the system's store), for the name that is asked for,
    and valid for `min_days` days more."""

    ca_file: str = ""
    min_days: int = 0


def trust_of(value: Mapping[str, Any]) -> Trust | None:
    """The verification that a check asks for; None: none.

    :raises InvalidValue: a path that is not absolute, or words about a verification that is not asked for.
    """
    if not value.get("tls_verify", False):
        for field in ("tls_ca_file", "tls_min_days"):
            if value.get(field):
                raise InvalidValue(field, "has no effect without tls_verify", "set tls_verify too, or take it out")
        return None
    ca_file = value.get("tls_ca_file", "")
    if ca_file and (not ca_file.startswith("/") or not ca_file.isprintable()):
        raise InvalidValue("tls_ca_file", f"expected an absolute path, got {ca_file!r}")
    return Trust(ca_file, value.get("tls_min_days", 0))


def host_of(virtualhost: str) -> str:
    """The name in a Host header, without its port: what a certificate is for."""
    name, colon, port = virtualhost.rpartition(":")
    if colon and port.isdecimal() and (":" not in name or name.endswith("]")):
        virtualhost = name
    return virtualhost.removeprefix("[").removesuffix("]")
