"""Adverts with a trailer of HMAC-SHA256: its bytes by another reading, every reason to refuse one, old and new ones."""

from __future__ import annotations

import hashlib
import hmac
import struct
from typing import Any

import pytest

from services.common.errors import InvalidValue
from services.vrrp.config.authentication import AuthHmac
from services.vrrp.config.resolve import resolve
from services.vrrp.config.settings import DECODERS, SECOND, packed
from services.vrrp.election.actions import SendAdvert
from services.vrrp.election.events import ClockSet, Configured, InterfaceChanged, PacketReceived, Started, TimeReached
from services.vrrp.election.node import Node
from services.vrrp.election.snapshot import Saved
from services.vrrp.wire.packet import IP_HEADER, Advert, Format, Reject, checksum, decode, encode
from services.vrrp.wire.trailer import ROUND, SENDERS, Clock, Trailer
from tests.kit.cluster import Cluster

T0 = 100 * SECOND
NOW = 1_800_000_000 * SECOND  # the wall clock at T0
KEY, OTHER = b"0123456789abcdef0123456789abcdef", b"x" * 64
GROUP, GROUP6 = packed("224.0.0.18"), packed("ff02::12")
SOURCE, SOURCE6, VIP, VIP6 = packed("192.0.2.1"), packed("fe80::1"), packed("192.0.2.10"), packed("fe80::10")
KEYS = Trailer({7: KEY, 9: OTHER}, 7, required=True)
FORMS = {
    "v2": Format(2, 51, SECOND, None, GROUP, trailer=KEYS, signed=True),
    "v3": Format(3, 51, SECOND, None, GROUP, trailer=KEYS, signed=True),
    "v3-unicast": Format(3, 51, SECOND, None, GROUP, unicast=True, trailer=KEYS, signed=True),
    "ipv6": Format(3, 51, SECOND, None, GROUP6, trailer=KEYS, signed=True),
}
SEQUENCE = 0x6B49D200_8000_0003


def signed(form: Format, sequence: int = SEQUENCE, priority: int = 100, keys: Trailer = KEYS, to: bytes | None = None) -> bytes:
    six = len(form.group) == 16
    packet = encode(form, priority, [VIP6 if six else VIP], SOURCE6 if six else SOURCE, 0, to)
    return packet + keys.make(packet, sequence)


@pytest.mark.parametrize("name", FORMS)
def test_the_trailer_by_another_reading_of_its_description(name: str) -> None:
    form = FORMS[name]
    data = signed(form, to=packed("192.0.2.2") if form.unicast else None)
    start = 40 if name == "ipv6" else 20
    message, trailer = data[start:-28], data[-28:]
    assert trailer[:4] == b"\x01\x07\0\0"
    assert struct.unpack("!IHH", trailer[4:12]) == (0x6B49D200, 0x8000, 3)
    source = SOURCE6 if name == "ipv6" else SOURCE + bytes(12)
    covered = bytes([6 if name == "ipv6" else 4, form.version, 51, 0]) + source
    covered += message[:6] + bytes(2) + message[8:] + trailer[:12] + bytes(16)
    assert trailer[12:] == hmac.new(KEY, covered, hashlib.sha256).digest()[:16]
    assert len(data) == (int.from_bytes(data[4:6], "big") + 40 if name == "ipv6" else int.from_bytes(data[2:4], "big"))


@pytest.mark.parametrize("name", FORMS)
def test_what_is_signed_is_understood_and_the_checksum_knows_nothing_of_the_trailer(name: str) -> None:
    form = FORMS[name]
    to = packed("192.0.2.2") if form.unicast else None
    six = name == "ipv6"
    advert = decode(signed(form, to=to), form)
    assert isinstance(advert, Advert)
    assert (advert.priority, advert.addresses, advert.sequence) == (100, VIP6 if six else VIP, SEQUENCE)
    plain = encode(form._replace(trailer=None, signed=False), 100, [VIP6 if six else VIP], SOURCE6 if six else SOURCE, 0, to)
    start = 40 if six else 20
    assert signed(form, to=to)[start : len(plain)] == plain[start:]


def test_one_trailer_is_good_for_all_peers() -> None:
    form = FORMS["v3-unicast"]
    one, other = signed(form, to=packed("192.0.2.2")), signed(form, to=packed("192.0.2.3"))
    assert one[26:28] != other[26:28]
    assert one[-28:] == other[-28:]


def of_its_length(data: bytes) -> bytes:
    """The IPv4 packet with the length that it has."""
    fields = IP_HEADER.unpack_from(data)
    header = IP_HEADER.pack(*fields[:2], len(data), *fields[3:7], 0, *fields[8:])
    return header[:10] + checksum(header).to_bytes(2, "big") + header[12:] + data[20:]


GOOD = signed(FORMS["v3"])
PLAIN = encode(FORMS["v3"]._replace(trailer=None, signed=False), 100, [VIP], SOURCE)
PERMISSIVE = FORMS["v3"]._replace(trailer=Trailer({7: KEY}, 7, required=False))


@pytest.mark.parametrize(
    ("data", "form", "reason"),
    [
        (PLAIN, FORMS["v3"], Reject.AUTH_TYPE),
        (GOOD, FORMS["v3"]._replace(trailer=None), Reject.AUTH_TYPE),
        (of_its_length(GOOD[:-1]), FORMS["v3"], Reject.LENGTH),
        (of_its_length(GOOD + b"\0"), FORMS["v3"], Reject.LENGTH),
        (GOOD[:-1] + bytes([GOOD[-1] ^ 1]), FORMS["v3"], Reject.AUTH_FAILURE),
        (GOOD[:-1] + bytes([GOOD[-1] ^ 1]), PERMISSIVE, Reject.AUTH_FAILURE),
        (GOOD[:-28] + b"\x02" + GOOD[-27:], FORMS["v3"], Reject.AUTH_FAILURE),
        (GOOD[:-26] + b"\x01" + GOOD[-25:], FORMS["v3"], Reject.AUTH_FAILURE),
        (GOOD[:-27] + b"\x09" + GOOD[-26:], FORMS["v3"], Reject.AUTH_FAILURE),
        (GOOD[:-27] + b"\x08" + GOOD[-26:], FORMS["v3"], Reject.AUTH_FAILURE),
        (GOOD[:12] + packed("192.0.2.2") + GOOD[16:], FORMS["v3"], Reject.AUTH_FAILURE),
        (GOOD[:22] + b"\xff" + GOOD[23:], FORMS["v3"], Reject.AUTH_FAILURE),
        (GOOD[:26] + b"\0\0" + GOOD[28:], FORMS["v3"], Reject.CHECKSUM),
        (signed(FORMS["v2"]), FORMS["v2"]._replace(interval=2 * SECOND), Reject.INTERVAL),
    ],
)
def test_each_wrong_packet_is_refused_for_its_reason(data: bytes, form: Format, reason: Reject) -> None:
    assert decode(data, form) is reason


def test_any_of_the_keys_is_understood_and_what_needs_no_trailer_is_heard_without() -> None:
    other = Trailer({9: OTHER}, 9, required=True)
    assert isinstance(decode(signed(FORMS["v3"], keys=other), FORMS["v3"]), Advert)
    heard = decode(PLAIN, PERMISSIVE)
    assert isinstance(heard, Advert)
    assert heard.sequence == 0


@pytest.mark.parametrize("at", range(20, len(GOOD)))
def test_a_change_of_any_byte_is_noticed(at: int) -> None:
    assert isinstance(decode(GOOD[:at] + bytes([GOOD[at] ^ 0x40]) + GOOD[at + 1 :], FORMS["v3"]), Reject)


# -- sequences


def advert(sequence: int, source: bytes = SOURCE) -> Advert:
    return Advert(100, SECOND, source, b"", sequence=sequence)


def test_sequences_are_the_wall_clock_and_grow_when_it_stands_still() -> None:
    clock = Clock(5 * SECOND)
    wall = 0x6B49D200 * SECOND + SECOND // 2
    assert [clock.next(wall) for _ in range(3)] == [0x6B49D200_8000_0000, 0x6B49D200_8000_0001, 0x6B49D200_8000_0002]
    assert clock.next(wall + SECOND) == 0x6B49D201_8000_0000


def test_a_clock_set_back_a_little_goes_on_and_one_that_was_far_wrong_is_forgotten() -> None:
    clock = Clock(5 * SECOND)
    last = clock.next(NOW)
    assert clock.next(NOW - 4 * SECOND) == last + 1
    assert clock.next(NOW - 60 * SECOND) < last
    steady = Clock(0)
    last = steady.next(NOW)
    assert steady.next(NOW - 3600 * SECOND) == last + 1


def test_an_advert_is_heard_once_and_within_the_window() -> None:
    clock, sender = Clock(5 * SECOND), Clock(5 * SECOND)
    first, second = (advert(sender.next(NOW + n * SECOND)) for n in (0, 1))
    assert clock.admit(second, NOW + SECOND) is None
    assert clock.admit(second, NOW + SECOND) is Reject.REPLAY
    assert clock.admit(first, NOW + SECOND) is Reject.REPLAY
    assert clock.admit(advert(sender.next(NOW + 2 * SECOND)), NOW + 2 * SECOND) is None
    assert clock.admit(advert(Clock(0).next(NOW)), NOW + 6 * SECOND) is Reject.STALE
    assert clock.admit(advert(Clock(0).next(NOW + 60 * SECOND)), NOW) is Reject.STALE


def test_senders_do_not_count_for_one_another() -> None:
    clock = Clock(5 * SECOND)
    late, early = Clock(0).next(NOW + SECOND), Clock(0).next(NOW)
    assert clock.admit(advert(late), NOW) is None
    assert clock.admit(advert(early, packed("192.0.2.2")), NOW) is None


def test_without_a_window_only_order_counts_also_across_the_end_of_numbers() -> None:
    clock = Clock(0)
    for sequence, refused in ((ROUND - 2, None), (3, None), (ROUND - 1, Reject.REPLAY), (4, None), (4, Reject.REPLAY)):
        assert clock.admit(advert(sequence), NOW) is refused


def test_of_very_many_senders_the_longest_silent_is_forgotten() -> None:
    clock = Clock(0)
    for n in range(SENDERS):
        clock.admit(advert(5, bytes([10, 0, 0, n])), NOW)
    clock.admit(advert(6, bytes([10, 0, 0, 0])), NOW)
    clock.admit(advert(5, bytes([10, 0, 1, 0])), NOW)
    assert clock.admit(advert(6, bytes([10, 0, 0, 0])), NOW) is Reject.REPLAY
    assert clock.admit(advert(5, bytes([10, 0, 0, 1])), NOW) is None


# -- settings


def instance(**more: Any) -> dict[str, Any]:
    base = {"interface": "eth0", "virtual_router_id": 51, "version": 3, "virtual_ipaddress": [{"address": "192.0.2.10"}]}
    keys = [{"id": 7, "value": KEY.decode()}, {"id": 9, "value": "hex:" + OTHER.hex()}]
    return base | {"auth_hmac": {"key": keys} | more.pop("hmac", {})} | more


def test_defaults_are_keepaliveds() -> None:
    settings = DECODERS["vrrp_instance"]("A", instance())
    assert settings.auth_hmac == AuthHmac(((7, KEY), (9, OTHER)), 7)  # type: ignore[union-attr]
    for interval, window in ((SECOND, 5), (4 * SECOND, 12), (40 * SECOND, 120)):
        router = resolve({("vrrp_instance", "A"): DECODERS["vrrp_instance"]("A", instance(advert_int=interval))}).routers["A"]
        assert router.hmac is not None
        assert router.hmac.window == window * SECOND
    settings = DECODERS["vrrp_instance"]("A", instance(hmac={"time_window": 9 * SECOND}))
    assert resolve({("vrrp_instance", "A"): settings}).routers["A"].hmac.window == 9 * SECOND  # type: ignore[union-attr]
    given = instance(hmac={"time_window": 9 * SECOND, "active_key": 9, "mode": "permissive"})
    assert DECODERS["vrrp_instance"]("A", given).auth_hmac == AuthHmac(  # type: ignore[union-attr]
        ((7, KEY), (9, OTHER)), 9, 9 * SECOND, "permissive"
    )
    monotonic = DECODERS["vrrp_instance"]("A", instance(hmac={"anti_replay": "monotonic", "time_window": SECOND}))
    assert monotonic.auth_hmac.window == 0  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"key": []}, "auth_hmac.key"),
        ({"key": [{"value": "x" * 32}]}, "auth_hmac.key[0].id"),
        ({"key": [{"id": 256, "value": "x" * 32}]}, "auth_hmac.key[0].id"),
        ({"key": [{"id": 1, "value": "x" * 32}] * 2}, "auth_hmac.key[1].id"),
        ({"key": [{"id": 1, "value": "x" * 31}]}, "auth_hmac.key[0].value"),
        ({"key": [{"id": 1, "value": "x" * 65}]}, "auth_hmac.key[0].value"),
        ({"key": [{"id": 1, "value": "hex:xy"}]}, "auth_hmac.key[0].value"),
        ({"key": [{"id": 1, "value": "file:/etc/key"}]}, "auth_hmac.key[0].value"),
        ({"key": [{"id": 1, "value": "x" * 32, "key_file": "/etc/key"}]}, "auth_hmac.key[0].value"),
        ({"key": [{"id": 1, "key_file": "etc/key"}]}, "auth_hmac.key[0].key_file"),
        ({"key": [{"id": 1, "key_file": "/etc/key", "read": "short"}]}, "auth_hmac.key[0].key_file"),
        ({"active_key": 8}, "auth_hmac.active_key"),
        ({"time_window": 301 * SECOND}, "time_window"),
    ],
)
def test_keys_that_cannot_be_used_are_refused(given: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidValue) as refusal:
        DECODERS["vrrp_instance"]("A", instance(hmac=given))
    assert refusal.value.field.endswith(field)


def test_authentication_beside_it_is_refused() -> None:
    with pytest.raises(InvalidValue, match="auth_hmac"):
        DECODERS["vrrp_instance"]("A", instance(authentication={"auth_type": "pass", "auth_pass": "x"}))


# -- in a node


def running(*saved: Saved, **more: Any) -> Node:
    node = Node()
    node.step(Started(saved), T0)
    node.step(ClockSet(NOW - T0), T0)
    node.step(InterfaceChanged("eth0", 2, True, ("192.0.2.5",)), T0)
    node.step(Configured(resolve({("vrrp_instance", "A"): DECODERS["vrrp_instance"]("A", instance(**more))})), T0)
    return node


def adverts(node: Node, until: int) -> list[SendAdvert]:
    found: list[SendAdvert] = []
    while (due := node.deadline()) is not None and due <= until:
        found += [action for action in node.step(TimeReached(), due) if isinstance(action, SendAdvert)]
    return found


def test_a_node_signs_and_checks_by_the_wall_clock_that_it_is_told() -> None:
    node = running()
    node.step(PacketReceived("eth0", signed(FORMS["v3"], Clock(0).next(NOW))), T0)
    assert node.routers["A"].counters.adverts_received == 1
    node.step(PacketReceived("eth0", signed(FORMS["v3"], Clock(0).next(NOW))), T0)
    node.step(PacketReceived("eth0", signed(FORMS["v3"], Clock(0).next(NOW - 6 * SECOND))), T0)
    node.step(ClockSet(NOW - T0 - 10 * SECOND), T0)
    node.step(PacketReceived("eth0", signed(FORMS["v3"], Clock(0).next(NOW + SECOND))), T0)
    assert node.routers["A"].counters.rejected == {"replay": 1, "stale": 2}
    first = adverts(node, T0 + 5 * SECOND)[0]
    assert NOW - 10 * SECOND < (first.sequence >> 32) * SECOND + 5 * SECOND < NOW
    assert isinstance(decode(first.data, FORMS["v3"]), Advert)


def test_looking_ahead_at_a_takeover_uses_up_no_sequence() -> None:
    node = running()
    (foreseen,) = (action for action in node.foresee() if isinstance(action, SendAdvert))
    assert node.routers["A"].saved().sequence == 0
    assert adverts(node, T0 + 4 * SECOND)[0].data == foreseen.data


def test_who_only_receives_signs_nothing_and_still_notices_replays() -> None:
    node = running(hmac={"mode": "receive_only"}, nopreempt=True)
    data = signed(FORMS["v3"], Clock(0).next(NOW))
    for _ in range(2):
        node.step(PacketReceived("eth0", data), T0)
        node.step(PacketReceived("eth0", PLAIN), T0)
    assert node.routers["A"].counters.adverts_received == 3
    assert node.routers["A"].counters.rejected == {"replay": 1}
    assert len(adverts(node, T0 + 5 * SECOND)[0].data) == len(PLAIN)


def test_keys_may_be_exchanged_while_it_runs_and_what_was_heard_counts_on() -> None:
    node = running()
    old = signed(FORMS["v3"], Clock(0).next(NOW))
    node.step(PacketReceived("eth0", old), T0)
    changed = {("vrrp_instance", "A"): DECODERS["vrrp_instance"]("A", instance(hmac={"active_key": 9}))}
    node.step(Configured(resolve(changed)), T0)
    node.step(PacketReceived("eth0", old), T0)
    assert node.routers["A"].counters.rejected == {"replay": 1}
    assert adverts(node, T0 + 5 * SECOND)[0].data[-27] == 9


def test_a_successor_never_repeats_a_sequence_of_a_master_whose_clock_was_set_back() -> None:
    last = Clock(0).next(NOW + SECOND)
    node = running(Saved("instance", "A", "MASTER", last_advert=T0 - SECOND // 10, sequence=last))
    assert node.routers["A"].saved().sequence == last + 1


@pytest.mark.parametrize("mode", ["enforce", "permissive", "receive_only"])
def test_two_nodes_elect_one_master_and_a_third_without_the_key_moves_nobody(mode: str) -> None:
    cluster = Cluster()
    common = instance(hmac={"mode": mode}) | {"virtual_ipaddress": [{"address": "192.168.200.10"}]}
    for name, priority in (("a", 150), ("b", 100)):
        cluster.add(name, {("vrrp_instance", "VI_1"): common | {"priority": priority}})
    cluster.run(10 * SECOND)
    assert cluster.masters() == ["a"]
    stranger = common | {"priority": 254, "auth_hmac": {"key": [{"id": 7, "value": "y" * 32}]}}
    cluster.add("stranger", {("vrrp_instance", "VI_1"): stranger})
    cluster.run(10 * SECOND)
    assert cluster.masters() == ["a", "stranger"]
    assert cluster.machines["b"].node is not None
    assert cluster.machines["b"].node.routers["VI_1"].counters.rejected["auth_failure"] > 0
    cluster.do("a", lambda m: m.stop(cluster.now))
    cluster.run(2 * SECOND)
    assert cluster.masters() == ["b", "stranger"]
