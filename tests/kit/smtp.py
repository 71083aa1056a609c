"""A small mail server that keeps what it gets: RFC 5321 as far as a client can tell, and refusals on demand."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from types import TracebackType
from typing import cast


@dataclass
class Received:
    """One mail as it arrived."""

    sender: str
    recipients: list[str]
    data: bytes

    @property
    def message(self) -> EmailMessage:
        return cast("EmailMessage", message_from_bytes(self.data, policy=default))


@dataclass
class Smtp:
    """`async with Smtp() as server`: listens on 127.0.0.1, `port` (0: one that is free).

    `refuse` maps a command (MAIL, RCPT, DATA, ".") to the reply it gets; `silent`: connections are accepted and never
    answered; `hears` gets every command line.
    """

    port: int = 0
    mails: list[Received] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)
    silent: bool = False
    hears: list[str] = field(default_factory=list)

    async def __aenter__(self) -> Smtp:
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def subjects(self) -> list[str]:
        return [mail.message["Subject"] for mail in self.mails]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._talk(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                if self.silent:
                    await reader.read()
                else:
                    await self._session(reader, writer)
        finally:
            writer.close()  # also of a talk that is cut short
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def reply(text: str) -> None:
            writer.write(f"{text}\r\n".encode())

        sender, recipients = "", list[str]()
        reply("220 test")
        while line := (await reader.readline()).decode().rstrip("\r\n"):
            self.hears.append(line)
            verb, argument = line.split(" ")[0].upper(), line.partition(":")[2].split(" ")[0].strip("<>")
            if verb in self.refuse:
                reply(self.refuse[verb])
            elif verb == "DATA":
                reply("354 go on")
                data = (await reader.readuntil(b"\r\n.\r\n"))[:-3].replace(b"\r\n..", b"\r\n.")
                if "." in self.refuse:
                    reply(self.refuse["."])
                else:
                    self.mails.append(Received(sender, recipients, data))
                    reply("250 kept")
            elif verb == "QUIT":
                reply("221 bye")
                return
            elif verb == "EHLO":
                reply("502 not here")  # keepalived's relays are old
            else:
                if verb == "MAIL":
                    sender, recipients = argument, []
                elif verb == "RCPT":
                    recipients.append(argument)
                reply("250 ok")
