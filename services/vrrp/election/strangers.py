"""Who speaks for virtual routers that are not configured here, though their adverts arrive? Core (`log_unknown_vrids`)."""

from __future__ import annotations

from typing import NamedTuple

from services.vrrp.addresses import text
from services.vrrp.config.ranges import SECOND
from services.vrrp.wire.packet import IPV6_VRIDS, ends_of

AGAIN = 3600 * SECOND  # nanoseconds after which one is worth a word again
MOST = 256  # that are remembered; a flood of made-up ones must not fill the memory, nor the log


class Stranger(NamedTuple):
    """Somebody's virtual router. `family`: 4 or 6; `source`: the sender's address."""

    interface: str
    vrid: int
    family: int
    source: str


class Strangers:
    """Those who were heard, and which of them nobody was told of."""

    def __init__(self) -> None:
        self._told_at: dict[Stranger, int] = {}
        self._news: list[Stranger] = []

    def hear(self, interface: str, number: int, data: bytes, now: int) -> None:
        """A packet whose `packet.number_of` is `number`."""
        family = 4 if number < IPV6_VRIDS else 6
        stranger = Stranger(interface, number % IPV6_VRIDS, family, text(ends_of(data)[0]))
        told_at = self._told_at.get(stranger)
        if told_at is not None and now - told_at < AGAIN:
            return
        if told_at is None and len(self._told_at) >= MOST:
            self._told_at = {known: at for known, at in self._told_at.items() if now - at < AGAIN}
            if len(self._told_at) >= MOST:
                return
        self._told_at[stranger] = now
        self._news.append(stranger)

    def take(self) -> list[Stranger]:
        """Those that are worth a word, once."""
        news, self._news = self._news, []
        return news
