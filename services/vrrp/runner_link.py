"""Who looks after the runner? Starts it, tells it the scripts, hears the results, replaces it when it dies or hangs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from services.vrrp.channel import Channel, ChannelClosed, Message, pair
from services.vrrp.runner import CONTROL

log = logging.getLogger(__name__)

PAUSE_S = 0.5  # before a runner is replaced
HANGS_S = 15.0  # without a word


@dataclass(frozen=True, slots=True)
class LastRun:
    """How a script's last run ended. `at`: Unix time in nanoseconds."""

    ok: bool
    error: str
    took_ns: int
    at: int


class RunnerLink:
    """The runner of this agent. `on_result(name, ok)` is called for each run."""

    def __init__(self, on_result: Callable[[str, bool], None]) -> None:
        self._on_result = on_result
        self._scripts: Mapping[str, Mapping[str, Any]] = {}
        self._security = True
        self._channel: Channel | None = None
        self._heard = 0.0
        self._gone = asyncio.Event()
        self.last: dict[str, LastRun] = {}
        self.restarts = 0

    def configure(self, scripts: Mapping[str, Mapping[str, Any]], security: bool) -> None:
        """Exactly these from now on; rows as in `services.vrrp.runner`."""
        if (scripts, security) == (self._scripts, self._security):
            return
        self._scripts, self._security = scripts, security
        for name in self.last.keys() - scripts.keys():
            del self.last[name]
        self._tell()

    async def run(self) -> None:
        """Keep a runner alive, while there are scripts; never returns."""
        process: subprocess.Popen[bytes] | None = None
        try:
            while True:
                process = self._start()
                await self._until_gone()
                process.kill()
                await asyncio.to_thread(process.wait)
                log.warning("the script runner ended with status %d; it is started again", process.returncode)
                self.restarts += 1
                await asyncio.sleep(PAUSE_S)
        finally:
            self._close()
            if process is not None:
                process.kill()
                process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        ours, theirs = pair()
        environment = {**os.environ, CONTROL: str(theirs.fileno())}
        command = [sys.executable, "-m", "services.vrrp.runner"]
        process = subprocess.Popen(command, pass_fds=(theirs.fileno(),), env=environment, stdin=subprocess.DEVNULL)
        theirs.close()
        self._channel = Channel(ours)
        self._heard = time.monotonic()
        self._gone.clear()
        asyncio.get_running_loop().add_reader(ours.fileno(), self._readable)
        self._tell()
        return process

    async def _until_gone(self) -> None:
        while not self._gone.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._gone.wait()
            if time.monotonic() - self._heard > HANGS_S:
                log.error("the script runner hangs: no word for %g s; it is killed", HANGS_S)
                self._close()

    def _tell(self) -> None:
        if self._channel is not None:
            with contextlib.suppress(ChannelClosed):
                self._channel.send({"do": "scripts", "scripts": dict(self._scripts), "security": self._security})

    def _readable(self) -> None:
        if self._channel is None:
            return
        try:
            self._channel.flush()
            messages = self._channel.receive()
        except ChannelClosed:
            self._close()
            return
        self._heard = time.monotonic()
        for message in messages:
            if message.get("is") == "result":
                self._result(message)

    def _result(self, message: Message) -> None:
        name, ok = message["name"], bool(message["ok"])
        if name not in self._scripts:
            return
        before = self.last.get(name)
        self.last[name] = LastRun(ok, message["error"], message["took_ns"], time.time_ns())
        if not ok and (before is None or before.ok or before.error != message["error"]):
            log.info("script %s: %s", name, message["error"])
        self._on_result(name, ok)

    def _close(self) -> None:
        channel, self._channel = self._channel, None
        if channel is not None:
            asyncio.get_running_loop().remove_reader(channel.fileno())
            channel.close()
        self._gone.set()
