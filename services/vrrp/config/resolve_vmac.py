"""Which VMACs and ipvlans do the instances need, what are they called, and which address goes onto which? Pure.

keepalived's rules: generated names are PREFIX.VRID, of the second one with that name PREFIX6.VRID (IPv6) or PREFIX1.VRID
and so on; addresses of the instance's family go onto its VMAC, others onto the base, with `use_vmac_addr` or `use_vmac` of
the address onto VMACs of their own. An ipvlan has an address of its own alone, from which adverts come.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from services.vrrp.addresses import VirtualAddress, family
from services.vrrp.config.settings import Global, VrrpInstance, needs_links
from services.vrrp.links.vmac import IPVLAN, MACVLAN, PREFIX, VirtualLink, virtual_mac

if TYPE_CHECKING:
    from services.vrrp.config.resolve import RouterSettings

Mac = tuple[str, bytes]  # base and address: there is one link of each


def place(
    routers: dict[str, RouterSettings], given: Mapping[str, VrrpInstance], defaults: Global
) -> Iterator[tuple[str, str, str]]:
    """Give the routers their links and put their addresses there; gives (instance, field, reason) of each that cannot be.

    Those are taken out of `routers`.
    """
    names = Names(given, defaults)
    macs: dict[Mac, str] = {}
    for name in sorted(routers, key=lambda name: (routers[name].family, name)):
        router, own = routers[name], given[name]
        if not needs_links(own):
            continue  # what did not change stays the very same object
        field = "use_ipvlan" if own.use_ipvlan is not None else "use_vmac"
        links = {}
        link = _own_link(router, own, names)
        if link is not None and link.kind == MACVLAN:
            links[link.base, link.family] = link
        rows, excluded = (
            tuple(_placed(router, own, row, links, names) for row in listed)
            for listed in (own.virtual_ipaddress, own.virtual_ipaddress_excluded)
        )
        all_links = tuple(links.values()) if link is None or link.kind == MACVLAN else (link, *links.values())
        taken = _taken(all_links, names, macs, name)
        if taken:
            del routers[name]
            yield name, field, taken
            continue
        routers[name] = _with_links(router, own, link, all_links)._replace(addresses=rows, excluded=excluded)


class Names:
    """Names that are taken; `free` takes one more."""

    def __init__(self, given: Mapping[str, VrrpInstance], defaults: Global) -> None:
        self.prefix = defaults.vmac_prefix or PREFIX
        self.address_prefix = defaults.vmac_addr_prefix or self.prefix
        wanted = [link for one in given.values() for link in (one.use_vmac, one.use_ipvlan) if link is not None]
        self._taken = {link.name for link in wanted if link.name} | {one.interface for one in given.values()}
        self._explicit: dict[str, str] = {}

    def free(self, prefix: str, vrid: int, of: int) -> str:
        """The first name that nobody has."""
        more = ("6",) if of == 6 else ()
        name = next(
            name
            for name in (f"{prefix}{infix}.{vrid}" for infix in ("", *more, *map(str, range(1, 1000))))
            if name not in self._taken
        )
        self._taken.add(name)
        return name

    def holder(self, name: str, instance: str) -> str:
        """The instance whose link has this name; from now on `instance` if nobody had it."""
        return self._explicit.setdefault(name, instance)


def _own_link(router: RouterSettings, given: VrrpInstance, names: Names) -> VirtualLink | None:
    if given.use_vmac is not None:
        name = given.use_vmac.name or names.free(names.prefix, router.vrid, router.family)
        mac = virtual_mac(router.vrid, router.family, given.use_vmac.mac)
        return VirtualLink(name, router.interface, MACVLAN, router.family, mac, group=given.use_vmac.group)
    if given.use_ipvlan is not None:
        own = given.use_ipvlan
        name = own.name or names.free(names.prefix, router.vrid, router.family)
        return VirtualLink(name, router.interface, IPVLAN, router.family, b"", own.mode, own.group, own.address, own.prefix)
    return None


def _placed(
    router: RouterSettings,
    given: VrrpInstance,
    row: VirtualAddress,
    links: dict[tuple[str, int], VirtualLink],
    names: Names,
) -> VirtualAddress:
    """The address with the interface that gets it; a link that it alone needs is added."""
    base, of = row.dev or router.interface, family(row.address)
    apart = base != router.interface or of != router.family
    if (row.use_vmac or given.use_vmac_addr) and (apart or row.use_vmac) and (base, of) not in links:
        own = given.use_vmac.mac if given.use_vmac is not None and of == router.family else b""
        mac = virtual_mac(router.vrid, of, own)
        name = names.free(names.address_prefix, router.vrid, of)
        links[base, of] = VirtualLink(name, base, MACVLAN, of, mac)
    link = links.get((base, of))
    return row._replace(dev=link.name if link is not None else base, use_vmac=False)


def _taken(links: Iterable[VirtualLink], names: Names, macs: dict[Mac, str], instance: str) -> str:
    """Why these links cannot be: the name, or the MAC on that interface, is another instance's."""
    for link in links:
        holder = names.holder(link.name, instance)
        if holder != instance:
            return f"vrrp_instance {holder!r} has a link named {link.name}: not started"
        if link.kind == MACVLAN:
            holder = macs.setdefault((link.base, link.mac), instance)
            if holder != instance:
                return f"vrrp_instance {holder!r} has a VMAC with the same MAC on {link.base}: not started"
    return ""


def _with_links(
    router: RouterSettings, given: VrrpInstance, own: VirtualLink | None, links: tuple[VirtualLink, ...]
) -> RouterSettings:
    """Adverts leave with the virtual MAC by multicast only: a unicast peer answers to the base's, as keepalived has it."""
    framed = own is not None and own.kind == MACVLAN and not router.peers and not given.vmac_xmit_base
    source = router.source or (own.address if own is not None else "")
    mac = own.mac if own is not None and framed else b""
    return router._replace(source=source, links=links, frame_mac=mac, own_link=own.name if own is not None else "")
