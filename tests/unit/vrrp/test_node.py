"""One machine's routers together: packets to routers, one holder per address, interfaces, configuration, views."""

from __future__ import annotations

from typing import Any

import pytest

from services.vrrp.config.settings import SECOND, VirtualAddress, packed
from services.vrrp.election.actions import Action, AddAddresses, Hush, RemoveAddresses, SendAdvert, State, Transition
from services.vrrp.election.events import (
    AddressVanished,
    Failed,
    InterfaceChanged,
    LinkRestored,
    PacketReceived,
    ScriptResult,
    Started,
    Stopped,
    TimeReached,
)
from services.vrrp.election.node import Node
from services.vrrp.election.snapshot import Saved
from services.vrrp.views import counters_view, instance_view, script_view
from services.vrrp.wire.packet import Advert, Checksum, Format, decode, encode
from tests.kit.core import (
    ETH0,
    ETH1,
    FORM,
    T0,
    Objects,
    advance,
    configure,
    grouped,
    kinds,
    one,
    running,
    scripted,
    states,
    told,
    until_due,
    vrrp,
)

# -- packets


def test_an_advert_finds_its_router_by_interface_and_vrid() -> None:
    node = running(one() | {("vrrp_instance", "B"): vrrp(interface="eth1")})
    data = encode(FORM, 200, [packed("192.0.2.51")], packed("192.0.2.9"))
    node.step(PacketReceived("eth1", data), T0 + SECOND)
    node.step(PacketReceived("eth1", data), T0 + SECOND)
    assert node.routers["A"].counters.adverts_received == 0
    assert node.routers["B"].counters.adverts_received == 2


def test_rejected_packets_are_counted_by_reason_and_change_nothing() -> None:
    node = running(one())
    data = encode(FORM, 200, [packed("192.0.2.51")], packed("192.0.2.9"))
    node.step(PacketReceived("eth0", data[:22] + b"\x01" + data[23:]), T0)
    node.step(PacketReceived("eth0", data[:10]), T0)
    node.step(PacketReceived("eth0", encode(FORM._replace(vrid=9), 1, [], packed("192.0.2.9"))), T0)
    node.step(PacketReceived("eth7", data), T0)
    assert node.routers["A"].counters.rejected == {"checksum": 1}
    assert node.reception.rejected == {"truncated": 1, "unknown_vrid": 2}
    assert node.routers["A"].deadline == T0 + node.routers["A"].master_down_interval


def refused(node: Node) -> tuple[object, ...]:
    view = instance_view(node, "A", lambda when: when or 0)
    return tuple(view[key] for key in ("refused_reason", "refused_address", "refused_vrid", "refused_at"))  # type: ignore[literal-required]


def test_who_sent_what_is_no_advert_for_a_router_is_remembered() -> None:
    node = running(one())
    assert refused(node) == ("", "", 0, 0)
    node.step(PacketReceived("eth0", encode(FORM._replace(auth=bytes(8)), 1, [], packed("192.0.2.9"))), T0 + 1)
    assert refused(node) == ("auth_type", "192.0.2.9", 51, T0 + 1)


@pytest.mark.parametrize("family", [4, 6])
def test_another_vrid_with_an_address_of_a_router_is_remembered_of_that_and_one_without_is_not(family: int) -> None:
    own, other, source, group = ("192.0.2.51", "192.0.2.52", "192.0.2.9", "224.0.0.18")
    if family == 6:
        own, other, source, group = ("fe80::51", "fe80::52", "fe80::9", "ff02::12")
    form = Format(3, 52, SECOND, None, packed(group))
    node = running(one(addresses=[own], version=3), ETH0._replace(addresses=("192.0.2.5", "fe80::5")))
    node.step(PacketReceived("eth0", encode(form, 1, [packed(other)], packed(source))), T0 + 1)
    node.step(PacketReceived("eth1", encode(form, 1, [packed(own)], packed(source))), T0 + 1)
    assert refused(node) == ("", "", 0, 0)
    data = encode(form, 1, [packed(other), packed(own)], packed(source))
    node.step(PacketReceived("eth0", data[:-1]), T0 + 1)
    assert refused(node) == ("", "", 0, 0)
    node.step(PacketReceived("eth0", data), T0 + 2)
    assert refused(node) == ("unknown_vrid", source, 52, T0 + 2)


def test_a_list_of_other_addresses_is_told_of_the_last_advert() -> None:
    node = running(one(addresses=["192.0.2.51", "192.0.2.52"]))
    listed = [packed("192.0.2.52"), packed("192.0.2.51")]
    for at, (addresses, differs) in enumerate([(listed, False), (listed[:1], True), (listed, False)], 1):
        node.step(PacketReceived("eth0", encode(FORM, 200, addresses, packed("192.0.2.9"))), T0 + at)
        assert instance_view(node, "A", lambda when: when or 0)["heard_list_differs"] is differs


def test_a_faulted_router_looks_at_no_packet() -> None:
    node = running(one(), ETH0._replace(up=False))
    node.step(PacketReceived("eth0", b"\x45" + bytes(40)), T0)
    data = encode(FORM, 200, [], packed("192.0.2.9"))
    node.step(PacketReceived("eth0", data), T0)
    assert node.routers["A"].counters.rejected == {}
    assert node.routers["A"].counters.adverts_received == 0


def test_a_known_advert_is_checked_again_after_the_configuration_changed() -> None:
    node = running(one())
    data = encode(FORM, 200, [packed("192.0.2.51")], packed("192.0.2.9"))
    node.step(PacketReceived("eth0", data), T0)
    configure(node, one(advert_int=2 * SECOND))
    node.step(PacketReceived("eth0", data), T0)
    assert node.routers["A"].counters.rejected == {"interval": 1}


# -- unicast, IPv6, checksums

PEERS = [{"address": "192.0.2.8"}, {"address": "192.0.2.9"}, {"address": "192.0.2.5"}]
UNICAST = Format(2, 51, SECOND, None, packed("224.0.0.18"), unicast=True)
OWN, PEER = packed("192.0.2.5"), packed("192.0.2.9")
ETH0_BOTH = ETH0._replace(addresses=("192.0.2.5", "2001:db8::5", "fe80::5"))
FORM6 = Format(3, 51, SECOND, None, packed("ff02::12"))


def sent(actions: list[Action]) -> list[SendAdvert]:
    return [action for action in actions if isinstance(action, SendAdvert)]


def test_a_unicast_master_sends_one_packet_to_each_peer_but_itself() -> None:
    node = running(one(unicast_peer=PEERS, unicast_ttl=60, version=3))
    adverts = sent(advance(node, T0 + 4 * SECOND))
    assert [advert.to for advert in adverts[:2]] == ["192.0.2.8", "192.0.2.9"]
    for advert, to in zip(adverts, (packed("192.0.2.8"), PEER), strict=False):
        assert (advert.data[8], advert.data[12:16], advert.data[16:20]) == (60, OWN, to)
        heard = decode(advert.data, node.routers["A"].format)
        assert isinstance(heard, Advert)
        assert heard.checksum is Checksum.PSEUDO
    assert node.routers["A"].counters.adverts_sent * 2 == len(adverts)


def test_unicast_from_a_stranger_is_heard_unless_sources_are_checked() -> None:
    data = encode(UNICAST, 200, [packed("192.0.2.51")], packed("192.0.2.77"), 0, OWN)
    for more, heard in ({}, 2), ({"check_unicast_src": True}, 0):
        node = running(one(unicast_peer=PEERS, **more))
        for _ in range(2):
            node.step(PacketReceived("eth0", data), T0)
        assert node.routers["A"].counters.adverts_received == heard
        assert node.routers["A"].counters.rejected == ({} if heard else {"source": 2})


def test_a_peers_ttl_may_be_limited_and_that_checks_sources() -> None:
    node = running(one(unicast_peer=[{"address": "192.0.2.9", "min_ttl": 254}, {"address": "192.0.2.8"}]))
    for source, ttl in ("192.0.2.9", 254), ("192.0.2.9", 253), ("192.0.2.8", 1), ("192.0.2.7", 255):
        node.step(PacketReceived("eth0", encode(UNICAST._replace(ttl=ttl), 200, [], packed(source), 0, OWN)), T0)
    assert node.routers["A"].counters.adverts_received == 2
    assert node.routers["A"].counters.rejected == {"ttl": 1, "source": 1}


def test_a_known_unicast_advert_with_another_ttl_is_looked_at_again() -> None:
    node = running(one(unicast_peer=[{"address": "192.0.2.9", "min_ttl": 255}]))
    data = encode(UNICAST, 200, [packed("192.0.2.51")], PEER, 0, OWN)
    node.step(PacketReceived("eth0", data), T0)
    node.step(PacketReceived("eth0", data[:8] + b"\xfe" + data[9:]), T0)
    assert node.routers["A"].counters.rejected == {"ttl": 1}


def test_one_vrid_is_shared_by_families_and_by_unicast_with_other_peers() -> None:
    node = running(
        one()
        | {("vrrp_instance", "B"): vrrp(addresses=["fe80::51"])}
        | {("vrrp_instance", "C"): vrrp(addresses=["192.0.2.53"], unicast_peer=[{"address": "192.0.2.8"}])}
        | {("vrrp_instance", "D"): vrrp(addresses=["192.0.2.54"], unicast_peer=[{"address": "192.0.2.9"}])},
        ETH0_BOTH,
    )
    node.step(PacketReceived("eth0", encode(FORM, 200, [], PEER)), T0)
    node.step(PacketReceived("eth0", encode(FORM6, 201, [], packed("fe80::9"))), T0)
    node.step(PacketReceived("eth0", encode(UNICAST, 202, [], packed("192.0.2.8"), 0, OWN)), T0)
    node.step(PacketReceived("eth0", encode(UNICAST, 203, [], PEER, 0, OWN)), T0)
    node.step(PacketReceived("eth0", encode(UNICAST, 204, [], packed("192.0.2.7"), 0, OWN)), T0)
    assert {name: router.master_priority for name, router in node.routers.items()} == {"A": 200, "B": 201, "C": 202, "D": 203}
    assert node.reception.rejected == {"unknown_vrid": 1}


def test_without_peers_it_is_multicast_or_a_fault_as_asked() -> None:
    assert states(running(one(unicast_src_ip="192.0.2.5"))) == {"A": "BACKUP"}
    node = running(one(unicast_fault_no_peer=True))
    assert node.routers["A"].inputs.faults == ("unicast_fault_no_peer is set and there is no unicast_peer",)


@pytest.mark.parametrize(
    ("more", "source"),
    [
        ({}, "fe80::5"),
        ({"unicast_peer": [{"address": "fe80::9"}]}, "fe80::5"),
        ({"unicast_peer": [{"address": "2001:db8::9"}]}, "2001:db8::5"),
        ({"unicast_peer": [{"address": "2001:db8::9"}], "unicast_src_ip": "2001:db8::7"}, "2001:db8::7"),
        ({"mcast_src_ip": "fe80::7", "unicast_src_ip": "fe80::8"}, "fe80::7"),
    ],
)
def test_ipv6_adverts_come_from_the_link_unless_peers_are_beyond_it(more: dict[str, Any], source: str) -> None:
    node = running(one(addresses=["2001:db8::51/64"], **more), ETH0_BOTH)
    assert node.routers["A"].inputs.source == packed(source)


def test_ipv6_without_an_address_of_the_link_is_a_fault_that_heals() -> None:
    node = running(one(addresses=["fe80::51"]), ETH0)
    assert node.routers["A"].inputs.faults == ("interface eth0 has no IPv6 link-local address to send adverts from",)
    node.step(ETH0._replace(trouble6="Address family not supported"), T0)
    assert node.routers["A"].inputs.faults == ("interface eth0 cannot be used: Address family not supported",)
    node.step(ETH0_BOTH, T0)
    assert states(node) == {"A": "BACKUP"}


def test_an_ipv6_router_is_elected_like_any_other() -> None:
    node = running(one(addresses=["fe80::51", "2001:db8::51"], priority=100), ETH0_BOTH)
    higher = encode(FORM6, 200, [packed("2001:db8::51"), packed("fe80::51")], packed("fe80::9"))
    for at in range(3):
        assert node.step(PacketReceived("eth0", higher), T0 + at * SECOND) == ()
    assert instance_view(node, "A", lambda when: when or 0)["master_address"] == "fe80::9"
    assert node.routers["A"].counters.address_list_errors == 0
    node.step(PacketReceived("eth0", higher[:7] + b"\xfe" + higher[8:]), T0 + 3 * SECOND)
    assert node.routers["A"].counters.rejected == {"ttl": 1}
    actions = advance(node, T0 + 7 * SECOND)
    advert = sent(actions)[0]
    assert (advert.family, advert.to) == (6, "")
    assert decode(advert.data, FORM6) == Advert(100, SECOND, packed("fe80::5"), packed("fe80::51") + packed("2001:db8::51"))


def bare(priority: int = 50, kind: Checksum = Checksum.BARE) -> bytes:
    form = FORM._replace(version=3, checksums=(kind,))
    return encode(form, priority, [packed("192.0.2.51")], PEER)


@pytest.mark.parametrize(
    ("more", "accepted", "own"),
    [
        ({}, True, Checksum.BARE),
        ({"v3_checksum_as_v2": True}, True, Checksum.BARE),
        ({"v3_checksum_as_v2": False}, False, Checksum.PSEUDO),
    ],
)
def test_a_checksum_without_pseudo_header_is_understood_and_answered_as_configured(
    more: dict[str, Any], accepted: bool, own: Checksum
) -> None:
    node = running(one(version=3, **more))
    advance(node, T0 + 4 * SECOND)
    assert states(node) == {"A": "MASTER"}
    answers = sent(list(node.step(PacketReceived("eth0", bare()), T0 + 4 * SECOND)))
    assert bool(answers) is accepted
    assert node.routers["A"].counters.rejected == ({} if accepted else {"checksum": 1})
    answers = sent(advance(node, T0 + 6 * SECOND))
    heard = decode(answers[-1].data, FORM._replace(version=3, checksums=(Checksum.PSEUDO, Checksum.BARE)))
    assert isinstance(heard, Advert)
    assert heard.checksum is own


def test_with_the_checksum_of_version_2_both_forms_are_heard_and_its_own_stays() -> None:
    node = running(one(version=3, v3_checksum_as_v2=True))
    node.step(PacketReceived("eth0", bare(200, Checksum.PSEUDO)), T0 + SECOND)
    assert node.routers["A"].counters.adverts_received == 1
    assert node.routers["A"].format.checksums[0] is Checksum.BARE


def test_what_peers_were_heard_to_use_outlives_a_change_of_configuration() -> None:
    node = running(one(version=3))
    node.step(PacketReceived("eth0", bare(200)), T0 + SECOND)
    configure(node, one(version=3, priority=90))
    assert node.routers["A"].format.checksums[0] is Checksum.BARE
    configure(node, one(version=3, v3_checksum_as_v2=False))
    assert node.routers["A"].format.checksums == (Checksum.PSEUDO,)


@pytest.mark.parametrize(
    ("old", "accepted", "own"),
    [("", True, Checksum.GROUP), ("always", True, Checksum.GROUP), ("never", False, Checksum.PSEUDO)],
)
def test_keepaliveds_old_unicast_checksum_is_understood_and_used_as_configured(old: str, accepted: bool, own: Checksum) -> None:
    more = {"old_unicast_checksum": old} if old else {}
    node = running(one(version=3, unicast_peer=PEERS, **more))
    form = UNICAST._replace(version=3, checksums=(Checksum.GROUP,))
    node.step(PacketReceived("eth0", encode(form, 200, [], PEER, 0, OWN)), T0 + SECOND)
    assert node.routers["A"].counters.adverts_received == accepted
    assert node.routers["A"].format.checksums[0] is own


def test_an_address_that_need_not_stay_may_be_removed_by_anybody() -> None:
    rows = [{"address": "192.0.2.51"}, {"address": "192.0.2.52", "no_track": True}]
    node = running(one(virtual_ipaddress=rows))
    advance(node, T0 + 4 * SECOND)
    assert node.step(AddressVanished("eth0", "192.0.2.52"), T0 + 4 * SECOND) == ()
    assert kinds(node.step(AddressVanished("eth0", "192.0.2.51"), T0 + 4 * SECOND))[0] == "SendAdvert"


def test_an_address_whose_attributes_change_is_taken_off_right_before_it_is_put_on() -> None:
    node = running(one(virtual_ipaddress=[{"address": "192.0.2.51/24", "label": "eth0:a"}]))
    advance(node, T0 + 4 * SECOND)
    actions = configure(node, one(virtual_ipaddress=[{"address": "192.0.2.51/25", "label": "eth0:b"}]), T0 + 4 * SECOND)
    [change] = [action for action in actions if isinstance(action, AddAddresses)]
    assert [(row.prefix, row.label) for row in change.addresses] == [(25, "eth0:b")]
    assert [(row.prefix, row.label) for row in change.instead] == [(24, "eth0:a")]
    assert "RemoveAddresses" not in kinds(actions)


def test_an_instance_that_changes_its_family_is_another_router() -> None:
    node = running(one(version=3), ETH0_BOTH)
    advance(node, T0 + 4 * SECOND)
    actions = configure(node, one(addresses=["fe80::51"], version=3), T0 + 4 * SECOND)
    assert [t.after for t in actions if isinstance(t, Transition)] == ["DELETED", "BACKUP"]


# -- interfaces


@pytest.mark.parametrize(
    ("interface", "fault"),
    [
        (ETH0._replace(number=0, up=False, addresses=()), "interface eth0 does not exist"),
        (ETH0._replace(up=False), "interface eth0 is down"),
        (ETH0._replace(addresses=()), "interface eth0 has no IPv4 address to send adverts from"),
        (ETH0._replace(addresses=("192.0.2.51",)), "interface eth0 has no IPv4 address to send adverts from"),
        (ETH0._replace(trouble="no permission"), "interface eth0 cannot be used: no permission"),
    ],
)
def test_an_interface_that_cannot_carry_adverts_is_a_fault_with_its_reason(interface: InterfaceChanged, fault: str) -> None:
    node = running(one(), interface)
    assert node.routers["A"].inputs.faults == (fault,)
    assert states(node) == {"A": "FAULT"}
    node.step(ETH0, T0 + SECOND)
    assert states(node) == {"A": "BACKUP"}


def test_a_source_that_was_configured_need_not_be_there() -> None:
    node = running(one(mcast_src_ip="203.0.113.1"), ETH0._replace(addresses=()))
    assert node.routers["A"].inputs.source == packed("203.0.113.1")


def test_an_owners_virtual_address_may_be_the_interfaces_own() -> None:
    node = running(one(priority=255), ETH0._replace(addresses=("192.0.2.51",)))
    assert node.routers["A"].inputs.source == packed("192.0.2.51")


def test_the_source_stays_while_it_is_there_and_gives_way_to_the_next() -> None:
    node = running(one())
    node.step(ETH0._replace(addresses=("192.0.2.1", "192.0.2.5")), T0)
    assert node.routers["A"].inputs.source == packed("192.0.2.5")
    node.step(ETH0._replace(addresses=("192.0.2.1",)), T0)
    assert node.routers["A"].inputs.source == packed("192.0.2.1")


def test_an_interface_that_is_not_tracked_may_be_down() -> None:
    assert states(running(one(dont_track_primary=True), ETH0._replace(up=False))) == {"A": "BACKUP"}


@pytest.mark.parametrize("field", ["virtual_ipaddress", "virtual_ipaddress_excluded"])
def test_the_interface_of_each_address_must_be_up_unless_it_is_not_tracked(field: str) -> None:
    elsewhere = {"address": "198.51.100.9/24", "dev": "eth1"}
    node = running(one(**{field: [elsewhere]}))
    node.step(ETH1._replace(up=False), T0)
    assert node.routers["A"].inputs.faults == ("interface eth1 is down",)
    node = running(one(**{field: [elsewhere | {"no_track": True}]}))
    node.step(ETH1._replace(up=False), T0)
    assert states(node) == {"A": "BACKUP"}


def test_tracked_interfaces_fault_or_adjust() -> None:
    tracked = [{"name": "eth1"}, {"name": "eth2", "weight": 10}, {"name": "eth0"}, {"name": "eth9", "reverse": True}]
    node = running(one(track_interface=tracked))
    assert node.routers["A"].inputs.priority == 100
    node.step(InterfaceChanged("eth2", 4, True, ()), T0)
    assert node.routers["A"].inputs.priority == 110
    node.step(ETH1._replace(up=False), T0)
    assert node.routers["A"].inputs.faults == ("interface eth1 is down",)
    node.step(InterfaceChanged("eth9", 5, True, ()), T0)
    assert node.routers["A"].inputs.faults == ("interface eth1 is down", "interface eth9 is up")


def test_an_interface_event_that_changes_nothing_does_nothing() -> None:
    node = running(one())
    node.take_dirty()
    assert node.step(ETH0, T0) == ()
    assert node.take_dirty() == set()


def test_addresses_return_to_an_interface_that_returns() -> None:
    node = running(
        {("vrrp_instance", "A"): vrrp(virtual_ipaddress=[{"address": "192.0.2.9", "dev": "eth1", "no_track": True}])}
    )
    until_due(node)
    node.step(ETH1._replace(number=0, up=False), T0 + 5 * SECOND)
    actions = node.step(ETH1._replace(number=8), T0 + 5 * SECOND)
    assert kinds(actions) == ["AddAddresses", "Announce"]


# -- addresses


def test_a_removed_address_that_nobody_holds_does_nothing() -> None:
    node = running(one())
    assert node.step(AddressVanished("eth0", "192.0.2.51"), T0) == ()
    due, _ = until_due(node)
    assert "RemoveAddresses" in kinds(node.step(AddressVanished("eth0", "192.0.2.51"), due + 1))


def test_an_address_that_two_routers_list_is_not_removed_under_the_other() -> None:
    both = {
        ("vrrp_instance", "A"): vrrp(51, addresses=["192.0.2.9"]),
        ("vrrp_instance", "B"): vrrp(52, addresses=["192.0.2.9"]),
    }
    node = running(both)
    advance(node, T0 + 4 * SECOND)
    assert states(node) == {"A": "MASTER", "B": "MASTER"}
    actions = configure(node, {("vrrp_instance", "B"): both["vrrp_instance", "B"]}, T0 + 4 * SECOND)
    assert "RemoveAddresses" not in kinds(actions)


def test_an_address_that_moves_between_masters_is_added_and_not_removed() -> None:
    node = running({("vrrp_instance", "A"): vrrp(51, addresses=["192.0.2.9"]), ("vrrp_instance", "B"): vrrp(52)})
    advance(node, T0 + 4 * SECOND)
    moved = {("vrrp_instance", "A"): vrrp(51, addresses=["192.0.2.8"])}
    moved["vrrp_instance", "B"] = vrrp(52, addresses=["192.0.2.52", "192.0.2.9"])
    actions = configure(node, moved, T0 + 4 * SECOND)
    assert [row.address for a in actions if isinstance(a, AddAddresses) for row in a.addresses] == ["192.0.2.8", "192.0.2.9"]
    assert not [a for a in actions if isinstance(a, RemoveAddresses)]


def test_leftovers_of_a_predecessor_that_nobody_will_have_are_removed() -> None:
    left = VirtualAddress("203.0.113.7", dev="eth0")
    kept = VirtualAddress("192.0.2.51", dev="eth0")
    saved = Saved("instance", "gone", "MASTER", last_advert=T0, addresses=(left, kept))
    node = Node()
    node.step(Started((saved,)), T0)
    node.step(ETH0, T0)
    removed = [a.addresses for a in configure(node, one()) if isinstance(a, RemoveAddresses)]
    assert (left,) in removed


# -- configuration, stop


def test_what_is_the_same_is_not_disturbed() -> None:
    node = running(one())
    due = node.deadline()
    node.take_dirty()
    assert configure(node, one(), T0 + SECOND) == ()
    assert node.deadline() == due
    assert node.take_dirty() == set()


def test_another_vrid_is_another_router() -> None:
    node = running(one())
    until_due(node)
    actions = configure(node, one(vrid=60), T0 + 4 * SECOND)
    assert told(actions) == [("A", "DELETED"), ("A", "BACKUP")]
    sent = [a.data[21:23] for a in actions if isinstance(a, SendAdvert)]
    assert sent == [bytes([51, 0])]


def test_a_removed_instance_leaves_with_priority_0() -> None:
    node = running(one())
    until_due(node)
    actions = configure(node, {}, T0 + 4 * SECOND)
    assert kinds(actions) == ["SendAdvert", "RemoveAddresses", "Transition"]
    assert advance(node, T0 + 100 * SECOND) == []


def test_a_startup_delay_holds_everything_and_a_later_configuration_does_not() -> None:
    node = running(one() | {("global", ""): {"vrrp_startup_delay": 5 * SECOND}})
    assert states(node) == {"A": "INIT"}
    advance(node, T0 + 5 * SECOND)
    assert states(node) == {"A": "BACKUP"}
    configure(node, one() | {("vrrp_instance", "B"): vrrp(52), ("global", ""): {"vrrp_startup_delay": 5 * SECOND}})
    assert states(node)["B"] == "BACKUP"


def test_a_stop_sends_every_priority_0_before_it_removes_anything() -> None:
    node = running(grouped())
    advance(node, T0 + 4 * SECOND)
    actions = node.step(Stopped(), T0 + 4 * SECOND)
    assert kinds(actions) == ["SendAdvert"] * 2 + ["RemoveAddresses"] * 2 + ["Transition"] * 3
    assert node.deadline() is None


def test_failures_of_the_shell_are_counted() -> None:
    node = running(one())
    for what in ("advert", "announce", "address", "address"):
        node.step(Failed(what, "A"), T0)
    node.step(Failed("advert", "gone"), T0)
    counters = counters_view(node.routers["A"].counters)
    assert (counters["send_errors"], counters["address_errors"]) == (2, 2)


def test_no_step_serves_more_timers_than_its_share() -> None:
    many = {("vrrp_instance", f"I{n}"): vrrp(n % 250 + 1, interface=f"e{n // 250}", priority=255) for n in range(500)}
    links = [InterfaceChanged(f"e{n}", n + 10, True, (f"192.0.{n}.5",)) for n in range(2)]
    node = running(many, *links)
    first = node.step(TimeReached(), T0)
    assert 0 < len([a for a in first if isinstance(a, SendAdvert)]) < 500
    assert node.deadline() == T0


# -- views


def test_the_view_tells_what_an_operator_asks() -> None:
    node = running(scripted(weight=-20))
    node.step(ScriptResult("chk", False), T0)
    advance(node, T0 + 4 * SECOND)
    node.step(ETH0._replace(addresses=("192.0.2.5", "192.0.2.51")), T0 + 4 * SECOND)
    view = instance_view(node, "A", lambda t: t or 0)
    assert view["state"] == "MASTER"
    assert view["cause"] == "no advert from anybody for 3.688 s"
    assert (view["base_priority"], view["effective_priority"]) == (100, 80)
    assert view["trackers"] == [
        {
            "kind": "script",
            "name": "chk",
            "state": "down",
            "weight": -20,
            "reverse": False,
            "adjustment": -20,
            "fault": False,
            "value": 0,
        }
    ]
    assert view["addresses_held"] == ["192.0.2.51/32 dev eth0"]
    assert (view["source_address"], view["master_address"]) == ("192.0.2.5", "192.0.2.5")
    assert script_view(node, "chk", lambda t: t or 0)["state"] == "down"


def test_the_view_of_a_backup_has_its_timer_and_no_addresses() -> None:
    view = instance_view(running(one()), "A", lambda t: t or 0)
    assert view["master_down_at"] == T0 + 3 * SECOND + 156 * SECOND // 256
    assert (view["next_advert_at"], view["next_garp_at"], view["addresses_held"]) == (0, 0, [])
    assert view["master_address"] == ""


def test_states_have_keepaliveds_words() -> None:
    assert [state.value for state in State] == ["INIT", "BACKUP", "MASTER", "FAULT"]


# -- looking ahead


@pytest.mark.parametrize("objects", [one(), grouped()])
def test_a_takeover_is_foreseen_as_it_happens_and_foreseeing_changes_nothing(objects: Objects) -> None:
    node = running(objects)
    due = node.takeover_at
    foreseen = node.foresee()
    assert foreseen == node.foresee()
    assert (states(node), node.takeover_at) == (dict.fromkeys(node.routers, "BACKUP"), due)
    assert until_due(node) == (due, foreseen)


def test_the_takeover_of_a_large_group_is_not_looked_at_beforehand() -> None:
    objects: Objects = {("vrrp_instance", f"V{k}"): vrrp(k) for k in range(11, 21)}
    objects["vrrp_sync_group", "G"] = {"group": [f"V{k}" for k in range(11, 21)]}
    assert running(objects).foresee() == ()


def test_nobody_takes_over_where_a_master_has_the_next_deadline() -> None:
    node = running(one())
    until_due(node)
    assert states(node) == {"A": "MASTER"}
    assert node.takeover_at is None


# -- adverts of which little is looked at, and none before the machine is up


def test_the_addresses_of_the_same_master_are_compared_once_where_that_is_enough() -> None:
    for more, errors in ({}, 3), ({"skip_check_adv_addr": True}, 1):
        node = running(one(**more))
        for priority in (200, 201, 202):
            data = encode(FORM, priority, [packed("192.0.2.99")], packed("192.0.2.9"))
            node.step(PacketReceived("eth0", data), T0)
        assert node.routers["A"].counters.address_list_errors == errors
        assert node.routers["A"].counters.adverts_received == 3


@pytest.mark.parametrize(
    ("general", "until"),
    [
        ({"vrrp_delay_after_boot": 130 * SECOND}, 130 * SECOND),
        ({"vrrp_delay_after_boot": 103 * SECOND, "vrrp_startup_delay": 5 * SECOND}, T0 + 5 * SECOND),
        ({"vrrp_delay_after_boot": 90 * SECOND}, None),
    ],
)
def test_elections_wait_until_the_machine_has_been_up_for_long_enough(general: dict[str, Any], until: int | None) -> None:
    node = running(one(priority=255) | {("global", ""): general})
    assert node.held_until("A") == until
    if until is not None:
        assert states(node) == {"A": "INIT"}
        advance(node, until)
    advance(node, (until or T0) + 1)
    assert states(node) == {"A": "MASTER"}


SIX = {"use_vmac": {}, "addresses": ["fe80::51"], "native_ipv6": True}
ETH0_SIX = InterfaceChanged("eth0", 2, True, ("fe80::5",))
VMAC = InterfaceChanged("vrrp.51", 9, True, ())


def test_an_ipv6_vmac_may_speak_while_its_router_is_master_and_adverts_have_its_mac() -> None:
    node = Node()
    node.step(Started(()), T0)
    for interface in (ETH0_SIX, VMAC):
        node.step(interface, T0)
    started = configure(node, one(**SIX))
    assert [action for action in started if isinstance(action, Hush)] == [Hush("A", ("vrrp.51",), True)]
    when, actions = until_due(node)
    assert kinds(actions) == ["SendAdvert", "Hush", "AddAddresses", "Announce", "Transition"]
    assert actions[1] == Hush("A", ("vrrp.51",), False)
    assert isinstance(actions[0], SendAdvert)
    assert (actions[0].interface, actions[0].mac.hex(":")) == ("eth0", "00:00:5e:00:02:33")
    assert kinds(node.step(Stopped(), when)) == ["SendAdvert", "Hush", "RemoveAddresses", "Transition"]


def test_a_restored_vmac_gets_its_addresses_back_from_a_master_only() -> None:
    node = running(one(**SIX), ETH0_SIX, VMAC)
    assert node.step(LinkRestored("vrrp.51"), T0) == ()
    when, _actions = until_due(node)
    assert kinds(node.step(LinkRestored("vrrp.51"), when)) == ["Hush", "AddAddresses", "Announce"]


def test_without_its_vmac_an_instance_is_in_fault_and_says_why() -> None:
    node = running(one(use_vmac={}), ETH0, InterfaceChanged("vrrp.51", 0, False, (), "no permission"))
    assert node.routers["A"].inputs.faults == ("interface vrrp.51 does not exist: no permission",)
    node.step(VMAC, T0)
    assert states(node) == {"A": "BACKUP"}
    assert instance_view(node, "A", lambda when: when or 0)["links"] == ["vrrp.51 on eth0 00:00:5e:00:01:33 up"]
    node.step(InterfaceChanged("eth0", 0, False, ()), T0)
    node.step(InterfaceChanged("vrrp.51", 0, False, ()), T0)
    assert node.routers["A"].inputs.faults == ("interface eth0 does not exist",)
    assert instance_view(node, "A", lambda when: when or 0)["links"] == ["vrrp.51 on eth0 00:00:5e:00:01:33 missing"]
