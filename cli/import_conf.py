"""vipctl import: how does a keepalived.conf get into the configuration store?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from cli import options
from cli.keepalived_conf.complaints import Severity
from cli.keepalived_conf.reading import Configuration, config_id_of, read_conf


@click.command("import")
@click.argument("file", type=click.Path())
@options.node
@options.config_id
@options.store
@click.option("--dry-run", is_flag=True, help="Print the changes as etcdctl would make them; change nothing.")
@click.option("--replace", is_flag=True, help="Make this file the shared configuration of all nodes.")
@click.option("--accept-complaints", is_flag=True, help="Import although something is left out.")
def command(
    file: str, node: str, config_id: str | None, dry_run: bool, replace: bool, accept_complaints: bool, **store: Any
) -> int:
    """Turn a keepalived.conf into keys of the configuration store.

    The first node's file becomes the shared configuration; what differs in the file of another node becomes patches for that
    node alone. Exit status: 0 imported, 4 refused, 5 something would be left out (see --accept-complaints); with 4 and 5
    nothing is changed.
    """
    from cli import plan, stores

    conf = read_conf(file, config_id or config_id_of(node))
    print_complaints(conf)
    if conf.exit_status == 4:
        click.echo(f"vipctl: {file} is refused; nothing was imported", err=True)
        return 4
    if not conf.importable and not accept_complaints:
        hint = "correct the file, or import it without them: --accept-complaints"
        click.echo(f"vipctl: some things in {file} would be left out; nothing was imported ({hint})", err=True)
        return 5
    target = options.store_options(node, store)
    before = stores.read(target)
    changes = plan.plan_import(before, node, conf.objects, source=Path(file).name, replace=replace)
    if dry_run:
        for key, value in changes.puts.items():
            click.echo(f"put {target.prefix}{key} {json.dumps(value, ensure_ascii=False)}")
        for key in changes.deletes:
            click.echo(f"del {target.prefix}{key}")
        return 0
    if changes:
        stores.write(target, before, changes)
    click.echo(_summary(changes))
    return 0


def _summary(changes: Any) -> str:
    shared = sum(key.startswith("config/") for key in changes.puts)
    patches = sum(key.startswith("node/") for key in changes.puts)
    if not changes:
        return "nothing changed"
    return f"{shared} shared objects and {patches} patches written, {len(changes.deletes)} keys deleted"


def print_complaints(conf: Configuration) -> None:
    """Complaints on stderr, one a line."""
    for complaint in conf.complaints:
        word = "note: " if complaint.severity is Severity.NOTE else ""
        click.echo(f"{complaint.at}: {word}{complaint.message}", err=True)
    if conf.unshown:
        click.echo(f"and {conf.unshown} more", err=True)
