"""What the peers say of themselves is read from the store's status keys; where that cannot be, the reason is told."""

from __future__ import annotations

from pathlib import Path

from services.common import options
from services.vrrp.agent.peers import statuses
from tests.kit.etcd import Etcd


async def test_a_file_knows_no_peers() -> None:
    found, why = await statuses(options.parse("vrrp", ["--store", "file:/nowhere.json"]))
    assert found is None
    assert why == "the store is a file, which knows this node only"


async def test_each_running_node_is_known_by_its_name_and_rubbish_is_passed_over(tmp_path: Path) -> None:
    with Etcd(tmp_path) as etcd:
        for key, value in {
            "status/a/vrrp": '{"state": {}}',
            "status/rack/b/vrrp": '{"state": {"engine": "up"}}',
            "status/c/vrrp": "{",
            "status/a/ipvs": "{}",
            "status/vrrp": "{}",
        }.items():
            etcd.put(f"/vipkeeper/{key}", value)
        known = options.parse("vrrp", ["--store", etcd.url])
        assert await statuses(known) == ({"a": {"state": {}}, "rack/b": {"state": {"engine": "up"}}}, "")
    found, why = await statuses(known)
    assert found is None
    assert etcd.address in why
