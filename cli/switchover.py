"""vipctl switchover: may a peer have this virtual router, now or later?"""

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

DEADLINE_S: Final = 90.0  # a master of the longest interval stays silent for 51 s


@click.command("switchover")
@click.argument("instance", required=False)
@options.run_dir
@click.option("--to", "target", default="", help="Name of the node, or address of the peer (default: whichever is best).")
@click.option("--reason", default="", help="Why, in a few words.")
@click.option("--at", help="When: in 15min, 2h, or at a local time such as 2026-01-31T12:00 (default: now).")
@click.option("--hold", is_flag=True, help="Stay away from it afterwards, until `maintenance off INSTANCE`.")
@click.option("--cancel", "cancelled", metavar="ID", help="Cancel a pending one instead.")
@options.as_json
def command(
    instance: str | None,
    run_dir: str,
    target: str,
    reason: str,
    at: str | None,
    hold: bool,
    cancelled: str | None,
    as_json: bool,
) -> int:
    """Hand INSTANCE, of which this node is master, and its sync group to a peer; without INSTANCE: list switchovers.

    Exit status: 0, or 1 if the peer is not master afterwards.
    """
    from cli import gather, words
    from vipkeeper.vrrp.v1 import vrrp_pb2

    where = Path(run_dir).absolute()
    if cancelled is not None:
        if instance is not None:
            raise UsageError("--cancel takes an id and no INSTANCE")
        request: Any = vrrp_pb2.CancelSwitchoverRequest(id=cancelled)
        found = [asyncio.run(gather.vrrp(where, "CancelSwitchover", request)).switchover]
    elif instance is None:
        found = list(asyncio.run(gather.vrrp(where, "ListSwitchovers", vrrp_pb2.ListSwitchoversRequest())).switchovers)
    else:
        request = vrrp_pb2.SwitchoverRequest(instance=instance, target=target, reason=reason, hold=hold)
        if at is not None:
            request.time.FromNanoseconds(moment(at, time.time_ns()))
        found = [asyncio.run(gather.vrrp(where, "Switchover", request, DEADLINE_S)).switchover]
    if as_json:
        click.echo(json.dumps([words.plain(m) for m in found], indent=2, ensure_ascii=False))
    else:
        for m in found:
            click.echo(switchover_words(m))
    good = vrrp_pb2.SWITCHOVER_OUTCOME_DONE, vrrp_pb2.SWITCHOVER_OUTCOME_PENDING
    return 1 if instance is not None and found[0].outcome not in good else 0


def switchover_words(m: Any) -> str:
    """A SwitchoverRecord as a line."""
    from cli import words

    then = words.moment(m, "time")
    when = f"{then.astimezone():%Y-%m-%d %H:%M:%S}" if then is not None else ""
    hold = ", held there" if m.hold else ""
    outcome = words.enum_word(m, "outcome").lower()
    what = f"{m.instance} to {m.target or 'the best peer'} ({m.reason}{hold})"
    return f"{m.id}  {when}  {what}: {outcome}" + (f": {m.detail}" if m.detail else "")
