"""How does the loop wake at a nanosecond's time? A timerfd (timerfd_create(2)), which Python 3.11 does not offer."""

from __future__ import annotations

import ctypes
import os

TFD_NONBLOCK, TFD_CLOEXEC, TFD_TIMER_ABSTIME = 0o4000, 0o2000000, 1
MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT = 1, 2, 4  # asm-generic/mman.h; the third since Linux 4.4
SECOND = 1_000_000_000
_libc = ctypes.CDLL(None, use_errno=True)
_libc.timerfd_settime.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]


class Timer:
    """One absolute timer; readable once its time has come, until it is armed again."""

    def __init__(self, clock: int) -> None:
        self._fd: int = _libc.timerfd_create(clock, TFD_NONBLOCK | TFD_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        self._value = (ctypes.c_int64 * 4)()  # struct itimerspec: interval, then value
        self._pointer = ctypes.byref(self._value)
        self._when = -1

    def fileno(self) -> int:
        return self._fd

    def arm(self, when: int) -> None:
        """Wake at `when`, nanoseconds of the clock; a time that has passed wakes at once."""
        when = max(when, 1)
        if when == self._when:
            return  # it wakes then, or has been awake since
        self._when = when
        self._value[2], self._value[3] = divmod(when, SECOND)
        _libc.timerfd_settime(self._fd, TFD_TIMER_ABSTIME, self._pointer, None)

    def close(self) -> None:
        os.close(self._fd)


def lock_memory() -> bool:
    """Keep all pages in memory once they have been used (mlockall(2)); False where that is not permitted.

    Whole libraries, of which a tenth is ever used, would double what this process takes.
    """
    return bool(_libc.mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0 or _libc.mlockall(MCL_CURRENT | MCL_FUTURE) == 0)
