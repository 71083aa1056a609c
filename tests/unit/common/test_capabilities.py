"""Programs started by a service with capabilities have none themselves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.common import capabilities

MODULE = Path(capabilities.__file__)
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="starts programs as other users: needs root")
# As a unit's AmbientCapabilities=CAP_SETUID CAP_SETGID with User=nobody.
AS_SERVICE = (
    *("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"),
    *("--inh-caps=-all,+setuid,+setgid", "--ambient-caps=-all,+setuid,+setgid", "--bounding-set=-all,+setuid,+setgid"),
)
CHILD = "grep CapEff /proc/self/status"


def run_as_service(code: str, *wrapper: str) -> str:
    # The module as text, and the system's interpreter: whoever it runs as may not be able to read this checkout.
    program = f"{MODULE.read_text()}\nimport subprocess\n{code}"
    python = "/usr/bin/python3" if wrapper else sys.executable
    done = subprocess.run([*wrapper, python, "-c", program], cwd="/", capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@needs_root
def test_a_program_inherits_ambient_capabilities_of_its_service_unless_they_are_dropped() -> None:
    start = f"subprocess.run({CHILD.split()!r}, user='daemon', check=True)"
    assert run_as_service(start, *AS_SERVICE).split()[1] == "00000000000000c0"
    assert run_as_service(f"drop_ambient(); {start}", *AS_SERVICE).split()[1] == "0" * 16


@needs_root
def test_the_service_keeps_its_own_capabilities_after_dropping_ambient_ones() -> None:
    assert run_as_service("drop_ambient(); print(may_switch_user())", *AS_SERVICE) == "True"


@needs_root
def test_an_unprivileged_service_may_not_switch_user() -> None:
    assert capabilities.may_switch_user()
    assert run_as_service("print(may_switch_user())", "setpriv", "--reuid=nobody", "--clear-groups") == "False"
