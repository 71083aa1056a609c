"""vipctl check: may this file be used, and what is wrong with it?"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import click

from cli import options
from cli.keepalived_conf.complaints import Severity
from cli.keepalived_conf.reading import config_id_of, read_conf

_PLACE: Final = re.compile(r"line (\d+) column (\d+): ")


@click.command("check")
@click.argument("file", type=click.Path())
@options.node
@options.config_id
@options.as_json
def command(file: str, node: str, config_id: str | None, as_json: bool) -> int:
    """Say what is wrong with a keepalived.conf or a JSON store file, one line each: FILE:LINE:COLUMN: MESSAGE.

    Exit status: 0 nothing, 5 complaints (it would be used, without what is complained about), 4 refused.
    """
    complaints, status = _check_json(file, node) if is_json(file) else _check_conf(file, config_id or config_id_of(node))
    if as_json:
        click.echo(json.dumps({"file": file, "exit_status": status, "complaints": complaints}, indent=2, ensure_ascii=False))
        return status
    for complaint in complaints:
        place = f"{complaint['file']}:{complaint['line']}:{complaint['column']}" if "line" in complaint else complaint["file"]
        word = "note: " if complaint["severity"] == "note" else ""
        click.echo(f"{place}: {word}{complaint['message']}")
    return status


def is_json(file: str) -> bool:
    """The file holds a JSON store, not a keepalived.conf: its first character is a brace."""
    try:
        with open(file, "rb") as stream:
            return stream.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{"
    except OSError:
        return False


def _check_conf(file: str, instance: str) -> tuple[list[dict[str, Any]], int]:
    conf = read_conf(file, instance)
    complaints: list[dict[str, Any]] = [
        {
            "file": c.at.file,
            "line": c.at.line,
            "column": c.at.column,
            "severity": Severity(c.severity).name.lower(),
            "message": c.message,
        }
        for c in conf.complaints
    ]
    if conf.unshown:
        complaints.append({"file": file, "severity": "note", "message": f"and {conf.unshown} complaints more"})
    return complaints, conf.exit_status


def _check_json(file: str, node: str) -> tuple[list[dict[str, Any]], int]:
    """A JSON store file as `node` has it: shared objects with its patches."""
    from cli.judge import judge
    from cli.plan import sorted_out
    from services.common import json_text, values
    from services.common.errors import InvalidValue

    def refused(message: str, **place: int) -> tuple[list[dict[str, Any]], int]:
        return [{"file": file, **place, "severity": "refused", "message": message}], 4

    text = Path(file).read_bytes()
    try:
        raw = json_text.decode(text)
    except InvalidValue as e:
        if found_at := _PLACE.match(str(e)):
            return refused(str(e)[found_at.end() :], line=int(found_at[1]), column=int(found_at[2]))
        return refused(str(e))
    if not isinstance(raw, dict):
        return refused('expected one JSON object, such as {"config/global": {...}}', line=1, column=1)
    found = []
    for key in raw:
        parts = key.split("/")[1 if key.startswith("config/") else 2 :]
        size = {"global": 1, "real_server": 3}.get(parts[0] if parts else "", 2)
        if key.startswith("status/"):
            continue
        if not key.startswith(("config/", "node/")) or not parts or parts[0] not in values.KINDS or len(parts) != size:
            found.append(f"{key}: no such key; expected config/KIND/NAME or node/NODE/KIND/NAME")
    objects = {f"config/{tail}": value for tail, value in sorted_out(raw).effective(node).items()}
    verdict = judge({key: value for key, value in objects.items() if key.split("/")[1] in values.KINDS})
    found += [str(problem) for problem in (*verdict.refused, *verdict.lost, *verdict.doubts)]
    return [{"file": file, "severity": "mistake", "message": m} for m in found], 5 if found else 0
