"""What do the global settings say of the table as a whole? Flushes, time-outs, the sync daemon, and who may edit it.

Core.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.ipvs.sync import AS_THEY_ARE, SyncDaemon, Timeouts, read_sync_daemon, read_timeouts


@dataclass(frozen=True, slots=True)
class Global:
    """`flush`: services that nobody configured go at a start; `flush_on_stop`: empty, `vs` (ours) or `all` go at a stop;
    `repair`: what others do to our services is undone, else only told."""

    flush: bool = False
    flush_on_stop: str = ""
    timeouts: Timeouts = AS_THEY_ARE
    sync: SyncDaemon | None = None
    repair: bool = True


def decode_global(_name: str, value: Mapping[str, Any]) -> Global:
    """Settings of `config/global`.

    :raises InvalidValue: the kernel takes no such time-outs or sync daemon.
    """
    sync = value.get("lvs_sync_daemon")
    return Global(
        flush=value.get("lvs_flush", False),
        flush_on_stop=value.get("lvs_flush_on_stop", ""),
        timeouts=read_timeouts(value.get("lvs_timeouts", {})),
        sync=None if sync is None else read_sync_daemon(sync),
        repair=value.get("lvs_repair", True),
    )
