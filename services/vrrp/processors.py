"""On which processors does this process run? keepalived's cpu_affinity; everywhere unless told otherwise."""

from __future__ import annotations

import os
from collections.abc import Iterable


class Processors:
    """Binds this process. `trouble`: why it could not be bound as was wanted, in words."""

    def __init__(self) -> None:
        self.trouble = ""
        self._bound: frozenset[int] = frozenset()
        self._before: set[int] = set()  # where it was allowed to run at first

    def bind(self, wanted: Iterable[int]) -> None:
        """To these processors, counted from 0, from now on; none: wherever it might at first."""
        wanted = frozenset(wanted)
        if wanted == self._bound:
            return
        try:
            self._before = self._before or os.sched_getaffinity(0)
            os.sched_setaffinity(0, wanted or self._before)
        except OSError as error:
            listed = " ".join(map(str, sorted(wanted)))
            self.trouble = f"cannot be bound to processors {listed}: {error.strerror or error}"
            return
        self._bound, self.trouble = wanted, ""
