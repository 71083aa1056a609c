"""A TCP relay on loopback, to cut, freeze and heal the way to a server that knows nothing of it."""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType


class Relay:
    """Passes connections on to `HOST:PORT`; runs on the test's event loop. `endpoint` stays the same for good."""

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self._server: asyncio.Server | None = None
        self._port = 0
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._connections: set[asyncio.Task[None]] = set()
        self.accepted = 0

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self._port}"

    async def __aenter__(self) -> Relay:
        await self.heal()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.cut()

    async def heal(self) -> None:
        """Accept connections and let everything flow."""
        self._flowing.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)
            self._port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Break all connections, refuse new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        tasks = tuple(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def freeze(self) -> None:
        """Accept connections, but pass nothing on, in either direction: a partition."""
        self._flowing.clear()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.ensure_future(self._connection(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError):
                to_reader, to_writer = await asyncio.open_connection(*self._target)
                try:
                    ways = (self._pass(reader, to_writer), self._pass(to_reader, writer))
                    tasks = [asyncio.ensure_future(way) for way in ways]
                    try:
                        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                    finally:
                        for task in tasks:
                            task.cancel()
                        await asyncio.gather(*tasks, return_exceptions=True)
                finally:
                    to_writer.transport.abort()
        finally:
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await self._flowing.wait()
            writer.write(data)
            await writer.drain()
