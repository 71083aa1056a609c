"""A value that one service refuses is refused by all that read it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from services.common import values
from services.common.batch import Batch
from services.common.desired import Desired
from services.common.judges import DECODERS, others
from services.common.options import SERVICES

INSTANCE = {"interface": "eth0", "virtual_router_id": 51}
REAL = {"address": "192.0.2.2", "port": 80, "tcp_check": [{}]}
BAD: dict[str, Mapping[str, Any]] = {
    "vrrp_instance/VI_1": INSTANCE | {"virtual_router_id": 999},  # vrrp's
    "real_server/web/a": REAL | {"weight": 70_000, "tcp_check": []},  # ipvs's
    "real_server/web/b": REAL | {"tcp_check": [{"connect_port": 70_000}]},  # checker's
    "global": {"smtp_server": "a b"},  # notify's
}


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("key", BAD)
def test_nobody_takes_what_one_of_them_refuses(service: str, key: str) -> None:
    desired = Desired("d1", DECODERS[service], values.KINDS, values.check, others(service))
    good = {"vrrp_instance": INSTANCE, "real_server": REAL, "global": {"router_id": "d1"}}[key.partition("/")[0]]
    first = desired.apply(Batch(1, True, {f"config/{key}": json.dumps(good).encode()}))
    concerned = key.partition("/")[0] in DECODERS[service]
    assert (bool(first), first.problems) == (concerned, ())
    assert not desired.apply(Batch(2, False, {f"config/{key}": json.dumps(BAD[key]).encode()}))
