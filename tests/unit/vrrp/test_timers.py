"""What is served first, and how much of it at once."""

from __future__ import annotations

from services.vrrp.config.settings import SECOND
from services.vrrp.election.actions import Action, SendAdvert, SendTogether
from services.vrrp.election.events import InterfaceChanged, TimeReached
from services.vrrp.election.node import Node
from services.vrrp.election.timers import TURN, Timers
from tests.kit.core import T0, Objects, running, states, vrrp

MANY = 5 * TURN
LINK = InterfaceChanged("eth0", 2, True, ("192.0.3.5",))


def many(**more: object) -> Objects:
    return {("vrrp_instance", f"I{n:02}"): vrrp(n + 1, addresses=[f"192.0.2.{n + 1}"], version=3, **more) for n in range(MANY)}


def sent(actions: tuple[Action, ...]) -> list[SendAdvert]:
    together = [advert for action in actions if isinstance(action, SendTogether) for advert in action.adverts]
    return together + [action for action in actions if isinstance(action, SendAdvert)]


def masters(node: Node) -> int:
    return list(states(node).values()).count("MASTER")


def test_a_mass_of_takeovers_is_served_in_turns_and_who_is_through_is_never_late() -> None:
    interval, turn = SECOND // 100, SECOND // 200
    node = running(many(advert_int=interval), LINK)
    now = node.deadline() or 0
    advertised: dict[str, int] = {}
    taken_over: list[int] = []
    while masters(node) < MANY:
        before = masters(node)
        for advert in sent(node.step(TimeReached(), now)):
            assert now - advertised.get(advert.router, now) <= interval + turn
            advertised[advert.router] = now
        taken_over.append(masters(node) - before)
        assert 0 <= taken_over[-1] <= TURN
        now += turn  # as long as that takes
        assert len(taken_over) < 40
    assert taken_over[0] == TURN


def test_addresses_of_others_on_the_interface_concern_no_router() -> None:
    node = running(many(advert_int=SECOND), LINK)
    node.take_dirty()
    inputs = {name: router.inputs for name, router in node.routers.items()}
    here = LINK._replace(addresses=("192.0.3.5", "192.0.2.1", "192.0.2.2"))
    assert node.step(here, T0 + 1) == ()
    assert {name: router.inputs for name, router in node.routers.items()} == inputs
    assert all(router.inputs is inputs[name] for name, router in node.routers.items())
    assert node.take_dirty() <= {("instance", "I00"), ("instance", "I01")}


def test_an_address_of_the_machine_that_goes_concerns_all_of_them() -> None:
    node = running(many(advert_int=SECOND), LINK)
    node.step(LINK._replace(addresses=("192.0.2.1",)), T0 + 1)
    assert set(states(node).values()) == {"FAULT"}
    assert {r.inputs.faults for r in node.routers.values()} == {("interface eth0 has no IPv4 address to send adverts from",)}


def test_an_owner_may_send_from_a_virtual_address_once_that_is_there() -> None:
    node = running({("vrrp_instance", "A"): vrrp(priority=255, addresses=["192.0.2.51"])}, LINK._replace(addresses=()))
    assert states(node) == {"A": "FAULT"}
    node.step(LINK._replace(addresses=("192.0.2.51",)), T0 + 1)
    assert node.routers["A"].inputs.faults == ()


def test_nothing_else_is_due_is_known_of_timers_and_of_adverts() -> None:
    takeover = T0 + SECOND
    timers = Timers()
    timers.wake(("instance", "A"), takeover)
    assert timers.idle_until(takeover + SECOND)
    timers.wake(("instance", "B"), takeover + 700)
    timers.wake(("script", "S"), takeover + 500)
    timers.wake(("instance", "C"), takeover + 900)
    assert timers.idle_until(takeover + 500)
    assert not timers.idle_until(takeover + 501)
    node = running(many(advert_int=SECOND), LINK)
    while masters(node) < MANY:
        now = node.deadline() or 0
        node.step(TimeReached(), now)
    advert = node.deadline() or 0
    assert node.timers.idle_until(advert)
    assert not node.timers.idle_until(advert + 1)
