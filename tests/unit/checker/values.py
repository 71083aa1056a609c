"""Checks out of values as they stand in the store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.checker.servers import Global, TrackFile
from services.checker.settings import NO_FILES, Check, checks_of, decode_real_server, decode_virtual_server
from services.common import values

S = 1_000_000_000
VIRTUAL: dict[str, Any] = {"address": "192.168.200.10", "port": 80, "protocol": "tcp"}
REAL: dict[str, Any] = {"address": "192.168.100.2", "port": 80}


def checks(
    real: dict[str, Any],
    virtual: dict[str, Any] | None = None,
    settings: Global | None = None,
    files: Mapping[str, TrackFile] = NO_FILES,
) -> tuple[Check, ...]:
    v = decode_virtual_server("v", values.check("virtual_server", {**VIRTUAL, **(virtual or {})}))
    r = decode_real_server("v/r", values.check("real_server", {**REAL, **real}))
    return checks_of("v", v, "r", r, settings or Global(), files)


def one(
    real: dict[str, Any],
    virtual: dict[str, Any] | None = None,
    settings: Global | None = None,
    files: Mapping[str, TrackFile] = NO_FILES,
) -> Check:
    (check,) = checks(real, virtual, settings, files)
    return check
