"""A program under test: started in its own process group, its output kept, gone when the test is."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType


class Process:
    """A running program.

    :param env: added to this process's environment.
    :param netns: path of a network namespace (`Host.netns`).
    :param log: file that gets stdout and stderr; default: a temporary one.

    `pid` is the program's own. It leads a process group, which `kill` and the end of the `with` block take down as a
    whole. Started from the main thread it also dies with the test run, however that ends.
    """

    def __init__(
        self,
        argv: Sequence[str | os.PathLike[str]],
        env: Mapping[str, str] | None = None,
        netns: str | None = None,
        log: Path | None = None,
        cwd: Path | None = None,
    ) -> None:
        command = [os.fspath(word) for word in argv]
        if netns is not None:
            command = ["nsenter", f"--net={netns}", "--", *command]
        if threading.current_thread() is threading.main_thread():  # the death signal is bound to the parent's thread
            command = ["setpriv", "--pdeathsig", "KILL", "--", *command]
        self._kept: str | None = None
        self._name = os.path.basename(os.fspath(argv[0]))
        if log is None:
            fd, name = tempfile.mkstemp(prefix=f"{self._name}-", suffix=".log")
            self._log, self._temporary = Path(name), True
        else:
            fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            self._log, self._temporary = Path(log), False
        try:
            self._popen = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=fd,
                stderr=fd,
                env={**os.environ, **env} if env else None,
                cwd=cwd,
                start_new_session=True,
            )
        finally:
            os.close(fd)

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """Exit status (negative: the signal), None while it runs."""
        return self._popen.poll()

    def wait(self, timeout: float = 30) -> int:
        """Its exit status (negative: the signal that ended it).

        :raises AssertionError: it still runs after `timeout` seconds.
        """
        try:
            return self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self._name} still runs after {timeout:g} s; its output:\n{self.output()}") from None

    def signal(self, number: int) -> None:
        """One signal to the program itself; nothing if it has ended."""
        self._popen.send_signal(number)

    def terminate(self) -> None:
        self.signal(signal.SIGTERM)

    def stop(self) -> None:
        self.signal(signal.SIGSTOP)

    def cont(self) -> None:
        self.signal(signal.SIGCONT)

    def kill(self) -> int:
        """SIGKILL to the whole group; returns the program's exit status."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        return self.wait()

    def output(self) -> str:
        """All of stdout and stderr up to now."""
        return self._kept if self._kept is not None else self._log.read_text(errors="replace")

    def end(self, timeout: float = 10) -> int:
        """SIGTERM, after `timeout` seconds SIGKILL; then whatever is left of its group."""
        if self.returncode is None:
            self.terminate()
            self.cont()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(timeout)
        return self.kill()

    def __enter__(self) -> Process:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.end()
        if error is not None:
            print(f"--- output of {self._name} ---\n{self.output()}")
        if self._temporary and self._kept is None:
            self._kept = self.output()
            self._log.unlink()
