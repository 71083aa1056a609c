"""What do a virtual server, its real servers and the global settings say that checks inherit? Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.checker.kinds.tls import Identity


@dataclass(frozen=True, slots=True)
class Inherited:
    """Timing that may be given at any level; None: not here. Nanoseconds."""

    delay_loop: int | None = None
    connect_timeout: int | None = None
    retry: int | None = None
    delay_before_retry: int | None = None
    warmup: int | None = None
    delay_loop_down: int | None = None
    delay_jitter: int | None = None


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
class TrackFile:
    """A file whose number checks may ask for; `weight` and `reverse` for those that do not say."""

    file: str
    weight: int = 1
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class Global:
    """What checks need of the global settings; `max_probes_per_second` 0: no limit."""

    script_user: str = ""
    enable_script_security: bool = True
    log_all_failures: bool = False
    smtp_helo_name: str = ""
    max_probes_per_second: int = 0
    identity: Identity | None = None
