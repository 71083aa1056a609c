"""Where does an instance without `interface` send and hear its adverts? Wherever its own address is. Core.

How such places are named is said in `addresses.place`.
"""

from __future__ import annotations

from services.common.errors import InvalidValue
from services.vrrp.addresses import link_local, place_of
from services.vrrp.config.settings import VrrpInstance, needs_links

ANY = "any interface"


def shown(name: str) -> str:
    """An interface or a place, for people."""
    at = place_of(name)
    if at is None:
        return name
    return f"{ANY} of VRF {at[0]}" if at[0] else ANY


def missing(name: str) -> str:
    """Why there is no such interface or place, in words."""
    at = place_of(name)
    if at is None:
        return f"interface {name} does not exist"
    return f"no interface{f' of VRF {at[0]}' if at[0] else ''} that is up has the address {at[1]}"


def check(given: VrrpInstance) -> None:
    """Whether an instance can do without `interface`.

    :raises InvalidValue: it cannot.
    """
    if given.interface:
        return
    hint = "or give unicast_peer and unicast_src_ip: then adverts go and come wherever that address is"
    if not given.unicast_peer or not given.unicast_src_ip:
        raise InvalidValue("interface", "is required: the name of a network interface", hint)
    if needs_links(given):
        raise InvalidValue("interface", "is required: VMACs and ipvlans are on it")
    for field, address in (
        ("unicast_src_ip", given.unicast_src_ip),
        *((f"unicast_peer[{at}].address", peer.address) for at, peer in enumerate(given.unicast_peer)),
    ):
        if link_local(address):
            raise InvalidValue(field, f"{address} says nothing without an interface: it is link-local", "give interface")
