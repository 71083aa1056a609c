"""How do many adverts leave in one system call? sendmmsg(2), which Python does not offer, with everything made ready before.

Routers that advertise together send the same packets again and again: what the kernel is given is built once for each
`SendTogether` and kept for as long as its sockets are the same.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from itertools import accumulate
from typing import NamedTuple

from services.vrrp.election.actions import SendAdvert, SendTogether
from services.vrrp.wire.packet import IP_ID_OFFSET
from services.vrrp.wire.sockets import SHORT, Link

KEPT = 64  # batches; more than there are moments at which routers advertise
Links = Mapping[int, Mapping[str, Link]]  # by `SendAdvert.family` and interface
_libc = ctypes.CDLL(None, use_errno=True)


class _Vector(ctypes.Structure):  # struct iovec
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Message(ctypes.Structure):  # struct msghdr
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("name_length", ctypes.c_uint32),
        ("vectors", ctypes.POINTER(_Vector)),
        ("vectors_length", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Counted(ctypes.Structure):  # struct mmsghdr
    _fields_ = (("message", _Message), ("sent", ctypes.c_uint))


class Left(NamedTuple):
    """Whose adverts have left, and the adverts that have not."""

    routers: tuple[str, ...]
    unsent: tuple[SendAdvert, ...]


class Batches:
    """Sends adverts by the sockets of `links`."""

    def __init__(self, links: Links) -> None:
        self._links = links
        self._ready: dict[int, _Batch] = {}

    def send(self, action: SendTogether) -> Left:
        """All of them, as far as the kernel takes them now."""
        batch = self._ready.get(id(action))
        if batch is None or not batch.valid(self._links):
            if len(self._ready) >= KEPT:
                self._ready.clear()
            batch = self._ready[id(action)] = _Batch(action, self._links)
        return batch.send()


class _Batch:
    """Keeps its action, so that nothing else has its id."""

    def __init__(self, action: SendTogether, links: Links) -> None:
        self._action = action
        self._used: dict[tuple[int, str], Link] = {}
        self._alone: list[SendAdvert] = []  # what no link takes, and frames
        calls: dict[tuple[int, int, Link], list[tuple[SendAdvert, bytes]]] = {}  # by descriptor and flags
        for advert in action.adverts:
            link = links[advert.family].get(advert.interface)
            if advert.mac or link is None:
                self._alone.append(advert)
                continue
            self._used[advert.family, advert.interface] = link
            descriptor, flags, to = link.destination(advert.to)
            calls.setdefault((descriptor, flags, link), []).append((advert, to))
        self._calls = [_Call(descriptor, flags, messages, link) for (descriptor, flags, link), messages in calls.items()]
        self._all = self._left([])

    def valid(self, links: Links) -> bool:
        """The sockets are the same, and whoever had none would still have none."""
        used = all(links[family].get(name) is link for (family, name), link in self._used.items())
        return used and not any(links[a.family].get(a.interface) for a in self._alone if not a.mac)

    def send(self) -> Left:
        unsent: list[SendAdvert] = []
        for call in self._calls:
            unsent += call.send()
        return self._left(unsent) if unsent else self._all

    def _left(self, unsent: list[SendAdvert]) -> Left:
        missing = (*unsent, *self._alone)
        back = {advert.router for advert in missing}
        return Left(tuple(dict.fromkeys(a.router for a in self._action.adverts if a.router not in back)), missing)


class _Call:
    """One sendmmsg by one socket. What the kernel is given lies in one buffer, and points into it."""

    def __init__(self, descriptor: int, flags: int, messages: list[tuple[SendAdvert, bytes]], link: Link) -> None:
        self._adverts = [advert for advert, _to in messages]
        self._kept = [to for _advert, to in messages]  # the structures below point to these
        self._number = link.next_number
        starts = list(accumulate((len(advert.data) for advert in self._adverts), initial=0))
        self._buffer = (ctypes.c_char * starts[-1]).from_buffer(bytearray(b"".join(a.data for a in self._adverts)))
        self._numbers = [start + IP_ID_OFFSET for start in starts[:-1]]
        base = ctypes.addressof(self._buffer)
        self._vectors = (_Vector * len(messages))(
            *(_Vector(base + start, len(advert.data)) for start, advert in zip(starts, self._adverts, strict=False))
        )
        self._messages = (_Counted * len(messages))()
        for counted, vector, to in zip(self._messages, self._vectors, self._kept, strict=True):
            message = counted.message
            message.name, message.name_length = to, len(to)
            message.vectors, message.vectors_length = ctypes.pointer(vector), 1
        self._arguments = descriptor, ctypes.byref(self._messages), len(messages), flags

    def send(self) -> list[SendAdvert]:
        """Gives those that were not sent: the one that the kernel did not take now, and what came after it."""
        if self._number is not None:
            number, buffer, pack = self._number, self._buffer, SHORT.pack_into
            for at in self._numbers:
                pack(buffer, at, number())
        sent = _libc.sendmmsg(*self._arguments)
        return [] if sent == len(self._adverts) else self._adverts[max(sent, 0) :]
