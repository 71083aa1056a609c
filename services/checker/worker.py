"""One probe worker: runs its share of the probings and tells the agent what changed. `python -m services.checker.worker FD`.

A process of its own with one thread, one epoll and no asyncio, so that a probe costs little more than its system calls.
FD is one end of a SOCK_SEQPACKET pair (messages: wire.py); when the agent's end closes, the worker ends. Decides nothing:
what a result means is streak.py's, when the next probe is due schedule.py's.
"""

from __future__ import annotations

import gc
import json
import logging
import random
import resource
import select
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Iterable
from typing import Any, Final

from services.checker import wire
from services.checker.probes.probe import UNHEARD, Postponed, Probe, Tools
from services.checker.probes.registry import probe_of
from services.checker.probing import Result, Update
from services.checker.schedule import Wheel, first_delay, next_delay

MILLISECOND: Final = 1_000_000
PAUSE: Final = 100 * MILLISECOND  # before a probe is tried again that this machine could not start
EVENTS: Final = 1024
STARTS: Final = 64  # at once; answers are taken in between, so that a backlog of due probes does not open thousands of sockets
LATE_SHARE: Final = 10  # a probe that starts a tenth of its delay_loop late is counted

now_ns = time.monotonic_ns
log = logging.getLogger(__name__)


class Job:
    """One probing at work."""

    __slots__ = (
        "armed",
        "cause",
        "delay",
        "delay_loop",
        "due",
        "duration",
        "ended",
        "from_start",
        "jitter",
        "probe",
        "probing",
        "retry",
        "running",
        "started",
        "steady",
        "stopped",
        "streak",
        "timing",
        "urls",
        "weight",
    )

    def __init__(self, update: Update, probe: Probe) -> None:
        probing, result = update.probing, update.result
        self.probing = probing
        self.probe = probe
        self.timing = probing.timing
        self.retry = probing.timing.retry
        self.urls = probing.what.urls
        self.delay_loop = self.delay = probing.timing.delay_loop  # as configured, and as stretched
        self.jitter = probing.timing.jitter
        self.from_start = probing.what.from_start
        self.streak = result.streak
        self.cause = result.cause
        self.weight = result.weight
        self.due = 0
        self.started = 0
        self.ended = 0
        self.duration = 0
        self.steady = False  # a success needs no thought
        self.armed = 0  # when the wheel of deadlines speaks of this job next; 0: never
        self.running = False
        self.stopped = False

    def report(self) -> wire.Report:
        """What the agent is told."""
        result = Result(self.streak, self.cause, self.weight, self.ended, self.duration)
        return wire.Report(self.probing.id, result, 0 if self.running else self.due)


class Worker:
    """The loop. Queues: results wait per probing (the newest counts) while the agent does not read."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        channel.setblocking(False)
        self._epoll = select.epoll()
        self._channel_fd = channel.fileno()
        self._epoll.register(self._channel_fd, select.EPOLLIN)
        self._tools = Tools(self._epoll)
        self._jobs: dict[int, Job] = {}
        self._live: dict[int, Job] = {}
        self._due: Wheel[Job] = Wheel(MILLISECOND)
        self._deadlines: Wheel[Job] = Wheel(2 * MILLISECOND)
        self._waiting: deque[Job] = deque()
        self._hungry: list[Job] = []
        self._changed: dict[int, Job] = {}
        self._stretch = 1.0
        self._outgoing: deque[bytes] = deque()
        self._blocked = False
        self._next_beat = 0
        self._probes = self._failed = self._late = self._postponed = 0
        self._ended = False

    def run(self) -> None:
        """Until the agent is gone."""
        poll, due, waiting = self._epoll.poll, self._due, self._waiting
        while not self._ended:
            now = now_ns()
            waiting.extend(due.due(now))
            for _ in range(min(STARTS, len(waiting))):
                job = waiting.popleft()
                if not job.stopped:
                    self._start(job, now)
            if now >= self._next_beat:
                self._beat(now)
            events = poll(self._pause(now), EVENTS)
            now = now_ns()
            hungry, self._hungry = self._hungry, []
            self._hear(events, now)
            for job in hungry:
                if job.running:
                    self._ready(job, 0, now)
            overdue = [job for job in self._deadlines.due(now) if self._overdue(job, now)]
            if overdue:
                self._give_up(overdue, now)
            if self._changed or self._outgoing:
                self._flush()
        for job in self._jobs.values():
            job.probe.abort()

    def _hear(self, events: list[tuple[int, int]], now: int) -> None:
        live = self._live
        for fd, event in events:
            found = live.get(fd)
            if found is not None:
                self._ready(found, event, now)
            elif fd == self._channel_fd:
                self._converse(event, now)

    def _pause(self, now: int) -> float:
        """Seconds until something is due; epoll rounds up to milliseconds."""
        if self._hungry or self._waiting:
            return 0
        until = self._next_beat
        for wheel in (self._due, self._deadlines):
            deadline = wheel.deadline()
            if deadline is not None and deadline < until:
                until = deadline
        return max(0, until - now) / 1e9

    # --- one probe ---

    def _start(self, job: Job, now: int) -> None:
        if (now - job.due) * LATE_SHARE > job.delay_loop:
            self._late += 1
        job.started = now
        job.running = True
        probe = job.probe
        try:
            cause = probe.start(now, job.streak.url)
        except Postponed:
            self._put_off(job, now + PAUSE)
            return
        except Exception:
            self._stumble(job, now)
            return
        if cause is not None:
            self._finish(job, cause, now)
            return
        self._live[probe.fileno] = job
        if not job.armed or job.armed > probe.deadline:
            self._arm(job)

    def _ready(self, job: Job, events: int, now: int) -> None:
        probe = job.probe
        try:
            cause = probe.ready(events, now)
        except Exception:
            self._stumble(job, now)
            return
        if cause is not None:
            del self._live[probe.fileno]
            self._finish(job, cause, now)
        elif probe.hungry:
            self._hungry.append(job)

    def _put_off(self, job: Job, due: int) -> None:
        self._postponed += 1
        job.running = False
        job.due = due
        self._due.add(due, job)

    def _stumble(self, job: Job, now: int) -> None:
        """A fault of ours in one probe: it says nothing about the server, and must not stop the other checks."""
        log.exception("%s %s could not be probed", job.probing.kind, job.probing.what)
        if self._live.get(job.probe.fileno) is job:
            del self._live[job.probe.fileno]
        job.probe.abort()
        self._put_off(job, now + job.delay_loop)

    def _overdue(self, job: Job, now: int) -> bool:
        """What the wheel said of a job: its probe is out of time. If not, the wheel is told when it may be."""
        if job.armed > now:  # another entry of the wheel speaks for this job
            return False
        job.armed = 0
        if not job.running:
            return False
        if job.probe.deadline > now:
            self._arm(job)
            return False
        return True

    def _give_up(self, overdue: list[Job], now: int) -> None:
        """End probes that are out of time. Whoever has answered meanwhile is heard first: this process may have slept."""
        events = self._epoll.poll(0, EVENTS)
        self._hear(events, now)
        for job in overdue:
            if not job.running:
                continue
            if job.probe.deadline > now or len(events) == EVENTS:
                self._arm(job)
                continue
            cause = job.probe.expired(now)
            if cause is None:
                self._arm(job)
            else:
                del self._live[job.probe.fileno]
                self._finish(job, cause, now)

    def _arm(self, job: Job) -> None:
        job.armed = job.probe.deadline
        self._deadlines.add(job.armed, job)

    def _finish(self, job: Job, cause: str, now: int) -> None:
        if job.steady and not cause:  # nothing has changed: the way that nearly all probes go
            self._probes += 1
            job.running = False
            job.ended = now
            job.duration = now - job.started
            due = now + job.delay
            if job.jitter:
                due += int(job.jitter * random.random())
            job.due = due
            self._due.add(due, job)
            return
        if cause is UNHEARD:
            if not job.streak.fresh:
                self._probes += 1
                job.running = False
                job.due = now + job.delay
                self._due.add(job.due, job)
                return
            cause = ""  # nobody has objected to this server yet
        ok = not cause
        before, weight = job.streak, job.probe.weight if ok else job.weight
        streak = before.after(ok, retry=job.retry, urls=job.urls)
        self._probes += 1
        if not ok:
            self._failed += 1
        job.running = False
        job.ended = now
        job.duration = now - job.started
        changed = cause != job.cause or weight != job.weight or not (streak is before or streak.alike(before))
        job.streak, job.cause, job.weight = streak, cause, weight
        job.steady = streak.settled and job.urls <= 1 and not job.from_start and not job.probing.what.weighs
        fast, fraction = job.probing.what.recovers_fast, random.random()
        delay = next_delay(job.timing, streak, fast_recovery=fast, stretch=self._stretch, fraction=fraction)
        job.due = max(now, job.started + delay) if job.from_start else now + delay
        self._due.add(job.due, job)
        if changed:
            self._changed[job.probing.id] = job

    # --- the agent ---

    def _converse(self, event: int, now: int) -> None:
        if event & select.EPOLLOUT:
            self._blocked = False
            self._epoll.modify(self._channel_fd, select.EPOLLIN)
        while True:
            try:
                data = self._channel.recv(wire.ROOM)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._ended = True
                return
            self._obey(json.loads(data), now)

    def _obey(self, message: dict[str, Any], now: int) -> None:
        for update in wire.read_starts(message):
            self._take(update, now)
        for number in message.get("stop", ()):
            if (job := self._jobs.pop(number, None)) is not None:
                self._drop(job)
        if (factor := message.get("stretch")) is not None:
            self._stretch = factor
            for job in self._jobs.values():
                job.delay = int(job.delay_loop * factor)
        if (number := message.get("ask")) is not None:
            self._flush()
            self._send(wire.reports(job.report() for job in self._jobs.values()))
            self._send([wire.answered(number)])

    def _take(self, update: Update, now: int) -> None:
        """A new probing, or new settings of a known one: then its next probe stays when it was, if that is soon enough."""
        probing = update.probing
        job = Job(update, probe_of(probing.what, probing.timing, self._tools))
        job.delay = int(job.delay_loop * self._stretch)
        old = self._jobs.get(probing.id)
        if old is None:
            job.due = now + first_delay(job.timing, job.streak, random.random())
        else:
            self._drop(old)
            if old.probing.what == probing.what:
                job.streak, job.cause, job.weight = old.streak, old.cause, old.weight
                job.ended, job.duration = old.ended, old.duration
                job.due = now if old.running else min(old.due, now + next_delay(job.timing, job.streak))
            else:
                job.due = now
        self._jobs[probing.id] = job
        self._due.add(job.due, job)

    def _drop(self, job: Job) -> None:
        job.stopped = True
        self._changed.pop(job.probing.id, None)
        if job.running:
            job.running = False
            del self._live[job.probe.fileno]
            job.probe.abort()

    def _beat(self, now: int) -> None:
        self._next_beat = now + wire.BEAT_PERIOD
        if not self._blocked:
            counters = wire.Beat(self._probes, self._failed, self._late, self._postponed, time.process_time_ns())
            self._send([wire.beat(counters)])

    def _send(self, messages: Iterable[bytes]) -> None:
        self._outgoing.extend(messages)

    def _flush(self) -> None:
        """Hand over what the agent takes now; the rest waits until it reads on."""
        if self._blocked:
            return
        if self._changed:
            changed, self._changed = self._changed, {}
            self._send(wire.reports(job.report() for job in changed.values()))
        while self._outgoing:
            try:
                self._channel.send(self._outgoing[0])
            except BlockingIOError:
                self._blocked = True
                self._epoll.modify(self._channel_fd, select.EPOLLIN | select.EPOLLOUT)
                return
            except OSError:
                self._ended = True
                return
            self._outgoing.popleft()


def main(argv: list[str]) -> int:
    """Exit status 0 when the agent has gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's ^C is for the agent, which ends its workers
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    channel = socket.socket(fileno=int(argv[1]))
    worker = Worker(channel)
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
    worker.run()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv))
