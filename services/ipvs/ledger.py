"""What must survive our own death, but not the machine's? Which services are ours, which servers were down, which drain
because their keys are gone, and which start slowly; the time-outs before ours, and whether the sync daemons are ours.

Shell: one small file in the state folder. It is written before the kernel is, so that a service of ours is never taken for
somebody else's; it is not forced to the disk, because the kernel's table does not survive a power failure either. It
counts only for the boot and the network namespace that it was written in.
"""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.ipvs.drain import Leaving
from services.ipvs.model import DestinationKey, ServiceKey
from services.ipvs.sync import AS_THEY_ARE, Timeouts

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entries:
    """Services that are ours; (virtual server, real server) names of those that were down; servers whose keys are gone and
    that drain; when slow starts began that go on, Unix ns; virtual servers that were told to be down because we stopped.

    `timeouts`: the kernel's before ours; `sync`: the sync daemons are ours.
    """

    owned: frozenset[ServiceKey] = frozenset()
    down: frozenset[tuple[str, str]] = frozenset()
    leaving: tuple[Leaving, ...] = ()
    starts: tuple[tuple[str, str, int], ...] = ()
    parted: tuple[str, ...] = ()
    timeouts: Timeouts = AS_THEY_ARE
    sync: bool = False


class Ledger:
    """The file. A folder that cannot be written is said once, and does not stop anything."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._troubled = False

    def read(self) -> Entries:
        """What the last run on this boot, in this network namespace, left; empty if there was none."""
        try:
            raw = json.loads(self._path.read_bytes())
            if raw["world"] != _world():
                return Entries()
            owned = frozenset(ServiceKey(f, p, bytes.fromhex(a), port, mark) for f, p, a, port, mark in raw["owned"])
            down = frozenset((virtual, real) for virtual, real in raw["down"])
            leaving = tuple(
                Leaving(virtual, real, DestinationKey(family, bytes.fromhex(address), port), since, deadline)
                for virtual, real, family, address, port, since, deadline in raw.get("leaving", ())
            )
            starts = tuple((virtual, real, since) for virtual, real, since in raw.get("starts", ()))
            before = Timeouts(*map(int, raw.get("timeouts", ())))
            return Entries(owned, down, leaving, starts, tuple(raw.get("parted", ())), before, raw.get("sync", False))
        except FileNotFoundError:
            return Entries()
        except (OSError, ValueError, LookupError, TypeError) as e:
            log.warning("%s cannot be read and is left aside: %s", self._path, e)
            return Entries()

    def write(self, entries: Entries) -> None:
        """Replace the file in one step."""
        before = entries.timeouts
        document = {
            "world": _world(),
            "owned": [(k.family, k.protocol, k.address.hex(), k.port, k.fwmark) for k in sorted(entries.owned)],
            "down": sorted(entries.down),
            "leaving": [
                (e.virtual, e.real, e.place.family, e.place.address.hex(), e.place.port, e.since, e.deadline)
                for e in entries.leaving
            ],
            "starts": entries.starts,
            "parted": entries.parted,
            "timeouts": [before.tcp, before.tcpfin, before.udp],
            "sync": entries.sync,
        }
        text = json.dumps(document)
        fresh = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_text(text)
            fresh.replace(self._path)
            self._troubled = False
        except OSError as e:
            if not self._troubled:
                log.warning("cannot write %s: %s; after a restart services that are deleted meanwhile stay", fresh, e.strerror)
            self._troubled = True


def _world() -> list[Any]:
    """What the kernel's table lives and dies with."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return [boot, os.stat("/proc/self/ns/net").st_ino]
