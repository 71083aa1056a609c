"""Every row of the transition table: keepalived and vipkeeper tell the same states and send the same adverts."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from tests.interop.scripts import EXACT, NEWER, SCRIPTS
from tests.interop.stage import SUBJECTS, Stage

pytestmark = [
    pytest.mark.netns,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.timeout(300),
]

TRIES = 4


def play(script: Callable[[Stage], None], subject: str) -> dict[str, Any]:
    """What is seen when the script is played; played again where the machine stood still for as long as a peer waits."""
    for _ in range(TRIES):
        with Stage(SUBJECTS[subject]) as stage:
            script(stage)
            seen = stage.seen(exactly=script in EXACT)
        if not stage.peer.stood_still:
            break
    return seen


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
def test_the_same_events_lead_to_the_same_states_and_adverts(script: Callable[[Stage], None]) -> None:
    theirs, ours = play(script, "keepalived"), play(script, "vipkeeper")
    assert ours == theirs


@pytest.mark.parametrize("script", NEWER, ids=lambda script: script.__name__)
def test_owners_do_what_newer_keepaliveds_do(script: Callable[[Stage], None]) -> None:
    seen = play(script, "vipkeeper")
    assert (seen["VI_1 told"], seen["held"], seen["adverts of 51"]) == NEWER[script]
