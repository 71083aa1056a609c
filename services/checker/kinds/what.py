"""What is common to all types of checks?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from services.checker.schedule import Timing
from services.checker.servers import Global, RealServer, TrackFile, VirtualServer

SECOND: Final = 1_000_000_000


@dataclass(frozen=True)
class What:
    """What a check asks. Of each type a frozen dataclass of numbers, texts, tuples and other such dataclasses, so that it can
    be sent to a worker (`wire`); as text it is the target in words."""

    __slots__ = ()

    @property
    def urls(self) -> int:
        """How many probes make a round; 0: each decides alone."""
        return 0

    @property
    def from_start(self) -> bool:
        """The delay to the next probe counts from the start of one, as keepalived does it for programs."""
        return False

    @property
    def adjusts(self) -> bool:
        """The weight of a success is added to the configured one, and does not replace it."""
        return False

    @property
    def weighs(self) -> bool:
        """A success may ask for another weight than the one before it."""
        return False

    @property
    def recovers_fast(self) -> bool:
        """On the way up probes follow each other at once."""
        return False


@dataclass(frozen=True, slots=True)
class Around:
    """What a check of the name `name` may inherit."""

    name: str
    timing: Timing
    real: RealServer
    virtual: VirtualServer
    settings: Global
    files: Mapping[str, TrackFile]


class Kind(NamedTuple):
    """One type of check. `validate` says all that can be said of a value without its servers, `make` joins it with them; both
    raise InvalidValue. Defaults of retry and delay_before_retry (nanoseconds; None: delay_loop) are keepalived's."""

    what: type[What]
    validate: Callable[[Mapping[str, Any]], None]
    make: Callable[[Mapping[str, Any], Around], What]
    retry: int = 1
    delay_before_retry: int | None = SECOND
