"""Servers over UDP to be probed, well-behaved and hostile: each on a loopback port of its own, gone when the test is."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any, cast

Answers = Callable[[bytes], Sequence[bytes]]  # what a server sends back for a datagram


class UdpTarget(asyncio.DatagramProtocol):
    """A server that sends back what `answers` gives, after `pause` seconds. `answers` may be changed at any time."""

    def __init__(self, answers: Answers, pause: float = 0) -> None:
        self.answers = answers
        self.pause = pause
        self.port = 0
        self.questions: list[bytes] = []
        self.peers: list[tuple[str, int]] = []
        self.closed = asyncio.Event()
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)
        self.port = transport.get_extra_info("sockname")[1]

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        self.questions.append(data)
        self.peers.append((addr[0], addr[1]))
        for answer in self.answers(data):
            asyncio.get_running_loop().call_later(self.pause, self.send, answer, addr)

    def send(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        """One datagram."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, addr)

    def close(self) -> None:
        """From now on the port is closed: datagrams are refused by ICMP."""
        if self._transport is not None:
            self._transport.abort()


@contextlib.asynccontextmanager
async def udp_target(answers: Answers, pause: float = 0, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[UdpTarget]:
    """A server of its own."""
    _, it = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: UdpTarget(answers, pause), local_addr=(host, port)
    )
    try:
        yield it
    finally:
        it.close()
        await it.closed.wait()


@contextlib.contextmanager
def closed_port() -> Iterator[int]:
    """A UDP port that answers with ICMP port unreachable to everybody who is not its peer, and that nobody else can take."""
    with socket.socket(type=socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        s.connect(("127.0.0.1", 9))
        yield s.getsockname()[1]


def silent(data: bytes) -> list[bytes]:
    """No answer."""
    return []


def dns(flags: int = 0x8180, other: int = 0, tail: bytes | None = None) -> Answers:
    """An answer with these flags (0x8180: QR, RD, RA; the last four bits are the code) and the question's number, or one
    that differs by `other`; behind the header what was asked, or `tail`."""

    def answer(data: bytes) -> list[bytes]:
        number = int.from_bytes(data[:2]) ^ other
        return [number.to_bytes(2) + flags.to_bytes(2) + data[4:12] + (data[12:] if tail is None else tail)]

    return answer
