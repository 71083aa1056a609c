"""A takeover that is made ready: in which order it leaves, and what the core need not do again."""

from __future__ import annotations

from typing import Any, cast

import pytest

from services.vrrp.addresses import VirtualAddress
from services.vrrp.election.actions import (
    Action,
    AddAddresses,
    AddRouting,
    Announce,
    Hush,
    RemoveAddresses,
    SendAdvert,
    Transition,
)
from services.vrrp.engine.jobs import Jobs
from services.vrrp.engine.prepared import FEW, prepare
from services.vrrp.engine.speaker import Speaker
from services.vrrp.netlink import EEXIST, NLMSG_ERROR, Interface, Requests
from services.vrrp.wire.sockets import Announcer

ROWS = (VirtualAddress("192.0.2.10", dev="eth0"), VirtualAddress("192.0.2.11", dev="eth0"))
ADVERT, ADD = SendAdvert("A", "eth0", b"advert"), AddAddresses("A", ROWS)
ANNOUNCE = Announce("A", ROWS, 5)
TOLD = Transition("instance", "A", "BACKUP", "MASTER", 100, "no advert")
TAKEOVER: list[Action] = [ADVERT, ADD, ANNOUNCE, TOLD]
EPERM = 1


class Wire:
    """What leaves, in order: adverts, words to the kernel, frames. The kernel answers with `errno` to each word."""

    def __init__(self) -> None:
        self.left: list[str] = []
        self.refused: tuple[str, ...] = ()
        self.errno = 0
        self._answers: list[bytes] = []

    def _leave(self, what: str) -> None:
        if what in self.refused:
            raise OSError(what)
        self.left.append(what)

    # the socket of `Requests`
    def send(self, data: bytes, flags: int = 0, /) -> int:
        self._leave("add")
        sequence = int.from_bytes(data[8:12], "little")
        for _ in ROWS:
            error = (-self.errno).to_bytes(4, "little", signed=True) + data[:16]
            head = (16 + len(error)).to_bytes(4, "little") + NLMSG_ERROR.to_bytes(2, "little") + bytes(2)
            self._answers.append(head + sequence.to_bytes(4, "little") + bytes(4) + error)
            sequence += 1
        return len(data)

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        if not self._answers:
            raise BlockingIOError
        return self._answers.pop(0)

    def close(self) -> None:
        pass

    def advert(self, action: SendAdvert) -> list[str]:
        try:
            self._leave("advert")
        except OSError:
            return [action.router]
        return []


class Frames(Wire):
    """The socket of an `Announcer`, of the same wire."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def send(self, data: bytes, flags: int = 0, /) -> int:
        self._wire._leave("frame")
        return len(data)


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def jobs(wire: Wire) -> Jobs:
    here = {"eth0": Interface(2, "eth0", 0x1003, b"\2\0\0\0\0\1")}
    return Jobs(
        Requests(cast(Any, wire)), lambda number, addresses: None, here, lambda name: Announcer(cast(Any, Frames(wire)))
    )


def speaker(wire: Wire) -> Speaker:
    speaker = Speaker.__new__(Speaker)
    vars(speaker)["send"] = wire.advert
    return speaker


def test_advert_addresses_and_announcements_leave_in_this_order_and_are_not_repeated(wire: Wire, jobs: Jobs) -> None:
    prepared = prepare(TAKEOVER, jobs)
    assert prepared is not None
    assert wire.left == []
    assert prepared.carry_out(speaker(wire), jobs) == []
    assert wire.left == ["advert", "add", "frame", "frame"]
    assert [prepared.left_of(action) for action in TAKEOVER] == [None, None, ANNOUNCE._replace(repeat=4), TOLD]
    assert prepared.unwanted() == []
    assert jobs.announced == {"A": 2}


def test_what_could_not_leave_is_left_to_be_done(wire: Wire, jobs: Jobs) -> None:
    prepared = prepare(TAKEOVER, jobs)
    assert prepared is not None
    wire.refused = "advert", "add"
    prepared.carry_out(speaker(wire), jobs)
    assert [prepared.left_of(action) for action in TAKEOVER] == TAKEOVER


def test_an_address_that_the_kernel_refuses_is_a_trouble_and_one_that_is_there_is_none(wire: Wire, jobs: Jobs) -> None:
    prepared = prepare(TAKEOVER, jobs)
    assert prepared is not None
    wire.errno = EPERM
    assert prepared.carry_out(speaker(wire), jobs) == [("A", "address")] * 2
    assert set(jobs.troubles) == {("A", "192.0.2.10"), ("A", "192.0.2.11")}
    again = prepare(TAKEOVER, jobs)
    assert again is not None
    wire.errno = EEXIST
    assert again.carry_out(speaker(wire), jobs) == []
    assert jobs.troubles == {}


def test_what_the_core_does_not_want_after_all_is_taken_away(wire: Wire, jobs: Jobs) -> None:
    prepared = prepare(TAKEOVER, jobs)
    assert prepared is not None
    prepared.carry_out(speaker(wire), jobs)
    assert prepared.unwanted() == [RemoveAddresses("A", ROWS)]


@pytest.mark.parametrize(
    "actions",
    [
        [],
        [TOLD],
        [ADVERT._replace(sequence=1), ADD],
        [ADVERT._replace(mac=b"\0\0\x5e\0\1\1"), ADD],
        [Hush("A", ("vrrp.51",), False), *TAKEOVER],
        [*TAKEOVER, AddRouting("A", ())],
        [ADVERT, AddAddresses("A", ROWS[:1] * (FEW + 1))],
        [ADVERT, AddAddresses("A", ROWS, ROWS)],
        [ADVERT, AddAddresses("A", (ROWS[0]._replace(dev="eth9"),))],
        [ADVERT, Announce("A", (ROWS[0]._replace(dev="eth9"),), 5)],
    ],
)
def test_what_is_not_that_simple_is_not_made_ready(actions: list[Action], jobs: Jobs) -> None:
    assert prepare(actions, jobs) is None
