"""vipctl explain: why is a virtual router in its state, and what would change that?"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import click

from cli import options


@click.command("explain")
@click.argument("instance")
@options.run_dir
@options.as_json
def command(instance: str, run_dir: str, as_json: bool) -> int:
    """Say why a virtual router is in its state, whom it hears, what its priority is made of, which timer runs and what it
    does then, and what would make this node master, or end that."""
    from cli import gather, words
    from vipkeeper.common.v1.event_pb2 import VRRP_STATE_MASTER as MASTER
    from vipkeeper.vrrp.v1 import vrrp_pb2

    request = vrrp_pb2.ExplainRequest(name=instance)
    answer = asyncio.run(gather.vrrp(Path(run_dir).absolute(), "Explain", request))
    if as_json:
        click.echo(json.dumps(words.plain(answer), indent=2, ensure_ascii=False))
        return 0
    for sentence in (*answer.sentences, *([answer.next] if answer.next else [])):
        click.echo(sentence)
    if answer.would_change:
        click.echo("It would stop being master:" if answer.instance.state == MASTER else "It would become master:")
    for way in answer.would_change:
        click.echo(f"  {way}")
    return 0
