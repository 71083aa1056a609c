"""What unicast can be told besides, either checksum, IPSEC-AH and addresses: our engine and Debian's keepalived agree."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from services.vrrp.config.settings import packed
from services.vrrp.wire.packet import Advert, Checksum, Format, checksum, decode, encode
from tests.kit.engine import Engine, Objects, instance
from tests.kit.keepalived import start_keepalived, vrrp_instance
from tests.kit.netns import Host, Net
from tests.kit.wait import until
from tests.kit.wire import Frame, Wire

pytestmark = [pytest.mark.netns, pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")]

VIP = "192.168.200.10"
OURS, THEIRS, NOBODY = "192.168.200.2", "192.168.200.3", "192.168.200.4"
OURS6, THEIRS6, NOBODY6 = "2001:db8::2", "2001:db8::3", "2001:db8::4"
LINK, THEIR_LINK = "fe80::ff:fe00:2", "fe80::ff:fe00:3"
PASS = {"authentication": {"auth_type": "pass", "auth_pass": "secret12"}}
PASS_TEXT = "authentication {\n auth_type PASS\n auth_pass secret12\n }"
AH = {"authentication": {"auth_type": "ah", "auth_pass": "secret12"}}
AH_TEXT = "authentication {\n auth_type AH\n auth_pass secret12\n }\n"


class Case(NamedTuple):
    """One way to talk: settings for ours, lines and addresses for theirs, and the ends that adverts then have."""

    settings: dict[str, Any]
    lines: str
    ours: str = OURS
    theirs: str = THEIRS
    to_theirs: str = THEIRS
    address: str = VIP
    addresses: str = VIP
    checksum: Checksum = Checksum.PSEUDO


def peers(*addresses: str, **limits: int) -> dict[str, Any]:
    """The list that all nodes may share: everybody, ourselves included."""
    return {"unicast_peer": [{"address": address} | limits for address in addresses]}


def peer_text(*addresses: str, limits: str = "") -> str:
    lines = "\n".join(f"{address} {limits}" for address in addresses)
    return f"unicast_peer {{\n{lines}\n}}\n"


V3, V2 = {"version": 3, "advert_int": 200_000_000}, {"version": 2, "advert_int": 1_000_000_000}
SIX = V3 | {"virtual_ipaddress": [{"address": "fe80::10"}, {"address": "2001:db8::10/64"}]}
SIX_TEXT = {"address": "2001:db8::10", "addresses": "fe80::10\n2001:db8::10/64"}
CASES = {
    "v3-unicast": Case(
        V3 | peers(OURS, THEIRS, NOBODY) | {"unicast_src_ip": OURS, "check_unicast_src": True},
        peer_text(NOBODY, OURS) + f"unicast_src_ip {THEIRS}\ncheck_unicast_src\n",
    ),
    "v3-unicast-ttl": Case(
        V3 | peers(THEIRS, min_ttl=64, max_ttl=64) | {"unicast_ttl": 63},
        peer_text(OURS, limits="min_ttl 63 max_ttl 63") + "unicast_ttl 64\n",
    ),
    "v3-unicast-old-checksum": Case(V3 | peers(THEIRS), peer_text(OURS) + "old_unicast_checksum\n", checksum=Checksum.GROUP),
    "v3-unicast-old-checksum-ours": Case(
        V3 | peers(THEIRS) | {"old_unicast_checksum": "always"}, peer_text(OURS), checksum=Checksum.GROUP
    ),
    "ipv6-unicast-link": Case(
        SIX | peers(LINK, THEIR_LINK) | {"check_unicast_src": True},
        peer_text(LINK) + "check_unicast_src\n",
        LINK,
        THEIR_LINK,
        THEIR_LINK,
        **SIX_TEXT,
    ),
    "ipv6-unicast-routed": Case(
        SIX | peers(NOBODY6, THEIRS6, OURS6) | {"check_unicast_src": True},
        peer_text(NOBODY6, OURS6) + f"unicast_src_ip {THEIRS6}\ncheck_unicast_src\n",
        OURS6,
        THEIRS6,
        THEIRS6,
        **SIX_TEXT,
    ),
}


class Lan:
    """`ours` (.2) and `theirs` (.3), at whose end everything between them is seen."""

    def __init__(self, net: Net) -> None:
        bridge = net.bridge("front")
        self.ours, self.theirs = net.host("ours"), net.host("theirs")
        self.ours.join(bridge, "eth0", f"{OURS}/24", f"{OURS6}/64", mac="02:00:00:00:00:02")
        self.theirs.join(bridge, "eth0", f"{THEIRS}/24", f"{THEIRS6}/64", mac="02:00:00:00:00:03")
        self.wire = Wire(self.theirs, "eth0")
        for host, address in (self.ours, LINK), (self.theirs, THEIR_LINK):
            until(lambda host=host, address=address: f" {address}/" in host.ip("addr show"), what=f"{host.name} has {address}")

    def holders(self, address: str) -> list[Host]:
        return [host for host in (self.ours, self.theirs) if f" {address}/" in host.ip("addr show")]

    def only(self, host: Host, address: str) -> None:
        until(lambda: self.holders(address) == [host], what=f"{host.name} alone holds {address}")


@pytest.fixture
def lan() -> Iterator[Lan]:
    with Net() as net:
        lan = Lan(net)
        with lan.wire:
            yield lan


def ours(priority: int, settings: dict[str, Any]) -> Objects:
    return {("vrrp_instance", "VI_1"): instance(priority=priority, **settings)}


@pytest.mark.parametrize("name", CASES)
def test_one_master_whoever_is_better_and_whoever_goes(lan: Lan, tmp_path: Path, name: str) -> None:
    case = CASES[name]

    def theirs(priority: int) -> str:
        return vrrp_instance(priority, 3, "0.2", more=case.lines, addresses=case.addresses)

    with Engine(lan.ours, ours(100, case.settings)) as engine:
        keepalived = start_keepalived(lan.theirs, tmp_path / "better", theirs(150))
        lan.only(lan.theirs, case.address)
        until(
            lambda: engine.state() == "BACKUP" and engine.views["instance", "VI_1"]["master_address"] == case.theirs,
            what="theirs is the master for ours",
        )
        keepalived.terminate()
        assert f"{case.theirs} released it" in engine.reaches("MASTER")["cause"]
        lan.only(lan.ours, case.address)
        keepalived = start_keepalived(lan.theirs, tmp_path / "again", theirs(150))
        engine.reaches("BACKUP")
        lan.only(lan.theirs, case.address)
        keepalived.kill()
        assert f"no advert from {case.theirs}" in engine.reaches("MASTER")["cause"]
        start_keepalived(lan.theirs, tmp_path / "worse", theirs(50))
        sent = len(adverts(lan, case.ours))
        lan.wire.until(lambda: len(adverts(lan, case.ours)) >= sent + 8, "theirs hears ours")
        engine.poll()
        assert engine.state() == "MASTER"
        assert engine.views["counters", "VI_1"]["rejected"] == {}
        assert {frame.destination for frame in adverts(lan, case.ours)} >= {case.to_theirs}
        assert {checksum_of(frame, case) for frame in adverts(lan, case.ours)[sent:]} == {case.checksum}
        before = len(adverts(lan, case.theirs))
        engine.signal(signal.SIGTERM)
        assert engine.wait() == 0
        lan.wire.until(lambda: len(adverts(lan, case.theirs)) > before, "keepalived takes over")
        assert adverts(lan, case.ours)[-1].priority == 0
        lan.only(lan.theirs, case.address)


def test_forged_replayed_and_cut_adverts_in_ah_are_counted_apart_and_change_nothing(lan: Lan, tmp_path: Path) -> None:
    with Engine(lan.ours, ours(100, V2 | AH)) as engine:
        start_keepalived(lan.theirs, tmp_path / "better", vrrp_instance(150, 2, "1", more=AH_TEXT))
        lan.wire.until(lambda: len(adverts(lan, THEIRS)) >= 3, "theirs is the master")
        engine.reaches("BACKUP")
        old = adverts(lan, THEIRS)[0].data
        forged = old[:45] + bytes([old[45] ^ 1]) + old[46:]
        moved = [t["to"] for t in engine.transitions]
        for frame in (old, old, forged, cut(old, 48), without_ah(old)):
            lan.wire.send(frame)
        until(
            lambda: (rejected(engine).get("replay"), rejected(engine).get("auth_failure")) == (2, 1),
            what="two replayed, one forged",
        )
        until(lambda: rejected(engine).get("auth_type") == 1, what="one without AH")
        until(lambda: unowned(engine).get("truncated") == 1, what="one cut short")
        assert engine.state() == "BACKUP"
        assert [t["to"] for t in engine.transitions] == moved


def rejected(engine: Engine) -> dict[str, int]:
    engine.poll()
    counters = engine.views.get(("counters", "VI_1"))
    return dict(counters["rejected"]) if counters else {}


def unowned(engine: Engine) -> dict[str, int]:
    """What was rejected without belonging to an instance."""
    engine.poll()
    told = [m["stats"]["rejected"] for m in engine.messages if m["is"] == "engine"]
    return dict(told[-1]) if told else {}


def cut(frame: bytes, length: int) -> bytes:
    """A frame whose IP packet says, rightly, that it has `length` bytes."""
    header = frame[14:16] + length.to_bytes(2, "big") + frame[18:24] + bytes(2) + frame[26:34]
    return frame[:14] + header[:10] + checksum(header).to_bytes(2, "big") + header[12:] + frame[34 : 14 + length]


def without_ah(frame: bytes) -> bytes:
    """The frame of a sealed advert, as if its sender had no authentication."""
    form = Format(2, 51, 1_000_000_000, None, packed("224.0.0.18"))
    return frame[:14] + encode(form, 200, [packed("192.168.200.10")], frame[26:30])


def test_a_running_engine_takes_up_ah_and_lets_go_of_it(lan: Lan, tmp_path: Path) -> None:
    with Engine(lan.ours, ours(100, V2 | PASS)) as engine:
        engine.reaches("MASTER")
        engine.apply(2, ours(100, V2 | AH))
        keepalived = start_keepalived(lan.theirs, tmp_path / "ah", vrrp_instance(150, 2, "1", more=AH_TEXT))
        assert f"{THEIRS} has priority 150" in engine.reaches("BACKUP")["cause"]
        lan.only(lan.theirs, VIP)
        keepalived.terminate()
        engine.reaches("MASTER")
        engine.apply(3, ours(100, V2 | PASS))
        start_keepalived(lan.theirs, tmp_path / "pass", vrrp_instance(150, 2, "1", more=PASS_TEXT))
        engine.reaches("BACKUP")
        lan.only(lan.theirs, VIP)


def test_a_killed_engine_goes_on_with_the_number_that_theirs_waits_for(lan: Lan, tmp_path: Path) -> None:
    start_keepalived(lan.theirs, tmp_path / "worse", vrrp_instance(50, 2, "1", more=AH_TEXT))
    with Engine(lan.ours, ours(100, V2 | AH)) as engine:
        engine.reaches("MASTER")
        lan.only(lan.ours, VIP)
        lan.wire.until(lambda: len(adverts(lan, OURS)) >= 3, "adverts of ours")
        before = len(adverts(lan, THEIRS))
        engine.kill()
        engine.start()
        assert engine.says("ready", pid=engine.pid)["resumed"] == ["VI_1"]
        sent = len(adverts(lan, OURS))
        lan.wire.until(lambda: len(adverts(lan, OURS)) >= sent + 5, "adverts go on")
        assert len(adverts(lan, THEIRS)) == before
        numbers = [frame.sequence for frame in adverts(lan, OURS)]
        assert numbers == sorted(set(numbers))


def checksum_of(frame: Frame, case: Case) -> Checksum:
    """Which of the three kinds of checksum an advert has; the first kind where there is no choice."""
    group = packed("ff02::12" if frame.is_ipv6 else "224.0.0.18")
    unicast = case.to_theirs not in ("ff02::12", "224.0.0.18")
    advert = decode(frame.packet, Format(3, 51, 0, None, group, unicast, None, tuple(Checksum)))
    assert isinstance(advert, Advert)
    return advert.checksum


def adverts(lan: Lan, source: str) -> list[Frame]:
    return lan.wire.adverts(source)


def test_ipv6_addresses_are_usable_at_once_and_announced_as_keepalived_does(lan: Lan, tmp_path: Path) -> None:
    for host in (lan.ours, lan.theirs):
        host.sysctl("net.ipv6.conf.eth0.accept_dad", 1)
        host.sysctl("net.ipv6.conf.eth0.dad_transmits", 3)
    lan.theirs.sysctl("net.ipv6.conf.all.forwarding", 1)
    addresses = "fe80::10\n2001:db8::10/64\n2001:db8::11\n2001:db8::12 preferred_lft forever\n2001:db8::13/64 -nodad home"
    rows = [{"address": a} for a in ("fe80::10", "2001:db8::10/64", "2001:db8::11")]
    rows += [{"address": "2001:db8::12", "preferred_lft": "forever"}, {"address": "2001:db8::13/64", "dad": True, "home": True}]
    keepalived = start_keepalived(lan.theirs, tmp_path / "ka", vrrp_instance(150, 3, "0.2", addresses=addresses))
    lan.wire.until(lambda: len(lan.wire.advertisements("2001:db8::10")) >= 10, "two bursts of theirs")
    until(lambda: "tentative" not in lan.theirs.ip("-6 addr show dev eth0"), what="theirs has no tentative address")
    wanted = virtual(lan.theirs)
    golden = lan.wire.advertisements("2001:db8::10")[0].data
    keepalived.terminate()
    until(lambda: virtual(lan.theirs) == [], what="theirs has none of the addresses")
    lan.ours.sysctl("net.ipv6.conf.all.forwarding", 1)
    before = len(lan.wire.advertisements("2001:db8::10"))
    with Engine(lan.ours, ours(100, V3 | {"virtual_ipaddress": rows, "garp_master_delay": 1_000_000_000})) as engine:
        engine.reaches("MASTER")
        lan.wire.until(lambda: len(lan.wire.advertisements("2001:db8::10")) >= before + 10, "two bursts of ours")
        until(lambda: "tentative" not in lan.ours.ip("-6 addr show dev eth0"), what="ours has no tentative address")
        assert virtual(lan.ours) == wanted
        announced = lan.wire.advertisements("2001:db8::10")[before]
        assert announced.data[:6] == bytes.fromhex("333300000001")
        assert without_mac(announced.data) == without_mac(golden)
        lan.ours.sysctl("net.ipv6.conf.all.forwarding", 0)
        engine.signal(signal.SIGTERM)
        assert engine.wait() == 0
        assert virtual(lan.ours) == []


ATTRIBUTES = [
    ("10.9.0.1/24 brd + label eth0:a scope site", {"address": "10.9.0.1/24", "brd": "+", "label": "eth0:a", "scope": "site"}),
    ("10.9.1.1/24 brd - scope link", {"address": "10.9.1.1/24", "brd": "-", "scope": "link"}),
    ("10.9.2.1/24 brd 10.9.2.77", {"address": "10.9.2.1/24", "brd": "10.9.2.77"}),
    ("10.9.3.1 peer 10.9.3.2", {"address": "10.9.3.1", "peer": "10.9.3.2"}),
    ("10.9.4.1/24 peer 10.9.4.2", {"address": "10.9.4.1/24", "peer": "10.9.4.2"}),
    ("10.9.5.1/24 noprefixroute", {"address": "10.9.5.1/24", "noprefixroute": True}),
    ("10.9.6.1/24 no_track", {"address": "10.9.6.1/24", "no_track": True}),
    ("239.10.9.1 autojoin", {"address": "239.10.9.1", "autojoin": True}),
]


def test_ipv4_addresses_get_the_attributes_that_keepalived_gives_them(lan: Lan, tmp_path: Path) -> None:
    addresses = "\n".join(text for text, _row in ATTRIBUTES)
    rows = [row for _text, row in ATTRIBUTES]
    keepalived = start_keepalived(lan.theirs, tmp_path / "ka", vrrp_instance(150, 3, "0.2", addresses=addresses))
    until(lambda: len(virtual(lan.theirs, 4)) == len(rows), what="theirs has all addresses")
    wanted, routes = virtual(lan.theirs, 4), lan.theirs.ip("-4 route show table all proto kernel").replace(THEIRS, OURS)
    keepalived.kill()
    lan.theirs.ip("link set eth0 down")  # because keepalived 2.2.7 takes not all of them off again
    with Engine(lan.ours, ours(100, V3 | {"virtual_ipaddress": rows})) as engine:
        engine.reaches("MASTER")
        until(lambda: len(virtual(lan.ours, 4)) == len(rows), what="ours has all addresses")
        assert virtual(lan.ours, 4) == wanted
        assert lan.ours.ip("-4 route show table all proto kernel") == routes
        rows[0] = rows[0] | {"label": "eth0:b"}
        engine.apply(2, ours(100, V3 | {"virtual_ipaddress": rows}))
        until(lambda: "eth0:b" in lan.ours.ip("-4 addr show dev eth0"), what="the new label")
        lan.ours.ip("addr del 10.9.6.1/24 dev eth0")
        lan.ours.ip("addr del 10.9.5.1/24 dev eth0")
        engine.says("transition", to="BACKUP", cause="somebody removed 10.9.5.1: takes everything again")
        assert not [t for t in engine.transitions if "10.9.6.1" in t["cause"]]
        engine.reaches("MASTER")
        until(lambda: len(virtual(lan.ours, 4)) == len(rows), what="all addresses are back")
        engine.signal(signal.SIGTERM)
        assert engine.wait() == 0
        assert virtual(lan.ours, 4) == []


def virtual(host: Host, family: int = 6) -> list[str]:
    """The lines of `ip addr` about the virtual addresses, with their lifetimes."""
    lines = [line.split()[2:] for line in host.ip(f"-{family} -o addr show dev eth0").splitlines()]
    return sorted(" ".join(words) for words in lines if "::1" in words[1] or "10.9." in words[1])


def without_mac(frame: bytes) -> bytes:
    """A neighbour advertisement but for what its interface's address makes of it: source, option and checksum."""
    return frame[:6] + frame[12:56] + frame[58:80]
