"""Which addresses this node has, and which services wait for theirs."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from services.checker.addresses import follow, local_addresses, suspended
from services.checker.settings import decode_virtual_server
from tests.kit.wait import until_async


@pytest.mark.parametrize(
    ("value", "waits"),
    [
        ({"address": "192.0.2.7", "ha_suspend": True}, True),
        ({"address": "192.0.2.7"}, False),
        ({"address": "127.0.0.1", "ha_suspend": True}, False),
        ({"address": "2001:DB8:0::1", "ha_suspend": True}, False),
        ({"fwmark": 5, "ha_suspend": True}, False),
    ],
)
def test_only_services_whose_address_is_elsewhere_wait(value: dict[str, object], waits: bool) -> None:
    here = frozenset({"127.0.0.1", "2001:db8::1"})
    assert suspended(decode_virtual_server("v", value), here) is waits


def test_the_kernel_tells_this_nodes_addresses() -> None:
    assert "127.0.0.1" in local_addresses()


async def test_whoever_follows_is_told_at_once() -> None:
    told: list[frozenset[str]] = []
    task = asyncio.ensure_future(follow(told.append))
    await until_async(lambda: told, what="the addresses")
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert "127.0.0.1" in told[0]
