"""What does a new agent know of the servers? Their health as the last one left it, kept in the state folder.

Shell: one file, replaced as a whole. A file that cannot be read counts as none: servers then start as without history.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from services.checker import wire
from services.checker.pool import Health, Memory, Name
from services.checker.probing import Result

log = logging.getLogger(__name__)

VERSION = 1


def read(path: Path) -> dict[Name, Memory]:
    """What the file holds; empty where there is none that can be used."""
    try:
        raw = json.loads(path.read_bytes())
        if raw["version"] != VERSION:
            raise ValueError(f"version {raw['version']}")
        return {(virtual, real): _decode(health, checks) for virtual, real, health, checks in raw["servers"]}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as e:
        log.warning("the servers' last health in %s cannot be read and is left aside: %s", path, e)
        return {}


def write(path: Path, servers: Mapping[Name, Memory]) -> None:
    """Replace the file.

    :raises OSError: the folder cannot be written.
    """
    rows = [[virtual, real, *_encode(memory)] for (virtual, real), memory in servers.items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
        json.dump({"version": VERSION, "servers": rows}, f, separators=(",", ":"))
        f.flush()
        os.fsync(f.fileno())
    fresh.replace(path)


def _encode(memory: Memory) -> tuple[Any, Any]:
    health = memory.health
    checks = [
        [name, fingerprint, wire.encode_streak(r.streak), r.cause, r.weight] for name, (fingerprint, r) in memory.checks.items()
    ]
    return (None if health is None else [health.up, health.weight_adjustment, health.cause]), checks


def _decode(health: Any, checks: Any) -> Memory:
    states = {
        name: (fingerprint, Result(wire.decode_streak(streak), cause, weight))
        for name, fingerprint, streak, cause, weight in checks
    }
    return Memory(None if health is None else Health(*health), states)
