"""`make demo`: two directors, three real servers and a client; seven things that must work, shown and measured.

Runs on this kernel where it has IPVS, else in a guest kernel (tests/lab). Set-up is not part of the two minutes.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.demo import configs, report
from tests.demo.report import Step
from tests.demo.steps import STEPS
from tests.demo.topology import Topology
from tests.lab.ipvs_here import inside_a_guest, runs_here

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "tests/lab/lab"
GUEST_LIMIT_S = 400
BEGAN = time.monotonic()


def say(text: str) -> None:
    print(f"{time.monotonic() - BEGAN:6.1f} s  {text}", flush=True)


def in_a_guest() -> int:
    """The same, in a machine that has IPVS."""
    print("This kernel has no IPVS: the demo runs in a guest kernel (one processor, slow to start programs).", flush=True)
    argv = [
        # Other work on this machine must not stop the guest's clock: lateness is measured inside.
        *("nice", "-n", "-15", str(LAB), "run", "--mem", "1536M", "--modules", "ip_vs,ip_vs_rr,ip_vs_wrr,veth,bridge"),
        *("--timeout", str(GUEST_LIMIT_S), "--", sys.executable, "-m", "tests.demo", "--inside"),
    ]
    return subprocess.run(argv, cwd=ROOT, check=False).returncode


def import_configurations(demo: Topology) -> None:
    """Both directors' files into etcd, as an operator would."""
    for number, director in enumerate(demo.directors, 1):
        path = demo.folder / f"{director.name}.conf"
        path.write_text(configs.keepalived_conf(number))
        argv = (sys.executable, "-m", "cli", "import", path, "--node", director.name, "--store", demo.etcd.url)
        demo.etcd_host.run(argv, cwd=ROOT)


def show(folder: Path) -> int:
    """All steps; 0 if each did what it says."""
    steps: list[Step] = []
    trouble = ""
    with Topology(folder) as demo:
        try:
            say("machines, switches, web servers, etcd")
            demo.set_up()
            say("vipctl import of both directors' files")
            import_configurations(demo)
            demo.start_client()
            demo.start_ticker()
            say("set-up done (checks come every 2 s here, not every 20 to 30 s as in the guide, to save your time)")
            began = time.monotonic()
            for step in STEPS:
                steps.append(step(demo))
                say(f"{steps[-1].title}: {steps[-1].story}")
        except AssertionError as error:
            trouble = str(error)
            say(f"FAILED: {trouble}")
            for director in demo.directors:
                with contextlib.suppress(AssertionError):  # it has no power
                    print(director.node.logs(), flush=True)
    took = time.monotonic() - began if steps else 0.0
    complete = len(steps) == len(STEPS) and all(step.ok for step in steps)
    if steps:
        print(report.table(tuple(steps)))
    print(
        report.as_json(
            tuple(steps),
            ok=complete,
            seconds=round(took, 1),
            kernel=os.uname().release,
            guest=inside_a_guest(),
            trouble=trouble,
        ),
        flush=True,
    )
    return 0 if complete else 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.demo", description=__doc__)
    parser.add_argument("--inside", action="store_true", help="run here, do not look for a better kernel")
    args = parser.parse_args()
    if os.geteuid():
        print("make demo: needs root (network namespaces, IPVS)", file=sys.stderr)
        return 1
    if not args.inside and not runs_here():
        return in_a_guest()
    with tempfile.TemporaryDirectory(prefix="vipkeeper-demo-") as folder:
        return show(Path(folder))


if __name__ == "__main__":
    sys.exit(main())
