"""vipctl status: who is master, which servers are up, and what is wrong?"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli import options, words
from cli.gather import Snapshot, snapshot
from cli.maintenance import order_words
from cli.switchover import switchover_words
from services.common.options import SERVICES
from services.common.problems import Problem

ROUTING_SHOWN = 20
_COLOURS = {
    "MASTER": "green",
    "BACKUP": "cyan",
    "FAULT": "red",
    "STOP": "yellow",
    "UP": "green",
    "DOWN": "red",
    "RECOVERING": "yellow",
    "DRAINING": "yellow",
    "DRAINED": "yellow",
}


@click.command("status")
@options.run_dir
@options.node
@options.store
@click.option("--with-store", is_flag=True, help="Also read from the store what all services say of their configuration.")
@options.as_json
def command(run_dir: str, node: str, with_store: bool, as_json: bool, **store: Any) -> int:
    """Show what the services of this node do: virtual routers, virtual servers, checks and problems.

    Exit status: 0, or 1 if a service does not answer.
    """
    found = asyncio.run(snapshot(Path(run_dir).absolute()))
    problems = [(service, words.problem_words(problem)) for service, problem in found.problems]
    accepted: dict[str, Any] = {}
    if with_store:
        accepted = _from_store(node, store)
        problems += [
            (service, str(Problem(*(str(p.get(part, "")) for part in ("key", "field", "reason", "hint", "severity")))))
            for service, status in accepted.items()
            for p in status.get("problems", ())
            if isinstance(p, dict)
        ]
    problems = list(dict.fromkeys(problems))
    if as_json:
        click.echo(json.dumps(_as_json(found, problems, accepted), indent=2, ensure_ascii=False))
    else:
        _print(found, problems, accepted)
    return 1 if found.trouble else 0


def _from_store(node: str, store: dict[str, Any]) -> dict[str, Any]:
    """status/NODE/SERVICE of this node by service; what is no JSON object is passed over."""
    from cli.stores import read

    prefix = f"status/{node}/"
    keys = read(options.store_options(node, store))
    return {
        key.removeprefix(prefix): value
        for key, value in keys.items()
        if key.startswith(prefix) and key.removeprefix(prefix) in SERVICES and isinstance(value, dict)
    }


def _as_json(found: Snapshot, problems: list[tuple[str, str]], accepted: dict[str, Any]) -> dict[str, Any]:
    return {
        "services": {
            service: {"up": service not in found.trouble, "trouble": found.trouble.get(service, "")} for service in SERVICES
        },
        "instances": [words.plain(m) for m in found.instances],
        "sync_groups": [words.plain(m) for m in found.sync_groups],
        "scripts": [words.plain(m) for m in found.scripts],
        "maintenance": [words.plain(m) for m in found.maintenance],
        "switchovers": [words.plain(m) for m in found.switchovers],
        "bfd_sessions": [words.plain(m) for m in found.bfd_sessions],
        "routing_missing": [words.plain(m) for m in found.routing],
        "engine": words.plain(found.engine) if found.engine is not None else None,
        "virtual_servers": [words.plain(m) for m in found.virtual_servers],
        "ipvs_unavailable": found.ipvs_unavailable,
        "sync_daemons": [words.plain(m) for m in found.sync_daemons],
        "ipvs_timeouts": words.plain(found.ipvs_timeouts) if found.ipvs_timeouts is not None else None,
        "checks": [words.plain(m) for m in found.checks],
        "subscribers": [words.plain(m) for m in found.subscribers],
        "problems": [{"service": service, "problem": text} for service, text in problems],
        "store": accepted,
    }


def _print(found: Snapshot, problems: list[tuple[str, str]], accepted: dict[str, Any]) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=200)
    now = datetime.now(UTC)
    for text in found.trouble.values():
        console.print(Text(text, style="red"))
    vrrp = (_instances(found, now), _groups(found, now), _scripts(found, now), _bfd_sessions(found, now))
    for table in (*vrrp, _routing(found), _servers(found), _checks(found, now)):
        if table.row_count:
            console.print(table)
    for m in found.sync_daemons:
        role = "master" if m.master else "backup"
        console.print(Text(f"IPVS sync daemon: {role} on {m.interface}, id {m.id}, {m.group}:{m.port}"))
    for order in found.maintenance:
        console.print(Text(order_words(order), style="yellow"))
    for m in found.switchovers:
        console.print(Text(f"switchover {switchover_words(m)}", style="yellow"))
    if found.ipvs_unavailable:
        console.print(Text(f"IPVS cannot be used: {found.ipvs_unavailable}", style="yellow"))
    for subscriber in found.subscribers:
        if subscriber.last_error:
            what = "delivery" if subscriber.backlog == 1 else "deliveries"
            text = f"notify: {subscriber.name} waits with {subscriber.backlog} {what}: {subscriber.last_error}"
            console.print(Text(text, style="yellow"))
    for service, status in accepted.items():
        trouble = f", {status['store']}" if status.get("store") else ""
        console.print(Text(f"{service}: configuration revision {status.get('revision')}{trouble}"))
    tellers: dict[str, list[str]] = {}
    for service, text in problems:
        tellers.setdefault(text, []).append(service)
    for text, services in tellers.items():
        console.print(Text(f"problem ({', '.join(services)}): {text}", style="red"))
    if not problems and not found.trouble:
        console.print(Text("no problems"))


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _coloured(word: str) -> Text:
    return Text(word, style=_COLOURS.get(word.upper(), ""))


def _instances(found: Snapshot, now: datetime) -> Table:
    table = _table("virtual router", "state", "priority", "interface", "VRID", "for", "addresses held", "why")
    for m in found.instances:
        priority = str(m.effective_priority)
        if m.effective_priority != m.base_priority:
            priority += f" (of {m.base_priority})"
        why = "; ".join(m.faults) or m.cause
        table.add_row(
            Text(m.name),
            _coloured(words.enum_word(m, "state")),
            priority,
            Text("\n".join([m.interface, *map(_link, m.links)])),
            str(m.virtual_router_id),
            words.ago(words.moment(m, "since"), now),
            f"{len(m.addresses_held)} of {len(m.addresses)}",
            Text(why if m.current else f"{why} (the engine does not answer)"),
        )
    return table


def _link(link: str) -> str:
    """Name and, where it is not up, state of a VMAC or an ipvlan."""
    name, *_, state = link.split()
    return name if state == "up" else f"{name} {state}"


def _groups(found: Snapshot, now: datetime) -> Table:
    table = _table("sync group", "state", "for", "members", "why")
    for m in found.sync_groups:
        since = words.ago(words.moment(m, "since"), now)
        table.add_row(Text(m.name), _coloured(words.enum_word(m, "state")), since, Text(" ".join(m.members)), Text(m.cause))
    return table


def _scripts(found: Snapshot, now: datetime) -> Table:
    table = _table("script", "state", "last run", "why")
    for m in found.scripts:
        why = "no results any more" if m.silent else m.last_error
        last = words.ago(words.moment(m, "last_result_time"), now)
        table.add_row(Text(m.name), _coloured(words.enum_word(m, "state")), f"{last} ago" if last else "", Text(why))
    return table


def _bfd_sessions(found: Snapshot, now: datetime) -> Table:
    table = _table("BFD session", "neighbor", "state", "for", "counts as", "detection", "why")
    for m in found.bfd_sessions:
        detection = f"{m.detection_time.ToMicroseconds() / 1000:g} ms" if m.HasField("detection_time") else ""
        table.add_row(
            Text(m.name),
            Text(m.neighbor_ip),
            _coloured(words.enum_word(m, "state")),
            words.ago(words.moment(m, "state_since"), now),
            _coloured(words.enum_word(m, "counts_as").lower()),
            detection,
            Text(_why_bfd(m)),
        )
    return table


def _why_bfd(session: Any) -> str:
    """What there is to say of a session beside its state."""
    said = [session.trouble] if session.trouble else []
    if not session.current:
        said.append("the process that runs it does not answer")
    if session.diagnostic:
        said.append(session.diagnostic)
    if words.enum_word(session, "remote_state") == "ADMIN_DOWN":
        said.append("the neighbor is down on purpose")
    if session.remote_diagnostic:
        said.append(f"the neighbor says: {session.remote_diagnostic}")
    return "; ".join(said)


def _routing(found: Snapshot) -> Table:
    """What is not in place; the first ones of many."""
    table = _table("not in place", "of", "line", "why")
    for m in found.routing[:ROUTING_SHOWN]:
        kind = words.enum_word(m, "kind").lower().replace("_", " ")
        table.add_row(kind, Text(m.owner), Text(m.line), Text(m.reason))
    if len(found.routing) > ROUTING_SHOWN:
        table.add_row(f"and {len(found.routing) - ROUTING_SHOWN} more", "", "", "")
    return table


def _servers(found: Snapshot) -> Table:
    table = _table("virtual server", "real server", "scheduler", "weight", "health", "active", "inactive", "why")
    for service in found.virtual_servers:
        name = service.name or f"{service.address or 'fwmark'}:{service.port or service.fwmark} (not ours)"
        if service.group:
            name += f" ({sum(s.in_kernel for s in service.services)} of {len(service.services)} services)"
        state = "up" if service.quorum_up else "sorry" if service.sorry_active else "down"
        weights = f"{service.live_weight} of {service.quorum}"
        how = " ".join([service.scheduler, *service.flags, *filter(None, [service.persistence_engine])])
        table.add_row(Text(name), "", how, weights, _coloured(state), "", "", Text(service.problem))
        for m in service.real_servers:
            weight = str(m.weight) if m.in_kernel else "-"
            if m.in_kernel and m.weight != m.configured_weight:
                weight += f" (of {m.configured_weight})"
            health = words.enum_word(m, "health").lower().replace("_", " ")
            if m.HasField("drain"):
                health = words.enum_word(m.drain, "step").lower()
            kind = "" if not m.lb_kind else words.enum_word(m, "lb_kind").lower()
            if m.HasField("tunnel"):
                kind = " ".join([kind, *_tunnel(m.tunnel)])
            table.add_row(
                "",
                Text(m.name or f"{m.address}:{m.port} (not ours)"),
                kind,
                weight,
                _coloured(health),
                str(m.active_connections),
                str(m.inactive_connections),
                Text(m.problem or _why_drained(m) or m.cause),
            )
    return table


def _why_drained(server: Any) -> str:
    """Why a server is drained, and until when."""
    if not server.HasField("drain"):
        return ""
    deadline, until = words.moment(server.drain, "deadline"), words.moment(server.drain, "until")
    draining = words.enum_word(server.drain, "step") == "DRAINING"
    out = f", out at {deadline.astimezone():%H:%M:%S} at the latest" if deadline is not None and draining else ""
    back = f", back at {until.astimezone():%Y-%m-%d %H:%M:%S}" if until is not None else ""
    return f"{server.drain.reason}{out}{back}"


def _tunnel(tunnel: Any) -> list[str]:
    """What of a tunnel is not the default: `gue:6080 csum`."""
    said = [words.enum_word(tunnel, field).lower() for field in ("type", "checksum")]
    kind = f"{said[0]}:{tunnel.port}" if tunnel.port else said[0]
    return [word for word in (kind, said[1]) if word not in ("ipip", "nocsum", "")]


def _checks(found: Snapshot, now: datetime) -> Table:
    table = _table("check", "of", "real server", "target", "state", "last probe", "why")
    for m in found.checks:
        state = words.enum_word(m, "state").lower()
        if m.failures and state == "up":
            state += f", {m.failures} failed"
        last = words.ago(words.moment(m, "last_probe"), now)
        table.add_row(
            Text(m.name),
            Text(m.virtual_server),
            Text(m.real_server),
            Text(m.target),
            _coloured(state),
            f"{last} ago" if last else "",
            Text(m.cause),
        )
    return table
