"""What a killed engine leaves: records that survive a torn write, in memory that a successor opens."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator

import pytest

from services.vrrp.config.settings import VirtualAddress
from services.vrrp.election.snapshot import COPY, RECORD, Saved, pack, unpack
from services.vrrp.engine.handover import FIRST_SLOTS, SLOT, Handover

ROUTER = Saved("instance", "VI_1", "MASTER", 5, 6, 7, 8, "192.0.2.1", 100, 90, (VirtualAddress("192.0.2.10", dev="eth0"),))


@pytest.fixture
def memory() -> Iterator[int]:
    fd = os.memfd_create("test")
    yield fd
    os.close(fd)


def test_a_record_survives_packing() -> None:
    assert unpack(pack(ROUTER, 3)) == (3, ROUTER)


@pytest.mark.parametrize("cut", [0, 8, 15, 40, -1])
def test_a_torn_record_is_none(cut: int) -> None:
    assert unpack(pack(ROUTER, 3)[:cut]) is None


def test_a_mixture_of_two_records_is_none() -> None:
    one, other = pack(ROUTER, 1), pack(ROUTER._replace(state="BACKUP"), 2)
    for at in range(1, len(one)):
        mixed = other[:at] + one[at:]
        assert unpack(mixed) in (None, unpack(one), unpack(other))


def test_more_addresses_than_fit_are_told_as_more() -> None:
    many = tuple(VirtualAddress(f"10.0.0.{n}", dev="eth0") for n in range(200))
    packed = pack(ROUTER._replace(addresses=many), 1)
    assert len(packed) <= COPY
    found = unpack(packed)
    assert found is not None
    assert found[1].more_addresses
    assert found[1].addresses == many[: len(found[1].addresses)]


def test_a_name_that_cannot_fit_is_not_handed_over() -> None:
    assert unpack(pack(ROUTER._replace(name="x" * 2000), 1)) is None


def test_rubbish_with_a_right_checksum_is_none() -> None:
    import struct
    from zlib import crc32

    for text in (b"[]", b"{}", b"nonsense", b"[1,2,3,4,5,6,7,8,9,10,[[1]],0]"):
        total = crc32(text, crc32((1).to_bytes(8, "little")))
        assert unpack(struct.pack("<QII", 1, len(text), total) + text) is None


def test_a_successor_finds_records_and_the_time_of_the_last_advert(memory: int) -> None:
    first = Handover(memory)
    assert first.inherited == ()
    first.write(ROUTER)
    first.beat("VI_1", 77)
    first.beat("unknown", 99)
    first.write(ROUTER)  # nothing new: the time of the advert stays
    first.write(Saved("script", "chk", "up"))
    second = Handover(memory)
    assert set(second.inherited) == {ROUTER._replace(last_advert=77), Saved("script", "chk", "up")}
    second.write(ROUTER._replace(state="BACKUP"))
    assert Handover(memory).inherited[0].state == "BACKUP"


def test_a_successor_finds_the_number_of_the_last_sealed_advert(memory: int) -> None:
    handover = Handover(memory)
    handover.write(ROUTER._replace(sequence=5))
    handover.beat("VI_1", 77)
    assert Handover(memory).inherited[0].sequence == 5
    handover.beat("VI_1", 78, 6)
    assert Handover(memory).inherited[0].sequence == 6


def test_a_successor_finds_the_last_moment_of_a_takeover_that_was_noted(memory: int) -> None:
    backup = ROUTER._replace(state="BACKUP", master_down_at=1000)
    first = Handover(memory)
    first.write(backup)
    assert Handover(memory).inherited == (backup,)
    first.waits("VI_1", 2000)
    first.waits("unknown", 3000)
    assert Handover(memory).inherited == (backup._replace(master_down_at=2000),)
    first.write(ROUTER)
    assert Handover(memory).inherited == (ROUTER,)


def test_a_record_of_an_older_engine_has_no_number() -> None:
    data = pack(ROUTER._replace(sequence=5), 1)
    text = json.dumps(json.loads(data[RECORD.size :])[:-1]).encode()
    older = RECORD.pack(2, len(text), zlib.crc32(text, zlib.crc32((2).to_bytes(8, "little")))) + text
    assert unpack(older) == (2, ROUTER)


def test_a_write_torn_at_any_byte_leaves_the_record_before(memory: int) -> None:
    handover = Handover(memory)
    handover.write(ROUTER)
    before = os.pread(memory, 64 + SLOT, 0)
    handover.write(ROUTER._replace(state="BACKUP"))
    after = os.pread(memory, 64 + SLOT, 0)
    differing = [at for at in range(len(before)) if before[at] != after[at]]
    for cut in range(differing[0], differing[-1] + 1):
        os.pwrite(memory, after[:cut] + before[cut:], 0)
        (found,) = Handover(memory).inherited
        assert found.state in ("MASTER", "BACKUP")
        assert found.name == "VI_1"


def test_what_is_no_longer_configured_leaves_its_slot_to_others(memory: int) -> None:
    handover = Handover(memory)
    for n in range(3 * FIRST_SLOTS):
        handover.write(ROUTER._replace(name=f"VI_{n}"))
    size = os.fstat(memory).st_size
    assert len(Handover(memory).inherited) == 3 * FIRST_SLOTS
    handover.forget_others({("instance", "VI_7")})
    handover.forget("instance", "nobody")
    for n in range(3 * FIRST_SLOTS - 1):
        handover.write(ROUTER._replace(name=f"new_{n}"))
    assert os.fstat(memory).st_size == size
    assert len(Handover(memory).inherited) == 3 * FIRST_SLOTS


def test_memory_of_somebody_else_is_taken_over_empty(memory: int) -> None:
    os.write(memory, os.urandom(1 << 20))
    assert Handover(memory).inherited == ()
