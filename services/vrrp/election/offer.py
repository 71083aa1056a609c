"""How long does a master that offers its mastership stay silent? Times of giving up without leaving addresses alone. Core.

It sends priority 0, keeps the addresses, and is silent for longer than the longest skew time (RFC 9568 section 6.1: the
skew of priority 0, which nobody has), in which every peer that can take over does so; the first advert of one ends it. If
none comes, there is no peer, and the master goes on. All in nanoseconds.
"""

from __future__ import annotations

PERIOD = 10_000_000_000  # between two offers of a master in maintenance, for peers that would not preempt it


def again(now: int) -> int:
    """When mastership is offered next, half a period from now or later: at the same moment for a whole sync group."""
    return ((now + PERIOD // 2) // PERIOD + 1) * PERIOD


def silence(longest_skew: int) -> int:
    """How long a master waits for a peer to take over."""
    return longest_skew * 5 // 4


def patience(longest_skew: int) -> int:
    """How long a backup in maintenance waits after priority 0: all others go first, and one that only offered goes on."""
    return longest_skew * 2
