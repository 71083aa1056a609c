"""Who probes? The agent's side of its worker processes: one per core, each with a fixed share of the checks.

Shell: starts them, feeds them, replaces one that died or hangs and gives the new one the checks with their last states,
so that a worker's death changes nobody's health.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple
from pathlib import Path

from services.checker import wire
from services.checker.probing import Update

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parent.parent.parent
SILENCE_S = 5.0  # without a beat for so long a worker counts as hung
LONGEST_PAUSE_S = 5.0
ANSWER_S = 1.0
READS_AT_ONCE = 64
BUFFER = 1 << 20


class _Worker:
    """One process and the channel to it."""

    def __init__(self, on_reports: Callable[[list[wire.Report]], None]) -> None:
        self._on_reports = on_reports
        self._loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "services.checker.worker", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                cwd=ROOT,
            )
        ours.setblocking(False)
        self._channel = ours
        self._fd = ours.fileno()
        self._outgoing: deque[bytes] = deque()
        self._loop.add_reader(self._fd, self.read)
        self._answers: dict[int, asyncio.Future[None]] = {}
        self._heard = time.monotonic()
        self.gone = asyncio.Event()
        self.beat = wire.Beat()

    @property
    def pid(self) -> int:
        return self._process.pid

    def silence(self) -> float:
        """Seconds since it was last heard of."""
        return time.monotonic() - self._heard

    def send(self, messages: Iterable[bytes]) -> None:
        """Never waits; what does not fit into the channel follows when it does (bounded by the number of probings)."""
        waiting = bool(self._outgoing)
        self._outgoing.extend(messages)
        if not waiting:
            self._write()

    async def ask(self, number: int) -> None:
        """Until it has reported all its checks."""
        self._answers[number] = answer = self._loop.create_future()
        try:
            self.send([wire.ask(number)])
            await answer
        finally:
            del self._answers[number]

    def _write(self) -> None:
        while self._outgoing and not self.gone.is_set():
            try:
                self._channel.send(self._outgoing[0])
            except BlockingIOError:
                self._loop.add_writer(self._fd, self._write)
                return
            except OSError:
                self.gone.set()
                break
            self._outgoing.popleft()
        self._loop.remove_writer(self._fd)

    def read(self) -> None:
        """Take what it has sent."""
        for _ in range(READS_AT_ONCE):
            try:
                data = self._channel.recv(wire.ROOM)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._loop.remove_reader(self._fd)
                self.gone.set()
                return
            self._heard = time.monotonic()
            message = json.loads(data)
            if (beat := wire.read_beat(message)) is not None:
                self.beat = beat
            if reports := wire.read_reports(message):
                self._on_reports(reports)
            answer = self._answers.get(message.get("answered", -1))
            if answer is not None and not answer.done():
                answer.set_result(None)

    def close(self) -> None:
        """Let go of the channel: the worker ends by itself if it can."""
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        self._channel.close()
        self.gone.set()

    def kill(self) -> None:
        self._process.kill()

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status.

        :raises subprocess.TimeoutExpired: it still runs.
        """
        return self._process.wait(timeout)


def cores() -> int:
    """How many workers are worth having."""
    return len(os.sched_getaffinity(0))


class Workers:
    """All workers. `resume` gives all probings with their states, whenever a worker starts."""

    def __init__(
        self, count: int, resume: Callable[[], Iterable[Update]], on_reports: Callable[[list[wire.Report]], None]
    ) -> None:
        self._count = count
        self._resume = resume
        self._on_reports = on_reports
        self._workers: list[_Worker | None] = [None] * count
        self._past = wire.Beat()
        self._asked = 0
        self._stretch = 1.0
        self.restarts = 0

    @property
    def pids(self) -> tuple[int, ...]:
        """Of the workers that run now."""
        return tuple(w.pid for w in self._workers if w is not None)

    def counters(self) -> wire.Beat:
        """Sums over all workers, and over those that are gone."""
        return _sum([self._past, *(w.beat for w in self._workers if w is not None)])

    def start(self, updates: Iterable[Update]) -> None:
        """Start probings, or replace those of the same number. Never waits."""
        shares: dict[int, list[Update]] = {}
        for update in updates:
            shares.setdefault(update.probing.id % self._count, []).append(update)
        for index, share in shares.items():
            if (worker := self._workers[index]) is not None:
                worker.send(wire.start(share))

    def stop(self, numbers: Iterable[int]) -> None:
        """Stop probings. Never waits."""
        shares: dict[int, list[int]] = {}
        for number in numbers:
            shares.setdefault(number % self._count, []).append(number)
        for index, share in shares.items():
            if (worker := self._workers[index]) is not None:
                worker.send(wire.stop(share))

    def stretch(self, factor: float) -> None:
        """Make all intervals so many times as long as configured. Never waits."""
        self._stretch = factor
        for worker in self._workers:
            if worker is not None:
                worker.send([wire.stretch(factor)])

    async def refresh(self) -> None:
        """Have all results reported as they are now; a worker that does not answer within a second is passed over."""
        self._asked += 1
        asked = [w.ask(self._asked) for w in self._workers if w is not None]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_S):
                await asyncio.gather(*asked)

    async def run(self) -> None:
        """Keep all workers running until cancelled; then they end within a second."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for index in range(self._count):
                    tasks.create_task(self._keep(index))
        finally:
            ending = [w for w in self._workers if w is not None]
            self._workers = [None] * self._count
            for worker in ending:
                worker.close()
            await asyncio.shield(asyncio.gather(*(asyncio.to_thread(_end, w) for w in ending)))

    async def _keep(self, index: int) -> None:
        pause = 0.0
        while True:
            started = time.monotonic()
            worker = _Worker(self._on_reports)
            self._workers[index] = worker
            worker.send([wire.stretch(self._stretch)])
            worker.send(wire.start(u for u in self._resume() if u.probing.id % self._count == index))
            why = await _end_of(worker)
            self._workers[index] = None
            self._past = _sum([self._past, worker.beat])
            self.restarts += 1
            worker.close()
            worker.kill()
            status = await asyncio.to_thread(worker.wait)
            pause = 0.0 if time.monotonic() - started > LONGEST_PAUSE_S else min(2 * pause + 0.1, LONGEST_PAUSE_S)
            log.warning("probe worker %d %s (exit status %d); a new one goes on with its checks", worker.pid, why, status)
            await asyncio.sleep(pause)


async def _end_of(worker: _Worker) -> str:
    """Wait until a worker is gone or hangs; says which."""
    while True:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SILENCE_S / 5):
                await worker.gone.wait()
                return "died"
        if worker.silence() > SILENCE_S:
            worker.read()  # it may be this process that slept
            if worker.silence() > SILENCE_S:
                return f"was silent for {SILENCE_S:g} s"


def _end(worker: _Worker) -> None:
    try:
        worker.wait(1.0)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait()


def _sum(beats: Sequence[wire.Beat]) -> wire.Beat:
    return wire.Beat(*(sum(column) for column in zip(*(astuple(b) for b in beats), strict=True)))
