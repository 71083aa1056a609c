"""What is still to be done to addresses, and what is struck out of it."""

from __future__ import annotations

import pytest

from services.vrrp.addresses import VirtualAddress
from services.vrrp.election.actions import Hush
from services.vrrp.engine.job_queue import ADD, ANNOUNCE, REMOVE, Job, JobQueue
from services.vrrp.netlink import BATCH

A, B, C = (VirtualAddress(f"192.0.2.{n}", dev="eth0") for n in range(3))
HUSH = Hush("x", ("vrrp.51",), True)


def drained(queue: JobQueue) -> list[object]:
    found: list[object] = []
    while queue:
        job = queue.pop()
        found.append((job.what, job.router, job.rows) if isinstance(job, Job) else job)
    return found


def test_pieces_come_out_as_they_went_in() -> None:
    queue = JobQueue()
    rows = tuple(VirtualAddress(f"10.0.{n // 250}.{n % 250}", dev="eth0") for n in range(BATCH + 1))
    queue.addresses(ADD, "x", rows)
    queue.hush(HUSH)
    queue.addresses(ANNOUNCE, "y", (A,))
    assert drained(queue) == [(ADD, "x", rows[:BATCH]), (ADD, "x", rows[BATCH:]), HUSH, (ANNOUNCE, "y", (A,))]
    with pytest.raises(IndexError):
        queue.pop()


def test_what_is_struck_out_is_neither_added_nor_announced_and_removals_stay() -> None:
    queue = JobQueue()
    queue.addresses(ADD, "x", (A, B, C))
    queue.addresses(REMOVE, "x", (A, B))
    queue.addresses(ANNOUNCE, "x", (B,))
    queue.addresses(ADD, "y", (A, B))
    queue.strike_addresses("x", (B, A))
    assert drained(queue) == [(ADD, "x", (C,)), (REMOVE, "x", (A, B)), (ANNOUNCE, "x", ()), (ADD, "y", (A, B))]


def test_an_address_on_another_interface_is_another_one() -> None:
    queue = JobQueue()
    queue.addresses(ADD, "x", (A,))
    queue.strike_addresses("x", (A._replace(dev="eth1"),))
    assert drained(queue) == [(ADD, "x", (A,))]


def test_nothing_is_left_to_strike_once_it_was_taken() -> None:
    queue = JobQueue()
    queue.addresses(ADD, "x", (A,))
    queue.pop()
    queue.addresses(ADD, "x", (B,))
    queue.strike_addresses("x", (A,))
    assert drained(queue) == [(ADD, "x", (B,))]
