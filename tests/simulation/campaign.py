"""Histories one after the other until enough hours are simulated: `make test`, and `make simulate HOURS=...` for more."""

from __future__ import annotations

import os
import random
from typing import NamedTuple

from tests.simulation.history import History

SEED = "SIMULATION_SEED"  # one history again: what a failure's report says
HOURS = "SIMULATION_HOURS"
SHARE = 0.15  # of short intervals' events to those of long ones: where the hours are, and where most can go wrong


class Done(NamedTuple):
    """What was simulated. `hours` are nearly all of clusters that advertise every 255 s; `steps`: events in all cores."""

    histories: int
    hours: float
    short_hours: float
    steps: int
    transitions: int

    def __str__(self) -> str:
        return (
            f"{self.histories} histories, {self.hours:.0f} simulated hours ({self.short_hours:.0f} of them with other"
            f" intervals than 255 s), {self.steps} events, {self.transitions} transitions"
        )


def replay(again: str) -> Done:
    """The history of a report."""
    history = History(int(again.rstrip("L")), again.endswith("L"))
    history.run()
    world = history.world
    return Done(1, history.hours, history.hours, world.steps, world.transitions)


def simulate(hours: float, first: int | None = None) -> Done:
    """Histories of seeds from `first` on (a random number) until `hours` are simulated.

    :raises Violation: with the seed that found it.
    """
    seed = random.SystemRandom().randrange(2**40) if first is None else first
    done = Done(0, 0.0, 0.0, 0, 0)
    spent = {True: 0, False: 0}
    while done.hours < hours:
        long = spent[False] >= SHARE * spent[True]
        history = History(seed, long)
        history.run()
        seed += 1
        world = history.world
        spent[long] += world.steps
        done = Done(
            done.histories + 1,
            done.hours + history.hours,
            done.short_hours + history.hours * (not long),
            done.steps + world.steps,
            done.transitions + world.transitions,
        )
    return done


def wanted_hours(default: float) -> float:
    return float(os.environ.get(HOURS, default))
