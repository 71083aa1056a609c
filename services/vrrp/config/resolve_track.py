"""What does each virtual router track in the end? Its own rows and its group's, every weight filled in.

keepalived 2.2.7's rules, as seen on the wire:
- A row without a weight has the weight and the reverse of what it names.
- In a sync group without `sync_group_tracking_weight`, weighted scripts and BFD sessions of members are left out, and so are
  files whose row has a weight; files whose row has none get weight 0. Interfaces and processes keep their weights.
- Files of an address owner (255) are treated likewise, because its priority does not change.
- What a group tracks counts for every member with its weight, which is 0 if a member is an address owner. What is tracked by
  both counts once, as the group has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from services.vrrp.config.track_settings import ROWS, Source, Tracked

if TYPE_CHECKING:
    from services.common.problems import Problem
    from services.vrrp.config.resolve import RouterSettings
    from services.vrrp.config.settings import VrrpInstance, VrrpSyncGroup

Id = tuple[str, str]


class Rows(NamedTuple):
    """The rows of an instance or a group by field."""

    track_interface: tuple[Tracked, ...] = ()
    track_script: tuple[Tracked, ...] = ()
    track_file: tuple[Tracked, ...] = ()
    track_process: tuple[Tracked, ...] = ()
    track_bfd: tuple[Tracked, ...] = ()


NONE = Rows()


def given_rows(given: VrrpInstance | VrrpSyncGroup | RouterSettings) -> Rows:
    """The rows as they are configured, or of a router as they are resolved."""
    return Rows(given.track_interface, given.track_script, given.track_file, given.track_process, given.track_bfd)


def named(given: VrrpInstance | VrrpSyncGroup) -> tuple[Id, ...]:
    """(kind, name) of everything that the rows name, in their order."""
    return tuple(
        (kind, row.name)
        for (kind, _), rows in zip(ROWS.values(), given_rows(given), strict=True)
        if kind and rows
        for row in rows
    )


def resolved(key: str, given: Rows, sources: Mapping[Id, Source], fixed: bool, problems: list[Problem]) -> Rows:
    """Every weight a number. `fixed`: the priority must not change by files, see above; rows that lead nowhere are left out."""
    if given == NONE:
        return given
    kept = []
    for (field, (kind, _)), rows in zip(ROWS.items(), given, strict=True):
        found = _without_strays(key, field, kind, rows, sources, problems)
        if kind == "track_file" and fixed:
            found = [row if row.weight is not None else row._replace(weight=0) for row in found if not row.weight]
        kept.append(tuple(_filled(row, sources.get((kind, row.name))) for row in found))
    return Rows(*kept)


def of_member(own: Rows, given: Rows, shared: Rows, weights: bool, owners: bool) -> Rows:
    """What a member of a sync group tracks: `own` resolved, `given` as configured, `shared` the group's resolved rows.

    :param weights: the group's `sync_group_tracking_weight`.
    :param owners: a member is an address owner.
    """
    if owners:
        shared = Rows(*(tuple(row._replace(weight=0) for row in rows) for rows in shared))
    if not weights:
        scripts = tuple(row for row in own.track_script if not row.weight)
        explicit = {row.name for row in given.track_file if row.weight}
        files = tuple(row._replace(weight=0) for row in own.track_file if row.name not in explicit)
        bfds = tuple(row for row in own.track_bfd if not row.weight)
        own = own._replace(track_script=scripts, track_file=files, track_bfd=bfds)
    merged = []
    for mine, common in zip(own, shared, strict=True):
        names = {row.name for row in common}
        merged.append(tuple(row for row in mine if row.name not in names) + common)
    return Rows(*merged)


def _without_strays(
    key: str, field: str, kind: str, rows: tuple[Tracked, ...], sources: Mapping[Id, Source], problems: list[Problem]
) -> list[Tracked]:
    """Without rows that name nothing, or a second time; each is a problem."""
    kept: list[Tracked] = []
    for at, row in enumerate(rows):
        reason = hint = ""
        severity = "error"
        if kind and (kind, row.name) not in sources:
            reason, hint = f"there is no {kind} {row.name!r}: it is not tracked", f"put config/{kind}/{row.name}"
        elif any(row.name == other.name for other in kept):
            reason, severity = f"{row.name!r} is tracked already: the first row counts", "warning"
        else:
            kept.append(row)
        if reason:
            from services.common.problems import Problem  # only where there is one: it brings in dataclasses

            problems.append(Problem(key, f"{field}[{at}].name", reason, hint, severity))
    return kept


def _filled(row: Tracked, source: Source | None) -> Tracked:
    weight, reverse = (0, False) if source is None else (source.weight, source.reverse)
    return Tracked(row.name, weight if row.weight is None else row.weight, reverse if row.reverse is None else row.reverse)
