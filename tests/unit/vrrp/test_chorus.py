"""Masters that advertise together: it comes to the same as if each did it alone."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.vrrp.addresses import packed
from services.vrrp.config.settings import SECOND
from services.vrrp.election import chorus, timers
from services.vrrp.election.actions import Action, SendAdvert, SendTogether
from services.vrrp.election.chorus import Choir, Chorus
from services.vrrp.election.events import InterfaceChanged, PacketReceived, TimeReached
from services.vrrp.election.node import Node
from services.vrrp.election.router import VirtualRouter
from services.vrrp.wire.packet import encode
from tests.kit.core import ETH0, ETH1, FORM, T0, Objects, advance, configure, running, states, vrrp


def several(count: int, **more: Any) -> Objects:
    return {("vrrp_instance", f"R{n}"): vrrp(n + 1, addresses=[f"192.0.2.{n + 101}"], **more) for n in range(count)}


def masters(count: int, **more: Any) -> Node:
    node = running(several(count, **more), ETH0, ETH1)
    advance(node, T0 + 12 * SECOND)
    assert set(states(node).values()) == {"MASTER"}
    return node


def due(node: Node) -> tuple[int, list[Action]]:
    """One moment: everything that is due at the next deadline."""
    at = node.deadline()
    assert at is not None
    return at, advance(node, at)


def sent(actions: list[Action]) -> list[SendAdvert]:
    together = [advert for action in actions if isinstance(action, SendTogether) for advert in action.adverts]
    return together + [action for action in actions if isinstance(action, SendAdvert)]


def test_those_of_one_moment_advertise_by_one_timer_and_one_action_which_stays_the_same() -> None:
    three = masters(3)
    at, (first,) = due(three)
    again_at, (second,) = due(three)
    assert isinstance(first, SendTogether)
    assert second is first
    assert [advert.router for advert in first.adverts] == ["R0", "R1", "R2"]
    assert again_at == at + SECOND
    assert {router.last_advert for router in three.routers.values()} == {again_at}
    assert {router.counters.adverts_sent for router in three.routers.values()} == {11}


def test_who_has_something_else_to_do_leaves_and_comes_back() -> None:
    three = masters(3)
    at, _ = due(three)
    lower = encode(FORM._replace(vrid=2), 50, [packed("192.0.2.102")], packed("192.0.2.9"))
    three.step(PacketReceived("eth0", lower), at + SECOND // 2)  # answered at once: another grid from now on
    _, actions = due(three)
    assert {advert.router for advert in sent(actions)} == {"R0", "R2"}
    next_at, actions = due(three)
    assert (next_at, {advert.router for advert in sent(actions)}) == (at + SECOND * 3 // 2, {"R1"})
    assert [type(action) for action in due(three)[1]] == [SendTogether]


def test_who_comes_back_to_the_moment_joins_the_others() -> None:
    three = masters(3)
    due(three)
    objects = several(3)
    objects["vrrp_instance", "R1"]["priority"] = 150
    configure(three, objects, (three.deadline() or 0) - 1)
    _, actions = due(three)
    assert len(sent(actions)) == 3
    assert len(due(three)[1]) == 2  # it is back, and found out
    (action,) = due(three)[1]
    assert isinstance(action, SendTogether)
    assert sorted((advert.router, advert.data[22]) for advert in action.adverts) == [("R0", 100), ("R1", 150), ("R2", 100)]


def test_a_router_that_is_removed_is_silent_and_the_others_go_on() -> None:
    three = masters(3)
    at, _ = due(three)
    configure(three, several(2), at + 1)
    assert sorted(advert.router for advert in sent(due(three)[1])) == ["R0", "R1"]


def test_a_fault_silences_them_all() -> None:
    three = masters(3)
    at, _ = due(three)
    three.step(ETH0._replace(up=False), at + 1)
    assert not sent(advance(three, at + 3 * SECOND))


def test_who_slept_for_as_long_as_peers_wait_listens() -> None:
    three = masters(3)
    at, _ = due(three)
    three.step(TimeReached(), at + 3 * SECOND)
    assert set(states(three).values()) == {"BACKUP"}


def test_many_are_in_several_choruses_that_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chorus, "LARGEST", 4)
    monkeypatch.setattr(timers, "MAX_DUE", 6)
    ten = masters(10, advert_int=SECOND)
    for _ in range(800):  # until all have drifted to their moments
        due(ten)
    before = [set(map(id, moment)) for moment in (due(ten)[1] for _ in range(8))]
    after = [set(map(id, moment)) for moment in (due(ten)[1] for _ in range(8))]
    assert set.union(*before) == set.union(*after)
    assert all(len(a.adverts) <= 4 for a in due(ten)[1] if isinstance(a, SendTogether))


class Soloists(Choir):
    """Nobody ever advertises together with another."""

    def join(self, said: Iterable[VirtualRouter], sung: Iterable[Chorus], now: int) -> tuple[list[Chorus], list[VirtualRouter]]:
        assert not list(sung)
        return [], list(said)


WHAT = st.sampled_from(["lower", "higher", "zero", "down", "up", "edit", "fewer", "all", "late", "wait", "wait"])


@given(
    st.lists(st.tuples(st.integers(1, 3 * SECOND), WHAT, st.integers(0, 3)), max_size=20), st.sampled_from([SECOND, 3 * SECOND])
)
def test_together_is_the_same_as_alone(steps: list[tuple[int, str, int]], interval: int) -> None:
    nodes = [running(several(4, advert_int=interval)) for _ in "ab"]
    nodes[1].timers._choir = Soloists()
    for each in nodes:
        advance(each, T0 + 12 * SECOND)
    now = T0 + 12 * SECOND
    objects = several(4, advert_int=interval)
    for pause, what, which in steps:
        now += pause
        packets = {"lower": 50, "higher": 200, "zero": 0}
        outcomes = []
        for each in nodes:
            actions = list(each.step(TimeReached(), now)) if what == "late" else advance(each, now)
            if what in packets:
                data = encode(
                    FORM._replace(vrid=which + 1, interval=interval),
                    packets[what],
                    [packed(f"192.0.2.{which + 101}")],
                    packed("192.0.2.9"),
                )
                actions += each.step(PacketReceived("eth0", data), now)
            elif what in ("down", "up"):
                actions += each.step(InterfaceChanged("eth0", 2, what == "up", ("192.0.2.5",)), now)
            elif what == "edit":
                edited = deepcopy(objects)
                edited["vrrp_instance", f"R{which}"]["priority"] = 1 + now % 200
                actions += configure(each, edited, now)
            elif what in ("fewer", "all"):
                actions += configure(each, dict(list(objects.items())[: which + 1]) if what == "fewer" else objects, now)
            outcomes.append((sorted(sent(actions)), [a for a in actions if not isinstance(a, SendAdvert | SendTogether)]))
        assert outcomes[0] == outcomes[1]
        assert [r.carried() for r in nodes[0].routers.values()] == [r.carried() for r in nodes[1].routers.values()]
