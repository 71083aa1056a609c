"""How do the four services stay running as children of one process? Start, output, restart, stop.

A service that ends is started again, at once if it ran for a minute, else after 1, 2, 4 ... 30 seconds. At a stop vrrp ends
first, so that its last advert says priority 0 while everything else still runs, and notify last, so that it hears of it.
vrrp starts once ipvs is ready (it says so as to systemd, sd_notify(3)), because an address that comes before its table turns
clients away. Children end with this process, however it ends (PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import queue
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

PRECEDES: Final = ("ipvs", "vrrp")  # the second starts when the first is ready
PATIENCE_S: Final = 10.0  # but no later than this
STOP_ORDER: Final = (("vrrp",), ("checker", "ipvs"), ("notify",))
GRACE_S: Final = 10.0  # for each of these steps, before SIGKILL
STEADY_S: Final = 60.0
LONGEST_PAUSE_S: Final = 30.0
USAGE: Final = 2  # exit status of a service whose flags cannot be meant: another start would not help
FIRST: Final = Path(__file__).resolve().parents[1] / "services/vrrp/launcher/first.py"
_PR_SET_PDEATHSIG: Final = 1
_LINE: Final = 16 << 10  # bytes; a longer line is printed in parts

_libc = ctypes.CDLL(None)


class Printer:
    """Prints lines from a thread, so that nobody waits for a terminal; drops lines when 10,000 wait, and says so."""

    def __init__(self) -> None:
        self._queue: queue.Queue[str | None] = queue.Queue(10_000)
        self._dropped = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __call__(self, line: str) -> None:
        try:
            self._queue.put_nowait(line)
        except queue.Full:
            self._dropped += 1

    def _run(self) -> None:
        while (line := self._queue.get()) is not None:
            with contextlib.suppress(OSError, ValueError):
                print(line, flush=True)
                if self._dropped and self._queue.empty():
                    dropped, self._dropped = self._dropped, 0
                    print(f"vipctl: {dropped} lines were dropped here", flush=True)

    def close(self) -> None:
        """Print what waits, for at most a second."""
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(None)
        self._thread.join(1)


class Children:
    """The services, by name, with the command line of each. `say` takes one line."""

    def __init__(self, commands: Mapping[str, Sequence[str]], say: Callable[[str], None]) -> None:
        self._commands = commands
        self._say = say
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._stopping: set[str] = set()
        self._hopeless = asyncio.Event()
        self._ready = asyncio.Event()
        self._address = ""

    async def run(self, stop: asyncio.Event, at_once: asyncio.Event) -> int:
        """Run all until `stop`; then stop them in order, or all `at_once`. 0; 1 if a service cannot run."""
        with _readiness(self._ready) as address:
            return await self._run(stop, at_once, address)

    async def _run(self, stop: asyncio.Event, at_once: asyncio.Event, address: str) -> int:
        self._address = address
        keepers = {name: asyncio.create_task(self._keep(name)) for name in self._commands}
        waits = [asyncio.create_task(event.wait()) for event in (stop, self._hopeless)]
        killer = asyncio.create_task(self._kill_when(at_once))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for step in STOP_ORDER:
                await self._stop([name for name in step if name in keepers], keepers)
        finally:
            for task in (*waits, killer, *keepers.values()):
                task.cancel()
            await asyncio.gather(*waits, killer, *keepers.values(), return_exceptions=True)
        return 1 if self._hopeless.is_set() else 0

    async def _keep(self, name: str) -> None:
        """Start one service again and again, until it is to stop."""
        first, second = PRECEDES
        if name == second and first in self._commands:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE_S):
                    await self._ready.wait()
        pause = 0.0
        while name not in self._stopping:
            began = time.monotonic()
            status = await self._once(name)
            if name == first:
                self._ready.set()  # it cannot run: nobody waits for it
            if name in self._stopping:
                return
            if status == USAGE:
                self._say(f"vipctl: {name} does not take its flags; giving up")
                self._hopeless.set()
                return
            steady = time.monotonic() - began >= STEADY_S
            pause = 0.0 if steady else min(max(1.0, pause * 2), LONGEST_PAUSE_S) if pause else 0.1
            self._say(f"vipctl: {name} {_ended(status)}; started again" + (f" in {pause:g} s" if pause else ""))
            await asyncio.sleep(pause)

    async def _once(self, name: str) -> int:
        """One life of a service; its exit status."""
        process = await asyncio.create_subprocess_exec(
            *self._commands[name],
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            process_group=0,  # Ctrl-C in a terminal reaches this process alone, which stops the others in order
            preexec_fn=_dies_with(os.getpid()),
            env={**os.environ, "NOTIFY_SOCKET": self._address if name == PRECEDES[0] else ""},
        )
        self._running[name] = process
        self._say(f"vipctl: {name} started (pid {process.pid})")
        assert process.stdout is not None
        output = asyncio.create_task(self._print(name, process.stdout))
        try:
            if name in self._stopping:
                process.terminate()
            status = await process.wait()
        finally:
            self._running.pop(name, None)
            await asyncio.wait([output], timeout=0.5)  # what it said last; a grandchild may keep the pipe open
            output.cancel()
        return status

    async def _print(self, name: str, stream: asyncio.StreamReader) -> None:
        rest = b""
        while data := await stream.read(65536):
            *lines, rest = (rest + data).split(b"\n")
            if len(rest) > _LINE:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self._say(f"{name}: {line.decode('utf-8', 'replace').rstrip()}")
        if rest:
            self._say(f"{name}: {rest.decode('utf-8', 'replace').rstrip()}")

    async def _stop(self, names: Sequence[str], keepers: Mapping[str, asyncio.Task[None]]) -> None:
        """End some services; SIGKILL after the grace."""
        self._stopping.update(names)
        for name in names:
            if (process := self._running.get(name)) is not None:
                with contextlib.suppress(ProcessLookupError):
                    process.terminate()
            else:
                keepers[name].cancel()  # it waits for its next start
        tasks = [keepers[name] for name in names]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=GRACE_S)
        if late:
            for name in names:
                if (process := self._running.get(name)) is not None:
                    self._say(f"vipctl: {name} does not end within {GRACE_S:g} s; killed")
                    with contextlib.suppress(ProcessLookupError):
                        process.kill()
            await asyncio.wait(tasks, timeout=GRACE_S)

    async def _kill_when(self, at_once: asyncio.Event) -> None:
        await at_once.wait()
        self._stopping.update(self._commands)
        for process in list(self._running.values()):
            with contextlib.suppress(ProcessLookupError):
                process.kill()


@contextlib.contextmanager
def _readiness(ready: asyncio.Event) -> Iterator[str]:
    """A socket for sd_notify(3), as the value of NOTIFY_SOCKET; READY=1 there sets the event. Runs on this loop."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.setblocking(False)
        line.bind(b"")  # the kernel finds an abstract name
        loop = asyncio.get_running_loop()

        def hear() -> None:
            with contextlib.suppress(BlockingIOError):
                while words := line.recv(4096):
                    if b"READY=1" in words.split(b"\n"):
                        ready.set()

        loop.add_reader(line, hear)
        try:
            yield "@" + line.getsockname()[1:].decode()
        finally:
            loop.remove_reader(line)


def _dies_with(parent: int) -> Callable[[], None]:
    """What a child does before it becomes the service: ask for SIGTERM when its parent dies."""

    def prepare() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)  # it died before it was asked

    return prepare


def _ended(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"


def service_command(service: str, *flags: str) -> list[str]:
    """The command line of a service, with this interpreter, as its unit has it."""
    if service == "vrrp":
        return [sys.executable, "-I", "-S", str(FIRST), *flags]
    return [sys.executable, "-m", f"services.{service}", *flags]
