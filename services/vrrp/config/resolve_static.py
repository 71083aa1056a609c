"""On which interface is a static address that names none? keepalived's `default_interface`. Core."""

from __future__ import annotations

from services.vrrp.addresses import VirtualAddress
from services.vrrp.config.settings import StaticEntries


def on_default_interface(
    statics: dict[str, StaticEntries], default: str, repeated: list[tuple[str, str, str]]
) -> dict[str, StaticEntries]:
    """The same with every address on an interface. `repeated` gets (object, field, reason) of those that are there already."""
    return {name: _settled(name, entries, default, repeated) for name, entries in statics.items()}


def _settled(name: str, entries: StaticEntries, default: str, repeated: list[tuple[str, str, str]]) -> StaticEntries:
    if all(row.dev for row in entries.static_ipaddress):
        return entries  # what did not change stays the very same object
    kept: dict[tuple[str, str], VirtualAddress] = {}
    for at, row in enumerate(entries.static_ipaddress):
        row = row if row.dev else row._replace(dev=default)
        if kept.setdefault((row.address, row.dev), row) is not row:
            repeated.append((name, f"static_ipaddress[{at}].address", f"{row.address} is listed twice for {row.dev}"))
    return entries._replace(static_ipaddress=tuple(kept.values()))
