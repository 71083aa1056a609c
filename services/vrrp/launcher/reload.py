"""How does an operator order a reload, and hear how it went? `python -m services.vrrp.launcher.reload`, ExecReload.

Both ends of the conversation, on the socket `vrrp.launcher` in `--run-dir`, in `channel`'s form:
  operator -> launcher: {"do": "reload"}
  launcher -> operator: {"is": "reloaded", "ok": true, "text": "..."}
Exit status 0: everything runs the program and the settings that are on disk now; 1: it does not, the reason is one line on
stderr, and everything runs on as before; 2: wrong usage.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from services.common.errors import UsageError
from services.common.options import parse
from services.vrrp.channel import Channel, ChannelClosed, from_fd

SOCKET = "vrrp.launcher"
PATIENCE_S = 85.0  # below the 90 s that systemd gives a reload
WAITING = 8  # connections that nobody has accepted yet


class Reception:
    """The launcher's side: who asks, and who waits for the answer."""

    def __init__(self, listener: socket.socket | None) -> None:
        self._listener = listener
        self._visitors: list[Channel] = []  # connected
        self._waiting: list[Channel] = []  # for an outcome

    @classmethod
    def at(cls, path: Path) -> Reception:
        """A new one.

        :raises OSError: nothing can be bound there.
        """
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        listener.listen(WAITING)
        return cls(listener)

    @classmethod
    def resumed(cls, listener: int, waiting: Sequence[int]) -> Reception:
        """One that an earlier program opened."""
        reception = cls(None)
        if listener >= 0:
            reception._listener = socket.socket(fileno=listener)
            reception._listener.setblocking(False)
        reception._waiting = [Channel(from_fd(fd)) for fd in waiting]
        return reception

    @property
    def listener(self) -> int:
        """Its descriptor, -1: there is none."""
        return -1 if self._listener is None else self._listener.fileno()

    @property
    def waiting(self) -> tuple[int, ...]:
        """Descriptors of those who wait for an outcome."""
        return tuple(channel.fileno() for channel in self._waiting)

    def watched(self) -> list[int]:
        """Descriptors to poll for reading."""
        return [fd for fd in (self.listener, *(channel.fileno() for channel in self._visitors)) if fd >= 0]

    def serve(self) -> bool:
        """Whoever came is let in, whoever spoke is heard; True: a reload was ordered."""
        if self._listener is not None:
            with contextlib.suppress(BlockingIOError):
                visitor, _address = self._listener.accept()
                self._visitors.append(Channel(from_fd(visitor.detach())))
        ordered = False
        for channel in tuple(self._visitors):
            try:
                messages = channel.receive()
            except ChannelClosed:
                self._visitors.remove(channel)
                channel.close()
                continue
            if any(message.get("do") == "reload" for message in messages):
                self._visitors.remove(channel)
                self._waiting.append(channel)
                ordered = True
        return ordered

    def answer(self, ok: bool, text: str) -> None:
        """To everybody who waits."""
        for channel in self._waiting:
            channel.send({"is": "reloaded", "ok": ok, "text": text})
            channel.close()
        self._waiting = []

    def close(self, path: Path) -> None:
        """Nobody is let in any more."""
        self.answer(False, "the service is being stopped")
        if self._listener is not None:
            self._listener.close()
            with contextlib.suppress(OSError):
                path.unlink()


def order(path: Path) -> tuple[bool, str]:
    """Have the launcher behind `path` reload, and wait; whether it did, and its words."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
    try:
        sock.connect(str(path))
    except OSError as error:
        sock.close()
        return False, f"vipkeeper-vrrp does not answer at {path}: {os.strerror(error.errno or 0)}"
    sock.setblocking(False)
    channel = Channel(sock)
    channel.send({"do": "reload"})
    poll = select.poll()
    poll.register(channel.fileno(), select.POLLIN)
    try:
        while poll.poll(PATIENCE_S * 1000):
            for message in channel.receive():
                return bool(message.get("ok")), str(message.get("text", ""))
        return False, f"no word from vipkeeper-vrrp within {PATIENCE_S:g} s; see its log"
    except ChannelClosed:
        return False, "vipkeeper-vrrp has ended"
    finally:
        channel.close()


def main(argv: Sequence[str] | None = None) -> int:
    """One reload."""
    try:
        options = parse("vrrp", sys.argv[1:] if argv is None else argv)
    except UsageError as error:
        print(f"vipkeeper-vrrp: {error}", file=sys.stderr)
        return 2
    ok, text = order(options.run_dir / SOCKET)
    print(text if ok else f"vipkeeper-vrrp was not reloaded: {text}", file=sys.stdout if ok else sys.stderr)
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
