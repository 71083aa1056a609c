"""How does a takeover run as if it had just run? Everything it will execute is gone through once, shortly before.

Code that has not run for hours runs several times slower than code that has: its instructions and data have left the
processor's caches. The same core, queue and encoders run here on twins, with sockets that send nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from services.vrrp.election.actions import Action, AddAddresses, AddRouting, Announce, SendAdvert
from services.vrrp.engine.jobs import Jobs
from services.vrrp.netlink import Requests
from services.vrrp.wire.sockets import SENDERS, Announcer


class Mute:
    """A socket that sends nothing and hears nothing."""

    def send(self, data: bytes, flags: int = 0, /) -> int:
        return len(data)

    def sendto(self, data: bytes, flags: int, address: tuple[str, int], /) -> int:
        return len(data)

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        raise BlockingIOError

    def close(self) -> None:
        pass


def rehearse(actions: Iterable[Action], jobs: Jobs, groups: Mapping[int, str], clock: Callable[[], int]) -> None:
    """Go through `actions` as if they were carried out; what `jobs` will need to announce them is opened, nothing is sent.

    Takes no longer than one slice of `jobs`, however many addresses there are.
    """
    mute = Mute()
    twin = Jobs(Requests(mute), lambda number, addresses: None, jobs.interfaces, lambda name: Announcer(mute))
    for action in actions:
        if isinstance(action, SendAdvert) and action.mac:
            from services.vrrp.wire.frames import FrameSender  # it has been loaded

            FrameSender(mute).send(action.data, action.mac)
        elif isinstance(action, SendAdvert):
            SENDERS[action.family](mute, groups[action.family]).send(action.data, action.to)
        elif isinstance(action, (AddAddresses, Announce)):
            jobs.open_announcers(action.addresses)
            twin.add(action)
        elif isinstance(action, AddRouting) and jobs.routing is not None:
            twin.routing = type(jobs.routing)(mute)
            twin.add(action)
    twin.run(clock)
