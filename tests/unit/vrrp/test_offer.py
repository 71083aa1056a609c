"""An offer outlasts every peer's skew time, and whoever waits for all others outlasts the offer."""

from __future__ import annotations

import pytest

from services.vrrp.config.resolve import resolve
from services.vrrp.config.settings import DECODERS
from services.vrrp.election import offer
from services.vrrp.election.router import VirtualRouter
from services.vrrp.election.router_events import Inputs


def router(version: int, interval_ms: int) -> VirtualRouter:
    value = {"interface": "eth0", "virtual_router_id": 51, "version": version, "advert_int": interval_ms * 1_000_000}
    found = resolve({("vrrp_instance", "VI_1"): DECODERS["vrrp_instance"]("VI_1", value)})
    return VirtualRouter(found.routers["VI_1"], Inputs())


@pytest.mark.parametrize(("version", "interval_ms"), [(2, 1_000), (2, 255_000), (3, 10), (3, 100), (3, 1_000), (3, 40_950)])
def test_every_peer_can_take_over_within_an_offer_and_none_in_maintenance_does(version: int, interval_ms: int) -> None:
    one = router(version, interval_ms)
    longest = one.skew(0)
    assert max(one.skew(priority) for priority in range(1, 256)) < longest
    assert longest < offer.silence(longest) < offer.patience(longest)


@pytest.mark.parametrize("now_s", [0, 3, 4.999, 5, 9.99, 10, 12345.6])
def test_offers_come_about_every_period_and_to_all_at_the_same_moment(now_s: float) -> None:
    now = int(now_s * 1e9)
    when = offer.again(now)
    assert offer.PERIOD // 2 <= when - now <= offer.PERIOD * 3 // 2
    assert when % offer.PERIOD == 0
