"""Has it happened yet? Waiting for a condition with a deadline, instead of sleeping."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

_FIRST_PAUSE = 0.002
_LONGEST_PAUSE = 0.05


def _late(what: str | Callable[[], str], timeout: float, last: object) -> AssertionError:
    text = what() if callable(what) else what
    return AssertionError(f"{text}: not within {timeout:g} s; last seen {last!r}")


def until(predicate: Callable[[], T], timeout: float = 30, what: str | Callable[[], str] = "condition") -> T:
    """The first true value of `predicate`, asked again and again.

    :param what: said when it never comes; a callable is asked only then (for the log of a process, say).
    :raises AssertionError: nothing true within `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    pause = _FIRST_PAUSE
    while not (value := predicate()):
        if time.monotonic() > deadline:
            raise _late(what, timeout, value)
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)
    return value


async def until_async(predicate: Callable[[], Any], timeout: float = 30, what: str | Callable[[], str] = "condition") -> Any:
    """As `until`, while the loop runs on; `predicate` may be a coroutine function."""
    deadline = time.monotonic() + timeout
    pause = _FIRST_PAUSE
    while True:
        answer = predicate()
        value = await answer if inspect.isawaitable(answer) else answer
        if value:
            return value
        if time.monotonic() > deadline:
            raise _late(what, timeout, value)
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)
