"""A stalled process that wakes up late listens before it speaks."""

from __future__ import annotations

import pytest

from tests.kit.wait import until
from tests.must_hold.pair import CONFIGURATION, FIRST, PATIENCE_S, SECOND, VIP, Pair, now

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
