"""A mail server that accepts everything and remembers the subjects."""

from __future__ import annotations

import contextlib
import socket
import threading

from tests.kit.netns import Host


class Mailbox(threading.Thread):
    """Serves SMTP on port 25 of `host` until `close`."""

    def __init__(self, host: Host) -> None:
        super().__init__(name="mailbox", daemon=True)
        with host.entered():
            self._listener = socket.create_server(("", 25))
        self._subjects: list[str] = []
        self.start()

    @property
    def subjects(self) -> tuple[str, ...]:
        """In the order of arrival."""
        return tuple(self._subjects)

    def run(self) -> None:
        with self._listener, contextlib.suppress(OSError):  # closed
            while True:
                line, _ = self._listener.accept()
                threading.Thread(target=self._converse, args=(line,), daemon=True).start()

    def close(self) -> None:
        """Take no more mail."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self.join()

    def _converse(self, line: socket.socket) -> None:
        with line, line.makefile("rwb") as stream:

            def say(text: str) -> None:
                stream.write(text.encode() + b"\r\n")
                stream.flush()

            try:
                say("220 mail.example.org")
                while words := stream.readline().upper().split():
                    if words[0] == b"DATA":
                        say("354 go on")
                        self._read_message(stream.readline)
                    say("221 bye" if words[0] == b"QUIT" else "250 ok")
            except OSError:
                pass  # the sender went away

    def _read_message(self, readline: object) -> None:
        assert callable(readline)
        subject, header = "", True
        while (text := readline().decode(errors="replace").rstrip("\r\n")) != ".":
            if header and text.lower().startswith("subject:"):
                subject = text.partition(":")[2].strip()
            elif header and subject and text[:1] in (" ", "\t"):
                subject += text
            header = header and bool(text)
        self._subjects.append(subject)
