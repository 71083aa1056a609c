"""A stalled process that wakes up late listens before it speaks."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.kit.engine import Engine, instance
from tests.kit.netns import Net
from tests.kit.node import Node
from tests.kit.wait import until
from tests.must_hold.pair import CONFIGURATION, FIRST, PATIENCE_S, SECOND, VI_1, VIP, Pair, now

TICKER, MORE = "192.168.200.99", "192.168.200.11"

pytestmark = [pytest.mark.netns, pytest.mark.timeout(300)]


def test_a_master_that_slept_while_a_better_one_took_over_sends_nothing_when_it_wakes(pair: Pair) -> None:
    better = {**CONFIGURATION, "node/second/vrrp_instance/VI_1": {"priority": 200}}
    pair.configure(pair.second, better)
    pair.first.start("vrrp")
    pair.wait_for_master(pair.first)
    pair.wait_for_adverts(FIRST, 2)
    pair.first.freeze()
    pair.second.start("vrrp")
    pair.wait_for_master(pair.second)
    pair.wait_for_adverts(SECOND, 2)

    woken = now()
    pair.first.thaw()

    until(lambda: VIP not in pair.first.addresses("eth0"), PATIENCE_S, what=pair.first.logs)
    pair.wait_for_adverts(SECOND, 3)
    assert pair.adverts(FIRST, woken) == ()
    assert VIP in pair.second.addresses("eth0")


def test_a_backup_that_slept_while_the_master_spoke_stays_backup_when_it_wakes(pair: Pair) -> None:
    pair.first.start("vrrp")
    pair.second.start("vrrp")
    pair.wait_for_master(pair.first, pair.second)
    pair.wait_for_adverts(FIRST, 2)
    pair.second.freeze()
    pair.wait_for_adverts(FIRST, 5)  # its master-down timer has long expired

    woken = now()
    pair.second.thaw()

    pair.wait_for_adverts(FIRST, 4)
    assert pair.adverts(SECOND, woken) == ()
    assert VIP not in pair.second.addresses("eth0")


def test_a_sync_group_on_vmacs_that_slept_hears_the_new_master_before_it_speaks(pair: Pair) -> None:
    second = {**VI_1, "virtual_router_id": 52, "virtual_ipaddress": [{"address": f"{MORE}/24"}]}
    routers = {"VI_1": VI_1 | {"use_vmac": {}}, "VI_2": second | {"use_vmac": {}}}
    together = {f"config/vrrp_instance/{name}": value for name, value in routers.items()}
    together |= {f"node/first/vrrp_instance/{name}": {"priority": 150} for name in routers}
    for node in (pair.first, pair.second):
        pair.configure(node, {**together, "config/vrrp_sync_group/G": {"group": list(routers)}})
        node.start("vrrp")
    both = {VIP, MORE}
    until(lambda: (held(pair.first), held(pair.second)) == (both, set()), PATIENCE_S, what=pair.first.logs)
    pair.wait_for_adverts(FIRST, 4)
    pair.first.freeze()
    until(lambda: held(pair.second) == both, PATIENCE_S, what=pair.second.logs)
    pair.wait_for_adverts(SECOND, 4)

    woken = now()
    pair.first.thaw()

    until(lambda: held(pair.first) == set(), PATIENCE_S, what=pair.first.logs)
    until(lambda: (held(pair.first), held(pair.second)) == (both, set()), PATIENCE_S, what=pair.first.logs)
    spoke = pair.adverts(FIRST, woken)[0].at  # it is the better one, and comes back by election
    heard = [advert.router_id for advert in pair.adverts(SECOND, woken) if advert.at < spoke]
    assert min(heard.count(51), heard.count(52)) >= 2


def held(node: Node) -> set[str]:
    """Which of the two addresses are anywhere on a node."""
    text = node.host.ip("-4 address show")
    return {address for address in (VIP, MORE) if f" {address}/" in text}


def test_a_master_that_stalls_for_less_than_its_peers_patience_goes_on_and_no_address_moves(net: Net, pair: Pair) -> None:
    """A third router's adverts of 100 ms are the clock: the master misses two of its own, its peer waits for three."""
    pair.first.start("vrrp")
    pair.second.start("vrrp")
    pair.wait_for_master(pair.first, pair.second)
    pair.wait_for_adverts(FIRST, 4)
    ticker = net.host("ticker")
    pair.join(ticker, TICKER)
    ticking = instance(vrid=99, version=3, advert_int=100_000_000, priority=255, addresses=["192.168.200.98"])
    monitors = [node.host.start(["ip", "-oneline", "monitor", "address"]) for node in (pair.first, pair.second)]
    until(lambda: all(Path(f"/proc/{m.pid}/comm").read_text() == "ip\n" for m in monitors), PATIENCE_S, "monitors run")
    with Engine(ticker, {("vrrp_instance", "T"): ticking}):
        pair.wait_for_adverts(TICKER, 1)
        began = now()
        for _ in range(3):
            pair.first.freeze()
            pair.wait_for_adverts(TICKER, 20)
            pair.first.thaw()
            pair.wait_for_adverts(FIRST, 2)
    assert pair.adverts(SECOND, began) == ()
    assert [monitor.output() for monitor in monitors] == ["", ""]


def test_the_engines_timer_counts_while_the_machine_is_suspended(pair: Pair) -> None:
    pair.first.start("vrrp")
    pair.wait_for_master(pair.first)
    (engine,) = pair.first.pids("vrrp", "engine/process.py")
    clocks = {word for path in Path(f"/proc/{engine}/fdinfo").iterdir() for word in path.read_text().splitlines()}
    assert [word for word in clocks if word.startswith("clockid:")] == [f"clockid: {time.CLOCK_BOOTTIME}"]
