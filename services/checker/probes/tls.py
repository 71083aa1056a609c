"""How does TLS go over a probe's socket? Bytes in, bytes out; knows no sockets."""

from __future__ import annotations

import contextlib
import os
import ssl
from collections.abc import Iterator

from services.checker.kinds.tls import Identity, Trust

CHUNK = 64 * 1024


def tls_context() -> ssl.SSLContext:
    """For SSL_GET: as keepalived, no certificate is verified, and old servers are talked to."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.options |= ssl.OP_IGNORE_UNEXPECTED_EOF
    return context


class Unreadable(Exception):
    """The certificates to trust cannot be read, with the reason and what to do."""


class Contexts:
    """The contexts of one worker, by whom they trust, what they show and speak. Files are read again when they change."""

    def __init__(self) -> None:
        self._lenient: dict[tuple[str, ...], ssl.SSLContext] = {}
        self._special: dict[tuple[str | None, Identity | None, tuple[str, ...]], tuple[list[_State], ssl.SSLContext]] = {}

    def of(self, trust: Trust | None, identity: Identity | None = None, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
        """The context for one probe; `alpn`: the protocols that it offers.

        :raises Unreadable: a file of certificates or keys cannot be used.
        """
        if trust is None and identity is None:
            if alpn not in self._lenient:
                self._lenient[alpn] = _speaking(tls_context(), alpn)
            return self._lenient[alpn]
        key = (trust.ca_file if trust else None, identity, alpn)
        state = [_state_of(field, path) for field, path in _files(trust, identity) if path]
        before = self._special.get(key)
        if before is None or before[0] != state:
            context = _verifying(trust.ca_file) if trust else tls_context()
            if identity is not None:
                _show(context, identity)
            before = self._special[key] = (state, _speaking(context, alpn))
        return before[1]


_State = tuple[int, int, int, int]


def _files(trust: Trust | None, identity: Identity | None) -> Iterator[tuple[str, str]]:
    """The files behind a context, with the fields that name them."""
    if trust is not None:  # empty: the system's store, which OpenSSL asks anew for each certificate
        yield "tls_ca_file", trust.ca_file
    if identity is not None:
        yield "ssl.certificate", identity.certificate
        yield "ssl.key", identity.key


def _speaking(context: ssl.SSLContext, alpn: tuple[str, ...]) -> ssl.SSLContext:
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def _state_of(field: str, path: str) -> _State:
    """Which file it is, and when it changed."""
    try:
        with open(path, "rb") as file:  # what cannot be read has no state
            status = os.fstat(file.fileno())
    except OSError as e:
        why = (e.strerror or str(e)).lower()
        raise Unreadable(f"{field} {path}: {why}; put it there, readable for the checker, or change {field}") from None
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def _verifying(path: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.options |= ssl.OP_IGNORE_UNEXPECTED_EOF
    if not path:
        context.load_default_certs()
        return context
    try:
        context.load_verify_locations(path)
    except OSError:  # of which SSLError is one
        raise Unreadable(f"tls_ca_file {path} holds no certificate in PEM; put trusted certificates into it") from None
    return context


def _show(context: ssl.SSLContext, identity: Identity) -> None:
    try:
        context.load_cert_chain(identity.certificate, identity.key or None, lambda: identity.password)
    except OSError:
        key = identity.key or identity.certificate
        fit = "it must be in PEM, fit the certificate, and open with ssl.password"
        raise Unreadable(f"ssl.certificate {identity.certificate} cannot be used with the key in {key}: {fit}") from None


class Tls:
    """TLS over bytes: `receive` what came, `send` what should go; `out` is then to be sent as it is."""

    __slots__ = ("_incoming", "_object", "_outgoing", "established")

    def __init__(self, context: ssl.SSLContext, sni: str) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=sni or None)
        self.established = False

    def handshake(self) -> bool:
        """Go on with the handshake; true once it is complete.

        :raises ssl.SSLError: the server does not speak TLS, or not one that we know.
        """
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        self.established = True
        return True

    def days_left(self, now: float) -> int:
        """Whole days for which the server's certificate, which has been verified, is still valid; `now`: seconds since 1970."""
        certificate = self._object.getpeercert() or {}
        return int((ssl.cert_time_to_seconds(str(certificate["notAfter"])) - now) // 86400)

    def protocol(self) -> str | None:
        """What the server chose of the protocols that were offered (ALPN)."""
        return self._object.selected_alpn_protocol()

    def receive(self, data: bytes) -> None:
        """Bytes from the network; empty: it is closed."""
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def send(self, data: bytes) -> None:
        """Bytes for the server (a request always fits)."""
        self._object.write(data)

    def read(self) -> bytes | None:
        """Plain bytes; None: more must come first; empty: closed.

        :raises ssl.SSLError: garbage came.
        """
        try:
            return self._object.read(CHUNK)
        except ssl.SSLWantReadError:
            return None
        except ssl.SSLZeroReturnError:
            return b""

    def goodbye(self) -> bytes:
        """The last bytes for the server: close_notify."""
        with contextlib.suppress(ssl.SSLError):  # it waits for the server's, which nobody needs
            self._object.unwrap()
        return self._outgoing.read()

    def out(self) -> bytes:
        """What must go to the network now."""
        return self._outgoing.read()


def reason(error: ssl.SSLError) -> str:
    """OpenSSL's reason, in words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate: {error.verify_message[:1].lower()}{error.verify_message[1:].removesuffix('.')}"
    return (error.reason or error.strerror or str(error)).replace("_", " ").lower()


def short_lived(tls: Tls, trust: Trust | None, now: float) -> str:
    """What is wrong with the time for which the certificate is valid yet; empty: nothing. `now`: seconds since 1970."""
    if trust is None or not trust.min_days or (left := tls.days_left(now)) >= trust.min_days:
        return ""
    return f"TLS: certificate: valid for {left} days more, expected at least {trust.min_days}; renew it"
