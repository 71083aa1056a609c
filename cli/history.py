"""vipctl history: which changes of state were there on this node, and why?"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click

from cli import options
from cli.spans import moment

STATES: Final = ("BACKUP", "MASTER", "FAULT", "STOP")


@click.command("history")
@click.argument("name", nargs=-1)
@options.run_dir
@click.option("--to", "states", multiple=True, type=click.Choice(STATES, case_sensitive=False), help="Into it; repeatable.")
@click.option("--since", help="Not before: 90s, 15min, 2h, 7d ago, or a local time such as 2026-01-31T12:00.")
@click.option("--until", help="Only before; as --since.")
@click.option("-n", "--number", default=50, show_default=True, type=click.IntRange(min=1), help="How many at most.")
@options.as_json
def command(
    name: tuple[str, ...],
    run_dir: str,
    states: tuple[str, ...],
    since: str | None,
    until: str | None,
    number: int,
    as_json: bool,
) -> int:
    """List the changes of state of virtual routers and sync groups (all, or the named), newest first, with their causes."""
    from cli import words
    from vipkeeper.vrrp.v1 import vrrp_pb2

    request = vrrp_pb2.ListTransitionsRequest(names=name, to=[f"VRRP_STATE_{state.upper()}" for state in states])
    now = time.time_ns()
    for given, field in ((since, request.since), (until, request.until)):
        if given is not None:
            field.FromNanoseconds(moment(given, now, past=True))
    found = asyncio.run(_pages(Path(run_dir).absolute(), request, number))
    if as_json:
        click.echo(json.dumps([words.plain(m) for m in found], indent=2, ensure_ascii=False))
        return 0
    for line in _lines(found):
        click.echo(line)
    return 0


async def _pages(run_dir: Path, request: Any, number: int) -> list[Any]:
    from cli import gather

    found: list[Any] = []
    while len(found) < number:
        request.page_size = min(number - len(found), 1_000)
        answer = await gather.vrrp(run_dir, "ListTransitions", request)
        found += answer.transitions
        request.page_token = answer.next_page_token
        if not request.page_token:
            break
    return found


def _lines(found: list[Any]) -> Iterator[str]:
    from cli import words
    from vipkeeper.vrrp.v1 import vrrp_pb2

    for m in found:
        then = words.moment(m, "time")
        when = then.astimezone().isoformat(sep=" ", timespec="milliseconds") if then is not None else ""
        what = f"sync group {m.name}" if m.subject == vrrp_pb2.SUBJECT_SYNC_GROUP else m.name
        priority = f" priority {m.priority}" if m.priority else ""
        change = f"{words.enum_word(m, 'from')} -> {words.enum_word(m, 'to')}"
        yield f"{when}  {what}: {change}{priority}" + (f" ({m.cause})" if m.cause else "")
