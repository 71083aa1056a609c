"""What is wrong with a keepalived.conf, and where? Positions, complaints and how they decide the exit status."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Final, NamedTuple

LIMIT: Final = 500  # complaints that are kept of one file; more only count
HOPELESS: Final = 20_000  # so many more, and it is no keepalived.conf


class HopelessError(Exception):
    """The text is nothing like a keepalived.conf; caught by `reading`."""


class Position(NamedTuple):
    """A character of a file. Line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Severity(enum.IntEnum):
    """How bad a complaint is. All but REFUSED are complaints to `vipctl check`, as they are to `keepalived -t`."""

    NOTE = 1  # understood; keepalived would say something about it too
    UNSUPPORTED = 2  # keepalived knows it, vipkeeper does not have it yet
    MISTAKE = 3  # left out, as keepalived leaves it out
    REFUSED = 4  # nothing of the file is used


@dataclass(frozen=True, slots=True, order=True)
class Complaint:
    """One thing that is wrong. The message says what was expected."""

    at: Position
    severity: Severity
    message: str

    def __str__(self) -> str:
        return f"{self.at}: {self.message}"


@dataclass(slots=True)
class Report:
    """Collects complaints in the order in which they are found; the same one twice counts once.

    Of very many the worst are never lost; `unshown` counts what is.
    """

    complaints: list[Complaint] = field(default_factory=list)
    worst: Severity | None = None
    unshown: int = 0
    _seen: set[Complaint] = field(default_factory=set)

    def note(self, at: Position, message: str) -> None:
        """Worth knowing."""
        self._add(at, Severity.NOTE, message)

    def unsupported(self, at: Position, what: str) -> None:
        """keepalived has it, vipkeeper not yet."""
        self.left_out(at, f"{what} is not supported yet, left out")

    def left_out(self, at: Position, message: str) -> None:
        """The same in other words."""
        self._add(at, Severity.UNSUPPORTED, message)

    def mistake(self, at: Position, message: str) -> None:
        """Wrong and left out."""
        self._add(at, Severity.MISTAKE, message)

    def refuse(self, at: Position, message: str) -> None:
        """Wrong, and so is the whole file."""
        self._add(at, Severity.REFUSED, message)

    def _add(self, at: Position, severity: Severity, message: str) -> None:
        complaint = Complaint(at, severity, message)
        if complaint in self._seen:
            return
        if len(self.complaints) < LIMIT:
            self._seen.add(complaint)
            self.complaints.append(complaint)
        else:
            self.unshown += 1
            if severity > (self.worst or 0):
                self.complaints[-1] = complaint
        self.worst = max(self.worst or severity, severity)
        if self.unshown > HOPELESS:
            raise HopelessError

    @property
    def full(self) -> bool:
        """So many complaints that advice about further ones is not worth its time."""
        return len(self.complaints) >= LIMIT

    @property
    def refused(self) -> bool:
        """Nothing of the file may be used."""
        return self.worst is Severity.REFUSED

    @property
    def exit_status(self) -> int:
        """As `keepalived -t`: 0 clean, 5 complaints, 4 refused."""
        if self.refused:
            return 4
        return 5 if self.complaints else 0
