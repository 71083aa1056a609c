"""Adverts that leave together: all packets, each to its destination, and the rest where the kernel takes no more."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator
from typing import cast

import pytest

from services.vrrp.election.actions import SendAdvert, SendTogether
from services.vrrp.engine.batches import Batches, Links
from services.vrrp.wire.sockets import Link


class Place:
    """A link whose adverts stay on the machine: as datagrams between two sockets, one for each destination."""

    next_number: Callable[[], int] | None = None

    def __init__(self, *destinations: str) -> None:
        self.sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.receivers = {to: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) for to in destinations}
        for receiver in self.receivers.values():
            receiver.bind("")  # a name of its own, which the kernel gives

    def destination(self, to: str) -> tuple[int, int, bytes]:
        return self.sender.fileno(), 0, struct.pack("=H", socket.AF_UNIX) + self.receivers[to].getsockname()

    def came(self, to: str = "") -> list[bytes]:
        found = []
        while True:
            try:
                found.append(self.receivers[to].recv(2048))
            except BlockingIOError:
                return found

    def close(self) -> None:
        for each in (self.sender, *self.receivers.values()):
            each.close()


@pytest.fixture
def place() -> Iterator[Place]:
    place = Place("", "peer")
    yield place
    place.close()


def links(**places: Place) -> Links:
    return {4: {name: cast(Link, place) for name, place in places.items()}, 6: {}}


def together(*adverts: tuple[str, bytes, str], interface: str = "eth0") -> SendTogether:
    return SendTogether(tuple(SendAdvert(router, interface, data, to) for router, data, to in adverts))


def test_all_leave_again_and_again_each_to_its_destination(place: Place) -> None:
    batches = Batches(links(eth0=place))
    action = together(("A", b"one\0of A", ""), ("B", b"first of B", "peer"), ("B", b"second of B", ""))
    for _ in range(3):
        left = batches.send(action)
        assert left == (("A", "B"), ())
        assert place.came() == [b"one\0of A", b"second of B"]
        assert place.came("peer") == [b"first of B"]


def test_what_the_kernel_does_not_take_now_and_what_follows_it_is_given_back(place: Place) -> None:
    batches = Batches(links(eth0=place))
    action = together(*((f"R{n}", b"%d" % n, "") for n in range(500)))
    left = batches.send(action)
    taken = len(left.routers)
    assert 0 < taken < 500
    assert left.routers == tuple(f"R{n}" for n in range(taken))
    assert [advert.router for advert in left.unsent] == [f"R{n}" for n in range(taken, 500)]
    assert place.came() == [b"%d" % n for n in range(taken)]


def test_a_new_socket_of_the_interface_is_used_and_a_missing_one_sends_nothing(place: Place) -> None:
    here: dict[str, Place] = {}
    batches = Batches({4: cast("dict[str, Link]", here)})
    action = together(("A", b"a", ""))
    assert batches.send(action) == ((), action.adverts)
    here["eth0"] = place
    assert batches.send(action) == (("A",), ())
    other = Place("")
    here["eth0"] = other
    assert batches.send(action) == (("A",), ())
    del here["eth0"]
    assert batches.send(action) == ((), action.adverts)
    assert (place.came(), other.came()) == ([b"a"], [b"a"])
    other.close()


def test_a_frame_goes_another_way(place: Place) -> None:
    frame = SendAdvert("V", "eth0", b"v", mac=b"\0\0\x5e\0\1\1")
    left = Batches(links(eth0=place)).send(SendTogether((SendAdvert("A", "eth0", b"a"), frame)))
    assert left == (("A",), (frame,))


def test_many_actions_do_not_pile_up_and_none_is_taken_for_another(place: Place) -> None:
    batches = Batches(links(eth0=place))
    for n in range(1000):
        assert batches.send(together(("A", b"%d" % n, ""))).routers == ("A",)
        assert place.came() == [b"%d" % n]


def test_where_packets_are_numbered_each_has_the_next_number(place: Place) -> None:
    place.next_number = iter((7, 8, 0x0109, 10)).__next__
    batches = Batches(links(eth0=place))
    action = together(("A", b"aaaa\0\0aa", ""), ("B", b"bbbb\0\0", ""))
    assert [batches.send(action).routers for _ in range(2)] == [("A", "B")] * 2
    assert place.came() == [b"aaaa\0\7aa", b"bbbb\0\x08", b"aaaa\1\x09aa", b"bbbb\0\x0a"]
