"""How punctual is the engine? Counters of its loop, which a successor counts on."""

from __future__ import annotations

from collections.abc import Mapping


class Statistics:
    """Lateness of timers, plain counters; see `views.EngineView`."""

    __slots__ = ("late_max", "late_over_1ms", "late_over_10ms", "late_over_100ms", "late_sum", "timers", "wakes")

    def __init__(self) -> None:
        self.wakes = self.timers = self.late_sum = self.late_max = 0
        self.late_over_1ms = self.late_over_10ms = self.late_over_100ms = 0

    def carried(self) -> dict[str, int]:
        """All of them, for a successor."""
        return {name: getattr(self, name) for name in self.__slots__}

    def take_up(self, told: Mapping[str, int]) -> None:
        """Count on from a predecessor's."""
        for name in self.__slots__:
            setattr(self, name, told.get(name, 0))

    def served(self, late: int) -> None:
        """A timer was served `late` nanoseconds after its time."""
        self.timers += 1
        self.late_sum += late
        if late > 1_000_000:
            self.late_over_1ms += 1
            self.late_over_10ms += late > 10_000_000
            self.late_over_100ms += late > 100_000_000
        if late > self.late_max:
            self.late_max = late
