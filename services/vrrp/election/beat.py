"""When did a master advertise last, and when does it next? Its own times, or those of all that advertise together."""

from __future__ import annotations


class Beat:
    """`at`: the next time, `said_at`: the last one (nanoseconds). Of many together (`shared`) `count` says how often they
    have said what they repeat; `whole`: nobody has left."""

    __slots__ = ("at", "count", "said_at", "shared", "whole")

    def __init__(self, at: int = 0, said_at: int = 0, shared: bool = False) -> None:
        self.at, self.said_at, self.shared = at, said_at, shared
        self.count = 0
        self.whole = True
