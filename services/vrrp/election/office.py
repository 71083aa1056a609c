"""What does a virtual router hold while it is master, and what is done when that comes, changes and goes? Core.

Its links may speak, its addresses are on their interfaces, its routes and rules are in the kernel. Links may speak before
the addresses come, so that the kernel may tell of them, and fall silent before they go.
"""

from __future__ import annotations

from services.vrrp.addresses import VirtualAddress
from services.vrrp.config.resolve import RouterSettings
from services.vrrp.election.actions import Action, AddAddresses, AddRouting, Announce, Hush, RemoveAddresses
from services.vrrp.routing import routing


def addresses(settings: RouterSettings) -> tuple[VirtualAddress, ...]:
    """All that the master has, advertised or not."""
    return settings.addresses + settings.excluded


def taken(settings: RouterSettings) -> list[Action]:
    """It has become master."""
    actions = _hush(settings, False)
    if held := addresses(settings):
        actions.append(AddAddresses(settings.name, held))
    if settings.routing:
        actions.append(AddRouting(settings.name, settings.routing))
    return actions


def left(settings: RouterSettings) -> list[Action]:
    """It is master no longer, or must hold nothing of a predecessor's."""
    actions = _hush(settings, True) + routing.removal(settings.name, settings.routing)
    if held := addresses(settings):
        actions.append(RemoveAddresses(settings.name, held))
    return actions


def changed(before: RouterSettings, settings: RouterSettings) -> list[Action]:
    """A master's settings are others now: what is added comes before what goes, and is announced."""
    old, new = addresses(before), addresses(settings)
    added = tuple(a for a in new if a not in old)
    places = {(a.address, a.dev) for a in added}
    removed = tuple(a for a in old if a not in new and (a.address, a.dev) not in places)
    actions = _hush(settings, False) if settings.links != before.links else []
    if added:
        instead = tuple(a for a in old if a not in new and (a.address, a.dev) in places)
        actions.append(AddAddresses(settings.name, added, instead))
        if instead and settings.routing:  # the kernel drops routes along with an address that they need
            actions.append(AddRouting(settings.name, settings.routing))
    actions += routing.difference(settings.name, before.routing, settings.routing)
    if removed:
        actions.append(RemoveAddresses(settings.name, removed))
    if added and settings.garp_master_repeat:
        actions.append(Announce(settings.name, added, settings.garp_master_repeat))
    return actions


def put_back(settings: RouterSettings, interface: str, new: bool) -> list[Action]:
    """A master's addresses on an interface that is up again, or (`new`) has just come into being without them."""
    back = tuple(a for a in addresses(settings) if a.dev == interface)
    if not back:
        return []
    again: list[Action] = [*_hush(settings, False), AddAddresses(settings.name, back)] if new else []
    return [*again, Announce(settings.name, back, max(1, settings.garp_master_repeat))]


def _hush(settings: RouterSettings, on: bool) -> list[Action]:
    return [Hush(settings.name, settings.quiet_links, on)] if settings.quiet_links else []
