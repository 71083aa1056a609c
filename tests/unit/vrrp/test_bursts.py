"""Many packets by one system call, on sockets of this machine's loopback."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from services.vrrp.wire.bursts import MOST, WIDTH, Bursts
from services.vrrp.wire.sockets import MAX_RECEIVED, SO_TIMESTAMPNS
from tests.kit.wait import until

SECOND = 1_000_000_000


class Pair:
    """A receiver, stamped or not, and who sends to it."""

    def __init__(self, stamped: bool = True) -> None:
        self.receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.receiver.bind(("127.0.0.1", 0))
        if stamped:
            self.receiver.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sender.connect(self.receiver.getsockname())
        self._bursts = Bursts()

    def send(self, *packets: bytes) -> None:
        for packet in packets:
            self._sender.send(packet)

    def receive(self, most: int = MAX_RECEIVED) -> list[tuple[bytes, int]]:
        return self._bursts.receive(self.receiver.fileno(), most)

    def close(self) -> None:
        self.receiver.close()
        self._sender.close()


@pytest.fixture
def pair() -> Iterator[Pair]:
    pair = Pair()
    yield pair
    pair.close()


def test_packets_come_whole_in_their_order_with_their_times(pair: Pair) -> None:
    sent = [b"%d" % k * (k + 1) for k in range(2 * MOST + 3)]
    began = time.time_ns()
    pair.send(*sent)
    found: list[tuple[bytes, int]] = []
    until(lambda: found.extend(pair.receive()) or len(found) == len(sent), what="all of them")
    assert [data for data, _ in found] == sent
    stamps = [stamp for _, stamp in found]
    assert stamps == sorted(stamps)
    assert began <= stamps[0]
    assert stamps[-1] <= time.time_ns()


def test_what_was_there_before_is_not_seen_again(pair: Pair) -> None:
    pair.send(b"long, and the first")
    until(pair.receive, what="the first")
    pair.send(b"short")
    found: list[tuple[bytes, int]] = []
    until(lambda: found.extend(pair.receive()) or found, what="the second")
    assert found[-1][0] == b"short"


def test_where_nothing_waits_nothing_comes(pair: Pair) -> None:
    assert pair.receive() == []


def test_a_packet_that_is_too_long_is_cut(pair: Pair) -> None:
    pair.send(bytes(WIDTH + 500))
    found: list[tuple[bytes, int]] = []
    until(lambda: found.extend(pair.receive()) or found, what="it came")
    assert [len(data) for data, _ in found] == [WIDTH]


def test_the_rest_of_very_many_waits_for_the_next_time(pair: Pair) -> None:
    pair.send(*[b"x"] * (MOST + 1))
    until(lambda: len(pair.receive(1)) == MOST, what="one call's worth")
    assert [data for data, _ in pair.receive(1)] == [b"x"]


def test_without_a_time_it_is_unknown_even_after_one_that_had_one() -> None:
    pair = Pair(stamped=False)
    try:
        pair.send(b"x")
        found: list[tuple[bytes, int]] = []
        until(lambda: found.extend(pair.receive()) or found, what="it came")
        assert found == [(b"x", 0)]
        pair.receiver.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        pair.send(b"y")
        until(lambda: found.extend(pair.receive()) or len(found) > 1, what="it came")
        assert abs(found[1][1] - time.time_ns()) < 60 * SECOND
        pair.receiver.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 0)
        pair.send(b"z")
        until(lambda: found.extend(pair.receive()) or len(found) > 2, what="it came")
        assert found[2] == (b"z", 0)
    finally:
        pair.close()


def test_a_socket_that_is_closed_gives_nothing() -> None:
    pair = Pair()
    number = pair.receiver.fileno()
    pair.close()
    assert Bursts().receive(number, MAX_RECEIVED) == []
