"""How do BFD sessions run? A process of its own beside the engine: one loop over epoll and a timer that feeds `sessions`.

Started by the launcher as `python -m services.vrrp.bfd` with `VIPKEEPER_CONTROL_FD`, one end of a `channel` pair, while a
`bfd_instance` is configured:
  launcher -> bfd: {"do": "engine"} with one descriptor: a new engine, talk to it on this
  bfd -> launcher: {"is": "ready"} once, then {"is": "alive"} every second
and with the engine:
  engine -> bfd: {"do": "sessions", "sessions": {"b1": {BfdInstance's fields}}, "rt_priority": 49, "processors": [1]}: exactly
                  these from now on
  bfd -> engine: {"is": "session", "name": "b1", "up": true | false | null, "view": {`views.SessionView`}} at each change of
                 state, and at most once a second when only counters changed;
                 {"is": "rejected", "rejected": {...}} likewise;  {"is": "alive"} every second
Without an engine the sessions go on. SIGTERM, or that no session is wanted any more, tells every neighbor AdminDown. End of
file on the control pair: the launcher is gone, and so is this process.
"""

from __future__ import annotations

import os
import random
import select
import signal
import sys
import time

from services.vrrp.bfd.scheduling import real_time
from services.vrrp.bfd.sessions import Outgoing, Sessions
from services.vrrp.bfd.settings import BfdInstance
from services.vrrp.bfd.sockets import Receiver, Sender
from services.vrrp.bfd.views import session_view
from services.vrrp.channel import Channel, ChannelClosed, Message, from_fd
from services.vrrp.processors import Processors
from services.vrrp.timer import Timer, lock_memory

CONTROL = "VIPKEEPER_CONTROL_FD"
SECOND = 1_000_000_000
BOOTTIME = time.CLOCK_BOOTTIME  # counts while the machine is suspended: the neighbors did not wait


def clock() -> int:
    return time.clock_gettime_ns(BOOTTIME)


class Process:
    """The loop and everything that it does I/O on."""

    def __init__(self, control: Channel) -> None:
        draw = random.SystemRandom()
        self._sessions = Sessions(random.random, lambda: draw.randrange(1, 2**32))
        self._control = control
        self._engine: Channel | None = None
        self._epoll = select.epoll()
        self._timer = Timer(BOOTTIME)
        self._receivers: dict[tuple[bool, int], Receiver] = {}
        self._senders: dict[str, Sender] = {}
        self._send_errors: dict[str, int] = {}
        self._troubles: dict[str, str] = {}
        self._port_troubles: dict[tuple[bool, int], str] = {}
        self._told: dict[str, object] = {}
        self._second_at = 0
        self._rt_priority = 0
        self._processors = Processors()
        for fd in (control.fileno(), self._timer.fileno()):
            self._epoll.register(fd, select.EPOLLIN)

    def run(self, wake_fd: int) -> None:
        """Until SIGTERM, of which `wake_fd` tells (set_wakeup_fd), or until the launcher is gone.

        :raises ChannelClosed: it is.
        """
        self._epoll.register(wake_fd, select.EPOLLIN)
        self._control.send({"is": "ready"})
        while True:
            due = self._sessions.deadline()
            self._timer.arm(self._second_at if due is None else min(due, self._second_at))
            ready = {fd for fd, _mask in self._epoll.poll()}
            # Packets come before timers: whoever wakes up late must hear what came meanwhile before it calls anybody dead.
            for receiver in tuple(self._receivers.values()):
                if receiver.fileno() in ready:
                    for packet in receiver.receive():
                        self._send(self._sessions.received(packet, clock()))
            if self._control.fileno() in ready:
                self._hear_launcher()
            if self._engine is not None and self._engine.fileno() in ready:
                self._hear_engine()
            self._send(self._sessions.time_reached(clock()))
            if clock() >= self._second_at:
                self._every_second()
            self._tell(self._sessions.take_changed())
            if wake_fd in ready and signal.SIGTERM in os.read(wake_fd, 64):
                self._send(self._sessions.stop(clock()))
                return

    # -- the wire

    def _send(self, packets: list[Outgoing]) -> None:
        for name, data in packets:
            try:
                sender = self._senders.get(name)
                if sender is None:
                    sender = self._senders[name] = Sender(self._sessions.by_name[name].settings)
                sender.send(data)
            except KeyError:
                continue  # gone before it ever had a socket
            except OSError as error:
                self._send_errors[name] = self._send_errors.get(name, 0) + 1
                self._trouble(name, error.strerror or str(error))
                self._close_sender(name)  # its address or interface may be another one when it comes back
            else:
                self._trouble(name, "")

    def _close_sender(self, name: str) -> None:
        sender = self._senders.pop(name, None)
        if sender is not None:
            sender.close()

    def _trouble(self, name: str, words: str) -> None:
        if self._troubles.get(name, "") != words:
            self._troubles[name] = words
            self._tell({name})

    def _open_receivers(self) -> None:
        wanted = {(s.settings.ipv6, s.settings.port) for s in self._sessions.by_name.values()}
        for key in self._receivers.keys() - wanted:
            receiver = self._receivers.pop(key)
            self._epoll.unregister(receiver.fileno())
            receiver.close()
        self._port_troubles = {}
        for key in wanted - self._receivers.keys():
            try:
                receiver = Receiver(*key)
            except OSError as error:
                self._port_troubles[key] = f"cannot receive on UDP port {key[1]}: {error.strerror or error}"
            else:
                self._receivers[key] = receiver
                self._epoll.register(receiver.fileno(), select.EPOLLIN)

    # -- launcher and engine

    def _hear_launcher(self) -> None:
        self._control.flush()
        for message in self._control.receive():
            if message.get("do") == "engine" and self._control.descriptors:
                self._leave_engine()
                self._engine = Channel(from_fd(self._control.descriptors.popleft()))
                self._epoll.register(self._engine.fileno(), select.EPOLLIN)
                self._told.clear()
                self._tell(set(self._sessions.by_name))

    def _hear_engine(self) -> None:
        assert self._engine is not None
        try:
            self._engine.flush()
            messages = self._engine.receive()
        except ChannelClosed:
            self._leave_engine()
            return
        for message in messages:
            if message.get("do") == "sessions":
                self._configure(message)

    def _leave_engine(self) -> None:
        if self._engine is not None:
            self._epoll.unregister(self._engine.fileno())
            self._engine.close()
        self._engine = None

    def _configure(self, message: Message) -> None:
        wanted = {name: BfdInstance(**row) for name, row in message["sessions"].items()}
        before = {name: session.local_discriminator for name, session in self._sessions.by_name.items()}
        self._schedule_as(int(message.get("rt_priority", 0)))
        self._processors.bind(message.get("processors", ()))
        if self._processors.trouble:
            print(f"bfd {self._processors.trouble}", file=sys.stderr, flush=True)
        farewells = self._sessions.configure(wanted, clock())
        self._send([packet for packet in farewells if packet.name in self._senders])  # to whom they spoke, not whom they will
        for name, discriminator in before.items():
            session = self._sessions.by_name.get(name)
            if session is None or session.local_discriminator != discriminator:
                self._close_sender(name)
                for kept in (self._send_errors, self._troubles, self._told):
                    kept.pop(name, None)
        self._open_receivers()

    def _schedule_as(self, rt_priority: int) -> None:
        """A real-time class below the engine's, else as it is."""
        if rt_priority and rt_priority != self._rt_priority and real_time(rt_priority):
            self._rt_priority = rt_priority

    # -- telling

    def _every_second(self) -> None:
        self._second_at = clock() + SECOND
        self._control.send({"is": "alive"})
        self._open_receivers()
        self._tell(set(self._sessions.by_name))
        self._say("rejected", {"is": "rejected", "rejected": self._sessions.rejected})
        if self._engine is not None:
            self._engine.send({"is": "alive"})

    def _tell(self, names: set[str]) -> None:
        for name in sorted(names & self._sessions.by_name.keys()):
            session = self._sessions.by_name[name]
            settings = session.settings
            trouble = self._port_troubles.get((settings.ipv6, settings.port), "") or self._troubles.get(name, "")
            refused, errors = self._sessions.refused[name], self._send_errors.get(name, 0)
            view = session_view(session, refused, errors, trouble, self._unix)
            self._say(name, {"is": "session", "name": name, "up": session.up, "view": view})

    def _say(self, key: str, message: Message) -> None:
        """To the engine, unless it is what was said last."""
        text = repr(message)
        if self._engine is not None and self._told.get(key) != text:
            self._told[key] = text
            self._engine.send(message)

    def _unix(self, when: int) -> int:
        # Rounded to milliseconds, so that two readings of the clocks give the same number.
        return (when + time.time_ns() - clock() + 500_000) // 1_000_000 * 1_000_000 if when else 0


def main() -> int:
    """Run sessions until told to stop; exit status 0."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's ^C reaches everybody; the launcher decides
    signal.signal(signal.SIGTERM, lambda _number, _frame: None)  # the loop finds the byte in the pipe
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    process = Process(Channel(from_fd(int(os.environ.pop(CONTROL)))))
    lock_memory()
    try:
        process.run(reader)
    except ChannelClosed:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
