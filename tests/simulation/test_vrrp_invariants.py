"""Would the simulation notice? Machines that break one rule each, and the invariant that catches them."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from services.vrrp.config.resolve import Resolved
from services.vrrp.election.actions import Action, AddAddresses, RemoveAddresses, SendAdvert, SendTogether
from services.vrrp.election.events import Event, PacketReceived, Slept
from tests.simulation.history import History
from tests.simulation.machine import Machine, Violation

ENOUGH = 60  # histories; each machine is caught within a few


class Deaf(Machine):
    """Hears nobody."""

    def step(self, event: Event, true: int) -> None:
        if not isinstance(event, PacketReceived):
            super().step(event, true)


class Hoarder(Machine):
    """Keeps what it once had."""

    def perform(self, actions: Iterable[Action]) -> None:
        super().perform([action for action in actions if not isinstance(action, RemoveAddresses)])


class Lazy(Machine):
    """Is master and does not take the addresses."""

    def perform(self, actions: Iterable[Action]) -> None:
        super().perform([action for action in actions if not isinstance(action, AddAddresses)])


class Forgetful(Machine):
    """Leaves out one advert of a thousand."""

    sent = 0

    def perform(self, actions: Iterable[Action]) -> None:
        kept = []
        for action in actions:
            adverts = action.adverts if isinstance(action, SendTogether) else (action,)
            for each in adverts:
                self.sent += isinstance(each, SendAdvert)
                if not isinstance(each, SendAdvert) or self.sent % 1000:
                    kept.append(each)
        super().perform(kept)


class Usurper(Machine):
    """Does not know nopreempt."""

    def given(self, resolved: Resolved) -> Resolved:
        routers = {name: router._replace(nopreempt=False) for name, router in resolved.routers.items()}
        return resolved._replace(routers=routers)


class Loner(Machine):
    """Does not know sync groups."""

    def given(self, resolved: Resolved) -> Resolved:
        return resolved._replace(groups={})


class Meek(Machine):
    """Has the least priority, whatever is configured."""

    def given(self, resolved: Resolved) -> Resolved:
        return resolved._replace(routers={name: router._replace(priority=1) for name, router in resolved.routers.items()})


class Drowsy(Machine):
    """Knows that it slept only from a takeover that it came too late to."""

    def step(self, event: Event, true: int) -> None:
        if not isinstance(event, Slept):
            super().step(event, true)


class Sleepwalker(Drowsy):
    """Does not know that it slept."""

    def must_listen(self, shown: int, anyway: bool = True) -> None:
        super().must_listen(shown, anyway)
        assert self.node is not None
        for router in self.node.routers.values():
            if router.master_down_at is not None:
                router.master_down_at = max(router.master_down_at, shown)


@pytest.mark.parametrize(
    ("kind", "caught"),
    [
        (Deaf, "masters are"),
        (Hoarder, ": holds "),
        (Lazy, "hold .*, the master is"),
        (Forgetful, "ns after the last, not|no advert for"),
        (Usurper, "nopreempt, but master"),
        (Loner, "does not agree"),
        (Meek, "is master with"),
        (Drowsy, "too soon after it slept"),
        (Sleepwalker, "too soon after it slept"),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_a_machine_that_breaks_a_rule_is_caught(kind: type[Machine], caught: str) -> None:
    def all_of_them() -> None:
        for seed in range(ENOUGH):
            History(seed, kind=kind).run()

    with pytest.raises(Violation, match=caught):
        all_of_them()
