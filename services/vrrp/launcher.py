"""Who keeps vrrp's processes alive? The unit's main process: starts the engine first, then the agent, replaces what dies.

The third, bfd, is there while the engine wants it, and talks to the engine alone.

Holds the memory file with the engine's hand-over state, also in systemd's descriptor store, so that the next engine goes on
where the last one was. Imports nothing heavy, and nothing at all that the engine's start could wait for.

Conversation with the agent on its *control* pair (`VIPKEEPER_CONTROL_FD`), in `channel`'s form:
  launcher -> agent: {"do": "engine"} with one descriptor: a new engine, talk to it on this;  {"do": "stop"}: flush, then exit
  agent -> launcher: {"is": "ready"} once, when it serves;  {"is": "alive"} every second
`VIPKEEPER_FIRST` is 1 for the first agent of a launcher: what happens at the service's start (init_file) is its to do.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from services.common import sdnotify
from services.common.errors import UsageError
from services.common.options import Options, parse
from services.vrrp.channel import Channel, ChannelClosed, engine_command, pair

ROOT = Path(__file__).resolve().parent.parent.parent
CONTROL = "VIPKEEPER_CONTROL_FD"
FIRST = "VIPKEEPER_FIRST"
HANDOVER = "handover"  # name in systemd's descriptor store
TICK_S = 1.0
ENGINE_SILENCE = (8, 8)  # ticks without a word after which it is taken for hung: before its first word, and later
AGENT_SILENCE = (60, 15)
BFD_SILENCE = (10, 2)
CLOSED_SILENCE = 1  # of a process whose end of the channel is closed: at least a whole second to end
READY_AFTER = 20  # ticks after which the unit counts as up without its agent: elections are what matters
ENGINE_STOP_S = 3.0
AGENT_STOP_S = 5.0
BFD_STOP_S = 1.0
PAUSES_S = (0.0, 0.0, 0.1, 0.5, 1.0, 2.0)  # before the next start, by starts in a row that did not live long
LONG_S = 10.0
USAGE = 2  # exit status
_PR_SET_PDEATHSIG = 1


class Child:
    """The engine, the agent or bfd: its process, its control pair, and how often it had to be replaced."""

    def __init__(self, name: str, silence: tuple[int, int]) -> None:
        self.name = name
        self._silence = silence
        self.process: subprocess.Popen[bytes] | None = None
        self.channel: Channel | None = None
        self.up = False  # it has said that it is
        self.spoke = False  # one of its processes has ever said so
        self.quiet = 0  # ticks since its last word
        self.restarts = 0
        self.due = 0.0  # when it may be started again, monotonic
        self._short = 0
        self._started = 0.0

    def started(self, process: subprocess.Popen[bytes], channel: Channel) -> None:
        self.process, self.channel = process, channel
        self.up, self.quiet = False, 0
        self._started = time.monotonic()

    def signal(self, number: int) -> None:
        if self.process is not None:
            self.process.send_signal(number)

    @property
    def hangs(self) -> bool:
        """It runs, and has not said a word for too long, or has closed its channel and does not end."""
        return self.process is not None and self.quiet > (CLOSED_SILENCE if self.channel is None else self._silence[self.up])

    def hung_up(self) -> None:
        """Its end of the channel is closed: it is about to end."""
        if self.channel is not None:
            self.channel.close()
            self.quiet = 0
        self.channel = None

    def ended(self) -> int | None:
        """Its exit status if it has ended since it was last asked; decides when it may start again."""
        status = None if self.process is None else self.process.poll()
        if status is None:
            return None
        self.hung_up()
        self.process = None
        now = time.monotonic()
        self._short = 0 if now - self._started > LONG_S else self._short + 1
        self.due = now + PAUSES_S[min(self._short, len(PAUSES_S) - 1)]
        self.restarts += 1
        self.up = False
        return status


class Launcher:
    """Runs until a declared stop; `run` gives the exit status."""

    def __init__(self, options: Options, argv: Sequence[str]) -> None:
        self._options = options
        self._argv = tuple(argv)
        self._wake, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        self._stopping = self._usage_error = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._asked_to_stop)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)  # only to wake the loop
        self._engine = Child("engine", ENGINE_SILENCE)
        self._agent = Child("agent", AGENT_SILENCE)
        self._bfd = Child("bfd process", BFD_SILENCE)
        self._bfd_wanted = False
        stored = sdnotify.stored_fds().get(HANDOVER, ())
        self._memory = stored[0] if stored else os.memfd_create("vipkeeper-vrrp", os.MFD_CLOEXEC)
        self._ready_told = False
        self._status = ""
        self._ticks = 0

    def run(self) -> int:
        """Start everything, keep it alive, stop it in order."""
        self._start_engine()
        stored = sdnotify.store_fds(HANDOVER, self._memory)  # False where there is no systemd
        self._start_agent()
        from services.common import logs

        logs.configure(self._options.log_level, self._options.log_format)
        self._log("info", "the engine and the agent are started%s", "" if stored else ", without a descriptor store")
        tick = time.monotonic() + TICK_S
        while not self._over:
            self._listen(min((tick, *self._due())))
            self._replace()
            if time.monotonic() >= tick:
                tick = time.monotonic() + TICK_S
                self._judge()
        return self._stop(USAGE if self._usage_error else 0)

    # -- starting

    def _environment(self) -> dict[str, str]:
        """Without what systemd means for this process alone."""
        private = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES")
        found = {name: value for name, value in os.environ.items() if name not in private}
        found["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), str(ROOT / "gen"), found.get("PYTHONPATH", "")]))
        return found

    def _start_engine(self) -> None:
        ours, theirs = pair()
        # Without systemd nobody starts a successor that would find what an engine leaves behind.
        orphan = "leave" if os.environ.get("NOTIFY_SOCKET") else "release"
        config = str(self._options.state_dir / "engine.json")
        command = engine_command(sys.executable, theirs.fileno(), self._memory, config, orphan)
        process = subprocess.Popen(command, pass_fds=(theirs.fileno(), self._memory), env=self._environment())
        theirs.close()
        self._engine.started(process, Channel(ours))
        self._introduce(self._agent, "agent")
        self._introduce(self._bfd, "bfd")

    def _start_agent(self) -> None:
        ours, theirs = pair()
        first = "0" if self._agent.restarts else "1"
        environment = {**self._environment(), CONTROL: str(theirs.fileno()), FIRST: first}
        command = [sys.executable, "-m", "services.vrrp.agent", *self._argv]
        process = subprocess.Popen(command, pass_fds=(theirs.fileno(),), env=environment, preexec_fn=_die_with(os.getpid()))
        theirs.close()
        self._agent.started(process, Channel(ours))
        self._introduce(self._agent, "agent")

    def _start_bfd(self) -> None:
        ours, theirs = pair()
        environment = {**self._environment(), CONTROL: str(theirs.fileno())}
        command = [sys.executable, "-m", "services.vrrp.bfd"]
        process = subprocess.Popen(command, pass_fds=(theirs.fileno(),), env=environment, preexec_fn=_die_with(os.getpid()))
        theirs.close()
        self._bfd.started(process, Channel(ours))
        self._introduce(self._bfd, "bfd")

    def _introduce(self, other: Child, word: str) -> None:
        """Give engine and agent, or engine and bfd, a pair of sockets to talk on, once both are there."""
        if self._engine.channel is None or other.channel is None:
            return
        engine_end, other_end = pair()
        for child, message, end in (
            (self._engine, {"do": word}, engine_end),
            (other, {"do": "engine"}, other_end),
        ):
            assert child.channel is not None
            with contextlib.suppress(ChannelClosed):  # it is about to be replaced, and introduced then
                child.channel.send(message, end.fileno())
            end.close()

    # -- keeping alive

    @property
    def _children(self) -> tuple[Child, ...]:
        return self._engine, self._agent, self._bfd

    def _due(self) -> tuple[float, ...]:
        return tuple(c.due for c in self._children if c.process is None and (c is not self._bfd or self._bfd_wanted))

    def _listen(self, until: float) -> None:
        """Wait for a word of a child, a signal, or the time."""
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        children = {}
        for child in self._children:
            if child.channel is not None:
                children[child.channel.fileno()] = child
                poll.register(child.channel.fileno(), select.POLLIN | (select.POLLOUT if child.channel.backlog else 0))
        for fd, _ in poll.poll(max(0.0, until - time.monotonic()) * 1000):
            if fd == self._wake:
                os.read(self._wake, 512)
            else:
                self._hear(children[fd])

    def _hear(self, child: Child) -> None:
        assert child.channel is not None
        try:
            child.channel.flush()
            messages = child.channel.receive()
        except ChannelClosed:
            child.hung_up()
            return
        for message in messages:
            child.quiet = 0
            if message.get("is") in ("started", "ready"):
                child.up = child.spoke = True
                self._tell_systemd()
            elif message.get("is") == "bfd" and child is self._engine:
                self._want_bfd(bool(message.get("wanted")))

    def _want_bfd(self, wanted: bool) -> None:
        """The engine has sessions, or has none any more: then the process ends, once it has told its neighbors."""
        self._bfd_wanted = wanted
        if not wanted:
            self._bfd.signal(signal.SIGTERM)

    def _replace(self) -> None:
        starts = (self._start_engine, self._start_agent, self._start_bfd)
        for child, start in zip(self._children, starts, strict=True):
            first = not child.spoke
            status = child.ended()
            if status is not None:
                # The first agent says so where the command line cannot be meant: that does not heal.
                self._usage_error |= status == USAGE and first and child is self._agent
            wanted = not self._over and (child is not self._bfd or self._bfd_wanted)
            if status is not None and wanted:
                self._log("warning", "the %s %s; it is started again", child.name, _ending(status))
            if child.process is None and child.due <= time.monotonic() and wanted:
                start()
                self._tell_systemd()

    @property
    def _over(self) -> bool:
        return self._stopping or self._usage_error

    def _judge(self) -> None:
        """Once a second: who is silent for too long is killed, and then replaced. Counted in turns of this loop, so that a
        machine that stood still as a whole is not blamed on anybody."""
        self._ticks += 1
        for child in self._children:
            child.quiet += 1
            if child.hangs:
                self._log("error", "the %s hangs: no word for %d s; it is killed", child.name, child.quiet)
                child.signal(signal.SIGKILL)
        if sdnotify.watchdog_interval() is not None and not self._engine.hangs:
            sdnotify.watchdog()
        self._tell_systemd()

    def _tell_systemd(self) -> None:
        if not self._ready_told and self._engine.up and (self._agent.up or self._ticks >= READY_AFTER):
            self._ready_told = True
            sdnotify.ready()
        children = self._children if self._bfd_wanted else self._children[:2]
        words = [f"{c.name} {'up' if c.up else 'starting'}" for c in children]
        words += [f"{c.restarts} restarts of the {c.name}" for c in children if c.restarts]
        text = ", ".join(words)
        if text != self._status:
            self._status = text
            sdnotify.status(text)

    # -- stopping

    def _asked_to_stop(self, _number: int, _frame: object) -> None:
        self._stopping = True

    def _stop(self, status: int) -> int:
        """Engine first: priority 0, addresses off, its last transitions to the agent; then the agent, which delivers them.

        And bfd, which tells its neighbors that the sessions end on purpose.
        """
        self._stopping = True
        sdnotify.stopping()
        self._engine.signal(signal.SIGTERM)
        clean = self._await_end(self._engine, ENGINE_STOP_S)
        if self._agent.channel is not None:
            with contextlib.suppress(ChannelClosed):
                self._agent.channel.send({"do": "stop"})
        self._bfd.signal(signal.SIGTERM)
        self._await_end(self._agent, AGENT_STOP_S)
        self._await_end(self._bfd, BFD_STOP_S)
        if clean:
            sdnotify.remove_fds(HANDOVER)  # nothing is left that a successor should go on with
        return status

    def _await_end(self, child: Child, seconds: float) -> bool:
        """True if it ends by itself in time."""
        deadline = time.monotonic() + seconds
        while child.process is not None and time.monotonic() < deadline:
            self._listen(min(deadline, time.monotonic() + 0.05))
            if child.process.poll() is not None:
                break
        if child.process is None:
            return True
        if child.process.poll() is None:
            self._log("error", "the %s does not end within %g s; it is killed", child.name, seconds)
            child.process.kill()
            child.process.wait()
        return child.process.returncode == 0

    def _log(self, level: str, text: str, *arguments: object) -> None:
        import logging

        logging.getLogger("services.vrrp.launcher").log(getattr(logging, level.upper()), text, *arguments)


def _ending(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"


def _die_with(parent: int) -> Callable[[], None]:
    """For a child, before it runs its program: the launcher's death is its own."""
    import ctypes

    libc = ctypes.CDLL(None)

    def prepare() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return prepare


def main(argv: Sequence[str] | None = None) -> int:
    """`python -m services.vrrp`: exit status 0 after a declared stop, 1 where it cannot run, 2 for wrong usage."""
    arguments = sys.argv[1:] if argv is None else argv
    try:
        options = parse("vrrp", arguments)
        options.state_dir.mkdir(parents=True, exist_ok=True)
        return Launcher(options, arguments).run()
    except UsageError as error:
        print(f"vipkeeper-vrrp: {error}", file=sys.stderr)
        return USAGE
    except OSError as error:
        print(f"vipkeeper-vrrp: cannot start: {error.strerror}: {error.filename}", file=sys.stderr)
        return 1
