"""One trace leads from a failed probe over the pool decision and the kernel's change to the notification."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.kit.netns import Net
from tests.kit.wait import until
from tests.must_hold.balancer import CONFIGURATION, NAME, PATIENCE_S, SERVICE, WEB2, WEIGHTS, Balancer

pytestmark = [pytest.mark.lab(modules="veth,bridge,ip_vs_rr", mem="1G", limit=400), pytest.mark.timeout(380)]


def spans(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def chain(file: Path) -> list[str]:
    """Names of the spans that lead to the notification of the lost quorum, first one first; empty while one is missing.

    Each service exports its own, at its own time.
    """
    known = {span["span_id"]: span for span in spans(file)}
    for span in known.values():
        names = []
        at: dict[str, Any] | None = span
        while at is not None:
            names.append(f"{at['service']} {at['name']}")
            complete = not at["parent_span_id"]
            at = known.get(at["parent_span_id"])
        names.reverse()
        if complete and span["name"].startswith("notify") and any("ipvs.write" in name for name in names):
            return names
    return []


def test_a_failed_probe_is_traced_to_the_notification_of_the_lost_quorum(tmp_path: Path, open_folder: Path) -> None:
    exported = tmp_path / "spans"
    told = open_folder  # by the user that scripts run as
    configuration = CONFIGURATION | {
        f"config/virtual_server/{NAME}": CONFIGURATION[f"config/virtual_server/{NAME}"]
        | {"quorum": 4, "quorum_down": f"/usr/bin/touch {told}/lost"}
    }
    with Net() as net:
        machines = Balancer(net, tmp_path)
        machines.configure(configuration)
        machines.director.start([sys.executable, "-m", "tests.kit.collector", "4317", exported], cwd=Path.cwd())
        machines.node.flags = dict.fromkeys(("checker", "ipvs", "notify"), ("--otlp-endpoint", "127.0.0.1:4317"))
        machines.node.start("checker", "ipvs", "notify")
        machines.wait_for_table(WEIGHTS)

        machines.web["web1"].kill()

        machines.wait_for_table({SERVICE: {WEB2: 3}})
        until((told / "lost").exists, PATIENCE_S, what=machines.node.logs)
        names = until(lambda: chain(exported), PATIENCE_S, what=lambda: f"{spans(exported)}\n{machines.node.logs()}")
    assert [name.split()[0].rpartition("-")[2] for name in names] == ["checker", "ipvs", "ipvs", "notify"]
    assert [name.split()[1] for name in names[1:3]] == ["ipvs.decide", "ipvs.write"]
