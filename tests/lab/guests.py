"""How do several machines form a network? One guest kernel per host, wired by hubs that can drop, cut and record.

    with Lan() as lan, Guest("a", lans=[lan]) as a, Guest("b", mode="systemd", lans=[lan]) as b:
        a.sh("ip addr add 10.9.0.1/24 dev vec0; ip link set vec0 up")    # its output; raises when it fails
        lan.cut(0, 1)                                                    # a partition, by order of joining
        a.power_off()                                                    # as if the plug were pulled

Needs root, no tap and no bridge: frames travel over datagram socket pairs. /usr/bin/python3 or a venv's python is what
scripts inside should call: a version switcher's shims are shell scripts and cost a dozen forks.
"""

from __future__ import annotations

import selectors
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

LAB = Path(__file__).resolve().parent / "lab"

# Reads names of scripts from the control line, runs each in the background, answers with the name when it is done.
# Scripts lie under new names in the exchange folder: hostfs shows no later writes to a file that the guest holds open.
AGENT = """stty -F /dev/ttyS2 raw -echo; exec 3<>/dev/ttyS2; echo up >&3
while read -r n <&3; do
  ( sh $LAB_OUT/$n.sh >$LAB_OUT/$n.out 2>&1 </dev/null; echo $? >$LAB_OUT/$n.rc; echo $n >&3 ) &
done"""


class GuestError(Exception):
    """A guest did not start, or a script in it failed."""


class Lan(threading.Thread):
    """An Ethernet hub. Ports are numbered in the order of joining; `pcap` records every frame on the host."""

    def __init__(self, pcap: Path | None = None) -> None:
        super().__init__(daemon=True)
        self.frames = 0
        self._ports: list[socket.socket] = []
        self._cuts: set[tuple[int, int]] = set()
        self._ended = False
        self._selector = selectors.DefaultSelector()
        self._pcap: BinaryIO | None = pcap.open("wb", buffering=0) if pcap else None
        if self._pcap:
            self._pcap.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        self.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        self._ended = True
        self.join()
        for port in self._ports:
            port.close()
        self._selector.close()
        if self._pcap:
            self._pcap.close()

    def port(self) -> socket.socket:
        """The far end of one more cable."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        ours.setblocking(False)
        self._ports.append(ours)
        self._selector.register(ours, selectors.EVENT_READ, len(self._ports) - 1)
        return theirs

    def cut(self, a: int, b: int) -> None:
        """Nothing passes between two ports any more, in either direction."""
        self._cuts |= {(a, b), (b, a)}

    def heal(self) -> None:
        """Undo every cut."""
        self._cuts.clear()

    def run(self) -> None:
        while not self._ended:
            for key, _ in self._selector.select(0.1):
                source = int(key.data)
                try:
                    frame = self._ports[source].recv(65536)
                except OSError:
                    frame = b""
                if frame:
                    self._deliver(source, frame)
                else:
                    self._selector.unregister(key.fileobj)

    def _deliver(self, source: int, frame: bytes) -> None:
        self.frames += 1
        if self._pcap:
            now = time.time()
            head = struct.pack("<IIII", int(now), int(now % 1 * 1e6), len(frame), len(frame))
            self._pcap.write(head + frame)
        for i, port in enumerate(self._ports):
            if i != source and (source, i) not in self._cuts:
                try:
                    port.send(frame)
                except OSError:
                    continue  # full or gone: a real wire drops too


class Guest:
    """One machine; its interfaces are vec0, vec1... in the order of `lans`. `limit` in seconds."""

    def __init__(
        self,
        name: str,
        mode: str = "plain",
        lans: Sequence[Lan] = (),
        limit: int = 300,
        mem: str = "512M",
        modules: str = "ip_vs",
    ) -> None:
        self.name = name
        self.out = Path(tempfile.mkdtemp(prefix=f"lab-out-{name}-"))  # $LAB_OUT inside
        self._count = 0
        ports = [lan.port() for lan in lans]
        self._line, theirs = socket.socketpair()
        links = [word for port in ports for word in ("--link", str(port.fileno()))]
        self._machine = subprocess.Popen(
            [
                *(str(LAB), "run", "--mode", mode, "--mem", mem, "--timeout", str(limit), "--out", str(self.out)),
                *("--modules", modules, "--console", str(self.out / "console"), "--control", str(theirs.fileno()), *links),
                *("--", "sh", "-c", AGENT),
            ],
            pass_fds=[theirs.fileno(), *(port.fileno() for port in ports)],
            stdin=subprocess.DEVNULL,
        )
        for end in (theirs, *ports):
            end.close()
        self._file = self._line.makefile("rw", newline="\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        self.power_off()

    def wait_up(self, timeout: float = 90) -> Self:
        """Return when it takes commands; several guests boot at once, so make all first.

        :raises GuestError: it did not come up.
        """
        self._line.settimeout(timeout)
        if self._answer() != "up":
            raise GuestError(f"{self.name} did not start: {self._console()}")
        return self

    def sh(self, script: str, timeout: float = 60) -> str:
        """Output (both streams) of a shell script.

        :raises GuestError: exit status not 0, or not done within `timeout` seconds.
        """
        status, output = self.attempt(script, timeout)
        if status:
            raise GuestError(f"{self.name}: exit {status}\n{script}\n{output}")
        return output

    def attempt(self, script: str, timeout: float = 60) -> tuple[int, str]:
        """As `sh`, with the exit status instead of the complaint about it."""
        self._count += 1
        name = str(self._count)
        (self.out / f"{name}.sh").write_text(script)
        self._line.settimeout(timeout)
        self._file.write(name + "\n")
        self._file.flush()
        if self._answer() != name:
            raise GuestError(f"{self.name}: no answer within {timeout:g} s\n{script}\n{self._console()}")
        return int((self.out / f"{name}.rc").read_text()), (self.out / f"{name}.out").read_text()

    def power_off(self) -> None:
        """As if the plug were pulled; harmless when it is off."""
        self._machine.terminate()
        self._machine.wait()
        self._file.close()
        self._line.close()
        shutil.rmtree(self.out, ignore_errors=True)

    def _answer(self) -> str:
        try:
            return self._file.readline().strip()
        except OSError:
            return ""

    def _console(self) -> str:
        path = self.out / "console"
        return path.read_bytes()[-2000:].decode(errors="replace") if path.exists() else ""
