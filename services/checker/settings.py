"""Which checks does the configuration ask for? Defaults, inheritance and the rules across fields, as keepalived has them.

Pure. A real server is decoded alone, and joined with its virtual server and the global settings by `checks_of`: explicit
values win in the order check, real server, virtual server, then the default of the check's type (`kinds`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, Final

from services.checker.fields import address_of, port_of, word_of
from services.checker.kinds.registry import KINDS
from services.checker.kinds.tls import identity_of
from services.checker.kinds.what import SECOND, Around, Kind, What
from services.checker.schedule import Timing
from services.checker.servers import Global, Inherited, RealServer, TrackFile, VirtualServer
from services.common.errors import InvalidValue

SHORTEST: Final = 1_000_000  # keepalived takes microseconds; below 1 ms a check would only be a load

NO_FILES: Final[Mapping[str, TrackFile]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Check:
    """One check, ready to run. `name` is its place in the real server: `tcp_check[0]`.

    With `log_all_failures` every failed probe of a check that is up is logged, else only the one that takes it down.
    """

    virtual_server: str
    real_server: str
    name: str
    what: What
    timing: Timing
    alpha: bool = False
    log_all_failures: bool = False

    @property
    def id(self) -> str:
        """Unique among all checks, and stable while the configuration does not move it."""
        return f"{self.virtual_server}/{self.real_server}/{self.name}"

    @property
    def kind(self) -> str:
        """The configuration's field: tcp_check, http_get and so on."""
        return kind_of(self.name)

    @property
    def urls(self) -> int:
        """How many probes make a round; 0: each decides alone."""
        return self.what.urls

    @property
    def target(self) -> str:
        """What is probed, in words."""
        return str(self.what)


def kind_of(name: str) -> str:
    """tcp_check[0] -> tcp_check."""
    return name.partition("[")[0]


def decode_global(_name: str, value: Mapping[str, Any]) -> Global:
    """Settings of the key `config/global`.

    :raises InvalidValue: the checker's own certificate cannot be used as it is given.
    """
    return Global(
        script_user=value.get("script_user", ""),
        enable_script_security=value.get("enable_script_security", True),
        log_all_failures=value.get("checker_log_all_failures", False),
        smtp_helo_name=value.get("smtp_helo_name", ""),
        max_probes_per_second=value.get("max_probes_per_second", 0),
        identity=identity_of(value),
    )


def decode_track_file(_name: str, value: Mapping[str, Any]) -> TrackFile:
    """Settings of one tracked file. What is wrong with it is vrrp's to tell."""
    return TrackFile(value.get("file", ""), value.get("weight", 1), value.get("reverse", False))


def decode_virtual_server(_name: str, value: Mapping[str, Any]) -> VirtualServer:
    """Settings of one virtual server.

    :raises InvalidValue: a field that checks inherit cannot be used.
    """
    address = value.get("address", "")
    if address and "fwmark" not in value:
        address_of(value, "address")
    return VirtualServer(
        address="" if "fwmark" in value else address,
        inherited=_inherited(value),
        alpha=value.get("alpha", False),
        virtualhost=word_of(value, "virtualhost"),
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
    for field, kind in KINDS.items():
        for i, check in enumerate(value.get(field, ())):
            name = f"{field}[{i}]"
            try:
                _inherited(check)
                kind.validate(check)
            except InvalidValue as e:
                raise e.within(name) from None
            checks.append((name, check))
    return RealServer(
        address=address_of(value, "address"),
        port=port_of(value, "port", lowest=0),
        weight=value.get("weight"),
        inherited=_inherited(value),
        alpha=value.get("alpha"),
        virtualhost=word_of(value, "virtualhost"),
        checks=tuple(checks),
    )


def checks_of(
    virtual_name: str,
    virtual: VirtualServer,
    real_name: str,
    real: RealServer,
    settings: Global,
    files: Mapping[str, TrackFile] = NO_FILES,
) -> tuple[Check, ...]:
    """The checks of one real server, with everything inherited. `files` by name.

    :raises InvalidValue: a check has no port to go to, or asks for a file that is not configured.
    """
    alpha = virtual.alpha if real.alpha is None else real.alpha
    found = []
    for name, value in real.checks:
        kind = KINDS[kind_of(name)]
        timing = _timing(kind, _inherited(value), real.inherited, virtual.inherited)
        what = kind.make(value, Around(name, timing, real, virtual, settings, files))
        logged = value.get("log_all_failures", settings.log_all_failures)
        found.append(Check(virtual_name, real_name, name, what, timing, value.get("alpha", alpha), logged))
    return tuple(found)


def _timing(kind: Kind, *levels: Inherited) -> Timing:
    def given(field: str, default: int) -> int:
        return next((v for level in levels if (v := getattr(level, field)) is not None), default)

    delay_loop = given("delay_loop", 60 * SECOND)
    return Timing(
        delay_loop=delay_loop,
        connect_timeout=given("connect_timeout", 5 * SECOND),
        retry=given("retry", kind.retry),
        delay_before_retry=given(
            "delay_before_retry", delay_loop if kind.delay_before_retry is None else kind.delay_before_retry
        ),
        warmup=given("warmup", delay_loop),
        delay_loop_down=given("delay_loop_down", 0),
        jitter=given("delay_jitter", 0),
    )


def _inherited(value: Mapping[str, Any]) -> Inherited:
    for field in ("delay_loop", "delay_loop_down", "connect_timeout"):
        if (time := value.get(field)) is not None and time < SHORTEST:
            raise InvalidValue(field, "expected at least 0.001 s")
    return Inherited(**{f.name: value.get(f.name) for f in fields(Inherited)})
