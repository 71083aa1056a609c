"""What is still to be told to the agent? The newest view of everything that changed, and each transition until acknowledged.

Bounded: one entry per object and MAX_TRANSITIONS. With no agent, or a slow one, views are overtaken by newer ones and
transitions wait; the oldest go first, counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from services.vrrp.channel import MAX_TRANSITIONS, Channel, Message
from services.vrrp.election.schedule import Key

SLICE = 2  # messages written in one wake: an advert that falls due waits for no more than these


class Outbox:
    """`render` makes the message of a key when its turn comes; None: nothing to say."""

    def __init__(self, render: Callable[[Key], Message | None]) -> None:
        self._render = render
        self._keys: dict[Key, None] = {}
        self._transitions: deque[Message] = deque()
        self._unsent = 0  # how many of them, at the end, the present agent has not got
        self._answers: deque[Message] = deque()
        self._closings: deque[Message] = deque()
        self.dropped = 0

    def put(self, key: Key) -> None:
        """The object of this key changed."""
        self._keys[key] = None

    def transition(self, message: Message) -> None:
        if len(self._transitions) >= MAX_TRANSITIONS:
            self._transitions.popleft()
            self.dropped += 1
        self._transitions.append(message)
        self._unsent = min(self._unsent + 1, len(self._transitions))

    def acknowledge(self, sequence: int) -> None:
        """Transitions up to this one are safe."""
        while self._transitions and self._transitions[0]["sequence"] <= sequence:
            self._transitions.popleft()
        self._unsent = min(self._unsent, len(self._transitions))

    def answer(self, message: Message) -> None:
        """To the present agent, before anything else."""
        self._answers.append(message)

    def close_with(self, message: Message) -> None:
        """To the present agent, once it has been told everything else."""
        self._closings.append(message)

    def restart(self, first: Message, keys: Iterable[Key], last: Message) -> None:
        """A new agent: `first`, every transition not acknowledged, every view, `last`."""
        self._answers = deque([first])
        self._unsent = len(self._transitions)
        self._keys = dict.fromkeys(keys)
        self._closings = deque([last])

    def carried(self) -> dict[str, Any]:
        """Every transition that is not acknowledged, for `take_up`."""
        return {"transitions": list(self._transitions), "dropped": self.dropped}

    def take_up(self, told: Mapping[str, Any]) -> None:
        """What a living predecessor still had to tell."""
        self._transitions.extendleft(reversed(told["transitions"]))
        self.dropped += told["dropped"]

    @property
    def pending(self) -> bool:
        return bool(self._answers or self._unsent or self._keys or self._closings)

    def pump(self, channel: Channel) -> None:
        """Write at most SLICE messages, none while the channel has a backlog.

        Transitions that this agent does not acknowledge stay for the next one.
        """
        for _ in range(SLICE):
            if channel.backlog or not self.pending:
                return
            message = self._next()
            if message is not None:
                channel.send(message)

    def _next(self) -> Message | None:
        if self._answers:
            return self._answers.popleft()
        if self._unsent:
            self._unsent -= 1
            return self._transitions[-1 - self._unsent]
        if self._keys:
            key = next(iter(self._keys))
            del self._keys[key]
            return self._render(key)
        return self._closings.popleft()
