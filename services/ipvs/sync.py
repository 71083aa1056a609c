"""Which sync daemons should run in the kernel, and what has to be done for that? And which time-outs should it have?

Core: knows neither kernel nor gRPC. keepalived's rules: without a virtual router both daemons run; with one the master's
runs while this node is its master, else the backup's.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from services.common.errors import InvalidValue
from services.ipvs.fields import SECOND_NS

MASTER, BACKUP = 1, 2  # IP_VS_STATE_*
WORDS = {MASTER: "master", BACKUP: "backup"}
SECONDS_MAX = 86_400 * 31
GROUP, PORT, TTL = ipaddress.ip_address("224.0.0.81").packed, 8848, 1  # the kernel's own
MAXLEN_MAX = 65_507


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Of connections without traffic, in seconds; 0 in what is wanted: as it is."""

    tcp: int = 0
    tcpfin: int = 0
    udp: int = 0

    def over(self, others: Timeouts) -> Timeouts:
        """These, and where there is none the others."""
        return Timeouts(self.tcp or others.tcp, self.tcpfin or others.tcpfin, self.udp or others.udp)


AS_THEY_ARE = Timeouts()


@dataclass(frozen=True, slots=True)
class SyncDaemon:
    """What is configured; `id` None: the virtual router's VRID, without one 0. `maxlen` 0: the kernel's choice."""

    interface: str
    vrrp_instance: str = ""
    id: int | None = None
    maxlen: int = 0
    group: bytes = GROUP
    port: int = PORT
    ttl: int = TTL


@dataclass(frozen=True, slots=True)
class Daemon:
    """One daemon of the kernel. `maxlen` 0 in what is wanted: the kernel's choice."""

    state: int
    interface: str
    id: int
    maxlen: int = 0
    group: bytes = GROUP
    port: int = PORT
    ttl: int = TTL

    def __str__(self) -> str:
        return f"{WORDS.get(self.state, self.state)} sync daemon on {self.interface}, id {self.id}"


@dataclass(frozen=True, slots=True)
class Router:
    """A virtual router as the vrrp service knows it."""

    master: bool
    vrid: int


Routers = Mapping[str, Router]


@dataclass(frozen=True, slots=True)
class Start:
    """Start a daemon."""

    daemon: Daemon


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop the daemon of this state."""

    state: int


Made = Mapping[int, tuple[Daemon, Daemon]]  # state -> what was asked for, and what the kernel made of it


def wanted(configured: SyncDaemon | None, routers: Routers | None) -> dict[int, Daemon] | None:
    """The daemons that should run, by state. None: not known yet, so that what runs goes on.

    `routers`: as vrrp has told; None: it has not spoken.
    """
    if configured is None:
        return {}
    if not configured.vrrp_instance:
        return {state: _daemon(configured, state, 0) for state in (MASTER, BACKUP)}
    router = (routers or {}).get(configured.vrrp_instance)
    if router is None:
        return None
    state = MASTER if router.master else BACKUP
    return {state: _daemon(configured, state, router.vrid)}


def _daemon(configured: SyncDaemon, state: int, vrid: int) -> Daemon:
    c = configured
    return Daemon(state, c.interface, vrid if c.id is None else c.id, c.maxlen, c.group, c.port, c.ttl)


def plan(actual: Mapping[int, Daemon], should_run: Mapping[int, Daemon], made: Made) -> list[Start | Stop]:
    """What to do so that just these daemons run. One that the kernel made otherwise than asked stays as it made it."""
    steps: list[Start | Stop] = []
    for state in (MASTER, BACKUP):
        runs, should = actual.get(state), should_run.get(state)
        if runs is not None and (should is None or not _fits(runs, should, made.get(state))):
            steps.append(Stop(state))
            runs = None
        if runs is None and should is not None:
            steps.append(Start(should))
    return sorted(steps, key=lambda step: isinstance(step, Start))


def _fits(runs: Daemon, should: Daemon, made: tuple[Daemon, Daemon] | None) -> bool:
    if made is not None:
        return made == (should, runs)
    same = all(getattr(runs, f.name) == getattr(should, f.name) for f in fields(Daemon) if f.name != "maxlen")
    return same and should.maxlen in (0, runs.maxlen)


# --- out of the global settings ---


def read_timeouts(value: Mapping[str, Any]) -> Timeouts:
    """The field `lvs_timeouts`.

    :raises InvalidValue: not a time that the kernel takes.
    """
    found = {}
    for name, ns in value.items():
        found[name], rest = divmod(ns, SECOND_NS)
        if rest or not 1 <= found[name] <= SECONDS_MAX:
            raise InvalidValue(f"lvs_timeouts.{name}", f"expected whole seconds, 1 to {SECONDS_MAX}")
    return Timeouts(**found)


def read_sync_daemon(value: Mapping[str, Any]) -> SyncDaemon:
    """The field `lvs_sync_daemon`.

    :raises InvalidValue: the kernel takes no such daemon.
    """
    interface = value.get("interface", "")
    if not 1 <= len(interface.encode()) <= 15:
        raise InvalidValue("lvs_sync_daemon.interface", f"expected the name of an interface, got {interface!r}")
    for name, low, high in (("id", 0, 255), ("maxlen", 1, MAXLEN_MAX), ("port", 1, 65535), ("ttl", 1, 255)):
        if name in value and not low <= value[name] <= high:
            raise InvalidValue(f"lvs_sync_daemon.{name}", f"expected {low} to {high}, got {value[name]}")
    return SyncDaemon(
        interface,
        value.get("vrrp_instance", ""),
        value.get("id"),
        value.get("maxlen", 0),
        _group(value["group"]) if "group" in value else GROUP,
        value.get("port", PORT),
        value.get("ttl", TTL),
    )


def _group(text: str) -> bytes:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        address = None
    if address is None or not address.is_multicast or getattr(address, "scope_id", None):
        raise InvalidValue("lvs_sync_daemon.group", f"expected a multicast address, got {text!r}")
    return address.packed
