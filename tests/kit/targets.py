"""Servers to be probed, well-behaved and hostile: each on a loopback port of its own, gone when the test is."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Target:
    """A listening server. `behaviour` may be changed at any time; `requests` are those that were read whole."""

    behaviour: Behaviour
    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    server: asyncio.Server | None = None

    def stop(self) -> None:
        """From now on connections are refused."""
        if self.server is not None:
            self.server.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            await self.behaviour(reader, writer)


@contextlib.asynccontextmanager
async def target(
    behaviour: Behaviour | None = None, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[Target]:
    """A server that answers each connection with `behaviour` (default: accept and close)."""
    it = Target(behaviour or accept)
    tasks: set[asyncio.Task[None]] = set()

    async def run(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await it.serve(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            tasks.discard(task)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    server = await asyncio.start_server(run, host, 0, ssl=tls)
    it.server = server
    it.port = server.sockets[0].getsockname()[1]
    try:
        yield it
    finally:
        server.close()
        pending = tuple(tasks)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        await server.wait_closed()


@contextlib.contextmanager
def refusing() -> Iterator[int]:
    """A port that refuses connections, and that nobody else can take meanwhile."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        yield s.getsockname()[1]


@contextlib.contextmanager
def dropping() -> Iterator[int]:
    """A port whose backlog is full: further connection attempts are not answered."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accept, and close at once."""


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take everything, answer nothing."""
    while await reader.read(65536):
        pass


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Reset the connection once a request has begun."""
    await reader.read(1)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()


def page(body: bytes, status: str = "200 OK", version: str = "1.0", length: int | None = None) -> bytes:
    """A whole answer; `length`: what Content-Length says instead of the truth."""
    size = len(body) if length is None else length
    return f"HTTP/{version} {status}\r\nServer: test\r\nContent-Length: {size}\r\n\r\n".encode() + body


def answer(*pieces: bytes, pause: float = 0.0, hold: bool = False) -> Behaviour:
    """Read a request, send the pieces with pauses between them, close (or `hold` the connection open)."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for i, piece in enumerate(pieces):
            if i:
                await asyncio.sleep(pause)
            writer.write(piece)
            await writer.drain()
        if hold:
            await silent(reader, writer)

    return behave


def http(answers: Callable[[str], bytes], it: Callable[[], Target] | None = None) -> Behaviour:
    """Answer each request with what `answers` gives for its path; the requests are kept in the target `it` gives."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if it is not None:
            it().requests.append(request)
        writer.write(answers(request.split(b" ")[1].decode()))
        await writer.drain()

    return behave


def endless(piece: bytes, pause: float, start: bytes = b"") -> Behaviour:
    """Read a request, then send `piece` again and again."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(start)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)

    return behave
