"""Which sockets of adverts are open? One `Link` for each family and interface that the configuration names and that exists."""

from __future__ import annotations

import select
from collections.abc import Mapping
from typing import TYPE_CHECKING

from services.vrrp.netlink import Interface
from services.vrrp.wire.packet import PROTOCOL_AH
from services.vrrp.wire.sockets import LINKS, Link

if TYPE_CHECKING:
    from services.vrrp.wire.bursts import Bursts


class AdvertSockets:
    """`links` by family (`SendAdvert.family`) and interface, `readers` by descriptor, `groups` are the families' multicast
    groups; all for reading. Receivers are registered with `epoll`."""

    def __init__(self, epoll: select.epoll) -> None:
        self._epoll = epoll
        self.links: dict[int, dict[str, Link]] = {family: {} for family in LINKS}
        self.readers: dict[int, Link] = {}
        self.groups: dict[int, str] = dict.fromkeys(LINKS, "")
        self._wanted: dict[int, Mapping[str, frozenset[str]]] = {family: {} for family in LINKS}
        self._troubles: dict[tuple[int, str], str] = {}
        self._bursts: Bursts | None = None  # shared by all links

    def configure(
        self, family: int, heard: Mapping[str, frozenset[str]], group: str, interfaces: Mapping[str, Interface]
    ) -> None:
        """Exactly these interfaces of a family from now on, on each the groups that are heard there.

        `group` is what adverts go to unless they say otherwise; another one means other sockets.
        """
        if group != self.groups[family]:
            for name in list(self.links[family]):
                self._close(family, name)
            self.groups[family] = group
        for name in self.links[family].keys() - heard.keys():
            self._close(family, name)
        self._wanted[family] = heard
        for name in heard:
            self._open(family, name, interfaces.get(name))

    def receive_bursts(self) -> None:
        """From now on by fewer system calls; what that takes is not loaded before the first advert."""
        from services.vrrp.wire.bursts import Bursts

        self._bursts = Bursts()
        for link in self.readers.values():
            link.bursts = self._bursts

    def look_again(self, name: str, interface: Interface | None) -> None:
        """This interface came, went, or is another one now (None: it is gone)."""
        for family, wanted in self._wanted.items():
            if name in wanted:
                self._open(family, name, interface)

    def troubles(self, name: str) -> tuple[str, str]:
        """Why there is no socket for IPv4 and for IPv6 on this interface, in words; empty where nothing is wrong."""
        trouble = self._troubles.get
        return trouble((4, name)) or trouble((PROTOCOL_AH, name), ""), trouble((6, name), "")

    def _open(self, family: int, name: str, interface: Interface | None) -> None:
        links = self.links[family]
        link = links.get(name)
        if link is not None and (interface is None or interface.number != link.number):
            self._close(family, name)
            link = None
        self._troubles.pop((family, name), None)
        if interface is not None:
            heard = self._wanted[family][name]
            try:
                if link is not None:
                    link.hear(heard)
                    return
                link = LINKS[family](name, interface.number, self.groups[family], heard)
            except PermissionError:
                self._troubles[family, name] = "no permission for raw sockets (the engine needs CAP_NET_RAW)"
            except OSError as error:
                self._troubles[family, name] = error.strerror or str(error)
            else:
                link.bursts = self._bursts
                links[name] = self.readers[link.receiver.fileno()] = link
                self._epoll.register(link.receiver.fileno(), select.EPOLLIN)

    def _close(self, family: int, name: str) -> None:
        link = self.links[family].pop(name)
        self._epoll.unregister(link.receiver.fileno())
        del self.readers[link.receiver.fileno()]
        link.close()
