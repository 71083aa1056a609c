"""vipctl maintenance: may this node's virtual routers be left to its peers for a while, or a real server to the others?"""

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


_server = click.option("--server", metavar="VIRTUAL/REAL", help="This real server, instead of virtual routers.")


@click.group("maintenance")
def command() -> None:
    """Leave virtual routers to the peers for a while, or a real server's work to the others, and take them back.

    A node in maintenance is master only while no peer is there. It keeps its addresses until a peer has taken over.
    A real server in maintenance gets nothing new, and leaves the table when its connections have ended (vipctl drain).
    """


@command.command("on")
@click.argument("instance", default="")
@options.run_dir
@_server
@click.option("--reason", required=True, help="Why, in a few words.")
@click.option("--for", "span", help="End it after this time: 15min, 2h, 7d.")
@click.option("--until", help="End it at this local time: 2026-01-31T12:00.")
@options.as_json
def on(instance: str, run_dir: str, server: str | None, reason: str, span: str | None, until: str | None, as_json: bool) -> int:
    """Begin: for INSTANCE and its sync group, or for the whole node; waits until it is clear who has the addresses. Or for
    a real server (--server), by the names that `vipctl status` shows.

    Exit status: 0, or 1 if this node keeps something because no peer took over.
    """
    from vipkeeper.vrrp.v1 import vrrp_pb2

    if span is not None and until is not None:
        raise UsageError("--for and --until exclude each other")
    end = span if span is not None else until
    if server is not None:
        return _drain(Path(run_dir).absolute(), instance, server, reason, end, as_json)
    request = vrrp_pb2.BeginMaintenanceRequest(instance=instance, reason=reason)
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
@_server
@options.as_json
def off(instance: str, run_dir: str, server: str | None, as_json: bool) -> int:
    """End: for INSTANCE, or for the whole node, or for a real server."""
    from cli import drain, gather, words
    from vipkeeper.vrrp.v1 import vrrp_pb2

    if server is not None:
        ended = asyncio.run(drain.end(Path(run_dir).absolute(), *_names(instance, server)))
        click.echo(
            json.dumps(words.plain(ended), indent=2, ensure_ascii=False) if as_json else f"ended: {drain.drain_words(ended)}"
        )
        return 0
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
    """List what is in maintenance on this node, and the real servers that are drained."""
    from cli import drain, gather, words
    from vipkeeper.vrrp.v1 import vrrp_pb2

    request = vrrp_pb2.ListMaintenanceRequest()
    where = Path(run_dir).absolute()
    services = [service for service in ("vrrp", "ipvs") if (where / f"{service}.sock").exists()] or ["vrrp"]
    found = list(asyncio.run(gather.vrrp(where, "ListMaintenance", request)).maintenance) if "vrrp" in services else []
    drains = asyncio.run(drain.drains(where)) if "ipvs" in services else []
    if as_json:
        click.echo(json.dumps([words.plain(m) for m in (*found, *drains)], indent=2, ensure_ascii=False))
        return 0
    for line in (*map(order_words, found), *map(drain.drain_words, drains)):
        click.echo(line)
    return 0


def _drain(run_dir: Path, instance: str, server: str, reason: str, end: str | None, as_json: bool) -> int:
    """Maintenance of a real server: it is drained, until then."""
    from cli import drain, words

    until = 0 if end is None else moment(end, time.time_ns())
    answer = asyncio.run(drain.begin(run_dir, *_names(instance, server), reason, 0, until))
    if as_json:
        click.echo(json.dumps(words.plain(answer), indent=2, ensure_ascii=False))
        return 0
    for line in (drain.drain_words(answer.drain), *(f"  beware: {warning}" for warning in answer.warnings)):
        click.echo(line)
    return 0


def _names(instance: str, server: str) -> tuple[str, str]:
    virtual, separator, real = server.partition("/")
    if instance or not separator or not virtual or not real:
        raise UsageError("--server takes VIRTUAL/REAL, and no INSTANCE beside it")
    return virtual, real


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
