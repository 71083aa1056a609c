"""Instances without an interface: where they are, what they need, and that no packet counts as nobody's for it."""

from __future__ import annotations

from typing import Any

from services.vrrp.addresses import place
from services.vrrp.config.places import missing, shown
from services.vrrp.config.resolve import Resolved, resolve
from services.vrrp.config.settings import DECODERS, SECOND, packed
from services.vrrp.election.events import Configured, InterfaceChanged, PacketReceived, Started
from services.vrrp.election.node import Node
from services.vrrp.engine.places import Places
from services.vrrp.netlink import IFF_RUNNING, IFF_UP, Interface
from services.vrrp.wire.packet import Format, encode

T0 = 100 * SECOND
UP = IFF_UP | IFF_RUNNING
OWN, PEER = "192.0.2.1", "192.0.2.2"
HERE = place(OWN, "")
ANYWHERE: dict[str, Any] = {"virtual_router_id": 51, "unicast_src_ip": OWN, "unicast_peer": [{"address": PEER}]}
ETH0 = {"interface": "eth0", "virtual_router_id": 52, "virtual_ipaddress": [{"address": "192.0.2.10"}]}


def resolved(general: dict[str, Any] | None = None, **instances: dict[str, Any]) -> Resolved:
    objects = {("vrrp_instance", name): value for name, value in instances.items()} | {("global", ""): general or {}}
    return resolve({(kind, name): DECODERS[kind](name, value) for (kind, name), value in objects.items()})


def advert(vrid: int, to: str = OWN) -> bytes:
    form = Format(2, vrid, SECOND, None, packed("224.0.0.18"), unicast=True)
    return encode(form, 200, [], packed(PEER), 0, packed(to))


def running(**instances: dict[str, Any]) -> Node:
    node = Node()
    node.step(Started(()), T0)
    node.step(InterfaceChanged("eth0", 2, True, ("192.0.2.5",)), T0)
    node.step(InterfaceChanged(HERE, 2, True, (OWN,)), T0)
    node.step(Configured(resolved(**instances)), T0)
    return node


def test_a_place_has_words_of_its_own() -> None:
    assert [shown(name) for name in ("eth0", HERE, place(OWN, "red"))] == [
        "eth0",
        "any interface",
        "any interface of VRF red",
    ]
    assert missing("eth0") == "interface eth0 does not exist"
    assert missing(place(OWN, "red")) == "no interface of VRF red that is up has the address 192.0.2.1"


def test_addresses_without_an_interface_are_on_the_default_one_which_must_be_up() -> None:
    rows = [{"address": "192.0.2.10"}, {"address": "192.0.2.11", "dev": "eth2"}, {"address": "192.0.2.12", "no_track": True}]
    found = resolved({"default_interface": "eth1"}, A=ANYWHERE | {"virtual_ipaddress": rows}).routers["A"]
    assert [row.dev for row in found.addresses] == ["eth1", "eth2", "eth1"]
    assert (found.interface, found.depends) == (HERE, ("eth1", "eth2"))


def test_what_several_sockets_hear_is_heard_once_and_nobodys_only_where_it_is() -> None:
    node = running(A=ANYWHERE, B=ETH0)
    for vrid in (51, 52):
        for at in (HERE, "eth0"):
            node.step(PacketReceived(at, advert(vrid)), T0)
    assert node.routers["A"].counters.adverts_received == 1
    assert node.reception.rejected == {}
    node.step(PacketReceived(HERE, advert(53)), T0)
    node.step(PacketReceived("eth0", advert(53)), T0)
    assert node.reception.rejected == {"unknown_vrid": 2}


def test_a_place_is_an_interface_that_is_up_and_has_the_address_in_its_vrf() -> None:
    red = place(OWN, "red")
    places = Places()
    eth0 = Interface(2, "eth0", UP, b"", (OWN,))
    vrf = Interface(9, "red", UP, b"", ("192.0.2.9",), kind="vrf")
    places.configure([HERE, red, "eth0", place("192.0.2.9", "red")], {"eth0": eth0, "red": vrf})
    assert {name: one.number for name, one in places.found.items()} == {HERE: 2, place("192.0.2.9", "red"): 9}
    assert places.look({"eth0": eth0._replace(master=9), "red": vrf}) == {HERE, red}
    assert places.look({"eth0": eth0._replace(master=9), "red": vrf}) == set()
    assert places.look({"eth0": eth0._replace(flags=IFF_UP), "red": vrf}) == {red}
    assert places.look({"eth0": eth0._replace(master=8), "br0": Interface(8, "br0", UP, b"", kind="bridge")}) == {
        HERE,
        place("192.0.2.9", "red"),
    }
    places.configure([], {"eth0": eth0})
    assert places.found == {}
