"""Which instances cannot run as they are configured, alone or beside the others? With what keepalived makes of it. Core."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from services.vrrp import authentication, strict
from services.vrrp.settings import Global, VrrpInstance

if TYPE_CHECKING:
    from services.vrrp.resolve import RouterSettings

LISTED = "give each instance of an interface its own virtual_router_id"


class Impossible(NamedTuple):
    """An instance that is not started, and the field to blame."""

    name: str
    field: str
    reason: str
    hint: str


def among(routers: Mapping[str, RouterSettings], given: Mapping[str, VrrpInstance], defaults: Global) -> tuple[Impossible, ...]:
    """The instances that cannot run; of those with one VRID on a link the first by name can."""
    alone = [found for name, router in routers.items() if (found := _alone(router, given[name], defaults)) is not None]
    impossible = {found.name for found in alone}
    return (*alone, *_duplicates([router for name, router in routers.items() if name not in impossible]))


def _alone(router: RouterSettings, given: VrrpInstance, defaults: Global) -> Impossible | None:
    """What an instance cannot have with what it gets from the global settings."""
    if strict.applies(given, defaults):
        if given.virtual_ipaddress:
            return None
        reason = "strict mode has no instance without addresses (RFC 5798 section 6.1): not started, as by keepalived"
        return Impossible(router.name, "virtual_ipaddress", reason, "give at least one address, or remove strict_mode")
    if given.auth_type == authentication.AH and not router.ah:
        reason = "AH is of VRRPv2, and the global vrrp_version is 3: not started; keepalived would send without authentication"
        hint = "version 2 in the instance, on all its routers, or remove authentication"
        return Impossible(router.name, "authentication.auth_type", reason, hint)
    return None


def _duplicates(routers: list[RouterSettings]) -> Iterator[Impossible]:
    """One VRID names one virtual router of a family on a link (RFC 9568 section 5.2.3)."""
    taken: dict[tuple[str, int, int], list[RouterSettings]] = {}
    for router in routers:
        others = taken.setdefault((router.interface, router.vrid, router.family), [])
        holder = next((other.name for other in others if _meet(router, other)), None)
        if holder is None:
            others.append(router)
            continue
        reason = f"{router.vrid} on {router.interface} is already used by vrrp_instance {holder!r}: not started"
        reason += "; keepalived would refuse the whole configuration"
        yield Impossible(router.name, "virtual_router_id", reason, LISTED)


def _meet(one: RouterSettings, other: RouterSettings) -> bool:
    """Whether adverts cannot tell the two apart: both multicast, or unicast with a peer in common."""
    if one.peers and other.peers:
        return not {peer.address for peer in one.peers}.isdisjoint(peer.address for peer in other.peers)
    return not one.peers and not other.peers
