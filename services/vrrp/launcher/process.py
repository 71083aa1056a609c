"""Who keeps vrrp's processes alive? The unit's main process: starts the engine first, then the agent, replaces what dies.

The third, bfd, is there while the engine wants it, and talks to the engine alone.

Holds the memory file with the engine's hand-over state, also in systemd's descriptor store, so that the next engine goes on
where the last one was. On a reload it has everything replaced by what is on disk now, itself last (`renewal`). Imports
nothing heavy, and nothing at all that the engine's start could wait for.

Conversation with the agent on its *control* pair (`VIPKEEPER_CONTROL_FD`), in `channel`'s form:
  launcher -> agent: {"do": "engine"} with one descriptor: a new engine, talk to it on this;  {"do": "stop"}: flush, then exit
                     {"do": "leave"}: as stop, but a successor goes on
                     {"do": "begin"}: to an agent with `VIPKEEPER_SUCCESSOR`, when the one before it has ended
                     {"do": "complain", "reason": "..."}: the last reload failed; empty: it did not
  agent -> launcher: {"is": "ready"} once, when it serves;  {"is": "alive"} every second
                     {"is": "prepared"} once, with `VIPKEEPER_SUCCESSOR`: it could begin
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
from collections.abc import Mapping, Sequence
from pathlib import Path

from services.common import sdnotify
from services.common.errors import UsageError
from services.common.options import Options, parse
from services.vrrp.channel import Channel, ChannelClosed, from_fd, pair
from services.vrrp.engine.command import engine_command
from services.vrrp.launcher import beginning, resume
from services.vrrp.launcher.children import Adopted, Child, Process, die_with, ending
from services.vrrp.launcher.reload import SOCKET, Reception
from services.vrrp.launcher.renewal import Phase, Renewal

ROOT = Path(__file__).absolute().parents[3]  # by its name: another version may have that name by now
CONTROL = "VIPKEEPER_CONTROL_FD"
FIRST = "VIPKEEPER_FIRST"
SUCCESSOR = "VIPKEEPER_SUCCESSOR"
TICK_S = 1.0
ENGINE_SILENCE = (8, 8)  # ticks without a word after which it is taken for hung: before its first word, and later
AGENT_SILENCE = (60, 15)
BFD_SILENCE = (10, 2)
READY_AFTER = 20  # ticks after which the unit counts as up without its agent: elections are what matters
ENGINE_STOP_S = 3.0
AGENT_STOP_S = 5.0
BFD_STOP_S = 1.0
USAGE = 2  # exit status
SIGNALS = beginning.SIGNALS
Begun = tuple[int, int, int, str]  # as `beginning.begin` gives it


class Launcher:
    """Runs until a declared stop; `run` gives the exit status.

    `before`: what an earlier program of this process left. `begun`: an engine that was started before all else.
    """

    def __init__(
        self, options: Options, argv: Sequence[str], before: resume.Resume | None = None, begun: Begun | None = None
    ) -> None:
        self._options = options
        self._argv = tuple(argv)
        self._wake, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        self._stopping = self._usage_error = self._asked_to_reload = False
        for number in SIGNALS:
            signal.signal(number, self._signalled)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)  # only to wake the loop
        self._engine = Child("engine", ENGINE_SILENCE)
        self._agent = Child("agent", AGENT_SILENCE)
        self._bfd = Child("bfd process", BFD_SILENCE)
        self._bfd_wanted = before is not None and before.bfd
        self._before = before
        if before is not None:
            self._memory, self._stored = before.memory, before.name
            self._engine.resumed(before.engine)
            self._agent.resumed(before.agent)
        elif begun is not None:
            pid, fd, self._memory, self._stored = begun
            self._engine.started(Adopted(pid), Channel(from_fd(fd)))
        else:
            self._memory, self._stored = beginning.memory()
        self._reception = Reception(None) if before is None else Reception.resumed(before.reception, before.visitors)
        self._reloads = 0 if before is None else before.reloads
        self._outdated = ""  # what the descriptor store still has instead
        self._renewal: Renewal | None = None
        self._complaint = ""  # why the last reload failed
        self._leaving: list[Process] = []  # have handed over, and are ending
        self._ready_told = before is not None
        self._status = ""
        self._ticks = 0
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)

    def run(self) -> int:
        """Start everything, keep it alive, stop it in order."""
        if self._before is None:
            if self._engine.process is None:
                self._start_engine()
            stored = sdnotify.store_fds(self._stored, self._memory)  # False where there is no systemd
            self._start_agent()
        from services.common import logs

        logs.configure(self._options.log_level, self._options.log_format)
        if self._before is None:
            self._log("info", "the engine and the agent are started%s", "" if stored else ", without a descriptor store")
            self._open_reception()
        else:
            self._reloaded("all processes are new")
        tick = time.monotonic() + TICK_S
        while not self._over:
            self._listen(min((tick, *self._due())))
            self._renew()
            self._replace()
            if time.monotonic() >= tick:
                tick = time.monotonic() + TICK_S
                self._judge()
        return self._stop(USAGE if self._usage_error else 0)

    # -- starting

    def _environment(self) -> dict[str, str]:
        return beginning.inheritable(_on_disk(os.environ))

    def _start_engine(self) -> None:
        self._launch_engine(self._engine, self._memory)
        self._introduce(self._agent, "agent")
        self._introduce(self._bfd, "bfd")

    def _launch_engine(self, child: Child, memory: int, *more: str) -> None:
        ours, theirs = pair()
        config = str(self._options.state_dir / "engine.json")
        command = engine_command(sys.executable, theirs.fileno(), memory, config, beginning.orphan(), more)
        process = subprocess.Popen(command, pass_fds=(theirs.fileno(), memory), env=self._environment())
        theirs.close()
        child.started(process, Channel(ours))

    def _start_agent(self) -> None:
        self._launch_agent(self._agent, {FIRST: "0" if self._agent.restarts or self._reloads else "1"})
        self._introduce(self._agent, "agent")
        self._complain()

    def _launch_agent(self, child: Child, more: Mapping[str, str]) -> None:
        ours, theirs = pair()
        environment = {**self._environment(), CONTROL: str(theirs.fileno()), **more}
        command = [sys.executable, "-P", "-m", "services.vrrp.agent", *self._argv]
        process = subprocess.Popen(command, pass_fds=(theirs.fileno(),), env=environment, preexec_fn=die_with(os.getpid()))
        theirs.close()
        child.started(process, Channel(ours))

    def _start_bfd(self) -> None:
        ours, theirs = pair()
        environment = {**self._environment(), CONTROL: str(theirs.fileno())}
        command = [sys.executable, "-P", "-m", "services.vrrp.bfd"]
        process = subprocess.Popen(command, pass_fds=(theirs.fileno(),), env=environment, preexec_fn=die_with(os.getpid()))
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
            _tell(child, message, end.fileno())  # one that is about to be replaced is introduced then
            end.close()

    def _open_reception(self) -> None:
        path = self._options.run_dir / SOCKET
        try:
            self._reception = Reception.at(path)
        except OSError as error:
            self._log("warning", "cannot listen on %s: %s; SIGHUP reloads all the same", path, error.strerror)

    # -- keeping alive

    @property
    def _children(self) -> list[Child]:
        new = [] if self._renewal is None else [self._renewal.engine, self._renewal.agent]
        return [self._engine, self._agent, self._bfd, *new]

    def _wanted(self, child: Child) -> bool:
        return not self._over and (child is not self._bfd or self._bfd_wanted)

    def _due(self) -> list[float]:
        due = [
            child.due
            for child in (self._engine, self._agent, self._bfd)
            if child.process is None and not self._awaited(child) and self._wanted(child)
        ]
        return [*due, self._renewal.deadline] if self._renewal is not None else due

    def _listen(self, until: float) -> None:
        """Wait for a word of a child or an operator, a signal, or the time."""
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        for fd in self._reception.watched():
            poll.register(fd, select.POLLIN)
        children = {}
        for child in self._children:
            if child.channel is not None:
                children[child.channel.fileno()] = child
                poll.register(child.channel.fileno(), select.POLLIN | (select.POLLOUT if child.channel.backlog else 0))
        for fd, _ in poll.poll(max(0.0, until - time.monotonic()) * 1000):
            if fd == self._wake:
                os.read(self._wake, 512)
            elif fd in children:
                self._hear(children[fd])
        if self._reception.serve():
            self._asked_to_reload = True

    def _hear(self, child: Child) -> None:
        if child.channel is None:
            return
        try:
            child.channel.flush()
            messages = child.channel.receive()
        except ChannelClosed:
            child.hung_up()
            return
        for message in messages:
            child.quiet = 0
            if self._renewal is not None and child in (self._renewal.engine, self._renewal.agent):
                self._renewal.hear(child, message)
            elif message.get("is") in ("started", "ready"):
                child.up = child.spoke = True
                self._tell_systemd()
            elif message.get("is") == "stays" and self._renewal is not None:
                self._not_handed_over(self._renewal, str(message.get("reason", "")))
            elif message.get("is") == "bfd" and child is self._engine:
                self._want_bfd(bool(message.get("wanted")))

    def _want_bfd(self, wanted: bool) -> None:
        """The engine has sessions, or has none any more: then the process ends, once it has told its neighbors."""
        self._bfd_wanted = wanted
        if not wanted:
            self._bfd.signal(signal.SIGTERM)

    def _replace(self) -> None:
        self._leaving = [process for process in self._leaving if process.poll() is None]
        starts = (self._start_engine, self._start_agent, self._start_bfd)
        for child, start in zip((self._engine, self._agent, self._bfd), starts, strict=True):
            if self._awaited(child):
                continue
            first = not child.spoke
            status = child.ended()
            if status is not None:
                # The first agent says so where the command line cannot be meant: that does not heal.
                self._usage_error |= status == USAGE and first and child is self._agent
                if self._wanted(child):
                    self._log("warning", "the %s %s; it is started again", child.name, ending(status))
            if child.process is None and child.due <= time.monotonic() and self._wanted(child):
                start()
                self._tell_systemd()

    def _awaited(self, child: Child) -> bool:
        """It is about to end because another takes its place: an engine that hands over, an agent that is told to stop."""
        phase = None if self._renewal is None else self._renewal.phase
        return (child is self._engine and phase is Phase.HANDING) or (child is self._agent and phase is Phase.CHANGING)

    @property
    def _over(self) -> bool:
        return self._stopping or self._usage_error

    def _judge(self) -> None:
        """Once a second: who is silent for too long is killed, and then replaced. Counted in turns of this loop, so that a
        machine that stood still as a whole is not blamed on anybody."""
        self._ticks += 1
        for child in (self._engine, self._agent, self._bfd):
            child.quiet += 1
            if child.hangs:
                self._log("error", "the %s hangs: no word for %d s; it is killed", child.name, child.quiet)
                child.signal(signal.SIGKILL)
        if sdnotify.watchdog_interval() is not None and not self._engine.hangs:
            sdnotify.watchdog()
        self._store()
        self._tell_systemd()

    def _tell_systemd(self) -> None:
        if not self._ready_told and self._engine.up and (self._agent.up or self._ticks >= READY_AFTER):
            self._ready_told = True
            sdnotify.ready()
        children = (self._engine, self._agent, self._bfd) if self._bfd_wanted else (self._engine, self._agent)
        words = [f"{c.name} {'up' if c.up else 'starting'}" for c in children]
        words += [f"{c.restarts} restarts of the {c.name}" for c in children if c.restarts]
        words += [f"the last reload failed: {self._complaint}"] if self._complaint else []
        text = ", ".join(words)
        if text != self._status:
            self._status = text
            sdnotify.status(text)

    # -- reloading

    def _renew(self) -> None:
        """The next step of a reload, if there is one to take."""
        if self._asked_to_reload and self._renewal is None and not self._over:
            self._asked_to_reload = False
            self._begin_reload()
        renewal = self._renewal
        if renewal is None:
            return
        if renewal.engine.up and renewal.phase is Phase.HANDING:
            self._handed_over(renewal)
        elif failure := renewal.failure():
            self._abandon(renewal, failure)
        elif renewal.engine_due and renewal.engine_due <= time.monotonic():
            renewal.engine_due = 0.0
            self._launch_engine(renewal.engine, renewal.memory, "--successor")
        elif renewal.prepared and self._engine.up:
            self._hand_over(renewal)
        elif renewal.phase is Phase.CHANGING:
            self._change_agents(renewal)
        elif renewal.phase is Phase.SERVING and (self._agent.up or renewal.late):
            self._finish_reload()

    def _begin_reload(self) -> None:
        if not (self._engine.up and self._agent.up):
            self._fail("the engine or the agent is just being started; try again when both are up")
            return
        self._log("info", "reload: new processes get ready beside the running ones")
        engine, agent = Child("new engine", ENGINE_SILENCE), Child("new agent", AGENT_SILENCE)
        memory = os.memfd_create("vipkeeper-vrrp", os.MFD_CLOEXEC)
        held = self._held()
        assert held is not None
        environment = {**self._environment(), resume.RESUME: held.encode(), resume.TRIAL: "1"}
        trial = subprocess.Popen(self._program, env=environment)
        self._launch_engine(engine, memory, "--successor")
        self._launch_agent(agent, {FIRST: "0", SUCCESSOR: "1"})
        self._renewal = Renewal(engine, agent, trial, memory)

    def _hand_over(self, renewal: Renewal) -> None:
        renewal.hand_over()
        old_end, new_end = pair()
        _tell(renewal.engine, {"do": "succeed"}, new_end.fileno())
        _tell(self._engine, {"do": "hand_over", "digest": renewal.digest}, old_end.fileno())
        old_end.close()
        new_end.close()

    def _not_handed_over(self, renewal: Renewal, reason: str) -> None:
        if renewal.phase is Phase.HANDING and not renewal.once_more(reason):
            self._abandon(renewal, reason)

    def _handed_over(self, renewal: Renewal) -> None:
        self._log("info", "reload: the new engine goes on after %.1f ms without one", renewal.silent_ns / 1e6)
        old = self._engine.replaced_by(renewal.engine)
        self._leaving += [old] if old is not None else []
        self._engine.up = True
        renewal.engine = Child("", ENGINE_SILENCE)
        self._reloads += 1
        os.close(self._memory)
        self._outdated = self._outdated or self._stored
        self._memory, self._stored = renewal.memory, f"{beginning.HANDOVER}-{self._reloads}"
        self._store()
        self._introduce(self._agent, "agent")
        self._introduce(self._bfd, "bfd")
        _tell(self._agent, {"do": "leave"})
        renewal.change_agents()

    def _store(self) -> None:
        """The new memory into systemd's store, before the old one is let go; without systemd nothing."""
        if self._outdated and sdnotify.store_fds(self._stored, self._memory):
            sdnotify.remove_fds(self._outdated)
            self._outdated = ""

    def _change_agents(self, renewal: Renewal) -> None:
        old = self._agent.process
        if old is not None and old.poll() is None:
            if not renewal.late:
                return
            old.send_signal(signal.SIGKILL)
            old.wait()
        self._agent.replaced_by(renewal.agent)
        renewal.agent = Child("", AGENT_SILENCE)
        _tell(self._agent, {"do": "begin"})
        self._introduce(self._agent, "agent")
        renewal.serve()

    def _finish_reload(self) -> None:
        """Engine and agent are new; now this program itself, which starts bfd anew: its neighbors are told, and wait."""
        self._renewal = None
        self._bfd.signal(signal.SIGTERM)
        self._await_end(self._bfd, BFD_STOP_S)
        held = self._held()
        if held is None:  # one of them has just ended: this program replaces it
            self._fail("a new process ended again; it is started once more, under the old launcher")
            return
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # until the new program can hear them
        for fd in held.descriptors:
            os.set_inheritable(fd, True)
        private = ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES")
        environment = {name: value for name, value in _on_disk(os.environ).items() if name not in private}
        try:
            os.execve(sys.executable, self._program, {**environment, resume.RESUME: held.encode()})
        except OSError as error:
            for fd in held.descriptors:
                os.set_inheritable(fd, False)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
            self._fail(f"the new launcher cannot be executed: {error.strerror}; engine and agent are new")

    def _held(self) -> resume.Resume | None:
        engine, agent = self._engine.kept(), self._agent.kept()
        if engine is None or agent is None:
            return None
        reception = self._reception
        listener, visitors = reception.listener, reception.waiting
        return resume.Resume(self._memory, self._stored, engine, agent, listener, visitors, self._reloads, self._bfd_wanted)

    @property
    def _program(self) -> list[str]:
        return [sys.executable, "-P", "-m", "services.vrrp", *self._argv]

    def _abandon(self, renewal: Renewal, reason: str) -> None:
        renewal.discard()
        os.close(renewal.memory)
        self._renewal = None
        self._fail(reason if renewal.refusal in ("", reason) else f"{reason}; before: {renewal.refusal}")

    def _fail(self, reason: str) -> None:
        self._complaint = reason
        self._log("error", "the reload failed, everything runs on as before: %s", reason)
        self._reception.answer(False, reason)
        self._complain()
        self._tell_systemd()

    def _reloaded(self, text: str) -> None:
        self._complaint = ""
        self._log("info", "reloaded: %s", text)
        self._reception.answer(True, text)
        self._tell_systemd()

    def _complain(self) -> None:
        if self._complaint:
            _tell(self._agent, {"do": "complain", "reason": self._complaint})

    # -- stopping

    def _signalled(self, number: int, _frame: object) -> None:
        if number == signal.SIGHUP:
            self._asked_to_reload = True
        else:
            self._stopping = True

    def _stop(self, status: int) -> int:
        """Engine first: priority 0, addresses off, its last transitions to the agent; then the agent, which delivers them.

        And bfd, which tells its neighbors that the sessions end on purpose.
        """
        self._stopping = True
        sdnotify.stopping()
        self._end_renewal()
        self._engine.signal(signal.SIGTERM)
        clean = self._await_end(self._engine, ENGINE_STOP_S)
        _tell(self._agent, {"do": "stop"})
        self._bfd.signal(signal.SIGTERM)
        self._await_end(self._agent, AGENT_STOP_S)
        self._await_end(self._bfd, BFD_STOP_S)
        self._reception.close(self._options.run_dir / SOCKET)
        if clean:
            sdnotify.remove_fds(self._stored)  # nothing is left that a successor should go on with
        return status

    def _end_renewal(self) -> None:
        """A reload that is on its way comes to nothing; an engine that has just taken over is the one to stop."""
        while self._renewal is not None and self._renewal.phase is Phase.HANDING and not self._renewal.failure():
            if self._renewal.engine.up:
                self._handed_over(self._renewal)
                break
            self._listen(self._renewal.deadline)
        if self._renewal is not None:
            self._renewal.discard()
            self._renewal = None

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
            child.process.send_signal(signal.SIGKILL)
            child.process.wait()
        return child.process.returncode == 0

    def _log(self, level: str, text: str, *arguments: object) -> None:
        import logging

        logging.getLogger("services.vrrp.launcher").log(getattr(logging, level.upper()), text, *arguments)


def _tell(child: Child, message: Mapping[str, object], descriptor: int = -1) -> None:
    if child.channel is not None:
        with contextlib.suppress(ChannelClosed):
            child.channel.send(message, descriptor)


def _on_disk(environment: Mapping[str, str]) -> dict[str, str]:
    """With the path to the code that is on disk now."""
    places = [str(ROOT), str(ROOT / "gen")]
    others = [place for place in environment.get("PYTHONPATH", "").split(os.pathsep) if place and place not in places]
    return {**environment, "PYTHONPATH": os.pathsep.join(places + others)}


def main(argv: Sequence[str] | None = None, begun: Begun | None = None) -> int:
    """`python -m services.vrrp`: exit status 0 after a declared stop, 1 where it cannot run, 2 for wrong usage.

    `begun`: an engine that runs already; where this cannot run, it is ended.
    """
    arguments = sys.argv[1:] if argv is None else argv
    launcher = None
    try:
        options = parse("vrrp", arguments)
        if os.environ.pop(resume.TRIAL, ""):
            resume.decode(os.environ.pop(resume.RESUME, ""))
            return 0
        options.state_dir.mkdir(parents=True, exist_ok=True)
        launcher = Launcher(options, arguments, resume.inherited(), begun)
        return launcher.run()
    except UsageError as error:
        print(f"vipkeeper-vrrp: {error}", file=sys.stderr)
        return USAGE
    except OSError as error:
        print(f"vipkeeper-vrrp: cannot start: {error.strerror}: {error.filename}", file=sys.stderr)
        return 1
    finally:
        if begun is not None and launcher is None:
            os.kill(begun[0], signal.SIGTERM)  # a declared stop
            os.waitpid(begun[0], 0)
