"""What can happen to a node? The shell says these, `node.Node` takes them; time comes beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from services.vrrp.config.resolve import Resolved
from services.vrrp.election.snapshot import Saved

if TYPE_CHECKING:
    from services.vrrp.addresses import VirtualAddress
    from services.vrrp.routing.routes import Route
    from services.vrrp.routing.rules import Rule


class Started(NamedTuple):
    """First event: what a killed predecessor left in the hand-over; `awaited`: a living one will tell (`Inherited`)."""

    saved: tuple[Saved, ...]
    awaited: bool = False


class Inherited(NamedTuple):
    """Where a living predecessor is, as its `Node.carried` has it: everything goes on from there, here, at once."""

    told: Mapping[str, Any]


class Configured(NamedTuple):
    """The whole configuration, whether much of it changed or nothing."""

    resolved: Resolved


class ClockSet(NamedTuple):
    """The wall clock is `ahead` nanoseconds of the engine's; for those who number or check adverts by it."""

    ahead: int


class Slept(NamedTuple):
    """Nobody looked at the wire for `duration` nanoseconds, until now; what was said meanwhile may be lost."""

    duration: int


class InterfaceChanged(NamedTuple):
    """An interface as it is now.

    `number` 0: there is none of that name. `addresses`: IPv4 and IPv6, in the kernel's order. `trouble`: why no IPv4
    adverts can be sent or heard on it, in words; `trouble6`: the same of IPv6.
    """

    name: str
    number: int
    up: bool
    addresses: tuple[str, ...]
    trouble: str = ""
    trouble6: str = ""


class AddressVanished(NamedTuple):
    """Somebody else removed an address from an interface."""

    interface: str
    address: str


class LinkRestored(NamedTuple):
    """A VMAC or an ipvlan that somebody removed or set down is there again; what was on it has gone."""

    interface: str


class RoutingVanished(NamedTuple):
    """Somebody else removed these routes and rules."""

    rows: tuple[Route | Rule, ...]


class StaticResult(NamedTuple):
    """A static row was put in place, or could not be: `reason` in words. `owner`: see `statics.OWNER`."""

    owner: str
    row: VirtualAddress | Route | Rule
    reason: str


class RoutingUnsure(NamedTuple):
    """Word of removed routes and rules may have been lost."""


class PacketReceived(NamedTuple):
    """An IP packet of protocol 112 with its header, as it came to an interface `age` ns ago."""

    interface: str
    data: bytes
    age: int = 0


class ScriptResult(NamedTuple):
    """One run of a tracking script ended."""

    name: str
    ok: bool


class ProcessResult(NamedTuple):
    """Whether there are as many processes as a `vrrp_track_process` wants; told again and again."""

    name: str
    ok: bool


class FileValue(NamedTuple):
    """The number in a `track_file`."""

    name: str
    value: int


class BfdChanged(NamedTuple):
    """The bfd process's word of a session. `up` None: not up since that process started."""

    name: str
    up: bool | None


class BfdLost(NamedTuple):
    """The bfd process is gone, or has fallen silent."""


class TimeReached(NamedTuple):
    """`deadline()` has come (or may have)."""


class Failed(NamedTuple):
    """The shell could not carry out an action: `what` is "advert", "announce", "address" or "route"."""

    what: str
    router: str


class Release(NamedTuple):
    """An operator wants another node to be master of this instance and its sync group, now."""

    router: str
    cause: str


class Stopped(NamedTuple):
    """A declared stop."""


Event = (
    Started
    | Inherited
    | Configured
    | ClockSet
    | Slept
    | InterfaceChanged
    | AddressVanished
    | LinkRestored
    | RoutingVanished
    | RoutingUnsure
    | StaticResult
    | PacketReceived
    | ScriptResult
    | ProcessResult
    | FileValue
    | BfdChanged
    | BfdLost
    | TimeReached
    | Failed
    | Release
    | Stopped
)
