"""What does one virtual router put on the wire? Its adverts, made ready before they are needed. Core.

One packet, or one for each unicast peer; of each priority that is asked for. Where adverts are authenticated by a seal or a
trailer, they get it, and the router's next number, when they leave.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.vrrp.addresses import packed
from services.vrrp.config.resolve import RouterSettings
from services.vrrp.election.actions import SendAdvert
from services.vrrp.wire.packet import Checksum, Format, Seal, Trailer, encode

if TYPE_CHECKING:
    from services.vrrp.wire import ah, trailer


class Adverts:
    """The adverts of one virtual router. `format` is what it sends and accepts, `listed` its addresses as sent.

    `numbered`: they are to leave `with_number`, otherwise as `of` gives them.
    """

    __slots__ = ("_peers", "_ready", "_settings", "_source", "format", "listed", "numbered")

    def __init__(self, settings: RouterSettings, source: bytes | None, heard: Checksum | None = None) -> None:
        s = self._settings = settings
        self.listed = b"".join(packed(a.address) for a in s.addresses)
        group = packed(s.mcast_group)
        self._source = source or bytes(len(group))
        self._peers = tuple((peer.address, packed(peer.address)) for peer in s.peers)
        checksums = s.checksums
        if s.detect_checksum and heard is not None and heard in checksums:
            checksums = (heard, *(kind for kind in checksums if kind is not heard))
        sources = {packed(p.address): (p.min_ttl, p.max_ttl) for p in s.peers} if s.check_source else None
        ah = _ah(s)
        auth = s.auth if ah is None else None
        trailer, signed = _trailer(s), s.hmac is not None and s.hmac.signs
        unicast = bool(s.peers)
        self.format = Format(
            s.version, s.vrid, s.advert_int, auth, group, unicast, sources, checksums, s.ttl, ah, trailer, signed
        )
        self.numbered = ah is not None or signed
        self._ready: dict[int, tuple[SendAdvert, ...]] = {}

    def of(self, priority: int) -> tuple[SendAdvert, ...]:
        """The advert of a priority, but for its seal or trailer."""
        ready = self._ready.get(priority)
        if ready is None:
            s = self._settings
            ready = self._ready[priority] = tuple(
                SendAdvert(s.name, s.interface, self._encoded(priority, to), where, s.link, mac=s.frame_mac)
                for where, to in self._destinations()
            )
        return ready

    def _encoded(self, priority: int, to: bytes | None) -> bytes:
        return encode(self.format, priority, _split(self.listed, len(self._source)), self._source, 0, to)

    def with_number(self, priority: int, sequence: int) -> tuple[SendAdvert, ...]:
        """The same with a seal or trailer; all peers get one number."""
        ah, trailer, ready = self.format.ah, self.format.trailer, self.of(priority)
        if ah is not None:
            return tuple(a._replace(data=ah.close(a.data, sequence), sequence=sequence) for a in ready)
        assert trailer is not None
        made = trailer.make(ready[0].data, sequence) if ready else b""
        return tuple(a._replace(data=a.data + made, sequence=sequence) for a in ready)

    def lists(self, addresses: bytes) -> bool:
        """Whether another router's list is the same, but for its order."""
        width = len(self._source)
        return addresses == self.listed or (
            len(addresses) == len(self.listed) and sorted(_split(addresses, width)) == sorted(_split(self.listed, width))
        )

    def _destinations(self) -> list[tuple[str, bytes | None]]:
        """All peers but ourselves; without peers the group."""
        if not self._peers:
            return [(self._settings.mcast_dst_ip, None)]
        return [(where, to) for where, to in self._peers if to != self._source]


def _split(listed: bytes, width: int) -> list[bytes]:
    return [listed[at : at + width] for at in range(0, len(listed), width)]


def _ah(settings: RouterSettings) -> Seal | None:
    if not settings.ah or settings.auth is None:
        return None
    from services.vrrp.wire.ah import Seal  # only where it is used: the engine's start is in a hurry

    return Seal(settings.auth, bool(settings.peers))


def _trailer(settings: RouterSettings) -> Trailer | None:
    if settings.hmac is None:
        return None
    from services.vrrp.wire.trailer import Trailer

    return Trailer(dict(settings.hmac.keys), settings.hmac.active, settings.hmac.required)


def counter(settings: RouterSettings, before: ah.Counter | trailer.Clock | None) -> ah.Counter | trailer.Clock | None:
    """What numbers a router's authenticated adverts, going on from the one before; None: they have no numbers."""
    if settings.ah:
        from services.vrrp.wire.ah import Counter

        return before if isinstance(before, Counter) else Counter()
    if settings.hmac is not None:
        from services.vrrp.wire.trailer import Clock

        window = settings.hmac.window or 0
        return before.within(window) if isinstance(before, Clock) else Clock(window)
    return None
