"""vipctl drain: may a real server's connections end, and nothing new come to it?"""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any, Final

import click

from cli import options
from cli.spans import moment
from services.common.errors import UsageError

POLL_S: Final = 0.5


@click.command("drain")
@click.argument("virtual", required=False)
@click.argument("real", required=False)
@options.run_dir
@click.option("--for", "span", help="Out after this time (90s, 15min), whatever connections it has (default: when they end).")
@click.option("--reason", default="vipctl drain", show_default=True, help="Why, in a few words.")
@click.option("--wait", "wait", is_flag=True, help="Return when it is out.")
@click.option("--dry-run", is_flag=True, help="Only say what would be.")
@click.option("--undo", is_flag=True, help="Take it back.")
@options.as_json
def command(
    virtual: str | None,
    real: str | None,
    run_dir: str,
    span: str | None,
    reason: str,
    wait: bool,
    dry_run: bool,
    undo: bool,
    as_json: bool,
) -> int:
    """Give real server REAL of virtual server VIRTUAL nothing new, and take it out of the table when its connections have
    ended. It stays out until --undo. Without names: list what is drained.

    With UDP it is out at once. `vipctl maintenance on --server VIRTUAL/REAL` does the same with an end.
    """
    where = Path(run_dir).absolute()
    if virtual is None:
        return _say(asyncio.run(drains(where)), as_json)
    if real is None:
        raise UsageError("name the real server too: vipctl drain VIRTUAL REAL")
    if undo:
        if span is not None or wait:
            raise UsageError("--undo takes neither --for nor --wait")
        return _say([asyncio.run(end(where, virtual, real, dry_run))], as_json, "ended: ")
    deadline = 0 if span is None else moment(span, time.time_ns())
    answer = asyncio.run(begin(where, virtual, real, reason, deadline, 0, dry_run))
    found = answer.drain
    if wait and not dry_run:
        found = asyncio.run(_until_out(where, virtual, real)) or found
    if as_json:
        from cli import words

        click.echo(json.dumps(words.plain(answer) | {"drain": words.plain(found)}, indent=2, ensure_ascii=False))
        return 0
    click.echo(("would be: " if dry_run else "") + drain_words(found))
    for warning in answer.warnings:
        click.echo(f"  beware: {warning}")
    return 0


async def begin(run_dir: Path, virtual: str, real: str, reason: str, deadline: int, until: int, dry_run: bool = False) -> Any:
    """A DrainResponse. Times are Unix ns, 0: none.

    :raises UnavailableError: no answer, or a refusal.
    """
    from cli import gather
    from vipkeeper.ipvs.v1 import ipvs_pb2

    request = ipvs_pb2.DrainRequest(virtual_server=virtual, real_server=real, reason=reason, validate_only=dry_run)
    if deadline:
        request.deadline.FromNanoseconds(deadline)
    if until:
        request.until.FromNanoseconds(until)
    return await gather.ipvs(run_dir, "Drain", request)


async def end(run_dir: Path, virtual: str, real: str, dry_run: bool = False) -> Any:
    """The Drain that has ended.

    :raises UnavailableError: no answer, or there is none.
    """
    from cli import gather
    from vipkeeper.ipvs.v1 import ipvs_pb2

    request = ipvs_pb2.EndDrainRequest(virtual_server=virtual, real_server=real, validate_only=dry_run)
    return (await gather.ipvs(run_dir, "EndDrain", request)).drain


async def drains(run_dir: Path) -> list[Any]:
    """All Drains of this node.

    :raises UnavailableError: no answer.
    """
    from cli import gather
    from vipkeeper.ipvs.v1 import ipvs_pb2

    return list((await gather.ipvs(run_dir, "ListDrains", ipvs_pb2.ListDrainsRequest())).drains)


async def _until_out(run_dir: Path, virtual: str, real: str) -> Any:
    """The Drain once it is out; None if somebody took it back."""
    from vipkeeper.common.v1 import event_pb2

    while True:
        mine = [d for d in await drains(run_dir) if (d.virtual_server, d.real_server, d.removed) == (virtual, real, False)]
        if not mine:
            return None
        if mine[0].step == event_pb2.DRAIN_STEP_DRAINED:
            return mine[0]
        await asyncio.sleep(POLL_S)


def _say(found: list[Any], as_json: bool, prefix: str = "") -> int:
    if as_json:
        from cli import words

        click.echo(json.dumps([words.plain(m) for m in found], indent=2, ensure_ascii=False))
        return 0
    for m in found:
        click.echo(prefix + drain_words(m))
    return 0


def drain_words(drain: Any) -> str:
    """A Drain as a line."""
    from cli import words

    name = drain.real_server or "a server"
    state = words.enum_word(drain, "step").lower()
    connections = f", {drain.connections} connections" if state == "draining" else ""
    deadline, until = words.moment(drain, "deadline"), words.moment(drain, "until")
    out = f", out at {_clock(deadline)} at the latest" if deadline is not None and state == "draining" else ""
    back = f", back at {_clock(until)}" if until is not None else ""
    return f"{name} of {drain.virtual_server} is {state}{connections}{out}{back}: {drain.reason}"


def _clock(then: Any) -> str:
    return f"{then.astimezone():%Y-%m-%d %H:%M:%S}"
