"""What can happen to one virtual router? `node` says these, `router.VirtualRouter` takes them; time comes beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from services.vrrp.config.resolve import RouterSettings
from services.vrrp.election.actions import State
from services.vrrp.election.snapshot import Saved
from services.vrrp.wire.packet import Advert


class Inputs(NamedTuple):
    """What others know about this router. Faults in words; `source` is None exactly where a fault says so."""

    faults: tuple[str, ...] = ()
    priority: int = 100
    waiting: bool = False  # the first results of its scripts are still to come
    source: bytes | None = None
    in_group: bool = False
    start_master: bool = False
    crowded: bool = False  # so many routers run here that their adverts should drift apart
    maintenance: str = ""  # why it stands back while any peer is there, in words; empty: it does not


class Start(NamedTuple):
    """Once; `saved` is what a killed predecessor left, `carried` what a living one told: then it goes on.

    `listens`: peers may have taken over another member of its sync group meanwhile, and so all of it.
    """

    saved: Saved | None
    carried: Mapping[str, Any] | None = None
    listens: bool = False


class Heard(NamedTuple):
    """A valid advert, which came `age` nanoseconds ago."""

    advert: Advert
    age: int = 0


class Expired(NamedTuple):
    """`deadline` has come."""


class Changed(NamedTuple):
    """New inputs, and new settings where the configuration changed."""

    inputs: Inputs
    settings: RouterSettings | None = None


class Follow(NamedTuple):
    """The sync group goes to MASTER or BACKUP. `release`: send priority 0 and come back after the skew time."""

    state: State
    cause: str
    release: bool = False


class Reannounce(NamedTuple):
    """Another member of the sync group heard a rival."""


class StepDown(NamedTuple):
    """Offer mastership to the peers, once."""

    cause: str


class Lost(NamedTuple):
    """Somebody removed one of our addresses, routes or rules: `what` in words."""

    what: str


class Stop(NamedTuple):
    """Declared stop (`after` STOP) or no longer configured (DELETED)."""

    after: str


RouterEvent = Start | Heard | Expired | Changed | Follow | Reannounce | StepDown | Lost | Stop
