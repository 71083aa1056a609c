"""How do HTTP_GET and SSL_GET work? One page is fetched; what it must be like is `page`'s.

A server cannot hold a probe for ever: each step has connect_timeout, a run as a whole `Timing.longest_probe`, and a page is
bounded in size.
"""

from __future__ import annotations

import select
import socket
import ssl
import time

from services.checker.kinds.http import Http
from services.checker.probes.page import Answer, request
from services.checker.probes.probe import Tools
from services.checker.probes.sockets import ALL, failure_of, part, refusal, release
from services.checker.probes.tls import Tls, Unreadable, reason, short_lived
from services.checker.schedule import Timing

CHUNK = 64 * 1024
CHUNKS_AT_ONCE = 4  # so that a flood from one server does not hold up the others
SEARCHED_AT_ONCE = 16 * 1024  # where a regex is searched for, which may be slow

_TROUBLE = select.EPOLLERR | select.EPOLLHUP


class HttpProbe:
    """The probe of one check, used for every run of it; see `probe.Probe`."""

    __slots__ = (
        "_answer",
        "_connected",
        "_contexts",
        "_end",
        "_endpoint",
        "_longest",
        "_out",
        "_requests",
        "_room",
        "_seen",
        "_sock",
        "_sockets",
        "_timing",
        "_tls",
        "_turns",
        "_url",
        "_what",
        "deadline",
        "fileno",
        "hungry",
        "weight",
    )

    def __init__(self, what: Http, timing: Timing, tools: Tools) -> None:
        self._what = what
        self._timing = timing
        self._longest = timing.longest_probe
        self._endpoint = tools.sockets.endpoint(what.target, ALL)
        self._sockets = tools.sockets
        self._contexts = tools.contexts if what.tls else None
        self._requests = tuple(request(url, what.http_protocol) for url in what.pages)
        searches = any(url.regex for url in what.pages)
        self._room, self._turns = (SEARCHED_AT_ONCE, 1) if searches else (CHUNK, CHUNKS_AT_ONCE)
        self._sock: socket.socket | None = None
        self._tls: Tls | None = None
        self._answer = Answer(what.pages[0])
        self._out = b""
        self._url = 0
        self._connected = False
        self._seen = 0
        self._end = 0
        self.fileno = -1
        self.deadline = 0
        self.hungry = False
        self.weight: int | None = None

    def start(self, now: int, url: int) -> str | None:
        """:raises Postponed: this machine cannot probe now."""
        self._url = url
        try:
            context = self._contexts.of(self._what.trust, self._what.identity) if self._contexts else None
        except Unreadable as e:
            return self._told(f"TLS: {e}")
        sock = self._sockets.connect(self._endpoint)
        if isinstance(sock, str):
            return self._told(sock)
        self._sock = sock
        self._seen = 0
        self._answer = Answer(self._what.pages[url])
        self._connected = False
        try:
            self._tls = Tls(context, self._what.sni[url]) if context else None
        except ValueError as e:
            return self._finish(f"TLS: cannot ask for the server name {self._what.sni[url]!r}: {e}")
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
        self._seen |= events
        if not self._connected:
            if events & _TROUBLE:
                return self._finish(failure_of(sock) or "connection closed")
            self._connected = True
            self._step(now)
            verdict = self._begin()
            if verdict is not None or not events & (select.EPOLLIN | select.EPOLLRDHUP):
                return None if verdict is None else self._finish(verdict)
        if self._out and not self._flush():
            return self._finish("connection lost while sending the request")
        verdict = self._receive(sock, now)
        return None if verdict is None else self._finish(verdict)

    def expired(self, now: int) -> str | None:
        if now < self._end:
            missing = "no connection" if not self._connected else "no TLS handshake" if self._shaking() else "no further data"
            return self._finish(f"{missing} within {self._timing.connect_timeout / 1e9:g} s")
        return self._finish(f"the page is not complete after {self._longest / 1e9:g} s")

    def abort(self) -> None:
        if self._sock is not None:
            self._sock.close()
            self._sock = None
        self._tls = None

    def _shaking(self) -> bool:
        return self._tls is not None and not self._tls.established

    def _step(self, now: int) -> None:
        """Progress: the next step has its own connect_timeout, within the limit of the whole."""
        self.deadline = min(now + self._timing.connect_timeout, self._end)

    def _begin(self) -> str | None:
        """Connected: send the request, or begin the TLS handshake."""
        if self._tls is None:
            self._out = self._requests[self._url]
        else:
            try:
                self._tls.handshake()
            except ssl.SSLError as e:
                return f"TLS: {reason(e)}"
            self._out = self._tls.out()
        return None if self._flush() else "connection lost while sending the request"

    def _flush(self) -> bool:
        """Send what is pending; false: the connection is gone."""
        assert self._sock is not None
        try:
            sent = self._sock.send(self._out)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self._out = self._out[sent:]
        return True

    def _receive(self, sock: socket.socket, now: int) -> str | None:
        """Read what is there; gives the verdict once there is one."""
        for _ in range(self._turns):
            try:
                data = sock.recv(self._room)
            except BlockingIOError:
                return None
            except OSError as e:
                return refusal(e.errno or 0)
            self._step(now)
            verdict = self._take(data)
            if verdict is not None:
                return verdict
            # A short read has emptied the socket, unless the end of the stream is already known to follow.
            if len(data) < self._room and not self._seen & (select.EPOLLRDHUP | _TROUBLE):
                return None
        self.hungry = True
        return None

    def _take(self, data: bytes) -> str | None:
        if self._tls is None:
            return self._answer.feed(data) if data else self._answer.closed()
        try:
            return self._take_tls(self._tls, data)
        except ssl.SSLError as e:
            return f"TLS: {reason(e)}"

    def _take_tls(self, tls: Tls, data: bytes) -> str | None:
        tls.receive(data)
        if not tls.established:
            if tls.handshake():
                if cause := short_lived(tls, self._what.trust, time.time()):
                    return cause
                tls.send(self._requests[self._url])
            elif not data:
                return "TLS: closed during the handshake"
            self._out += tls.out()
            if self._out and not self._flush():
                return "TLS: connection lost"
            if not tls.established:
                return None
        while (plain := tls.read()) is not None:
            verdict = self._answer.feed(plain) if plain else self._answer.closed()
            if verdict is not None:
                return verdict
        return None if data else self._answer.closed()

    def _finish(self, cause: str) -> str:
        sock, tls, self._sock, self._tls, self._out = self._sock, self._tls, None, None, b""
        assert sock is not None
        if tls is not None and tls.established and self._what.pages[self._url].tls_compliant:
            part(sock, tls.goodbye())
        else:
            release(self._endpoint, sock)
        return self._told(cause)

    def _told(self, cause: str) -> str:
        """The cause, with the page it is about where there are several."""
        return f"{self._what.pages[self._url].path}: {cause}" if cause and len(self._what.pages) > 1 else cause
