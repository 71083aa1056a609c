"""Messages to and from the kernel: recorded dumps of Linux 6.1 read right, and what is written reads back the same."""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ipvs import attributes
from services.ipvs.model import (
    INET,
    INET6,
    PROTOCOLS,
    SCHEDULERS,
    UDP,
    Counters,
    Destination,
    DestinationKey,
    Load,
    Method,
    Service,
    ServiceKey,
    Tunnel,
)
from services.ipvs.reconcile import (
    AddDestination,
    AddService,
    EditDestination,
    EditService,
    Operation,
    RemoveDestination,
    RemoveService,
)
from tests.unit.ipvs.words import key, mark, server, service

FAMILY = 0x1C
RECORDED = json.loads((Path(__file__).parent / "recorded_dump.json").read_text())
little_endian_only = pytest.mark.skipif(sys.byteorder != "little", reason="recorded on a little-endian machine")


def seen(name: str) -> list[attributes.DestinationSeen]:
    found = []
    for text in RECORDED["destinations"][name]:
        data = bytes.fromhex(text)
        family = INET6 if "::" in name or "IPv6" in name else INET
        found += [attributes.destination_seen(data, n, family) for n in attributes.notes(data) if n.kind >= 16]
    return found


@little_endian_only
def test_the_family_number_is_read_from_the_controllers_answer() -> None:
    data = bytes.fromhex(RECORDED["family"])
    assert attributes.family_number(data, next(attributes.notes(data))) == FAMILY


@little_endian_only
def test_services_read_as_they_were_added() -> None:
    data = bytes.fromhex(RECORDED["services"][0])
    services = [attributes.service_seen(data, note) for note in attributes.notes(data)]
    assert sorted((s.service for s in services), key=lambda s: s.key) == [
        service(key(), "wrr", persistence=300, netmask=24),
        service(mark(7, INET6), "mh"),
        service(key("2001:db8::1", 53, UDP), "sh", ops=True, scheduler_flags=2),
    ]
    assert {s.counters for s in services} == {Counters()}


@little_endian_only
def test_a_dump_ends_with_done() -> None:
    last = list(attributes.notes(bytes.fromhex(RECORDED["services"][-1])))
    assert [(n.kind, n.error) for n in last] == [(attributes.NOTE_DONE, 0)]


@little_endian_only
def test_servers_read_as_they_were_added() -> None:
    assert [s.destination for s in seen("tcp 10.0.0.1:80")] == [
        server("10.0.0.3", 0, method=Method.DR),
        server("10.0.0.2", 7, port=8080, upper_threshold=100, lower_threshold=50),
    ]
    assert [s.destination for s in seen("udp [2001:db8::1]:53")] == [
        server("10.0.0.9", 3, 53, Method.TUN, tunnel=Tunnel.GUE, tunnel_port=6080, tunnel_flags=1),
        server("2001:db8::2", 1, 53, Method.DR),
    ]
    assert seen("fwmark 7 (IPv6)") == []
    assert seen("tcp 10.0.0.1:80")[0].load == Load()


addresses = st.sampled_from([INET, INET6]).flatmap(
    lambda family: st.tuples(
        st.just(family), st.binary(min_size=4 if family == INET else 16, max_size=4 if family == INET else 16)
    )
)
ports = st.integers(0, 65535)
keys = st.one_of(
    st.builds(
        lambda fa, protocol, port: ServiceKey(fa[0], protocol, fa[1], port),
        addresses,
        st.sampled_from(sorted(PROTOCOLS.values())),
        ports,
    ),
    st.builds(mark, st.integers(1, 2**32 - 1), st.sampled_from([INET, INET6])),
)


@st.composite
def services(draw: st.DrawFn) -> Service:
    k = draw(keys)
    return Service(
        k,
        draw(st.sampled_from(SCHEDULERS)),
        draw(st.integers(0, 10**6)),
        draw(st.integers(0, 32) if k.family == INET else st.integers(1, 128)),
        draw(st.booleans()),
        draw(st.integers(0, 7)),
        draw(st.sampled_from(["", "sip"])),
    )


@st.composite
def destinations(draw: st.DrawFn) -> Destination:
    family, address = draw(addresses)
    method = draw(st.sampled_from([Method.NAT, Method.DR, Method.TUN]))
    tunnel = method is Method.TUN
    return Destination(
        DestinationKey(family, address, draw(ports)),
        method,
        draw(ports),
        draw(st.integers(0, 2**32 - 1)),
        draw(st.integers(0, 2**32 - 1)),
        draw(st.sampled_from(Tunnel)) if tunnel else Tunnel.IPIP,
        draw(ports) if tunnel else 0,
        draw(st.integers(0, 3)) if tunnel else 0,
    )


def only_note(data: bytes) -> attributes.Note:
    (note,) = attributes.notes(data)
    assert note.end == len(data)
    return note


@given(services())
def test_a_service_that_is_written_reads_back(s: Service) -> None:
    for operation in (AddService(s), EditService(s)):
        data = attributes.request(FAMILY, operation, 9, True)
        assert attributes.service_seen(data, only_note(data)).service == s


@given(keys, destinations())
def test_a_server_that_is_written_reads_back(k: ServiceKey, d: Destination) -> None:
    for operation in (AddDestination(k, d), EditDestination(k, d)):
        data = attributes.request(FAMILY, operation, 9, False)
        assert attributes.destination_seen(data, only_note(data), INET).destination == d


def head(data: bytes) -> tuple[int, ...]:
    """Type, flags, sequence, command."""
    _, kind, flags, sequence, _, command = struct.unpack_from("=IHHIIB", data)
    return kind, flags, sequence, command


def test_each_operation_has_its_command_and_acknowledgement_is_asked_for() -> None:
    s, d = service(), server("10.0.0.2")
    operations: list[Operation] = [
        AddService(s), EditService(s), RemoveService(s.key),
        AddDestination(s.key, d), EditDestination(s.key, d), RemoveDestination(s.key, d),
    ]  # fmt: skip
    heads = [head(attributes.request(FAMILY, operation, i, i % 2 == 0)) for i, operation in enumerate(operations)]
    assert heads == [
        (FAMILY, 5, 0, 1), (FAMILY, 1, 1, 2), (FAMILY, 5, 2, 3), (FAMILY, 1, 3, 5), (FAMILY, 5, 4, 6), (FAMILY, 1, 5, 7),
    ]  # fmt: skip


def test_dumps_ask_for_everything() -> None:
    assert head(attributes.dump_services(FAMILY, 3)) == (FAMILY, 0x301, 3, 4)
    assert head(attributes.dump_destinations(FAMILY, key(), 3)) == (FAMILY, 0x301, 3, 8)
    assert head(attributes.ask_family(3)) == (16, 1, 3, 3)


def test_removals_name_the_server_by_family_address_and_port_only() -> None:
    data = attributes.request(FAMILY, RemoveDestination(mark(7), server("2001:db8::2", 5)), 1, True)
    assert bytes.fromhex("20010db8000000000000000000000002") in data
    assert len(data) == 20 + 4 + 8 + 8 + 4 + 20 + 8 + 8


def answer(kind: int, payload: bytes, sequence: int = 4) -> bytes:
    return struct.pack("=IHHII", 16 + len(payload), kind, 0, sequence, 0) + payload


def test_a_refusal_carries_its_error_and_sequence() -> None:
    data = answer(2, struct.pack("=i", -22) + bytes(16)) + answer(2, struct.pack("=i", 0) + bytes(16), 5)
    assert [(n.kind, n.sequence, n.error) for n in attributes.notes(data)] == [(2, 4, 22), (2, 5, 0)]


@pytest.mark.parametrize("length", [3, 15, 4000])
def test_a_message_of_a_length_that_cannot_be_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="netlink message"):
        list(attributes.notes(struct.pack("=IHHII", length, 2, 0, 1, 0)))


@pytest.mark.parametrize("length", [3, 400])
def test_an_attribute_of_a_length_that_cannot_be_is_refused(length: int) -> None:
    data = answer(FAMILY, bytes(4) + struct.pack("=HHI", length, 1, 0))
    with pytest.raises(ValueError, match="netlink attribute"):
        attributes.service_seen(data, next(attributes.notes(data)))


def test_an_answer_that_lacks_its_subject_is_refused() -> None:
    data = answer(FAMILY, bytes(4))
    note = next(attributes.notes(data))
    with pytest.raises(ValueError, match="without a service"):
        attributes.service_seen(data, note)
    with pytest.raises(ValueError, match="without a destination"):
        attributes.destination_seen(data, note, INET)
    with pytest.raises(ValueError, match="no family"):
        attributes.family_number(data, note)


def test_a_netmask_with_holes_is_nobodys_prefix() -> None:
    data = bytearray(attributes.request(FAMILY, AddService(service(netmask=24)), 1, True))
    data[-4:] = bytes([255, 0, 255, 0])
    assert attributes.service_seen(bytes(data), only_note(bytes(data))).service.netmask == -1


def test_old_kernels_that_do_not_tell_a_servers_family_mean_the_services() -> None:
    k, d = key("2001:db8::1"), server("2001:db8::2")
    data = attributes.request(FAMILY, AddDestination(k, d), 1, True)
    # IPVS_DEST_ATTR_ADDR_FAMILY becomes a type that nobody knows
    data = data.replace(struct.pack("=HHH", 6, 11, INET6), struct.pack("=HHH", 6, 99, INET6))
    assert attributes.destination_seen(data, only_note(data), INET6).destination == d


def test_counters_of_both_widths_are_read() -> None:
    def nested(kind: int, values: list[bytes]) -> bytes:
        inner = b"".join(struct.pack("=HH", 4 + len(v), i) + v for i, v in enumerate(values, start=1))
        return struct.pack("=HH", 4 + len(inner), kind) + inner

    base = attributes.request(FAMILY, AddService(service()), 1, True)[20 + 4 :]
    for kind, width in ((10, "=I"), (12, "=Q")):
        inner = base + nested(kind, [struct.pack(width, n) for n in range(1, 11)])
        data = answer(FAMILY, bytes(4) + struct.pack("=HH", 4 + len(inner), 1) + inner)
        assert attributes.service_seen(data, next(attributes.notes(data))).counters == Counters(*range(1, 11))


def test_a_server_without_counters_has_none() -> None:
    data = attributes.request(FAMILY, AddDestination(key(), server("10.0.0.2")), 1, True)
    assert attributes.destination_seen(data, only_note(data), INET).load == Load()
