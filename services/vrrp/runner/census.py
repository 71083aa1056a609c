"""Are there as many processes as wanted? Births, changes of name and ends of processes in, up or down out.

A core: what the kernel tells and what a look at /proc found come as calls, with the time. The rules are keepalived 2.2.7's:
a child counts as its parent does until it executes something else; what executes or renames itself counts at once, what is
born counts after `fork_delay`, what ends after `terminate_delay`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Sought(NamedTuple):
    """The processes of one tracker; fields as in `settings.TrackProcess`, delays in nanoseconds."""

    process: tuple[str, ...]
    param_match: str = ""
    full_command: bool = False
    quorum: int = 1
    quorum_max: int | None = None
    fork_delay: int = 0
    terminate_delay: int = 0

    @property
    def by_command(self) -> bool:
        """It is found by its command line, and not by its name."""
        return self.full_command or len(self.process) > 1 or bool(self.param_match)

    def matches(self, seen: Seen) -> bool:
        """Whether a process is one of them."""
        if not self.by_command:
            return seen.name == self.process[0]
        words, wanted = seen.command, self.process
        if self.param_match == "initial" and len(wanted) > 1:
            before = len(wanted) - 1
            return len(words) > before and words[:before] == wanted[:-1] and words[before].startswith(wanted[-1])
        if self.param_match or len(wanted) == 1:
            return words[: len(wanted)] == wanted
        return words == wanted

    def enough(self, count: int) -> bool:
        """Whether so many are as many as wanted."""
        least = 0 if self.quorum_max == 0 else self.quorum
        return least <= count and (self.quorum_max is None or count <= self.quorum_max)


class Seen(NamedTuple):
    """One running process: its name (/proc/PID/comm), and the words of its command line where anybody asks for them."""

    pid: int
    name: str
    command: tuple[str, ...] = ()


class Tally(NamedTuple):
    """One tracker now. `due`: when it changes, unless the number does before."""

    up: bool
    number: int
    due: int | None = None


class Census:
    """Which processes belong to which tracker. `tallies` is for reading."""

    def __init__(self) -> None:
        self._sought: dict[str, Sought] = {}
        self._members: dict[str, set[int]] = {}
        self.tallies: dict[str, Tally] = {}

    @property
    def reads_commands(self) -> bool:
        """Some tracker needs command lines."""
        return any(sought.by_command for sought in self._sought.values())

    def configure(self, sought: Mapping[str, Sought], found: Iterable[Seen]) -> None:
        """Exactly these trackers from now on; `found` are all processes now."""
        self._sought = dict(sought)
        self._members = self._sorted(found)
        self.tallies = {n: Tally(s.enough(len(self._members[n])), len(self._members[n])) for n, s in self._sought.items()}

    def looked(self, found: Iterable[Seen], now: int) -> None:
        """All processes as they are now, after births or ends were missed."""
        before, self._members = self._members, self._sorted(found)
        for name, sought in self._sought.items():
            more = len(self._members[name]) > len(before[name])
            self._count(name, sought.fork_delay if more else sought.terminate_delay, now)

    def born(self, parent: int, child: int, now: int) -> None:
        """A process has forked."""
        for name, members in self._members.items():
            if parent in members:
                members.add(child)
                self._count(name, self._sought[name].fork_delay, now)

    def became(self, seen: Seen, now: int) -> None:
        """A process executes another program, or has another name."""
        for name, sought in self._sought.items():
            members = self._members[name]
            if sought.matches(seen) is not (seen.pid in members):
                members ^= {seen.pid}
                self._count(name, 0, now)

    def renamed(self, pid: int, comm: str, now: int) -> None:
        """A process has given itself another name; its command line is what it was."""
        for name, sought in self._sought.items():
            members = self._members[name]
            if not sought.by_command and (comm == sought.process[0]) is not (pid in members):
                members ^= {pid}
                self._count(name, 0, now)

    def ended(self, pid: int, now: int) -> None:
        """A process is no more."""
        for name, members in self._members.items():
            if pid in members:
                members.discard(pid)
                self._count(name, self._sought[name].terminate_delay, now)

    def deadline(self) -> int | None:
        """When `passed` is due."""
        return min((tally.due for tally in self.tallies.values() if tally.due is not None), default=None)

    def passed(self, now: int) -> None:
        """Delays that are over."""
        for name, tally in self.tallies.items():
            if tally.due is not None and tally.due <= now:
                self.tallies[name] = Tally(not tally.up, tally.number)

    def _sorted(self, found: Iterable[Seen]) -> dict[str, set[int]]:
        members: dict[str, set[int]] = {name: set() for name in self._sought}
        for seen in found:
            for name, sought in self._sought.items():
                if sought.matches(seen):
                    members[name].add(seen.pid)
        return members

    def _count(self, name: str, delay: int, now: int) -> None:
        """The number of a tracker has changed, or may have."""
        tally, count = self.tallies[name], len(self._members[name])
        if self._sought[name].enough(count) is tally.up:
            self.tallies[name] = Tally(tally.up, count)
        elif not delay:
            self.tallies[name] = Tally(not tally.up, count)
        else:
            self.tallies[name] = Tally(tally.up, count, now + delay if tally.due is None else tally.due)
