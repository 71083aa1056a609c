"""How does a running engine give way to its successor? What the two say to each other on a `channel` pair of their own.

  predecessor -> successor: {"is": "state", "told": {...}, "at": T, "stamp": T}   it is silent from now on; `at`: its clock,
                                                                                  `stamp`: the wall clock, in nanoseconds;
                                              with a descriptor where links are kept quiet: the one of their table
  successor -> predecessor: {"is": "ready"}     it could go on from there
  predecessor -> successor: {"do": "go"}        and it alone does; the predecessor ends without another word
Whatever else happens, the pair is closed and the predecessor goes on: it was silent for a fraction of an interval. Only "go"
moves anything, and it is said once, so never do both speak, nor neither.
"""

from __future__ import annotations

import select
from collections.abc import Callable, Mapping
from typing import Any

from services.vrrp.channel import Channel, ChannelClosed, Message


def give(channel: Channel, told: Mapping[str, Any], until: int, clock: Callable[[], int], descriptor: int = -1) -> str:
    """Offer everything; empty: the successor has it and goes on, else why it does not. Takes until `until` at most.

    `descriptor`: what belongs to no process alone, and is the successor's as well from now on.
    """
    channel.send(told, descriptor)
    poll = select.poll()
    while (left := until - clock()) > 0:
        poll.register(channel.fileno(), select.POLLIN | (select.POLLOUT if channel.backlog else 0))
        poll.poll(left / 1e6)
        try:
            channel.flush()
            messages = channel.receive()
        except ChannelClosed:
            return "the new engine ended before it could go on"
        if any(message.get("is") == "ready" for message in messages):
            channel.send({"do": "go"})
            return ""
    return "the new engine was not ready in time"


class Turn:
    """The successor's side; `wait` may be called as soon as there is something to read."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def fileno(self) -> int:
        return self._channel.fileno()

    def wait(self) -> Message | None:
        """The next message; None: the predecessor goes on by itself."""
        poll = select.poll()
        poll.register(self._channel.fileno(), select.POLLIN)
        while True:
            poll.poll()
            try:
                messages = self._channel.receive(limit=1)
            except ChannelClosed:
                return None
            if messages:
                return messages[0]

    def descriptor(self) -> int:
        """The one that came along, from now on the caller's; -1: there was none."""
        descriptors = self._channel.descriptors
        return descriptors.popleft() if descriptors else -1

    def ready(self) -> None:
        """It could go on."""
        self._channel.send({"is": "ready"})

    def close(self) -> None:
        self._channel.close()
