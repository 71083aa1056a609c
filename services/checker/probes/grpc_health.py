"""How does grpc_check work? One call of grpc.health.v1.Health/Check over a connection of its own; SERVING is success.

The call itself is `http2`'s. Time and bytes are bounded as for pages: each step has connect_timeout, a run as a whole
`Timing.longest_probe`.
"""

from __future__ import annotations

import select
import socket
import ssl
import time

from services.checker.http2 import Answer, Broken, Call, request
from services.checker.kinds.grpc_health import Grpc
from services.checker.probes.probe import Tools
from services.checker.probes.sockets import ALL, failure_of, refusal, release
from services.checker.probes.tls import Tls, Unreadable, reason, short_lived
from services.checker.schedule import Timing

PATH = "/grpc.health.v1.Health/Check"
CHUNK = 64 * 1024
CHUNKS_AT_ONCE = 4  # so that a flood from one server does not hold up the others
STATES = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")  # HealthCheckResponse.ServingStatus
NOT_FOUND, UNIMPLEMENTED = 5, 12

_TROUBLE = select.EPOLLERR | select.EPOLLHUP


def question(service: str) -> bytes:
    """A HealthCheckRequest: field 1, the service's name."""
    name = service.encode()
    return b"\x0a" + _varint(len(name)) + name if name else b""


def state_of(message: bytes) -> int:
    """The status in a HealthCheckResponse (field 1).

    :raises Broken: it is none.
    """
    at = state = 0
    while at < len(message):
        tag, at = _read_varint(message, at)
        match tag & 7:
            case 0:  # a number; the others are passed over
                value, at = _read_varint(message, at)
                state = value if tag >> 3 == 1 else state
            case 1:
                at += 8
            case 2:
                length, at = _read_varint(message, at)
                at += length
            case 5:
                at += 4
            case _:
                raise Broken("the message is no HealthCheckResponse")
    if at > len(message):
        raise Broken("the message is no HealthCheckResponse")
    return state


def verdict_of(answer: Answer, service: str) -> str:
    """What an answer means for the check: empty, or what is wrong."""
    if answer.status == NOT_FOUND:
        return f"the server does not know the service {service!r}"
    if answer.status == UNIMPLEMENTED:
        return "the server has no grpc.health.v1.Health"
    if answer.status:
        return f"status {answer.status_name}" + (f": {answer.words}" if answer.words else "")
    if answer.message is None:
        return "an answer without a message"
    try:
        state = state_of(answer.message)
    except Broken as e:
        return str(e)
    if state == STATES.index("SERVING"):
        return ""
    return STATES[state] if state < len(STATES) else f"serving status {state}"


def _varint(value: int) -> bytes:
    found = bytearray()
    while value >= 128:
        found.append(value & 127 | 128)
        value >>= 7
    found.append(value)
    return bytes(found)


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            break
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise Broken("the message is no HealthCheckResponse")


class GrpcProbe:
    """The probe of one check, used for every run of it; see `probe.Probe`."""

    __slots__ = (
        "_call",
        "_connected",
        "_contexts",
        "_end",
        "_endpoint",
        "_longest",
        "_out",
        "_request",
        "_sock",
        "_sockets",
        "_timing",
        "_tls",
        "_what",
        "deadline",
        "fileno",
        "hungry",
        "weight",
    )

    def __init__(self, what: Grpc, timing: Timing, tools: Tools) -> None:
        self._what = what
        self._timing = timing
        self._longest = timing.longest_probe
        self._endpoint = tools.sockets.endpoint(what.target, ALL)
        self._sockets = tools.sockets
        self._contexts = tools.contexts if what.tls else None
        self._request = request("https" if what.tls else "http", what.authority, PATH, question(what.service))
        self._call = Call()
        self._sock: socket.socket | None = None
        self._tls: Tls | None = None
        self._out = b""
        self._connected = False
        self._end = 0
        self.fileno = -1
        self.deadline = 0
        self.hungry = False
        self.weight: int | None = None

    def start(self, now: int, url: int) -> str | None:
        """:raises Postponed: this machine cannot probe now."""
        what = self._what
        try:
            context = self._contexts.of(what.trust, what.identity, ("h2",)) if self._contexts else None
            self._tls = Tls(context, what.sni) if context else None
        except Unreadable as e:
            return f"TLS: {e}"
        except ValueError as e:
            return f"TLS: cannot ask for the server name {what.sni!r}: {e}"
        sock = self._sockets.connect(self._endpoint)
        if isinstance(sock, str):
            return sock
        self._sock = sock
        self._call = Call()
        self._connected = False
        self._out = b""
        self._end = now + self._longest
        self.fileno = sock.fileno()
        self.deadline = now + self._timing.connect_timeout
        self.hungry = False
        return None

    def ready(self, events: int, now: int) -> str | None:
        sock = self._sock
        if sock is None:
            return None
        self.hungry = False
        verdict = None
        if not self._connected:
            if events & _TROUBLE:
                return self._finish(failure_of(sock) or "connection closed")
            self._connected = True
            self._step(now)
            verdict = self._begin()
        if verdict is None:
            verdict = self._flush(sock) or self._receive(sock, now)
        return None if verdict is None else self._finish(verdict)

    def expired(self, now: int) -> str | None:
        if now < self._end:
            shaking = self._tls is not None and not self._tls.established
            missing = "no connection" if not self._connected else "no TLS handshake" if shaking else "no further data"
            return self._finish(f"{missing} within {self._timing.connect_timeout / 1e9:g} s")
        return self._finish(f"the answer is not complete after {self._longest / 1e9:g} s")

    def abort(self) -> None:
        if self._sock is not None:
            self._sock.close()
            self._sock = None
        self._tls = None

    def _step(self, now: int) -> None:
        """Progress: the next step has its own connect_timeout, within the limit of the whole."""
        self.deadline = min(now + self._timing.connect_timeout, self._end)

    def _begin(self) -> str | None:
        """Connected: send the request, or begin the TLS handshake."""
        if self._tls is None:
            self._out = self._request
            return None
        try:
            self._tls.handshake()
        except ssl.SSLError as e:
            return f"TLS: {reason(e)}"
        self._out = self._tls.out()
        return None

    def _flush(self, sock: socket.socket) -> str | None:
        """Send what is pending; gives what is wrong with the connection."""
        if self._out:
            try:
                self._out = self._out[sock.send(self._out) :]
            except BlockingIOError:
                pass
            except OSError as e:
                return refusal(e.errno or 0)
        return None

    def _receive(self, sock: socket.socket, now: int) -> str | None:
        """Read what is there; gives the verdict once there is one."""
        for _ in range(CHUNKS_AT_ONCE):
            try:
                data = sock.recv(CHUNK)
            except BlockingIOError:
                return None
            except OSError as e:
                return refusal(e.errno or 0)
            self._step(now)
            verdict = self._take(data)
            if verdict is None and self._out:
                verdict = self._flush(sock)
            if verdict is not None:
                return verdict
        self.hungry = True
        return None

    def _take(self, data: bytes) -> str | None:
        try:
            if self._tls is not None:
                return self._take_tls(self._tls, data)
            verdict = self._feed(data)
            self._out += self._call.out()
        except ssl.SSLError as e:
            return f"TLS: {reason(e)}"
        except Broken as e:
            return str(e)
        return verdict

    def _take_tls(self, tls: Tls, data: bytes) -> str | None:
        tls.receive(data)
        if not tls.established:
            if tls.handshake():
                if tls.protocol() != "h2":
                    return "TLS: the server does not choose HTTP/2 (ALPN h2)"
                if cause := short_lived(tls, self._what.trust, time.time()):
                    return cause
                tls.send(self._request)
            elif not data:
                return "TLS: closed during the handshake"
        verdict = None
        while tls.established and verdict is None and (plain := tls.read()) is not None:
            verdict = self._feed(plain)
            if answers := self._call.out():
                tls.send(answers)
        self._out += tls.out()
        return verdict

    def _feed(self, data: bytes) -> str | None:
        if not data:
            return "closed before the answer was complete"
        answer = self._call.feed(data)
        return None if answer is None else verdict_of(answer, self._what.service)

    def _finish(self, cause: str) -> str:
        sock, self._sock, self._tls, self._out = self._sock, None, None, b""
        assert sock is not None
        release(self._endpoint, sock)
        return cause
