"""Debian's keepalived, VRRP only unless asked for its checkers, in a namespace of its own."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest

from tests.kit.netns import Namespace
from tests.kit.process import Process


def start_keepalived(host: Namespace, folder: Path, text: str, part: str = "--vrrp") -> Process:
    """keepalived on `host` with this configuration; `part` says what of it runs. Ends with the network."""
    program = shutil.which("keepalived") or "/usr/sbin/keepalived"
    if not Path(program).exists():
        pytest.skip("keepalived is not installed (apt-get install keepalived)")
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "keepalived.conf"
    config.write_text(text)
    config.chmod(0o644)
    run = Path(tempfile.mkdtemp(dir=folder))  # a killed one leaves pid files that keep the next from starting
    command = [program, "--dont-fork", "--log-console", "--log-detail", part, "-f", str(config)]
    return host.start([*command, "-p", str(run / "pid"), "-r", str(run / "vrrp.pid"), "-c", str(run / "checkers.pid")])


def vrrp_instance(
    priority: int, version: int = 2, advert_int: str = "1", vrid: int = 51, more: str = "", addresses: str = "192.168.200.10"
) -> str:
    """A configuration of one instance on eth0."""
    return f"""
global_defs {{
    vrrp_version {version}
    vrrp_garp_master_delay 1
}}
vrrp_instance VI_1 {{
    state BACKUP
    interface eth0
    virtual_router_id {vrid}
    priority {priority}
    advert_int {advert_int}
    {more}
    virtual_ipaddress {{
        {addresses}
    }}
}}
"""
