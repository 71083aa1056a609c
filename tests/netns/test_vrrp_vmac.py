"""VMACs in the kernel: what is made, kept and left, and that keepalived and our engine are one virtual router with one MAC."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.keepalived_conf.reading import read_text
from services.common import values
from tests.kit.engine import Engine, Objects, instance
from tests.kit.keepalived import start_keepalived, vrrp_instance
from tests.kit.netns import Cable, Host, Net
from tests.kit.wait import until
from tests.kit.wire import Frame, Wire

pytestmark = [pytest.mark.netns, pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")]

VIP, VIP6 = "192.168.200.10", "fd00:200::10"
MAC, MAC6 = "00:00:5e:00:01:33", "00:00:5e:00:02:33"
FAST = {"version": 3, "advert_int": 100_000_000, "garp_master_delay": 500_000_000}
SIX = FAST | {"addresses": ["fe80::10/64", f"{VIP6}/64"]}


class Lan:
    """`ours` (.2), `theirs` (.3), a client (.9) and a watcher that hears everything."""

    def __init__(self, net: Net) -> None:
        self.net = net
        self.bridge = net.bridge("front")
        self.cables: dict[str, Cable] = {}
        for name, number in (("ours", 2), ("theirs", 3), ("client", 9)):
            host = net.host(name)
            self.cables[name] = host.join(self.bridge, "eth0", f"192.168.200.{number}/24", f"fd00:200::{number}/64")
        self.ours, self.theirs, self.client = net.host("ours"), net.host("theirs"), net.host("client")
        # Without it keepalived's machine asks for the client's MAC in the virtual address's name and with its own MAC.
        self.theirs.sysctl("net.ipv4.conf.eth0.arp_announce", 2)
        watcher = net.host("watcher")
        watcher.join(self.bridge, "eth0")
        self.wire = Wire(watcher, "eth0")

    def only(self, host: Host, address: str = VIP) -> None:
        """Wait until this one alone holds the address."""
        until(lambda: [h for h in (self.ours, self.theirs) if holds(h, address)] == [host], what=f"{host.name} holds it")

    def reaches(self, address: str, mac: str) -> None:
        """The client gets answers from the address, and knows it by this MAC."""
        until(lambda: self.client.run(["ping", "-c1", "-W1", address], check=False).returncode == 0, what=f"ping {address}")
        assert f"lladdr {mac} " in self.client.ip(f"neigh show {address}")


@pytest.fixture
def lan() -> Iterator[Lan]:
    with Net() as net:
        lan = Lan(net)
        with lan.wire:
            yield lan


def holds(host: Host, address: str = VIP, interface: str = "") -> bool:
    return f" {address}/" in host.ip(f"addr show {interface}", check=False)


def one(priority: int = 150, **more: Any) -> Objects:
    return {("vrrp_instance", "VI_1"): instance(priority=priority, **(FAST | {"use_vmac": {}} | more))}


def links(host: Host) -> dict[str, dict[str, Any]]:
    """Macvlans: what `ip -d link` says of them."""
    rows = json.loads(host.ip("-d -j link show type macvlan") or "[]")
    return {row["ifname"]: row for row in rows if row}


def facts(host: Host) -> dict[str, tuple[str, str, str]]:
    """Base, mode and MAC of each macvlan."""
    return {n: (row["link"], row["linkinfo"]["info_data"]["mode"], row["address"]) for n, row in links(host).items()}


def sysctl(host: Host, name: str, folder: str = "ipv4/conf") -> str:
    return host.run(["cat", f"/proc/sys/net/{folder}/{name}"]).stdout.strip()


def source_of(frame: Frame) -> str:
    return frame.data[6:12].hex(":")


def objects(text: str) -> Objects:
    """A keepalived.conf as the engine gets it."""
    conf = read_text(text)
    assert conf.importable, conf.complaints
    found: Objects = {}
    for key, value in conf.objects.items():
        kind, _, name = key.removeprefix("config/").partition("/")
        found[kind, name] = values.check(kind, value)
    return found


def test_the_link_is_a_private_macvlan_with_keepaliveds_settings(lan: Lan, tmp_path: Path) -> None:
    start_keepalived(lan.theirs, tmp_path, vrrp_instance(100, 3, "0.1", more="use_vmac"))
    with Engine(lan.ours, one()) as engine:
        engine.reaches("MASTER")
        until(lambda: facts(lan.theirs), what="keepalived's link")
        assert facts(lan.ours) == facts(lan.theirs) == {"vrrp.51": ("eth0", "private", MAC)}
        until(lambda: holds(lan.ours, interface="vrrp.51"), what="the address on the link")
        for name in ("arp_ignore", "accept_local", "promote_secondaries"):
            assert sysctl(lan.ours, f"vrrp.51/{name}") == sysctl(lan.theirs, f"vrrp.51/{name}") == "1"
        assert sysctl(lan.ours, "vrrp.51/rp_filter") == "2"
        for name in ("arp_ignore", "arp_filter"):
            until(lambda n=name: sysctl(lan.ours, f"eth0/{n}") == sysctl(lan.theirs, f"eth0/{n}") == "1", what=name)
        assert sysctl(lan.ours, "vrrp.51/disable_ipv6", "ipv6/conf") == "1"
        assert engine.views["instance", "VI_1"]["links"] == [f"vrrp.51 on eth0 {MAC} up"]


@pytest.mark.parametrize(
    ("settings", "address", "mac"),
    [
        ({}, VIP, MAC),
        ({"version": 2, "advert_int": 1_000_000_000}, VIP, MAC),
        (SIX, VIP6, MAC6),
        ({"use_vmac": {"name": "vip0", "mac": "02:aa:bb:cc:dd"}}, VIP, "02:aa:bb:cc:dd:33"),
    ],
    ids=["v3", "v2", "ipv6", "own-mac"],
)
def test_adverts_and_announcements_have_the_virtual_mac_and_the_bases_address(
    lan: Lan, settings: dict[str, Any], address: str, mac: str
) -> None:
    with Engine(lan.ours, one(**settings)) as engine:
        view = engine.reaches("MASTER")
        lan.wire.until(lambda: len(lan.wire.adverts()) > 2, "adverts")
        announced = lan.wire.advertisements if ":" in address else lan.wire.gratuitous_arps
        lan.wire.until(lambda: announced(address), "an announcement")
        assert {source_of(f) for f in [*lan.wire.adverts(), *announced(address)]} == {mac}
        assert {f.source for f in lan.wire.adverts()} == {view["source_address"]}
        assert view["source_address"] in ("192.168.200.2",) or view["source_address"].startswith("fe80::")
        lan.reaches(address, mac)


def test_with_vmac_xmit_base_adverts_have_the_bases_mac_and_announcements_the_virtual_one(lan: Lan) -> None:
    with Engine(lan.ours, one(vmac_xmit_base=True)) as engine:
        engine.reaches("MASTER")
        lan.wire.until(lambda: lan.wire.gratuitous_arps(VIP) and len(lan.wire.adverts()) > 1, "an announcement and adverts")
        base = json.loads(lan.ours.ip("-j link show eth0"))[0]["address"]
        assert {source_of(f) for f in lan.wire.adverts()} == {base}
        assert {source_of(f) for f in lan.wire.gratuitous_arps(VIP)} == {MAC}
        lan.reaches(VIP, MAC)


AH = {"authentication": {"auth_type": "ah", "auth_pass": "secret12"}}
CASES = {
    "ah": (
        2,
        "1",
        "use_vmac\n authentication {\n auth_type AH\n auth_pass secret12\n }",
        VIP,
        {"version": 2, "advert_int": 1_000_000_000, "use_vmac": {}, **AH},
    ),
    "v2": (2, "1", "use_vmac", VIP, {"version": 2, "advert_int": 1_000_000_000, "use_vmac": {}}),
    "v3": (3, "0.2", "use_vmac", VIP, {"version": 3, "advert_int": 200_000_000, "use_vmac": {}}),
    "v3-base": (
        3,
        "0.2",
        "use_vmac\n vmac_xmit_base",
        VIP,
        {"version": 3, "advert_int": 200_000_000, "use_vmac": {}, "vmac_xmit_base": True},
    ),
    "unicast": (
        3,
        "0.2",
        "use_vmac\n vmac_xmit_base\n unicast_peer {\n 192.168.200.2\n }",
        VIP,
        {"version": 3, "advert_int": 200_000_000, "use_vmac": {}, "unicast_peer": [{"address": "192.168.200.3"}]},
    ),
    "ipv6": (3, "0.2", "use_vmac", VIP6, {"advert_int": 200_000_000, "use_vmac": {}, "addresses": SIX["addresses"]}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_client_keeps_its_entry_while_the_address_goes_from_keepalived_to_us_and_back(
    lan: Lan, tmp_path: Path, case: str
) -> None:
    version, interval, text, address, settings = CASES[case]
    mac = MAC6 if ":" in address else MAC
    listed = "fe80::10/64\n fd00:200::10/64" if ":" in address else VIP
    config = vrrp_instance(150, version, interval, more=text, addresses=listed)
    keepalived = start_keepalived(lan.theirs, tmp_path / "ka", config)
    with Engine(lan.ours, {("vrrp_instance", "VI_1"): instance(priority=100, **settings)}) as engine:
        lan.only(lan.theirs, address)
        engine.reaches("BACKUP")
        lan.reaches(address, mac)
        keepalived.kill()  # its link and its address stay; nobody answers for a machine that is gone
        lan.theirs.ip("link set eth0 down")
        engine.reaches("MASTER")
        lan.reaches(address, mac)
        lan.theirs.ip("link del vrrp.51")
        lan.theirs.ip("link set eth0 up")
        if ":" in address:
            lan.theirs.ip("address add fd00:200::3/64 dev eth0")
        keepalived = start_keepalived(lan.theirs, tmp_path / "ka", config)
        engine.reaches("BACKUP")
        lan.only(lan.theirs, address)
        lan.reaches(address, mac)
        keepalived.terminate()
        assert "released it" in engine.reaches("MASTER")["cause"]
        lan.only(lan.ours, address)
        lan.reaches(address, mac)
        assert not engine.views["counters", "VI_1"]["rejected"]


def test_two_masters_with_one_mac_hear_each_other_and_the_better_one_remains(lan: Lan) -> None:
    with Engine(lan.ours, one(150)) as ours, Engine(lan.theirs, one(100)) as theirs:
        ours.reaches("MASTER")
        theirs.reaches("BACKUP")
        lan.cables["theirs"].cut()
        theirs.reaches("MASTER")
        lan.cables["theirs"].heal()
        theirs.reaches("BACKUP")
        lan.only(lan.ours)
        assert ours.state() == "MASTER"


def test_a_declared_stop_leaves_nothing_behind(lan: Lan) -> None:
    both = one(use_vmac_addr=True, virtual_ipaddress_excluded=[{"address": f"{VIP6}/64"}])
    both |= {("vrrp_instance", "SIX"): instance(vrid=52, priority=150, use_vmac={}, **SIX)}
    lan.ours.sysctl("net.ipv4.conf.eth0.arp_filter", 1)
    before = lan.ours.ip("-d link"), lan.ours.ip("addr"), conf(lan.ours)
    with Engine(lan.ours, both) as engine:
        engine.reaches("MASTER")
        engine.reaches("MASTER", "SIX")
        assert set(links(lan.ours)) == {"vrrp.51", "vrrp6.51", "vrrp.52"}
        until(lambda: sysctl(lan.ours, "eth0/arp_ignore") == "1", what="the base no longer answers for its links")
        engine.signal(signal.SIGTERM)
        assert engine.wait() == 0
    assert (lan.ours.ip("-d link"), lan.ours.ip("addr"), conf(lan.ours)) == before
    assert lan.ours.run(["nft", "list", "ruleset"]).stdout == ""


def conf(host: Host) -> str:
    folders = ("/proc/sys/net/ipv4/conf/eth0", "/proc/sys/net/ipv6/conf/eth0")
    return host.run(["grep", "-rs", ".", *folders], check=False).stdout  # some cannot be read


def test_a_killed_engine_finds_its_links_and_what_to_restore(lan: Lan) -> None:
    with Engine(lan.ours, one(advert_int=1_000_000_000, state="master")) as engine:
        engine.reaches("MASTER")
        until(lambda: holds(lan.ours) and sysctl(lan.ours, "eth0/arp_ignore") == "1", what="everything in place")
        number = links(lan.ours)["vrrp.51"]["ifindex"]
        engine.kill()
        engine.start()
        assert engine.says("ready", pid=engine.pid)["resumed"] == ["VI_1"]
        assert links(lan.ours)["vrrp.51"]["ifindex"] == number
        engine.signal(signal.SIGTERM)
        assert engine.wait() == 0
    assert not links(lan.ours)
    assert sysctl(lan.ours, "eth0/arp_ignore") == sysctl(lan.ours, "eth0/arp_filter") == "0"


def test_a_killed_engine_with_many_links_is_back_before_a_peer_takes_over(lan: Lan) -> None:
    def many(priority: int) -> Objects:
        more = {"priority": priority, "version": 3, "advert_int": 1_000_000_000, "use_vmac": {}}
        return {("vrrp_instance", f"V{n}"): instance(vrid=n, addresses=[f"10.0.{n}.1"], **more) for n in range(1, 61)}

    with Engine(lan.ours, many(150)) as ours, Engine(lan.theirs, many(100)) as theirs:
        ours.reaches("MASTER", "V60")
        theirs.reaches("BACKUP", "V60")
        before = len(lan.wire.adverts("192.168.200.3"))
        ours.kill()
        ours.views.clear()
        ours.start()
        assert len(ours.says("ready", pid=ours.pid)["resumed"]) == 60
        sent = len(lan.wire.adverts("192.168.200.2"))
        lan.wire.until(lambda: len(lan.wire.adverts("192.168.200.2")) > sent + 120, "two more adverts of each")
        assert len(lan.wire.adverts("192.168.200.3")) == before


def test_links_of_a_killed_engine_that_nobody_wants_any_more_are_removed(lan: Lan) -> None:
    with Engine(lan.ours, one()) as engine:
        engine.reaches("MASTER")
        until(lambda: sysctl(lan.ours, "eth0/arp_filter") == "1", what="everything in place")
        engine.kill()
    with Engine(lan.ours, one(use_vmac=None)) as engine:
        engine.reaches("MASTER")
        until(lambda: not links(lan.ours) and holds(lan.ours, interface="eth0"), what="the link is gone")
        assert sysctl(lan.ours, "eth0/arp_filter") == "0"


def test_a_link_that_is_configured_away_goes_and_what_the_base_had_comes_back(lan: Lan) -> None:
    second = "vrrp_instance", "VI_2"
    value = instance(vrid=52, addresses=["192.168.200.20"], **FAST, use_vmac={})
    with Engine(lan.ours, one() | {second: value}) as engine:
        engine.reaches("MASTER")
        engine.reaches("MASTER", "VI_2")
        since = engine.views["instance", "VI_2"]["since_at"]
        engine.apply(2, {}, complete=False, deleted=(("vrrp_instance", "VI_1"),))
        until(lambda: set(links(lan.ours)) == {"vrrp.52"}, what="the first link is gone")
        assert sysctl(lan.ours, "eth0/arp_announce") == "2"
        engine.apply(3, {second: value | {"use_vmac": {"name": "vip0"}}}, complete=False)
        until(lambda: holds(lan.ours, "192.168.200.20", "vip0"), what="the address is on the link with the new name")
        assert set(links(lan.ours)) == {"vip0"}
        engine.apply(4, {second: value | {"use_vmac": None}}, complete=False)
        until(lambda: holds(lan.ours, "192.168.200.20", "eth0") and not links(lan.ours), what="the second link is gone too")
        assert sysctl(lan.ours, "eth0/arp_announce") == sysctl(lan.ours, "eth0/arp_ignore") == "0"
        engine.poll()
        assert engine.views["instance", "VI_2"]["since_at"] == since


def test_clients_get_through_where_the_machine_checks_reverse_paths_strictly(lan: Lan) -> None:
    for scope in ("all", "default", "eth0"):
        lan.ours.sysctl(f"net.ipv4.conf.{scope}.rp_filter", 1)
    with Engine(lan.ours, one()) as engine:
        engine.reaches("MASTER")
        lan.reaches(VIP, MAC)
        assert sysctl(lan.ours, "all/rp_filter") == "1"


def test_a_link_that_somebody_deletes_is_made_again_and_mastership_stays(lan: Lan) -> None:
    with Engine(lan.ours, one()) as engine, Engine(lan.theirs, one(100)) as peer:
        engine.reaches("MASTER")
        peer.reaches("BACKUP")
        until(lambda: holds(lan.ours), what="the address is there")
        since = engine.views["instance", "VI_1"]["since_at"]
        lan.ours.ip("link del vrrp.51")
        until(lambda: holds(lan.ours, interface="vrrp.51"), what="the address is back")
        until(lambda: any("made again" in row["reason"] for row in _problems(engine)), what="a problem says so")
        lan.reaches(VIP, MAC)
        assert engine.state() == "MASTER"
        assert engine.views["instance", "VI_1"]["since_at"] == since
        assert peer.state() == "BACKUP"


def test_a_link_that_somebody_changes_is_put_right(lan: Lan) -> None:
    with Engine(lan.ours, one()) as engine:
        engine.reaches("MASTER")
        until(lambda: holds(lan.ours), what="the address is there")
        lan.ours.ip("link set vrrp.51 address 02:00:00:00:00:01")
        until(lambda: facts(lan.ours)["vrrp.51"][2] == MAC, what="the MAC is right again")
        lan.ours.ip("link set vrrp.51 down")
        until(lambda: "UP" in links(lan.ours)["vrrp.51"]["flags"], what="the link is up again")
        lan.reaches(VIP, MAC)
        assert engine.state() == "MASTER"


def test_an_ipv6_link_that_somebody_sets_down_gets_its_addresses_back(lan: Lan) -> None:
    with Engine(lan.ours, one(**SIX)) as engine:
        engine.reaches("MASTER")
        until(lambda: holds(lan.ours, VIP6), what="the address is there")
        engine.transitions.clear()
        lan.ours.ip("link set vrrp.51 down")
        until(lambda: holds(lan.ours, VIP6), what="the address is back")
        lan.reaches(VIP6, MAC6)
        engine.poll()
        assert not engine.transitions


def test_the_base_may_come_later_and_go_and_come_again(lan: Lan) -> None:
    late = lan.net.host("late")
    with Engine(late, one()) as engine:
        assert engine.reaches("FAULT")["faults"] == ["interface eth0 does not exist"]
        for _ in range(2):
            late.join(lan.bridge, "eth0", "192.168.200.8/24")
            engine.reaches("MASTER")
            until(lambda: holds(late, interface="vrrp.51"), what="the address is there")
            late.ip("link del eth0")
            engine.reaches("FAULT")
        until(lambda: not any("made again" in row["reason"] for row in _problems(engine)), what="nobody is blamed")


def test_a_foreign_interface_of_that_name_is_left_alone_and_the_instance_waits(lan: Lan) -> None:
    lan.ours.ip("link add vrrp.51 type bridge")
    with Engine(lan.ours, one()) as engine:
        why = "there is an interface vrrp.51 already, and it is not a private macvlan on eth0"
        until(lambda: any(why in row["reason"] for row in _problems(engine)), what="a problem says so")
        assert not any(holds(lan.ours, interface=name) for name in ("vrrp.51", "eth0"))
        lan.ours.ip("link del vrrp.51")
        until(lambda: facts(lan.ours).get("vrrp.51") == ("eth0", "private", MAC), what="the link is there")
        engine.reaches("MASTER")
        until(lambda: holds(lan.ours, interface="vrrp.51"), what="the address is there")


def test_a_backups_link_sends_nothing_and_a_masters_may(lan: Lan) -> None:
    lan.ours.sysctl("net.ipv6.conf.all.forwarding", 1)  # a router reports more groups
    slow = one(**(SIX | {"advert_int": 40_000_000_000}))
    with Engine(lan.ours, slow) as engine:
        engine.reaches("BACKUP")
        until(lambda: "vrrp.51" in lan.ours.run(["nft", "list", "ruleset"]).stdout, what="the link is silent")
        lan.ours.ip("address add fe80::99/64 dev vrrp.51 nodad")
        with pytest.raises(PermissionError):
            say_hello(lan.ours, "vrrp.51")
        assert not [f for f in lan.wire.poll() if source_of(f) == MAC6]
        engine.apply(2, one(**SIX))
        engine.reaches("MASTER")
        until(lambda: "vrrp.51" not in lan.ours.run(["nft", "list", "ruleset"]).stdout, what="the link may speak")
        say_hello(lan.ours, "vrrp.51")
        lan.wire.until(
            lambda: [f for f in lan.wire.poll() if b"hello" in f.data and source_of(f) == MAC6], "a word by the link"
        )
        engine.apply(3, one(track_interface=[{"name": "missing"}], **SIX))
        engine.reaches("FAULT")
        until(lambda: "vrrp.51" in lan.ours.run(["nft", "list", "ruleset"]).stdout, what="the link is silent again")


def say_hello(host: Host, interface: str) -> None:
    """One datagram to everybody on the link."""
    with host.entered(), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"hello", ("ff02::1", 9, 0, socket.if_nametoindex(interface)))


MANY = """
global_defs {
    vrrp_version 3
    vmac_prefix vm
    vmac_addr_prefix va
}
vrrp_instance A4 {
    interface eth0
    use_vmac
    use_vmac_addr
    virtual_router_id 51
    priority 255
    virtual_ipaddress {
        192.168.200.10/24
        192.168.201.10/24 dev eth1
    }
    virtual_ipaddress_excluded {
        fd00:200::51/64
        192.168.200.11/24
        fd00:201::52/64 dev eth1
    }
}
vrrp_instance B4 {
    interface eth0
    use_vmac foo0 00:00:5e:00:11
    virtual_router_id 52
    priority 255
    virtual_ipaddress {
        192.168.200.12/24
    }
    virtual_ipaddress_excluded {
        fd00:200::53/64
    }
}
vrrp_instance C4 {
    interface eth0
    use_vmac 02:01:02:03:04:05
    virtual_router_id 53
    priority 255
    virtual_ipaddress {
        192.168.200.14/24
        192.168.201.15/24 dev eth1 use_vmac
    }
}
vrrp_instance D6 {
    interface eth0
    use_vmac
    vmac_xmit_base
    virtual_router_id 61
    priority 255
    virtual_ipaddress {
        fe80::61/64
    }
}
"""


def test_one_file_gives_the_same_links_and_addresses_under_both(net_of_twins: tuple[Host, Host], tmp_path: Path) -> None:
    ours, theirs = net_of_twins
    start_keepalived(theirs, tmp_path, MANY)
    with Engine(ours, objects(MANY)) as engine:
        for name in ("A4", "B4", "C4", "D6"):
            engine.reaches("MASTER", name)
        until(lambda: holds(theirs, "fe80::61") and holds(theirs, "192.168.200.14"), what="keepalived has everything")
        until(lambda: placed(ours) == placed(theirs), what=lambda: f"{placed(ours)}\n{placed(theirs)}")


@pytest.fixture
def net_of_twins() -> Iterator[tuple[Host, Host]]:
    """Machines that differ in nothing, each on switches of its own."""
    with Net() as net:
        for name in ("ours", "theirs"):
            host = net.host(name)
            host.join(net.bridge(f"{name}-front"), "eth0", "192.168.200.2/24")
            host.join(net.bridge(f"{name}-back"), "eth1", "192.168.201.2/24")
        yield net.host("ours"), net.host("theirs")


def placed(host: Host) -> dict[str, tuple[str, frozenset[str]]]:
    """MAC, base and addresses of each link by base and MAC, but for what keepalived copies from the base."""
    addresses = {row["ifname"]: row["addr_info"] for row in json.loads(host.ip("-j addr"))}
    own = {a["local"] for a in addresses["eth0"] + addresses["eth1"] if a["local"].startswith("fe80::")}
    found = {}
    for name, (base, _mode, mac) in facts(host).items():
        held = frozenset(a["local"] for a in addresses[name] if a["local"] not in own)
        found[f"{base} {mac}"] = (name, held)
    found["eth0"] = ("eth0", frozenset(a["local"] for a in addresses["eth0"]) - own)
    return found


def _problems(engine: Engine) -> list[dict[str, str]]:
    engine.poll()
    said = [message["problems"] for message in engine.messages if message["is"] == "problems"]
    return list(said[-1]) if said else []


def test_an_ipv6_vmac_answers_for_no_ipv4_address(lan: Lan) -> None:
    """Else this machine's own address would be known by a MAC that the other router has too."""
    with Engine(lan.ours, one(**SIX)) as engine, Wire(lan.client, "eth0") as wire:
        engine.reaches("MASTER")
        until(lambda: holds(lan.ours, VIP6, "vrrp.51"), what="the link is there")
        for _ in range(2):  # whatever answered the first question has done so before the second answer
            lan.client.ip("neigh flush all")
            until(lambda: lan.client.run(["ping", "-c1", "-W1", "192.168.200.2"], check=False).returncode == 0)
        arps = [frame for frame in wire.poll() if frame.data[12:14] == b"\x08\x06"]
        assert arps
        assert MAC6 not in {source_of(frame) for frame in arps}
