"""One node: vipkeeper's services on a host of a test network, started one by one, killed and started again."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path

from cli.supervise import service_command
from services.common.options import SERVICES
from tests.kit.netns import Host
from tests.kit.process import Process

ROOT = Path(__file__).resolve().parents[2]


class Node:
    """Services named `name` on `host`. Their state lies in `folder`/state and outlives them, logs in `folder`.

    :param store: what `--store` gets.
    :param flags: further flags for every service.
    :param within: a command that runs the command which follows it.
    """

    def __init__(
        self,
        host: Host,
        name: str,
        folder: Path,
        store: str,
        flags: Mapping[str, tuple[str, ...]] | None = None,
        within: tuple[str, ...] = (),
    ) -> None:
        self.host = host
        self.name = name
        self.folder = folder
        self.run_dir = folder / "run"
        self.state_dir = folder / "state"
        for path in (self.run_dir, self.state_dir):
            path.mkdir(parents=True, exist_ok=True)
        self.store = store
        self.flags = flags or {}
        self.within = within
        self.running: dict[str, Process] = {}

    def start(self, *services: str) -> None:
        """Start these services, or all four."""
        for service in services or SERVICES:
            self.running[service] = self.host.start(
                [
                    *self.within,
                    *service_command(service, "--store", self.store, "--node", self.name),
                    *("--run-dir", self.run_dir, "--state-dir", self.state_dir / service),
                    *self.flags.get(service, ()),
                ],
                cwd=ROOT,
                log=self.log(service),
            )

    def log(self, service: str) -> Path:
        """File with all that a service has said, over all its lives."""
        return self.folder / f"{service}.log"

    def logs(self) -> str:
        """What all have said, for a failing test's report."""
        return "\n".join(
            f"--- {self.name} {path.stem}\n{path.read_text()[-3000:]}" for path in sorted(self.folder.glob("*.log"))
        )

    def target(self, service: str) -> str:
        """gRPC target."""
        return f"unix:{self.run_dir / service}.sock"

    def kill(self, service: str) -> None:
        """kill -9 of a service and all its processes."""
        self.running.pop(service).kill()

    def stop(self, service: str) -> int:
        """A declared stop; exit status."""
        process = self.running.pop(service)
        process.terminate()
        return process.wait(60)

    def freeze(self, *services: str) -> None:
        """Nothing of these services (all that run) gets the processor any more."""
        for service in services or tuple(self.running):
            os.killpg(self.running[service].pid, signal.SIGSTOP)

    def thaw(self, *services: str) -> None:
        """It is given back."""
        for service in services or tuple(self.running):
            os.killpg(self.running[service].pid, signal.SIGCONT)

    def pids(self, service: str, word: str) -> list[int]:
        """A service's processes with a word on their command line that ends so (`engine/process.py`, `services.vrrp.agent`)."""
        leader = self.running[service].pid
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
                group = os.getpgid(int(entry.name))
            except OSError:
                continue  # it has ended
            if group == leader and any(each.endswith(word) for each in words):
                found.append(int(entry.name))
        return found

    def addresses(self, interface: str) -> set[str]:
        """IPv4 addresses of an interface."""
        words = self.host.ip(f"-o -4 address show dev {interface}").split()
        return {words[i + 1].partition("/")[0] for i, word in enumerate(words) if word == "inet"}
