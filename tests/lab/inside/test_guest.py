"""The guest is what tests inside count on: root, IPVS with every scheduler, a private root."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.lab.ipvs_here import ipvs_here

pytestmark = pytest.mark.lab

SCHEDULERS = "rr wrr lc wlc lblc lblcr dh sh sed nq fo ovf mh"


def test_the_guest_has_ipvs() -> None:
    assert ipvs_here()


def test_the_guest_is_root() -> None:
    assert os.geteuid() == 0


def test_every_scheduler_is_there() -> None:
    rules = "".join(f"-A -f {mark} -s {name}\n" for mark, name in enumerate(SCHEDULERS.split(), start=7100))
    try:
        subprocess.run(["ipvsadm", "-R"], input=rules, text=True, check=True)
        saved = subprocess.run(["ipvsadm", "-Sn"], capture_output=True, text=True, check=True).stdout
    finally:
        undo = "".join(f"-D -f {mark}\n" for mark, _ in enumerate(SCHEDULERS.split(), start=7100))
        subprocess.run(["ipvsadm", "-R"], input=undo, text=True, check=False)
    assert [line.split()[4] for line in saved.splitlines() if " -f 71" in line] == SCHEDULERS.split()


@pytest.mark.skipif("LAB_OUT" not in os.environ, reason="on the host itself the files are the host's")
def test_writes_outside_lab_out_are_private() -> None:
    Path("/etc/lab-was-here").write_text("x")
    assert Path("/proc/mounts").read_text().startswith("overlay / overlay")
