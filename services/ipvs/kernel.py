"""How do operations reach the kernel's IPVS, and how is its table read? The one line to generic netlink.

Shell. The kernel carries a request out while it is being sent, so answers are there at once: small batches are sent from
the loop itself, because handing one to a thread takes longer than the kernel does. Batches with a service in them go to a
thread: the kernel may load a scheduler's module first. Needs CAP_NET_ADMIN in the network namespace that it is opened in.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from services.common.errors import UnavailableError
from services.ipvs import attributes, whole_attributes
from services.ipvs.attributes import NOTE_DONE, NOTE_ERROR, DestinationSeen, ServiceSeen
from services.ipvs.model import DestinationKey, ServiceKey
from services.ipvs.reconcile import (
    AddDestination,
    AddService,
    EditDestination,
    EditService,
    Operation,
    RemoveDestination,
    RemoveService,
)
from services.ipvs.sync import Daemon, Start, Stop, Timeouts

BATCH = 64  # messages a send: more gains little, and the loop should not be held longer
NETLINK_GENERIC = 16
DEADLINE_S = 10.0
NO_IPVS = "this kernel has no IPVS; load it with `modprobe ip_vs`"
NO_RIGHT = "no right to IPVS; the service needs CAP_NET_ADMIN"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An operation that the kernel did not carry out. `field` is the configuration's field at fault, where one can be told."""

    operation: Operation
    error: int
    field: str
    reason: str
    hint: str = ""

    @property
    def table_differs(self) -> bool:
        """The table was not as believed: somebody else writes to it, and it should be read again."""
        match self.operation:
            case AddService() | AddDestination():
                return self.error in (errno.EEXIST, errno.ESRCH)
            case RemoveService() | EditDestination() | RemoveDestination():
                return self.error in (errno.ENOENT, errno.ESRCH)
            case EditService():
                return self.error == errno.ESRCH

    def __str__(self) -> str:
        return f"{describe(self.operation)}: {self.reason}"


def describe(operation: Operation) -> str:
    """An operation in words: `add server 192.168.100.2:80 to tcp 192.168.200.15:80`."""
    match operation:
        case AddService(service):
            return f"add service {service.key} ({service.scheduler})"
        case EditService(service):
            return f"edit service {service.key} ({service.scheduler})"
        case RemoveService(key):
            return f"remove service {key}"
        case AddDestination(key, d):
            return f"add server {d.key} ({d.method.name.lower()}, weight {d.weight}) to {key}"
        case EditDestination(key, d):
            return f"edit server {d.key} ({d.method.name.lower()}, weight {d.weight}) of {key}"
        case RemoveDestination(key, d):
            return f"remove server {d.key} from {key}"


class Kernel:
    """An open line.

    :raises UnavailableError: this kernel has no IPVS, or we may not use it.
    """

    def __init__(self) -> None:
        self._writing, self._reading = _line(), _line()
        self._sequence = 0
        self._closed = False
        self._dump = asyncio.Lock()
        try:
            self._family = self._ask_family()
        except UnavailableError:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the line; what stands in the kernel stays."""
        self._closed = True
        self._writing.close()
        self._reading.close()

    async def carry_out(self, operations: Sequence[Operation]) -> list[Refusal]:
        """Do all of them, in order; one that is refused does not stop the rest. One caller at a time.

        :raises UnavailableError: IPVS is gone, or the right to it.
        """
        refusals: list[Refusal] = []
        for first in range(0, len(operations), BATCH):
            batch = operations[first : first + BATCH]
            if first:
                await asyncio.sleep(0)
            if any(isinstance(operation, AddService | EditService) for operation in batch):
                refusals += await asyncio.to_thread(self._write, batch)
            else:
                refusals += self._write(batch)
        if any(refusal.error == errno.EPERM for refusal in refusals):
            raise UnavailableError(NO_RIGHT)
        return refusals

    async def services(self) -> dict[ServiceKey, ServiceSeen]:
        """All services of this network namespace.

        :raises UnavailableError: IPVS is gone, or the right to it.
        """
        found = {}
        async with self._dump:
            async for data, note in self._dumped(attributes.dump_services(self._family, self._next())):
                seen = attributes.service_seen(data, note)
                found[seen.service.key] = seen
        return found

    async def destinations(self, key: ServiceKey) -> dict[DestinationKey, DestinationSeen]:
        """All destinations of one service; none if there is no such service: the kernel does not tell the difference.

        :raises UnavailableError: IPVS is gone, or the right to it.
        """
        found = {}
        async with self._dump:
            async for data, note in self._dumped(attributes.dump_destinations(self._family, key, self._next())):
                seen = attributes.destination_seen(data, note, key.family)
                found[seen.destination.key] = seen
        return found

    async def missing(self, keys: Sequence[ServiceKey]) -> bool:
        """One of these services (BATCH at most) is not there. One send, whatever stands in the table.

        :raises UnavailableError: IPVS is gone, or the right to it.
        """
        async with self._dump:
            waiting = {}
            for key in keys:
                waiting[self._next()] = key
            _send(self._reading, b"".join(attributes.get_service(self._family, key, n) for n, key in waiting.items()))
            gone = False
            while waiting:
                data = _receive(self._reading)
                for note in attributes.notes(data):
                    waiting.pop(note.sequence, None)
                    if note.kind == NOTE_ERROR and note.error == errno.EPERM:
                        raise UnavailableError(NO_RIGHT)
                    gone = gone or note.kind == NOTE_ERROR
            return gone

    async def daemons(self) -> dict[int, Daemon]:
        """The sync daemons that run, by state.

        :raises UnavailableError: IPVS is gone, or the right to it.
        """
        async with self._dump:
            request = whole_attributes.dump_daemons(self._family, self._next())
            seen = [whole_attributes.daemon_seen(data, note) async for data, note in self._dumped(request)]
        return {daemon.state: daemon for daemon in seen}

    async def timeouts(self) -> Timeouts:
        """The kernel's time-outs.

        :raises UnavailableError: IPVS is gone, or the right to it.
        """
        async with self._dump:
            _send(self._reading, whole_attributes.get_timeouts(self._family, self._next()))
            data = _receive(self._reading)
            (note,) = attributes.notes(data)
            if note.kind == NOTE_ERROR:
                raise _dump_error(note.error)
            return whole_attributes.timeouts_seen(data, note)

    async def order(self, step: Start | Stop | Timeouts | None) -> int:
        """Start or stop a daemon, set time-outs, or (None) remove all services; gives the errno, 0: it is done. In a thread,
        because a daemon's sockets may wait for the network's lock. One caller at a time, `carry_out` included.

        :raises UnavailableError: IPVS is gone, or the right to it.
        """
        error = await asyncio.to_thread(self._order, step)
        if error == errno.EPERM:
            raise UnavailableError(NO_RIGHT)
        return error

    # --- inside ---

    def _order(self, step: Start | Stop | Timeouts | None) -> int:
        sequence = self._next()
        match step:
            case Start(daemon):
                text = whole_attributes.start(self._family, daemon, sequence)
            case Stop(state):
                text = whole_attributes.stop(self._family, state, sequence)
            case Timeouts():
                text = whole_attributes.set_timeouts(self._family, step, sequence)
            case None:
                text = whole_attributes.flush(self._family, sequence)
        # A daemon that is stopped before it has ever run is gone, but the kernel does not acknowledge that (netlink passes over
        # EINTR). The answer to the question behind the order comes in any case.
        last = self._next()
        _send(self._writing, text + whole_attributes.get_timeouts(self._family, last))
        error = 0
        while True:
            for note in attributes.notes(_receive(self._writing)):
                if note.kind == NOTE_ERROR and note.sequence == sequence:
                    error = note.error
                elif note.sequence == last:
                    return error

    def _next(self) -> int:
        self._sequence = self._sequence + 1 & 0x7FFFFFFF
        return self._sequence

    def _write(self, batch: Sequence[Operation]) -> list[Refusal]:
        """One send; only the last message asks for an acknowledgement, refusals come for all."""
        waiting: dict[int, Operation] = {}
        text = bytearray()
        last = 0
        for i, operation in enumerate(batch, start=1):
            last = self._next()
            waiting[last] = operation
            text += attributes.request(self._family, operation, last, i == len(batch))
        refusals = []
        _send(self._writing, bytes(text))
        answered = 0
        while answered != last:
            data = _receive(self._writing)
            for note in attributes.notes(data):
                if note.kind == NOTE_ERROR and note.sequence in waiting:
                    answered = note.sequence
                    if note.error:
                        refusals.append(_explain(waiting[note.sequence], note.error))
        return refusals

    async def _dumped(self, request: bytes) -> AsyncIterator[tuple[bytes, attributes.Note]]:
        """The messages of a dump; others run between two parts of it."""
        _send(self._reading, request)
        finished = False
        try:
            while not finished:
                data = _receive(self._reading)
                for note in attributes.notes(data):
                    if note.kind in (NOTE_ERROR, NOTE_DONE):
                        finished = True
                        if note.error:
                            raise _dump_error(note.error)
                    else:
                        yield data, note
                await asyncio.sleep(0)
        finally:
            if (
                not finished and not self._closed
            ):  # the kernel takes no other request on this line before the dump is read to its end
                self._reading.close()
                self._reading = _line()

    def _ask_family(self) -> int:
        sequence = self._next()
        _send(self._reading, attributes.ask_family(sequence))
        data = _receive(self._reading)
        for note in attributes.notes(data):
            if note.kind == NOTE_ERROR:
                raise UnavailableError(NO_IPVS)
            return attributes.family_number(data, note)
        raise UnavailableError(NO_IPVS)


def _line() -> socket.socket:
    line = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_GENERIC)
    line.settimeout(DEADLINE_S)
    line.bind((0, 0))
    return line


def _send(line: socket.socket, text: bytes) -> None:
    try:
        line.send(text)
    except OSError as e:
        raise UnavailableError(f"IPVS does not take a request: {e.strerror or e}") from None


def _receive(line: socket.socket) -> bytes:
    try:
        return line.recv(1 << 16)
    except OSError as e:
        raise UnavailableError(f"IPVS does not answer: {e.strerror or e}") from None


def _dump_error(error: int) -> UnavailableError:
    if error == errno.EPERM:
        return UnavailableError(NO_RIGHT)
    if error in (errno.ENOENT, errno.EOPNOTSUPP):  # the family's number is not known any more
        return UnavailableError(NO_IPVS)
    return UnavailableError(f"IPVS cannot be read: {os.strerror(error)}")


def _explain(operation: Operation, error: int) -> Refusal:
    """What a refusal means, in the configuration's words."""
    field, reason, hint = "", os.strerror(error), ""
    match operation, error:
        case ((AddService(service) | EditService(service)), errno.ENOENT) if service.engine:
            field, reason = (
                "persistence_engine",
                f"this kernel lacks {service.engine!r}, or the scheduler {service.scheduler!r}",
            )
            hint = f"load them with `modprobe ip_vs_pe_{service.engine}` and `modprobe ip_vs_{service.scheduler}`"
        case ((AddService(service) | EditService(service)), errno.ENOENT):
            field, reason = "lb_algo", f"this kernel has no scheduler {service.scheduler!r}"
            hint = f"load it with `modprobe ip_vs_{service.scheduler}`, or choose another"
        case ((AddService() | EditService()), errno.EAFNOSUPPORT):
            field, reason = "address", "this kernel's IPVS has no IPv6"
        case ((AddDestination() | EditDestination()), errno.EAFNOSUPPORT):
            field, reason = "address", "this kernel's IPVS has no IPv6"
        case ((AddDestination() | EditDestination()), errno.ERANGE):
            field, reason = "weight", "a weight or threshold is out of the kernel's range"
        case ((AddDestination() | EditDestination()), errno.EINVAL):
            field, reason = "address", "the kernel cannot use this address with this forwarding method"
            hint = "it must be a unicast address; another family than the virtual server's needs tun and no sync daemon"
        case _, errno.EPERM:
            reason = NO_RIGHT
        case _, errno.ESRCH:
            reason = "the service is not in the kernel's table"
        case _:
            pass
    return Refusal(operation, error, field, reason, hint)
