"""An owner's first advert: it leaves before anything is loaded, and only where nothing speaks against it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.vrrp.launcher import first_words
from tests.kit.engine import instance
from tests.kit.manager import PATIENCE_S, ROOT, VIP, Manager
from tests.kit.netns import Cable, Net
from tests.kit.wait import until
from tests.kit.wire import Wire

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.timeout(240),
]

OURS = "192.168.200.2"
OWNER = {"state": "master", "priority": 255}
BLOCKED = "import signal\nwhile True:\n    signal.pause()\n"  # a program that never gets anywhere
SAY = "import sys; sys.path.insert(0, sys.argv[1]); import first_words; print(first_words.say(sys.argv[2:]))"


class Site:
    """A unit that owns its address, with a program of its own that the test may change, and a peer that hears it."""

    def __init__(self, net: Net, folder: Path) -> None:
        self.folder = folder
        self.ours, watcher = net.host("a"), net.host("watcher")
        lan = net.bridge("front")
        self.cable: Cable = self.ours.join(lan, "eth0", f"{OURS}/24")
        watcher.join(lan, "eth0", "192.168.200.3/24")
        self.wire = Wire(watcher, "eth0")
        for name in ("services", "gen"):
            shutil.copytree(ROOT / name, folder / "program" / name)
        self.program = folder / "program/services/vrrp"
        self.manager = Manager(self.ours, folder, folder / "program")
        self.put(**OWNER)

    def put(self, **more: Any) -> None:
        self.keep({"config/vrrp_instance/VI_1": instance(**more)})

    def keep(self, objects: dict[str, Any]) -> None:
        (self.folder / "new.json").write_text(json.dumps(objects))
        os.replace(self.folder / "new.json", self.folder / "store.json")

    def words(self) -> list[str]:
        """What is written down now."""
        return first_words.written(str(self.folder / "state/engine.json"))[1:]

    def has_run(self) -> None:
        """The service ran, wrote its words down, and was stopped."""
        self.manager.start()
        self.manager.wait_until_said("READY=1")
        until(self.words, PATIENCE_S, what=self.manager.log)
        assert self.manager.stop() == 0
        self.manager.hear()  # it leaves nothing in the descriptor store
        self.manager.said.clear()
        self.wire.poll()
        self.wire.frames.clear()

    def say(self, *words: str) -> int:
        """How many of these words are said now."""
        folder = str(self.program / "launcher")
        return int(self.ours.run([sys.executable, "-I", "-S", "-c", SAY, folder, *words]).stdout)

    def close(self) -> None:
        self.manager.close()
        self.wire.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Net() as net:
        site = Site(net, tmp_path)
        yield site
        site.close()


def test_an_owner_speaks_although_neither_launcher_nor_engine_nor_store_ever_gets_anywhere(site: Site) -> None:
    site.has_run()
    (site.program / "engine/process.py").write_text(BLOCKED)
    (site.program / "launcher/process.py").write_text(BLOCKED)
    site.keep({"no": "store"})
    site.manager.start()
    site.wire.until(lambda: site.wire.adverts(OURS), "the first advert")
    (advert,) = site.wire.adverts(OURS)
    assert (advert.priority, advert.destination) == (255, "224.0.0.18")
    assert not site.manager.holds()


def test_the_first_words_are_the_engines_own_and_it_says_them_again(site: Site) -> None:
    site.has_run()
    site.manager.start()
    site.manager.wait_until_said("READY=1")
    until(site.manager.holds, PATIENCE_S, what=site.manager.log)
    site.wire.until(lambda: len(site.wire.adverts(OURS)) >= 3, "adverts")
    assert len({advert.message for advert in site.wire.adverts(OURS)}) == 1
    assert site.words()


def test_the_engine_runs_although_the_launcher_never_gets_anywhere(site: Site) -> None:
    site.has_run()
    (site.program / "launcher/process.py").write_text(BLOCKED)
    site.manager.start()
    until(site.manager.holds, PATIENCE_S, what=site.manager.log)


def test_the_engine_of_a_killed_unit_goes_on_although_the_launcher_never_gets_anywhere(site: Site) -> None:
    site.has_run()
    site.manager.start()
    site.manager.wait_until_said("READY=1")
    until(site.manager.holds, PATIENCE_S, what=site.manager.log)
    site.manager.kill()
    (site.program / "launcher/process.py").write_text(BLOCKED)
    heard = len(site.wire.adverts(OURS))
    site.manager.start()
    site.wire.until(lambda: len(site.wire.adverts(OURS)) > heard, "it goes on")
    assert 0 not in {advert.priority for advert in site.wire.adverts(OURS)}


def test_a_stop_that_comes_before_the_launcher_is_there_is_a_declared_stop(site: Site) -> None:
    site.has_run()
    launcher = site.program / "launcher/process.py"
    gate = site.folder / "gate"
    os.mkfifo(gate)
    launcher.write_text(
        f"open({str(gate)!r}).close()\n" + launcher.read_text().replace("from __future__ import annotations\n", "")
    )
    site.manager.start()
    until(site.manager.holds, PATIENCE_S, what=site.manager.log)
    os.kill(site.manager.pid, signal.SIGTERM)
    gate.write_text("")
    assert site.manager.stop() == 0
    assert not site.manager.holds()
    site.wire.until(lambda: 0 in {advert.priority for advert in site.wire.adverts(OURS)}, "priority 0")


def test_a_program_that_cannot_run_takes_the_engine_it_has_begun_along(site: Site) -> None:
    site.has_run()
    options = site.program.parent / "common/options.py"
    options.write_text(options.read_text() + "\n\ndef parse(*_: object) -> None:\n    raise UsageError('--node: not today')\n")
    site.manager.start()
    assert site.manager.ended() == 2
    assert "vipkeeper-vrrp: --node: not today" in site.manager.log()
    assert not site.manager.holds()


def test_the_words_are_said_while_interface_and_address_are_there(site: Site) -> None:
    site.has_run()
    (word,) = site.words()
    assert site.say(word) == 1
    assert site.say(word, word.replace("eth0", "eth1"), word) == 2
    site.wire.until(lambda: len(site.wire.adverts(OURS)) == 3, "what was said")

    site.ours.ip("address add 192.168.200.9/24 dev eth0")
    assert site.say(word) == 1
    site.ours.ip(f"address del {OURS}/24 dev eth0")
    assert site.say(word) == 0
    site.ours.ip(f"address add {OURS}/24 dev lo")
    assert site.say(word) == 0
    site.ours.ip(f"address add {OURS}/24 dev eth0")
    assert site.say(word) == 1
    site.cable.unplug()
    until(lambda: "LOWER_UP" not in site.ours.ip("link show eth0"), what="the carrier is gone")
    assert site.say(word) == 0
    site.cable.plug()
    until(lambda: "LOWER_UP" in site.ours.ip("link show eth0"), what="the carrier is back")
    assert site.say(word) == 1
    site.ours.ip("link set eth0 down")
    assert site.say(word) == 0
    site.ours.ip("link set eth0 name other0")
    assert site.say(word) == 0
    site.ours.ip("link set other0 name eth0")
    site.ours.ip("link set eth0 up")
    assert site.say(word) == 1


def test_of_ipv6_the_source_must_be_usable_too(site: Site) -> None:
    site.put(**OWNER, addresses=["2001:db8::10"])
    site.has_run()
    (word,) = site.words()
    assert site.say(word) == 1
    source = next(each for each in site.ours.ip("-6 -o address show dev eth0 scope link").split() if each.startswith("fe80"))
    site.ours.ip(f"address del {source} dev eth0")
    assert site.say(word) == 0
    site.ours.sysctl("net.ipv6.conf.eth0.accept_dad", 1)
    site.ours.sysctl("net.ipv6.conf.eth0.dad_transmits", 100)
    site.ours.ip(f"address add {source} dev eth0")
    assert "tentative" in site.ours.ip("-6 -o address show dev eth0 scope link")
    assert site.say(word) == 0


SILENCED = {
    "instance-deleted": {},
    "no-owner-any-more": {"config/vrrp_instance/VI_1": instance(state="master", priority=254)},
    "tracked": {"config/vrrp_instance/VI_1": instance(**OWNER, track_interface=[{"name": "lo"}])},
    "delayed": {"config/vrrp_instance/VI_1": instance(**OWNER), "config/global": {"vrrp_startup_delay": "1s"}},
}


@pytest.mark.parametrize("case", SILENCED)
def test_words_that_no_longer_hold_are_struck_out(site: Site, case: str) -> None:
    site.manager.start()
    site.manager.wait_until_said("READY=1")
    until(site.words, PATIENCE_S, what=site.manager.log)
    site.keep(SILENCED[case])
    until(lambda: not site.words(), PATIENCE_S, what=site.manager.log)


def test_words_follow_the_interfaces_address(site: Site) -> None:
    site.manager.start()
    site.manager.wait_until_said("READY=1")
    until(site.words, PATIENCE_S, what=site.manager.log)
    (before,) = site.words()
    site.ours.ip("address add 192.0.2.9/24 dev eth0")
    site.ours.ip(f"address del {OURS}/24 dev eth0")
    until(lambda: site.words() not in ([], [before]), PATIENCE_S, what=site.manager.log)
    (word,) = site.words()
    assert bytes((192, 0, 2, 9)) == bytes.fromhex(word.split()[1])[12:16]


CHANGED = ("another program", "another setting", "a predecessor", "a reload")


@pytest.mark.parametrize("case", CHANGED)
def test_under_other_circumstances_nothing_is_said(site: Site, case: str) -> None:
    site.has_run()
    more: dict[str, str] = {}
    program = site.program / "launcher/first_words.py"
    arguments = list(site.manager.flags)
    if case == "another program":
        shutil.copy(program, site.folder / "copy")
        os.replace(site.folder / "copy", program)
    elif case == "another setting":
        arguments += ["--log-level", "debug"]
    elif case == "a predecessor":
        more = {"LISTEN_FDS": "1"}
    else:
        more = {"VIPKEEPER_RESUME": "[]"}
    speak = "import sys; sys.path.insert(0, sys.argv[1]); import first_words; print(first_words.speak(sys.argv[2:]))"
    words = [sys.executable, "-I", "-S", "-c", speak, str(program.parent), *arguments]
    known = site.ours.run(words, env=more).stdout.strip()
    assert known == str(case == "a predecessor")
    assert site.wire.adverts(OURS) == []
    assert site.ours.run([*words[:6], *site.manager.flags]).stdout.strip() == str(case != "another program")
    site.wire.until(lambda: case == "another program" or site.wire.adverts(OURS), f"{VIP}'s owner, as it was")
