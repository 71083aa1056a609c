"""grpc_check: a gRPC server says that a service of it is SERVING (grpc.health.v1). Beyond keepalived."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.checker.fields import word_of
from services.checker.kinds.target import Target, target_of, validate_target
from services.checker.kinds.tls import Identity, Trust, host_of, trust_of
from services.checker.kinds.what import Around, Kind, What
from services.common.errors import InvalidValue

LONGEST_NAME: Final = 1000


@dataclass(frozen=True, slots=True)
class Grpc(What):
    """One call of Health/Check. Empty `service`: the server as a whole. `sni`: sent with `tls`, unless it is empty;
    `identity`: shown to a server that asks for it."""

    target: Target
    service: str
    authority: str
    tls: bool = False
    sni: str = ""
    trust: Trust | None = None
    identity: Identity | None = None

    def __str__(self) -> str:
        return f"{'grpcs' if self.tls else 'grpc'}://{self.target}/{self.service}"


def _validate(value: Mapping[str, Any]) -> None:
    validate_target(value)
    service = value.get("service", "")
    if len(service) > LONGEST_NAME or not service.isprintable():
        raise InvalidValue("service", f"expected a name of at most {LONGEST_NAME} printable characters")
    for field in ("authority", "sni_name"):
        if len(word_of(value, field)) > LONGEST_NAME:
            raise InvalidValue(field, f"is longer than {LONGEST_NAME} characters")
    trust = trust_of(value)
    for field, given in (("tls_verify", trust), ("sni_name", value.get("sni_name"))):
        if given and not value.get("tls", False):
            raise InvalidValue(field, "has no effect without tls", "set tls too, or take it out")


def _make(value: Mapping[str, Any], around: Around) -> Grpc:
    target = target_of(value, around)
    authority = value.get("authority") or str(target)
    trust = trust_of(value)
    sni = value.get("sni_name") or host_of(value.get("authority", ""))
    return Grpc(
        target=target,
        service=value.get("service", ""),
        authority=authority,
        tls=value.get("tls", False),
        sni=(sni or target.address) if trust else sni,
        trust=trust,
        identity=around.settings.identity if value.get("tls", False) else None,
    )


KIND = Kind(Grpc, _validate, _make)
