"""One election with Debian's keepalived, in every form that adverts can have, whoever is better and whoever goes.

All forms run at once, so that they wait for the seconds of VRRPv2 together: each side has a virtual router of each form. A
play notes for each form who holds its addresses after each event; what adverts look like is read from the wire.
"""

from __future__ import annotations

import os
import signal
from typing import NamedTuple

import pytest

from tests.interop.forms import ADDRESSES, FORMS, Form, ours, theirs
from tests.kit.engine import Engine
from tests.kit.keepalived import start_keepalived
from tests.kit.netns import Net
from tests.kit.wait import until
from tests.kit.wire import Frame, Wire

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.timeout(300),
]

OURS, THEIRS = 0, 1
NAMES = ("ours", "theirs")
MACS = ("02:00:00:00:00:02", "02:00:00:00:00:03")
LINKS = ("fe80::ff:fe00:2", "fe80::ff:fe00:3")
PATIENCE = 25  # seconds for all forms to settle; each that has not by then fails, the others go on


class Looks(NamedTuple):
    """What an advert looks like, but for what it says, and for who sends it."""

    version_and_type: int
    authentication: int  # the byte that VRRPv2 has it in; VRRPv3: the higher part of the interval
    sealed: bool
    length: int
    destination: str
    mac: str
    class_of_service: int
    hops: int | None  # None in unicast: keepalived does not set them over IPv6


class Play:
    """The two sides, and what was seen of each form: `holders` after each event."""

    def __init__(self, net: Net) -> None:
        lan = net.bridge("front")
        self.hosts = [net.host(name) for name in NAMES]
        for side, host in enumerate(self.hosts):
            host.join(lan, "eth0", f"{ADDRESSES[4][side]}/24", f"{ADDRESSES[6][side]}/64", mac=MACS[side])
            until(lambda h=host, a=LINKS[side]: f" {a}/" in h.ip("addr show"), what=f"{host.name}: its link-local address")
        self.wire = Wire(self.hosts[THEIRS], "eth0")
        self.engine: Engine | None = None
        self.holders: dict[str, list[str]] = {name: [] for name in FORMS}

    def settles_on(self, side: int, dead: int | None = None) -> None:
        """Wait until one side alone holds all addresses. One that was killed keeps them too, and is not asked."""
        found: dict[str, str] = {}

        def settled() -> bool:
            self.wire.poll()
            found.update(self._holders(dead))
            return self._told(side) and set(found.values()) == {NAMES[side]}

        try:
            until(settled, PATIENCE)
        except AssertionError:
            print(f"not all are on {NAMES[side]}: {found}")
        for name, who in found.items():
            self.holders[name].append(who)

    def causes(self, form: str) -> list[str]:
        """Why ours became master, each time."""
        assert self.engine is not None
        return [t["cause"] for t in self.engine.transitions if (t["name"], t["to"]) == (form, "MASTER")]

    def rejected(self, form: str) -> dict[str, int]:
        """What ours did not take, by reason; but for one sealed advert each time that ours became master.

        If a machine stands still at the moment of a takeover, both speak when it goes on, and number alike: each refuses the
        other's advert as a replay, and takes the next. (Seen in half the tries when both are stopped at that moment.)
        """
        assert self.engine is not None
        counted: dict[str, int] = dict(self.engine.views["counters", form]["rejected"])
        if FORMS[form].auth == "ah" and counted.get("replay", 0) <= len(self.causes(form)):
            counted.pop("replay", None)
        return counted

    def looks(self, form: Form, side: int) -> set[Looks]:
        """Of all adverts that one side has sent."""
        sources = ADDRESSES[form.family][side], LINKS[side]
        adverts = (frame for frame in self.wire.frames if frame.is_advert)
        return {looks(advert, form, side) for advert in adverts if advert.vrid == form.number and advert.source in sources}

    def _told(self, side: int) -> bool:
        """Whether ours has said that it is master of all, if it is to be."""
        if self.engine is None:
            return side == THEIRS
        self.engine.poll()
        last = {t["name"]: t["to"] for t in self.engine.transitions}
        return side == THEIRS or [last.get(form) for form in FORMS] == ["MASTER"] * len(FORMS)

    def _holders(self, dead: int | None) -> dict[str, str]:
        shown = {NAMES[side]: host.ip("addr show") for side, host in enumerate(self.hosts) if side != dead}
        return {
            name: " and ".join(who for who, text in shown.items() if any(f" {a}/" in text for a in form.addresses))
            for name, form in FORMS.items()
        }


def looks(frame: Frame, form: Form, side: int) -> Looks:
    mac = frame.data[6:12].hex(":")
    head = frame.packet
    first, hops = (int.from_bytes(head[:2]) >> 4 & 0xFF, head[7]) if frame.is_ipv6 else (head[1], head[8])
    return Looks(
        frame.message[0],
        frame.message[4],
        frame.is_sealed,
        len(head),
        "the other" if frame.destination == ADDRESSES[form.family][1 - side] else frame.destination,
        "own" if mac == MACS[side] else mac,
        first,
        None if form.unicast else hops,
    )


@pytest.fixture(scope="module")
def ours_is_better(tmp_path_factory: pytest.TempPathFactory) -> Play:
    """Ours starts, is killed, comes back, and is stopped."""
    with Net() as net:
        play = Play(net)
        with play.wire:
            start_keepalived(play.hosts[THEIRS], tmp_path_factory.mktemp("keepalived"), theirs(100))
            with Engine(play.hosts[OURS], ours(150)) as engine:
                play.engine = engine
                play.settles_on(OURS)
                engine.kill()
                play.settles_on(THEIRS, dead=OURS)
                engine.start()
                play.settles_on(OURS)
                engine.signal(signal.SIGTERM)
                assert engine.wait() == 0
                play.settles_on(THEIRS)
        return play


@pytest.fixture(scope="module")
def theirs_is_better(tmp_path_factory: pytest.TempPathFactory) -> Play:
    """Theirs is there first, is stopped, comes back, and is killed."""
    with Net() as net:
        play = Play(net)
        with play.wire:
            folder = tmp_path_factory.mktemp("keepalived")
            keepalived = start_keepalived(play.hosts[THEIRS], folder, theirs(150))
            play.settles_on(THEIRS)
            with Engine(play.hosts[OURS], ours(100)) as engine:
                play.engine = engine
                until(lambda: _hears_theirs(engine), PATIENCE, "ours hears theirs in all forms")
                keepalived.terminate()
                play.settles_on(OURS)
                keepalived.wait()  # its links go with it
                keepalived = start_keepalived(play.hosts[THEIRS], folder, theirs(150))
                play.settles_on(THEIRS)
                keepalived.kill()
                play.settles_on(OURS, dead=THEIRS)
        return play


def _hears_theirs(engine: Engine) -> bool:
    return all(engine.state(name) and engine.views["instance", name]["master_priority"] == 150 for name in FORMS)


@pytest.mark.parametrize("form", FORMS)
def test_keepalived_takes_over_from_a_better_vipkeeper_that_is_killed_or_stopped(ours_is_better: Play, form: str) -> None:
    assert ours_is_better.holders[form] == ["ours", "theirs", "ours", "theirs"]
    assert ours_is_better.rejected(form) == {}


@pytest.mark.parametrize("form", FORMS)
def test_vipkeeper_takes_over_from_a_better_keepalived_that_is_stopped_or_killed(theirs_is_better: Play, form: str) -> None:
    assert theirs_is_better.holders[form] == ["theirs", "ours", "theirs", "ours"]
    causes = theirs_is_better.causes(form)  # a keepalived that a busy machine holds up for long adds more
    assert [cause for cause in causes if "released it" in cause]
    assert "no advert from" in causes[-1]
    assert theirs_is_better.rejected(form) == {}


@pytest.mark.parametrize("form", FORMS)
def test_adverts_of_both_look_alike(ours_is_better: Play, form: str) -> None:
    mine, other = (ours_is_better.looks(FORMS[form], side) for side in (OURS, THEIRS))
    assert mine == other
    assert len(mine) == 1
