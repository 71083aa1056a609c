"""An engine beside many masters hears their adverts in bunches, and what cannot wait at once."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from services.vrrp.wire.packet import Format, encode
from tests.kit.engine import Engine, Objects, instance
from tests.kit.netns import Net
from tests.kit.wait import until
from tests.kit.wire import Wire

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.timeout(300),
]

COUNT = 60
INTERVAL = 200_000_000  # nanoseconds
GROUP = socket.inet_aton("224.0.0.18")
OTHER = socket.inet_aton("192.168.200.3")
TO_GROUP = bytes.fromhex("01005e000012") + bytes.fromhex("020000000003") + b"\x08\x00"


def address(vrid: int) -> str:
    return f"192.168.200.{100 + vrid}"


def backups() -> Objects:
    more: dict[str, Any] = {
        "priority": 100,
        "version": 3,
        "advert_int": INTERVAL,
        "garp_master_delay": 0,
        "garp_master_repeat": 1,
    }
    vrids = range(1, COUNT + 1)
    return {("vrrp_instance", f"VI_{n}"): instance(vrid=n, addresses=[address(n)], **more) for n in vrids}


class Masters(threading.Thread):
    """The peer: master of all in `priorities`, whose adverts go out one after the other, over and over."""

    def __init__(self, wire: Wire) -> None:
        super().__init__(name="masters", daemon=True)
        self._wire = wire
        self._over = threading.Event()
        self.sent = 0
        self.priorities = dict.fromkeys(range(1, COUNT + 1), 150)

    def says(self, vrid: int, priority: int) -> None:
        form = Format(3, vrid, INTERVAL, None, GROUP)
        self._wire.send(TO_GROUP + encode(form, priority, [socket.inet_aton(address(vrid))], OTHER))
        self.sent += 1

    def run(self) -> None:
        while not self._over.is_set():
            for vrid in range(1, COUNT + 1):
                if self._over.wait(INTERVAL / COUNT / 1e9):
                    return
                if priority := self.priorities.get(vrid, 0):
                    self.says(vrid, priority)

    def close(self) -> None:
        self._over.set()
        self.join()


@pytest.fixture
def stage() -> Iterator[tuple[Engine, Masters]]:
    with Net() as net:
        lan = net.bridge("front")
        a, b = net.host("a"), net.host("b")
        a.join(lan, "eth0", "192.168.200.2/24")
        b.join(lan, "eth0", "192.168.200.3/24", mac="02:00:00:00:00:03")
        with Wire(b, "eth0") as wire:
            masters = Masters(wire)
            masters.start()
            with Engine(a, backups()) as engine:
                until(lambda: all(heard(engine, n) == 150 for n in range(1, COUNT + 1)), 30, "it has heard all masters")
                yield engine, masters
            masters.close()


def heard(engine: Engine, vrid: int) -> int:
    """The priority of the master that it knows."""
    engine.poll()
    return int(engine.views.get(("instance", f"VI_{vrid}"), {}).get("master_priority", 0))


def wakes(engine: Engine) -> int:
    """How often it has woken up, of what it tells each second the next."""
    engine.messages.clear()
    return int(engine.says("engine")["stats"]["wakes"])


def test_adverts_are_heard_in_bunches(stage: tuple[Engine, Masters]) -> None:
    engine, masters = stage
    wakes(engine)  # it naps once it knows how much comes
    before, sent = wakes(engine), masters.sent
    until(lambda: masters.sent > sent + 1000, 60, "masters speak")
    sent = masters.sent - sent
    assert wakes(engine) - before < sent / 2


def test_the_last_word_of_one_of_many_masters_is_heard(stage: tuple[Engine, Masters]) -> None:
    engine, masters = stage
    wakes(engine)
    del masters.priorities[7]
    masters.says(7, 0)
    view = engine.reaches("MASTER", "VI_7")
    assert "released it (priority 0)" in view["cause"]
    masters.priorities[7] = 150  # from now on the engine is to hear it at once, for it is master itself
    assert "has priority 150" in engine.reaches("BACKUP", "VI_7")["cause"]


def test_one_of_many_masters_that_falls_silent_is_missed(stage: tuple[Engine, Masters]) -> None:
    engine, masters = stage
    wakes(engine)
    del masters.priorities[7]
    assert "no advert from 192.168.200.3" in engine.reaches("MASTER", "VI_7")["cause"]
    masters.priorities.clear()
    for vrid in range(1, COUNT + 1):
        engine.reaches("MASTER", f"VI_{vrid}")


def test_an_interface_that_goes_while_nobody_looks_at_it_is_missed(stage: tuple[Engine, Masters]) -> None:
    engine, masters = stage
    wakes(engine)
    engine.host.ip("link set eth0 down")
    for vrid in range(1, COUNT + 1):
        engine.reaches("FAULT", f"VI_{vrid}")
    engine.host.ip("link set eth0 up")
    for vrid in range(1, COUNT + 1):
        engine.reaches("BACKUP", f"VI_{vrid}")
    until(lambda: all(heard(engine, vrid) == 150 for vrid in masters.priorities), 30, "it hears all masters again")
