"""How long after its moment does each transition come? The scripts of tests/interop, beside keepalived, on one clock.

The moment is what the protocol says: an advert is answered at once, a silent master is given up after the master-down
interval, one that releases after the skew time. Figures are of the wire, as the peer sees it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from tests.bench.figures import summary, table
from tests.interop import scripts
from tests.interop.stage import HIGHER, ROUTER, SUBJECTS, VIP, Router, Stage

SKEW = (256 - 100) * 20 * 625 // 16 / 1e6  # of priority 100 at 200 ms: RFC 9568 section 6.1, as v3 truncates it
DOWN = 3 * 0.2 + SKEW
BAR = 20.0  # ms from keepalived's own


class Transition(NamedTuple):
    """One transition: how to bring it about, returning when it is due (Unix seconds), and the priority that shows it."""

    name: str
    play: Callable[[Stage], float]
    shows: int


def silence(s: Stage) -> float:
    scripts.backup_hears_nothing_more(s)
    return max(frame.at for frame in s.wire.adverts(HIGHER)) + DOWN


def release(s: Stage) -> float:
    scripts.backup_hears_priority_0(s)
    return max(frame.at for frame in s.wire.adverts(HIGHER)) + SKEW


def stop(s: Stage) -> float:
    scripts.start_alone(s)
    due = time.time()
    s.subject.stop()
    return due


def loss(s: Stage) -> float:
    scripts.start_alone(s)
    due = time.time()
    s.host.ip(f"addr del {VIP}/32 dev eth0")
    s.answers(0, 1)
    return due


def recovery(s: Stage) -> float:
    loss(s)
    s.reach("MASTER")
    s.advertises(100)
    return max(frame.at for frame in s.wire.adverts(ROUTER) if not frame.priority) + SKEW


def answer(priority: int) -> Callable[[Stage], float]:
    def play(s: Stage) -> float:
        s.start(VI_1=Router(255, interval=scripts.LONG, master=True))
        s.reach("MASTER")
        s.peer.says(priority, interval=scripts.LONG)
        s.answers(255, 2)
        return s.wire.adverts(HIGHER)[-1].at

    return play


TRANSITIONS = (
    Transition("BACKUP, master silent: first advert", silence, 100),
    Transition("BACKUP, priority 0 heard: first advert", release, 100),
    Transition("MASTER, priority 0 heard: answer", answer(0), 255),
    Transition("MASTER, lower priority heard: answer", answer(150), 255),
    Transition("MASTER, SIGTERM: priority 0", stop, 0),
    Transition("MASTER, address removed: priority 0", loss, 0),
    Transition("BACKUP after that: first advert", recovery, 100),
)


def run(times: int = 5) -> dict[str, Any]:
    """Milliseconds after the protocol's moment, for each transition and program, and how far apart the medians are."""
    rows: list[dict[str, Any]] = []
    for transition in TRANSITIONS:
        late: dict[str, list[float]] = {name: [] for name in SUBJECTS}
        for _ in range(times):
            for name, make in SUBJECTS.items():
                with Stage(make) as stage:
                    due = transition.play(stage)
                    adverts = [
                        f.at for f in stage.wire.adverts(ROUTER) if f.priority == transition.shows and f.at > due - 0.002
                    ]
                    late[name].append((adverts[0] - due) * 1000)
        figures = {name: summary(values, (50,)) for name, values in late.items()}
        apart = round(figures["vipkeeper"]["p50"] - figures["keepalived"]["p50"], 3)
        for name, figure in figures.items():
            verdict = "" if name == "keepalived" else f"{apart:+.3f}" + (" ABOVE THE BAR" if apart > BAR else "")
            rows.append({"transition": transition.name, "program": name, **figure, "apart": verdict})
    print(f"transitions after the protocol's moment, ms; bar: at most {BAR:g} ms behind keepalived\n{table(rows)}\n")
    return {"unit": "ms", "rows": rows}
