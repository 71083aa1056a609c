"""A service manager with one unit, vipkeeper-vrrp: systemd's side of sd_notify(3) and of the descriptor store."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.kit.netns import Host
from tests.kit.wait import until

ROOT = Path(__file__).resolve().parents[2]
VIP = "192.168.200.10"
PATIENCE_S = 60
# What systemd does before it runs a unit's program: the kept descriptor becomes number 3, and belongs to this process.
START = """
import os, sys
if os.environ.get("KEPT"):
    os.dup2(int(os.environ.pop("KEPT")), 3)
    os.environ.update(LISTEN_FDS="1", LISTEN_FDNAMES=os.environ.pop("KEPT_AS"), LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[1], sys.argv[1:])
"""


class Manager:
    """The unit on `host`, its files in `folder`, its program in `root`."""

    def __init__(self, host: Host, folder: Path, root: Path = ROOT) -> None:
        self.host = host
        self.folder = folder
        self.root = root
        self.said: list[str] = []
        self.kept: dict[str, int] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(folder / "notify"))
        self._socket.setblocking(False)

    def start(self) -> None:
        environment = {**os.environ, "NOTIFY_SOCKET": str(self.folder / "notify"), "WATCHDOG_USEC": "4000000"}
        environment["PYTHONPATH"] = f"{self.root}{os.pathsep}{self.root / 'gen'}"
        name, kept = next(reversed(self.kept.items()), ("", None))
        if kept is not None:
            environment |= {"KEPT": str(kept), "KEPT_AS": name}
        service = [sys.executable, "-I", "-S", str(self.root / "services/vrrp/launcher/first.py"), *self.flags]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["nsenter", f"--net={self.host.netns}", "--", sys.executable, "-c", START, *service],
                env=environment,
                pass_fds=() if kept is None else (kept,),
                start_new_session=True,
                cwd=self.root,
                stdout=log,
                stderr=log,
            )

    @property
    def flags(self) -> list[str]:
        folder = self.folder
        return ["--store", f"file:{folder}/store.json", "--run-dir", str(folder / "run"), "--state-dir", str(folder / "state")]

    def reload(self) -> subprocess.CompletedProcess[str]:
        """As systemd with the unit's ExecReload."""
        command = [sys.executable, "-m", "services.vrrp.launcher.reload", *self.flags]
        environment = {**os.environ, "PYTHONPATH": f"{self.root}{os.pathsep}{self.root / 'gen'}"}
        pipe = subprocess.PIPE
        with subprocess.Popen(command, cwd=self.root, env=environment, stdout=pipe, stderr=pipe, text=True) as process:
            until(lambda: (self.hear(), process.poll())[1] is not None, 120, self.log)  # systemd listens meanwhile
            said, complained = process.communicate()
        return subprocess.CompletedProcess(command, process.returncode, said, complained)

    def children(self) -> dict[str, int]:
        """Pids of the launcher's children, by what they are: engine, agent, bfd."""
        found = {}
        for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split():
            words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
            what = "bfd" if "services.vrrp.bfd" in words else "agent"
            found["engine" if any(word.endswith("engine/process.py") for word in words) else what] = int(pid)
        return found

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def hear(self) -> list[str]:
        """Everything that the unit has said, descriptors taken into the store."""
        with contextlib.suppress(BlockingIOError):
            while True:
                data, descriptors, _, _ = socket.recv_fds(self._socket, 4096, 8)
                words = data.decode().splitlines()
                self.said += words
                name = next((w.partition("=")[2] for w in words if w.startswith("FDNAME=")), "")
                if "FDSTOREREMOVE=1" in words:
                    os.close(self.kept.pop(name))
                elif "FDSTORE=1" in words and name not in self.kept:
                    (self.kept[name],) = descriptors
                else:
                    for descriptor in descriptors:
                        os.close(descriptor)
        return self.said

    def wait_until_said(self, word: str) -> None:
        until(lambda: word in self.hear(), PATIENCE_S, what=self.log)

    def log(self) -> str:
        return f"{self.said}\n{(self.folder / 'log').read_text()}"

    def kill(self) -> None:
        """As systemd with KillMode=mixed: everything of the unit gets SIGKILL."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        assert self._process is not None
        self._process.wait()

    def ended(self) -> int:
        """Exit status of a unit that ends by itself."""
        assert self._process is not None
        return self._process.wait(PATIENCE_S)

    def stop(self) -> int:
        os.kill(self.pid, signal.SIGTERM)
        assert self._process is not None
        return self._process.wait(PATIENCE_S)

    def holds(self) -> bool:
        return VIP in self.host.ip("-o -4 address show dev eth0")

    def close(self) -> None:
        if self._process is not None:
            self.kill()
        self._socket.close()
        for descriptor in self.kept.values():
            os.close(descriptor)
