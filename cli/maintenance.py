"""vipctl maintenance: may this node's virtual routers be left to its peers for a while?"""

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

PATIENCE_S: Final = 10.0  # for peers to take over
POLL_S: Final = 0.2


@click.group("maintenance")
def command() -> None:
    """Leave virtual routers to the peers for a while, and take them back.

    A node in maintenance is master only while no peer is there. It keeps its addresses until a peer has taken over.
    """


@command.command("on")
@click.argument("instance", default="")
@options.run_dir
@click.option("--reason", required=True, help="Why, in a few words.")
@click.option("--for", "span", help="End it after this time: 15min, 2h, 7d.")
@click.option("--until", help="End it at this local time: 2026-01-31T12:00.")
@options.as_json
def on(instance: str, run_dir: str, reason: str, span: str | None, until: str | None, as_json: bool) -> int:
    """Begin: for INSTANCE and its sync group, or for the whole node. Waits until it is clear who has the addresses.

    Exit status: 0, or 1 if this node keeps something because no peer took over.
    """
    from vipkeeper.vrrp.v1 import vrrp_pb2

    if span is not None and until is not None:
        raise UsageError("--for and --until exclude each other")
    request = vrrp_pb2.BeginMaintenanceRequest(instance=instance, reason=reason)
    end = span if span is not None else until
    if end is not None:
        request.until.FromNanoseconds(moment(end, time.time_ns()))
    order, found = asyncio.run(_begin(Path(run_dir).absolute(), request))
    kept = [m for m in found if _is_master(m)]
    if as_json:
        from cli import words

        answer = {"maintenance": words.plain(order), "instances": [words.plain(m) for m in found]}
        click.echo(json.dumps(answer, indent=2, ensure_ascii=False))
        return 1 if kept else 0
    click.echo(order_words(order))
    for m in found:
        click.echo(f"  {m.name}: {_where(m)}")
    return 1 if kept else 0


@command.command("off")
@click.argument("instance", default="")
@options.run_dir
@options.as_json
def off(instance: str, run_dir: str, as_json: bool) -> int:
    """End: for INSTANCE, or for the whole node."""
    from cli import gather, words
    from vipkeeper.vrrp.v1 import vrrp_pb2

    request = vrrp_pb2.EndMaintenanceRequest(instance=instance)
    answer = asyncio.run(gather.vrrp(Path(run_dir).absolute(), "EndMaintenance", request))
    if as_json:
        click.echo(json.dumps(words.plain(answer.maintenance), indent=2, ensure_ascii=False))
    else:
        click.echo(f"ended: {order_words(answer.maintenance)}")
    return 0


@command.command("list")
@options.run_dir
@options.as_json
def listing(run_dir: str, as_json: bool) -> int:
    """List what is in maintenance on this node."""
    from cli import gather, words
    from vipkeeper.vrrp.v1 import vrrp_pb2

    request = vrrp_pb2.ListMaintenanceRequest()
    answer = asyncio.run(gather.vrrp(Path(run_dir).absolute(), "ListMaintenance", request))
    if as_json:
        click.echo(json.dumps([words.plain(m) for m in answer.maintenance], indent=2, ensure_ascii=False))
        return 0
    for order in answer.maintenance:
        click.echo(order_words(order))
    return 0


def order_words(order: Any) -> str:
    """A Maintenance as a line."""
    from cli import words

    what = order.instance or "this node"
    until = words.moment(order, "until")
    end = f" until {until.astimezone():%Y-%m-%d %H:%M:%S}" if until is not None else ""
    return f"{what} is in maintenance{end}: {order.reason}"


async def _begin(run_dir: Path, request: Any) -> tuple[Any, list[Any]]:
    """The order, and the instances that it is about once their peers have had their chance."""
    from cli import gather
    from vipkeeper.vrrp.v1 import vrrp_pb2

    order = (await gather.vrrp(run_dir, "BeginMaintenance", request)).maintenance
    found: list[Any] = []
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                everything = (await gather.vrrp(run_dir, "ListInstances", vrrp_pb2.ListInstancesRequest())).instances
                groups = {m.sync_group for m in everything if m.name == order.instance and m.sync_group}
                found = [m for m in everything if order.instance in ("", m.name) or m.sync_group in groups]
                if all(m.maintenance and not m.offering for m in found):
                    return order, found
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        return order, found


def _is_master(m: Any) -> bool:
    from vipkeeper.common.v1 import event_pb2

    return bool(m.state == event_pb2.VRRP_STATE_MASTER)


def _where(m: Any) -> str:
    from cli import words

    if _is_master(m):
        return "still MASTER here: " + ((m.offering and "its peers have not answered yet") or "no peer took over")
    if m.master_address and m.master_address != m.source_address:
        return f"{words.enum_word(m, 'state')}, master is {m.master_address}"
    return words.enum_word(m, "state")
