"""Adverts in IPSEC-AH: keepalived's bytes, every reason to refuse one, and how numbers go on from master to master."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import Any

import pytest

from services.common.errors import InvalidValue
from services.vrrp.config.resolve import Resolved, resolve
from services.vrrp.config.settings import DECODERS, SECOND, packed
from services.vrrp.election.actions import SendAdvert
from services.vrrp.election.events import Configured, InterfaceChanged, PacketReceived, Started, TimeReached
from services.vrrp.election.node import Node
from services.vrrp.election.snapshot import Saved
from services.vrrp.wire.ah import LAST, Counter, Seal
from services.vrrp.wire.packet import PROTOCOL_AH, Advert, Format, Reject, decode, encode, number_of

T0 = 100 * SECOND
KEY = b"secret12"
GROUP, SOURCE, VIP = packed("224.0.0.18"), packed("192.0.2.1"), packed("192.0.2.10")
FORM = Format(2, 51, SECOND, None, GROUP, ah=Seal(KEY, unicast=False))
UNICAST = FORM._replace(unicast=True, ah=Seal(KEY, unicast=True))
GOLDEN = bytes.fromhex(
    "45c0004000010000ff3318b6c0000201e0000012"
    + "70040000c00002010000000120bbecb05df5ff649b2cc591"
    + "213364010201b6bfc000020a0000000000000000"
)
CAPTURE = Path(__file__).resolve().parents[4] / "shared" / "reference" / "captures" / "ah.pcap"


def sealed(sequence: int, form: Format = FORM, priority: int = 100, to: bytes | None = None) -> bytes:
    assert form.ah is not None
    return form.ah.close(encode(form, priority, [VIP], SOURCE, 0, to), sequence)


def changed(data: bytes, at: int, value: int) -> bytes:
    return data[:at] + bytes([value]) + data[at + 1 :]


def test_the_first_advert_is_keepaliveds_packet_and_keepaliveds_is_understood() -> None:
    assert Seal(KEY, unicast=False).close(encode(FORM, 100, [VIP], SOURCE, 1), 1) == GOLDEN
    assert number_of(GOLDEN) == 51
    assert decode(GOLDEN, FORM) == Advert(100, SECOND, SOURCE, VIP, sequence=1)


def test_all_adverts_of_a_capture_of_keepalived_are_understood_and_new() -> None:
    if not CAPTURE.exists():
        pytest.skip("no captures of keepalived beside this checkout")
    data, at, heard, counter = CAPTURE.read_bytes(), 24, 0, Counter()
    while at < len(data):
        length = int.from_bytes(data[at + 8 : at + 12], "little")
        frame = data[at + 16 : at + 16 + length]
        at += 16 + length
        if frame[12:14] == b"\x08\x00" and frame[23] == PROTOCOL_AH:
            advert = decode(frame[14:], FORM)
            assert isinstance(advert, Advert)
            assert counter.admit(advert) is None
            assert counter.admit(advert) is Reject.REPLAY
            heard += 1
    assert heard > 5


@pytest.mark.parametrize("key", [b"secret12", b"x\0\0\0\0\0\0\0"])
def test_the_seal_is_an_hmac_of_md5_by_another_reading(key: bytes) -> None:
    data = Seal(key, unicast=True).close(encode(UNICAST, 255, [VIP], SOURCE, 0, VIP), 0x01020304)
    fixed = bytearray(data)
    fixed[1] = fixed[8] = 0
    fixed[6:8] = fixed[10:12] = bytes(2)
    fixed[32:44] = bytes(12)
    assert data[28:32] == b"\x01\x02\x03\x04"
    assert data[32:44] == hmac.new(key, bytes(fixed), hashlib.md5).digest()[:12]


def test_what_routers_on_the_way_change_is_not_sealed_for_unicast() -> None:
    data = sealed(7, UNICAST, to=packed("192.0.2.2"))
    routed = changed(changed(changed(data, 8, 60), 1, 0x20), 10, 99)
    assert isinstance(decode(routed, UNICAST), Advert)
    assert decode(changed(sealed(7), 8, 254), FORM) is Reject.TTL


@pytest.mark.parametrize(
    ("data", "form", "reason"),
    [
        (changed(GOLDEN, 31, 2), FORM, Reject.AUTH_FAILURE),  # another number
        (changed(GOLDEN, 43, 0), FORM, Reject.AUTH_FAILURE),  # another ICV
        (changed(GOLDEN, 5, 2), FORM, Reject.AUTH_FAILURE),  # another identification
        (GOLDEN, FORM._replace(ah=Seal(b"secret34", unicast=False)), Reject.AUTH_FAILURE),
        (GOLDEN, FORM._replace(ah=None), Reject.AUTH_TYPE),
        (GOLDEN, FORM._replace(ah=None, auth=KEY), Reject.AUTH_TYPE),
        (encode(FORM._replace(ah=None), 100, [VIP], SOURCE), FORM, Reject.AUTH_TYPE),
        (encode(FORM._replace(ah=None, auth=KEY), 100, [VIP], SOURCE), FORM, Reject.AUTH_TYPE),
        (GOLDEN[:63], FORM, Reject.TRUNCATED),
        (GOLDEN[:2] + b"\0\x33" + GOLDEN[4:52], FORM, Reject.TRUNCATED),
        (GOLDEN[:2] + b"\0\x3f" + GOLDEN[4:63], FORM, Reject.LENGTH),
        (changed(GOLDEN, 46, 254), FORM, Reject.CHECKSUM),
        (GOLDEN, FORM._replace(interval=2 * SECOND), Reject.INTERVAL),
        (GOLDEN, FORM._replace(version=3), Reject.VERSION),
    ],
)
def test_each_wrong_packet_is_refused_for_its_reason(data: bytes, form: Format, reason: Reject) -> None:
    assert decode(data, form) is reason


def test_a_seal_that_names_another_sender_is_refused_even_if_it_is_right() -> None:
    stolen = Seal(KEY, unicast=False).close(changed(GOLDEN, 27, 9), 1)
    assert decode(stolen, FORM) is Reject.AUTH_FAILURE


def test_ipsec_of_others_and_what_is_cut_short_has_no_vrid() -> None:
    assert number_of(changed(GOLDEN, 20, 6)) is Reject.FOREIGN
    assert number_of(GOLDEN[:51]) is Reject.TRUNCATED


def test_the_counter_ends_where_keepaliveds_does_and_begins_again_on_both_sides() -> None:
    sender, receiver = Counter(LAST - 1), Counter(LAST - 1)
    numbers = [sender.next() for _ in range(3)]
    assert numbers == [LAST, 1, 2]
    assert [receiver.admit(Advert(100, SECOND, SOURCE, b"", sequence=n)) for n in numbers] == [None, None, None]
    assert receiver.admit(Advert(100, SECOND, SOURCE, b"", sequence=2)) is Reject.REPLAY


# -- in a node


def instance(**more: Any) -> dict[str, Any]:
    base = {"interface": "eth0", "virtual_router_id": 51, "virtual_ipaddress": [{"address": "192.0.2.10"}]}
    return base | {"authentication": {"auth_type": "ah", "auth_pass": "secret12"}} | more


def resolved(general: dict[str, Any] | None = None, **more: Any) -> Resolved:
    objects = {("vrrp_instance", "A"): DECODERS["vrrp_instance"]("A", instance(**more))}
    return resolve(objects | {("global", ""): DECODERS["global"]("", general or {})})


def running(*saved: Saved, **more: Any) -> Node:
    node = Node()
    node.step(Started(saved), T0)
    node.step(InterfaceChanged("eth0", 2, True, ("192.0.2.5",)), T0)
    node.step(Configured(resolved(**more)), T0)
    return node


def adverts(node: Node, until: int) -> list[SendAdvert]:
    found: list[SendAdvert] = []
    while (due := node.deadline()) is not None and due <= until:
        found += [action for action in node.step(TimeReached(), due) if isinstance(action, SendAdvert)]
    return found


def test_a_master_numbers_its_adverts_and_gives_all_peers_one_number() -> None:
    peers = [{"address": "192.0.2.8"}, {"address": "192.0.2.9"}]
    sent = adverts(running(unicast_peer=peers), T0 + 6 * SECOND)
    assert [a.sequence for a in sent[:6]] == [1, 1, 2, 2, 3, 3]
    assert {a.family for a in sent} == {PROTOCOL_AH}
    assert [a.to for a in sent[:2]] == ["192.0.2.8", "192.0.2.9"]
    assert all(isinstance(decode(a.data, UNICAST), Advert) for a in sent)


def test_whoever_takes_over_goes_on_from_the_last_number_heard() -> None:
    node = running()
    node.step(PacketReceived("eth0", sealed(41)), T0)
    assert node.routers["A"].counters.adverts_received == 1
    assert [a.sequence for a in adverts(node, T0 + 5 * SECOND)] == [42, 43]


def test_replayed_adverts_are_counted_and_keep_no_backup_from_taking_over() -> None:
    node = running()
    due = node.deadline()
    node.step(PacketReceived("eth0", sealed(41)), T0 + SECOND)
    assert node.routers["A"].deadline != due
    due = node.routers["A"].deadline
    for sequence in (41, 40, 1):
        assert node.step(PacketReceived("eth0", sealed(sequence)), T0 + 2 * SECOND) == ()
    assert node.routers["A"].counters.rejected == {"replay": 3}
    assert node.routers["A"].deadline == due


def test_a_replayed_release_or_higher_priority_moves_no_master() -> None:
    node = running()
    old = [sealed(1, priority=0), sealed(1, priority=255)]
    adverts(node, T0 + 6 * SECOND)
    for data in old:
        assert node.step(PacketReceived("eth0", data), T0 + 6 * SECOND) == ()
    assert node.routers["A"].state.value == "MASTER"
    assert node.routers["A"].counters.rejected == {"replay": 2}


def test_a_successor_goes_on_from_the_number_of_the_last_advert() -> None:
    saved = Saved("instance", "A", "MASTER", last_advert=T0 - SECOND, priority=100, sequence=77)
    node = running(saved)
    assert node.routers["A"].state.value == "MASTER"
    assert node.routers["A"].saved().sequence == 78


def test_looking_ahead_at_a_takeover_uses_up_no_number() -> None:
    node = running()
    assert [a.sequence for a in node.foresee() if isinstance(a, SendAdvert)] == [1]
    assert [a.sequence for a in adverts(node, T0 + 4 * SECOND)] == [1]


def test_the_number_outlives_a_change_of_the_configuration_and_the_key_changes_at_once() -> None:
    node = running()
    adverts(node, T0 + 5 * SECOND)
    node.step(Configured(resolved(authentication={"auth_type": "ah", "auth_pass": "other"})), T0 + 5 * SECOND)
    (sent,) = adverts(node, T0 + 6 * SECOND)[:1]
    assert sent.sequence > 1
    assert isinstance(decode(sent.data, FORM._replace(ah=Seal(b"other\0\0\0", unicast=False))), Advert)
    node.step(Configured(resolved(authentication={})), T0 + 6 * SECOND)
    assert [a.family for a in adverts(node, T0 + 7 * SECOND)][:1] == [4]


def test_only_an_owner_starts_as_master() -> None:
    assert not resolved(state="master", priority=200).routers["A"].start_master
    assert [p.field for p in resolved(state="master", priority=200).problems] == ["state"]
    assert resolved(state="master").routers["A"].start_master
    assert resolved(priority=255).routers["A"].start_master
    assert resolved(priority=255).problems == ()


@pytest.mark.parametrize(
    "more", [{"version": 3}, {"virtual_ipaddress": [{"address": "fe80::1"}]}, {"native_ipv6": True, "virtual_ipaddress": []}]
)
def test_other_adverts_than_version_2_over_ipv4_have_no_ah(more: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue, match="keepalived") as refusal:
        DECODERS["vrrp_instance"]("A", instance(**more))
    assert refusal.value.field == "authentication.auth_type"


def test_an_instance_that_is_version_3_by_the_global_setting_is_not_started() -> None:
    found = resolved({"vrrp_version": 3})
    assert dict(found.routers) == {}
    assert [(p.field, "not started" in p.reason) for p in found.problems] == [("authentication.auth_type", True)]
    assert list(resolved({"vrrp_version": 3}, version=2).routers) == ["A"]
