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
    """Say why a virtual router is in its state, whom it hears, what its priority is made of and which timer runs."""
    from cli import gather, words

    answer = asyncio.run(gather.explain(Path(run_dir).absolute(), instance))
    if as_json:
        click.echo(json.dumps(words.plain(answer), indent=2, ensure_ascii=False))
        return 0
    for sentence in answer.sentences:
        click.echo(sentence)
    return 0
