"""What do the peers say of themselves? Their status keys, where the store has them. For switchovers only, never an election."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from services.common import json_text
from services.common.errors import InvalidValue, VipkeeperError
from services.common.options import Options

PATIENCE_S = 5.0


async def statuses(options: Options) -> tuple[Mapping[str, Any] | None, str]:
    """status/NODE/vrrp of every node that runs, by node; None where the store has none, and why."""
    if options.store.startswith("file:"):
        return None, "the store is a file, which knows this node only"
    from services.common.store_etcd import get_prefix

    try:
        async with asyncio.timeout(PATIENCE_S):
            raw = await get_prefix(options, "status/")
    except TimeoutError:
        return None, f"etcd does not answer within {PATIENCE_S:g} s"
    except VipkeeperError as error:
        return None, str(error)
    found = {}
    for key, value in raw.items():
        _, _, rest = key.partition("/")
        node, _, service = rest.rpartition("/")
        if service == "vrrp" and node:
            try:
                found[node] = json_text.decode(value)
            except InvalidValue:
                continue
    return found, ""
