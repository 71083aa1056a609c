"""ipvs killed: traffic flows on; the next start changes only what differs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kit import ipvs
from tests.kit.netns import Net
from tests.kit.wait import until
from tests.must_hold.balancer import CONFIGURATION, NAME, PATIENCE_S, SERVICE, WEB1, WEB2, WEIGHTS, Balancer

pytestmark = [pytest.mark.lab(modules="veth,bridge,ip_vs_rr", mem="1G", limit=600), pytest.mark.timeout(500)]


@pytest.fixture(scope="module")
def balancer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Balancer]:
    """vrrp, checker and ipvs run; every server has served somebody."""
    with Net() as net:
        made = Balancer(net, tmp_path_factory.mktemp("balancer"))
        made.node.start("vrrp", "ipvs", "checker")
        made.wait_for_table(WEIGHTS)
        until(lambda: {made.ask() for _ in range(4)} >= {"web1", "web2"}, PATIENCE_S, what=made.node.logs)
        yield made


def test_traffic_flows_while_ipvs_is_dead(balancer: Balancer) -> None:
    balancer.node.kill("ipvs")
    assert balancer.table() == WEIGHTS
    assert {balancer.ask() for _ in range(4)} == {"web1", "web2"}


def test_the_next_start_changes_only_what_differs(balancer: Balancer) -> None:
    before = ipvs.connections(balancer.director)
    assert all(before.values())
    changed = dict(CONFIGURATION)
    changed[f"config/real_server/{NAME}/192.168.100.2-80"] = {
        **CONFIGURATION[f"config/real_server/{NAME}/192.168.100.2-80"],
        "weight": 9,
    }
    balancer.configure(changed)
    assert balancer.table() == WEIGHTS

    balancer.node.start("ipvs")

    balancer.wait_for_table({SERVICE: {WEB1: 9, WEB2: 3}})
    # A server that had been taken out and put in again would remember no connection.
    after = ipvs.connections(balancer.director)
    assert after.keys() == before.keys()
    assert all(after.values())
    assert {balancer.ask() for _ in range(4)} == {"web1", "web2"}
