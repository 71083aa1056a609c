"""Who runs the tracking scripts and looks after tracked files and processes? A small process beside the agent, so that
neither agent nor engine ever forks, and neither waits for a file or reads a process table.

Started by the agent as `python -m services.vrrp.runner` with `VIPKEEPER_CONTROL_FD`, one end of a `channel` pair:
  agent -> runner: {"do": "scripts", "scripts": {"chk": {"script": "...", "interval_ns": N, "timeout_ns": N, "user": ""}},
                    "security": true}: exactly these from now on; one that did not change runs on undisturbed
                   {"do": "track", "files": {"load": {"file": "/run/load", "init": 0}}, "overwrite": ["load"],
                    "processes": {"web": {"process": ["nginx"], ...}}}: exactly these; fields of `tracked_files.File`,
                    `census.Sought`
  runner -> agent: {"is": "result", "name": "chk", "ok": false, "error": "exits with status 1", "took_ns": N} for each run
                   {"is": "file", "name": "load", "value": 5, "trouble": ""} at once, and whenever that changes
                   {"is": "process", "name": "web", "ok": true, "count": 2} likewise, and again every few seconds
                   {"is": "processes", "blind": ""} after "track": why there are no process events, or nothing
                   {"is": "alive"} every second
Each script runs every `interval`, at once the first time, in its own process group. A run that is not over after `timeout`
has failed; it gets SIGTERM and two seconds later SIGKILL. A run that would overlap the one before is skipped. What cannot
be executed has failed. End of file on the pair: the agent is gone, and so are runner and scripts.
"""

from __future__ import annotations

import contextlib
import os
import select
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.common.accounts import Account, account, environment, insecure
from services.common.capabilities import drop_ambient
from services.common.errors import InvalidValue
from services.common.tracked_files import File, Held, TrackedFiles
from services.vrrp.channel import Channel, ChannelClosed, Message, from_fd
from services.vrrp.runner.census import Sought, Tally
from services.vrrp.runner.processes import ProcessWatch

CONTROL = "VIPKEEPER_CONTROL_FD"
SECOND = 1_000_000_000
GRACE = 2 * SECOND  # between SIGTERM and SIGKILL, as keepalived


@dataclass(frozen=True, slots=True)
class Script:
    """One tracking script, as the configuration has it; `security` is the global enable_script_security."""

    script: str
    interval: int
    timeout: int
    user: str
    security: bool


@dataclass(slots=True)
class Run:
    """One run that goes on. `overdue`: it has been reported as failed and told to end."""

    name: str
    process: subprocess.Popen[bytes]
    pidfd: int
    began: int
    deadline: int
    overdue: bool = False
    orphan: bool = False  # its script is no longer configured, so nobody wants to know


class Runner:
    """Scripts, their timers and their processes, and what else is tracked; one thread, no loop but its own."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._scripts: dict[str, Script] = {}
        self._due: dict[str, int] = {}
        self._runs: dict[int, Run] = {}  # by pidfd
        self._poll = select.poll()
        self._poll.register(channel.fileno(), select.POLLIN)
        self._alive_at = 0
        self._files = TrackedFiles(self._file)
        self._processes = ProcessWatch(self._process)
        self._watched = -1  # the descriptor of process events that is polled
        if self._files.fileno() >= 0:
            self._poll.register(self._files.fileno(), select.POLLIN)

    def run(self) -> None:
        """Until the agent is gone.

        :raises ChannelClosed: it is.
        """
        while True:
            now = time.monotonic_ns()
            if now >= self._alive_at:
                self._alive_at = now + SECOND
                self._channel.send({"is": "alive"})
            self._start_due(now)
            wait = max(0, self._next() - time.monotonic_ns())
            for fd, _ in self._poll.poll(wait / 1e6):
                if fd == self._channel.fileno():
                    self._hear()
                elif fd == self._files.fileno():
                    self._files.changed()
                elif fd == self._watched:
                    self._processes.happened(time.monotonic_ns())
                elif fd in self._runs:
                    self._ended(self._runs[fd])
            self._channel.flush()
            now = time.monotonic_ns()
            self._end_late(now)
            self._files.look(now)
            self._processes.look(now)

    def kill_all(self) -> None:
        """Nothing that was started here goes on."""
        for run in self._runs.values():
            _kill(run, signal.SIGKILL)

    def _next(self) -> int:
        dues = [self._alive_at, *self._due.values(), *(run.deadline for run in self._runs.values())]
        return min(dues + [due for due in (self._files.due(), self._processes.due()) if due is not None])

    def _hear(self) -> None:
        for message in self._channel.receive():
            if message.get("do") == "scripts":
                security = bool(message.get("security", True))
                self._configure({name: _script(row, security) for name, row in message["scripts"].items()})
            elif message.get("do") == "track":
                self._track(message)

    def _track(self, message: Message) -> None:
        now, overwrite = time.monotonic_ns(), set(message["overwrite"])
        files = {name: File(row["file"], row["init"], name in overwrite) for name, row in message["files"].items()}
        self._files.configure(files, now)
        sought = {n: Sought(**{**row, "process": tuple(row["process"])}) for n, row in message["processes"].items()}
        if self._watched >= 0 and not sought:
            self._poll.unregister(self._watched)
        self._processes.configure(sought, now)
        if self._processes.fileno() != self._watched and self._processes.fileno() >= 0:
            self._poll.register(self._processes.fileno(), select.POLLIN)
        self._watched = self._processes.fileno()
        self._channel.send({"is": "processes", "blind": self._processes.blind})

    def _file(self, name: str, held: Held) -> None:
        self._channel.send({"is": "file", "name": name, "value": held.value, "trouble": held.trouble})

    def _process(self, name: str, tally: Tally) -> None:
        self._channel.send({"is": "process", "name": name, "ok": tally.up, "count": tally.number})

    def _configure(self, scripts: Mapping[str, Script]) -> None:
        now = time.monotonic_ns()
        for name in [n for n, script in self._scripts.items() if scripts.get(n) != script]:
            del self._scripts[name]
            del self._due[name]
            for run in self._runs.values():
                if run.name == name and not run.orphan:
                    run.orphan = True
                    self._tell_to_end(run, now)
        for name, script in scripts.items():
            if name not in self._scripts:
                self._scripts[name] = script
                self._due[name] = now

    def _start_due(self, now: int) -> None:
        busy = {run.name for run in self._runs.values() if not run.orphan}
        for name, due in self._due.items():
            if due <= now:
                script = self._scripts[name]
                missed = (now - due) // script.interval
                self._due[name] = due + (missed + 1) * script.interval
                if name not in busy:
                    self._start(name, script)

    def _start(self, name: str, script: Script) -> None:
        began = time.monotonic_ns()
        try:
            process = _popen(script)
            run = Run(name, process, os.pidfd_open(process.pid), began, began + script.timeout)
        except InvalidValue as error:
            self._report(name, False, f"{error}; {error.hint}" if error.hint else str(error), began)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            self._report(name, False, f"cannot be run: {getattr(error, 'strerror', None) or error}", began)
        else:
            self._runs[run.pidfd] = run
            self._poll.register(run.pidfd, select.POLLIN)

    def _ended(self, run: Run) -> None:
        status = run.process.wait()
        self._poll.unregister(run.pidfd)
        os.close(run.pidfd)
        del self._runs[run.pidfd]
        if not run.overdue and not run.orphan:
            self._report(run.name, status == 0, _ending(status), run.began)

    def _end_late(self, now: int) -> None:
        for run in self._runs.values():
            if run.deadline <= now:
                if run.overdue or run.orphan:
                    _kill(run, signal.SIGKILL)
                    run.deadline = now + GRACE
                else:
                    seconds = self._scripts[run.name].timeout / SECOND
                    self._report(run.name, False, f"takes longer than {seconds:g} s", run.began)
                    run.overdue = True
                    self._tell_to_end(run, now)

    def _tell_to_end(self, run: Run, now: int) -> None:
        _kill(run, signal.SIGTERM)
        run.deadline = now + GRACE

    def _report(self, name: str, ok: bool, error: str, began: int) -> None:
        took = time.monotonic_ns() - began
        self._channel.send({"is": "result", "name": name, "ok": ok, "error": error, "took_ns": took})


def _script(row: Mapping[str, Any], security: bool) -> Script:
    return Script(row["script"], row["interval_ns"], row["timeout_ns"], row.get("user", ""), security)


def split(command: str) -> list[str]:
    """The words of a command line, as a shell would split it.

    :raises InvalidValue: open quotes, or no command.
    """
    try:
        words = shlex.split(command)
    except ValueError:
        raise InvalidValue("script", f"cannot be split into words: {command!r}", "close the quotes") from None
    if not words:
        raise InvalidValue("script", "expected a command line, got none")
    return words


def _popen(script: Script) -> subprocess.Popen[bytes]:
    """The script's process.

    :raises InvalidValue: it must not run, or not as this user, or its command line cannot be split.
    :raises OSError: it cannot be executed.
    """
    words = split(script.script)
    who: Account = account(script.user, "user")
    if script.security and (refusal := insecure(words[0], who)) is not None:
        raise refusal
    drop_ambient()
    return subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(who, {}),
        cwd="/",
        process_group=0,
        umask=0o022,
        user=who.uid if who.switch else None,
        group=who.gid if who.switch else None,
        extra_groups=who.groups if who.switch else None,
    )


def _ending(status: int) -> str:
    if status == 0:
        return ""
    return f"exits with status {status}" if status > 0 else f"was ended by signal {-status}"


def _kill(run: Run, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(run.process.pid, number)


def main() -> int:
    """Run scripts until the agent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's ^C reaches everybody; the agent decides
    runner = Runner(Channel(from_fd(int(os.environ.pop(CONTROL)))))
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
    try:
        with contextlib.suppress(ChannelClosed):
            runner.run()
    finally:
        runner.kill_all()
    return 0
