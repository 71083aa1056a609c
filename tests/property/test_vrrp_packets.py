"""Whatever arrives: what is no valid advert is counted under a reason and changes no state."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from services.vrrp.addresses import text
from services.vrrp.config.resolve import resolve
from services.vrrp.config.settings import DECODERS, SECOND, packed
from services.vrrp.election.events import Configured, InterfaceChanged, PacketReceived, Started, TimeReached
from services.vrrp.election.node import Node
from services.vrrp.wire.packet import IPV6_VRIDS, Advert, Format, Reject, decode, encode, number_of

T0 = 100 * SECOND
GROUP, SOURCE = packed("224.0.0.18"), packed("192.0.2.9")
GROUP6, SOURCE6 = packed("ff02::12"), packed("fe80::9")
OWN, OWN6 = packed("192.0.2.5"), packed("fe80::5")
FORMS = [
    Format(2, 51, SECOND, None, GROUP),
    Format(2, 51, SECOND, b"secret12", GROUP),
    Format(3, 51, SECOND, None, GROUP),
    Format(3, 51, SECOND, None, GROUP6),
    Format(3, 51, SECOND, None, GROUP, unicast=True),
    Format(3, 51, SECOND, None, GROUP6, unicast=True),
]
forms = st.sampled_from(FORMS)
priorities = st.integers(0, 255)
lists = st.lists(st.binary(min_size=16, max_size=16), max_size=8)


def advert(form: Format, priority: int, addresses: list[bytes]) -> bytes:
    """From a peer to us; `addresses` are cut to the family's length."""
    six = len(form.group) == 16
    listed = [address if six else address[:4] for address in addresses]
    to = (OWN6 if six else OWN) if form.unicast else None
    return encode(form, priority, listed, SOURCE6 if six else SOURCE, 0, to)


def node_for(form: Format, master: bool) -> Node:
    """A node whose only router is backup, or master, at T0."""
    value = {"interface": "eth0", "virtual_router_id": 51, "version": form.version, "nopreempt": not master}
    if form.auth:
        value["authentication"] = {"auth_type": "pass", "auth_pass": form.auth.decode()}
    value["native_ipv6"] = len(form.group) == 16
    if form.unicast:
        value["unicast_peer"] = [{"address": text(SOURCE6 if value["native_ipv6"] else SOURCE)}]
    node = Node()
    node.step(Started(()), T0)
    node.step(InterfaceChanged("eth0", 2, True, (text(OWN), text(OWN6))), T0)
    start = T0 - 4 * SECOND if master else T0
    node.step(Configured(resolve({("vrrp_instance", "A"): DECODERS["vrrp_instance"]("A", value)})), start)
    while master and (due := node.deadline()) is not None and due <= T0:
        node.step(TimeReached(), due)
    return node


def counted(node: Node) -> int:
    return sum(node.reception.rejected.values()) + sum(node.routers["A"].counters.rejected.values())


def picture(node: Node) -> tuple[object, ...]:
    router = node.routers["A"]
    return router.state, router.deadline, router.master_address, router.counters.adverts_received


@given(forms, st.booleans(), st.lists(st.binary(max_size=120), min_size=1, max_size=10))
def test_random_bytes_are_counted_and_change_nothing(form: Format, master: bool, packets: list[bytes]) -> None:
    node = node_for(form, master)
    before = picture(node)
    for data in packets:
        assert node.step(PacketReceived("eth0", data), T0 + 1) == ()
    assert picture(node) == before
    assert counted(node) == len(packets)


@settings(max_examples=300)
@given(forms, st.booleans(), priorities, lists, st.data())
def test_a_valid_advert_with_one_byte_of_its_message_changed_is_refused(
    form: Format, master: bool, priority: int, addresses: list[bytes], data: st.DataObject
) -> None:
    good = advert(form, priority, addresses)
    at = data.draw(st.integers(20 if good[0] >> 4 == 4 else 40, len(good) - 1))
    changed = good[at] ^ data.draw(st.integers(1, 255))
    bad = good[:at] + bytes([changed]) + good[at + 1 :]
    node = node_for(form, master)
    before = picture(node)
    assert node.step(PacketReceived("eth0", bad), T0 + 1) == ()
    assert picture(node) == before
    assert counted(node) == 1


@given(forms, priorities, lists, st.integers(0, 60))
def test_a_valid_advert_cut_short_is_refused(form: Format, priority: int, addresses: list[bytes], cut: int) -> None:
    good = advert(form, priority, addresses)
    node = node_for(form, False)
    node.step(PacketReceived("eth0", good[: min(cut, len(good) - 1)]), T0 + 1)
    assert counted(node) == 1


@given(forms, priorities, lists)
def test_what_is_encoded_is_decoded(form: Format, priority: int, addresses: list[bytes]) -> None:
    data = advert(form, priority, addresses)
    six = len(form.group) == 16
    assert number_of(data) == form.vrid + (IPV6_VRIDS if six else 0)
    listed = b"".join(address if six else address[:4] for address in addresses)
    assert decode(data, form) == Advert(priority, form.interval, SOURCE6 if six else SOURCE, listed)


@given(st.binary(min_size=28, max_size=200), forms)
def test_decoding_never_raises(data: bytes, form: Format) -> None:
    if not isinstance(number_of(data), Reject) and (data[0] >> 4 == 6) == (len(form.group) == 16):
        assert isinstance(decode(data, form), (Advert, Reject))
