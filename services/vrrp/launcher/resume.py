"""How does the launcher become its own new version? It executes the new program in place: same process, same children.

What the new program needs is one variable in its environment, and descriptors that it inherits. `VIPKEEPER_TRIAL` beside it
asks a new program only whether it could: it says so by exit status 0.
"""

from __future__ import annotations

import json
import os
from typing import NamedTuple

from services.vrrp.launcher.children import Kept

RESUME, TRIAL = "VIPKEEPER_RESUME", "VIPKEEPER_TRIAL"
FORMAT = 1


class Resume(NamedTuple):
    """All that a launcher holds. Numbers are descriptors but for `children`'s pids; `name`: of `memory` in the store."""

    memory: int
    name: str
    engine: Kept
    agent: Kept
    reception: int  # -1: there is none
    visitors: tuple[int, ...]  # who wait for the outcome
    reloads: int
    bfd: bool  # there must be a bfd process; it is started anew

    def encode(self) -> str:
        """One line."""
        return json.dumps([FORMAT, *self], separators=(",", ":"))

    @property
    def descriptors(self) -> tuple[int, ...]:
        """All that must be inherited."""
        found = (self.memory, self.engine.fd, self.agent.fd, *self.visitors)
        return (*found, self.reception) if self.reception >= 0 else found


def decode(text: str) -> Resume:
    """What `Resume.encode` gave.

    :raises ValueError: it is of another form.
    """
    try:
        form, memory, name, engine, agent, reception, visitors, reloads, bfd = json.loads(text)
        if form != FORMAT:
            raise ValueError(f"unknown form {form!r}")
        return Resume(memory, name, Kept(*engine), Kept(*agent), reception, tuple(visitors), reloads, bool(bfd))
    except TypeError as error:
        raise ValueError(f"not what a launcher hands over: {error}") from error


def inherited() -> Resume | None:
    """What an earlier program of this process left, once; its descriptors are the caller's."""
    text = os.environ.pop(RESUME, "")
    if not text:
        return None
    found = decode(text)
    for fd in found.descriptors:
        os.set_inheritable(fd, False)
    return found
